/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hardware.json as it may be found: comparing with and keeping from any JSON whatever.
 */
#include "base/mem.h"
#include "model/hwdoc.h"
#include "tap.h"

static unsigned seed = 7;
static unsigned rnd(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* A value of any shape, with the document's own names among its keys. */
static struct h0_json *any(int depth)
{
	static const char *const keys[] = {"gpus", "memory", "warnings", "pools", "code", "pci",
	                                   "name", "gpu", "slots", "extra", "mine", "uptime_s"};
	struct h0_json *j;
	switch (rnd(depth > 0 ? 7 : 5)) {
	case 0: return h0_json_new_null();
	case 1: return h0_json_new_int((int64_t)rnd(1u << 23) - (1 << 22));
	case 2: return h0_json_new_str(keys[rnd(12)]);
	case 3: return h0_json_new_bool(rnd(2));
	case 4: return h0_json_new_real(rnd(1000) / 7.0);
	case 5:
		j = h0_json_array();
		for (unsigned i = rnd(5); i > 0; i--)
			h0_json_add(j, any(depth - 1));
		return j;
	default:
		j = h0_json_object();
		for (unsigned i = rnd(6); i > 0; i--)
			h0_json_set(j, keys[rnd(12)], any(depth - 1));
		return j;
	}
}

static struct h0_json *object(void)
{
	struct h0_json *j;
	while (j = any(5), h0_json_type(j) != H0_JSON_OBJECT)
		h0_json_free(j);
	return j;
}

static size_t differences(const struct h0_json *a, const struct h0_json *b)
{
	h0_auto(h0_hwchanges_done) struct h0_hwchanges c = {0};
	h0_hwdoc_diff(a, b, &c);
	return c.n;
}

static void foreign(const struct h0_machine *m)
{
	int bad = 0;
	for (int i = 0; i < 2000; i++) {
		h0_autojson struct h0_json *old = object(), *doc = h0_hwdoc(m, "now");
		h0_hwdoc_keep(doc, old);
		bad += differences(doc, doc) != 0;
		differences(old, doc);
		const struct h0_json *mine = h0_json_get(old, "mine");
		bad += mine && !h0_json_equal(h0_json_get(doc, "mine"), mine);
		bad += h0_json_type(h0_json_get(doc, "extra")) != H0_JSON_OBJECT;
		bad += h0_json_type(h0_json_get(doc, "gpus")) != H0_JSON_ARRAY;
	}
	is_int(bad, 0, "2000 strange files: the operator's part kept, ours right");
}

static void volatile_readings(const struct h0_machine *m, struct h0_hw *hw)
{
	h0_autojson struct h0_json *before = h0_hwdoc(m, "then");
	hw->os.uptime_s += 60;
	hw->os.disk_free += 1 << 20;
	hw->mem.available = hw->mem.available > 0 ? hw->mem.available - (64 << 20) : H0_UNKNOWN;
	h0_autofree struct h0_machine *again = h0_machine(hw);
	h0_autojson struct h0_json *after = h0_hwdoc(again, "now");
	is_int((long long)differences(before, after), 0, "readings that move are no change");
	h0_autojson struct h0_json *moved = h0_json_copy(after);
	h0_json_set_str(moved, "tier", "other");
	is_int((long long)differences(after, moved), 1, "a conclusion is");
	ok(differences(NULL, after) > 50, "without a file everything is new");
}

int main(void)
{
	h0_autoroot struct h0_root root = {.fd = -1};
	if (h0_root_open(&root, NULL, NULL) < 0)
		return 1;
	h0_autohw struct h0_hw *hw = h0_hw_probe(&root, 0);
	h0_autofree struct h0_machine *m = h0_machine(hw);
	foreign(m);
	volatile_readings(m, hw);
	return tap_done();
}
