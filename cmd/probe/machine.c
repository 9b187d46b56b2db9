/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "conf/paths.h"
#include "model/hwdoc.h"
#include "opts.h"
#include "run/sized.h"
#include "sys/io.h"

#define FILE_MAX (4u << 20)

int probe_open(struct probe_machine *ret, const char *sysroot, unsigned flags, struct h0_err *e)
{
	*ret = (struct probe_machine){.root = {.fd = -1}};
	if (!sysroot)
		sysroot = getenv("HAL0_SYSROOT");
	if (h0_root_open(&ret->root, sysroot, e) < 0)
		return -1;
	ret->hw = h0_hw_probe(&ret->root, flags);
	ret->m = flags & PROBE_SIZES ? h0_machine_sized(&ret->root, ret->hw) : h0_machine(ret->hw);
	return 0;
}

int probe_ask_proxmox(struct h0_pve_look *ret, struct probe_machine *p, struct h0_err *e)
{
	struct h0_paths paths;
	return h0_paths_init(&paths, e) < 0 ? -1 : h0_pve_look(&paths, p->m, ret, e);
}

void probe_warn_proxmox(struct h0_ctx *ctx, const struct h0_pve_look *pve)
{
	const char *warning = h0_pve_warning(pve);
	if (warning)
		h0_warn(ctx, "%s", warning);
}

void probe_try_proxmox(struct h0_ctx *ctx, struct probe_machine *p, struct h0_pve_look *ret)
{
	struct h0_err why = {0};
	char text[1400];
	if (probe_ask_proxmox(ret, p, &why) == 0) {
		probe_warn_proxmox(ctx, ret);
		return;
	}
	h0_err_text(&why, text, sizeof text);
	h0_warn(ctx, "%s", text);
}

void probe_close(struct probe_machine *p)
{
	free(p->m);
	h0_hw_free(p->hw);
	if (p->root.fd >= 0)
		h0_root_close(&p->root);
}

struct h0_json *probe_document(const struct probe_machine *p, const struct h0_json *old)
{
	char now[40];
	time_t t = time(NULL);
	struct tm tm;
	gmtime_r(&t, &tm);
	strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%S+00:00", &tm);
	struct h0_json *doc = h0_hwdoc(p->m, now);
	h0_hwdoc_keep(doc, old);
	return doc;
}

int probe_path(char *dst, size_t size, struct h0_err *e)
{
	struct h0_paths paths;
	if (h0_paths_init(&paths, e) < 0)
		return -1;
	snprintf(dst, size, "%s/hardware.json", paths.etc);
	return 0;
}

int probe_recorded(const char *path, struct h0_json **ret, struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	h0_autojson struct h0_json *j = NULL;
	struct h0_err why = {0};
	*ret = NULL;
	if (h0_read_file(path, FILE_MAX, &b, &why) < 0) {
		if (why.sys_errno == ENOENT || why.sys_errno == ENOTDIR)
			return 0;
		if (e)
			*e = why;
		return -1;
	}
	if (h0_json_parse(h0_buf_str(&b), b.len, path, &j, e) < 0)
		return -1;
	if (h0_json_type(j) != H0_JSON_OBJECT)
		return h0_fail_at(e, path, 1, 1, NULL, "the file must hold a JSON object");
	*ret = h0_take(j);
	return 0;
}

int probe_out_changes(struct h0_ctx *ctx, const struct h0_hwchanges *c, struct h0_json *more,
                      struct h0_err *e)
{
	struct h0_rec *r = h0_rec_new(probe_change_cols);
	for (size_t i = 0; i < c->n; i++) {
		h0_rec_row(r);
		h0_rec_str(r, CHANGE_PATH, c->v[i].path);
		h0_rec_str(r, CHANGE_FROM, c->v[i].from);
		h0_rec_str(r, CHANGE_TO, c->v[i].to);
	}
	int rc = h0_out_rec(ctx, r, more, e);
	h0_rec_free(r);
	return rc;
}
