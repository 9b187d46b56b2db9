/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "run/facts.h"
#include "run/health.h"
#include "run/log.h"
#include "run/slotkey.h"
#include "sys/clock.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/loopback.h"

#define PATIENCE_MS 3000    /* on a busy machine a server that is well may take its time */
#define SLEW_S      5           /* what NTP may move it by between two looks, without a jump */
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
	int64_t age = (int64_t)time(NULL) - changed_at(used);
	return h0_read_file(used, 64, &text, NULL) == 0 && strtol(h0_buf_str(&text), NULL, 10) > 0 &&
	       age < FRESH_S && age > -FRESH_S; /* not for ever where the clock was put back */
}

static int64_t last_of(const struct h0_ctr *c, const char *used, const char *log)
{
	bool llama = c->provider == H0_PROVIDER_LLAMA_SERVER;
	int64_t last = c->started_at, at = changed_at(used), logged = llama ? h0_log_used(log) : 0;
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

/* ---- a wall clock that jumps ---- */

/* Seconds from the start of the kernel's clock to that of the wall's. */
static int64_t wall_offset(void)
{
	struct timespec wall, boot;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (int64_t)wall.tv_sec - boot.tv_sec;
}

struct clock_look {
	long long offset;       /* now */
	long long jump;         /* when it was last found to have jumped, 0 = never */
	bool noted;             /* the note says the same */
};

static struct clock_look look_at_clock(const char *note)
{
	h0_autobuf struct h0_buf text = {0};
	struct clock_look l = {.offset = wall_offset()};
	long long offset, jump;
	if (h0_read_file(note, 128, &text, NULL) < 0 || sscanf(h0_buf_str(&text), "%lld %lld", &offset, &jump) != 2)
		return l;
	l.noted = llabs(l.offset - offset) <= SLEW_S;
	l.jump = l.noted ? jump : (long long)time(NULL);
	return l;
}

int h0_use_note_clock(const struct h0_box *b, struct h0_err *e)
{
	h0_autofree char *file = h0_asprintf("%s/clock", b->paths.run);
	struct clock_look l = look_at_clock(file);
	if (l.noted)
		return 0;
	h0_autofree char *text = h0_asprintf("%lld %lld\n", l.offset, l.jump);
	if (h0_mkdirs(b->paths.run, 0755, e) < 0)
		return -1;
	return h0_durable_write(file, text, strlen(text), 0644, e);
}

/* What was noted by the clock before it jumped says nothing: as if it had been used at the jump. */
static int64_t since_jump(const struct h0_box *b, int64_t last)
{
	h0_autofree char *file = h0_asprintf("%s/clock", b->paths.run);
	int64_t jump = look_at_clock(file).jump;
	if (jump && last > (int64_t)time(NULL))
		return jump;
	return last > jump ? last : jump;
}

void h0_use_look(const struct h0_box *b, const struct h0_ctr *c, struct h0_use *ret)
{
	char run_dir[1200], log[1200];
	h0_slot_dirs(&b->paths, c->slot, run_dir, log);
	h0_autofree char *used = h0_asprintf("%s/used", run_dir);
	bool llama = c->provider == H0_PROVIDER_LLAMA_SERVER;
	*ret = (struct h0_use){.last = since_jump(b, last_of(c, used, log))};
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
