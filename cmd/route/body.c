/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies of requests: given ones, and those made from operands.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/str.h"
#include "box.h"
#include "fmt/jsonscan.h"
#include "sys/io.h"

#define MAX_BODY   (64u << 20)
#define MAX_PROMPT (16u << 20)

void route_body_done(struct route_body *b)
{
	h0_buf_done(&b->bytes);
}

/* ---- given bodies ---- */

int route_data(const char *arg, struct h0_buf *ret, struct h0_err *e)
{
	if (strcmp(arg, "@-") == 0)
		return h0_read_fd(STDIN_FILENO, MAX_BODY, ret, e) < 0 ? h0_wrap(e, "standard input") : 0;
	if (arg[0] == '@')
		return h0_read_file(arg + 1, MAX_BODY, ret, e);
	h0_buf_adds(ret, arg);
	return 0;
}

int route_stdin_prompt(struct h0_buf *ret, struct h0_err *e)
{
	if (isatty(STDIN_FILENO))
		return h0_fail(e, H0_USAGE, "nothing to send: give TEXT, --data, or a prompt on stdin");
	if (h0_read_fd(STDIN_FILENO, MAX_PROMPT, ret, e) < 0)
		return h0_wrap(e, "standard input");
	if (ret->len && memchr(ret->p, '\0', ret->len))
		return h0_fail(e, H0_USAGE, "the prompt on stdin is not text");
	while (ret->len && (ret->p[ret->len - 1] == '\n' || ret->p[ret->len - 1] == '\r'))
		ret->p[--ret->len] = '\0';
	return ret->len ? 0 : h0_fail(e, H0_USAGE, "nothing to send: give TEXT, --data, or a prompt on stdin");
}

static const char *const model_key[] = {"model", NULL};

int route_body_model(const struct h0_buf *body, char *dst, size_t size, struct h0_err *e)
{
	h0_autojson struct h0_json *o = NULL;
	struct h0_scan s;
	dst[0] = '\0';
	if (h0_json_parse(h0_buf_str(body), body->len, "request body", &o, e) < 0) {
		if (e)
			e->kind = H0_USAGE;
		return h0_err_code(e, "request.invalid_json");
	}
	if (h0_json_type(o) != H0_JSON_OBJECT) {
		h0_fail(e, H0_USAGE, "request body: not a JSON object");
		return h0_err_code(e, "request.not_an_object");
	}
	h0_scan_init(&s, model_key);
	h0_scan_feed(&s, body->p, body->len);
	if (h0_json_type(h0_json_get(o, "model")) == H0_JSON_NULL) /* as one that is not there */
		return 0;
	if (s.val[0].count && !h0_scan_string(&s.val[0], dst, size)) {
		h0_fail(e, H0_USAGE, "request body: \"model\" is not a name");
		return h0_err_code(e, "request.missing_model");
	}
	return 0;
}

void route_body_set_model(struct h0_buf *body, const char *model)
{
	h0_autojson struct h0_json *name = h0_json_new_str(model);
	h0_autobuf struct h0_buf out = {0};
	struct h0_scan s;
	h0_scan_init(&s, model_key);
	if (h0_scan_feed(&s, h0_buf_str(body), body->len) != H0_SCAN_DONE)
		return;
	size_t from = (size_t)s.val[0].begin, to = (size_t)s.val[0].end;
	if (s.val[0].count) {
		h0_buf_add(&out, body->p, from);
		h0_json_dump(name, 0, false, &out);
	} else {
		const char *brace = strchr(body->p, '{');
		from = to = (size_t)(brace + 1 - body->p);
		h0_buf_add(&out, body->p, from);
		h0_buf_adds(&out, "\"model\":");
		h0_json_dump(name, 0, false, &out);
		if (brace[1 + strspn(brace + 1, " \t\r\n")] != '}')
			h0_buf_addc(&out, ',');
	}
	h0_buf_add(&out, body->p + to, body->len - to);
	h0_buf_done(body);
	*body = out;
	out = (struct h0_buf){0};
}

/* ---- made bodies ---- */

