/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/fithist.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "fmt/gguf.h"
#include "fmt/json.h"
#include "sys/durable.h"
#include "sys/io.h"

#define KEEP      256           /* files */
#define FILE_MAX  16384
#define BYTES_MAX ((int64_t)1 << 50)

static const char *const buffers[] = {"weights_bytes", "kv_bytes", "compute_bytes", "output_bytes",
	"host_bytes"};

static int64_t *field(struct h0_fit_buffers *b, size_t i)
{
	int64_t *const all[] = {&b->weights, &b->kv, &b->compute, &b->output, &b->host};
	return all[i];
}

void h0_fithist_done(struct h0_fithist *h)
{
	free(h->model);
	free(h->image);
	free(h->device);
	free(h->k_type);
	free(h->v_type);
	*h = (struct h0_fithist){0};
}

bool h0_fithist_key(const char *model, const char *image, const struct h0_fit_run *r,
                    char ret[H0_FITHIST_KEY])
{
	h0_autobuf struct h0_buf t = {0};
	char sum[H0_SHA256_TEXT];
	struct stat st;
	if (r->unclear || !model || !image || stat(model, &st) < 0)
		return false;
	h0_buf_addf(&t, "%lld %lld.%09ld %s\n", (long long)st.st_size, (long long)st.st_mtim.tv_sec,
	            st.st_mtim.tv_nsec, image);
	h0_buf_addf(&t, "%d %" PRId64 " %u %u %" PRId64 " %" PRId64 " %" PRId64, (int)r->device, r->ctx,
	            r->k_type, r->v_type, r->batch, r->ubatch, r->parallel);
	h0_buf_addf(&t, " %d%d%d%d%d%d%d", r->flash, r->unified, r->swa_full, r->embedding, r->mtp,
	            r->kv_on_host, r->weights_on_host);
	if (r->as_is)
		h0_buf_adds(&t, " as it is");
	h0_sha256_of(t.p, t.len, sum);
	const char *hex = strchr(sum, ':');
	snprintf(ret, H0_FITHIST_KEY, "%.32s", hex ? hex + 1 : sum);
	return true;
}

/* ---- one file ---- */
static bool read_buffers(const struct h0_json *j, struct h0_fit_buffers *ret)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(buffers); i++) {
		int64_t v = h0_json_int(h0_json_get(j, buffers[i]), -1);
		if (v < 0 || v > BYTES_MAX)
			return false;
		*field(ret, i) = v;
	}
	return true;
}

static char *text(const struct h0_json *j, const char *key)
{
	const char *s = h0_json_str(h0_json_get(j, key));
	return h0_strdup(s ? s : "");
}

/* false: it makes no sense. */
static bool read_one(const char *dir, const char *key, struct h0_fithist *ret)
{
	h0_autofree char *path = h0_asprintf("%s/%s.json", dir, key);
	h0_autobuf struct h0_buf b = {0};
	h0_autojson struct h0_json *j = NULL;
	struct h0_fithist h = {0};
	if (h0_read_file(path, FILE_MAX, &b, NULL) < 0 ||
	    h0_json_parse(h0_buf_str(&b), b.len, path, &j, NULL) < 0 ||
	    !h0_streq(h0_json_str(h0_json_get(j, "key")), key) ||
	    !read_buffers(h0_json_get(j, "measured"), &h.measured))
		return false;
	if (!read_buffers(h0_json_get(j, "estimate"), &h.estimate))
		h.estimate = (struct h0_fit_buffers){-1, -1, -1, -1, -1};
	snprintf(h.key, sizeof h.key, "%s", key);
	h.model = text(j, "model");
	h.image = text(j, "image");
	h.device = text(j, "device");
	h.k_type = text(j, "cache_type_k");
	h.v_type = text(j, "cache_type_v");
	h.context = h0_json_int(h0_json_get(j, "context"), -1);
	h.batch = h0_json_int(h0_json_get(j, "batch"), -1);
	h.ubatch = h0_json_int(h0_json_get(j, "ubatch"), -1);
	h.parallel = h0_json_int(h0_json_get(j, "parallel"), -1);
	h.flash = h0_json_bool(h0_json_get(j, "flash_attention"), true);
	h.at = h0_json_int(h0_json_get(j, "measured_at"), 0);
	*ret = h;
	return true;
}

