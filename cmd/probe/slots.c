/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/paths.h"
#include "model/slot.h"
#include "run/store.h"

#define UNKNOWN INT64_MIN

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
			return h0_fail(e, H0_CONFIG, "%s is no regular file", part);
		*ret += st.st_size;
	}
	return 0;
}

static int64_t budget(const struct h0_json *doc)
{
	return h0_json_int(h0_json_get(h0_json_get(doc, "memory"), "budget_mib"), UNKNOWN);
}

/* MiB a slot's model needs; UNKNOWN when it cannot be told. */
static int64_t needs(const struct h0_paths *paths, const struct h0_snap *snap,
                     const struct h0_slot *slot)
{
	h0_automodelfile struct h0_model_file file = {0};
	int64_t bytes;
	if (slot->broken || slot->device == H0_DEVICE_NPU || !slot->model || !*slot->model ||
	    h0_store_find(paths, snap, slot->model, &file, NULL) < 0 ||
	    probe_model_bytes(file.path, &bytes, NULL) < 0)
		return UNKNOWN;
	return (bytes + bytes / 10) >> 20;
}

static void judge(const struct h0_slot *slot, int64_t need, int64_t before, int64_t after,
                  struct h0_json *ret)
{
	if ((need <= before) == (need <= after))
		return;
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "slot", slot->name);
	h0_json_set_int(o, "needs_mib", need);
	h0_json_set_int(o, "budget_mib", after);
	h0_json_set_bool(o, "fitted", need <= before);
	h0_json_set_bool(o, "fits", need <= after);
	h0_json_add(ret, o);
}

struct h0_json *probe_slot_verdicts(const struct h0_json *old, const struct h0_json *now)
{
	struct h0_json *ret = h0_json_array();
	int64_t before = budget(old), after = budget(now);
	h0_autosnap struct h0_snap snap = {0};
	h0_autoslots struct h0_slots slots = {0};
	struct h0_paths paths;
	if (before == UNKNOWN || after == UNKNOWN || before == after ||
	    h0_paths_init(&paths, NULL) < 0 || h0_snap_open(paths.etc, &snap, NULL) < 0 ||
	    h0_slots_load(&snap, &slots, NULL) < 0)
		return ret;
	for (size_t i = 0; i < slots.n; i++) {
		int64_t need = needs(&paths, &snap, &slots.v[i]);
		if (need != UNKNOWN)
			judge(&slots.v[i], need, before, after, ret);
	}
	return ret;
}

void probe_slot_verdicts_text(const struct h0_json *verdicts, struct h0_buf *ret)
{
	for (size_t i = 0; i < h0_json_len(verdicts); i++) {
		const struct h0_json *v = h0_json_at(verdicts, i);
		bool fits = h0_json_bool(h0_json_get(v, "fits"), false);
		h0_buf_addf(ret, "slot %s %s: its model needs %lld MiB, models may use %lld MiB\n",
		            h0_json_str(h0_json_get(v, "slot")),
		            fits ? "fits now" : "does not fit any more",
		            (long long)h0_json_int(h0_json_get(v, "needs_mib"), 0),
		            (long long)h0_json_int(h0_json_get(v, "budget_mib"), 0));
	}
}
