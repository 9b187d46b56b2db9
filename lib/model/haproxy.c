/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/haproxy.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "fmt/json.h"
#include "model/endpoint.h"
#include "model/envelope.h"
#include "model/haproxymap.h"
#include "model/provider.h"

#define HEAD_ROOM   8192        /* of the peek, for the request's head */
#define DIR_MAX     800         /* a line names two files of it */
#define MAX_MESSAGE 500         /* a line of the configuration has 2048 bytes */
#define FIELD       "[; ]name=\\x22?model\\x22?(?:\\r\\n[^\\r\\n]+)*\\r\\n\\r\\n" /* the head of the form's field */

const struct h0_haproxy_file_info h0_haproxy_files[H0_HAPROXY_FILES] = {
	[H0_HAPROXY_CFG] = {"haproxy.cfg", 0644, false},
	[H0_HAPROXY_PATHS] = {"paths.map", 0644, false},
	[H0_HAPROXY_MODELS] = {"models.map", 0644, false},
	[H0_HAPROXY_LIST] = {"models.json", 0644, false},
	[H0_HAPROXY_CLIENTS] = {"clients.lst", 0600, true},
	[H0_HAPROXY_KEYS] = {"keys.map", 0600, true},
};

struct text {
	const struct h0_haproxy_ask *ask;
	const struct h0_hap_map *map;
	const char *set;
	struct h0_buf *b;
};

H0_PRINTF(2, 3) static void line(struct text *t, const char *fmt, ...)
{
	char s[2048];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	h0_buf_adds(t->b, s);
	h0_buf_addc(t->b, '\n');
}

/* One word of the configuration, whatever is in it. */
static void add_quoted(struct h0_buf *b, const char *s)
{
	h0_buf_addc(b, '"');
	for (; *s && *s != '\n'; s++) {
		if (strchr("\"\\$", *s))
			h0_buf_addc(b, '\\');
		h0_buf_addc(b, *s);
	}
	h0_buf_addc(b, '"');
}

static const char *file_path(const struct text *t, enum h0_haproxy_file f, char dst[1200])
{
	snprintf(dst, 1200, "%s/%s/%s", t->ask->dir, t->set, h0_haproxy_files[f].name);
	return dst;
}

/* ---- refusals ---- */

static void add_envelope(struct text *t, int status, const struct h0_err *why)
{
	h0_autobuf struct h0_buf body = {0};
	char message[MAX_MESSAGE];
	/* of what passes by itself */
	bool again = status == 503 && h0_starts(h0_err_name(why), "slot.");
	snprintf(message, sizeof message, "%s", why->msg);
	h0_envelope_print(status, h0_err_name(why), message, why, again ? H0_RETRY_AFTER_S : -1, &body);
	add_quoted(t->b, h0_buf_str(&body));
	if (again)
		h0_buf_addf(t->b, " hdr Retry-After %d", H0_RETRY_AFTER_S);
}

/* "WHAT status ... MORE": an answer of HAProxy's own. */
static void answer(struct text *t, const char *what, int status, const struct h0_err *why, const char *more)
{
	h0_buf_addf(t->b, "  %s status %d content-type application/json string ", what, status);
	add_envelope(t, status, why);
	h0_buf_addf(t->b, "%s%s\n", *more ? " " : "", more);
}

H0_PRINTF(5, 6) static void refuse(struct text *t, int status, const char *code, const char *more,
                                   const char *fmt, ...)
{
	struct h0_err why = {0};
	char message[MAX_MESSAGE];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	h0_fail(&why, H0_NO, "%s", message);
	h0_err_code(&why, code);
	answer(t, "http-request return", status, &why, more);
}

/* What HAProxy answers by itself when something goes wrong. */
static void http_errors(struct text *t, const char *who)
{
	static const struct {
		int status;
		const char *code, *message;
	} v[] = {
		{400, "system.http_400", "not a good HTTP request"},
		{408, "system.http_408", "the request did not come in time"},
		{500, "system.internal", "the router failed"},
		{502, "dispatch.upstream_failed", "gave no good HTTP answer"},
		{503, "slot.not_ready", "does not answer: it does not run, or still loads its model"},
		{504, "dispatch.upstream_failed", "gave no answer in time"},
	};
	for (size_t i = who ? 3 : 0; i < (who ? H0_ARRAY_LEN(v) : 3); i++) {
		struct h0_err why = {0};
		h0_fail(&why, H0_NO, "%s%s%s", who ? who : "", who ? " " : "", v[i].message);
		h0_err_code(&why, v[i].code);
		answer(t, "http-error", v[i].status, &why, "");
	}
}

