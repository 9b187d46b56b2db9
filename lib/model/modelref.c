/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/modelref.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "fmt/url.h"
#include "model/modelinfo.h"

#define SHARDS_MAX 1000
#define USUAL      "Q4_K_M"
#define TAIL       "-00001-of-00001.gguf"

void h0_modelref_done(struct h0_modelref *r)
{
	free(r->repo);
	free(r->file);
	free(r->url);
	*r = (struct h0_modelref){0};
}

/* Letters, digits and ._- between slashes, never a part that begins with a dot. */
static bool plain_path(const char *p, size_t n, bool blanks)
{
	for (size_t i = 0; i < n; i++) {
		bool first = i == 0 || p[i - 1] == '/';
		unsigned char c = (unsigned char)p[i];
		if (first && (c == '.' || c == '/'))
			return false;
		if (c <= ' ' ? c != ' ' || !blanks : c == 0x7f || strchr("?#%\\:", c) != NULL)
			return false;
	}
	return n && p[n - 1] != '/';
}

static int parse_url(const char *text, struct h0_modelref *ret, struct h0_err *e)
{
	h0_autofree char *base = h0_modelref_base(text);
	if (!h0_url_is_https(text) && !h0_url_is_local(text))
		return h0_fail(e, H0_USAGE, "models are pulled over https: '%.200s'", text);
	if (!h0_ends(base, ".gguf") || strlen(base) <= strlen(".gguf") || base[0] == '.')
		return h0_fail(e, H0_USAGE, "a URL of a model ends in the name of a .gguf file: '%.*s'",
		               (int)strcspn(text, "?#"), text);
	ret->url = h0_strdup(text);
	return 0;
}

int h0_modelref_parse(const char *text, struct h0_modelref *ret, struct h0_err *e)
{
	*ret = (struct h0_modelref){0};
	if (h0_url_scheme(text))
		return parse_url(text, ret, e);
	if (!h0_starts(text, "hf:"))
		return h0_fail(e, H0_USAGE, "not a source of models: '%.200s' (hf:OWNER/REPO[:FILE] or "
		               "https://...)", text);
	const char *repo = text + 3, *colon = strchr(repo, ':'), *slash = strchr(repo, '/');
	size_t n = colon ? (size_t)(colon - repo) : strlen(repo);
	if (!slash || slash > repo + n || memchr(slash + 1, '/', n - (size_t)(slash + 1 - repo)) ||
	    !plain_path(repo, n, false))
		return h0_fail(e, H0_USAGE, "a repository is OWNER/REPO, not '%.*s'", (int)(n < 200 ? n : 200),
		               repo);
	ret->repo = h0_strndup(repo, n);
	if (!colon)
		return 0;
	ret->quant = h0_model_quant_word(colon + 1, strlen(colon + 1));
	if (ret->quant)
		return 0;
	if (!h0_ends(colon, ".gguf") || !plain_path(colon + 1, strlen(colon + 1), true))
		return h0_fail(e, H0_USAGE, "'%.200s' is neither a .gguf file nor a quantisation such as " USUAL,
		               colon + 1);
	ret->file = h0_strdup(colon + 1);
	return 0;
}

char *h0_modelref_base(const char *path)
{
	size_t n = strcspn(path, "?#"), from = n;
	while (from && path[from - 1] != '/')
		from--;
	return h0_strndup(path + from, n - from);
}

void h0_modelref_escape(const char *path, struct h0_buf *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
	for (; *path; path++) {
		if (strchr(plain, *path))
			h0_buf_addc(out, *path);
		else
			h0_buf_addf(out, "%%%02X", (unsigned char)*path);
	}
}

/* The number of a shard and of how many; 0: not split. *ret_end: where ".gguf" ends. */
static int shard(const char *path, int *ret_of, size_t *ret_end)
{
	size_t n = strcspn(path, "?#"), tail = strlen(TAIL);
	int no = 0, of = 0, end = 0;
	*ret_end = n;
	if (n <= tail || sscanf(path + n - tail, "-%5d-of-%5d.gguf%n", &no, &of, &end) != 2 ||
	    (size_t)end != tail || no < 1 || of < no || of > SHARDS_MAX)
		return 0;
	*ret_of = of;
	return no;
}

