/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What Vulkan enumerates. Drivers crash and hang, so the loader is opened in a forked child with
 * a deadline and the answer comes back through a pipe as a fixed record; the child writes nothing
 * else, leaves no core and dies with us. In a re-rooted tree /vulkan.json stands for the loader.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include "base/mem.h"
#include "sys/clock.h"
#include "fmt/json.h"
#include "hw/hw.h"
#include "sys/io.h"

#define DEADLINE_MS 10000
#define JSON_MAX (4u << 20)

static void refuse(struct h0_hw_vulkan *v, enum h0_vk_status status, const char *detail)
{
	v->status = status;
	v->ndev = 0;
	h0_text_clean(v->detail, sizeof v->detail, detail, strlen(detail));
}

/* ---- the child ---- */

struct vk {
	PFN_vkGetInstanceProcAddr proc;
	VkInstance instance;
	PFN_vkEnumeratePhysicalDevices enumerate;
	PFN_vkGetPhysicalDeviceProperties2 props;
	PFN_vkGetPhysicalDeviceMemoryProperties memory;
	PFN_vkEnumerateDeviceExtensionProperties extensions;
};

static void version_text(char *dst, size_t size, uint32_t v)
{
	snprintf(dst, size, "%u.%u.%u", VK_API_VERSION_MAJOR(v), VK_API_VERSION_MINOR(v),
	         VK_API_VERSION_PATCH(v));
}

/* Function pointers out of void ones without a cast that ISO C forbids. */
#define LOAD(vk, field, name)                                                        \
	do {                                                                         \
		PFN_vkVoidFunction fn_ = (vk)->proc((vk)->instance, name);           \
		memcpy(&(vk)->field, &fn_, sizeof fn_);                              \
	} while (0)

static bool start_instance(struct vk *vk, struct h0_hw_vulkan *out)
{
	void *lib = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	void *sym = lib ? dlsym(lib, "vkGetInstanceProcAddr") : NULL;
	if (!sym) {
		refuse(out, H0_VK_NO_LOADER, "libvulkan.so.1 cannot be loaded");
		return false;
	}
	memcpy(&vk->proc, &sym, sizeof sym);
	PFN_vkEnumerateInstanceVersion ask = NULL;
	PFN_vkCreateInstance create = NULL;
	PFN_vkVoidFunction fn = vk->proc(NULL, "vkEnumerateInstanceVersion");
	memcpy(&ask, &fn, sizeof fn);
	fn = vk->proc(NULL, "vkCreateInstance");
	memcpy(&create, &fn, sizeof fn);
	uint32_t version = VK_API_VERSION_1_0;
	if (ask && ask(&version) == VK_SUCCESS)
		version_text(out->loader, sizeof out->loader, version);
	VkApplicationInfo app = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
	                         .pApplicationName = "hal0-probe", .apiVersion = VK_API_VERSION_1_1};
	VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
	                             .pApplicationInfo = &app};
	VkResult rc = create ? create(&info, NULL, &vk->instance) : VK_ERROR_INITIALIZATION_FAILED;
	if (rc != VK_SUCCESS) {
		char text[96];
		snprintf(text, sizeof text, "vkCreateInstance failed with %d", rc);
		refuse(out, rc == VK_ERROR_INCOMPATIBLE_DRIVER ? H0_VK_NO_DRIVER : H0_VK_FAILED, text);
		return false;
	}
	LOAD(vk, enumerate, "vkEnumeratePhysicalDevices");
	LOAD(vk, props, "vkGetPhysicalDeviceProperties2");
	LOAD(vk, memory, "vkGetPhysicalDeviceMemoryProperties");
	LOAD(vk, extensions, "vkEnumerateDeviceExtensionProperties");
	return vk->enumerate && vk->props && vk->memory && vk->extensions;
}

static bool has_extension(const struct vk *vk, VkPhysicalDevice d, const char *name)
{
	uint32_t n = 0;
	if (vk->extensions(d, NULL, &n, NULL) != VK_SUCCESS || n > 4096)
		return false;
	VkExtensionProperties *all = h0_calloc(n ? n : 1, sizeof *all);
	bool found = false;
	if (vk->extensions(d, NULL, &n, all) == VK_SUCCESS)
		for (uint32_t i = 0; i < n && !found; i++)
			found = strcmp(all[i].extensionName, name) == 0;
	free(all);
	return found;
}

