/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slot/opts.h"

#include "conf/names.h"
#include "model/bench.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
const struct h0_col slot_list_cols[] = {SLOT_LIST_COLS(COL){0}};
const struct h0_col slot_change_cols[] = {SLOT_CHANGE_COLS(COL){0}};
const struct h0_col slot_reap_cols[] = {SLOT_REAP_COLS(COL){0}};
const struct h0_col slot_argv_cols[] = {SLOT_ARGV_COLS(COL){0}};
const struct h0_col slot_diff_cols[] = {SLOT_DIFF_COLS(COL){0}};
const struct h0_col slot_show_cols[] = {SLOT_SHOW_COLS(COL){0}};
const struct h0_col slot_fit_cols[] = {SLOT_FIT_COLS(COL){0}};
const struct h0_col slot_past_cols[] = {SLOT_PAST_COLS(COL){0}};
const struct h0_col slot_bench_cols[] = {SLOT_BENCH_COLS(COL){0}};

#define AT(type, field) offsetof(struct type, field)

static const struct h0_opt list_opts[] = {
	{0, "files", H0_OPT_FLAG, AT(slot_list_opts, files), NULL,
	 "only what the files say: podman and the servers are not asked"},
	{0},
};

static const struct h0_opt create_opts[] = {
	{'m', "model", H0_OPT_STR, AT(slot_create_opts, model), "MODEL",
	 "model id, or absolute path of a .gguf file", H0_COMP_MODEL},
	{'d', "device", H0_OPT_ENUM, AT(slot_create_opts, device), "DEVICE",
	 "where it computes (default: what the probe recommends)", H0_COMP_CHOICES, h0_device_names},
	{'t', "type", H0_OPT_ENUM, AT(slot_create_opts, type), "TYPE",
	 "what it serves (default: llm)", H0_COMP_CHOICES, h0_type_names},
	{'p', "port", H0_OPT_INT, AT(slot_create_opts, port), "PORT",
	 "loopback port (default: the next free one of 8081-8099)", 0, NULL, 1024, 65535},
	{'c', "ctx", H0_OPT_INT, AT(slot_create_opts, ctx), "TOKENS",
	 "context size (default: from the model)", 0, NULL, 128, 1 << 30},
	{0, "profile", H0_OPT_STR, AT(slot_create_opts, profile), "PROFILE",
	 "profile to run with (default: the device's)", H0_COMP_PROFILE},
	{0, "image", H0_OPT_STR, AT(slot_create_opts, image), "REF",
	 "container image instead of the profile's"},
	{0, "role", H0_OPT_ENUM, AT(slot_create_opts, role), "ROLE",
	 "role that virtual model names resolve to", H0_COMP_CHOICES, h0_role_names},
	{0, "default", H0_OPT_FLAG, AT(slot_create_opts, is_default), NULL,
	 "make it the default slot of its type"},
	{0},
};

static const struct h0_opt set_opts[] = {
	{0, "unset", H0_OPT_LIST, AT(slot_set_opts, unset), "KEY",
	 "remove a key, so that its default holds", H0_COMP_SLOT_KEY},
	{0},
};

static const struct h0_opt delete_opts[] = {
	{'f', "force", H0_OPT_FLAG, AT(slot_delete_opts, force), NULL,
	 "stop the slot first if it runs"},
	{0},
};

static const struct h0_opt show_opts[] = {
	{0, "raw", H0_OPT_FLAG, AT(slot_show_opts, raw), NULL,
	 "print the file as it is, even if it is invalid"},
	{0},
};

/* Of whatever brings a slot up: where the options of start are in that verb's. */
#define BRING_UP(type, at)                                                                        \
	{0, "timeout", H0_OPT_DURATION, AT(type, at timeout_s), "TIME",                           \
	 "give up after so long without progress (default: 5m)"},                                 \
	{0, "no-wait", H0_OPT_FLAG, AT(type, at no_wait), NULL,                                   \
	 "return as soon as the container runs"},                                                 \
	{0, "evict", H0_OPT_FLAG, AT(type, at evict), NULL,                                       \
	 "if it does not fit, unload idle slots, least recently used first"},                     \
	{'f', "force", H0_OPT_FLAG, AT(type, at force), NULL, "start it even if it does not fit"}

static const struct h0_opt start_opts[] = {
	BRING_UP(slot_start_opts, ),
	{0},
};

