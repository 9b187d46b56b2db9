/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The processors: /proc/cpuinfo (what we may use, also under lxcfs) and /sys/devices/system/cpu
 * (in a container partly the host's).
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "hw/hw.h"

#define CPUINFO_MAX (8u << 20)
#define SOCKETS_MAX 64

static int64_t field_int(const char *text, const char *key)
{
	char v[64];
	int64_t n;
	if (!h0_text_field(text, key, v, sizeof v) || !h0_num_i64(v, 0, 1 << 20, &n))
		return H0_UNKNOWN;
	return n;
}

/* Counts processors; cores = largest "cpu cores" times distinct "physical id". */
static void count(const char *text, struct h0_hw_cpu *cpu)
{
	int64_t threads = 0, cores = 0, sockets = 0;
	bool seen[SOCKETS_MAX] = {false};
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		char one[64];
		snprintf(one, sizeof one, "%.*s", (int)(len < 63 ? len : 63), line);
		int64_t v;
		if (strncmp(one, "processor", 9) == 0 && (v = field_int(one, "processor")) >= 0) {
			threads++;
		} else if (strncmp(one, "cpu cores", 9) == 0) {
			v = field_int(one, "cpu cores");
			cores = v > cores ? v : cores;
		} else if (strncmp(one, "physical id", 11) == 0) {
			v = field_int(one, "physical id");
			if (v >= 0 && v < SOCKETS_MAX && !seen[v]) {
				seen[v] = true;
				sockets++;
			}
		}
		line += len;
		line += *line == '\n';
	}
	cpu->threads = threads ? threads : H0_UNKNOWN;
	cpu->cores = cores ? cores * (sockets ? sockets : 1) : cpu->threads;
}

static enum h0_fact flag(const char *flags, const char *name)
{
	return !*flags ? H0_FACT_UNKNOWN : h0_text_word(flags, name) ? H0_FACT_YES : H0_FACT_NO;
}

static void model(const char *text, struct h0_hw_cpu *cpu)
{
	static const char *const keys[] = {"model name", "Model", "Hardware"};
	char part[32];
	for (size_t i = 0; i < H0_ARRAY_LEN(keys) && !*cpu->model; i++)
		h0_text_field(text, keys[i], cpu->model, sizeof cpu->model);
	if (!*cpu->model && h0_text_field(text, "CPU part", part, sizeof part))
		snprintf(cpu->model, sizeof cpu->model, "ARM CPU (%s)", part);
}

/* "0-7,16" -> 9; H0_UNKNOWN when malformed. */
static int64_t count_list(const struct h0_root *r, const char *name)
{
	char text[512];
	int64_t n = 0;
	if (h0_root_text(r, text, sizeof text, "/sys/devices/system/cpu/%s", name) < 0)
		return H0_UNKNOWN;
	for (char *s = text, *end; *s; s = end) {
		long a = strtol(s, &end, 10), b = a;
		if (end == s || a < 0)
			return H0_UNKNOWN;
		if (*end == '-') {
			s = end + 1;
			b = strtol(s, &end, 10);
			if (end == s)
				return H0_UNKNOWN;
		}
		if (b < a || b > 1 << 20)
			return H0_UNKNOWN;
		n += b - a + 1;
		if (*end == ',')
			end++;
		else if (*end)
			return H0_UNKNOWN;
	}
	return n;
}

void h0_hw_cpu(const struct h0_root *r, struct h0_hw *hw)
{
	struct h0_hw_cpu *cpu = &hw->cpu;
	static const char policy[] = "/sys/devices/system/cpu/cpufreq/policy0";
	h0_autobuf struct h0_buf b = {0};
	char flags[4096] = "";
	int rc = h0_root_read(r, CPUINFO_MAX, &b, "/proc/cpuinfo");
	const char *text = rc < 0 ? "" : b.p;
	model(text, cpu);
	cpu->family = field_int(text, "cpu family");
	cpu->model_number = field_int(text, "model");
	cpu->stepping = field_int(text, "stepping");
	count(text, cpu);
	h0_text_field(text, "flags", flags, sizeof flags);
	cpu->avx = flag(flags, "avx");
	cpu->avx2 = flag(flags, "avx2");
	cpu->avx512 = flag(flags, "avx512f");
	cpu->hypervisor = flag(flags, "hypervisor");
	snprintf(cpu->arch, sizeof cpu->arch, "%s",
	         h0_text_word(flags, "lm")               ? "x86_64"
	         : strstr(text, "CPU implementer") != NULL ? "aarch64"
	                                                 : "");
	cpu->online = count_list(r, "online");
	cpu->possible = count_list(r, "possible");
	cpu->present = count_list(r, "present");
	h0_root_text(r, cpu->governor, sizeof cpu->governor, "%s/scaling_governor", policy);
	h0_root_text(r, cpu->scaling_driver, sizeof cpu->scaling_driver, "%s/scaling_driver", policy);
	h0_root_text(r, cpu->epp, sizeof cpu->epp, "%s/energy_performance_preference", policy);
}