static void describe(const struct vk *vk, VkPhysicalDevice d, struct h0_vk_dev *out)
{
	VkPhysicalDevicePCIBusInfoPropertiesEXT pci = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT};
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
	VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
	bool has_pci = has_extension(vk, d, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME);
	if (has_pci) {
		pci.pNext = p.pNext;
		p.pNext = &pci;
	}
	driver.pNext = p.pNext;
	p.pNext = &driver; /* a driver that does not know it leaves it zeroed */
	vk->props(d, &p);
	const VkPhysicalDeviceProperties *b = &p.properties;
	h0_text_clean(out->name, sizeof out->name, b->deviceName, sizeof b->deviceName);
	h0_text_clean(out->driver_name, sizeof out->driver_name, driver.driverName,
	              sizeof driver.driverName);
	h0_text_clean(out->driver_info, sizeof out->driver_info, driver.driverInfo,
	              sizeof driver.driverInfo);
	version_text(out->api, sizeof out->api, b->apiVersion);
	out->vendor = b->vendorID;
	out->device = b->deviceID;
	out->type = (int)b->deviceType;
	out->driver_id = (int)driver.driverID;
	if (has_pci)
		snprintf(out->addr, sizeof out->addr, "%04x:%02x:%02x.%x", pci.pciDomain & 0xffffff,
		         pci.pciBus & 0xff, pci.pciDevice & 0x1f, pci.pciFunction & 7);
	VkPhysicalDeviceMemoryProperties m = {0};
	vk->memory(d, &m);
	for (uint32_t i = 0; i < m.memoryHeapCount && i < H0_HW_HEAPS; i++) {
		out->heap[i].size = (int64_t)(m.memoryHeaps[i].size & INT64_MAX);
		out->heap[i].local = m.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
		out->nheap = (int)i + 1;
	}
}

static void enumerate(struct h0_hw_vulkan *out)
{
	struct vk vk = {0};
	VkPhysicalDevice devs[H0_HW_VKDEVS];
	uint32_t n = H0_HW_VKDEVS;
	out->status = H0_VK_FAILED;
	if (!start_instance(&vk, out))
		return;
	VkResult rc = vk.enumerate(vk.instance, &n, devs);
	if (rc != VK_SUCCESS && rc != VK_INCOMPLETE) {
		refuse(out, H0_VK_FAILED, "vkEnumeratePhysicalDevices failed");
		return;
	}
	for (uint32_t i = 0; i < n && i < H0_HW_VKDEVS; i++)
		describe(&vk, devs[i], &out->dev[i]);
	out->ndev = (int)n;
	out->status = H0_VK_OK;
}

static void H0_NORETURN child(int fd)
{
	struct rlimit none = {0, 0};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	for (int s = 1; s < 32; s++)
		signal(s, SIG_DFL);
	int null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2); /* loaders and drivers chat */
	}
	struct h0_hw_vulkan *out = h0_calloc(1, sizeof *out);
	enumerate(out);
	_exit(h0_write_all(fd, out, sizeof *out, NULL) < 0 ? 1 : 0);
}

/* ---- the parent ---- */

/* Bytes received until the child closed the pipe; -1: the deadline passed first. */
static ssize_t receive(int fd, void *dst, size_t size)
{
	int64_t deadline = h0_now_ms() + DEADLINE_MS;
	size_t have = 0;
	for (;;) {
		int64_t left = deadline - h0_now_ms();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int rc = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			return -1;
		ssize_t n = read(fd, (char *)dst + have, size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (ssize_t)have;
		have += (size_t)n;
		if (have == size)
			return (ssize_t)have;
	}
}

static void clean(char *text, size_t size)
{
	h0_text_clean(text, size, text, strnlen(text, size - 1));
}

bool h0_hw_vulkan_record(const void *bytes, size_t n, struct h0_hw_vulkan *ret)
{
	/* the child is the same program, but what it sends went through strange drivers */
	h0_autofree struct h0_hw_vulkan *v = h0_calloc(1, sizeof *v);
	if (n != sizeof *v)
		return false;
	memcpy(v, bytes, n);
	if (v->ndev < 0 || v->ndev > H0_HW_VKDEVS || (int)v->status < H0_VK_OK || (int)v->status > H0_VK_FAILED)
		return false;
	clean(v->loader, sizeof v->loader);
	clean(v->detail, sizeof v->detail);
	for (int i = 0; i < v->ndev; i++) {
		struct h0_vk_dev *d = &v->dev[i];
		if (d->nheap < 0 || d->nheap > H0_HW_HEAPS)
			return false;
		clean(d->name, sizeof d->name);
		clean(d->driver_name, sizeof d->driver_name);
		clean(d->driver_info, sizeof d->driver_info);
		clean(d->api, sizeof d->api);
		clean(d->addr, sizeof d->addr);
		for (int k = 0; k < d->nheap; k++) {
			unsigned char local;
			memcpy(&local, &d->heap[k].local, 1); /* any byte, not only a bool's */
			d->heap[k].local = local != 0;
			if (d->heap[k].size < 0)
				return false;
		}
	}
	*ret = *v;
	return true;
}

static void live(struct h0_hw_vulkan *out)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0) {
		refuse(out, H0_VK_FAILED, "no pipe");
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(p[0]);
		child(p[1]);
	}
	close(p[1]);
	if (pid < 0) {
		close(p[0]);
		refuse(out, H0_VK_FAILED, "no process");
		return;
	}
	struct h0_hw_vulkan *got = h0_calloc(1, sizeof *got);
	ssize_t n = receive(p[0], got, sizeof *got);
	close(p[0]);
	int status = 0;
	kill(pid, SIGKILL); /* it has answered, or never will */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n < 0)
		refuse(out, H0_VK_TIMEOUT, "a Vulkan driver did not answer in time");
	else if (!h0_hw_vulkan_record(got, (size_t)n, out))
		refuse(out, H0_VK_FAILED, "a Vulkan driver crashed while enumerating");
	free(got);
}