/* ---- the head of the file ---- */

static void preamble(struct text *t)
{
	const struct h0_haproxy_ask *a = t->ask;
	line(t, "# Written by hal0-route export haproxy; the next one overwrites it, --check tells when it is due.");
	line(t, "#");
	line(t, "# HAProxy reads the model's name in the first %" PRId64 " bytes of a request, its head counted: that", a->peek);
	line(t, "# is tune.bufsize, and a larger one costs memory and speed for every connection. In a longer");
	line(t, "# body the name must stand before the messages; in a form it must stand before the file. Where");
	line(t, "# it does not, the header X-Hal0-Slot: NAME says who answers.");
	if (!a->nnodes) {
		line(t, "# The name in the body goes on as the client wrote it; hal0-route serve writes the slot's own");
		line(t, "# there, which FLM asks for. Nobody starts a slot that does not run: that is a 503.");
	}
	line(t, "# keys.map and clients.lst are secret: HAProxy reads them as root before it drops its rights.");
	line(t, "%s", "");
	line(t, "global");
	line(t, "  log stderr format raw local0 notice");
	line(t, "  tune.bufsize %" PRId64, a->peek);
	line(t, "%s", "");
	line(t, "defaults");
	line(t, "  mode http");
	line(t, "  log global");
	line(t, "  option dontlognull");
	line(t, "  option http-no-delay");
	line(t, "  option abortonclose");
	line(t, "  timeout connect 2s");
	line(t, "  timeout http-request 60s");
	line(t, "  timeout http-keep-alive 75s");
	line(t, "  timeout queue 30s");
	line(t, "  # a long prompt is silent until its first token, a stream may pause");
	line(t, "  timeout client 1h");
	line(t, "  timeout server 1h");
	line(t, "  # slots close kept connections without a word: a request that no byte answered goes out again");
	line(t, "  retries 2");
	line(t, "  retry-on conn-failure empty-response");
	http_errors(t, NULL);
}

/* ---- who may ask ---- */

static void guard(struct text *t)
{
	const struct h0_haproxy_ask *a = t->ask;
	char path[1200];
	line(t, "  acl host_ok req.hdr(host) -m reg -i ^(localhost|127([.][0-9]+){3}|[[]::1[]])(:[0-9]+)?$");
	line(t, "  acl has_host req.hdr(host) -m found");
	for (size_t i = 0; i < a->hosts->n; i++) {
		h0_buf_adds(t->b, "  acl host_ok req.hdr(host),host_only -m str -i ");
		add_quoted(t->b, a->hosts->v[i]);
		h0_buf_addc(t->b, '\n');
	}
	line(t, "  acl of_page req.hdr(origin) -m found");
	line(t, "  acl of_page req.hdr(sec-fetch-site) -m found");
	line(t, "  acl no_page req.hdr(sec-fetch-site) -m str -i none same-origin");
	line(t, "  acl origin_ok req.hdr(origin) -m str %s", a->origins->n ? "-i" : "hal0:none");
	for (size_t i = 0; i < a->origins->n; i++) {
		t->b->len--; /* onto the same line */
		h0_buf_addc(t->b, ' ');
		add_quoted(t->b, a->origins->v[i]);
		h0_buf_addc(t->b, '\n');
		if (strcmp(a->origins->v[i], "*") == 0)
			line(t, "  acl origin_ok req.hdr(origin) -m found");
	}
	line(t, "  http-request set-var(txn.origin) req.hdr(origin) if origin_ok");
	line(t, "  http-after-response set-header X-Request-Id %%[var(txn.id)]");
	line(t, "  http-after-response del-header access-control- -m beg");
	line(t, "  http-after-response set-header Access-Control-Allow-Origin %%[var(txn.origin)] if { var(txn.origin) -m found }");
	line(t, "  http-after-response set-header Vary Origin if { var(txn.origin) -m found }");
	refuse(t, 421, "system.http_421", "if has_host !host_ok", "the Host is none of this server");
	refuse(t, 421, "system.http_421", "if !has_host !{ req.ver 1.0 }", "the request names no Host");
	refuse(t, 403, "system.http_403", "if of_page !origin_ok !no_page", "a web page of another origin asks");
	refuse(t, 403, "system.http_403", "if { req.hdr(origin) -m found } !origin_ok", "a web page of another origin asks");
	line(t, "  http-request return status 204 hdr Access-Control-Allow-Methods \"GET, POST, OPTIONS\" hdr "
	     "Access-Control-Allow-Headers \"Authorization, Content-Type, X-Api-Key, X-Request-Id, X-Hal0-Slot\" hdr "
	     "Access-Control-Max-Age 600 if METH_OPTIONS");
	if (!a->keys->n)
		return;
	file_path(t, H0_HAPROXY_CLIENTS, path);
	line(t, "  acl key_ok http_auth_bearer,sha2(256),hex -m str -f %s", path);
	line(t, "  acl key_ok req.hdr(x-api-key),sha2(256),hex -m str -f %s", path);
	refuse(t, 401, "system.http_401", "hdr WWW-Authenticate Bearer if !key_ok", "a key is needed: Authorization: Bearer KEY");
}

