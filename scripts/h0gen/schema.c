/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * scdoc sources of the file format pages, from the schema tables.
 */
#include <string.h>

#include "base/str.h"
#include "conf/schema.h"
#include "gen.h"

static void choices(const char *const *c, struct h0_buf *out)
{
	for (const char *const *first = c; *c; c++) {
		const char *begin = c[1] ? "one of " : "always ";
		h0_buf_addf(out, "%s*", c == first ? begin : c[1] ? ", " : " or ");
		gen_esc(*c, out);
		h0_buf_addc(out, '*');
	}
}

static void bounds(const struct h0_key *k, struct h0_buf *out)
{
	if (!k->min && !k->max)
		return;
	if (k->max == INT64_MAX || k->type == H0_KEY_REAL || k->max < k->min)
		h0_buf_addf(out, ", at least %lld", (long long)k->min);
	else
		h0_buf_addf(out, ", %lld to %lld", (long long)k->min, (long long)k->max);
}

static void key(const struct h0_key *k, const char *path, struct h0_buf *out)
{
	h0_buf_adds(out, "*");
	gen_esc(path, out);
	h0_buf_addf(out, "* (%s", h0_key_type_name(k->type));
	bounds(k, out);
	if (k->choices) {
		h0_buf_adds(out, ", ");
		choices(k->choices, out);
	}
	if (k->flags & H0_KEY_NULLABLE)
		h0_buf_adds(out, " or null");
	h0_buf_adds(out, k->flags & H0_KEY_REQUIRED ? ", required)\n\t" : ")\n\t");
	gen_esc(k->help ? k->help : "", out);
	h0_buf_adds(out, ".\n");
	if (k->dflt) {
		h0_buf_adds(out, "\tDefault: *");
		gen_esc(k->dflt, out);
		h0_buf_adds(out, "*.\n");
	}
	if (k->alias_of) {
		h0_buf_adds(out, "\tAnother name of *");
		gen_esc(k->alias_of, out);
		h0_buf_adds(out, "*.\n");
	}
	if (k->flags & H0_KEY_DEPRECATED)
		h0_buf_adds(out, "\tDeprecated: still read, with a warning.\n");
	if (k->flags & H0_KEY_IGNORED)
		h0_buf_adds(out, "\tKept, without effect.\n");
	if (k->flags & H0_KEY_STRICT)
		h0_buf_adds(out, "\tA key that is not listed here is an error in this table.\n");
	h0_buf_adds(out, "\n");
}

static void keys(const struct h0_key *k, const char *prefix, int depth, struct h0_buf *out)
{
	for (; k && k->name; k++) {
		h0_autobuf struct h0_buf path = {0};
		h0_buf_addf(&path, "%s%s%s", prefix, prefix[0] ? "." : "", k->name);
		if (k->type == H0_KEY_MAP)
			h0_buf_adds(&path, ".NAME");
		key(k, h0_buf_str(&path), out);
		if (k->sub && depth < 8 && !(k->flags & H0_KEY_PARTIAL))
			keys(k->sub, h0_buf_str(&path), depth + 1, out);
	}
}

static void page(const struct h0_schema *s, struct h0_buf *out)
{
	h0_buf_addf(out, "%s(5) \"hal0 %s\" \"hal0 manual\"\n\n# NAME\n\n%s - ", s->page, HAL0_VERSION,
	            s->page);
	gen_esc(s->summary, out);
	h0_buf_addf(out, "\n\n# SYNOPSIS\n\n*%s", s->path ? "/etc/hal0/" : "hal0 cap apply -f FILE");
	gen_esc(s->path ? s->path : "", out);
	h0_buf_addf(out, "*\n\n# DESCRIPTION\n\n%s%s", s->text ? s->text : "", s->text ? "\n\n" : "");
	if (s->path && !(s->flags & H0_KEY_JSON)) {
		h0_buf_adds(out, "The file is TOML 1.0, in UTF-8. The hal0 programs change single values of "
		                 "it and leave comments, order and keys they do not know as they are. ");
		h0_buf_addf(out, "A key that is not listed here %s.\n\n",
		            s->flags & H0_KEY_STRICT ? "is an error" : "gets a warning and is kept");
	}
	h0_buf_adds(out, "# KEYS\n\n");
	keys(s->keys, "", 0, out);
	if (s->example) {
		h0_buf_adds(out, "# EXAMPLE\n\n```\n");
		for (const char *p = s->example; *p; p++)
			h0_buf_addf(out, *p == '\\' ? "\\%c" : "%c", *p);
		h0_buf_addf(out, "%s```\n\n", h0_ends(s->example, "\n") ? "" : "\n");
	}
	h0_buf_adds(out, "# SEE ALSO\n\n");
	gen_man_refs(s->see_also ? s->see_also : "", out);
	gen_man_refs("hal0-conf(1), hal0(1)\n", out);
}

bool gen_man_schema(const char *name, struct h0_buf *out)
{
	for (const struct h0_schema *const *s = h0_schemas; *s; s++)
		if (h0_streq((*s)->page, name))
			page(*s, out);
	return out->len;
}