static const struct h0_opt restart_opts[] = {
	{0, "all", H0_OPT_FLAG, AT(slot_start_opts, all), NULL, "every slot that runs"},
	{0, "if-changed", H0_OPT_FLAG, AT(slot_start_opts, if_changed), NULL,
	 "only those that run and differ from their files (see diff)"},
	BRING_UP(slot_start_opts, ),
	{0},
};

static const struct h0_opt swap_opts[] = {
	{0, "no-rollback", H0_OPT_FLAG, AT(slot_swap_opts, no_rollback), NULL,
	 "if the model does not come up, do not bring the old one back"},
	BRING_UP(slot_swap_opts, start.),
	{0},
};

static const struct h0_opt stop_opts[] = {
	{0, "timeout", H0_OPT_DURATION, AT(slot_stop_opts, timeout_s), "TIME",
	 "kill the server after so long (default: 20s)"},
	{0},
};

static const struct h0_opt run_opts[] = {
	{0, "end", H0_OPT_FLAG, AT(slot_run_opts, end), NULL,
	 "end what an earlier run began: for a unit's ExecStop"},
	{0},
};

static const struct h0_opt wait_opts[] = {
	{0, "timeout", H0_OPT_DURATION, AT(slot_wait_opts, timeout_s), "TIME",
	 "give up after so long without progress (default: 5m)"},
	{0},
};

static const struct h0_opt logs_opts[] = {
	{'f', "follow", H0_OPT_FLAG, AT(slot_logs_opts, follow), NULL, "keep printing new lines"},
	{'n', "lines", H0_OPT_INT, AT(slot_logs_opts, lines), "N",
	 "how many of the last lines (default: 200)", 0, NULL, 1, 1000000},
	{0},
};

static const struct h0_opt bench_opts[] = {
	{'n', "runs", H0_OPT_INT, AT(slot_bench_opts, runs), "N",
	 "how often, after one that warms up (default: 3)", 0, NULL, 1, H0_BENCH_RUNS_MAX},
	{0, "markdown", H0_OPT_FLAG, AT(slot_bench_opts, markdown), NULL,
	 "print a table of Markdown, fit for publishing"},
	{0, "plot", H0_OPT_STR, AT(slot_bench_opts, plot), "FILE",
	 "draw all kept results, as SVG", H0_COMP_FILE},
	{0, "history", H0_OPT_FLAG, AT(slot_bench_opts, history), NULL,
	 "measure nothing: the results that are kept"},
	{0},
};

static const struct h0_opt argv_opts[] = {
	{'s', "sources", H0_OPT_FLAG, AT(slot_argv_opts, sources), NULL,
	 "a table of the flags, each with where it comes from"},
	{0},
};

static const char *const flash_words[] = {"on", "off", "auto", NULL};

static const struct h0_opt fit_opts[] = {
	{'m', "model", H0_OPT_STR, AT(slot_fit_opts, model), "MODEL",
	 "model id or path of a .gguf file", H0_COMP_MODEL},
	{0, "mmproj", H0_OPT_STR, AT(slot_fit_opts, mmproj), "FILE",
	 "vision projector to load with it", H0_COMP_FILE},
	{'c', "ctx", H0_OPT_INT, AT(slot_fit_opts, ctx), "TOKENS",
	 "context size (default: the slot's; the model's)", 0, NULL, 1, INT32_MAX},
	{0, "ctk", H0_OPT_ENUM, AT(slot_fit_opts, ctk), "TYPE",
	 "type of cached keys (default: the slot's; f16)", H0_COMP_CHOICES, h0_cache_type_names},
	{0, "ctv", H0_OPT_ENUM, AT(slot_fit_opts, ctv), "TYPE",
	 "type of cached values (default: the slot's; f16)", H0_COMP_CHOICES, h0_cache_type_names},
	{0, "fa", H0_OPT_ENUM, AT(slot_fit_opts, fa), "WHEN",
	 "flash attention (default: the slot's; auto)", H0_COMP_CHOICES, flash_words},
	{0, "batch", H0_OPT_INT, AT(slot_fit_opts, batch), "N",
	 "tokens per batch (default: the slot's; 2048)", 0, NULL, 1, 1 << 20},
	{0, "ubatch", H0_OPT_INT, AT(slot_fit_opts, ubatch), "N",
	 "tokens per step (default: the slot's; 512)", 0, NULL, 1, 1 << 20},
	{0, "parallel", H0_OPT_INT, AT(slot_fit_opts, parallel), "N",
	 "sequences at once (default: the slot's; 1)", 0, NULL, 1, 256},
	{'d', "device", H0_OPT_ENUM, AT(slot_fit_opts, device), "DEVICE",
	 "where it computes (default: the slot's; cpu)", H0_COMP_CHOICES, h0_device_names},
	{0, "history", H0_OPT_FLAG, AT(slot_fit_opts, history), NULL,
	 "loads that were measured, beside what was expected of them"},
	{0},
};

