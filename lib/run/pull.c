/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/pull.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "run/modelfile.h"
#include "run/partial.h"
#include "sys/clock.h"

#define PAUSE_MS    250         /* before the second round; doubled each time, up to ... */
#define PAUSE_MAX   16000
#define SAVE_MS     5000
#define FIRST_SAVE_MS 500
#define TELL_MS     200
#define RESERVE_MAX (1LL << 30)

struct transfer {
	const struct h0_puller *p;
	struct h0_partial *part;
	struct h0_remote now;       /* as it is this round */
	const char *head;
	struct h0_err disk;         /* what the disk said, or what is wrong with the bytes */
	bool whole;                 /* a range was asked for and the whole file came */
	bool plain;                 /* so no range is asked for any more */
	bool odd;                   /* other bytes than asked for */
	int status;                 /* the worst that is no success, 0 = none */
	int64_t retry_after_s, saved_ms, told_ms;
};

struct way {
	struct transfer *t;
	struct h0_range *seg;
	struct h0_remote_answer a;
	bool checked;
};

/* Not every server knows If-Range: the file may have become another one since it was looked at. */
static bool is_other_file(const struct way *w)
{
	const char *had = w->t->part->tag, *has = w->a.etag;
	return had[0] && has[0] && strncmp(has, "W/", 2) != 0 && strcmp(had, has) != 0;
}

static int check_answer(struct way *w, int status)
{
	struct transfer *t = w->t;
	int64_t from, to, all;
	w->checked = true;
	if (status == 206 && t->now.ranges) {
		if (h0_remote_range(w->a.range, &from, &to, &all) && from == w->seg->pos && all == t->part->bytes &&
		    to < w->seg->to && !is_other_file(w))
			return 0;
		t->odd = true;
		return -1;
	}
	if (status == 200) {
		if (t->part->n == 1 && w->seg->pos == 0)
			return 0;
		t->whole = true;
		return -1;
	}
	t->status = status;
	t->retry_after_s = w->a.retry_after_s;
	return -1;
}

static void look_after(struct transfer *t)
{
	int64_t now = h0_now_ms();
	if (t->p->tell && now - t->told_ms >= TELL_MS) {
		t->told_ms = now;
		t->p->tell(h0_partial_have(t->part), t->part->bytes, false, t->p->arg);
	}
	if (now - t->saved_ms < SAVE_MS)
		return;
	if (h0_partial_save(t->part, &t->disk) == 0)
		t->disk = (struct h0_err){0};
	t->saved_ms = h0_now_ms();
}

static int take(const char *data, size_t n, int status, void *arg)
{
	struct way *w = arg;
	struct transfer *t = w->t;
	if ((!w->checked && check_answer(w, status) < 0) || t->disk.kind)
		return -1;
	if (w->seg->pos == 0 && n >= 4 && t->head && memcmp(data, t->head, 4) != 0) {
		h0_fail(&t->disk, H0_EXTERN, "%.*s is no %s file", (int)strcspn(t->now.url, "?#"), t->now.url,
		        t->head);
		return h0_err_code(&t->disk, "model.unsupported_format");
	}
	if ((int64_t)n > w->seg->to - w->seg->pos) {
		t->odd = true;
		return -1;
	}
	if (h0_partial_write(t->part, w->seg, data, n, &t->disk) < 0)
		return -1;
	look_after(t);
	return t->disk.kind ? -1 : 0;
}

