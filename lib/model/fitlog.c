/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/fitlog.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/fitsum.h"

#define MARK    " buffer size = "
#define MIB_MAX 1e8

/* "CPU", "CPU_Mapped", "CPU_REPACK", "Vulkan_Host": memory of the machine, not of a device. */
static bool in_ram(const char *name)
{
	return h0_starts(name, "CPU") || h0_ends(name, "_Host");
}

static bool read_line(const char *line, size_t n, char name[64], char what[16], int64_t *ret)
{
	char text[256];
	double mib;
	snprintf(text, sizeof text, "%.*s", (int)(n < 255 ? n : 255), line);
	char *mark = strstr(text, MARK);
	if (!mark || sscanf(mark + strlen(MARK), "%lf MiB", &mib) != 1 || !(mib >= 0) || mib > MIB_MAX)
		return false;
	*mark = '\0';
	char *last = strrchr(text, ' ');
	if (!last)
		return false;
	snprintf(what, 16, "%.15s", last + 1);
	while (last > text && last[-1] == ' ')
		last--;
	*last = '\0';
	char *first = strrchr(text, ' ');
	snprintf(name, 64, "%.63s", first ? first + 1 : text);
	*ret = (int64_t)llround(mib * 1048576.0);
	return true;
}

bool h0_fitlog_read(const char *plain, struct h0_fit_buffers *ret)
{
	struct h0_fit_buffers b = {0};
	bool weights = false, compute = false;
	for (const char *p = plain; *p;) {
		size_t n = strcspn(p, "\n");
		char name[64], what[16];
		int64_t bytes, *to = NULL;
		if (read_line(p, n, name, what, &bytes)) {
			bool model = h0_streq(what, "model");
			if (model && compute)
				break; /* of another load: a projector's, a draft model's */
			to = model ? &b.weights : h0_streq(what, "compute") ? &b.compute
			     : h0_streq(what, "output") ? &b.output
			     : h0_streq(what, "KV") || h0_streq(what, "RS") ? &b.kv : NULL;
			weights |= model;
			compute |= to == &b.compute;
		}
		if (to) {
			*to = h0_sum(*to, bytes);
			b.host = in_ram(name) ? h0_sum(b.host, bytes) : b.host;
		}
		p += n + (p[n] == '\n');
	}
	if (!weights || !compute)
		return false;
	*ret = b;
	return true;
}
