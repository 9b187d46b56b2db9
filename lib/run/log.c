/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The patterns are what llama-server 0.7 (build 11669) printed when each failure was provoked.
 */
#include "run/log.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "sys/io.h"

#define USED_BYTES 16384
#define TAIL_BYTES (1u << 20)

/* Length of "2026-11-21T08:02:01.7+00:00 stderr F ", 0 when the line has no such start. */
static size_t prefix_len(const char *p, size_t n, bool *ret_partial)
{
	const char *end = p + n, *q = memchr(p, ' ', n);
	if (!q || !isdigit((unsigned char)*p) || !memchr(p, 'T', (size_t)(q - p)))
		return 0;
	q++;
	if (end - q < 9 || (memcmp(q, "stdout ", 7) != 0 && memcmp(q, "stderr ", 7) != 0))
		return 0;
	q += 7;
	if ((*q != 'F' && *q != 'P') || q[1] != ' ')
		return 0;
	*ret_partial = *q == 'P';
	return (size_t)(q + 2 - p);
}

static void add_clean(const char *p, size_t n, struct h0_buf *ret)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c == '\r' && i + 1 == n)
			continue;
		h0_buf_addc(ret, (c < ' ' && c != '\t') || c == 0x7f ? '?' : p[i]);
	}
}

void h0_log_plain(const char *raw, size_t len, struct h0_buf *ret)
{
	for (size_t at = 0; at < len;) {
		const char *line = raw + at, *nl = memchr(line, '\n', len - at);
		size_t n = nl ? (size_t)(nl - line) : len - at;
		bool partial = false;
		size_t skip = prefix_len(line, n, &partial);
		add_clean(line + skip, n - skip, ret);
		if (!partial)
			h0_buf_addc(ret, '\n');
		at += n + (nl != NULL);
	}
}

/* Where the last n lines start. */
static size_t tail_start(const char *p, size_t len, int n)
{
	size_t at = len;
	if (n <= 0)
		return len;
	if (at > 0 && p[at - 1] == '\n')
		at--;
	while (at > 0 && !(p[at - 1] == '\n' && --n == 0))
		at--;
	return at;
}

/* The file's last whole lines, at most `max` bytes of them; *ret_lines points into raw. */
static int read_end(const char *path, size_t max, struct h0_buf *raw, const char **ret_lines,
                    struct h0_err *e)
{
	struct stat st;
	h0_autofd int fd = TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	if (fd < 0 || fstat(fd, &st) < 0)
		return h0_fail_sys(e, "%s", path);
	off_t from = st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
	size_t want = (size_t)(st.st_size - from);
	ssize_t n = TEMP_FAILURE_RETRY(pread(fd, h0_buf_room(raw, want), want, from));
	if (n < 0)
		return h0_fail_sys(e, "%s", path);
	raw->len = (size_t)n;
	const char *p = h0_buf_str(raw);
	if (from > 0 && memchr(p, '\n', raw->len)) /* not from the middle of a line */
		p = (const char *)memchr(p, '\n', raw->len) + 1;
	*ret_lines = p;
	return 0;
}

/* When conmon got this line ("2026-11-21T12:29:29.284684896+00:00 stderr F ..."); 0 = it is none. */
static int64_t stamp_of(const char *line)
{
	struct tm t = {0};
	int zone_h = 0, zone_m = 0;
	const char *p = strptime(line, "%Y-%m-%dT%H:%M:%S", &t);
	if (!p)
		return 0;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (*p != 'Z' && sscanf(p, "%3d:%2d", &zone_h, &zone_m) != 2)
		return 0;
	return (int64_t)timegm(&t) - zone_h * 3600 - (*p == '-' ? -zone_m : zone_m) * 60;
}