/* ---- what is asked for ---- */

static bool is_local(const struct h0_endpoint *ep)
{
	return ep->ask == H0_ASK_LOCAL;
}

/* "models" of "/v1/models" */
static const char *local_name(const struct h0_endpoint *ep)
{
	return strrchr(ep->path, '/') + 1;
}

static void path_rules(struct text *t)
{
	char map[1200], list[1200];
	file_path(t, H0_HAPROXY_PATHS, map);
	line(t, "  http-request replace-path ^(?:/v1)+(/v1/.*)$ \\1");
	line(t, "  http-request replace-path ^(/.*[^/])/+$ \\1");
	line(t, "  http-request set-path /v1%%[path] if { path,regsub(^,/v1),map(%s) -m found } !{ path,map(%s) -m found }", map, map);
	line(t, "  http-request set-var(txn.type) path,map(%s)", map);
	for (size_t i = 0; i < h0_nendpoints; i++)
		if (is_local(&h0_endpoints[i])) {
			char more[128];
			snprintf(more, sizeof more, "hdr Allow %s if { var(txn.type) -m str %s } !METH_GET", h0_endpoints[i].method,
			         local_name(&h0_endpoints[i]));
			refuse(t, 405, "system.http_405", more, "%s takes %s", h0_endpoints[i].path, h0_endpoints[i].method);
		}
	line(t, "  http-request return status 200 content-type application/json file %s if { var(txn.type) -m str models }",
	     file_path(t, H0_HAPROXY_LIST, list));
	line(t, "  http-request return status 200 content-type application/json string \"{\\\"status\\\":\\\"ok\\\"}\\n\" if { var(txn.type) -m str health }");
	line(t, "  http-request use-service prometheus-exporter if { var(txn.type) -m str metrics }");
	refuse(t, 405, "system.http_405", "hdr Allow POST if { var(txn.type) -m found } !METH_POST", "this path takes POST");
	line(t, "  http-request set-var(txn.type) str(any) if !{ var(txn.type) -m found }");
}

