/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A machine's files: the whole probe on the tree of a made-up machine in which the input replaces
 * some files. A line "@X" begins the content of the X-th file of the table below ('A' is the
 * first). Whatever they say: the rules of truth hold, the document fits its schema and reads back,
 * the same machine shows no change, and the memory bars add up.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "truth.h"

#include "base/mem.h"
#include "model/doctor.h"
#include "model/hwdoc.h"
#include "model/membar.h"
#include "model/tune.h"
#include "sys/durable.h"
#include "sys/spawn.h"

#define GPU "/sys/devices/pci0000:00/0000:c5:00.0"
#define KFD "/sys/devices/virtual/kfd/kfd/topology/nodes/1"

static const char *const files[] = {
	"/proc/meminfo",
	"/proc/cpuinfo",
	"/sys/devices/system/node/node0/meminfo",
	KFD "/properties",
	KFD "/mem_banks/0/properties",
	GPU "/mem_info_vram_total",
	GPU "/mem_info_gtt_total",
	GPU "/mem_info_vram_used",
	GPU "/mem_info_gtt_used",
	GPU "/mem_info_vis_vram_total",
	GPU "/vendor",
	GPU "/device",
	GPU "/class",
	GPU "/revision",
	GPU "/resource",
	GPU "/pp_dpm_sclk",
	GPU "/uma/carveout_options",
	"/proc/cmdline",
	"/etc/modprobe.d/gpu.conf",
	"/sys/module/ttm/parameters/pages_limit",
	"/sys/module/ttm/parameters/page_pool_size",
	"/sys/module/amdgpu/parameters/gttsize",
	"/proc/self/cgroup",
	"/sys/fs/cgroup/memory.max",
	"/sys/fs/cgroup/memory/memory.limit_in_bytes",
	"/sys/fs/cgroup/memory/memory.stat",
	"/sys/fs/cgroup/devices/devices.list",
	"/proc/self/uid_map",
	"/proc/self/attr/current",
	"/proc/1/environ",
	"/proc/version",
	"/proc/buddyinfo",
	"/sys/devices/system/cpu/online",
	"/sys/devices/system/cpu/possible",
	"/etc/os-release",
	"/vulkan.json",
	"/unreadable.list",
	"/dev.manifest",
	"/sys/firmware/dmi/tables/DMI",
	"/var/lib/dpkg/status",
	"/sys/devices/pci0000:00/0000:c6:00.1/fw_version",
	"/proc/driver/nvidia/version",
	"/etc/cdi/nvidia.json",
	"/proc/modules",
	"/etc/tuned/active_profile",
};
#define FILES H0_ARRAY_LEN(files)

static struct world {
	char dir[64];
	struct h0_buf was[FILES];
	bool there[FILES];
} world;

static void put(size_t i, const void *p, size_t n)
{
	h0_autofree char *path = h0_asprintf("%s%s", world.dir, files[i]);
	h0_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
}

static void put_back(size_t i)
{
	h0_autofree char *path = h0_asprintf("%s%s", world.dir, files[i]);
	if (world.there[i])
		put(i, world.was[i].p, world.was[i].len);
	else
		unlink(path);
}

static void leave(void)
{
	const char *argv[] = {"rm", "-rf", world.dir, NULL};
	h0_autospawned struct h0_spawned r = {0};
	struct h0_spawn s = {.argv = argv, .timeout_ms = 20000};
	h0_spawn(&s, &r, NULL);
	for (size_t i = 0; i < FILES; i++)
		h0_buf_done(&world.was[i]);
}

static void enter(void)
{
	const char *source = getenv("HAL0_SOURCE");
	h0_autofree char *make = h0_asprintf("%s/test/machines/make.sh", source ? source : ".");
	const char *argv[] = {"sh", make, "halo-lxc-priv", world.dir, NULL};
	h0_autospawned struct h0_spawned r = {0};
	struct h0_spawn s = {.argv = argv, .timeout_ms = 20000};
	fuzz_dir(world.dir, sizeof world.dir);
	if (h0_spawn(&s, &r, NULL) < 0 || r.exit_code != 0)
		abort();
	atexit(leave);
	for (size_t i = 0; i < FILES; i++) {
		h0_autofree char *path = h0_asprintf("%s%s", world.dir, files[i]);
		world.there[i] = h0_read_file(path, 1 << 16, &world.was[i], NULL) == 0;
		*strrchr(path, '/') = '\0';
		if (h0_mkdirs(path, 0755, NULL) < 0)
			abort();
	}
}

