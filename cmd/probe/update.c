/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "conf/paths.h"
#include "machine.h"
#include "model/hwdoc.h"
#include "opts.h"
#include "slots.h"
#include "sys/durable.h"
#include "sys/io.h"

static int write_file(const char *path, const struct h0_json *doc, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	struct h0_paths paths;
	if (h0_paths_init(&paths, e) < 0 || h0_mkdirs(paths.etc, 0755, e) < 0)
		return -1;
	h0_hwdoc_text(doc, &text);
	return h0_durable_write(path, text.p, text.len, 0644, e);
}

static int print_document(struct h0_ctx *ctx, const struct h0_json *doc, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	h0_hwdoc_text(doc, &text);
	return h0_out_bytes(ctx, text.p, text.len, e);
}

static int report(struct h0_ctx *ctx, const struct h0_json *doc, const char *path, bool created,
                  const struct h0_hwchanges *changes, const struct h0_json *verdicts,
                  struct h0_err *e)
{
	h0_autobuf struct h0_buf slots = {0};
	if (ctx->json) {
		struct h0_json *more = h0_json_object();
		h0_json_set_bool(more, "changed", changes->n > 0);
		h0_json_set_bool(more, "created", created);
		h0_json_set_str(more, "file", path);
		h0_json_set(more, "slots", h0_json_copy(verdicts));
		return probe_out_changes(ctx, changes, more, e);
	}
	if (created && !ctx->columns && !ctx->format)
		return probe_out_summary(ctx, doc, e);
	if (!changes->n)
		return 0;
	if (probe_out_changes(ctx, changes, NULL, e) < 0)
		return -1;
	probe_slot_verdicts_text(verdicts, &slots);
	return ctx->columns || ctx->format ? 0 : h0_out_text(ctx, h0_buf_str(&slots), e);
}

int probe_update(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct probe_opts *o = opts;
	probe_auto struct probe_machine p = {.root = {.fd = -1}};
	h0_autojson struct h0_json *old = NULL, *doc = NULL, *verdicts = NULL;
	h0_auto(h0_hwchanges_done) struct h0_hwchanges changes = {0};
	char path[1200];
	if (probe_path(path, sizeof path, e) < 0)
		return -1;
	if (probe_open(&p, o->sysroot, H0_HW_VULKAN, e) < 0)
		return -1;
	/* only now, so that an edit made while the machine was read is not lost */
	if (probe_recorded(path, &old, e) < 0)
		return -1;
	doc = probe_document(&p, old);
	if (ctx->dry_run && ctx->json)
		return print_document(ctx, doc, e);
	h0_hwdoc_diff(old, doc, &changes);
	if (changes.n && !ctx->dry_run && write_file(path, doc, e) < 0)
		return -1;
	if (!old)
		h0_say(ctx, ctx->dry_run ? "would create %s" : "created %s", path);
	verdicts = probe_slot_verdicts(old, doc);
	return report(ctx, doc, path, !old, &changes, verdicts, e);
}
