/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli/stop.h"
#include "fmt/url.h"
#include "model/common.h"
#include "run/pull.h"
#include "sys/clock.h"
#include "sys/trust.h"

struct pull {
	struct h0_ctx *ctx;
	struct h0_box box;
	struct h0_puller by;
	struct h0_modelref ref;
	char *root, *name;
	struct h0_remote_model from;
	struct h0_strv urls, targets; /* the shards, then perhaps the projector */
	struct h0_remote *remotes;  /* one for each target */
	int64_t bytes, missing;     /* of all shards; that have to come */
	bool offer;                 /* there is a projector that was not asked for */
	size_t todo;                /* shards that are not there */
	size_t at;                  /* the shard under way */
	int64_t began_ms, first;    /* when its first byte was told of, and how many there were then */
};

static void pull_done(struct pull *p)
{
	for (size_t i = 0; p->remotes && i < p->targets.n; i++)
		h0_remote_done(&p->remotes[i]);
	free(p->remotes);
	h0_puller_done(&p->by);
	h0_modelref_done(&p->ref);
	h0_strv_done(&p->urls);
	h0_remote_model_done(&p->from);
	h0_strv_done(&p->targets);
	free(p->root);
	free(p->name);
	h0_box_done(&p->box);
}

static void tell(int64_t done, int64_t total, bool waiting, void *arg)
{
	struct pull *p = arg;
	int64_t now = h0_now_ms();
	char what[300];
	if (!p->began_ms || done < p->first) {
		p->began_ms = now;
		p->first = done;
	}
	int64_t ms = now - p->began_ms;
	if (p->targets.n > 1)
		snprintf(what, sizeof what, "%s %zu/%zu%s", p->name, p->targets.n - p->at, p->targets.n,
		         waiting ? " (another pulls it)" : "");
	else
		snprintf(what, sizeof what, "%s%s", p->name, waiting ? " (another pulls it)" : "");
	model_progress(p->ctx, what, done, total, ms > 200 ? (done - p->first) * 1000 / ms : 0);
}

/* ---- where from, where to ---- */

static int open_hub(struct pull *p, const struct model_pull_opts *o, struct h0_err *e)
{
	h0_autofree char *token = NULL;
	if (o->hub)
		p->by.hub = h0_strdup(o->hub);
	else if (h0_store_setting(&p->box.snap, "hub", &p->by.hub, e) < 0)
		return -1;
	if (p->by.hub) {
		char origin[512];
		size_t n = strlen(p->by.hub);
		while (n && p->by.hub[n - 1] == '/')
			p->by.hub[--n] = '\0';
		if (h0_url_origin(p->by.hub, origin, sizeof origin, e) < 0)
			return h0_wrap(e, "the hub's address");
		if (!h0_url_is_https(p->by.hub) && !h0_url_is_local(p->by.hub))
			return h0_fail(e, H0_USAGE, "the hub's address: https is wanted, not '%s'", origin);
	}
	if (!o->token_file && h0_store_setting(&p->box.snap, "token_file", &token, e) < 0)
		return -1;
	const char *file = o->token_file ? o->token_file : token;
	return file && *file ? h0_puller_token(&p->by, file, e) : 0;
}

static int place(struct pull *p, const struct model_pull_opts *o, struct h0_err *e)
{
	size_t shards = p->from.urls.n;
	h0_autofree char *base = h0_modelref_base(p->from.names.v[0]);
	p->name = o->name ? h0_strdup(o->name) : h0_store_id_of(base);
	if (model_check_name(p->name, e) < 0 ||
	    h0_store_pull_root(&p->box.paths, &p->box.snap, &p->root, e) < 0)
		return -1;
	if (shards == 1)
		h0_strv_addf(&p->targets, "%s/%s.gguf", p->root, p->name);
	for (size_t i = 0; i < shards; i++) {
		h0_autofree char *file = h0_modelref_base(p->from.names.v[i]);
		h0_strv_add(&p->urls, p->from.urls.v[i]);
		if (shards > 1)
			h0_strv_addf(&p->targets, "%s/%s/%s", p->root, p->name, file);
	}
	return 0;
}

/* Beside the model, as mmproj-NAME.gguf: there it is found. */
static int place_projector(struct pull *p, const struct model_pull_opts *o, struct h0_err *e)
{
	bool alone = p->from.urls.n == 1;
	if (o->projector && p->ref.url)
		return h0_fail(e, H0_USAGE, "--projector is for a model of the hub: of a URL nobody says where its "
		               "projector is; fetch it, then: hal0 model add MODEL --mmproj FILE");
	if (o->projector && !p->from.projector)
		return h0_fail(e, H0_USAGE, "%s holds no projector for %s", p->ref.repo, p->from.names.v[0]);
	if (!p->from.projector)
		return 0;
	h0_autofree char *target = h0_asprintf("%s%s%s/mmproj-%s.gguf", p->root, alone ? "" : "/",
	                                       alone ? "" : p->name, p->name);
	if (o->projector) {
		h0_strv_add(&p->urls, p->from.projector_url);
		h0_strv_add(&p->targets, target);
	} else if (access(target, F_OK) < 0) {
		p->offer = true;
	}
	return 0;
}

static int give_sum(struct pull *p, const char *hex, struct h0_err *e)
{
	if (!hex)
		return 0;
	if (strlen(hex) != 64 || strspn(hex, "0123456789abcdefABCDEF") != 64)
		return h0_fail(e, H0_USAGE, "--sha256 is 64 hexadecimal digits");
	if (p->from.urls.n > 1)
		return h0_fail(e, H0_USAGE, "--sha256 is for one file, and this model is in %zu", p->from.urls.n);
	int n = snprintf(p->remotes[0].sum, H0_SHA256_TEXT, "sha256:");
	for (const char *c = hex; *c; c++)
		p->remotes[0].sum[n++] = (char)tolower((unsigned char)*c);
	p->remotes[0].sum[n] = '\0';
	return 0;
}

