/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/http.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "fmt/url.h"
#include "sys/clock.h"

/* The name Debian's libcurl4 (OpenSSL) package gives the library that belongs to curl.h. */
#define LIBCURL "libcurl.so.4"

#define DEFAULT_CONNECT_MS 2000
#define DEFAULT_MAX_BODY   (1u << 20)
#define MAX_HEADERS        (64u << 10)
#define MAX_WAIT_MS        1000
#define STOP_POLL_MS       50
#define LOOK_MS            250      /* how often it is asked whether another call should begin */

#define CURL_CALLS(X)                                                                            \
	X(curl_global_init) X(curl_easy_init) X(curl_easy_cleanup)                                \
	X(curl_easy_setopt) X(curl_easy_getinfo) X(curl_easy_strerror) X(curl_slist_append)      \
	X(curl_slist_free_all) X(curl_multi_init) X(curl_multi_cleanup) X(curl_multi_add_handle) \
	X(curl_multi_remove_handle) X(curl_multi_perform) X(curl_multi_poll)                     \
	X(curl_multi_info_read)

struct h0_http_client {
#define MEMBER(name) __typeof__(name) *name;
	CURL_CALLS(MEMBER)
#undef MEMBER
	CURL *easy;
	CURLM *multi;
};

/* One call under way. */
struct call {
	const struct h0_http_client *c;
	CURL *easy;
	const struct h0_http_req *req;
	struct h0_http_res res;
	curl_socket_t fresh;           /* a new connection, until the body begins */
	bool over;                     /* it has ended, well or not */
	struct h0_err *err;            /* what it ended with */
	size_t max_body, header_bytes;
	int64_t active_ms;             /* when a byte last moved */
	curl_off_t moved;
	int why;                       /* errno of our own reason to end it, 0 = none */
	char msg[CURL_ERROR_SIZE];
	struct curl_slist *headers;
};

/* ---- the library ---- */

static int missing(struct h0_err *e)
{
	const char *why = dlerror();
	h0_fail(e, H0_EXTERN, "cannot open the HTTP library: %s (Debian package libcurl4)",
	        why ? why : LIBCURL);
	if (e)
		e->sys_errno = ELIBACC;
	return -1;
}

/* A second client finds the library mapped and initialised; it is never unloaded, because its
 * own dependencies register exit handlers. */
