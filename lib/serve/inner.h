/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the files of serve share, and which thread may touch what:
 *
 * - A loop (struct h0_loop) and all that hangs on it (clients, connections to slots, asks, decisions)
 *   belong to its thread alone, without locks. Of another loop only `nclients`, `door`, `ep` (to add to)
 *   and `wake.fd` are touched. A new client is handed over whole: who accepted it adds it to the loop that
 *   gets it, holding that one's door, and does not look at it again; that loop passes its own door before
 *   it looks at what epoll brought. Before the loops run and after they are joined all of
 *   this is the first thread's.
 * - The first thread reads files, replaces the image, reports use, and ends everything. Signals come to it
 *   alone, and only while it sleeps.
 * - A thread per load calls conf->load and writes what came of it into its peer. The first thread joins
 *   them all (`jobs`), so none outlives the core.
 * - Under core->lock: the image and its references, the list of peers and the marked fields of each,
 *   `jobs`. It is never held over a call of conf; nobody holds two locks (of the core, of the census, a door).
 * - Peers are never freed while a thread runs: who has one may keep it. An image is held by those
 *   who took a reference; a decision copies what it needs of it. A client that leaves while its slot
 *   is loaded takes its ask along; the load goes on and knows of no client.
 * - Counters are atomic, relaxed where nothing follows from them. `in_flight` goes down before `touched`
 *   is set, and is read after that is cleared: so the last report of a slot's use is always the true one.
 *   `idle_since` is written before `clients` goes down.
 */
#ifndef H0_SERVE_INNER_H
#define H0_SERVE_INNER_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "fmt/jsonscan.h"
#include "model/route.h"
#include "serve/census.h"
#include "serve/formscan.h"
#include "serve/parse.h"
#include "serve/serve.h"
#include "serve/spool.h"

#define LOOP_BUF   (64u << 10)  /* one read */
#define MAX_LOOPS  64u
#define MAX_SPANS  60           /* pieces of a body within one read */
#define TAIL       1024         /* last bytes of an answer, where the token counts stand */
#define HEAD_ROOM  512          /* of a head, for what is added to it */
#define HOLD       4096         /* of a 503 or 401, to see whether it is to be passed on */

/* ---- shared ---- */

/* A configuration. Nobody changes it once it is there. */
struct h0_conf_image {
	unsigned refs;                          /* under core->lock */
	struct h0_snap snap;
	struct h0_slots slots;
	struct h0_upstreams upstreams;
	struct h0_route_look look;
};

/* Why a connection was not taken. */
enum turned_away { AWAY_FULL, AWAY_ADDRESS };

enum load_state { LOAD_NONE, LOAD_RUNNING, LOAD_DONE, LOAD_FAILED };

#define FIRST_BYTE_BUCKETS {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000}
#define NBUCKETS 13
#define TOKEN_BUCKETS {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144}
#define NTOKENS 10

#define H0_PEER_NAME 96

/* One per slot or upstream that was ever asked for; never freed while the server runs. */
struct h0_peer {
	struct h0_peer *next;
	char name[H0_PEER_NAME];                /* of an upstream: "upstream:NAME" */
	atomic_bool remote;                     /* an upstream */
	atomic_uint in_flight;
	atomic_uint_least64_t requests[6];      /* by status / 100; 0: the client left before */
	atomic_uint_least64_t first_byte[NBUCKETS + 1], first_byte_us;
	atomic_uint_least64_t prompt_tokens, tokens, loads, load_failures, retries;
	atomic_uint_least64_t prompt_size[NTOKENS + 1], size[NTOKENS + 1]; /* answers by their tokens */
	atomic_bool touched;                    /* asked since the last look */
	/* under core->lock */
	enum load_state load;
	int64_t load_began, load_ended, usual_ms;
	struct h0_err load_err;
};

struct h0_core {
	const struct h0_serve_conf *conf;
	struct h0_loop *loops;
	unsigned nloops;
	pthread_mutex_t lock;
	struct h0_conf_image *image;            /* under lock */
	atomic_uint generation;                 /* of the image */
	struct h0_peer *peers;                  /* under lock; the newest first */
	struct h0_job *jobs;                    /* under lock; the loads under way, and over but not joined */
	atomic_uint clients;
	struct h0_census census;                /* of the clients */
	atomic_uint_least64_t turned_away[2];   /* by enum turned_away */
	int head_ms, body_ms;
	atomic_size_t held;                     /* bytes of bodies in memory */
	atomic_bool asked;                      /* for a decision, since the last look */
	atomic_bool draining, cut;              /* end when the clients are done; end now */
	atomic_uint listening;                  /* loops that let clients in */
	atomic_llong idle_since;                /* ms, while clients is 0 */
	int news;                               /* eventfd: the first client has come */
	int64_t started;
	char id_prefix[12];                     /* of the request ids we give */
};