/* ---- a re-rooted tree ---- */

static uint32_t hex_member(const struct h0_json *j, const char *key)
{
	const char *s = h0_json_str(h0_json_get(j, key));
	return s ? (uint32_t)strtoul(s, NULL, 0)
	         : (uint32_t)(h0_json_int(h0_json_get(j, key), 0) & UINT32_MAX);
}

static void text_member(const struct h0_json *j, const char *key, char *dst, size_t size)
{
	const char *s = h0_json_str(h0_json_get(j, key));
	if (s)
		h0_text_clean(dst, size, s, strlen(s));
}

static int type_by_name(const char *s)
{
	static const char *const names[] = {"OTHER", "INTEGRATED_GPU", "DISCRETE_GPU", "VIRTUAL_GPU",
	                                    "CPU"};
	for (size_t i = 0; s && i < H0_ARRAY_LEN(names); i++)
		if (strcmp(s, names[i]) == 0)
			return (int)i;
	return H0_VK_OTHER;
}

static void device_json(const struct h0_json *j, struct h0_vk_dev *d)
{
	text_member(j, "deviceName", d->name, sizeof d->name);
	text_member(j, "driverName", d->driver_name, sizeof d->driver_name);
	text_member(j, "driverInfo", d->driver_info, sizeof d->driver_info);
	text_member(j, "apiVersion", d->api, sizeof d->api);
	d->vendor = hex_member(j, "vendorID");
	d->device = hex_member(j, "deviceID");
	d->type = type_by_name(h0_json_str(h0_json_get(j, "deviceType")));
	d->driver_id = (int)(h0_json_int(h0_json_get(j, "driverID"), 0) & 0xffff);
	const struct h0_json *pci = h0_json_get(j, "pciBus");
	if (h0_json_type(pci) == H0_JSON_OBJECT)
		snprintf(d->addr, sizeof d->addr, "%04x:%02x:%02x.%x",
		         (unsigned)h0_json_int(h0_json_get(pci, "domain"), 0) & 0xffffff,
		         (unsigned)h0_json_int(h0_json_get(pci, "bus"), 0) & 0xff,
		         (unsigned)h0_json_int(h0_json_get(pci, "device"), 0) & 0x1f,
		         (unsigned)h0_json_int(h0_json_get(pci, "function"), 0) & 7);
	const struct h0_json *heaps = h0_json_get(j, "memoryHeaps");
	for (size_t i = 0; i < h0_json_len(heaps) && i < H0_HW_HEAPS; i++) {
		const struct h0_json *h = h0_json_at(heaps, i);
		d->heap[i].size = h0_json_int(h0_json_get(h, "size"), 0);
		d->heap[i].local = h0_json_bool(h0_json_get(h, "device_local"), false);
		d->nheap = (int)i + 1;
	}
}

static void from_json(const struct h0_root *r, struct h0_hw_vulkan *v)
{
	h0_autobuf struct h0_buf b = {0};
	h0_autojson struct h0_json *j = NULL;
	int rc = h0_root_read(r, JSON_MAX, &b, "/vulkan.json");
	if (rc < 0) {
		v->status = rc == -ENOENT ? H0_VK_NOT_RUN : H0_VK_FAILED;
		return;
	}
	if (h0_json_parse(b.p, b.len, "vulkan.json", &j, NULL) < 0) {
		refuse(v, H0_VK_FAILED, "vulkan.json is not valid JSON");
		return;
	}
	if (h0_json_type(h0_json_get(j, "loader")) != H0_JSON_STRING) {
		refuse(v, H0_VK_NO_LOADER, "libvulkan.so.1 cannot be loaded");
		return;
	}
	text_member(j, "loader", v->loader, sizeof v->loader);
	const struct h0_json *devs = h0_json_get(j, "devices");
	for (size_t i = 0; i < h0_json_len(devs) && i < H0_HW_VKDEVS; i++)
		device_json(h0_json_at(devs, i), &v->dev[v->ndev++]);
	v->status = H0_VK_OK;
}

void h0_hw_vulkan(const struct h0_root *r, struct h0_hw *hw)
{
	if (r->live)
		live(&hw->vulkan);
	else
		from_json(r, &hw->vulkan);
}
