/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * PCI functions that can display or infer. libpci (this file alone includes pci.h) reads the ids;
 * in a re-rooted tree through its sysfs.path. It opens by path, blocks on FIFOs and ends the
 * process on odd files, so a device is handed to it only after its files were found plain, and
 * its error callback jumps back here. What libpci could not tell is read as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pci/pci.h>

#include "base/num.h"
#include "hw/hw.h"

#define BASE "/sys/bus/pci/devices"

/* libpci's error callback has no argument of ours and must not return. */
static _Thread_local jmp_buf *escape;

static void H0_NORETURN on_error(char *msg, ...)
{
	longjmp(*escape, 1);
}

static void on_message(char *msg, ...)
{
}

struct ids {
	int64_t vendor, device, class, revision, subvendor, subdevice, bar_max;
};

/* 0x03 display; 0x1180, 0x1200 where AMD's NPU sits. */
static bool of_interest(int64_t class)
{
	return class >> 16 == 0x03 || class >> 8 == 0x1180 || class >> 8 == 0x1200;
}

/* "PCI_ID=1002:1586" and "PCI_CLASS=38000" of uevent, for what the single files do not tell. */
static void from_uevent(const struct h0_root *r, const char *addr, struct ids *ids)
{
	h0_autobuf struct h0_buf b = {0};
	char v[64];
	unsigned a, c;
	if (h0_root_read(r, 16384, &b, BASE "/%s/uevent", addr) < 0)
		return;
	if (ids->class == H0_UNKNOWN && h0_text_field(b.p, "PCI_CLASS", v, sizeof v) &&
	    sscanf(v, "%6x", &a) == 1)
		ids->class = a;
	if (h0_text_field(b.p, "PCI_ID", v, sizeof v) && sscanf(v, "%4x:%4x", &a, &c) == 2) {
		ids->vendor = ids->vendor == H0_UNKNOWN ? (int64_t)a : ids->vendor;
		ids->device = ids->device == H0_UNKNOWN ? (int64_t)c : ids->device;
	}
}

static int64_t hex(const struct h0_root *r, const char *addr, const char *file, int64_t max)
{
	char text[32];
	if (h0_root_text(r, text, sizeof text, BASE "/%s/%s", addr, file) < 0 ||
	    strncmp(text, "0x", 2) != 0)
		return H0_UNKNOWN;
	return h0_root_int(r, 0, max, BASE "/%s/%s", addr, file);
}

