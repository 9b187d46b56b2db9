/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/num.h"
#include "box.h"
#include "conf/diff.h"
#include "fmt/url.h"
#include "model/haproxy.h"
#include "run/http.h"
#include "run/slotkey.h"
#include "run/upstream.h"
#include "sys/fileset.h"
#include "sys/io.h"

#define MAX_FILE  (16u << 20)
#define NODE_MS   8000          /* for a box to list its models */
#define MAX_NAMES 10000
#define PEEK_MIN  (16 << 10)
#define PEEK_MAX  (16 << 20)

struct export {
	struct h0_ctx *ctx;
	const struct route_export_opts *o;
	struct route_box box;
	struct h0_haproxy made;
	struct h0_haproxy_ask ask;
	struct h0_haproxy_node nodes[H0_HAPROXY_NODES];
	size_t nnodes;
	struct h0_strv keys, node_keys, hosts, slot_keys, words;
	char dir[1200], bind[300];
};

static void export_done(struct export *x)
{
	for (size_t i = 0; i < x->nnodes; i++) {
		for (size_t k = 0; k < x->nodes[i].nnames; k++)
			free(x->nodes[i].names[k].id);
		free(x->nodes[i].names);
	}
	h0_haproxy_done(&x->made);
	h0_strv_done(&x->keys);
	h0_strv_done(&x->node_keys);
	h0_strv_done(&x->hosts);
	h0_strv_done(&x->slot_keys);
	h0_strv_done(&x->words);
	route_box_done(&x->box);
}

/* ---- the boxes ---- */

static int take_names(struct h0_haproxy_node *n, const struct h0_json *list, struct h0_err *e)
{
	size_t len = h0_json_len(list);
	if (!len || len > MAX_NAMES)
		return h0_fail(e, H0_EXTERN, "node %s (%s) lists no models", n->name, n->addr);
	n->names = h0_calloc(len, sizeof *n->names);
	for (size_t i = 0; i < len; i++) {
		const struct h0_json *m = h0_json_at(list, i);
		const char *id = h0_json_str(h0_json_get(m, "id"));
		int type = h0_word_index(h0_type_names, h0_json_str(h0_json_get(m, "type")));
		if (id && *id)
			n->names[n->nnames++] = (struct h0_haproxy_name){h0_strdup(id),
				type >= 0 ? (enum h0_slot_type)type : H0_TYPE_LLM};
	}
	return 0;
}

static int ask_node(struct export *x, struct h0_haproxy_node *n, struct h0_err *e)
{
	h0_autofree char *url = h0_asprintf("http://%s/v1/models", n->addr);
	h0_autofree char *auth = x->node_keys.n ? h0_asprintf("Authorization: Bearer %s", x->node_keys.v[0]) : NULL;
	/* its router knows itself by that name, whatever we call it by */
	const char *headers[] = {"Host: localhost", auth, NULL};
	struct h0_http_req req = {.url = url, .headers = headers, .timeout_ms = NODE_MS, .fresh = true,
		.max_body = 4u << 20};
	h0_autohttp struct h0_http_res res = {0};
	h0_autojson struct h0_json *o = NULL;
	if (h0_http(&req, &res, e) < 0)
		return h0_wrap(e, "node %s", n->name);
	if (res.status == 401)
		return h0_fail(e, H0_EXTERN, "node %s (%s) wants a key: --node-key-file", n->name, n->addr);
	if (res.status != 200 || h0_json_parse(h0_buf_str(&res.body), res.body.len, "models", &o, NULL) < 0)
		return h0_fail(e, H0_EXTERN, "node %s (%s) lists no models: HTTP %d", n->name, n->addr, res.status);
	return take_names(n, h0_json_get(o, "data"), e);
}

