/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "model/fitlog.h"

#define M 1048576LL

static void test_cpu(void)
{
	struct h0_fit_buffers b = {0};
	ok(h0_fitlog_read("0.00.1 I load_tensors:   CPU_Mapped model buffer size =     0.25 MiB\n"
	                  "0.00.1 I load_tensors:   CPU_REPACK model buffer size =     1.00 MiB\n"
	                  "I llama_context:        CPU  output buffer size =     0.50 MiB\n"
	                  "I llama_kv_cache:        CPU KV buffer size =     2.00 MiB\n"
	                  "I llama_memory_recurrent:        CPU RS buffer size =     0.75 MiB\n"
	                  "I sched_reserve:        CPU compute buffer size =     3.25 MiB\n", &b),
	   "a log of a CPU");
	ok(b.weights == M + M / 4 && b.kv == 2 * M + 3 * M / 4 && b.compute == 3 * M + M / 4 &&
	   b.output == M / 2 && b.host == b.weights + b.kv + b.compute + b.output, "its buffers");
}

static void test_gpu(void)
{
	struct h0_fit_buffers b = {0};
	ok(h0_fitlog_read("load_tensors: CPU_Mapped model buffer size = 4.00 MiB\n"
	                  "load_tensors: Vulkan0 model buffer size = 27.00 MiB\n"
	                  "llama_kv_cache: Vulkan0 KV buffer size = 8.00 MiB\n"
	                  "sched_reserve: Vulkan0 compute buffer size = 17.00 MiB\n"
	                  "sched_reserve: Vulkan_Host compute buffer size = 8.00 MiB\n"
	                  "load_tensors: Vulkan0 model buffer size = 99.00 MiB\n", &b), "a log of a GPU");
	is_int(b.weights, 31 * M, "only the first load counts");
	is_int(b.host, 12 * M, "what is in RAM");
}

static void test_none(void)
{
	static const char *const odd[] = {"", "\n\n", " buffer size = ", "x buffer size = 1 MiB",
		"a model buffer size = -1 MiB\na compute buffer size = 1 MiB",
		"a model buffer size = nan MiB\na compute buffer size = 1 MiB",
		"a model buffer size = 1e300 MiB\na compute buffer size = 1 MiB",
		"a model buffer size = 1 MiB", "a compute buffer size = 1 MiB"};
	bool any = false;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		struct h0_fit_buffers b = {0};
		any |= h0_fitlog_read(odd[i], &b);
	}
	ok(!any, "logs that do not say it");
}

int main(void)
{
	test_cpu();
	test_gpu();
	test_none();
	return tap_done();
}
