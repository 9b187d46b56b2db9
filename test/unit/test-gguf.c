/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fmt/gguf.h"

/* ---- a writer, so that every byte of the inputs is ours ---- */
static void p32(struct h0_buf *b, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		h0_buf_addc(b, (char)(v >> 8 * i));
}
static void p64(struct h0_buf *b, uint64_t v)
{
	p32(b, (uint32_t)v);
	p32(b, (uint32_t)(v >> 32));
}
static void pstr(struct h0_buf *b, const char *s)
{
	p64(b, strlen(s));
	h0_buf_adds(b, s);
}
static void kstr(struct h0_buf *b, const char *k, const char *v)
{
	pstr(b, k);
	p32(b, 8);
	pstr(b, v);
}
static void ku32(struct h0_buf *b, const char *k, uint32_t v)
{
	pstr(b, k);
	p32(b, 4);
	p32(b, v);
}
static void karr(struct h0_buf *b, const char *k, uint32_t type, uint64_t n)
{
	pstr(b, k);
	p32(b, 9);
	p32(b, type);
	p64(b, n);
}
static void tensor(struct h0_buf *b, const char *name, uint64_t d0, uint64_t d1, uint32_t type,
                   uint64_t offset)
{
	pstr(b, name);
	p32(b, 2);
	p64(b, d0);
	p64(b, d1);
	p32(b, type);
	p64(b, offset);
}
static void header(struct h0_buf *b, uint32_t version, uint64_t tensors, uint64_t kvs)
{
	h0_buf_adds(b, "GGUF");
	p32(b, version);
	p64(b, tensors);
	p64(b, kvs);
}

/* Architecture last on purpose; per-layer heads; a nested and a string array to pass over. */
static void model(struct h0_buf *b)
{
	header(b, 3, 4, 14);
	ku32(b, "hybrid.context_length", 8192);
	ku32(b, "hybrid.block_count", 3);
	ku32(b, "hybrid.attention.head_count", 8);
	karr(b, "hybrid.attention.head_count_kv", 5, 3);
	p32(b, 2), p32(b, 0), p32(b, 2);
	ku32(b, "hybrid.nextn_predict_layers", 1);
	ku32(b, "hybrid.expert_count", 64);
	karr(b, "hybrid.feed_forward_length", 4, 3);
	p32(b, 10), p32(b, 30), p32(b, 20);
	ku32(b, "other.context_length", 1);
	karr(b, "tokenizer.ggml.tokens", 8, 3);
	pstr(b, "a"), pstr(b, ""), pstr(b, "ccc");
	karr(b, "odd.nested", 9, 2);
	p32(b, 0), p64(b, 2), h0_buf_adds(b, "xy");
	p32(b, 8), p64(b, 1), pstr(b, "z");
	kstr(b, "tokenizer.chat_template", "{{ x }}");
	pstr(b, "odd.float"), p32(b, 12), p64(b, 0);
	ku32(b, "general.alignment", 64);
	kstr(b, "general.architecture", "hybrid");
	tensor(b, "token_embd.weight", 64, 10, 1, 0);
	tensor(b, "blk.0.ffn_up_exps.weight", 256, 2, 12, 1280);
	tensor(b, "output.weight", 32, 1, 8, 1600);
	tensor(b, "blk.1.mystery", 32, 1, 63, 1664);
	while (b->len % 64)
		h0_buf_addc(b, 0);
}