static int load(struct h0_http_client *c, struct h0_err *e)
{
	void *lib = dlopen(LIBCURL, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	if (!lib)
		return missing(e);
	bool all = true;
#define LOOKUP(name) all = all && (*(void **)&c->name = dlsym(lib, #name)) != NULL;
	CURL_CALLS(LOOKUP)
#undef LOOKUP
	if (!all) {
		missing(e);
		dlclose(lib);
		return -1;
	}
	dlclose(lib);
	if (c->curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return h0_fail(e, H0_EXTERN, "the HTTP library does not start");
	return 0;
}

int h0_http_open(struct h0_http_client **ret, struct h0_err *e)
{
	h0_autohttpclient struct h0_http_client *c = h0_calloc(1, sizeof *c);
	if (load(c, e) < 0)
		return -1;
	c->easy = c->curl_easy_init();
	c->multi = c->curl_multi_init();
	if (!c->easy || !c->multi)
		return h0_fail(e, H0_EXTERN, "the HTTP library does not start");
	*ret = h0_take(c);
	return 0;
}

void h0_http_close(struct h0_http_client *c)
{
	if (!c)
		return;
	if (c->easy)
		c->curl_easy_cleanup(c->easy);
	if (c->multi)
		c->curl_multi_cleanup(c->multi);
	free(c);
}

/* ---- what comes in ---- */

static void header_value(const char *p, size_t n, char *dst, size_t size)
{
	while (n && isspace((unsigned char)*p))
		p++, n--;
	while (n && isspace((unsigned char)p[n - 1]))
		n--;
	if (n >= size)
		n = size - 1;
	memcpy(dst, p, n);
	dst[n] = '\0';
}

/* A list may come in several lines. */
static void add_value(const char *p, size_t n, char *dst, size_t size)
{
	size_t used = strlen(dst);
	if (used && used + 3 < size)
		used += (size_t)snprintf(dst + used, size - used, ", ");
	header_value(p, n, dst + used, size - used);
}

static bool header_is(const char *p, size_t n, const char *name)
{
	size_t k = strlen(name);
	return n > k && p[k] == ':' && strncasecmp(p, name, k) == 0;
}

static void tell_header(const struct call *call, const char *p, size_t n)
{
	char name[64], value[4096];
	const char *colon = memchr(p, ':', n);
	if (!call->req->on_header)
		return;
	if (n > 5 && memcmp(p, "HTTP/", 5) == 0) {
		call->req->on_header("", "", call->req->on_header_arg);
	} else if (colon && n - (size_t)(colon + 1 - p) < sizeof value) {
		header_value(p, (size_t)(colon - p), name, sizeof name);
		header_value(colon + 1, n - (size_t)(colon + 1 - p), value, sizeof value);
		call->req->on_header(name, value, call->req->on_header_arg);
	}
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct call *call = arg;
	(void)size;
	call->header_bytes += n;
	if (call->header_bytes > MAX_HEADERS) {
		call->why = EFBIG;
		return 0;
	}
	char text[16];
	int64_t s;
	tell_header(call, p, n);
	if (n > 5 && memcmp(p, "HTTP/", 5) == 0) { /* the next answer, after 100 Continue */
		call->res.content_type[0] = '\0';
		call->res.retry_after_s = -1;
		call->res.authenticate[0] = '\0';
	} else if (header_is(p, n, "WWW-Authenticate")) {
		add_value(p + 17, n - 17, call->res.authenticate, sizeof call->res.authenticate);
	} else if (header_is(p, n, "Content-Type")) {
		header_value(p + 13, n - 13, call->res.content_type, sizeof call->res.content_type);
	} else if (header_is(p, n, "Retry-After")) {
		header_value(p + 12, n - 12, text, sizeof text);
		if (h0_num_i64(text, 0, INT32_MAX, &s))
			call->res.retry_after_s = (int)s;
	}
	return n;
}

static int status_of(const struct call *call)
{
	long status = 0;
	call->c->curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct call *call = arg;
	(void)size;
	call->fresh = CURL_SOCKET_BAD;
	if (call->req->on_data) {
		if (call->req->on_data(p, n, status_of(call), call->req->on_data_arg) == 0)
			return n;
		call->why = ECANCELED;
		return 0;
	}
	if (n > call->max_body - call->res.body.len) {
		call->why = EFBIG;
		return 0;
	}
	h0_buf_add(&call->res.body, p, n);
	return n;
}

static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                       curl_off_t up)
{
	struct call *call = arg;
	curl_off_t moved = down + up + (curl_off_t)call->header_bytes;
	(void)down_all, (void)up_all;
	if (moved != call->moved) {
		call->moved = moved;
		call->active_ms = h0_now_ms();
	}
	return 0;
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct call *call = arg;
	(void)purpose;
	call->fresh = fd;
	return CURL_SOCKOPT_OK;
}

/* A server with Nagle's algorithm keeps a short answer back until the tickets that end its handshake
 * are acknowledged, and the kernel here would wait 40 ms for company before it does that. */
static void acknowledge(const struct call *call)
{
	if (call->fresh != CURL_SOCKET_BAD)
		setsockopt(call->fresh, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
}

/* ---- what goes out ---- */

static int set_headers(struct call *call, struct h0_err *e)
{
	const char *const *extra = call->req->headers;
	/* no "Expect: 100-continue" round trip before a body */
	struct curl_slist *l = call->c->curl_slist_append(NULL, "Expect:");
	for (; l && extra && *extra; extra++) {
		struct curl_slist *more = NULL;
		if (!strpbrk(*extra, "\r\n"))
			more = call->c->curl_slist_append(l, *extra);
		if (!more) {
			call->c->curl_slist_free_all(l);
			return h0_fail(e, H0_USAGE, "a header that cannot be sent");
		}
		l = more;
	}
	call->headers = l;
	return 0;
}

static int set_up(struct call *call, const char *host, struct h0_err *e)
{
	const struct h0_http_client *c = call->c;
	const struct h0_http_req *r = call->req;
	CURL *h = call->easy;
	bool bad = false;
#define SET(opt, val) bad |= c->curl_easy_setopt(h, CURLOPT_##opt, val) != CURLE_OK
	SET(URL, r->url);
	SET(PROTOCOLS_STR, "http,https");
	SET(NOSIGNAL, 1L);
	SET(USERAGENT, "hal0/" HAL0_VERSION);
	SET(CONNECTTIMEOUT_MS, (long)(r->connect_timeout_ms ? r->connect_timeout_ms : DEFAULT_CONNECT_MS));
	SET(TIMEOUT_MS, (long)r->timeout_ms);
	SET(BUFFERSIZE, 65536L);
	SET(ERRORBUFFER, call->msg);
	SET(HEADERFUNCTION, on_header);
	SET(HEADERDATA, call);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, call);
	SET(SOCKOPTFUNCTION, on_socket);
	SET(SOCKOPTDATA, call);
	SET(NOPROGRESS, 0L);
	SET(XFERINFOFUNCTION, on_progress);
	SET(XFERINFODATA, call);
	SET(HTTPHEADER, call->headers);
	SET(FRESH_CONNECT, (long)r->fresh);
	SET(FORBID_REUSE, (long)r->fresh);
	if (h0_url_is_loopback(host))
		SET(PROXY, "");
	if (r->body) {
		SET(POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		SET(POSTFIELDS, r->body);
	}
	if (r->method && strcmp(r->method, "HEAD") == 0)
		SET(NOBODY, 1L);
	else if (r->method && !(strcmp(r->method, "GET") == 0 && !r->body))
		SET(CUSTOMREQUEST, r->method);
	if (r->ca_file)
		SET(CAINFO, r->ca_file);
	if (r->cert_pem) {
		/* the certificate alone, none of the system's authorities beside it */
		struct curl_blob pem = {(void *)(uintptr_t)r->cert_pem, strlen(r->cert_pem),
		                        CURL_BLOB_COPY};
		SET(CAINFO, NULL);
		SET(CAPATH, NULL);
		SET(CAINFO_BLOB, &pem);
	}
	SET(SSL_VERIFYPEER, r->unverified ? 0L : 1L);
	SET(SSL_VERIFYHOST, r->unverified || r->cert_pem ? 0L : 2L);
#undef SET
	return bad ? h0_fail(e, H0_EXTERN, "%s: the HTTP library refuses the request", r->url) : 0;
}

/* ---- running it ---- */

static int errno_of(const struct call *call, CURLcode rc)
{
	long os = 0;
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		call->c->curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os);
		return os ? (int)os : ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return EHOSTUNREACH;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return ECONNRESET;
	default:
		return EPROTO;
	}
}

