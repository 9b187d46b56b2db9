/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/roof.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

#include "base/mem.h"
#include "sys/clock.h"

#define THREADS_MAX 256
#define SLICE       (32l << 20)         /* more of it than a processor's share of any cache */
#define SLICE_LEAST (8l << 20)
#define WHOLE       (256l << 20)        /* at least, over all processors */
#define MEMORY_PART 8                   /* of what is free, taken at most */
#define LOOKS       3
#define LOOK_S      0.04
#define PIECES      4096                /* of a look, each some ten microseconds */
#define ROUNDS      8000                /* of a piece of arithmetic */
#define PIECE       (1l << 20)          /* of memory */

/* What one processor does over and over. */
struct job;
/* Returns what it has done, in bytes or operations. */
typedef double (*work_fn)(struct job *j);

struct together {
	pthread_mutex_t gate;           /* held until it is known how many there are */
	pthread_barrier_t start;        /* of each look */
	work_fn work;
	const atomic_int *stop;
};

struct job {
	struct together *all;
	const unsigned char *mem;
	size_t bytes, at;               /* at: what is read next */
	double rate[LOOKS];             /* per second */
	double sink;                    /* what came of it, so that the compiler does not leave it out */
	pthread_t thread;
};

static double now_s(void)
{
	return (double)h0_now_ns() / 1e9;
}

/* ---- memory ---- */

#define NOT_INSTRUMENTED __attribute__((no_sanitize("address", "undefined")))

typedef uint64_t wide __attribute__((vector_size(32), aligned(32)));

NOT_INSTRUMENTED static double read_memory(struct job *j)
{
	const wide *p = (const wide *)(j->mem + j->at);
	size_t n = PIECE / sizeof *p;
	wide a = {0}, b = {0}, c = {0}, d = {0};
	j->at = j->at + 2 * PIECE > j->bytes ? 0 : j->at + PIECE;
	for (size_t i = 0; i < n; i += 4) {
		a ^= p[i];
		b ^= p[i + 1];
		c ^= p[i + 2];
		d ^= p[i + 3];
	}
	a ^= b ^ c ^ d;
	j->sink += (double)(a[0] ^ a[1] ^ a[2] ^ a[3]);
	return PIECE;
}

/* ---- arithmetic ---- */

/* The compiler shall not know what is in them: it would see that all sums are one. */
#define OPAQUE(a, b, c, d, e, f)                                                                  \
	__asm__ volatile("" : REG(a), REG(b), REG(c), REG(d), REG(e), REG(f));
/* Twelve sums at once hide the latency of two units of up to six cycles. step(n) adds products to
 * the sum sN; `per` is how many operations that is. */
#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define KEEP(n) j->sink += (double)s##n[0];
#define KERNEL(name, target, vec, value, step, per)                                               \
	NOT_INSTRUMENTED target static double name(struct job *j)                                 \
	{                                                                                         \
		const vec x = value;                                                              \
		vec s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x,       \
		    s9 = x, s10 = x, s11 = x;                                                     \
		for (int i = 0; i < ROUNDS; i++) {                                                \
			TWELVE(step)                                                              \
			OPAQUE(s0, s1, s2, s3, s4, s5)                                            \
			OPAQUE(s6, s7, s8, s9, s10, s11)                                          \
		}                                                                                 \
		TWELVE(KEEP)                                                                      \
		return (double)ROUNDS * 12 * (per);                                               \
	}

#if defined __x86_64__
#define REG(s)    "+x"(s)
#define TARGET(t) __attribute__((target(t)))

#define STEP_FP32_512(n) s##n = _mm512_fmadd_ps(x, x, s##n);
#define STEP_FP32_256(n) s##n = _mm256_fmadd_ps(x, x, s##n);
#define STEP_FP32_128(n) s##n = _mm_add_ps(_mm_mul_ps(s##n, x), x);
#define STEP_BF16_512(n) s##n = _mm512_dpbf16_ps(s##n, (__m512bh)x, (__m512bh)x);
#define STEP_INT8_512(n) s##n = _mm512_dpbusd_epi32(s##n, x, x);
#define STEP_INT8_VNNI(n) s##n = _mm256_dpbusd_avx_epi32(s##n, x, x);
/* Three instructions; the products hang on the sum, else they would be computed just once. */
#define STEP_INT8_256(n)                                                                          \
	s##n = _mm256_add_epi32(s##n, _mm256_madd_epi16(_mm256_maddubs_epi16(s##n, x),            \
	                                                _mm256_set1_epi16(1)));

KERNEL(fp32_512, TARGET("avx512f"), __m512, _mm512_set1_ps(1e-9f), STEP_FP32_512, 2 * 16)
KERNEL(fp32_256, TARGET("avx2,fma"), __m256, _mm256_set1_ps(1e-9f), STEP_FP32_256, 2 * 8)
KERNEL(fp32_128, , __m128, _mm_set1_ps(1e-9f), STEP_FP32_128, 2 * 4)
KERNEL(bf16_512, TARGET("avx512f,avx512bw,avx512bf16"), __m512, _mm512_set1_ps(1), STEP_BF16_512, 2 * 32)
KERNEL(int8_512, TARGET("avx512f,avx512bw,avx512vnni"), __m512i, _mm512_set1_epi8(1), STEP_INT8_512,
       2 * 64)
