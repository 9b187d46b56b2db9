/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/opt.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

static const char *const color_choices[] = {"auto", "always", "never", NULL};

const struct h0_opt h0_common_opts[] = {
	{'h', "help", H0_OPT_FLAG, offsetof(struct h0_common, help), NULL, "show this help"},
	{0, "version", H0_OPT_FLAG, offsetof(struct h0_common, version), NULL, "show the version"},
	{0, "json", H0_OPT_FLAG, offsetof(struct h0_common, json), NULL,
	 "print JSON; errors too, on standard error"},
	{0, "columns", H0_OPT_STR, offsetof(struct h0_common, columns), "A,B",
	 "print these columns, in this order"},
	{0, "format", H0_OPT_STR, offsetof(struct h0_common, format), "TEXT",
	 "print TEXT for each row; {name} is a column, \\t a tab"},
	{0, "no-header", H0_OPT_FLAG, offsetof(struct h0_common, no_header), NULL,
	 "print the table without its heading"},
	{0, "dry-run", H0_OPT_FLAG, offsetof(struct h0_common, dry_run), NULL,
	 "show what would be done, change nothing"},
	{'y', "yes", H0_OPT_FLAG, offsetof(struct h0_common, yes), NULL, "do not ask"},
	{'q', "quiet", H0_OPT_FLAG, offsetof(struct h0_common, quiet), NULL,
	 "print no messages but warnings and errors"},
	{0, "color", H0_OPT_ENUM, offsetof(struct h0_common, color), "WHEN",
	 "colour the output: auto, always or never", H0_COMP_CHOICES, color_choices, .def = "auto"},
	{0},
};

bool h0_common_applies(const struct h0_opt *opt, const struct h0_verb *verb)
{
	if (h0_streq(opt->name, "version"))
		return !verb || (verb->flags & H0_VERB_DEFAULT);
	if (!verb)
		return h0_streq(opt->name, "help");
	if (h0_streq(opt->name, "dry-run"))
		return verb->flags & H0_VERB_WRITES;
	if (h0_streq(opt->name, "yes"))
		return verb->flags & H0_VERB_ASKS;
	if (h0_streq(opt->name, "columns") || h0_streq(opt->name, "format") ||
	    h0_streq(opt->name, "no-header"))
		return verb->cols;
	return true;
}

bool h0_list_has(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && memcmp(p, word, n) == 0)
			return true;
	return false;
}

/* By name or alias, NULL when there is none. */
static const struct h0_verb *verb_find(const struct h0_prog *prog, const char *word)
{
	for (size_t i = 0; i < prog->nverbs; i++)
		if (h0_streq(prog->verbs[i].name, word) || h0_list_has(prog->verbs[i].aliases, word))
			return &prog->verbs[i];
	return NULL;
}

/* ---- looking options up ---- */