/* The URL without its query, which may hold a key. */
static int fail(struct h0_err *e, const struct call *call, int err, const char *why)
{
	h0_fail(e, H0_EXTERN, "%.*s: %s", (int)strcspn(call->req->url, "?#"), call->req->url, why);
	if (e)
		e->sys_errno = err;
	return -1;
}

static int fail_own(struct h0_err *e, const struct call *call)
{
	char why[96];
	switch (call->why) {
	case ECANCELED:
		return fail(e, call, ECANCELED, "cancelled");
	case ETIMEDOUT:
		snprintf(why, sizeof why, "nothing came for %g s", call->req->idle_timeout_ms / 1000.0);
		return fail(e, call, ETIMEDOUT, why);
	default:
		if (call->header_bytes > MAX_HEADERS)
			snprintf(why, sizeof why, "more than %u KiB of headers", MAX_HEADERS >> 10);
		else
			snprintf(why, sizeof why, "the answer is longer than %zu bytes", call->max_body);
		return fail(e, call, EFBIG, why);
	}
}

static int fail_curl(struct h0_err *e, const struct call *call, CURLcode rc)
{
	int err = errno_of(call, rc);
	const char *why = call->msg[0] ? call->msg : call->c->curl_easy_strerror(rc);
	if (rc == CURLE_COULDNT_CONNECT && err == ECONNREFUSED)
		why = "connection refused: nothing listens there";
	else if (rc == CURLE_GOT_NOTHING)
		why = "the server closed the connection without an answer";
	else if (rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_WEIRD_SERVER_REPLY)
		why = "the answer is not HTTP";
	return fail(e, call, err, why);
}

/* How long to sleep, or 0 when the call has been ended for a reason of ours. */
static int next_wait(struct call *call)
{
	const struct h0_http_req *r = call->req;
	int wait = r->stop ? STOP_POLL_MS : MAX_WAIT_MS;
	if (r->stop && *r->stop)
		call->why = ECANCELED;
	if (r->idle_timeout_ms > 0) {
		int64_t left = call->active_ms + r->idle_timeout_ms - h0_now_ms();
		if (left <= 0 && !call->why)
			call->why = ETIMEDOUT;
		if (left < wait)
			wait = (int)left;
	}
	return call->why ? 0 : wait;
}

/* Returns true when the call is over by now. */
static bool settle(struct call *call, const CURLcode *rc)
{
	if (call->over)
		return true;
	if (rc && *rc == CURLE_OK && !call->why)
		call->err->kind = H0_OK;
	else if (rc && !call->why)
		fail_curl(call->err, call, *rc);
	else if (call->why || !next_wait(call))
		fail_own(call->err, call);
	else
		return false;
	call->c->curl_multi_remove_handle(call->c->multi, call->easy); /* unfinished: it is closed */
	return call->over = true;
}

