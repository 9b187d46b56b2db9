/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What every target is framed by. With -Dfuzz=true (scripts/fuzz) it is a libFuzzer program, which
 * also prints the target's words as a dictionary (argument "words"). Otherwise main() here replays
 * the files of the target's corpus (test/fuzz/corpus/NAME), then mutates them for a fixed number of
 * rounds (argument 1; argument 2: the seed) and speaks TAP. Both take a file to replay by itself.
 */
#ifndef H0_FUZZ_H
#define H0_FUZZ_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "sys/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline bool fuzz_same(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (!a_len || memcmp(a, b, a_len) == 0);
}

/* What the target's language is made of; ends with NULL. */
static const char *const fuzz_words[];

/* A directory of the target's own, in memory where that is possible; it is the target that removes it. */
__attribute__((unused)) static void fuzz_dir(char *dst, size_t size)
{
	snprintf(dst, size, "%s/hal0-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(dst))
		abort();
}

#ifdef H0_LIBFUZZER

/* libFuzzer keeps the input of what aborts */
#undef H0_ASSERT
#define H0_ASSERT(cond) ((cond) ? (void)0 : abort())

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* In the form of libFuzzer's -dict. */
static void fuzz_print_words(void)
{
	for (const char *const *w = fuzz_words; *w; w++) {
		putchar('"');
		for (const char *p = *w; *p; p++)
			printf("\\x%02x", (unsigned char)*p);
		puts("\"");
	}
}

/* The target's name, and how many rounds its test has. */
#define FUZZ_TARGET(name, rounds)                                                                 \
	int LLVMFuzzerInitialize(int *argc, char ***argv)                                         \
	{                                                                                         \
		if (*argc != 2 || strcmp((*argv)[1], "words") != 0)                               \
			return 0;                                                                 \
		fuzz_print_words();                                                               \
		exit(0);                                                                          \
	}

#else

#define FUZZ_FILE (1u << 20)    /* of the corpus */
#define FUZZ_SIZE 8192          /* what is mutated is at most this long */

struct fuzz {
	struct h0_buf *seed;
	size_t nseeds, nwords;
	uint64_t rng;
};

static size_t fuzz_roll(struct fuzz *f, size_t n)
{
	f->rng ^= f->rng << 13, f->rng ^= f->rng >> 7, f->rng ^= f->rng << 17;
	return (size_t)(f->rng % n);
}

/* A block of exactly the size, so that the sanitizer sees a read past it. */
static void fuzz_try(const void *p, size_t n)
{
	unsigned char *block = malloc(n ? n : 1);
	H0_ASSERT(block);
	memcpy(block, n ? p : "", n);
	LLVMFuzzerTestOneInput(block, n);
	free(block);
}

static int fuzz_replay(const char *path)
{
	h0_autobuf struct h0_buf b = {0};
	struct h0_err e = {0};
	if (h0_read_file(path, FUZZ_FILE, &b, &e) < 0) {
		printf("not ok 1 - %s: %s\n1..1\n", path, e.msg);
		return 1;
	}
	fuzz_try(b.p, b.len);
	printf("ok 1 - %s\n1..1\n", path);
	return 0;
}

/* All of the corpus; what is short enough is a seed too. */
static int fuzz_load(struct fuzz *f, const char *dir)
{
	h0_autostrv struct h0_strv names = {0};
	DIR *d = opendir(dir);
	if (!d)
		return -1;
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.')
			h0_strv_addf(&names, "%s/%s", dir, de->d_name);
	closedir(d);
	h0_strv_sort(&names);
	f->seed = calloc(names.n + 1, sizeof *f->seed);
	H0_ASSERT(f->seed);
	for (size_t i = 0; i < names.n; i++) {
		struct h0_buf *b = &f->seed[f->nseeds];
		if (h0_read_file(names.v[i], FUZZ_FILE, b, NULL) < 0)
			return -1;
		fuzz_try(b->p, b->len);
		if (b->len <= FUZZ_SIZE / 2)
			f->nseeds++;
		else
			h0_buf_done(b);
	}
	return f->nseeds ? 0 : -1;
}

/* Puts n bytes in the place of `gone` bytes at `at`. */
static void fuzz_splice(struct h0_buf *b, size_t at, size_t gone, const void *p, size_t n)
{
	h0_autobuf struct h0_buf out = {0};
	if (at > b->len)
		at = b->len;
	if (gone > b->len - at)
		gone = b->len - at;
	if (b->len - gone + n > FUZZ_SIZE)
		return;
	h0_buf_add(&out, b->p, at);
	h0_buf_add(&out, p, n);
	h0_buf_add(&out, b->p + at + gone, b->len - at - gone);
	struct h0_buf old = *b;
	*b = out;
	out = old;
}

static void fuzz_mutate(struct fuzz *f, struct h0_buf *b)
{
	const struct h0_buf *other = &f->seed[fuzz_roll(f, f->nseeds)];
	size_t at = fuzz_roll(f, b->len + 1), from = fuzz_roll(f, other->len + 1);
	size_t n = fuzz_roll(f, 24), left = other->len - from;
	const char *word = fuzz_words[fuzz_roll(f, f->nwords)];
	char byte = (char)fuzz_roll(f, 256);
#ifdef FUZZ_BINARY
	static const uint64_t evil[] = {0, 1, 13, 255, 1u << 16, UINT32_MAX, UINT64_C(1) << 60, INT64_MAX,
		UINT64_MAX, UINT64_MAX - 7};
	if (fuzz_roll(f, 2)) {
		n = fuzz_roll(f, 2) ? 8 : 4;
		fuzz_splice(b, at, n, &evil[fuzz_roll(f, H0_ARRAY_LEN(evil))], n);
		return;
	}
#endif
	switch (fuzz_roll(f, 6)) {
	case 0:
		fuzz_splice(b, at, 1, &byte, 1);
		break;
	case 1:
		fuzz_splice(b, at, n, "", 0);
		break;
	case 2:
		fuzz_splice(b, at, fuzz_roll(f, 3), other->p + from, n < left ? n : left);
		break;
	default:
		fuzz_splice(b, at, fuzz_roll(f, 3), word, strlen(word));
	}
}

static int fuzz_main(const char *name, long rounds, int argc, char **argv)
{
	static struct fuzz f;
	const char *source = getenv("HAL0_SOURCE");
	char dir[4096], *end = NULL;
	if (argc > 1) {
		rounds = strtol(argv[1], &end, 10);
		if (*end)
			return fuzz_replay(argv[1]);
	}
	f.rng = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : 0x9e3779b97f4a7c15u;
	snprintf(dir, sizeof dir, "%s/test/fuzz/corpus/%s", source ? source : ".", name);
	while (fuzz_words[f.nwords])
		f.nwords++;
	if (fuzz_load(&f, dir) < 0) {
		printf("not ok 1 - no corpus that can be read in %s\n1..1\n", dir);
		return 1;
	}
	for (long i = 0; i < rounds; i++) {
		h0_autobuf struct h0_buf b = {0};
		const struct h0_buf *seed = &f.seed[(size_t)i % f.nseeds];
		h0_buf_add(&b, seed->p, seed->len);
		for (size_t k = fuzz_roll(&f, 5); k; k--)
			fuzz_mutate(&f, &b);
		fuzz_try(b.p, b.len);
	}
	printf("ok 1 - %s: the corpus and %ld mutated inputs\n1..1\n", name, rounds);
	for (size_t i = 0; i < f.nseeds; i++)
		h0_buf_done(&f.seed[i]);
	free(f.seed);
	return 0;
}

#define FUZZ_TARGET(name, rounds)                                                                 \
	int main(int argc, char **argv)                                                           \
	{                                                                                         \
		return fuzz_main(name, rounds, argc, argv);                                       \
	}

#endif
#endif