static const struct h0_opt *find(const struct h0_opt *o, char letter, const char *name, size_t n)
{
	for (; o && o->type != H0_OPT_END; o++) {
		if (letter ? o->letter == letter
		           : strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return o;
	}
	return NULL;
}

/* One option as it is being read. */
struct hit {
	const struct h0_opt *opt;
	void *base;            /* the struct it writes into */
	bool *seen;
	bool off;              /* --no-name */
};

struct parser {
	const struct h0_prog *prog;
	const struct h0_verb *verb;
	struct h0_parsed *ret;
	bool *seen_verb, *seen_common;   /* by index in the table */
};

static bool look_up(struct parser *p, char letter, const char *name, size_t n, struct hit *ret)
{
	const struct h0_opt *o = find(p->verb ? p->verb->opts : NULL, letter, name, n);
	if (o) {
		*ret = (struct hit){o, p->ret->opts, &p->seen_verb[o - p->verb->opts], false};
		return true;
	}
	o = find(h0_common_opts, letter, name, n);
	if (!o || !(h0_common_applies(o, p->verb) || h0_streq(o->name, "version")))
		return false;
	*ret = (struct hit){o, &p->ret->common, &p->seen_common[o - h0_common_opts], false};
	return true;
}

static bool look_up_long(struct parser *p, const char *name, size_t n, struct hit *ret)
{
	if (look_up(p, 0, name, n, ret))
		return true;
	if (n > 3 && memcmp(name, "no-", 3) == 0 && look_up(p, 0, name + 3, n - 3, ret) &&
	    (ret->opt->flags & H0_OPT_NEGATABLE)) {
		ret->off = true;
		return true;
	}
	return false;
}

static void add_names(struct h0_strv *l, const struct h0_opt *o, const struct h0_verb *verb,
                      bool common)
{
	for (; o && o->type != H0_OPT_END; o++) {
		if ((o->flags & H0_OPT_HIDDEN) || (common && !h0_common_applies(o, verb)))
			continue;
		h0_strv_addf(l, "--%s", o->name);
		if (o->flags & H0_OPT_NEGATABLE)
			h0_strv_addf(l, "--no-%s", o->name);
	}
}

static int fail_unknown(const struct parser *p, const char *what, size_t n, struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	add_names(&names, p->verb ? p->verb->opts : NULL, p->verb, false);
	add_names(&names, h0_common_opts, p->verb, true);
	h0_autofree char *word = h0_strndup(what, n);
	const char *near = n > 2 ? h0_str_nearest(word, (const char *const *)names.v) : NULL;
	bool named = p->verb && !(p->verb->flags & H0_VERB_DEFAULT);
	h0_fail(e, H0_USAGE, "unknown option '%s'%s%s%s%s%s%s", word, named ? " for " : "",
	        named ? p->verb->name : "", near ? " (did you mean " : "", near ? near : "",
	        near ? "?)" : "", near ? "" : "; --help lists the options");
	return -1;
}

/* ---- values ---- */

static int fail_value(const struct h0_opt *o, const char *val, struct h0_err *e, const char *want)
{
	return h0_fail(e, H0_USAGE, "--%s: '%s' is %s", o->name, val, want);
}

static int set_int(const struct h0_opt *o, const char *val, int64_t *to, struct h0_err *e)
{
	bool any = !o->min && !o->max;
	if (!h0_num_i64(val, INT64_MIN, INT64_MAX, to))
		return fail_value(o, val, e, "not a whole number");
	if (any || (*to >= o->min && *to <= o->max))
		return 0;
	if (o->max == INT64_MAX)
		return h0_fail(e, H0_USAGE, "--%s: %s is less than %lld", o->name, val,
		               (long long)o->min);
	return h0_fail(e, H0_USAGE, "--%s: %s is not within %lld..%lld", o->name, val,
	               (long long)o->min, (long long)o->max);
}

static int set_choice(const struct h0_opt *o, const char *val, const char **to, struct h0_err *e)
{
	h0_autobuf struct h0_buf all = {0};
	for (const char *const *c = o->choices; *c; c++) {
		if (h0_streq(*c, val)) {
			*to = val;
			return 0;
		}
		h0_buf_addf(&all, "%s%s", c == o->choices ? "" : ", ", *c);
	}
	const char *near = h0_str_nearest(val, o->choices);
	if (near)
		return h0_fail(e, H0_USAGE, "--%s: unknown %s '%s' (did you mean %s?)", o->name, o->arg,
		               val, near);
	return h0_fail(e, H0_USAGE, "--%s: unknown %s '%s'; one of %s", o->name, o->arg, val,
	               h0_buf_str(&all));
}

static int set_value(const struct h0_opt *o, void *base, const char *val, struct h0_err *e)
{
	void *to = (char *)base + o->offset;
	switch (o->type) {
	case H0_OPT_STR:
		if (!*val && (h0_streq(o->arg, "FILE") || h0_streq(o->arg, "DIR")))
			return fail_value(o, val, e, "no file's name");
		*(const char **)to = val;
		return 0;
	case H0_OPT_INT:
		return set_int(o, val, to, e);
	case H0_OPT_SIZE:
		if (!h0_num_size(val, to))
			return fail_value(o, val, e, "not a size such as 512M or 1.5GiB");
		return 0;
	case H0_OPT_DURATION:
		if (!h0_num_duration(val, to))
			return fail_value(o, val, e, "not a duration such as 90, 5m or 1h");
		return 0;
	case H0_OPT_ENUM:
		return set_choice(o, val, to, e);
	case H0_OPT_LIST:
		h0_strv_add(to, val);
		return 0;
	case H0_OPT_FLAG:
	case H0_OPT_END:
		break;
	}
	H0_ASSERT(!"option type");
	return -1;
}

static void set_flag(const struct hit *h)
{
	char *to = (char *)h->base + h->opt->offset;
	*h->seen = true;
	if (h->opt->flags & H0_OPT_NEGATABLE)
		*(int8_t *)to = h->off ? 0 : 1;
	else
		*(bool *)to = true;
}

/* What the struct holds before argv is read. */
static void set_defaults(const struct h0_opt *o, void *base)
{
	for (; o && o->type != H0_OPT_END; o++) {
		struct h0_opt any = *o;
		any.min = any.max = 0;
		if (o->type == H0_OPT_FLAG && (o->flags & H0_OPT_NEGATABLE))
			*(int8_t *)((char *)base + o->offset) = -1;
		else if (o->def)
			H0_ASSERT(set_value(&any, base, o->def, NULL) == 0);
	}
}

/* ---- argv ---- */

static int read_long(struct parser *p, char **argv, int *i, struct h0_err *e)
{
	const char *arg = argv[*i], *name = arg + 2;
	size_t n = strcspn(name, "=");
	const char *val = name[n] ? name + n + 1 : NULL;
	struct hit h;
	if (!look_up_long(p, name, n, &h))
		return fail_unknown(p, arg, n + 2, e);
	if (h.opt->type == H0_OPT_FLAG) {
		if (val)
			return h0_fail(e, H0_USAGE, "--%.*s takes no value", (int)n, name);
		set_flag(&h);
		return 0;
	}
	if (h.off)
		return fail_unknown(p, arg, n + 2, e);
	if (!val)
		val = argv[*i + 1] ? argv[++*i] : NULL;
	if (!val)
		return h0_fail(e, H0_USAGE, "--%s needs a value: %s", h.opt->name, h.opt->arg);
	*h.seen = true;
	return set_value(h.opt, h.base, val, e);
}

static int read_letters(struct parser *p, char **argv, int *i, struct h0_err *e)
{
	for (const char *c = argv[*i] + 1; *c; c++) {
		struct hit h;
		if (!look_up(p, *c, NULL, 0, &h)) {
			char word[3] = {'-', *c, '\0'};
			return fail_unknown(p, word, 2, e);
		}
		if (h.opt->type == H0_OPT_FLAG) {
			set_flag(&h);
			continue;
		}
		const char *val = c[1] ? c + 1 : argv[*i + 1] ? argv[++*i] : NULL;
		if (!val)
			return h0_fail(e, H0_USAGE, "-%c needs a value: %s", *c, h.opt->arg);
		*h.seen = true;
		return set_value(h.opt, h.base, val, e);
	}
	return 0;
}

/* "-", "-5" and "-.5" are operands, everything else that starts with '-' is an option. */
static bool is_operand(const char *arg)
{
	return arg[0] != '-' || !arg[1] || strchr(".0123456789", arg[1]);
}

/* Whether the option word takes the next word as its value, for an option that may belong to
 * any verb: the verb is not known yet. */
static bool takes_next(const struct h0_prog *prog, const char *arg)
{
	bool is_long = arg[1] == '-';
	if (is_long && strchr(arg, '='))
		return false;
	for (size_t i = 0; i <= prog->nverbs; i++) {
		const struct h0_opt *t = i < prog->nverbs ? prog->verbs[i].opts : h0_common_opts;
		const struct h0_opt *o = NULL;
		if (is_long)
			o = find(t, 0, arg + 2, strlen(arg + 2));
		for (const char *c = arg + 1; !is_long && *c; c++) {
			o = find(t, *c, NULL, 0);
			if (o && o->type != H0_OPT_FLAG) {
				if (c[1])
					return false;
				break;
			}
		}
		if (o && o->type != H0_OPT_FLAG)
			return true;
	}
	return false;
}

/* The index in argv of the first word that is no option; argc when there is none. */
static int first_word(const struct h0_prog *prog, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return argc;
		if (is_operand(argv[i]))
			return i;
		if (takes_next(prog, argv[i]))
			i++;
	}
	return argc;
}