static int temperature(const char *arg, double *ret, struct h0_err *e)
{
	char *end;
	*ret = strtod(arg, &end);
	if (end == arg || *end || !isfinite(*ret) || *ret < 0)
		return h0_fail(e, H0_USAGE, "--temperature: not a number from 0: '%s'", arg);
	return 0;
}

/* The members every generating request has. Takes `o`. */
static int finish(const struct h0_route *r, const struct route_say_opts *o, bool stream,
                  struct h0_json *obj, struct h0_buf *ret, struct h0_err *e)
{
	h0_autojson struct h0_json *own = obj;
	enum h0_ask ask = r->endpoint->ask;
	double heat = 0;
	if (o->temperature && temperature(o->temperature, &heat, e) < 0)
		return -1;
	if (o->temperature)
		h0_json_set(own, "temperature", h0_json_new_real(heat));
	if (o->max_tokens)
		h0_json_set_int(own, ask == H0_ASK_RESPONSES ? "max_output_tokens" : "max_tokens", o->max_tokens);
	else if (ask == H0_ASK_MESSAGES)
		h0_json_set_int(own, "max_tokens", 4096); /* this form requires it */
	if (stream)
		h0_json_set_bool(own, "stream", true);
	if (ask == H0_ASK_CHAT && r->slot && r->slot->enable_thinking != H0_TRI_ABSENT) {
		struct h0_json *kw = h0_json_object();
		h0_json_set_bool(kw, "enable_thinking", r->slot->enable_thinking == H0_TRI_TRUE);
		h0_json_set(own, "chat_template_kwargs", kw);
	}
	h0_json_dump(own, 0, false, ret);
	return 0;
}

/* The model's name as whoever answers knows it. */
static const char *model_of(const struct h0_route *r, char *id, size_t size)
{
	if (r->upstream)
		return r->model;
	return *h0_route_model_id(r->slot, id, size) ? id : r->slot->name;
}

static struct h0_json *object_with_model(const struct h0_route *r)
{
	char id[512];
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "model", model_of(r, id, sizeof id));
	return o;
}

static struct h0_json *message(const char *role, const char *text)
{
	struct h0_json *m = h0_json_object();
	h0_json_set_str(m, "role", role);
	h0_json_set_str(m, "content", text);
	return m;
}

static const char *system_prompt(const struct h0_route *r, const struct route_say_opts *o)
{
	const char *s = o->system ? o->system : r->slot ? r->slot->system_prompt : NULL;
	return s && *s ? s : NULL;
}

int route_body_chat(const struct h0_route *r, const struct route_say_opts *o, bool stream,
                    const struct h0_json *messages, struct h0_buf *ret, struct h0_err *e)
{
	struct h0_json *obj = object_with_model(r), *list = h0_json_array();
	const char *sys = system_prompt(r, o);
	if (sys && r->endpoint->ask == H0_ASK_MESSAGES)
		h0_json_set_str(obj, "system", sys);
	else if (sys)
		h0_json_add(list, message("system", sys));
	for (size_t i = 0; i < h0_json_len(messages); i++)
		h0_json_add(list, h0_json_copy(h0_json_at(messages, i)));
	h0_json_set(obj, "messages", list);
	return finish(r, o, stream, obj, ret, e);
}

static char *joined(const char *const *texts, size_t n)
{
	h0_autobuf struct h0_buf b = {0};
	for (size_t i = 0; i < n; i++)
		h0_buf_addf(&b, "%s%s", i ? " " : "", texts[i]);
	return h0_buf_take(&b);
}

/* Chat, completion, responses, messages: the operands are one prompt. */
static int make_prompt(const struct h0_route *r, const struct route_say_opts *o, bool stream,
                       const char *prompt, struct h0_buf *ret, struct h0_err *e)
{
	enum h0_ask ask = r->endpoint->ask;
	if (ask == H0_ASK_CHAT || ask == H0_ASK_MESSAGES) {
		h0_autojson struct h0_json *list = h0_json_array();
		h0_json_add(list, message("user", prompt));
		return route_body_chat(r, o, stream, list, ret, e);
	}
	struct h0_json *obj = object_with_model(r);
	const char *sys = system_prompt(r, o);
	h0_json_set_str(obj, ask == H0_ASK_RESPONSES ? "input" : "prompt", prompt);
	if (sys && ask == H0_ASK_RESPONSES)
		h0_json_set_str(obj, "instructions", sys);
	return finish(r, o, stream, obj, ret, e);
}

