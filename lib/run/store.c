/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/store.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/schema.h"
#include "conf/validate.h"
#include "fmt/toml.h"
#include "sys/io.h"

#define SHARED_STORE  "/mnt/ai-models"
#define REGISTRY_MAX  (16u << 20)
#define DIR_ENTRY_MAX 10000

void h0_model_file_done(struct h0_model_file *m)
{
	free(m->id);
	free(m->path);
	free(m->mmproj);
	free(m->store);
	*m = (struct h0_model_file){0};
}

static mode_t kind_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_mode & S_IFMT : 0;
}

/* ---- where models are ---- */

static int read_hal0(const struct h0_snap *snap, struct h0_toml **ret, struct h0_err *e)
{
	const struct h0_snap_file *f = h0_snap_get(snap, h0_schema_hal0.path);
	h0_autofindings struct h0_findings found = {0};
	h0_autotoml struct h0_toml *doc = NULL;
	if (f)
		h0_validate_text(&h0_schema_hal0, f->text, f->len, f->path, &found, &doc);
	if (h0_findings_fail(&found, e) < 0)
		return -1;
	*ret = h0_take(doc);
	return 0;
}

static const struct h0_toml_node *models_key(const struct h0_toml *doc, const char *key)
{
	const char *path[] = {"models", key, NULL};
	return doc ? h0_toml_get_path(h0_toml_root(doc), path) : NULL;
}

static char *root_of(const struct h0_paths *paths, const struct h0_toml *doc)
{
	const struct h0_toml_node *store = models_key(doc, "store");
	if (paths->store[0])
		return h0_strdup(paths->store);
	if (store && store->str_len)
		return h0_strdup(store->str);
	if (!paths->home[0] && kind_of(SHARED_STORE) == S_IFDIR)
		return h0_strdup(SHARED_STORE);
	return h0_asprintf("%s/models", paths->var);
}

int h0_store_root(const struct h0_paths *paths, const struct h0_snap *snap, char **ret,
                  struct h0_err *e)
{
	h0_autotoml struct h0_toml *doc = NULL;
	if (read_hal0(snap, &doc, e) < 0)
		return -1;
	*ret = root_of(paths, doc);
	return 0;
}

/* ---- from a place to a file ---- */

int h0_store_shard(const char *name, int *ret_of)
{
	int n = 0, of = 0, end = 0;
	size_t len = strlen(name), tail = strlen("-00001-of-00001.gguf");
	if (len <= tail || sscanf(name + len - tail, "-%5d-of-%5d.gguf%n", &n, &of, &end) != 2)
		return 0;
	if (ret_of)
		*ret_of = of;
	return (size_t)end == tail ? n : 0;
}

char *h0_store_id_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t n = strlen(base);
	if (h0_store_shard(base, NULL))
		n -= strlen("-00001-of-00001.gguf");
	else if (h0_ends(base, ".gguf"))
		n -= strlen(".gguf");
	return h0_strndup(base, n);
}

struct listing {
	struct h0_strv models, projectors; /* names of files; of split models the first shard */
};

static void listing_done(struct listing *l)
{
	h0_strv_done(&l->models);
	h0_strv_done(&l->projectors);
}

static void list_dir(const char *dir, struct listing *ret)
{
	DIR *d = h0_opendir(dir);
	struct dirent *entry;
	for (int n = 0; d && n < DIR_ENTRY_MAX && (entry = readdir(d)); n++) {
		const char *name = entry->d_name;
		if (!h0_ends(name, ".gguf") || name[0] == '.')
			continue;
		if (h0_starts(name, "mmproj"))
			h0_strv_add(&ret->projectors, name);
		else if (h0_store_shard(name, NULL) <= 1)
			h0_strv_add(&ret->models, name);
	}
	if (d)
		closedir(d);
	h0_strv_sort(&ret->models);
	h0_strv_sort(&ret->projectors);
}

