/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/container.h"

#include <string.h>

/* What hal0 itself mounts or the image's own files lie in; and what is nobody else's business,
 * which no mount may hold and none may lie in. */
static const char *const taken[] = {"/bin", "/lib", "/lib64", "/opt", "/sbin", "/tmp", "/usr", NULL};
static const char *const closed[] = {"/boot", "/dev", "/etc", "/proc", "/root", "/run", "/sys",
	"/var/lib/containers", "/var/lib/hal0/keys", "/var/run", NULL};
static const char *const memory[] = {"/dev/kmem", "/dev/mem", "/dev/port", NULL};
/* Locking memory, priorities, counters of the processor, and debuggers; the rest is power over the
 * machine. */
static const char *const caps[] = {"IPC_LOCK", "PERFMON", "SYS_NICE", "SYS_PTRACE", NULL};

static bool within(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Absolute, each part a name: no other spelling of the same place. */
static const char *path_fault(const char *path)
{
	if (*path != '/')
		return "an absolute path is expected";
	for (const char *p = path; *p; p++)
		if (*p == ':' || *p == ',' || (unsigned char)*p < ' ')
			return "podman takes no colon, comma or control character";
	for (const char *p = path; *p == '/'; p += 1 + strcspn(p + 1, "/")) {
		size_t n = strcspn(p + 1, "/");
		if (n == 0 || (n == 1 && p[1] == '.') || (n == 2 && p[1] == '.' && p[2] == '.'))
			return "a path without empty parts, . and .. is expected, and not the root";
	}
	return NULL;
}

static const char *device_fault(const char *path)
{
	const char *fault = path_fault(path);
	if (fault)
		return fault;
	if (!h0_starts(path, "/dev/"))
		return "a device node below /dev is expected";
	return h0_word_index(memory, path) >= 0 ? "the machine's memory is given to no container" : NULL;
}

const char *h0_container_mount_fault(const char *path)
{
	const char *fault = path_fault(path);
	if (fault)
		return fault;
	if (h0_word_index(taken, path) >= 0)
		return "the container has its own there: name a directory below it";
	for (const char *const *c = closed; *c; c++)
		if (within(path, *c) || within(*c, path))
			return "the system's own files and sockets are given to no container";
	return NULL;
}

static const char *cap_fault(const char *name)
{
	return h0_word_index(caps, name) >= 0 ? NULL : "one of IPC_LOCK, PERFMON, SYS_NICE, SYS_PTRACE is expected";
}

static void check(const struct h0_slot *s, const struct h0_toml_node *list,
                  const char *(*fault_of)(const char *), struct h0_findings *ret)
{
	if (!list)
		return;
	h0_toml_each(item, list) {
		const char *fault = strlen(item->str) != item->str_len ? "no NUL character may stand here"
		                                                       : fault_of(item->str);
		for (const struct h0_toml_node *x = list->first; x != item && !fault; x = x->next)
			if (h0_streq(x->str, item->str))
				fault = "once is enough";
		if (fault)
			h0_findings_add(ret, true, s->file, item, "%s, not '%.64s'", fault, item->str);
	}
}

void h0_container_check(const struct h0_slot *s, struct h0_findings *ret)
{
	static const struct {
		const char *key;
		const char *(*fault_of)(const char *);
	} lists[] = {
		{"devices", device_fault}, {"mounts", h0_container_mount_fault},
		{"caps", cap_fault},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(lists); i++) {
		const char *const path[] = {"container", lists[i].key, NULL};
		check(s, h0_slot_node(s, path), lists[i].fault_of, ret);
	}
}
