/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tiny-gguf: writes a small valid GGUF v3 model with made-up weights, for the quickstart and the
 * tests; nothing is downloaded.
 *
 * --say TEXT makes a chat model answer every prompt with exactly TEXT and then end its turn, at
 * any temperature. TEXT is cut into pieces, one token each. The embedding of piece k points along
 * dimension k, that of every other token along dimension n (the number of pieces), and the output
 * matrix maps dimension k to piece k+1, dimension n to piece 0 and dimension n-1 to end-of-turn.
 * Attention and feed-forward weights are small noise beside that, and are really computed.
 *
 * All tensors are 32-bit floats in the machine's byte order, which GGUF wants little-endian.
 * Sources: the GGUF specification, version 3, and the tensor names of llama.cpp's architectures.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/io.h"

enum kind { KIND_CHAT, KIND_EMBED, KIND_RERANK };
static const char *const kind_names[] = {"chat", "embed", "rerank", NULL};

/* GGUF's numbers for value types and token types. */
enum { V_U32 = 4, V_I32 = 5, V_F32 = 6, V_BOOL = 7, V_STR = 8, V_ARRAY = 9 };
enum { TOK_NORMAL = 1, TOK_UNKNOWN = 2, TOK_CONTROL = 3, TOK_UNUSED = 5, TOK_BYTE = 6 };
enum { ALIGN = 32, MAX_PIECES = 512, HEADS = 4, END_OF_TURN = 4 };

#define SPACE "\xe2\x96\x81" /* how the llama and bert vocabularies write a blank */

enum fill { FILL_ZERO, FILL_ONE, FILL_NOISE, FILL_EMBEDDING, FILL_OUTPUT };

struct tensor {
	char name[64];
	size_t cols, rows; /* rows 0: one-dimensional */
	enum fill fill;
	float std;         /* of the noise */
};

struct model {
	enum kind kind;
	const char *name, *say;
	int64_t layers, width, context;
	struct h0_strv vocab;
	int32_t *type;            /* per token */
	size_t type_cap;
	size_t piece[MAX_PIECES]; /* tokens of the reply, in order */
	size_t npieces;
	struct h0_buf meta;
	uint64_t nmeta;
	struct tensor *tensor;
	size_t ntensors, tensor_cap;
	uint64_t rng;
};

/* ---- vocabulary ---- */

static size_t vocab_add(struct model *m, const char *text, int type)
{
	m->type = h0_grow(m->type, m->vocab.n, &m->type_cap, sizeof *m->type);
	m->type[m->vocab.n] = type;
	h0_strv_add(&m->vocab, text);
	return m->vocab.n - 1;
}

static size_t vocab_find_or_add(struct model *m, const char *text)
{
	for (size_t i = 0; i < m->vocab.n; i++)
		if (h0_streq(m->vocab.v[i], text))
			return i;
	return vocab_add(m, text, TOK_NORMAL);
}

/* The last word is joined to the one before it until it equals no other: a token stands for one
 * place in the reply. */
static void make_last_unique(struct h0_strv *word)
{
	for (size_t i = 0; i + 1 < word->n;) {
		size_t last = word->n - 1;
		if (last < MAX_PIECES && !h0_streq(word->v[i], word->v[last])) {
			i++;
			continue;
		}
		char *joined = h0_asprintf("%s%s", word->v[last - 1], word->v[last]);
		free(word->v[last - 1]);
		free(word->v[last]);
		word->v[last - 1] = joined;
		word->v[last] = NULL;
		word->n = last;
		i = 0;
	}
}

/* Words of the reply, each with the blanks before it. */
static void reply_pieces(struct model *m)
{
	h0_autostrv struct h0_strv word = {0};
	for (const char *p = m->say; *p;) {
		h0_autobuf struct h0_buf b = {0};
		for (; *p == ' '; p++)
			h0_buf_adds(&b, SPACE);
		size_t n = strcspn(p, " ");
		h0_buf_add(&b, p, n);
		p += n;
		h0_strv_add(&word, h0_buf_str(&b));
		make_last_unique(&word);
	}
	for (size_t i = 0; i < word.n; i++)
		m->piece[m->npieces++] = vocab_find_or_add(m, word.v[i]);
}

