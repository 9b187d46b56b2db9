/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/live.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/mem.h"
#include "base/words.h"
#include "fmt/json.h"
#include "run/use.h"
#include "sys/clock.h"

/* ---- reports of changes ---- */
void slot_report_begin(struct slot_report *r, struct h0_ctx *ctx)
{
	*r = (struct slot_report){.ctx = ctx, .rec = h0_rec_new(slot_change_cols)};
	if (ctx->dry_run)
		r->commands = h0_json_object();
}

static bool for_people(const struct h0_ctx *ctx)
{
	return !ctx->json && !ctx->columns && !ctx->format;
}

static void add_row(struct slot_report *r, const char *name, bool changed, enum h0_state state,
                    const char *message)
{
	h0_rec_row(r->rec);
	h0_rec_str(r->rec, CHANGE_NAME, name);
	h0_rec_bool(r->rec, CHANGE_CHANGED, changed);
	h0_rec_str(r->rec, CHANGE_STATE, h0_state_names[state]);
	h0_rec_str(r->rec, CHANGE_MESSAGE, message);
	if (r->evicted) {
		struct h0_json *names = h0_json_array();
		for (size_t i = 0; i < r->evicted->n; i++)
			h0_json_add(names, h0_json_new_str(r->evicted->name[i]));
		h0_rec_json(r->rec, CHANGE_EVICTED, names);
	}
	r->changed |= changed;
}

