/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fmt/gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "fmt/ggufsrc.h"

#define MAX_KEY    4096
#define MAX_STRING 1024         /* of a name kept; the rest is passed over */
#define MAX_DIMS   8
#define ALIGNMENT  32

static const struct {
	const char *name;
	unsigned short weights, bytes; /* of one block */
} types[H0_GGUF_TYPES] = {
	[0] = {"f32", 1, 4},         [1] = {"f16", 1, 2},         [2] = {"q4_0", 32, 18},
	[3] = {"q4_1", 32, 20},      [6] = {"q5_0", 32, 22},      [7] = {"q5_1", 32, 24},
	[8] = {"q8_0", 32, 34},      [9] = {"q8_1", 32, 36},      [10] = {"q2_K", 256, 84},
	[11] = {"q3_K", 256, 110},   [12] = {"q4_K", 256, 144},   [13] = {"q5_K", 256, 176},
	[14] = {"q6_K", 256, 210},   [15] = {"q8_K", 256, 292},   [16] = {"iq2_xxs", 256, 66},
	[17] = {"iq2_xs", 256, 74},  [18] = {"iq3_xxs", 256, 98}, [19] = {"iq1_s", 256, 50},
	[20] = {"iq4_nl", 32, 18},   [21] = {"iq3_s", 256, 110},  [22] = {"iq2_s", 256, 82},
	[23] = {"iq4_xs", 256, 136}, [24] = {"i8", 1, 1},         [25] = {"i16", 1, 2},
	[26] = {"i32", 1, 4},        [27] = {"i64", 1, 8},        [28] = {"f64", 1, 8},
	[29] = {"iq1_m", 256, 56},   [30] = {"bf16", 1, 2},       [34] = {"tq1_0", 256, 54},
	[35] = {"tq2_0", 256, 66},   [39] = {"mxfp4", 32, 17},    [40] = {"nvfp4", 64, 36},
	[41] = {"q1_0", 128, 18},
};

const char *h0_gguf_type_name(uint32_t type)
{
	return type < H0_GGUF_TYPES ? types[type].name : NULL;
}

bool h0_gguf_type_bytes(uint32_t type, uint64_t weights, uint64_t *ret_bytes)
{
	if (!h0_gguf_type_name(type) || weights % types[type].weights)
		return false;
	return !__builtin_mul_overflow(weights / types[type].weights, types[type].bytes, ret_bytes);
}

/* ---- metadata ---- */
struct reading {
	struct h0_src s;
	struct h0_gguf *g;
	uint64_t alignment, kvs;
	char key[MAX_KEY], what[MAX_KEY + 16];
};

static int read_str(struct reading *r, uint32_t type, char **dst, struct h0_err *e)
{
	char text[MAX_STRING + 1];
	uint64_t n;
	if (type != H0_KV_STR)
		return h0_src_fail(&r->s, e, "%s is no string", r->s.what);
	if (h0_src_uint(&r->s, 8, &n, e) < 0 || h0_src_have(&r->s, n, e) < 0)
		return -1;
	size_t keep = n < MAX_STRING ? (size_t)n : MAX_STRING;
	if (h0_src_get(&r->s, text, keep, e) < 0 || h0_src_skip(&r->s, n - keep, e) < 0)
		return -1;
	text[keep] = '\0';
	free(*dst);
	*dst = h0_strdup(text);
	return 0;
}

static int read_layers(struct reading *r, uint32_t type, struct h0_gguf_layers *l,
                       struct h0_err *e)
{
	uint64_t n;
	if (h0_src_is_whole(type))
		return h0_src_whole(&r->s, type, &l->all, e);
	if (type != H0_KV_ARR)
		return h0_src_fail(&r->s, e, "%s is neither a number nor a list", r->s.what);
	if (h0_src_array(&r->s, &type, &n, e) < 0)
		return -1;
	if (!h0_src_is_whole(type) || n > H0_GGUF_MAX_LAYERS)
		return h0_src_fail(&r->s, e, "%s is no list of at most %d whole numbers", r->s.what,
		                   H0_GGUF_MAX_LAYERS);
	free(l->layer);
	l->layer = h0_calloc(n ? n : 1, sizeof *l->layer);
	l->n = (size_t)n;
	for (uint64_t i = 0; i < n; i++) {
		int64_t v;
		if (h0_src_whole(&r->s, type, &v, e) < 0)
			return -1;
		if (v < 0 || v > INT32_MAX)
			return h0_src_fail(&r->s, e, "%s holds %" PRId64, r->s.what, v);
		l->layer[i] = (int32_t)v;
	}
	return 0;
}

