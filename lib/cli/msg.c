/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages: each one line on stderr. With --json they are JSON lines, so that what reads stderr
 * needs one parser; chatter and progress are left out there unless a person watches.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "cli/rec.h"
#include "fmt/json.h"
#include "sys/io.h"

H0_PRINTF(1, 0)
static char *vtext(const char *fmt, va_list ap)
{
	char *text = NULL;
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	return text;
}

/* Adds text as part of a line: whatever it quotes (a name, an answer, a file) neither steers the
 * terminal nor ends the line. */
static void add_safe(struct h0_buf *line, const char *text)
{
	h0_text_safe(text, false, line);
	while (line->len && line->p[line->len - 1] == ' ')
		line->p[--line->len] = '\0';
}

/* One write per line: lines of several processes do not mix. A stderr that cannot be written
 * leaves nobody to tell. */
static void put(const struct h0_buf *line)
{
	(void)h0_write_all(STDERR_FILENO, h0_buf_str(line), line->len, NULL);
}

static void put_text(struct h0_ctx *ctx, const char *kind, const char *color, const char *text)
{
	h0_autobuf struct h0_buf line = {0};
	const char *name = ctx->prog->name;
	h0_progress_end(ctx);
	if (ctx->color_err && kind[0])
		h0_buf_addf(&line, "%s: \033[%sm%s\033[0m", name, color, kind);
	else
		h0_buf_addf(&line, "%s: %s", name, kind);
	add_safe(&line, text);
	h0_buf_addc(&line, '\n');
	put(&line);
}

static void put_json(struct h0_json *j)
{
	h0_autojson struct h0_json *own = j;
	h0_autobuf struct h0_buf line = {0};
	h0_json_dump(own, 0, false, &line);
	h0_buf_addc(&line, '\n');
	put(&line);
}

static struct h0_json *error_json(const struct h0_err *e)
{
	struct h0_json *details = h0_json_object(), *err = h0_json_object(), *o = h0_json_object();
	if (e->file[0])
		h0_json_set_str(details, "file", e->file);
	if (e->line > 0) {
		h0_json_set_int(details, "line", e->line);
		h0_json_set_int(details, "col", e->col);
	}
	if (e->key[0])
		h0_json_set_str(details, "key", e->key);
	h0_json_set_details(details, e);
	h0_json_set_str(err, "code", h0_err_name(e));
	h0_json_set_str(err, "message", e->msg);
	h0_json_set(err, "details", details);
	h0_json_set(o, "error", err);
	return o;
}

void h0_msg_error(struct h0_ctx *ctx, const struct h0_err *e)
{
	char text[sizeof e->msg + sizeof e->file + sizeof e->key + 64];
	h0_progress_end(ctx);
	if (ctx->json) {
		put_json(error_json(e));
		return;
	}
	h0_err_text(e, text, sizeof text);
	put_text(ctx, "", "", text);
}

void h0_say(struct h0_ctx *ctx, const char *fmt, ...)
{
	va_list ap;
	if (ctx->quiet || (ctx->json && !ctx->tty_err))
		return;
	va_start(ap, fmt);
	h0_autofree char *text = vtext(fmt, ap);
	va_end(ap);
	put_text(ctx, "", "", text);
}

void h0_warn(struct h0_ctx *ctx, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	h0_autofree char *text = vtext(fmt, ap);
	va_end(ap);
	if (!ctx->json || ctx->tty_err) {
		put_text(ctx, "warning: ", "33", text);
		return;
	}
	struct h0_json *w = h0_json_object(), *o = h0_json_object();
	h0_json_set_str(w, "message", text);
	h0_json_set(o, "warning", w);
	put_json(o);
}

void h0_progress_end(struct h0_ctx *ctx)
{
	h0_autobuf struct h0_buf line = {0};
	if (!ctx->out->progress_open)
		return;
	ctx->out->progress_open = false;
	h0_buf_adds(&line, "\r\033[K");
	put(&line);
}

void h0_progress(struct h0_ctx *ctx, const char *key, const char *fmt, ...)
{
	struct h0_out *o = ctx->out;
	va_list ap;
	bool news = strncmp(key, o->progress_key, sizeof o->progress_key - 1) != 0;
	snprintf(o->progress_key, sizeof o->progress_key, "%s", key);
	if (!key[0]) {
		h0_progress_end(ctx);
		return;
	}
	if (ctx->quiet || (!ctx->tty_err && (ctx->json || !news)))
		return;
	va_start(ap, fmt);
	h0_autofree char *text = vtext(fmt, ap);
	va_end(ap);
	if (!ctx->tty_err) {
		put_text(ctx, "", "", text);
		return;
	}
	h0_autobuf struct h0_buf line = {0}, safe = {0}, cut = {0};
	int width = h0_tty_width(STDERR_FILENO);
	add_safe(&safe, text);
	h0_text_cut(h0_buf_str(&safe), width > 1 ? (size_t)width - 1 : 79, &cut);
	h0_buf_addf(&line, "\r\033[K%s", h0_buf_str(&cut));
	o->progress_open = true;
	put(&line);
}

static bool read_yes(void)
{
	char answer[16] = "", c;
	for (size_t n = 0; read(STDIN_FILENO, &c, 1) == 1 && c != '\n';)
		if (n + 1 < sizeof answer)
			answer[n++] = c;
	return h0_streq(answer, "y") || h0_streq(answer, "Y") || h0_streq(answer, "yes");
}

bool h0_confirm(struct h0_ctx *ctx, struct h0_err *e, const char *fmt, ...)
{
	va_list ap;
	if (ctx->yes || ctx->dry_run)
		return true;
	va_start(ap, fmt);
	h0_autofree char *question = vtext(fmt, ap);
	va_end(ap);
	if (!isatty(STDIN_FILENO)) {
		h0_fail(e, H0_USAGE, "%s  Nobody to ask: say --yes", question);
		return false;
	}
	h0_autobuf struct h0_buf line = {0};
	h0_progress_end(ctx);
	add_safe(&line, question);
	h0_buf_adds(&line, " [y/N] ");
	put(&line);
	if (read_yes())
		return true;
	h0_fail(e, H0_NO, "left as it is");
	return false;
}
