/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What lies in hal0's own directories, as somebody else may have left it, and what programs on this
 * machine say. The first byte says what: s state.json, l ledger.json, h a fit history, b bench.jsonl,
 * d a download's state, k a slot's key, e api.env, r registry.toml, g a server's log, p podman ps,
 * i podman images, f FLM's list, v the record of Vulkan's child, n a name of anything. It is taken or
 * left; what is taken is within bounds, is one line where it must be, and reads back once written.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/words.h"
#include "fmt/url.h"
#include "hw/hw.h"
#include "model/bench.h"
#include "model/flm.h"
#include "model/modelref.h"
#include "run/bench.h"
#include "run/fithist.h"
#include "run/images.h"
#include "run/ledger.h"
#include "run/log.h"
#include "run/partial.h"
#include "run/slotkey.h"
#include "run/state.h"
#include "run/store.h"
#include "run/upstream.h"
#include "sys/io.h"

#define KEY "0123456789abcdef0123456789abcdef"

static struct h0_paths paths;

static void in_home(char *dst, size_t size, const char *file)
{
	snprintf(dst, size, "%s/%s", paths.home, file);
}

static void leave(void)
{
	static const char *const made[] = {"api.env", "x.gguf", ".x.gguf.hal0-part", ".x.gguf.hal0-state", ".bench.lock",
		"bench.jsonl", "ledger.json", "slots/x/state.json", "slots/x", "slots", "fit/" KEY ".json", "fit", "keys/x", "keys",
		"registry/registry.toml", "registry", ""};
	char path[1300];
	for (size_t i = 0; i < H0_ARRAY_LEN(made); i++) {
		in_home(path, sizeof path, made[i]);
		remove(path);
	}
}

static void enter(void)
{
	static const char *const dirs[] = {"slots", "slots/x", "fit", "keys", "registry"};
	char path[1300];
	fuzz_dir(paths.home, sizeof paths.home);
	snprintf(paths.etc, sizeof paths.etc, "%s", paths.home);
	snprintf(paths.var, sizeof paths.var, "%s", paths.home);
	snprintf(paths.run, sizeof paths.run, "%s", paths.home);
	for (size_t i = 0; i < H0_ARRAY_LEN(dirs); i++) {
		in_home(path, sizeof path, dirs[i]);
		mkdir(path, 0755);
	}
	atexit(leave);
}

static void put(const char *file, const char *p, size_t n)
{
	char path[1300];
	in_home(path, sizeof path, file);
	h0_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
}

static bool has_reason(int rc, const struct h0_err *e)
{
	H0_ASSERT(rc >= 0 || (e->msg[0] && e->kind != H0_OK && e->kind != H0_BUG));
	return rc >= 0;
}

static bool one_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* ---- files ---- */

static void state(const char *p, size_t n)
{
	struct h0_state_file s, again;
	struct h0_err e = {0};
	put("slots/x/state.json", p, n);
	if (!has_reason(h0_state_read(&paths, "x", &s, &e), &e))
		return;
	H0_ASSERT(s.state < H0_STATE_N && s.port >= 0 && s.port <= 65535 && s.exit_code >= 0 && s.exit_code <= H0_BUG);
	H0_ASSERT(h0_streq(s.name, "x"));
	H0_ASSERT(h0_state_write(&paths, &s, &e) == 0 && h0_state_read(&paths, "x", &again, &e) == 0);
	H0_ASSERT(s.state == again.state && s.port == again.port && s.exit_code == again.exit_code);
	/* bytes that are no UTF-8 were cut or replaced once: no more */
	s = again;
	H0_ASSERT(h0_state_write(&paths, &s, &e) == 0 && h0_state_read(&paths, "x", &again, &e) == 0);
	H0_ASSERT(h0_streq(s.message, again.message) && h0_streq(s.model_id, again.model_id) && h0_streq(s.code, again.code));
}

static void ledger(const char *p, size_t n)
{
	h0_autoledger struct h0_ledger l = {.lock = -1};
	put("ledger.json", p, n);
	h0_ledger_read(&paths, &l);
	for (size_t i = 0; i < l.n; i++)
		H0_ASSERT(l.v[i].host >= 0 && l.v[i].device >= 0 && l.v[i].booker > 0 && h0_name_ok(l.v[i].slot));
}

