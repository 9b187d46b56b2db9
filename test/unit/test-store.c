/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a model's name to its file, in directories of our own.
 */
#include "tap.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "run/store.h"
#include "snap.h"
#include "sys/io.h"

static char dir[] = "/tmp/hal0-test-store.XXXXXX";
static struct h0_paths paths;

static void make(const char *name, const char *text)
{
	h0_autofree char *path = h0_asprintf("%s/%s", dir, name);
	*strrchr(path, '/') = '\0';
	h0_mkdirs(path, 0755, NULL);
	path[strlen(path)] = '/';
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

/* "SOURCE ID path mmproj store", DIR for the test's directory; or the error. */
static void finds(const char *hal0_toml, const char *model, const char *want)
{
	struct h0_snap snap = SNAP({"hal0.toml", hal0_toml});
	h0_automodelfile struct h0_model_file m = {0};
	h0_autobuf struct h0_buf got = {0}, short_got = {0};
	struct h0_err e = {0};
	h0_autofree char *name = NULL;
	if (strncmp(model, "DIR", 3) == 0)
		name = h0_asprintf("%s%s", dir, model + 3);
	if (h0_store_find(&paths, &snap, name ? name : model, &m, &e) < 0)
		h0_buf_addf(&got, "%d %s %s", e.kind, h0_err_name(&e), e.msg);
	else
		h0_buf_addf(&got, "%s %s %s %s %s", m.source, m.id, m.path, m.mmproj ? m.mmproj : "-",
		            m.store ? m.store : "-");
	for (const char *p = h0_buf_str(&got); *p; p++) {
		if (h0_starts(p, dir)) {
			h0_buf_adds(&short_got, "DIR");
			p += strlen(dir) - 1;
		} else {
			h0_buf_addc(&short_got, *p);
		}
	}
	is_str(h0_buf_str(&short_got), want, want);
}

static void test_find(void)
{
	make("var/models/a.gguf", "x");
	make("var/models/b/b-Q4-00002-of-00002.gguf", "x");
	make("var/models/b/b-Q4-00001-of-00002.gguf", "x");
	make("var/models/b/mmproj-b.gguf", "x");
	make("var/models/c/one.gguf", "x");
	make("var/models/c/two.gguf", "x");
	make("var/models/empty/readme", "x");
	make("other/d.gguf", "x");
	make("var/registry/registry.toml", "");
	finds("", "a", "store a DIR/var/models/a.gguf - DIR/var/models");
	finds("", "b", "store b DIR/var/models/b/b-Q4-00001-of-00002.gguf "
	      "DIR/var/models/b/mmproj-b.gguf DIR/var/models");
	finds("", "c", "3 config.invalid DIR/var/models/c holds 2 models (one.gguf, two.gguf...): name "
	      "one by its path");
	finds("", "c/two", "store c/two DIR/var/models/c/two.gguf - DIR/var/models");
	finds("", "d", "3 model.not_found no model 'd': looked in DIR/var/registry/registry.toml, "
	      "DIR/var/models/d, DIR/var/models/d.gguf");
	finds("", "empty", "3 model.not_found no model 'empty': looked in "
	      "DIR/var/registry/registry.toml, DIR/var/models/empty, DIR/var/models/empty.gguf");
	finds("", "DIR/other/d.gguf", "path d DIR/other/d.gguf - -");
	finds("", "DIR/var/models/b/b-Q4-00001-of-00002.gguf",
	      "path b-Q4 DIR/var/models/b/b-Q4-00001-of-00002.gguf - DIR/var/models");
	finds("", "DIR/nope.gguf", "3 model.path_missing no model file at DIR/nope.gguf: No such file "
	      "or directory");
	finds("", "DIR/var/models/empty", "3 model.path_missing DIR/var/models/empty is neither a model "
	      "file nor a directory with one");
	finds("", "../other/d", "3 config.invalid '../other/d' is neither a model id nor an absolute "
	      "path");
	finds("", "", "3 config.invalid '' is neither a model id nor an absolute path");
}

static void test_roots(void)
{
	h0_autofree char *store = h0_asprintf("[models]\nstore = \"%s/other\"\n", dir);
	h0_autofree char *roots = h0_asprintf("[models]\nroots = [\"%s/other\"]\n", dir);
	finds(store, "d", "store d DIR/other/d.gguf - DIR/other");
	finds(roots, "d", "store d DIR/other/d.gguf - -");
	snprintf(paths.store, sizeof paths.store, "%s/other", dir);
	finds("", "d", "store d DIR/other/d.gguf - DIR/other");
	finds("[models]\nstore = \"/nowhere\"\n", "d", "store d DIR/other/d.gguf - DIR/other");
	paths.store[0] = '\0';
	finds("[models]\nstore = \"x\"\n", "a", "3 config.invalid an absolute path is expected, not 'x'");
}

static void test_registry(void)
{
	h0_autofree char *text = h0_asprintf(
	    "[models.\"q:1\"]\nid = \"q:1\"\npath = \"%s/other/d.gguf\"\nmmproj = \"%s/other/p.gguf\"\n"
	    "[models.gone]\npath = \"%s/other/gone.gguf\"\n[models.rel]\npath = \"x.gguf\"\n",
	    dir, dir, dir);
	make("var/registry/registry.toml", text);
	finds("", "q:1", "registry q:1 DIR/other/d.gguf DIR/other/p.gguf -");
	finds("", "gone", "3 model.path_missing no model file at DIR/other/gone.gguf");
	finds("", "rel", "3 config.invalid has no absolute path");
	finds("", "a", "store a DIR/var/models/a.gguf - DIR/var/models");
	make("var/registry/registry.toml", "[models");
	finds("", "a", "3 config.invalid expected ']' after the table's name");
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(paths.home, sizeof paths.home, "%s", dir);
	snprintf(paths.var, sizeof paths.var, "%s/var", dir);
	test_find();
	test_roots();
	test_registry();
	h0_autofree char *rm = h0_asprintf("rm -rf '%s'", dir);
	ok(system(rm) == 0, "cleaned up");
	return tap_done();
}
