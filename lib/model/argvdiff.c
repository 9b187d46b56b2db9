/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/argvdiff.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "model/serverargs.h"

const char *const h0_diff_kind_names[] = {"server", "container", "device", "mount", "environment",
	"image", NULL};

/* Options of podman that stand alone. */
static const char *const alone[] = {"--detach", "--rm", "--replace", "--read-only",
	"--no-healthcheck", "--privileged", "--init", NULL};

/* What depends on who starts a container, not on what is started. A value ends with what counts:
 * "nofile=" is every limit on open files. */
static const struct {
	const char *flag, *value;
} incidental[] = {
	{"--detach", NULL}, {"--rm", NULL}, {"--sdnotify", ""}, {"--cgroups", ""},
	{"--env", "LLAMA_ARG_LOG_VERBOSITY="}, {"--pidfile", ""},
	{"--conmon-pidfile", ""}, {"--log-opt", "path="}, {"--ulimit", "nofile="},
	{"--ulimit", "nproc="}, {"--ulimit", "memlock="}, {"--label", H0_LABEL_SPEC "="},
};

/* NAME=VALUE: the name says which, the value what. Of others given several times each counts. */
static const char *const named[] = {"--env", "--label", "--log-opt", "--ulimit", NULL};
static const char *const several[] = {"--device", "--group-add", "--cap-drop", "--cap-add",
	"--security-opt", "--tmpfs", "--volume", "--publish", NULL};

struct entry {
	bool server;
	char *id;               /* which option it is, in one form for both commands */
	char *shown;            /* as spelled */
	char *value;            /* NULL = none */
	size_t at;              /* of its first word */
	bool met;
};

struct entries {
	struct entry *v;
	size_t n, cap;
	size_t image_at;        /* index of the entry of the image, n = none */
};

static void entries_done(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].id);
		free(e->v[i].shown);
		free(e->v[i].value);
	}
	free(e->v);
	*e = (struct entries){0};
}

static bool listed(const char *const *list, const char *word)
{
	while (*list && !h0_streq(*list, word))
		list++;
	return *list;
}

static bool is_incidental(const char *flag, const char *value)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(incidental); i++)
		if (h0_streq(flag, incidental[i].flag) &&
		    (!incidental[i].value || h0_starts(value ? value : "", incidental[i].value)))
			return true;
	return false;
}

static void add(struct entries *e, struct entry one)
{
	e->v = h0_grow(e->v, e->n, &e->cap, sizeof *e->v);
	e->v[e->n++] = one;
}

/* An option of podman. Takes flag and value. */
static void add_podman(struct entries *e, char *flag, char *value, size_t at)
{
	struct entry one = {.at = at, .shown = flag, .value = value};
	const char *eq = value ? strchr(value, '=') : NULL;
	if (listed(named, flag) && eq) {
		one.id = h0_asprintf("%s %.*s", flag, (int)(eq - value), value);
		one.shown = h0_asprintf("%s %.*s", flag, (int)(eq - value), value);
		one.value = h0_strdup(eq + 1);
		free(flag);
		free(value);
	} else {
		one.id = listed(several, flag) ? h0_asprintf("%s %s", flag, value ? value : "")
		                               : h0_strdup(flag);
	}
	add(e, one);
}

/* The word after "run": what is before it tells podman how to work, nothing about the container. */
static size_t after_run(char *const *words, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (h0_streq(words[i], "run"))
			return i + 1;
	return 1;
}

/* Words before the image; returns the image's index, n when there is none. */
static size_t read_podman(struct entries *e, char *const *words, size_t n)
{
	size_t i = after_run(words, n);
	for (; i < n; i++) {
		const char *w = words[i], *eq = strchr(w, '=');
		if (w[0] != '-')
			break;
		size_t at = i;
		h0_autofree char *flag = eq ? h0_strndup(w, (size_t)(eq - w)) : h0_strdup(w);
		h0_autofree char *value = eq ? h0_strdup(eq + 1) : NULL;
		if (!eq && !listed(alone, w) && i + 1 < n)
			value = h0_strdup(words[++i]);
		if (!is_incidental(flag, value))
			add_podman(e, h0_take(flag), h0_take(value), at);
	}
	return i;
}

