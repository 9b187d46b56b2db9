/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli/bar.h"
#include "cli/rec.h"
#include "fmt/json.h"
#include "hw/share.h"
#include "model/machine.h"
#include "model/membar.h"
#include "run/facts.h"
#include "run/live.h"
#include "run/log.h"
#include "run/pvelook.h"
#include "run/sized.h"
#include "status/opts.h"
#include "sys/clock.h"

#define LOG_LINES 2000

/* ---- the slots ---- */

struct slots {
	struct h0_box box;
	struct h0_ctrs ctrs;
	const struct h0_slot **v;
	struct h0_live_ahead *ahead;
	struct h0_slot_live *live;  /* NULL = podman did not say */
	struct h0_err why;
};

static void slots_done(struct slots *s)
{
	free(s->live);
	free(s->ahead);
	free(s->v);
	h0_ctrs_done(&s->ctrs);
	h0_box_done(&s->box);
}

/* Only what the configuration cannot give is an error; podman's silence is kept in `why`. */
static int slots_look(struct slots *s, struct h0_err *e)
{
	if (h0_box_open(&s->box, e) < 0)
		return -1;
	size_t n = s->box.slots.n;
	if (!n)
		return 0;
	struct h0_podman_asked *asked = h0_podman_ps_begin(&s->box.podman);
	s->v = h0_calloc(n, sizeof *s->v);
	s->ahead = h0_calloc(n, sizeof *s->ahead);
	for (size_t i = 0; i < n; i++)
		s->v[i] = &s->box.slots.v[i];
	h0_live_look_ahead(&s->box, s->v, n, h0_podman_ps_fd(asked), s->ahead);
	if (h0_podman_ps_end(asked, &s->ctrs, &s->why) < 0)
		return 0;
	s->live = h0_calloc(n, sizeof *s->live);
	h0_live_look(&s->box, s->v, n, &s->ctrs, s->ahead, s->live);
	return 0;
}

/* What a process holds: its own pages, mapped files, and GPU memory, which is never either. */
static int64_t holds(const struct h0_root *root, int pid)
{
	struct h0_share s;
	int64_t sum = H0_UNKNOWN;
	h0_hw_share(root, pid, &s);
	const int64_t parts[] = {s.anon, s.file, s.vram, s.gtt};
	for (size_t i = 0; i < H0_ARRAY_LEN(parts); i++)
		if (parts[i] != H0_UNKNOWN)
			sum = (sum == H0_UNKNOWN ? 0 : sum) + parts[i];
	return sum;
}

static double last_rate(const struct h0_paths *paths, const char *slot)
{
	char run_dir[1200], log[1200];
	h0_autobuf struct h0_buf text = {0};
	h0_slot_dirs(paths, slot, run_dir, log);
	return h0_log_tail(log, LOG_LINES, &text, NULL) < 0 ? 0 : h0_log_rate(h0_buf_str(&text));
}

static void put_live(struct h0_rec *r, const struct slots *s, const struct h0_slot_live *l)
{
	h0_autoroot struct h0_root here = {.fd = -1};
	h0_rec_str(r, STATUS_STATE,
	           l->slot->broken && !l->alive ? "invalid" : h0_state_names[l->state]);
	h0_rec_str(r, STATUS_MESSAGE, l->message[0] ? l->message : NULL);
	if (l->uptime_s >= 0)
		h0_rec_int(r, STATUS_UPTIME, l->uptime_s);
	if (!l->alive || l->foreign || !l->ctr)
		return;
	int64_t bytes = h0_root_open(&here, NULL, NULL) < 0 ? H0_UNKNOWN : holds(&here, l->ctr->pid);
	double rate = l->ctr->provider == H0_PROVIDER_LLAMA_SERVER
	                  ? last_rate(&s->box.paths, l->slot->name) : 0;
	if (bytes != H0_UNKNOWN)
		h0_rec_int(r, STATUS_MEMORY, bytes);
	if (rate > 0)
		h0_rec_real(r, STATUS_RATE, rate);
}