/* Whether the file is there already. One of another length or sum is in the way. */
static int look_at(const struct pull *p, size_t i, bool *ret_there, struct h0_err *e)
{
	const struct h0_remote *r = &p->remotes[i];
	const char *path = p->targets.v[i];
	char sum[H0_SHA256_TEXT];
	struct stat st;
	*ret_there = stat(path, &st) == 0;
	if (!*ret_there)
		return 0;
	int known = r->sum[0] ? h0_model_sum_read(path, sum, NULL) : 0;
	if (st.st_size != r->bytes || (known > 0 && !h0_streq(sum, r->sum)))
		return h0_fail(e, H0_CONFLICT, "%s is there and is another file: hal0 model rm %s, or give this "
		               "one another --name", path, p->name);
	return 0;
}

static int look(struct pull *p, const struct model_pull_opts *o, struct h0_err *e)
{
	p->remotes = h0_calloc(p->targets.n, sizeof *p->remotes);
	for (size_t i = 0; i < p->targets.n; i++)
		if (h0_remote_look(&p->by, p->urls.v[i], &p->remotes[i], e) < 0)
			return -1;
	if (give_sum(p, o->sum, e) < 0)
		return -1;
	for (size_t i = 0; i < p->targets.n; i++) {
		bool there;
		if (look_at(p, i, &there, e) < 0)
			return -1;
		if (p->remotes[i].bytes < 0)
			return h0_fail(e, H0_EXTERN, "%.*s: the server does not say how long it is",
			               (int)strcspn(p->urls.v[i], "?#"), p->urls.v[i]);
		p->bytes += p->remotes[i].bytes;
		if (there)
			continue;
		int64_t have = h0_pull_have(p->targets.v[i]);
		p->todo++;
		p->missing += have < p->remotes[i].bytes ? p->remotes[i].bytes - have : 0;
	}
	return 0;
}

/* ---- doing it ---- */

static char *directory(const struct pull *p)
{
	return p->from.urls.n > 1 ? h0_asprintf("%s/%s", p->root, p->name) : h0_strdup(p->root);
}

static int show(const struct pull *p, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	for (size_t i = 0; i < p->targets.n; i++) {
		char size[32];
		h0_num_human(p->remotes[i].bytes, size, sizeof size);
		h0_buf_addf(&text, "%.*s -> %s (%s)\n", (int)strcspn(p->urls.v[i], "?#"), p->urls.v[i],
		            p->targets.v[i], size);
	}
	return p->ctx->json ? 0 : h0_out_bytes(p->ctx, h0_buf_str(&text), text.len, e);
}

/* The first shard last: with it the model is there. */
static int fetch(struct pull *p, bool *ret_joined, struct h0_err *e)
{
	h0_autofree char *dir = directory(p);
	h0_autofd int there = h0_trust_open(dir, 0755, e);
	if (there < 0)
		return -1;
	for (p->at = p->targets.n; p->at-- > 0;) {
		p->began_ms = 0;
		int rc = h0_pull_file(&p->by, &p->remotes[p->at], p->targets.v[p->at], "GGUF", e);
		model_progress(p->ctx, "", 0, 0, 0);
		if (rc < 0)
			return -1;
		*ret_joined = *ret_joined || rc == H0_PULLED_JOINED;
	}
	return 0;
}

/* The nearest directory that exists already. */
static int space(const struct pull *p, struct h0_err *e)
{
	h0_autofree char *dir = directory(p);
	struct stat st;
	while (stat(dir, &st) < 0 && strrchr(dir, '/') > dir)
		*strrchr(dir, '/') = '\0';
	return h0_pull_space(dir, p->missing, e);
}

static int prepare(struct pull *p, const struct model_pull_opts *o, struct h0_err *e)
{
	if (h0_modelref_parse(p->ctx->argv[0], &p->ref, e) < 0 || h0_box_open(&p->box, e) < 0 ||
	    open_hub(p, o, e) < 0 || h0_http_open(&p->by.http, e) < 0 ||
	    h0_remote_list(&p->by, &p->ref, o->revision, &p->from, e) < 0)
		return -1;
	return place(p, o, e) < 0 || place_projector(p, o, e) < 0 || look(p, o, e) < 0 ? -1 : 0;
}

int model_pull(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct model_pull_opts *o = opts;
	const struct h0_stop stop = h0_stop_catch();
	h0_auto(pull_done) struct pull p = {.ctx = ctx};
	bool joined = false;
	p.by = (struct h0_puller){.ca_file = o->ca_file, .ways = (size_t)o->ways, .retries = (int)o->retries,
		.stop = stop.signal, .tell = ctx->quiet ? NULL : tell, .arg = &p};
	int rc = prepare(&p, o, e);
	if (rc == 0 && p.todo)
		rc = space(&p, e) < 0 ? -1 : ctx->dry_run ? show(&p, e) : fetch(&p, &joined, e);
	if (rc < 0 && *stop.signal) {
		h0_say(ctx, "interrupted; pulling it again goes on from here");
		pull_done(&p);
		h0_stop_die(&stop);
	}
	if (rc < 0)
		return -1;
	const struct model_change c = {.name = p.name, .path = p.targets.v[0], .bytes = p.bytes,
		.changed = p.todo > 0,
		.message = !p.todo ? "is here" : joined ? "pulled, by another at the same time" : "pulled"};
	if (p.offer)
		h0_say(ctx, "%s: %s has a projector for pictures, too (%s): --projector fetches it", p.name,
		       p.ref.repo, p.from.projector);
	return model_changed(ctx, &c, e);
}
