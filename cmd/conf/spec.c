/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "opts.h"

#define COL(id, name, json, type, flags, help) {name, json, H0_COL_##type, help, flags},
const struct h0_col conf_change_cols[] = {CONF_CHANGE_COLS(COL){0}};
const struct h0_col conf_schema_cols[] = {CONF_SCHEMA_COLS(COL){0}};
const struct h0_col conf_check_cols[] = {CONF_CHECK_COLS(COL){0}};
const struct h0_col conf_recover_cols[] = {CONF_RECOVER_COLS(COL){0}};
const struct h0_col conf_log_cols[] = {CONF_LOG_COLS(COL){0}};
const struct h0_col conf_undo_cols[] = {CONF_UNDO_COLS(COL){0}};

#define AT(type, field) offsetof(struct type, field)

static const struct h0_opt set_opts[] = {
	{'s', "string", H0_OPT_FLAG, AT(conf_set_opts, string), NULL,
	 "VALUE is text, even if it looks like another TOML value"},
	{0},
};

static const struct h0_opt dump_opts[] = {
	{'t', "tagged", H0_OPT_FLAG, AT(conf_dump_opts, tagged), NULL,
	 "every value with its type, as the public TOML tests have it"},
	{0},
};

static const struct h0_opt log_opts[] = {
	{'d', "diff", H0_OPT_FLAG, AT(conf_log_opts, diff), NULL,
	 "print what the change did, as a unified diff"},
	{0},
};

static const char check_text[] =
	"Reads everything below */etc/hal0* as all programs do and reports, without changing "
	"anything: files that do not parse, unknown or impossible keys, values that contradict each "
	"other between files; a change that was interrupted, what it left lying about, "
	"_NAME_.hal0-new files that wait for somebody to merge them, and files in _slots/_ whose name "
	"is no slot name.\n\n"
	"Exit code 3 when a file is invalid (the first finding is also the error message), 1 when all "
	"files are valid and something else wants attention, 0 otherwise. Warnings about values do "
	"not change the exit code.";

static const char recover_text[] =
	"Finishes a change that was interrupted between its commit and its end, and removes what "
	"interrupted commands left. Every command that writes does this first, and so does the "
	"system at boot; nobody has to. Nothing to do is exit code 0.\n\n"
	"A file that somebody has edited meanwhile stays as it is. The change's version is put beside "
	"it as _NAME_.hal0-new, and the exit code is 4.";

static const char log_text[] =
	"Shows the newest change set: its number, when it was made, by which command, and the files. A "
	"change that was committed and not finished is shown as pending. Older ones are not kept.";

static const char undo_text[] =
	"Puts the files of the newest change back as they were before it, all together or not at all. "
	"That is a change itself: undoing twice is redoing. When one of the files has been edited "
	"since, nothing is changed and the exit code is 4.";

static const struct h0_example check_examples[] = {
	{"hal0 conf check && systemctl restart 'hal0-slot@*'", "Only with a configuration that is valid"},
	{0},
};

static const struct h0_example recover_examples[] = {
	{"hal0 conf recover", "Nothing to do, in most cases"},
	{0},
};

static const struct h0_example log_examples[] = {
	{"hal0 conf log", "Who changed what last"},
	{"hal0 conf log --diff", "The same, line by line"},
	{0},
};

static const struct h0_example undo_examples[] = {
	{"hal0 conf undo --dry-run", "What would be put back"},
	{"hal0 conf undo", "Puts it back"},
	{0},
};

static const char get_text[] =
	"Prints the value of one key. A string is printed raw, a date or number as text, an array or "
	"inline table as it stands in the file, another table as lines of dotted keys. With *--json* "
	"an object with the key's path, its type and its value.\n\n"
	"Exit code 1, and nothing printed, when there is no such key.";

static const char set_text[] =
	"Changes one key and no other byte of the file: comments, order, spacing and line endings "
	"stay. A key that is not there is added behind the last key of its table, a missing table at "
	"the end of the file, a missing file is created.\n\n"
	"VALUE is a TOML value if it reads as one, and text otherwise: *8081* is a number, *true* is "
	"true, *[1, 2]* is an array, *gpu-vulkan* is text; *--string* makes any of them text. Where "
	"the file is one that hal0 knows, the key's own type decides, and a value that its manual "
	"page does not allow is refused.\n\n"
	"A key that has an equal value already stays as it is written.";

static const char unset_text[] =
	"Removes a key with its line and the comment on it, or a table with its header, its keys and "
	"its sub-tables. No other byte of the file changes. A key that is not there is no error.";

static const char dump_text[] =
	"Prints a whole TOML file as one JSON value. With *--tagged* every scalar becomes an object "
	"with its _type_ and its _value_ as text, the form in which the public TOML test suite "
	"compares readers. A file that is no TOML gives exit code 3 and the place of the fault.";

