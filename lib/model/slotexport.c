/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/slotexport.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "fmt/json.h"

/* Flags that say how `slot start` holds the container, not what it is: quadlet and kube have
 * their own ways for that. */
static const char *const holding[] = {"--runtime", "--detach", "--rm", "--replace", "--sdnotify",
	"--pidfile", "--conmon-pidfile", "--cgroups", "--name", NULL};

static bool is_holding(const char *flag)
{
	for (const char *const *h = holding; *h; h++)
		if (strcmp(*h, flag) == 0)
			return true;
	return false;
}

/* One flag of podman's: "--x y", "--x=y" or "--x". */
struct flag {
	char name[64];
	const char *value;      /* NULL: none */
};

/* The next of podman's flags from item *i on; false: no more. */
static bool next_flag(const struct h0_argv *a, size_t *i, struct flag *ret)
{
	for (; *i < a->n && a->items[*i].at + 1 < a->server_at; ++*i) {
		const struct h0_argv_item *it = &a->items[*i];
		const char *word = a->words.v[it->at];
		size_t n = strcspn(word, "=");
		if (word[0] != '-')
			continue; /* "run" */
		snprintf(ret->name, sizeof ret->name, "%.*s", (int)n, word);
		ret->value = it->n > 1 ? a->words.v[it->at + 1] : word[n] ? word + n + 1 : NULL;
		if (is_holding(ret->name))
			continue;
		++*i;
		return true;
	}
	return false;
}

static const char *image_of(const struct h0_argv *a)
{
	return a->words.v[a->server_at - 1];
}

/* ---- quadlet ---- */

/* A word of a systemd value: '%' is a specifier and '$' a variable unless doubled. `raw`: of a key
 * whose value is one word as it stands. */
static void add_word(struct h0_buf *b, const char *s, bool raw)
{
	bool plain = *s;
	for (const char *p = s; *p; p++)
		plain = plain && (isalnum((unsigned char)*p) || strchr("%$+,-./:=@_", *p));
	plain = plain || raw;
	if (!plain)
		h0_buf_addc(b, '"');
	for (; *s; s++) {
		if (*s == '%' || *s == '$')
			h0_buf_addc(b, *s);
		else if (!plain && (*s == '"' || *s == '\\'))
			h0_buf_addc(b, '\\');
		if (*s == '\n')
			h0_buf_adds(b, "\\n");
		else
			h0_buf_addc(b, *s);
	}
	if (!plain)
		h0_buf_addc(b, '"');
}

static void key_word(struct h0_buf *b, const char *key, const char *value, bool raw)
{
	h0_buf_addf(b, "%s=", key);
	add_word(b, value, raw);
	h0_buf_addc(b, '\n');
}

static void podman_args(struct h0_buf *b, const struct flag *f)
{
	h0_buf_addf(b, "PodmanArgs=%s", f->name);
	if (f->value) {
		h0_buf_addc(b, h0_streq(f->name, "--read-only-tmpfs") ? '=' : ' ');
		add_word(b, f->value, false);
	}
	h0_buf_addc(b, '\n');
}

static void quadlet_flag(struct h0_buf *b, const struct flag *f)
{
	static const struct {
		const char *flag, *key;
		bool raw;
	} keys[] = {
		{"--label", "Label", false}, {"--network", "Network", true}, {"--publish", "PublishPort", true},
		{"--device", "AddDevice", false}, {"--cap-drop", "DropCapability", false},
		{"--volume", "Volume", true}, {"--env", "Environment", false},
	};
	for (size_t i = 0; f->value && i < H0_ARRAY_LEN(keys); i++)
		if (strcmp(f->name, keys[i].flag) == 0) {
			key_word(b, keys[i].key, f->value, keys[i].raw);
			return;
		}
	const char *colon = f->value ? strchr(f->value, ':') : NULL;
	if (strcmp(f->name, "--read-only") == 0 && !f->value)
		h0_buf_adds(b, "ReadOnly=true\n");
	else if (strcmp(f->name, "--user") == 0 && colon)
		h0_buf_addf(b, "User=%.*s\nGroup=%s\n", (int)(colon - f->value), f->value, colon + 1);
	else if (strcmp(f->name, "--security-opt") == 0 && h0_streq(f->value, "no-new-privileges"))
		h0_buf_adds(b, "NoNewPrivileges=true\n");
	else if (strcmp(f->name, "--security-opt") == 0 && h0_streq(f->value, "label=disable"))
		h0_buf_adds(b, "SecurityLabelDisable=true\n");
	else
		podman_args(b, f);
}

