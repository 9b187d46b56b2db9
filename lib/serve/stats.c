/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Figures for Prometheus, and where the token counts come from.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "serve/inner.h"

struct h0_peer *h0_peer_get(struct h0_core *core, const char *name)
{
	for (struct h0_peer *p = atomic_load(&core->peers); p; p = p->next)
		if (strcmp(p->name, name) == 0)
			return p;
	pthread_mutex_lock(&core->lock);
	struct h0_peer *p = atomic_load(&core->peers);
	while (p && strcmp(p->name, name) != 0)
		p = p->next;
	if (!p) {
		p = h0_calloc(1, sizeof *p);
		snprintf(p->name, sizeof p->name, "%s", name);
		p->usual_ms = -1;
		if (core->conf->load_ms)
			p->usual_ms = core->conf->load_ms(name, core->conf->arg);
		p->next = atomic_load(&core->peers);
		atomic_store(&core->peers, p);
	}
	pthread_mutex_unlock(&core->lock);
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
	if (v > 0)
		atomic_fetch_add_explicit(&p->prompt_tokens, (uint64_t)v, memory_order_relaxed);
	v = -1;
	for (size_t i = 0; out[i] && v < 0; i++)
		v = last_number(tail, n, out[i]);
	if (v > 0)
		atomic_fetch_add_explicit(&p->tokens, (uint64_t)v, memory_order_relaxed);
}

/* ---- /metrics ---- */

static void head(struct h0_buf *b, const char *name, const char *type, const char *help)
{
	h0_buf_addf(b, "# HELP hal0_%s %s\n# TYPE hal0_%s %s\n", name, help, name, type);
}

static void counter(struct h0_core *core, struct h0_buf *b, const char *name, const char *help, size_t offset)
{
	head(b, name, "counter", help);
	for (struct h0_peer *p = atomic_load(&core->peers); p; p = p->next) {
		atomic_uint_least64_t *v = (atomic_uint_least64_t *)(void *)((char *)p + offset);
		h0_buf_addf(b, "hal0_%s{slot=\"%s\"} %llu\n", name, p->name, (unsigned long long)atomic_load(v));
	}
}

static void requests(struct h0_core *core, struct h0_buf *b)
{
	head(b, "requests_total", "counter", "Requests to a slot by the class of the answer's status");
	for (struct h0_peer *p = atomic_load(&core->peers); p; p = p->next)
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

static void first_bytes(struct h0_core *core, struct h0_buf *b)
{
	static const unsigned bucket_ms[] = FIRST_BYTE_BUCKETS;
	head(b, "first_byte_seconds", "histogram", "From a request's first byte to its answer's");
	for (struct h0_peer *p = atomic_load(&core->peers); p; p = p->next) {
		unsigned long long sum = 0;
		for (int i = 0; i < NBUCKETS; i++) {
			sum += atomic_load(&p->first_byte[i]);
			h0_buf_addf(b, "hal0_first_byte_seconds_bucket{slot=\"%s\",le=\"%g\"} %llu\n", p->name,
			            bucket_ms[i] / 1000.0, sum);
		}
		sum += atomic_load(&p->first_byte[NBUCKETS]);
		h0_buf_addf(b, "hal0_first_byte_seconds_bucket{slot=\"%s\",le=\"+Inf\"} %llu\n", p->name, sum);
		h0_buf_addf(b, "hal0_first_byte_seconds_sum{slot=\"%s\"} %.6f\n", p->name,
		            (double)atomic_load(&p->first_byte_us) / 1e6);
		h0_buf_addf(b, "hal0_first_byte_seconds_count{slot=\"%s\"} %llu\n", p->name, sum);
	}
}

void h0_stats_print(struct h0_core *core, struct h0_buf *b)
{
	requests(core, b);
	head(b, "requests_in_flight", "gauge", "Requests a slot is answering");
	for (struct h0_peer *p = atomic_load(&core->peers); p; p = p->next)
		h0_buf_addf(b, "hal0_requests_in_flight{slot=\"%s\"} %u\n", p->name, atomic_load(&p->in_flight));
	first_bytes(core, b);
	counter(core, b, "prompt_tokens_total", "Tokens read", offsetof(struct h0_peer, prompt_tokens));
	counter(core, b, "tokens_total", "Tokens written", offsetof(struct h0_peer, tokens));
	counter(core, b, "loads_total", "Times a slot was brought up for a request", offsetof(struct h0_peer, loads));
	counter(core, b, "load_failures_total", "Times that failed", offsetof(struct h0_peer, load_failures));
	counter(core, b, "retries_total", "Requests sent again because a kept connection had ended",
	        offsetof(struct h0_peer, retries));
	head(b, "clients", "gauge", "Connections of clients");
	h0_buf_addf(b, "hal0_clients %u\n", atomic_load(&core->clients));
	head(b, "uptime_seconds", "gauge", "Since the router started");
	h0_buf_addf(b, "hal0_uptime_seconds %.3f\n", (double)(h0_serve_now() - core->started) / 1000);
}
