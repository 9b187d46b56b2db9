/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/think.h"

#include <string.h>

enum { LEAD, THINKING, GAP, ANSWER };

static const char open_tag[] = "<think>", close_tag[] = "</think>";

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int give(struct h0_think *t, const char *p, size_t n)
{
	return n ? t->on_text(t->state == THINKING, p, n, t->arg) : 0;
}

/* Gives out what was held back, as text of the current state. */
static int release(struct h0_think *t)
{
	size_t n = t->nheld;
	t->nheld = 0;
	return give(t, t->held, n);
}

/* One byte where a tag may stand. 1: it was taken. 0: it is text. -1: on_text ended it. */
static int match(struct h0_think *t, const char *tag, size_t len, char c)
{
	if (c == tag[t->nheld]) {
		t->held[t->nheld++] = c;
		if (t->nheld < len)
			return 1;
		t->nheld = 0;
		t->state = tag == open_tag ? THINKING : GAP;
		return 1;
	}
	return 0;
}

static int lead(struct h0_think *t, char c, const char **text, const char *at)
{
	if (t->nheld == 0 && is_space(c))
		return 0; /* white space before anything else */
	if (match(t, open_tag, sizeof open_tag - 1, c))
		return 0;
	t->state = ANSWER;
	*text = at;
	return release(t);
}

static int thinking(struct h0_think *t, char c, const char **text, const char *at)
{
	if (t->nheld == 0 && c != '<')
		return 0;
	if (t->nheld == 0) {
		int rc = give(t, *text, (size_t)(at - *text));
		if (rc)
			return rc;
	}
	*text = at + 1;
	if (match(t, close_tag, sizeof close_tag - 1, c))
		return 0;
	int rc = release(t);
	if (!rc && c == '<') {
		t->held[t->nheld++] = c;
	} else {
		*text = at;
	}
	return rc;
}

int h0_think_feed(struct h0_think *t, const char *p, size_t n)
{
	const char *end = p + n, *text = p;
	int rc = 0;
	for (const char *at = p; at < end && !rc && t->state != ANSWER; at++) {
		if (t->state == LEAD) {
			text = at + 1;
			rc = lead(t, *at, &text, at);
		} else if (t->state == THINKING) {
			rc = thinking(t, *at, &text, at);
		} else if (!is_space(*at)) {
			t->state = ANSWER;
			text = at;
		} else {
			text = at + 1;
		}
	}
	if (rc || t->nheld || text >= end || t->state == GAP || t->state == LEAD)
		return rc;
	return give(t, text, (size_t)(end - text));
}

int h0_think_end(struct h0_think *t)
{
	if (t->state == LEAD)
		t->state = ANSWER;
	return release(t);
}
