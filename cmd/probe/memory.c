/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/bar.h"
#include "hw/udev.h"
#include "machine.h"
#include "model/membar.h"
#include "opts.h"
#include "run/pvelook.h"
#include "sys/clock.h"
#include "sys/durable.h"
#include "usage.h"

static void draw(const struct h0_ctx *ctx, const struct h0_bar *b, struct h0_buf *out)
{
	struct h0_bar_part parts[H0_SEGMENTS_MAX];
	for (int i = 0; i < b->n; i++)
		parts[i] = (struct h0_bar_part){b->seg[i].bytes, b->seg[i].tone, b->seg[i].label};
	h0_bar_draw(b->label, parts, b->n, b->total, ctx->color_out, h0_out_width(ctx), out);
}

static void add_bar(struct h0_rec *r, const struct h0_bar *b)
{
	for (int i = 0; i < b->n; i++) {
		const struct h0_segment *s = &b->seg[i];
		h0_rec_row(r);
		h0_rec_str(r, MEMORY_BAR, b->name);
		h0_rec_str(r, MEMORY_SEGMENT, s->name);
		h0_rec_int(r, MEMORY_SIZE, s->bytes);
		if (b->total > 0)
			h0_rec_real(r, MEMORY_SHARE, 100.0 * (double)s->bytes / (double)b->total);
		h0_rec_int(r, MEMORY_TOTAL, b->total);
		h0_rec_str(r, MEMORY_GPU, b->gpu);
		h0_rec_str(r, MEMORY_SOURCE, s->source);
	}
}

static void set_num(struct h0_json *o, const char *key, int64_t v)
{
	if (v == H0_UNKNOWN)
		h0_json_set_null(o, key);
	else
		h0_json_set_int(o, key, v);
}

static void add_share(struct h0_rec *r, int col, const struct h0_json *slot, const char *key)
{
	const struct h0_json *v = h0_json_get(slot, key);
	if (h0_json_type(v) == H0_JSON_INT)
		h0_rec_int(r, col, h0_json_int(v, 0));
}

static int print_slots(struct h0_ctx *ctx, const struct h0_json *slots, struct h0_err *e)
{
	if (!h0_json_len(slots) || ctx->columns || ctx->format)
		return 0;
	struct h0_rec *r = h0_rec_new(probe_share_cols);
	for (size_t i = 0; i < h0_json_len(slots); i++) {
		const struct h0_json *s = h0_json_at(slots, i);
		h0_rec_row(r);
		h0_rec_str(r, SHARE_SLOT, h0_json_str(h0_json_get(s, "slot")));
		add_share(r, SHARE_RAM, s, "ram_bytes");
		add_share(r, SHARE_MAPPED, s, "mapped_bytes");
		add_share(r, SHARE_GTT, s, "gtt_bytes");
		add_share(r, SHARE_VRAM, s, "vram_bytes");
	}
	int rc = h0_out_text(ctx, "\n", e);
	if (rc == 0)
		rc = h0_out_rec(ctx, r, NULL, e);
	h0_rec_free(r);
	return rc;
}

/* What the GPUs do now. A forced performance level makes the load reading untrue. */
static struct h0_json *loads(const struct h0_machine *m)
{
	struct h0_json *a = h0_json_array();
	for (int i = 0; i < m->ngpu; i++) {
		const struct h0_hw_gpu *g = m->gpu[i].hw;
		struct h0_json *o = h0_json_object();
		h0_json_set_str(o, "pci", g->addr);
		h0_json_set_str(o, "name", m->gpu[i].name);
		set_num(o, "busy_percent", g->busy_percent);
		h0_json_set_bool(o, "busy_trusted", strcmp(g->perf_level, "high") != 0);
		set_num(o, "clock_mhz", g->sclk_mhz);
		set_num(o, "temperature_mc", g->temp_mc);
		set_num(o, "power_uw", g->power_uw);
		h0_json_add(a, o);
	}
	return a;
}

