/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/proc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/io.h"

pid_t h0_proc_read_pid(const char *path)
{
	h0_autobuf struct h0_buf text = {0};
	if (h0_read_file(path, 64, &text, NULL) < 0)
		return 0;
	long pid = strtol(h0_buf_str(&text), NULL, 10);
	return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

bool h0_proc_look(pid_t pid, struct h0_proc *ret)
{
	h0_autobuf struct h0_buf b = {0};
	char path[64];
	int parent;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (pid <= 0 || h0_read_file(path, 4096, &b, NULL) < 0)
		return false;
	const char *p = strrchr(h0_buf_str(&b), ')'); /* the name in front may hold anything */
	struct h0_proc s;
	if (!p || sscanf(p + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
	                 "%*d %" SCNd64, &s.state, &parent, &s.started) != 3)
		return false;
	s.parent = parent;
	*ret = s;
	return true;
}

bool h0_proc_lives(pid_t pid, struct h0_proc *ret)
{
	struct h0_proc s;
	if (!h0_proc_look(pid, &s) || s.state == 'Z' || s.state == 'X')
		return false;
	if (ret)
		*ret = s;
	return true;
}

void h0_proc_boot(char *dst)
{
	h0_autobuf struct h0_buf b = {0};
	dst[0] = '\0';
	if (h0_read_file("/proc/sys/kernel/random/boot_id", 64, &b, NULL) == 0)
		snprintf(dst, 40, "%.*s", (int)strcspn(h0_buf_str(&b), "\n"), h0_buf_str(&b));
}