static struct h0_rec *slot_rows(const struct slots *s)
{
	struct h0_rec *r = h0_rec_new(status_cols);
	for (size_t i = 0; i < s->box.slots.n; i++) {
		const struct h0_slot *slot = s->v[i];
		char text[1400];
		h0_rec_row(r);
		h0_rec_str(r, STATUS_SLOT, slot->name);
		if (slot->port)
			h0_rec_int(r, STATUS_PORT, slot->port);
		if (!slot->broken) {
			h0_rec_str(r, STATUS_MODEL, slot->model[0] ? slot->model : NULL);
			h0_rec_str(r, STATUS_DEVICE, h0_device_names[slot->device]);
		}
		if (s->live)
			put_live(r, s, &s->live[i]);
		if (slot->broken) {
			h0_err_text(&slot->err, text, sizeof text);
			h0_rec_str(r, STATUS_MESSAGE, text);
		}
	}
	return r;
}

/* ---- the machine ---- */

static const char *silicon(const struct h0_machine *m)
{
	const struct h0_mgpu *g = h0_machine_primary(m);
	return g ? g->name : *m->hw->cpu.model ? m->hw->cpu.model : "unknown CPU";
}

static struct h0_json *bars_json(const struct h0_membar *b)
{
	struct h0_json *bars = h0_json_array();
	for (int i = 0; i < b->n; i++) {
		struct h0_json *bar = h0_json_object();
		h0_json_set_str(bar, "bar", b->bar[i].name);
		h0_json_set_str(bar, "gpu", b->bar[i].gpu);
		h0_json_set_int(bar, "total_bytes", b->bar[i].total);
		for (int k = 0; k < b->bar[i].n; k++) {
			char key[64];
			snprintf(key, sizeof key, "%s_bytes", b->bar[i].seg[k].name);
			for (char *c = key; *c; c++)
				*c = *c == '-' ? '_' : *c;
			h0_json_set_int(bar, key, b->bar[i].seg[k].bytes);
		}
		h0_json_add(bars, bar);
	}
	return bars;
}

static struct h0_json *machine_json(const struct h0_machine *m, const struct h0_membar *b,
                                    const struct h0_pve_look *pve)
{
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "host", *m->hw->os.hostname ? m->hw->os.hostname : NULL);
	h0_json_set_str(o, "version", HAL0_VERSION);
	h0_json_set_str(o, "tier", m->tier);
	h0_json_set_str(o, "deployment", m->deployment);
	h0_json_set_str(o, "hardware_class", m->hw_class);
	h0_json_set_str(o, "name", silicon(m));
	if (m->mem.budget_mib == H0_UNKNOWN)
		h0_json_set_null(o, "budget_mib");
	else
		h0_json_set_int(o, "budget_mib", m->mem.budget_mib);
	h0_json_set_str(o, "binding_limit", m->mem.binding);
	h0_json_set(o, "bars", bars_json(b));
	h0_json_set(o, "proxmox", h0_pve_json(pve));
	return o;
}

/* "memory: 43 GiB inference, 12.1 GiB system, 70.1 GiB free of 125.6 GiB" where no bar is drawn. */
static void say_bars(const struct h0_membar *b, struct h0_buf *out)
{
	char human[32];
	for (int i = 0; i < b->n; i++) {
		const struct h0_bar *bar = &b->bar[i];
		h0_buf_addf(out, "%s: ", bar->label);
		for (int k = 0; k < bar->n; k++)
			h0_buf_addf(out, "%s%s %s", k ? ", " : "", bar->seg[k].label,
			            h0_num_human(bar->seg[k].bytes, human, sizeof human));
		h0_buf_addf(out, " of %s\n", h0_num_human(bar->total, human, sizeof human));
	}
}