int64_t h0_log_used_raw(const char *raw, size_t len)
{
	int64_t last = 0;
	for (const char *p = raw, *end = raw + len; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		char line[256];
		size_t n = (size_t)((stop ? stop : end) - p);
		snprintf(line, sizeof line, "%.*s", n < sizeof line ? (int)n : (int)sizeof line - 1, p);
		/* a question about its slots may wake it, and then it finds that it has nothing to do */
		int64_t at = strstr(line, " F ") && !strstr(line, "all slots are idle") ? stamp_of(line) : 0;
		last = at > last ? at : last;
		p += n + 1;
	}
	return last;
}

int64_t h0_log_used(const char *path)
{
	h0_autobuf struct h0_buf raw = {0};
	const char *lines;
	if (read_end(path, USED_BYTES, &raw, &lines, NULL) < 0)
		return 0;
	return raw.p ? h0_log_used_raw(lines, (size_t)(raw.p + raw.len - lines)) : 0;
}

int h0_log_tail(const char *path, int lines, struct h0_buf *ret, struct h0_err *e)
{
	h0_autobuf struct h0_buf raw = {0}, plain = {0};
	const char *p;
	if (read_end(path, TAIL_BYTES, &raw, &p, e) < 0)
		return -1;
	h0_log_plain(p, (size_t)(raw.p + raw.len - p), &plain);
	size_t start = tail_start(h0_buf_str(&plain), plain.len, lines);
	h0_buf_add(ret, h0_buf_str(&plain) + start, plain.len - start);
	return 0;
}

/* ---- causes ---- */
static const struct {
	const char *mark;       /* in the line */
	enum h0_kind kind;
	const char *code;
	const char *say;        /* put before the line's own words; NULL: they are enough */
} causes[] = {
	{"couldn't bind HTTP server socket", H0_CONFLICT, NULL, "the port is taken"},
	{"model is corrupted or incomplete", H0_CONFIG, "model.unsupported_format",
	 "the model file is damaged"},
	{"invalid magic", H0_CONFIG, "model.unsupported_format", "the model is no GGUF file"},
	{"failed to read magic", H0_CONFIG, "model.unsupported_format", "the model is no GGUF file"},
	{"failed to read key-value pairs", H0_CONFIG, "model.unsupported_format",
	 "the model file is damaged"},
	{"software only supports up to version", H0_CONFIG, "model.unsupported_format",
	 "the image's llama-server is too old for the model"},
	{"unknown model architecture", H0_CONFIG, "model.unsupported_format",
	 "the image's llama-server does not know this kind of model"},
	{"key not found in model", H0_CONFIG, "model.unsupported_format",
	 "the model file lacks something"},
	{"failed to open GGUF file", H0_CONFIG, "model.path_missing", "the model cannot be read"},
	{"quantized V cache requires flash_attn", H0_CONFIG, "slot.config_error", NULL},
	{"invalid argument: ", H0_CONFIG, "slot.config_error",
	 "the image's llama-server does not know a flag"},
	{"error while handling argument", H0_CONFIG, "slot.config_error", "a flag has a bad value"},
	{"invalid device", H0_NOHW, "backend.missing", "the image does not see that device"},
	{"unrecognized arguments: ", H0_CONFIG, "slot.config_error",
	 "the image's server does not know a flag"},
	{"error while loading shared libraries", H0_EXTERN, NULL,
	 "the image lacks a library: pull it again, by its pinned digest (hal0 profile pull)"},
	{"AMDXDNA_CREATE_HWCTX", H0_CONFLICT, NULL, "another program has the NPU"},
	{"No NPU device found", H0_NOHW, "backend.missing", NULL},
	{"no usable GPU found", H0_NOHW, "backend.missing", NULL},
	{"out of memory", H0_EXTERN, NULL, "not enough memory"},
	{"OutOfDeviceMemory", H0_EXTERN, NULL, "not enough device memory"},
	{"failed to allocate", H0_EXTERN, NULL, "not enough memory"},
	{"unable to allocate", H0_EXTERN, NULL, "not enough memory"},
};

