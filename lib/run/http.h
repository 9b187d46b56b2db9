/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP client calls over libcurl, which is opened (dlopen) on the first call so that verbs that
 * make none do not pay for it. run/http.c is the only file that includes curl.h.
 * Only http and https; redirects are not followed; proxies from the environment are ignored for
 * loopback; a URL is one that fmt/url.h takes.
 * A client keeps its connections for the next call. One thread at a time per client.
 */
#ifndef H0_RUN_HTTP_H
#define H0_RUN_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct h0_http_req {
	const char *url;
	const char *method;              /* NULL: GET, or POST when there is a body */
	const char *const *headers;      /* "Name: value", NULL-terminated; never logged */
	const void *body;                /* NULL: none */
	size_t body_len;
	int connect_timeout_ms;          /* 0: 2000 */
	int timeout_ms;                  /* whole call; 0: none */
	int idle_timeout_ms;             /* no byte either way for so long; 0: none */
	size_t max_body;                 /* bytes kept of the answer; 0: 1 MiB; more is H0_EXTERN */
	/* https: the certificate must be good and the host's, unless ... */
	const char *ca_file;             /* ... it is signed by one of these (PEM file) */
	const char *cert_pem;            /* ... it is this very one, whatever the name in it */
	bool unverified;                 /* ... anything goes */
	bool fresh;                      /* a new connection, closed afterwards (health checks) */
	const atomic_int *stop;          /* non-zero cancels: H0_EXTERN, the connection is closed */
	/* Called with the answer's bytes as they come; then nothing is kept. Non-zero cancels. */
	int (*on_data)(const char *p, size_t n, int status, void *arg);
	void *on_data_arg;
	/* Called before that with each header of the answer, its value without blanks around. A name
	 * of "" says that an answer begins (again, after one of 100 Continue). May be NULL. */
	void (*on_header)(const char *name, const char *value, void *arg);
	void *on_header_arg;
};

struct h0_http_res {
	int status;                      /* 200 ... */
	char content_type[128];          /* "" = not said */
	int retry_after_s;               /* -1 = not said */
	char authenticate[512];          /* WWW-Authenticate, all lines of it; "" = not said */
	struct h0_buf body;
};

struct h0_http_client;

/* H0_EXTERN with sys_errno ELIBACC when the library is not installed. */
int h0_http_open(struct h0_http_client **ret, struct h0_err *e);
void h0_http_close(struct h0_http_client *c);    /* NULL allowed */
static inline void h0_http_closep(struct h0_http_client **c)
{
	h0_http_close(*c);
}
#define h0_autohttpclient h0_auto(h0_http_closep)

/* 0: an HTTP answer came, whatever its status, and *ret holds it (h0_http_res_done).
 * -1: H0_USAGE for a URL or method that cannot be sent; else H0_EXTERN, where sys_errno tells
 * which: ECONNREFUSED and other connect errors, EHOSTUNREACH (no such name), ETIMEDOUT,
 * ECANCELED (stop or on_data), EFBIG (max_body, or endless headers), EPROTO (not HTTP, TLS),
 * ECONNRESET (ended early). *ret is then untouched, but on_data may have been called before. */
int h0_http_do(struct h0_http_client *c, const struct h0_http_req *req, struct h0_http_res *ret,
               struct h0_err *e);
/* Several: one after the other over one connection where that brings bytes as fast as they are
 * taken in, else up to all at once, each over a connection of its own. errs[i].kind is H0_OK
 * where an answer came to reqs[i]. Only on_data and on_header hear of it. -1 (H0_EXTERN): not
 * even begun. */
int h0_http_do_all(struct h0_http_client *c, const struct h0_http_req *reqs, size_t n,
                   struct h0_err *errs, struct h0_err *e);
/* The certificate an https server shows, as PEM: a handshake, no request. Nothing is verified. */
int h0_http_cert(struct h0_http_client *c, const char *url, int timeout_ms, struct h0_buf *ret_pem,
                 struct h0_err *e);
/* Within on_data: the answer's content type, "" = not said. */
void h0_http_content_type(struct h0_http_client *c, char *dst, size_t size);
/* h0_http_do with a client of its own. */
int h0_http(const struct h0_http_req *req, struct h0_http_res *ret, struct h0_err *e);
void h0_http_res_done(struct h0_http_res *r);
#define h0_autohttp h0_auto(h0_http_res_done)

#endif
