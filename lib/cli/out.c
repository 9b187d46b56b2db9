/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/mem.h"
#include "cli/rec.h"
#include "fmt/json.h"
#include "sys/clock.h"
#include "sys/io.h"

#define FLUSH_AT (64 * 1024)

void h0_std_fds(void)
{
	/* read-only for stdout, so that a write to it fails */
	static const int mode[] = {O_RDONLY, O_RDONLY, O_RDWR};
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd]) != fd)
			_exit(H0_SYS);
}

int h0_tty_width(int fd)
{
	struct winsize w;
	if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
		return w.ws_col;
	return isatty(fd) ? 80 : 0;
}

int h0_out_width(const struct h0_ctx *ctx)
{
	return ctx->tty_out ? h0_tty_width(STDOUT_FILENO) : 0;
}

bool h0_out_is_gone(const struct h0_err *e)
{
	return e->kind == H0_OK && e->sys_errno == EPIPE;
}

static int fail_write(struct h0_err *e, int err)
{
	if (err == EPIPE) {
		h0_fail(e, H0_OK, "standard output's reader has left");
		if (e)
			e->sys_errno = EPIPE;
		return -1;
	}
	if (err == EBADF)
		return h0_fail(e, H0_SYS, "standard output is closed");
	errno = err;
	return h0_fail_sys(e, "standard output");
}

int h0_out_flush(struct h0_ctx *ctx, struct h0_err *e)
{
	struct h0_buf *b = &ctx->out->buf;
	struct h0_err why = {0};
	if (b->len == 0)
		return 0;
	h0_progress_end(ctx);
	int rc = h0_write_all(STDOUT_FILENO, b->p, b->len, &why);
	h0_buf_reset(b);
	return rc < 0 ? fail_write(e, why.sys_errno) : 0;
}

int h0_out_close(struct h0_ctx *ctx, struct h0_err *e)
{
	if (h0_out_flush(ctx, e) < 0)
		return -1;
	/* after EINTR it is closed, on Linux */
	if (close(STDOUT_FILENO) < 0 && errno != EBADF && errno != EINTR)
		return fail_write(e, errno);
	return 0;
}

static int flush_if_big(struct h0_ctx *ctx, struct h0_err *e)
{
	return ctx->out->buf.len >= FLUSH_AT ? h0_out_flush(ctx, e) : 0;
}

int h0_out_bytes(struct h0_ctx *ctx, const void *p, size_t n, struct h0_err *e)
{
	if (ctx->tty_out)
		h0_bytes_safe(p, n, true, &ctx->out->buf);
	else
		h0_buf_add(&ctx->out->buf, p, n);
	return flush_if_big(ctx, e);
}

int h0_out_text(struct h0_ctx *ctx, const char *s, struct h0_err *e)
{
	return h0_out_bytes(ctx, s, strlen(s), e);
}

int h0_out_styled(struct h0_ctx *ctx, const char *s, struct h0_err *e)
{
	h0_buf_adds(&ctx->out->buf, s);
	return flush_if_big(ctx, e);
}

enum h0_woken h0_out_doze(int fd, int64_t ms)
{
	int64_t until = h0_now_ms() + ms;
	for (int64_t left = ms; left > 0; left = until - h0_now_ms()) {
		struct pollfd p[2] = {
			{.fd = STDOUT_FILENO}, /* closing is told without being asked for */
			{.fd = fd, .events = POLLIN},
		};
		int rc = poll(p, 2, left < INT_MAX ? (int)left : INT_MAX);
		if (rc > 0)
			return p[0].revents ? H0_WOKEN_CLOSED : H0_WOKEN_FD;
	}
	return H0_WOKEN_TIME;
}

int h0_out_json(struct h0_ctx *ctx, struct h0_json *j, struct h0_err *e)
{
	h0_json_dump(j, 2, false, &ctx->out->buf);
	h0_buf_addc(&ctx->out->buf, '\n');
	h0_json_free(j);
	return flush_if_big(ctx, e);
}

static int put_format(struct h0_ctx *ctx, const struct h0_rec *r, struct h0_err *e)
{
	h0_autobuf struct h0_buf text = {0};
	if (h0_rec_format(r, ctx->format, &text, e) < 0)
		return -1;
	return h0_out_bytes(ctx, text.p, text.len, e);
}

static struct h0_look look(const struct h0_ctx *ctx)
{
	return (struct h0_look){.width = h0_out_width(ctx),
	                        .color = ctx->color_out,
	                        .header = !ctx->no_header};
}

/* Moves every member of `more` into `o`. */
static void join(struct h0_json *o, const struct h0_json *more)
{
	const char *key;
	const struct h0_json *val;
	for (void *it = NULL; more && (it = h0_json_next(more, it, &key, &val));)
		h0_json_set(o, key, h0_json_copy(val));
}

int h0_out_rec(struct h0_ctx *ctx, const struct h0_rec *r, struct h0_json *more, struct h0_err *e)
{
	h0_autojson struct h0_json *extra = more;
	h0_autofree int *cols = NULL;
	if (ctx->format)
		return put_format(ctx, r, e);
	if (h0_rec_pick(r, ctx->columns, ctx->json ? H0_COL_TABLE_ONLY : H0_COL_EXTRA, &cols, e) < 0)
		return -1;
	if (!ctx->json) {
		h0_rec_table(r, cols, look(ctx), &ctx->out->buf);
		return flush_if_big(ctx, e);
	}
	struct h0_json *o = h0_json_object(), *items = h0_json_array();
	h0_json_set_int(o, "schema", 1);
	join(o, extra);
	for (size_t i = 0; i < r->nrows; i++)
		h0_json_add(items, h0_rec_object(r, i, cols));
	h0_json_set(o, "items", items);
	return h0_out_json(ctx, o, e);
}

int h0_out_one(struct h0_ctx *ctx, const struct h0_rec *r, struct h0_json *more, struct h0_err *e)
{
	h0_autojson struct h0_json *extra = more;
	h0_autofree int *cols = NULL;
	H0_ASSERT(r->nrows == 1);
	if (ctx->format)
		return put_format(ctx, r, e);
	if (h0_rec_pick(r, ctx->columns, ctx->json ? H0_COL_TABLE_ONLY : H0_COL_EXTRA, &cols, e) < 0)
		return -1;
	if (!ctx->json) {
		h0_rec_lines(r, cols, look(ctx), &ctx->out->buf);
		return flush_if_big(ctx, e);
	}
	h0_autojson struct h0_json *row = h0_rec_object(r, 0, cols);
	struct h0_json *o = h0_json_object();
	h0_json_set_int(o, "schema", 1);
	join(o, row);
	join(o, extra);
	return h0_out_json(ctx, o, e);
}
