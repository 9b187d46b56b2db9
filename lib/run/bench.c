/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/mem.h"
#include "fmt/sse.h"
#include "model/modelinfo.h"
#include "run/images.h"
#include "run/modelfile.h"
#include "run/roof.h"
#include "sys/clock.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/lock.h"

#define KEEP       512
#define FILE_MAX   (4u << 20)
#define ANSWER_MAX (4u << 20)
#define IDLE_MS    600000
#define HEADERS    3
#define NONE       {-1, -1, -1}

static double now_ms(void)
{
	return (double)h0_now_ns() / 1e6;
}

/* ---- who it is ---- */

#define SET(dst, s)                                                                   \
	do {                                                                          \
		const char *s_ = (s);                                                 \
		snprintf(dst, sizeof(dst), "%s", s_ ? s_ : "");                       \
	} while (0)

static void set_machine(const struct h0_json *doc, enum h0_device device, struct h0_bench *r)
{
	struct utsname u;
	SET(r->kernel, uname(&u) == 0 ? u.release : "");
	SET(r->hardware, h0_json_str(h0_json_get(doc, "cpu_model")));
	if (device == H0_DEVICE_CPU)
		return;
	const struct h0_json *gpus = h0_json_get(doc, "gpus"), *g = h0_json_at(gpus, 0);
	const char *name = h0_json_str(h0_json_get(g, "name"));
	const char *vulkan = h0_json_str(h0_json_get(g, "vulkan_driver"));
	const char *driver = h0_json_str(h0_json_get(g, "driver"));
	const char *version = h0_json_str(h0_json_get(g, "driver_version"));
	if (name)
		SET(r->hardware, name);
	snprintf(r->driver, sizeof r->driver, "%s%s%s%s%s", driver ? driver : "", version ? " " : "",
	         version ? version : "", vulkan && device == H0_DEVICE_GPU_VULKAN ? ", " : "",
	         vulkan && device == H0_DEVICE_GPU_VULKAN ? vulkan : "");
}

/* A device of Vulkan may be the processors, too: where the machine has no GPU. */
static bool on_processors(const struct h0_bench_seat *s)
{
	struct h0_roof gpu;
	return s->known && (s->fits.run.device == H0_DEVICE_CPU || !h0_roof_gpu(s->fits.doc, &gpu));
}

/* What can be found out about model and image; whatever cannot stays unknown. */
static void set_subject(struct h0_box *b, const struct h0_ctr *c, struct h0_bench_seat *s)
{
	const struct h0_slot *slot = s->slot;
	struct h0_bench *r = &s->result;
	struct h0_fits *f = &s->fits;
	h0_autolocal struct h0_local_images local = {0};
	h0_auto(h0_strv_done) struct h0_strv digests = {0};
	SET(r->model, slot->model);
	SET(r->image, c->image);
	if (h0_local_images(&b->podman, &local, NULL) == 0) {
		h0_local_digests(&local, c->image ? c->image : "", &digests);
		SET(r->digest, digests.n ? digests.v[0] : "");
	}
	if (h0_fits_slot(b, slot, f, NULL) < 0)
		return;
	s->known = true;
	h0_fits_judge(b, H0_FITS_MACHINE, slot->name, f);
	set_machine(f->doc, f->run.device, r);
	SET(r->model, f->path);
	SET(r->quant, h0_model_quant(&f->gguf));
	if (h0_model_sum_read(f->path, r->sha256, NULL) < 1)
		r->sha256[0] = '\0';
	r->model_bytes = f->fit.weights;
}

