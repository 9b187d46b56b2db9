/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/grants.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

void h0_grants_done(struct h0_grants *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->v[i].what);
		free(g->v[i].why);
	}
	free(g->v);
	*g = (struct h0_grants){0};
}

static void grant(struct h0_grants *g, char *what, const char *fmt, ...) H0_PRINTF(3, 4);
static void grant(struct h0_grants *g, char *what, const char *fmt, ...)
{
	char why[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	g->v = h0_grow(g->v, g->n, &g->cap, sizeof *g->v);
	g->v[g->n++] = (struct h0_grant){what, h0_strdup(why)};
}

static bool holds(const char *dir, size_t n, const char *path)
{
	return path && strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static void volume(struct h0_grants *g, const struct h0_plan *plan, const char *value,
                   const struct h0_grant_paths *p)
{
	size_t n = strcspn(value, ":"), m = strcspn(value + n + (value[n] == ':'), ":");
	const char *to = value + n + (value[n] == ':');
	bool same = n == m && strncmp(value, to, n) == 0, rw = h0_ends(value, ":rw");
	char *what = h0_asprintf("%s %.*s%s%.*s", rw ? "write" : "read", (int)n, value, same ? "" : " as ",
	                         same ? 0 : (int)m, to);
	if (holds(value, n, p->key) && p->key && strlen(p->key) == n)
		grant(g, what, "the key that requests must bring");
	else if (holds(value, n, p->chat_template) && strlen(p->chat_template) == n)
		grant(g, what, "the chat template");
	else if (holds(value, n, p->model))
		grant(g, what, "the model lies there");
	else if (rw)
		grant(g, what, "%s keeps its files there", h0_provider_names[plan->family]);
	else
		grant(g, what, "what its server reads");
}

/* What the slot's file adds. */
static bool granted_by_file(struct h0_grants *g, const char *flag, const char *value)
{
	static const struct {
		const char *flag, *before, *after, *key;
	} added[] = {
		{"--device", "use ", "", "devices"}, {"--volume", "read ", "", "mounts"},
		{"--cap-add", "capability ", "", "caps"},
		{"--pids-limit", "", " processes and threads", "pids_limit"},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(added); i++) {
		if (!h0_streq(flag, added[i].flag))
			continue;
		grant(g, h0_asprintf("%s%.*s%s", added[i].before, (int)strcspn(value, ":"), value, added[i].after),
		      "the slot's file says so: container.%s", added[i].key);
		return true;
	}
	return false;
}

static void one(struct h0_grants *g, const struct h0_plan *plan, const char *flag, const char *value,
                enum h0_argv_source source, const struct h0_grant_paths *p)
{
	const char *device = h0_device_names[plan->slot->device];
	if (source == H0_ARGV_SLOT && granted_by_file(g, flag, value))
		return;
	if (h0_streq(flag, "--device"))
		grant(g, h0_asprintf("use %s", value), "device %s", device);
	else if (h0_streq(flag, "--group-add"))
		grant(g, h0_asprintf("group %s", value), "device nodes belong to it");
	else if (h0_streq(flag, "--volume"))
		volume(g, plan, value, p);
	else if (h0_streq(flag, "--tmpfs"))
		grant(g, h0_asprintf("write %.*s", (int)strcspn(value, ":"), value), "scratch space in memory (%s)",
		      value + strcspn(value, ":") + (value[strcspn(value, ":")] == ':'));
	else if (h0_streq(flag, "--network"))
		grant(g, h0_asprintf("network %s", value), "the server itself listens on 127.0.0.1:%d alone",
		      plan->slot->port);
	else if (h0_streq(flag, "--publish"))
		grant(g, h0_asprintf("listen on %.*s", (int)(strrchr(value, ':') - value), value), "requests come there");
	else if (h0_streq(flag, "--user"))
		grant(g, h0_asprintf("run as %s", value), h0_starts(value, "65534:")
		      ? "nobody" : "the model's files are not for everybody: their owner");
	else if (h0_streq(flag, "--pids-limit"))
		grant(g, h0_asprintf("%s processes and threads", value), "at most");
	else if (h0_streq(flag, "--ulimit") && h0_starts(value, "memlock="))
		grant(g, h0_strdup("locked memory"), "device %s works on it", device);
	else if (h0_streq(flag, "--cap-add"))
		grant(g, h0_asprintf("capability %s", value), "%s", h0_provider_names[plan->family]);
	else if (h0_streq(flag, "--privileged"))
		grant(g, h0_strdup("everything"), "it is privileged");
}

void h0_grants_of(const struct h0_plan *plan, const struct h0_argv *a,
                  const struct h0_grant_paths *paths, struct h0_grants *ret)
{
	bool read_only = false, user = false;
	for (size_t i = 0; i < a->n && a->items[i].at < a->server_at; i++) {
		const struct h0_argv_item *it = &a->items[i];
		const char *flag = a->words.v[it->at];
		read_only |= h0_streq(flag, "--read-only");
		user |= h0_streq(flag, "--user");
		one(ret, plan, flag, it->n > 1 ? a->words.v[it->at + 1] : "", it->source, paths);
	}
	if (!read_only && !plan->slot->read_only)
		grant(ret, h0_strdup("write its own root"), "the slot's file says so: container.read_only");
	else if (!read_only)
		grant(ret, h0_strdup("write its own root"), "%s does not run without",
		      h0_provider_names[plan->family]);
	if (!user)
		grant(ret, h0_strdup("run as the image says"), "%s does not run otherwise",
		      h0_provider_names[plan->family]);
	if (plan->family != H0_PROVIDER_LLAMA_SERVER)
		grant(ret, h0_strdup("answer whoever asks its port"), "%s knows no key: every program of this machine "
		      "can, and web pages open on it", h0_provider_names[plan->family]);
	else if (!plan->slot->key)
		grant(ret, h0_strdup("answer whoever asks its port"), "the slot's file wants no key");
}
