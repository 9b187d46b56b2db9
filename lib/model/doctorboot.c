/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The doctor's look at boot configuration: the kernel command line and modprobe.d.
 */
#include "model/doctor.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

#define KNOWN(x) ((x) != H0_UNKNOWN)
#define GIB(x) ((double)(x) / 0x1p30)
#define add    h0_doctor_add

static bool warned(const struct h0_machine *m, const char *code)
{
	for (int i = 0; i < m->nwarning; i++)
		if (strcmp(m->warning[i].code, code) == 0)
			return true;
	return false;
}

/* What people write, and what the kernel understands. */
static const struct { const char *wrong, *right; } typos[] = {
	{"amdgpu.gtt_size=", "ttm.pages_limit"},
	{"amdgpu.gttsize_mb=", "amdgpu.gttsize"},
	{"amdgpu.ttm.pages_limit=", "ttm.pages_limit"},
	{"amdgpu.pages_limit=", "ttm.pages_limit"},
	{"ttm.page_limit=", "ttm.pages_limit"},
	{"ttm.pages_pool_size=", "ttm.page_pool_size"},
	{"ttm.pool_size=", "ttm.page_pool_size"},
	{"ttm.gttsize=", "ttm.pages_limit"},
	{"ttm.gtt_size=", "ttm.pages_limit"},
	{"amd_iommu=pt", "iommu=pt"},
	{"amd_iommu=on", "nothing (the IOMMU is on by default)"},
};

/* "options amdgpu gtt_size=1" says what "amdgpu.gtt_size=1" says on the command line. */
static void modprobe_words(const char *line, size_t n, char *dst, size_t size)
{
	char module[64], text[512];
	int at = 0;
	dst[0] = '\0';
	snprintf(text, sizeof text, "%.*s", (int)(n < 511 ? n : 511), line);
	char *colon = strstr(text, ": options ");
	if (!colon || sscanf(colon + 10, "%63s %n", module, &at) != 1 || !at)
		return;
	const char *s = colon + 10 + at;
	while (*s) {
		size_t len = strcspn(s, " "), have = strlen(dst);
		snprintf(dst + have, size - have, " %s.%.*s", module, (int)len, s);
		s += len;
		s += strspn(s, " ");
	}
}

static const char *word_at(const char *text, const char *word)
{
	for (const char *at = text; (at = strstr(at, word)); at++)
		if (at == text || at[-1] == ' ')
			return at;
	return NULL;
}

static void typos_in(const char *text, const char *where, struct h0_checks *c)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(typos); i++) {
		const char *at = word_at(text, typos[i].wrong);
		char fix[256];
		if (!at)
			continue;
		snprintf(fix, sizeof fix, "write %s instead, then reboot", typos[i].right);
		add(c, "kernel-argument-typo", H0_SEV_WARNING, fix, "%s has %.*s, which no kernel knows",
		    where, (int)strcspn(at, " \n"), at);
	}
}

/* The last "KEY=VALUE" in a list of words, as the kernel takes it; NULL. */
static const char *last_value(const char *text, const char *key)
{
	const char *found = NULL;
	for (const char *at = text; (at = word_at(at, key)); at += strlen(key))
		found = at + strlen(key);
	return found;
}

/* The value that counts: the command line's before modprobe.d's, which begins at `files`. */
static const char *value_of(const char *words, const char *files, const char *key)
{
	const char *in_files = last_value(files, key), *last = last_value(words, key);
	if (!in_files || !last || last < files)
		return last;
	char line[4096];
	snprintf(line, sizeof line, "%.*s", (int)(files - words), words);
	const char *on_line = last_value(line, key);
	return on_line ? words + (on_line - line) : in_files;
}

static int64_t number(const char *value)
{
	char num[32];
	int64_t v;
	if (!value)
		return H0_UNKNOWN;
	snprintf(num, sizeof num, "%.*s", (int)strcspn(value, " \n"), value);
	return h0_num_i64(num, -1, INT64_MAX, &v) ? v : H0_UNKNOWN;
}