void slot_report_add(struct slot_report *r, const char *name, bool changed, enum h0_state state,
                     const char *fmt, ...)
{
	char message[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	add_row(r, name, changed, state, message);
	if (for_people(r->ctx))
		h0_say(r->ctx, "%s: %s", name, message);
}

void slot_report_fail(struct slot_report *r, const char *name, const struct h0_err *e)
{
	char text[1536];
	h0_err_text(e, text, sizeof text);
	add_row(r, name, false, H0_STATE_ERROR, text);
	if (r->failed)
		h0_warn(r->ctx, "%s", text); /* the first one is printed by whoever called us */
	else
		r->first = *e;
	r->failed = true;
}

void slot_report_command(struct slot_report *r, const char *name, const char *const *words)
{
	struct h0_json *list = h0_json_array();
	for (size_t i = 0; words[i]; i++) {
		h0_json_add(list, h0_json_new_str(words[i]));
		if (i)
			h0_buf_addc(&r->lines, ' ');
		h0_words_quote(words[i], &r->lines);
	}
	h0_buf_addc(&r->lines, '\n');
	struct h0_json *all = h0_json_copy(h0_json_get(r->commands, name));
	if (h0_json_type(all) != H0_JSON_ARRAY) {
		h0_json_free(all);
		all = h0_json_array();
	}
	h0_json_add(all, list);
	h0_json_set(r->commands, name, all);
}

void slot_report_removal(struct slot_report *r, const char *name, const struct h0_box *b,
                         const char *slot, int grace_s)
{
	char grace[16], id[sizeof H0_CONTAINER_PREFIX + H0_NAME_MAX];
	snprintf(grace, sizeof grace, "%d", grace_s);
	snprintf(id, sizeof id, H0_CONTAINER_PREFIX "%s", slot);
	slot_report_command(r, name, (const char *const[]){b->podman.program, "rm", "--force", "--ignore",
	                    "--time", grace, id, NULL});
}

void slot_report_planned(struct slot_report *r, const struct h0_box *b, const struct h0_slot *slot,
                         const struct h0_spec *s, const struct h0_foresight *f, bool changed,
                         const char *message)
{
	r->evicted = &f->evicted;
	slot_report_add(r, slot->name, changed, f->runs ? H0_STATE_READY : H0_STATE_OFFLINE, "%s", message);
	r->evicted = NULL;
	for (size_t i = 0; i < f->evicted.n; i++)
		slot_report_removal(r, slot->name, b, f->evicted.name[i], H0_GRACE_S);
	if (changed && f->runs)
		slot_report_removal(r, slot->name, b, slot->name, H0_GRACE_S);
	if (changed)
		slot_report_command(r, slot->name, (const char *const *)s->argv.words.v);
}

int slot_report_end(struct slot_report *r, struct h0_err *e)
{
	int rc = 0;
	struct h0_json *more = h0_json_object();
	h0_json_set_bool(more, "changed", r->changed);
	if (r->commands) {
		h0_json_set_bool(more, "dry_run", true);
		h0_json_set(more, "commands", r->commands);
	}
	if (r->diff.len)
		h0_json_set_str(more, "diff", h0_buf_str(&r->diff));
	bool single_failure = r->failed && r->ctx->argc == 1;
	if (!for_people(r->ctx) && !single_failure) {
		rc = h0_out_rec(r->ctx, r->rec, more, e);
	} else {
		h0_json_free(more);
		h0_buf_add(&r->diff, h0_buf_str(&r->lines), r->lines.len);
		rc = h0_out_bytes(r->ctx, h0_buf_str(&r->diff), r->diff.len, e);
	}
	h0_rec_free(r->rec);
	h0_buf_done(&r->lines);
	h0_buf_done(&r->diff);
	if (rc < 0 || !r->failed)
		return rc;
	*e = r->first;
	return -1;
}

/* ---- list and status ---- */
/* One word for the container, whatever podman calls it. */
static const char *container_status(const struct h0_slot_live *l)
{
	if (!l->ctr || l->foreign)
		return "stopped";
	if (l->state == H0_STATE_ERROR && !l->alive)
		return "crashed";
	if (!l->alive)
		return l->ctr->state == H0_CTR_CREATED ? "starting" : "stopped";
	return l->state == H0_STATE_WARMING ? "starting" : "running";
}

static struct h0_json *metadata(const struct h0_slot_live *l, const struct h0_state_file *last,
                                const char *backend, const char *provider)
{
	struct h0_json *m = h0_json_object();
	if (last->updated_at > 0)
		h0_json_set(m, "updated_at", h0_json_new_real(last->updated_at));
	else
		h0_json_set_null(m, "updated_at");
	h0_json_set_str(m, "message", l->message);
	/* a container that state.json knows nothing of was there before us */
	h0_json_set_bool(m, "adopted", l->alive && l->ctr && !h0_streq(last->container, l->ctr->id));
	h0_json_set_str(m, "backend", backend);
	h0_json_set_str(m, "provider", provider);
	return m;
}

/* What every slot has, also a broken one: the words of the original's listing. */
static void put_common(struct h0_rec *rec, const struct h0_box *b, const struct h0_slot_live *l)
{
	const struct h0_ctr *c = l->foreign ? NULL : l->ctr;
	struct h0_json *models = h0_json_array();
	if (l->model_id[0])
		h0_json_add(models, h0_json_new_str(l->model_id));
	h0_rec_json(rec, LIST_MODELS, models);
	h0_rec_str(rec, LIST_KIND, "slot");
	h0_rec_str(rec, LIST_RUNS, container_status(l));
	if (c && l->alive)
		h0_rec_int(rec, LIST_LAST, h0_use_last(b, c));
}

/* A ready slot serves while a request is under way. */
static const char *state_word(const struct h0_box *b, const struct h0_slot_live *l)
{
	bool serves = l->state == H0_STATE_READY && h0_use_routed(b, l->slot->name);
	return h0_state_names[serves ? H0_STATE_SERVING : l->state];
}

/* What the files alone say. `plan` is NULL where they make none. */
static void put_written(struct h0_rec *rec, const struct h0_slot *s, const struct h0_plan *plan)
{
	h0_rec_str(rec, LIST_TYPE, h0_type_names[s->type]);
	h0_rec_str(rec, LIST_DEVICE, h0_device_names[s->device]);
	h0_rec_str(rec, LIST_MODEL, s->model[0] ? s->model : NULL);
	h0_rec_str(rec, LIST_PROFILE, plan && plan->profile ? plan->profile->name : s->profile);
	h0_rec_bool(rec, LIST_ENABLED, s->enabled);
	h0_rec_bool(rec, LIST_DEFAULT, s->is_default);
	h0_rec_str(rec, LIST_ROLE, s->role);
	h0_rec_str(rec, LIST_PROVIDER, h0_provider_names[plan ? plan->family : s->provider]);
	h0_rec_str(rec, LIST_BACKEND, h0_devices[s->device].legacy_backend);
}

static void put_port(struct h0_rec *rec, int port)
{
	char url[64];
	if (!port)
		return;
	snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
	h0_rec_int(rec, LIST_PORT, port);
	h0_rec_str(rec, LIST_URL, url);
}

static void put_row(struct h0_rec *rec, const struct h0_box *b, const struct h0_slot_live *l,
                    const struct h0_state_file *last)
{
	const struct h0_slot *s = l->slot;
	const struct h0_ctr *c = l->foreign ? NULL : l->ctr;
	struct h0_plan made = {0};
	char text[1400];
	h0_rec_row(rec);
	h0_rec_str(rec, LIST_NAME, s->name);
	h0_rec_str(rec, LIST_CONTAINER, c ? c->word : NULL);
	h0_rec_str(rec, LIST_FILE, s->file);
	put_common(rec, b, l);
	put_port(rec, c && c->port ? c->port : s->port);
	if (l->health != H0_HEALTH_UNASKED)
		h0_rec_bool(rec, LIST_HEALTHY, l->health == H0_HEALTH_READY);
	h0_rec_str(rec, LIST_MODEL_ID, l->model_id[0] ? l->model_id : NULL);
	if (l->uptime_s >= 0)
		h0_rec_int(rec, LIST_UPTIME, l->uptime_s);
	if (s->broken) {
		h0_err_text(&s->err, text, sizeof text);
		h0_rec_str(rec, LIST_STATE, l->alive ? state_word(b, l) : "invalid");
		h0_rec_str(rec, LIST_STATUS, l->alive ? state_word(b, l) : "invalid");
		h0_rec_str(rec, LIST_MESSAGE, text);
		return;
	}
	h0_rec_str(rec, LIST_STATE, state_word(b, l));
	h0_rec_str(rec, LIST_STATUS, state_word(b, l));
	h0_rec_str(rec, LIST_MESSAGE, l->message[0] ? l->message : NULL);
	if (!s->file)
		return;
	const struct h0_plan *plan = h0_plan_slot(s, &b->profiles, &made, NULL) == 0 ? &made : NULL;
	put_written(rec, s, plan);
	h0_rec_json(rec, LIST_META, metadata(l, last, h0_devices[s->device].legacy_backend,
	                                     h0_provider_names[plan ? plan->family : s->provider]));
	h0_rec_str(rec, LIST_IMAGE, c ? c->image : plan ? plan->image : s->image);
}

struct view {
	const struct h0_slot **slots;
	struct h0_slot *orphans;        /* containers of ours whose slot file is gone, at the end */
	size_t n;
	struct h0_live_ahead *ahead;
	struct h0_ctrs ctrs;
	bool broken_profiles;
	struct h0_err profiles_err;
};

static void view_done(struct view *v)
{
	free(v->slots);
	free(v->orphans);
	free(v->ahead);
	h0_ctrs_done(&v->ctrs);
}

/* The named slots, or all. */
static int choose(const struct h0_box *b, char *const *names, size_t n, struct view *v,
                  struct h0_err *e)
{
	v->slots = h0_calloc(n + b->slots.n + 1, sizeof *v->slots);
	for (size_t i = 0; i < n; i++) {
		const struct h0_slot *s = h0_slots_get(&b->slots, names[i]);
		if (!s && h0_slots_find(&b->slots, names[i], &s, e) < 0)
			return -1;
		v->slots[v->n++] = s;
	}
	for (size_t i = 0; n == 0 && i < b->slots.n; i++)
		v->slots[v->n++] = &b->slots.v[i];
	return 0;
}

static void add_orphans(const struct h0_box *b, const struct h0_ctrs *ctrs, struct view *v)
{
	const struct h0_slot **all = h0_calloc(v->n + ctrs->n + 1, sizeof *all);
	size_t known = v->n;
	v->orphans = h0_calloc(ctrs->n + 1, sizeof *v->orphans);
	memcpy(all, v->slots, v->n * sizeof *all);
	free(v->slots);
	v->slots = all;
	for (size_t i = 0, k = 0; i < ctrs->n; i++) {
		if (h0_slots_get(&b->slots, ctrs->v[i].slot) || h0_live_foreign(b, &ctrs->v[i]))
			continue;
		struct h0_slot *o = &v->orphans[k++];
		snprintf(o->name, sizeof o->name, "%s", ctrs->v[i].slot);
		v->slots[v->n++] = o;
	}
	v->ahead = h0_realloc(v->ahead, (v->n + 1) * sizeof *v->ahead);
	h0_live_look_ahead(b, v->slots + known, v->n - known, -1, v->ahead + known);
}

/* Everything that can be known while podman thinks is found out meanwhile. Frees `asked`. */
static int gather(struct h0_box *b, struct h0_podman_asked *asked, char *const *names, size_t n,
                  struct view *v, struct h0_err *e)
{
	struct h0_err files = {0}, why = {0};
	int rc = h0_box_open(b, &files);
	if (rc == 0)
		rc = choose(b, names, n, v, &files);
	if (rc == 0) {
		v->ahead = h0_calloc(v->n + 1, sizeof *v->ahead);
		v->broken_profiles = h0_box_profiles(b, &v->profiles_err) < 0;
		h0_live_look_ahead(b, v->slots, v->n, h0_podman_ps_fd(asked), v->ahead);
	}
	int answered = h0_podman_ps_end(asked, &v->ctrs, &why);
	if (rc == 0 && answered == 0) {
		if (n == 0)
			add_orphans(b, &v->ctrs, v);
		return 0;
	}
	*e = rc < 0 ? files : why;
	return -1;
}

static void warn_of_profiles(struct h0_ctx *ctx, const struct view *v)
{
	char text[1536];
	if (!v->broken_profiles)
		return;
	h0_err_text(&v->profiles_err, text, sizeof text);
	h0_warn(ctx, "%s", text); /* slots run without it */
}

int slot_print_live(struct h0_ctx *ctx, char *const *names, size_t n, bool *ret_ready,
                    struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	h0_auto(view_done) struct view v = {0};
	struct h0_podman podman;
	if (h0_podman_init(&podman, e) < 0 ||
	    gather(&b, h0_podman_ps_begin(&podman), names, n, &v, e) < 0)
		return -1;
	warn_of_profiles(ctx, &v);
	h0_autofree struct h0_slot_live *live = h0_calloc(v.n + 1, sizeof *live);
	h0_live_look(&b, v.slots, v.n, &v.ctrs, v.ahead, live);
	struct h0_rec *rec = h0_rec_new(slot_list_cols);
	bool ready = true;
	for (size_t i = 0; i < v.n; i++) {
		if (!v.slots[i]->file && !live[i].message[0])
			snprintf(live[i].message, sizeof live[i].message,
			         "it has no slot file: hal0 slot stop %s ends it", v.slots[i]->name);
		put_row(rec, &b, &live[i], &v.ahead[i].last);
		ready &= live[i].state == H0_STATE_READY;
	}
	int rc = h0_out_rec(ctx, rec, NULL, e);
	h0_rec_free(rec);
	for (size_t i = 0; ret_ready && i < v.n; i++)
		if (v.slots[i]->file)
			h0_life_reconcile(&b, &live[i], &v.ahead[i].last);
	if (ret_ready)
		*ret_ready = ready;
	return rc;
}

static void put_file(struct h0_rec *rec, const struct h0_box *b, const struct h0_slot *s)
{
	struct h0_plan made = {0};
	char text[1400];
	h0_rec_row(rec);
	h0_rec_str(rec, LIST_NAME, s->name);
	h0_rec_str(rec, LIST_FILE, s->file);
	h0_rec_str(rec, LIST_KIND, "slot");
	put_port(rec, s->port);
	if (s->broken) {
		h0_err_text(&s->err, text, sizeof text);
		h0_rec_str(rec, LIST_STATE, "invalid");
		h0_rec_str(rec, LIST_STATUS, "invalid");
		h0_rec_str(rec, LIST_MESSAGE, text);
		return;
	}
	const struct h0_plan *plan = h0_plan_slot(s, &b->profiles, &made, NULL) == 0 ? &made : NULL;
	put_written(rec, s, plan);
	h0_rec_str(rec, LIST_IMAGE, plan ? plan->image : s->image);
}

int slot_print_files(struct h0_ctx *ctx, struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	struct view v = {0};
	if (h0_box_open(&b, e) < 0)
		return -1;
	v.broken_profiles = h0_box_profiles(&b, &v.profiles_err) < 0;
	warn_of_profiles(ctx, &v);
	struct h0_rec *rec = h0_rec_new(slot_list_cols);
	for (size_t i = 0; i < b.slots.n; i++)
		put_file(rec, &b, &b.slots.v[i]);
	int rc = h0_out_rec(ctx, rec, NULL, e);
	h0_rec_free(rec);
	return rc;
}

/* ---- waiting ---- */
static void tell(const char *slot, const char *doing, const char *text, void *arg)
{
	struct slot_waiting *w = arg;
	h0_progress(w->ctx, doing, "%s: %s", slot, text);
}

int slot_waiting_begin(struct slot_waiting *w, struct h0_ctx *ctx, int64_t stall_s,
                       struct h0_err *e)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t signals;
	sigemptyset(&signals);
	for (size_t i = 0; i < H0_ARRAY_LEN(ends); i++) {
		struct sigaction now;
		/* nohup, or a shell's background job: whoever started us wants it ignored */
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&signals, ends[i]);
	}
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return h0_fail_sys(e, "sigprocmask");
	int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return h0_fail_sys(e, "signalfd");
	*w = (struct slot_waiting){.ctx = ctx, .signal_fd = fd,
		.wait = {.stall_s = stall_s > INT32_MAX ? INT32_MAX : (int)stall_s, .signal_fd = fd,
			.tell = tell, .tell_arg = w}};
	return 0;
}