/* What the machine allows: by the table of GPUs, else `cpu`, what its processors have been seen to do. */
static void set_roof(struct h0_bench_seat *s, const struct h0_roof *cpu)
{
	struct h0_bench *r = &s->result;
	const struct h0_fits *f = &s->fits;
	struct h0_roof roof = *cpu;
	if (!s->known)
		return;
	if (!on_processors(s))
		h0_roof_gpu(f->doc, &roof);
	enum h0_math math = h0_roof_math(&roof, &f->gguf);
	double operations = h0_roof_operations(&f->model, r->prompt);
	if (roof.gb_per_s > 0) {
		r->gb_per_s = (int64_t)(roof.gb_per_s + 0.5);
		r->write_roof = f->fit.active > 0 ? roof.gb_per_s * 1e9 / (double)f->fit.active : -1;
	}
	if (math < H0_MATH_N) {
		r->gflops = (int64_t)(roof.gflops[math] + 0.5);
		SET(r->math, h0_math_names[math]);
		r->read_roof = operations > 0 ? roof.gflops[math] * 1e9 / operations : -1;
	}
	if (r->gb_per_s > 0 || r->gflops > 0)
		SET(r->roof_from, roof.measured ? "measured" : "device-table");
}

static int not_ready(const struct h0_slot *slot, struct h0_err *e)
{
	h0_fail(e, H0_NO, "slot %s does not run: start it with: hal0 slot start %s", slot->name,
	        slot->name);
	h0_err_detail(e, "slot", "%s", slot->name);
	return h0_err_code(e, "slot.not_ready");
}

int h0_bench_seat(struct h0_box *b, const struct h0_ctrs *ctrs, const struct h0_slot *slot,
                  struct h0_bench_seat *ret, struct h0_err *e)
{
	const struct h0_ctr *c = h0_ctrs_get(ctrs, slot->name);
	if (slot->type != H0_TYPE_LLM || slot->provider != H0_PROVIDER_LLAMA_SERVER)
		return h0_fail(e, H0_USAGE, "slot %s: only slots of type llm that run llama-server are measured",
		               slot->name);
	if (!c || c->state != H0_CTR_RUNNING)
		return not_ready(slot, e);
	if (h0_live_check_owner(b, c, e) < 0 || h0_slot_key_read(&b->paths, slot->name, ret->key, e) < 0)
		return -1;
	ret->slot = slot;
	ret->port = c->port ? c->port : slot->port;
	struct h0_bench *r = &ret->result;
	*r = (struct h0_bench){.model_bytes = -1, .gb_per_s = -1, .gflops = -1, .write_roof = -1,
	                       .read_roof = -1, .read = NONE, .write = NONE, .first = NONE, .trip = NONE};
	SET(r->slot, slot->name);
	SET(r->device, h0_device_names[slot->device]);
	set_subject(b, c, ret);
	return 0;
}

void h0_bench_seats_done(struct h0_bench_seat *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].ask);
		free(v[i].ask_small);
		h0_fits_done(&v[i].fits);
	}
	free(v);
}

/* ---- requests ---- */

struct call {
	char url[96], auth[96 + H0_SLOT_KEY];
	const char *headers[HEADERS];
	struct h0_sse sse;
	struct h0_buf error;    /* the answer, when its status is none of success */
	double began, first, ended;
	int status;
	int64_t prompt_n, predicted_n;
	double read, write;
};

static void call_begin(struct call *k, const struct h0_bench_seat *s, const char *path,
                       const char *body, const atomic_int *stop, struct h0_http_req *ret)
{
	snprintf(k->url, sizeof k->url, "http://127.0.0.1:%d%s", s->port, path);
	k->headers[0] = "Content-Type: application/json";
	if (*s->key) {
		snprintf(k->auth, sizeof k->auth, "Authorization: Bearer %s", s->key);
		k->headers[1] = k->auth;
	}
	*ret = (struct h0_http_req){.url = k->url, .headers = k->headers, .body = body,
		.body_len = body ? strlen(body) : 0, .idle_timeout_ms = IDLE_MS, .max_body = ANSWER_MAX,
		.stop = stop};
}

static int failed(const struct h0_bench_seat *s, int status, struct h0_err *e)
{
	if (status == 503) {
		h0_fail(e, H0_BUSY, "slot %s is still loading: hal0 slot wait %s", s->slot->name, s->slot->name);
		return h0_err_code(e, "slot.loading");
	}
	h0_fail(e, H0_EXTERN, "slot %s: its server answered with status %d", s->slot->name, status);
	return h0_err_code(e, "dispatch.upstream_failed");
}