/* The name of the model, from wherever it stands. */
static void model_rules(struct text *t)
{
	const struct h0_haproxy_ask *a = t->ask;
	line(t, "  acl named var(txn.model),length gt 0");
	line(t, "  acl form req.hdr(content-type) -m beg -i multipart/form-data");
	line(t, "  http-request wait-for-body time 60s if { req.body_size gt 0 } or { req.hdr(transfer-encoding) -m found }");
	line(t, "  http-request set-var(txn.model) req.body,json_query('$.model') if !form");
	line(t, "  # a slash may be written as \\/, which json_query does not know");
	line(t, "  http-request set-var(txn.model) 'req.body,regsub(\"(?s)^.*?\\x22model\\x22\\s*:\\s*\\x22([^\\x22]{1,400})\\x22.*$\",\"\\1\"),"
	     "regsub(\"\\x5c/\",\"/\",g)' if !form !named { req.body -m reg '\\x22model\\x22\\s*:\\s*\\x22[^\\x22\\x5c]*\\x5c/' }");
	line(t, "  # other lines of the field's head may follow");
	line(t, "  http-request set-var(txn.model) 'req.body,regsub(\"(?s)^.*?" FIELD "([^\\r\\n]{0,400}).*$\",\"\\1\")' "
	     "if form { req.body -m reg '" FIELD "' }");
	line(t, "  http-request set-var(txn.model) req.hdr(x-hal0-slot) if { req.hdr(x-hal0-slot) -m found }");
	line(t, "  http-request set-var(txn.seen) req.body_len");
	line(t, "  acl unseen req.body_size,sub(txn.seen) gt 0");
	line(t, "  acl unseen req.body_len ge %" PRId64, a->peek - HEAD_ROOM);
	line(t, "  acl unseen req.hdr(content-type) -m beg -i multipart/form-data");
	h0_autobuf struct h0_buf types = {0};
	for (int i = 0; i < H0_TYPE_N; i++)
		if (t->map->several[i])
			h0_buf_addf(&types, " %s", h0_type_names[i]);
	h0_autofree char *more = h0_asprintf("if !named unseen { var(txn.type) -m str%s }", h0_buf_str(&types));
	if (types.len)
		refuse(t, 400, "request.missing_model", more, "no model is named in the first %" PRId64 " bytes of the body, or "
		       "only after a form's file: put it first, or name the slot with X-Hal0-Slot", a->peek - HEAD_ROOM);
	refuse(t, 400, "request.missing_model", "if !named !unseen { var(txn.type) -m str transcription }",
	       "the request names no model");
}

static void target_rules(struct text *t)
{
	char map[1200];
	const struct h0_hap_map *m = t->map;
	file_path(t, H0_HAPROXY_MODELS, map);
	line(t, "  http-request set-var(txn.key) var(txn.type),concat(|,txn.model)");
	for (size_t i = 0; i < m->nodd; i++) {
		h0_buf_addf(t->b, "  http-request set-var(txn.to) str(%s) if { var(txn.key) -m str ", m->v[m->odd[i].target].name);
		add_quoted(t->b, m->odd[i].key);
		h0_buf_adds(t->b, " }\n");
	}
	line(t, "  acl decided var(txn.to) -m found");
	line(t, "  http-request set-var(txn.to) var(txn.key),map(%s) if !decided named", map);
	line(t, "  http-request set-var(txn.to) var(txn.type),concat(|hal0/),map(%s) if !decided { var(txn.model) -m beg hal0/ }", map);
	line(t, "  http-request set-var(txn.to) var(txn.type),concat(|:),map(%s) if !decided { var(txn.model) -m sub : }", map);
	line(t, "  http-request set-var(txn.to) var(txn.type),concat(|:),map(%s) if !decided { var(txn.model) -m end -- -FLM }", map);
	line(t, "  http-request set-var(txn.to) var(txn.type),concat(|*),map(%s) if !decided", map);
	for (size_t i = 0; i < h0_nendpoints; i++) {
		const struct h0_endpoint *ep = &h0_endpoints[i];
		char more[160];
		snprintf(more, sizeof more, "if { path -m str %s }%s", ep->path, t->ask->nnodes ? "" : " { var(txn.to) -m beg slot_ }");
		if (ep->missing && t->map->answered[ep->type])
			refuse(t, 501, "system.http_501", more, "%s: %s", ep->path, ep->missing);
	}
	for (size_t i = 0; i < h0_nendpoints && !t->ask->nnodes; i++)
		if (h0_endpoints[i].upstream)
			line(t, "  http-request set-path %s if { path -m str %s }", h0_endpoints[i].upstream, h0_endpoints[i].path);
}

