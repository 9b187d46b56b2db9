/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The kernel's limits on memory that a GPU may map: live module parameters, and the lines of
 * modprobe.d meant to set them (which only count after the next boot, or never).
 */
#include <stdio.h>
#include <string.h>

#include "hw/hw.h"

#define PAGES_MAX (H0_HW_MAX_BYTES >> 12)

static bool names_module(const char *line, size_t n)
{
	char copy[512], verb[32], module[64];
	snprintf(copy, sizeof copy, "%.*s", (int)(n < 511 ? n : 511), line);
	return sscanf(copy, "%31s %63s", verb, module) == 2 &&
	       (strcmp(verb, "options") == 0 || strcmp(verb, "blacklist") == 0) &&
	       (strcmp(module, "ttm") == 0 || strcmp(module, "amdttm") == 0 ||
	        strcmp(module, "amdgpu") == 0 || strcmp(module, "amdxdna") == 0);
}

static void modprobe_file(const struct h0_root *r, struct h0_hw_ttm *t, const char *name)
{
	h0_autobuf struct h0_buf b = {0};
	if (h0_root_read(r, 65536, &b, "/etc/modprobe.d/%s", name) < 0)
		return;
	for (const char *line = b.p; *line;) {
		size_t n = strcspn(line, "\n"), have = strlen(t->modprobe);
		if (names_module(line, n)) {
			char one[512];
			h0_text_clean(one, sizeof one, line, n);
			int add = snprintf(t->modprobe + have, sizeof t->modprobe - have, "%s: %s\n", name, one);
			if (add < 0 || (size_t)add >= sizeof t->modprobe - have)
				t->modprobe[have] = '\0'; /* no half of a number */
		}
		line += n;
		line += *line == '\n';
	}
}

void h0_hw_ttm(const struct h0_root *r, struct h0_hw *hw)
{
	struct h0_hw_ttm *t = &hw->ttm;
	const char *module = h0_root_exists(r, "/sys/module/amdttm/parameters") ? "amdttm" : "ttm";
	h0_autostrv struct h0_strv names = {0};
	snprintf(t->module, sizeof t->module, "%s", module);
	t->pages_limit = h0_root_int(r, 1, PAGES_MAX, "/sys/module/%s/parameters/pages_limit", module);
	t->page_pool_size =
	    h0_root_int(r, 0, PAGES_MAX, "/sys/module/%s/parameters/page_pool_size", module);
	t->gttsize = h0_root_int(r, -1, H0_HW_MAX_BYTES >> 20, "/sys/module/amdgpu/parameters/gttsize");
	h0_root_list(r, &names, "/etc/modprobe.d");
	for (size_t i = 0; i < names.n && i < 256; i++)
		if (h0_ends(names.v[i], ".conf"))
			modprobe_file(r, t, names.v[i]);
}