/* "NAME=HOST:PORT" */
static int take_node(struct export *x, const char *arg, struct h0_err *e)
{
	int64_t port;
	const char *eq = strchr(arg, '='), *colon = eq ? strrchr(eq, ':') : NULL;
	if (!colon || colon == eq + 1 || !h0_num_i64(colon + 1, 1, 65535, &port))
		return h0_fail(e, H0_USAGE, "--node: '%s' is not NAME=HOST:PORT", arg);
	if (x->nnodes == H0_HAPROXY_NODES)
		return h0_fail(e, H0_USAGE, "--node: more than %d", H0_HAPROXY_NODES);
	h0_autofree char *name = h0_strndup(arg, (size_t)(eq - arg));
	if (h0_name_check("name of a node", name, e) < 0)
		return -1;
	for (size_t i = 0; i < x->nnodes; i++)
		if (strcmp(x->nodes[i].name, name) == 0)
			return h0_fail(e, H0_USAGE, "--node: %s is given twice", name);
	h0_strv_add(&x->words, name);
	struct h0_haproxy_node *n = &x->nodes[x->nnodes++];
	*n = (struct h0_haproxy_node){.name = x->words.v[x->words.n - 1], .addr = eq + 1};
	return ask_node(x, n, e);
}

/* ---- what goes in ---- */

static int take_slot_keys(struct export *x, struct h0_err *e)
{
	const struct h0_paths *p = &x->box.paths;
	char key[H0_SLOT_KEY];
	for (size_t i = 0; i < x->box.slots.n; i++) {
		const struct h0_slot *s = &x->box.slots.v[i];
		bool wants = !s->broken && s->key && s->provider == H0_PROVIDER_LLAMA_SERVER;
		/* a slot that was never started gets its key now: it stays the same */
		if (wants && !x->o->check && !x->ctx->dry_run && h0_slot_key_make(p, s->name, -1, -1, e) < 0)
			return h0_wrap(e, "the key of slot %s", s->name);
		if (h0_slot_key_read(p, s->name, key, e) < 0)
			return h0_wrap(e, "the key of slot %s", s->name);
		h0_strv_add(&x->slot_keys, wants ? key : "");
	}
	explicit_bzero(key, sizeof key);
	x->ask.slot_keys = (const char *const *)x->slot_keys.v;
	return 0;
}

static int take_upstreams(struct export *x, struct h0_err *e)
{
	struct route_box *b = &x->box;
	h0_upstream_look(&b->paths, &b->upstreams, NULL, &b->look);
	for (size_t i = 0; i < b->look.nremote; i++)
		if (!b->look.remote[i].models) /* without its list the next export would differ */
			return h0_fail(e, H0_EXTERN, "upstream %s %s", b->look.remote[i].name, b->look.remote[i].why);
	x->ask.upstreams = &b->upstreams;
	x->ask.look = &b->look;
	return 0;
}

static int take_guard(struct export *x, struct h0_err *e)
{
	const struct route_export_opts *o = x->o;
	if (o->key_file && route_keys(o->key_file, &x->keys, e) < 0)
		return -1;
	for (size_t i = 0; i < o->host.n; i++)
		h0_strv_add(&x->hosts, o->host.v[i]);
	if (!h0_url_is_loopback(o->bind)) {
		h0_strv_add(&x->hosts, o->bind);
		if (!x->keys.n)
			return h0_fail(e, H0_USAGE, "%s can be reached from other machines: a key file is needed "
			               "(--key-file)", o->bind);
	}
	bool v6 = strchr(o->bind, ':') && o->bind[0] != '[';
	snprintf(x->bind, sizeof x->bind, v6 ? "[%.64s]:%d" : "%.200s:%d", o->bind, (int)o->port);
	for (const char *p = o->bind; *p; p++)
		if (strchr(" \t\n\"'\\#,", *p))
			return h0_fail(e, H0_USAGE, "--bind: '%s' is not an address", o->bind);
	return 0;
}

/* What for, and where to. */
static int take_place(struct export *x, struct h0_err *e)
{
	const struct route_export_opts *o = x->o;
	char cwd[1000];
	if (strcmp(x->ctx->argv[0], "haproxy") != 0)
		return h0_fail(e, H0_USAGE, "'%s' is nothing to export to: haproxy", x->ctx->argv[0]);
	if (!o->dir && h0_paths_init(&x->box.paths, e) < 0)
		return -1;
	if (!o->dir)
		snprintf(x->dir, sizeof x->dir, "%s/haproxy", x->box.paths.etc);
	else if (o->dir[0] == '/')
		snprintf(x->dir, sizeof x->dir, "%s", o->dir);
	else if (getcwd(cwd, sizeof cwd))
		snprintf(x->dir, sizeof x->dir, "%s/%s", cwd, o->dir);
	else
		return h0_fail_sys(e, "the current directory");
	return 0;
}

