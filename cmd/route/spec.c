/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "opts.h"

#include "base/attr.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
const struct h0_col route_table_cols[] = {ROUTE_TABLE_COLS(COL){0}};
const struct h0_col route_explain_cols[] = {ROUTE_EXPLAIN_COLS(COL){0}};
const struct h0_col route_export_cols[] = {ROUTE_EXPORT_COLS(COL){0}};
const struct h0_col route_step_cols[] = {ROUTE_STEP_COLS(COL){0}};

#define AT(type, field) offsetof(struct type, field)

static const char *const reasoning_words[] = {"auto", "show", "hide", NULL};

static const struct h0_opt explain_opts[] = {
	{'p', "path", H0_OPT_STR, AT(route_explain_opts, path), "PATH",
	 "path of the request (default: what the slot's type is for)"},
	{'d', "data", H0_OPT_STR, AT(route_explain_opts, data), "BODY",
	 "take the model from this JSON body; @FILE reads it, @- is stdin", H0_COMP_FILE},
	{0},
};

#define SAY_OPTS(type)                                                                     \
	{'s', "system", H0_OPT_STR, AT(type, say.system), "TEXT",                          \
	 "system prompt (default: the slot's own)"},                                       \
	{'n', "max-tokens", H0_OPT_INT, AT(type, say.max_tokens), "N",                     \
	 "longest answer (default: the server's)", 0, NULL, 1, 1 << 30},                   \
	{'t', "temperature", H0_OPT_STR, AT(type, say.temperature), "NUMBER",              \
	 "0 is the most likely answer (default: the server's)"},                           \
	{0, "reasoning", H0_OPT_ENUM, AT(type, say.reasoning), "WHEN",                     \
	 "print reasoning on stderr", H0_COMP_CHOICES,               \
	 reasoning_words, .def = "auto"},                                                  \
	{0, "timeout", H0_OPT_DURATION, AT(type, say.timeout_s), "TIME",                   \
	 "give up after so long without a byte (default: never)"}

static const struct h0_opt call_opts[] = {
	{'d', "data", H0_OPT_STR, AT(route_call_opts, data), "BODY",
	 "send this body instead of TEXT; @FILE reads it, @- is stdin", H0_COMP_FILE},
	{'p', "path", H0_OPT_STR, AT(route_call_opts, path), "PATH",
	 "path of the request (default: what the slot's type is for)"},
	{0, "no-stream", H0_OPT_FLAG, AT(route_call_opts, no_stream), NULL,
	 "ask for the answer as a whole"},
	SAY_OPTS(route_call_opts),
	{0},
};

static const struct h0_opt chat_opts[] = {
	SAY_OPTS(route_chat_opts),
	{0},
};

static const struct h0_example table_examples[] = {
	{"hal0 route", "Which slot answers what"},
	{"hal0 route table --format '{path}\\t{slot}'", "The same for a script"},
	{0},
};