static void chat_vocab(struct model *m)
{
	static const char *const control[] = {"<s>", "</s>", "<|im_start|>", "<|im_end|>"};
	vocab_add(m, "<unk>", TOK_UNKNOWN);
	for (size_t i = 0; i < H0_ARRAY_LEN(control); i++)
		vocab_add(m, control[i], TOK_CONTROL);
	for (int i = 0; i < 256; i++) {
		char s[8];
		snprintf(s, sizeof s, "<0x%02X>", i);
		vocab_add(m, s, TOK_BYTE);
	}
	vocab_add(m, SPACE, TOK_NORMAL);
	for (int c = '!'; c <= '~'; c++)
		vocab_add(m, (char[]){(char)c, '\0'}, TOK_NORMAL);
	reply_pieces(m);
}

static void bert_vocab(struct model *m)
{
	vocab_add(m, "[PAD]", TOK_CONTROL);
	vocab_add(m, "[UNK]", TOK_UNKNOWN);
	vocab_add(m, "[CLS]", TOK_CONTROL);
	vocab_add(m, "[SEP]", TOK_CONTROL);
	vocab_add(m, "[MASK]", TOK_CONTROL);
	for (int c = '!'; c <= '~'; c++) {
		if (c >= 'A' && c <= 'Z')
			continue; /* bert lower-cases its input */
		char s[8];
		snprintf(s, sizeof s, SPACE "%c", c);
		vocab_add(m, s, TOK_NORMAL);
		vocab_add(m, s + strlen(SPACE), TOK_NORMAL);
	}
}

static void make_vocab(struct model *m)
{
	if (m->kind == KIND_CHAT)
		chat_vocab(m);
	else
		bert_vocab(m);
	while (m->vocab.n % ALIGN) {
		char s[32];
		snprintf(s, sizeof s, "[unused%zu]", m->vocab.n);
		vocab_add(m, s, TOK_UNUSED);
	}
}

/* ---- metadata ---- */

static void put_u32(struct h0_buf *b, uint32_t v)
{
	h0_buf_add(b, &v, sizeof v);
}

static void put_u64(struct h0_buf *b, uint64_t v)
{
	h0_buf_add(b, &v, sizeof v);
}

static void put_str(struct h0_buf *b, const char *s)
{
	put_u64(b, strlen(s));
	h0_buf_adds(b, s);
}

/* A key that starts with '.' belongs to the architecture. */
static void meta_key(struct model *m, const char *key, uint32_t type)
{
	h0_autofree char *full =
	    h0_asprintf("%s%s", *key == '.' ? (m->kind == KIND_CHAT ? "llama" : "bert") : "", key);
	put_str(&m->meta, full);
	put_u32(&m->meta, type);
	m->nmeta++;
}

static void meta_u32(struct model *m, const char *key, int64_t v)
{
	meta_key(m, key, V_U32);
	put_u32(&m->meta, (uint32_t)v);
}

static void meta_f32(struct model *m, const char *key, float v)
{
	meta_key(m, key, V_F32);
	h0_buf_add(&m->meta, &v, sizeof v);
}

static void meta_bool(struct model *m, const char *key, bool v)
{
	meta_key(m, key, V_BOOL);
	h0_buf_addc(&m->meta, v);
}

static void meta_str(struct model *m, const char *key, const char *v)
{
	meta_key(m, key, V_STR);
	put_str(&m->meta, v);
}

static void meta_array(struct model *m, const char *key, uint32_t type)
{
	meta_key(m, key, V_ARRAY);
	put_u32(&m->meta, type);
	put_u64(&m->meta, m->vocab.n);
}

static void tokenizer_meta(struct model *m)
{
	meta_str(m, "tokenizer.ggml.model", m->kind == KIND_CHAT ? "llama" : "bert");
	meta_str(m, "tokenizer.ggml.pre", "default");
	meta_array(m, "tokenizer.ggml.tokens", V_STR);
	for (size_t i = 0; i < m->vocab.n; i++)
		put_str(&m->meta, m->vocab.v[i]);
	meta_array(m, "tokenizer.ggml.scores", V_F32);
	for (size_t i = 0; i < m->vocab.n; i++) { /* longer pieces win */
		float score = m->type[i] == TOK_NORMAL ? (float)strlen(m->vocab.v[i]) : -1000.0f;
		h0_buf_add(&m->meta, &score, sizeof score);
	}
	meta_array(m, "tokenizer.ggml.token_type", V_I32);
	for (size_t i = 0; i < m->vocab.n; i++)
		put_u32(&m->meta, (uint32_t)m->type[i]);
}

