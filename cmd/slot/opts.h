/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Options and reports of hal0-slot's verbs. A report's columns are listed once, here; spec.c makes
 * the table of them and the verbs use the enum.
 */
#ifndef H0_CMD_SLOT_OPTS_H
#define H0_CMD_SLOT_OPTS_H

#include "cli/main.h"

/* X(ID, name, json key or NULL, type, flags, help) */
#define SLOT_LIST_COLS(X)                                                                         \
	X(NAME, "name", NULL, STR, 0, "the slot's name")                                          \
	X(STATE, "state", NULL, STR, 0, "lifecycle state, or invalid for a broken file")          \
	X(TYPE, "type", NULL, STR, 0, "what it serves: llm, embedding, ...")                      \
	X(DEVICE, "device", NULL, STR, 0, "where it computes")                                    \
	X(PORT, "port", NULL, INT, 0, "loopback port")                                            \
	X(MODEL, "model", "model_default", STR, 0, "model id or path of the file")                \
	X(PROFILE, "profile", NULL, STR, H0_COL_EXTRA, "profile in use")                          \
	X(ENABLED, "enabled", NULL, BOOL, H0_COL_EXTRA, "starts at boot, is routed to")           \
	X(DEFAULT, "default", NULL, BOOL, H0_COL_EXTRA, "the default slot of its type")           \
	X(ROLE, "role", NULL, STR, H0_COL_EXTRA, "primary, utility or npu")                       \
	X(PROVIDER, "provider", NULL, STR, H0_COL_EXTRA, "server program")                        \
	X(IMAGE, "image", NULL, STR, H0_COL_EXTRA, "container image")                             \
	X(CONTAINER, "container", NULL, STR, H0_COL_EXTRA, "podman's word for it")                \
	X(RUNS, "container-status", "container_status", STR, H0_COL_EXTRA, "running, stopped, starting or crashed") \
	X(HEALTHY, "healthy", "container_health", BOOL, H0_COL_EXTRA, "answers its health check") \
	X(MODEL_ID, "model-id", "model_id", STR, H0_COL_EXTRA, "model the server lists")          \
	X(UPTIME, "uptime", "uptime_s", SECONDS, H0_COL_EXTRA, "since the container started")     \
	X(URL, "url", "backend_url", STR, H0_COL_EXTRA, "base URL of the server")                 \
	X(FILE, "file", NULL, STR, H0_COL_EXTRA, "configuration file")                            \
	X(MESSAGE, "message", NULL, STR, H0_COL_EXTRA, "why it is in this state")                 \
	X(STATUS, "status", NULL, STR, H0_COL_EXTRA, "the state, by its other name")              \
	X(KIND, "kind", NULL, STR, H0_COL_EXTRA, "always slot: no remote server")                 \
	X(BACKEND, "backend", NULL, STR, H0_COL_EXTRA, "older word for the device")               \
	X(MODELS, "models", NULL, LIST, H0_COL_EXTRA, "models the server lists")                  \
	X(LAST, "last-used", "last_used_at", INT, H0_COL_EXTRA, "last sign of use, seconds since 1970") \
	X(META, "metadata", NULL, JSON, H0_COL_EXTRA, "its last transition")

#define SLOT_CHANGE_COLS(X)                                                                       \
	X(NAME, "name", NULL, STR, 0, "the slot's name")                                          \
	X(CHANGED, "changed", NULL, BOOL, 0, "whether anything was done")                         \
	X(STATE, "state", NULL, STR, 0, "state now")                                              \
	X(MESSAGE, "message", NULL, STR, 0, "what was done, or why not")                          \
	X(EVICTED, "evicted", NULL, LIST, H0_COL_EXTRA, "slots unloaded to make room for it")

#define SLOT_REAP_COLS(X)                                                                         \
	X(NAME, "name", NULL, STR, 0, "the slot's name")                                          \
	X(CHANGED, "changed", NULL, BOOL, 0, "whether it was unloaded")                           \
	X(IDLE, "idle", "idle_s", SECONDS, 0, "since its last use; null: not looked at")          \
	X(TIMEOUT, "timeout", "idle_timeout_s", SECONDS, 0, "after which it may go; 0 never")     \
	X(MESSAGE, "message", NULL, STR, 0, "what was done, or why not")

#define SLOT_ARGV_COLS(X)                                                                         \
	X(FLAG, "flag", NULL, STR, 0, "option, or a word that is none")                           \
	X(VALUE, "value", NULL, STR, 0, "its value")                                              \
	X(SOURCE, "source", NULL, STR, 0, "base, hal0, profile, slot or extra_args")              \
	X(FOR, "for", NULL, STR, 0, "who reads it: podman, or the server")