static void history(const char *p, size_t n)
{
	struct h0_fit_buffers b, again;
	struct h0_fithist *v = NULL;
	struct h0_err e = {0};
	size_t found = 0;
	put("fit/" KEY ".json", p, n);
	bool known = h0_fithist_find(&paths, KEY, &b);
	H0_ASSERT(h0_fithist_list(&paths, &v, &found, &e) == 0 && found == known);
	for (size_t i = 0; i < found; i++) {
		H0_ASSERT(b.weights >= 0 && b.kv >= 0 && b.compute >= 0 && b.output >= 0 && b.host >= 0);
		H0_ASSERT(h0_fithist_put(&paths, &v[i], &e) == 0 && h0_fithist_find(&paths, KEY, &again));
		H0_ASSERT(memcmp(&b, &again, sizeof b) == 0);
		h0_fithist_done(&v[i]);
	}
	free(v);
}

static size_t lines_of(const struct h0_buf *b)
{
	size_t n = 0;
	for (const char *p = h0_buf_str(b); *p; p++)
		n += *p == '\n';
	return n;
}

static void bench(const char *p, size_t n)
{
	h0_autofree struct h0_bench *v = NULL, *again = NULL;
	h0_autobuf struct h0_buf table = {0}, svg = {0};
	size_t found = 0, kept = 0;
	struct h0_err e = {0};
	put("bench.jsonl", p, n);
	H0_ASSERT(h0_bench_list(&paths, &v, &found, &e) == 0);
	if (!found || found > 8)
		return;
	h0_bench_markdown(v, found, &table);
	H0_ASSERT(lines_of(&table) == found + 2);
	h0_bench_svg(v, found, &svg);
	H0_ASSERT(h0_starts(h0_buf_str(&svg), "<svg") && h0_ends(h0_buf_str(&svg), "</svg>\n"));
	H0_ASSERT(h0_bench_last(v, found, &v[0]));
	H0_ASSERT(h0_bench_keep(&paths, v, 1, &e) == 0 && h0_bench_list(&paths, &again, &kept, &e) == 0);
	H0_ASSERT(kept == found + 1);
}

static void download(const char *p, size_t n)
{
	h0_autopartial struct h0_partial part = {.fd = -1};
	struct h0_err e = {0};
	char path[1300];
	int64_t at = 0;
	put(".x.gguf.hal0-part", "GGUF1234", 8);
	put(".x.gguf.hal0-state", p, n);
	in_home(path, sizeof path, "x.gguf");
	H0_ASSERT(h0_partial_open(path, &part, &e) == H0_PARTIAL_OURS);
	H0_ASSERT(h0_partial_begin(&part, "http://h/x?k=1", "\"t\"", "", 100, 4, &e) == 0);
	H0_ASSERT(part.n >= 1 && part.n <= H0_RANGES_MAX);
	for (size_t i = 0; i < part.n; i++) {
		const struct h0_range *s = &part.seg[i];
		H0_ASSERT(s->from == at && s->pos >= s->from && s->pos <= s->to && (s->pos == s->from || s->pos <= 8));
		at = s->to;
	}
	H0_ASSERT(at == 100 && h0_partial_have(&part) >= 0 && h0_partial_have(&part) <= 8);
	int64_t have = h0_partial_have(&part);
	H0_ASSERT(h0_partial_save(&part, &e) == 0 && h0_partial_begin(&part, "x", "\"t\"", "", 100, 1, &e) == 0);
	H0_ASSERT(h0_partial_have(&part) == have);
	h0_partial_drop(&part);
}

static void slot_key(const char *p, size_t n)
{
	char key[H0_SLOT_KEY];
	put("keys/x", p, n);
	h0_slot_key_try(&paths, "x", key);
	H0_ASSERT(memchr(key, '\0', sizeof key) && one_line(key));
}

static void api_env(const char *p, size_t n)
{
	const struct h0_upstream u = {.name = "u", .auth = H0_AUTH_BEARER, .key_env = "HAL0_FUZZ_KEY"};
	char key[H0_UPSTREAM_KEY];
	struct h0_err e = {0};
	put("api.env", p, n);
	if (!has_reason(h0_upstream_key(&paths, &u, key, &e), &e))
		return;
	h0_autofree char *header = h0_upstream_header(&u, key);
	H0_ASSERT(*key && header && one_line(header));
}

