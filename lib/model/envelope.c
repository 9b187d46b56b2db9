/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/envelope.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "fmt/json.h"

/* The HTTP status of each stable code. Source: formats of the original hal0. */
static const struct {
	const char *code;
	int status;
} statuses[] = {
	{"dispatch.no_route", 404},
	{"dispatch.unknown_upstream", 400},
	{"dispatch.upstream_unavailable", 502},
	{"dispatch.upstream_failed", 502},
	{"npu.trio_unavailable", 503},
	{"request.invalid_json", 400},
	{"request.missing_model", 400},
	{"request.not_an_object", 400},
	{"slot.config_error", 400},
	{"slot.health_failed", 503},
	{"slot.loading", 503},
	{"slot.not_found", 404},
	{"slot.not_ready", 503},
	{"slot.npu_exclusivity_violation", 409},
	{"slot.spawn_failed", 500},
};

int h0_envelope_status(const char *code, enum h0_kind kind)
{
	for (size_t i = 0; i < H0_ARRAY_LEN(statuses); i++)
		if (strcmp(statuses[i].code, code) == 0)
			return statuses[i].status;
	switch (kind) {
	case H0_USAGE:
		return 400;
	case H0_NO:
		return 404;
	case H0_CONFLICT:
		return 409;
	case H0_BUSY:
	case H0_NOHW:
		return 503;
	case H0_EXTERN:
		return 502;
	default:
		return 500;
	}
}

void h0_envelope_print(int status, const char *code, const char *message, const struct h0_err *details,
                       int retry_after_s, struct h0_buf *out)
{
	h0_autojson struct h0_json *o = h0_json_object();
	struct h0_json *err = h0_json_object(), *d = h0_json_object();
	if (details)
		h0_json_set_details(d, details);
	if (retry_after_s >= 0)
		h0_json_set_int(d, "retry_after_s", retry_after_s);
	h0_json_set_str(err, "code", code);
	h0_json_set_str(err, "message", message);
	h0_json_set_str(err, "type", status < 500 ? "invalid_request_error" : "server_error");
	h0_json_set(err, "details", d);
	h0_json_set(o, "error", err);
	h0_json_dump(o, 0, false, out);
	h0_buf_addc(out, '\n');
}

/* ---- models ---- */

static void add_model(struct h0_json *list, struct h0_strv *seen, const char *id, const struct h0_slot *s)
{
	if (!*id || h0_strv_has(seen, id))
		return;
	h0_strv_add(seen, id);
	struct h0_json *m = h0_json_object();
	h0_json_set_str(m, "id", id);
	h0_json_set_str(m, "object", "model");
	h0_json_set_int(m, "created", 0);
	h0_json_set_str(m, "owned_by", "hal0");
	h0_json_set_str(m, "slot", s->name);
	h0_json_set_str(m, "type", h0_type_names[s->type]);
	h0_json_add(list, m);
}

/* A virtual name is listed when it leads somewhere. */
static void add_virtual(struct h0_json *list, struct h0_strv *seen, const struct h0_slots *slots, const char *name)
{
	char id[H0_NAME_MAX + 8];
	h0_autoroute struct h0_route r = {0};
	snprintf(id, sizeof id, "hal0/%s", name);
	struct h0_route_ask ask = {.slots = slots, .model = id};
	if (h0_route_find(&ask, &r, NULL) == 0 && r.slot)
		add_model(list, seen, id, r.slot);
}

static void add_remote(struct h0_json *list, struct h0_strv *seen, const struct h0_upstream *u,
                       const struct h0_route_look *look)
{
	for (size_t i = 0; u->advertise && i < look->nremote; i++)
		for (const char *const *m = look->remote[i].models; m && *m && strcmp(look->remote[i].name, u->name) == 0; m++) {
			if (h0_strv_has(seen, *m))
				continue;
			h0_strv_add(seen, *m);
			struct h0_json *o = h0_json_object();
			h0_json_set_str(o, "id", *m);
			h0_json_set_str(o, "object", "model");
			h0_json_set_int(o, "created", 0);
			h0_json_set_str(o, "owned_by", u->name);
			h0_json_set_str(o, "upstream", u->name);
			h0_json_add(list, o);
		}
}

void h0_envelope_models(const struct h0_slots *slots, const struct h0_upstreams *us,
                        const struct h0_route_look *look, struct h0_buf *out)
{
	h0_autojson struct h0_json *o = h0_json_object();
	struct h0_json *list = h0_json_array();
	h0_autostrv struct h0_strv seen = {0};
	char id[512];
	for (size_t i = 0; i < slots->n; i++) {
		const struct h0_slot *s = &slots->v[i];
		if (s->broken || !s->enabled)
			continue;
		add_model(list, &seen, s->name, s);
		add_model(list, &seen, h0_route_model_id(s, id, sizeof id), s);
	}
	for (size_t i = 0; i < h0_route_nchains; i++)
		add_virtual(list, &seen, slots, h0_route_chains[i].name);
	for (size_t i = 0; i < slots->n; i++)
		if (!slots->v[i].broken && slots->v[i].enabled)
			add_virtual(list, &seen, slots, slots->v[i].name);
	for (size_t i = 0; us && i < us->n; i++)
		add_remote(list, &seen, &us->v[i], look);
	h0_json_set_str(o, "object", "list");
	h0_json_set(o, "data", list);
	h0_json_dump(o, 0, false, out);
}