static char *directory(const struct h0_paths *paths)
{
	return h0_asprintf("%s/fit", paths->var);
}

bool h0_fithist_find(const struct h0_paths *paths, const char *key, struct h0_fit_buffers *ret)
{
	h0_autofree char *dir = directory(paths);
	h0_auto(h0_fithist_done) struct h0_fithist h = {0};
	if (!read_one(dir, key, &h))
		return false;
	if (ret)
		*ret = h.measured;
	return true;
}

/* ---- all of them ---- */
static bool is_key(const char *name, char ret[H0_FITHIST_KEY])
{
	size_t n = strspn(name, "0123456789abcdef");
	if (n != H0_FITHIST_KEY - 1 || strcmp(name + n, ".json") != 0)
		return false;
	snprintf(ret, H0_FITHIST_KEY, "%.32s", name);
	return true;
}

static int latest_first(const void *a, const void *b)
{
	const struct h0_fithist *x = a, *y = b;
	return x->at > y->at ? -1 : x->at < y->at ? 1 : strcmp(x->key, y->key);
}

int h0_fithist_list(const struct h0_paths *paths, struct h0_fithist **ret, size_t *ret_n,
                    struct h0_err *e)
{
	h0_autofree char *dir = directory(paths);
	struct h0_fithist *v = NULL;
	size_t n = 0, cap = 0;
	DIR *d = h0_opendir(dir);
	if (!d && errno != ENOENT)
		return h0_fail_sys(e, "%s", dir);
	for (struct dirent *ent; d && n < 16 * KEEP && (ent = readdir(d));) {
		char key[H0_FITHIST_KEY];
		v = h0_grow(v, n, &cap, sizeof *v);
		if (is_key(ent->d_name, key) && read_one(dir, key, &v[n]))
			n++;
	}
	if (d)
		closedir(d);
	if (n)
		qsort(v, n, sizeof *v, latest_first);
	*ret = v;
	*ret_n = n;
	return 0;
}

static void drop_old(const struct h0_paths *paths)
{
	h0_autofree char *dir = directory(paths);
	struct h0_fithist *v = NULL;
	size_t n = 0;
	if (h0_fithist_list(paths, &v, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		h0_autofree char *path = h0_asprintf("%s/%s.json", dir, v[i].key);
		if (i >= KEEP)
			unlink(path);
		h0_fithist_done(&v[i]);
	}
	free(v);
}

static struct h0_json *json_of(const struct h0_fit_buffers *b)
{
	struct h0_json *o = h0_json_object();
	struct h0_fit_buffers all = *b;
	for (size_t i = 0; i < H0_ARRAY_LEN(buffers); i++)
		h0_json_set_int(o, buffers[i], *field(&all, i));
	return o;
}

int h0_fithist_put(const struct h0_paths *paths, const struct h0_fithist *h, struct h0_err *e)
{
	h0_autofree char *dir = directory(paths), *path = h0_asprintf("%s/%s.json", dir, h->key);
	h0_autojson struct h0_json *j = h0_json_object();
	h0_autobuf struct h0_buf out = {0};
	h0_json_set_int(j, "schema", 1);
	h0_json_set_str(j, "key", h->key);
	h0_json_set_str(j, "model", h->model);
	h0_json_set_str(j, "image", h->image);
	h0_json_set_str(j, "device", h->device);
	h0_json_set_int(j, "context", h->context);
	h0_json_set_str(j, "cache_type_k", h->k_type);
	h0_json_set_str(j, "cache_type_v", h->v_type);
	h0_json_set_int(j, "batch", h->batch);
	h0_json_set_int(j, "ubatch", h->ubatch);
	h0_json_set_int(j, "parallel", h->parallel);
	h0_json_set_bool(j, "flash_attention", h->flash);
	h0_json_set_int(j, "measured_at", h->at > 0 ? h->at : (int64_t)time(NULL));
	h0_json_set(j, "measured", json_of(&h->measured));
	h0_json_set(j, "estimate", json_of(&h->estimate));
	h0_json_dump(j, 2, false, &out);
	h0_buf_addc(&out, '\n');
	if (h0_mkdirs(dir, 0755, e) < 0 || h0_durable_write(path, out.p, out.len, 0644, e) < 0)
		return -1;
	drop_old(paths);
	return 0;
}