static void chat_meta(struct model *m)
{
	meta_u32(m, ".attention.head_count_kv", HEADS);
	meta_f32(m, ".attention.layer_norm_rms_epsilon", 1e-6f);
	meta_u32(m, ".rope.dimension_count", m->width / HEADS);
	tokenizer_meta(m);
	meta_u32(m, "tokenizer.ggml.unknown_token_id", 0);
	meta_u32(m, "tokenizer.ggml.bos_token_id", 1);
	meta_u32(m, "tokenizer.ggml.eos_token_id", END_OF_TURN);
	meta_u32(m, "tokenizer.ggml.eot_token_id", END_OF_TURN);
	meta_bool(m, "tokenizer.ggml.add_bos_token", true);
	meta_bool(m, "tokenizer.ggml.add_space_prefix", false);
	meta_str(m, "tokenizer.chat_template",
	         "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
	         "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");
}

static void bert_meta(struct model *m)
{
	meta_f32(m, ".attention.layer_norm_epsilon", 1e-12f);
	meta_bool(m, ".attention.causal", false);
	meta_u32(m, ".pooling_type", m->kind == KIND_RERANK ? 4 : 1); /* rank, mean */
	tokenizer_meta(m);
	meta_u32(m, "tokenizer.ggml.token_type_count", 2);
	meta_u32(m, "tokenizer.ggml.padding_token_id", 0);
	meta_u32(m, "tokenizer.ggml.unknown_token_id", 1);
	meta_u32(m, "tokenizer.ggml.cls_token_id", 2);
	meta_u32(m, "tokenizer.ggml.bos_token_id", 2);
	meta_u32(m, "tokenizer.ggml.seperator_token_id", 3); /* spelt so in the format */
	meta_u32(m, "tokenizer.ggml.eos_token_id", 3);
	meta_u32(m, "tokenizer.ggml.mask_token_id", 4);
}

static void make_meta(struct model *m)
{
	meta_str(m, "general.architecture", m->kind == KIND_CHAT ? "llama" : "bert");
	meta_str(m, "general.type", "model");
	meta_str(m, "general.name", m->name);
	meta_u32(m, "general.file_type", 0);
	meta_u32(m, "general.alignment", ALIGN);
	meta_u32(m, ".context_length", m->context);
	meta_u32(m, ".embedding_length", m->width);
	meta_u32(m, ".block_count", m->layers);
	meta_u32(m, ".feed_forward_length", m->width * 2);
	meta_u32(m, ".attention.head_count", HEADS);
	meta_u32(m, ".vocab_size", (int64_t)m->vocab.n);
	if (m->kind == KIND_CHAT)
		chat_meta(m);
	else
		bert_meta(m);
}

/* ---- tensors ---- */

static void add_tensor(struct model *m, const char *name, int64_t cols, int64_t rows,
                       enum fill fill, float std)
{
	m->tensor = h0_grow(m->tensor, m->ntensors, &m->tensor_cap, sizeof *m->tensor);
	struct tensor *t = &m->tensor[m->ntensors++];
	*t = (struct tensor){.cols = (size_t)cols, .rows = (size_t)rows, .fill = fill, .std = std};
	snprintf(t->name, sizeof t->name, "%s", name);
}

struct part {
	const char *name;
	int cols, rows;       /* in widths; rows 0: one-dimensional */
	enum fill fill;
	bool last;            /* writes into the residual stream: kept small */
};

static void add_block(struct model *m, int64_t block, const struct part *part, size_t n)
{
	float std = 1.0f / sqrtf((float)m->width);
	float small = 0.1f * std / sqrtf((float)(m->width * m->layers));
	for (size_t i = 0; i < n; i++) {
		char name[64];
		snprintf(name, sizeof name, "blk.%d.%s", (int)block, part[i].name);
		add_tensor(m, name, part[i].cols * m->width, part[i].rows * m->width, part[i].fill,
		           part[i].last ? small : std);
	}
}

static void chat_tensors(struct model *m)
{
	static const struct part block[] = {
	    {"attn_norm.weight", 1, 0, FILL_ONE, false},
	    {"attn_q.weight", 1, 1, FILL_NOISE, false},
	    {"attn_k.weight", 1, 1, FILL_NOISE, false},
	    {"attn_v.weight", 1, 1, FILL_NOISE, false},
	    {"attn_output.weight", 1, 1, FILL_NOISE, true},
	    {"ffn_norm.weight", 1, 0, FILL_ONE, false},
	    {"ffn_gate.weight", 1, 2, FILL_NOISE, false},
	    {"ffn_up.weight", 1, 2, FILL_NOISE, false},
	    {"ffn_down.weight", 2, 1, FILL_NOISE, true},
	};
	int64_t tokens = (int64_t)m->vocab.n;
	float std = m->npieces ? 0 : 1.0f / sqrtf((float)m->width);
	add_tensor(m, "token_embd.weight", m->width, tokens, FILL_EMBEDDING, m->npieces ? 0.02f : 1);
	add_tensor(m, "output_norm.weight", m->width, 0, FILL_ONE, 0);
	add_tensor(m, "output.weight", m->width, tokens, FILL_OUTPUT, std);
	for (int64_t i = 0; i < m->layers; i++)
		add_block(m, i, block, H0_ARRAY_LEN(block));
}