static int translate(const struct h0_bench_seat *s, struct h0_err *e)
{
	if (e && e->sys_errno == ECONNREFUSED)
		return not_ready(s->slot, e);
	return h0_wrap(e, "slot %s", s->slot->name);
}

/* A short question and its answer as JSON. */
static int ask(struct h0_http_client *c, const struct h0_bench_seat *s, const char *path,
               const char *body, const atomic_int *stop, struct h0_json **ret, struct h0_err *e)
{
	struct call k = {0};
	struct h0_http_req req;
	h0_autohttp struct h0_http_res res = {0};
	struct h0_err local = {0};
	call_begin(&k, s, path, body, stop, &req);
	if (h0_http_do(c, &req, &res, &local) < 0) {
		translate(s, &local);
		if (e)
			*e = local;
		return -1;
	}
	if (res.status / 100 != 2)
		return failed(s, res.status, e);
	if (h0_json_parse(h0_buf_str(&res.body), res.body.len, path, ret, NULL) < 0)
		return h0_fail(e, H0_EXTERN, "slot %s: its server's answer to %s makes no sense", s->slot->name,
		               path);
	return 0;
}

static char *completion(const struct h0_json *tokens, int64_t n, int64_t predict)
{
	h0_autojson struct h0_json *o = h0_json_object();
	struct h0_json *prompt = h0_json_array();
	h0_autobuf struct h0_buf out = {0};
	size_t have = h0_json_len(tokens);
	for (int64_t i = 0; i < n; i++)
		h0_json_add(prompt, h0_json_copy(h0_json_at(tokens, (size_t)i % have)));
	h0_json_set(o, "prompt", prompt);
	h0_json_set_int(o, "n_predict", predict);
	h0_json_set_bool(o, "cache_prompt", false);
	h0_json_set_bool(o, "ignore_eos", true);
	h0_json_set_bool(o, "stream", true);
	h0_json_set_int(o, "temperature", 0);
	h0_json_dump(o, 0, false, &out);
	return h0_buf_take(&out);
}

/* The context's room and a prompt of exactly as many tokens as are wanted. */
static int prepare(struct h0_http_client *c, struct h0_bench_seat *s, const atomic_int *stop,
                   struct h0_err *e)
{
	static const char text[] = "{\"content\":\"The quick brown fox jumps over the lazy dog while seven "
		"wizards brew tea, count 12 stars and write 3 letters home about it.\",\"add_special\":false}";
	h0_autojson struct h0_json *props = NULL, *said = NULL;
	struct h0_bench *r = &s->result;
	if (ask(c, s, "/props", NULL, stop, &props, e) < 0)
		return -1;
	r->context = h0_json_int(h0_json_get(h0_json_get(props, "default_generation_settings"), "n_ctx"), -1);
	if (!h0_bench_size(r->context, &r->prompt, &r->tokens))
		return h0_fail(e, H0_NO, "slot %s: a context of %lld tokens is too small to measure with",
		               s->slot->name, (long long)r->context);
	if (ask(c, s, "/tokenize", text, stop, &said, e) < 0)
		return -1;
	const struct h0_json *tokens = h0_json_get(said, "tokens");
	if (!h0_json_len(tokens) || h0_json_type(h0_json_at(tokens, 0)) != H0_JSON_INT)
		return h0_fail(e, H0_EXTERN, "slot %s: its server's answer to /tokenize makes no sense",
		               s->slot->name);
	s->ask = completion(tokens, r->prompt, r->tokens);
	s->ask_small = completion(tokens, 1, 1);
	return 0;
}

/* ---- one run ---- */

