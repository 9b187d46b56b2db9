/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <errno.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/str.h"

static void test_err(void)
{
	struct h0_err e;
	char text[256];
	is_int(h0_fail(&e, H0_USAGE, "no %s", "verb"), -1, "fail returns -1");
	is_int(e.kind, 2, "kind is the exit code");
	h0_wrap(&e, "slot %s", "chat");
	is_str(e.msg, "slot chat: no verb", "wrap puts the context first");
	h0_fail_at(&e, "slots/chat.toml", 12, 10, "device", "unknown device 'gpu-rcom'");
	h0_err_text(&e, text, sizeof text);
	is_str(text, "slots/chat.toml:12:10: device: unknown device 'gpu-rcom'", "place in a file");
	errno = ENOENT;
	h0_fail_sys(&e, "/x");
	is_str(e.msg, "/x: No such file or directory", "errno in words");
	is_int(e.sys_errno, ENOENT, "errno kept");
	is_str(h0_err_name(&e), "system.os", "code follows from the kind");
	h0_err_code(&e, "slot.not_found");
	is_str(h0_err_name(&e), "slot.not_found", "own code");
	for (int i = 0; i < 6; i++)
		h0_err_detail(&e, "k", "%d", i);
	is_int(e.ndetail, 4, "details are bounded");
	char big[3000];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	h0_fail(&e, H0_BUG, "%s", big);
	h0_wrap(&e, "%s", big);
	ok(strlen(e.msg) < sizeof e.msg, "a long message is cut");
	errno = ENAMETOOLONG;
	h0_fail_sys(&e, "%s", big);
	ok(h0_ends(e.msg, "xxx: File name too long") && strstr(e.msg, "x ... x"), "in its middle");
	for (size_t i = 0; i + 2 < sizeof big; i += 2)
		memcpy(big + i, "\303\244", 2);
	for (int i = 0; i < 4; i++) {
		h0_fail(&e, H0_USAGE, "%.*s'%s'", i, "abc", big);
		const char *bad = e.msg;
		for (size_t len; *bad && (len = h0_utf8_len(bad, strlen(bad))) > 0;)
			bad += len;
		is_str(bad, "", "between characters");
	}
	is_int(h0_fail(NULL, H0_BUG, "x"), -1, "NULL error allowed");
	is_str(h0_kind_help(99), NULL, "no help past the list");
}

static void test_buf(void)
{
	h0_autobuf struct h0_buf b = {0};
	is_str(h0_buf_str(&b), "", "empty buffer is a string");
	for (int i = 0; i < 1000; i++)
		h0_buf_addf(&b, "%d,", i);
	is_int((long long)b.len, 3890, "thousand additions");
	h0_buf_reset(&b);
	is_str(h0_buf_str(&b), "", "reset");
	h0_buf_adds_xml(&b, "a<b & \001c>");
	is_str(h0_buf_str(&b), "a&lt;b &amp;  c>", "text for XML");
	free(h0_buf_take(&b));
	is_int((long long)b.cap, 0, "taken");
}

static void test_num(void)
{
	int64_t v = 7;
	char t[32];
	ok(h0_num_i64("42", 0, 100, &v) && v == 42, "42");
	ok(h0_num_i64("-1", -5, 5, &v) && v == -1, "-1");
	static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "0x10", "1.5", "99999999999999999999"};
	for (size_t i = 0; i < H0_ARRAY_LEN(bad); i++)
		ok(!h0_num_i64(bad[i], INT64_MIN, INT64_MAX, &v), "not a number: '%s'", bad[i]);
	ok(!h0_num_i64("101", 0, 100, &v), "out of bounds");
	ok(h0_num_size("1.5G", &v) && v == 1610612736, "1.5G");
	ok(h0_num_size("24GiB", &v) && v == 25769803776, "24GiB");
	ok(h0_num_size("2GB", &v) && v == 2000000000, "2GB");
	ok(!h0_num_size("12Q", &v) && !h0_num_size("", &v) && !h0_num_size("9999999999T", &v), "not sizes");
	ok(h0_num_duration("5m", &v) && v == 300, "5m");
	ok(!h0_num_duration("5x", &v), "not a duration");
	is_str(h0_num_human(512, t, sizeof t), "512 B", "bytes");
	is_str(h0_num_human(126370000000, t, sizeof t), "117.7 GiB", "GiB");
}

static void test_str(void)
{
	static const char *const devices[] = {"gpu-rocm", "gpu-vulkan", "cpu", "npu", NULL};
	is_str(h0_str_nearest("gpu-rcom", devices), "gpu-rocm", "swapped letters");
	is_str(h0_str_nearest("vulkan", devices), NULL, "too far");
	is_str(h0_str_nearest("gpu-v", devices), "gpu-vulkan", "a prefix");
	is_str(h0_str_nearest("vulk", (const char *const[]){"bulk", "vulkan-std", NULL}), "bulk",
	       "one letter");
	is_str(h0_str_nearest("lin", (const char *const[]){"kind", "lines", NULL}), "lines",
	       "an unfinished word before a word two letters away");
	is_str(h0_str_nearest("cpi", devices), "cpu", "one letter of three");
	is_int(h0_str_distance("", "abc"), 3, "distance from nothing");
	h0_autostrv struct h0_strv l = {0};
	h0_strv_add(&l, "b");
	h0_strv_addf(&l, "%c", 'a');
	h0_strv_sort(&l);
	ok(strcmp(l.v[0], "a") == 0 && !l.v[2] && h0_strv_has(&l, "b"), "list of strings");
	ok(h0_ends("primary.toml", ".toml") && !h0_ends("x", ".toml"), "suffix");
}

static void test_arena(void)
{
	h0_autoarena struct h0_arena a = {0};
	bool good = true;
	for (size_t i = 1; i < 3000; i++) {
		char *p = h0_arena_alloc(&a, i);
		good = good && ((uintptr_t)p & 15) == 0 && p[0] == 0 && p[i - 1] == 0;
		memset(p, 0xff, i);
	}
	ok(good, "aligned and zeroed");
	is_str(h0_arena_strndup(&a, "hello", 4), "hell", "strndup");
}

int main(void)
{
	test_err();
	test_buf();
	test_num();
	test_str();
	test_arena();
	return tap_done();
}
