/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/bar.h"
#include "hw/udev.h"
#include "machine.h"
#include "model/membar.h"
#include "opts.h"
#include "sys/durable.h"

#define BAR_COLUMNS 60

static char tone(const char *name)
{
	static const struct { const char *name; char tone; } tones[] = {
		{"inference", 'r'}, {"carve-out", 'y'}, {"system", 'b'}, {"proxmox-host", 'm'},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(tones); i++)
		if (strcmp(tones[i].name, name) == 0)
			return tones[i].tone;
	return ' ';
}

static void draw(const struct h0_ctx *ctx, const struct h0_bar *b, struct h0_buf *out)
{
	struct h0_bar_part parts[H0_SEGMENTS_MAX];
	for (int i = 0; i < b->n; i++)
		parts[i] = (struct h0_bar_part){b->seg[i].bytes, tone(b->seg[i].name)};
	h0_buf_addf(out, "%s\n", b->label);
	h0_bar_draw(parts, b->n, b->total, BAR_COLUMNS, ctx->color_out, out);
	h0_buf_adds(out, "\n");
	for (int i = 0; i < b->n; i++) {
		h0_bar_patch(&parts[i], i, ctx->color_out, out);
		h0_buf_addf(out, " %s%s", b->seg[i].label, i + 1 < b->n ? "   " : "\n\n");
	}
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

static void set_mib(struct h0_json *o, const char *key, int64_t mib)
{
	if (mib == H0_UNKNOWN)
		h0_json_set_null(o, key);
	else
		h0_json_set_int(o, key, mib);
}

static int print(struct h0_ctx *ctx, const struct h0_machine *m, const struct h0_membar *b,
                 struct h0_err *e)
{
	h0_autobuf struct h0_buf bars = {0};
	struct h0_json *more = h0_json_object();
	set_mib(more, "budget_mib", m->mem.budget_mib);
	set_mib(more, "free_mib", m->mem.free_mib);
	h0_json_set_str(more, "binding_limit", m->mem.binding);
	struct h0_rec *r = h0_rec_new(probe_memory_cols);
	for (int i = 0; i < b->n; i++) {
		add_bar(r, &b->bar[i]);
		draw(ctx, &b->bar[i], &bars);
	}
	int rc = 0;
	if (ctx->tty_out && !ctx->json && !ctx->columns && !ctx->format)
		rc = h0_out_bytes(ctx, h0_buf_str(&bars), bars.len, e);
	if (rc == 0)
		rc = h0_out_rec(ctx, r, more, e);
	else
		h0_json_free(more);
	h0_rec_free(r);
	return rc;
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

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Sleeps until the interval is over or a device came or went; true in the latter case. */
static bool doze(struct h0_udev_watch *w, int64_t ms)
{
	int64_t until = now_ms() + ms;
	for (int64_t left = ms; left > 0; left = until - now_ms()) {
		struct pollfd p = {.fd = w ? h0_udev_watch_fd(w) : -1, .events = POLLIN};
		int rc = poll(&p, 1, (int)left);
		if (rc > 0 && h0_udev_watch_drain(w))
			return true;
		if (rc < 0 && errno != EINTR)
			return false;
	}
	return false;
}

static int watch(struct h0_ctx *ctx, const struct probe_memory_opts *o, struct probe_machine *p,
                 struct h0_err *e)
{
	struct h0_udev_watch *w = p->root.live ? h0_udev_watch_open() : NULL;
	int64_t ms = (o->interval_s > 0 ? o->interval_s : 2) * 1000;
	int rc = 0;
	while (rc == 0) {
		struct h0_membar b;
		h0_membar(p->m, NULL, &b);
		if (ctx->tty_out && !ctx->json)
			rc = h0_out_text(ctx, "\033[H\033[J", e);
		if (rc == 0)
			rc = print(ctx, p->m, &b, e);
		if (rc == 0)
			rc = h0_out_flush(ctx, e);
		if (rc == 0 && doze(w, ms)) {
			probe_close(p);
			rc = probe_open(p, o->sysroot, 0, e);
		} else if (rc == 0) {
			refresh(p);
		}
	}
	h0_udev_watch_close(w);
	return rc;
}

int probe_memory(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct probe_memory_opts *o = opts;
	probe_auto struct probe_machine p = {.root = {.fd = -1}};
	struct h0_membar b;
	if (probe_open(&p, o->sysroot, 0, e) < 0)
		return -1;
	if (o->watch)
		return watch(ctx, o, &p, e);
	h0_membar(p.m, NULL, &b);
	if (!b.n)
		return h0_fail(e, H0_SYS, "the size of the memory cannot be read (/proc/meminfo)");
	if (o->svg)
		return write_svg(o->svg, &b, e);
	return print(ctx, p.m, &b, e);
}
