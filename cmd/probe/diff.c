/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine.h"
#include "model/hwdoc.h"
#include "opts.h"

int probe_diff(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct probe_opts *o = opts;
	probe_auto struct probe_machine p = {.root = {.fd = -1}};
	h0_autojson struct h0_json *old = NULL, *doc = NULL;
	h0_auto(h0_hwchanges_done) struct h0_hwchanges changes = {0};
	char path[1200];
	if (probe_path(path, sizeof path, e) < 0)
		return -1;
	if (probe_open(&p, o->sysroot, H0_HW_VULKAN, e) < 0)
		return -1;
	if (probe_recorded(path, &old, e) < 0)
		return -1;
	if (!old)
		h0_say(ctx, "there is no %s yet; 'hal0 probe' writes it", path);
	doc = probe_document(&p, old);
	h0_hwdoc_diff(old, doc, &changes);
	if ((old && changes.n) || ctx->json) {
		struct h0_json *more = h0_json_object();
		h0_json_set_bool(more, "changed", changes.n > 0);
		if (probe_out_changes(ctx, &changes, more, e) < 0)
			return -1;
	}
	return changes.n ? H0_NO : 0;
}
