/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include "base/str.h"
#include "fmt/toml.h"
#include "model/loadout.h"

#define BOX_MB 128000

static bool is_use(const char *use)
{
	for (const char *const *u = h0_loadout_uses; *u; u++)
		if (h0_streq(*u, use))
			return true;
	return false;
}

static void test_rows(void)
{
	bool uses = true, sizes = true, others = true, grows = true, ceiling = true;
	for (size_t i = 0; i < h0_nloadouts; i++) {
		const struct h0_loadout_model *m = &h0_loadouts[i], *before = i ? m - 1 : NULL;
		uses = uses && is_use(m->use) && m->tier < H0_TIER_N;
		sizes = sizes && m->mb > 0 && h0_loadout_extra(m) > 0;
		others = others && (!m->other || (before && h0_streq(before->use, m->use) && before->tier == m->tier &&
		                                  h0_streq(before->role, m->role)));
		grows = grows && (!before || !h0_streq(before->use, m->use) || before->tier <= m->tier);
		bool beyond = h0_streq(m->use, H0_LOADOUT_CEILING);
		ceiling = ceiling && beyond == (m->mb + (h0_loadout_extra(m) / 1000000) > BOX_MB);
	}
	ok(uses, "uses and tiers are of the lists");
	ok(sizes, "every model has a size");
	ok(others, "an alternative follows what it stands for");
	ok(grows, "tiers go up");
	ok(ceiling, "what is beyond 128 GB is under the ceiling, and only that");
}

static void same_models(const char *use, enum h0_tier tier, struct h0_toml *doc)
{
	const struct h0_toml_node *root = h0_toml_root(doc);
	size_t wanted = 0, got = 0;
	for (size_t i = 0; i < h0_nloadouts; i++) {
		const struct h0_loadout_model *m = &h0_loadouts[i];
		if (!h0_streq(m->use, use) || m->tier != tier || m->other)
			continue;
		const char *dot = strchr(m->role, '.');
		h0_autofree char *first = strndup(m->role, dot ? (size_t)(dot - m->role) : strlen(m->role));
		const char *slot[] = {"slots", m->role, "model", "default", NULL};
		const char *cap[] = {"selections", first, dot ? dot + 1 : "", "model", NULL};
		const struct h0_toml_node *n = h0_toml_get_path(root, dot ? cap : slot);
		wanted++;
		got += n && h0_streq(n->str, m->model);
	}
	ok(got == wanted, "all of %s, %s", use, h0_tier_names[tier]);
}

static void test_documents(void)
{
	int made = 0;
	for (const char *const *use = h0_loadout_uses; *use; use++)
		for (int t = 0; t < H0_TIER_N; t++) {
			h0_autobuf struct h0_buf b = {0};
			h0_autotoml struct h0_toml *doc = NULL;
			struct h0_err e = {0};
			bool any = false;
			for (size_t i = 0; i < h0_nloadouts; i++)
				any = any || (h0_streq(h0_loadouts[i].use, *use) && h0_loadouts[i].tier == (enum h0_tier)t);
			if (!any)
				continue;
			h0_loadout_doc(*use, (enum h0_tier)t, H0_DEVICE_GPU_VULKAN, "one\ntwo", &b);
			made++;
			if (!ok(h0_toml_parse(h0_buf_str(&b), b.len, "doc", &doc, &e) == 0, "%s, %s: well-formed", *use,
			        h0_tier_names[t]))
				printf("# %s\n", e.msg);
			else
				same_models(*use, (enum h0_tier)t, doc);
			ok(strncmp(h0_buf_str(&b), "# one\n# two\nrun = [\"primary\"]\n", 30) == 0, "its first lines");
		}
	ok(made >= 16, "there are documents");
}

int main(void)
{
	test_rows();
	test_documents();
	return tap_done();
}
