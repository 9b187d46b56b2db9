/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The file a verb names: read, and replaced when a verb changes its text. Files below etc that
 * belong to change sets go through snapshots and change sets, others through sys/durable.h.
 */
#ifndef H0_CMD_CONF_FILE_H
#define H0_CMD_CONF_FILE_H

#include "base/buf.h"
#include "cli/main.h"
#include "conf/paths.h"
#include "conf/schema.h"

struct conf_file {
	const char *name;              /* as given, "stdin" for "-": for messages */
	bool is_stdin;
	struct h0_paths paths;
	char *rel;                     /* below etc when change sets cover it, else NULL; owned */
	const struct h0_schema *schema; /* of rel, or NULL */
};

int conf_file_init(struct conf_file *f, const char *name, struct h0_err *e);
void conf_file_done(struct conf_file *f);
#define conf_autofile h0_auto(conf_file_done)

/* All of its text; "-" is standard input. H0_SYS. */
int conf_file_read(const struct conf_file *f, struct h0_buf *ret, struct h0_err *e);

/* Makes the new text from the old one (len 0 for a file that is not there). Pure; may be called
 * more than once. */
typedef int (*conf_edit_fn)(const struct conf_file *f, const char *text, size_t len, void *arg,
                            struct h0_buf *ret, struct h0_err *e);

/* Edits the file, creating it if `create`, and reports: the verb's whole work. */
int conf_file_edit(struct h0_ctx *ctx, const char *name, const char *key, bool create,
                   conf_edit_fn edit, void *arg, struct h0_err *e);

#endif