static const struct h0_example list_examples[] = {
	{"hal0 slot list", "Which slots there are and how they are"},
	{"hal0 slot list --format '{name}\\t{port}'", "Names and ports for a script"},
	{"hal0 slot list --files", "What is written, also where podman hangs"},
	{0},
};

static const struct h0_example create_examples[] = {
	{"hal0 slot create primary --model qwen3-4b",
	 "A chat slot on the recommended device and the next free port"},
	{"hal0 slot create embed --type embedding --model bge-m3 --device cpu --port 8082",
	 "An embedding slot on the CPU"},
	{"hal0 slot create lab --model /srv/m.gguf server.extra_args='--threads 4'",
	 "Any key of the slot file can be given"},
	{0},
};

static const struct h0_example set_examples[] = {
	{"hal0 slot set primary model.context_size=32768", "Change one key; comments stay"},
	{"hal0 slot set primary device=gpu-rocm", "The profile follows the device"},
	{"hal0 slot set primary --unset idle_timeout_s", "Back to the default"},
	{0},
};

static const struct h0_example start_examples[] = {
	{"hal0 slot start primary", "Start it and wait until it answers"},
	{"hal0 slot start primary --evict", "And if need be unload what nobody uses"},
	{"hal0 slot start primary --evict --dry-run", "Would it fit, and what would have to go?"},
	{0},
};

static const struct h0_example show_examples[] = {
	{"hal0 slot show primary", "Settings, and what follows from them"},
	{"hal0 slot show primary --json", "The same for a program"},
	{0},
};

static const struct h0_example delete_examples[] = {
	{"hal0 slot delete lab --yes", "Removes the slot without asking"},
	{0},
};

static const struct h0_example enable_examples[] = {
	{"hal0 slot enable primary", "It starts at boot from now on"},
	{0},
};

static const struct h0_example disable_examples[] = {
	{"hal0 slot disable lab", "Keeps the slot, but not for requests or the next boot"},
	{0},
};

static const struct h0_example status_examples[] = {
	{"hal0 slot status primary", "Exit code 0 when it is ready, 1 when it is not"},
	{0},
};

static const struct h0_example stop_examples[] = {
	{"hal0 slot stop primary", "Ends the server; the slot stays"},
	{0},
};

static const struct h0_example restart_examples[] = {
	{"hal0 slot restart primary", "Load the model again with the settings as they are now"},
	{"hal0 slot restart --all --if-changed", "Apply what has changed, touch nothing else"},
	{0},
};

static const struct h0_example swap_examples[] = {
	{"hal0 slot swap primary qwen3-8b", "Serve another model; the old one comes back if that fails"},
	{"hal0 slot swap primary /srv/m.gguf --dry-run", "Would it fit, and what would change?"},
	{0},
};

static const struct h0_example reap_examples[] = {
	{"hal0 slot reap", "Unload what has been idle for longer than its idle_timeout_s"},
	{"hal0 slot reap --dry-run --json", "How long each has been idle, and what would be done"},
	{0},
};

static const struct h0_example run_examples[] = {
	{"hal0 slot run primary", "What a unit's ExecStart says"},
	{"hal0 slot run --end primary", "What its ExecStop says"},
	{0},
};

static const struct h0_example wait_examples[] = {
	{"hal0 slot wait primary --timeout 10m", "Until it answers, or nothing has moved for ten minutes"},
	{0},
};

static const struct h0_example logs_examples[] = {
	{"hal0 slot logs primary -n 50", "The last lines of the server's log"},
	{"hal0 slot logs -f primary", "All of what follows, too"},
	{0},
};

static const struct h0_example argv_examples[] = {
	{"hal0 slot argv primary", "The command line, to run it by hand"},
	{"hal0 slot argv primary --sources", "Each flag and where it comes from"},
	{0},
};

static const struct h0_example diff_examples[] = {
	{"hal0 slot diff", "Which running slots differ from their files?"},
	{"hal0 slot diff primary --json", "One slot, for a program"},
	{0},
};

static const struct h0_opt export_opts[] = {
	{'o', "output", H0_OPT_STR, AT(slot_export_opts, dir), "DIR",
	 "write the file there instead of on stdout", H0_COMP_FILE},
	{0},
};