static struct call *call_of(struct call *calls, size_t n, const CURL *easy)
{
	for (size_t i = 0; i < n; i++)
		if (calls[i].easy == easy)
			return &calls[i];
	return NULL;
}

/* How long nothing need be looked at; 0: all are over. */
static int look_at_all(struct call *calls, size_t n)
{
	int shortest = 0;
	for (size_t i = 0; i < n; i++) {
		if (settle(&calls[i], NULL))
			continue;
		int wait = next_wait(&calls[i]);
		acknowledge(&calls[i]);
		shortest = shortest && shortest < wait ? shortest : wait ? wait : 1;
	}
	return shortest;
}

/* Several calls, the first `begun` of them under way or over. */
struct crowd {
	const struct h0_http_client *c;
	struct call *calls;
	size_t n, begun;
	int64_t looked_ms, waited_ms;  /* when `ought_more` last looked; time without bytes since then */
};

/* Beside others it has a connection of its own; after them it goes on over theirs. */
static void begin(struct crowd *w, bool beside)
{
	struct call *call = &w->calls[w->begun++];
	call->active_ms = h0_now_ms();
	call->fresh = CURL_SOCKET_BAD;
	if (beside)
		w->c->curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, 1L);
	call->over = w->c->curl_multi_add_handle(w->c->multi, call->easy) != CURLM_OK;
	if (call->over)
		fail(call->err, call, EIO, "the HTTP library failed");
}

/* What arrives faster than it can be taken in comes no faster over more connections: they would
 * only keep processors from each other. So another begins where three quarters of the time are
 * waiting; a network's wait is longer than that, one for a processor of a busy machine rarely. */
static bool ought_more(struct crowd *w)
{
	int64_t now = h0_now_ms(), all = now - w->looked_ms, waited = w->waited_ms;
	if (w->begun == w->n || all < LOOK_MS)
		return false;
	w->looked_ms = now;
	w->waited_ms = 0;
	return waited * 4 > all * 3;
}

static void give_up(struct crowd *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct call *call = &w->calls[i];
		if (call->over)
			continue;
		fail(call->err, call, EIO, "the HTTP library failed");
		if (i < w->begun)
			w->c->curl_multi_remove_handle(w->c->multi, call->easy);
		call->over = true;
	}
}

/* One step of all that are under way: bytes that are there are taken in. */
static CURLMcode step(const struct crowd *w)
{
	int running, queued;
	CURLMcode mc = w->c->curl_multi_perform(w->c->multi, &running);
	for (CURLMsg *m; (m = w->c->curl_multi_info_read(w->c->multi, &queued));) {
		const CURLcode rc = m->data.result;
		struct call *call = call_of(w->calls, w->begun, m->easy_handle);
		if (m->msg == CURLMSG_DONE && call)
			settle(call, &rc);
	}
	return mc;
}

/* Until all are over; each has its own error. */
static void perform(const struct h0_http_client *c, struct call *calls, size_t n)
{
	struct crowd w = {.c = c, .calls = calls, .n = n, .looked_ms = h0_now_ms()};
	for (;;) {
		int wait = look_at_all(calls, w.begun);
		if (!wait && w.begun == n)
			return;
		if (!wait || ought_more(&w)) {
			begin(&w, wait);
			continue;
		}
		CURLMcode mc = step(&w);
		if (mc == CURLM_OK && (wait = look_at_all(calls, w.begun))) {
			int64_t from = h0_now_ms();
			wait = w.begun < n && wait > LOOK_MS ? LOOK_MS : wait;
			mc = c->curl_multi_poll(c->multi, NULL, 0, wait, NULL);
			w.waited_ms += h0_now_ms() - from;
		}
		if (mc != CURLM_OK) {
			give_up(&w);
			return;
		}
	}
}

static void call_done(struct call *call)
{
	call->c->curl_slist_free_all(call->headers);
	h0_http_res_done(&call->res);
}

/* A handle of its own for each call, never one that is reset: in libcurl 7.88 (Debian 12) it keeps a
 * pointer into the last answer's headers, freed by then, and follows it when the first line of the
 * next head is a folded one. Connections are the multi handle's: they stay. */