static void frontend(struct text *t)
{
	static const char *const dropped[] = {"authorization", "x-api-key", "proxy-authorization", "cookie", "origin",
		"referer", "accept-encoding", NULL};
	line(t, "%s", "");
	line(t, "frontend hal0");
	line(t, "  bind %s", t->ask->bind);
	line(t, "  http-request set-var(txn.id) uuid()");
	line(t, "  http-request set-var(txn.id) req.hdr(x-request-id) if { req.hdr(x-request-id) -m reg ^[A-Za-z0-9._-]{1,64}$ }");
	guard(t);
	path_rules(t);
	model_rules(t);
	target_rules(t);
	line(t, "  http-request set-header X-Request-Id %%[var(txn.id)]");
	for (const char *const *d = dropped; *d; d++)
		line(t, "  http-request del-header %s", *d);
	line(t, "  http-request del-header sec- -m beg");
	if (!t->ask->nnodes)
		line(t, "  http-request del-header x-hal0-slot");
	line(t, "  http-response del-header server");
	line(t, "  http-response del-header set-cookie");
	line(t, "  use_backend %%[var(txn.to)] if decided");
	line(t, "  default_backend no_route");
}

/* ---- who answers ---- */

static void check_rules(struct text *t, const char *path, const char *host, const char *key)
{
	char keys[1200];
	line(t, "  option httpchk");
	if (key) /* a log-format string, as set-header's */
		line(t, "  http-check send meth GET uri %s ver HTTP/1.1 hdr Host %s hdr Authorization \"Bearer %%[str(%s),map(%s)]\"",
		     path, host, key, file_path(t, H0_HAPROXY_KEYS, keys));
	else
		line(t, "  http-check send meth GET uri %s ver HTTP/1.1 hdr Host %s", path, host);
	line(t, "  http-check expect status 200");
}

static void bearer(struct text *t, const char *key)
{
	char keys[1200];
	line(t, "  http-request set-header Authorization \"Bearer %%[str(%s),map(%s)]\"", key,
	     file_path(t, H0_HAPROXY_KEYS, keys));
}

static const char *key_of(const struct h0_haproxy_ask *a, const struct h0_slot *s)
{
	const char *key = a->slot_keys ? a->slot_keys[s - a->slots->v] : NULL;
	return key && *key ? key : NULL;
}

static void slot_backend(struct text *t, const struct h0_hap_target *to)
{
	const struct h0_slot *s = to->slot;
	h0_autofree char *who = h0_asprintf("slot %s", s->name), *key = h0_asprintf("slot:%s", s->name);
	check_rules(t, h0_providers[s->provider].health_path, "127.0.0.1", NULL);
	if (strcmp(h0_providers[s->provider].health_path, "/health") == 0 && s->provider != H0_PROVIDER_LLAMA_SERVER)
		/* well before its model is there, and it says so */
		line(t, "  http-check expect ! rstring \\\"model_loaded\\\"[[:space:]]*:[[:space:]]*false");
	if (key_of(t->ask, s))
		bearer(t, key);
	line(t, "  http-request set-header Host 127.0.0.1:%d", s->port);
	http_errors(t, who);
	line(t, "  server %s 127.0.0.1:%d check inter 2s fall 2 rise 1", s->name, s->port);
}

/* A server elsewhere. Nobody but its clients asks it how it is. */
static void upstream_backend(struct text *t, const struct h0_hap_target *to)
{
	char keys[1200];
	const struct h0_upstream *u = to->upstream;
	h0_autofree char *who = h0_asprintf("upstream %s", u->name), *host = h0_upstream_authority(u);
	const char *colon = to->remote->header ? strchr(to->remote->header, ':') : NULL;
	line(t, "  timeout server %lds", (long)(u->timeout_s < 1 ? 1 : u->timeout_s < 86400 ? u->timeout_s : 86400));
	line(t, "  http-request set-header Host %s", host);
	if (colon)
		line(t, "  http-request set-header %.*s %%[str(%s),map(%s)]", (int)(colon - to->remote->header), to->remote->header,
		     to->name, file_path(t, H0_HAPROXY_KEYS, keys));
	if (h0_ends(u->base, "/v1") && strcmp(u->base, "/v1") != 0)
		line(t, "  http-request replace-path ^/v1(/.*)$ %s\\1", u->base);
	else if (*u->base && strcmp(u->base, "/v1") != 0)
		line(t, "  http-request set-path %s%%[path]", u->base);
	http_errors(t, who);
	h0_buf_addf(t->b, strchr(u->host, ':') ? "  server remote [%s]:%d" : "  server remote %s:%d", u->host, u->port);
	line(t, " init-addr last,libc,none%s%s%s", u->tls ? " ssl verify required ca-file @system-ca sni str(" : "",
	     u->tls ? u->host : "", u->tls ? ")" : "");
}