struct h0_conf_image *h0_image_ref(struct h0_core *core);
void h0_image_unref(struct h0_core *core, struct h0_conf_image *i);     /* NULL: nothing */
struct h0_peer *h0_peer_get(struct h0_core *core, const char *name);
/* The newest peer; those behind it stay as they are. NULL: none yet. */
struct h0_peer *h0_peers(struct h0_core *core);
/* For `touched` and `asked`: a word that many set and one thread clears is written when it changes. */
static inline void h0_set(atomic_bool *b)
{
	if (!atomic_load(b))
		(void)atomic_exchange(b, true);
}
/* Wakes every loop to look again at what it waits for. */
void h0_core_wake(struct h0_core *core);
/* Brings the slot up unless somebody is at it already. */
void h0_peer_load(struct h0_core *core, struct h0_peer *p);
/* Joins the threads of loads that are over; `all`: waits for the others, too. Of the first thread. */
void h0_loads_join(struct h0_core *core, bool all);
/* Seconds until another try makes sense. *ret_progress: 0 to 0.99 of the load, -1 = not known. */
int h0_peer_retry_after(struct h0_core *core, struct h0_peer *p, int64_t now, double *ret_progress);
void h0_stats_print(struct h0_core *core, struct h0_buf *out);
/* The token counts at the end of an answer. */
void h0_stats_tokens(struct h0_peer *p, const char *tail, size_t n);

/* ---- of one loop ---- */

enum ev_kind { EV_LISTEN, EV_WAKE, EV_CLIENT, EV_UP };

struct ev {
	enum ev_kind kind;
	int fd;
	struct ev *next_dead;   /* freed after the current batch of events */
};

