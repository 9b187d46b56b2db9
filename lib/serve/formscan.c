/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/formscan.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum step {
	DATA,       /* before the first part, or in one: the delimiter is looked for */
	DELIMITER,  /* behind it: the end of its line, or "--" */
	HEAD,       /* lines of a part's head */
	END,
};

bool h0_form_init(struct h0_formscan *f, const char *content_type, const char *name)
{
	memset(f, 0, sizeof *f);
	f->name = name;
	if (strncasecmp(content_type, "multipart/form-data", 19) != 0)
		return false;
	const char *p = strcasestr(content_type, "boundary=");
	if (!p)
		return false;
	p += 9;
	bool quoted = *p == '"';
	p += quoted;
	size_t n = strcspn(p, quoted ? "\"" : "; \t");
	if (n == 0 || n > 70 || (quoted && p[n] != '"'))
		return false;
	f->mark_len = (size_t)snprintf(f->mark, sizeof f->mark, "\r\n--%.*s", (int)n, p);
	f->matched = 2; /* the first delimiter needs no line end before it */
	return true;
}

static void keep(struct h0_formscan *f, const char *p, size_t n)
{
	if (!f->ours)
		return;
	f->end += n;
	size_t room = sizeof f->value - 1 - f->len;
	if (n > room) {
		f->cut = true;
		n = room;
	}
	memcpy(f->value + f->len, p, n);
	f->len += n;
	f->value[f->len] = '\0';
}

/* `; name="model"` at p, or without quotes, as some write it; returns where the next one begins. */
static const char *param(const struct h0_formscan *f, const char *p, bool *ret_is_name, bool *ret_ours)
{
	p += strspn(p, "; \t");
	size_t key = strcspn(p, "=; \t");
	*ret_is_name = key == 4 && strncasecmp(p, "name", 4) == 0;
	*ret_ours = false;
	p += key;
	if (*p != '=')
		return p;
	bool quoted = *++p == '"';
	p += quoted;
	const char *value = p;
	if (quoted)
		for (; *p && *p != '"'; p++)
			p += *p == '\\' && p[1];
	else
		p += strcspn(p, "; \t");
	*ret_ours = (size_t)(p - value) == strlen(f->name) && memcmp(value, f->name, (size_t)(p - value)) == 0;
	return p + (quoted && *p);
}

/* "Content-Disposition: form-data; name="model"; filename=..." */
static bool names_us(const struct h0_formscan *f, const char *line)
{
	bool is_name = false, ours = false;
	if (strncasecmp(line, "content-disposition:", 20) != 0)
		return false;
	for (const char *p = line + 20; *p && !is_name;)
		p = param(f, p, &is_name, &ours);
	return is_name && ours;
}

/* Data up to a delimiter that may begin; returns where to go on. */
static const char *data(struct h0_formscan *f, const char *p, const char *end)
{
	if (f->matched == 0) {
		const char *cr = memchr(p, '\r', (size_t)(end - p));
		keep(f, p, (size_t)((cr ? cr : end) - p));
		if (!cr)
			return end;
		f->matched = 1;
		return cr + 1;
	}
	if (*p == f->mark[f->matched]) {
		if (++f->matched < f->mark_len)
			return p + 1;
		f->was_ours = f->ours;
		f->ours = false;
		f->step = DELIMITER;
		f->matched = f->line_len = 0;
		return p + 1;
	}
	/* no delimiter: what looked like one is data; this byte may begin another */
	size_t n = f->matched;
	f->matched = 0;
	keep(f, f->mark, n);
	return p;
}

/* A line of a head; the empty one ends it. */
static void line(struct h0_formscan *f, bool *ours)
{
	size_t n = f->line_len < sizeof f->line ? f->line_len : sizeof f->line - 1;
	while (n && f->line[n - 1] == '\r')
		n--;
	f->line[n] = '\0';
	if (f->step == DELIMITER) {
		f->step = n >= 2 && f->line[0] == '-' && f->line[1] == '-' ? END : HEAD;
		f->found = f->found || f->was_ours;
		*ours = false;
	} else if (n == 0) {
		f->step = DATA;
	} else if (names_us(f, f->line)) {
		*ours = true;
	}
	f->line_len = 0;
}

void h0_form_feed(struct h0_formscan *f, const char *p, size_t n)
{
	const char *start = p, *end = p + n;
	while (p < end && f->step != END) {
		if (f->step == DATA) {
			p = data(f, p, end);
			continue;
		}
		char c = *p;
		if (f->step == DELIMITER && f->line_len == 0 && !strchr("\r \t-", c)) {
			f->step = DATA; /* it only began like one */
			f->ours = f->was_ours;
			keep(f, f->mark, f->mark_len);
			continue;
		}
		p++;
		if (c != '\n') {
			if (f->line_len < sizeof f->line - 1)
				f->line[f->line_len] = c;
			f->line_len++;
			continue;
		}
		bool ours = f->ours;
		line(f, &ours);
		f->ours = ours;
		if (f->step == DATA && f->ours) {
			f->ours = !f->found; /* the first one counts */
			if (f->ours) {
				f->begin = f->end = f->pos + (uint64_t)(p - start);
				f->len = 0;
				f->value[0] = '\0';
			}
		}
	}
	f->pos += n;
}
