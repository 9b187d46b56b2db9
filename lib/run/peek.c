/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/peek.h"

#include <string.h>

#include "base/mem.h"
#include "model/npu.h"
#include "run/flm.h"
#include "run/health.h"

static enum h0_route_known known(enum h0_health h)
{
	switch (h) {
	case H0_HEALTH_READY:
		return H0_ROUTE_READY;
	case H0_HEALTH_LOADING:
		return H0_ROUTE_LOADING;
	case H0_HEALTH_DOWN:
		return H0_ROUTE_DOWN;
	default: /* slow, or another program's port: no reason to decide anything */
		return H0_ROUTE_UNKNOWN;
	}
}

/* Records of the NPU's trio have no server: their anchor's is asked. */
static bool has_server(const struct h0_slot *s)
{
	return !s->broken && s->port && !h0_slot_is_shadow(s);
}

static const char *const *keep(struct h0_arena *mem, const struct h0_strv *models)
{
	const char **v = h0_arena_alloc(mem, (models->n + 1) * sizeof *v);
	for (size_t i = 0; i < models->n; i++)
		v[i] = h0_arena_strndup(mem, models->v[i], strlen(models->v[i]));
	v[models->n] = NULL;
	return v;
}

void h0_peek(const struct h0_paths *paths, const struct h0_slots *slots, int patience_ms,
             struct h0_route_look *ret)
{
	size_t n = 0, room = slots->n ? slots->n : 1;
	h0_autofree struct h0_health_ask *asks = h0_calloc(room, sizeof *asks);
	h0_autofree struct h0_strv *models = h0_calloc(room, sizeof *models);
	*ret = (struct h0_route_look){0};
	ret->v = h0_calloc(room, sizeof *ret->v);
	for (size_t i = 0; i < slots->n; i++) {
		const struct h0_slot *s = &slots->v[i];
		if (!has_server(s))
			continue;
		asks[n] = (struct h0_health_ask){.port = s->port,
			.provider = s->device == H0_DEVICE_NPU ? H0_PROVIDER_FLM : s->provider, .models = &models[n]};
		h0_slot_key_try(paths, s->name, asks[n].key);
		ret->v[n++].slot = h0_arena_strndup(&ret->mem, s->name, strlen(s->name));
	}
	ret->n = n;
	h0_health_ask(asks, n, patience_ms, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		ret->v[i].state = known(asks[i].health);
		if (asks[i].provider == H0_PROVIDER_FLM)
			ret->v[i].without = h0_flm_noted_without(paths, ret->v[i].slot);
		ret->v[i].models = keep(&ret->mem, &models[i]);
		h0_strv_done(&models[i]);
	}
}