static void draw(const struct h0_ctx *ctx, const struct h0_bar *b, struct h0_buf *out)
{
	struct h0_bar_part parts[H0_SEGMENTS_MAX];
	for (int i = 0; i < b->n; i++)
		parts[i] = (struct h0_bar_part){b->seg[i].bytes, b->seg[i].tone, b->seg[i].label};
	h0_bar_draw(b->label, parts, b->n, b->total, ctx->color_out, h0_out_width(ctx), out);
}

static int print_head(struct h0_ctx *ctx, const struct h0_machine *m, const struct h0_membar *b,
                      struct h0_err *e)
{
	h0_autobuf struct h0_buf t = {0}, line = {0};
	h0_buf_addf(&line, "%s: %s, %s, %s\n", *m->hw->os.hostname ? m->hw->os.hostname : "this machine",
	            silicon(m), m->tier, m->deployment);
	h0_text_safe(h0_buf_str(&line), true, &t);
	if (ctx->tty_out) {
		h0_buf_addc(&t, '\n');
		for (int i = 0; i < b->n; i++)
			draw(ctx, &b->bar[i], &t);
	} else {
		say_bars(b, &t);
		h0_buf_addc(&t, '\n');
	}
	return h0_out_styled(ctx, t.p, e);
}

/* ---- both ---- */

/* The Proxmox host is asked now and then: what it said a moment ago is told again. */
static void host(struct h0_ctx *ctx, const struct h0_paths *paths, struct h0_machine *m,
                 struct h0_pve_look *pve, struct h0_err *ret_why)
{
	if (pve->asked_ms && h0_now_ms() - pve->asked_ms < H0_PVE_FRESH_MS) {
		h0_pve_tell(pve, m);
		return;
	}
	if (h0_pve_look(paths, m, pve, ret_why) < 0)
		return;
	const char *warning = h0_pve_warning(pve);
	if (warning)
		h0_warn(ctx, "%s", warning);
}

static int once(struct h0_ctx *ctx, const struct status_opts *o, struct h0_pve_look *pve,
                struct h0_err *e)
{
	struct h0_err why = {0};
	h0_autoroot struct h0_root root = {.fd = -1};
	h0_auto(slots_done) struct slots s = {0};
	struct h0_membar bars;
	const char *sysroot = o->sysroot ? o->sysroot : getenv("HAL0_SYSROOT");
	if (h0_root_open(&root, sysroot, e) < 0 || slots_look(&s, e) < 0)
		return -1;
	h0_autohw struct h0_hw *hw = h0_hw_probe(&root, 0);
	h0_autofree struct h0_machine *m = h0_machine_sized(&root, hw);
	host(ctx, &s.box.paths, m, pve, &why);
	h0_membar(m, &bars);
	bool people = !ctx->json && !ctx->columns && !ctx->format;
	int rc = people ? print_head(ctx, m, &bars, e) : 0;
	struct h0_rec *r = slot_rows(&s);
	struct h0_json *more = h0_json_object();
	h0_json_set(more, "machine", machine_json(m, &bars, pve));
	if (rc == 0 && people && !s.box.slots.n)
		rc = h0_out_text(ctx, "There is no slot yet; 'hal0 slot create' makes one.\n", e);
	else if (rc == 0)
		rc = h0_out_rec(ctx, r, more, e), more = NULL;
	h0_json_free(more);
	h0_rec_free(r);
	if (rc < 0 || (!s.why.kind && !why.kind))
		return rc;
	*e = s.why.kind ? s.why : why;
	return -1;
}

int status_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct status_opts *o = opts;
	int64_t ms = (o->interval_s > 0 ? o->interval_s : 2) * 1000;
	struct h0_pve_look pve = {0};
	if (!o->watch)
		return once(ctx, o, &pve, e);
	for (;;) {
		if (ctx->tty_out && !ctx->json && h0_out_styled(ctx, "\033[H\033[J", e) < 0)
			return -1;
		if (once(ctx, o, &pve, e) < 0 || h0_out_flush(ctx, e) < 0)
			return -1;
		if (h0_out_doze(-1, ms) == H0_WOKEN_CLOSED)
			return 0;
	}
}
