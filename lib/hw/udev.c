/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/udev.h"

#include <stdio.h>
#include <string.h>

#include <libudev.h>

#include "base/mem.h"
#include "hw/hw.h"

static const char *const subsystems[] = {"drm", "accel", "kfd"};

static void add(struct h0_hw_udev *out, struct udev_device *d, const char *subsystem)
{
	const char *node = udev_device_get_devnode(d), *name = udev_device_get_sysname(d);
	if (!node || !name || out->n == H0_HW_UDEVS)
		return; /* connectors have no node */
	struct h0_udev_dev *dev = &out->dev[out->n++];
	struct udev_device *pci = udev_device_get_parent_with_subsystem_devtype(d, "pci", NULL);
	snprintf(dev->subsystem, sizeof dev->subsystem, "%s", subsystem);
	h0_text_clean(dev->name, sizeof dev->name, name, strlen(name));
	h0_text_clean(dev->node, sizeof dev->node, node, strlen(node));
	if (pci)
		snprintf(dev->addr, sizeof dev->addr, "%.23s", udev_device_get_sysname(pci));
	dev->initialized = udev_device_get_is_initialized(d) > 0;
}

static void list(struct udev *u, struct h0_hw_udev *out, const char *subsystem)
{
	struct udev_enumerate *en = udev_enumerate_new(u);
	if (!en)
		return;
	udev_enumerate_add_match_subsystem(en, subsystem);
	udev_enumerate_scan_devices(en);
	struct udev_list_entry *entry;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(en)) {
		struct udev_device *d =
		    udev_device_new_from_syspath(u, udev_list_entry_get_name(entry));
		if (d)
			add(out, d, subsystem);
		udev_device_unref(d);
	}
	udev_enumerate_unref(en);
}

void h0_hw_udev(const struct h0_root *r, struct h0_hw *hw)
{
	struct udev *u = r->live ? udev_new() : NULL;
	if (!u)
		return;
	for (size_t i = 0; i < H0_ARRAY_LEN(subsystems); i++)
		list(u, &hw->udev, subsystems[i]);
	udev_unref(u);
}

struct h0_udev_watch {
	struct udev *udev;
	struct udev_monitor *monitor;
};

struct h0_udev_watch *h0_udev_watch_open(void)
{
	struct h0_udev_watch *w = h0_calloc(1, sizeof *w);
	w->udev = udev_new();
	w->monitor = w->udev ? udev_monitor_new_from_netlink(w->udev, "udev") : NULL;
	bool good = w->monitor != NULL;
	for (size_t i = 0; good && i < H0_ARRAY_LEN(subsystems); i++)
		good = udev_monitor_filter_add_match_subsystem_devtype(w->monitor, subsystems[i],
		                                                       NULL) >= 0;
	if (good && udev_monitor_enable_receiving(w->monitor) >= 0)
		return w;
	h0_udev_watch_close(w);
	return NULL;
}

int h0_udev_watch_fd(const struct h0_udev_watch *w)
{
	return udev_monitor_get_fd(w->monitor);
}

bool h0_udev_watch_drain(struct h0_udev_watch *w)
{
	bool any = false;
	for (struct udev_device *d; (d = udev_monitor_receive_device(w->monitor));) {
		any = true;
		udev_device_unref(d);
	}
	return any;
}

void h0_udev_watch_close(struct h0_udev_watch *w)
{
	if (!w)
		return;
	udev_monitor_unref(w->monitor);
	udev_unref(w->udev);
	free(w);
}
