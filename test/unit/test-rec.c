/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Records in their spellings, and what is cut, padded or made harmless.
 */
#include "tap.h"

#include <math.h>
#include <stdint.h>

#include "cli/rec.h"
#include "fmt/json.h"

enum { NAME, COUNT, SIZE, ON, AGE, LOAD, RATIO, MORE, TAGS, TABLE };
static const struct h0_col cols[] = {
	{"name", NULL, H0_COL_STR, "h"},
	{"count", NULL, H0_COL_INT, "h"},
	{"size", "size_bytes", H0_COL_BYTES, "h"},
	{"on", "is_on", H0_COL_BOOL, "h"},
	{"age", "age_s", H0_COL_SECONDS, "h"},
	{"load", NULL, H0_COL_PERCENT, "h"},
	{"ratio", NULL, H0_COL_REAL, "h"},
	{"more", NULL, H0_COL_JSON, "h", H0_COL_EXTRA},
	{"tags", NULL, H0_COL_LIST, "h"},
	{"mark", NULL, H0_COL_STR, "h", H0_COL_TABLE_ONLY},
	{0},
};

static struct h0_rec *full(void)
{
	struct h0_rec *r = h0_rec_new(cols);
	struct h0_json *tags = h0_json_array(), *more = h0_json_object();
	h0_json_add(tags, h0_json_new_str("a"));
	h0_json_add(tags, h0_json_new_int(2));
	h0_json_set_int(more, "k", 1);
	h0_rec_row(r);
	h0_rec_str(r, NAME, "chat");
	h0_rec_int(r, COUNT, -3);
	h0_rec_int(r, SIZE, 9007199254740993);
	h0_rec_bool(r, ON, true);
	h0_rec_int(r, AGE, 93784);
	h0_rec_real(r, LOAD, 12.5);
	h0_rec_real(r, RATIO, 0.1);
	h0_rec_json(r, MORE, more);
	h0_rec_json(r, TAGS, tags);
	h0_rec_str(r, TABLE, "*");
	h0_rec_row(r);
	h0_rec_str(r, NAME, NULL);
	h0_rec_real(r, LOAD, NAN);
	h0_rec_json(r, TAGS, h0_json_new_null());
	return r;
}

static void is_format(const struct h0_rec *r, const char *format, const char *want)
{
	h0_autobuf struct h0_buf b = {0};
	struct h0_err e = {0};
	int rc = h0_rec_format(r, format, &b, &e);
	is_str(rc < 0 ? e.msg : h0_buf_str(&b), want, format);
}

static void test_spellings(void)
{
	struct h0_rec *r = full();
	h0_autobuf struct h0_buf b = {0};
	h0_autofree int *pick = NULL, *all = NULL;
	h0_rec_pick(r, NULL, H0_COL_EXTRA, &pick, NULL);
	h0_rec_table(r, pick, (struct h0_look){.header = true}, &b);
	is_str(h0_buf_str(&b),
	       "NAME  COUNT   SIZE  ON    AGE   LOAD  RATIO  TAGS  MARK\n"
	       "chat     -3  8 PiB  yes  1d2h  12.5%   0.10  a,2   *\n"
	       "-         -      -  -       -      -      -  -     -\n", "table");
	h0_buf_reset(&b);
	h0_rec_lines(r, pick, (struct h0_look){.header = true}, &b);
	ok(strstr(h0_buf_str(&b), "name:  chat\ncount: -3\n"), "lines");
	h0_rec_pick(r, NULL, H0_COL_TABLE_ONLY, &all, NULL);
	for (size_t row = 0; row < 2; row++) {
		h0_autojson struct h0_json *o = h0_rec_object(r, row, all);
		h0_buf_reset(&b);
		h0_json_dump(o, 0, false, &b);
		is_str(h0_buf_str(&b),
		       row ? "{\"name\":null,\"count\":null,\"size_bytes\":null,\"is_on\":null,\"age_s\":null,"
		             "\"load\":null,\"ratio\":null,\"more\":null,\"tags\":null}"
		           : "{\"name\":\"chat\",\"count\":-3,\"size_bytes\":9007199254740993,\"is_on\":true,"
		             "\"age_s\":93784,\"load\":12.5,\"ratio\":0.1,"
		             "\"more\":{\"k\":1},\"tags\":[\"a\",2]}",
		       row ? "JSON of unknown" : "JSON");
	}
	h0_rec_free(r);
}

