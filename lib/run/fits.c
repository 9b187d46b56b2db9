/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/fits.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/num.h"
#include "model/argv.h"
#include "model/fitpool.h"
#include "model/fitsum.h"
#include "model/hwdoc.h"
#include "run/facts.h"
#include "run/fithist.h"
#include "run/log.h"
#include "run/room.h"
#include "run/sized.h"
#include "sys/io.h"

#define HARDWARE_MAX    (4u << 20)
#define SHARDS_MAX      1000
#define LOG_LINES       100000

void h0_fits_done(struct h0_fits *f)
{
	h0_gguf_done(&f->gguf);
	h0_json_free(f->doc);
	free(f->path);
	free(f->image);
	f->doc = NULL;
	f->path = f->image = NULL;
}

/* ---- the files ---- */
static int more_shards(const char *path, struct h0_fits *f, struct h0_err *e)
{
	const char *mark = strstr(path, "-00001-of-");
	int64_t n = f->gguf.split_count;
	if (!mark || n <= 1 || n > SHARDS_MAX)
		return 0;
	for (int64_t i = 2; i <= n; i++) {
		h0_autofree char *file = h0_asprintf("%.*s-%05" PRId64 "-of-%05" PRId64 ".gguf",
		                                     (int)(mark - path), path, i, n);
		h0_autogguf struct h0_gguf g = {0};
		if (h0_gguf_open(file, &g, e) < 0)
			return -1;
		h0_fit_model_more(&f->model, &g);
	}
	return 0;
}