static int on_event(const char *name, const char *data, size_t len, void *arg, struct h0_err *e)
{
	struct call *k = arg;
	h0_autojson struct h0_json *j = NULL;
	(void)name;
	(void)e;
	if (k->first <= 0)
		k->first = now_ms();
	if (h0_json_parse(data, len, "event", &j, NULL) < 0)
		return 0;
	const struct h0_json *t = h0_json_get(j, "timings");
	if (h0_json_type(t) != H0_JSON_OBJECT)
		return 0;
	k->prompt_n = h0_json_int(h0_json_get(t, "prompt_n"), -1);
	k->predicted_n = h0_json_int(h0_json_get(t, "predicted_n"), -1);
	k->read = h0_json_num(h0_json_get(t, "prompt_per_second"), -1);
	k->write = h0_json_num(h0_json_get(t, "predicted_per_second"), -1);
	return 0;
}

static int on_data(const char *p, size_t n, int status, void *arg)
{
	struct call *k = arg;
	k->status = status;
	k->ended = now_ms();
	return status / 100 == 2 ? h0_sse_feed(&k->sse, p, n, NULL) : 0;
}

/* One request to each, all at once. */
static int calls(struct h0_http_client *c, struct h0_bench_seat *v, size_t n, bool small,
                 const atomic_int *stop, struct call *k, struct h0_err *e)
{
	h0_autofree struct h0_http_req *reqs = h0_calloc(n, sizeof *reqs);
	h0_autofree struct h0_err *errs = h0_calloc(n, sizeof *errs);
	double began = now_ms();
	for (size_t i = 0; i < n; i++) {
		call_begin(&k[i], &v[i], "/completion", small ? v[i].ask_small : v[i].ask, stop, &reqs[i]);
		k[i].sse.on_event = on_event;
		k[i].sse.arg = &k[i];
		k[i].prompt_n = k[i].predicted_n = -1;
		k[i].began = began;
		reqs[i].on_data = on_data;
		reqs[i].on_data_arg = &k[i];
	}
	int rc = h0_http_do_all(c, reqs, n, errs, e);
	for (size_t i = 0; i < n; i++) {
		const struct h0_bench *r = &v[i].result;
		h0_sse_done(&k[i].sse);
		if (rc < 0)
			continue;
		if (errs[i].kind != H0_OK) {
			translate(&v[i], &errs[i]);
			if (e)
				*e = errs[i];
			rc = -1;
		} else if (k[i].status / 100 != 2) {
			rc = failed(&v[i], k[i].status, e);
		} else if (!small && (k[i].prompt_n != r->prompt || k[i].predicted_n != r->tokens ||
		                      k[i].read <= 0 || k[i].write <= 0)) {
			rc = h0_fail(e, H0_EXTERN, "slot %s: asked for %lld and %lld tokens, its server counted %lld and %lld",
			             v[i].slot->name, (long long)r->prompt, (long long)r->tokens,
			             (long long)k[i].prompt_n, (long long)k[i].predicted_n);
		}
	}
	return rc;
}

static int run_once(struct h0_http_client *c, struct h0_bench_seat *v, size_t n, int64_t run,
                    const atomic_int *stop, struct h0_err *e)
{
	h0_autofree struct call *small = h0_calloc(n, sizeof *small);
	h0_autofree struct call *whole = h0_calloc(n, sizeof *whole);
	if (calls(c, v, n, true, stop, small, e) < 0 || calls(c, v, n, false, stop, whole, e) < 0)
		return -1;
	for (size_t i = 0; run > 0 && i < n; i++) {
		v[i].trip[run - 1] = small[i].ended - small[i].began;
		v[i].first[run - 1] = whole[i].first - whole[i].began;
		v[i].read[run - 1] = whole[i].read;
		v[i].write[run - 1] = whole[i].write;
	}
	return 0;
}

/* No slot answers meanwhile: all of the processors is theirs. */
static void look_at_processors(struct h0_bench_seat *v, size_t n, const struct h0_bench_how *how,
                               struct h0_roof *ret)
{
	bool any = false;
	h0_roof_unknown(ret);
	for (size_t i = 0; i < n; i++)
		any = any || on_processors(&v[i]);
	if (any && how->tell)
		how->tell(-1, how->runs, how->arg);
	if (any)
		h0_roof_measure(how->stop, ret);
}