#define SLOT_DIFF_COLS(X)                                                                         \
	X(NAME, "name", NULL, STR, 0, "the slot's name")                                          \
	X(WHAT, "what", NULL, STR, H0_COL_EXTRA, "server, container, device, mount, environment, image") \
	X(KEY, "key", NULL, STR, H0_COL_EXTRA, "the option, or image")                            \
	X(RUNNING, "running", NULL, STR, H0_COL_EXTRA, "value it runs with; null: not there")     \
	X(WANTED, "wanted", "rendered", STR, H0_COL_EXTRA, "value by the files; null: not there") \
	X(SOURCE, "source", NULL, STR, H0_COL_EXTRA, "base, hal0, profile, slot or extra_args")   \
	X(MESSAGE, "message", NULL, STR, 0, "what differs")                                       \
	X(FROM, "from", NULL, STR, 0, "where the files say it")

#define SLOT_SHOW_COLS(X)                                                                         \
	X(NAME, "name", NULL, STR, 0, "the slot's name")                                          \
	X(FILE, "file", NULL, STR, 0, "configuration file")                                       \
	X(PORT, "port", NULL, INT, 0, "loopback port")                                            \
	X(TYPE, "type", NULL, STR, 0, "what it serves")                                           \
	X(DEVICE, "device", NULL, STR, 0, "where it computes")                                    \
	X(ENABLED, "enabled", NULL, BOOL, 0, "starts at boot, is routed to")                      \
	X(DEFAULT, "default", NULL, BOOL, 0, "the default slot of its type")                      \
	X(ROLE, "role", NULL, STR, 0, "primary, utility or npu")                                  \
	X(MODEL, "model", "model_default", STR, 0, "model id or path of the file")                \
	X(MODEL_PATH, "model-path", "model_path", STR, 0, "the model's file")                     \
	X(CONTEXT, "context", "context_size", INT, 0, "tokens; null: from the model")             \
	X(PROVIDER, "provider", NULL, STR, 0, "server program")                                   \
	X(PROFILE, "profile", NULL, STR, 0, "profile in use")                                     \
	X(PROFILE_FROM, "profile-from", "profile_from", STR, 0, "file, or device: chosen for it") \
	X(IMAGE, "image", NULL, STR, 0, "container image")                                        \
	X(IMAGE_FROM, "image-from", "image_from", STR, 0, "slot, environment, lock, manifest, ...") \
	X(FLAGS, "flags", NULL, STR, 0, "server options of the profile")                          \
	X(EXTRA_ARGS, "extra-args", "extra_args", STR, 0, "server options of the slot")           \
	X(MTP, "mtp", NULL, BOOL, 0, "multi-token prediction")                                    \
	X(MTP_WHY, "mtp-why", "mtp_why", STR, 0, "why it is on or off")                           \
	X(CHAT_TEMPLATE, "chat-template", "chat_template", STR, 0, "null: the model's own")       \
	X(THINKING, "thinking", "enable_thinking", STR, 0, "on, off; null: the model's own way")  \
	X(VISION, "vision", NULL, BOOL, 0, "loads a vision projector if there is one")            \
	X(IDLE, "idle-timeout", "idle_timeout_s", SECONDS, 0, "null: as hal0.toml says; 0 never") \
	X(SYSTEM_PROMPT, "system-prompt", "system_prompt", STR, 0, "put before conversations")    \
	X(KEY, "key", "key_file", STR, 0, "where its key stands; null: it wants none")            \
	X(GRANTED, "granted", NULL, LIST, 0, "what the container may use, and why")               \
	X(GRANTS, "grants", NULL, JSON, H0_COL_EXTRA, "the same, what and why apart")             \
	X(WARNINGS, "warnings", NULL, LIST, 0, "what is odd about it")

