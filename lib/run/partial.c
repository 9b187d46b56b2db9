/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "fmt/json.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/ops.h"
#include "sys/trust.h"

#define STATE_MAX  (64u << 10)
#define WAY_LEAST  (16 << 20) /* a range of its own is not worth less */
#define FLUSH      (16 << 20) /* so much at a time is sent to the disk while more comes */

static char *beside(const char *path, const char *suffix)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;
	return h0_asprintf("%.*s.%s%s", dir, path, path + dir, suffix);
}

void h0_partial_done(struct h0_partial *p)
{
	if (p->path && p->fd >= 0)
		close(p->fd);
	if (p->path && p->dir >= 0)
		close(p->dir);
	free(p->path);
	free(p->part);
	free(p->at);
	free(p->at_part);
	free(p->at_state);
	free(p->url);
	free(p->tag);
	*p = (struct h0_partial){.fd = -1, .dir = -1};
}

static bool is_there(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

/* The open file may have become the whole one, or been removed, before its lock was ours. */
static bool is_still(int fd, const char *part)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && lstat(part, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int set_paths(struct h0_partial *p, const char *path, struct h0_err *e)
{
	const char *slash = strrchr(path, '/');
	h0_autofree char *dir = h0_strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
	char at[H0_TRUST_PATH];
	p->path = h0_strdup(path);
	p->dir = h0_trust_open(dir, 0, e);
	if (p->dir < 0)
		return -1;
	h0_trust_path(p->dir, at);
	p->part = beside(path, ".hal0-part");
	p->at = h0_asprintf("%s/%s", at, slash ? slash + 1 : path);
	p->at_part = beside(p->at, ".hal0-part");
	p->at_state = beside(p->at, ".hal0-state");
	return 0;
}

/* A file of ours and no other's: with a second name it would be written under both. */
static bool is_plain(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink <= 1;
}

int h0_partial_open(const char *path, struct h0_partial *ret, struct h0_err *e)
{
	h0_autopartial struct h0_partial p = {.fd = -1, .dir = -1};
	if (set_paths(&p, path, e) < 0)
		return -1;
	for (;;) {
		if (is_there(p.at))
			return H0_PARTIAL_THERE;
		p.fd = h0_op_open(&h0_ops_real, AT_FDCWD, p.at_part, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0644);
		if (p.fd < 0)
			return h0_fail_sys(e, "%s", p.part);
		if (TEMP_FAILURE_RETRY(flock(p.fd, LOCK_EX | LOCK_NB)) < 0)
			return errno == EWOULDBLOCK ? H0_PARTIAL_HELD : h0_fail_sys(e, "%s", p.part);
		if (is_still(p.fd, p.at_part))
			break;
		close(p.fd);
		p.fd = -1;
	}
	if (is_plain(p.fd))
		(void)fchmod(p.fd, 0644); /* whatever the umask: the server that reads it is somebody else */
	else
		return h0_fail(e, H0_CONFLICT, "%s is no file of hal0's: remove it", p.part);
	if (is_there(p.at)) { /* it was finished between the two looks */
		unlink(p.at_part);
		return H0_PARTIAL_THERE;
	}
	*ret = p;
	p = (struct h0_partial){.fd = -1, .dir = -1};
	return H0_PARTIAL_OURS;
}

int64_t h0_partial_held(const char *path)
{
	h0_autofree char *part = beside(path, ".hal0-part");
	struct stat st;
	return stat(part, &st) == 0 ? (int64_t)st.st_blocks * 512 : 0;
}

/* ---- the state ---- */

static void split(struct h0_partial *p, size_t ways)
{
	int64_t most = p->bytes / WAY_LEAST;
	if (ways > H0_RANGES_MAX)
		ways = H0_RANGES_MAX;
	if ((int64_t)ways > most)
		ways = most > 1 ? (size_t)most : 1;
	p->n = ways;
	for (size_t i = 0; i < ways; i++) {
		int64_t from = p->bytes / (int64_t)ways * (int64_t)i;
		int64_t to = i + 1 == ways ? p->bytes : p->bytes / (int64_t)ways * (int64_t)(i + 1);
		p->seg[i] = (struct h0_range){from, from, to};
	}
}

int h0_partial_restart(struct h0_partial *p, size_t ways, struct h0_err *e)
{
	unlink(p->at_state);
	if (ftruncate(p->fd, 0) < 0)
		return h0_fail_sys(e, "%s", p->part);
	split(p, ways);
	return 0;
}

static bool read_ranges(struct h0_partial *p, const struct h0_json *list)
{
	int64_t at = 0;
	p->n = h0_json_len(list);
	if (!p->n || p->n > H0_RANGES_MAX)
		return false;
	for (size_t i = 0; i < p->n; i++) {
		const struct h0_json *x = h0_json_at(list, i);
		struct h0_range s = {h0_json_int(h0_json_at(x, 0), -1), h0_json_int(h0_json_at(x, 1), -1),
		                       h0_json_int(h0_json_at(x, 2), -1)};
		if (s.from != at || s.pos < s.from || s.to < s.pos)
			return false;
		at = s.to;
		p->seg[i] = s;
	}
	return at == p->bytes;
}

/* Whether the state is one of the same file, then its ranges are taken. */
static bool resume(struct h0_partial *p)
{
	h0_autobuf struct h0_buf text = {0};
	h0_autojson struct h0_json *j = NULL;
	if (h0_read_file(p->at_state, STATE_MAX, &text, NULL) < 0 ||
	    h0_json_parse(h0_buf_str(&text), text.len, p->part, &j, NULL) < 0)
		return false;
	const char *tag = h0_json_str(h0_json_get(j, "etag"));
	const char *sum = h0_json_str(h0_json_get(j, "sha256"));
	bool same = (p->tag[0] && h0_streq(tag, p->tag)) || (p->sum[0] && h0_streq(sum, p->sum));
	struct stat st;
	if (!same || h0_json_int(h0_json_get(j, "bytes"), -1) != p->bytes ||
	    !read_ranges(p, h0_json_get(j, "ranges")) || fstat(p->fd, &st) < 0)
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (p->seg[i].pos > p->seg[i].from && p->seg[i].pos > st.st_size)
			return false;
	return true;
}

int h0_partial_begin(struct h0_partial *p, const char *url, const char *tag, const char *sum,
                     int64_t bytes, size_t ways, struct h0_err *e)
{
	free(p->url);
	free(p->tag);
	p->url = h0_strdup(url);
	p->tag = h0_strdup(tag);
	p->bytes = bytes;
	snprintf(p->sum, sizeof p->sum, "%s", sum);
	return resume(p) ? 0 : h0_partial_restart(p, ways, e);
}

int64_t h0_partial_have(const struct h0_partial *p)
{
	int64_t all = 0;
	for (size_t i = 0; i < p->n; i++)
		all += p->seg[i].pos - p->seg[i].from;
	return all;
}

/* A hint: the disk works meanwhile, and does not begin when all has come. */
static void flush_behind(const struct h0_partial *p, int64_t from, int64_t to)
{
	int64_t begin = from / FLUSH * FLUSH, end = to / FLUSH * FLUSH;
	if (end > begin)
		sync_file_range(p->fd, begin, end - begin, SYNC_FILE_RANGE_WRITE);
}

int h0_partial_write(struct h0_partial *p, struct h0_range *s, const char *data, size_t n,
                     struct h0_err *e)
{
	while (n) {
		ssize_t done = pwrite(p->fd, data, n, s->pos);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			bool full = errno == ENOSPC || errno == EDQUOT;
			h0_fail_sys(e, "cannot write %s", p->part);
			return full ? h0_err_code(e, "model.no_space") : -1;
		}
		flush_behind(p, s->pos, s->pos + done);
		s->pos += done;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

int h0_partial_save(struct h0_partial *p, struct h0_err *e)
{
	h0_autojson struct h0_json *j = h0_json_object();
	h0_autobuf struct h0_buf text = {0};
	struct h0_json *list = h0_json_array();
	const char *query = strpbrk(p->url, "?#");
	h0_autofree char *url = h0_strndup(p->url, query ? (size_t)(query - p->url) : strlen(p->url));
	for (size_t i = 0; i < p->n; i++) {
		struct h0_json *x = h0_json_array();
		h0_json_add(x, h0_json_new_int(p->seg[i].from));
		h0_json_add(x, h0_json_new_int(p->seg[i].pos));
		h0_json_add(x, h0_json_new_int(p->seg[i].to));
		h0_json_add(list, x);
	}
	h0_json_set_int(j, "schema", 1);
	h0_json_set_str(j, "url", url);
	h0_json_set_str(j, "etag", p->tag[0] ? p->tag : NULL);
	h0_json_set_str(j, "sha256", p->sum[0] ? p->sum : NULL);
	h0_json_set_int(j, "bytes", p->bytes);
	h0_json_set(j, "ranges", list);
	h0_json_dump(j, 0, false, &text);
	if (fdatasync(p->fd) < 0)
		return h0_fail_sys(e, "cannot write %s", p->part);
	return h0_durable_write(p->at_state, h0_buf_str(&text), text.len, 0644, e);
}

int h0_partial_finish(struct h0_partial *p, struct h0_err *e)
{
	if (fsync(p->fd) < 0)
		return h0_fail_sys(e, "%s", p->part);
	int rc = renameat2(AT_FDCWD, p->at_part, AT_FDCWD, p->at, RENAME_NOREPLACE);
	if (rc < 0 && errno == EINVAL && !is_there(p->at)) /* a file system that cannot promise it */
		rc = rename(p->at_part, p->at);
	if (rc < 0 && (errno == EEXIST || errno == EINVAL))
		return h0_fail(e, H0_CONFLICT, "%s has come into being meanwhile; it is kept", p->path);
	if (rc < 0 || fsync(p->dir) < 0)
		return h0_fail_sys(e, "%s", p->path);
	unlink(p->at_state);
	return 0;
}

void h0_partial_drop(struct h0_partial *p)
{
	unlink(p->at_state);
	unlink(p->at_part);
}
