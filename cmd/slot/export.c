/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "conf/diff.h"
#include "fmt/json.h"
#include "model/npu.h"
#include "model/slotexport.h"
#include "run/act.h"
#include "run/slotkey.h"
#include "slot/live.h"
#include "sys/durable.h"
#include "sys/io.h"

#define MAX_FILE (1u << 20)

static int make_text(struct h0_ctx *ctx, const char *kind, const struct h0_slot *slot, const struct h0_argv *a,
                     struct h0_buf *text, struct h0_err *e)
{
	h0_autostrv struct h0_strv lost = {0};
	if (strcmp(kind, "quadlet") == 0)
		h0_slotexport_quadlet(a, slot->name, slot->enabled, text);
	else if (strcmp(kind, "kube") == 0)
		h0_slotexport_kube(a, slot->name, text, &lost);
	else
		return h0_fail(e, H0_USAGE, "'%s' is nothing to export to: quadlet or kube", kind);
	for (size_t i = 0; i < lost.n; i++)
		h0_say(ctx, "a pod cannot say %s", lost.v[i]);
	return 0;
}

/* What the container mounts and writes to must be there when somebody else starts it. */
static int make_ground(const struct h0_box *b, const struct h0_slot *slot, const struct h0_spec *s, struct h0_err *e)
{
	h0_autofree char *dir = h0_strndup(s->log_path, (size_t)(strrchr(s->log_path, '/') - s->log_path));
	if (h0_mkdirs(dir, 0755, e) < 0)
		return -1;
	if (s->key_path[0] && h0_slot_key_make(&b->paths, slot->name, s->uid, s->gid, e) < 0)
		return h0_wrap(e, "the key of slot %s", slot->name);
	return 0;
}

static int tell(struct h0_ctx *ctx, const char *path, bool changed, const struct h0_buf *diff, struct h0_err *e)
{
	struct h0_json *o;
	if (ctx->json) {
		o = h0_json_object();
		h0_json_set_int(o, "schema", 1);
		h0_json_set_bool(o, "changed", changed);
		h0_json_set_str(o, "file", path);
		if (ctx->dry_run)
			h0_json_set_str(o, "diff", h0_buf_str(diff));
		return h0_out_json(ctx, o, e);
	}
	if (ctx->dry_run)
		return h0_out_bytes(ctx, h0_buf_str(diff), diff->len, e);
	h0_say(ctx, "%s: %s", path, changed ? "written" : "unchanged");
	return 0;
}

static int put(struct h0_ctx *ctx, const char *dir, const char *kind, const char *slot, const struct h0_buf *text,
               struct h0_err *e)
{
	h0_autobuf struct h0_buf old = {0}, diff = {0};
	struct h0_err why = {0};
	h0_autofree char *path = h0_asprintf("%s/hal0-slot-%s.%s", dir, slot, strcmp(kind, "kube") == 0 ? "yaml" : "container");
	bool there = h0_read_file(path, MAX_FILE, &old, &why) == 0;
	if (!there && why.sys_errno != ENOENT) {
		*e = why;
		return -1;
	}
	bool changed = !there || old.len != text->len || memcmp(old.p, text->p, text->len) != 0;
	if (changed)
		h0_diff(path, there ? h0_buf_str(&old) : NULL, old.len, text->p, text->len, &diff);
	if (changed && !ctx->dry_run && (h0_mkdirs(dir, 0755, e) < 0 || h0_durable_write(path, text->p, text->len, 0644, e) < 0))
		return -1;
	return tell(ctx, path, changed, &diff, e);
}

int slot_export(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_export_opts *o = opts;
	const char *kind = ctx->argv[0];
	h0_autobox struct h0_box b = {0};
	h0_autospec struct h0_spec s = {0};
	h0_autobuf struct h0_buf text = {0};
	const struct h0_slot *slot = NULL;
	if (h0_box_open(&b, e) < 0 || h0_slots_find(&b.slots, ctx->argv[1], &slot, e) < 0 ||
	    h0_box_profiles(&b, e) < 0)
		return -1;
	if (h0_slot_is_shadow(slot))
		return h0_slot_fail(slot, "type", e, "the NPU slot's own server answers for this one: export that");
	if (h0_spec_make(&b.paths, &b.snap, &b.profiles, &b.podman, slot, H0_ARGV_EXPORTED, &s, e) < 0 ||
	    make_text(ctx, kind, slot, &s.argv, &text, e) < 0)
		return -1;
	if (!ctx->dry_run && make_ground(&b, slot, &s, e) < 0)
		return -1;
	if (o->dir)
		return put(ctx, o->dir, kind, slot->name, &text, e);
	if (!ctx->json)
		return h0_out_bytes(ctx, text.p, text.len, e);
	struct h0_json *j = h0_json_object();
	h0_json_set_int(j, "schema", 1);
	h0_json_set_bool(j, "changed", false);
	h0_json_set_str(j, "text", text.p);
	return h0_out_json(ctx, j, e);
}