static void read_server(struct entries *e, char *const *words, size_t from, size_t n)
{
	size_t place = 0;
	for (size_t i = from; i < n; i++) {
		const char *key = h0_server_flag(words[i]), *eq = key ? strchr(key, '=') : NULL;
		struct entry one = {.server = true, .at = i};
		if (!key) {
			one.id = h0_asprintf("word %zu", ++place);
			one.shown = h0_strdup(one.id);
			one.value = h0_strdup(words[i]);
			add(e, one);
			continue;
		}
		if (eq)
			one.value = h0_strdup(eq + 1);
		else if (i + 1 < n && !h0_server_flag(words[i + 1]))
			one.value = h0_strdup(words[i + 1]);
		h0_autofree char *name = eq ? h0_strndup(key, (size_t)(eq - key)) : h0_strdup(key);
		one.id = h0_server_flag_repeats(name) ? h0_asprintf("-%s %s", name, one.value ? one.value : "")
		                               : h0_asprintf("-%s", name);
		one.shown = h0_strndup(words[i], strcspn(words[i], "="));
		i += one.value && !eq;
		add(e, one);
	}
}

static void read_words(struct entries *e, char *const *words, size_t n)
{
	*e = (struct entries){0};
	size_t image = read_podman(e, words, n);
	e->image_at = e->n;
	if (image < n)
		add(e, (struct entry){.at = image, .id = h0_strdup("image"), .shown = h0_strdup("image"),
		                      .value = h0_strdup(words[image])});
	read_server(e, words, image + 1, n);
}

/* ---- comparing ---- */
static enum h0_diff_kind kind_of(const struct entry *e)
{
	if (e->server)
		return H0_DIFF_SERVER;
	if (h0_streq(e->id, "image"))
		return H0_DIFF_IMAGE;
	if (h0_starts(e->id, "--device ") || h0_starts(e->id, "--group-add "))
		return H0_DIFF_DEVICE;
	if (h0_starts(e->id, "--volume ") || h0_starts(e->id, "--tmpfs "))
		return H0_DIFF_MOUNT;
	return h0_starts(e->id, "--env ") ? H0_DIFF_ENVIRONMENT : H0_DIFF_CONTAINER;
}

static enum h0_argv_source source_at(const struct h0_argv *a, size_t word)
{
	for (size_t i = 0; i < a->n; i++)
		if (word >= a->items[i].at && word < a->items[i].at + a->items[i].n)
			return a->items[i].source;
	return H0_ARGV_BASE;
}

static void differs(struct h0_argv_diffs *d, const struct entry *live, const struct entry *want,
                    enum h0_argv_source source)
{
	const struct entry *any = want ? want : live;
	d->v = h0_grow(d->v, d->n, &d->cap, sizeof *d->v);
	d->v[d->n++] = (struct h0_argv_diff){
		.kind = kind_of(any), .key = h0_strdup(any->shown), .source = source,
		.running = !live ? NULL : h0_strdup(live->value ? live->value : ""),
		.wanted = !want ? NULL : h0_strdup(want->value ? want->value : ""),
	};
}

static struct entry *partner(struct entries *e, const struct entry *of)
{
	for (size_t i = 0; i < e->n; i++)
		if (!e->v[i].met && e->v[i].server == of->server && strcmp(e->v[i].id, of->id) == 0)
			return &e->v[i];
	return NULL;
}

static bool same(const struct entry *a, const struct entry *b, const char *a_image,
                 const char *b_image)
{
	if (h0_streq(a->id, "image") && a_image && b_image)
		return strcmp(a_image, b_image) == 0;
	return h0_streq(a->value, b->value);
}

void h0_argv_compare(const struct h0_argv *want, const char *want_image_id, char *const *live,
                     size_t n, const char *live_image_id, struct h0_argv_diffs *ret)
{
	h0_auto(entries_done) struct entries w = {0}, l = {0};
	read_words(&w, want->words.v, want->words.n);
	read_words(&l, live, n);
	for (size_t i = 0; i < w.n; i++) {
		struct entry *other = partner(&l, &w.v[i]);
		if (other)
			other->met = true;
		if (!other || !same(&w.v[i], other, want_image_id, live_image_id))
			differs(ret, other, &w.v[i], source_at(want, w.v[i].at));
	}
	for (size_t i = 0; i < l.n; i++)
		if (!l.v[i].met)
			differs(ret, &l.v[i], NULL, H0_ARGV_BASE);
}

static void one_done(struct h0_argv_diff *d)
{
	free(d->key);
	free(d->running);
	free(d->wanted);
}

void h0_argv_diffs_other(struct h0_argv_diffs *d, enum h0_diff_kind kind, const char *key,
                         const char *value, enum h0_argv_source source)
{
	d->v = h0_grow(d->v, d->n, &d->cap, sizeof *d->v);
	d->v[d->n++] = (struct h0_argv_diff){.kind = kind, .key = h0_strdup(key), .source = source,
		.running = h0_strdup(value), .wanted = h0_strdup(value)};
}

