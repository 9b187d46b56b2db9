/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is read while it streams past: the first byte says what. j a JSON body whose "model" is
 * looked for, f a form (a first line holds its Content-Type), s server-sent events, t text that may
 * begin with reasoning, u the end of an answer with its token counts. In whatever pieces the bytes
 * come, the same is seen; it is what a parser of the whole sees; and what is put in the name's place
 * is found there again.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "fmt/json.h"
#include "fmt/jsonscan.h"
#include "fmt/sse.h"
#include "fmt/think.h"
#include "serve/formscan.h"
#include "serve/inner.h"

static const size_t pieces[] = {1, 2, 7, 64};

/* Calls feed with [p, p + n) in pieces, each in a block of its own. */
#define IN_PIECES(p, n, most, feed)                                                               \
	for (size_t at_ = 0, k_; at_ < (n); at_ += k_) {                                          \
		k_ = (n) - at_ < (most) ? (n) - at_ : (most);                                     \
		h0_autofree char *piece = h0_malloc(k_);                                          \
		memcpy(piece, (p) + at_, k_);                                                     \
		feed(piece, k_);                                                                  \
	}

static void spliced(const char *p, size_t n, uint64_t begin, uint64_t end, const char *with, struct h0_buf *ret)
{
	H0_ASSERT(begin <= end && end <= n);
	h0_buf_add(ret, p, begin);
	h0_buf_adds(ret, with);
	h0_buf_add(ret, p + end, n - end);
}

/* ---- JSON ---- */

static const char *const names[] = {"model", "stream", NULL};

static void same_values(const struct h0_scan *a, const struct h0_scan *b)
{
	H0_ASSERT(a->state == b->state);
	for (size_t i = 0; names[i]; i++) {
		const struct h0_scan_value *x = &a->val[i], *y = &b->val[i];
		H0_ASSERT(x->count == y->count && x->begin == y->begin && x->end == y->end && x->cut == y->cut);
		H0_ASSERT(fuzz_same(x->raw, x->len, y->raw, y->len));
	}
}

/* The scan of good JSON finds what a parser finds. */
static void agrees(const struct h0_scan *s, const struct h0_json *whole, const char *p, size_t n)
{
	H0_ASSERT(s->state == (h0_json_type(whole) == H0_JSON_OBJECT ? H0_SCAN_DONE : H0_SCAN_NOT_OBJECT));
	for (size_t i = 0; names[i]; i++) {
		const struct h0_scan_value *v = &s->val[i];
		const struct h0_json *want = h0_json_get(whole, names[i]);
		h0_autojson struct h0_json *got = NULL, *again = NULL;
		h0_autobuf struct h0_buf text = {0}, other = {0};
		char name[H0_SCAN_RAW];
		H0_ASSERT(v->count == (want != NULL));
		if (!want)
			continue;
		h0_buf_add(&text, p + v->begin, v->end - v->begin);
		H0_ASSERT(h0_json_parse(h0_buf_str(&text), text.len, "value", &got, NULL) == 0);
		H0_ASSERT(h0_json_equal(got, want));
		if (!v->cut && h0_json_str(want))
			H0_ASSERT(h0_scan_string(v, name, sizeof name) && h0_streq(name, h0_json_str(want)));
		else
			H0_ASSERT(!h0_scan_string(v, name, sizeof name));
		spliced(p, n, v->begin, v->end, "\"other\"", &other);
		H0_ASSERT(h0_json_parse(other.p, other.len, "other", &again, NULL) == 0);
		H0_ASSERT(h0_streq(h0_json_str(h0_json_get(again, names[i])), "other"));
		H0_ASSERT(h0_json_len(again) == h0_json_len(whole));
	}
}

static void json(const char *p, size_t n)
{
	struct h0_scan all, some;
	h0_autojson struct h0_json *whole = NULL;
	h0_scan_init(&all, names);
	h0_scan_feed(&all, p, n);
	for (size_t i = 0; i < H0_ARRAY_LEN(pieces); i++) {
		h0_scan_init(&some, names);
#define FEED(q, k) h0_scan_feed(&some, q, k)
		IN_PIECES(p, n, pieces[i], FEED)
#undef FEED
		same_values(&all, &some);
	}
	for (size_t i = 0; names[i]; i++)
		H0_ASSERT(all.val[i].begin <= all.val[i].end && all.val[i].end <= n && all.val[i].len <= H0_SCAN_RAW);
	if (h0_json_parse(p, n, "fuzz", &whole, NULL) == 0)
		agrees(&all, whole, p, n);
}

