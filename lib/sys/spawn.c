/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/clock.h"

#define DEFAULT_MAX_OUTPUT (1u << 20)
#define STOP_POLL_MS 50
#define NO_PIDFD_MS  10  /* where the kernel or a sandbox has no pidfd_open */
#define STOP_GRACE_MS 5000
#define PIPE_MAX     (1 << 20) /* no pipe holds more, unless root made it */
#define CHUNK        16384

struct pipes {
	int in[2], out[2], err[2], report[2];
};

static void close_pair(int p[2])
{
	for (int i = 0; i < 2; i++)
		if (p[i] >= 0)
			close(p[i]);
	p[0] = p[1] = -1;
}

static void pipes_done(struct pipes *p)
{
	close_pair(p->in);
	close_pair(p->out);
	close_pair(p->err);
	close_pair(p->report);
}

/* Our environment with the additions; the array is one allocation that borrows the strings. */
static char **merged_env(const char *const *add)
{
	size_t n = 0, m = 0;
	while (environ && environ[n])
		n++;
	while (add && add[m])
		m++;
	char **env = h0_calloc(n + m + 1, sizeof *env);
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		bool replaced = false;
		for (size_t j = 0; j < m && !replaced; j++) {
			size_t k = strcspn(add[j], "=");
			replaced = strncmp(environ[i], add[j], k + 1) == 0;
		}
		if (!replaced)
			env[used++] = environ[i];
	}
	for (size_t j = 0; j < m; j++)
		env[used++] = (char *)(uintptr_t)add[j];
	return env;
}

/* In the child: async-signal-safe calls only. */
H0_NORETURN static void child(const struct h0_spawn *s, struct pipes *p, char *const *env)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;
	for (int sig = 1; sig < 32; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (s->own_group)
		setpgid(0, 0);
	int in = s->input ? p->in[0] : open("/dev/null", O_RDONLY);
	bool ok = in >= 0 && dup2(in, 0) >= 0;
	if (ok && !s->inherit_output)
		ok = dup2(p->out[1], 1) >= 0 && dup2(p->err[1], 2) >= 0;
	if (ok && s->cwd)
		ok = chdir(s->cwd) == 0;
	/* the report pipe alone stays, and closes on exec */
	if (ok && p->report[1] != 3)
		ok = dup3(p->report[1], 3, O_CLOEXEC) == 3;
	if (ok && syscall(SYS_close_range, 4u, ~0u, 0u) < 0)
		for (int fd = 4; fd < 1024; fd++)
			close(fd);
	if (ok)
		execvpe(s->argv[0], (char *const *)(uintptr_t)s->argv, env);
	int err = errno;
	ssize_t ignored = write(ok ? 3 : p->report[1], &err, sizeof err);
	(void)ignored;
	_exit(127);
}

struct stream {
	int *fd;
	struct h0_buf *buf;
	void (*tell)(const char *p, size_t n, void *arg);
	void *tell_arg;
};

static void drain(struct stream *st, size_t max, bool *truncated)
{
	char chunk[CHUNK];
	ssize_t n = read(*st->fd, chunk, sizeof chunk);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close(*st->fd);
		*st->fd = -1;
		return;
	}
	if (st->tell)
		st->tell(chunk, (size_t)n, st->tell_arg);
	size_t room = max - st->buf->len;
	if ((size_t)n > room)
		*truncated = true;
	h0_buf_add(st->buf, chunk, (size_t)n < room ? (size_t)n : room);
}

static void feed(const struct h0_spawn *s, int *fd, size_t *sent)
{
	ssize_t n = write(*fd, s->input + *sent, s->input_len - *sent);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0)
		*sent += (size_t)n;
	if (n < 0 || *sent == s->input_len) {
		close(*fd);
		*fd = -1;
	}
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid;
}

/* Moves bytes until the child has ended; kills it at the deadline or when asked to stop.
 * A grandchild may hold the pipes open (podman's conmon): the end of the child is what counts. */
