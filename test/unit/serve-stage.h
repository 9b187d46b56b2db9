/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The router as a server, between clients and a slot that both misbehave on request: the query of
 * the path says what the slot does ("?do=stall"). For the tests of serve: a router in threads of
 * the test, a slot in others, files in a directory of their own.
 */
#ifndef SERVE_STAGE_H
#define SERVE_STAGE_H

#include "tap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "serve/serve.h"
#include "sock.h"

/* Slots main, primary, cold (comes up by being loaded), bad (does not), stt and img, and a router
 * before them. false: no ports from 8100 to 8200 are free. */
bool stage_open(void);
/* 0 or 1. The router has been stopped. */
int stage_close(void);

double now(void);               /* s, monotonic */
void nap(int ms);
/* Waits for a condition; longer than any machine takes, so that it fails only when it never comes. */
#define PATIENCE_S 60
#define UNTIL(condition) \
	for (double until_ = now() + PATIENCE_S; !(condition) && now() < until_;) \
		nap(1)

/* ---- the slot ---- */

extern int slot_port;
extern atomic_int slot_conns, slot_open, slot_requests, slot_gone, slot_bad_sum;
extern atomic_bool slot_held;   /* "sse" makes its first event, and the others when this is false */
extern atomic_llong slot_sent;
/* Of the last request, as it was when asked; until the next call. For the test's first thread. */
const char *slot_head(void);
const char *slot_body(void);

void slot_start(int fd);        /* answers on what it listens on */
void write_slot(const char *name, const char *type, int p, const char *model);

/* ---- the router ---- */

extern char home[64];           /* its /etc/hal0 */
extern atomic_int port;         /* it listens on; 0: not yet */
extern int cold_fd;
extern atomic_int stop;
extern atomic_int loads, used_calls, used_in_flight, key_calls, looks;
extern atomic_bool used_held;   /* a report of requests under way takes until this is false */
extern atomic_bool swapped;     /* slot "main" has another model than its file says */
extern _Atomic(const char *) slot_key_now;
extern atomic_int load_takes_ms;
extern atomic_bool load_held;   /* and then until this is false */
extern atomic_bool load_fails;
extern struct h0_guard guard;
extern struct h0_serve_conf conf;
extern pthread_t router;
extern int router_rc;

void router_start(void);
void router_stop(void);

/* ---- clients ---- */

#define POST(query, more, body) \
	"POST /v1/chat/completions" query " HTTP/1.1\r\nHost: localhost\r\n" more "Content-Length: %zu\r\n\r\n%s", \
	strlen(body), body
#define BODY "{\"model\":\"main\"}"

int dial(void);                 /* -1: nobody listens */
/* All bytes until the other side ends. */
void read_all(int fd, struct h0_buf *b);
/* Until `text` has been seen `times` times. */
bool read_until(int fd, struct h0_buf *b, const char *text, int times);
/* One request on a connection of its own; everything that came back. Free it. */
__attribute__((format(printf, 1, 2))) char *ask(const char *fmt, ...);
int status_of(const char *answer);
/* A test of that name: the answer has that status and that text in it. Frees it. */
__attribute__((unused)) static bool check(const char *name, char *answer, int status, const char *has)
{
	bool good = status_of(answer) == status && (!has || strstr(answer, has));
	if (!ok(good, "%s", name))
		printf("# want %d and %s, got:\n# %.600s\n", status, has ? has : "anything", answer);
	free(answer);
	return good;
}

int count_fds(void);            /* of this process */
long rss_kib(void);
double metric(const char *line); /* the number behind it in /metrics; -1: not there */

#endif