/* Limits in the wrong unit: pages of 4 KiB here, MiB there, never 120G. */
static void units(const struct h0_machine *m, const char *words, const char *files,
                  struct h0_checks *c)
{
	static const struct { const char *key, *unit; int64_t bytes; } args[] = {
		{"ttm.pages_limit=", "pages of 4 KiB", 4096},
		{"ttm.page_pool_size=", "pages of 4 KiB", 4096},
		{"amdttm.pages_limit=", "pages of 4 KiB", 4096},
		{"amdttm.page_pool_size=", "pages of 4 KiB", 4096},
		{"amdgpu.gttsize=", "MiB", 1 << 20},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(args); i++) {
		const char *text = value_of(words, files, args[i].key);
		int64_t v = number(text), all = m->mem.installed;
		bool limits = !strstr(args[i].key, "pool");
		if (!text || v == -1)
			continue;
		if (KNOWN(v) && !(limits && v < (1LL << 30) / args[i].bytes) &&
		    !(KNOWN(all) && v / 4 > all / args[i].bytes))
			continue;
		add(c, "kernel-argument-value", H0_SEV_WARNING, "hal0 probe tune works the numbers out",
		    "%s%.*s: the value counts %s", args[i].key, (int)strcspn(text, " \n") % 64, text,
		    args[i].unit);
	}
}

/* Everything that boot configuration says, in the form of a kernel command line. */
static void boot_words(const struct h0_machine *m, char *dst, size_t size)
{
	snprintf(dst, size, "%s", m->hw->os.cmdline);
	for (const char *line = m->hw->ttm.modprobe; *line;) {
		size_t n = strcspn(line, "\n"), have = strlen(dst);
		modprobe_words(line, n, dst + have, size - have);
		line += n;
		line += *line == '\n';
	}
	/* to the kernel - and _ are the same in a name */
	for (bool name = true; *dst; dst++) {
		name = *dst == ' ' ? true : name && *dst != '=';
		if (name && *dst == '-')
			*dst = '_';
	}
}

static void boot_limits(const struct h0_machine *m, const char *words, const char *files,
                        struct h0_checks *c)
{
	const struct h0_hw_ttm *t = &m->hw->ttm;
	int64_t want = number(value_of(words, files, "ttm.pages_limit="));
	if (!KNOWN(want))
		want = number(value_of(words, files, "amdttm.pages_limit="));
	if (KNOWN(t->gttsize) && t->gttsize >= 0) {
		if (KNOWN(t->pages_limit) && t->gttsize != t->pages_limit / 256)
			add(c, "gttsize-disagrees", H0_SEV_WARNING, "set one of them, or both to the same",
			    "amdgpu.gttsize is %lld MiB, ttm.pages_limit %lld MiB", (long long)t->gttsize,
			    (long long)(t->pages_limit / 256));
		else
			add(c, "gttsize-deprecated", H0_SEV_NOTE, "set ttm.pages_limit instead",
			    "amdgpu.gttsize=%lld is set", (long long)t->gttsize);
	}
	if (KNOWN(want) && KNOWN(t->pages_limit) && want != t->pages_limit)
		add(c, "limit-not-live", H0_SEV_WARNING,
		    m->container ? "set it on the host, not in the container"
		                 : "rebuild the initramfs and reboot",
		    "ttm.pages_limit=%lld is configured, but the kernel runs with %lld",
		    (long long)want, (long long)t->pages_limit);
	if (KNOWN(t->pages_limit) && KNOWN(t->page_pool_size) && h0_machine_primary(m) &&
	    m->mem.unified && t->page_pool_size < t->pages_limit)
		add(c, "ttm-pool-small", H0_SEV_NOTE, "amdgpu.vm_fragment_size=8 may help",
		    "TTM's pool (%.1f GiB) is smaller than its limit (%.1f GiB)",
		    GIB(t->page_pool_size * 4096), GIB(t->pages_limit * 4096));
}

void h0_doctor_boot(const struct h0_machine *m, struct h0_checks *c)
{
	char words[8192], line[4096];
	const struct h0_hw *hw = m->hw;
	int before = c->n;
	boot_words(m, words, sizeof words);
	const char *files = words + strlen(hw->os.cmdline);
	snprintf(line, sizeof line, "%.*s", (int)(files - words), words);
	typos_in(line, "the kernel command line", c);
	typos_in(files, "/etc/modprobe.d", c);
	boot_limits(m, words, files, c);
	units(m, words, files, c);
	if (h0_text_word(hw->os.cmdline, "amd_iommu=off") && !warned(m, "npu-needs-iommu"))
		add(c, "iommu-off", H0_SEV_NOTE, "take it out and reboot where an NPU shall work", "the kernel runs with amd_iommu=off");
	if (h0_text_word(hw->os.cmdline, "iommu=pt"))
		add(c, "iommu-passthrough", H0_SEV_NOTE, "it can be left out", "the kernel runs with iommu=pt");
	if (c->n == before && m->ngpu)
		add(c, "boot-configuration", H0_SEV_OK, "", "no misspelt or contradicting kernel arguments");
}
