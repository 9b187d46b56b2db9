/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where we run: container, its user namespace and confinement, virtual machine, WSL.
 * DMI inside an LXC is the host's, and so is /proc/1/cgroup's silence: neither decides.
 */
#include <stdio.h>
#include <string.h>

#include "hw/hw.h"

/* "container=" in PID 1's environment (readable by root only). */
static bool from_environ(const struct h0_root *r, char *dst, size_t size)
{
	static const char key[] = "container=";
	h0_autobuf struct h0_buf b = {0};
	if (h0_root_read(r, 1 << 20, &b, "/proc/1/environ") < 0)
		return false;
	for (size_t at = 0; at < b.len; at += strlen(b.p + at) + 1) {
		if (strncmp(b.p + at, key, sizeof key - 1) != 0)
			continue;
		const char *v = b.p + at + sizeof key - 1;
		h0_text_clean(dst, size, v, strlen(v));
		return *dst != '\0';
	}
	return false;
}

/* Is the root file system a disk's? The marker files of docker and podman also lie in disk images
 * made from container images, and there they say nothing. */
static bool root_on_disk(const struct h0_root *r)
{
	h0_autobuf struct h0_buf b = {0};
	if (h0_root_read(r, 1 << 20, &b, "/proc/self/mountinfo") < 0)
		return false;
	const char *at = strstr(b.p, " / / "), *dash = at ? strstr(at, " - ") : NULL;
	char type[32], source[64];
	return dash && sscanf(dash, " - %31s %63s", type, source) == 2 &&
	       strncmp(source, "/dev/", 5) == 0;
}

static void container(const struct h0_root *r, struct h0_hw_virt *v)
{
	h0_autobuf struct h0_buf cg = {0};
	if (from_environ(r, v->container, sizeof v->container) ||
	    h0_root_text(r, v->container, sizeof v->container, "/run/systemd/container") == 0)
		return;
	const char *name = h0_root_exists(r, "/run/.containerenv") ? "podman"
	                   : h0_root_exists(r, "/.dockerenv")      ? "docker"
	                                                           : NULL;
	if (name && root_on_disk(r))
		name = NULL;
	if (!name && h0_root_read(r, 65536, &cg, "/proc/1/cgroup") == 0 && strstr(cg.p, "lxc"))
		name = "lxc";
	if (name)
		snprintf(v->container, sizeof v->container, "%s", name);
}

/* "0 0 4294967295" alone is the identity. */
static enum h0_fact identity_map(const struct h0_root *r)
{
	h0_autobuf struct h0_buf b = {0};
	unsigned long long in, out, n;
	int used = 0;
	if (h0_root_read(r, 65536, &b, "/proc/self/uid_map") < 0)
		return H0_FACT_UNKNOWN;
	if (sscanf(b.p, "%llu %llu %llu %n", &in, &out, &n, &used) != 3)
		return H0_FACT_UNKNOWN;
	return !in && !out && n == 4294967295ULL && !b.p[used] ? H0_FACT_YES : H0_FACT_NO;
}

static bool has(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

static const char *vm_by_dmi(const struct h0_hw_dmi *d)
{
	if (has(d->sys_vendor, "vmware"))
		return "vmware";
	if (has(d->sys_vendor, "microsoft") && has(d->product_name, "virtual machine"))
		return "microsoft";
	if (has(d->sys_vendor, "xen") || has(d->product_name, "hvm domu"))
		return "xen";
	if (has(d->product_name, "virtualbox"))
		return "oracle";
	if (has(d->sys_vendor, "qemu") || has(d->product_name, "kvm") ||
	    has(d->product_name, "standard pc") || has(d->sys_vendor, "red hat") ||
	    has(d->bios_vendor, "seabios") || has(d->sys_vendor, "amazon ec2") ||
	    has(d->sys_vendor, "google compute"))
		return "kvm";
	return NULL;
}

static void machine(const struct h0_root *r, const struct h0_hw *hw, struct h0_hw_virt *v)
{
	const struct h0_hw_dmi *d = &hw->dmi;
	char xen[32];
	const char *vm = vm_by_dmi(d);
	if (!vm && h0_root_text(r, xen, sizeof xen, "/sys/hypervisor/type") == 0)
		vm = "xen";
	/* no telling DMI (Firecracker has none at all): the CPU flag decides */
	if (!vm && hw->cpu.hypervisor == H0_FACT_YES)
		vm = "kvm";
	if (vm)
		snprintf(v->vm, sizeof v->vm, "%s", vm);
	v->proxmox_guest = vm && (has(d->sys_vendor, "proxmox") || has(d->chassis_vendor, "proxmox") ||
	                          has(d->bios_vendor, "proxmox") || has(d->product_name, "proxmox"))
	                       ? H0_FACT_YES
	                       : H0_FACT_NO;
}

void h0_hw_virt(const struct h0_root *r, struct h0_hw *hw)
{
	struct h0_hw_virt *v = &hw->virt;
	container(r, v);
	v->identity_map = identity_map(r);
	machine(r, hw, v);
	v->wsl = has(hw->os.kernel, "microsoft") || has(hw->os.release, "microsoft") ||
	                 h0_root_exists(r, "/dev/dxg")
	             ? H0_FACT_YES
	             : H0_FACT_NO;
	v->pve_kernel = has(hw->os.release, "-pve") || has(hw->os.kernel, "-pve") ? H0_FACT_YES
	                                                                        : H0_FACT_NO;
	h0_root_text(r, v->apparmor, sizeof v->apparmor, "/proc/self/attr/current");
}