static const struct h0_example export_examples[] = {
	{"hal0 slot export quadlet primary -o /etc/containers/systemd", "A unit that systemd starts without hal0"},
	{"hal0 slot export kube primary", "The same as a pod, for podman kube play"},
	{0},
};

static const struct h0_example key_examples[] = {
	{"hal0 slot key primary", "For a client that asks the slot's own port"},
	{0},
};

static const char bench_text[] =
	"Asks the slots' own servers, with nothing from their cache: a prompt of 512 tokens, an answer of "
	"128. Where a context has less room both are smaller and named so, as in *pp383*. *prompt* and "
	"*decode* are tokens per second by the server's own clock; *first* is how long the first token of "
	"that takes, *round-trip* a whole request of one token in and one out, both by ours. Each is the "
	"median of the runs, *low* and *high* its bounds.\n\n"
	"Several slots are asked at the same moment, so they show what they leave each other. A slot "
	"that does not run is not started (exit 1), and none is stopped; whoever uses it meanwhile is "
	"slowed, and slows it.\n\n"
	"*of-bandwidth* compares decoding with what the memory allows (see *fit*), *of-arithmetic* reading "
	"the prompt with what the arithmetic does: the matrices of its layers, of experts those in use, "
	"and attention. Of a GPU both limits are its maker's figures, the arithmetic's of dense matrices "
	"in half precision (*ceiling_source* is *device-table*); a limit nobody wrote down is null. "
	"Processors are looked at before the slots are asked (*measured*): how fast all of them read "
	"memory that no cache holds, and multiply and add in the widest registers, whole numbers for "
	"quantised models. On a busy machine both come out somewhat wrong.\n\n"
	"*since-last* compares with the latest result of the same slot, model, device, sizes and number of "
	"slots. Results are kept, the latest 512. The model's SHA-256 is the one *hal0 model verify* or "
	"*pull* wrote beside the file.";

static const struct h0_example bench_examples[] = {
	{"hal0 slot bench primary", "How fast is it?"},
	{"hal0 slot bench primary embed-chat --runs 5", "And two at the same time?"},
	{"hal0 slot bench primary --markdown", "A row to publish"},
	{"hal0 slot bench primary --dry-run", "What would be asked of it"},
	{"hal0 slot bench --history --plot bench.svg", "A picture of what was measured"},
	{0},
};

static const struct h0_example fit_examples[] = {
	{"hal0 slot fit primary", "Will it fit beside what runs now?"},
	{"hal0 slot fit primary --ctx 65536 --ctk q8_0 --ctv q8_0", "And with other settings?"},
	{"hal0 slot fit --model /srv/m.gguf --ctx 32768 --device gpu-vulkan", "A model without a slot"},
	{"hal0 slot fit --history", "How good were the estimates?"},
	{0},
};

static const char fit_text[] =
	"Reads the model's metadata and tensor tables (all shards, never the weights), takes the flags "
	"the slot really runs with, and says what the server will allocate, whether the memory has room "
	"for it beside other running slots, which limit decides, the largest context that would load, "
	"and how fast it can be at most: memory bandwidth by the bytes read for one token.\n\n"
	"*fits* leaves room for the prompt cache (*--cache-ram*) and a little more, *tight* has room for "
	"what is allocated at load and no more, *does-not-fit* (exit 1) has not. Weights, KV and output "
	"are exact; the compute buffer is estimated from the graph llama-server reserves, within 15 % of "
	"what llama.cpp 0.7.0 allocates on a CPU. It is rougher, and *estimated* says so, for recurrent "
	"layers, mixtures of experts, latent attention, a GPU without flash attention, tensors of "
	"unknown type, and flags that place parts of the model by hand.\n\n"
	"The first time a slot loads a model with its flags and image the server is asked to say what it "
	"allocates (*LLAMA_ARG_LOG_VERBOSITY=4*), and that is kept: from then on the slot's estimate goes by "
	"it (*measured*). *--history* shows what was expected and what was measured.\n\n"
	"The pool is the budget *hal0 probe* wrote to hardware.json, or a look at the machine when it has "
	"not run. What is free now counts when that file describes this machine. *create* and "
	"*set* only warn when a slot does not fit; *start* refuses it.";

