/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where requests go, and the same as a configuration of HAProxy. The input has parts, apart by lines
 * "---": a path, the model asked for, slots/main.toml, slots/npu.toml, upstreams.toml, and the names
 * an upstream lists, one a line (a \ stands for a line end within one). Whatever they say: a decision is
 * whole or says why there is none; what clients read is JSON; every line of the configuration is one
 * that HAProxy reads as it is meant, no name gets another's place, and no key stands in it.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "fmt/json.h"
#include "fmt/url.h"
#include "model/envelope.h"
#include "model/haproxy.h"
#include "model/route.h"

#define PARTS  6
#define NAMES  16
#define SECRET "apisecret0123"

struct world {
	struct h0_snap_file files[3];
	struct h0_snap snap;
	struct h0_slots slots;
	struct h0_upstreams us;
	struct h0_route_remote remote[1];
	struct h0_route_look look;
	const char *names[NAMES + 1];
	char *part[PARTS];
};

static void world_done(struct world *w)
{
	h0_slots_done(&w->slots);
	h0_upstreams_done(&w->us);
	for (size_t i = 0; i < PARTS; i++)
		free(w->part[i]);
}

static void split(const char *p, size_t n, char *part[PARTS])
{
	const char *end = p + n;
	for (size_t i = 0; i < PARTS; i++) {
		const char *mark = i + 1 < PARTS ? memmem(p, (size_t)(end - p), "\n---\n", 5) : NULL;
		part[i] = h0_strndup(p, (size_t)((mark ? mark : end) - p));
		p = mark ? mark + 5 : end;
	}
}

static void list_names(struct world *w)
{
	size_t n = 0;
	for (char *save = NULL, *s = strtok_r(w->part[5], "\n", &save); s && n < NAMES; s = strtok_r(NULL, "\n", &save)) {
		for (char *c = s; (c = strchr(c, '\\'));)
			*c = '\n';
		w->names[n++] = s;
	}
}

/* ---- decisions ---- */

static void endpoint(const char *path)
{
	char once[1024], twice[1024];
	const struct h0_endpoint *ep = h0_endpoint_find(path, once, sizeof once);
	if (strlen(path) > 900 || !ep)
		return;
	H0_ASSERT(h0_endpoint_find(once, twice, sizeof twice) == ep && h0_streq(once, twice));
	size_t n = strlen(ep->path);
	H0_ASSERT(strncmp(once, ep->path, n) == 0 && (!once[n] || once[n] == '?' || once[n] == '#'));
}

static void decide(const struct world *w, const char *path, const char *model)
{
	h0_autoroute struct h0_route r = {0}, again = {0};
	h0_autobuf struct h0_buf text = {0};
	h0_autojson struct h0_json *j = NULL;
	struct h0_err e = {0};
	const struct h0_route_ask ask = {.slots = &w->slots, .upstreams = &w->us, .remote = w->look.remote,
		.nremote = w->look.nremote, .path = path, .model = model};
	int rc = h0_route_find(&ask, &r, &e);
	H0_ASSERT(h0_route_find(&ask, &again, NULL) == rc && h0_streq(r.rule, again.rule) && r.slot == again.slot);
	if (rc < 0) {
		H0_ASSERT(e.msg[0] && e.kind != H0_OK && e.kind != H0_BUG);
		int status = h0_envelope_status(h0_err_name(&e), e.kind);
		H0_ASSERT(status >= 400 && status < 600);
		h0_envelope_print(status, h0_err_name(&e), e.msg, &e, 3, &text);
		H0_ASSERT(h0_json_parse(text.p, text.len, "envelope", &j, NULL) == 0);
		return;
	}
	H0_ASSERT(r.rule && r.nsteps > 0 && r.path && *r.path == '/' && h0_path_ok(r.path));
	H0_ASSERT(!r.slot || (!r.slot->broken && r.anchor && !r.upstream && r.port == r.anchor->port));
	H0_ASSERT(!r.upstream || (r.remote && r.port == r.upstream->port));
	H0_ASSERT(r.slot || r.upstream || (r.endpoint && r.endpoint->ask == H0_ASK_LOCAL));
}

static void models(const struct world *w)
{
	h0_autobuf struct h0_buf text = {0};
	h0_autojson struct h0_json *j = NULL;
	h0_envelope_models(&w->slots, &w->us, &w->look, &text);
	H0_ASSERT(h0_json_parse(text.p, text.len, "models", &j, NULL) == 0);
	H0_ASSERT(h0_json_type(h0_json_get(j, "data")) == H0_JSON_ARRAY);
}