/* ---- forms ---- */

/* A value that was found stands there, up to the next delimiter. */
static void form_found(const struct h0_formscan *f, const char *type, const char *p, size_t n)
{
	h0_autobuf struct h0_buf other = {0};
	struct h0_formscan again;
	H0_ASSERT(f->begin <= f->end && f->end + f->mark_len <= n && memcmp(p + f->end, f->mark, f->mark_len) == 0);
	H0_ASSERT(f->cut || fuzz_same(f->value, f->len, p + f->begin, f->end - f->begin));
	H0_ASSERT(f->cut || f->len < sizeof f->value);
	spliced(p, n, f->begin, f->end, "other", &other);
	H0_ASSERT(h0_form_init(&again, type, "model"));
	h0_form_feed(&again, other.p, other.len);
	H0_ASSERT(again.found && !again.cut && h0_streq(again.value, "other") && again.begin == f->begin);
}

static void form(const char *p, size_t n)
{
	const char *line = memchr(p, '\n', n);
	struct h0_formscan all, some;
	h0_autofree char *type = h0_strndup(p, line ? (size_t)(line - p) : n);
	if (!line || !h0_form_init(&all, type, "model"))
		return;
	n -= (size_t)(line + 1 - p), p = line + 1;
	h0_form_feed(&all, p, n);
	for (size_t i = 0; i < H0_ARRAY_LEN(pieces); i++) {
		h0_form_init(&some, type, "model");
#define FEED(q, k) h0_form_feed(&some, q, k)
		IN_PIECES(p, n, pieces[i], FEED)
#undef FEED
		H0_ASSERT(all.found == some.found && all.cut == some.cut && all.len == some.len);
		H0_ASSERT(all.begin == some.begin && all.end == some.end && memcmp(all.value, some.value, all.len) == 0);
	}
	if (all.found)
		form_found(&all, type, p, n);
}

/* ---- events ---- */

static int on_event(const char *name, const char *data, size_t len, void *arg, struct h0_err *e)
{
	struct h0_buf *seen = arg;
	H0_ASSERT(data[len] == '\0');
	h0_buf_addf(seen, "<%s %zu ", name, len);
	h0_buf_add(seen, data, len);
	h0_buf_addc(seen, '>');
	return len == 4 && memcmp(data, "stop", 4) == 0 ? h0_fail(e, H0_EXTERN, "stopped") : 0;
}

static void events_in(const char *p, size_t n, size_t most, struct h0_buf *seen)
{
	h0_autosse struct h0_sse s = {.on_event = on_event, .arg = seen, .max = 2000};
	struct h0_err e = {0};
	int rc = 0;
#define FEED(q, k) rc = rc ? rc : h0_sse_feed(&s, q, k, &e)
	IN_PIECES(p, n, most, FEED)
#undef FEED
	/* where too long an event is noticed depends on the pieces, that it is does not */
	H0_ASSERT(rc == 0 || e.msg[0]);
	h0_buf_addf(seen, "[%d]", rc);
}

static void events(const char *p, size_t n)
{
	h0_autobuf struct h0_buf all = {0}, wire = {0}, back = {0}, want = {0};
	if (n < 2000)
		events_in(p, n, n + 1, &all);
	for (size_t i = 0; n < 2000 && i < H0_ARRAY_LEN(pieces); i++) {
		h0_autobuf struct h0_buf some = {0};
		events_in(p, n, pieces[i], &some);
		H0_ASSERT(fuzz_same(all.p, all.len, some.p, some.len));
	}
	/* any text without CR goes there and back as the data of one event */
	if (!n || n > 1000 || memchr(p, '\r', n) || (n == 4 && memcmp(p, "stop", 4) == 0))
		return;
	h0_buf_adds(&wire, ": a remark\nevent: x\nid: 1\ndata:");
	for (size_t i = 0; i < n; i++) {
		if (i == 0 && p[0] == ' ')
			h0_buf_addc(&wire, ' ');
		h0_buf_addc(&wire, p[i]);
		if (p[i] == '\n')
			h0_buf_adds(&wire, "data: ");
	}
	h0_buf_adds(&wire, "\n\n");
	h0_buf_addf(&want, "<x %zu ", n);
	h0_buf_add(&want, p, n);
	h0_buf_adds(&want, ">[0]");
	events_in(wire.p, wire.len, 3, &back);
	H0_ASSERT(fuzz_same(back.p, back.len, want.p, want.len));
}

