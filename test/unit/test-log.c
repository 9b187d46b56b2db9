/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <errno.h>
#include <unistd.h>

#include "run/log.h"
#include "sys/io.h"

#define T "2026-11-21T08:02:01.726161051+00:00 "

static void test_plain(void)
{
	h0_autobuf struct h0_buf b = {0};
	static const char raw[] = T "stderr F one\n" T "stdout P tw\n" T "stdout F o\n"
	                          "not a log line\n" T "stderr F \033[31mred\r\n" T "stderr F \n";
	h0_log_plain(raw, sizeof raw - 1, &b);
	is_str(h0_buf_str(&b), "one\ntwo\nnot a log line\n?[31mred\n\n",
	       "prefixes off, partial lines joined, control characters out");
	h0_buf_reset(&b);
	h0_log_plain(T "stderr", sizeof T "stderr" - 1, &b);
	is_str(h0_buf_str(&b), T "stderr\n", "a cut prefix is kept as it is");
}

static void tail_is(const char *path, int n, const char *want, const char *name)
{
	h0_autobuf struct h0_buf b = {0};
	struct h0_err e;
	is_int(h0_log_tail(path, n, &b, &e), 0, "tail");
	is_str(h0_buf_str(&b), want, name);
}

static void test_tail(void)
{
	char path[] = "/tmp/hal0-log.XXXXXX";
	h0_autofd int fd = mkstemp(path);
	h0_autobuf struct h0_buf b = {0};
	struct h0_err e = {0};
	tail_is(path, 5, "", "an empty log");
	static const char raw[] = T "stderr F a\n" T "stderr F b\n" T "stderr F c\n";
	ok(h0_write_all(fd, raw, sizeof raw - 1, &e) == 0, "three lines");
	tail_is(path, 1, "c\n", "the last one");
	tail_is(path, 2, "b\nc\n", "the last two");
	tail_is(path, 3, "a\nb\nc\n", "all of them");
	tail_is(path, 99, "a\nb\nc\n", "more than there are");
	tail_is(path, 0, "", "none");
	/* longer than what is read: starts at a line, not in the middle of one */
	for (int i = 0; i < 40000; i++)
		h0_buf_addf(&b, T "stderr F line %d\n", i);
	ok(h0_write_all(fd, b.p, b.len, &e) == 0, "many lines");
	tail_is(path, 1, "line 39999\n", "the last of many");
	h0_autobuf struct h0_buf all = {0};
	h0_log_tail(path, 1000000, &all, &e);
	ok(strncmp(h0_buf_str(&all), "line ", 5) == 0, "the part that is read starts with a line");
	unlink(path);
	ok(h0_log_tail(path, 1, &b, &e) < 0 && e.sys_errno == ENOENT, "no log");
}

static void cause(const char *log, enum h0_kind kind, const char *want, const char *name)
{
	struct h0_log_cause c;
	h0_log_cause(log, &c);
	if (!ok(c.kind == kind && strstr(c.text, want), "%s", name))
		printf("# kind %d: %s\n", c.kind, c.text);
}

