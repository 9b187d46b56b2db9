/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The tree the machine's facts are read from: the live /, or a directory that holds the /proc,
 * /sys, /dev, /etc of another machine (--sysroot). In a re-rooted tree every path is resolved
 * below the directory (openat2, RESOLVE_IN_ROOT), nothing of the live machine is consulted, and
 * two optional files at its top say what a tree of plain files cannot:
 *   unreadable.list  "PATH ERRNO" a line: reading or opening PATH fails that way
 *   dev.manifest     "TYPE MAJOR MINOR MODE OWNER GROUP PATH" a line: the nodes below dev/
 * A tree whose symlinks became text files on its way here (zip, a checkout without symlinks) is
 * read as if they were links.
 * Everything read is bounded, so empty, huge, binary, looping or blocking files are answers, not
 * accidents. Functions return 0 or -errno: for a probe a failed read is a fact, not an error.
 */
#ifndef H0_HW_ROOT_H
#define H0_HW_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* A number nobody could tell. Never 0. */
#define H0_UNKNOWN INT64_MIN

struct h0_root {
	int fd;             /* of the directory, O_PATH */
	bool live;          /* it is / */
	char path[1024];    /* real path, no trailing slash; "" when live */
	struct h0_strv unreadable;   /* paths below the root ... */
	int *unreadable_errno;       /* ... and its errno, same index */
	struct h0_buf manifest;      /* text of dev.manifest */
};

/* dir NULL or "/": the live machine. H0_USAGE when it is no directory. */
int h0_root_open(struct h0_root *ret, const char *dir, struct h0_err *e);
void h0_root_close(struct h0_root *r);
#define h0_autoroot h0_auto(h0_root_close)

/* Appends a whole regular file of at most `max` bytes. An empty one is -ENODATA. */
int h0_root_read(const struct h0_root *r, size_t max, struct h0_buf *ret, const char *fmt, ...)
	H0_PRINTF(4, 5);
/* The lines of a file from one that is `line` to the next empty one, at most H0_PARAGRAPH_MAX
 * bytes. The file is gone through piece by piece, `max` bytes of it, and never held whole. 0, or
 * -errno (-ENODATA: no such line, or only the first one is). */
#define H0_PARAGRAPH_MAX 65536
int h0_root_paragraph(const struct h0_root *r, size_t max, const char *line, struct h0_buf *ret,
                      const char *path);
/* The first line, at most size - 1 bytes, without surrounding blanks, other control characters as
 * '?'. A longer line or an empty one fails and leaves dst "". */
int h0_root_text(const struct h0_root *r, char *dst, size_t size, const char *fmt, ...)
	H0_PRINTF(4, 5);
/* A decimal (or 0x...) number alone on the first line; H0_UNKNOWN when unreadable, malformed or
 * outside [min, max]. */
int64_t h0_root_int(const struct h0_root *r, int64_t min, int64_t max, const char *fmt, ...)
	H0_PRINTF(4, 5);
/* Last component of a symlink's target: "amdgpu" for .../driver, "0000:c3:00.0" for
 * /sys/class/drm/card1/device. */
int h0_root_link(const struct h0_root *r, char *dst, size_t size, const char *fmt, ...)
	H0_PRINTF(4, 5);
/* Names in a directory (no dot files), sorted, at most 4096. */
int h0_root_list(const struct h0_root *r, struct h0_strv *ret, const char *fmt, ...)
	H0_PRINTF(3, 4);
bool h0_root_exists(const struct h0_root *r, const char *fmt, ...) H0_PRINTF(2, 3);
/* Is `path`, as the kernel resolves it, a regular file inside the tree? (For libraries that open
 * by path and would block on anything else.) */
bool h0_root_plain(const struct h0_root *r, const char *path);

enum h0_access {
	H0_ACCESS_UNKNOWN,  /* not looked at */
	H0_ACCESS_OK,       /* opened for reading and writing */
	H0_ACCESS_ABSENT,   /* no such node */
	H0_ACCESS_DENIED,   /* EACCES, EPERM: it is there, but not for us */
	H0_ACCESS_FAILED,   /* it is there and allowed, and the driver refused: see err */
};

/* A device node, judged by opening it. */
struct h0_node {
	char path[64];      /* "" = there is no such kind of node for this device */
	enum h0_access access;
	int err;            /* errno behind ABSENT, DENIED, FAILED */
	int64_t major, minor, mode;      /* H0_UNKNOWN if not told; mode: permission bits */
	int64_t uid, gid;
	char group[32];     /* "" = not told */
};
/* Fills *ret for the node at the formatted path, opening and closing it. */
void h0_root_node(const struct h0_root *r, struct h0_node *ret, const char *fmt, ...)
	H0_PRINTF(3, 4);
const char *h0_access_name(enum h0_access a);   /* "ok", "absent", "no-permission", "failed" */

const char *h0_errno_name(int err);             /* "EPERM"; "an unknown error" */

/* Text tools for the readers of this layer. */
/* Value of "key<blanks>:<blanks>value" at the start of a line, from `text`; false: not there. */
bool h0_text_field(const char *text, const char *key, char *dst, size_t size);
/* Copies one line, trimmed and made printable; dst is always terminated. */
void h0_text_clean(char *dst, size_t size, const char *src, size_t n);
/* Does the blank-separated list hold the word? */
bool h0_text_word(const char *list, const char *word);

#endif
