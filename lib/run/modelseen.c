/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/modelseen.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "run/modelfile.h"
#include "sys/durable.h"
#include "sys/io.h"

#define NOTE     "model"
#define NOTE_MAX (1u << 20)

/* By what a file is, not by its name: the same one may have several. */
static void describe(const char *path, struct h0_buf *out)
{
	struct stat st;
	if (stat(path, &st) < 0)
		h0_buf_adds(out, "missing\n");
	else
		h0_buf_addf(out, "%llx:%llu %lld bytes, %lld.%09ld\n", (unsigned long long)st.st_dev,
		            (unsigned long long)st.st_ino, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
		            st.st_mtim.tv_nsec);
}

static void describe_all(const struct h0_spec *s, struct h0_buf *out)
{
	h0_autostrv struct h0_strv shards = {0};
	if (s->model.path)
		h0_model_shards(s->model.path, &shards);
	for (size_t i = 0; i < shards.n; i++)
		describe(shards.v[i], out);
}

int h0_modelseen_note(const struct h0_spec *s, struct h0_err *e)
{
	h0_autofree char *path = h0_asprintf("%s/" NOTE, s->run_dir);
	h0_autobuf struct h0_buf text = {0};
	describe_all(s, &text);
	return h0_durable_write(path, h0_buf_str(&text), text.len, 0644, e);
}

bool h0_modelseen_replaced(const struct h0_spec *s)
{
	h0_autofree char *path = h0_asprintf("%s/" NOTE, s->run_dir);
	h0_autobuf struct h0_buf noted = {0}, now = {0};
	if (h0_read_file(path, NOTE_MAX, &noted, NULL) < 0 || !noted.len)
		return false;
	describe_all(s, &now);
	return !h0_streq(h0_buf_str(&noted), h0_buf_str(&now));
}
