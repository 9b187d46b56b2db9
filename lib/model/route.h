/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which slot answers a request: a decision from values, the same for explain, call, chat and
 * serve. Every step is recorded with its reason.
 *
 * Order: the path's endpoint; virtual names (hal0/NAME) and their chains; a loaded slot that
 * advertises the model; a slot's name; a slot's [model].default; an upstream that lists the model;
 * what the model's name tells; the default slot of the endpoint's type. A slot of a type that cannot
 * answer the endpoint is never chosen. Source of names and order: formats of the original hal0.
 */
#ifndef H0_MODEL_ROUTE_H
#define H0_MODEL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/endpoint.h"
#include "model/slot.h"
#include "model/upstream.h"

enum h0_route_known { H0_ROUTE_UNKNOWN, H0_ROUTE_DOWN, H0_ROUTE_LOADING, H0_ROUTE_READY };

/* What is known of a slot right now. */
struct h0_route_live {
	const char *slot;
	enum h0_route_known state;
	const char *const *models;  /* what it advertises, NULL-terminated; may be NULL */
	unsigned without;           /* H0_TYPE_BIT set: what the NPU's server was started without */
};

/* What is known of an upstream. */
struct h0_route_remote {
	const char *name;
	const char *const *models;  /* what it lists, NULL-terminated; NULL: it did not say */
	const char *why;            /* it did not; else NULL */
	const char *addr;           /* its host as a number, NULL: not known */
	const char *header;         /* with its key, "Name: value"; NULL: none. A secret */
};

/* Of all slots and upstreams, as somebody found it out. */
struct h0_route_look {
	struct h0_route_live *v;
	size_t n;
	struct h0_route_remote *remote;
	size_t nremote;
	struct h0_arena mem;        /* owns the strings */
};
void h0_route_look_done(struct h0_route_look *l);
#define h0_autoroutelook h0_auto(h0_route_look_done)
bool h0_route_look_same(const struct h0_route_look *a, const struct h0_route_look *b);

struct h0_route_ask {
	const struct h0_slots *slots;
	const struct h0_route_live *live;
	size_t nlive;
	const struct h0_upstreams *upstreams;   /* NULL: none */
	const struct h0_route_remote *remote;   /* what is known of them */
	size_t nremote;
	const char *path;           /* with query; NULL: the main endpoint of the slot found */
	const char *model;          /* NULL or "": not said */
	bool loads;                 /* who asks brings up what is down: that is no reason to refuse */
};

struct h0_route_step {
	const char *rule;           /* "endpoint", "virtual", "loaded", "slot name", "model" ... */
	bool taken;                 /* it decided, or changed what goes on */
	const char *why;
};

struct h0_route {
	const struct h0_endpoint *endpoint; /* NULL: not in the table, the path goes as it is */
	const struct h0_slot *slot;         /* NULL: the router itself (endpoint->ask LOCAL) */
	const struct h0_upstream *upstream; /* it answers, no slot does; else NULL */
	const struct h0_route_remote *remote; /* what is known of it */
	const struct h0_slot *anchor;       /* != slot: the NPU slot that answers for this record */
	const char *rule;                   /* the one that chose the slot */
	int port;
	const char *path;                   /* to send */
	const char *model;                  /* to write into the request; NULL: leave it */
	struct h0_route_step *steps;
	size_t nsteps, cap;
	struct h0_arena mem;                /* owns the strings */
};

/* 0 or -1; *ret holds the steps in both cases (h0_route_done). Errors:
 * H0_NO     dispatch.no_route, npu.trio_unavailable, slot.not_found (hal0/NAME)
 * H0_USAGE  request.missing_model, a path that is none
 * H0_CONFIG the slot asked for by name has a broken file. */
int h0_route_find(const struct h0_route_ask *ask, struct h0_route *ret, struct h0_err *e);
void h0_route_done(struct h0_route *r);
/* A step that somebody else knows of: it decided nothing. */
void h0_route_remark(struct h0_route *r, const char *rule, const char *why);
#define h0_autoroute h0_auto(h0_route_done)

/* The name a slot's server answers to (its --alias): the id, or an absolute path's file name
 * without ".gguf" and shard number. FLM servers want "name:size". "" = the slot has no model.
 * Into dst. */
const char *h0_route_model_id(const struct h0_slot *s, char *dst, size_t size);

/* Virtual names: `i` counts from 0 until NULL. */
struct h0_route_chain {
	const char *name;               /* "utility" of hal0/utility */
	const char *then[4];            /* tried in order when no slot has that name or role */
};
extern const struct h0_route_chain h0_route_chains[];
extern const size_t h0_route_nchains;

#endif
