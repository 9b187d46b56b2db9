/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Several files that change as one without a journal, so that secrets may be among them. They lie in
 * a directory "set-" and 12 hex digits, named for what is in it; a first file beside it names that
 * directory, and its replacement commits. Whoever reads the first file finds the others as they
 * were meant with it, whenever the writer dies. The set before is kept, for readers that are on
 * their way and to go back to; what is older the next write removes. A set that was in force has a
 * copy of the first file in it, made after the commit, at the latest by the next write: one without
 * it was never committed.
 */
#ifndef H0_SYS_FILESET_H
#define H0_SYS_FILESET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "sys/ops.h"

#define H0_FILESET_NAME 17      /* with the NUL */

struct h0_fileset_file {
	const char *name, *text;
	size_t len;
	unsigned mode;
};

/* The set a first file's text names: the first such word in it. false: none. */
bool h0_fileset_named(const char *text, char dst[H0_FILESET_NAME]);
/* v[0] is the first file. Writes what is not so already, all of it
 * durable on return. Writers at once wait for each other. H0_SYS, H0_CONFLICT as
 * h0_durable_write. */
int h0_fileset_write(const struct h0_ops *o, const char *dir, const char *set, const struct h0_fileset_file *v,
                     size_t n, struct h0_err *e);
/* Brings the first file back to what it was before the newest write: its text in `ret_new`, that of
 * now in `ret_old`. Going back twice leads forward again. H0_NO: there is nothing to go back to. */
int h0_fileset_back(const struct h0_ops *o, const char *dir, const char *first, unsigned mode, bool dry_run,
                    struct h0_buf *ret_old, struct h0_buf *ret_new, struct h0_err *e);

#endif