/* ---- reasoning ---- */

struct said {
	struct h0_buf part[2];
	bool answered;
};

static int on_text(bool reasoning, const char *p, size_t n, void *arg)
{
	struct said *s = arg;
	H0_ASSERT(n && !(reasoning && s->answered)); /* the answer comes after it */
	s->answered |= !reasoning;
	h0_buf_add(&s->part[reasoning], p, n);
	return 0;
}

static void said_done(struct said *s)
{
	h0_buf_done(&s->part[0]);
	h0_buf_done(&s->part[1]);
}

static void think_in(const char *p, size_t n, size_t most, struct said *s)
{
	struct h0_think t = {.on_text = on_text, .arg = s};
#define FEED(q, k) H0_ASSERT(h0_think_feed(&t, q, k) == 0)
	IN_PIECES(p, n, most, FEED)
#undef FEED
	H0_ASSERT(h0_think_end(&t) == 0);
}

static void think(const char *p, size_t n)
{
	h0_auto(said_done) struct said all = {0};
	h0_autofree char *text = h0_strndup(p, n);
	think_in(p, n, n + 1, &all);
	for (size_t i = 0; i < H0_ARRAY_LEN(pieces); i++) {
		h0_auto(said_done) struct said some = {0};
		think_in(p, n, pieces[i], &some);
		for (int k = 0; k < 2; k++)
			H0_ASSERT(fuzz_same(all.part[k].p, all.part[k].len, some.part[k].p, some.part[k].len));
	}
	size_t lead = strspn(text, " \t\r\n");
	H0_ASSERT(all.part[0].len + all.part[1].len <= n);
	if (strlen(text) == n && !h0_starts(text + lead, "<think>"))
		H0_ASSERT(!all.part[1].len && h0_streq(h0_buf_str(&all.part[0]), text + lead));
}

/* ---- token counts ---- */

static uint64_t one_at_most(atomic_uint_least64_t *bucket)
{
	uint64_t n = 0;
	for (size_t i = 0; i <= NTOKENS; i++)
		n += atomic_load(&bucket[i]);
	H0_ASSERT(n <= 1);
	return n;
}

static void usage(const char *p, size_t n)
{
	static struct h0_peer none;
	struct h0_peer *peer = h0_malloc(sizeof *peer);
	memcpy(peer, &none, sizeof *peer);
	h0_stats_tokens(peer, p, n);
	H0_ASSERT(one_at_most(peer->prompt_size) || atomic_load(&peer->prompt_tokens) == 0);
	H0_ASSERT(one_at_most(peer->size) || atomic_load(&peer->tokens) == 0);
	H0_ASSERT(atomic_load(&peer->prompt_tokens) < 1000000000000 && atomic_load(&peer->tokens) < 1000000000000);
	free(peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		char c;
		void (*read)(const char *p, size_t n);
	} kinds[] = {{'j', json}, {'f', form}, {'s', events}, {'t', think}, {'u', usage}};
	for (size_t i = 0; size && i < H0_ARRAY_LEN(kinds); i++)
		if (*data == kinds[i].c)
			kinds[i].read((const char *)data + 1, size - 1);
	return 0;
}

static const char *const fuzz_words[] = {
	"j", "f", "s", "t", "u", "{", "}", "[", "]", ":", ",", "\"", "\\", "\\\"", "\\u006d", "\\ud83d\\ude00", "\\u0000",
	"\"model\"", "\"model\":\"a\"", "\"stream\":true", "\"messages\":[", "null", "-1e9", "multipart/form-data; boundary=b1\n",
	"boundary=\"b 1\"", "--b1\r\n", "\r\n--b1", "\r\n--b1--\r\n", "Content-Disposition: form-data; name=\"model\"\r\n",
	"filename=\"a\"", "\r\n\r\n", "\r\n", "\n\n", "\r", "data: ", "data:", "event: x\n", ": ", "id: 1\n", "[DONE]", "stop",
	"\xef\xbb\xbf", "<think>", "</think>", "<", "\"usage\":{", "\"prompt_tokens\":", "\"completion_tokens\":12",
	"\"input_tokens\": ", "\"output_tokens\"", "\"prompt_n\":", "\"predicted_n\":9", "999999999999", NULL};

FUZZ_TARGET("stream", 40000)
