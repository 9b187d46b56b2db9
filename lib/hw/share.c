/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/share.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "hw/hw.h"

#define CLIENTS_MAX 64

/* "123 KiB", "123 kB", "5 MiB" or "123" (bytes). */
static int64_t size_of(const char *text, const char *key)
{
	char v[64];
	int64_t n;
	if (!h0_text_field(text, key, v, sizeof v))
		return H0_UNKNOWN;
	char *unit = v + strspn(v, "0123456789");
	int shift = strstr(unit, "KiB") || strstr(unit, "kB") ? 10 : strstr(unit, "MiB") ? 20 : 0;
	*unit = '\0';
	return h0_num_i64(v, 0, H0_HW_MAX_BYTES >> shift, &n) ? n << shift : H0_UNKNOWN;
}

static int64_t sum(int64_t a, int64_t b)
{
	return a == H0_UNKNOWN ? b : b == H0_UNKNOWN ? a : a + b;
}

static void pages(const struct h0_root *r, int pid, struct h0_share *ret)
{
	h0_autobuf struct h0_buf b = {0};
	if (h0_root_read(r, 65536, &b, "/proc/%d/status", pid) < 0)
		return;
	ret->anon = sum(size_of(b.p, "RssAnon"), size_of(b.p, "RssShmem"));
	ret->file = size_of(b.p, "RssFile");
}

/* Several descriptors may stand for one client: it counts once. */
static bool seen_before(int64_t *clients, int *n, int64_t id)
{
	for (int i = 0; i < *n; i++)
		if (clients[i] == id)
			return true;
	if (*n < CLIENTS_MAX)
		clients[(*n)++] = id;
	return false;
}

void h0_hw_share(const struct h0_root *r, int pid, struct h0_share *ret)
{
	h0_autostrv struct h0_strv fds = {0};
	int64_t clients[CLIENTS_MAX];
	int nclients = 0;
	*ret = (struct h0_share){H0_UNKNOWN, H0_UNKNOWN, H0_UNKNOWN, H0_UNKNOWN};
	pages(r, pid, ret);
	h0_root_list(r, &fds, "/proc/%d/fdinfo", pid);
	for (size_t i = 0; i < fds.n; i++) {
		h0_autobuf struct h0_buf b = {0};
		char id[32];
		int64_t client;
		if (h0_root_read(r, 16384, &b, "/proc/%d/fdinfo/%s", pid, fds.v[i]) < 0 ||
		    !h0_text_field(b.p, "drm-client-id", id, sizeof id) ||
		    !h0_num_i64(id, 0, INT64_MAX, &client) || seen_before(clients, &nclients, client))
			continue;
		ret->vram = sum(ret->vram, size_of(b.p, "drm-memory-vram"));
		ret->gtt = sum(ret->gtt, size_of(b.p, "drm-memory-gtt"));
	}
}
