/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Words of a command line, as a person writes them in a file or pastes them into a shell.
 * There is no shell behind this: nothing is expanded.
 */
#ifndef H0_BASE_WORDS_H
#define H0_BASE_WORDS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Adds the words of `text`: split at blanks and newlines; '...' and "..." hold words together;
 * backslash takes the next character as it is (inside "..." only before " and \).
 * H0_USAGE "a ' is opened at character 7 and not closed"; ret is then as it was. */
int h0_words_split(const char *text, struct h0_strv *ret, struct h0_err *e);
/* Appends a word, quoted where a shell would need it, so that it reads back as it is. */
void h0_words_quote(const char *word, struct h0_buf *out);

#endif
