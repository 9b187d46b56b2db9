/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include "base/mem.h"
#include "fmt/gguf.h"
#include "fmt/json.h"
#include "model/common.h"
#include "sys/clock.h"

struct verify {
	struct h0_ctx *ctx;
	struct h0_rec *rec;
	const char *name;
	bool record, bad, changed;
	int64_t since_ms, told_ms;
};

static void tell(int64_t done, int64_t total, void *arg)
{
	struct verify *v = arg;
	int64_t now = h0_now_ms();
	if (now - v->told_ms < 200 || now - v->since_ms < 1000)
		return;
	v->told_ms = now;
	model_progress(v->ctx, v->name, done, total, done * 1000 / (now - v->since_ms));
}

static void add_row(struct verify *v, const char *file, const char *sum, const char *expected,
                    int ok, const char *message)
{
	struct stat st;
	h0_rec_row(v->rec);
	h0_rec_str(v->rec, VERIFY_NAME, v->name);
	if (ok >= 0)
		h0_rec_bool(v->rec, VERIFY_OK, ok);
	h0_rec_str(v->rec, VERIFY_FILE, file);
	h0_rec_str(v->rec, VERIFY_SHA256, sum);
	h0_rec_str(v->rec, VERIFY_EXPECTED, expected);
	if (stat(file, &st) == 0)
		h0_rec_int(v->rec, VERIFY_SIZE, st.st_size);
	h0_rec_str(v->rec, VERIFY_MESSAGE, message);
	v->bad = v->bad || ok == 0;
}

static void fault(struct verify *v, const char *file, const struct h0_err *why)
{
	char text[1536];
	h0_err_text(why, text, sizeof text);
	add_row(v, file, NULL, NULL, 0, text);
}

static int verify_file(struct verify *v, const char *file, struct h0_err *e)
{
	h0_autogguf struct h0_gguf g = {0};
	struct h0_err why = {0};
	char sum[H0_SHA256_TEXT], want[H0_SHA256_TEXT];
	const struct h0_model_hash h = {.path = file, .tell = tell, .arg = v};
	int known = h0_model_sum_read(file, want, &why);
	if (known < 0 ||
	    h0_gguf_open(file, &g, &why) < 0 || h0_gguf_check_size(&g, file, &why) < 0) {
		fault(v, file, &why);
		return 0;
	}
	v->since_ms = h0_now_ms();
	int rc = h0_model_hash(&h, sum, &why);
	model_progress(v->ctx, "", 0, 0, 0);
	if (rc < 0) {
		fault(v, file, &why);
		return 0;
	}
	if (known) {
		bool same = h0_streq(sum, want);
		add_row(v, file, sum, want, same, same ? "as recorded" : "is not what was recorded");
		return 0;
	}
	if (!v->record) {
		add_row(v, file, sum, NULL, -1, "nothing is recorded");
		return 0;
	}
	v->changed = true;
	if (!v->ctx->dry_run && h0_model_sum_write(file, sum, e) < 0)
		return -1;
	add_row(v, file, sum, sum, true, v->ctx->dry_run ? "would be recorded" : "recorded");
	return 0;
}

static int verify_model(struct verify *v, const struct h0_model_file *m, struct h0_err *e)
{
	h0_autostrv struct h0_strv files = {0};
	v->name = m->id;
	h0_model_shards(m->path, &files);
	for (size_t i = 0; i < files.n; i++)
		if (verify_file(v, files.v[i], e) < 0)
			return -1;
	return m->mmproj ? verify_file(v, m->mmproj, e) : 0;
}

static int verify_all(struct verify *v, const struct h0_box *b, struct h0_err *e)
{
	h0_automodels struct h0_models all = {0};
	if (h0_store_list(&b->paths, &b->snap, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		v->name = all.v[i].file.id;
		if (all.v[i].fault)
			add_row(v, all.v[i].file.path, NULL, NULL, 0, all.v[i].fault);
		else if (verify_model(v, &all.v[i].file, e) < 0)
			return -1;
	}
	return 0;
}

static int verify_named(struct verify *v, const struct h0_box *b, struct h0_err *e)
{
	for (int i = 0; i < v->ctx->argc; i++) {
		h0_automodelfile struct h0_model_file m = {0};
		if (model_find(b, v->ctx->argv[i], &m, NULL, e) < 0 || verify_model(v, &m, e) < 0)
			return -1;
	}
	return 0;
}

int model_verify(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct model_verify_opts *o = opts;
	h0_autobox struct h0_box b = {0};
	struct verify v = {.ctx = ctx, .record = o->record};
	if (h0_box_open(&b, e) < 0)
		return -1;
	v.rec = h0_rec_new(model_verify_cols);
	int rc = ctx->argc ? verify_named(&v, &b, e) : verify_all(&v, &b, e);
	if (rc == 0) {
		struct h0_json *more = h0_json_object();
		h0_json_set_bool(more, "changed", v.changed);
		rc = h0_out_rec(ctx, v.rec, more, e);
	}
	h0_rec_free(v.rec);
	return rc < 0 ? -1 : v.bad ? H0_NO : 0;
}
