/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Does a running container match what a slot's files say now? Both commands, the one that made
 * the container and the one that would be run, are brought to one form first: long names of
 * flags, no order but where it counts, nothing that depends on who starts it. Pure.
 */
#ifndef H0_MODEL_ARGVDIFF_H
#define H0_MODEL_ARGVDIFF_H

#include "model/argv.h"

enum h0_diff_kind {
	H0_DIFF_SERVER,         /* an option of the program inside */
	H0_DIFF_CONTAINER,      /* an option of podman */
	H0_DIFF_DEVICE, H0_DIFF_MOUNT, H0_DIFF_ENVIRONMENT, H0_DIFF_IMAGE,
	H0_DIFF_KINDS
};
extern const char *const h0_diff_kind_names[]; /* "server", "container", ...; ends with NULL */

struct h0_argv_diff {
	enum h0_diff_kind kind;
	char *key;              /* the flag as it is spelled, "image", or a variable's name */
	char *running, *wanted; /* NULL = not there; "" = there without a value */
	enum h0_argv_source source; /* of what is wanted; meaningless when it is NULL */
};

struct h0_argv_diffs {
	struct h0_argv_diff *v;
	size_t n, cap;
};
void h0_argv_diffs_done(struct h0_argv_diffs *d);
#define h0_autodiffs h0_auto(h0_argv_diffs_done)

/* Appends what differs, in the order of the command. `live`: the words that made the container,
 * podman first. Image ids decide over references; NULL = unknown. */
void h0_argv_compare(const struct h0_argv *want, const char *want_image_id, char *const *live,
                     size_t n, const char *live_image_id, struct h0_argv_diffs *ret);
/* One more: what `key` names has the same value, and is another thing by now. */
void h0_argv_diffs_other(struct h0_argv_diffs *d, enum h0_diff_kind kind, const char *key,
                         const char *value, enum h0_argv_source source);
/* Takes one out again. */
void h0_argv_diffs_drop(struct h0_argv_diffs *d, size_t i);
/* "--ctx-size is 4096, would be 8192". */
void h0_argv_diff_say(const struct h0_argv_diff *d, struct h0_buf *out);

/* Where a word of the command is from, for a person: "slots/chat.toml:9:16 model.context_size",
 * "profile vulkan", "hal0". `key`: the flag, or "image". */
void h0_argv_from(const struct h0_plan *plan, enum h0_argv_source source, const char *key,
                  struct h0_buf *out);

/* 16 hex digits over what counts of a command: equal for two that would not differ, but for what
 * an image's name points to. */
void h0_argv_stamp(char *const *words, size_t n, char ret[17]);

#endif
