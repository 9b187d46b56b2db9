/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "model/npu.h"
#include "model/provider.h"
#include "sys/clock.h"
#include "sys/io.h"
#include "sys/spawn.h"

#define TEMPLATE     "hal0-slot@.service"
#define UNIT_NAME    64
#define ASK_MS       20000
#define START_MS     180000  /* for podman's answer: its own limit, and a unit's way to it */
#define DOWN_MS      10000   /* for a unit to be down once its container is gone */
#define SETTLE_MS    5000    /* for a unit to notice that its slot answers */
#define LOOK_MS      50      /* between two questions to systemd */
#define FIRST_MS     2       /* between two looks for the answer; grows to LAST_MS */
#define LAST_MS      20
#define ORDER_MAX    (1u << 20)
#define WORDS(...)   ((const char *const[]){__VA_ARGS__, NULL})

/* Where systemd looks for units (systemd.unit(5)), and with it we. */
static const char *const unit_dirs[] = {
	"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system",
};

static bool template_installed(void)
{
	char path[128];
	for (size_t i = 0; i < H0_ARRAY_LEN(unit_dirs); i++) {
		snprintf(path, sizeof path, "%s/" TEMPLATE, unit_dirs[i]);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

struct h0_units h0_units_find(const struct h0_paths *paths)
{
	const char *given = getenv("HAL0_SYSTEMCTL");
	if (given)
		return (struct h0_units){*given ? given : NULL};
	bool use = !paths->home[0] && geteuid() == 0 && access("/run/systemd/system", F_OK) == 0 &&
	           template_installed();
	return (struct h0_units){use ? "systemctl" : NULL};
}

/* "hal0-slot@NAME.service" */
static void name_of(const char *slot, char dst[UNIT_NAME])
{
	snprintf(dst, UNIT_NAME, "hal0-slot@%s.service", slot);
}

/* ---- systemctl ---- */
/* Whatever its exit code. argv[1] is its verb. */
static int call(const char *const *argv, struct h0_spawned *ret, struct h0_err *e)
{
	struct h0_spawn s = {.argv = argv, .timeout_ms = ASK_MS, .own_group = true};
	if (h0_spawn(&s, ret, e) < 0)
		return h0_wrap(e, "systemctl %s", argv[1]);
	if (ret->timed_out)
		return h0_fail(e, H0_EXTERN, "systemctl %s did not answer within %d s", argv[1], ASK_MS / 1000);
	return 0;
}

static int failed(const char *const *argv, const struct h0_spawned *r, struct h0_err *e)
{
	const char *text = h0_buf_str(&r->err);
	return h0_fail(e, H0_EXTERN, "systemctl %s: %.*s (exit code %d)", argv[1],
	               (int)strcspn(text, "\n"), text, r->exit_code);
}

static int tell(const char *const *argv, struct h0_err *e)
{
	h0_autospawned struct h0_spawned r = {0};
	if (call(argv, &r, e) < 0)
		return -1;
	return r.exit_code ? failed(argv, &r, e) : 0;
}

struct unit_state {
	char load[32], active[32], sub[32], result[64], job[32], stale[8];
};

static int look(const struct h0_units *u, const char *unit, struct unit_state *ret,
                struct h0_err *e)
{
	h0_autospawned struct h0_spawned r = {0};
	struct unit_state s = {0};
	const struct {
		const char *name;
		char *dst;
		size_t size;
	} props[] = {
		{"LoadState=", s.load, sizeof s.load}, {"ActiveState=", s.active, sizeof s.active},
		{"SubState=", s.sub, sizeof s.sub}, {"Result=", s.result, sizeof s.result},
		{"Job=", s.job, sizeof s.job}, {"NeedDaemonReload=", s.stale, sizeof s.stale},
	};
	const char *const *argv = WORDS(u->systemctl, "show", "--property=LoadState,ActiveState,"
	                                "SubState,Result,Job,NeedDaemonReload", unit);
	if (call(argv, &r, e) < 0)
		return -1;
	if (r.exit_code)
		return failed(argv, &r, e);
	for (const char *p = h0_buf_str(&r.out); *p; p += strcspn(p, "\n"), p += *p == '\n')
		for (size_t i = 0; i < H0_ARRAY_LEN(props); i++)
			if (h0_starts(p, props[i].name)) {
				const char *value = p + strlen(props[i].name);
				snprintf(props[i].dst, props[i].size, "%.*s", (int)strcspn(value, "\n"), value);
			}
	*ret = s;
	return 0;
}

static bool is_down(const struct unit_state *s)
{
	return h0_streq(s->active, "inactive") || h0_streq(s->active, "failed");
}

/* It is down, and nothing is queued that would bring it up. "auto-restart" is a pause before the
 * next try, so the last one has failed. */
static bool has_failed(const struct unit_state *s)
{
	bool queued = s->job[0] && !h0_streq(s->job, "0");
	return !queued && (is_down(s) || h0_streq(s->sub, "auto-restart"));
}

/* ---- the order ---- */
static void file_in(const char *dir, const char *name, char dst[1300])
{
	snprintf(dst, 1300, "%s/%s", dir, name);
}

/* Complete or not there; it need not survive a crash. */
static int put(const char *dir, const char *name, const struct h0_buf *b, struct h0_err *e)
{
	char path[1300], tmp[1310];
	file_in(dir, name, path);
	snprintf(tmp, sizeof tmp, "%s~", path);
	h0_autofd int fd = TEMP_FAILURE_RETRY(open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
	if (fd < 0)
		return h0_fail_sys(e, "%s", tmp);
	if (h0_write_all(fd, h0_buf_str(b), b->len, e) < 0)
		return h0_wrap(e, "%s", tmp);
	return rename(tmp, path) < 0 ? h0_fail_sys(e, "%s", path) : 0;
}

static int put_order(const char *dir, const struct h0_argv *a, struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	for (size_t i = 0; i < a->words.n; i++)
		h0_buf_add(&b, a->words.v[i], strlen(a->words.v[i]) + 1);
	return put(dir, "order", &b, e);
}

/* Exit code and length of stdout, then stdout, then stderr. */
static int put_answer(const char *dir, const struct h0_spawned *r, struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	h0_buf_addf(&b, "%d %zu\n", r->exit_code, r->out.len);
	h0_buf_add(&b, h0_buf_str(&r->out), r->out.len);
	h0_buf_add(&b, h0_buf_str(&r->err), r->err.len);
	return put(dir, "answer", &b, e);
}

static bool get_answer(const char *dir, struct h0_spawned *ret)
{
	h0_autobuf struct h0_buf b = {0};
	char path[1300];
	size_t out;
	int code, used = 0;
	file_in(dir, "answer", path);
	if (h0_read_file(path, 2 * ORDER_MAX, &b, NULL) < 0 ||
	    sscanf(h0_buf_str(&b), "%d %zu\n%n", &code, &out, &used) != 2 || !used ||
	    out > b.len - (size_t)used)
		return false;
	ret->exit_code = code;
	h0_buf_add(&ret->out, b.p + used, out);
	h0_buf_add(&ret->err, b.p + used + out, b.len - (size_t)used - out);
	return true;
}

void h0_unit_forget(const char *dir)
{
	static const char *const names[] = {"order", "answer"};
	char path[1300];
	for (size_t i = 0; i < H0_ARRAY_LEN(names); i++) {
		file_in(dir, names[i], path);
		unlink(path);
	}
}

bool h0_unit_ordered(const char *dir)
{
	char path[1300];
	file_in(dir, "order", path);
	return access(path, F_OK) == 0;
}

int h0_unit_obey(const struct h0_podman *p, const char *dir, struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	h0_autospawned struct h0_spawned r = {0};
	h0_autostrv struct h0_strv words = {0};
	char path[1300], id[H0_CTR_ID + 1];
	file_in(dir, "order", path);
	if (h0_read_file(path, ORDER_MAX, &b, e) < 0)
		return -1;
	h0_buf_addc(&b, '\0'); /* whatever is in it, the last word ends */
	for (size_t at = 0; at + 1 < b.len; at += strlen(b.p + at) + 1)
		h0_strv_add(&words, b.p + at);
	if (unlink(path) < 0)
		return h0_fail_sys(e, "%s", path);
	if (h0_podman_run_words(p, (const char *const *)words.v, dir, &r, e) < 0) {
		/* whoever waits must not wait for nothing */
		r.exit_code = 127;
		h0_buf_addf(&r.err, "Error: %s\n", e ? e->msg : "");
		put_answer(dir, &r, NULL);
		return -1;
	}
	if (put_answer(dir, &r, e) < 0)
		return -1;
	return h0_podman_ran(&r, NULL, id, e);
}

/* ---- launch ---- */
static int begin(const struct h0_units *u, const char *unit, struct h0_err *e)
{
	h0_autospawned struct h0_spawned ignored = {0};
	struct unit_state s;
	if (look(u, unit, &s, e) < 0)
		return -1;
	if (h0_streq(s.load, "masked"))
		return h0_fail(e, H0_CONFLICT, "unit %s is masked: systemctl unmask %s", unit, unit);
	/* a newer hal0 has been installed since systemd read the file */
	if (h0_streq(s.stale, "yes") && tell(WORDS(u->systemctl, "daemon-reload"), e) < 0)
		return -1;
	/* a person's start does not count as one of a crashing server's; an unknown unit is no error */
	if (call(WORDS(u->systemctl, "reset-failed", unit), &ignored, e) < 0)
		return -1;
	/* up without a container: it missed its end. Between two tries a start would wait for the next */
	bool anew = h0_streq(s.active, "active") || h0_streq(s.sub, "auto-restart");
	const char *verb = anew ? "restart" : "start";
	return tell(WORDS(u->systemctl, verb, "--no-block", unit), e);
}

static int no_answer(const char *slot, const char *unit, const char *why, struct h0_err *e)
{
	h0_fail(e, H0_EXTERN, "slot %s did not start: its unit %s ended before podman was called (%s): "
	        "journalctl -u %s has its words", slot, unit, why, unit);
	h0_err_code(e, "slot.spawn_failed");
	return h0_err_detail(e, "unit", "%s", unit);
}

static int await_answer(const struct h0_units *u, const char *slot, const char *unit,
                        const char *dir, struct h0_spawned *ret, struct h0_err *e)
{
	int64_t began = h0_now_ms(), looked = began;
	for (int pause = FIRST_MS;; pause = pause * 2 < LAST_MS ? pause * 2 : LAST_MS) {
		struct unit_state s;
		if (get_answer(dir, ret))
			return 0;
		h0_sleep_ms(pause);
		int64_t now = h0_now_ms();
		if (now - looked < LOOK_MS)
			continue;
		looked = now;
		if (look(u, unit, &s, e) < 0)
			return -1;
		/* it may have answered and ended since we asked */
		if (has_failed(&s) && !get_answer(dir, ret))
			return no_answer(slot, unit, s.result, e);
		if (has_failed(&s))
			return 0;
		if (now - began > START_MS)
			return no_answer(slot, unit, "it hangs", e);
	}
}

int h0_unit_launch(const struct h0_units *u, const char *slot, const struct h0_argv *a,
                   const char *dir, char *ret_id, struct h0_err *e)
{
	h0_autospawned struct h0_spawned r = {0};
	char unit[UNIT_NAME];
	name_of(slot, unit);
	h0_unit_forget(dir);
	int rc = put_order(dir, a, e);
	if (rc == 0)
		rc = begin(u, unit, e);
	if (rc == 0)
		rc = await_answer(u, slot, unit, dir, &r, e);
	h0_unit_forget(dir);
	if (rc == 0)
		rc = h0_podman_ran(&r, a->words.v[a->server_at - 1], ret_id, e);
	if (rc < 0)
		(void)h0_unit_leave(u, slot, NULL, NULL); /* it shall not try again behind our back */
	return rc;
}

/* Looks until that says so, or the time is up, or systemd does not answer. */
static void watch(const struct h0_units *u, const char *slot, int64_t within_ms,
                  bool (*over)(const struct h0_units *u, const char *unit, const struct unit_state *s))
{
	char unit[UNIT_NAME];
	struct unit_state s;
	int64_t began = h0_now_ms();
	if (!u->systemctl)
		return;
	name_of(slot, unit);
	while (look(u, unit, &s, NULL) == 0 && !over(u, unit, &s) && h0_now_ms() - began <= within_ms)
		h0_sleep_ms(LAST_MS);
}

static bool has_settled(const struct h0_units *u, const char *unit, const struct unit_state *s)
{
	return !h0_streq(s->active, "activating");
}

void h0_unit_settle(const struct h0_units *u, const char *slot)
{
	watch(u, slot, SETTLE_MS, has_settled);
}

/* ---- leaving ---- */
int h0_unit_leave(const struct h0_units *u, const char *slot, bool *ret_active, struct h0_err *e)
{
	char unit[UNIT_NAME];
	struct unit_state s;
	if (ret_active)
		*ret_active = false;
	if (!u->systemctl)
		return 0;
	name_of(slot, unit);
	if (look(u, unit, &s, e) < 0)
		return -1;
	if (is_down(&s) && !s.job[0])
		return 0;
	if (ret_active)
		*ret_active = true;
	return tell(WORDS(u->systemctl, "stop", "--no-block", unit), e);
}

static bool has_gone(const struct h0_units *u, const char *unit, const struct unit_state *s)
{
	if (h0_streq(s->active, "failed"))
		(void)tell(WORDS(u->systemctl, "reset-failed", unit), NULL); /* it was wanted */
	return is_down(s);
}

void h0_unit_left(const struct h0_units *u, const char *slot)
{
	watch(u, slot, DOWN_MS, has_gone);
}

/* ---- boot ---- */
/* `systemctl is-enabled` says one word a line, in our order, for each unit. */
static int ask_enabled(const struct h0_units *u, struct h0_unit_boot *v, size_t n, struct h0_err *e)
{
	h0_autostrv struct h0_strv argv = {0};
	h0_autospawned struct h0_spawned r = {0};
	char unit[UNIT_NAME];
	h0_strv_add(&argv, u->systemctl);
	h0_strv_add(&argv, "is-enabled");
	for (size_t i = 0; i < n; i++) {
		name_of(v[i].slot, unit);
		h0_strv_add(&argv, unit);
	}
	if (call((const char *const *)argv.v, &r, e) < 0)
		return -1;
	const char *p = h0_buf_str(&r.out);
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(p, "\n");
		if (!len)
			return failed((const char *const *)argv.v, &r, e);
		bool on = h0_starts(p, "enabled"); /* also "enabled-runtime" */
		v[i].changed = on != v[i].want;
		p += len + (p[len] == '\n');
	}
	return 0;
}

static int set_enabled(const struct h0_units *u, const struct h0_unit_boot *v, size_t n, bool want,
                       struct h0_err *e)
{
	h0_autostrv struct h0_strv argv = {0};
	char unit[UNIT_NAME];
	h0_strv_add(&argv, u->systemctl);
	h0_strv_add(&argv, want ? "enable" : "disable");
	h0_strv_add(&argv, "--quiet");
	size_t first = argv.n;
	for (size_t i = 0; i < n; i++) {
		name_of(v[i].slot, unit);
		if (v[i].changed && v[i].want == want)
			h0_strv_add(&argv, unit);
	}
	return argv.n > first ? tell((const char *const *)argv.v, e) : 0;
}

int h0_units_follow(const struct h0_units *u, struct h0_unit_boot *v, size_t n, bool only_ask,
                    struct h0_err *e)
{
	for (size_t i = 0; i < n; i++)
		v[i].changed = false;
	if (!u->systemctl || !n)
		return 0;
	if (ask_enabled(u, v, n, e) < 0)
		return -1;
	if (only_ask)
		return 0;
	return set_enabled(u, v, n, true, e) < 0 ? -1 : set_enabled(u, v, n, false, e);
}

bool h0_unit_boots(const struct h0_slot *slot)
{
	return slot->enabled && !slot->broken && !h0_slot_is_shadow(slot) &&
	       (slot->model[0] || !h0_providers[slot->provider].needs_model);
}

int h0_units_follow_slots(const struct h0_units *u, const struct h0_slots *slots, struct h0_err *e)
{
	h0_autofree struct h0_unit_boot *v = h0_calloc(slots->n + 1, sizeof *v);
	size_t n = 0;
	for (size_t i = 0; i < slots->n; i++)
		if (!slots->v[i].broken)
			v[n++] = (struct h0_unit_boot){slots->v[i].name, h0_unit_boots(&slots->v[i]), false};
	return h0_units_follow(u, v, n, false, e);
}