/* Everything that is missing, at once. -1: it makes no sense to try again. */
static int round_of(struct transfer *t, struct h0_err *ret_last, struct h0_err *e)
{
	struct way ways[H0_RANGES_MAX];
	struct h0_http_req reqs[H0_RANGES_MAX];
	struct h0_err errs[H0_RANGES_MAX];
	const char *headers[H0_RANGES_MAX][5];
	char ranges[H0_RANGES_MAX][64];
	h0_autofree char *same = h0_asprintf("If-Range: %s", t->now.tag);
	size_t n = 0;
	t->whole = t->odd = false;
	t->status = 0;
	for (size_t i = 0; i < t->part->n; i++) {
		struct h0_range *s = &t->part->seg[i];
		if (s->pos >= s->to)
			continue;
		size_t h = 0;
		ways[n] = (struct way){.t = t, .seg = s};
		snprintf(ranges[n], sizeof ranges[n], "Range: bytes=%" PRId64 "-%" PRId64, s->pos, s->to - 1);
		headers[n][h++] = "Accept-Encoding: identity";
		if (t->now.ranges)
			headers[n][h++] = ranges[n];
		if (t->now.ranges && t->now.tag[0])
			headers[n][h++] = same;
		if (h0_remote_auth(t->p, t->now.final))
			headers[n][h++] = t->p->auth;
		headers[n][h] = NULL;
		reqs[n] = (struct h0_http_req){.url = t->now.final, .headers = headers[n],
			.connect_timeout_ms = H0_REMOTE_CONNECT_MS, .idle_timeout_ms = H0_REMOTE_IDLE_MS, .ca_file = t->p->ca_file,
			.stop = t->p->stop, .on_data = take, .on_data_arg = &ways[n], .on_header = h0_remote_hear,
			.on_header_arg = &ways[n].a};
		n++;
	}
	if (h0_http_do_all(t->p->http, reqs, n, errs, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (errs[i].kind)
			*ret_last = errs[i];
	if (t->disk.kind) {
		if (e)
			*e = t->disk;
		return -1;
	}
	return 0;
}

static int cancelled(struct h0_err *e)
{
	h0_fail(e, H0_EXTERN, "interrupted; pulling it again goes on from here");
	if (e)
		e->sys_errno = ECANCELED;
	return -1;
}

static bool stopped(const struct h0_puller *p)
{
	return p->stop && *p->stop;
}

static void pause_ms(const struct h0_puller *p, int64_t ms)
{
	for (int64_t end = h0_now_ms() + ms; !stopped(p) && h0_now_ms() < end;)
		h0_sleep_ms(20);
}

/* It is asked for anew each round: addresses that redirects lead to expire. */
static int look_again(struct transfer *t, struct h0_err *e)
{
	struct h0_remote now = {0};
	if (h0_remote_look(t->p, t->part->url, &now, e) < 0)
		return -1;
	bool other = now.bytes != t->part->bytes ||
	             (t->part->tag[0] && !h0_streq(now.tag, t->part->tag));
	bool ways = now.ranges = now.ranges && !t->plain;
	h0_remote_done(&t->now);
	t->now = now;
	if (!other && (ways || t->part->n == 1))
		return 0;
	if (now.bytes < 0)
		return h0_fail(e, H0_EXTERN, "%.*s: the server does not say how long it is",
		               (int)strcspn(now.url, "?#"), now.url);
	free(t->part->tag);
	t->part->tag = h0_strdup(now.tag);
	t->part->bytes = now.bytes;
	return h0_partial_restart(t->part, ways ? t->p->ways ? t->p->ways : H0_PULL_WAYS : 1, e);
}

static bool hopeless(int status)
{
	return status && status / 100 != 5 && status != 408 && status != 429 && status != 416;
}

static int64_t pause_of(const struct transfer *t, int tries)
{
	if (t->status && t->retry_after_s > 0)
		return t->retry_after_s * 1000;
	return tries > 6 ? PAUSE_MAX : PAUSE_MS << (tries - 1);
}

static int why_not(const struct transfer *t, const struct h0_err *last, struct h0_err *e)
{
	if (t->status)
		return h0_remote_refused(t->now.url, t->status, t->p->auth, e);
	if (t->odd)
		return h0_fail(e, H0_EXTERN, "%.*s: the server sends other bytes than asked for",
		               (int)strcspn(t->now.url, "?#"), t->now.url);
	if (e)
		*e = *last;
	if (last->kind)
		return h0_wrap(e, "gave up after %d tries without a byte", t->p->retries + 1);
	return h0_fail(e, H0_EXTERN, "%.*s: the answers end early", (int)strcspn(t->now.url, "?#"),
	               t->now.url);
}

/* Before the next round. What came of a server that sends no ranges is of no use, never added to.
 * -1: there is no use in trying. */
static int mend(struct transfer *t, struct h0_err *e)
{
	struct h0_err why = {0};
	t->plain = t->plain || t->whole;
	if ((t->whole || t->status == 416 || (!t->now.ranges && h0_partial_have(t->part))) &&
	    h0_partial_restart(t->part, 1, e) < 0)
		return -1;
	int rc = look_again(t, &why);
	t->now.ranges = t->now.ranges && !t->plain;
	if (rc == 0 || !why.code[0]) /* another round will tell */
		return 0;
	if (e)
		*e = why;
	return -1;
}

static int fetch(struct transfer *t, struct h0_err *e)
{
	struct h0_err last = {0};
	int64_t most = h0_partial_have(t->part);
	for (int tries = 0;;) {
		int rc = round_of(t, &last, e);
		int64_t have = h0_partial_have(t->part);
		if (rc == 0 && have == t->part->bytes)
			return 0;
		tries = have > most ? 0 : tries + 1;
		most = have > most ? have : most;
		h0_partial_save(t->part, NULL);
		if (stopped(t->p))
			return cancelled(e);
		if (rc < 0)
			return -1;
		if (hopeless(t->status) || tries > t->p->retries)
			return why_not(t, &last, e);
		if (tries)
			pause_ms(t->p, pause_of(t, tries));
		if (stopped(t->p))
			return cancelled(e);
		if (mend(t, e) < 0)
			return -1;
	}
}

static int check(const struct transfer *t, struct h0_err *e)
{
	char sum[H0_SHA256_TEXT];
	const struct h0_model_hash h = {.path = t->part->at_part, .stop = t->p->stop};
	if (!t->part->sum[0])
		return 0;
	if (h0_model_hash(&h, sum, e) < 0)
		return stopped(t->p) ? cancelled(e) : -1;
	if (h0_streq(sum, t->part->sum))
		return h0_model_sum_write(t->part->at, sum, e);
	h0_partial_drop(t->part);
	h0_fail(e, H0_EXTERN, "%.*s: what came is not what was promised: %s instead of %s; nothing of it "
	        "is kept", (int)strcspn(t->now.url, "?#"), t->now.url, sum, t->part->sum);
	return h0_err_code(e, "model.checksum");
}

/* The file may have been another one by the end, and its first bytes may have come one by one. */
static int check_head(const struct transfer *t, struct h0_err *e)
{
	char got[4] = {0};
	if (!t->head)
		return 0;
	if (TEMP_FAILURE_RETRY(pread(t->part->fd, got, sizeof got, 0)) < 0)
		return h0_fail_sys(e, "%s", t->part->part); /* what came is kept */
	if (memcmp(got, t->head, sizeof got) == 0)
		return 0;
	h0_partial_drop(t->part);
	h0_fail(e, H0_EXTERN, "%.*s is no %s file", (int)strcspn(t->now.url, "?#"), t->now.url, t->head);
	return h0_err_code(e, "model.unsupported_format");
}

static void transfer_done(struct transfer *t)
{
	h0_remote_done(&t->now);
}

static int pull_ours(const struct h0_puller *p, const struct h0_remote *r, struct h0_partial *part,
                     const char *head, struct h0_err *e)
{
	h0_auto(transfer_done) struct transfer t = {.p = p, .part = part, .head = head,
		.saved_ms = h0_now_ms() - SAVE_MS + FIRST_SAVE_MS};
	size_t ways = !r->ranges ? 1 : p->ways ? p->ways : H0_PULL_WAYS;
	t.now = *r;
	t.now.url = h0_strdup(r->url);
	t.now.final = h0_strdup(r->final);
	if (h0_partial_begin(part, r->url, r->tag, r->sum, r->bytes, ways, e) < 0)
		return -1;
	if (!r->ranges && h0_partial_have(part) && h0_partial_have(part) < r->bytes &&
	    h0_partial_restart(part, 1, e) < 0)
		return -1;
	if (h0_partial_have(part) < part->bytes && fetch(&t, e) < 0) {
		if (!h0_partial_have(part))
			h0_partial_drop(part);
		return -1;
	}
	return check_head(&t, e) < 0 || check(&t, e) < 0 || h0_partial_finish(part, e) < 0 ? -1 : H0_PULLED;
}

int h0_pull_file(const struct h0_puller *p, const struct h0_remote *r, const char *path,
                 const char *head, struct h0_err *e)
{
	h0_autopartial struct h0_partial part = {.fd = -1, .dir = -1};
	if (r->bytes < 0)
		return h0_fail(e, H0_EXTERN, "%.*s: the server does not say how long it is",
		               (int)strcspn(r->url, "?#"), r->url);
	for (bool waited = false;; waited = true) {
		switch (h0_partial_open(path, &part, e)) {
		case H0_PARTIAL_OURS:
			return pull_ours(p, r, &part, head, e);
		case H0_PARTIAL_THERE:
			return waited ? H0_PULLED_JOINED : H0_PULLED_THERE;
		case H0_PARTIAL_HELD:
			break;
		default:
			return -1;
		}
		if (p->tell)
			p->tell(h0_partial_held(path), r->bytes, true, p->arg);
		pause_ms(p, TELL_MS);
		if (stopped(p))
			return cancelled(e);
	}
}

int64_t h0_pull_have(const char *path)
{
	return h0_partial_held(path);
}

int h0_pull_space(const char *dir, int64_t bytes, struct h0_err *e)
{
	struct statvfs v;
	char want[32], left[32];
	if (statvfs(dir, &v) < 0)
		return h0_fail_sys(e, "%s", dir);
	int64_t all = (int64_t)(v.f_blocks * v.f_frsize), avail = (int64_t)(v.f_bavail * v.f_frsize);
	int64_t reserve = all / 50 < RESERVE_MAX ? all / 50 : RESERVE_MAX;
	if (bytes <= avail - reserve)
		return 0;
	h0_num_human(bytes, want, sizeof want);
	h0_num_human(avail > reserve ? avail - reserve : 0, left, sizeof left);
	h0_fail(e, H0_SYS, "%s are wanted and %s has %s to give", want, dir, left);
	return h0_err_code(e, "model.no_space");
}