void h0_modelref_shards(const char *first, struct h0_strv *ret)
{
	int of = 0;
	size_t end;
	if (shard(first, &of, &end) == 0) {
		h0_strv_add(ret, first);
		return;
	}
	for (int i = 1; i <= of; i++)
		h0_strv_addf(ret, "%.*s-%05d-of-%05d.gguf%s", (int)(end - strlen(TAIL)), first, i, of,
		             first + end);
}

static bool has_word(const char *name, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = name; *p; p++) {
		bool before = p == name || strchr("-._/", p[-1]);
		if (before && strncasecmp(p, word, n) == 0 && strchr("-./", p[n]) && p[n])
			return true;
	}
	return false;
}

static bool is_projector(const char *path)
{
	h0_autofree char *base = h0_modelref_base(path);
	return h0_ends(base, ".gguf") && (h0_starts(base, "mmproj") || has_word(base, "mmproj"));
}

const char *h0_modelref_projector(const struct h0_strv *files, const char *model)
{
	static const char *const kinds[] = {"F16", "BF16", "Q8_0", NULL};
	const char *slash = strrchr(model, '/'), *best = NULL;
	size_t dir = slash ? (size_t)(slash - model) + 1 : 0;
	int least = 0;
	for (size_t i = 0; i < files->n; i++) {
		const char *f = files->v[i];
		int rank = 0;
		if (strncmp(f, model, dir) != 0 || strchr(f + dir, '/') || !is_projector(f) ||
		    !plain_path(f, strlen(f), true))
			continue;
		while (kinds[rank] && !has_word(f, kinds[rank]))
			rank++;
		if (!best || rank < least || (rank == least && strcmp(f, best) < 0)) {
			best = f;
			least = rank;
		}
	}
	return best;
}

/* Whole models alone: no projectors, of split ones the first shard. */
static void candidates(const struct h0_strv *files, const char *quant, struct h0_strv *ret)
{
	for (size_t i = 0; i < files->n; i++) {
		h0_autofree char *base = h0_modelref_base(files->v[i]);
		int of;
		size_t end;
		if (h0_ends(base, ".gguf") && !is_projector(base) && shard(base, &of, &end) <= 1 &&
		    plain_path(files->v[i], strlen(files->v[i]), true) &&
		    (!quant || has_word(files->v[i], quant)))
			h0_strv_add(ret, files->v[i]);
	}
	h0_strv_sort(ret);
}

static int none_or_many(const struct h0_modelref *r, const struct h0_strv *all, struct h0_err *e)
{
	h0_autobuf struct h0_buf list = {0};
	for (size_t i = 0; i < all->n && i < 12; i++)
		h0_buf_addf(&list, "%s%s", i ? ", " : "", all->v[i]);
	if (!all->n)
		return h0_fail(e, H0_USAGE, "%s holds no .gguf model", r->repo);
	return h0_fail(e, H0_USAGE, "say which file of %s (hf:%s:FILE): %s%s", r->repo, r->repo,
	               h0_buf_str(&list), all->n > 12 ? ", ..." : "");
}

int h0_modelref_choose(const struct h0_modelref *r, const struct h0_strv *files,
                       struct h0_strv *ret, struct h0_err *e)
{
	h0_autostrv struct h0_strv all = {0}, some = {0}, shards = {0};
	candidates(files, NULL, &all);
	candidates(files, r->quant ? r->quant : USUAL, &some);
	const char *first = r->file;
	if (!first && !r->quant && all.n == 1)
		first = all.v[0];
	if (!first && some.n == 1)
		first = some.v[0];
	if (!first)
		return none_or_many(r, some.n ? &some : &all, e);
	h0_modelref_shards(first, &shards);
	for (size_t i = 0; i < shards.n; i++) {
		if (!h0_strv_has(files, shards.v[i]))
			return r->file && shards.n == 1 ? none_or_many(r, &all, e)
			       : h0_fail(e, H0_USAGE, "%s lacks %s", r->repo, shards.v[i]);
		h0_strv_add(ret, shards.v[i]);
	}
	return 0;
}