static const struct h0_opt serve_opts[] = {
	{'b', "bind", H0_OPT_STR, AT(route_serve_opts, bind), "ADDRESS",
	 "address to listen on (default: 127.0.0.1)", .def = "127.0.0.1"},
	{'p', "port", H0_OPT_INT, AT(route_serve_opts, port), "PORT",
	 "port to listen on, 0 is any free one (default: 8080)", 0, NULL, 0, 65535, .def = "8080"},
	{'k', "key-file", H0_OPT_STR, AT(route_serve_opts, key_file), "FILE",
	 "keys that may ask, one per line; mode 0600", H0_COMP_FILE},
	{0, "host", H0_OPT_LIST, AT(route_serve_opts, host), "NAME",
	 "another name clients call this server by"},
	{0, "origin", H0_OPT_LIST, AT(route_serve_opts, origin), "URL",
	 "web pages of this origin may ask, as http://localhost:3000"},
	{'w', "wait", H0_OPT_DURATION, AT(route_serve_opts, wait_s), "TIME",
	 "how long a request waits for its slot to load (default: 30s)", .def = "30s"},
	{0, "no-load", H0_OPT_FLAG, AT(route_serve_opts, no_load), NULL,
	 "do not start slots that do not run"},
	{0, "evict", H0_OPT_FLAG, AT(route_serve_opts, evict), NULL,
	 "unload idle slots when one that is asked for does not fit"},
	{0, "max-body", H0_OPT_SIZE, AT(route_serve_opts, max_body), "SIZE",
	 "longest body of a request (default: 64M)", .def = "64M"},
	{0, "max-clients", H0_OPT_INT, AT(route_serve_opts, max_clients), "N",
	 "connections at a time (default: 8192)", 0, NULL, 1, 1 << 20, .def = "8192"},
	{0, "max-per-address", H0_OPT_INT, AT(route_serve_opts, max_per_address), "N",
	 "connections of one address, not loopback (default: 1024)", 0, NULL, 1, 1 << 20, .def = "1024"},
	{0, "threads", H0_OPT_INT, AT(route_serve_opts, threads), "N",
	 "event loops (default: one per core)", 0, NULL, 1, 64},
	{0, "drain", H0_OPT_DURATION, AT(route_serve_opts, drain_s), "TIME",
	 "at the end, wait so long for requests under way (default: 30s)", .def = "30s"},
	{0, "idle-exit", H0_OPT_DURATION, AT(route_serve_opts, idle_exit_s), "TIME",
	 "end after so long without a connection (default: never)"},
	{0},
};

static const struct h0_opt export_opts[] = {
	{'o', "output", H0_OPT_STR, AT(route_export_opts, dir), "DIR",
	 "where the files go (default: /etc/hal0/haproxy)", H0_COMP_FILE},
	{0, "check", H0_OPT_FLAG, AT(route_export_opts, check), NULL,
	 "write nothing; exit 1 when a file is not as it would be now"},
	{0, "undo", H0_OPT_FLAG, AT(route_export_opts, undo), NULL,
	 "go back to the configuration before the last export"},
	{'b', "bind", H0_OPT_STR, AT(route_export_opts, bind), "ADDRESS",
	 "address to listen on (default: 127.0.0.1)", .def = "127.0.0.1"},
	{'p', "port", H0_OPT_INT, AT(route_export_opts, port), "PORT",
	 "port to listen on (default: 8080)", 0, NULL, 1, 65535, .def = "8080"},
	{'k', "key-file", H0_OPT_STR, AT(route_export_opts, key_file), "FILE",
	 "keys that may ask, one per line; mode 0600", H0_COMP_FILE},
	{0, "host", H0_OPT_LIST, AT(route_export_opts, host), "NAME",
	 "another name clients call this server by"},
	{0, "origin", H0_OPT_LIST, AT(route_export_opts, origin), "URL",
	 "web pages of this origin may ask, as http://localhost:3000"},
	{'n', "node", H0_OPT_LIST, AT(route_export_opts, node), "NAME=HOST:PORT",
	 "a box to share the load among: where its router listens"},
	{0, "node-key-file", H0_OPT_STR, AT(route_export_opts, node_key_file), "FILE",
	 "the key that the nodes' routers ask for; mode 0600", H0_COMP_FILE},
	{0, "peek", H0_OPT_SIZE, AT(route_export_opts, peek), "SIZE",
	 "how far into a body the model is looked for (default: 64K)", .def = "64K"},
	{0},
};

static const struct h0_example export_examples[] = {
	{"hal0 route export haproxy", "Write /etc/hal0/haproxy for the slots of this box"},
	{"hal0 route export haproxy --check", "Has a slot changed since?"},
	{"hal0 route export haproxy --undo", "Back to what was there before the last export"},
	{"hal0 route export haproxy --bind 192.168.1.5 --key-file /etc/hal0/keys --node a=192.168.1.6:8080 "
	 "--node b=192.168.1.7:8080 --node-key-file /etc/hal0/node-key", "Two boxes behind one address"},
	{0},
};

