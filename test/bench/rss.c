/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Preloaded into programs: when one of hal0's, or curl, ends, a line with its peak of memory goes to
 * the file $BENCH_RSS: KiB, program, verb, and whether it had opened the HTTP library.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t read_some(const char *path, char *dst, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t all = 0;
	for (ssize_t n = 1; fd >= 0 && n > 0 && all < size - 1; all += n > 0 ? (size_t)n : 0)
		n = read(fd, dst + all, size - 1 - all);
	if (fd >= 0)
		close(fd);
	dst[all] = '\0';
	return all;
}

/* The first word after the program's name that is no option. */
static const char *verb_of(const char *words, size_t n)
{
	for (const char *w = words + strlen(words) + 1; w < words + n; w += strlen(w) + 1)
		if (*w != '-')
			return w;
	return "-";
}

__attribute__((destructor)) static void tell(void)
{
	static char status[4096], words[4096], maps[1 << 18], line[256];
	const char *to = getenv("BENCH_RSS"), *name = program_invocation_short_name;
	if (!to || (strncmp(name, "hal0-", 5) != 0 && strcmp(name, "curl") != 0))
		return;
	read_some("/proc/self/status", status, sizeof status);
	const char *peak = strstr(status, "VmHWM:");
	size_t n = read_some("/proc/self/cmdline", words, sizeof words);
	read_some("/proc/self/maps", maps, sizeof maps);
	int len = snprintf(line, sizeof line, "%ld %s %.60s %d\n", peak ? strtol(peak + 6, NULL, 10) : 0, name,
	                   verb_of(words, n), strstr(maps, "libcurl") != NULL);
	int fd = open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		_exit(127);
	close(fd);
}
