/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/npu.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

bool h0_slot_is_shadow(const struct h0_slot *s)
{
	return s->device == H0_DEVICE_NPU &&
	       (s->type == H0_TYPE_EMBEDDING || s->type == H0_TYPE_TRANSCRIPTION);
}

static bool is_chat(const struct h0_slot *s)
{
	return !s->broken && s->device == H0_DEVICE_NPU && s->type == H0_TYPE_LLM;
}

/* For itself: enabled, chat, with a model. */
static bool wants(const struct h0_slot *s)
{
	return is_chat(s) && s->enabled && s->model[0];
}

const struct h0_slot *h0_npu_anchor(const struct h0_slots *slots)
{
	const struct h0_slot *named = h0_slots_get(slots, "npu"), *any = NULL;
	if (named && wants(named))
		return named;
	for (size_t i = 0; i < slots->n; i++) {
		if (wants(&slots->v[i]))
			return &slots->v[i];
		if (!any && is_chat(&slots->v[i]) && slots->v[i].enabled)
			any = &slots->v[i];
	}
	return named ? named : any;
}

int h0_npu_trio_fail(struct h0_err *e, const struct h0_slot *shadow, const char *fmt, ...)
{
	char why[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	h0_fail(e, H0_NO, "slot %s is answered by the server of the NPU's chat slot, but %s", shadow->name,
	        why);
	h0_err_detail(e, "slot", "%s", shadow->name);
	return h0_err_code(e, "npu.trio_unavailable");
}

/* What the anchor must have for its server to answer for the shadow; none of it is about now. */
static int check_anchor(const struct h0_slot *a, const struct h0_slot *s, struct h0_err *e)
{
	bool asr = s->type == H0_TYPE_TRANSCRIPTION;
	const char *key = asr ? "asr" : "embed";
	if (!a)
		return h0_npu_trio_fail(e, s, "there is none: hal0 slot create npu --device npu --model TAG, "
		                        "and npu.%s=true", key);
	if (a->broken)
		return h0_npu_trio_fail(e, s, "the file of slot %s is invalid: hal0 conf check", a->name);
	if (a->device != H0_DEVICE_NPU)
		return h0_npu_trio_fail(e, s, "slot %s is not on device npu: hal0 slot set %s device=npu", a->name,
		                        a->name);
	if (a->type != H0_TYPE_LLM)
		return h0_npu_trio_fail(e, s, "slot %s is not of type llm: hal0 slot set %s type=llm", a->name,
		                        a->name);
	if (!a->enabled)
		return h0_npu_trio_fail(e, s, "slot %s is not enabled: hal0 slot enable %s", a->name, a->name);
	if (!a->model[0])
		return h0_npu_trio_fail(e, s, "slot %s has no model: hal0 slot set %s model.default=TAG", a->name,
		                        a->name);
	if (!a->port)
		return h0_npu_trio_fail(e, s, "slot %s has no port: hal0 slot set %s port=PORT", a->name, a->name);
	if (asr ? !a->npu_asr : !a->npu_embed)
		return h0_npu_trio_fail(e, s, "slot %s runs without it: hal0 slot set %s npu.%s=true, then hal0 slot "
		                        "restart %s", a->name, a->name, key, a->name);
	return 0;
}

int h0_npu_trio(const struct h0_slots *slots, const struct h0_slot *shadow,
                const struct h0_slot **ret_anchor, struct h0_err *e)
{
	const struct h0_slot *a = h0_npu_anchor(slots);
	if (!shadow->enabled)
		return h0_npu_trio_fail(e, shadow, "slot %s is not enabled itself: hal0 slot enable %s",
		                        shadow->name, shadow->name);
	if (check_anchor(a, shadow, e) < 0)
		return -1;
	*ret_anchor = a;
	return 0;
}

const struct h0_slot *h0_npu_server(const struct h0_slots *slots, const struct h0_slot *s)
{
	const struct h0_slot *anchor = NULL;
	if (s->broken || !h0_slot_is_shadow(s))
		return s;
	return h0_npu_trio(slots, s, &anchor, NULL) == 0 ? anchor : NULL;
}

/* ---- one at a time ---- */

int h0_npu_check(const struct h0_slots *slots, const struct h0_slot *s, bool starting,
                 struct h0_err *e)
{
	h0_autobuf struct h0_buf others = {0};
	const struct h0_slot *first = NULL;
	if (starting ? !is_chat(s) : !wants(s))
		return 0;
	for (size_t i = 0; i < slots->n; i++) {
		const struct h0_slot *o = &slots->v[i];
		if (strcmp(o->name, s->name) == 0 || !wants(o))
			continue;
		h0_buf_addf(&others, "%s%s", first ? ", " : "", o->name);
		first = first ? first : o;
	}
	if (!first)
		return 0;
	h0_slot_fail(s, "device", e, "the NPU serves one chat slot at a time, and there is %s: hal0 slot "
	             "disable %s", h0_buf_str(&others), first->name);
	if (e)
		e->kind = H0_CONFLICT;
	h0_err_detail(e, "conflicting_slots[]", "%s", h0_buf_str(&others));
	h0_err_detail(e, "hint", "hal0 slot disable %s", first->name);
	return h0_err_code(e, "slot.npu_exclusivity_violation");
}
