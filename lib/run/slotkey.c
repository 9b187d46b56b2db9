/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/slotkey.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "sys/durable.h"
#include "sys/io.h"
#include "sys/secret.h"

#define KEY_BYTES 24    /* of noise; as hex in the file */

void h0_slot_key_path(const struct h0_paths *paths, const char *slot, char *dst)
{
	snprintf(dst, H0_SLOT_KEY_PATH, "%s/keys/%s", paths->var, slot);
}

static int open_dir(const struct h0_paths *paths, struct h0_err *e)
{
	char dir[H0_SLOT_KEY_PATH];
	snprintf(dir, sizeof dir, "%s/keys", paths->var);
	if (h0_mkdirs(dir, 0700, e) < 0)
		return -1;
	/* whoever made it: the files in it count on this */
	return chmod(dir, 0700) < 0 ? h0_fail_sys(e, "%s", dir) : 0;
}

static int write_new(const char *path, struct h0_err *e)
{
	unsigned char noise[KEY_BYTES];
	char text[2 * KEY_BYTES + 2];
	if (getrandom(noise, sizeof noise, 0) != sizeof noise)
		return h0_fail_sys(e, "getrandom");
	for (size_t i = 0; i < sizeof noise; i++)
		snprintf(text + 2 * i, 3, "%02x", noise[i]);
	text[2 * KEY_BYTES] = '\n';
	int rc = h0_durable_write(path, text, 2 * KEY_BYTES + 1, 0600, e);
	explicit_bzero(text, sizeof text);
	return rc;
}

int h0_slot_key_make(const struct h0_paths *paths, const char *slot, long uid, long gid, struct h0_err *e)
{
	char path[H0_SLOT_KEY_PATH], key[H0_SLOT_KEY];
	h0_slot_key_path(paths, slot, path);
	if (open_dir(paths, e) < 0 || h0_slot_key_read(paths, slot, key, e) < 0)
		return -1;
	bool there = key[0];
	explicit_bzero(key, sizeof key);
	if (!there && write_new(path, e) < 0)
		return -1;
	bool given = uid >= 0 && geteuid() == 0 && chown(path, (uid_t)uid, (gid_t)gid) == 0;
	if (chmod(path, given ? 0600 : 0644) < 0)
		return h0_fail_sys(e, "%s", path);
	return 0;
}

int h0_slot_key_read(const struct h0_paths *paths, const char *slot, char *dst, struct h0_err *e)
{
	char path[H0_SLOT_KEY_PATH];
	h0_autosecret struct h0_buf text = {0}; /* the file is its server's, so it is read without questions */
	struct h0_err why = {0};
	h0_slot_key_path(paths, slot, path);
	dst[0] = '\0';
	if (h0_read_file(path, 4096, &text, &why) < 0) {
		if (why.sys_errno == ENOENT)
			return 0;
		if (e)
			*e = why;
		return -1;
	}
	h0_secret_hold();
	size_t n = 0; /* of what a header can hold */
	while (h0_buf_str(&text)[n] > ' ' && h0_buf_str(&text)[n] < 0x7f)
		n++;
	if (n < H0_SLOT_KEY)
		memcpy(dst, h0_buf_str(&text), n);
	dst[n < H0_SLOT_KEY ? n : 0] = '\0';
	return 0;
}

const char *h0_slot_key_try(const struct h0_paths *paths, const char *slot, char *dst)
{
	if (h0_slot_key_read(paths, slot, dst, NULL) < 0)
		dst[0] = '\0';
	return dst;
}

void h0_slot_key_forget(const struct h0_paths *paths, const char *slot)
{
	char path[H0_SLOT_KEY_PATH];
	h0_slot_key_path(paths, slot, path);
	(void)unlink(path);
}