static void upstreams(const struct h0_upstreams *us)
{
	char host[512], origin[1024];
	H0_ASSERT(us->parallel >= 1 && us->list_timeout_s > 0);
	for (size_t i = 0; i < us->n; i++) {
		const struct h0_upstream *u = &us->v[i];
		h0_autofree char *url = h0_upstream_url(u, "/v1/models");
		H0_ASSERT(*u->host && u->port > 0 && u->port < 65536 && u->timeout_s > 0);
		H0_ASSERT(!*u->base || *u->base == '/');
		for (const char *p = url; *p; p++)
			H0_ASSERT((unsigned char)*p > ' ' && *p != 0x7f);
		if (strlen(u->host) < 200 && h0_url_host(url, host, sizeof host, NULL) == 0)
			H0_ASSERT(h0_streq(host, u->host) && h0_url_origin(url, origin, sizeof origin, NULL) == 0);
	}
}

/* ---- HAProxy ---- */

/* One line as HAProxy cuts it into words; the words it finds. */
static size_t words_of(const char *p, const char *end, struct h0_strv *ret)
{
	size_t n = 0;
	while (p < end) {
		h0_autobuf struct h0_buf w = {0};
		for (; p < end && *p == ' '; p++)
			;
		if (p == end || (*p == '#' && !n))
			break;
		for (char quote = 0; p < end && (quote || *p != ' '); p++) {
			H0_ASSERT((unsigned char)*p >= ' ' && *p != 0x7f);
			if (quote != '\'' && *p == '\\') {
				H0_ASSERT(++p < end);
				h0_buf_addc(&w, *p);
			} else if (*p == quote || (!quote && (*p == '"' || *p == '\''))) {
				quote = quote ? 0 : *p;
			} else {
				H0_ASSERT(*p != '$' || quote != '"');
				h0_buf_addc(&w, *p);
			}
			H0_ASSERT(p + 1 < end || !quote || (*p == quote));
		}
		h0_strv_add(ret, h0_buf_str(&w));
		n++;
	}
	return n;
}

/* A rule of the map: the one that the same question is answered by. */
static void as_decided(const struct world *w, const char *key, const char *target)
{
	h0_autoroute struct h0_route r = {0};
	const char *bar = strchr(key, '|');
	H0_ASSERT(bar);
	h0_autofree char *type = h0_strndup(key, (size_t)(bar - key));
	int t = h0_word_index(h0_type_names, type);
	if (h0_streq(bar, "|*") || h0_streq(bar, "|:") || h0_streq(bar, "|hal0/"))
		return;
	const char *path = t < 0 ? "/props" : h0_endpoint_of_type((enum h0_slot_type)t)->path;
	const struct h0_route_ask ask = {.slots = &w->slots, .upstreams = &w->us, .remote = w->look.remote,
		.nremote = w->look.nremote, .path = path, .model = bar + 1};
	int rc = h0_route_find(&ask, &r, NULL);
	if (rc < 0)
		H0_ASSERT(h0_starts(target, "refuse_"));
	else if (r.upstream)
		H0_ASSERT(h0_starts(target, "upstream_"));
	else
		H0_ASSERT(h0_starts(target, "slot_") && h0_streq(target + 5, r.anchor->name));
}

/* The rule of a name with blanks: http-request set-var(txn.to) str(TO) if { var(txn.key) -m str KEY } */
static void odd_rule(const struct world *w, const struct h0_strv *v)
{
	if (v->n != 10 || !h0_streq(v->v[5], "var(txn.key)") || !h0_streq(v->v[7], "str"))
		return;
	h0_autofree char *target = h0_strndup(v->v[2] + 4, strlen(v->v[2]) - 5);
	as_decided(w, v->v[8], target);
}

static void config_lines(const struct world *w, const struct h0_buf *cfg, struct h0_strv *backends)
{
	static const char *const first[] = {"global", "log", "tune.bufsize", "defaults", "mode", "option", "timeout",
		"retries", "retry-on", "http-error", "frontend", "bind", "http-request", "http-response", "http-after-response",
		"acl", "use_backend", "default_backend", "backend", "balance", "http-check", "server", NULL};
	for (const char *p = cfg->p, *end = cfg->p + cfg->len; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		h0_autostrv struct h0_strv v = {0};
		H0_ASSERT(nl && nl - p < 2048);
		if (words_of(p, nl, &v)) {
			H0_ASSERT(h0_word_index(first, v.v[0]) >= 0);
			if (h0_streq(v.v[0], "backend"))
				h0_strv_add(backends, v.v[1]);
			odd_rule(w, &v);
		}
		p = nl + 1;
	}
}