static void registry(const char *p, size_t n)
{
	static const struct h0_snap empty;
	h0_automodels struct h0_models l = {0};
	struct h0_err e = {0};
	put("registry/registry.toml", p, n);
	if (!has_reason(h0_store_list(&paths, &empty, &l, &e), &e))
		return;
	for (size_t i = 0; i < l.n; i++) {
		H0_ASSERT(l.v[i].file.id && (l.v[i].fault || (l.v[i].file.path && *l.v[i].file.path == '/')));
		H0_ASSERT(!i || strcmp(l.v[i - 1].file.id, l.v[i].file.id) <= 0);
	}
}

/* ---- what programs say ---- */

static void server_log(const char *p, size_t n)
{
	h0_autobuf struct h0_buf plain = {0};
	struct h0_log_cause cause;
	struct h0_fit_buffers b;
	h0_log_plain(p, n, &plain);
	const char *text = h0_buf_str(&plain);
	H0_ASSERT(strlen(text) == plain.len);
	for (const char *c = text; *c; c++)
		H0_ASSERT(*c == '\n' || *c == '\t' || ((unsigned char)*c >= ' ' && *c != 0x7f));
	h0_log_cause(text, &cause);
	H0_ASSERT(cause.kind != H0_OK && cause.kind != H0_BUG && !strchr(cause.text, '\n') && !strchr(cause.flag, ' '));
	H0_ASSERT(!cause.flag[0] || cause.text[0]);
	double rate = h0_log_rate(text);
	H0_ASSERT(rate >= 0 && rate < 1e6);
	h0_log_used_raw(p, n);
	if (h0_fitlog_read(text, &b))
		H0_ASSERT(b.weights >= -1 && b.kv >= -1 && b.compute >= -1 && b.output >= -1 && b.host >= -1);
}

static void containers(const char *p, size_t n)
{
	h0_autoctrs struct h0_ctrs c = {0};
	struct h0_err e = {0};
	if (!has_reason(h0_podman_parse_ps(p, n, &c, &e), &e)) {
		H0_ASSERT(e.kind == H0_EXTERN);
		return;
	}
	for (size_t i = 0; i < c.n; i++) {
		H0_ASSERT(h0_name_ok(c.v[i].slot) && c.v[i].port >= 0 && c.v[i].port <= 65535 && c.v[i].pid >= 0);
		H0_ASSERT(c.v[i].provider < H0_PROVIDER_N && c.v[i].exit_code >= 0 && c.v[i].exit_code <= 255);
		H0_ASSERT(c.v[i].word && c.v[i].started_at >= 0 && h0_ctrs_get(&c, c.v[i].slot));
		h0_ctr_expects(&c.v[i]);
	}
}

static void images(const char *p, size_t n)
{
	static const char *const refs[] = {"localhost/a:1", "ghcr.io/x/y", "docker.io/library/z:2", "ghcr.io/x/y@sha256:" KEY KEY};
	h0_autolocal struct h0_local_images l = {0};
	if (h0_json_parse(p, n, "images", &l.list, NULL) < 0)
		return;
	for (size_t i = 0; i < H0_ARRAY_LEN(refs); i++) {
		h0_autostrv struct h0_strv digests = {0};
		h0_local_digests(&l, refs[i], &digests);
		H0_ASSERT(!digests.n || h0_local_has(&l, refs[i]));
		for (size_t k = 0; k < digests.n; k++)
			H0_ASSERT(h0_digest_ok(digests.v[k]));
	}
}

static void flm(const char *p, size_t n)
{
	h0_autoflmlist struct h0_flm_list l = {0};
	struct h0_err e = {0};
	if (!has_reason(h0_flm_list_parse(p, n, &l, &e), &e)) {
		H0_ASSERT(e.kind == H0_EXTERN);
		return;
	}
	for (size_t i = 0; i < l.n; i++)
		H0_ASSERT(*l.v[i].tag && h0_flm_list_get(&l, l.v[i].tag));
	h0_flm_list_nearest(&l, "gemma3:1b");
}