static int64_t projector(const char *path)
{
	h0_autogguf struct h0_gguf g = {0};
	struct stat st;
	if (!path)
		return 0;
	if (h0_gguf_open(path, &g, NULL) == 0 && !g.tensors_unknown)
		return h0_sum_of(g.tensor_bytes);
	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

int h0_fits_file(const char *path, const char *mmproj, struct h0_fits *ret, struct h0_err *e)
{
	*ret = (struct h0_fits){.pool = {.bytes = -1, .free = -1, .gb_per_s = -1}};
	if (h0_gguf_open(path, &ret->gguf, e) < 0)
		return -1;
	h0_fit_model_first(&ret->model, &ret->gguf);
	if (more_shards(path, ret, e) < 0)
		return -1;
	ret->model.mmproj = projector(mmproj);
	h0_fit_run_default(&ret->run, H0_DEVICE_CPU);
	return 0;
}

/* ---- a slot ---- */
int h0_fits_slot(struct h0_box *b, const struct h0_slot *slot, struct h0_fits *ret,
                 struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	struct h0_plan plan;
	*ret = (struct h0_fits){0};
	h0_gguf_done(&ret->gguf);
	if (h0_box_profiles(b, e) < 0 || h0_plan_slot(slot, &b->profiles, &plan, e) < 0)
		return -1;
	if (plan.family != H0_PROVIDER_LLAMA_SERVER) {
		h0_fail(e, H0_NOHW, "slot %s: nothing is known about the memory of %s", slot->name,
		        h0_provider_names[plan.family]);
		return h0_err_code(e, "backend.missing");
	}
	if (h0_spec_make_anywhere(&b->paths, &b->snap, &b->profiles, &b->podman, slot, &s, e) < 0)
		return -1;
	if (h0_fits_file(s.model.path, slot->vision ? s.model.mmproj : NULL, ret, e) < 0)
		return -1;
	h0_spec_fit_run(&s, &ret->run);
	ret->path = h0_strdup(s.model.path);
	ret->image = h0_strdup(s.plan.image);
	h0_fits_recall(b, ret);
	return 0;
}

/* ---- what was measured ---- */
void h0_fits_recall(const struct h0_box *b, struct h0_fits *f)
{
	char key[H0_FITHIST_KEY];
	f->model.seen_run = f->run;
	f->model.seen = h0_fithist_key(f->path, f->image, &f->run, key) &&
	                h0_fithist_find(&b->paths, key, &f->model.seen_buffers);
}

static void learn(struct h0_box *b, const struct h0_fits *f, const char *key, const char *log)
{
	struct h0_fit_buffers got;
	struct h0_fit fit;
	if (!h0_fitlog_read(log, &got))
		return;
	h0_fit(&f->model, &f->run, &fit);
	int64_t host = fit.total >= 0 && fit.device >= 0 ? fit.total - fit.device : -1;
	struct h0_fithist h = {
		.model = f->path, .image = f->image, .context = fit.ctx, .batch = f->run.batch,
		.ubatch = f->run.ubatch, .parallel = f->run.parallel, .flash = f->run.flash,
		.device = h0_strdup(h0_device_names[f->run.device]),
		.k_type = h0_strdup(h0_gguf_type_name(f->run.k_type)),
		.v_type = h0_strdup(h0_gguf_type_name(f->run.v_type)), .measured = got,
		.estimate = {fit.weights, fit.kv, fit.compute, fit.output,
		             f->run.device == H0_DEVICE_CPU ? fit.total : host},
	};
	snprintf(h.key, sizeof h.key, "%s", key);
	(void)h0_fithist_put(&b->paths, &h, NULL); /* it can be measured again */
	free(h.device);
	free(h.k_type);
	free(h.v_type);
}

void h0_fits_learn(const char *name, const char *log_path)
{
	h0_autobox struct h0_box b = {0};
	h0_autofits struct h0_fits f = {0};
	h0_autobuf struct h0_buf log = {0};
	const struct h0_slot *slot;
	char key[H0_FITHIST_KEY];
	if (h0_box_open(&b, NULL) < 0 || h0_slots_find(&b.slots, name, &slot, NULL) < 0 ||
	    h0_fits_slot(&b, slot, &f, NULL) < 0 || f.model.seen ||
	    !h0_fithist_key(f.path, f.image, &f.run, key) ||
	    h0_log_tail(log_path, LOG_LINES, &log, NULL) < 0)
		return;
	learn(&b, &f, key, h0_buf_str(&log));
}

/* ---- the pool ---- */
static struct h0_json *recorded(const struct h0_paths *paths)
{
	h0_autofree char *file = h0_asprintf("%s/hardware.json", paths->etc);
	h0_autobuf struct h0_buf text = {0};
	struct h0_json *doc = NULL;
	if (h0_read_file(file, HARDWARE_MAX, &text, NULL) < 0 ||
	    h0_json_parse(h0_buf_str(&text), text.len, file, &doc, NULL) < 0)
		return NULL;
	if (h0_json_get(doc, "memory"))
		return doc;
	h0_json_free(doc);
	return NULL;
}

/* What is free counts only if the document is about this machine. */
static bool same_machine(const struct h0_json *doc, const struct h0_hw *hw)
{
	int64_t there = h0_fit_pool_ram(doc), here = hw->mem.total;
	return there > 0 && here > 0 && there / 64 == here / 64;
}

static int64_t free_now(const struct h0_machine *m, enum h0_device device)
{
	bool card = h0_machine_primary(m) && !m->mem.unified;
	if (device == H0_DEVICE_CPU && (card || m->mem.unified))
		return m->hw->mem.available;
	return m->mem.free_mib == H0_UNKNOWN ? -1 : m->mem.free_mib << 20;
}

void h0_fits_pool(struct h0_box *b, enum h0_fits_pool which, struct h0_fits *f)
{
	const char *sysroot = getenv("HAL0_SYSROOT");
	h0_autoroot struct h0_root root = {0};
	h0_autohw struct h0_hw *hw = NULL;
	if (!f->doc)
		f->doc = recorded(&b->paths);
	if ((f->doc && which == H0_FITS_MACHINE) || h0_root_open(&root, sysroot && *sysroot ? sysroot : NULL, NULL) < 0) {
		h0_fit_pool_of(f->doc, f->run.device, &f->pool);
		return;
	}
	hw = h0_hw_probe(&root, 0);
	h0_autofree struct h0_machine *m = f->doc ? h0_machine(hw) : h0_machine_sized(&root, hw);
	if (!f->doc)
		f->doc = h0_hwdoc(m, NULL);
	h0_fit_pool_of(f->doc, f->run.device, &f->pool);
	if (which != H0_FITS_MACHINE && same_machine(f->doc, hw)) {
		f->pool.free = free_now(m, f->run.device);
		f->pool.free = f->pool.free < 0 ? -1 : f->pool.free;
	}
}

static void others(struct h0_box *b, const char *except, struct h0_fits *f)
{
	h0_autoctrs struct h0_ctrs ctrs = {0};
	h0_autoledger struct h0_ledger l = {.lock = -1};
	h0_autousers struct h0_room_users u = {0};
	struct h0_err why = {0};
	if (!b->slots.n)
		return;
	if (h0_podman_ps(&b->podman, &ctrs, &why) < 0) {
		if (why.kind != H0_NOHW) /* no podman, nothing runs */
			snprintf(f->unseen, sizeof f->unseen, "%s", why.msg);
		return;
	}
	h0_ledger_read(&b->paths, &l);
	h0_room_look(b, &ctrs, &l, except, f, &u);
	h0_room_fill(&u, &f->pool);
	h0_autobuf struct h0_buf names = {0};
	h0_room_unknown(&u, &names);
	snprintf(f->guessed, sizeof f->guessed, "%s", h0_buf_str(&names));
}

void h0_fits_judge(struct h0_box *b, enum h0_fits_pool which, const char *except,
                   struct h0_fits *f)
{
	h0_fits_pool(b, which, f);
	if (which == H0_FITS_NOW)
		others(b, except, f);
	h0_fit(&f->model, &f->run, &f->fit);
	h0_fit_judge(&f->model, &f->run, &f->fit, &f->pool, &f->answer);
}

void h0_fits_say(const struct h0_fits *f, struct h0_buf *ret)
{
	char need[32], room[32], pool[32];
	const struct h0_fit_answer *a = &f->answer;
	if (f->fit.refused) {
		h0_buf_addf(ret, "the server would refuse it: %s", f->fit.refused);
		return;
	}
	if (a->need < 0 || a->headroom == INT64_MIN) {
		h0_buf_addf(ret, "%s", a->need < 0 ? "the model does not say enough about itself"
		                                   : "how much memory there is is not known");
		return;
	}
	h0_num_human(a->need, need, sizeof need);
	h0_num_human(a->need + a->headroom, room, sizeof room);
	h0_num_human(f->pool.bytes, pool, sizeof pool);
	h0_buf_addf(ret, "it needs %s, %s of %s are left (%s)", need, room, pool,
	            f->pool.binding ? f->pool.binding : "limit unknown");
	if (a->verdict == H0_FIT_NOT && a->largest_ctx > 0)
		h0_buf_addf(ret, "; a context of %" PRId64 " would fit", a->largest_ctx);
	else if (a->verdict == H0_FIT_NOT)
		h0_buf_addf(ret, "; no context fits");
}