#define SLOT_FIT_COLS(X)                                                                          \
	X(NAME, "name", NULL, STR, 0, "the slot's name; null with --model")                       \
	X(VERDICT, "verdict", NULL, STR, 0, "fits, tight, does-not-fit; null: unknown")           \
	X(WHY, "why", NULL, STR, 0, "the verdict in a sentence")                                  \
	X(PATH, "model", "model_path", STR, 0, "the model's file")                                \
	X(DEVICE, "device", NULL, STR, 0, "where it computes")                                    \
	X(CONTEXT, "context", NULL, INT, 0, "tokens, of all sequences together")                  \
	X(WEIGHTS, "weights", "weights_bytes", BYTES, 0, "all tensors of all shards; exact")      \
	X(MMPROJ, "mmproj", "mmproj_bytes", BYTES, 0, "the vision projector")                     \
	X(KV, "kv", "kv_bytes", BYTES, 0, "what it remembers of the context; exact")              \
	X(COMPUTE, "compute", "compute_bytes", BYTES, 0, "scratch memory of one step; estimated") \
	X(OUTPUT, "output", "output_bytes", BYTES, 0, "the result of one step; exact")            \
	X(TOTAL, "total", "total_bytes", BYTES, 0, "what is allocated at load")                   \
	X(HOST, "host", "host_bytes", BYTES, 0, "of it, in RAM when a GPU computes")              \
	X(CACHE, "prompt-cache", "cache_ram_bytes", BYTES, 0, "may come on top with use")         \
	X(POOL, "pool", "pool_bytes", BYTES, 0, "what models may use at most")                    \
	X(BINDING, "binding-limit", "binding_limit", STR, 0, "the limit that makes it so")        \
	X(OTHERS, "others", "others_bytes", BYTES, 0, "what other running slots need")            \
	X(FREE, "free", "free_bytes", BYTES, 0, "what the machine has left now")                  \
	X(HEADROOM, "headroom", "headroom_bytes", BYTES, 0, "left after it; negative: missing")   \
	X(LARGEST, "largest-context", "largest_context", INT, 0, "the largest that loads")        \
	X(CEILING, "ceiling", "decode_ceiling_tok_s", REAL, 0, "tokens/s memory allows at most")  \
	X(ESTIMATED, "estimated", NULL, BOOL, 0, "rougher than usual: see hal0-slot(1)")          \
	X(MEASURED, "measured", NULL, BOOL, 0, "goes by what such a load has taken")

#define SLOT_PAST_COLS(X)                                                                         \
	X(PATH, "model", "model_path", STR, 0, "the model's file")                                \
	X(CONTEXT, "context", NULL, INT, 0, "tokens")                                             \
	X(CTK, "ctk", "cache_type_k", STR, 0, "type of cached keys")                              \
	X(CTV, "ctv", "cache_type_v", STR, H0_COL_EXTRA, "type of cached values")                 \
	X(UBATCH, "ubatch", NULL, INT, 0, "tokens per step")                                      \
	X(PARALLEL, "parallel", NULL, INT, H0_COL_EXTRA, "sequences; 0: the server chose")        \
	X(DEVICE, "device", NULL, STR, 0, "where it computes")                                    \
	X(IMAGE, "image", NULL, STR, H0_COL_EXTRA, "container image")                             \
	X(ESTIMATE, "estimate", "estimate_bytes", BYTES, 0, "what was expected")                  \
	X(MEASURED, "measured", "measured_bytes", BYTES, 0, "what the server said it took")       \
	X(ERROR, "error", "error_percent", REAL, 0, "of the estimate, in percent")                \
	X(COMPUTE_ERROR, "compute-error", "compute_error_percent", REAL, 0, "of its compute buffer") \
	X(AT, "at", "measured_at", STR, H0_COL_EXTRA, "when, UTC")                                \
	X(WEIGHTS, "weights", "weights_bytes", BYTES, H0_COL_EXTRA, "measured: weights")          \
	X(KV, "kv", "kv_bytes", BYTES, H0_COL_EXTRA, "measured: the context's memory")            \
	X(COMPUTE, "compute", "compute_bytes", BYTES, H0_COL_EXTRA, "measured: compute buffers")  \
	X(OUTPUT, "output", "output_bytes", BYTES, H0_COL_EXTRA, "measured: output buffer")       \
	X(EST_WEIGHTS, "est-weights", "estimate_weights_bytes", BYTES, H0_COL_EXTRA, "expected: weights") \
	X(EST_KV, "est-kv", "estimate_kv_bytes", BYTES, H0_COL_EXTRA, "expected: the context's memory") \
	X(EST_COMPUTE, "est-compute", "estimate_compute_bytes", BYTES, H0_COL_EXTRA, "expected: compute buffers") \
	X(EST_OUTPUT, "est-output", "estimate_output_bytes", BYTES, H0_COL_EXTRA, "expected: output buffer")

