/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Figures for Prometheus, and where the token counts come from.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "serve/inner.h"
#include "sys/clock.h"

struct h0_peer *h0_peers(struct h0_core *core)
{
	pthread_mutex_lock(&core->lock);
	struct h0_peer *p = core->peers;
	pthread_mutex_unlock(&core->lock);
	return p;
}

static struct h0_peer *find(struct h0_peer *p, const char *name)
{
	while (p && strcmp(p->name, name) != 0)
		p = p->next;
	return p;
}

struct h0_peer *h0_peer_get(struct h0_core *core, const char *name)
{
	struct h0_peer *p = find(h0_peers(core), name), *made;
	if (p)
		return p;
	made = h0_calloc(1, sizeof *made);
	snprintf(made->name, sizeof made->name, "%s", name);
	made->usual_ms = core->conf->load_ms ? core->conf->load_ms(name, core->conf->arg) : -1;
	pthread_mutex_lock(&core->lock);
	p = find(core->peers, name); /* another loop may have been quicker */
	if (!p) {
		made->next = core->peers;
		p = core->peers = h0_take(made);
	}
	pthread_mutex_unlock(&core->lock);
	free(made);
	return p;
}

/* The number behind the last `"key":` of the text, -1 when there is none. */
static int64_t last_number(const char *text, size_t n, const char *key)
{
	size_t len = strlen(key);
	int64_t found = -1;
	for (const char *p = text, *end = text + n; (p = memmem(p, (size_t)(end - p), key, len));) {
		p += len;
		while (p < end && (*p == ' ' || *p == ':'))
			p++;
		int64_t v = -1;
		for (int digits = 0; p < end && *p >= '0' && *p <= '9' && digits < 12; p++, digits++)
			v = (v < 0 ? 0 : v) * 10 + (*p - '0');
		found = v >= 0 ? v : found;
	}
	return found;
}

