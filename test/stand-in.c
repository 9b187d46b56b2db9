/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A server that stands in for llama-server: stand-in FIRST LAST LOG. It listens on the first free
 * port of the range and holds another one where nobody listens; both are printed.
 * What it answers to a chat follows from the last message:
 *   error loading die split think reason length empty long steady hang broken denied
 * anything else is told back. Each request becomes a line of LOG, and a client that leaves
 * before its answer is complete another one.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "fmt/json.h"

static int log_fd;

static void nap(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

H0_PRINTF(1, 2) static void note(const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof line - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof line - 2)
		n = (int)sizeof line - 2;
	line[n++] = '\n';
	ssize_t w = write(log_fd, line, (size_t)n);
	(void)w;
}

struct request {
	int fd;
	char method[16], path[256];
	struct h0_buf in;       /* head and body */
	const char *body;
	size_t body_len;
	struct h0_json *json;
	bool stream, left;
};

static void send_bytes(struct request *r, const char *p, size_t n)
{
	while (n && !r->left) {
		ssize_t w = send(r->fd, p, n, MSG_NOSIGNAL);
		if (w <= 0) {
			r->left = true;
			return;
		}
		p += w;
		n -= (size_t)w;
	}
}

static void reply(struct request *r, int status, const char *type, const char *more, const char *body, size_t n)
{
	h0_autobuf struct h0_buf b = {0};
	h0_buf_addf(&b, "HTTP/1.1 %d Status\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status, type, n, more);
	h0_buf_add(&b, body, n);
	send_bytes(r, b.p, b.len);
}

static void reply_json(struct request *r, int status, const char *more, struct h0_json *j)
{
	h0_autobuf struct h0_buf b = {0};
	h0_json_dump(j, 0, false, &b);
	h0_json_free(j);
	reply(r, status, "application/json; charset=utf-8", more, b.p, b.len);
}

static void reply_error(struct request *r, int status, const char *more, const char *message)
{
	struct h0_json *err = h0_json_object(), *o = h0_json_object();
	h0_json_set_int(err, "code", status);
	h0_json_set_str(err, "message", message);
	h0_json_set(o, "error", err);
	reply_json(r, status, more, o);
}

/* ---- chat ---- */

static struct h0_json *chunk(struct request *r, const char *key, const char *text, const char *finish)
{
	struct h0_json *m = h0_json_object(), *c = h0_json_object(), *l = h0_json_array(), *o = h0_json_object();
	if (text)
		h0_json_set_str(m, key, text);
	h0_json_set_int(c, "index", 0);
	h0_json_set(c, r->stream ? "delta" : "message", m);
	h0_json_set_str(c, "finish_reason", finish);
	h0_json_add(l, c);
	h0_json_set(o, "choices", l);
	h0_json_set_str(o, "object", r->stream ? "chat.completion.chunk" : "chat.completion");
	return o;
}

static void event(struct request *r, struct h0_json *o, bool bytewise)
{
	h0_autobuf struct h0_buf b = {0}, hex = {0};
	h0_buf_adds(&b, "data: ");
	h0_json_dump(o, 0, false, &b);
	h0_json_free(o);
	h0_buf_adds(&b, "\n\n");
	h0_buf_addf(&hex, "%zx\r\n", b.len);
	send_bytes(r, hex.p, hex.len);
	for (size_t i = 0; i < b.len && bytewise; i++) {
		send_bytes(r, b.p + i, 1);
		if (b.p[i] & 0x80)
			nap(1);
	}
	if (!bytewise)
		send_bytes(r, b.p, b.len);
	send_bytes(r, "\r\n", 2);
}

static void stream_head(struct request *r)
{
	const char *head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
	send_bytes(r, head, strlen(head));
}

static void stream_tail(struct request *r)
{
	const char *tail = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
	send_bytes(r, tail, strlen(tail));
}

/* The text in words of a few letters, as tokens come. */
static void stream_text(struct request *r, const char *text, const char *finish, int pause_ms, bool bytewise)
{
	stream_head(r);
	for (const char *p = text; *p && !r->left;) {
		size_t n = strcspn(p + 1, " ") + 1;
		h0_autofree char *word = h0_strndup(p, n);
		event(r, chunk(r, "content", word, NULL), bytewise);
		p += n;
		nap(pause_ms);
	}
	event(r, chunk(r, NULL, NULL, finish), false);
	stream_tail(r);
}

static void answer(struct request *r, const char *text, const char *finish, int pause_ms, bool bytewise)
{
	if (r->stream)
		stream_text(r, text, finish, pause_ms, bytewise);
	else
		reply_json(r, 200, "", chunk(r, "content", text, finish));
}

/* Waits for the client to go away, and notes that it did. */
static void hang(struct request *r)
{
	char c;
	struct pollfd p = {r->fd, POLLIN, 0};
	stream_head(r);
	event(r, chunk(r, "content", "first", NULL), false);
	if (poll(&p, 1, 120000) > 0 && recv(r->fd, &c, 1, 0) <= 0)
		r->left = true;
}

/* Goes on telling until the client leaves. */
static void steady(struct request *r)
{
	stream_head(r);
	for (int i = 0; i < 2400 && !r->left; i++) {
		event(r, chunk(r, "content", i ? " more" : "one", NULL), false);
		poll(NULL, 0, 50);
	}
}

static void echo(struct request *r, const char *text)
{
	const struct h0_json *messages = h0_json_get(r->json, "messages");
	const char *first = h0_json_str(h0_json_get(h0_json_at(messages, 0), "role"));
	const char *sys = h0_json_str(h0_json_get(h0_json_at(messages, 0), "content"));
	h0_autobuf struct h0_buf b = {0};
	h0_buf_addf(&b, "model %s, %zu messages", h0_json_str(h0_json_get(r->json, "model")), h0_json_len(messages));
	if (h0_streq(first, "system"))
		h0_buf_addf(&b, ", system '%s'", sys);
	if (h0_json_get(r->json, "max_tokens"))
		h0_buf_addf(&b, ", at most %d", (int)h0_json_int(h0_json_get(r->json, "max_tokens"), 0));
	if (h0_json_get(r->json, "temperature"))
		h0_buf_addf(&b, ", temperature %g", h0_json_num(h0_json_get(r->json, "temperature"), -1));
	h0_buf_addf(&b, ": %s", text);
	answer(r, b.p, "stop", 0, false);
}

static void long_answer(struct request *r)
{
	h0_autobuf struct h0_buf b = {0};
	for (int i = 0; b.len < 300000; i++)
		h0_buf_addf(&b, "%sword%d", i ? " " : "", i);
	answer(r, b.p, "stop", 0, false);
}

static void reason(struct request *r, const char *part, const char *why)
{
	if (r->stream) {
		stream_head(r);
		event(r, chunk(r, part, why, NULL), false);
		event(r, chunk(r, "content", "the answer", NULL), false);
		event(r, chunk(r, NULL, NULL, "stop"), false);
		stream_tail(r);
	} else {
		struct h0_json *o = chunk(r, part, why, "stop");
		reply_json(r, 200, "", o);
	}
}

/* Returns whether the connection can be used again. */
static bool chat(struct request *r)
{
	const struct h0_json *messages = h0_json_get(r->json, "messages");
	const struct h0_json *last = h0_json_at(messages, h0_json_len(messages) - 1);
	const char *text = h0_json_str(h0_json_get(last, "content"));
	text = text ? text : "";
	if (strcmp(text, "error") == 0)
		reply_error(r, 400, "", "the request exceeds the available context size");
	else if (strcmp(text, "loading") == 0)
		reply_error(r, 503, "Retry-After: 7\r\n", "Loading model");
	else if (strcmp(text, "denied") == 0)
		reply(r, 502, "text/html", "", "<html>\x1b[31mBad\nGateway</html>", 29);
	else if (strcmp(text, "split") == 0)
		answer(r, "Gr\xc3\xbc\xc3\x9f""e \xe2\x82\xac \xf0\x9f\x98\x80!", "stop", 0, true);
	else if (strcmp(text, "think") == 0)
		reason(r, "content", "<think>hidden thoughts</think>\n");
	else if (strcmp(text, "reason") == 0)
		reason(r, "reasoning_content", "hidden thoughts");
	else if (strcmp(text, "length") == 0)
		answer(r, "cut here", "length", 0, false);
	else if (strcmp(text, "empty") == 0)
		answer(r, "", "stop", 0, false);
	else if (strcmp(text, "long") == 0)
		long_answer(r);
	else if (strcmp(text, "steady") == 0) {
		steady(r);
		return false;
	} else if (strcmp(text, "hang") == 0) {
		hang(r);
		return false;
	} else if (strcmp(text, "die") == 0) {
		stream_head(r);
		event(r, chunk(r, "content", "half of", NULL), false);
		return false;
	} else if (strcmp(text, "broken") == 0) {
		stream_head(r);
		send_bytes(r, "10\r\ndata: {\"oops\"\n\n\r\n", 22);
		return false;
	} else
		echo(r, text);
	return true;
}

/* ---- the rest ---- */

static void embeddings(struct request *r)
{
	const struct h0_json *in = h0_json_get(r->json, "input");
	struct h0_json *list = h0_json_array(), *o = h0_json_object();
	size_t n = h0_json_str(in) ? 1 : h0_json_len(in);
	for (size_t i = 0; i < n; i++) {
		struct h0_json *d = h0_json_object(), *v = h0_json_array();
		h0_json_add(v, h0_json_new_real(0.5));
		h0_json_set_int(d, "index", (int64_t)i);
		h0_json_set(d, "embedding", v);
		h0_json_add(list, d);
	}
	h0_json_set_str(o, "model", h0_json_str(h0_json_get(r->json, "model")));
	h0_json_set(o, "data", list);
	reply_json(r, 200, "", o);
}

static void rerank(struct request *r)
{
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "query", h0_json_str(h0_json_get(r->json, "query")));
	h0_json_set_int(o, "documents", (int64_t)h0_json_len(h0_json_get(r->json, "documents")));
	reply_json(r, 200, "", o);
}