static const char create_text[] =
	"Writes *slots/NAME.toml* and nothing else; *hal0 slot start* brings it up. The file is "
	"checked as a whole before it is written: keys, the port, one default slot per type, one "
	"enabled NPU chat slot, and that profile, device and type go together.\n\n"
	"A slot that exists already with just these settings is left alone (exit 0); one that "
	"differs is a conflict (exit 4): use *set*.";

static const char set_text[] =
	"Changes keys of the slot file in place: comments, order and unknown keys stay. A key is "
	"written where it stands already, also inside *[slot]*. Give *KEY=VALUE* with the key path "
	"as in the file (*model.default*, *server.extra_args*); the value needs no TOML quotes.\n\n"
	"When only the device changes the profile follows it, and the other way round; both given "
	"and contradictory is an error. The running container is not touched: restart the slot.";

static const char status_text[] =
	"One look at podman for all slots, then every running slot is asked itself: *ready* means "
	"that its container runs, its port answers the health check and lists the model. With names "
	"the exit code is 1 unless every one of them is ready. Where *state.json* tells an older "
	"story, of a server that came up or ended while nobody waited, it is written anew.";

static const char enable_text[] =
	"Writes *enabled = true* and, where systemd runs, enables the slot's unit, so that it starts at "
	"boot. A slot that does not name the model it needs is enabled, but waits for one.";

static const char disable_text[] =
	"Writes *enabled = false* and disables the slot's unit. A slot that runs goes on running.";

static const char start_text[] =
	"Checks the slot first: profile, model file (a GGUF file, complete, every shard there), "
	"image, device nodes, port, and whether it fits beside the slots that run or are being started "
	"(*/run/hal0/ledger.json* holds what each of them was estimated at, so two commands at once "
	"cannot give the same memory away). What does not fit is refused with the figures, exit 1. "
	"*--evict* then unloads idle slots, least recently used first and no more than needed; never one "
	"with a request under way, one that still loads, or one that *idle_timeout_s = 0* pins. *--force* "
	"starts it all the same. A slot of which nobody can say what it needs (its program is not "
	"llama-server, its model does not tell) is started, and nothing is unloaded for it. At most "
	"*max_slots* of *hal0.toml* run at once.\n\n"
	"Then it starts the container and waits until the server answers "
	"its health check and lists the model. There is no limit on how long a load takes, only on "
	"how long nothing moves.\n\n"
	"A slot that runs already is left alone (exit 0); when its files have changed meanwhile a "
	"warning says so. A start while another one is under way waits for that same load. Ctrl-C "
	"ends the waiting, never the load. When the server fails, the likely cause is told from its "
	"log, the container is removed, and *hal0 slot logs* still has the log.";

static const char stop_text[] =
	"Ends the container and waits until its port is free. A slot that does not run is left "
	"alone. Works for a slot with a broken file, too, and mends what a killed podman monitor "
	"left behind.";

static const char restart_text[] =
	"What can be found wrong beforehand (settings, model, image) is found while the slot still "
	"runs; then it is stopped and started as by *stop* and *start*.\n\n"
	"*--if-changed* leaves a slot alone that does not run, or runs as its files say; what differs is "
	"told. So *restart --all --if-changed* is what a handler of a configuration tool calls.";

static const char swap_text[] =
	"Changes *model.default* in the slot's file and the running server with it. What can be wrong "
	"beforehand (the model's file, its fit beside other slots, once the old one is gone) is found "
	"while the old model still serves. The file changes while nothing runs: whenever this command is "
	"killed, the container and the file say the same.\n\n"
	"When the new model does not come up, the file is put back (a change of its own, the newest in "
	"*hal0 conf log*) and the old model is loaded again; the exit code tells why the new one failed. "
	"*--no-rollback* leaves file and slot as the failure left them. Ctrl-C ends the waiting, not the "
	"load, and then nobody rolls back. A slot that does not run is started with the new model.";

static const char reap_text[] =
	"Unloads the slots that have been idle for longer than *idle_timeout_s*: of the slot's file, else of "
	"*hal0.toml*, 300 seconds unless it says otherwise; 0 is never, and slots called agent, utility or "
	"npu are kept unless their own file has the key. For a timer (*hal0-reap.timer*); says nothing "
	"when there is nothing to do.\n\n"
	"A slot's last use is the latest of: its start, the last request *hal0-route serve* sent it "
	"(*/run/hal0/slots/NAME/used*), and the last line of llama-server's log, so requests sent straight "
	"to its port count. One that is answering, loading or does not say is kept; of programs that cannot "
	"be asked, one that somebody is connected to.\n\n"
	"A slot whose end was cut short, because whoever was ending it was killed together with podman, is "
	"ended as well.";