static void bert_tensors(struct model *m)
{
	static const struct part block[] = {
	    {"attn_q.weight", 1, 1, FILL_NOISE, false},
	    {"attn_q.bias", 1, 0, FILL_ZERO, false},
	    {"attn_k.weight", 1, 1, FILL_NOISE, false},
	    {"attn_k.bias", 1, 0, FILL_ZERO, false},
	    {"attn_v.weight", 1, 1, FILL_NOISE, false},
	    {"attn_v.bias", 1, 0, FILL_ZERO, false},
	    {"attn_output.weight", 1, 1, FILL_NOISE, true},
	    {"attn_output.bias", 1, 0, FILL_ZERO, false},
	    {"attn_output_norm.weight", 1, 0, FILL_ONE, false},
	    {"attn_output_norm.bias", 1, 0, FILL_ZERO, false},
	    {"ffn_up.weight", 1, 2, FILL_NOISE, false},
	    {"ffn_up.bias", 2, 0, FILL_ZERO, false},
	    {"ffn_down.weight", 2, 1, FILL_NOISE, true},
	    {"ffn_down.bias", 1, 0, FILL_ZERO, false},
	    {"layer_output_norm.weight", 1, 0, FILL_ONE, false},
	    {"layer_output_norm.bias", 1, 0, FILL_ZERO, false},
	};
	add_tensor(m, "token_embd.weight", m->width, (int64_t)m->vocab.n, FILL_NOISE, 1);
	add_tensor(m, "token_types.weight", m->width, 2, FILL_NOISE, 0.01f);
	add_tensor(m, "position_embd.weight", m->width, m->context, FILL_NOISE, 0.01f);
	add_tensor(m, "token_embd_norm.weight", m->width, 0, FILL_ONE, 0);
	add_tensor(m, "token_embd_norm.bias", m->width, 0, FILL_ZERO, 0);
	for (int64_t i = 0; i < m->layers; i++)
		add_block(m, i, block, H0_ARRAY_LEN(block));
	if (m->kind == KIND_RERANK) {
		add_tensor(m, "cls.weight", m->width, m->width, FILL_NOISE, 0.1f);
		add_tensor(m, "cls.bias", m->width, 0, FILL_ZERO, 0);
		add_tensor(m, "cls.output.weight", m->width, 1, FILL_NOISE, 0.1f);
		add_tensor(m, "cls.output.bias", 1, 0, FILL_ZERO, 0);
	}
}

/* Uniform with the given standard deviation; xorshift64. */
static float noise(struct model *m, float std)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return (float)(int64_t)m->rng / 9223372036854775808.0f * sqrtf(3) * std;
}

/* The reply's mark on one row of the embedding (every token points along one dimension). */
static void mark_embedding(const struct model *m, size_t token, float *row)
{
	size_t dim = m->npieces;
	for (size_t k = 0; k < m->npieces; k++)
		if (m->piece[k] == token)
			dim = k;
	row[dim] += 1;
}

/* ... and of the output matrix. A normalised spike is sqrt(width): the wanted logit is 40. */
static void mark_output(const struct model *m, size_t token, float *row)
{
	float gain = 40.0f / sqrtf((float)m->width);
	size_t n = m->npieces;
	if (token == m->piece[0])
		row[n] += gain;
	if (token == END_OF_TURN)
		row[n - 1] += gain;
	for (size_t k = 0; k + 1 < n; k++)
		if (token == m->piece[k + 1])
			row[k] += gain;
}

static void put_row(struct model *m, const struct tensor *t, size_t row, struct h0_buf *b)
{
	float *x = (float *)(void *)h0_buf_room(b, t->cols * sizeof *x);
	for (size_t i = 0; i < t->cols; i++)
		x[i] = t->fill == FILL_ONE ? 1 : t->fill == FILL_ZERO ? 0 : noise(m, t->std);
	if (m->npieces > 0 && t->fill == FILL_EMBEDDING)
		mark_embedding(m, row, x);
	if (m->npieces > 0 && t->fill == FILL_OUTPUT)
		mark_output(m, row, x);
	b->len += t->cols * sizeof *x;
}

