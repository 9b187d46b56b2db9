/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What hal0-slot itself takes, with 64 slots whose containers all run and a model of 262144 words:
 * peak memory of the verbs that see all of it, and the time to read that model's metadata. podman is
 * a stand-in that only prints. The peak is hal0-slot's own, without its children (rss.c).
 *   memory HAL0-SLOT RSS-LIBRARY
 */
#include "bench.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fmt/gguf.h"

#define SLOTS  64
#define WORDS  262144
#define ROUNDS 15
#define BAR_MIB 8.0

static char dir[] = "/tmp/hal0-bench.XXXXXX";
static const char *library;

static FILE *make(const char *name, mode_t mode)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	if (!f || fchmod(fileno(f), mode) < 0)
		exit(6);
	return f;
}

/* ---- a model without tensors ---- */
static void number(FILE *f, uint64_t v, size_t bytes)
{
	fwrite(&v, 1, bytes, f);
}

static void text(FILE *f, const char *s)
{
	number(f, strlen(s), 8);
	fputs(s, f);
}

static void write_model(const char *name, int words)
{
	static const char *const sizes[] = {"llama.block_count", "llama.context_length",
		"llama.embedding_length", "llama.attention.head_count", "llama.attention.head_count_kv",
		"llama.feed_forward_length"};
	static const uint32_t values[] = {2, 4096, 64, 4, 4, 128};
	FILE *f = make(name, 0644);
	fputs("GGUF", f);
	number(f, 3, 4);
	number(f, 0, 8);
	number(f, 4 + sizeof sizes / sizeof sizes[0], 8);
	text(f, "general.architecture");
	number(f, 8, 4);
	text(f, "llama");
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		text(f, sizes[i]);
		number(f, 4, 4);
		number(f, values[i], 4);
	}
	text(f, "tokenizer.ggml.tokens");
	number(f, 9, 4);
	number(f, 8, 4);
	number(f, (uint64_t)words, 8);
	for (int i = 0; i < words; i++) {
		char word[32];
		snprintf(word, sizeof word, "word-%d", i);
		text(f, word);
	}
	static const struct { const char *key; uint32_t type; } rest[] = {
		{"tokenizer.ggml.scores", 6}, {"tokenizer.ggml.token_type", 5}};
	for (size_t k = 0; k < 2; k++) {
		text(f, rest[k].key);
		number(f, 9, 4);
		number(f, rest[k].type, 4);
		number(f, (uint64_t)words, 8);
		for (int i = 0; i < words; i++)
			number(f, 0, 4);
	}
	fclose(f);
}

/* ---- the slots, and what podman says of them ---- */
static void labels(FILE *f, int i)
{
	fprintf(f, "{\"io.hal0.slot\":\"s%d\",\"io.hal0.home\":\"%s\",\"io.hal0.port\":\"%d\","
	        "\"io.hal0.provider\":\"llama-server\",\"io.hal0.model\":\"m\",\"io.hal0.spec\":\"1\"}",
	        i, dir, 8101 + i);
}

static void write_world(void)
{
	FILE *ps = make("ps.json", 0644), *all = make("inspect.json", 0644);
	for (int i = 0; i < SLOTS; i++) {
		char name[64];
		snprintf(name, sizeof name, "etc/hal0/slots/s%d.toml", i);
		FILE *f = make(name, 0644);
		fprintf(f, "port = %d\ntype = \"llm\"\ndevice = \"cpu\"\nimage = \"localhost/x:1\"\n[model]\n"
		        "default = \"%s/small.gguf\"\ncontext_size = 4096\n", 8101 + i, dir);
		fclose(f);
		fprintf(ps, "%s{\"Id\":\"%064x\",\"Names\":[\"hal0-slot-s%d\"],\"State\":\"running\",\"Pid\":%d,"
		        "\"Image\":\"localhost/x:1\",\"StartedAt\":1700000000,\"Labels\":", i ? "," : "[", i + 1, i,
		        (int)getpid());
		labels(ps, i);
		fputs("}", ps);
		fprintf(all, "%s{\"Id\":\"%064x\",\"Name\":\"hal0-slot-s%d\",\"Image\":\"ab\",\"State\":{\"Status\":"
		        "\"running\",\"Pid\":%d},\"HostConfig\":{\"Rest\":\"%08000d\"},\"Config\":{\"CreateCommand\":"
		        "[\"podman\",\"run\",\"localhost/x:1\",\"--port\",\"%d\"],\"Labels\":", i ? "," : "[", i + 1,
		        i, (int)getpid(), 0, 8101 + i);
		labels(all, i);
		fputs("}}", all);
	}
	fputs("]", ps);
	fputs("]", all);
	fclose(ps);
	fclose(all);
	FILE *f = make("podman", 0755);
	fprintf(f, "#!/bin/sh\ncase $1 in ps) exec cat %s/ps.json ;; inspect) exec cat %s/inspect.json ;; esac\n",
	        dir, dir);
	fclose(f);
}

