/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The error value. A function that can fail returns 0 or -1 and takes `struct h0_err *e` last.
 * It is filled once, where the fact is known, and gains context going up (h0_wrap). The caller
 * owns it, usually on the stack; it holds no heap, needs no release and works without memory.
 * On success it is untouched. The library never prints it: cli/main.c does, once.
 * A NULL `e` is allowed everywhere and drops the details.
 */
#ifndef H0_BASE_ERR_H
#define H0_BASE_ERR_H

#include "base/attr.h"

/* The one list of exit codes; hal0-exit(7) and h0_kind_help() are made from it. */
#define H0_KINDS(X)                                                                      \
	X(OK, 0, "done, or the answer is yes")                                           \
	X(NO, 1, "the answer is no: does not fit, differs, not running")                 \
	X(USAGE, 2, "the command line is wrong")                                         \
	X(CONFIG, 3, "a file is invalid; the message has file:line:col and the key path") \
	X(CONFLICT, 4, "conflict: edited meanwhile, exclusivity, port taken")            \
	X(BUSY, 5, "busy: somebody holds it now, try again")                             \
	X(SYS, 6, "the operating system refused")                                        \
	X(EXTERN, 7, "podman, an HTTP peer or a driver failed")                          \
	X(NOHW, 8, "the hardware or back end is not there")                              \
	X(BUG, 9, "a bug in hal0: please report it")

enum h0_kind {
#define H0_KIND_ENUM(name, code, help) H0_##name = code,
	H0_KINDS(H0_KIND_ENUM)
#undef H0_KIND_ENUM
};

struct h0_err_detail {
	char key[32];
	char val[224];
};

struct h0_err {
	enum h0_kind kind;  /* also the exit code */
	int sys_errno;      /* 0, or the errno behind it */
	int line, col;      /* 1-based position in `file`; 0 = none. col counts bytes */
	char file[256];     /* as the user would name it, "" = none */
	char key[128];      /* dotted key path in the file, "" = none */
	char code[64];      /* stable name for JSON, e.g. "slot.not_found"; "" = by kind */
	char msg[1024];     /* a longer one lost its middle */
	struct h0_err_detail detail[4]; /* further facts for JSON's "details" */
	int ndetail;
};

/* Each returns -1, so that `return h0_fail(e, ...)` is the idiom. */
int h0_fail(struct h0_err *e, enum h0_kind kind, const char *fmt, ...) H0_PRINTF(3, 4);
/* H0_SYS with `errno` now: ": No such file or directory" is appended. */
int h0_fail_sys(struct h0_err *e, const char *fmt, ...) H0_PRINTF(2, 3);
/* H0_CONFIG at a place in a file. key may be NULL. */
int h0_fail_at(struct h0_err *e, const char *file, int line, int col, const char *key,
               const char *fmt, ...) H0_PRINTF(6, 7);
/* Puts "context: " before the message. Returns -1. */
int h0_wrap(struct h0_err *e, const char *fmt, ...) H0_PRINTF(2, 3);
/* Names the stable code, chainable after a fail: returns -1. */
int h0_err_code(struct h0_err *e, const char *code);
/* Adds a fact; the fifth and later ones are dropped. Returns -1. */
int h0_err_detail(struct h0_err *e, const char *key, const char *fmt, ...) H0_PRINTF(3, 4);

/* "file:line:col: key: message" without a newline, into dst (always NUL-terminated). */
void h0_err_text(const struct h0_err *e, char *dst, size_t size);
/* The stable code: e->code, else one that follows from the kind ("config.invalid" ...). */
const char *h0_err_name(const struct h0_err *e);
/* Help text of an exit code, NULL past the end of the list. */
const char *h0_kind_help(int code);

/* A broken promise inside hal0 itself: prints file and line, exits 9. */
H0_NORETURN void h0_bug(const char *file, int line, const char *what);
#define H0_ASSERT(cond) ((cond) ? (void)0 : h0_bug(__FILE__, __LINE__, #cond))

#endif