static int new_handle(struct h0_http_client *c, struct call *call, struct h0_err *e)
{
	c->curl_easy_cleanup(c->easy);
	call->easy = c->easy = c->curl_easy_init();
	return c->easy ? 0 : h0_fail(e, H0_EXTERN, "the HTTP library does not start");
}

int h0_http_do(struct h0_http_client *c, const struct h0_http_req *req, struct h0_http_res *ret,
               struct h0_err *e)
{
	struct h0_err why = {0};
	h0_auto(call_done) struct call call = {.c = c, .req = req, .err = &why,
		.res = {.retry_after_s = -1},
		.max_body = req->max_body ? req->max_body : DEFAULT_MAX_BODY};
	char host[256];
	if (h0_url_host(req->url, host, sizeof host, e) < 0 || set_headers(&call, e) < 0)
		return -1;
	if (new_handle(c, &call, e) < 0 || set_up(&call, host, e) < 0)
		return -1;
	perform(c, &call, 1);
	call.res.status = status_of(&call);
	if (why.kind) {
		if (e)
			*e = why;
		return -1;
	}
	*ret = call.res;
	call.res = (struct h0_http_res){0};
	return 0;
}

static void calls_done(const struct h0_http_client *c, struct call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (calls[i].easy)
			c->curl_easy_cleanup(calls[i].easy);
		call_done(&calls[i]);
	}
}

int h0_http_do_all(struct h0_http_client *c, const struct h0_http_req *reqs, size_t n,
                   struct h0_err *errs, struct h0_err *e)
{
	h0_autofree struct call *calls = h0_calloc(n ? n : 1, sizeof *calls);
	int rc = 0;
	for (size_t i = 0; i < n; i++) {
		char host[256];
		struct call *call = &calls[i];
		errs[i] = (struct h0_err){0};
		*call = (struct call){.c = c, .req = &reqs[i], .err = &errs[i],
			.max_body = reqs[i].max_body ? reqs[i].max_body : DEFAULT_MAX_BODY};
		call->easy = c->curl_easy_init();
		if (!call->easy)
			rc = h0_fail(e, H0_EXTERN, "the HTTP library does not start");
		else if (h0_url_host(reqs[i].url, host, sizeof host, e) < 0 || set_headers(call, e) < 0 ||
		         set_up(call, host, e) < 0)
			rc = -1;
	}
	if (rc == 0)
		perform(c, calls, n);
	calls_done(c, calls, n);
	return rc;
}

/* The "Cert:" entry of the first certificate of the chain. */
static int first_cert(const struct call *call, struct h0_buf *ret_pem, struct h0_err *e)
{
	struct curl_certinfo *info = NULL;
	call->c->curl_easy_getinfo(call->easy, CURLINFO_CERTINFO, &info);
	for (struct curl_slist *l = info && info->num_of_certs ? info->certinfo[0] : NULL; l; l = l->next)
		if (h0_starts(l->data, "Cert:")) {
			h0_buf_adds(ret_pem, l->data + 5);
			return 0;
		}
	return fail(e, call, EPROTO, "the server shows no certificate");
}

int h0_http_cert(struct h0_http_client *c, const char *url, int timeout_ms, struct h0_buf *ret_pem,
                 struct h0_err *e)
{
	const struct h0_http_req req = {.url = url, .timeout_ms = timeout_ms, .fresh = true,
	                                .unverified = true};
	struct h0_err why = {0};
	h0_auto(call_done) struct call call = {.c = c, .req = &req, .err = &why};
	char host[256];
	if (h0_url_host(url, host, sizeof host, e) < 0 || set_headers(&call, e) < 0)
		return -1;
	if (new_handle(c, &call, e) < 0 || set_up(&call, host, e) < 0)
		return -1;
	c->curl_easy_setopt(c->easy, CURLOPT_CONNECT_ONLY, 1L);
	c->curl_easy_setopt(c->easy, CURLOPT_CERTINFO, 1L);
	perform(c, &call, 1);
	if (!why.kind)
		return first_cert(&call, ret_pem, e);
	if (e)
		*e = why;
	return -1;
}

void h0_http_content_type(struct h0_http_client *c, char *dst, size_t size)
{
	char *type = NULL;
	c->curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
	snprintf(dst, size, "%s", type ? type : "");
}

int h0_http(const struct h0_http_req *req, struct h0_http_res *ret, struct h0_err *e)
{
	h0_autohttpclient struct h0_http_client *c = NULL;
	return h0_http_open(&c, e) < 0 ? -1 : h0_http_do(c, req, ret, e);
}

void h0_http_res_done(struct h0_http_res *r)
{
	h0_buf_done(&r->body);
}