void h0_slotexport_quadlet(const struct h0_argv *a, const char *slot, bool enabled, struct h0_buf *b)
{
	struct flag f;
	h0_buf_addf(b, "# Written by hal0-slot export quadlet %s. Put it into /etc/containers/systemd and run\n"
	            "# systemctl daemon-reload; it is then hal0-slot-%s.service, in place of hal0-slot@%s.service.\n"
	            "# It starts what the slot's files said when it was written.\n\n", slot, slot, slot);
	h0_buf_addf(b, "[Unit]\nDescription=hal0 slot %s\nAfter=network.target local-fs.target remote-fs.target\n"
	            "Conflicts=hal0-slot@%s.service\n\n", slot, slot);
	h0_buf_addf(b, "[Container]\nContainerName=" H0_CONTAINER_PREFIX "%s\nImage=%s\n", slot, image_of(a));
	for (size_t i = 0; next_flag(a, &i, &f);)
		quadlet_flag(b, &f);
	h0_buf_adds(b, "Exec=");
	for (size_t i = a->server_at; i < a->words.n; i++) {
		if (i > a->server_at)
			h0_buf_addc(b, ' ');
		add_word(b, a->words.v[i], false);
	}
	h0_buf_adds(b, "\n\n[Service]\nRestart=on-failure\nRestartSec=2s\nSuccessExitStatus=143\n"
	            "TimeoutStartSec=infinity\nLimitMEMLOCK=infinity\n");
	if (enabled)
		h0_buf_adds(b, "\n[Install]\nWantedBy=multi-user.target\n");
}

/* ---- kube ---- */

struct kube {
	struct h0_buf labels, notes, mounts, volumes, env, ports, groups, drop;
	const char *user, *pull;
	bool host_network, host_ipc, read_only, nnp, label_off;
	size_t nvolumes;
	struct h0_strv *lost;
	const char *slot;
};

static void kube_done(struct kube *k)
{
	struct h0_buf *all[] = {&k->labels, &k->notes, &k->mounts, &k->volumes, &k->env, &k->ports, &k->groups, &k->drop};
	for (size_t i = 0; i < H0_ARRAY_LEN(all); i++)
		h0_buf_done(all[i]);
}

/* A string of YAML: JSON's are. */
static void add_yaml(struct h0_buf *b, const char *s)
{
	h0_autojson struct h0_json *j = h0_json_new_str(s);
	h0_json_dump(j, 0, false, b);
}

static void add_line(struct h0_buf *b, const char *indent, const char *key, const char *value)
{
	h0_buf_addf(b, "%s%s: ", indent, key);
	add_yaml(b, value);
	h0_buf_addc(b, '\n');
}

/* What a label may be; anything else becomes an annotation. */
static bool is_label(const char *s)
{
	size_t n = strlen(s);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && (!strchr("-_.", s[i]) || i == 0 || i + 1 == n))
			return false;
	return n <= 63;
}

static void kube_label(struct kube *k, const char *value)
{
	const char *eq = strchr(value, '=');
	if (!eq)
		return;
	h0_autofree char *key = h0_strndup(value, (size_t)(eq - value));
	add_line(is_label(eq + 1) ? &k->labels : &k->notes, "    ", key, eq + 1);
}