#define SLOT_BENCH_COLS(X)                                                                        \
	X(NAME, "name", "slot", STR, 0, "the slot's name")                                        \
	X(TEST, "test", NULL, STR, 0, "tokens read and written")                                  \
	X(READ, "prompt", "prompt_tok_s", REAL, 0, "tokens/s of the prompt, median")              \
	X(READ_LOW, "prompt-low", "prompt_low_tok_s", REAL, H0_COL_EXTRA, "slowest run")          \
	X(READ_HIGH, "prompt-high", "prompt_high_tok_s", REAL, H0_COL_EXTRA, "fastest run")       \
	X(WRITE, "decode", "decode_tok_s", REAL, 0, "tokens/s of the answer, median")             \
	X(WRITE_LOW, "decode-low", "decode_low_tok_s", REAL, H0_COL_EXTRA, "slowest run")         \
	X(WRITE_HIGH, "decode-high", "decode_high_tok_s", REAL, H0_COL_EXTRA, "fastest run")      \
	X(FIRST, "first", "first_token_ms", REAL, 0, "ms to the first token, median")             \
	X(FIRST_LOW, "first-low", "first_token_low_ms", REAL, H0_COL_EXTRA, "quickest run")       \
	X(FIRST_HIGH, "first-high", "first_token_high_ms", REAL, H0_COL_EXTRA, "slowest run")     \
	X(TRIP, "round-trip", "round_trip_ms", REAL, 0, "ms of a smallest request, median")       \
	X(TRIP_LOW, "round-trip-low", "round_trip_low_ms", REAL, H0_COL_EXTRA, "quickest run")    \
	X(TRIP_HIGH, "round-trip-high", "round_trip_high_ms", REAL, H0_COL_EXTRA, "slowest run")  \
	X(SHARE, "of-bandwidth", "decode_of_ceiling_percent", REAL, 0, "decode, in percent of its limit") \
	X(ROOF, "ceiling", "decode_ceiling_tok_s", REAL, H0_COL_EXTRA, "tokens/s memory allows at most") \
	X(READ_ROOF, "prompt-ceiling", "prompt_ceiling_tok_s", REAL, H0_COL_EXTRA, "tokens/s arithmetic allows") \
	X(READ_SHARE, "of-arithmetic", "prompt_of_ceiling_percent", REAL, 0, "prompt, in percent of its limit") \
	X(FROM, "ceiling-source", "ceiling_source", STR, H0_COL_EXTRA, "measured, or device-table") \
	X(SINCE, "since-last", "decode_change_percent", REAL, 0, "decode against the last result") \
	X(SINCE_READ, "prompt-since-last", "prompt_change_percent", REAL, H0_COL_EXTRA, "prompt likewise") \
	X(RUNS, "runs", NULL, INT, H0_COL_EXTRA, "how often it was measured")                     \
	X(TOGETHER, "together", NULL, INT, H0_COL_EXTRA, "slots asked at once")                   \
	X(PROMPT, "prompt-tokens", "prompt_tokens", INT, H0_COL_EXTRA, "tokens read")             \
	X(TOKENS, "answer-tokens", "answer_tokens", INT, H0_COL_EXTRA, "tokens written")          \
	X(CONTEXT, "context", NULL, INT, H0_COL_EXTRA, "tokens of one sequence")                  \
	X(MODEL, "model", NULL, STR, H0_COL_EXTRA, "the model's file")                            \
	X(BYTES, "model-size", "model_bytes", BYTES, H0_COL_EXTRA, "all its tensors")             \
	X(QUANT, "quant", NULL, STR, H0_COL_EXTRA, "its quantization")                            \
	X(SHA256, "sha256", "model_sha256", STR, H0_COL_EXTRA, "of its first file; null: not recorded") \
	X(DEVICE, "device", NULL, STR, H0_COL_EXTRA, "where it computes")                         \
	X(HARDWARE, "hardware", NULL, STR, H0_COL_EXTRA, "GPU or processor")                      \
	X(BANDWIDTH, "bandwidth", "memory_bandwidth_gbs", INT, H0_COL_EXTRA, "of its memory, GB/s") \
	X(GFLOPS, "arithmetic", "arithmetic_gflops", INT, H0_COL_EXTRA, "10^9 operations per second") \
	X(MATH, "arithmetic-type", "arithmetic_type", STR, H0_COL_EXTRA, "of which kind: fp32, bf16, fp16, int8") \
	X(DRIVER, "driver", NULL, STR, H0_COL_EXTRA, "the GPU's")                                 \
	X(KERNEL, "kernel", NULL, STR, H0_COL_EXTRA, "release of the kernel")                             \
	X(IMAGE, "image", NULL, STR, H0_COL_EXTRA, "container image")                             \
	X(DIGEST, "digest", "image_digest", STR, H0_COL_EXTRA, "its digest")                      \
	X(AT, "at", "measured_at", INT, H0_COL_EXTRA, "when, seconds since 1970")

