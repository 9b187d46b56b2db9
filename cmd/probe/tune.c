/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "conf/paths.h"
#include "conf/txn.h"
#include "machine.h"
#include "model/serverargs.h"
#include "model/tune.h"
#include "opts.h"
#include "run/fits.h"
#include "slots.h"

#define FILE_NAME "hal0-ttm.conf"
#define MIB       (1 << 20)

/* Bytes that llama-server allocates for a model, -1 when the file does not tell. */
static int64_t by_fit(const char *path)
{
	h0_autofits struct h0_fits f = {0};
	if (h0_fits_file(path, NULL, &f, NULL) < 0)
		return -1;
	h0_fit_run_server(&f.run, H0_DEVICE_GPU_VULKAN);
	f.run.ctx = h0_server_context(H0_TYPE_LLM, f.gguf.context_length);
	h0_fit(&f.model, &f.run, &f.fit);
	return f.fit.total;
}

/* MiB that models shall have; H0_UNKNOWN: the sensible default. */
static int wanted(const struct probe_tune_opts *o, int64_t *ret, struct h0_err *e)
{
	int64_t bytes = o->budget;
	*ret = H0_UNKNOWN;
	if (o->model) {
		if (probe_model_bytes(o->model, &bytes, e) < 0)
			return h0_wrap(e, "--model");
		int64_t fit = by_fit(o->model);
		/* else its size, and room for context and compute buffers */
		bytes = fit > 0 ? fit : bytes + bytes / 10 + (2LL << 30);
	}
	if (bytes > 0)
		*ret = (bytes + MIB - 1) / MIB;
	return 0;
}

struct plan {
	const struct h0_tune *tune;
	bool gttsize;
};

static int plan(const struct h0_snap *snap, void *arg, struct h0_changeset *cs, struct h0_err *e)
{
	const struct plan *p = arg;
	const struct h0_snap_file *f = h0_snap_get(snap, H0_CONF_MODPROBE);
	h0_autobuf struct h0_buf text = {0};
	h0_tune_file(p->tune, p->gttsize, &text);
	h0_changeset_add(cs, H0_CONF_MODPROBE, f ? f->text : NULL, f ? f->len : 0, text.p, text.len);
	return 0;
}

/* What is worked out for one machine has no business on another. */
static int may_write(const struct probe_machine *p, const struct h0_paths *paths, struct h0_err *e)
{
	if (p->m->container)
		return h0_fail(e, H0_NO, "this is a container: the kernel's limits are set on its host");
	if (!p->root.live && !*paths->home)
		return h0_fail(e, H0_USAGE, "these are not the files of this machine: HAL0_HOME must say "
		               "where its etc/modprobe.d is");
	return 0;
}

static int write_file(struct h0_ctx *ctx, const struct probe_machine *p, struct plan *arg,
                      struct h0_changeset *cs, struct h0_err *e)
{
	struct h0_paths paths;
	bool changed;
	if (h0_paths_init(&paths, e) < 0 || may_write(p, &paths, e) < 0)
		return -1;
	struct h0_txn_opts o = {.etc = paths.etc, .command_line = ctx->command_line,
	                        .dry_run = ctx->dry_run};
	if (h0_txn_run(&o, plan, arg, cs, &changed, e) < 0)
		return -1;
	if (changed && !ctx->dry_run)
		h0_say(ctx, "wrote %s/etc/modprobe.d/" FILE_NAME "; now run: %s, then reboot", paths.home,
		       arg->tune->rebuild);
	return 0;
}

static struct h0_json *as_json(const struct h0_tune *t, bool gttsize, bool changed)
{
	struct h0_json *o = h0_json_object(), *notes = h0_json_array();
	h0_autobuf struct h0_buf file = {0};
	h0_tune_file(t, gttsize, &file);
	h0_json_set_int(o, "schema", 1);
	h0_json_set_bool(o, "changed", changed);
	h0_json_set_bool(o, "needed", t->needed);
	h0_json_set_int(o, "budget_mib", t->budget_mib);
	h0_json_set_int(o, "carveout_mib", t->carveout_mib);
	h0_json_set_int(o, "gtt_mib", t->gtt_mib);
	h0_json_set_int(o, "pages_limit", t->pages);
	h0_json_set_int(o, "ram_mib", t->ram_mib);
	h0_json_set_int(o, "left_mib", t->left_mib);
	h0_json_set_str(o, "modprobe", file.p);
	h0_json_set_str(o, "kernel_arguments", t->args);
	h0_json_set_str(o, "kernel_arguments_file", t->args_file);
	h0_json_set_str(o, "kernel_arguments_apply", t->args_apply);
	h0_json_set_str(o, "rebuild", t->rebuild);
	for (int i = 0; i < t->nnote; i++)
		h0_json_add(notes, h0_json_new_str(t->note[i]));
	h0_json_set(o, "notes", notes);
	return o;
}

static int print(struct h0_ctx *ctx, const struct probe_tune_opts *o, const struct h0_tune *t,
                 const struct h0_changeset *cs, struct h0_err *e)
{
	h0_autobuf struct h0_buf out = {0};
	if (ctx->json)
		return h0_out_json(ctx, as_json(t, o->gttsize, o->write && cs->n > 0), e);
	h0_tune_explain(t, &out);
	if (o->write) {
		h0_buf_adds(&out, cs->n ? "\n" : "");
		h0_changeset_diff(cs, &out);
	} else {
		h0_buf_adds(&out, "\n/etc/modprobe.d/" FILE_NAME ":\n");
		h0_tune_file(t, o->gttsize, &out);
		h0_buf_adds(&out, "\nor on the kernel command line");
		if (t->args_file)
			h0_buf_addf(&out, " (%s%s%s)", t->args_file, t->args_apply ? ", then: " : "",
			            t->args_apply ? t->args_apply : "");
		h0_buf_addf(&out, ":\n%s\n", t->args);
	}
	for (int i = 0; i < t->nnote; i++)
		h0_buf_addf(&out, "%s%s\n", i ? "" : "\n", t->note[i]);
	if (!t->needed)
		h0_buf_adds(&out, "\nThe running kernel already has these limits.\n");
	return h0_out_text(ctx, out.p, e);
}

int probe_tune(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	const struct probe_tune_opts *o = opts;
	probe_auto struct probe_machine p = {.root = {.fd = -1}};
	h0_autochangeset struct h0_changeset cs = {0};
	struct h0_tune t;
	int64_t mib;
	if (wanted(o, &mib, e) < 0)
		return -1;
	if (probe_open(&p, o->sysroot, 0, e) < 0 || h0_tune(p.m, mib, o->gttsize, &t, e) < 0)
		return -1;
	struct plan arg = {&t, o->gttsize};
	if (o->write && write_file(ctx, &p, &arg, &cs, e) < 0)
		return -1;
	return print(ctx, o, &t, &cs, e);
}
