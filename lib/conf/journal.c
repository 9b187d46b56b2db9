/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "fmt/json.h"

#define HEADER_MAX 64
#define MAGIC "hal0-journal 1 "

static struct h0_json *image_json(const char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	if (!p)
		return h0_json_new_null();
	h0_autojson struct h0_json *s = h0_json_new_strn(p, n);
	size_t len;
	const char *text = h0_json_strn(s, &len);
	if (h0_same_bytes(text, len, p, n))
		return h0_take(s);
	h0_autobuf struct h0_buf hex = {0};
	h0_buf_room(&hex, n * 2);
	for (size_t i = 0; i < n; i++) {
		h0_buf_addc(&hex, digits[(unsigned char)p[i] >> 4]);
		h0_buf_addc(&hex, digits[(unsigned char)p[i] & 15]);
	}
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "hex", hex.p);
	return o;
}

static struct h0_json *entry_json(const struct h0_change *c)
{
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "path", c->path);
	h0_json_set_int(o, "mode", c->mode);
	h0_json_set(o, "before", image_json(c->before, c->before_len));
	h0_json_set(o, "after", image_json(c->after, c->after_len));
	return o;
}

int h0_journal_encode(const struct h0_journal *j, struct h0_buf *out, struct h0_err *e)
{
	h0_autobuf struct h0_buf body = {0};
	h0_autojson struct h0_json *root = h0_json_object();
	struct h0_json *argv = h0_json_array(), *entries = h0_json_array();
	h0_json_set(root, "argv", argv);
	h0_json_set_int(root, "time", j->time);
	h0_json_set_str(root, "stage", j->stage);
	h0_json_set(root, "entries", entries);
	for (size_t i = 0; i < j->argv.n; i++)
		h0_json_add(argv, h0_json_new_str(j->argv.v[i]));
	for (size_t i = 0; i < j->cs.n; i++)
		h0_json_add(entries, entry_json(&j->cs.v[i]));
	h0_json_dump(root, 0, false, &body);
	h0_buf_addc(&body, '\n');
	if (body.len > H0_JOURNAL_MAX_BYTES - HEADER_MAX || j->cs.n > H0_JOURNAL_MAX_ENTRIES)
		return h0_fail(e, H0_CONFIG, "the change is too large: %zu files, %zu bytes",
		               j->cs.n, body.len);
	h0_buf_addf(out, MAGIC "%" PRIu64 " %zu\n", j->id, body.len);
	h0_buf_add(out, body.p, body.len);
	return 0;
}