/* feed_forward_length and a few others may be given per layer; the largest one is kept. */
static int read_int(struct reading *r, uint32_t type, int64_t *dst, struct h0_err *e)
{
	struct h0_gguf_layers l = {.all = -1};
	int rc = read_layers(r, type, &l, e);
	int64_t max = l.all;
	for (size_t i = 0; rc == 0 && i < l.n; i++)
		max = l.layer[i] > max ? l.layer[i] : max;
	free(l.layer);
	if (rc == 0)
		*dst = max;
	return rc;
}

static int read_tokens(struct reading *r, uint32_t type, struct h0_err *e)
{
	uint64_t n;
	if (type != H0_KV_ARR)
		return h0_src_fail(&r->s, e, "%s is no list", r->s.what);
	if (h0_src_array(&r->s, &type, &n, e) < 0 || h0_src_skip_elements(&r->s, type, n, e) < 0)
		return -1;
	r->g->tokens = (int64_t)n;
	return 0;
}

static int read_alignment(struct reading *r, uint32_t type, struct h0_err *e)
{
	int64_t v = 0;
	if (!h0_src_is_whole(type) || h0_src_whole(&r->s, type, &v, e) < 0 || v <= 0 || v > 1 << 20 ||
	    (v & (v - 1)))
		return h0_src_fail(&r->s, e, "%s is no power of two up to a mebibyte", r->s.what);
	r->alignment = (uint64_t)v;
	return 0;
}

/* 1: the key was one of ours and its value is read; 0: not ours. */
static int read_general(struct reading *r, uint32_t type, struct h0_err *e)
{
	struct h0_gguf *g = r->g;
	struct {
		const char *key;
		char **dst;
	} strings[] = {
		{"general.architecture", &g->architecture}, {"general.name", &g->name},
		{"general.basename", &g->basename}, {"general.size_label", &g->size_label},
		{"tokenizer.ggml.model", &g->tokenizer},
	};
	struct {
		const char *key;
		int64_t *dst;
	} ints[] = {
		{"general.file_type", &g->file_type}, {"split.count", &g->split_count},
		{"split.no", &g->split_no},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(strings); i++)
		if (h0_streq(r->key, strings[i].key))
			return read_str(r, type, strings[i].dst, e) < 0 ? -1 : 1;
	for (size_t i = 0; i < H0_ARRAY_LEN(ints); i++)
		if (h0_streq(r->key, ints[i].key))
			return read_int(r, type, ints[i].dst, e) < 0 ? -1 : 1;
	if (h0_streq(r->key, "general.alignment"))
		return read_alignment(r, type, e) < 0 ? -1 : 1;
	if (h0_streq(r->key, "tokenizer.ggml.tokens"))
		return read_tokens(r, type, e) < 0 ? -1 : 1;
	if (h0_streq(r->key, "tokenizer.chat_template"))
		g->chat_template = type == H0_KV_STR;
	return 0;
}

