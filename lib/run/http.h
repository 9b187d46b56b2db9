/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP client calls over libcurl, which is opened (dlopen) on the first call so that verbs that
 * make none do not pay for it. run/http.c is the only file that includes curl.h.
 * Redirects are not followed, proxies from the environment are ignored for loopback.
 */
#ifndef H0_RUN_HTTP_H
#define H0_RUN_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct h0_http_req {
	const char *url;
	const char *method;              /* NULL: GET, or POST when there is a body */
	const char *const *headers;      /* "Name: value", NULL-terminated; never logged */
	const void *body;
	size_t body_len;
	int connect_timeout_ms;          /* 0: 2000 */
	int timeout_ms;                  /* whole call; 0: none */
	int idle_timeout_ms;             /* no byte for so long; 0: none */
	size_t max_body;                 /* bytes kept of the answer; 0: 1 MiB; more is H0_EXTERN */
	const volatile int *stop;        /* non-zero cancels: H0_EXTERN, the connection is closed */
	/* Called with the answer's bytes as they come; then nothing is kept. Non-zero cancels. */
	int (*on_data)(const char *p, size_t n, int status, void *arg);
	void *on_data_arg;
};

struct h0_http_res {
	int status;                      /* 200 ... */
	char content_type[128];
	int retry_after_s;               /* -1 = not said */
	struct h0_buf body;
};

/* 0: an HTTP answer came, whatever its status. -1: H0_EXTERN (sys_errno ECONNREFUSED, ETIMEDOUT,
 * ECANCELED ... tells which). */
int h0_http(const struct h0_http_req *req, struct h0_http_res *ret, struct h0_err *e);
void h0_http_res_done(struct h0_http_res *r);
#define h0_autohttp h0_auto(h0_http_res_done)

#endif