void slot_waiting_interrupted(struct slot_waiting *w, const char *name, const struct h0_outcome *o)
{
	struct signalfd_siginfo info = {0};
	sigset_t one;
	ssize_t n = read(w->signal_fd, &info, sizeof info);
	int sig = n == (ssize_t)sizeof info ? (int)info.ssi_signo : SIGINT;
	h0_progress(w->ctx, "", "%s", "");
	if (o->container[0])
		h0_warn(w->ctx, "interrupted: slot %s goes on loading; hal0 slot wait %s waits for it, "
		        "hal0 slot stop %s ends it", name, name, name);
	else
		h0_warn(w->ctx, "interrupted before anything was done to slot %s", name);
	signal(sig, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(128 + sig);
}

void slot_warn_unrecorded(struct h0_ctx *ctx, const char *name, const struct h0_outcome *o)
{
	if (o->unrecorded)
		h0_warn(ctx, "slot %s: its state.json could not be written", name);
}

void slot_warn_outdated(struct h0_ctx *ctx, const char *name)
{
	h0_warn(ctx, "slot %s runs with older settings than its files have: hal0 slot restart %s "
	        "applies them", name, name);
}

void slot_report_started(struct slot_walk *w, const struct h0_slot *slot, const struct h0_outcome *o,
                         bool waited, int64_t began_ms)
{
	struct slot_report *r = &w->report;
	double s = (double)(h0_now_ms() - began_ms) / 1000;
	h0_progress(w->ctx, "", "%s", "");
	if (o->outdated)
		slot_warn_outdated(w->ctx, slot->name);
	r->evicted = &o->evicted;
	if (o->interrupted)
		slot_waiting_interrupted(&w->waiting, slot->name, o);
	slot_warn_unrecorded(w->ctx, slot->name, o);
	if (o->changed && waited)
		slot_report_add(r, slot->name, true, o->state, "ready after %.1f s, on port %d", s, slot->port);
	else if (o->changed)
		slot_report_add(r, slot->name, true, o->state, "started, loading");
	else if (o->joined)
		slot_report_add(r, slot->name, false, o->state, "ready: another start was under way");
	else
		slot_report_add(r, slot->name, false, o->state, waited ? "ready: it ran already"
		                                                       : "it runs already");
	r->evicted = NULL;
}

static void note(const char *text, void *arg)
{
	h0_warn(arg, "%s", text);
}

struct h0_how slot_how(struct slot_walk *w, const struct slot_start_opts *o)
{
	return (struct h0_how){.wait = o->no_wait ? NULL : &w->waiting.wait, .force = o->force,
		.evict = o->evict, .note = note, .note_arg = w->ctx};
}

int slot_walk(struct h0_ctx *ctx, const void *opts, int64_t stall_s, slot_step step,
              struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	struct slot_walk w = {.ctx = ctx, .opts = opts, .box = &b};
	if (h0_box_open(&b, e) < 0 || slot_waiting_begin(&w.waiting, ctx, stall_s, e) < 0)
		return -1;
	slot_report_begin(&w.report, ctx);
	for (int i = 0; i < ctx->argc; i++) {
		const struct h0_slot *slot = NULL;
		struct h0_err why = {0};
		if (h0_slots_find(&b.slots, ctx->argv[i], &slot, &why) == 0 && step(&w, slot, &why) == 0)
			continue;
		h0_progress(ctx, "", "%s", "");
		slot_report_fail(&w.report, ctx->argv[i], &why);
	}
	return slot_report_end(&w.report, e);
}