static int read_arch(struct reading *r, uint32_t type, struct h0_err *e)
{
	struct h0_gguf *g = r->g;
	size_t n = g->architecture ? strlen(g->architecture) : 0;
	if (!n || strncmp(r->key, g->architecture, n) != 0 || r->key[n] != '.')
		return 0;
	const char *key = r->key + n + 1;
	struct {
		const char *key;
		int64_t *dst;
	} ints[] = {
#define INT_ROW(member, name) {name, &g->member},
		H0_GGUF_INTS(INT_ROW)
#undef INT_ROW
	};
	struct {
		const char *key;
		struct h0_gguf_layers *dst;
	} layers[] = {
		{"attention.head_count", &g->head_count}, {"attention.head_count_kv", &g->head_count_kv},
		{"attention.sliding_window_pattern", &g->sliding_window_pattern},
	};
	for (size_t i = 0; i < H0_ARRAY_LEN(ints); i++)
		if (h0_streq(key, ints[i].key))
			return read_int(r, type, ints[i].dst, e) < 0 ? -1 : 1;
	for (size_t i = 0; i < H0_ARRAY_LEN(layers); i++)
		if (h0_streq(key, layers[i].key))
			return read_layers(r, type, layers[i].dst, e) < 0 ? -1 : 1;
	return 0;
}

static int read_key(struct reading *r, uint32_t *ret_type, struct h0_err *e)
{
	r->s.what = "a metadata key";
	if (h0_src_name(&r->s, r->key, sizeof r->key, e) < 0)
		return -1;
	snprintf(r->what, sizeof r->what, "'%s'", r->key);
	r->s.what = r->what;
	if (h0_src_u32(&r->s, ret_type, e) < 0)
		return -1;
	if (*ret_type >= H0_KV_N)
		return h0_src_fail(&r->s, e, "%s has unknown type %u", r->what, *ret_type);
	return 0;
}

/* The architecture first, wherever it stands: the other keys are below its name. */
static int find_architecture(struct reading *r, struct h0_err *e)
{
	uint64_t start = r->s.pos;
	for (uint64_t i = 0; i < r->kvs; i++) {
		uint32_t type;
		if (read_key(r, &type, e) < 0)
			return -1;
		if (h0_streq(r->key, "general.architecture")) {
			if (read_str(r, type, &r->g->architecture, e) < 0)
				return -1;
			break;
		}
		if (h0_src_skip_value(&r->s, type, e) < 0)
			return -1;
	}
	r->s.pos = start;
	return 0;
}

static int read_metadata(struct reading *r, struct h0_err *e)
{
	if (find_architecture(r, e) < 0)
		return -1;
	for (uint64_t i = 0; i < r->kvs; i++) {
		uint32_t type;
		if (read_key(r, &type, e) < 0)
			return -1;
		int known = read_general(r, type, e);
		if (known == 0)
			known = read_arch(r, type, e);
		if (known < 0 || (known == 0 && h0_src_skip_value(&r->s, type, e) < 0))
			return -1;
	}
	return 0;
}

/* ---- tensors ---- */
static bool is_expert(const char *name)
{
	return h0_ends(name, "_exps.weight") && strstr(name, ".ffn_");
}

/* Matrices of layers are multiplied for every token; tables are looked up in, vectors are small. */
static void count_weights(struct h0_gguf *g, const char *name, uint32_t ndims, uint64_t weights)
{
	uint64_t *dst = is_expert(name) ? &g->expert_weights : &g->layer_weights;
	if (h0_starts(name, "blk.") && ndims > 1 && __builtin_add_overflow(*dst, weights, dst))
		*dst = UINT64_MAX;
}