static struct h0_json *strings(const char *const *texts, size_t n)
{
	struct h0_json *list = h0_json_array();
	for (size_t i = 0; i < n; i++)
		h0_json_add(list, h0_json_new_str(texts[i]));
	return list;
}

/* A multipart form with the sound file and the model's name. */
static int make_upload(const struct h0_route *r, const char *path, struct route_body *ret,
                       struct h0_err *e)
{
	char id[512];
	h0_autobuf struct h0_buf file = {0};
	unsigned char noise[12];
	char mark[40] = "hal0-";
	if (h0_read_file(path, MAX_BODY, &file, e) < 0)
		return -1;
	if (getrandom(noise, sizeof noise, 0) != sizeof noise)
		return h0_fail_sys(e, "getrandom");
	for (size_t i = 0; i < sizeof noise; i++)
		snprintf(mark + 5 + 2 * i, 3, "%02x", noise[i]);
	const char *base = strrchr(path, '/');
	h0_autofree char *name = h0_strdup(base ? base + 1 : path);
	for (char *p = name; *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
			*p = '_';
	h0_buf_addf(&ret->bytes, "--%s\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n%s\r\n", mark,
	            model_of(r, id, sizeof id));
	h0_buf_addf(&ret->bytes, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
	            "Content-Type: application/octet-stream\r\n\r\n", mark, name);
	h0_buf_add(&ret->bytes, file.p, file.len);
	h0_buf_addf(&ret->bytes, "\r\n--%s--\r\n", mark);
	snprintf(ret->content_type, sizeof ret->content_type, "multipart/form-data; boundary=%s", mark);
	return 0;
}

static int make_object(const struct h0_route *r, const char *const *texts, size_t n, struct h0_buf *ret,
                       struct h0_err *e)
{
	h0_autojson struct h0_json *obj = object_with_model(r);
	h0_autofree char *text = joined(texts, n);
	switch (r->endpoint->ask) {
	case H0_ASK_EMBEDDING:
		h0_json_set(obj, "input", strings(texts, n));
		break;
	case H0_ASK_RERANK:
		if (n < 2)
			return h0_fail(e, H0_USAGE, "reranking takes a question and then documents");
		h0_json_set_str(obj, "query", texts[0]);
		h0_json_set(obj, "documents", strings(texts + 1, n - 1));
		break;
	case H0_ASK_SPEECH:
		h0_json_set_str(obj, "input", text);
		break;
	default:
		h0_json_set_str(obj, "prompt", text);
		break;
	}
	h0_json_dump(obj, 0, false, ret);
	return 0;
}

int route_body_make(const struct h0_route *r, const struct route_say_opts *o, bool stream,
                    const char *const *texts, size_t n, struct route_body *ret, struct h0_err *e)
{
	if (!r->endpoint || r->endpoint->body == H0_BODY_NONE)
		return h0_fail(e, H0_USAGE, "%s takes no text: give the body with --data", r->path);
	ret->given = true;
	switch (r->endpoint->ask) {
	case H0_ASK_CHAT:
	case H0_ASK_COMPLETION:
	case H0_ASK_RESPONSES:
	case H0_ASK_MESSAGES: {
		h0_autofree char *prompt = joined(texts, n);
		return make_prompt(r, o, stream, prompt, &ret->bytes, e);
	}
	case H0_ASK_TRANSCRIPTION:
		if (n != 1)
			return h0_fail(e, H0_USAGE, "transcription takes one sound file");
		return make_upload(r, texts[0], ret, e);
	default:
		return make_object(r, texts, n, &ret->bytes, e);
	}
}