int h0_bench_prepare(struct h0_bench_seat *v, size_t n, const atomic_int *stop, struct h0_err *e)
{
	h0_autohttpclient struct h0_http_client *c = NULL;
	if (h0_http_open(&c, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (prepare(c, &v[i], stop, e) < 0)
			return -1;
	return 0;
}

int h0_bench_measure(struct h0_bench_seat *v, size_t n, const struct h0_bench_how *how,
                     struct h0_err *e)
{
	h0_autohttpclient struct h0_http_client *c = NULL;
	struct h0_roof cpu;
	if (h0_bench_prepare(v, n, how->stop, e) < 0 || h0_http_open(&c, e) < 0)
		return -1;
	look_at_processors(v, n, how, &cpu);
	for (int64_t run = 0; run <= how->runs; run++) {
		if (how->tell)
			how->tell(run, how->runs, how->arg);
		if (run_once(c, v, n, run, how->stop, e) < 0)
			return -1;
	}
	size_t runs = (size_t)how->runs;
	for (size_t i = 0; i < n; i++) {
		struct h0_bench *r = &v[i].result;
		r->at = (int64_t)time(NULL);
		r->runs = how->runs;
		r->together = (int64_t)n;
		r->read = h0_bench_spread(v[i].read, runs);
		r->write = h0_bench_spread(v[i].write, runs);
		r->first = h0_bench_spread(v[i].first, runs);
		r->trip = h0_bench_spread(v[i].trip, runs);
		set_roof(&v[i], &cpu);
	}
	return 0;
}

/* ---- what is kept ---- */

int h0_bench_list(const struct h0_paths *paths, struct h0_bench **ret, size_t *ret_n,
                  struct h0_err *e)
{
	h0_autofree char *path = h0_asprintf("%s/bench.jsonl", paths->var);
	h0_autobuf struct h0_buf b = {0};
	struct h0_err local = {0};
	struct h0_bench *v = NULL;
	size_t n = 0, cap = 0;
	if (h0_read_file(path, FILE_MAX, &b, &local) < 0 && local.sys_errno != ENOENT &&
	    local.sys_errno != EFBIG) {
		if (e)
			*e = local;
		return -1;
	}
	for (const char *p = h0_buf_str(&b); *p && n < 16 * KEEP;) {
		const char *end = strchr(p, '\n');
		size_t len = end ? (size_t)(end - p) : strlen(p);
		h0_autojson struct h0_json *j = NULL;
		v = h0_grow(v, n, &cap, sizeof *v);
		if (len && h0_json_parse(p, len, path, &j, NULL) == 0 && h0_bench_read(j, &v[n]))
			n++;
		p += len + (end != NULL);
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

static void put(struct h0_buf *out, const struct h0_bench *b)
{
	h0_autojson struct h0_json *j = h0_bench_json(b);
	h0_json_dump(j, 0, false, out);
	h0_buf_addc(out, '\n');
}

int h0_bench_keep(const struct h0_paths *paths, const struct h0_bench *v, size_t n,
                  struct h0_err *e)
{
	h0_autofree char *path = h0_asprintf("%s/bench.jsonl", paths->var);
	h0_autofree char *lock = h0_asprintf("%s/.bench.lock", paths->var);
	h0_autofree struct h0_bench *old = NULL;
	h0_autobuf struct h0_buf out = {0};
	size_t nold = 0;
	if (h0_mkdirs(paths->var, 0755, e) < 0)
		return -1;
	h0_autofd int fd = h0_lock(lock, 5000, NULL, e);
	if (fd < 0 || h0_bench_list(paths, &old, &nold, e) < 0)
		return -1;
	for (size_t i = nold + n > KEEP ? nold + n - KEEP : 0; i < nold; i++)
		put(&out, &old[i]);
	for (size_t i = 0; i < n; i++)
		put(&out, &v[i]);
	return h0_durable_write(path, out.p, out.len, 0644, e);
}