static const char run_text[] =
	"For units. Prepares as *start* does, then becomes *podman run* in the foreground. Inside a unit "
	"with *Type=notify* (*NOTIFY_SOCKET* is set) it starts the container and ends: podman's monitor, "
	"conmon, is the unit's main process from then on. No process of hal0 stays either way. With "
	"*--end* it ends and removes what is left of the container; when systemd says that the unit has "
	"failed (*SERVICE_RESULT*), *hal0 slot status* says why.\n\n"
	"hal0 brings such a unit along, *hal0-slot@.service*.";

static const char wait_text[] =
	"Waits until a slot that somebody has started is ready. Exit 1 when it does not run.";

static const char logs_text[] =
	"Prints the end of the server's log, on stdout. The log of the last run stays when the slot "
	"is stopped or has failed; the one before it is kept beside it as *server.log.1*.";

static const char diff_text[] =
	"Compares what a running slot was started with to what its files, its profile and this machine "
	"make of it now: every option, the image (also when its name points to another one by now), "
	"device nodes, mounts and environment. Spelling and order do not count, nor does who started "
	"it. Each difference is told with where the new value is from. Without names: every slot that "
	"runs. Exit 1 when anything differs, or a named slot does not run.";

static const char argv_text[] =
	"Prints the exact command on one line, quoted for a shell. With *--sources*, *--columns* or "
	"*--json* every flag is listed with where it comes from: *base* (hal0 needs it), *hal0* "
	"(advised for this device and type), *profile*, *slot* (a key of its file), *extra_args*. Of "
	"a server flag given twice the last one stands.";

static const char export_text[] =
	"Prints what *argv* would run in the words of others: *quadlet* is a *.container* file for systemd "
	"and podman 4.4 or later, *kube* a pod for *podman kube play*. Both start the slot as its files "
	"are now, without hal0; export again after a change.\n\n"
	"A quadlet unit says all of it, and its container is the slot's own: *hal0 slot list*, *logs* and "
	"*route* know it. A pod has no words for some limits and for the log; each is told on stderr and in "
	"the file. Its container is named *hal0-kube-SLOT-server*, and *hal0 slot list* does not know it. "
	"The slot's key is made if there is none yet.\n\n"
	"With *--output* the file is *DIR/hal0-slot-SLOT.container* or *.yaml*; one that is the same "
	"already is left alone.";

static const char key_text[] =
	"A slot's server answers only who sends its key: any page in a browser on this machine could "
	"ask it otherwise. *call*, *chat*, *serve* and every other part of hal0 send it by themselves; "
	"this verb is for clients that ask the slot's own port, as in *curl -H \"Authorization: Bearer "
	"$(hal0 slot key primary)\" http://127.0.0.1:8081/v1/models*. Only "
	"root can read it. Clients that should need no key ask *hal0 route serve*, or the slot's file "
	"says *server.key = false*.\n\n"
	"The key is made when the slot is first started and stays until the slot is deleted. With "
	"*--json* only the name of its file is printed.";

static const char *const export_kinds[] = {"quadlet", "kube", NULL};

