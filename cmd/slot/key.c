/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The key of a slot for a client that asks it directly. On stdout alone: no record has it.
 */
#include <string.h>

#include "conf/paths.h"
#include "fmt/json.h"
#include "model/plan.h"
#include "run/slotkey.h"
#include "slot/opts.h"

static int print_file(struct h0_ctx *ctx, const char *name, const char *path, struct h0_err *e)
{
	struct h0_json *o = h0_json_object();
	h0_json_set_int(o, "schema", 1);
	h0_json_set_str(o, "name", name);
	h0_json_set_str(o, "key_file", path);
	return h0_out_json(ctx, o, e);
}

int slot_key(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	struct h0_paths paths;
	h0_autosnap struct h0_snap snap = {0};
	h0_autoslots struct h0_slots slots = {0};
	const struct h0_slot *slot = NULL;
	char key[H0_SLOT_KEY + 1], path[H0_SLOT_KEY_PATH];
	(void)opts;
	if (h0_paths_init(&paths, e) < 0 || h0_snap_open(paths.etc, &snap, e) < 0 ||
	    h0_slots_load(&snap, &slots, e) < 0 || h0_slots_find(&slots, ctx->argv[0], &slot, e) < 0)
		return -1;
	h0_slot_key_path(&paths, slot->name, path);
	if (h0_slot_key_read(&paths, slot->name, key, e) < 0)
		return h0_wrap(e, "the key of slot %s", slot->name);
	if (!slot->key)
		return h0_fail(e, H0_NO, "slot %s wants no key: its file says server.key = false", slot->name);
	if (slot->provider != H0_PROVIDER_LLAMA_SERVER)
		return h0_fail(e, H0_NO, "slot %s wants no key: %s knows none", slot->name,
		               h0_provider_names[slot->provider]);
	if (!key[0])
		return h0_fail(e, H0_NO, "slot %s has no key yet: it gets one when it is started", slot->name);
	if (ctx->json)
		return print_file(ctx, slot->name, path, e);
	size_t n = strlen(key);
	key[n] = '\n';
	int rc = h0_out_bytes(ctx, key, n + 1, e);
	explicit_bzero(key, sizeof key);
	return rc;
}