static void nodes_backend(struct text *t, const struct h0_hap_target *to)
{
	const struct h0_haproxy_ask *a = t->ask;
	h0_autobuf struct h0_buf who = {0};
	line(t, "  balance leastconn");
	line(t, "  option redispatch 1");
	check_rules(t, "/health", "localhost", a->node_key ? "nodes" : NULL);
	if (a->node_key)
		bearer(t, "nodes");
	line(t, "  http-request set-header Host localhost");
	for (size_t i = 0; i < a->nnodes; i++)
		if (to->nodes >> i & 1)
			h0_buf_addf(&who, "%s%s", who.len ? " or " : "", a->nodes[i].name);
	http_errors(t, h0_buf_str(&who));
	for (size_t i = 0; i < a->nnodes; i++)
		if (to->nodes >> i & 1)
			line(t, "  server %s %s check inter 2s fall 2 rise 1", a->nodes[i].name, a->nodes[i].addr);
}

static void backends(struct text *t)
{
	const struct h0_hap_map *m = t->map;
	for (size_t i = 0; i < m->n; i++) {
		const struct h0_hap_target *to = &m->v[i];
		line(t, "%s", "");
		line(t, "backend %s", to->name);
		if (to->kind == H0_HAP_SLOT)
			slot_backend(t, to);
		else if (to->kind == H0_HAP_UPSTREAM)
			upstream_backend(t, to);
		else if (to->kind == H0_HAP_NODES)
			nodes_backend(t, to);
		else
			answer(t, "http-request return", h0_envelope_status(h0_err_name(&to->err), to->err.kind), &to->err, "");
	}
	line(t, "%s", "");
	line(t, "backend no_route");
	refuse(t, 404, "dispatch.no_route", "", "no such endpoint, and no model that tells the slot");
}

/* ---- the other files ---- */

static void print_paths(struct h0_buf *b)
{
	for (size_t i = 0; i < h0_nendpoints; i++) {
		const struct h0_endpoint *ep = &h0_endpoints[i];
		h0_buf_addf(b, "%s %s\n", ep->path, is_local(ep) ? local_name(ep) : h0_type_names[ep->type]);
	}
}

static void print_node_list(const struct h0_haproxy_ask *a, struct h0_buf *b)
{
	h0_autojson struct h0_json *o = h0_json_object();
	struct h0_json *list = h0_json_array();
	h0_autostrv struct h0_strv seen = {0};
	for (size_t i = 0; i < a->nnodes; i++)
		for (size_t k = 0; k < a->nodes[i].nnames; k++) {
			const struct h0_haproxy_name *n = &a->nodes[i].names[k];
			if (h0_strv_has(&seen, n->id))
				continue;
			h0_strv_add(&seen, n->id);
			struct h0_json *m = h0_json_object();
			h0_json_set_str(m, "id", n->id);
			h0_json_set_str(m, "object", "model");
			h0_json_set_int(m, "created", 0);
			h0_json_set_str(m, "owned_by", "hal0");
			h0_json_set_str(m, "type", h0_type_names[n->type]);
			h0_json_add(list, m);
		}
	h0_json_set_str(o, "object", "list");
	h0_json_set(o, "data", list);
	h0_json_dump(o, 0, false, b);
}

static void print_clients(const struct h0_strv *keys, struct h0_buf *b)
{
	for (size_t i = 0; i < keys->n; i++) {
		char text[H0_SHA256_TEXT];
		h0_sha256_of(keys->v[i], strlen(keys->v[i]), text);
		for (char *p = text; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		h0_buf_addf(b, "%s\n", strchr(text, ':') + 1);
	}
}

static void print_keys(const struct h0_haproxy_ask *a, const struct h0_hap_map *m, struct h0_buf *b)
{
	if (a->nnodes && a->node_key)
		h0_buf_addf(b, "nodes %s\n", a->node_key);
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].kind == H0_HAP_UPSTREAM && m->v[i].remote->header)
			h0_buf_addf(b, "%s%s\n", m->v[i].name, strchr(m->v[i].remote->header, ':') + 1);
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].kind == H0_HAP_SLOT && key_of(a, m->v[i].slot))
			h0_buf_addf(b, "slot:%s %s\n", m->v[i].slot->name, key_of(a, m->v[i].slot));
}

