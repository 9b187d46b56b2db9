/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The operating system: names, kernel, uptime, disk, and whether podman is installed. Podman's
 * version comes from the package database, so that no child process is needed.
 */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/num.h"
#include "hw/hw.h"

#define DPKG_MAX (32u << 20)

static void unquote(char *s)
{
	size_t n = strlen(s);
	if (n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0]) {
		memmove(s, s + 1, n - 2);
		s[n - 2] = '\0';
	}
}

static void os_release(const struct h0_root *r, struct h0_hw_os *os)
{
	h0_autobuf struct h0_buf b = {0};
	char like[48] = "", id[16] = "";
	if (h0_root_read(r, 65536, &b, "/etc/os-release") < 0 &&
	    h0_root_read(r, 65536, &b, "/usr/lib/os-release") < 0)
		return;
	if (h0_text_field(b.p, "PRETTY_NAME", os->distro, sizeof os->distro))
		unquote(os->distro);
	if (h0_text_field(b.p, "ID", id, sizeof id))
		unquote(id);
	if (h0_text_field(b.p, "ID_LIKE", like, sizeof like))
		unquote(like);
	if (h0_text_field(b.p, "VERSION_ID", os->distro_version, sizeof os->distro_version))
		unquote(os->distro_version);
	snprintf(os->distro_id, sizeof os->distro_id, "%s%s%s", id, *like ? " " : "", like);
}

static void kernel(const struct h0_root *r, struct h0_hw_os *os)
{
	char line[512];
	if (h0_root_text(r, line, sizeof line, "/proc/version") == 0) {
		char *paren = strstr(line, " (");
		if (paren)
			*paren = '\0';
		h0_text_clean(os->kernel, sizeof os->kernel, line, strlen(line));
	}
	if (h0_root_text(r, os->release, sizeof os->release, "/proc/sys/kernel/osrelease") < 0 &&
	    strncmp(os->kernel, "Linux version ", 14) == 0)
		snprintf(os->release, sizeof os->release, "%.90s", os->kernel + 14);
}

static int64_t uptime(const struct h0_root *r)
{
	char line[64];
	if (h0_root_text(r, line, sizeof line, "/proc/uptime") < 0 || line[0] < '0' || line[0] > '9')
		return H0_UNKNOWN;
	return strtoll(line, NULL, 10);
}

static int64_t disk_free(void)
{
	char path[] = "/var/lib/hal0";
	struct statvfs st;
	while (statvfs(path, &st) < 0) {
		char *slash = strrchr(path, '/');
		if (slash == path && !path[1])
			return H0_UNKNOWN;
		slash[slash == path] = '\0';
	}
	return (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}

/* "Version:" of an installed package in dpkg's status file. */
static bool dpkg_version(const struct h0_root *r, char *dst, size_t size)
{
	h0_autobuf struct h0_buf b = {0};
	char status[64];
	return h0_root_paragraph(r, DPKG_MAX, "Package: podman", &b, "/var/lib/dpkg/status") == 0 &&
	       h0_text_field(h0_buf_str(&b), "Status", status, sizeof status) &&
	       strcmp(status, "install ok installed") == 0 &&
	       h0_text_field(h0_buf_str(&b), "Version", dst, size);
}

/* pacman keeps a directory "podman-VERSION-RELEASE" for each package. */
static bool pacman_version(const struct h0_root *r, char *dst, size_t size)
{
	h0_autostrv struct h0_strv names = {0};
	h0_root_list(r, &names, "/var/lib/pacman/local");
	for (size_t i = 0; i < names.n; i++) {
		const char *n = names.v[i];
		if (strncmp(n, "podman-", 7) == 0 && n[7] >= '0' && n[7] <= '9') {
			h0_text_clean(dst, size, n + 7, strlen(n + 7));
			return true;
		}
	}
	return false;
}

static void podman(const struct h0_root *r, struct h0_hw_os *os)
{
	static const char *const places[] = {"/usr/bin/podman", "/usr/local/bin/podman", "/bin/podman"};
	/* a tree that holds no programs at all cannot tell */
	os->podman_present = h0_root_exists(r, "/usr/bin") ? H0_FACT_NO : H0_FACT_UNKNOWN;
	for (size_t i = 0; i < H0_ARRAY_LEN(places); i++)
		if (h0_root_exists(r, "%s", places[i]))
			os->podman_present = H0_FACT_YES;
	if (os->podman_present == H0_FACT_YES && !dpkg_version(r, os->podman, sizeof os->podman))
		pacman_version(r, os->podman, sizeof os->podman);
}

/* "Max locked memory         8388608              8388608              bytes" */
static int64_t memlock(const struct h0_root *r)
{
	static const char key[] = "Max locked memory";
	h0_autobuf struct h0_buf b = {0};
	char soft[32];
	int64_t v;
	if (h0_root_read(r, 65536, &b, "/proc/self/limits") < 0)
		return H0_UNKNOWN;
	const char *at = strstr(b.p, key);
	if (!at || sscanf(at + sizeof key - 1, " %31s", soft) != 1)
		return H0_UNKNOWN;
	if (strcmp(soft, "unlimited") == 0)
		return INT64_MAX;
	return h0_num_i64(soft, 0, INT64_MAX, &v) ? v : H0_UNKNOWN;
}

/* Proxmox copies kernels to its boot partitions by a tool of its own, for either loader. */
static void boot_loader(const struct h0_root *r, struct h0_hw_os *os)
{
	static const struct { const char *mark, *file, *loader; } loaders[] = {
		{"/etc/kernel/cmdline", "/etc/kernel/cmdline", "systemd-boot"},
		{"/etc/default/grub", "/etc/default/grub", "grub"},
		{"/boot/loader/entries", "/boot/loader/entries/*.conf", "systemd-boot"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(loaders) && !os->loader; i++)
		if (h0_root_exists(r, "%s", loaders[i].mark)) {
			os->args_file = loaders[i].file;
			os->loader = loaders[i].loader;
		}
	if (os->loader && h0_root_exists(r, "/etc/kernel/proxmox-boot-uuids"))
		os->loader = "proxmox-boot-tool";
}

void h0_hw_os(const struct h0_root *r, struct h0_hw *hw)
{
	struct h0_hw_os *os = &hw->os;
	h0_root_text(r, os->hostname, sizeof os->hostname, "/proc/sys/kernel/hostname");
	kernel(r, os);
	os_release(r, os);
	h0_root_text(r, os->cmdline, sizeof os->cmdline, "/proc/cmdline");
	os->uptime_s = uptime(r);
	os->disk_free = r->live ? disk_free() : H0_UNKNOWN;
	os->memlock = memlock(r);
	os->amdgpu = h0_root_exists(r, "/sys/module/amdgpu") ? H0_FACT_YES : H0_FACT_NO;
	boot_loader(r, os);
	podman(r, os);
}
