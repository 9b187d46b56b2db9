/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * For targets whose input is text. With clang, test/fuzz/run builds a libFuzzer program from the
 * target. Otherwise main() here takes the files of the target's corpus (test/fuzz/corpus/NAME),
 * mutates them for a fixed number of rounds (argument 1; argument 2: the seed) and speaks TAP.
 */
#ifndef H0_FUZZ_H
#define H0_FUZZ_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "sys/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef H0_LIBFUZZER
/* libFuzzer keeps the input of what aborts */
#undef H0_ASSERT
#define H0_ASSERT(cond) ((cond) ? (void)0 : abort())
#else

/* What the target's language is made of; ends with NULL. */
static const char *const fuzz_words[];

#define FUZZ_SEEDS 64
#define FUZZ_SIZE  8192

struct fuzz {
	struct h0_buf seed[FUZZ_SEEDS];
	size_t nseeds, nwords;
	uint64_t rng;
};

static size_t fuzz_roll(struct fuzz *f, size_t n)
{
	f->rng ^= f->rng << 13, f->rng ^= f->rng >> 7, f->rng ^= f->rng << 17;
	return (size_t)(f->rng % n);
}

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
	for (size_t i = 0; i < names.n && f->nseeds < FUZZ_SEEDS; i++)
		if (h0_read_file(names.v[i], FUZZ_SIZE / 2, &f->seed[f->nseeds], NULL) == 0)
			f->nseeds++;
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

static int fuzz_main(const char *name, int argc, char **argv)
{
	static struct fuzz f;
	const char *source = getenv("HAL0_SOURCE");
	long rounds = argc > 1 ? atol(argv[1]) : 50000;
	char dir[4096];
	f.rng = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : 0x9e3779b97f4a7c15u;
	snprintf(dir, sizeof dir, "%s/test/fuzz/corpus/%s", source ? source : ".", name);
	while (fuzz_words[f.nwords])
		f.nwords++;
	if (fuzz_load(&f, dir) < 0) {
		printf("not ok 1 - no corpus in %s\n1..1\n", dir);
		return 1;
	}
	for (long i = 0; i < rounds; i++) {
		h0_autobuf struct h0_buf b = {0};
		const struct h0_buf *seed = &f.seed[(size_t)i % f.nseeds];
		h0_buf_add(&b, seed->p, seed->len);
		for (size_t k = fuzz_roll(&f, 5); k; k--)
			fuzz_mutate(&f, &b);
		/* a block of exactly the size, so that the sanitizer sees a read past it */
		unsigned char *p = malloc(b.len ? b.len : 1);
		H0_ASSERT(p);
		memcpy(p, h0_buf_str(&b), b.len);
		LLVMFuzzerTestOneInput(p, b.len);
		free(p);
	}
	for (size_t i = 0; i < f.nseeds; i++)
		h0_buf_done(&f.seed[i]);
	printf("ok 1 - %s: %ld mutated inputs\n1..1\n", name, rounds);
	return 0;
}

#endif
#endif