static void bench_verb(const char *name, char *const *argv)
{
	double ms, mib, kib = 0;
	char note[64], path[512];
	snprintf(path, sizeof path, "%s/peak", dir);
	setenv("BENCH_RSS", path, 1);
	setenv("LD_PRELOAD", library, 1);
	bench_run(argv, 1, &ms, &mib);
	unsetenv("LD_PRELOAD");
	FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%lf", &kib) != 1)
		exit(7);
	fclose(f);
	unlink(path);
	mib = kib / 1024;
	snprintf(note, sizeof note, "in %.0f ms", ms);
	bench_row(name, mib, BAR_MIB, "MiB", note);
}
#define VERB(name, ...) bench_verb(name, (char *const[]){slot, __VA_ARGS__, NULL})

static void bench_gguf(void)
{
	char path[512], note[64];
	double v[ROUNDS];
	struct stat st;
	snprintf(path, sizeof path, "%s/model.gguf", dir);
	for (int i = 0; i < ROUNDS; i++) {
		h0_autogguf struct h0_gguf g = {0};
		struct h0_err e = {0};
		double t = bench_ms();
		if (h0_gguf_open(path, &g, &e) < 0 || g.tokens != WORDS)
			exit(7);
		v[i] = bench_ms() - t;
	}
	snprintf(note, sizeof note, "%.1f MiB of it", stat(path, &st) == 0 ? (double)st.st_size / 1048576 : 0);
	bench_row("GGUF metadata, 262144 words", bench_median(v, ROUNDS), 5, "ms", note);
}

static void clean_up(void)
{
	char *const rm[] = {(char[]){"rm"}, (char[]){"-rf"}, dir, NULL};
	double ms, mib;
	bench_run(rm, 1, &ms, &mib);
}

int main(int argc, char **argv)
{
	char path[512], model[512];
	if (argc != 3 || !mkdtemp(dir) || atexit(clean_up) != 0)
		return 2;
	char *slot = argv[1];
	library = argv[2];
	snprintf(path, sizeof path, "%s/etc", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/etc/hal0", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/etc/hal0/slots", dir);
	mkdir(path, 0755);
	snprintf(model, sizeof model, "%s/model.gguf", dir);
	write_model("model.gguf", WORDS);
	write_model("small.gguf", 1024);
	write_world();
	snprintf(path, sizeof path, "%s/podman", dir);
	setenv("HAL0_PODMAN", path, 1);
	setenv("HAL0_HOME", dir, 1);
	bench_gguf();
	VERB("memory: list --json, 64 slots run", (char[]){"list"}, (char[]){"--json"});
	VERB("memory: restart --if-changed, 64 run", (char[]){"restart"}, (char[]){"--all"},
	     (char[]){"--if-changed"}, (char[]){"--dry-run"});
	VERB("memory: fit, 262144 words", (char[]){"fit"}, (char[]){"--model"}, model);
	VERB("memory: argv", (char[]){"argv"}, (char[]){"s0"});
	VERB("memory: show --json", (char[]){"show"}, (char[]){"s0"}, (char[]){"--json"});
	return 0;
}
