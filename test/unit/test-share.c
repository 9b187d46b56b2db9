/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a process holds, by files as amdgpu and other drivers write them.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "hw/hw.h"
#include "hw/share.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/spawn.h"
#include "tap.h"

static char top[] = "/tmp/hal0-share.XXXXXX";

static void put(const char *path, const char *text)
{
	h0_autofree char *full = h0_asprintf("%s/%s", top, path);
	h0_autofree char *dir = h0_strdup(full);
	*strrchr(dir, '/') = '\0';
	if (h0_mkdirs(dir, 0755, NULL) < 0 ||
	    h0_durable_write(full, text, strlen(text), 0644, NULL) < 0)
		abort();
}

static struct h0_share look(int pid)
{
	h0_autoroot struct h0_root r = {.fd = -1};
	struct h0_share s = {0};
	if (h0_root_open(&r, top, NULL) < 0)
		abort();
	h0_hw_share(&r, pid, &s);
	return s;
}

static void known(void)
{
	put("proc/7/status", "Name:\tllama-server\nRssAnon:\t    1024 kB\nRssFile:\t     512 kB\n"
	                     "RssShmem:\t      16 kB\n");
	put("proc/7/fdinfo/0", "pos:\t0\nflags:\t02\n");
	put("proc/7/fdinfo/5", "pos:\t0\ndrm-driver:\tamdgpu\ndrm-client-id:\t12\ndrm-pdev:\t0000:c5:00.0\n"
	                       "drm-memory-vram:\t 2048 KiB\ndrm-memory-gtt: \t 45088768 KiB\n");
	put("proc/7/fdinfo/6", "drm-driver:\tamdgpu\ndrm-client-id:\t12\ndrm-memory-vram:\t2048 KiB\n"
	                       "drm-memory-gtt:\t45088768 KiB\n");
	put("proc/7/fdinfo/9", "drm-driver:\tamdgpu\ndrm-client-id:\t13\ndrm-memory-vram:\t1 MiB\n"
	                       "drm-memory-gtt:\t4096\n");
	struct h0_share s = look(7);
	is_int(s.anon, (1024 + 16) << 10, "its own pages");
	is_int(s.file, 512 << 10, "mapped files");
	is_int(s.vram, (2048 << 10) + (1 << 20), "VRAM: two descriptors of one client count once");
	is_int(s.gtt, (45088768LL << 10) + 4096, "GTT, in three units");
}

static void unknown(void)
{
	put("proc/8/status", "Name:\tx\nRssAnon:\t-5 kB\nRssFile:\t99999999999999999999 kB\n");
	put("proc/8/fdinfo/3", "drm-driver:\tnvidia-drm\ndrm-client-id:\t1\n");
	put("proc/8/fdinfo/4", "drm-client-id:\tx\ndrm-memory-vram:\t1 KiB\n");
	put("proc/8/fdinfo/5", "drm-client-id:\t2\ndrm-memory-gtt:\t-1 KiB\n");
	struct h0_share s = look(8);
	ok(s.anon == H0_UNKNOWN && s.file == H0_UNKNOWN, "numbers that are none");
	ok(s.vram == H0_UNKNOWN && s.gtt == H0_UNKNOWN, "a driver that does not tell: unknown, not 0");
	s = look(9);
	ok(s.anon == H0_UNKNOWN && s.gtt == H0_UNKNOWN, "no such process");
}

/* Wherever a paragraph lies in a large file: also across the pieces it is read in. */
static void paragraphs(void)
{
	h0_autoroot struct h0_root r = {.fd = -1};
	h0_autobuf struct h0_buf file = {0};
	static const char text[] = "\nPackage: b\nVersion: 1\n\nPackage: c\n";
	int bad = 0;
	if (h0_root_open(&r, top, NULL) < 0)
		abort();
	for (int at = 1; at < 3 * H0_PARAGRAPH_MAX; at += at % H0_PARAGRAPH_MAX > H0_PARAGRAPH_MAX - 40 ||
	                                                  at % H0_PARAGRAPH_MAX < 40 ? 1 : 997) {
		h0_autobuf struct h0_buf got = {0};
		h0_buf_reset(&file);
		while (file.len < (size_t)at)
			h0_buf_addc(&file, 'x');
		h0_buf_adds(&file, text);
		put("large", h0_buf_str(&file));
		bad += h0_root_paragraph(&r, 1 << 20, "Package: b", &got, "/large") != 0 ||
		       strcmp(h0_buf_str(&got), "Package: b\nVersion: 1") != 0;
	}
	is_int(bad, 0, "a paragraph is found wherever it lies");
	h0_autobuf struct h0_buf none = {0};
	is_int(h0_root_paragraph(&r, 1 << 20, "Package: d", &none, "/large"), -ENODATA, "none by that line");
	is_int(h0_root_paragraph(&r, 1 << 20, "Package:", &none, "/large"), -ENODATA, "a line is a whole one");
	is_int(h0_root_paragraph(&r, 1000, "Package: b", &none, "/large"), -ENODATA, "not beyond the bound");
	is_int(h0_root_paragraph(&r, 1000, "Package: b", &none, "/absent"), -ENOENT, "no such file");
	is_int((long)none.len, 0, "nothing of them");
}

int main(void)
{
	if (!mkdtemp(top))
		return 1;
	known();
	unknown();
	paragraphs();
	const char *argv[] = {"rm", "-rf", top, NULL};
	h0_autospawned struct h0_spawned r = {0};
	struct h0_spawn s = {.argv = argv, .timeout_ms = 5000};
	h0_spawn(&s, &r, NULL);
	return tap_done();
}