static void transcribe(struct request *r)
{
	h0_autobuf struct h0_buf text = {0};
	const char *name = strstr(r->body, "filename=\""), *model = strstr(r->body, "name=\"model\"\r\n\r\n");
	struct h0_json *o = h0_json_object();
	h0_buf_addf(&text, "heard %.*s as %.*s", name ? (int)strcspn(name + 10, "\"") : 0, name ? name + 10 : "",
	            model ? (int)strcspn(model + 16, "\r") : 0, model ? model + 16 : "");
	h0_json_set_str(o, "text", text.p);
	reply_json(r, 200, "", o);
}

static void tell(struct request *r)
{
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "method", r->method);
	h0_json_set_str(o, "path", r->path);
	h0_json_set_str(o, "body", r->body);
	reply_json(r, 200, "", o);
}

static void completion(struct request *r)
{
	struct h0_json *c = h0_json_object(), *l = h0_json_array(), *o = h0_json_object();
	h0_autofree char *text = h0_asprintf(" after %s", h0_json_str(h0_json_get(r->json, "prompt")));
	h0_json_set_str(c, "text", text);
	h0_json_set_str(c, "finish_reason", "stop");
	h0_json_add(l, c);
	h0_json_set(o, "choices", l);
	if (!r->stream) {
		reply_json(r, 200, "", o);
		return;
	}
	stream_head(r);
	event(r, o, false);
	stream_tail(r);
}

