/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "model/fitpool.h"
#include "model/fitsum.h"
#include "model/slot.h"
#include "run/fits.h"
#include "run/store.h"

int probe_model_bytes(const char *path, int64_t *ret, struct h0_err *e)
{
	char part[1100];
	struct stat st;
	int count = 1, head = 0;
	const char *dash = strstr(path, "-00001-of-");
	if (dash && sscanf(dash, "-00001-of-%5d.gguf%n", &count, &head) == 1 && head &&
	    !dash[head] && count > 0 && count <= 999)
		head = (int)(dash - path);
	else
		count = 1;
	*ret = 0;
	for (int i = 1; i <= count; i++) {
		snprintf(part, sizeof part, "%s", path);
		if (count > 1)
			snprintf(part, sizeof part, "%.*s-%05d-of-%05d.gguf", head, path, i, count);
		if (stat(part, &st) < 0)
			return h0_fail(e, H0_CONFIG, "%s: %s", part, strerror(errno));
		if (!S_ISREG(st.st_mode))
			return h0_fail(e, H0_CONFIG, "%s is not a regular file", part);
		*ret += st.st_size;
	}
	return 0;
}

/* By size alone, a tenth on top: for what is no GGUF file or no model of llama-server. */
static int64_t by_size(struct h0_box *b, const struct h0_slot *slot)
{
	h0_automodelfile struct h0_model_file file = {0};
	int64_t bytes;
	if (h0_store_find(&b->paths, &b->snap, slot->model, &file, NULL) < 0 ||
	    probe_model_bytes(file.path, &bytes, NULL) < 0)
		return -1;
	return h0_sum(bytes, bytes / 10);
}

/* Bytes a slot needs of such a pool, -1 when it cannot be told. */
static int64_t needs(struct h0_box *b, const struct h0_slot *slot, const struct h0_fit_pool *pool)
{
	h0_autofits struct h0_fits f = {0};
	if (h0_fits_slot(b, slot, &f, NULL) < 0)
		return by_size(b, slot);
	h0_fit(&f.model, &f.run, &f.fit);
	if (f.fit.total < 0)
		return by_size(b, slot);
	return pool->shared ? f.fit.total : f.fit.device;
}

static void judge(struct h0_box *b, const struct h0_slot *slot, const struct h0_json *old,
                  const struct h0_json *now, struct h0_json *ret)
{
	struct h0_fit_pool before, after;
	if (slot->broken || slot->device == H0_DEVICE_NPU || !slot->model || !*slot->model)
		return;
	h0_fit_pool_of(old, slot->device, &before);
	h0_fit_pool_of(now, slot->device, &after);
	if (before.bytes < 0 || after.bytes < 0)
		return;
	int64_t then = needs(b, slot, &before), need = needs(b, slot, &after);
	if (then < 0 || need < 0 || (then <= before.bytes) == (need <= after.bytes))
		return;
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "slot", slot->name);
	h0_json_set_int(o, "needs_mib", need >> 20);
	h0_json_set_int(o, "budget_mib", after.bytes >> 20);
	h0_json_set_bool(o, "fitted", then <= before.bytes);
	h0_json_set_bool(o, "fits", need <= after.bytes);
	h0_json_add(ret, o);
}

struct h0_json *probe_slot_verdicts(const struct h0_json *old, const struct h0_json *now)
{
	struct h0_json *ret = h0_json_array();
	h0_autobox struct h0_box b = {0};
	if (!old || h0_box_open(&b, NULL) < 0)
		return ret;
	for (size_t i = 0; i < b.slots.n; i++)
		judge(&b, &b.slots.v[i], old, now, ret);
	return ret;
}

void probe_slot_verdicts_text(const struct h0_json *verdicts, struct h0_buf *ret)
{
	for (size_t i = 0; i < h0_json_len(verdicts); i++) {
		const struct h0_json *v = h0_json_at(verdicts, i);
		bool fits = h0_json_bool(h0_json_get(v, "fits"), false);
		h0_buf_addf(ret, "slot %s %s: it needs %lld MiB, models may use %lld MiB\n",
		            h0_json_str(h0_json_get(v, "slot")),
		            fits ? "fits now" : "does not fit any more",
		            (long long)h0_json_int(h0_json_get(v, "needs_mib"), 0),
		            (long long)h0_json_int(h0_json_get(v, "budget_mib"), 0));
	}
}
