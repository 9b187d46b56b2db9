/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The doctor's look at a slot: what its file, its profile and the command that follows from them
 * have to do with the machine.
 */
#include "model/doctor.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "model/serverargs.h"

#define KNOWN(x) ((x) != H0_UNKNOWN)
#define GIB(x) ((double)(x) / 0x1p30)
#define add    h0_doctor_add

#define LARGE_CONTEXT 65536

void h0_doctor_slot_init(struct h0_doctor_slot *s)
{
	*s = (struct h0_doctor_slot){
		.context_size = H0_UNKNOWN, .layers = H0_UNKNOWN, .model_bytes = H0_UNKNOWN,
		.gpu_layers = H0_UNKNOWN, .mmap = H0_FACT_UNKNOWN, .flash = H0_FACT_UNKNOWN,
		.hipblaslt = H0_FACT_UNKNOWN,
	};
}

static bool is_off(const char *value)
{
	return h0_streq(value, "off") || h0_streq(value, "0") || h0_streq(value, "false");
}

void h0_doctor_slot_argv(struct h0_doctor_slot *s, const struct h0_argv *a)
{
	s->mmap = H0_FACT_YES; /* unless told otherwise */
	s->hipblaslt = H0_FACT_NO;
	s->gpu_layers = INT64_MAX;
	s->context_size = a->context > 0 ? a->context : H0_UNKNOWN;
	for (size_t i = 0; i < a->words.n; i++) {
		const char *word = a->words.v[i], *value = i + 1 < a->words.n ? a->words.v[i + 1] : "";
		const char *flag = i >= a->server_at ? h0_server_flag(word) : NULL;
		int64_t n;
		if (h0_streq(word, "ROCBLAS_USE_HIPBLASLT=1"))
			s->hipblaslt = H0_FACT_YES;
		if (h0_streq(word, "LLAMA_ARG_MMAP=0"))
			s->mmap = H0_FACT_NO;
		if (h0_streq(flag, "load-mode"))
			s->mmap = h0_streq(value, "mmap") ? H0_FACT_YES : H0_FACT_NO;
		if (h0_streq(flag, "flash-attn"))
			s->flash = is_off(value) ? H0_FACT_NO : H0_FACT_YES;
		if (h0_streq(flag, "n-gpu-layers") && h0_num_i64(value, 0, INT32_MAX, &n))
			s->gpu_layers = n;
	}
}

static void flags(const struct h0_machine *m, const struct h0_doctor_slot *s, const char *show,
                  struct h0_checks *c)
{
	int64_t ram = m->hw->mem.total;
	if (KNOWN(s->gpu_layers) && KNOWN(s->layers) && s->gpu_layers < s->layers)
		add(c, "slot-layers-on-cpu", H0_SEV_WARNING, show,
		    "slot %s gives the GPU %lld of its %lld layers (-ngl)", s->name,
		    (long long)s->gpu_layers, (long long)s->layers);
	if (s->mmap == H0_FACT_YES && KNOWN(s->model_bytes) && KNOWN(ram) && s->model_bytes > ram / 2)
		add(c, "slot-mmap", H0_SEV_WARNING, show,
		    "slot %s maps its model of %.1f GiB, more than half of the RAM", s->name,
		    GIB(s->model_bytes));
	if (s->flash == H0_FACT_NO)
		add(c, "slot-no-flash-attention", H0_SEV_NOTE, show,
		    "slot %s runs without flash attention", s->name);
	if (h0_streq(s->device, "gpu-rocm") && s->hipblaslt == H0_FACT_NO)
		add(c, "slot-no-hipblaslt", H0_SEV_NOTE, show,
		    "slot %s runs without ROCBLAS_USE_HIPBLASLT=1", s->name);
}

void h0_doctor_slot(const struct h0_machine *m, const struct h0_doctor_slot *s,
                    struct h0_checks *c)
{
	int before = c->n;
	char fix[256];
	if (s->error) {
		add(c, "slot-broken", H0_SEV_WARNING, "mend its file; hal0 conf check lists all that is wrong",
		    "%s", s->error);
		return;
	}
	bool gpu = h0_starts(s->device, "gpu-");
	snprintf(fix, sizeof fix, "look at its device and profile: hal0 slot show %s", s->name);
	if (gpu && s->backend && strcmp(s->backend, s->device + 4) != 0)
		add(c, "slot-wrong-toolbox", H0_SEV_WARNING, fix,
		    "slot %s runs on %s with a profile for %s", s->name, s->device, s->backend);
	if (h0_streq(s->device, "cpu") && h0_machine_primary(m))
		add(c, "slot-on-cpu", H0_SEV_NOTE, fix, "slot %s computes on the CPU", s->name);
	snprintf(fix, sizeof fix, "take the flag out: hal0 slot argv %s --sources says where it is",
	         s->name);
	if (gpu)
		flags(m, s, fix, c);
	snprintf(fix, sizeof fix, "hal0 slot set %s model.context_size=16384", s->name);
	if (KNOWN(s->context_size) && s->context_size >= LARGE_CONTEXT)
		add(c, "slot-context-large", H0_SEV_NOTE, fix, "slot %s has a context of %lld tokens",
		    s->name, (long long)s->context_size);
	if (s->message && strstr(s->message, "libxrt_coreutil.so.2"))
		add(c, "flm-image-stale", H0_SEV_WARNING, "pull the pinned image again: hal0 profile pull",
		    "slot %s failed: its image lacks libxrt_coreutil.so.2", s->name);
	if (c->n == before)
		add(c, "slot", H0_SEV_OK, "", "slot %s: nothing in its settings that slows it down",
		    s->name);
}