static bool serve(struct request *r)
{
	const char *p = r->path;
	if (strcmp(p, "/health") == 0)
		reply(r, 200, "application/json", "", "{\"status\":\"ok\"}", 15);
	else if (strcmp(p, "/v1/models") == 0)
		reply(r, 200, "application/json", "", "{\"object\":\"list\",\"data\":[]}", 27);
	else if (strcmp(p, "/v1/chat/completions") == 0)
		return chat(r);
	else if (strcmp(p, "/v1/completions") == 0)
		completion(r);
	else if (strcmp(p, "/v1/embeddings") == 0)
		embeddings(r);
	else if (strcmp(p, "/v1/rerank") == 0)
		rerank(r);
	else if (strcmp(p, "/v1/audio/speech") == 0)
		reply(r, 200, "audio/wav", "", "RIFF\0\1\2", 7);
	else if (strcmp(p, "/v1/audio/transcriptions") == 0)
		transcribe(r);
	else if (strncmp(p, "/props", 6) == 0)
		tell(r);
	else
		reply_error(r, 404, "", "File Not Found");
	return true;
}

/* One request; false at the end of the connection. */
static bool read_request(struct request *r)
{
	size_t head = 0, body = 0;
	h0_buf_reset(&r->in);
	for (;;) {
		const char *end = r->in.len ? strstr(r->in.p, "\r\n\r\n") : NULL;
		if (end && !head) {
			const char *cl = strcasestr(r->in.p, "content-length:");
			head = (size_t)(end + 4 - r->in.p);
			body = cl && cl < end ? (size_t)atol(cl + 15) : 0;
		}
		if (head && r->in.len >= head + body)
			break;
		ssize_t n = recv(r->fd, h0_buf_room(&r->in, 65536), 65536, 0);
		if (n <= 0)
			return false;
		r->in.len += (size_t)n;
		r->in.p[r->in.len] = '\0';
	}
	r->body = r->in.p + head;
	r->body_len = body;
	sscanf(r->in.p, "%15s %255s", r->method, r->path);
	r->json = NULL;
	if (r->body_len && *r->body == '{')
		(void)h0_json_parse(r->body, r->body_len, "body", &r->json, NULL);
	r->stream = h0_json_bool(h0_json_get(r->json, "stream"), false);
	return true;
}