/* Logs of llama-server 0.7 (build 11669). */
static void test_cause(void)
{
	cause("0.00.001.000 I srv  x: fine\n"
	      "0.00.013.953 E llama_model_load: error loading model: tensor 'blk.1.attn_q.weight' data is "
	      "not within the file bounds, model is corrupted or incomplete\n"
	      "0.00.013.953 E llama_model_load_from_file_impl: failed to load model\n",
	      H0_CONFIG, "the model file is damaged: llama_model_load: error loading model: tensor",
	      "truncated model");
	cause("gguf_init_from_file: failed to open GGUF file '/m/x.gguf' (Permission denied)\n"
	      "0.00.018.040 E llama_model_load: error loading model: llama_model_loader: failed to load "
	      "model from /m/x.gguf\n", H0_CONFIG, "Permission denied", "unreadable model");
	cause("0.00.013.013 E llama_model_load: error loading model: unknown model architecture: "
	      "'xlama'\n", H0_CONFIG, "does not know this kind of model", "unknown architecture");
	cause("0.00.014.724 E srv         start: couldn't bind HTTP server socket, hostname: 127.0.0.1, "
	      "port: 8096\n0.00.014.829 E srv  llama_server: exiting due to HTTP server error\n",
	      H0_CONFLICT, "the port is taken", "port taken");
	cause("0.00.013.516 E llama_init_from_model: quantized V cache requires flash_attn to be enabled\n"
	      "0.00.013.516 E cmn  common_init_: failed to create context\n",
	      H0_CONFIG, "quantized V cache requires flash_attn", "settings that do not go together");
	cause("0.00.013.516 E x: one\n0.00.013.516 E ggml: failed to allocate buffer of size 9\n",
	      H0_EXTERN, "not enough memory", "a known line wins over an earlier unknown one");
	cause("0.00.013.516 E srv  load: strange words\n0.00.014.000 E srv  more: words\n", H0_EXTERN,
	      "load: strange words", "the first error otherwise");
	cause("0.00.013.516 I all is well\n", H0_EXTERN, "", "no error: nothing is made up");
	/* of other servers: no captures of the real ones, but the shapes their languages give them */
	cause("Traceback (most recent call last):\n  File \"main.py\", line 3, in <module>\n"
	      "torch.OutOfMemoryError: HIP out of memory\n", H0_EXTERN, "not enough memory: torch.Out",
	      "a Python program that ran out of memory");
	cause("Starting\nValueError: no such voice\n", H0_EXTERN, "ValueError: no such voice", "another exception");
	cause("usage: server [-h]\nserver: error: unrecognized arguments: --x 1\n", H0_CONFIG, "does not know a flag",
	      "an option it does not know");
	cause("flm: error while loading shared libraries: libxrt_coreutil.so.2: cannot open shared object file: "
	      "No such file\n", H0_EXTERN, "the image lacks a library", "a stale image");
	cause("[ERROR] DRM_IOCTL_AMDXDNA_CREATE_HWCTX IOCTL failed (err=-22)\n", H0_CONFLICT,
	      "another program has the NPU: DRM_IOCTL", "a busy NPU");
	cause("Errors are told below\nno Error in sight\n", H0_EXTERN, "", "the word alone is no error");
	struct h0_log_cause c;
	h0_log_cause("error: invalid argument: --no-mmap\n", &c);
	is_int(c.kind, H0_CONFIG, "unknown flag");
	is_str(c.flag, "--no-mmap", "which one");
	h0_log_cause("error while handling argument \"-ctk\": Unsupported cache type: q9_9\n", &c);
	is_str(c.flag, "-ctk", "flag with a bad value");
	h0_log_cause("0.00.013.516 I all is well\n", &c);
	is_str(c.text, "", "no error, no cause");
}

static void rate(const char *plain, long want_tenths, const char *name)
{
	is_int((long)(h0_log_rate(plain) * 10 + 0.5), want_tenths, name);
}

static void test_rate(void)
{
#define TIMES(rest) "0.00.041 I slot print_timing: id  0 | task 0 | " rest "\n"
	rate("", 0, "no answer yet");
	rate(TIMES("prompt eval time =       0.81 ms /    31 tokens (    0.03 ms per token, 38461.54 tokens per second)"),
	     0, "a prompt's speed is another");
	rate(TIMES("prompt eval time =  9 ms / 31 tokens (  0.3 ms per token, 300.00 tokens per second)")
	     TIMES("       eval time =  9 ms /  5 tokens ( 14.0 ms per token,    71.25 tokens per second)")
	     TIMES("      total time =  9 ms / 36 tokens"), 713, "an answer");
	rate(TIMES("eval time = 9 ms / 5 tokens ( 1 ms per token, 71.2 tokens per second)")
	     TIMES("eval time = 9 ms / 5 tokens ( 1 ms per token, 64.4 tokens per second)"), 644, "the last one");
	rate(TIMES("eval time = 0 ms / 1 tokens ( 0 ms per token, inf tokens per second)"), 0, "no number");
	rate(TIMES("eval time = 0 ms / 1 tokens ( 0 ms per token, 1000000.00 tokens per second)"), 0,
	     "what the server says when it measured nothing");
	rate(" eval time = \n 9 tokens per second", 0, "another line's");
}

static void test_used(void)
{
#define USED(text) h0_log_used_raw(text, sizeof text - 1)
	is_int(USED(""), 0, "an empty log tells of no use");
	is_int(USED("1970-01-01T00:01:40.5+00:00 stderr F 0.01 I slot release: id 0 | task 1\n"
	            "1970-01-01T00:03:20+00:00 stderr P I \n"
	            "1970-01-01T00:03:20+00:00 stderr F 0.02 I srv  update_slots: all slots are idle\n"), 100,
	       "nothing to do is not use");
	is_int(USED("1970-01-01T02:01:40+02:00 stderr F x\nno line of conmon\n1970-01-01T00:00:01Z stderr F y"), 100,
	       "the latest, in any zone");
	is_int(USED("1969-12-31T20:31:40-03:30 stderr F x\n"), 100, "also with half an hour in it");
}

int main(void)
{
	test_used();
	test_plain();
	test_tail();
	test_cause();
	test_rate();
	return tap_done();
}
