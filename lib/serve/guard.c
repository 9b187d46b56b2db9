/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/guard.h"

#include <string.h>
#include <strings.h>

#include "fmt/url.h"

static bool host_ok(const struct h0_guard *g, const struct h0_head *h)
{
	const char *host = h0_head_get(h, H0_FIELD_HOST);
	char name[256];
	if (!host)
		return h->minor == 0; /* HTTP/1.0 needs none, and no browser speaks it */
	if ((h->twice & H0_FIELD_BIT(HOST)))
		return false;
	if (h0_url_is_loopback(host))
		return true;
	if (!h0_url_bare_host(host, name, sizeof name))
		return false;
	for (size_t i = 0; i < g->hosts.n; i++)
		if (strcasecmp(g->hosts.v[i], name) == 0)
			return true;
	return false;
}

const char *h0_guard_origin(const struct h0_guard *g, const struct h0_head *h)
{
	const char *origin = h0_head_get(h, H0_FIELD_ORIGIN);
	for (size_t i = 0; origin && i < g->origins.n; i++)
		if (strcmp(g->origins.v[i], "*") == 0 || strcasecmp(g->origins.v[i], origin) == 0)
			return origin;
	return NULL;
}

bool h0_guard_equal(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	volatile unsigned char diff = na != nb;
	for (size_t i = 0; i < na; i++)
		diff |= (unsigned char)(a[i] ^ b[nb ? i % nb : 0]);
	return diff == 0;
}

static bool key_ok(const struct h0_guard *g, const struct h0_head *h)
{
	const char *auth = h0_head_get(h, H0_FIELD_AUTHORIZATION), *key = h0_head_get(h, H0_FIELD_API_KEY);
	if (auth && strncasecmp(auth, "Bearer ", 7) == 0)
		key = auth + 7 + strspn(auth + 7, " ");
	bool ok = false;
	for (size_t i = 0; key && i < g->keys.n; i++)
		ok |= h0_guard_equal(g->keys.v[i], key); /* all of them, whichever fits */
	return ok;
}

enum h0_guard_answer h0_guard_check(const struct h0_guard *g, const struct h0_head *h)
{
	const char *site = h0_head_get(h, H0_FIELD_SEC_FETCH_SITE);
	bool origin = h0_head_get(h, H0_FIELD_ORIGIN) != NULL;
	if (!host_ok(g, h))
		return H0_GUARD_HOST;
	if (origin && ((h->twice & H0_FIELD_BIT(ORIGIN)) || !h0_guard_origin(g, h)))
		return H0_GUARD_ORIGIN;
	/* a page's request without Origin: an image, a script, a form that only reads */
	if (!origin && site && strcasecmp(site, "none") != 0 && strcasecmp(site, "same-origin") != 0)
		return H0_GUARD_ORIGIN;
	if (g->keys.n && !(origin && strcmp(h->method, "OPTIONS") == 0) && !key_ok(g, h))
		return H0_GUARD_KEY;
	return H0_GUARD_OK;
}

void h0_guard_done(struct h0_guard *g)
{
	h0_strv_done(&g->keys);
	h0_strv_done(&g->hosts);
	h0_strv_done(&g->origins);
}