static void vulkan(const char *p, size_t n)
{
	h0_autofree struct h0_hw_vulkan *raw = h0_calloc(1, sizeof *raw), *v = h0_calloc(1, sizeof *v);
	/* the head of the record, and what is left of the input into every device */
	size_t head = offsetof(struct h0_hw_vulkan, dev), some = n < head ? n : head;
	memcpy(raw, p, some);
	if (n > head)
		for (int i = 0; i < H0_HW_VKDEVS; i++)
			memcpy(&raw->dev[i], p + head, n - head < sizeof raw->dev[i] ? n - head : sizeof raw->dev[i]);
	H0_ASSERT(!h0_hw_vulkan_record(raw, sizeof *raw - 1, v));
	if (!h0_hw_vulkan_record(raw, sizeof *raw, v))
		return;
	H0_ASSERT(v->ndev >= 0 && v->ndev <= H0_HW_VKDEVS && one_line(v->loader) && one_line(v->detail));
	for (int i = 0; i < v->ndev; i++) {
		const struct h0_vk_dev *d = &v->dev[i];
		H0_ASSERT(memchr(d->name, '\0', sizeof d->name) && memchr(d->addr, '\0', sizeof d->addr));
		H0_ASSERT(one_line(d->name) && one_line(d->driver_name) && one_line(d->driver_info) && one_line(d->api));
		for (int k = 0; k < d->nheap; k++)
			H0_ASSERT(d->heap[k].size >= 0);
	}
}

/* ---- names ---- */

static void image_name(const char *s)
{
	static const char digest[] = "sha256:" KEY KEY;
	struct h0_imageref r, pinned;
	if (h0_imageref_parse(s, &r, NULL) < 0)
		return;
	H0_ASSERT(*r.host && *r.path && one_line(r.host) && !strchr(r.path, ' ') && *s != '-');
	h0_autofree char *pin = h0_imageref_pin(s, digest), *bare = h0_imageref_unpin(s);
	H0_ASSERT(pin && h0_imageref_parse(pin, &pinned, NULL) == 0 && h0_streq(pinned.digest, digest));
	H0_ASSERT(h0_streq(pinned.host, r.host) && h0_streq(pinned.path, r.path) && !pinned.tag[0]);
	H0_ASSERT(!bare || (h0_imageref_parse(bare, &pinned, NULL) == 0 && !pinned.digest[0]));
}

static void model_name(const char *s)
{
	h0_automodelref struct h0_modelref r = {0};
	char tag[H0_FLM_NAME], again[H0_FLM_NAME];
	struct h0_err e = {0};
	if (has_reason(h0_modelref_parse(s, &r, &e), &e)) {
		H0_ASSERT((r.repo != NULL) != (r.url != NULL));
		H0_ASSERT(!r.repo || (strchr(r.repo, '/') && one_line(r.repo) && *r.repo != '.' && !strstr(r.repo, "/.")));
		H0_ASSERT(!r.file || (h0_ends(r.file, ".gguf") && *r.file != '/' && *r.file != '.' && !strstr(r.file, "/.")));
	}
	h0_autofree char *id = h0_store_id_of(s), *base = h0_modelref_base(s);
	H0_ASSERT(!strchr(id, '/') && !strchr(base, '/'));
	if (h0_flm_is_name(s) && strlen(s) < H0_FLM_NAME - 8) {
		h0_flm_tag(s, tag); /* "x-FLM" has no size: its tag is no name any more */
		H0_ASSERT(!h0_flm_is_name(tag) || (h0_flm_same(s, tag) && h0_streq(h0_flm_tag(tag, again), tag)));
	}
}

static void url(const char *s)
{
	char host[512], origin[600], again[600];
	bool good = h0_url_host(s, host, sizeof host, NULL) == 0;
	if (good && h0_url_origin(s, origin, sizeof origin, NULL) == 0) {
		H0_ASSERT(*host && one_line(host) && !strpbrk(host, " /?#@"));
		H0_ASSERT(h0_url_origin(origin, again, sizeof again, NULL) == 0 && h0_streq(origin, again));
		h0_autofree char *next = h0_url_join(s, "/x");
		H0_ASSERT(h0_url_origin(next, again, sizeof again, NULL) == 0 && h0_streq(origin, again));
	}
	h0_autofree char *to = h0_url_join("https://a.example/b/c", s);
	H0_ASSERT(to && (!h0_url_is_local(s) || good));
}

