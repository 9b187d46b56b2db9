/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * h0gen man hal0-slot | man hal0-exit | man hal0-slot.toml | bash | zsh | fish hal0-slot
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "conf/schema.h"
#include "gen.h"
#include "specs.h"

#define TOOL_EXTERN(name) extern const struct h0_prog name##_prog;
HAL0_TOOLS(TOOL_EXTERN)

#define TOOL_ROW(name) {#name, &name##_prog},
const struct gen_tool gen_tools[] = {HAL0_TOOLS(TOOL_ROW){0}};

void gen_each_opt(const struct h0_verb *v, gen_opt_fn *fn, void *arg)
{
	for (const struct h0_opt *o = v->opts; o && o->type != H0_OPT_END; o++)
		if (!(o->flags & H0_OPT_HIDDEN))
			fn(v, o, arg);
	for (const struct h0_opt *o = h0_common_opts; o->type != H0_OPT_END; o++)
		if (h0_common_applies(o, v))
			fn(v, o, arg);
}

void gen_verb_names(const struct h0_verb *v, const char *sep, struct h0_buf *out)
{
	h0_buf_adds(out, v->name);
	if (!v->aliases)
		return;
	h0_buf_adds(out, sep);
	for (const char *p = v->aliases; *p; p++) {
		if (*p == ',')
			h0_buf_adds(out, sep);
		else
			h0_buf_addc(out, *p);
	}
}

const struct h0_verb *gen_default_verb(const struct h0_prog *p)
{
	for (size_t i = 0; i < p->nverbs; i++)
		if (p->verbs[i].flags & H0_VERB_DEFAULT)
			return &p->verbs[i];
	return NULL;
}

void gen_sh_quoted(const char *s, struct h0_buf *out)
{
	for (; *s; s++) {
		if (*s == '\'')
			h0_buf_adds(out, "'\\''");
		else
			h0_buf_addc(out, *s);
	}
}

void gen_fish_quoted(const char *s, struct h0_buf *out)
{
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			h0_buf_addc(out, '\\');
		h0_buf_addc(out, *s);
	}
}

const char *gen_dynamic(enum h0_comp comp)
{
	switch (comp) {
	case H0_COMP_SLOT:
		return "hal0-slot list --files --format '{name}'";
	case H0_COMP_PROFILE:
		return "hal0-profile list --format '{name}'";
	case H0_COMP_MODEL:
		return "hal0-model list --format '{name}'";
	default:
		return NULL;
	}
}

static void add_keys(const struct h0_key *k, const char *prefix, const char *after,
                     const char *sep, int depth, struct h0_buf *out)
{
	for (; k && k->name; k++) {
		char path[128];
		if (k->flags & (H0_KEY_DEPRECATED | H0_KEY_IGNORED) || k->alias_of)
			continue;
		snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", k->name);
		if (k->type != H0_KEY_TABLE)
			h0_buf_addf(out, "%s%s%s", out->len ? sep : "", path, after);
		if (depth < 4)
			add_keys(k->sub, path, after, sep, depth + 1, out);
	}
}

void gen_slot_keys(const char *after, const char *sep, struct h0_buf *out)
{
	h0_autobuf struct h0_buf keys = {0};
	add_keys(h0_schema_slot.keys, "", after, sep, 0, &keys);
	h0_buf_adds(out, h0_buf_str(&keys));
}

bool gen_takes_cols(const struct h0_verb *v, const struct h0_opt *o)
{
	return v->cols && h0_streq(o->name, "columns");
}

static bool has_col(const struct h0_col *c, const char *name)
{
	while (c->name && !h0_streq(c->name, name))
		c++;
	return c->name;
}

void gen_cols(const struct h0_verb *v, const char *sep, struct h0_buf *out)
{
	for (const struct h0_col *c = v->cols; c->name; c++)
		h0_buf_addf(out, "%s%s", c == v->cols ? "" : sep, c->name);
	for (const struct h0_col *c = v->or_cols; c && c->name; c++)
		if (!has_col(v->cols, c->name))
			h0_buf_addf(out, "%s%s", sep, c->name);
}

static bool man(const char *page, struct h0_buf *out)
{
	if (h0_streq(page, "hal0"))
		gen_man_front(out);
	else if (h0_streq(page, "hal0-exit"))
		gen_man_exit(out);
	else
		for (const struct gen_tool *t = gen_tools; t->name; t++)
			if (h0_streq(t->prog->name, page))
				gen_man_tool(t->prog, out);
	return out->len || gen_man_schema(page, out);
}

int main(int argc, char **argv)
{
	h0_autobuf struct h0_buf out = {0};
	const char *what = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
	if (h0_streq(what, "man")) {
		if (!man(arg, &out))
			fprintf(stderr, "h0gen: no page '%s'\n", arg);
	} else if (h0_streq(what, "bash")) {
		gen_bash(&out);
	} else if (h0_streq(what, "zsh")) {
		gen_zsh(&out);
	} else if (h0_streq(what, "fish")) {
		gen_fish(arg, &out);
	}
	if (!out.len)
		return 2;
	return fwrite(out.p, 1, out.len, stdout) == out.len && fclose(stdout) == 0 ? 0 : 6;
}
