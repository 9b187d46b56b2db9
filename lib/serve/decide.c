/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Decisions are the model's (model/route.h); here they are only remembered, because most requests
 * of a minute ask for the same few models. A change of the configuration forgets all of them.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/envelope.h"
#include "fmt/json.h"
#include "serve/inner.h"

static uint64_t hash_of(const char *path, const char *model)
{
	uint64_t h = 14695981039346656037ull;
	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 1099511628211ull;
	h = (h ^ 0xff) * 1099511628211ull;
	for (; model && *model; model++)
		h = (h ^ (unsigned char)*model) * 1099511628211ull;
	return h;
}

/* The name the slot knows its model by. */
static void set_model(struct decision *d, const char *model)
{
	if (!model)
		return;
	h0_autojson struct h0_json *name = h0_json_new_str(model);
	h0_autobuf struct h0_buf b = {0};
	h0_json_dump(name, 0, false, &b);
	d->model = h0_strdup(model);
	d->model_json = h0_buf_take(&b);
}

/* The numbers of an address; false: it is none. */
static bool set_target(struct h0_target *to, const char *addr, int port)
{
	if (inet_pton(AF_INET, addr, &to->in.sin_addr) == 1) {
		to->in.sin_family = AF_INET;
		to->in.sin_port = htons((uint16_t)port);
		to->len = sizeof to->in;
		return true;
	}
	if (inet_pton(AF_INET6, addr, &to->in6.sin6_addr) != 1)
		return false;
	to->in6.sin6_family = AF_INET6;
	to->in6.sin6_port = htons((uint16_t)port);
	to->len = sizeof to->in6;
	return true;
}

static void refuse(struct decision *d, int status, const char *code, const struct h0_upstream *u, const char *why)
{
	d->status = status;
	h0_fail(&d->err, H0_EXTERN, "upstream %s %s", u->name, why);
	h0_err_detail(&d->err, "upstream", "%s", u->name);
	h0_err_code(&d->err, code);
}

/* A server elsewhere, over plain HTTP: this one speaks no TLS. */
static void decide_remote(struct h0_loop *l, struct decision *d, const struct h0_route *r)
{
	const struct h0_upstream *u = r->upstream;
	char name[H0_PEER_NAME];
	snprintf(name, sizeof name, "upstream:%s", u->name);
	for (char *p = name; *p; p++)
		*p = isalnum((unsigned char)*p) || strchr(":._-", *p) ? *p : '_';
	if (u->tls) {
		refuse(d, 501, "system.http_501", u, "is https, which hal0-route serve does not speak: hal0 route call does, and "
		       "a proxy of yours in front of it can");
		return;
	}
	if (!r->remote->addr || !set_target(&d->to, r->remote->addr, u->port)) {
		refuse(d, 502, "dispatch.upstream_unavailable", u, "cannot be reached: its host has no address");
		return;
	}
	h0_autofree char *host = h0_upstream_authority(u);
	d->remote = true;
	d->who = h0_asprintf("upstream %s", u->name);
	d->timeout_ms = u->timeout_s < 86400 ? (int)(u->timeout_s * 1000) : 0;
	d->peer = h0_peer_get(l->core, name);
	atomic_store(&d->peer->remote, true);
	d->request = h0_asprintf(" %s HTTP/1.1\r\nHost: %s\r\n%s%s", r->path, host,
	                         r->remote->header ? r->remote->header : "", r->remote->header ? "\r\n" : "");
	set_model(d, r->model);
}

static struct decision *decide(struct h0_loop *l, const char *path, const char *model, uint64_t hash)
{
	struct decision *d = h0_calloc(1, sizeof *d);
	struct h0_route_ask ask = {.slots = &l->image->slots, .path = path, .model = model,
		.live = l->image->look.v, .nlive = l->image->look.n, .upstreams = &l->image->upstreams,
		.remote = l->image->look.remote, .nremote = l->image->look.nremote, .loads = l->core->conf->load != NULL};
	h0_autoroute struct h0_route r = {0};
	d->refs = 1;
	d->hash = hash;
	d->path_in = h0_strdup(path);
	d->model_in = h0_strdup(model);
	if (h0_route_find(&ask, &r, &d->err) < 0) {
		char text[sizeof d->err.msg];
		d->status = h0_envelope_status(h0_err_name(&d->err), d->err.kind);
		if (d->err.file[0]) { /* a broken slot file: say where */
			h0_err_text(&d->err, text, sizeof text);
			snprintf(d->err.msg, sizeof d->err.msg, "%s", text);
		}
		return d;
	}
	if (r.upstream) {
		decide_remote(l, d, &r);
		return d;
	}
	if (r.endpoint && r.endpoint->missing) {
		d->status = 501;
		h0_fail(&d->err, H0_NO, "slot %s cannot answer %s: %s", r.slot ? r.slot->name : "?", r.path,
		        r.endpoint->missing);
		h0_err_code(&d->err, "system.http_501");
		return d;
	}
	if (!r.slot)
		return d; /* the router's own */
	d->peer = h0_peer_get(l->core, r.anchor->name);
	d->record = r.anchor != r.slot ? h0_strdup(r.slot->name) : NULL;
	d->who = h0_asprintf("slot %s", r.anchor->name);
	d->to.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)r.port)};
	d->to.len = sizeof d->to.in;
	if (l->core->conf->key)
		l->core->conf->key(d->peer->name, d->key, l->core->conf->arg);
	d->request = h0_asprintf(" %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", r.path, r.port);
	set_model(d, r.model);
	return d;
}

struct decision *h0_decide(struct h0_loop *l, const char *path, const char *model)
{
	uint64_t hash = hash_of(path, model);
	struct decision **at = &l->decisions[hash % NDECISIONS], *d = *at;
	h0_set(&l->core->asked);
	if (!d || d->hash != hash || strcmp(d->path_in, path) != 0 || !h0_streq(d->model_in, model)) {
		if (d)
			h0_decision_unref(d);
		d = *at = decide(l, path, model, hash);
	}
	d->refs++;
	return d;
}

void h0_decision_unref(struct decision *d)
{
	if (!d || --d->refs)
		return;
	free(d->record);
	free(d->path_in);
	free(d->model_in);
	free(d->who);
	free(d->request);
	free(d->model);
	free(d->model_json);
	free(d);
}

void h0_decisions_forget(struct h0_loop *l)
{
	for (size_t i = 0; i < NDECISIONS; i++) {
		h0_decision_unref(l->decisions[i]);
		l->decisions[i] = NULL;
	}
}