static int print(struct h0_ctx *ctx, const struct probe_machine *p, const struct h0_pve_look *pve,
                 struct h0_err *e)
{
	const struct h0_machine *m = p->m;
	h0_autojson struct h0_json *slots = probe_slots_json(p);
	struct h0_membar bars_of;
	const struct h0_membar *b = &bars_of;
	h0_membar(m, &bars_of);
	h0_autobuf struct h0_buf bars = {0};
	struct h0_json *more = h0_json_object();
	set_num(more, "budget_mib", m->mem.budget_mib);
	set_num(more, "free_mib", m->mem.free_mib);
	h0_json_set_str(more, "binding_limit", m->mem.binding);
	h0_json_set(more, "gpus", loads(m));
	h0_json_set(more, "proxmox", h0_pve_json(pve));
	h0_json_set(more, "slots", h0_json_copy(slots));
	struct h0_rec *r = h0_rec_new(probe_memory_cols);
	for (int i = 0; i < b->n; i++) {
		add_bar(r, &b->bar[i]);
		draw(ctx, &b->bar[i], &bars);
	}
	int rc = 0;
	if (ctx->tty_out && !ctx->json && !ctx->columns && !ctx->format)
		rc = h0_out_styled(ctx, h0_buf_str(&bars), e);
	if (rc == 0)
		rc = h0_out_rec(ctx, r, more, e);
	else
		h0_json_free(more);
	h0_rec_free(r);
	return rc < 0 || ctx->json ? rc : print_slots(ctx, slots, e);
}

static int write_svg(const char *path, const struct h0_membar *b, struct h0_err *e)
{
	h0_autobuf struct h0_buf svg = {0};
	h0_membar_svg(b, &svg);
	return h0_durable_write(path, svg.p, svg.len, 0644, e);
}

/* The readings that move, again. */
static void refresh(struct probe_machine *p)
{
	h0_hw_mem(&p->root, p->hw);
	h0_hw_cgroup(&p->root, p->hw);
	for (int i = 0; i < p->hw->ngpu; i++)
		if (p->hw->gpu[i].vendor == 0x1002)
			h0_hw_gpu_counters(&p->root, &p->hw->gpu[i]);
	h0_machine_memory(p->m);
}

/* A device event wakes; one that is none of ours does not. */
static enum h0_woken doze(struct h0_udev_watch *w, int64_t ms)
{
	int64_t until = h0_now_ms() + ms;
	enum h0_woken why;
	do
		why = h0_out_doze(w ? h0_udev_watch_fd(w) : -1, until - h0_now_ms());
	while (why == H0_WOKEN_FD && !h0_udev_watch_drain(w));
	return why;
}

static int watch(struct h0_ctx *ctx, const struct probe_memory_opts *o, struct probe_machine *p,
                 struct h0_pve_look *pve, struct h0_err *e)
{
	struct h0_udev_watch *w = p->root.live ? h0_udev_watch_open() : NULL;
	int64_t ms = (o->interval_s > 0 ? o->interval_s : 2) * 1000;
	int rc = 0;
	while (rc == 0) {
		if (ctx->tty_out && !ctx->json)
			rc = h0_out_styled(ctx, "\033[H\033[J", e);
		if (rc == 0)
			rc = print(ctx, p, pve, e);
		if (rc == 0)
			rc = h0_out_flush(ctx, e);
		enum h0_woken why = rc == 0 ? doze(w, ms) : H0_WOKEN_TIME;
		bool changed = why == H0_WOKEN_FD;
		if (why == H0_WOKEN_CLOSED)
			break;
		if (changed) {
			probe_close(p);
			rc = probe_open(p, o->sysroot, PROBE_SIZES, e);
		} else if (rc == 0) {
			refresh(p);
		}
		if (rc == 0 && pve->configured && (changed || h0_now_ms() - pve->asked_ms > H0_PVE_FRESH_MS))
			rc = probe_ask_proxmox(pve, p, e);
	}
	h0_udev_watch_close(w);
	return rc;
}

int probe_memory(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct probe_memory_opts *o = opts;
	probe_auto struct probe_machine p = {.root = {.fd = -1}};
	struct h0_pve_look pve;
	struct h0_membar b;
	if (probe_open(&p, o->sysroot, PROBE_SIZES, e) < 0 || probe_ask_proxmox(&pve, &p, e) < 0)
		return -1;
	probe_warn_proxmox(ctx, &pve);
	if (o->watch)
		return watch(ctx, o, &p, &pve, e);
	h0_membar(p.m, &b);
	if (!b.n)
		return h0_fail(e, H0_SYS, "the size of the memory cannot be read (/proc/meminfo)");
	if (o->svg)
		return write_svg(o->svg, &b, e);
	return print(ctx, &p, &pve, e);
}