static int take_all(struct export *x, struct h0_err *e)
{
	const struct route_export_opts *o = x->o;
	if (o->peek < PEEK_MIN || o->peek > PEEK_MAX)
		return h0_fail(e, H0_USAGE, "--peek: from 16K to 16M");
	if (o->node_key_file && !o->node.n)
		return h0_fail(e, H0_USAGE, "--node-key-file is for --node");
	if (route_box_open(&x->box, e) < 0 || take_guard(x, e) < 0)
		return -1;
	if (o->node_key_file && route_keys(o->node_key_file, &x->node_keys, e) < 0)
		return -1;
	for (size_t i = 0; i < o->node.n; i++)
		if (take_node(x, o->node.v[i], e) < 0)
			return -1;
	x->ask.dir = x->dir;
	x->ask.bind = x->bind;
	x->ask.slots = &x->box.slots;
	x->ask.nodes = x->nodes;
	x->ask.nnodes = x->nnodes;
	x->ask.node_key = x->node_keys.n ? x->node_keys.v[0] : NULL;
	x->ask.keys = &x->keys;
	x->ask.hosts = &x->hosts;
	x->ask.origins = &o->origin;
	x->ask.peek = o->peek;
	return x->nnodes ? 0 : take_slot_keys(x, e) < 0 ? -1 : take_upstreams(x, e);
}

/* ---- what comes out ---- */

/* What differs from what is in force, which lies in the set `old_set`. */
static int compare(struct export *x, enum h0_haproxy_file f, const char *old_set, struct h0_rec *rec,
                   struct h0_buf *diff, bool *changed, struct h0_err *e)
{
	const struct h0_haproxy_file_info *info = &h0_haproxy_files[f];
	const struct h0_buf *new = &x->made.file[f];
	h0_autobuf struct h0_buf old = {0};
	const char *now = f == H0_HAPROXY_CFG ? "." : old_set, *then = f == H0_HAPROXY_CFG ? "" : x->made.set;
	h0_autofree char *path = h0_asprintf("%s/%s/%s", x->dir, now, info->name);
	h0_autofree char *target = h0_asprintf("%s/%s%s%s", x->dir, then, *then ? "/" : "", info->name);
	struct h0_err why = {0};
	struct stat st;
	bool there = *now && h0_read_file(path, MAX_FILE, &old, &why) == 0;
	if (*now && !there && why.sys_errno != ENOENT && why.sys_errno != ENOTDIR) {
		*e = why;
		return -1;
	}
	bool closed = there && stat(path, &st) == 0 && (st.st_mode & 0777) == info->mode;
	bool same = there && closed && old.len == new->len && (!new->len || memcmp(old.p, new->p, new->len) == 0);
	h0_rec_row(rec);
	h0_rec_str(rec, EXPORT_FILE, target);
	h0_rec_bool(rec, EXPORT_CHANGED, !same);
	h0_rec_bool(rec, EXPORT_SECRET, info->secret);
	if (same)
		return 0;
	*changed = true;
	if (info->secret)
		h0_buf_addf(diff, "%s: %s (not shown)\n", info->name, there ? "differs" : "is new");
	else
		h0_diff(info->name, there ? h0_buf_str(&old) : NULL, old.len, h0_buf_str(new), new->len, diff);
	return 0;
}

static int put_all(struct export *x, struct h0_rec *rec, struct h0_buf *diff, bool *changed, struct h0_err *e)
{
	struct h0_fileset_file v[H0_HAPROXY_FILES];
	char old_set[H0_FILESET_NAME] = "";
	h0_autobuf struct h0_buf old = {0};
	h0_autofree char *first = h0_asprintf("%s/%s", x->dir, h0_haproxy_files[H0_HAPROXY_CFG].name);
	if (h0_read_file(first, MAX_FILE, &old, NULL) == 0)
		(void)h0_fileset_named(h0_buf_str(&old), old_set);
	for (int f = H0_HAPROXY_FILES - 1; f >= 0; f--) {
		const struct h0_haproxy_file_info *info = &h0_haproxy_files[f];
		const struct h0_buf *text = &x->made.file[f];
		v[f] = (struct h0_fileset_file){info->name, h0_buf_str(text), text->len, info->mode};
		if (compare(x, (enum h0_haproxy_file)f, old_set, rec, diff, changed, e) < 0)
			return -1;
	}
	if (!*changed || x->ctx->dry_run || x->o->check)
		return 0;
	return h0_fileset_write(&h0_ops_real, x->dir, x->made.set, v, H0_HAPROXY_FILES, e);
}