static void converse(const struct h0_spawn *s, pid_t pid, int pidfd, struct pipes *p,
                     struct h0_spawned *r)
{
	size_t max = s->max_output ? s->max_output : DEFAULT_MAX_OUTPUT, sent = 0;
	int64_t deadline = s->timeout_ms > 0 ? h0_now_ms() + s->timeout_ms : 0;
	struct stream streams[2] = {{&p->out[0], &r->out, NULL, NULL},
		{&p->err[0], &r->err, s->on_error, s->on_error_arg}};
	bool ended = false, killed = false, asked = false;
	while (!ended) {
		struct pollfd pf[4] = {{pidfd, POLLIN, 0}, {p->out[0], POLLIN, 0},
			{p->err[0], POLLIN, 0}, {p->in[1], POLLOUT, 0}};
		int wait = -1;
		if (deadline && !killed) {
			int64_t left = deadline - h0_now_ms();
			wait = left > 0 ? (int)left : 0;
		}
		if (s->stop && (wait < 0 || wait > STOP_POLL_MS))
			wait = STOP_POLL_MS;
		if (pidfd < 0 && (wait < 0 || wait > NO_PIDFD_MS))
			wait = NO_PIDFD_MS;
		int n = poll(pf, 4, wait);
		bool stop = s->stop && *s->stop;
		if (stop && s->stop_signal && !asked) {
			kill(pid, s->stop_signal);
			deadline = h0_now_ms() + STOP_GRACE_MS;
			asked = true;
		}
		bool late = deadline && h0_now_ms() >= deadline;
		if (!killed && (late || (stop && !asked))) {
			r->timed_out = !stop;
			kill(pid, SIGKILL);
			killed = true;
		}
		if (pidfd < 0)
			ended = has_ended(pid);
		if (n <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (pf[i + 1].revents)
				drain(&streams[i], max, &r->truncated);
		if (pf[3].revents)
			feed(s, &p->in[1], &sent);
		ended |= pf[0].revents != 0;
	}
	/* what the child left in the pipes */
	for (int i = 0; i < 2; i++) {
		struct pollfd left = {*streams[i].fd, POLLIN, 0};
		/* no more than that: a grandchild may go on for ever */
		for (int n = 0; n < PIPE_MAX / CHUNK && *streams[i].fd >= 0 && poll(&left, 1, 0) > 0; n++)
			drain(&streams[i], max, &r->truncated);
	}
}

static int open_pipes(const struct h0_spawn *s, struct pipes *p, struct h0_err *e)
{
	bool ok = pipe2(p->report, O_CLOEXEC) == 0;
	if (ok && s->input)
		ok = pipe2(p->in, O_CLOEXEC) == 0 && fcntl(p->in[1], F_SETFL, O_NONBLOCK) == 0;
	if (ok && !s->inherit_output)
		ok = pipe2(p->out, O_CLOEXEC) == 0 && pipe2(p->err, O_CLOEXEC) == 0;
	return ok ? 0 : h0_fail_sys(e, "a pipe to %s", s->argv[0]);
}

static void close_childs_ends(struct pipes *p)
{
	int *ends[] = {&p->in[0], &p->out[1], &p->err[1], &p->report[1]};
	for (size_t i = 0; i < H0_ARRAY_LEN(ends); i++)
		if (*ends[i] >= 0)
			close(h0_take_fd(ends[i]));
}

int h0_spawn(const struct h0_spawn *s, struct h0_spawned *ret, struct h0_err *e)
{
	h0_auto(pipes_done) struct pipes p = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
	h0_autofree char **env = merged_env(s->env);
	h0_autospawned struct h0_spawned r = {0};
	if (open_pipes(s, &p, e) < 0)
		return -1;
	pid_t pid = fork();
	if (pid < 0)
		return h0_fail_sys(e, "a process for %s", s->argv[0]);
	if (pid == 0)
		child(s, &p, env);
	close_childs_ends(&p);
	/* a child that does not read its stdin must not end us: the write's EPIPE is enough */
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old = {0};
	if (s->input)
		sigaction(SIGPIPE, &ignore, &old);
	int err = 0, status = 0;
	ssize_t n;
	while ((n = read(p.report[0], &err, sizeof err)) < 0 && errno == EINTR)
		;
	h0_autofd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (n <= 0)
		converse(s, pid, pidfd, &p, &r);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (s->input)
		sigaction(SIGPIPE, &old, NULL);
	if (n > 0) {
		errno = err;
		h0_fail_sys(e, "%s", s->argv[0]);
		if (e)
			e->kind = H0_EXTERN;
		return -1;
	}
	r.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	r.exit_code = r.signal ? 128 + r.signal : WEXITSTATUS(status);
	*ret = r;
	r = (struct h0_spawned){0};
	return 0;
}

void h0_spawned_done(struct h0_spawned *r)
{
	h0_buf_done(&r->out);
	h0_buf_done(&r->err);
}
