/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/modelfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/words.h"
#include "fmt/toml.h"
#include "fmt/tomledit.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/lock.h"

#define HASH_BLOCK   (1u << 20)
#define SHARDS_MAX   1000
#define LOCK_MS      10000
#define REGISTRY_MAX (16u << 20)

void h0_model_shards(const char *path, struct h0_strv *ret)
{
	int of = 0, first = h0_store_shard(path, &of);
	size_t stem = strlen(path) - strlen("-00001-of-00001.gguf");
	if (!first || of > SHARDS_MAX) {
		h0_strv_add(ret, path);
		return;
	}
	for (int i = 1; i <= of; i++)
		h0_strv_addf(ret, "%.*s-%05d-of-%05d.gguf", (int)stem, path, i, of);
}

int64_t h0_model_bytes(const struct h0_strv *shards)
{
	int64_t all = 0;
	struct stat st;
	for (size_t i = 0; i < shards->n; i++) {
		if (stat(shards->v[i], &st) < 0)
			return -1;
		all += st.st_size;
	}
	return all;
}

/* ---- sums ---- */

int h0_model_sum_read(const char *path, char dst[H0_SHA256_TEXT], struct h0_err *e)
{
	h0_autofree char *file = h0_asprintf("%s.sha256", path);
	h0_autobuf struct h0_buf text = {0};
	struct stat st;
	if (stat(file, &st) < 0 && errno == ENOENT)
		return 0;
	if (h0_read_file(file, 4096, &text, e) < 0)
		return -1;
	const char *p = h0_buf_str(&text);
	if (strspn(p, "0123456789abcdefABCDEF") != 64)
		return h0_fail_at(e, file, 1, 1, NULL, "is not the SHA-256 of a file, as sha256sum writes it");
	snprintf(dst, H0_SHA256_TEXT, "sha256:%.64s", p);
	for (char *c = dst; *c; c++)
		*c = *c >= 'A' && *c <= 'F' ? (char)(*c + 32) : *c;
	return 1;
}

int h0_model_sum_write(const char *path, const char *sum, struct h0_err *e)
{
	const char *slash = strrchr(path, '/');
	h0_autofree char *file = h0_asprintf("%s.sha256", path);
	h0_autofree char *text = h0_asprintf("%s  %s\n", sum + strlen("sha256:"), slash ? slash + 1 : path);
	return h0_durable_write(file, text, strlen(text), 0644, e);
}