static const char export_text[] =
	"Writes *haproxy.cfg* and the maps it uses: the same decisions as *explain*, worked out for every "
	"endpoint and name, so that HAProxy answers as *serve* does. Run it with *haproxy -f "
	"/etc/hal0/haproxy/haproxy.cfg*, reload it after a change of slots; a second run that finds "
	"nothing new writes nothing. The maps lie in a directory *set-SUM* beside it, named for what is in "
	"them, and *haproxy.cfg* names that: whenever the export is cut short, and whatever is read "
	"meanwhile, all files are old or all are new. The set before is kept for *--undo*.\n\n"
	"Without *--node* it sends requests to the slots of this box and to the upstreams of "
	"*upstreams.toml*, also over https. With *--node* it shares them among "
	"the boxes that list the model: each is asked now for its models, and its own *hal0-route serve* "
	"(or HAProxy) goes on from there. The nodes share one key.\n\n"
	"HAProxy sees only the first *--peek* bytes of a request: in a longer body the model's name must "
	"stand before the messages, in a form before the file; otherwise the header *X-Hal0-Slot: NAME* "
	"says who answers. It does not start slots and does not rewrite the model's name. Keys are kept "
	"as SHA-256 sums (*clients.lst*); those of slots stand in *keys.map*, mode 0600.";

static const struct h0_example explain_examples[] = {
	{"hal0 route explain gpt-4o", "Which slot a client that asks for gpt-4o gets, and why"},
	{"hal0 route explain /v1/rerankings", "Which slot answers a path when no model is named"},
	{"hal0 route explain -d @request.json --path /v1/embeddings", "The same for a whole request"},
	{0},
};

static const struct h0_example call_examples[] = {
	{"hal0 route call primary \"Say hello\"", "Ask the slot primary; the answer streams to stdout"},
	{"git diff | hal0 route call primary -s \"Write a commit message\"", "The prompt from stdin"},
	{"hal0 route call embed \"first text\" \"second text\"", "Two vectors, as JSON"},
	{"hal0 route call rerank \"a question\" \"document one\" \"document two\"", "Scores, as JSON"},
	{"hal0 route call stt meeting.wav", "Speech to text"},
	{"hal0 route call /v1/chat/completions -d @request.json", "A request as any client sends it"},
	{"hal0 route call primary --path /props", "Anything else the server answers"},
	{0},
};

static const struct h0_example chat_examples[] = {
	{"hal0 route chat", "Talk to the default chat slot"},
	{"echo hi | hal0 route chat primary", "One question, one answer"},
	{0},
};

static const struct h0_example serve_examples[] = {
	{"hal0 route serve", "One OpenAI-compatible address for all slots: http://127.0.0.1:8080/v1"},
	{"hal0 route serve --bind 192.168.1.5 --key-file /etc/hal0/keys", "The same for other machines"},
	{"hal0 route serve --origin http://localhost:3000", "A web page served there may ask, too"},
	{0},
};

static const char serve_text[] =
	"Answers on one address for all slots: */v1/models*, */health* and */metrics* itself, everything "
	"else by the slot that *explain* names, or by an upstream over http (it speaks no TLS: what only an "
	"https one lists is answered with 501; *call* reaches it). Nothing depends on it: slots answer on their own ports "
	"whether it runs or not.\n\n"
	"A slot that does not run is started, once for any number of requests; a request waits for it up "
	"to *--wait* and then gets 503 *slot.loading* with Retry-After. Changed files take effect at once "
	"and disturb no request. A client that leaves ends its request at the slot: at "
	"once where it streams; otherwise llama-server sees it when it has answered nobody for a second.\n\n"
	"Requests must name a loopback host, or one of *--host*, and requests that a browser sends for a "
	"page are refused unless *--origin* allows the page. On an address that other machines reach "
	"a key file is needed. A request with the field *X-Hal0-Slot: NAME* goes to that slot.\n\n"
	"SIGTERM: no new connections, requests under way end, up to *--drain*. A socket from systemd "
	"(LISTEN_FDS) is used instead of *--bind* and *--port*: *systemctl enable --now hal0-route.socket* "
	"brings the router up with the first request, and it leaves when nobody asks.";

static const char explain_text[] =
	"Decides as *serve*, *call* and *chat* do and prints the decision with every rule that was "
	"tried; nothing is sent. An operand that starts with / is a path. Exit code 1 when no slot "
	"answers; the steps are printed all the same. Of a name as the NPU's models have, FLM is asked "
	"whether it knows it, where its image is there.";