/* Largest memory BAR: lines "START END FLAGS", memory has flag 0x200. */
static int64_t bar_max(const struct h0_root *r, const char *addr)
{
	h0_autobuf struct h0_buf b = {0};
	int64_t max = H0_UNKNOWN;
	if (h0_root_read(r, 16384, &b, BASE "/%s/resource", addr) < 0)
		return H0_UNKNOWN;
	const char *line = b.p;
	for (int i = 0; i < 6 && *line; i++) {
		unsigned long long start, end, flags;
		if (sscanf(line, "%llx %llx %llx", &start, &end, &flags) != 3)
			return max;
		if (end > start && flags & 0x200 && end - start < (1ULL << 50) &&
		    (int64_t)(end - start + 1) > max)
			max = (int64_t)(end - start + 1);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return max;
}

static void from_text(const struct h0_root *r, const char *addr, struct ids *ids)
{
	struct { int64_t *v; const char *file; int64_t max; } files[] = {
		{&ids->vendor, "vendor", 0xffff},       {&ids->device, "device", 0xffff},
		{&ids->class, "class", 0xffffff},       {&ids->revision, "revision", 0xff},
		{&ids->subvendor, "subsystem_vendor", 0xffff},
		{&ids->subdevice, "subsystem_device", 0xffff},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(files); i++)
		if (*files[i].v == H0_UNKNOWN)
			*files[i].v = hex(r, addr, files[i].file, files[i].max);
	if (ids->vendor == H0_UNKNOWN || ids->device == H0_UNKNOWN || ids->class == H0_UNKNOWN)
		from_uevent(r, addr, ids);
	if (ids->bar_max == H0_UNKNOWN)
		ids->bar_max = bar_max(r, addr);
}

static bool plain(const struct h0_root *r, const char *addr)
{
	static const char *const files[] = {"vendor", "device", "class", "config", "resource"};
	for (size_t i = 0; i < H0_ARRAY_LEN(files); i++) {
		char path[256];
		snprintf(path, sizeof path, BASE "/%s/%s", addr, files[i]);
		if (!h0_root_plain(r, path))
			return false;
	}
	/* files that are read only when there */
	static const char *const optional[] = {"revision", "subsystem_vendor", "subsystem_device"};
	for (size_t i = 0; i < H0_ARRAY_LEN(optional); i++) {
		char path[256];
		snprintf(path, sizeof path, BASE "/%s/%s", addr, optional[i]);
		if (h0_root_exists(r, "%s", path) && !h0_root_plain(r, path))
			return false;
	}
	return true;
}

static void take(struct pci_dev *d, struct ids *ids)
{
	int known = pci_fill_info(d, PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_CLASS_EXT |
	                             PCI_FILL_SUBSYS | PCI_FILL_BASES | PCI_FILL_SIZES);
	if (!(known & PCI_FILL_IDENT) || !d->vendor_id || d->vendor_id == 0xffff)
		return;
	ids->vendor = d->vendor_id;
	ids->device = d->device_id;
	if (known & PCI_FILL_CLASS)
		ids->class = (int64_t)d->device_class << 8 | (known & PCI_FILL_CLASS_EXT ? d->prog_if : 0);
	if (known & PCI_FILL_CLASS_EXT)
		ids->revision = d->rev_id;
	if (known & PCI_FILL_SUBSYS && d->subsys_vendor_id) {
		ids->subvendor = d->subsys_vendor_id;
		ids->subdevice = d->subsys_id;
	}
	for (int i = 0; i < 6; i++)
		if (d->base_addr[i] && !(d->base_addr[i] & 1) && d->size[i] < (1ULL << 50) &&
		    (int64_t)d->size[i] > ids->bar_max)
			ids->bar_max = (int64_t)d->size[i];
}

/* A ready libpci, or NULL: for a tree by its sysfs.path, live as libpci prefers. */
static struct pci_access *open_access(const struct h0_root *r)
{
	struct pci_access *volatile acc = pci_alloc();
	jmp_buf env;
	acc->error = on_error;
	acc->warning = acc->debug = on_message;
	escape = &env;
	if (setjmp(env)) {
		escape = NULL;
		pci_cleanup(acc);
		return NULL;
	}
	if (!r->live) {
		char path[1200], param[] = "sysfs.path";
		snprintf(path, sizeof path, "%s/sys/bus/pci", r->path);
		acc->method = PCI_ACCESS_SYS_BUS_PCI;
		pci_set_param(acc, param, path);
	}
	pci_init(acc);
	escape = NULL;
	return acc;
}

static void by_libpci(struct pci_access *acc, const char *addr, struct ids *ids)
{
	unsigned domain, bus, slot, fn;
	jmp_buf env;
	if (sscanf(addr, "%x:%x:%x.%x", &domain, &bus, &slot, &fn) != 4)
		return;
	struct ids got = *ids;
	struct pci_dev *volatile d = pci_get_dev(acc, (int)domain, (int)bus, (int)slot, (int)fn);
	escape = &env;
	if (!setjmp(env)) {
		take(d, &got);
		*ids = got;
	}
	escape = NULL;
	pci_free_dev(d);
}

/* A display device the own tables do not know: its name in the local pci.ids. */
static void name(struct pci_access *acc, struct h0_hw_gpu *g)
{
	char text[128];
	jmp_buf env;
	escape = &env;
	if (!setjmp(env)) {
		char *s = pci_lookup_name(acc, text, sizeof text,
		                          PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS, (int)g->vendor,
		                          (int)g->device);
		if (s)
			h0_text_clean(g->pci_name, sizeof g->pci_name, s, strlen(s));
	}
	escape = NULL;
}

static void add(const struct h0_root *r, struct h0_hw *hw, const char *addr, const struct ids *ids)
{
	/* AMD's Instinct cards are accelerators by class */
	bool display = ids->class >> 16 == 0x03 || (ids->vendor == 0x1002 && ids->class >> 8 == 0x1200);
	/* AMD signal processors are only interesting as NPUs; accel.c decides which are */
	if (!display && ids->vendor != 0x1022)
		return;
	if (!display) {
		struct h0_hw_npu *n = h0_hw_npu_add(hw, addr);
		if (!n)
			return;
		n->vendor = ids->vendor;
		n->device = ids->device;
		n->revision = ids->revision;
		h0_root_link(r, n->driver, sizeof n->driver, BASE "/%s/driver", addr);
		return;
	}
	struct h0_hw_gpu *g = h0_hw_gpu_add(hw, addr);
	if (!g)
		return;
	g->vendor = ids->vendor;
	g->device = ids->device;
	g->class = ids->class;
	g->revision = ids->revision;
	g->subvendor = ids->subvendor;
	g->subdevice = ids->subdevice;
	g->bar_max = ids->bar_max;
	g->boot_vga = h0_root_int(r, 0, 1, BASE "/%s/boot_vga", addr);
	h0_root_link(r, g->driver, sizeof g->driver, BASE "/%s/driver", addr);
}

static const struct ids no_ids = {H0_UNKNOWN, H0_UNKNOWN, H0_UNKNOWN, H0_UNKNOWN,
                                  H0_UNKNOWN, H0_UNKNOWN, H0_UNKNOWN};

/* Where sysfs lists no device: what libpci finds by itself (/proc/bus/pci), live only. */
static void scan(const struct h0_root *r, struct h0_hw *hw, struct pci_access *acc)
{
	jmp_buf env;
	escape = &env;
	if (!setjmp(env)) {
		pci_scan_bus(acc);
		for (struct pci_dev *d = acc->devices; d; d = d->next) {
			struct ids ids = no_ids;
			char addr[24];
			snprintf(addr, sizeof addr, "%04x:%02x:%02x.%x", (unsigned)d->domain & 0xffffff,
			         d->bus, d->dev, d->func & 7u);
			take(d, &ids);
			if (of_interest(ids.class))
				add(r, hw, addr, &ids);
		}
	}
	escape = NULL;
}

void h0_hw_pci(const struct h0_root *r, struct h0_hw *hw)
{
	h0_autostrv struct h0_strv names = {0};
	struct pci_access *acc = NULL;
	h0_root_list(r, &names, BASE);
	for (size_t i = 0; i < names.n; i++) {
		const char *addr = names.v[i];
		struct ids ids = no_ids;
		ids.class = hex(r, addr, "class", 0xffffff);
		if (ids.class == H0_UNKNOWN)
			from_uevent(r, addr, &ids);
		if (strlen(addr) >= sizeof hw->gpu[0].addr || !of_interest(ids.class))
			continue;
		if (!acc)
			acc = open_access(r);
		if (acc && plain(r, addr))
			by_libpci(acc, addr, &ids);
		from_text(r, addr, &ids);
		add(r, hw, addr, &ids);
	}
	if (!names.n && r->live && (acc = open_access(r)))
		scan(r, hw, acc);
	for (int i = 0; i < hw->ngpu && acc && r->live; i++)
		if (hw->gpu[i].vendor != 0x1002 && hw->gpu[i].vendor != 0x10de)
			name(acc, &hw->gpu[i]);
	if (acc)
		pci_cleanup(acc);
}