static void map_lines(const struct world *w, const struct h0_buf *map, const struct h0_strv *backends)
{
	h0_autostrv struct h0_strv keys = {0};
	for (const char *p = h0_buf_str(map); *p;) {
		size_t n = strcspn(p, "\n"), len = strcspn(p, " ");
		h0_autofree char *key = h0_strndup(p, len), *target = h0_strndup(p + len + 1, n - len - 1);
		H0_ASSERT(p[n] == '\n' && len < n && len < 2048 && h0_strv_has(backends, target));
		H0_ASSERT(!h0_strv_has(&keys, key));
		h0_strv_add(&keys, key);
		as_decided(w, key, target);
		p += n + 1;
	}
}

static void haproxy(const struct world *w)
{
	static const struct h0_strv none = {0};
	h0_autohaproxy struct h0_haproxy h = {0};
	h0_autostrv struct h0_strv backends = {0};
	h0_autojson struct h0_json *j = NULL;
	struct h0_err e = {0};
	const char *keys[] = {"slotsecret", ""};
	const struct h0_haproxy_ask ask = {.dir = "/etc/hal0/haproxy", .bind = "127.0.0.1:8080", .slots = &w->slots,
		.slot_keys = keys, .upstreams = &w->us, .look = &w->look, .keys = &none, .hosts = &none, .origins = &none,
		.peek = H0_HAPROXY_PEEK};
	if (h0_haproxy_build(&ask, &h, &e) < 0) {
		H0_ASSERT(e.kind == H0_USAGE && e.msg[0]);
		return;
	}
	config_lines(w, &h.file[H0_HAPROXY_CFG], &backends);
	map_lines(w, &h.file[H0_HAPROXY_MODELS], &backends);
	H0_ASSERT(h0_json_parse(h0_buf_str(&h.file[H0_HAPROXY_LIST]), h.file[H0_HAPROXY_LIST].len, "list", &j, NULL) == 0);
	for (int i = 0; i < H0_HAPROXY_FILES; i++)
		H0_ASSERT(h0_haproxy_files[i].secret || !strstr(h0_buf_str(&h.file[i]), SECRET));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	h0_auto(world_done) struct world w = {0};
	split((const char *)data, size, w.part);
	w.files[0] = (struct h0_snap_file){"slots/main.toml", w.part[2], strlen(w.part[2])};
	w.files[1] = (struct h0_snap_file){"slots/npu.toml", w.part[3], strlen(w.part[3])};
	w.files[2] = (struct h0_snap_file){"upstreams.toml", w.part[4], strlen(w.part[4])};
	w.snap = (struct h0_snap){.files = w.files, .n = *w.part[4] ? 3 : 2};
	list_names(&w);
	endpoint(w.part[0]);
	if (strstr(w.part[2], SECRET) || strstr(w.part[3], SECRET) || strstr(w.part[4], SECRET))
		return 0;
	if (h0_slots_load(&w.snap, &w.slots, NULL) < 0 || h0_upstreams_load(&w.snap, &w.us, NULL) < 0)
		return 0;
	if (w.us.n) {
		w.remote[0] = (struct h0_route_remote){w.us.v[0].name, w.names, NULL, "10.0.0.7", "X-Api-Key: " SECRET};
		w.look.remote = w.remote, w.look.nremote = 1;
	}
	upstreams(&w.us);
	decide(&w, *w.part[0] ? w.part[0] : NULL, w.part[1]);
	decide(&w, NULL, w.part[1]);
	models(&w);
	for (size_t i = 0; i < NAMES && w.names[i]; i++)
		if (strstr(w.names[i], SECRET))
			return 0;
	haproxy(&w);
	return 0;
}

static const char *const fuzz_words[] = {
	"\n---\n", "/v1", "/v1/chat/completions", "/v1/embeddings", "/models", "/audio/transcriptions", "?", "#", "//", "/props",
	"hal0/", "main", "npu", "utility", "a:b", "-FLM", "port = 8081\n", "type = \"llm\"\n", "type = \"embedding\"\n",
	"device = \"npu\"\n", "device = \"cpu\"\n", "enabled = false\n", "role = \"utility\"\n", "default = true\n", "\n[model]\n",
	"default = \"a b\"\n", "default = \"\\u0001\"\n", "\n[npu]\nembed = true\n", "[[upstream]]\n", "name = \"box\"\n",
	"url = \"http://10.0.0.7:8080/v1\"\n", "url = \"https://[::1]\"\n", "auth_style = \"header\"\n", "auth_value_env = \"K\"\n",
	"timeout_seconds = 1e300\n", "advertise_models = false\n", "kind = \"slot\"\n", "\"", "'", "\\", "$", "%[", " ", "|", "#",
	"\t", "\r", "\x7f", "\xc3\xa9", "*", "?", NULL};

FUZZ_TARGET("route", 5000)
