/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Processes as the kernel tells of them: is this still the one that was meant?
 */
#ifndef H0_SYS_PROC_H
#define H0_SYS_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct h0_proc {
	char state;             /* as in /proc/PID/stat: 'Z' and 'X' are remains */
	pid_t parent;
	int64_t started;        /* clock ticks since boot: with the pid, who it is */
};

/* false: there is no such process. */
bool h0_proc_look(pid_t pid, struct h0_proc *ret);
/* There is one, and it is more than remains. ret (may be NULL) as above. */
bool h0_proc_lives(pid_t pid, struct h0_proc *ret);
/* The process id in a file as podman writes them; 0: no file, or none in it. Whether it lives is
 * another question. */
pid_t h0_proc_read_pid(const char *path);
/* Differs after every boot. `dst` 40 bytes; "" when the kernel does not say. */
void h0_proc_boot(char *dst);

#endif