/* "hal0-journal 1 ID BYTES\n"; gives the length of the line, 0 = not a header. */
static size_t parse_header(const char *text, size_t len, uint64_t *ret_id, size_t *ret_body)
{
	char line[HEADER_MAX];
	const char *nl = memchr(text, '\n', len < HEADER_MAX ? len : HEADER_MAX);
	if (!nl || !h0_starts(text, MAGIC))
		return 0;
	size_t n = (size_t)(nl - text);
	memcpy(line, text, n);
	line[n] = '\0';
	char *id = line + sizeof MAGIC - 1, *bytes = strchr(id, ' ');
	int64_t id_v, bytes_v;
	if (!bytes)
		return 0;
	*bytes++ = '\0';
	if (!h0_num_i64(id, 1, INT64_MAX, &id_v) ||
	    !h0_num_i64(bytes, 0, H0_JOURNAL_MAX_BYTES, &bytes_v))
		return 0;
	*ret_id = (uint64_t)id_v;
	*ret_body = (size_t)bytes_v;
	return n + 1;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool image_from(const struct h0_json *j, char **ret, size_t *ret_len)
{
	size_t len;
	const char *s = h0_json_strn(j, &len);
	const char *hex = h0_json_str(h0_json_get(j, "hex"));
	*ret = NULL;
	*ret_len = 0;
	if (j && h0_json_type(j) == H0_JSON_NULL)
		return true;
	if (s) {
		*ret_len = len;
		*ret = h0_strndup(s, len);
		return true;
	}
	if (!hex || strlen(hex) % 2)
		return false;
	h0_autofree char *p = h0_malloc(strlen(hex) / 2 + 1);
	size_t n = 0;
	for (; hex[2 * n]; n++) {
		int hi = hex_digit(hex[2 * n]), lo = hex_digit(hex[2 * n + 1]);
		if (hi < 0 || lo < 0)
			return false;
		p[n] = (char)(hi * 16 + lo);
	}
	p[n] = '\0';
	*ret = h0_take(p);
	*ret_len = n;
	return true;
}

static int entry_from(const struct h0_json *o, struct h0_changeset *cs, const char *file,
                      struct h0_err *e)
{
	const char *path = h0_json_str(h0_json_get(o, "path"));
	int64_t mode = h0_json_int(h0_json_get(o, "mode"), -1);
	h0_autofree char *before = NULL;
	h0_autofree char *after = NULL;
	size_t before_len, after_len, n = cs->n;
	if (!path || !h0_changeset_path_ok(path))
		return h0_fail_at(e, file, 0, 0, NULL, "entry %zu: path '%s' is not one a change may touch", n, path ? path : "");
	if (mode < 0 || mode > 07777)
		return h0_fail_at(e, file, 0, 0, NULL, "%s: bad mode", path);
	if (!image_from(h0_json_get(o, "before"), &before, &before_len) ||
	    !image_from(h0_json_get(o, "after"), &after, &after_len))
		return h0_fail_at(e, file, 0, 0, NULL, "%s: bad image", path);
	h0_changeset_add(cs, path, before, before_len, after, after_len);
	if (cs->n == n)
		return h0_fail_at(e, file, 0, 0, NULL, "%s: twice", path);
	cs->v[n].mode = (unsigned)mode;
	return 0;
}

static int fill(const struct h0_json *root, const char *file, struct h0_journal *j,
                struct h0_err *e)
{
	const struct h0_json *argv = h0_json_get(root, "argv");
	const struct h0_json *entries = h0_json_get(root, "entries");
	const char *stage = h0_json_str(h0_json_get(root, "stage"));
	if (h0_json_type(argv) != H0_JSON_ARRAY || h0_json_type(entries) != H0_JSON_ARRAY ||
	    !h0_json_len(entries) || h0_json_len(entries) > H0_JOURNAL_MAX_ENTRIES ||
	    !stage || strlen(stage) != sizeof j->stage - 1 || strspn(stage, "0123456789abcdef") != 8)
		return h0_fail_at(e, file, 0, 0, NULL, "not what hal0 writes");
	memcpy(j->stage, stage, sizeof j->stage);
	j->time = h0_json_int(h0_json_get(root, "time"), 0);
	for (size_t i = 0; i < h0_json_len(argv); i++) {
		const char *s = h0_json_str(h0_json_at(argv, i));
		h0_strv_add(&j->argv, s ? s : "");
	}
	for (size_t i = 0; i < h0_json_len(entries); i++)
		if (entry_from(h0_json_at(entries, i), &j->cs, file, e) < 0)
			return -1;
	return 0;
}

static int decode(const char *text, size_t len, const char *file, struct h0_journal *ret,
                  struct h0_err *e)
{
	h0_autojournal struct h0_journal j = {0};
	h0_autojson struct h0_json *root = NULL;
	size_t body = 0, head = parse_header(text, len, &j.id, &body);
	if (!head)
		return h0_fail_at(e, file, 1, 1, NULL, "no header");
	if (len - head != body)
		return h0_fail_at(e, file, 1, 1, NULL, "%zu bytes where %zu belong",
		                  len - head, body);
	if (h0_json_parse(text + head, body, file, &root, e) < 0 || fill(root, file, &j, e) < 0)
		return -1;
	*ret = j;
	j = (struct h0_journal){0};
	return 0;
}

#define DAMAGED "damaged journal (hal0-txn(7) says what to do)"

int h0_journal_decode(const char *text, size_t len, const char *file, struct h0_journal *ret,
                      struct h0_err *e)
{
	return decode(text, len, file, ret, e) < 0 ? h0_wrap(e, DAMAGED) : 0;
}

int h0_journal_read(const struct h0_ops *o, int dirfd, const char *path, const char *shown,
                    struct h0_journal *ret, bool *ret_found, struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	*ret_found = false;
	if (h0_op_read_file(o, dirfd, path, O_NOFOLLOW, H0_JOURNAL_MAX_BYTES, &b, NULL) < 0) {
		if (errno == ENOENT)
			return 0;
		if (errno == EFBIG || errno == ELOOP || errno == EISDIR || errno == EINVAL)
			return h0_fail_at(e, shown, 0, 0, NULL, DAMAGED ": %s", strerror(errno));
		return h0_fail_sys(e, "%s", shown);
	}
	if (h0_journal_decode(h0_buf_str(&b), b.len, shown, ret, e) < 0)
		return -1;
	*ret_found = true;
	return 0;
}

int h0_journal_read_id(const struct h0_ops *o, int dirfd, const char *path, uint64_t *ret)
{
	char head[HEADER_MAX + 1];
	uint64_t id;
	size_t body;
	ssize_t n;
	h0_autoopfd f = {o, h0_op_open(o, dirfd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0)};
	*ret = 0;
	if (f.fd < 0)
		return errno == ENOENT ? 0 : -1;
	do
		n = o->read(o, f.fd, head, HEADER_MAX);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	head[n] = '\0';
	if (parse_header(head, (size_t)n, &id, &body))
		*ret = id;
	return 0;
}

void h0_journal_done(struct h0_journal *j)
{
	h0_strv_done(&j->argv);
	h0_changeset_done(&j->cs);
}
