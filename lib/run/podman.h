/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * podman, one program run per function, each with a deadline. What it says is put into words a
 * person can act on (h0_podman_explain). Errors of all functions here:
 *   H0_NOHW     podman is not installed; the image is not on this machine; a device node is not
 *               there (code backend.missing)
 *   H0_CONFLICT the port or the name is taken
 *   H0_CONFIG   a path to mount does not exist
 *   H0_EXTERN   everything else podman says, an answer that makes no sense, no answer in time
 */
#ifndef H0_RUN_PODMAN_H
#define H0_RUN_PODMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/names.h"
#include "fmt/json.h"
#include "model/argv.h"
#include "sys/spawn.h"

struct h0_podman {
	const char *program;   /* $HAL0_PODMAN, else "podman", looked up in PATH */
	const char *runtime;   /* "runc" where crun cannot work (a cgroup v1 hierarchy), else NULL */
	int timeout_ms;        /* of a call that only asks; $HAL0_PODMAN_TIMEOUT seconds, else 20 s.
	                        * Six times that to run a container, three times to end one */
};
/* H0_USAGE when the environment's number is none. Runs nothing. */
int h0_podman_init(struct h0_podman *ret, struct h0_err *e);

/* One call that ran to its end, whatever its exit code; `what` is for messages ("podman ps").
 * H0_NOHW: not installed. H0_EXTERN: no answer in time. ret: h0_spawned_done. */
int h0_podman_call(const struct h0_podman *p, const char *what, const struct h0_spawn *s,
                   struct h0_spawned *ret, struct h0_err *e);
/* The same for a call that only asks: its output is captured, its time is podman->timeout_ms. */
int h0_podman_ask(const struct h0_podman *p, const char *what, const char *const *argv,
                  struct h0_spawned *ret, struct h0_err *e);

enum h0_ctr_state {
	H0_CTR_CREATED, H0_CTR_RUNNING, H0_CTR_PAUSED, H0_CTR_STOPPING, H0_CTR_EXITED, H0_CTR_OTHER,
};

#define H0_CTR_ID 64
struct h0_ctr {
	char id[H0_CTR_ID + 1];
	char slot[H0_NAME_MAX + 1]; /* from its name */
	bool ours;                  /* it has our labels */
	char *home, *model, *image; /* labels; the image as it was asked for */
	char spec[17];
	int port;                   /* 0 = not said */
	enum h0_provider provider;  /* llama-server when not said */
	enum h0_ctr_state state;
	char *word;                 /* podman's word for the state */
	pid_t pid;                  /* 0 = none */
	int exit_code;
	int64_t started_at;         /* seconds since the epoch, 0 = never */
};

struct h0_ctrs {
	struct h0_ctr *v;
	size_t n, cap;
};
void h0_ctrs_done(struct h0_ctrs *c);
#define h0_autoctrs h0_auto(h0_ctrs_done)
const struct h0_ctr *h0_ctrs_get(const struct h0_ctrs *c, const char *slot);

/* The model name its server must list, NULL when any will do. */
const char *h0_ctr_expects(const struct h0_ctr *c);

/* Every container called hal0-slot-NAME, also those of other HAL0_HOMEs, in one call. */
int h0_podman_ps(const struct h0_podman *p, struct h0_ctrs *ret, struct h0_err *e);
/* The same while the caller does something else: begin, then end exactly once. */
struct h0_podman_asked;
struct h0_podman_asked *h0_podman_ps_begin(const struct h0_podman *p);
/* Becomes readable when podman has answered. */
int h0_podman_ps_fd(const struct h0_podman_asked *a);
int h0_podman_ps_end(struct h0_podman_asked *a, struct h0_ctrs *ret, struct h0_err *e);
/* What `podman ps --format json` printed. Pure. */
int h0_podman_parse_ps(const char *text, size_t len, struct h0_ctrs *ret, struct h0_err *e);

/* Runs a detached container; `dir` is the slot's own directory (conmon leaves its out-of-memory
 * mark there). ret_id: H0_CTR_ID + 1 bytes. */
int h0_podman_run(const struct h0_podman *p, const struct h0_argv *a, const char *dir,
                  char *ret_id, struct h0_err *e);
/* Its halves: the call, and what its answer means (`image` for messages). */
int h0_podman_run_words(const struct h0_podman *p, const char *const *words, const char *dir,
                        struct h0_spawned *ret, struct h0_err *e);
int h0_podman_ran(const struct h0_spawned *r, const char *image, char *ret_id, struct h0_err *e);
/* Stops (SIGKILL after grace_s) and removes. Also mends what a dead conmon left behind. A
 * container that is not there is no error. */
int h0_podman_remove(const struct h0_podman *p, const char *container, int grace_s,
                     struct h0_err *e);
/* The same for one whose process is known, and sure of it: podman can forget a container that it
 * half stopped when its monitor was killed, and leave its server running, or the runtime's records.
 * H0_EXTERN when that does not end even when killed. */
int h0_podman_end(const struct h0_podman *p, const struct h0_ctr *c, int grace_s, struct h0_err *e);
/* How it ended. *ret_running: podman still takes it for running. */
int h0_podman_exit(const struct h0_podman *p, const char *id, bool *ret_running, int *ret_code,
                   struct h0_err *e);
int h0_podman_image_exists(const struct h0_podman *p, const char *image, bool *ret,
                           struct h0_err *e);
/* `podman inspect` of containers and images by name, in one call: an array without what is not
 * there. *ret: h0_json_free. */
int h0_podman_inspect(const struct h0_podman *p, const struct h0_strv *names, struct h0_json **ret,
                      struct h0_err *e);
/* "image X is not on this machine: ...". Returns -1. */
int h0_podman_no_image(const char *image, struct h0_err *e);

/* Does the container's process live? By the kernel, not by podman's records: both can be dead
 * while podman says "running". */
bool h0_ctr_alive(const struct h0_ctr *c);
/* Does anything of a container that podman does not know any more live on: its process, for
 * certain, or records of the runtime's? h0_podman_end ends it. */
bool h0_ctr_lingers(const struct h0_ctr *c);
/* Does its monitor live? Without it the server serves on, but podman does not see it end. */
bool h0_ctr_monitored(const struct h0_ctr *c);

/* A failed call in words: what podman was doing ("podman run"), its exit code and stderr.
 * `image` may be NULL. Pure. Returns -1. */
int h0_podman_explain(const char *what, int exit_code, const char *err_text, const char *image,
                      struct h0_err *e);

#endif
