/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/state.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "fmt/json.h"
#include "sys/durable.h"
#include "sys/io.h"

#define MAX_BYTES 65536

static void path_of(const struct h0_paths *p, const char *slot, const char *file, char *dst,
                    size_t size)
{
	snprintf(dst, size, "%s/slots/%s%s%s", p->var, slot, file ? "/" : "", file ? file : "");
}

static void copy(char *dst, size_t size, const struct h0_json *j)
{
	const char *s = h0_json_str(j);
	snprintf(dst, size, "%s", s ? s : "");
}

/* 0: not said, or nothing that could be. */
static int bounded(const struct h0_json *j, int max)
{
	int64_t v = h0_json_int(j, 0);
	return v > 0 && v <= max ? (int)v : 0;
}

int h0_state_read(const struct h0_paths *p, const char *slot, struct h0_state_file *ret,
                  struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	h0_autojson struct h0_json *j = NULL;
	struct h0_err why = {0};
	char path[1300];
	path_of(p, slot, "state.json", path, sizeof path);
	struct h0_state_file s = {.state = H0_STATE_OFFLINE};
	snprintf(s.name, sizeof s.name, "%s", slot);
	if (h0_read_file(path, MAX_BYTES, &b, &why) < 0) {
		if (why.sys_errno == ENOENT || why.sys_errno == ENOTDIR)
			*ret = s;
		else if (e)
			*e = why;
		return why.sys_errno == ENOENT || why.sys_errno == ENOTDIR ? 0 : -1;
	}
	if (h0_json_parse(h0_buf_str(&b), b.len, path, &j, e) < 0)
		return h0_err_code(e, "slot.config_error");
	int state = h0_word_index(h0_state_names, h0_json_str(h0_json_get(j, "state")));
	if (state < 0) {
		h0_fail_at(e, path, 1, 1, "state", "no state is called that");
		return h0_err_code(e, "slot.config_error");
	}
	const struct h0_json *extra = h0_json_get(j, "extra");
	s.state = (enum h0_state)state;
	s.port = bounded(h0_json_get(j, "port"), 65535);
	s.updated_at = h0_json_num(h0_json_get(j, "updated_at"), 0);
	s.exit_code = bounded(h0_json_get(extra, "exit_code"), H0_BUG);
	copy(s.model_id, sizeof s.model_id, h0_json_get(j, "model_id"));
	copy(s.message, sizeof s.message, h0_json_get(j, "message"));
	copy(s.container, sizeof s.container, h0_json_get(extra, "container"));
	copy(s.code, sizeof s.code, h0_json_get(extra, "code"));
	*ret = s;
	return 0;
}

int h0_state_write(const struct h0_paths *p, const struct h0_state_file *s, struct h0_err *e)
{
	struct h0_state_file old;
	struct timespec now;
	char dir[1200], path[1300];
	bool known = h0_state_read(p, s->name, &old, NULL) == 0;
	clock_gettime(CLOCK_REALTIME, &now);
	h0_autojson struct h0_json *j = h0_json_object();
	struct h0_json *extra = h0_json_object();
	if (s->container[0])
		h0_json_set_str(extra, "container", s->container);
	if (s->exit_code)
		h0_json_set_int(extra, "exit_code", s->exit_code);
	if (s->code[0])
		h0_json_set_str(extra, "code", s->code);
	if (!known || !h0_state_follows(old.state, s->state))
		h0_json_set_bool(extra, "forced", true);
	h0_json_set(j, "extra", extra);
	h0_json_set_str(j, "message", s->message);
	h0_json_set_str(j, "model_id", s->model_id[0] ? s->model_id : NULL);
	h0_json_set_str(j, "name", s->name);
	h0_json_set_int(j, "port", s->port);
	h0_json_set_str(j, "state", h0_state_names[s->state]);
	h0_json_set(j, "updated_at", h0_json_new_real((double)now.tv_sec + (double)now.tv_nsec / 1e9));
	h0_autobuf struct h0_buf text = {0};
	h0_json_dump(j, 2, true, &text);
	h0_buf_addc(&text, '\n');
	path_of(p, s->name, NULL, dir, sizeof dir);
	path_of(p, s->name, "state.json", path, sizeof path);
	if (h0_mkdirs(dir, 0755, e) < 0)
		return -1;
	return h0_durable_write(path, text.p, text.len, 0644, e);
}

void h0_state_forget(const struct h0_paths *p, const char *slot)
{
	char path[1300];
	path_of(p, slot, "state.json", path, sizeof path);
	(void)unlink(path);
}