static void test_format(void)
{
	struct h0_rec *r = full();
	is_format(r, "{name}\\t{size}", "chat\t9007199254740993\n\t\n");
	is_format(r, "{NAME}{is_on}{age}{load}{ratio}", "chattrue9378412.50.1\n\n");
	is_format(r, "{more} {tags}", "{\"k\":1} a,2\n \n");
	is_format(r, "\\{\\}\\\\\\n", "{}\\\n\n{}\\\n\n");
	is_format(r, "", "\n\n");
	is_format(r, "{nmae}", "unknown column 'nmae' (did you mean name?)");
	is_format(r, "{name", "--format '{name': '{' without '}'");
	is_format(r, "{}", "unknown column ''; one of name, count, size, on, age, load, ratio, more, "
	                   "tags, mark");
	is_format(r, "a\\q", "--format 'a\\q': unknown escape '\\q'; \\t \\n \\0 \\\\ \\{ \\}");
	is_format(r, "a\\", "--format 'a\\': unknown escape '\\ '; \\t \\n \\0 \\\\ \\{ \\}");
	h0_rec_free(r);
	struct h0_rec *empty = h0_rec_new(cols);
	is_format(empty, "{name}", "");
	is_format(empty, "{nmae}", "unknown column 'nmae' (did you mean name?)");
	h0_rec_free(empty);
}

static void test_pick(void)
{
	struct h0_rec *r = h0_rec_new(cols);
	struct h0_err e = {0};
	h0_autofree int *pick = NULL;
	is_int(h0_rec_pick(r, "Size,name,size_bytes", H0_COL_EXTRA, &pick, &e), 0, "by name or key");
	ok(pick && pick[0] == SIZE && pick[1] == NAME && pick[2] == SIZE && pick[3] == -1, "in order");
	static const char *const bad[] = {"", "name,", ",name", "name,,size", "na", "name size"};
	for (size_t i = 0; i < H0_ARRAY_LEN(bad); i++) {
		int *none = NULL;
		is_int(h0_rec_pick(r, bad[i], 0, &none, &e), -1, bad[i]);
		free(none);
	}
	h0_rec_free(r);
}

static void is_table(struct h0_rec *r, int width, const char *want, const char *what)
{
	static const int two[] = {NAME, COUNT, -1};
	h0_autobuf struct h0_buf b = {0};
	h0_rec_table(r, two, (struct h0_look){.width = width}, &b);
	is_str(h0_buf_str(&b), want, what);
}

static void test_width(void)
{
	struct h0_rec *r = h0_rec_new(cols);
	h0_rec_row(r);
	h0_rec_str(r, NAME, "a-rather-long-name");
	h0_rec_int(r, COUNT, 1234567);
	h0_rec_row(r);
	h0_rec_str(r, NAME, "\xe6\x97\xa5\xe6\x9c\xac\xc3\xa9");
	h0_rec_int(r, COUNT, 1);
	is_table(r, 0, "a-rather-long-name  1234567\n"
	               "\xe6\x97\xa5\xe6\x9c\xac\xc3\xa9                     1\n", "columns, not bytes");
	is_table(r, 20, "a-rather-l\xe2\x80\xa6  1234567\n"
	                "\xe6\x97\xa5\xe6\x9c\xac\xc3\xa9              1\n", "cut to the terminal");
	is_table(r, 5, "a-rathe\xe2\x80\xa6  1234567\n"
	               "\xe6\x97\xa5\xe6\x9c\xac\xc3\xa9           1\n", "but not to nothing, and no number");
	h0_rec_free(r);
	is_int((long long)h0_text_width("\xff\xc3", 2), 2, "bytes that are no UTF-8 count as one each");
}

static void test_safe(void)
{
	h0_autobuf struct h0_buf b = {0};
	h0_text_safe("a\033[2J\x7f\r\n\t\xc2\x9b" "1m\xc3\xa9", false, &b);
	is_str(h0_buf_str(&b), "a?[2J??  ?1m\xc3\xa9", "what steers a terminal is taken out");
	h0_buf_reset(&b);
	h0_text_safe("a\xe2\x80\xae" "fdp.\xe2\x81\xa6\x9b" "1m \xe2\x80\x94\xe2\x82\xac\r", true, &b);
	is_str(h0_buf_str(&b), "a?fdp.??1m \xe2\x80\x94\xe2\x82\xac?", "nor what turns a line around, nor a byte alone");
	h0_buf_reset(&b);
	h0_text_safe("a\nb\t", true, &b);
	is_str(h0_buf_str(&b), "a\nb\t", "lines may stay");
	static const struct { int64_t s; const char *want; } times[] = {
		{0, "0s"}, {59, "59s"}, {60, "1m"}, {61, "1m1s"}, {3600, "1h"}, {3661, "1h1m"},
		{86400, "1d"}, {-5, "-5s"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(times); i++) {
		h0_buf_reset(&b);
		h0_cell_human(&cols[AGE], &(struct h0_cell){.set = true, .num = times[i].s}, &b);
		is_str(h0_buf_str(&b), times[i].want, times[i].want);
	}
}

int main(void)
{
	test_spellings();
	test_format();
	test_pick();
	test_width();
	test_safe();
	return tap_done();
}
