/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/ledger.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fmt/json.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/lock.h"
#include "sys/proc.h"

#define MAX_BYTES (1u << 20)
#define LOCK_MS   10000

/* ---- reading ---- */
static pid_t server_of(const struct h0_paths *p, const char *slot)
{
	h0_autofree char *path = h0_asprintf("%s/slots/%s/pid", p->run, slot);
	return h0_proc_read_pid(path);
}

static bool holds(const struct h0_paths *p, const struct h0_booking *b)
{
	struct h0_proc it;
	if (h0_proc_lives(b->booker, &it) && it.started == b->since)
		return true;
	return h0_proc_lives(server_of(p, b->slot), &it) && it.started >= b->since;
}

static bool parse(const struct h0_json *o, struct h0_booking *ret)
{
	const char *slot = h0_json_str(h0_json_get(o, "slot"));
	int64_t pid = h0_json_int(h0_json_get(o, "pid"), 0);
	if (!slot || !h0_name_ok(slot) || pid <= 0 || pid > INT32_MAX)
		return false;
	*ret = (struct h0_booking){.booker = (pid_t)pid};
	snprintf(ret->slot, sizeof ret->slot, "%s", slot);
	ret->host = h0_json_int(h0_json_get(o, "host_bytes"), 0);
	ret->device = h0_json_int(h0_json_get(o, "device_bytes"), 0);
	ret->since = h0_json_int(h0_json_get(o, "since_ticks"), 0);
	return ret->host >= 0 && ret->device >= 0;
}

static void add(struct h0_ledger *l, const struct h0_booking *b)
{
	l->v = h0_grow(l->v, l->n, &l->cap, sizeof *l->v);
	l->v[l->n++] = *b;
}

void h0_ledger_read(const struct h0_paths *p, struct h0_ledger *ret)
{
	h0_autofree char *path = h0_asprintf("%s/ledger.json", p->run);
	h0_autobuf struct h0_buf text = {0};
	h0_autojson struct h0_json *j = NULL;
	char boot[40];
	*ret = (struct h0_ledger){.lock = -1};
	h0_proc_boot(boot);
	if (h0_read_file(path, MAX_BYTES, &text, NULL) < 0 ||
	    h0_json_parse(h0_buf_str(&text), text.len, path, &j, NULL) < 0)
		return;
	const struct h0_json *all = h0_json_get(j, "bookings");
	bool ours = h0_streq(h0_json_str(h0_json_get(j, "boot")), boot);
	for (size_t i = 0; i < h0_json_len(all); i++) {
		struct h0_booking b;
		if (ours && parse(h0_json_at(all, i), &b) && !h0_ledger_get(ret, b.slot) && holds(p, &b))
			add(ret, &b);
		else
			ret->changed = true;
	}
}

int h0_ledger_open(const struct h0_paths *p, struct h0_ledger *ret, struct h0_err *e)
{
	h0_autofree char *path = h0_asprintf("%s/ledger.lock", p->run);
	if (h0_mkdirs(p->run, 0755, e) < 0)
		return -1;
	int lock = h0_lock(path, LOCK_MS, "hal0-slot", e);
	if (lock < 0)
		return -1;
	h0_ledger_read(p, ret);
	ret->lock = lock;
	return 0;
}

const struct h0_booking *h0_ledger_get(const struct h0_ledger *l, const char *slot)
{
	for (size_t i = 0; i < l->n; i++)
		if (h0_streq(l->v[i].slot, slot))
			return &l->v[i];
	return NULL;
}

/* ---- changing ---- */

static void drop(struct h0_ledger *l, const char *slot)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->n; i++)
		if (!h0_streq(l->v[i].slot, slot))
			l->v[kept++] = l->v[i];
	l->changed |= kept < l->n;
	l->n = kept;
}

void h0_ledger_book(struct h0_ledger *l, const char *slot, int64_t host, int64_t device)
{
	struct h0_booking b = {.host = host, .device = device, .booker = getpid()};
	struct h0_proc self;
	drop(l, slot);
	if (h0_proc_look(b.booker, &self))
		b.since = self.started;
	snprintf(b.slot, sizeof b.slot, "%s", slot);
	add(l, &b);
	l->changed = true;
}

static int write_out(const struct h0_paths *p, const struct h0_ledger *l, struct h0_err *e)
{
	h0_autofree char *path = h0_asprintf("%s/ledger.json", p->run);
	h0_autojson struct h0_json *j = h0_json_object();
	h0_autobuf struct h0_buf text = {0};
	struct h0_json *all = h0_json_array();
	char boot[40];
	for (size_t i = 0; i < l->n; i++) {
		struct h0_json *o = h0_json_object();
		h0_json_set_str(o, "slot", l->v[i].slot);
		h0_json_set_int(o, "host_bytes", l->v[i].host);
		h0_json_set_int(o, "device_bytes", l->v[i].device);
		h0_json_set_int(o, "pid", l->v[i].booker);
		h0_json_set_int(o, "since_ticks", l->v[i].since);
		h0_json_add(all, o);
	}
	h0_proc_boot(boot);
	h0_json_set_int(j, "schema", 1);
	h0_json_set_str(j, "boot", boot);
	h0_json_set(j, "bookings", all);
	h0_json_dump(j, 2, false, &text);
	h0_buf_addc(&text, '\n');
	return h0_durable_write(path, text.p, text.len, 0644, e);
}

int h0_ledger_close(const struct h0_paths *p, struct h0_ledger *l, struct h0_err *e)
{
	int rc = l->changed ? write_out(p, l, e) : 0;
	h0_ledger_done(l);
	return rc;
}

void h0_ledger_done(struct h0_ledger *l)
{
	free(l->v);
	if (l->lock >= 0)
		close(l->lock);
	*l = (struct h0_ledger){.lock = -1};
}

void h0_ledger_forget(const struct h0_paths *p, const char *slot)
{
	h0_autoledger struct h0_ledger l = {.lock = -1};
	h0_ledger_read(p, &l);
	if (!l.n && !l.changed)
		return; /* nothing to write, nothing to wait for */
	h0_ledger_done(&l);
	if (h0_ledger_open(p, &l, NULL) < 0)
		return; /* it will be dropped by the next reader */
	drop(&l, slot);
	(void)h0_ledger_close(p, &l, NULL);
}