/* The one model of a directory. 1: taken, 0: none there, -1: more than one. */
static int take_dir(const char *dir, struct h0_model_file *ret, struct h0_err *e)
{
	h0_auto(listing_done) struct listing l = {0};
	list_dir(dir, &l);
	if (l.models.n == 0)
		return 0;
	if (l.models.n > 1)
		return h0_fail(e, H0_CONFIG,
		               "%s holds %zu models (%s, %s...): name one by its path", dir, l.models.n,
		               l.models.v[0], l.models.v[1]);
	ret->path = h0_asprintf("%s/%s", dir, l.models.v[0]);
	if (l.projectors.n && !ret->mmproj)
		ret->mmproj = h0_asprintf("%s/%s", dir, l.projectors.v[0]);
	return 1;
}

/* DIR/mmproj-NAME.gguf is the projector of DIR/NAME.gguf. */
static char *projector_beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;
	return h0_asprintf("%.*smmproj-%s", dir, path, path + dir);
}

/* A file, or a directory with one model. 1, 0, -1 as above. */
static int take_path(const char *path, struct h0_model_file *ret, struct h0_err *e)
{
	mode_t kind = kind_of(path);
	if (kind == S_IFDIR)
		return take_dir(path, ret, e);
	if (kind != S_IFREG)
		return 0;
	ret->path = h0_strdup(path);
	h0_autofree char *projector = projector_beside(path);
	if (!ret->mmproj && kind_of(projector) == S_IFREG)
		ret->mmproj = h0_take(projector);
	return 1;
}

/* ---- the registry ---- */

static const char *string_of(const struct h0_toml_node *table, const char *key)
{
	const struct h0_toml_node *n = h0_toml_get(table, key);
	return n && n->type == H0_TOML_STRING && n->str_len ? n->str : NULL;
}

char *h0_store_registry(const struct h0_paths *paths)
{
	return h0_asprintf("%s/registry/registry.toml", paths->var);
}

/* *ret NULL: there is none. One that does not parse is an error, not an empty one. */
static int read_registry(const struct h0_paths *paths, struct h0_toml **ret, struct h0_err *e)
{
	h0_autofree char *file = h0_store_registry(paths);
	h0_autobuf struct h0_buf text = {0};
	*ret = NULL;
	if (kind_of(file) == 0)
		return 0;
	return h0_read_file(file, REGISTRY_MAX, &text, e) < 0
	           ? -1 : h0_toml_parse(h0_buf_str(&text), text.len, file, ret, e);
}

/* 1: taken, -1: its path is not there. */
static int take_entry(const struct h0_toml *doc, const struct h0_toml_node *entry,
                      struct h0_model_file *ret, struct h0_err *e)
{
	const char *where = string_of(entry, "path"), *mmproj = string_of(entry, "mmproj");
	if (!where || where[0] != '/')
		return h0_toml_fail(doc, entry, e, "has no absolute path");
	ret->mmproj = mmproj && mmproj[0] == '/' ? h0_strdup(mmproj) : NULL;
	int got = take_path(where, ret, e);
	if (got == 0) {
		h0_toml_fail(doc, h0_toml_get(entry, "path"), e, "no model file at %s", where);
		return h0_err_code(e, "model.path_missing");
	}
	return got;
}

/* Looks `id` up in [models.ID]. 1: taken, 0: no such entry, -1: its path is not there, or the
 * registry cannot be read. */
static int take_registered(const struct h0_paths *paths, const char *id, struct h0_model_file *ret,
                           struct h0_err *e)
{
	h0_autotoml struct h0_toml *doc = NULL;
	if (read_registry(paths, &doc, e) < 0)
		return -1;
	const char *path[] = {"models", id, NULL};
	const struct h0_toml_node *entry = doc ? h0_toml_get_path(h0_toml_root(doc), path) : NULL;
	return entry ? take_entry(doc, entry, ret, e) : 0;
}

/* ---- the search ---- */

/* ID.gguf and the directory ID below `root`. 1, 0, -1; notes what was looked at. */
static int take_below(const char *root, const char *id, struct h0_buf *seen,
                      struct h0_model_file *ret, struct h0_err *e)
{
	h0_autofree char *file = h0_asprintf("%s/%s.gguf", root, id);
	h0_autofree char *first = h0_asprintf("%s/%s", root, id);
	h0_buf_addf(seen, "%s%s, %s", seen->len ? ", " : "", first, file);
	int got = take_path(file, ret, e);
	return got ? got : take_path(first, ret, e);
}