/* ---- */

static bool is_plain(const char *s, const char *beside)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(beside, *s))
			return false;
	return true;
}

static int check(const struct h0_haproxy_ask *a, struct h0_err *e)
{
	if (!is_plain(a->dir, "/._+-"))
		return h0_fail(e, H0_USAGE, "%s: HAProxy's maps need a path of letters, digits and /._+-", a->dir);
	if (strlen(a->dir) > DIR_MAX)
		return h0_fail(e, H0_USAGE, "%s: too long for HAProxy's lines: at most %d characters", a->dir, DIR_MAX);
	if (a->node_key && !is_plain(a->node_key, "!#$%&'*+-./:;<=>?@^_`|~"))
		return h0_fail(e, H0_USAGE, "the key of the nodes has characters that no header has");
	if (a->nnodes > H0_HAPROXY_NODES)
		return h0_fail(e, H0_USAGE, "more than %d nodes", H0_HAPROXY_NODES);
	for (size_t i = 0; a->upstreams && i < a->upstreams->n; i++)
		if (!is_plain(a->upstreams->v[i].host, ".:-_") || !is_plain(a->upstreams->v[i].base, "/._~-"))
			return h0_fail(e, H0_USAGE, "upstream %s: HAProxy has no words for its URL %s", a->upstreams->v[i].name,
			               a->upstreams->v[i].url);
	for (size_t i = 0; i < a->nnodes; i++)
		if (!is_plain(a->nodes[i].addr, ".:-[]_"))
			return h0_fail(e, H0_USAGE, "node %s: '%s' is no HOST:PORT", a->nodes[i].name, a->nodes[i].addr);
	return 0;
}

static void print_config(struct text *t)
{
	h0_buf_reset(t->b);
	preamble(t);
	frontend(t);
	backends(t);
}

/* The configuration names the set, so it is summed up with a name that stands for any. */
static void name_set(struct h0_haproxy *h, struct text *t)
{
	struct h0_sha256 sum;
	char text[H0_SHA256_TEXT];
	t->set = "set";
	print_config(t);
	h0_sha256_init(&sum);
	for (int i = 0; i < H0_HAPROXY_FILES; i++) {
		uint64_t len = h->file[i].len;
		h0_sha256_add(&sum, &len, sizeof len);
		h0_sha256_add(&sum, h0_buf_str(&h->file[i]), h->file[i].len);
	}
	h0_sha256_text(&sum, text);
	snprintf(h->set, sizeof h->set, "set-%.12s", strchr(text, ':') + 1);
	t->set = h->set;
	print_config(t);
}

int h0_haproxy_build(const struct h0_haproxy_ask *ask, struct h0_haproxy *ret, struct h0_err *e)
{
	h0_auto(h0_hap_map_done) struct h0_hap_map map = {0};
	if (check(ask, e) < 0)
		return -1;
	*ret = (struct h0_haproxy){0};
	h0_hap_map_make(ask, &map);
	struct text t = {.ask = ask, .map = &map, .b = &ret->file[H0_HAPROXY_CFG]};
	print_paths(&ret->file[H0_HAPROXY_PATHS]);
	h0_buf_add(&ret->file[H0_HAPROXY_MODELS], h0_buf_str(&map.lines), map.lines.len);
	if (ask->nnodes)
		print_node_list(ask, &ret->file[H0_HAPROXY_LIST]);
	else
		h0_envelope_models(ask->slots, ask->look ? ask->upstreams : NULL, ask->look, &ret->file[H0_HAPROXY_LIST]);
	print_clients(ask->keys, &ret->file[H0_HAPROXY_CLIENTS]);
	print_keys(ask, &map, &ret->file[H0_HAPROXY_KEYS]);
	name_set(ret, &t);
	for (size_t i = 0; i < map.n; i++)
		ret->ntargets += map.v[i].kind != H0_HAP_REFUSE;
	return 0;
}

void h0_haproxy_done(struct h0_haproxy *h)
{
	for (int i = 0; i < H0_HAPROXY_FILES; i++)
		h0_buf_done(&h->file[i]);
}