static void test_values(void)
{
	h0_autobuf struct h0_buf b = {0};
	h0_autogguf struct h0_gguf g;
	struct h0_err e = {0};
	model(&b);
	uint64_t data = b.len;
	size_t room = 1664;
	memset(h0_buf_room(&b, room), 0, room);
	b.len += room;
	if (!ok(h0_gguf_parse(b.p, b.len, "m.gguf", &g, &e) == 0, "a model is read"))
		printf("# %s\n", e.msg);
	is_str(g.architecture, "hybrid", "architecture, though it comes last");
	is_int(g.context_length, 8192, "a key below the architecture's name");
	is_int(g.block_count, 3, "layers");
	is_int(g.head_count.all, 8, "one number for all layers");
	ok(g.head_count_kv.n == 3 && g.head_count_kv.layer[1] == 0 && g.head_count_kv.layer[2] == 2,
	   "one number per layer");
	is_int(g.feed_forward_length, 30, "the largest of a list where one is wanted");
	is_int(g.nextn_predict_layers, 1, "MTP layers");
	is_int(g.expert_count, 64, "experts");
	is_int(g.embedding_length, -1, "what is not there is -1");
	is_int(g.tokens, 3, "vocabulary size");
	ok(g.chat_template && g.output, "chat template and output tensor seen");
	ok(g.tensors == 4 && g.tensors_unknown == 1, "tensors counted");
	is_int((long long)g.tensor_bytes, 1280 + 288 + 34, "bytes of known types");
	is_int((long long)g.type_bytes[12], 288, "bytes of q4_K");
	is_int((long long)g.expert_bytes, 288, "bytes of experts");
	is_int((long long)g.embd_bytes, 1280, "bytes of the embedding");
	is_int((long long)g.expert_weights, 512, "numbers of experts");
	is_int((long long)g.layer_weights, 32, "and of the layers' other matrices");
	is_int((long long)g.data_offset, (long long)data, "where the weights start");
	is_int((long long)g.need_bytes, (long long)data + 1664, "how long it must be");
	is_int(h0_gguf_check_size(&g, "m.gguf", &e), 0, "long enough");
	g.file_bytes--;
	is_int(h0_gguf_check_size(&g, "m.gguf", &e), -1, "one byte short");
	ok(e.kind == H0_CONFIG && strstr(e.msg, "truncated"), "says truncated");
}

static void test_file(void)
{
	h0_autobuf struct h0_buf b = {0};
	h0_autogguf struct h0_gguf g;
	struct h0_err e = {0};
	char path[] = "/tmp/hal0-gguf.XXXXXX";
	header(&b, 2, 0, 2);
	/* a value longer than the reader's window, and a name longer than is kept */
	karr(&b, "big", 0, 200000);
	memset(h0_buf_room(&b, 200000), 7, 200000);
	b.len += 200000;
	pstr(&b, "general.name"), p32(&b, 8), p64(&b, 3000);
	memset(h0_buf_room(&b, 3000), 'n', 3000);
	b.len += 3000;
	h0_autofd int fd = mkstemp(path);
	ok(fd >= 0 && write(fd, b.p, b.len) == (ssize_t)b.len, "a file is written");
	is_int(h0_gguf_read(fd, path, &g, &e), 0, "version 2, read from a file");
	ok(g.version == 2 && g.name && strlen(g.name) == 1024, "a long name is cut");
	ok(!g.architecture && g.tensors == 0, "no architecture is not an error here");
	unlink(path);
	struct h0_gguf d;
	is_int(h0_gguf_open("/", &d, &e), -1, "a directory");
	ok(strstr(e.msg, "a directory") != NULL, "is named as one");
	is_int(h0_gguf_open("/nonexistent.gguf", &d, &e), -1, "a missing file");
	ok(e.kind == H0_SYS, "is the system's word");
}

static void refused(struct h0_buf *b, const char *want, const char *name)
{
	h0_autogguf struct h0_gguf g;
	struct h0_err e = {0};
	/* an exact copy on the heap, so that a read past the end is seen by the sanitizer */
	h0_autofree char *copy = h0_malloc(b->len ? b->len : 1);
	memcpy(copy, h0_buf_str(b), b->len);
	int rc = h0_gguf_parse(copy, b->len, "bad.gguf", &g, &e);
	if (!ok(rc == -1 && e.kind == H0_CONFIG && strstr(e.msg, want) &&
	        strstr(e.msg, "bad.gguf"), "%s", name))
		printf("# rc %d: %s\n", rc, e.msg);
	h0_buf_reset(b);
}

