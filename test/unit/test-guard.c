/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A key that is compared must not tell how much of it was right. Time is what an attacker measures;
 * here its cause is counted: the instructions that the comparison takes, one by one.
 */
#include "tap.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve/guard.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"

static bool naive(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* The instructions of compare(KEY, other), and of what surrounds it alike each time; -1: this process
 * may not be looked at so closely. */
static long count(bool (*compare)(const char *, const char *), const char *other)
{
	static char a[128], b[128]; /* at the same place each time */
	snprintf(a, sizeof a, "%s", KEY);
	snprintf(b, sizeof b, "%s", other);
	bool result = compare(a, b);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(9);
		raise(SIGSTOP);
		_exit(compare(a, b) != result ? 8 : 0);
	}
	int status = 0;
	long n = 0;
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return -1;
	while (WIFSTOPPED(status) && n < 10000000) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) < 0)
			return -1;
		n++;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? n : -1;
}

int main(void)
{
	static const char *const others[] = {
		"x123456789abcdef0123456789abcdef0123456789abcdef", "0123456789abcdef0123456x89abcdef0123456789abcdef",
		"0123456789abcdef0123456789abcdef0123456789abcdex", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
	long right = count(h0_guard_equal, KEY);
	if (right < 0)
		return tap_skip_all("no process may be traced here");
	ok(right > (long)strlen(KEY), "the right key takes %ld steps", right);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		is_int(count(h0_guard_equal, others[i]), right, "so does a wrong one, wherever it differs");
	ok(count(naive, others[0]) < count(naive, others[2]), "where it matters, it shows");
	ok(h0_guard_equal(KEY, KEY) && !h0_guard_equal(KEY, others[0]) && !h0_guard_equal(KEY, ""), "and the answers are right");
	return tap_done();
}