static void words(const char *s)
{
	h0_autostrv struct h0_strv v = {0}, again = {0};
	h0_autobuf struct h0_buf line = {0};
	if (h0_words_split(s, &v, NULL) < 0)
		return;
	for (size_t i = 0; i < v.n; i++) {
		h0_buf_addc(&line, ' ');
		h0_words_quote(v.v[i], &line);
	}
	H0_ASSERT(h0_words_split(h0_buf_str(&line), &again, NULL) == 0 && again.n == v.n);
	for (size_t i = 0; i < v.n; i++)
		H0_ASSERT(h0_streq(v.v[i], again.v[i]));
}

static void name(const char *p, size_t n)
{
	h0_autofree char *s = h0_strndup(p, n);
	char human[32];
	int64_t v;
	image_name(s);
	model_name(s);
	url(s);
	words(s);
	H0_ASSERT(!h0_num_i64(s, -5, 70, &v) || (v >= -5 && v <= 70));
	H0_ASSERT(!h0_num_size(s, &v) || (v >= 0 && *h0_num_human(v, human, sizeof human)));
	H0_ASSERT(!h0_num_duration(s, &v) || v >= 0);
	H0_ASSERT(!h0_name_ok(s) || (strlen(s) <= H0_NAME_MAX && one_line(s) && !strpbrk(s, "/. ")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		char c;
		void (*read)(const char *p, size_t n);
	} kinds[] = {{'s', state}, {'l', ledger}, {'h', history}, {'b', bench}, {'d', download}, {'k', slot_key},
		{'e', api_env}, {'r', registry}, {'g', server_log}, {'p', containers}, {'i', images}, {'f', flm},
		{'v', vulkan}, {'n', name}};
	if (!*paths.home)
		enter();
	for (size_t i = 0; size && i < H0_ARRAY_LEN(kinds); i++)
		if (*data == kinds[i].c)
			kinds[i].read((const char *)data + 1, size - 1);
	return 0;
}

static const char *const fuzz_words[] = {
	"s", "l", "h", "b", "d", "k", "e", "r", "g", "p", "i", "f", "v", "n", "{", "}", "[", "]", ":", ",", "\"", "null", "true", "-1",
	"9223372036854775807", "1e300", "\\u0000", "\\n", "\"state\":\"error\"", "\"port\":8081", "\"extra\":{", "\"exit_code\":7",
	"\"message\":\"x\"", "\"bookings\":[", "\"host_bytes\":1", "\"measured\":{", "\"weights_bytes\":1", "\"kv_bytes\":1",
	"\"compute_bytes\":1", "\"output_bytes\":1", "\"host_bytes\":0", "\"key\":\"" KEY "\"", "\"slot\":\"a|b\"", "\"model\":\"m\"",
	"\"prompt_tokens\":512", "\"answer_tokens\":128", "\"together\":1", "\"prompt_tok_s\":9.5", "\"decode_tok_s\":9", "\n{",
	"\"etag\":\"\\\"t\\\"\"", "\"bytes\":100", "\"ranges\":[[0,8,100]]", "HAL0_FUZZ_KEY=", "export ", "'", "\r", "\t", "[model.x]\n",
	"path = \"/x.gguf\"\n", "2026-11-21T08:02:01.7+00:00 stderr F ", " stdout P ", "0.00.014.724 E ", "error: ", "invalid argument: --x",
	" buffer size = 12.5 MiB", "CPU model", "CPU compute", "CPU KV", " eval time =", " tokens per second", "\"Names\":[\"hal0-slot-x\"]",
	"\"Id\":\"ab\"", "\"State\":\"running\"", "\"Labels\":{", "\"io.hal0.slot\":\"x\"", "\"RepoDigests\":[", "\"Digest\":\"sha256:",
	"\"models\":[", "\"name\":\"gemma3:1b\"", "\"installed\":false", "hf:", "https://", "http://[::1]:80/", "@", "/", "..", "-00001-of-00002.gguf",
	"Q4_K_M", "-FLM", "GiB", "1.5", "d", NULL};

FUZZ_TARGET("records", 20000)