static void test_refused(void)
{
	h0_autobuf struct h0_buf b = {0};
	refused(&b, "it is empty", "an empty file");
	h0_buf_adds(&b, "Hello, this is a text file\n");
	refused(&b, "not a GGUF file: it looks like text and starts with 'Hell'", "a text file");
	h0_buf_add(&b, "\0\0\0\0\0\0\0\0", 8);
	refused(&b, "not a GGUF file: it starts with '....'", "zeros");
	h0_buf_adds(&b, "GGUF");
	refused(&b, "the header needs", "only the magic");
	header(&b, 4, 0, 0);
	refused(&b, "version 4", "a newer version");
	header(&b, 3u << 24, 0, 0);
	refused(&b, "big-endian", "big endian");
	header(&b, 3, UINT64_C(1) << 60, 0);
	refused(&b, "claims 1152921504606846976 tensors", "2^60 tensors");
	header(&b, 3, 0, UINT64_C(1) << 60);
	refused(&b, "metadata keys", "2^60 keys");
	header(&b, 3, 0, 1);
	p64(&b, UINT64_C(1) << 60), h0_buf_adds(&b, "0123456789");
	refused(&b, "a metadata key needs", "a 2^60 byte key");
	header(&b, 3, 0, 1);
	pstr(&b, "general.name"), p32(&b, 8), p64(&b, UINT64_MAX), h0_buf_adds(&b, "0123456789");
	refused(&b, "'general.name' needs", "a string of 2^64 - 1 bytes");
	header(&b, 3, 0, 1);
	karr(&b, "a", 8, UINT64_C(1) << 60), p64(&b, 0), p64(&b, 0);
	refused(&b, "claims 1152921504606846976 elements", "2^60 strings");
	header(&b, 3, 0, 1);
	karr(&b, "a", 6, UINT64_C(1) << 62), p64(&b, 0);
	refused(&b, "claims", "2^62 floats, whose size overflows");
	header(&b, 3, 0, 1);
	pstr(&b, "aa"), p32(&b, 77), p64(&b, 0);
	refused(&b, "unknown type 77", "an unknown value type");
}

static void test_refused_values(void)
{
	h0_autobuf struct h0_buf b = {0};
	header(&b, 3, 0, 1);
	pstr(&b, "deep"), p32(&b, 9);
	for (int i = 0; i < 50; i++)
		p32(&b, 9), p64(&b, 1);
	refused(&b, "nested too deeply", "arrays in arrays in arrays");
	header(&b, 3, 0, 1);
	ku32(&b, "general.alignment", 48);
	refused(&b, "power of two", "an odd alignment");
	header(&b, 3, 0, 1);
	ku32(&b, "general.architecture", 1);
	refused(&b, "is no string", "an architecture that is a number");
	header(&b, 3, 0, 2);
	kstr(&b, "general.architecture", "a");
	pstr(&b, "a.block_count"), p32(&b, 10), p64(&b, UINT64_MAX);
	refused(&b, "18446744073709551615", "a number beyond int64");
	header(&b, 3, 0, 2);
	kstr(&b, "general.architecture", "a");
	karr(&b, "a.attention.head_count", 4, 5000);
	memset(h0_buf_room(&b, 20000), 0, 20000);
	b.len += 20000;
	refused(&b, "at most 4096", "more layers than any model has");
	header(&b, 3, 1, 0);
	tensor(&b, "t", INT64_MAX, 16, 1, 0);
	refused(&b, "impossibly large", "a tensor whose size overflows");
	header(&b, 3, 1, 0);
	tensor(&b, "t", 256, 1, 1, UINT64_MAX - 3);
	refused(&b, "impossibly large", "a tensor whose end overflows");
	header(&b, 3, 1, 0);
	tensor(&b, "t", 33, 1, 8, 0);
	refused(&b, "33 weights of type q8_0", "a tensor of half a block");
}

/* Every prefix of a good file is refused or read, never read past. */
static void test_prefixes(void)
{
	h0_autobuf struct h0_buf b = {0};
	model(&b);
	size_t full = 0, refusals = 0;
	for (size_t n = 0; n <= b.len; n++) {
		h0_autogguf struct h0_gguf g;
		struct h0_err e = {0};
		h0_autofree char *copy = h0_malloc(n ? n : 1);
		memcpy(copy, b.p, n);
		if (h0_gguf_parse(copy, n, "m", &g, &e) == 0)
			full++;
		else
			refusals += e.kind == H0_CONFIG && e.msg[0];
	}
	ok(full > 0 && full < 64 && refusals + full == b.len + 1, "every prefix: %zu of %zu refused",
	   refusals, b.len + 1);
}

static void test_types(void)
{
	uint64_t n = 0;
	is_str(h0_gguf_type_name(12), "q4_K", "type name");
	ok(!h0_gguf_type_name(4) && !h0_gguf_type_name(64) && !h0_gguf_type_name(UINT32_MAX),
	   "unknown types have no name");
	ok(h0_gguf_type_bytes(2, 64, &n) && n == 36, "two blocks of q4_0");
	ok(!h0_gguf_type_bytes(2, 33, &n) && !h0_gguf_type_bytes(0, UINT64_MAX, &n), "what has no size");
}

int main(void)
{
	test_values();
	test_file();
	test_refused();
	test_refused_values();
	test_prefixes();
	test_types();
	return tap_done();
}