static const struct h0_verb verbs[] = {
	{"list", "", 0, 0, "list slots and their state", NULL, list_opts, sizeof(struct slot_list_opts), slot_list_cols,
	 .aliases = "ls", .examples = list_examples, .flags = H0_VERB_DEFAULT},
	{"status", "[SLOT...]", 0, -1, "show the state of slots, exit 1 unless all given ones are ready",
	 status_text, NULL, 0, slot_list_cols, .comp = H0_COMP_SLOT, .examples = status_examples},
	{"show", "SLOT", 1, 1, "show one slot: its settings and what follows from them", NULL, show_opts,
	 sizeof(struct slot_show_opts), slot_show_cols, .comp = H0_COMP_SLOT, .examples = show_examples},
	{"create", "NAME [KEY=VALUE...]", 1, -1, "write a new slot file", create_text, create_opts,
	 sizeof(struct slot_create_opts), slot_change_cols, .aliases = "add",
	 .examples = create_examples, .flags = H0_VERB_WRITES, .comp_rest = H0_COMP_SLOT_KEY},
	{"set", "SLOT [KEY=VALUE...]", 1, -1, "change keys of a slot file", set_text, set_opts,
	 sizeof(struct slot_set_opts), slot_change_cols, .comp = H0_COMP_SLOT, .aliases = "edit",
	 .examples = set_examples, .flags = H0_VERB_WRITES, .comp_rest = H0_COMP_SLOT_KEY},
	{"delete", "SLOT", 1, 1, "remove a slot file", NULL, delete_opts,
	 sizeof(struct slot_delete_opts), slot_change_cols, .comp = H0_COMP_SLOT,
	 .aliases = "remove,rm", .examples = delete_examples, .flags = H0_VERB_WRITES | H0_VERB_ASKS},
	{"enable", "SLOT", 1, 1, "start it at boot, route to it", enable_text, NULL, 0, slot_change_cols,
	 .comp = H0_COMP_SLOT, .examples = enable_examples, .flags = H0_VERB_WRITES},
	{"disable", "SLOT", 1, 1, "do not start it at boot, nor route to it", disable_text, NULL, 0, slot_change_cols,
	 .comp = H0_COMP_SLOT, .examples = disable_examples, .flags = H0_VERB_WRITES},
	{"start", "SLOT...", 1, -1, "start slots and wait until they answer", start_text, start_opts,
	 sizeof(struct slot_start_opts), slot_change_cols, .comp = H0_COMP_SLOT, .aliases = "load",
	 .examples = start_examples, .flags = H0_VERB_WRITES},
	{"stop", "SLOT...", 1, -1, "stop slots", stop_text, stop_opts, sizeof(struct slot_stop_opts),
	 slot_change_cols, .comp = H0_COMP_SLOT, .aliases = "unload",
	 .examples = stop_examples, .flags = H0_VERB_WRITES},
	{"restart", "[SLOT...]", 0, -1, "stop and start with the settings as they are now", restart_text,
	 restart_opts, sizeof(struct slot_start_opts), slot_change_cols, .comp = H0_COMP_SLOT,
	 .examples = restart_examples, .flags = H0_VERB_WRITES},
	{"swap", "SLOT MODEL", 2, 2, "serve another model, the old one again if it fails", swap_text,
	 swap_opts, sizeof(struct slot_swap_opts), slot_change_cols, .comp = H0_COMP_SLOT,
	 .examples = swap_examples, .flags = H0_VERB_WRITES, .comp_rest = H0_COMP_MODEL},
	{"reap", "", 0, 0, "unload slots that have been idle for too long", reap_text, NULL, 0,
	 slot_reap_cols, .examples = reap_examples, .flags = H0_VERB_WRITES},
	{"run", "SLOT", 1, 1, "become the slot's podman process (for units)", run_text, run_opts,
	 sizeof(struct slot_run_opts), NULL,
	 .comp = H0_COMP_SLOT, .examples = run_examples, .flags = H0_VERB_WRITES},
	{"wait", "SLOT...", 1, -1, "wait until slots answer", wait_text, wait_opts,
	 sizeof(struct slot_wait_opts), slot_change_cols, .comp = H0_COMP_SLOT, .examples = wait_examples},
	{"logs", "SLOT", 1, 1, "print the server's log", logs_text, logs_opts, sizeof(struct slot_logs_opts),
	 NULL, .comp = H0_COMP_SLOT, .examples = logs_examples},
	{"argv", "SLOT", 1, 1, "print the podman command that starts a slot", argv_text, argv_opts,
	 sizeof(struct slot_argv_opts), slot_argv_cols, .comp = H0_COMP_SLOT, .examples = argv_examples},
	{"diff", "[SLOT...]", 0, -1, "compare what runs with what the files say, exit 1 if it differs", diff_text,
	 NULL, 0, slot_diff_cols, .comp = H0_COMP_SLOT, .examples = diff_examples},
	{"fit", "[SLOT]", 0, 1, "say whether it fits into the memory there is, exit 1 if not", fit_text, fit_opts,
	 sizeof(struct slot_fit_opts), slot_fit_cols, .comp = H0_COMP_SLOT, .examples = fit_examples,
	 .or_cols = slot_past_cols, .or_when = "--history"},
	{"bench", "[SLOT...]", 0, -1, "measure how fast running slots read and write", bench_text, bench_opts,
	 sizeof(struct slot_bench_opts), slot_bench_cols, .comp = H0_COMP_SLOT, .examples = bench_examples,
	 .flags = H0_VERB_WRITES},
	{"key", "SLOT", 1, 1, "print the key a slot's server wants", key_text, NULL, 0, NULL,
	 .comp = H0_COMP_SLOT, .examples = key_examples},
	{"export", "quadlet|kube SLOT", 2, 2, "write a slot as a unit of quadlet, or a pod", export_text,
	 export_opts, sizeof(struct slot_export_opts), .comp = H0_COMP_CHOICES, .choices = export_kinds,
	 .comp_rest = H0_COMP_SLOT, .examples = export_examples, .flags = H0_VERB_WRITES},
};

