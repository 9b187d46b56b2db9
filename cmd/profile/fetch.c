/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profile/fetch.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>

#include "base/mem.h"
#include "base/num.h"
#include "sys/io.h"
#include "sys/tree.h"

static void sweep(const char *all)
{
	DIR *d = h0_opendir(all);
	for (struct dirent *entry; d && (entry = readdir(d));) {
		int64_t pid;
		h0_autofree char *old = h0_asprintf("%s/%s", all, entry->d_name);
		if (h0_num_i64(entry->d_name, 1, INT32_MAX, &pid) && kill((pid_t)pid, 0) < 0 &&
		    errno == ESRCH)
			h0_remove_tree(old, NULL);
	}
	if (d)
		closedir(d);
}

int profile_fetch_open(struct profile_fetch *f, struct h0_ctx *ctx, const struct h0_paths *paths,
                       struct h0_err *e)
{
	h0_autofree char *all = h0_asprintf("%s/pull", paths->var);
	f->ctx = ctx;
	if (h0_mkdirs(all, 0700, e) < 0)
		return -1;
	sweep(all);
	snprintf(f->tmp, sizeof f->tmp, "%s/%ld", all, (long)getpid());
	f->stop = h0_stop_catch();
	return h0_mkdirs(f->tmp, 0700, e);
}

void profile_fetch_done(struct profile_fetch *f)
{
	if (f->tmp[0])
		h0_remove_tree(f->tmp, NULL);
	f->tmp[0] = '\0';
}

static void tell(const char *line, void *arg)
{
	struct profile_fetch *f = arg;
	h0_progress(f->ctx, line, "%s: %s", f->ref, line);
}

int profile_fetch(struct profile_fetch *f, const struct h0_podman *p, const char *ref,
                  struct h0_err *e)
{
	const struct h0_pull pull = {
		.ref = ref,
		.tmp = f->tmp,
		.tell = f->ctx->quiet ? NULL : tell,
		.tell_arg = f,
		.stop = f->stop.signal,
	};
	f->ref = ref;
	int rc = h0_image_pull(p, &pull, e);
	h0_progress(f->ctx, "", "%s", "");
	return rc;
}