static const struct h0_verb *default_verb(const struct h0_prog *prog)
{
	for (size_t i = 0; i < prog->nverbs; i++)
		if (prog->verbs[i].flags & H0_VERB_DEFAULT)
			return &prog->verbs[i];
	return NULL;
}

static void list_verbs(const struct h0_prog *prog, struct h0_strv *names, bool aliases)
{
	for (size_t i = 0; i < prog->nverbs; i++) {
		const struct h0_verb *v = &prog->verbs[i];
		if (v->flags & H0_VERB_HIDDEN)
			continue;
		h0_strv_add(names, v->name);
		for (const char *a = aliases ? v->aliases : NULL; a && *a;) {
			size_t n = strcspn(a, ",");
			h0_strv_addf(names, "%.*s", (int)n, a);
			a += n + (a[n] == ',');
		}
	}
}

static int fail_verb(const struct h0_prog *prog, const char *word, struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0}, own = {0};
	h0_autobuf struct h0_buf all = {0};
	list_verbs(prog, &names, true);
	list_verbs(prog, &own, false);
	for (size_t i = 0; i < own.n; i++)
		h0_buf_addf(&all, "%s%s", i ? ", " : "", own.v[i]);
	if (!word)
		return h0_fail(e, H0_USAGE, "no verb given; one of %s", h0_buf_str(&all));
	const char *near = names.n ? h0_str_nearest(word, (const char *const *)names.v) : NULL;
	if (near)
		return h0_fail(e, H0_USAGE, "unknown verb '%s' (did you mean %s?)", word, near);
	return h0_fail(e, H0_USAGE, "unknown verb '%s'; one of %s", word, h0_buf_str(&all));
}