int h0_model_hash(const struct h0_model_hash *h, char dst[H0_SHA256_TEXT], struct h0_err *e)
{
	h0_autofd int fd = TEMP_FAILURE_RETRY(open(h->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
	h0_autofree char *block = h0_malloc(HASH_BLOCK);
	struct h0_sha256 s;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return h0_fail_sys(e, "%s", h->path);
	if (!S_ISREG(st.st_mode))
		return h0_fail(e, H0_CONFIG, "%s is not a regular file", h->path);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	h0_sha256_init(&s);
	for (int64_t done = 0;;) {
		ssize_t n = TEMP_FAILURE_RETRY(read(fd, block, HASH_BLOCK));
		if (n < 0)
			return h0_fail_sys(e, "%s", h->path);
		if (n == 0)
			break;
		if (h->stop && *h->stop) {
			errno = ECANCELED;
			return h0_fail_sys(e, "%s", h->path);
		}
		h0_sha256_add(&s, block, (size_t)n);
		done += n;
		if (h->tell)
			h->tell(done, st.st_size, h->arg);
	}
	h0_sha256_text(&s, dst);
	return 0;
}

/* ---- users ---- */

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return h0_streq(a, b) || (a && b && stat(a, &x) == 0 && stat(b, &y) == 0 &&
	                          x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

static bool names(const struct h0_box *b, const char *model, const struct h0_model_file *m)
{
	h0_automodelfile struct h0_model_file f = {0};
	if (!model || !*model)
		return false;
	if (h0_streq(model, m->id))
		return true;
	return h0_store_find(&b->paths, &b->snap, model, &f, NULL) == 0 && same_file(f.path, m->path);
}

/* Words of flags with the model's path or its projector's among them. */
static bool mentions(const char *flags, const struct h0_model_file *m)
{
	h0_autostrv struct h0_strv words = {0};
	if (!flags || h0_words_split(flags, &words, NULL) < 0)
		return flags && (strstr(flags, m->path) || (m->mmproj && strstr(flags, m->mmproj)));
	for (size_t i = 0; i < words.n; i++) {
		const char *word = words.v[i], *value = strchr(word, '=');
		word = word[0] == '-' && value ? value + 1 : word;
		if (word[0] == '/' && (same_file(word, m->path) || same_file(word, m->mmproj)))
			return true;
	}
	return false;
}

static bool slot_uses(const struct h0_box *b, const struct h0_slot *s, const struct h0_model_file *m)
{
	const struct h0_snap_file *f = s->broken ? h0_snap_get(&b->snap, s->file) : NULL;
	if (s->broken) /* what it wants cannot be said: its text decides */
		return f && (strstr(f->text, m->id) || strstr(f->text, m->path));
	return names(b, s->model, m) || mentions(s->extra_args, m);
}

void h0_model_slots(const struct h0_box *box, const struct h0_model_file *m, struct h0_strv *ret)
{
	for (size_t i = 0; i < box->slots.n; i++)
		if (slot_uses(box, &box->slots.v[i], m))
			h0_strv_add(ret, box->slots.v[i].name);
}

int h0_model_users(struct h0_box *box, const struct h0_selections *caps,
                   const struct h0_model_file *m, struct h0_strv *ret, struct h0_err *e)
{
	h0_autostrv struct h0_strv slots = {0};
	h0_model_slots(box, m, &slots);
	for (size_t i = 0; i < slots.n; i++)
		h0_strv_addf(ret, "slot %s", slots.v[i]);
	for (size_t i = 0; caps->from_file && i < h0_ncaps; i++)
		if (names(box, caps->v[i].model, m))
			h0_strv_addf(ret, "capability %s.%s", caps->v[i].cap->group, caps->v[i].cap->child);
	if (h0_box_profiles(box, e) < 0)
		return -1;
	for (size_t i = 0; i < box->profiles.n; i++)
		if (mentions(box->profiles.v[i].flags, m))
			h0_strv_addf(ret, "profile %s", box->profiles.v[i].name);
	return 0;
}

/* ---- the registry ---- */

int h0_registry_lock(const struct h0_paths *paths, struct h0_err *e)
{
	h0_autofree char *dir = h0_asprintf("%s/registry", paths->var);
	h0_autofree char *lock = h0_asprintf("%s/.lock", dir);
	return h0_mkdirs(dir, 0755, e) < 0 ? -1 : h0_lock(lock, LOCK_MS, "hal0-model", e);
}

static int set(struct h0_buf *text, const char *file, const char *id, const char *key,
               const char *value, struct h0_err *e)
{
	const char *path[] = {"models", id, key, NULL};
	h0_autobuf struct h0_buf lit = {0};
	bool found;
	if (!value)
		return h0_tomledit_unset(h0_buf_str(text), text->len, file, path, text, &found, e);
	h0_toml_lit_str(&lit, value);
	return h0_tomledit_set(h0_buf_str(text), text->len, file, path, h0_buf_str(&lit), text, e);
}

int h0_registry_edit(const struct h0_paths *paths, const char *id, const char *path,
                     const char *mmproj, struct h0_buf *ret_old, struct h0_buf *ret_new,
                     struct h0_err *e)
{
	h0_autofree char *file = h0_store_registry(paths);
	struct stat st;
	if (stat(file, &st) == 0 && h0_read_file(file, REGISTRY_MAX, ret_old, e) < 0)
		return -1;
	h0_buf_add(ret_new, h0_buf_str(ret_old), ret_old->len);
	if (!path) {
		const char *entry[] = {"models", id, NULL};
		bool found;
		return h0_tomledit_unset(h0_buf_str(ret_new), ret_new->len, file, entry, ret_new, &found, e);
	}
	return set(ret_new, file, id, "path", path, e) < 0 || set(ret_new, file, id, "mmproj", mmproj, e) < 0
	           ? -1 : 0;
}

int h0_registry_write(const struct h0_paths *paths, const struct h0_buf *text, struct h0_err *e)
{
	h0_autofree char *file = h0_store_registry(paths);
	return h0_durable_write(file, h0_buf_str(text), text->len, 0644, e);
}
