/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the verbs share: the slots as configured, the body of a request, where an answer goes,
 * and the signal that ends it.
 */
#ifndef H0_CMD_ROUTE_BOX_H
#define H0_CMD_ROUTE_BOX_H

#include <stdatomic.h>

#include "cli/main.h"
#include "conf/paths.h"
#include "conf/snapshot.h"
#include "fmt/json.h"
#include "model/route.h"
#include "model/slot.h"
#include "opts.h"
#include "run/slotkey.h"
#include "run/talk.h"

#define ROUTE_PATIENCE_MS 200    /* for a slot to say how it is */

struct route_box {
	struct h0_paths paths;
	struct h0_snap snap;
	struct h0_slots slots;
	struct h0_upstreams upstreams;
	struct h0_route_look look;
};

int route_box_open(struct route_box *ret, struct h0_err *e);
/* Finds out how the slots are and makes it part of the question. */
void route_box_look(struct route_box *b, struct h0_route_ask *ask);
/* Looks, decides, and asks the upstreams for their models when no slot has the one that is asked
 * for. As h0_route_find; ask->slots is the box's. */
int route_box_find(struct route_box *b, struct h0_route_ask *ask, struct h0_route *ret, struct h0_err *e);
void route_box_done(struct route_box *b);

/* How a request gets where the route leads: the slot's key, or the upstream's URL and header. */
struct route_way {
	char key[H0_SLOT_KEY];
	char *url, *header;
};
int route_way(const struct route_box *b, const struct h0_route *r, struct h0_talk *talk, struct route_way *ret,
              struct h0_err *e);
void route_way_done(struct route_way *w);
#define route_autoway h0_auto(route_way_done)
/* "slot primary", "upstream lab" into dst. */
const char *route_who(const struct h0_route *r, char *dst, size_t size);
#define route_autobox h0_auto(route_box_done)

/* The keys of a file, one per line, which nobody else may read. H0_CONFIG: others can, or there is
 * none in it. */
int route_keys(const char *path, struct h0_strv *ret, struct h0_err *e);

/* ---- bodies ---- */

struct route_body {
	struct h0_buf bytes;
	char content_type[128]; /* "" = application/json */
	bool given;             /* there is one: POST */
};
void route_body_done(struct route_body *b);
#define route_autobody h0_auto(route_body_done)

/* --data's argument: text, @FILE or @-. */
int route_data(const char *arg, struct h0_buf *ret, struct h0_err *e);
/* All of stdin as a prompt, without its last line end. H0_USAGE when there is nothing. */
int route_stdin_prompt(struct h0_buf *ret, struct h0_err *e);
/* The model a JSON body names into dst, "" when none. request.invalid_json,
 * request.not_an_object (H0_USAGE). */
int route_body_model(const struct h0_buf *body, char *dst, size_t size, struct h0_err *e);
/* Writes `model` into a JSON object's text, in place of the old value. */
void route_body_set_model(struct h0_buf *body, const char *model);
/* A request for the route's endpoint from operands, as the endpoint means them. */
int route_body_make(const struct h0_route *r, const struct route_say_opts *o, bool stream,
                    const char *const *texts, size_t n, struct route_body *ret, struct h0_err *e);
/* The same for a conversation. `messages` is copied. */
int route_body_chat(const struct h0_route *r, const struct route_say_opts *o, bool stream,
                    const struct h0_json *messages, struct h0_buf *ret, struct h0_err *e);

/* ---- answers ---- */

struct route_sink {
	struct h0_ctx *ctx;
	bool reasoning;         /* goes to stderr */
	bool in_reasoning;      /* its last line is not ended */
	char last;              /* last byte of the answer, 0 = none */
	struct h0_buf *keep;    /* gets the answer's text as well; NULL: nobody does */
};
void route_sink_init(struct route_sink *s, struct h0_ctx *ctx, const struct route_say_opts *o);
/* For struct h0_talk's on_text; arg is the sink. */
int route_sink_text(bool reasoning, const char *p, size_t n, void *arg, struct h0_err *e);
/* Text on stderr that is no message: dim, without the program's name. */
void route_note(struct h0_ctx *ctx, const char *p, size_t n);
/* Ends the last line. */
int route_sink_end(struct route_sink *s, struct h0_err *e);

/* ---- Ctrl-C ---- */

/* From now on SIGINT, SIGTERM and SIGHUP set the value that is returned; blocking calls end with
 * EINTR. */
atomic_int *route_catch(void);
/* Dies of the signal that was caught, as a shell expects. Flush first. */
void route_die_of_it(void);

#endif