/* "help [VERB]", unless the program has a verb of that name. */
static bool is_help(const struct h0_prog *prog, const char *word)
{
	return h0_streq(word, "help") && !verb_find(prog, word);
}

static int find_topic(struct parser *p, char **argv, int at, struct h0_err *e)
{
	p->ret->common.help = true;
	if (!argv[at + 1] || argv[at + 1][0] == '-')
		return 0;
	p->ret->verb = verb_find(p->prog, argv[at + 1]);
	p->ret->named = true;
	return p->ret->verb ? 0 : fail_verb(p->prog, argv[at + 1], e);
}

/* Finds the verb; *ret_skip is its place in argv (0: it is not written there). */
static int find_verb(struct parser *p, int argc, char **argv, int *ret_skip, struct h0_err *e)
{
	int at = first_word(p->prog, argc, argv);
	const struct h0_verb *def = default_verb(p->prog);
	*ret_skip = 0;
	if (at < argc) {
		p->verb = verb_find(p->prog, argv[at]);
		p->ret->named = p->verb;
		if (p->verb)
			*ret_skip = at;
		else if (is_help(p->prog, argv[at]))
			return find_topic(p, argv, at, e);
		else if (!def || def->max_args == 0)
			return fail_verb(p->prog, argv[at], e);
	}
	if (!p->verb)
		p->verb = def;
	return 0;
}