const struct h0_prog slot_prog = {
	.name = "hal0-slot",
	.summary = "named local inference endpoints, one model and one port each",
	.text =
	"A *slot* is one model served by one podman container on one loopback port. What it is "
	"stands in */etc/hal0/slots/NAME.toml*, which people edit by hand and this program edits "
	"without losing a comment. Whether it runs is asked of podman and of the server itself, "
	"never remembered.\n\n"
	"A slot's name is 1 to 32 of a-z, 0-9, \\_ and -, starting with a letter or digit.\n\n"
	"Its container is called *hal0-slot-NAME*. It has no capabilities and cannot gain any, "
	"for llama-server a read-only root with a small */tmp*, a limit on processes, the device nodes its device needs "
	"and no other, the model store read-only, and a server that listens on 127.0.0.1 alone. It "
	"runs as nobody, or as the owner of a model file that is not for everybody.\n\n"
	"Where systemd is the init and root asks, *start*, *stop* and *restart* drive the slot's unit, "
	"*hal0-slot@NAME.service*, and otherwise podman, with the same command, the same messages and the "
	"same exit codes. The unit is active when the slot answers; systemd starts a server again that "
	"crashed (five times within half an hour, then the unit stays failed), and those slots at boot "
	"that are *enabled* and have what they need. *systemctl* may be used on it just as well. With "
	"*HAL0_HOME* slots are podman's alone. *HAL0_SYSTEMCTL* names another systemctl; empty means: no "
	"units.\n\n"
	"The program in it follows from the profile, or without one from *provider* and *type*. With device "
	"*cpu* and *-ngl* above 0 in *server.extra_args* llama-server runs on Vulkan's driver for the "
	"processor, where the image has it. Kokoro and Moonshine take *model.default* as the place of their "
	"files when it is a path (Moonshine's may be an id of the store). ComfyUI's data is in *comfyui* "
	"below the model store, or *HAL0_COMFYUI_DATA_ROOT*; FLM's models in */var/lib/hal0/.config/flm/models*, "
	"or *HAL0_FLM_MODELS_DIR*.\n\n"
	"## THE NPU\n\n"
	"The NPU runs one program at a time, FLM, for one slot of type llm. A second one with a model is not "
	"enabled nor started (exit 4). FLM knows models by tags, *family:size*; *family-size-FLM* is the same "
	"model in the registry's words, and any other name is none of FLM's. What is not on the machine is "
	"not downloaded by a start: it says which command does.\n\n"
	"That slot's server also embeds and transcribes when *npu.embed* and *npu.asr* say so. Slots of "
	"type embedding and transcription on device npu are records of that: requests for them go to its "
	"port, *list*, *status* and *wait* look at its server, and none of them is ever started.\n\n"
	"## ENVIRONMENT\n\n"
	"*HAL0_PODMAN* names another podman than the first one in *PATH*; *HAL0_PODMAN_TIMEOUT* is "
	"how many seconds it may take to answer a question (default 20).",
	.verbs = verbs,
	.nverbs = H0_ARRAY_LEN(verbs),
	.files = "*/etc/hal0/slots/NAME.toml*\n\tone slot, see *hal0-slot.toml*(5)\n\n"
	         "*/etc/hal0/profiles.toml*\n\thow slots run, see *hal0-profiles.toml*(5)\n\n"
	         "*/run/hal0/slots/*\n\tlocks and process ids\n\n"
	         "*/run/hal0/ledger.json*\n\twhat slots that run or start were estimated to need\n\n"
	         "*/var/lib/hal0/slots/NAME/state.json*\n\tthe slot's last transition\n\n"
	         "*/var/lib/hal0/slots/NAME/server.log*\n\tthe server's log\n\n"
	         "*/var/lib/hal0/bench.jsonl*\n\twhat *bench* measured, a line of JSON each\n\n"
	         "*/var/lib/hal0/keys/NAME*\n\tthe key its server wants",
	.see_also = "hal0(1), hal0-status(1), hal0-profile(1), hal0-model(1), hal0-route(1), hal0-cap(1), hal0-slot.toml(5), "
	            "hal0-security(7), hal0-tutorial(7), hal0-exit(7)",
};