static int read_tensor(struct reading *r, uint64_t *end, struct h0_err *e)
{
	struct h0_gguf *g = r->g;
	uint32_t ndims, type;
	uint64_t weights = 1, dim = 0, offset, bytes = 0;
	r->s.what = "a tensor's name";
	if (h0_src_name(&r->s, r->key, sizeof r->key, e) < 0)
		return -1;
	snprintf(r->what, sizeof r->what, "tensor '%s'", r->key);
	r->s.what = r->what;
	if (h0_src_u32(&r->s, &ndims, e) < 0)
		return -1;
	if (ndims > MAX_DIMS)
		return h0_src_fail(&r->s, e, "%s has %u dimensions", r->what, ndims);
	for (uint32_t i = 0; i < ndims; i++) {
		if (h0_src_uint(&r->s, 8, &dim, e) < 0)
			return -1;
		if (dim > INT64_MAX || __builtin_mul_overflow(weights, dim, &weights))
			return h0_src_fail(&r->s, e, "%s is impossibly large", r->what);
	}
	if (h0_src_u32(&r->s, &type, e) < 0 || h0_src_uint(&r->s, 8, &offset, e) < 0)
		return -1;
	bool known = h0_gguf_type_name(type) != NULL;
	if (known && !h0_gguf_type_bytes(type, weights, &bytes))
		return h0_src_fail(&r->s, e, "%s has %" PRIu64 " weights of type %s", r->what, weights,
		                   h0_gguf_type_name(type));
	if (__builtin_add_overflow(offset, bytes, end) ||
	    __builtin_add_overflow(g->tensor_bytes, bytes, &g->tensor_bytes))
		return h0_src_fail(&r->s, e, "%s is impossibly large", r->what);
	g->tensors++;
	g->tensors_unknown += !known;
	if (type < H0_GGUF_TYPES) {
		g->type_tensors[type]++;
		g->type_bytes[type] += bytes;
	}
	count_weights(g, r->key, ndims, weights);
	if (is_expert(r->key))
		g->expert_bytes += bytes;
	if (h0_streq(r->key, "token_embd.weight")) {
		g->embd_bytes = bytes;
		g->embd_rows = dim;
		g->embd_type = type;
	}
	g->ffn_gate |= strstr(r->key, ".ffn_gate.") || strstr(r->key, ".ffn_gate_exps.");
	g->output |= h0_streq(r->key, "output.weight");
	g->position_embd |= h0_streq(r->key, "position_embd.weight");
	g->attn_qkv |= h0_ends(r->key, ".attn_qkv.weight");
	if (h0_ends(r->key, ".ffn_up.weight") && !g->ffn_up_rows)
		g->ffn_up_rows = dim;
	return 0;
}

static int read_tensors(struct reading *r, uint64_t n, struct h0_err *e)
{
	uint64_t last = 0, end = 0;
	for (uint64_t i = 0; i < n; i++) {
		if (read_tensor(r, &end, e) < 0)
			return -1;
		last = end > last ? end : last;
	}
	/* the last shard of nothing, or a vocabulary only file: no weights, no padding */
	uint64_t pad = n ? (r->alignment - r->s.pos % r->alignment) % r->alignment : 0;
	r->g->data_offset = r->s.pos + pad;
	r->s.what = "the tensor table";
	if (__builtin_add_overflow(r->g->data_offset, last, &r->g->need_bytes))
		return h0_src_fail(&r->s, e, "the tensors are impossibly large");
	return 0;
}

/* ---- the whole ---- */
static int not_gguf(const struct h0_src *s, const unsigned char *magic, size_t n, struct h0_err *e)
{
	char shown[16] = "";
	bool text = n > 0;
	for (size_t i = 0; i < n; i++) {
		text = text && (magic[i] >= ' ' || magic[i] == '\n' || magic[i] == '\t') && magic[i] < 127;
		shown[i] = magic[i] >= ' ' && magic[i] < 127 ? (char)magic[i] : '.';
	}
	shown[n] = '\0';
	if (n == 0)
		h0_fail(e, H0_CONFIG, "%s: not a GGUF file: it is empty", s->file);
	else
		h0_fail(e, H0_CONFIG, "%s: not a GGUF file: %s '%s', not 'GGUF'", s->file,
		        text ? "it looks like text and starts with" : "it starts with", shown);
	return h0_err_code(e, "model.unsupported_format");
}