static int tell(struct export *x, struct h0_rec *rec, const struct h0_buf *diff, bool changed, struct h0_err *e)
{
	struct h0_ctx *ctx = x->ctx;
	bool records = ctx->json || ctx->columns || ctx->format;
	if (records) {
		struct h0_json *more = h0_json_object();
		h0_json_set_bool(more, "changed", changed);
		h0_json_set_int(more, "targets", (int64_t)x->made.ntargets);
		if (ctx->dry_run)
			h0_json_set_str(more, "diff", h0_buf_str(diff));
		return h0_out_rec(ctx, rec, more, e);
	}
	if (ctx->dry_run)
		return h0_out_bytes(ctx, h0_buf_str(diff), diff->len, e);
	if (x->o->check)
		h0_say(ctx, changed ? "%s is out of date: hal0 route export haproxy, with the same options, then reload HAProxy"
		                    : "%s is as it would be written now", x->dir);
	else
		h0_say(ctx, changed ? "wrote %s: haproxy -c -f %s/haproxy.cfg checks it; a HAProxy that runs wants a reload"
		                    : "%s is as it should be", x->dir, x->dir);
	return 0;
}

/* --undo: the configuration and the maps of the export before. */
static int go_back(struct export *x, struct h0_err *e)
{
	const struct h0_haproxy_file_info *info = &h0_haproxy_files[H0_HAPROXY_CFG];
	struct h0_ctx *ctx = x->ctx;
	h0_autobuf struct h0_buf old = {0}, new = {0}, diff = {0};
	h0_autofree char *path = h0_asprintf("%s/%s", x->dir, info->name);
	if (x->o->check)
		return h0_fail(e, H0_USAGE, "--undo and --check exclude each other");
	if (h0_fileset_back(&h0_ops_real, x->dir, info->name, info->mode, ctx->dry_run, &old, &new, e) < 0)
		return -1;
	h0_diff(info->name, h0_buf_str(&old), old.len, h0_buf_str(&new), new.len, &diff);
	if (!ctx->json && ctx->dry_run)
		return h0_out_bytes(ctx, h0_buf_str(&diff), diff.len, e);
	if (!ctx->json && !ctx->columns && !ctx->format) {
		h0_say(ctx, "%s is as it was before the last export; a HAProxy that runs wants a reload", x->dir);
		return 0;
	}
	struct h0_rec *rec = h0_rec_new(route_export_cols);
	struct h0_json *more = h0_json_object();
	h0_rec_row(rec);
	h0_rec_str(rec, EXPORT_FILE, path);
	h0_rec_bool(rec, EXPORT_CHANGED, true);
	h0_rec_bool(rec, EXPORT_SECRET, false);
	h0_json_set_bool(more, "changed", true);
	if (ctx->dry_run)
		h0_json_set_str(more, "diff", h0_buf_str(&diff));
	int rc = h0_out_rec(ctx, rec, more, e);
	h0_rec_free(rec);
	return rc;
}

int route_export(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct route_export_opts *o = opts;
	h0_auto(export_done) struct export x = {.ctx = ctx, .o = o};
	h0_autobuf struct h0_buf diff = {0};
	bool changed = false;
	if (take_place(&x, e) < 0)
		return -1;
	if (o->undo)
		return go_back(&x, e);
	if (take_all(&x, e) < 0 || h0_haproxy_build(&x.ask, &x.made, e) < 0)
		return -1;
	if (!x.made.ntargets)
		h0_warn(ctx, "there is no slot to send a request to");
	struct h0_rec *rec = h0_rec_new(route_export_cols);
	int rc = put_all(&x, rec, &diff, &changed, e);
	if (rc == 0)
		rc = tell(&x, rec, &diff, changed, e);
	h0_rec_free(rec);
	return rc == 0 && o->check && changed ? H0_NO : rc;
}
