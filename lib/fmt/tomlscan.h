/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside the TOML reader: the cursor, and what it reads that has no structure (white space,
 * comments, keys, strings, numbers, dates). Used by fmt/toml*.c only.
 */
#ifndef H0_FMT_TOMLSCAN_H
#define H0_FMT_TOMLSCAN_H

#include "base/arena.h"
#include "fmt/toml.h"

/* The text is followed by a NUL, which TOML forbids inside: most loops need no end check. */
struct h0_toml_scan {
	const char *p, *end;     /* next byte; the text's end */
	const char *text;        /* its start */
	const char *line_start;  /* of the line p is in */
	int line;
	/* Decoded keys and strings go here one after another, each with its NUL. Every byte of text
	 * is decoded at most once and a delimiter follows each key or string, so text's length
	 * plus one is room enough. */
	char *pool;
	struct h0_arena *arena;
	const char *file;
	struct h0_err *e;
};

struct h0_toml_str {
	const char *s;
	size_t len;
};

/* A key segment: as decoded, and where it stands. */
struct h0_toml_key {
	struct h0_toml_str name;
	struct h0_span span;
	int col;
};

/* Fails at `at`, which is on the current line. Returns -1. */
int h0_toml_scan_fail(const struct h0_toml_scan *s, const char *at, const char *fmt, ...)
	H0_PRINTF(3, 4);
/* The whole text is UTF-8, or fails at the first byte that is not. */
int h0_toml_scan_utf8(const struct h0_toml_scan *s);
/* p is at a newline: moves behind it. */
void h0_toml_scan_newline(struct h0_toml_scan *s);
bool h0_toml_at_newline(const struct h0_toml_scan *s);
static inline void h0_toml_scan_blanks(struct h0_toml_scan *s)
{
	while (*s->p == ' ' || *s->p == '\t')
		s->p++;
}
/* A comment up to the newline or the end, when there is one. */
int h0_toml_scan_comment(struct h0_toml_scan *s);
/* Blanks, a comment, then a newline or the end. */
int h0_toml_scan_line_end(struct h0_toml_scan *s, const char *after_what);
/* One key segment; ret->name lives in the pool. */
int h0_toml_scan_key(struct h0_toml_scan *s, struct h0_toml_key *ret);
/* A scalar value: fills type, its value fields, span, line and col. */
int h0_toml_scan_scalar(struct h0_toml_scan *s, struct h0_toml_node *n);

/* In fmt/tomlnum.c: numbers, dates and times. p is at the value; the token ends at tok_end. */
int h0_toml_scan_number(struct h0_toml_scan *s, struct h0_toml_node *n);

#endif