static int read_header(struct reading *r, uint64_t *ret_tensors, struct h0_err *e)
{
	struct h0_src *s = &r->s;
	unsigned char magic[4];
	size_t n = s->size < 4 ? (size_t)s->size : 4;
	s->what = "the header";
	if (h0_src_get(s, magic, n, e) < 0)
		return -1;
	if (n < 4 || memcmp(magic, "GGUF", 4) != 0)
		return not_gguf(s, magic, n, e);
	if (h0_src_u32(s, &r->g->version, e) < 0)
		return -1;
	if (r->g->version == 2u << 24 || r->g->version == 3u << 24)
		return h0_src_fail(s, e, "it is a big-endian file, which llama-server on this machine cannot read");
	if (r->g->version != 2 && r->g->version != 3)
		return h0_src_fail(s, e, "version %u (2 and 3 are known)", r->g->version);
	if (h0_src_uint(s, 8, ret_tensors, e) < 0 || h0_src_uint(s, 8, &r->kvs, e) < 0)
		return -1;
	/* least sizes: key length, type, one byte; name length, dimensions, type, offset */
	if (r->kvs > (s->size - s->pos) / 13)
		return h0_src_fail(s, e, "it claims %" PRIu64 " metadata keys, the file has %" PRIu64 " more bytes",
		                   r->kvs, s->size - s->pos);
	if (*ret_tensors > (s->size - s->pos) / 24)
		return h0_src_fail(s, e, "it claims %" PRIu64 " tensors, the file has %" PRIu64 " more bytes",
		           *ret_tensors, s->size - s->pos);
	return 0;
}

static void all_unknown(struct h0_gguf *g)
{
	*g = (struct h0_gguf){.file_type = -1, .split_count = -1, .split_no = -1, .tokens = -1};
#define INT_UNKNOWN(member, key) g->member = -1;
	H0_GGUF_INTS(INT_UNKNOWN)
#undef INT_UNKNOWN
	g->head_count.all = g->head_count_kv.all = g->sliding_window_pattern.all = -1;
}

static int read_all(struct reading *r, struct h0_err *e)
{
	uint64_t tensors = 0;
	all_unknown(r->g);
	r->g->file_bytes = r->s.size;
	r->alignment = ALIGNMENT;
	if (read_header(r, &tensors, e) < 0 || read_metadata(r, e) < 0)
		return -1;
	return read_tensors(r, tensors, e);
}

static int start(struct h0_src *src, struct h0_gguf *ret, struct h0_err *e)
{
	h0_autofree struct reading *r = h0_calloc(1, sizeof *r);
	r->s = *src;
	r->g = ret;
	return read_all(r, e);
}

int h0_gguf_parse(const void *p, size_t size, const char *file, struct h0_gguf *ret,
                  struct h0_err *e)
{
	struct h0_src s = {.file = file, .size = size, .win = p, .len = size, .fd = -1};
	return start(&s, ret, e);
}

int h0_gguf_read(int fd, const char *file, struct h0_gguf *ret, struct h0_err *e)
{
	struct stat st;
	all_unknown(ret);
	if (fstat(fd, &st) < 0)
		return h0_fail_sys(e, "%s", file);
	if (!S_ISREG(st.st_mode)) {
		h0_fail(e, H0_CONFIG, "%s: %s, not a GGUF file", file,
		        S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
		return h0_err_code(e, "model.unsupported_format");
	}
	h0_autosrc struct h0_src s = {.file = file, .size = (uint64_t)st.st_size, .fd = fd,
		.own = h0_malloc(H0_SRC_WINDOW)};
	s.win = s.own;
	return start(&s, ret, e);
}

int h0_gguf_open(const char *path, struct h0_gguf *ret, struct h0_err *e)
{
	all_unknown(ret);
	h0_autofd int fd = TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	if (fd < 0)
		return h0_fail_sys(e, "%s", path);
	return h0_gguf_read(fd, path, ret, e);
}

int h0_gguf_check_size(const struct h0_gguf *g, const char *file, struct h0_err *e)
{
	if (g->need_bytes <= g->file_bytes)
		return 0;
	h0_fail(e, H0_CONFIG, "%s: the file is truncated: its tensors end at byte %" PRIu64
	        ", it has %" PRIu64 " bytes (an unfinished download?)", file, g->need_bytes,
	        g->file_bytes);
	return h0_err_code(e, "model.unsupported_format");
}

void h0_gguf_done(struct h0_gguf *g)
{
	char *strings[] = {g->architecture, g->name, g->basename, g->size_label, g->tokenizer};
	for (size_t i = 0; i < H0_ARRAY_LEN(strings); i++)
		free(strings[i]);
	free(g->head_count.layer);
	free(g->head_count_kv.layer);
	free(g->sliding_window_pattern.layer);
	all_unknown(g);
}