static void kube_volume(struct kube *k, const char *from, const char *to, bool ro, const char *type)
{
	h0_buf_addf(&k->mounts, "    - name: v%zu\n", k->nvolumes);
	add_line(&k->mounts, "      ", "mountPath", to);
	if (ro)
		h0_buf_adds(&k->mounts, "      readOnly: true\n");
	h0_buf_addf(&k->volumes, "  - name: v%zu\n    hostPath:\n", k->nvolumes++);
	add_line(&k->volumes, "      ", "path", from);
	if (type)
		h0_buf_addf(&k->volumes, "      type: %s\n", type);
}

/* "from:to:mode"; colons stand in no path (argv.h refuses them) */
static void kube_mount(struct kube *k, const char *value)
{
	const char *to = strchr(value, ':'), *mode = to ? strchr(to + 1, ':') : NULL;
	if (!mode)
		return;
	h0_autofree char *src = h0_strndup(value, (size_t)(to - value));
	h0_autofree char *dst = h0_strndup(to + 1, (size_t)(mode - to - 1));
	kube_volume(k, src, dst, strncmp(mode + 1, "ro", 2) == 0, NULL);
}

/* podman 4.3 makes a volume of an emptyDir, under its name alone: it must be the slot's own. */
static void kube_tmpfs(struct kube *k, const char *value)
{
	const char *opts = strchr(value, ':'), *size = opts ? strstr(opts, "size=") : NULL;
	h0_autofree char *path = h0_strndup(value, opts ? (size_t)(opts - value) : strlen(value));
	h0_buf_addf(&k->mounts, "    - name: hal0-%s-tmp\n", k->slot);
	add_line(&k->mounts, "      ", "mountPath", path);
	h0_buf_addf(&k->volumes, "  - name: hal0-%s-tmp\n    emptyDir:\n      medium: Memory\n", k->slot);
	if (size)
		h0_buf_addf(&k->volumes, "      sizeLimit: %ldMi\n", strtol(size + 5, NULL, 10));
}

static void kube_env(struct kube *k, const char *value)
{
	const char *eq = strchr(value, '=');
	h0_autofree char *name = h0_strndup(value, eq ? (size_t)(eq - value) : strlen(value));
	add_line(&k->env, "    - ", "name", name);
	add_line(&k->env, "      ", "value", eq ? eq + 1 : "");
}

/* "127.0.0.1:8081:8081" */
static void kube_port(struct kube *k, const char *value)
{
	const char *a = strchr(value, ':'), *b = a ? strchr(a + 1, ':') : NULL;
	if (b)
		h0_buf_addf(&k->ports, "    - hostIP: %.*s\n      hostPort: %ld\n      containerPort: %s\n",
		            (int)(a - value), value, strtol(a + 1, NULL, 10), b + 1);
}

static bool kube_switch(struct kube *k, const struct flag *f)
{
	if (strcmp(f->name, "--network") == 0 && h0_streq(f->value, "host"))
		return k->host_network = true;
	if (strcmp(f->name, "--ipc") == 0 && h0_streq(f->value, "host"))
		return k->host_ipc = true;
	if (strcmp(f->name, "--read-only") == 0 && !f->value)
		return k->read_only = true;
	if (strcmp(f->name, "--read-only-tmpfs") == 0)
		return true; /* a pod has no other kind */
	if (strcmp(f->name, "--security-opt") == 0 && h0_streq(f->value, "no-new-privileges"))
		return k->nnp = true;
	if (strcmp(f->name, "--security-opt") == 0 && h0_streq(f->value, "label=disable"))
		return k->label_off = true;
	if (strcmp(f->name, "--user") == 0)
		return (k->user = f->value);
	if (strcmp(f->name, "--pull") == 0 && h0_streq(f->value, "never"))
		return (k->pull = "Never");
	return false;
}