static int search(const struct h0_paths *paths, const struct h0_toml *doc, const char *id,
                  struct h0_model_file *ret, struct h0_err *e)
{
	h0_autofree char *root = root_of(paths, doc);
	h0_autobuf struct h0_buf seen = {0};
	int got = take_registered(paths, id, ret, e);
	ret->source = "registry";
	if (got)
		return got;
	h0_buf_addf(&seen, "%s/registry/registry.toml", paths->var);
	ret->source = "store";
	got = take_below(root, id, &seen, ret, e);
	h0_toml_each(n, models_key(doc, "roots"))
		if (!got && n->str[0] == '/')
			got = take_below(n->str, id, &seen, ret, e);
	if (got)
		return got;
	h0_fail(e, H0_CONFIG, "no model '%s': looked in %s", id, h0_buf_str(&seen));
	return h0_err_code(e, "model.not_found");
}

static int take_absolute(const char *path, struct h0_model_file *ret, struct h0_err *e)
{
	ret->source = "path";
	ret->id = h0_store_id_of(path);
	errno = 0;
	int got = take_path(path, ret, e);
	if (got)
		return got;
	if (kind_of(path) == 0)
		h0_fail(e, H0_CONFIG, "no model file at %s: %s", path, strerror(errno));
	else
		h0_fail(e, H0_CONFIG, "%s is neither a model file nor a directory with one", path);
	return h0_err_code(e, "model.path_missing");
}

static bool climbs(const char *id)
{
	for (const char *p = id; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			return true;
	return false;
}

static bool lies_below(const char *path, const char *root)
{
	size_t n = strlen(root);
	return h0_starts(path, root) && path[n] == '/';
}

int h0_store_find(const struct h0_paths *paths, const struct h0_snap *snap, const char *model,
                  struct h0_model_file *ret, struct h0_err *e)
{
	h0_automodelfile struct h0_model_file m = {0};
	h0_autotoml struct h0_toml *doc = NULL;
	if (!*model || (model[0] != '/' && climbs(model)))
		return h0_fail(e, H0_CONFIG, "'%s' is neither a model id nor an absolute path", model);
	if (read_hal0(snap, &doc, e) < 0)
		return -1;
	if (model[0] == '/' ? take_absolute(model, &m, e) < 0 : search(paths, doc, model, &m, e) < 0)
		return -1;
	if (!m.id)
		m.id = h0_strdup(model);
	h0_autofree char *root = root_of(paths, doc);
	if (lies_below(m.path, root))
		m.store = h0_take(root);
	*ret = m;
	m = (struct h0_model_file){0};
	return 0;
}

int h0_store_find_named(const struct h0_paths *paths, const struct h0_snap *snap, const char *model,
                        struct h0_model_file *ret, struct h0_err *e)
{
	struct h0_err why = {0};
	if (h0_store_find(paths, snap, model, ret, &why) == 0)
		return 0;
	if (why.kind == H0_CONFIG && !why.file[0]) /* no file says so, but the command line */
		why.kind = H0_USAGE;
	if (e)
		*e = why;
	return -1;
}

/* ---- all of them ---- */

#define DEPTH_MAX 4
#define MODELS_MAX 10000

void h0_models_done(struct h0_models *l)
{
	for (size_t i = 0; i < l->n; i++) {
		h0_model_file_done(&l->v[i].file);
		free(l->v[i].fault);
	}
	free(l->v);
	*l = (struct h0_models){0};
}

static struct h0_model_entry *add_entry(struct h0_models *l)
{
	l->v = h0_grow(l->v, l->n, &l->cap, sizeof *l->v);
	l->v[l->n] = (struct h0_model_entry){0};
	return &l->v[l->n++];
}

static bool listed(const struct h0_models *l, const char *id, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (h0_streq(l->v[i].file.id, id) || h0_streq(l->v[i].file.path, path))
			return true;
	return false;
}

static void list_registered(const struct h0_toml *doc, const char *root, struct h0_models *ret)
{
	h0_toml_each(entry, h0_toml_get(h0_toml_root(doc), "models")) {
		struct h0_err why = {0};
		if (!entry->key || strlen(entry->key) != entry->key_len || ret->n >= MODELS_MAX)
			continue;
		struct h0_model_entry *m = add_entry(ret);
		m->registered = true;
		m->file.source = "registry";
		m->file.id = h0_strdup(entry->key);
		if (take_entry(doc, entry, &m->file, &why) < 0) {
			m->fault = h0_strdup(why.msg);
			const char *where = string_of(entry, "path");
			m->file.path = h0_strdup(where ? where : "");
		}
		if (lies_below(m->file.path, root))
			m->file.store = h0_strdup(root);
	}
}

/* Takes id, path and mmproj. */
static void list_one(const char *root, char *id, char *path, char *mmproj, struct h0_models *ret)
{
	if (ret->n >= MODELS_MAX || listed(ret, id, path)) {
		free(id);
		free(path);
		free(mmproj);
		return;
	}
	struct h0_model_entry *m = add_entry(ret);
	m->file = (struct h0_model_file){.id = id, .path = path, .source = "store",
		.mmproj = mmproj, .store = h0_strdup(root)};
}

/* `below` is the way from root to the directory, "" for the root itself. A directory with one model
 * is named by the directory, else each file by its own name. */
static void list_below(const char *root, const char *below, int depth, struct h0_models *ret)
{
	h0_auto(listing_done) struct listing l = {0};
	h0_autofree char *dir = h0_asprintf("%s%s%s", root, *below ? "/" : "", below);
	list_dir(dir, &l);
	for (size_t i = 0; i < l.models.n; i++) {
		const char *name = l.models.v[i];
		bool whole = *below && l.models.n == 1;
		char *id = whole ? h0_strdup(below)
		                 : h0_asprintf("%s%s%.*s", below, *below ? "/" : "",
		                               (int)(strlen(name) - strlen(".gguf")), name);
		h0_autofree char *beside = projector_beside(name);
		const char *projector = whole && l.projectors.n             ? l.projectors.v[0]
		                        : h0_strv_has(&l.projectors, beside) ? beside
		                                                             : NULL;
		list_one(root, id, h0_asprintf("%s/%s", dir, name),
		         projector ? h0_asprintf("%s/%s", dir, projector) : NULL, ret);
	}
	DIR *d = depth < DEPTH_MAX ? h0_opendir(dir) : NULL;
	struct dirent *entry;
	for (int n = 0; d && n < DIR_ENTRY_MAX && (entry = readdir(d)); n++) {
		h0_autofree char *sub = h0_asprintf("%s%s%s", below, *below ? "/" : "", entry->d_name);
		h0_autofree char *full = h0_asprintf("%s/%s", root, sub);
		struct stat st;
		if (entry->d_name[0] != '.' && lstat(full, &st) == 0 && S_ISDIR(st.st_mode))
			list_below(root, sub, depth + 1, ret);
	}
	if (d)
		closedir(d);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct h0_model_entry *)a)->file.id,
	              ((const struct h0_model_entry *)b)->file.id);
}

