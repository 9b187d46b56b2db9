/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What goes through the router, and what it answers itself.
 */
#include "serve-stage.h"

#include "base/str.h"

static void test_plain(void)
{
	check("a request", ask(POST("", "", BODY)), 200, "hello");
	ok(strstr(slot_head(), "POST /v1/chat/completions HTTP/1.1\r\n") && strstr(slot_head(), "Host: 127.0.0.1:"),
	   "reaches the slot");
	is_str(slot_body(), "{\"model\":\"tiny\"}", "with the slot's own model");
	check("a body of chunks", ask("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
	      "\r\n8\r\n{\"model\"\r\n10\r\n : \"main\",\"x\":1}\r\n0\r\n\r\n"), 200, "hello");
	is_str(slot_body(), "{\"model\" : \"tiny\",\"x\":1}", "goes on as one");
	ok(strcasestr(slot_head(), "content-length: 24") && !strcasestr(slot_head(), "transfer-encoding"), "with a length");
	check("fields that are nobody else's business", ask(POST("", "Authorization: Bearer s\r\nCookie: c\r\nX-Keep: k\r\n"
	      "Connection: close, x-hop\r\nX-Hop: h\r\nAccept-Encoding: gzip\r\n", BODY)), 200, "hello");
	ok(strstr(slot_head(), "X-Keep: k") && !strcasestr(slot_head(), "Bearer s") && !strcasestr(slot_head(), "cookie") &&
	   !strcasestr(slot_head(), "x-hop") && !strcasestr(slot_head(), "gzip"), "stay here");
	check("the slot's refusal", ask(POST("?do=refuse", "", BODY)), 418, "X-Mine: yes");
	h0_autofree char *r = ask(POST("?do=refuse", "X-Request-Id: mine-1\r\n", BODY));
	ok(!strcasestr(r, "access-control") && !strcasestr(r, "keep-alive") && !strcasestr(r, "x-hop"),
	   "without its hop-by-hop and CORS fields");
	ok(strstr(r, "X-Request-Id: mine-1") && strstr(slot_head(), "X-Request-Id: mine-1"), "the request's id goes both ways");
	check("an interim answer of the slot", ask(POST("?do=interim", "", BODY)), 200, "hello");
	check("an answer until the end", ask(POST("?do=closing", "", BODY)), 200, "d\r\nuntil the end\r\n0\r\n\r\n");
	check("HTTP/1.0 gets no chunks", ask("POST /v1/chat/completions?do=closing HTTP/1.0\r\nContent-Length: 16\r\n\r\n" BODY),
	      200, "\r\n\r\nuntil the end");
	check("the header names the slot", ask(POST("", "X-Hal0-Slot: main\r\n", "{\"model\":\"nobody\"}")), 200, "hello");
	check("another path of a slot", ask("GET /props?do=x HTTP/1.1\r\nHost: localhost\r\nX-Hal0-Slot: main\r\n\r\n"), 200, "hello");
	check("HEAD", ask("HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200, "Content-Length: 16\r\n");
	check("absolute form", ask("GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200, "ok");
}

static void test_local(void)
{
	check("models", ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200, "\"hal0/primary\"");
	check("no such path", ask("GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 404, "dispatch.no_route");
	check("a wrong method", ask("GET /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 405, "Allow: POST");
	check("no JSON", ask(POST("", "", "{\"model\":")), 400, "request.invalid_json");
	check("no object", ask(POST("", "", "[]")), 400, "request.not_an_object");
	check("no body", ask("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400, "request.invalid_json");
	check("a model that is no name", ask(POST("", "", "{\"model\":7}")), 400, "request.missing_model");
	check("two models", ask(POST("", "", "{\"model\":\"main\",\"model\":\"cold\"}")), 400, "request.invalid_json");
	check("a slot of the wrong type", ask("POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n" BODY),
	      404, "dispatch.no_route");
	check("images", ask("POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"), 501, "system.http_501");
	static const char form[] = "--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"name=\\\"model\"\r\n\r\n"
		"model\r\n--b1x\r\n\r\n--b1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nstt\r\n--b1--\r\n";
	h0_autofree char *r = ask("POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
	      "Content-Type: multipart/form-data; boundary=b1\r\nContent-Length: %zu\r\n\r\n%s", sizeof form - 1, form);
	ok(status_of(r) == 200 && strstr(slot_body(), "name=\"model\"\r\n\r\nwhisper\r\n--b1--"), "a form's model is found and rewritten");
	static const char bare[] = "--b1\r\nContent-Disposition: form-data; filename=\"a; name=model\"; name=file\r\n\r\nmain\r\n--b1\r\n"
		"Content-Disposition: form-data; filename=model; name\r\n\r\nmain\r\n--b1\r\n"
		"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=model\r\n\r\nstt\r\n--b1--\r\n";
	check("also where its name has no quotes", ask("POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
	      "Content-Type: multipart/form-data; boundary=\"b1\"\r\nContent-Length: %zu\r\n\r\n%s", sizeof bare - 1, bare), 200, "hello");
}

static void test_hostile(void)
{
	static const char *const bad[] = {
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"GET / HTTP/1.1\nHost: localhost\n\n", "GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n",
		"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\x02", "GET \x01/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL};
	int requests = slot_requests;
	for (int i = 0; bad[i]; i++)
		check("a hostile request", ask("%s", bad[i]), 400, "Connection: close");
	is_int(slot_requests, requests, "none of them reaches a slot");
	h0_autobuf struct h0_buf b = {0};
	h0_buf_adds(&b, "GET /health HTTP/1.1\r\nHost: localhost\r\nX: ");
	while (b.len < 70000)
		h0_buf_addc(&b, 'x');
	check("a head without end", ask("%s", b.p), 431, NULL);
	check("a body longer than allowed", ask("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"),
	      413, "Connection: close");
	check("an unknown expectation", ask(POST("", "Expect: more\r\n", BODY)), 417, NULL);
}

static void test_guard(void)
{
	check("a foreign Host", ask("GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"), 421, NULL);
	check("a name that begins like loopback", ask("GET /health HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n"), 421, NULL);
	check("no Host", ask("GET /health HTTP/1.1\r\n\r\n"), 421, NULL);
	check("two Hosts", ask("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"), 421, NULL);
	check("IPv6 loopback", ask("GET /health HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\n\r\n"), 200, NULL);
	check("an allowed Host", ask("GET /health HTTP/1.1\r\nHost: box.lan:8080\r\nConnection: close\r\n\r\n"), 200, NULL);
	check("a web page of another origin", ask(POST("", "Origin: https://evil.example\r\n", BODY)), 403, NULL);
	check("a page without Origin", ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n"), 403, NULL);
	check("the null origin", ask(POST("", "Origin: null\r\n", BODY)), 403, NULL);
	check("an allowed origin", ask(POST("", "Origin: http://ui.lan\r\n", BODY)), 200,
	      "Access-Control-Allow-Origin: http://ui.lan\r\nVary: Origin\r\n");
	check("its preflight", ask("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nOrigin: http://ui.lan\r\n"
	      "Connection: close\r\n\r\n"), 204, "Access-Control-Allow-Methods");
	ok(h0_guard_equal("abc", "abc") && !h0_guard_equal("abc", "abd") && !h0_guard_equal("", "a") && !h0_guard_equal("a", "") &&
	   !h0_guard_equal("aa", "a") && !h0_guard_equal("a", "aa"), "comparing keys");
}

static void test_sequence(void)
{
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *one = h0_asprintf(POST("?do=late", "", BODY)), *two = h0_asprintf(POST("?do=usage", "", BODY)),
	                 *three = h0_asprintf("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
	h0_autofree char *all = h0_asprintf("%s%s%s", one, two, three);
	put(fd, all, strlen(all));
	bool got = read_until(fd, &in, "\"status\":\"ok\"", 1);
	const char *a = strstr(h0_buf_str(&in), "hello"), *b = strstr(h0_buf_str(&in), "usage");
	ok(got && a && b && a < b, "pipelined requests are answered in order");
	int conns = slot_conns;
	for (int i = 0; i < 5; i++) {
		h0_buf_reset(&in);
		put(fd, one + 0, strlen(one));
		read_until(fd, &in, "hello", 1);
	}
	/* one more where it was idle for so long that it was given up */
	ok(slot_conns <= conns + 1, "one connection of the client is one of the slot's (%d more)", slot_conns - conns);
	h0_buf_reset(&in);
	put(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\n", 97);
	ok(read_until(fd, &in, "100 Continue\r\n\r\n", 1) && put(fd, BODY, 16) && read_until(fd, &in, "hello", 1),
	   "who asks before sending is told to go on");
	h0_autofd int drip = dial();
	h0_buf_reset(&in);
	for (const char *p = two; *p; p++) {
		put(drip, p, 1);
		if (p < two + 40)
			nap(1);
	}
	ok(read_until(drip, &in, "prompt_tokens", 1), "a request byte by byte");
	h0_autofd int last = dial();
	h0_autofree char *events = h0_asprintf(POST("?do=sse", "", BODY)), *rest = h0_asprintf("%s%s%s", events, two, three);
	slot_held = true;
	h0_buf_reset(&in);
	put(last, rest, strlen(rest));
	bool begun = read_until(last, &in, "{\"n\":0}", 1);
	shutdown(last, SHUT_WR);
	bool known = read_until(last, &in, "\r\n:\n\n\r\n", 1);
	slot_held = false;
	read_all(last, &in);
	ok(begun && known && strstr(in.p, "{\"n\":19}") && strstr(in.p, "prompt_tokens") && strstr(in.p, "\"status\":\"ok\""),
	   "a client that will ask no more gets all that it asked for");
}

static void test_tokens(void)
{
	ok(metric("hal0_tokens_total{slot=\"main\"} ") >= 9, "tokens are counted");
	ok(metric("hal0_answer_size_tokens_bucket{slot=\"main\",le=\"4\"} ") == 0 &&
	   metric("hal0_answer_size_tokens_bucket{slot=\"main\",le=\"16\"} ") ==
	   metric("hal0_answer_size_tokens_count{slot=\"main\"} ") &&
	   metric("hal0_prompt_size_tokens_sum{slot=\"main\"} ") >= 7, "and sorted by size");
}

static void test_stream(void)
{
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *text = h0_asprintf(POST("?do=sse", "", BODY));
	slot_held = true;
	double t = now();
	put(fd, text, strlen(text));
	bool first = read_until(fd, &in, "data: ", 1);
	ok(first, "events come as they are made (first after %.1f ms)", (now() - t) * 1e3);
	slot_held = false;
	ok(read_until(fd, &in, "\r\n0\r\n\r\n", 1) && strstr(in.p, "{\"n\":19}"), "to the last");
	h0_autofree char *many = ask(POST("?do=long", "", BODY));
	ok(strstr(many, "{\"n\":19999}") && h0_ends(many, "\r\n0\r\n\r\n"), "a long stream is whole");
}

/* The slot's own key, which no client knows. */
static void test_slot_key(void)
{
	check("the slot's key is sent", ask(POST("", "Authorization: Bearer mine\r\n", BODY)), 200, "hello");
	bool sent = strstr(slot_head(), "Authorization: Bearer old\r\n"), client = strstr(slot_head(), "mine");
	ok(sent && !client, "in place of what the client sent");
	slot_key_now = "wrong";
	check("a key that the slot refuses, and no other", ask(POST("?do=locked", "", BODY)), 502, "does not take the key");
	slot_key_now = "new";
	int before = key_calls;
	check("a slot with a new key is asked again with it", ask(POST("?do=locked", "", BODY)), 200, "hello");
	ok(key_calls > before, "which is read then");
	check("and then at once", ask(POST("?do=locked", "", BODY)), 200, "hello");
}

static void test_reload(void)
{
	h0_autofd int fd = dial();
	h0_autobuf struct h0_buf in = {0};
	h0_autofree char *text = h0_asprintf(POST("?do=sse", "", BODY));
	slot_held = true;
	put(fd, text, strlen(text));
	read_until(fd, &in, "data: ", 1);
	check("a model nobody has", ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Hal0-Slot: fresh\r\n\r\n"), 200, "hello");
	write_slot("fresh", "llm", slot_port, "new-model");
	bool seen = false;
	double t = now();
	while (!seen && now() - t < PATIENCE_S) {
		h0_autofree char *r = ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
		seen = strstr(r, "new-model") != NULL;
		nap(5);
	}
	ok(seen, "a new slot is there after %.0f ms", (now() - t) * 1e3);
	slot_held = false;
	ok(read_until(fd, &in, "\r\n0\r\n\r\n", 1) && strstr(in.p, "{\"n\":19}"), "a stream goes on meanwhile");
	h0_autofree char *path = h0_asprintf("%s/slots/fresh.toml", home);
	unlink(path);
}

static void test_look(void)
{
	bool seen = false;
	int before = looks;
	swapped = false;
	check("a model no slot lists", ask(POST("", "", "{\"model\":\"swapped-in\"}")), 200, "hello");
	is_str(slot_body(), "{\"model\":\"tiny\"}", "goes to the default, as that one's model");
	swapped = true;
	for (double t = now(); !seen && now() - t < PATIENCE_S; nap(20)) {
		free(ask(POST("", "", "{\"model\":\"swapped-in\"}")));
		seen = strstr(slot_body(), "swapped-in") != NULL;
	}
	ok(seen, "once a slot lists it, it goes there as it is");
	ok(looks > before && looks < before + 20, "for which the slots were asked %d times, not at every request",
	   looks - before);
	swapped = false;
}

static void drop_slot(const char *name)
{
	h0_autofree char *path = h0_asprintf("%s/slots/%s.toml", home, name);
	unlink(path);
}

/* Asks for a model that no slot has until the answer is that one; false: it never is, or there is a
 * third kind of answer on the way. */
static bool comes_to(int status)
{
	for (double t = now(); now() - t < 20; nap(5)) {
		h0_autofree char *r = ask(POST("", "", "{\"model\":\"nobody-has-it\"}"));
		int got = status_of(r);
		if (got == status)
			return true;
		if (got != 200 && !(got == 404 && strstr(r, "dispatch.no_route")))
			break;
	}
	return false;
}

/* Who answers for a model that nobody has: the anchor of the type, or the only one; nobody of several. */
static void test_unknown(void)
{
	ok(comes_to(200), "a model that nobody has goes to the anchor");
	drop_slot("primary");
	ok(comes_to(404), "without one, of several slots none is guessed");
	drop_slot("cold");
	drop_slot("bad");
	ok(comes_to(200) && strstr(slot_body(), "\"tiny\""), "the only one of its type answers, with its own model");
	write_slot("primary", "llm", slot_port, "tiny");
}

/* Servers elsewhere; here they are the slot once more. */
static void test_upstreams(void)
{
	h0_autofree char *path = h0_asprintf("%s/upstreams.toml", home);
	FILE *f = fopen(path, "w");
	fprintf(f, "[[upstream]]\nname = \"far\"\nurl = \"http://127.0.0.1:%d/v1\"\n"
	        "[[upstream]]\nname = \"tls\"\nurl = \"https://127.0.0.1:%d\"\n", slot_port, slot_port);
	fclose(f);
	router_start();
	check("an upstream's model", ask(POST("", "Authorization: Bearer mine\r\n", "{\"model\":\"far-model\"}")), 200, "hello");
	h0_autofree char *head = h0_strdup(slot_head()), *body = h0_strdup(slot_body());
	ok(strstr(head, "X-Api-Key: far-key\r\n") && !strstr(head, "Bearer"), "gets its own key, not the client's, not a slot's");
	ok(strstr(head, "POST /v1/chat/completions HTTP") && strstr(body, "far-model"), "path and model as they are meant");
	check("what it refuses comes through", ask(POST("?do=locked", "", "{\"model\":\"far-model\"}")), 401, "no secret");
	check("https is none of ours", ask(POST("", "", "{\"model\":\"tls-model\"}")), 501, "speak");
	check("all are listed", ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200, "far-model");
	router_stop();
	unlink(path);
}

static void test_keys(void)
{
	h0_strv_add(&guard.keys, "first");
	h0_strv_add(&guard.keys, "second");
	router_start();
	check("no key", ask(POST("", "", BODY)), 401, "WWW-Authenticate: Bearer");
	check("a wrong key", ask(POST("", "Authorization: Bearer third\r\n", BODY)), 401, NULL);
	check("a key", ask(POST("", "Authorization: Bearer second\r\n", BODY)), 200, "hello");
	check("in the other field", ask(POST("", "x-api-key: first\r\n", BODY)), 200, "hello");
	check("health needs one as well", ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"), 401, NULL);
	router_stop();
}

int main(void)
{
	if (!stage_open())
		return tap_skip_all("no free ports from 8100 to 8200");
	test_plain();
	test_local();
	test_hostile();
	test_guard();
	test_sequence();
	test_tokens();
	test_stream();
	test_slot_key();
	test_reload();
	test_look();
	test_unknown();
	router_stop();
	test_upstreams();
	test_keys();
	return stage_close() | tap_done();
}