static void *connection(void *arg)
{
	struct request r = {.fd = (int)(intptr_t)arg};
	bool more = true;
	while (more && !r.left && read_request(&r)) {
		note("%s %s %.*s", r.method, r.path, (int)(r.body_len < 3000 ? r.body_len : 3000), r.body);
		more = serve(&r);
		h0_json_free(r.json);
		if (r.left)
			note("left %s", r.path);
	}
	close(r.fd);
	h0_buf_done(&r.in);
	return NULL;
}

/* A socket bound to the first free port of the range. */
static int bind_free(int first, int last, int *ret_port)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	for (int port = first; port <= last; port++) {
		a.sin_port = htons((uint16_t)port);
		/* listening claims it: two can be bound to one port until then */
		if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 256) == 0) {
			*ret_port = port;
			return fd;
		}
		close(fd);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	}
	fprintf(stderr, "stand-in: no free port from %d to %d\n", first, last);
	exit(6);
}

int main(int argc, char **argv)
{
	int port, closed, l;
	if (argc != 4)
		return 2;
	log_fd = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return 6;
	l = bind_free(atoi(argv[1]), atoi(argv[2]), &port);
	int held = bind_free(port + 1, atoi(argv[2]), &closed);
	shutdown(held, SHUT_RD); /* stays bound, listens no more */
	printf("%d %d\n", port, closed);
	fflush(stdout);
	for (int fd; (fd = accept(l, NULL, NULL)) >= 0;) {
		pthread_t t;
		if (pthread_create(&t, NULL, connection, (void *)(intptr_t)fd) != 0)
			close(fd);
		else
			pthread_detach(t);
	}
	return 0;
}
