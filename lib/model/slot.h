/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Slots as their files say them: both shapes (flat, and scalars in [slot], which win), old keys
 * folded, checked against the schema. Pure: works on a snapshot. One broken file does not hide
 * the others: its error stays in its record. Values are what the file says; "absent" is kept
 * apart from every default. What follows from them (profile, image, ...) is model/plan.h.
 */
#ifndef H0_MODEL_SLOT_H
#define H0_MODEL_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/names.h"
#include "conf/snapshot.h"
#include "conf/validate.h"
#include "fmt/toml.h"

enum h0_tri { H0_TRI_ABSENT = -1, H0_TRI_FALSE = 0, H0_TRI_TRUE = 1 };

struct h0_slot {
	char name[H0_NAME_MAX + 1]; /* = the file's stem */
	char *file;                 /* below etc: "slots/chat.toml" */
	bool broken;                /* `err` says why; of the rest only name and file count, and
	                             * port (0 unknown) so that it is not given away */
	struct h0_err err;
	struct h0_findings found;   /* everything the file's check said, warnings too */

	int port;
	enum h0_slot_type type;
	bool type_given;            /* false: taken from provider or name */
	enum h0_device device;
	bool device_given;          /* false: from the old key `backend`, or the default */
	enum h0_provider provider;
	bool provider_given;
	const char *profile;        /* NULL = absent */
	const char *role;           /* "primary", "utility", "npu" or NULL */
	bool is_default;            /* `default`: the one of its type */
	bool enabled;
	enum h0_tri mtp, enable_thinking;
	bool vision;
	const char *chat_template;  /* NULL = the model's own (absent or "auto") */
	int64_t workers;
	int64_t idle_timeout_s;     /* -1 = absent, 0 = never */
	const char *system_prompt;  /* NULL = absent */
	const char *image;          /* image override, NULL = none (a table `image` is below) */

	const char *model;          /* [model].default: id or absolute path; "" = none */
	int64_t context_size;       /* -1 = absent */
	const char *extra_args;     /* [server].extra_args, shell-quoted; NULL = absent */
	bool key;                   /* [server].key: its server wants one, where it can */

	bool read_only;             /* [container], read_only = false takes it away */
	int64_t pids_limit;         /* -1 = absent */
	const struct h0_toml_node *devices, *mounts, *caps; /* arrays of strings, NULL = absent */

	bool has_npu, npu_chat, npu_asr, npu_embed;          /* [npu] */
	int64_t idle_restore_minutes;                        /* [image] */
	const char *default_size;
	int64_t default_steps;

	struct h0_toml *doc;        /* owned; NULL when it does not parse. Strings point into it */
};

/* hal0.toml [slots], with its defaults. A broken file says the defaults. */
struct h0_slots_conf {
	int64_t max_slots;          /* 0 = any number */
	int port_first, port_last;  /* of any slot */
	int port_new_last;          /* of a new one */
	int64_t idle_timeout_s;     /* 0 = never */
};

struct h0_slots {
	struct h0_slot *v;          /* sorted by name */
	size_t n;
	struct h0_slots_conf conf;
};

/* All slots of a snapshot. Fails only when nothing can be said at all. Free: h0_slots_done. */
int h0_slots_load(const struct h0_snap *snap, struct h0_slots *ret, struct h0_err *e);
void h0_slots_done(struct h0_slots *s);
#define h0_autoslots h0_auto(h0_slots_done)

/* By name: NULL when there is no such file. May be broken. */
struct h0_slot *h0_slots_get(const struct h0_slots *s, const char *name);
/* By name, ready for use. A bad name: H0_USAGE, slot.config_error. No such slot: H0_USAGE,
 * slot.not_found, with the nearest name. Broken: its own error (H0_CONFIG). */
int h0_slots_find(const struct h0_slots *s, const char *name, const struct h0_slot **ret,
                  struct h0_err *e);

/* One file by itself: as h0_slots_load makes each record. `path` is "slots/NAME.toml". */
void h0_slot_parse(const char *path, const char *text, size_t len, struct h0_slot *ret);
void h0_slot_done(struct h0_slot *s);

/* Where a key stands in the file, both shapes: {"model", "default", NULL}; NULL = absent. */
const struct h0_toml_node *h0_slot_node(const struct h0_slot *s, const char *const *path);
/* H0_CONFIG (slot.config_error) at that key, or at the file when it is absent. Returns -1. */
int h0_slot_fail(const struct h0_slot *s, const char *key, struct h0_err *e, const char *fmt, ...)
    H0_PRINTF(4, 5);

/* After how many seconds without use it may be unloaded, 0 = never: what its file says; absent, what
 * hal0.toml says, but agent, utility and npu are then kept (as by the original hal0). */
int64_t h0_slot_idle_timeout(const struct h0_slot *s, const struct h0_slots_conf *conf);

/* H0_CONFIG at the key when the slot's port is outside hal0.toml's range. */
int h0_slot_check_port(const struct h0_slot *s, const struct h0_slots_conf *conf, struct h0_err *e);
/* What must hold between slots: a port each, one default per type, one slot that wants
 * the NPU (model/npu.h). Adds a finding per violation, at the later slot (by name). */
void h0_slots_check(const struct h0_slots *s, struct h0_findings *ret);
/* The same for one slot against all others: H0_CONFLICT, codes slot.config_error and
 * slot.npu_exclusivity_violation. */
int h0_slots_check_one(const struct h0_slots *s, const struct h0_slot *slot, struct h0_err *e);

#endif
