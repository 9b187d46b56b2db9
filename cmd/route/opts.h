/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Options and reports of hal0-route's verbs. A report's columns are listed once, here; spec.c makes
 * the table of them and the verbs use the enum.
 */
#ifndef H0_CMD_ROUTE_OPTS_H
#define H0_CMD_ROUTE_OPTS_H

#include "cli/main.h"

/* X(ID, name, json key or NULL, type, flags, help) */
#define ROUTE_TABLE_COLS(X)                                                                       \
	X(PATH, "path", NULL, STR, 0, "path of the endpoint")                                     \
	X(METHOD, "method", NULL, STR, 0, "HTTP method")                                          \
	X(TYPE, "type", NULL, STR, 0, "type of the slots that answer it")                         \
	X(SLOT, "slot", NULL, STR, 0, "the slot that answers when no model is named")             \
	X(PORT, "port", NULL, INT, 0, "its port")                                                 \
	X(RULE, "rule", NULL, STR, 0, "why this slot")                                            \
	X(HELP, "what", NULL, STR, 0, "what the endpoint does")                                   \
	X(SENT, "sent", "sent_path", STR, H0_COL_EXTRA, "path the slot gets")                     \
	X(NOTE, "note", NULL, STR, H0_COL_EXTRA, "why nobody answers it")

#define ROUTE_EXPLAIN_COLS(X)                                                                     \
	X(SLOT, "slot", NULL, STR, 0, "the slot that answers")                                    \
	X(UPSTREAM, "upstream", NULL, STR, 0, "the server elsewhere that answers")                \
	X(URL, "url", NULL, STR, 0, "where the request goes")                                     \
	X(MODEL, "model", NULL, STR, 0, "model name in the request as sent")                      \
	X(RULE, "rule", NULL, STR, 0, "the rule that decided")                                    \
	X(ERROR, "error", NULL, JSON, H0_COL_EXTRA, "code and message when nobody answers")       \
	X(PORT, "port", NULL, INT, H0_COL_EXTRA, "port of the server")                            \
	X(PATH, "path", NULL, STR, H0_COL_EXTRA, "path as sent")                                  \
	X(ENDPOINT, "endpoint", NULL, STR, H0_COL_EXTRA, "endpoint of the table")                 \
	X(ANCHOR, "anchor", NULL, STR, H0_COL_EXTRA, "slot whose server answers, when another")   \
	X(STEPS, "steps", NULL, JSON, H0_COL_EXTRA, "every rule that was tried, with its reason")

#define ROUTE_STEP_COLS(X)                                                                        \
	X(RULE, "rule", NULL, STR, 0, "the rule that was tried")                                  \
	X(TAKEN, "taken", NULL, BOOL, 0, "it decided, or changed what goes on")                   \
	X(WHY, "why", NULL, STR, 0, "what it found")

#define ROUTE_EXPORT_COLS(X)                                                                      \
	X(FILE, "file", NULL, STR, 0, "the file")                                                 \
	X(CHANGED, "changed", NULL, BOOL, 0, "it was written, or differs")                        \
	X(SECRET, "secret", NULL, BOOL, H0_COL_EXTRA, "it holds keys")

#define ROUTE_ENUM_EXPORT(id, ...)  EXPORT_##id,
enum { ROUTE_EXPORT_COLS(ROUTE_ENUM_EXPORT) };
#define ROUTE_ENUM_TABLE(id, ...)   TABLE_##id,
#define ROUTE_ENUM_EXPLAIN(id, ...) EXPLAIN_##id,
#define ROUTE_ENUM_STEP(id, ...)    STEP_##id,
enum { ROUTE_TABLE_COLS(ROUTE_ENUM_TABLE) };
enum { ROUTE_EXPLAIN_COLS(ROUTE_ENUM_EXPLAIN) };
enum { ROUTE_STEP_COLS(ROUTE_ENUM_STEP) };

extern const struct h0_prog route_prog;
extern const struct h0_col route_table_cols[], route_explain_cols[], route_step_cols[],
    route_export_cols[];

struct route_explain_opts {
	const char *path, *data;
};

/* What shapes an answer; the same for call and chat. */
struct route_say_opts {
	const char *system;     /* NULL: the slot's system_prompt */
	const char *temperature;
	int64_t max_tokens;     /* 0 = not said */
	const char *reasoning;  /* auto, show, hide */
	int64_t timeout_s;      /* silence that ends the call; 0 = none */
};

struct route_call_opts {
	const char *path, *data;
	bool no_stream;
	struct route_say_opts say;
};

struct route_chat_opts {
	struct route_say_opts say;
};

struct route_serve_opts {
	const char *bind, *key_file;
	struct h0_strv host, origin;
	int64_t port, max_body, max_clients, max_per_address, threads, wait_s, drain_s, idle_exit_s;
	bool no_load, evict;
};

struct route_export_opts {
	const char *dir, *bind, *key_file, *node_key_file;
	struct h0_strv host, origin, node;
	int64_t port, peek;
	bool check, undo;
};

int route_export(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int route_table(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int route_explain(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int route_call(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int route_chat(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int route_serve(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

#endif
