/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What may stand in each file below /etc/hal0: pure data. Validation (conf/validate.h), the
 * toml.5 pages and `hal0-conf schema` come from here. Defaults are described, never written
 * into a file: "absent" and "the default" can differ in meaning.
 * Depends on nothing but conf/names.h, so that a generator can be linked against it.
 */
#ifndef H0_CONF_SCHEMA_H
#define H0_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum h0_key_type {
	H0_KEY_BOOL,
	H0_KEY_INT,             /* within [min, max]; both 0 = any */
	H0_KEY_REAL,            /* a TOML float or integer, at least `min` */
	H0_KEY_STR,
	H0_KEY_STRINGS,         /* array of strings */
	H0_KEY_TABLE,           /* its keys are `sub`; sub NULL: anything */
	H0_KEY_STR_OR_TABLE,    /* a string, or a table with the keys of `sub` */
	H0_KEY_MAP,             /* table of tables: any name, each with the keys of `sub` */
	H0_KEY_TABLES,          /* array of tables, each with the keys of `sub` */
	H0_KEY_ANY,
};

/* What a string must look like, beyond being one. */
enum h0_key_format {
	H0_FMT_NONE,
	H0_FMT_NAME,            /* conf/names.h, h0_name_ok */
	H0_FMT_ABSPATH,         /* "" or starts with '/' */
	H0_FMT_URL,             /* http:// or https:// */
	H0_FMT_ENVVAR,          /* name of an environment variable */
	H0_FMT_NONBLANK,
	H0_FMT_SIZE2D,          /* 1024x1024 */
	H0_FMT_IMAGE,           /* conf/names.h, h0_image_name_ok */
};

enum h0_key_flag {
	H0_KEY_REQUIRED = 1,
	H0_KEY_DEPRECATED = 2,  /* still read, a warning */
	H0_KEY_IGNORED = 4,     /* known from other versions, kept, without effect here */
	H0_KEY_STRICT = 8,      /* of a table: an unknown key in it is an error, not a warning */
	H0_KEY_RENAMED = 16,    /* deprecated in name only: alias_of takes the same value */
	H0_KEY_NULLABLE = 32,   /* JSON: may be null, which means unknown */
	H0_KEY_PARTIAL = 128,   /* of a table or map: what is left out is as it is somewhere else */
	H0_KEY_JSON = 64,       /* of a schema: the file is JSON, and the programs write it */
};

struct h0_key {
	const char *name;
	enum h0_key_type type;
	enum h0_key_format format;
	unsigned flags;
	int64_t min, max;
	const char *const *choices;     /* of a string, NULL-terminated; NULL = any */
	const char *dflt;               /* as TOML text; NULL: none, or said in help */
	const char *help;               /* one sentence, no full stop */
	const struct h0_key *sub;       /* ends with {0} */
	const char *alias_of;           /* key of the same table that says it now; it wins */
};

struct h0_schema {
	const char *name;               /* "slot", "profiles": argument of `hal0-conf schema` */
	const char *path;               /* below /etc/hal0: "slots/NAME.toml"; NULL: wherever it likes */
	const char *page;               /* manual page without ".5": "hal0-slot.toml" */
	const char *summary;            /* one line */
	const char *text;               /* paragraphs (scdoc), NULL = none */
	const struct h0_key *keys;      /* ends with {0} */
	const char *inner;              /* keys may also stand in this table, which wins; or NULL */
	unsigned flags;                 /* H0_KEY_STRICT for the top level */
	const char *example;            /* a whole file */
	const char *see_also;           /* pages besides hal0(1) and hal0-conf(1), each followed by ", " */
};

extern const struct h0_schema h0_schema_slot;
extern const struct h0_schema h0_schema_profiles;
extern const struct h0_schema h0_schema_capabilities;
extern const struct h0_schema h0_schema_hal0;
extern const struct h0_schema h0_schema_upstreams;
extern const struct h0_schema h0_schema_hardware;
extern const struct h0_schema h0_schema_apply;
/* All of them, ends with NULL. */
extern const struct h0_schema *const h0_schemas[];

/* "boolean", "integer", "string or table": for messages and pages. */
const char *h0_key_type_name(enum h0_key_type type);
/* The schema of a file below /etc/hal0 ("slots/chat.toml"), NULL when there is none for it. */
const struct h0_schema *h0_schema_for_path(const char *path);
/* By name, NULL when there is none. */
const struct h0_schema *h0_schema_by_name(const char *name);
/* The same below any table of keys, without an inner table. */
const struct h0_key *h0_key_at(const struct h0_key *keys, const char *const *path);
/* The key at a dotted path ("model.default", "slot.port" too), NULL when not known. */
const struct h0_key *h0_schema_key(const struct h0_schema *s, const char *const *path);

#endif