KERNEL(int8_vnni, TARGET("avx2,avxvnni"), __m256i, _mm256_set1_epi8(1), STEP_INT8_VNNI, 2 * 32)
KERNEL(int8_256, TARGET("avx2"), __m256i, _mm256_set1_epi8(1), STEP_INT8_256, 2 * 32)

static bool has_avxvnni(void)
{
	unsigned a = 0, b = 0, c = 0, d = 0;
	return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}

static void kernels(work_fn v[H0_MATH_N])
{
	__builtin_cpu_init();
	bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
	bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	v[H0_MATH_FP32] = avx512 ? fp32_512 : avx2 ? fp32_256 : fp32_128;
	if (avx512 && __builtin_cpu_supports("avx512bf16"))
		v[H0_MATH_BF16] = bf16_512;
	if (avx512 && __builtin_cpu_supports("avx512vnni"))
		v[H0_MATH_INT8] = int8_512;
	else if (avx2)
		v[H0_MATH_INT8] = has_avxvnni() ? int8_vnni : int8_256;
}
#elif defined __aarch64__
#define REG(s) "+w"(s)
#define STEP_FP32_NEON(n) s##n = vfmaq_f32(s##n, x, x);
KERNEL(fp32_neon, , float32x4_t, vdupq_n_f32(1e-9f), STEP_FP32_NEON, 2 * 4)

static void kernels(work_fn v[H0_MATH_N])
{
	v[H0_MATH_FP32] = fp32_neon;
}
#else
static void kernels(work_fn v[H0_MATH_N])
{
	(void)v;
}
#endif

/* ---- all processors at once ---- */

static bool stopped(const struct together *t)
{
	return t->stop && *t->stop;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void *look(void *arg)
{
	struct job *j = arg;
	struct together *t = j->all;
	h0_autofree double *rates = h0_calloc(PIECES, sizeof *rates);
	pthread_mutex_lock(&t->gate);
	pthread_mutex_unlock(&t->gate);
	for (int i = 0; i < LOOKS; i++) {
		size_t n = 0;
		pthread_barrier_wait(&t->start);
		double began = now_s();
		for (double now = began, end; n < PIECES && now - began < LOOK_S && !stopped(t); now = end) {
			double did = t->work(j);
			end = now_s();
			rates[n++] = end > now ? did / (end - now) : 0;
		}
		/* the middle one: others may have had the processor for a while */
		qsort(rates, n, sizeof *rates, by_size);
		j->rate[i] = n ? rates[n / 2] : 0;
	}
	return NULL;
}

/* 10^9 per second of all processors, in their best look; -1: it cannot be had. */
static double run(struct job *v, size_t n, work_fn work, const atomic_int *stop)
{
	struct together t = {.gate = PTHREAD_MUTEX_INITIALIZER, .work = work, .stop = stop};
	size_t made = 1; /* the first is ours */
	double best = -1;
	if (!work || (stop && *stop))
		return -1;
	pthread_mutex_lock(&t.gate);
	for (size_t i = 0; i < n; i++)
		v[i].all = &t;
	while (made < n && pthread_create(&v[made].thread, NULL, look, &v[made]) == 0)
		made++;
	bool ready = pthread_barrier_init(&t.start, NULL, (unsigned)made) == 0;
	H0_ASSERT(ready);
	pthread_mutex_unlock(&t.gate);
	look(&v[0]);
	for (size_t i = 1; i < made; i++)
		pthread_join(v[i].thread, NULL);
	for (int k = 0; k < LOOKS; k++) {
		double rate = 0;
		for (size_t i = 0; i < made; i++)
			rate += v[i].rate[k] / 1e9;
		best = rate > best ? rate : best;
	}
	pthread_barrier_destroy(&t.start);
	pthread_mutex_destroy(&t.gate);
	return best > 0 && made == n && !stopped(&t) ? best : -1;
}

static double bandwidth(struct job *v, size_t n, const atomic_int *stop)
{
	size_t slice = n * SLICE < WHOLE ? WHOLE / n : SLICE;
	size_t most = (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) / MEMORY_PART / n;
	slice = (slice < most ? slice : most) / PIECE * PIECE;
	if (slice < SLICE_LEAST)
		return -1;
	unsigned char *mem = mmap(NULL, slice * n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return -1;
	madvise(mem, slice * n, MADV_HUGEPAGE);
	memset(mem, 1, slice * n); /* what was never written is one page of zeros */
	for (size_t i = 0; i < n; i++) {
		v[i].mem = mem + i * slice;
		v[i].bytes = slice;
	}
	double rate = run(v, n, read_memory, stop);
	munmap(mem, slice * n);
	return rate;
}

void h0_roof_measure(const atomic_int *stop, struct h0_roof *ret)
{
	work_fn work[H0_MATH_N] = {0};
	cpu_set_t set;
	size_t n = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
	n = n < THREADS_MAX ? n : THREADS_MAX;
	h0_autofree struct job *v = h0_calloc(n, sizeof *v);
	h0_roof_unknown(ret);
	ret->measured = true;
	ret->gb_per_s = bandwidth(v, n, stop);
	kernels(work);
	for (int i = 0; i < H0_MATH_N; i++)
		ret->gflops[i] = run(v, n, work[i], stop);
}
