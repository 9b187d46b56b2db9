/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/names.h"

#include <string.h>

#include "base/str.h"

#define WORD(id, word) word,

const char *const h0_device_names[] = {H0_DEVICES(WORD) NULL};
const char *const h0_type_names[] = {H0_SLOT_TYPES(WORD) NULL};
const char *const h0_provider_names[] = {H0_PROVIDERS(WORD) NULL};
const char *const h0_class_names[] = {H0_DEVICE_CLASSES(WORD) NULL};
const char *const h0_role_names[] = {"primary", "utility", "npu", NULL};
const char *const h0_tier_names[] = {"small", "mid", "large", NULL};
const char *const h0_loadout_uses[] = {"coding", "chat", "voice", "creative", "private", "rag", "agents",
                                       "biggest", H0_LOADOUT_CEILING, NULL};

const char *const h0_cache_type_names[] = {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl",
	"q5_0", "q5_1", NULL};

int h0_word_index(const char *const *words, const char *word)
{
	for (int i = 0; word && words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool h0_name_ok_n(const char *name, size_t len)
{
	if (len == 0 || len > H0_NAME_MAX || !alnum(name[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!alnum(name[i]) && name[i] != '_' && name[i] != '-')
			return false;
	return true;
}

bool h0_name_ok(const char *name)
{
	return h0_name_ok_n(name, strnlen(name, H0_NAME_MAX + 1));
}

bool h0_image_name_ok(const char *text)
{
	const char *p = text;
	while (alnum(*p) || (*p >= 'A' && *p <= 'Z') || (*p && p > text && strchr("._:/@-", *p)))
		p++;
	return p > text && !*p;
}

/* The first thing that is wrong, as the end of "slot name 'X' ..."; never NULL. */
static const char *name_fault(const char *name, char bad[8])
{
	if (!name[0])
		return "is empty";
	if (strnlen(name, H0_NAME_MAX + 1) > H0_NAME_MAX)
		return "is longer than 32 characters";
	if (strchr(name, '/'))
		return "has a slash: a name is not a path";
	for (const char *p = name; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c >= 'A' && c <= 'Z')
			return "has an upper-case letter";
		if (alnum(*p) || c == '_' || c == '-')
			continue;
		if (c < 0x20 || c >= 0x7f)
			return "has a character that is not plain ASCII";
		snprintf(bad, 8, "has '%c'", c);
		return bad;
	}
	return "must start with a letter or digit";
}

int h0_name_check(const char *what, const char *name, struct h0_err *e)
{
	char bad[8];
	if (h0_name_ok(name))
		return 0;
	const char *fault = name_fault(name, bad);
	return h0_fail(e, H0_USAGE,
	               "%s '%.64s' %s (1 to 32 of a-z, 0-9, _ and -, first a letter or digit)",
	               what, name, fault);
}

bool h0_slot_path_name(const char *path, char *dst)
{
	char name[H0_NAME_MAX + 1];
	size_t n = strlen(path), cut = strlen("slots/"), tail = strlen(".toml");
	if (n <= cut + tail || n > cut + tail + H0_NAME_MAX || !h0_starts(path, "slots/") ||
	    !h0_ends(path, ".toml"))
		return false;
	n -= cut + tail;
	memcpy(name, path + cut, n);
	name[n] = '\0';
	if (!h0_name_ok(name))
		return false;
	memcpy(dst, name, n + 1);
	return true;
}
