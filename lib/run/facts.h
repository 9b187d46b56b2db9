/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the machine has for one slot: the model file and what it says of itself, device nodes and
 * their groups, limits. And the podman command that follows (model/argv.h). Asks no podman.
 */
#ifndef H0_RUN_FACTS_H
#define H0_RUN_FACTS_H

#include <stdbool.h>

#include "base/err.h"
#include "conf/paths.h"
#include "conf/snapshot.h"
#include "fmt/gguf.h"
#include "model/argv.h"
#include "run/nodes.h"
#include "run/podman.h"
#include "run/store.h"

struct h0_fit_run;

/* One slot made concrete. Lives as long as the slot and the catalog it was made from. */
struct h0_spec {
	struct h0_plan plan;
	struct h0_argv argv;
	struct h0_model_file model;     /* zero when the slot's program takes no file */
	struct h0_gguf gguf;            /* all -1 when there is none */
	struct h0_strv mounts;
	struct h0_nodes nodes;
	char run_dir[1200];             /* /run/hal0/slots/NAME: pid files, out-of-memory mark */
	char log_path[1200];            /* /var/lib/hal0/slots/NAME/server.log */
	char *files;                    /* what a speech server reads, NULL: nothing of this machine's */
	const char *files_by;           /* the slot's key that names it, NULL: the profile does */
	char *model_path, *mmproj, *chat_template, *data_dir;
	char key_path[1200];            /* the slot's key; "" = it has none */
	long uid, gid;                  /* of the server, -1 = as the image says */
};

/* H0_CONFIG: no such model file, not a GGUF file, truncated, a shard is missing, the slot has no
 * model, what h0_plan_slot and h0_argv_build refuse. H0_NOHW (backend.missing): a device node the
 * device needs is not there. Free with h0_spec_done, also after a failure. */
int h0_spec_make(const struct h0_paths *paths, const struct h0_snap *snap,
                 const struct h0_profiles *profiles, const struct h0_podman *podman,
                 const struct h0_slot *slot, enum h0_argv_mode mode, struct h0_spec *ret,
                 struct h0_err *e);
/* The same (detached) on a machine without the slot's device, too: then without its nodes. Not to
 * be run; for what the server would be told. */
int h0_spec_make_anywhere(const struct h0_paths *paths, const struct h0_snap *snap,
                          const struct h0_profiles *profiles, const struct h0_podman *podman,
                          const struct h0_slot *slot, struct h0_spec *ret, struct h0_err *e);
/* Is what its program reads there? H0_CONFIG, model.path_missing. (A model that is one file is looked
 * into when the spec is made.) */
int h0_spec_check(const struct h0_spec *s, struct h0_err *e);
/* Makes what the container's writable mounts and ComfyUI's list of model directories need. */
int h0_spec_prepare(const struct h0_spec *s, struct h0_err *e);
/* The flags of its llama-server, as an estimate counts them. */
void h0_spec_fit_run(const struct h0_spec *s, struct h0_fit_run *ret);
void h0_spec_done(struct h0_spec *s);
#define h0_autospec h0_auto(h0_spec_done)

/* Size of the model's file; 0: not known, or several. */
static inline int64_t h0_spec_model_bytes(const struct h0_spec *s)
{
	return s->model.path && s->gguf.split_count <= 1 ? (int64_t)s->gguf.file_bytes : 0;
}

/* The directories of a slot, without the rest. `dst` 1200 bytes each. */
void h0_slot_dirs(const struct h0_paths *paths, const char *slot, char *run_dir, char *log_path);

#endif