#define SLOT_COL_ENUM_LIST(id, ...)   LIST_##id,
#define SLOT_COL_ENUM_CHANGE(id, ...) CHANGE_##id,
#define SLOT_COL_ENUM_REAP(id, ...)   REAP_##id,
#define SLOT_COL_ENUM_ARGV(id, ...)   ARGV_##id,
#define SLOT_COL_ENUM_DIFF(id, ...)   DIFF_##id,
#define SLOT_COL_ENUM_SHOW(id, ...)   SHOW_##id,
#define SLOT_COL_ENUM_FIT(id, ...)    FIT_##id,
#define SLOT_COL_ENUM_PAST(id, ...)   PAST_##id,
#define SLOT_COL_ENUM_BENCH(id, ...)  BENCH_##id,
enum { SLOT_BENCH_COLS(SLOT_COL_ENUM_BENCH) };
enum { SLOT_FIT_COLS(SLOT_COL_ENUM_FIT) };
enum { SLOT_PAST_COLS(SLOT_COL_ENUM_PAST) };
enum { SLOT_LIST_COLS(SLOT_COL_ENUM_LIST) };
enum { SLOT_CHANGE_COLS(SLOT_COL_ENUM_CHANGE) };
enum { SLOT_ARGV_COLS(SLOT_COL_ENUM_ARGV) };
enum { SLOT_REAP_COLS(SLOT_COL_ENUM_REAP) };
enum { SLOT_DIFF_COLS(SLOT_COL_ENUM_DIFF) };
enum { SLOT_SHOW_COLS(SLOT_COL_ENUM_SHOW) };

extern const struct h0_prog slot_prog;
extern const struct h0_col slot_list_cols[], slot_change_cols[], slot_argv_cols[],
    slot_diff_cols[], slot_show_cols[], slot_reap_cols[], slot_fit_cols[],
    slot_past_cols[], slot_bench_cols[];

struct slot_list_opts {
	bool files;
};

struct slot_create_opts {
	const char *model, *device, *type, *profile, *image, *role;
	int64_t port, ctx;
	bool is_default;
};

struct slot_set_opts {
	struct h0_strv unset;
};

struct slot_delete_opts {
	bool force;
};

struct slot_show_opts {
	bool raw;
};

struct slot_start_opts {
	int64_t timeout_s;      /* without progress; 0 = the default */
	bool no_wait, force, evict;
	bool all, if_changed;   /* restart's own */
};

struct slot_swap_opts {
	struct slot_start_opts start;
	const char *model;              /* the second operand */
	bool no_rollback;
};

struct slot_stop_opts {
	int64_t timeout_s;      /* before SIGKILL; 0 = the default */
};

struct slot_run_opts {
	bool end;
};

struct slot_wait_opts {
	int64_t timeout_s;
};

struct slot_logs_opts {
	bool follow;
	int64_t lines;          /* 0 = the default */
};

struct slot_argv_opts {
	bool sources;           /* a table instead of the command */
};

struct slot_fit_opts {
	const char *model, *mmproj, *ctk, *ctv, *fa, *device;
	int64_t ctx, ubatch, batch, parallel;
	bool history;
};

struct slot_bench_opts {
	int64_t runs;           /* 0 = the default */
	const char *plot;
	bool markdown, history;
};

/* One file each; list.c status.c start.c stop.c restart.c run.c wait.c logs.c argv.c diff.c use podman,
 * the others only files. */
int slot_list(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_status(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_show(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_create(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_set(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_delete(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_enable(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_disable(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_start(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_stop(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_restart(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_swap(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_reap(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_run(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_wait(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_logs(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_argv(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_diff(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

struct slot_export_opts {
	const char *dir;        /* NULL: stdout */
};

int slot_export(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_key(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_bench(struct h0_ctx *ctx, const void *opts, struct h0_err *e);
int slot_fit(struct h0_ctx *ctx, const void *opts, struct h0_err *e);

/* delete --force: stops the slot's container (stop.c). *ret_running (may be NULL): it ran. With
 * `only_ask` nothing is stopped. 0 when podman is not installed: nothing can run then. */
int slot_container_end(const char *name, bool only_ask, bool *ret_running, struct h0_err *e);

#endif
