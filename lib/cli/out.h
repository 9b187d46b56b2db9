/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The state behind h0_ctx.out, shared by cli/out.c (data on stdout), cli/msg.c (messages on
 * stderr) and cli/main.c. Internal to cli.
 */
#ifndef H0_CLI_OUT_H
#define H0_CLI_OUT_H

#include <stdbool.h>

#include "base/buf.h"
#include "cli/main.h"

struct h0_out {
	struct h0_buf buf;        /* not yet written to stdout */
	char progress_key[64];    /* of the last progress line; "" = none */
	bool progress_open;       /* a line on the terminal waits to be overwritten */
};

/* Opens /dev/null on whichever of 0, 1, 2 is closed, so that no file of ours gets such a number;
 * writing to a stdout that was closed fails. */
void h0_std_fds(void);
/* Columns of the terminal behind fd; 0 if there is none. */
int h0_tty_width(int fd);
/* Flushes stdout and closes it: the last chance to learn that it could not be written. */
int h0_out_close(struct h0_ctx *ctx, struct h0_err *e);
/* Whether this failure says no more than that stdout's reader has left. */
bool h0_out_is_gone(const struct h0_err *e);

/* "hal0-slot: text", or with --json one line {"error":{...}}. */
void h0_msg_error(struct h0_ctx *ctx, const struct h0_err *e);
/* Removes a progress line from the terminal. */
void h0_progress_end(struct h0_ctx *ctx);

#endif
