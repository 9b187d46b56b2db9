/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Running another program: argv arrays only (there is no shell), a deadline, captured output
 * with a bound. The child gets default signal dispositions and an empty signal mask, no
 * inherited file descriptor but 0, 1, 2, and dies with SIGKILL at the deadline.
 */
#ifndef H0_SYS_SPAWN_H
#define H0_SYS_SPAWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct h0_spawn {
	const char *const *argv;   /* argv[0] is looked up in PATH when it has no slash */
	const char *const *env;    /* "K=V" additions to the environment, NULL-terminated, or NULL */
	const char *cwd;           /* NULL: ours */
	const char *input;         /* stdin's bytes; NULL: /dev/null */
	size_t input_len;
	int timeout_ms;            /* <= 0: none */
	size_t max_output;         /* bytes per stream kept; the rest is read and dropped. 0: 1 MiB */
	bool inherit_output;       /* stdout and stderr are ours, nothing is captured */
	bool own_group;            /* a process group of its own: Ctrl-C on the terminal ends us,
	                            * not a child that must finish what it began */
	/* Told of stderr's bytes as they come; they are kept all the same. NULL = nobody. */
	void (*on_error)(const char *p, size_t n, void *arg);
	void *on_error_arg;
	const atomic_int *stop;    /* when it becomes non-zero the child is killed (signal handlers) */
	int stop_signal;           /* with this signal, and SIGKILL five seconds later; 0: SIGKILL */
};

struct h0_spawned {
	int exit_code;             /* 0..255, or 128 + signal */
	int signal;                /* 0, or the signal that ended it */
	bool timed_out;
	bool truncated;            /* some output was dropped */
	struct h0_buf out, err;
};

/* 0: the program ran and ended, whatever its exit code. -1: it could not be started (H0_EXTERN,
 * sys_errno ENOENT when not there), or H0_SYS. A timeout is not an error here: look at timed_out.
 * Free with h0_spawned_done. */
int h0_spawn(const struct h0_spawn *s, struct h0_spawned *ret, struct h0_err *e);
void h0_spawned_done(struct h0_spawned *r);
#define h0_autospawned h0_auto(h0_spawned_done)

#endif