/* Where somebody listens. Zeroed around what is used, so that bytes can be compared. */
struct h0_target {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

/* What was decided for a path and a model; kept for the next request that is alike. */
struct decision {
	unsigned refs;
	uint64_t hash;
	char *path_in, *model_in;       /* model_in NULL: none */
	struct h0_peer *peer;           /* NULL: see status */
	char *record;                   /* of the NPU's trio, that `peer` answers for; NULL: none */
	struct h0_target to;
	char *who;                      /* "slot primary", "upstream lab" */
	bool remote;                    /* an upstream: nobody brings it up, its key is in `request` */
	int timeout_ms;                 /* longest silence of an upstream; 0: any */
	char *request;                  /* to send: the first line behind the method, and Host */
	char *model, *model_json;       /* to send, as a form's field and in JSON; NULL: leave it */
	char key[H0_SERVE_KEY];         /* to send, "" = none */
	int status;                     /* of a refusal, else 0 */
	struct h0_err err;
};

enum framing { FRAME_LENGTH, FRAME_CHUNKED, FRAME_CLOSE, FRAME_NONE };

/* One request. Its memory serves the next one: what is before `id` begins at zero. */
struct ask {
	struct ask *next;               /* of the spare ones */
	const struct h0_endpoint *endpoint; /* NULL: not in the table */
	struct decision *d;
	struct h0_spool body;
	struct h0_scan *scan;           /* NULL when no JSON is looked for */
	struct h0_formscan *form;       /* NULL when it is no form */
	uint64_t model_from, model_to;  /* where it stands in the body; equal: nowhere */
	struct h0_spool_out out;
	struct h0_buf head;             /* to the slot */
	size_t head_sent;
	struct h0_buf hold;             /* of an answer that may be taken back */
	bool holding, counted, retried, rekeyed, is_head, is_events, answer_begun, answer_over;
	enum framing framing;
	int status;
	int64_t began, load_until;
	uint64_t began_us;
	size_t tail_len;
	char id[72];
	char origin[128];               /* to allow in the answer, "" = none */
	char model[512];                /* asked for, "" = none */
	char tail[TAIL];                /* tail_len of it */
};

struct up {
	struct ev ev;
	struct up *next;                /* of the idle ones */
	struct client *c;               /* NULL: idle */
	struct h0_loop *loop;
	struct h0_target to;
	int64_t deadline;               /* of an upstream's next word; 0: none */
	bool connecting, reused, spoke, sent, can_read, ended;
	int64_t since;                  /* it is idle, or has its request */
	struct h0_parse in;
};

enum client_state {
	C_READ,         /* a request is awaited or read */
	C_SEND,         /* the slot is connected to, or gets the request */
	C_LOAD,         /* the slot is being loaded */
	C_ANSWER,       /* the answer is on its way */
	C_FLUSH,        /* an answer of ours is on its way */
	C_LINGER,       /* the answer is out; what the client still sends is dropped */
};

struct client {
	struct ev ev;
	struct client *prev, *next;     /* all of the loop */
	struct h0_loop *loop;
	enum client_state state;
	bool linked, can_read, gone_half, keep, queued, refused;
	bool served;                    /* has had an answer: may be told to come back */
	int64_t deadline;
	struct h0_parse in;
	struct h0_buf left;             /* read, but of the next request */
	struct h0_buf out;              /* written, but not taken yet */
	size_t out_at;
	struct ask *ask;                /* NULL between requests */
	struct up *up;
	struct client *next_again;
	struct h0_resident *from;       /* its address; NULL: not counted */
	int refuse_status;              /* what the head is refused with, 0 = nothing */
	const char *refuse_code, *refuse_why;
};

#define NDECISIONS 256u

struct h0_loop {
	struct h0_core *core;
	pthread_t thread;
	int ep, spare_fd;
	struct ev wake;
	struct ev listen[8];
	size_t nlisten;
	pthread_mutex_t door;           /* between who accepts a client and whose it becomes */
	int64_t now;
	char *buf;
	struct iovec span[MAX_SPANS + 8];
	size_t nspans, span_bytes;
	struct client *clients, *again;
	atomic_uint nclients;           /* with those whose first event is still to come */
	struct up *idle;                /* most recently used first */
	unsigned nidle;
	struct ev *dead;
	struct ask *spare;              /* nspare of them */
	unsigned nspare;
	struct h0_scan *spare_scan;
	struct h0_conf_image *image;
	unsigned generation;
	struct decision *decisions[NDECISIONS];
	uint64_t next_id;
	unsigned index;
	char head[1024];                /* scratch for the head of an answer */
};

/* loop.c */
int h0_loop_open(struct h0_loop *l, struct h0_core *core, unsigned index, struct h0_err *e);
void *h0_loop_run(void *loop);
void h0_loop_close(struct h0_loop *l);          /* may come twice */
int h0_loop_listen(struct h0_loop *l, int fd, bool shared, struct h0_err *e);
int h0_loop_watch(struct h0_loop *l, struct ev *ev, uint32_t events);
void h0_loop_bury(struct h0_loop *l, struct ev *ev);
/* The client goes on in the next round: others have their turn first. */
void h0_loop_again(struct h0_loop *l, struct client *c);

/* client.c */
/* `l` may be another thread's loop: the client is touched there from its first event on. */
void h0_client_new(struct h0_loop *l, int fd, struct h0_resident *from);
void h0_client_event(struct client *c, uint32_t events);
void h0_client_resume(struct client *c);
void h0_client_look(struct client *c);          /* something it waits for has changed */
bool h0_client_late(struct client *c);          /* past its deadline: closed */
/* Writes now what the socket takes and keeps the rest. -1: the client has gone. */
int h0_client_write(struct client *c, const struct iovec *v, size_t n);
static inline bool h0_client_is_full(const struct client *c)
{
	return c->out_at < c->out.len;
}
/* The answer has been handed over: what comes next? */
void h0_client_finish(struct client *c);
void h0_client_close(struct client *c);
/* Closes the connection of this loop (of that address, unless NULL) that is missed least, if there is
 * one for which nothing is under way: so those that only hold connections open keep nobody out. */
bool h0_client_make_room(struct h0_loop *l, const struct h0_resident *from);

/* ask.c */
struct ask *h0_ask_new(struct client *c);
void h0_ask_free(struct client *c);
void h0_ask_forget_spare(struct h0_loop *l);
/* From the parser: -1 with c->refuse_... set ends the reading. */
int h0_ask_head(struct client *c);
int h0_ask_body(struct client *c, const char *p, size_t n);
/* The request is complete: answer it here, or send it on. */
void h0_ask_begin(struct client *c);

/* heads.c */
/* The request's head for the slot, into c->ask->head. */
void h0_heads_request(struct client *c);
/* The answer's head for the client, in its place, and how the body will be framed. */
void h0_heads_answer(struct client *c, const struct h0_head *h);

/* relay.c: between the client and the slot */
void h0_relay_begin(struct client *c);          /* decided: c->ask->d */
void h0_relay_event(struct up *u, uint32_t events);
void h0_relay_pump(struct up *u);               /* the client takes bytes again */
void h0_relay_look(struct client *c);           /* in C_LOAD: has it come up? */
bool h0_relay_late(struct client *c);            /* an upstream that is silent for too long: given up */
void h0_relay_drop(struct client *c);           /* the client has gone */

/* pool.c */
struct up *h0_up_get(struct h0_loop *l, const struct h0_target *to, bool fresh, int *ret_errno);
void h0_up_keep(struct up *u);
void h0_up_close(struct up *u);
void h0_up_sweep(struct h0_loop *l, bool all);

/* decide.c */
struct decision *h0_decide(struct h0_loop *l, const char *path, const char *model);
void h0_decision_unref(struct decision *d);
void h0_decisions_forget(struct h0_loop *l);

/* answer.c */
/* An answer of our own. `more` is whole header lines, or NULL. */
void h0_answer(struct client *c, int status, const char *type, const char *more, const char *body, size_t n);
/* The envelope of an error. retry_after_s < 0: not said. */
void h0_answer_error(struct client *c, int status, const char *code, const char *message,
                     const struct h0_err *details, int retry_after_s);
/* /v1/models, /health, /metrics. */
void h0_answer_local(struct client *c, const struct h0_endpoint *ep);
const char *h0_status_text(int status);
/* Every request passes here, so these do without printf. */
void h0_put_number(struct h0_buf *b, uint64_t v);
void h0_put_field(struct h0_buf *b, const char *name, const char *value); /* "name: value" CR LF */

#endif