static const char call_text[] =
	"Sends one request to the slot that *explain* names, straight to the slot's own port. What TEXT "
	"means follows from the slot's type: the prompt for llm, the texts for embedding, question and "
	"documents for reranking, the words to speak for tts, the name of a sound file for "
	"transcription. Without TEXT and *--data* the prompt is read from stdin. An operand that "
	"starts with / is a path, and the model is taken from the body.\n\n"
	"The answer's text goes to stdout as it comes, reasoning to stderr. With *--json* the server's "
	"answer is printed as it is. When the answer breaks off, what came stays on stdout and the exit "
	"code is 7. Exit code 1: the slot does not run, or the answer is empty; 5: it is still "
	"loading; 7: the server refused, its message is shown. Ctrl-C ends the request at the server "
	"too.";

static const char chat_text[] =
	"On a terminal: reads a line, streams the answer, remembers the conversation. Ctrl-C ends the "
	"answer under way (at the server too), at the prompt it ends the chat, as Ctrl-D does. A line "
	"*/clear* forgets the conversation. Elsewhere all of stdin is the prompt of one answer.";

static const char *const export_kinds[] = {"haproxy", NULL};

static const struct h0_verb verbs[] = {
	{"table", "", 0, 0, "list the endpoints and the slots that answer them", NULL, NULL, 0,
	 route_table_cols, .aliases = "list,ls", .examples = table_examples,
	 .flags = H0_VERB_DEFAULT},
	{"explain", "[MODEL|/PATH]", 0, 1, "say which slot answers a request, and why", explain_text,
	 explain_opts, sizeof(struct route_explain_opts), route_explain_cols, .comp = H0_COMP_SLOT,
	 .examples = explain_examples},
	{"call", "SLOT|MODEL|/PATH [TEXT...]", 1, -1, "send one request and print the answer", call_text,
	 call_opts, sizeof(struct route_call_opts), .comp = H0_COMP_SLOT, .examples = call_examples},
	{"chat", "[SLOT|MODEL]", 0, 1, "talk to a slot", chat_text, chat_opts,
	 sizeof(struct route_chat_opts), .comp = H0_COMP_SLOT, .examples = chat_examples},
	{"serve", "", 0, 0, "answer on one address for all slots", serve_text, serve_opts,
	 sizeof(struct route_serve_opts), .examples = serve_examples,
	 .flags = H0_VERB_SERVES},
	{"export", "haproxy", 1, 1, "write the routes as a configuration of HAProxy", export_text, export_opts,
	 sizeof(struct route_export_opts), route_export_cols, .comp = H0_COMP_CHOICES,
	 .choices = export_kinds, .examples = export_examples,
	 .flags = H0_VERB_WRITES},
};

const struct h0_prog route_prog = {
	.name = "hal0-route",
	.summary = "send requests to the right slot, and say why",
	.text = "Finds the slot for a request by the request's path and the model it names. The order: "
	        "virtual names (*hal0/NAME*, with their chains), a running slot that lists the model (every "
	        "slot's own port is asked how it is), a slot's name, the model a slot is "
	        "configured with, an upstream that lists it, what the model's name tells, the default slot of "
	        "the endpoint's type: "
	        "the one with *default = true*, else *primary*, *chat* or *agent* for chat, *embed*, "
	        "*embed-rerank* or *rerank*, *stt*, *tts*, *img* for the others, else the only one. A slot "
	        "of a type that cannot answer the endpoint is never chosen. For embeddings and speech on the "
	        "NPU the request goes to its chat slot's server, see *hal0-slot*(1); where that cannot answer, "
	        "*npu.trio_unavailable* says why and what to do.",
	.verbs = verbs,
	.nverbs = H0_ARRAY_LEN(verbs),
	.files = "*/etc/hal0/slots/NAME.toml*\n\tthe slots\n\n"
	         "*/etc/hal0/upstreams.toml*\n\tservers elsewhere, see *hal0-upstreams.toml*(5)\n\n"
	         "*/etc/hal0/api.env*\n\ttheir keys",
	.see_also = "hal0(1), hal0-slot(1), hal0-slot.toml(5), hal0-upstreams.toml(5), hal0-security(7), hal0-exit(7)",
};