int h0_store_list(const struct h0_paths *paths, const struct h0_snap *snap, struct h0_models *ret,
                  struct h0_err *e)
{
	h0_autotoml struct h0_toml *doc = NULL, *registry = NULL;
	if (read_hal0(snap, &doc, e) < 0 || read_registry(paths, &registry, e) < 0)
		return -1;
	h0_autofree char *root = root_of(paths, doc);
	*ret = (struct h0_models){0};
	if (registry)
		list_registered(registry, root, ret);
	list_below(root, "", 0, ret);
	h0_toml_each(n, models_key(doc, "roots"))
		if (n->str[0] == '/')
			list_below(n->str, "", 0, ret);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_id);
	return 0;
}

int h0_store_setting(const struct h0_snap *snap, const char *key, char **ret, struct h0_err *e)
{
	h0_autotoml struct h0_toml *doc = NULL;
	if (read_hal0(snap, &doc, e) < 0)
		return -1;
	const struct h0_toml_node *n = models_key(doc, key);
	*ret = n && n->str_len ? h0_strdup(n->str) : NULL;
	return 0;
}

int h0_store_pull_root(const struct h0_paths *paths, const struct h0_snap *snap, char **ret,
                       struct h0_err *e)
{
	h0_autofree char *set = NULL;
	if (h0_store_setting(snap, "pull_root", &set, e) < 0)
		return -1;
	if (!set)
		return h0_store_root(paths, snap, ret, e);
	*ret = h0_take(set);
	return 0;
}
