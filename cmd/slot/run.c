/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * For units: prepares and becomes podman. No process of ours stays.
 */
#include "slot/live.h"

#include <signal.h>

int slot_run(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	h0_autobox struct h0_box b = {0};
	h0_autospec struct h0_spec s = {0};
	const struct h0_slot *slot = NULL;
	struct slot_report r;
	if (h0_box_open(&b, e) < 0 || h0_slots_find(&b.slots, ctx->argv[0], &slot, e) < 0)
		return -1;
	if (ctx->dry_run) {
		struct h0_foresight f;
		if (h0_life_check(&b, slot, H0_ARGV_FOREGROUND, &s, e) < 0 ||
		    h0_life_foresee(&b, slot, &s, false, &(struct h0_how){0}, &f, e) < 0)
			return -1;
		slot_report_begin(&r, ctx);
		slot_report_add(&r, slot->name, true, H0_STATE_OFFLINE, "would become podman");
		slot_report_command(&r, slot->name, (const char *const *)s.argv.words.v);
		return slot_report_end(&r, e);
	}
	if (h0_life_prepare_run(&b, slot, &s, e) < 0)
		return -1;
	/* conmon leaves its out-of-memory mark in the directory podman was called from */
	if (chdir(s.run_dir) < 0)
		return h0_fail_sys(e, "%s", s.run_dir);
	if (h0_out_flush(ctx, e) < 0)
		return -1;
	signal(SIGPIPE, SIG_DFL); /* ours is ignored, and that would be passed on */
	execvp(s.argv.words.v[0], s.argv.words.v);
	h0_fail_sys(e, "%s", s.argv.words.v[0]);
	e->kind = H0_NOHW;
	return h0_err_code(e, "backend.missing");
}