void h0_argv_diffs_drop(struct h0_argv_diffs *d, size_t i)
{
	one_done(&d->v[i]);
	memmove(&d->v[i], &d->v[i + 1], (--d->n - i) * sizeof *d->v);
}

void h0_argv_diffs_done(struct h0_argv_diffs *d)
{
	for (size_t i = 0; i < d->n; i++)
		one_done(&d->v[i]);
	free(d->v);
	*d = (struct h0_argv_diffs){0};
}

void h0_argv_diff_say(const struct h0_argv_diff *d, struct h0_buf *out)
{
	const char *value = d->wanted ? d->wanted : d->running;
	if (d->running && d->wanted && h0_streq(d->running, d->wanted))
		h0_buf_addf(out, "%s %s is another one by now", d->key, d->wanted);
	else if (d->running && d->wanted)
		h0_buf_addf(out, "%s is %s, would be %s", d->key, *d->running ? d->running : "given alone",
		            *d->wanted ? d->wanted : "given alone");
	else
		h0_buf_addf(out, "%s%s%s %s", d->key, *value ? " " : "", value,
		            d->wanted ? "would be added" : "would go");
}

/* ---- where a word is from ---- */
/* Which key of the slot's file a word that hal0 or the slot gave is made of. */
static const struct {
	const char *flag, *key;
} made_of[] = {
	{"port", "port"}, {"publish", "port"}, {"label " H0_LABEL_PORT, "port"},
	{"model", "model.default"}, {"alias", "model.default"}, {"label " H0_LABEL_MODEL, "model.default"},
	{"volume", "model.default"}, {"ctx-size", "model.context_size"}, {"ctx-len", "model.context_size"},
	{"chat-template-file", "chat_template"}, {"mmproj", "vision"}, {"spec-type", "mtp"},
	{"embed", "npu.embed"}, {"asr", "npu.asr"}, {"device", "device"}, {"group-add", "device"},
	{"n-gpu-layers", "device"}, {"embedding", "type"}, {"reranking", "type"}, {"image", "image"},
};

static const char *key_of(const char *flag)
{
	const char *name = h0_server_flag(flag);
	name = name ? name : flag;
	for (size_t i = 0; i < H0_ARRAY_LEN(made_of); i++)
		if (h0_streq(name, made_of[i].flag))
			return made_of[i].key;
	return NULL;
}

static void slot_key(const struct h0_slot *s, const char *key, struct h0_buf *out)
{
	const char *dot = strchr(key, '.');
	h0_autofree char *table = dot ? h0_strndup(key, (size_t)(dot - key)) : NULL;
	const char *path[] = {table ? table : key, dot ? dot + 1 : NULL, NULL};
	const struct h0_toml_node *n = h0_slot_node(s, path);
	if (n)
		h0_buf_addf(out, "%s:%d:%d %s", s->file, n->line, n->col, key);
	else
		h0_buf_addf(out, "%s, which does not set %s", s->file, key);
}

void h0_argv_from(const struct h0_plan *plan, enum h0_argv_source source, const char *flag,
                  struct h0_buf *out)
{
	const char *key = key_of(flag);
	if (source == H0_ARGV_EXTRA)
		slot_key(plan->slot, "server.extra_args", out);
	else if (source == H0_ARGV_PROFILE && plan->profile)
		h0_buf_addf(out, "profile %s", plan->profile->name);
	else if (key && (source == H0_ARGV_SLOT || source == H0_ARGV_BASE))
		slot_key(plan->slot, key, out);
	else
		h0_buf_addf(out, "hal0%s%s", source == H0_ARGV_HAL0 && key ? ", by " : "",
		            source == H0_ARGV_HAL0 && key ? key : "");
}

/* ---- the stamp ---- */
static int by_place(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int d = (int)x->server - (int)y->server;
	d = d ? d : strcmp(x->id, y->id);
	return d ? d : x->at < y->at ? -1 : x->at > y->at;
}

/* FNV-1a, 64 bits, with the NUL that ends each string. */
static uint64_t mix(uint64_t h, const char *s)
{
	do
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	while (*s++);
	return h;
}

void h0_argv_stamp(char *const *words, size_t n, char ret[17])
{
	h0_auto(entries_done) struct entries e = {0};
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	read_words(&e, words, n);
	if (e.n)
		qsort(e.v, e.n, sizeof *e.v, by_place);
	for (size_t i = 0; i < e.n; i++)
		h = mix(mix(h, e.v[i].id), e.v[i].value ? e.v[i].value : "");
	snprintf(ret, 17, "%016" PRIx64, h);
}