/* Writes the files the input names; which ones to *ret_touched. */
static void scatter(const char *p, size_t n, bool ret_touched[FILES])
{
	const char *end = p + n;
	while (p < end) {
		const char *line = memchr(p, '\n', (size_t)(end - p));
		size_t file = p[0] == '@' && line == p + 2 ? (size_t)(unsigned char)p[1] - 'A' : FILES;
		const char *body = line ? line + 1 : end, *next = body;
		while (next < end && !(next[0] == '@' && next[-1] == '\n'))
			next++;
		if (file < FILES) {
			put(file, body, (size_t)(next - body));
			ret_touched[file] = true;
		}
		p = next;
	}
}

static void conclude(const struct h0_machine *m)
{
	static const int64_t budgets[] = {H0_UNKNOWN, 4096, 110 << 10, INT32_MAX};
	h0_autofree struct h0_checks *c = h0_calloc(1, sizeof *c);
	h0_autofree struct h0_membar *bars = h0_calloc(1, sizeof *bars);
	h0_autobuf struct h0_buf svg = {0};
	h0_doctor(m, NULL, 0, c);
	for (int i = 0; i < c->n; i++) {
		H0_ASSERT(*c->v[i].fact && (!i || c->v[i].severity <= c->v[i - 1].severity));
		H0_ASSERT(c->v[i].severity == H0_SEV_OK || (*c->v[i].why && *c->v[i].fix));
	}
	h0_membar(m, bars);
	h0_membar_svg(bars, &svg);
	for (int i = 0; i < bars->n; i++) {
		int64_t sum = 0;
		for (int k = 0; k < bars->bar[i].n; k++) {
			H0_ASSERT(bars->bar[i].seg[k].bytes >= 0);
			sum += bars->bar[i].seg[k].bytes;
		}
		H0_ASSERT(sum == bars->bar[i].total);
	}
	for (size_t i = 0; i < H0_ARRAY_LEN(budgets); i++) {
		struct h0_tune t;
		struct h0_err e = {0};
		if (h0_tune(m, budgets[i], i & 1, &t, &e) < 0) {
			H0_ASSERT(e.msg[0] && (e.kind == H0_NOHW || e.kind == H0_NO));
			continue;
		}
		H0_ASSERT(t.gtt_mib > 0 && t.pages == t.gtt_mib * 256 && t.left_mib > 0);
		H0_ASSERT(t.gtt_mib + t.left_mib == t.ram_mib);
	}
}

static void probe(void)
{
	h0_autoroot struct h0_root root = {.fd = -1};
	h0_auto(h0_hwchanges_done) struct h0_hwchanges changes = {0};
	h0_autobuf struct h0_buf text = {0};
	h0_autojson struct h0_json *again = NULL;
	if (h0_root_open(&root, world.dir, NULL) < 0)
		abort();
	h0_autohw struct h0_hw *hw = h0_hw_probe(&root, H0_HW_VULKAN);
	h0_autofree struct h0_machine *m = h0_machine(hw);
	h0_autojson struct h0_json *doc = h0_hwdoc(m, NULL);
	const char *wrong = truth_machine(m);
	if (wrong)
		fprintf(stderr, "# %s\n", wrong);
	H0_ASSERT(!wrong);
	h0_hwdoc_text(doc, &text);
	H0_ASSERT(h0_json_parse(text.p, text.len, "doc", &again, NULL) == 0);
	wrong = truth_schema(again, h0_schema_hardware.keys);
	if (wrong)
		fprintf(stderr, "# off the schema: %s\n", wrong);
	H0_ASSERT(!wrong);
	h0_hwdoc_diff(again, doc, &changes);
	H0_ASSERT(changes.n == 0);
	conclude(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool touched[FILES] = {false};
	if (!*world.dir)
		enter();
	scatter((const char *)data, size, touched);
	probe();
	for (size_t i = 0; i < FILES; i++)
		if (touched[i])
			put_back(i);
	return 0;
}

static const char *const fuzz_words[] = {
	"\n@A\n", "\n@B\n", "\n@D\n", "\n@F\n", "\n@G\n", "\n@R\n", "\n@S\n", "\n@W\n", "\n@d\n",
	"-1", "0", "1", "9223372036854775807", "18446744073709551615", "1125899906842624", "0x",
	"-9223372036854775808", "kB", ":", " ", "\n", "\t", "\\", "/", "..", "max", "nan", "%s", "\xff",
	"MemTotal:", "MemFree:", "MemAvailable:", "Node 0 MemTotal:", "processor\t: ", "flags\t: ",
	"size_in_bytes ", "gfx_target_version ", "location_id ", "0::/", "1:devices:/", "1:memory:/",
	"ttm.pages_limit=", "options ttm ", "amd_iommu=off", "0-31", "0-", "a *:* rwm", "{", "}", "[",
	"]", "\"", "null", " EACCES\n", NULL};

FUZZ_TARGET("machine", 1500)
