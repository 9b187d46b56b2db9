/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/stop.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

/* A handler gets no argument: these two belong to it. */
static atomic_int stopped;
static int wake[2] = {-1, -1};

static void on_signal(int sig)
{
	stopped = sig;
	ssize_t n = write(wake[1], "", 1);
	(void)n;
}

struct h0_stop h0_stop_catch(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction ours = {.sa_handler = on_signal};
	struct sigaction now;
	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0)
		wake[0] = wake[1] = -1;
	for (size_t i = 0; i < H0_ARRAY_LEN(ends); i++)
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaction(ends[i], &ours, NULL);
	return (struct h0_stop){.signal = &stopped, .fd = wake[0]};
}

void h0_stop_die(const struct h0_stop *s)
{
	int sig = *s->signal;
	signal(sig, SIG_DFL);
	raise(sig);
	_exit(128 + sig);
}