static int read_args(struct parser *p, int argc, char **argv, int skip, struct h0_err *e)
{
	struct h0_parsed *r = p->ret;
	bool pass = false;
	for (int i = 1; i < argc; i++) {
		if (i == skip)
			continue;
		if (pass || is_operand(argv[i])) {
			r->argv[r->argc++] = argv[i];
			pass = pass || (p->verb && (p->verb->flags & H0_VERB_PASS));
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			pass = true;
			continue;
		}
		int rc = argv[i][1] == '-' ? read_long(p, argv, &i, e) : read_letters(p, argv, &i, e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* ---- what must hold of the whole ---- */

static bool was_seen(const struct parser *p, const char *name, size_t n)
{
	const struct h0_opt *o = find(p->verb->opts, 0, name, n);
	if (o)
		return p->seen_verb[o - p->verb->opts];
	o = find(h0_common_opts, 0, name, n);
	return o && p->seen_common[o - h0_common_opts];
}

static int check_exclusive(const struct parser *p, struct h0_err *e)
{
	const char *first = NULL;
	size_t first_n = 0;
	for (const char *w = p->verb->exclusive; w && *w;) {
		size_t n = strcspn(w, ",;");
		if (was_seen(p, w, n)) {
			if (first)
				return h0_fail(e, H0_USAGE, "--%.*s and --%.*s exclude each other",
				               (int)first_n, first, (int)n, w);
			first = w;
			first_n = n;
		}
		if (w[n] == ';')
			first = NULL;
		w += n + (w[n] != '\0');
	}
	if (p->ret->common.json && p->ret->common.format)
		return h0_fail(e, H0_USAGE, "--json and --format exclude each other");
	if (p->ret->common.columns && p->ret->common.format)
		return h0_fail(e, H0_USAGE, "--columns and --format exclude each other");
	return 0;
}

static int check_operands(const struct parser *p, struct h0_err *e)
{
	const struct h0_verb *v = p->verb;
	const struct h0_parsed *r = p->ret;
	const char *sep = v->flags & H0_VERB_DEFAULT ? "" : ": ";
	const char *name = v->flags & H0_VERB_DEFAULT ? "" : v->name;
	if (r->argc < v->min_args)
		return h0_fail(e, H0_USAGE, "%s%smissing operand; wants %s", name, sep, v->args);
	if (r->argc > 0 && !r->argv[0][0] && v->comp == H0_COMP_FILE)
		return h0_fail(e, H0_USAGE, "%s%s'' is no file's name; wants %s", name, sep, v->args);
	if (v->max_args < 0 || r->argc <= v->max_args)
		return 0;
	if (v->max_args == 0)
		return h0_fail(e, H0_USAGE, "%s%sunexpected operand '%s'", name, sep, r->argv[0]);
	return h0_fail(e, H0_USAGE, "%s%sunexpected operand '%s'; wants %s", name, sep,
	               r->argv[v->max_args], v->args);
}

static int check_whole(const struct parser *p, struct h0_err *e)
{
	for (const struct h0_opt *o = p->verb->opts; o && o->type != H0_OPT_END; o++)
		if ((o->flags & H0_OPT_REQUIRED) && !p->seen_verb[o - p->verb->opts])
			return h0_fail(e, H0_USAGE, "%s: --%s %s is required", p->verb->name, o->name,
			               o->arg ? o->arg : "");
	if (check_exclusive(p, e) < 0)
		return -1;
	return check_operands(p, e);
}

static size_t count(const struct h0_opt *o)
{
	size_t n = 0;
	while (o && o[n].type != H0_OPT_END)
		n++;
	return n;
}

int h0_parse(const struct h0_prog *prog, int argc, char **argv, struct h0_parsed *ret,
             struct h0_err *e)
{
	struct parser p = {.prog = prog, .ret = ret};
	int skip;
	*ret = (struct h0_parsed){0};
	set_defaults(h0_common_opts, &ret->common);
	ret->argv = h0_calloc((size_t)argc + 1, sizeof *ret->argv);
	if (find_verb(&p, argc, argv, &skip, e) < 0)
		return -1;
	if (ret->common.help)
		return 0;
	h0_autofree bool *seen_verb = h0_calloc(count(p.verb ? p.verb->opts : NULL) + 1, 1);
	h0_autofree bool *seen_common = h0_calloc(count(h0_common_opts) + 1, 1);
	p.seen_verb = seen_verb;
	p.seen_common = seen_common;
	if (p.verb) {
		ret->verb = p.verb;
		ret->index = (size_t)(p.verb - prog->verbs);
		ret->opts = h0_calloc(1, p.verb->opts_size);
		set_defaults(p.verb->opts, ret->opts);
	}
	if (read_args(&p, argc, argv, skip, e) < 0)
		return -1;
	if (ret->common.help || ret->common.version)
		return 0;
	return p.verb ? check_whole(&p, e) : fail_verb(prog, NULL, e);
}

void h0_parsed_done(struct h0_parsed *p)
{
	for (const struct h0_opt *o = p->opts ? p->verb->opts : NULL; o && o->type != H0_OPT_END; o++)
		if (o->type == H0_OPT_LIST)
			h0_strv_done((struct h0_strv *)((char *)p->opts + o->offset));
	free(p->opts);
	free(p->argv);
	*p = (struct h0_parsed){0};
}
