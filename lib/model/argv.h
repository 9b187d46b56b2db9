/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one builder of a slot's podman command. Pure: the plan and what the machine has go in, the
 * words come out, each flag with where it came from. `slot argv`, --dry-run, start, run and the
 * unit all use it, so what is shown is what is run.
 *
 * The words, low to high: what hal0 must set (base), what hal0 advises for device and type
 * (hal0), MTP and the profile's flags (profile), what the slot's keys mean (slot), and
 * [server].extra_args (extra_args). Of a server flag given twice the last one stands, where it
 * stands and as it is spelled. No word ever passes a shell; none is a secret.
 */
#ifndef H0_MODEL_ARGV_H
#define H0_MODEL_ARGV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/plan.h"

#define H0_CONTAINER_PREFIX "hal0-slot-"
#define H0_LABEL_SLOT "io.hal0.slot"   /* the slot's name */
#define H0_LABEL_HOME "io.hal0.home"   /* HAL0_HOME, "" = the system's own */
#define H0_LABEL_SPEC "io.hal0.spec"   /* hash of the words: did the settings change? */
#define H0_LABEL_PORT "io.hal0.port"
#define H0_LABEL_MODEL "io.hal0.model" /* the name the server answers to */
#define H0_LABEL_PROVIDER "io.hal0.provider" /* the program inside, by h0_provider_names */

#define H0_ARGV_MODEL_PATH "--model_path"        /* of the speech servers */
#define H0_FLM_MODELS "/var/lib/hal0/.config/flm/models" /* FLM's, in its container */
#define H0_COMFYUI_PATHS "extra_model_paths.yaml" /* tells ComfyUI where its models are mounted */

enum h0_argv_source {
	H0_ARGV_BASE,
	H0_ARGV_HAL0,
	H0_ARGV_PROFILE,
	H0_ARGV_SLOT,
	H0_ARGV_EXTRA,
	H0_ARGV_SOURCES
};
extern const char *const h0_argv_source_names[]; /* indexed by it, ends with NULL */

enum h0_argv_mode {
	H0_ARGV_DETACHED,       /* podman returns when the container runs; it stays when it ends */
	H0_ARGV_UNIT,           /* the same inside the slot's unit: systemd watches the container's monitor */
	H0_ARGV_EXPORTED,       /* as DETACHED; somebody else starts it, hal0 will not read its log */
	H0_ARGV_FOREGROUND,     /* podman stays; the container goes when it ends */
};

enum h0_argv_network {
	H0_NET_HOST,            /* the server binds 127.0.0.1 itself */
	H0_NET_BRIDGE,          /* own network; podman publishes the port on 127.0.0.1 */
};

/* What only the machine knows. Strings are borrowed. */
struct h0_argv_facts {
	enum h0_argv_mode mode;
	enum h0_argv_network network;
	const char *podman;             /* argv[0] */
	const char *runtime;            /* OCI runtime to insist on, NULL = podman's own choice */
	const char *home;               /* HAL0_HOME or "" */
	const char *run_dir, *log_path; /* absolute; the slot's own */
	const char *model_id;           /* --alias; NULL = the slot has no model */
	const char *model_path;         /* absolute, NULL as above, or where the profile names it */
	const char *mmproj, *chat_template; /* absolute paths, NULL = none */
	const char *key_path;           /* absolute: the slot's key; NULL = it has none */
	const char *data_dir;           /* flm: its models; comfyui: its data root; NULL */
	const char *const *mounts;      /* absolute paths, read-only at the same place; NULL-ended */
	const char *const *nodes;       /* device nodes, as podman's --device wants them; NULL-ended */
	const long *gids;               /* groups of those nodes, each once */
	size_t ngids;
	long uid, gid;                  /* of the server; -1 = as the image says */
	int64_t native_context;         /* of the model, -1 = unknown */
	bool model_has_mtp;             /* it has MTP layers, or nobody knows */
	int64_t model_bytes, ram_bytes; /* -1 = unknown */
	int64_t nofile, nproc;          /* our own hard limits, -1 = unlimited */
	int64_t memlock;                /* bytes of locked memory we can grant, -1 = any number */
	int cpus;                       /* that we may run on, 0 = unknown */
	bool measure;                   /* let the server say what it allocates */
};

struct h0_argv_item {
	size_t at, n;                   /* words[at .. at + n): one flag, or one positional word */
	enum h0_argv_source source;
};

struct h0_argv {
	struct h0_strv words;           /* the whole command, podman first */
	struct h0_argv_item *items;     /* every word but podman's own is in exactly one */
	size_t n, cap;
	size_t server_at;               /* index of the first word the program inside gets */
	int64_t context;                /* 0 = the program has none */
	size_t removed;                 /* flags that a later one replaced */
	bool mtp;                       /* multi-token prediction is on */
	const char *mtp_why;            /* why it is on or off: one clause */
	char spec[17];                  /* as by h0_argv_stamp: whoever starts it, the same */
};

/* H0_CONFIG (slot.config_error) at the key to blame: quotes that do not close, a flag that only
 * hal0 may set, embedding and reranking in one server, a path that podman cannot mount. */
int h0_argv_build(const struct h0_plan *plan, const struct h0_argv_facts *f, struct h0_argv *ret,
                  struct h0_err *e);
void h0_argv_done(struct h0_argv *a);
#define h0_autoargv h0_auto(h0_argv_done)

#endif