static void count_tokens(atomic_uint_least64_t *sum, atomic_uint_least64_t *bucket, int64_t n)
{
	static const int64_t limit[] = TOKEN_BUCKETS;
	size_t i = 0;
	if (n < 0)
		return;
	while (i < NTOKENS && n > limit[i])
		i++;
	atomic_fetch_add_explicit(&bucket[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(sum, (uint64_t)n, memory_order_relaxed);
}

void h0_stats_tokens(struct h0_peer *p, const char *tail, size_t n)
{
	/* usage of the OpenAI form, of the Messages and Responses forms, llama-server's timings */
	static const char *const in[] = {"\"prompt_tokens\"", "\"input_tokens\"", "\"prompt_n\"", NULL};
	static const char *const out[] = {"\"completion_tokens\"", "\"output_tokens\"", "\"predicted_n\"", NULL};
	int64_t v = -1;
	if (!memmem(tail, n, "_tokens\"", 8) && !memmem(tail, n, "_n\"", 3))
		return;
	for (size_t i = 0; in[i] && v < 0; i++)
		v = last_number(tail, n, in[i]);
	count_tokens(&p->prompt_tokens, p->prompt_size, v);
	v = -1;
	for (size_t i = 0; out[i] && v < 0; i++)
		v = last_number(tail, n, out[i]);
	count_tokens(&p->tokens, p->size, v);
}

/* ---- /metrics ---- */

static void head(struct h0_buf *b, const char *name, const char *type, const char *help)
{
	h0_buf_addf(b, "# HELP hal0_%s %s\n# TYPE hal0_%s %s\n", name, help, name, type);
}

static void counter(struct h0_core *core, struct h0_buf *b, const char *name, const char *help, size_t offset)
{
	head(b, name, "counter", help);
	for (struct h0_peer *p = h0_peers(core); p; p = p->next) {
		atomic_uint_least64_t *v = (atomic_uint_least64_t *)(void *)((char *)p + offset);
		h0_buf_addf(b, "hal0_%s{slot=\"%s\"} %llu\n", name, p->name, (unsigned long long)atomic_load(v));
	}
}

static void requests(struct h0_core *core, struct h0_buf *b)
{
	head(b, "requests_total", "counter", "Requests to a slot by the class of the answer's status");
	for (struct h0_peer *p = h0_peers(core); p; p = p->next)
		for (int i = 0; i < 6; i++) {
			unsigned long long n = atomic_load(&p->requests[i]);
			if (!n)
				continue;
			h0_buf_addf(b, "hal0_requests_total{slot=\"%s\",status=\"", p->name);
			if (i)
				h0_buf_addf(b, "%dxx\"} %llu\n", i, n);
			else
				h0_buf_addf(b, "aborted\"} %llu\n", n);
		}
}

/* One slot's histogram; `limit` are the n upper bounds, bucket[n] is what is beyond. */
static void histogram(struct h0_buf *b, const char *name, const char *slot, const double *limit, size_t n,
                      atomic_uint_least64_t *bucket, double sum)
{
	unsigned long long count = 0;
	for (size_t i = 0; i < n; i++) {
		count += atomic_load(&bucket[i]);
		h0_buf_addf(b, "hal0_%s_bucket{slot=\"%s\",le=\"%.10g\"} %llu\n", name, slot, limit[i], count);
	}
	count += atomic_load(&bucket[n]);
	h0_buf_addf(b, "hal0_%s_bucket{slot=\"%s\",le=\"+Inf\"} %llu\n", name, slot, count);
	h0_buf_addf(b, "hal0_%s_sum{slot=\"%s\"} %.10g\n", name, slot, sum);
	h0_buf_addf(b, "hal0_%s_count{slot=\"%s\"} %llu\n", name, slot, count);
}

static void first_bytes(struct h0_core *core, struct h0_buf *b)
{
	double limit[] = FIRST_BYTE_BUCKETS;
	for (size_t i = 0; i < NBUCKETS; i++)
		limit[i] /= 1000;
	head(b, "first_byte_seconds", "histogram", "From a request's first byte to its answer's");
	for (struct h0_peer *p = h0_peers(core); p; p = p->next)
		histogram(b, "first_byte_seconds", p->name, limit, NBUCKETS, p->first_byte,
		          (double)atomic_load(&p->first_byte_us) / 1e6);
}

static void token_sizes(struct h0_core *core, struct h0_buf *b)
{
	static const double limit[] = TOKEN_BUCKETS;
	head(b, "prompt_size_tokens", "histogram", "Tokens of a request's prompt");
	for (struct h0_peer *p = h0_peers(core); p; p = p->next)
		histogram(b, "prompt_size_tokens", p->name, limit, NTOKENS, p->prompt_size,
		          (double)atomic_load(&p->prompt_tokens));
	head(b, "answer_size_tokens", "histogram", "Tokens of an answer");
	for (struct h0_peer *p = h0_peers(core); p; p = p->next)
		histogram(b, "answer_size_tokens", p->name, limit, NTOKENS, p->size, (double)atomic_load(&p->tokens));
}

void h0_stats_print(struct h0_core *core, struct h0_buf *b)
{
	requests(core, b);
	head(b, "requests_in_flight", "gauge", "Requests a slot is answering");
	for (struct h0_peer *p = h0_peers(core); p; p = p->next)
		h0_buf_addf(b, "hal0_requests_in_flight{slot=\"%s\"} %u\n", p->name, atomic_load(&p->in_flight));
	first_bytes(core, b);
	token_sizes(core, b);
	counter(core, b, "prompt_tokens_total", "Tokens read", offsetof(struct h0_peer, prompt_tokens));
	counter(core, b, "tokens_total", "Tokens written", offsetof(struct h0_peer, tokens));
	counter(core, b, "loads_total", "Times a slot was brought up for a request", offsetof(struct h0_peer, loads));
	counter(core, b, "load_failures_total", "Times that failed", offsetof(struct h0_peer, load_failures));
	counter(core, b, "retries_total", "Requests sent again because a kept connection had ended",
	        offsetof(struct h0_peer, retries));
	head(b, "clients", "gauge", "Connections of clients");
	h0_buf_addf(b, "hal0_clients %u\n", atomic_load(&core->clients));
	head(b, "turned_away_total", "counter", "Connections that were not taken");
	h0_buf_addf(b, "hal0_turned_away_total{why=\"full\"} %llu\nhal0_turned_away_total{why=\"address\"} %llu\n",
	            (unsigned long long)atomic_load(&core->turned_away[AWAY_FULL]),
	            (unsigned long long)atomic_load(&core->turned_away[AWAY_ADDRESS]));
	head(b, "uptime_seconds", "gauge", "Since the router started");
	h0_buf_addf(b, "hal0_uptime_seconds %.3f\n", (double)(h0_now_ms() - core->started) / 1000);
}