static const struct h0_example get_examples[] = {
	{"hal0 conf get /etc/hal0/slots/primary.toml model.default", "The slot's model"},
	{"hal0 conf get pyproject.toml tool.black --json", "Any TOML file will do"},
	{0},
};

static const struct h0_example set_examples[] = {
	{"hal0 conf set /etc/hal0/slots/primary.toml port 8085", "A number"},
	{"hal0 conf set f.toml 'hosts.\"a.b\".tags' '[\"x\", \"y\"]' --dry-run",
	 "Shows the difference and writes nothing"},
	{"hal0 conf set --string f.toml version 1.10", "Text that looks like a number"},
	{"hal0 conf set f.toml servers.1.name beta", "The second element of the array servers"},
	{0},
};

static const struct h0_example unset_examples[] = {
	{"hal0 conf unset /etc/hal0/slots/primary.toml idle_timeout_s", "Back to the default"},
	{0},
};

static const struct h0_example dump_examples[] = {
	{"hal0 conf dump --tagged - < file.toml", "Reads standard input"},
	{0},
};

static const char schema_text[] =
	"Prints the JSON Schema of one kind of file, made from the same table as its manual page and "
	"as the check of every program. An editor that knows JSON Schema for TOML completes and "
	"checks the files with it. Without NAME, a list of them.";

static const struct h0_example schema_examples[] = {
	{"hal0 conf schema slot > slot.schema.json", "For an editor"},
	{0},
};

static const char *const schema_names[] = {"slot", "profiles", "capabilities", "hal0", "upstreams",
                                           "hardware", "apply", NULL};

static const struct h0_verb verbs[] = {
	{"check", "", 0, 0, "say what is wrong with the configuration", check_text, NULL, 0,
	 conf_check_cols, .examples = check_examples},
	{"recover", "", 0, 0, "finish an interrupted change", recover_text, NULL, 0, conf_recover_cols,
	 .examples = recover_examples, .flags = H0_VERB_WRITES},
	{"log", "", 0, 0, "show the newest change", log_text, log_opts, sizeof(struct conf_log_opts),
	 conf_log_cols, .examples = log_examples},
	{"undo", "", 0, 0, "take the newest change back", undo_text, NULL, 0, conf_undo_cols,
	 .examples = undo_examples, .flags = H0_VERB_WRITES},
	{"get", "FILE KEY", 2, 2, "print the value of a key of a TOML file", get_text, NULL, 0, NULL,
	 .comp = H0_COMP_FILE, .examples = get_examples,
	 .comp_rest = H0_COMP_NOTHING},
	{"set", "FILE KEY VALUE", 3, 3, "set a key of a TOML file, losing nothing", set_text, set_opts,
	 sizeof(struct conf_set_opts), conf_change_cols, .comp = H0_COMP_FILE,
	 .examples = set_examples, .flags = H0_VERB_WRITES, .comp_rest = H0_COMP_NOTHING},
	{"unset", "FILE KEY", 2, 2, "remove a key or table of a TOML file", unset_text, NULL, 0,
	 conf_change_cols, .comp = H0_COMP_FILE, .examples = unset_examples,
	 .flags = H0_VERB_WRITES, .comp_rest = H0_COMP_NOTHING},
	{"dump", "FILE", 1, 1, "print a TOML file (- is standard input) as JSON", dump_text, dump_opts,
	 sizeof(struct conf_dump_opts), NULL, .comp = H0_COMP_FILE, .examples = dump_examples},
	{"schema", "[NAME]", 0, 1, "print the JSON Schema of a configuration file", schema_text, NULL, 0,
	 conf_schema_cols, .comp = H0_COMP_CHOICES, .choices = schema_names,
	 .examples = schema_examples},
};

const struct h0_prog conf_prog = {
	.name = "hal0-conf",
	.summary = "check, recover and undo changes of /etc/hal0",
	.text =
	"The plumbing under the other programs, for scripts and for people who look after a box: "
	"reading and changing single keys of TOML files, and the change sets through which all of "
	"hal0 writes to */etc/hal0*.\n\n"
	"FILE is a path. *-* is standard input where a file is only read. A KEY is a dotted path as "
	"in TOML: *model.default*, *hosts.\"a.b\".port*; a number selects an element of an array: "
	"*slots.1.name*. A value that starts with *-* and is no number goes behind *--*.\n\n"
	"A file below */etc/hal0* that change sets cover is read and written through them: under the "
	"lock, in the journal, and *hal0 conf undo* takes it back. Any other file is replaced by a "
	"rename, complete or not at all. A symbolic link is not replaced: exit code 4.",
	.verbs = verbs,
	.nverbs = H0_ARRAY_LEN(verbs),
	.files = "*/etc/hal0*\n\tsee *hal0-txn*(7)",
	.see_also = "hal0(1), hal0.toml(5), hal0-slot.toml(5), hal0-profiles.toml(5), hal0-capabilities.toml(5), "
	            "hal0-upstreams.toml(5), hal0-txn(7), hal0-exit(7)",
};
