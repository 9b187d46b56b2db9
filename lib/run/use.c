/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/use.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "run/facts.h"
#include "run/health.h"
#include "run/slotkey.h"
#include "sys/io.h"
#include "sys/loopback.h"

#define PATIENCE_MS 1000
#define TAIL_BYTES  16384
#define FRESH_S     60          /* hal0-route serve writes every second while requests are under way */

/* What a server says of itself. */
enum saying { IDLE, BUSY, NOTHING };

static enum saying ask_llama(const struct h0_health_ask *who)
{
	h0_autobuf struct h0_buf body = {0};
	h0_autojson struct h0_json *j = NULL;
	int status = h0_health_get(who, "/slots", PATIENCE_MS, &body);
	if (status == 0)
		return BUSY; /* it does not answer: what it does cannot be known */
	if (status != 200 || h0_json_parse(h0_buf_str(&body), body.len, "slots", &j, NULL) < 0)
		return NOTHING;
	for (size_t i = 0; i < h0_json_len(j); i++)
		if (h0_json_bool(h0_json_get(h0_json_at(j, i), "is_processing"), true))
			return BUSY;
	return h0_json_len(j) ? IDLE : NOTHING;
}

static int64_t changed_at(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? (int64_t)st.st_mtime : 0;
}

/* Requests that hal0-route serve has under way. */
static bool routed(const char *used)
{
	h0_autobuf struct h0_buf text = {0};
	return h0_read_file(used, 64, &text, NULL) == 0 && strtol(h0_buf_str(&text), NULL, 10) > 0 &&
	       (int64_t)time(NULL) - changed_at(used) < FRESH_S;
}

/* "2026-01-31T12:00:00.123456789+01:00 stdout F ..." in seconds since the epoch, 0 = none. */
static int64_t time_of(const char *line)
{
	struct tm t = {0};
	int hours, minutes, used = 0;
	char sign;
	if (sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour,
	           &t.tm_min, &t.tm_sec, &used) != 6)
		return 0;
	line += used;
	line += *line == '.' ? 1 + strspn(line + 1, "0123456789") : 0;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	int64_t at = timegm(&t);
	if (sscanf(line, "%c%2d:%2d", &sign, &hours, &minutes) == 3 && (sign == '+' || sign == '-'))
		at -= (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
	return at;
}

/* When the server last logged a request. At a higher verbosity it also logs, after every question
 * about its slots, that all are idle: that is no use. */
static int64_t logged_at(const char *path)
{
	char tail[TAIL_BYTES + 1];
	struct stat st;
	h0_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	off_t from = st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
	ssize_t n = pread(fd, tail, TAIL_BYTES, from);
	if (n <= 0)
		return 0;
	tail[n] = '\0';
	int64_t last = 0;
	char *p = from ? strchr(tail, '\n') : tail;
	for (char *line = p; line && *line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		/* a piece of a line (P) counts with its end (F) */
		bool counts = strstr(line, " F ") && !strstr(line, "all slots are idle");
		int64_t at = counts ? time_of(line) : 0;
		last = at > last ? at : last;
		line = end ? end + 1 : NULL;
	}
	return last;
}

static int64_t last_of(const struct h0_ctr *c, const char *used, const char *log)
{
	bool llama = c->provider == H0_PROVIDER_LLAMA_SERVER;
	int64_t last = c->started_at, at = changed_at(used), logged = llama ? logged_at(log) : 0;
	last = at > last ? at : last;
	return logged > last ? logged : last;
}

int64_t h0_use_last(const struct h0_box *b, const struct h0_ctr *c)
{
	char run_dir[1200], log[1200];
	h0_slot_dirs(&b->paths, c->slot, run_dir, log);
	h0_autofree char *used = h0_asprintf("%s/used", run_dir);
	return last_of(c, used, log);
}

bool h0_use_routed(const struct h0_box *b, const char *slot)
{
	char run_dir[1200], log[1200];
	h0_slot_dirs(&b->paths, slot, run_dir, log);
	h0_autofree char *used = h0_asprintf("%s/used", run_dir);
	return routed(used);
}

void h0_use_look(const struct h0_box *b, const struct h0_ctr *c, struct h0_use *ret)
{
	char run_dir[1200], log[1200];
	h0_slot_dirs(&b->paths, c->slot, run_dir, log);
	h0_autofree char *used = h0_asprintf("%s/used", run_dir);
	bool llama = c->provider == H0_PROVIDER_LLAMA_SERVER;
	*ret = (struct h0_use){.last = last_of(c, used, log)};
	struct h0_health_ask ask = {.port = c->port, .provider = c->provider};
	h0_slot_key_try(&b->paths, c->slot, ask.key);
	h0_health_ask(&ask, 1, PATIENCE_MS, NULL, 0);
	if (ask.health != H0_HEALTH_READY) {
		snprintf(ret->why, sizeof ret->why, "it is %s", h0_health_word(ask.health));
		ret->serving = true;
		return;
	}
	enum saying says = llama ? ask_llama(&ask) : NOTHING;
	if (says == BUSY)
		snprintf(ret->why, sizeof ret->why, "its server is at work, or does not say");
	else if (routed(used))
		snprintf(ret->why, sizeof ret->why, "hal0-route has a request under way");
	else if (says == NOTHING && h0_loopback_connected(c->port))
		snprintf(ret->why, sizeof ret->why, "somebody is connected to it");
	ret->serving = ret->why[0];
}