static void pad(struct h0_buf *b)
{
	while (b->len % ALIGN)
		h0_buf_addc(b, '\0');
}

static void put_file(struct model *m, struct h0_buf *b)
{
	h0_autobuf struct h0_buf data = {0};
	h0_buf_adds(b, "GGUF");
	put_u32(b, 3);
	put_u64(b, m->ntensors);
	put_u64(b, m->nmeta);
	h0_buf_add(b, m->meta.p, m->meta.len);
	for (size_t i = 0; i < m->ntensors; i++) {
		const struct tensor *t = &m->tensor[i];
		put_str(b, t->name);
		put_u32(b, t->rows > 0 ? 2 : 1);
		put_u64(b, t->cols);
		if (t->rows > 0)
			put_u64(b, t->rows);
		put_u32(b, 0); /* F32 */
		put_u64(b, data.len);
		for (size_t r = 0; r < (t->rows > 0 ? t->rows : 1); r++)
			put_row(m, t, r, &data);
		pad(&data);
	}
	pad(b);
	h0_buf_add(b, data.p, data.len);
}

/* ---- command line ---- */

static int usage(FILE *to)
{
	fputs("usage: tiny-gguf [options] FILE\n"
	      "  --kind chat|embed|rerank  what the model is for (default chat)\n"
	      "  --say TEXT                the chat model's answer to everything\n"
	      "  --name NAME               general.name (default hal0-tiny)\n"
	      "  --layers N  --width N  --context N   size (default 2, 64, 2048)\n",
	      to);
	return to == stderr ? 2 : 0;
}

static int find_kind(const char *word)
{
	for (int i = 0; kind_names[i]; i++)
		if (h0_streq(word, kind_names[i]))
			return i;
	return -1;
}

/* 0, or the usage error's exit code; *ret_help tells that help was all that was asked for. */
static int read_options(int argc, char **argv, struct model *m, bool *ret_help)
{
	static const struct option options[] = {
	    {"kind", required_argument, NULL, 'k'},   {"say", required_argument, NULL, 's'},
	    {"name", required_argument, NULL, 'n'},   {"layers", required_argument, NULL, 'l'},
	    {"width", required_argument, NULL, 'w'},  {"context", required_argument, NULL, 'c'},
	    {"help", no_argument, NULL, 'h'},         {0},
	};
	for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
		bool good = true;
		int kind;
		switch (c) {
		case 'k':
			good = (kind = find_kind(optarg)) >= 0;
			m->kind = good ? (enum kind)kind : KIND_CHAT;
			break;
		case 's':
			m->say = optarg;
			break;
		case 'n':
			m->name = optarg;
			break;
		case 'l':
			good = h0_num_i64(optarg, 1, 128, &m->layers);
			break;
		case 'w':
			good = h0_num_i64(optarg, 32, 4096, &m->width) && m->width % 32 == 0;
			break;
		case 'c':
			good = h0_num_i64(optarg, 128, 1 << 20, &m->context);
			break;
		case 'h':
			*ret_help = true;
			return usage(stdout);
		default:
			good = false;
		}
		if (!good)
			return usage(stderr);
	}
	return argc - optind == 1 ? 0 : usage(stderr);
}

static int write_file(const char *path, const struct h0_buf *b, struct h0_err *e)
{
	h0_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return h0_fail_sys(e, "%s", path);
	if (h0_write_all(fd, b->p, b->len, e))
		return h0_wrap(e, "%s", path);
	return 0;
}

static void model_done(struct model *m)
{
	h0_strv_done(&m->vocab);
	h0_buf_done(&m->meta);
	free(m->type);
	free(m->tensor);
}

int main(int argc, char **argv)
{
	h0_auto(model_done) struct model m = {.name = "hal0-tiny", .say = "", .layers = 2,
	    .width = 64, .context = 2048, .rng = 0x9e3779b97f4a7c15};
	bool help = false;
	int rc = read_options(argc, argv, &m, &help);
	if (rc || help)
		return rc;
	make_vocab(&m);
	while (m.width < (int64_t)m.npieces + 1)
		m.width += 32;
	make_meta(&m);
	if (m.kind == KIND_CHAT)
		chat_tensors(&m);
	else
		bert_tensors(&m);
	h0_autobuf struct h0_buf file = {0};
	put_file(&m, &file);
	struct h0_err e = {0};
	if (write_file(argv[optind], &file, &e)) {
		char text[2048];
		h0_err_text(&e, text, sizeof text);
		fprintf(stderr, "tiny-gguf: %s\n", text);
		return e.kind;
	}
	return 0;
}
