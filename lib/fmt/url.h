/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * http and https URLs as text: nothing is asked, no name is resolved.
 */
#ifndef H0_FMT_URL_H
#define H0_FMT_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Its length when the URL begins with http:// or https://, in letters of any size; else 0. */
size_t h0_url_scheme(const char *url);
bool h0_url_is_https(const char *url);
/* The host of "scheme://host...", without brackets. H0_USAGE for what is no such URL, has a
 * user name (it would end in messages), blanks or control characters, or a host that `size`
 * cannot hold. */
int h0_url_host(const char *url, char *host, size_t size, struct h0_err *e);
/* "https://host:port", in small letters, the usual port left out. H0_USAGE as h0_url_host. */
int h0_url_origin(const char *url, char *dst, size_t size, struct h0_err *e);
/* Where a redirect leads: `location` may be relative to `url`. Free it. */
char *h0_url_join(const char *url, const char *location);
/* The host of "name:port" or "[::1]:port", without brackets and port; false when it is none. */
bool h0_url_bare_host(const char *host, char *dst, size_t size);
/* Is that host this machine, by its name alone? 127.0.0.0/8, ::1, localhost; a port may follow. */
bool h0_url_is_loopback(const char *host);
/* The same of a URL's host. */
bool h0_url_is_local(const char *url);

#endif