/* llama-server's own prefix: "0.00.014.724 E srv         start: ". */
static const char *own_words(const char *line)
{
	size_t n = strspn(line, "0123456789.");
	if (n && line[n] == ' ' && isupper((unsigned char)line[n + 1]) && line[n + 2] == ' ')
		line += n + 3;
	line += strncmp(line, "[ERROR]", 7) == 0 ? 7 : 0;
	return line + strspn(line, " ");
}

/* The last line of a Python traceback: "torch.OutOfMemoryError: HIP out of memory". */
static bool is_exception(const char *line)
{
	size_t n = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.");
	static const char *const ends[] = {"Error", "Exception"};
	for (size_t i = 0; i < H0_ARRAY_LEN(ends); i++) {
		size_t k = strlen(ends[i]);
		if (n > k && strncmp(line + n - k, ends[i], k) == 0 && (line[n] == ':' || !line[n]))
			return true;
	}
	return false;
}

static bool is_error(const char *line)
{
	size_t n = strspn(line, "0123456789.");
	return (n && strncmp(line + n, " E ", 3) == 0) || h0_starts(line, "error: ") ||
	       h0_starts(line, "error while handling") || h0_starts(line, "terminate called") ||
	       h0_starts(line, "invalid device") || h0_starts(line, "gguf_init_from_file") ||
	       h0_starts(line, "[ERROR]") || strstr(line, ": error: ") || is_exception(line) ||
	       strstr(line, "error while loading shared libraries");
}

static void note_flag(const char *line, struct h0_log_cause *ret)
{
	const char *p = strstr(line, "invalid argument: ");
	if (p)
		p += strlen("invalid argument: ");
	else if ((p = strstr(line, "handling argument \"")))
		p += strlen("handling argument \"");
	else if ((p = strstr(line, "unrecognized arguments: ")))
		p += strlen("unrecognized arguments: ");
	if (p)
		snprintf(ret->flag, sizeof ret->flag, "%.*s", (int)strcspn(p, " \""), p);
}

static void in_words(const char *line, struct h0_log_cause *ret)
{
	const char *words = own_words(line);
	for (size_t i = 0; i < H0_ARRAY_LEN(causes); i++) {
		if (!strstr(line, causes[i].mark))
			continue;
		ret->kind = causes[i].kind;
		ret->code = causes[i].code;
		const char *say = causes[i].say;
		snprintf(ret->text, sizeof ret->text, "%s%s%s", say ? say : "", say ? ": " : "", words);
		note_flag(line, ret);
		return;
	}
	snprintf(ret->text, sizeof ret->text, "%s", words);
}

static bool known(const char *line)
{
	bool yes = false;
	for (size_t i = 0; i < H0_ARRAY_LEN(causes) && !yes; i++)
		yes = strstr(line, causes[i].mark);
	return yes;
}

void h0_log_cause(const char *plain, struct h0_log_cause *ret)
{
	h0_autofree char *first = NULL;
	*ret = (struct h0_log_cause){.kind = H0_EXTERN};
	while (*plain) {
		size_t n = strcspn(plain, "\n");
		h0_autofree char *line = h0_strndup(plain, n);
		/* a line we know says more than one that only calls itself an error */
		if (is_error(line) && known(line)) {
			in_words(line, ret);
			return;
		}
		if (!first && is_error(line))
			first = h0_take(line);
		plain += n + (plain[n] == '\n');
	}
	if (first)
		in_words(first, ret);
}

double h0_log_rate(const char *plain)
{
	static const char mark[] = " eval time =", unit[] = " tokens per second";
	double rate = 0;
	for (const char *line = plain; (line = strstr(line, mark)); line += sizeof mark - 1) {
		const char *end = line + strcspn(line, "\n"), *at = memmem(line, (size_t)(end - line), unit, sizeof unit - 1);
		char *stop;
		if (!at || (line - plain >= 6 && memcmp(line - 6, "prompt", 6) == 0))
			continue;
		while (at > line && (isdigit((unsigned char)at[-1]) || at[-1] == '.'))
			at--;
		double v = strtod(at, &stop);
		if (*stop == ' ' && v > 0 && v < 1e6)
			rate = v;
	}
	return rate;
}
