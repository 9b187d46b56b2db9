/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hal0/run.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"

bool hal0_is_word(const char *s, bool dots)
{
	const char *rest = dots ? "abcdefghijklmnopqrstuvwxyz0123456789-."
	                        : "abcdefghijklmnopqrstuvwxyz0123456789-";
	return s[0] >= 'a' && s[0] <= 'z' && strlen(s) <= 32 && strspn(s, rest) == strlen(s);
}

/* The directory of the running program, without a slash at its end; "" when unknown. */
static void own_dir(char dst[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", dst, PATH_MAX - 1);
	dst[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(dst, '/');
	*(slash ? slash : dst) = '\0';
}

/* Execs DIR/NAME. true: it is there and could not be run. */
static bool try_exec(const char *dir, size_t n, const char *name, char **argv, struct h0_err *e)
{
	char path[PATH_MAX];
	if (n == 0 || dir[0] != '/' || n + strlen(name) + 2 > sizeof path)
		return false;
	snprintf(path, sizeof path, "%.*s/%s", (int)n, dir, name);
	char *word = argv[0];
	argv[0] = path;
	execv(path, argv);
	argv[0] = word;
	if (errno == ENOENT || errno == ENOTDIR)
		return false;
	h0_fail_sys(e, "%s", path);
	return true;
}

int hal0_run_verb(const char *verb, char **argv, bool *ret_found, struct h0_err *e)
{
	char dir[PATH_MAX], name[64];
	*ret_found = true;
	snprintf(name, sizeof name, "hal0-%s", verb);
	own_dir(dir);
	if (try_exec(dir, strlen(dir), name, argv, e) ||
	    try_exec(HAL0_BINDIR, strlen(HAL0_BINDIR), name, argv, e))
		return -1;
	for (const char *p = getenv("PATH"); p && *p;) {
		size_t n = strcspn(p, ":");
		if (try_exec(p, n, name, argv, e))
			return -1;
		p += n + (p[n] == ':');
	}
	*ret_found = false;
	return -1;
}

/* Whether the page is installed beside us: BIN/../share/man/manN/NAME.N[.gz]. */
static bool page_beside(const char *mandir, const char *name)
{
	static const char sections[] = "157";
	char path[PATH_MAX + 128];
	for (const char *s = sections; *s; s++) {
		int n = snprintf(path, sizeof path, "%s/man%c/%s.%c.gz", mandir, *s, name, *s);
		if (access(path, R_OK) == 0)
			return true;
		path[n - 3] = '\0';
		if (access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/* Whether man finds the page by itself. */
static bool man_knows(char *name)
{
	char man[] = "man", where[] = "-w";
	char *argv[] = {man, where, name, NULL};
	posix_spawn_file_actions_t quiet;
	pid_t pid;
	int status = -1;
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, man, &quiet, NULL, argv, environ) == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	posix_spawn_file_actions_destroy(&quiet);
	return status == 0;
}

bool hal0_run_man(const char *topic)
{
	char name[64], dir[PATH_MAX], mandir[PATH_MAX + 16];
	bool front = h0_streq(topic, "hal0");
	snprintf(name, sizeof name, "%s%s", front ? "" : "hal0-", topic);
	own_dir(dir);
	snprintf(mandir, sizeof mandir, "%s/../share/man", dir);
	if (dir[0] && page_beside(mandir, name))
		execlp("man", "man", "-M", mandir, name, (char *)NULL);
	else if (man_knows(name))
		execlp("man", "man", name, (char *)NULL);
	return false;
}