static void kube_flag(struct kube *k, const struct flag *f)
{
	static const struct {
		const char *flag;
		void (*take)(struct kube *k, const char *value);
	} takes[] = {
		{"--label", kube_label}, {"--volume", kube_mount}, {"--tmpfs", kube_tmpfs}, {"--env", kube_env},
		{"--publish", kube_port},
	};
	for (size_t i = 0; f->value && i < H0_ARRAY_LEN(takes); i++)
		if (strcmp(f->name, takes[i].flag) == 0) {
			takes[i].take(k, f->value);
			return;
		}
	if (strcmp(f->name, "--device") == 0)
		kube_volume(k, f->value, f->value, false, "CharDevice");
	else if (strcmp(f->name, "--group-add") == 0)
		h0_buf_addf(&k->groups, "%s%s", k->groups.len ? ", " : "", f->value);
	else if (strcmp(f->name, "--cap-drop") == 0)
		h0_buf_addf(&k->drop, "%s\"%s\"", k->drop.len ? ", " : "", h0_streq(f->value, "all") ? "ALL" : f->value);
	else if (!kube_switch(k, f))
		h0_strv_addf(k->lost, "%s%s%s", f->name, f->value ? " " : "", f->value ? f->value : "");
}

static void kube_security(const struct kube *k, struct h0_buf *b)
{
	const char *colon = k->user ? strchr(k->user, ':') : NULL;
	h0_buf_adds(b, "    securityContext:\n");
	if (k->nnp)
		h0_buf_adds(b, "      allowPrivilegeEscalation: false\n");
	if (k->read_only)
		h0_buf_adds(b, "      readOnlyRootFilesystem: true\n");
	if (colon)
		h0_buf_addf(b, "      runAsUser: %.*s\n      runAsGroup: %s\n", (int)(colon - k->user), k->user, colon + 1);
	if (k->drop.len)
		h0_buf_addf(b, "      capabilities:\n        drop: [%s]\n", k->drop.p);
}

static void kube_section(struct h0_buf *b, const char *head, const struct h0_buf *lines)
{
	if (lines->len)
		h0_buf_addf(b, "%s\n%s", head, lines->p);
}

static void kube_print(const struct kube *k, const struct h0_argv *a, struct h0_buf *b)
{
	h0_buf_addf(b, "# Written by hal0-slot export kube %s, for podman kube play. It starts what the slot's files\n"
	            "# said when it was written. hal0 slot list does not know its container.\n", k->slot);
	for (size_t i = 0; i < k->lost->n; i++)
		h0_buf_addf(b, "# not said by a pod: %s\n", k->lost->v[i]);
	h0_buf_addf(b, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: hal0-kube-%s\n", k->slot);
	kube_section(b, "  labels:", &k->labels);
	if (k->label_off || k->notes.len)
		h0_buf_addf(b, "  annotations:\n%s%s", k->label_off ? "    io.podman.annotations.label: disable\n" : "",
		            h0_buf_str(&k->notes));
	h0_buf_adds(b, "spec:\n  restartPolicy: OnFailure\n");
	if (k->host_network)
		h0_buf_adds(b, "  hostNetwork: true\n");
	if (k->host_ipc)
		h0_buf_adds(b, "  hostIPC: true\n");
	if (k->groups.len)
		h0_buf_addf(b, "  securityContext:\n    supplementalGroups: [%s]\n", k->groups.p);
	h0_buf_adds(b, "  containers:\n  - name: server\n");
	add_line(b, "    ", "image", image_of(a));
	if (k->pull)
		h0_buf_addf(b, "    imagePullPolicy: %s\n", k->pull);
	h0_buf_adds(b, "    args:\n");
	for (size_t i = a->server_at; i < a->words.n; i++) {
		h0_buf_adds(b, "    - ");
		add_yaml(b, a->words.v[i]);
		h0_buf_addc(b, '\n');
	}
	kube_section(b, "    env:", &k->env);
	kube_section(b, "    ports:", &k->ports);
	kube_security(k, b);
	kube_section(b, "    volumeMounts:", &k->mounts);
	kube_section(b, "  volumes:", &k->volumes);
}

void h0_slotexport_kube(const struct h0_argv *a, const char *slot, struct h0_buf *out, struct h0_strv *lost)
{
	h0_auto(kube_done) struct kube k = {.lost = lost, .slot = slot};
	struct flag f;
	for (size_t i = 0; next_flag(a, &i, &f);)
		kube_flag(&k, &f);
	kube_print(&k, a, out);
}
