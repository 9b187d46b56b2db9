/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "model/state.h"
#include "run/state.h"
#include "sys/io.h"

static void test_edges(void)
{
	/* from the list of legal edges, and the gaps that it has */
	ok(h0_state_follows(H0_STATE_OFFLINE, H0_STATE_STARTING) &&
	   h0_state_follows(H0_STATE_STARTING, H0_STATE_WARMING) &&
	   h0_state_follows(H0_STATE_WARMING, H0_STATE_READY) &&
	   h0_state_follows(H0_STATE_READY, H0_STATE_UNLOADING) &&
	   h0_state_follows(H0_STATE_UNLOADING, H0_STATE_OFFLINE), "a life");
	ok(!h0_state_follows(H0_STATE_READY, H0_STATE_OFFLINE) &&
	   !h0_state_follows(H0_STATE_IDLE, H0_STATE_ERROR) &&
	   !h0_state_follows(H0_STATE_SERVING, H0_STATE_UNLOADING) &&
	   !h0_state_follows(H0_STATE_OFFLINE, H0_STATE_READY), "what may not be");
	size_t edges = 0;
	for (int a = 0; a < H0_STATE_N; a++)
		for (int b = 0; b < H0_STATE_N; b++)
			edges += a != b && h0_state_follows((enum h0_state)a, (enum h0_state)b);
	is_int((long long)edges, 27, "number of edges");
}

static void test_file(void)
{
	char dir[] = "/tmp/hal0-state.XXXXXX";
	struct h0_paths p = {0};
	struct h0_err e = {0};
	struct h0_state_file s, t;
	ok(mkdtemp(dir) != NULL, "a directory");
	snprintf(p.var, sizeof p.var, "%s", dir);
	is_int(h0_state_read(&p, "chat", &s, &e), 0, "no file");
	is_int(s.state, H0_STATE_OFFLINE, "is offline");
	s = (struct h0_state_file){.state = H0_STATE_ERROR, .name = "chat", .port = 8081,
		.model_id = "m \"x\"", .message = "it broke", .exit_code = 7, .code = "slot.spawn_failed"};
	is_int(h0_state_write(&p, &s, &e), 0, "written");
	is_int(h0_state_read(&p, "chat", &t, &e), 0, "read");
	ok(t.state == H0_STATE_ERROR && t.port == 8081 && t.exit_code == 7 && t.updated_at > 1e9, "numbers");
	is_str(t.model_id, s.model_id, "model");
	is_str(t.message, s.message, "message");
	is_str(t.code, s.code, "code");
	h0_autofree char *path = NULL;
	if (asprintf(&path, "%s/slots/chat/state.json", dir) < 0)
		abort();
	h0_autobuf struct h0_buf b = {0};
	h0_read_file(path, 4096, &b, &e);
	ok(strstr(h0_buf_str(&b), "\n  \"extra\": {") && strstr(h0_buf_str(&b), "\"forced\": true") &&
	   strstr(h0_buf_str(&b), "\"message\": \"it broke\"") < strstr(h0_buf_str(&b), "\"name\""),
	   "indented by two, keys sorted; offline to error was forced");
	FILE *f = fopen(path, "w");
	fputs("{\"state\": \"flying\"}", f);
	fclose(f);
	ok(h0_state_read(&p, "chat", &t, &e) < 0 && e.kind == H0_CONFIG &&
	   h0_streq(e.code, "slot.config_error"), "an unknown state");
	f = fopen(path, "w");
	fputs("{", f);
	fclose(f);
	ok(h0_state_read(&p, "chat", &t, &e) < 0 && e.kind == H0_CONFIG && e.line == 1, "torn JSON");
	s.state = H0_STATE_STARTING;
	is_int(h0_state_write(&p, &s, &e), 0, "is written over");
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	ok(rmdir(dir) == 0, "and nothing else is left");
}

int main(void)
{
	test_edges();
	test_file();
	return tap_done();
}
