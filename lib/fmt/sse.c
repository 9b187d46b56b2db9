/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/sse.h"

#include <string.h>

#define DEFAULT_MAX (1u << 20)

static int dispatch(struct h0_sse *s, struct h0_err *e)
{
	int rc = 0;
	if (s->has_data)
		rc = s->on_event(s->name, h0_buf_str(&s->data), s->data.len, s->arg, e);
	h0_buf_reset(&s->data);
	s->has_data = false;
	s->name[0] = '\0';
	return rc;
}

static int take_line(struct h0_sse *s, struct h0_err *e)
{
	const char *line = h0_buf_str(&s->line);
	size_t len = s->line.len;
	if (!s->begun && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3, len -= 3; /* a byte order mark may stand first */
	s->begun = true;
	if (len == 0)
		return dispatch(s, e);
	const char *colon = memchr(line, ':', len);
	size_t name = colon ? (size_t)(colon - line) : len, skip = name + (colon != NULL);
	if (colon && skip < len && line[skip] == ' ')
		skip++;
	if (name == 4 && memcmp(line, "data", 4) == 0) {
		if (s->has_data)
			h0_buf_addc(&s->data, '\n');
		h0_buf_add(&s->data, line + skip, len - skip);
		s->has_data = true;
	} else if (name == 5 && memcmp(line, "event", 5) == 0) {
		size_t n = len - skip < sizeof s->name - 1 ? len - skip : sizeof s->name - 1;
		memcpy(s->name, line + skip, n);
		s->name[n] = '\0';
	}
	return 0;
}

int h0_sse_feed(struct h0_sse *s, const char *p, size_t n, struct h0_err *e)
{
	size_t max = s->max ? s->max : DEFAULT_MAX;
	for (size_t i = 0; i < n;) {
		if (s->after_cr && p[i] == '\n') {
			s->after_cr = false;
			i++;
			continue;
		}
		s->after_cr = false;
		size_t k = i;
		while (k < n && p[k] != '\n' && p[k] != '\r')
			k++;
		if (s->line.len + s->data.len + (k - i) > max)
			return h0_fail(e, H0_EXTERN, "an event of more than %zu bytes", max);
		h0_buf_add(&s->line, p + i, k - i);
		i = k;
		if (k == n)
			break;
		s->after_cr = p[i++] == '\r';
		int rc = take_line(s, e);
		h0_buf_reset(&s->line);
		if (rc < 0)
			return -1;
	}
	return 0;
}

void h0_sse_done(struct h0_sse *s)
{
	h0_buf_done(&s->line);
	h0_buf_done(&s->data);
}
