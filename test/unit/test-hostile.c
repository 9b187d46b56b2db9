/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The probe on damaged machines: files of synthetic roots are replaced by empty, huge, binary,
 * negative, looping and blocking ones. It must end, quickly, and never conclude nonsense.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/hwdoc.h"
#include "sys/spawn.h"
#include "tap.h"
#include "truth.h"

#define ROUNDS 400

static struct h0_strv found;

static int visit(const char *path, const struct stat *st, int type, struct FTW *f)
{
	if (type == FTW_F || type == FTW_SL)
		h0_strv_add(&found, path);
	return 0;
}

static unsigned seed = 20240607;
static unsigned rnd(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void write_bytes(const char *path, const void *p, size_t n)
{
	h0_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
}

static const char *damage(const char *path)
{
	static const char *const texts[] = {
		"-1\n", "0\n", "9223372036854775807\n", "18446744073709551615\n", "0x\n", "-9999999999999\n",
		"999999999999999999999999999\n", "\n\n\n", "NaN", "1e9\n", "0xffffffffffffffff\n",
		"%s%n%s\n", ": : :\n", "../../../../../../etc/passwd",
	};
	static char big[1 << 20];
	unlink(path);
	switch (rnd(9)) {
	case 0:
		write_bytes(path, "", 0);
		return "empty";
	case 1:
		memset(big, 'x', sizeof big);
		write_bytes(path, big, sizeof big);
		return "huge";
	case 2:
		for (size_t i = 0; i < 512; i++)
			big[i] = (char)rnd(256);
		write_bytes(path, big, 512);
		return "binary";
	case 3:
		if (symlink(strrchr(path, '/') + 1, path) < 0)
			abort();
		return "link to itself";
	case 4:
		if (mkfifo(path, 0644) < 0)
			abort();
		return "FIFO";
	case 5:
		if (mkdir(path, 0755) < 0)
			abort();
		return "directory";
	case 6:
		return "missing";
	default: {
		const char *t = texts[rnd(H0_ARRAY_LEN(texts))];
		write_bytes(path, t, strlen(t));
		return t;
	}
	}
}

static const char *probe(const char *dir)
{
	h0_autoroot struct h0_root root = {.fd = -1};
	struct h0_err e = {0};
	if (h0_root_open(&root, dir, &e) < 0)
		return "root cannot be opened";
	h0_autohw struct h0_hw *hw = h0_hw_probe(&root, H0_HW_VULKAN);
	h0_autofree struct h0_machine *m = h0_machine(hw);
	h0_autojson struct h0_json *doc = h0_hwdoc(m, NULL);
	h0_autobuf struct h0_buf text = {0};
	h0_autojson struct h0_json *again = NULL;
	h0_hwdoc_text(doc, &text);
	if (h0_json_parse(text.p, text.len, "doc", &again, NULL) < 0)
		return "document is no JSON";
	if (truth_schema(again, h0_schema_hardware.keys))
		return truth_schema(again, h0_schema_hardware.keys);
	return truth_machine(m);
}

static int sh(const char *a, const char *b, const char *c, const char *d)
{
	const char *argv[] = {a, b, c, d, NULL};
	h0_autospawned struct h0_spawned r = {0};
	struct h0_spawn s = {.argv = argv, .timeout_ms = 20000};
	return h0_spawn(&s, &r, NULL) < 0 ? -1 : r.exit_code;
}

static void restore(const char *kept, const char *path)
{
	if (unlink(path) < 0 && errno == EISDIR)
		rmdir(path);
	rmdir(path);
	if (rename(kept, path) < 0)
		abort();
}

static void rounds(const char *dir, const char *name)
{
	char kept[1200];
	int bad = 0;
	snprintf(kept, sizeof kept, "%s/../kept", dir);
	nftw(dir, visit, 16, FTW_PHYS);
	for (int i = 0; i < ROUNDS; i++) {
		const char *path = found.v[rnd((unsigned)found.n)];
		if (strstr(path, "/proc/cpuinfo") && i % 8)
			continue;
		if (rename(path, kept) < 0)
			abort();
		const char *how = damage(path);
		alarm(5);
		const char *why = probe(dir);
		alarm(0);
		if (why && bad++ < 5)
			printf("# %s: %s is %.40s\n", why, path + strlen(dir), how);
		restore(kept, path);
	}
	ok(bad == 0, "%s: %d damaged files, no nonsense", name, ROUNDS);
	h0_strv_done(&found);
}

int main(void)
{
	static const char *const names[] = {"halo-512m", "halo-lxc-priv", "xtx", "nvidia-nodriver"};
	char base[] = "/tmp/hal0-hostile.XXXXXX", dir[256], make[1200];
	const char *source = getenv("HAL0_SOURCE");
	if (!mkdtemp(base))
		return 1;
	snprintf(make, sizeof make, "%s/test/machines/make.sh", source ? source : ".");
	for (size_t i = 0; i < H0_ARRAY_LEN(names); i++) {
		snprintf(dir, sizeof dir, "%s/%s", base, names[i]);
		if (ok(sh("sh", make, names[i], dir) == 0, "%s: made", names[i])) {
			ok(!probe(dir), "%s: undamaged", names[i]);
			rounds(dir, names[i]);
		}
	}
	sh("rm", "-rf", base, NULL);
	return tap_done();
}
