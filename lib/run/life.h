/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Starting, awaiting and ending slots. The slot's lock (/run/hal0/slots/NAME.lock) is held while
 * podman is told something, never while a model loads. So a second start of the same slot finds
 * the container running and waits for the same load; any waiter may be killed and the load goes
 * on; whoever sees it fail first records why and removes the container, the others read that.
 */
#ifndef H0_RUN_LIFE_H
#define H0_RUN_LIFE_H

#include <stdbool.h>

#include "base/err.h"
#include "run/facts.h"
#include "run/live.h"

#define H0_STALL_S 300  /* without a sign of progress a load has failed */
#define H0_GRACE_S 20   /* from SIGTERM to SIGKILL */

struct h0_wait {
	int stall_s;            /* 0: H0_STALL_S */
	int signal_fd;          /* becomes readable: give up waiting, the load goes on; -1 = none */
	/* After the first second: told every second, and when what the server does changes: `doing` in
	 * a word ("loading"), and in `text` how far and for how long ("loading, 43 % (12 s)"). May be
	 * NULL. */
	void (*tell)(const char *slot, const char *doing, const char *text, void *arg);
	void *tell_arg;
};

/* How a slot is brought up. */
struct h0_how {
	const struct h0_wait *wait;     /* NULL: done when the container runs, not when it answers */
	bool force;                     /* also when it does not fit (run/room.h) */
	bool evict;                     /* unloads idle slots when it does not fit otherwise */
	/* What a person should know before a long wait: it fits only just, whom it drives out. May
	 * be NULL. */
	void (*note)(const char *text, void *arg);
	void *note_arg;
};

#define H0_VICTIMS 32
struct h0_victims {
	size_t n;
	char name[H0_VICTIMS][H0_NAME_MAX + 1];
};

struct h0_outcome {
	bool changed;           /* this call started or ended something */
	bool joined;            /* another call had started it, and it was still loading */
	bool outdated;          /* it runs with other settings than the files have now */
	bool interrupted;       /* signal_fd: it still loads, or (container "") nothing was begun */
	bool unrecorded;        /* it is as `state` says, but state.json could not be written */
	enum h0_state state;
	char container[H0_CTR_ID + 1]; /* "" = none */
	struct h0_victims evicted; /* unloaded to make room */
};

/* Makes the slot run; with how->wait it is done when the server answers its health check and lists
 * the model, else when the container runs. Running already: changes nothing.
 *   H0_NO       it does not fit (slot.does_not_fit), see run/room.h
 *   H0_CONFIG   the model or a setting is wrong, found before or by the server
 *   H0_CONFLICT port taken, two slots with one port, another hal0's container, stopped meanwhile
 *   H0_BUSY     somebody else keeps starting or stopping it
 *   H0_NOHW     image, device node or podman not there
 *   H0_EXTERN   podman or the server failed; the message has the likely cause
 * After a failure no container is left; its log is (h0_spec.log_path). */
int h0_life_start(struct h0_box *b, const struct h0_slot *slot, const struct h0_how *how,
                  struct h0_outcome *ret, struct h0_err *e);
/* Ends what runs and starts it with the files as they are now, in one go: nobody's start comes in
 * between. What can be found wrong beforehand is found before anything is stopped. Errors as
 * h0_life_start. */
int h0_life_restart(struct h0_box *b, const struct h0_slot *slot, const struct h0_how *how,
                    struct h0_outcome *ret, struct h0_err *e);
/* How h0_life_start runs podman: by the slot's unit where systemd watches over slots. */
enum h0_argv_mode h0_life_mode(const struct h0_box *b);
/* Everything h0_life_start checks before it touches podman's containers, and that the image is
 * there. `ret` as by h0_spec_make. */
int h0_life_check(struct h0_box *b, const struct h0_slot *slot, enum h0_argv_mode mode,
                  struct h0_spec *ret, struct h0_err *e);
/* What h0_life_start, or with `anew` h0_life_restart, would meet now: H0_NO and H0_CONFLICT as there;
 * whom it would unload. */
struct h0_foresight {
	bool runs, outdated;
	struct h0_victims evicted;
};
int h0_life_foresee(struct h0_box *b, const struct h0_slot *slot, const struct h0_spec *s,
                    bool anew, const struct h0_how *how, struct h0_foresight *ret, struct h0_err *e);
/* Before becoming podman (mode foreground): lock, look, clear away what is dead, book, record the
 * start. A booking of the slot by a process that lives is taken over unasked: whoever starts a
 * unit has decided. H0_CONFLICT when it runs already, H0_NO when it does not fit. */
int h0_life_prepare_run(struct h0_box *b, const struct h0_slot *slot, struct h0_spec *ret,
                        struct h0_err *e);
/* Waits for a slot that somebody else starts. H0_NO (slot.not_ready) when it does not run. */
int h0_life_wait(struct h0_box *b, const struct h0_slot *slot, const struct h0_wait *wait,
                 struct h0_outcome *ret, struct h0_err *e);
/* Ends the slot's container and waits until its port is free. By name: the file may be broken or
 * gone; port 0 = unknown. Not running: changes nothing. */
int h0_life_stop(struct h0_box *b, const char *slot, int port, int grace_s,
                 struct h0_outcome *ret, struct h0_err *e);
/* The same for one container, and only if it is idle: H0_BUSY when a request is under way, or it was
 * used later than `unused_since` (seconds since the epoch), or somebody is doing something to the
 * slot. When it is gone already nothing is changed. */
int h0_life_unload(struct h0_box *b, const struct h0_ctr *c, int64_t unused_since,
                   struct h0_outcome *ret, struct h0_err *e);
/* Makes state.json say what a look has found, where it tells an older story: a server that came up
 * or ended while nobody waited for it. `seen` is the file as it was read for that look. Does nothing
 * while somebody is doing something to the slot, or where it may not write. */
void h0_life_reconcile(const struct h0_box *b, const struct h0_slot_live *l,
                       const struct h0_state_file *seen);

#endif
