/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reads the log file itself, not podman: so a log is there after its container is gone.
 */
#include "slot/live.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "fmt/json.h"
#include "model/npu.h"
#include "run/log.h"
#include "sys/io.h"
#include "sys/ops.h"
#include "sys/proc.h"

#define LINES    200
#define PAUSE_MS 200

/* What was added to the file since `at`; a file that was replaced or cut starts anew. */
struct follower {
	const char *path, *pid_path;
	int fd;
	ino_t inode;
	off_t at;
	struct h0_buf pending;  /* a line that is not complete yet */
};

static void follower_done(struct follower *f)
{
	if (f->fd >= 0)
		close(f->fd);
	h0_buf_done(&f->pending);
}

static void follow_open(struct follower *f, bool from_end)
{
	struct stat st;
	if (stat(f->path, &st) < 0 || (f->fd >= 0 && st.st_ino == f->inode && st.st_size >= f->at))
		return;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = h0_op_open(&h0_ops_real, AT_FDCWD, f->path, O_RDONLY | O_NONBLOCK, 0);
	f->inode = st.st_ino;
	f->at = from_end ? st.st_size : 0;
}

static int follow_more(struct h0_ctx *ctx, struct follower *f, bool *ret_more, struct h0_err *e)
{
	char chunk[65536];
	h0_autobuf struct h0_buf plain = {0};
	ssize_t n = f->fd >= 0 ? pread(f->fd, chunk, sizeof chunk, f->at) : 0;
	if (n < 0)
		return h0_fail_sys(e, "%s", f->path);
	*ret_more = n > 0;
	if (n == 0)
		return 0;
	f->at += n;
	h0_buf_add(&f->pending, chunk, (size_t)n);
	const char *last = memrchr(f->pending.p, '\n', f->pending.len);
	size_t whole = last ? (size_t)(last + 1 - f->pending.p) : 0;
	h0_log_plain(f->pending.p, whole, &plain);
	memmove(f->pending.p, f->pending.p + whole, f->pending.len - whole);
	f->pending.len -= whole;
	if (h0_out_bytes(ctx, h0_buf_str(&plain), plain.len, e) < 0)
		return -1;
	return h0_out_flush(ctx, e);
}

/* Until the server has ended and its last words are out. */
static int follow(struct h0_ctx *ctx, struct follower *f, struct h0_err *e)
{
	for (;;) {
		bool more = false, lives = h0_proc_lives(h0_proc_read_pid(f->pid_path), NULL);
		follow_open(f, false);
		if (follow_more(ctx, f, &more, e) < 0)
			return -1;
		if (!more && !lives)
			return 0;
		if (!more)
			poll(NULL, 0, PAUSE_MS);
	}
}

static int as_json(struct h0_ctx *ctx, const char *slot, const struct h0_buf *text, struct h0_err *e)
{
	struct h0_json *o = h0_json_object(), *lines = h0_json_array();
	for (const char *p = h0_buf_str(text); *p;) {
		size_t n = strcspn(p, "\n");
		h0_json_add(lines, h0_json_new_strn(p, n));
		p += n + (p[n] == '\n');
	}
	h0_json_set_int(o, "schema", 1);
	h0_json_set_str(o, "name", slot);
	h0_json_set(o, "lines", lines);
	return h0_out_json(ctx, o, e);
}

int slot_logs(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct slot_logs_opts *o = opts;
	const char *name = ctx->argv[0];
	h0_autobox struct h0_box b = {0};
	h0_autobuf struct h0_buf text = {0};
	const struct h0_slot *slot;
	struct h0_err why = {0};
	char run_dir[1200], log_path[1200], pid_path[1300];
	if (h0_name_check("slot name", name, e) < 0 || h0_box_open(&b, e) < 0)
		return -1;
	if (o->follow && ctx->json)
		return h0_fail(e, H0_USAGE, "--follow and --json exclude each other");
	const struct h0_slot *named = h0_slots_get(&b.slots, name);
	const struct h0_slot *server = named ? h0_npu_server(&b.slots, named) : NULL;
	h0_slot_dirs(&b.paths, server ? server->name : name, run_dir, log_path);
	snprintf(pid_path, sizeof pid_path, "%s/pid", run_dir);
	h0_auto(follower_done) struct follower f = {.path = log_path, .pid_path = pid_path, .fd = -1};
	follow_open(&f, true); /* before the tail is read: a line in between shows twice, none is lost */
	if (h0_log_tail(log_path, o->lines > 0 ? (int)o->lines : LINES, &text, &why) < 0) {
		if (why.sys_errno != ENOENT && why.sys_errno != ENOTDIR) {
			*e = why;
			return -1;
		}
		if (!h0_slots_get(&b.slots, name))
			return h0_slots_find(&b.slots, name, &slot, e);
		h0_fail(e, H0_NO, "slot %s has no log: it was never started", name);
		return h0_err_code(e, "slot.not_ready");
	}
	if (ctx->json)
		return as_json(ctx, name, &text, e);
	if (h0_out_bytes(ctx, h0_buf_str(&text), text.len, e) < 0 || h0_out_flush(ctx, e) < 0)
		return -1;
	return o->follow ? follow(ctx, &f, e) : 0;
}
