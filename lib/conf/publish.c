/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "sys/lock.h"

#include "conf/snapshot.h"

#define PUBLISH_TRIES 16

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int dir_of(const struct h0_confdir *d, const char *path)
{
	return d->dir[h0_conf_dir_of(path)].fd;
}

/* The tag is why the file under this name is this change's own (or one it took out of its place),
 * whatever an earlier one has left. */
static const char *stage_name(const struct h0_confdir *d, const char *path, char *dst, size_t size)
{
	snprintf(dst, size, ".%s.%s.hal0~", base_name(path), d->tag);
	return dst;
}

bool h0_stage_name_is(const char *name)
{
	return name[0] == '.' && h0_ends(name, ".hal0~");
}

static int fail_path(const struct h0_confdir *d, const char *path, struct h0_err *e)
{
	return h0_fail_sys(e, "%s/%s", d->etc, path);
}

/* ---- the directory and its lock ---- */

static char *note_of(const char *const *command_line)
{
	h0_autobuf struct h0_buf b = {0};
	for (size_t i = 0; command_line && command_line[i]; i++)
		h0_buf_addf(&b, "%s%s", i ? " " : "", command_line[i]);
	return h0_buf_take(&b);
}

/* The lock file is made after .txn and all above it are durable: so where it exists, they are. */
static int open_txn(struct h0_confdir *d, struct h0_err *e)
{
	h0_autofree char *txn = h0_asprintf("%s/.txn", d->etc);
	h0_autofree char *lock = h0_asprintf("%s/.txn/lock", d->etc);
	struct statx st;
	if (d->o->statx(d->o, AT_FDCWD, lock, AT_SYMLINK_NOFOLLOW, &st) < 0) {
		if (errno != ENOENT)
			return h0_fail_sys(e, "%s", lock);
		if (h0_op_mkdirs(d->o, txn, 0755, true, e) < 0)
			return -1;
	}
	struct h0_opfd *dir = &d->dir[H0_DIR_ETC];
	dir->fd = h0_op_open(d->o, AT_FDCWD, d->etc, O_RDONLY | O_DIRECTORY, 0);
	if (dir->fd < 0)
		return h0_fail_sys(e, "%s", d->etc);
	d->txn.fd = h0_op_open(d->o, dir->fd, ".txn", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	return d->txn.fd < 0 ? h0_fail_sys(e, "%s", txn) : 0;
}

static void hand_over(struct h0_confdir *from, struct h0_confdir *ret)
{
	*ret = *from;
	for (int i = 0; i < H0_CONF_DIRS; i++)
		from->dir[i].fd = -1;
	from->txn.fd = from->lock.fd = -1;
}

int h0_confdir_lock(const struct h0_ops *o, const char *etc, int timeout_ms,
                    const char *const *command_line, struct h0_confdir *ret, struct h0_err *e)
{
	h0_autoconfdir struct h0_confdir d = H0_CONFDIR_CLOSED(o);
	d.o = o;
	d.etc = etc;
	h0_autofree char *shown = h0_asprintf("%s/.txn/lock", etc);
	h0_autofree char *note = note_of(command_line);
	if (open_txn(&d, e) < 0)
		return -1;
	d.lock.fd = h0_lock_at(o, d.txn.fd, "lock", shown, timeout_ms, note, e);
	if (d.lock.fd < 0 || h0_confdir_open(&d, H0_DIR_SLOTS, false, e) < 0 ||
	    h0_confdir_open(&d, H0_DIR_MODPROBE, false, e) < 0)
		return -1;
	hand_over(&d, ret);
	return 0;
}

static int open_there(const struct h0_ops *o, int dirfd, const char *path, int flags, int *ret)
{
	*ret = h0_op_open(o, dirfd, path, O_RDONLY | O_DIRECTORY | flags, 0);
	return *ret < 0 && errno != ENOENT ? -1 : 0;
}

int h0_confdir_look(const struct h0_ops *o, const char *etc, struct h0_confdir *ret,
                    struct h0_err *e)
{
	h0_autoconfdir struct h0_confdir d = H0_CONFDIR_CLOSED(o);
	d.o = o;
	d.etc = etc;
	int *dir = &d.dir[H0_DIR_ETC].fd;
	if (open_there(o, AT_FDCWD, etc, 0, dir) < 0)
		return h0_fail_sys(e, "%s", etc);
	if (*dir >= 0 && open_there(o, *dir, ".txn", O_NOFOLLOW, &d.txn.fd) < 0)
		return h0_fail_sys(e, "%s/.txn", etc);
	if (*dir >= 0 && open_there(o, *dir, "slots", 0, &d.dir[H0_DIR_SLOTS].fd) < 0)
		return h0_fail_sys(e, "%s/slots", etc);
	if (h0_confdir_open(&d, H0_DIR_MODPROBE, false, e) < 0)
		return -1;
	hand_over(&d, ret);
	return 0;
}

void h0_confdir_done(struct h0_confdir *d)
{
	for (int i = 0; i < H0_CONF_DIRS; i++)
		h0_opfd_done(&d->dir[i]);
	h0_opfd_done(&d->lock);
	h0_opfd_done(&d->txn);
}

/* slots/ is ours: never through a link. The directory beside etc is not: it is as its owner wants
 * it, and only looked into where that may be. */
int h0_confdir_open(struct h0_confdir *d, enum h0_conf_dir dir, bool create, struct h0_err *e)
{
	bool ours = dir == H0_DIR_SLOTS;
	const int flags = O_RDONLY | O_DIRECTORY | (ours ? O_NOFOLLOW : 0);
	struct h0_opfd *fd = &d->dir[dir];
	if (fd->fd >= 0)
		return 0;
	h0_autofree char *path = h0_conf_dir_path(d->etc, dir);
	int at = ours ? d->dir[H0_DIR_ETC].fd : AT_FDCWD;
	const char *name = ours ? "slots" : path;
	fd->fd = h0_op_open(d->o, at, name, flags, 0);
	if (fd->fd < 0 && errno == ENOENT && create) {
		if (d->o->mkdir(d->o, at, name, 0755) < 0)
			return h0_fail_sys(e, "%s", path);
		d->made[dir] = true;
		fd->fd = h0_op_open(d->o, at, name, flags, 0);
		if (fd->fd < 0 || d->o->chmod(d->o, fd->fd, 0755) < 0)
			return h0_fail_sys(e, "%s", path);
	}
	if (fd->fd >= 0 || (!create && (errno == ENOENT || !ours)))
		return 0;
	if (errno == ELOOP || errno == ENOTDIR)
		return h0_fail(e, H0_CONFLICT, "%s is %s; nothing is written through it", path,
		               ours ? "a symbolic link or not a directory" : "not a directory");
	return h0_fail_sys(e, "%s", path);
}

/* ---- looking at the live file ---- */

/* The bytes of a file beside the target: 1 there, 0 absent, -1; *ret_odd: it is not even a file one
 * of ours could be. */
static int read_beside(struct h0_confdir *d, const struct h0_change *c, const char *name,
                       struct h0_buf *ret, bool *ret_odd, struct h0_err *e)
{
	int dir = dir_of(d, c->path);
	*ret_odd = false;
	if (dir < 0)
		return 0;
	if (h0_op_read_file(d->o, dir, name, O_NOFOLLOW, H0_SNAP_FILE_MAX, ret, NULL) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	*ret_odd = errno == ELOOP || errno == EISDIR || errno == EINVAL || errno == EFBIG ||
	           errno == ENXIO;
	return *ret_odd ? 1 : fail_path(d, c->path, e);
}

static enum h0_live compare(const struct h0_change *c, const char *text, size_t len)
{
	if (h0_same_bytes(text, len, c->after, c->after_len))
		return H0_LIVE_AFTER;
	if (h0_same_bytes(text, len, c->before, c->before_len))
		return H0_LIVE_BEFORE;
	return H0_LIVE_OTHER;
}

int h0_live_state(struct h0_confdir *d, const struct h0_change *c, enum h0_live *ret,
                  struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	bool odd;
	int there = read_beside(d, c, base_name(c->path), &b, &odd, e);
	if (there < 0)
		return -1;
	*ret = odd ? H0_LIVE_OTHER : compare(c, there ? h0_buf_str(&b) : NULL, b.len);
	return 0;
}

/* ---- staging ---- */

static int refuse(const struct h0_confdir *d, const char *path, int err, const char *why,
                  struct h0_err *e)
{
	errno = err;
	h0_fail_sys(e, "%s/%s is %s", d->etc, path, why);
	return -1;
}

/* What would stop a rename after the commit is looked for before it. */
static int check_dir(struct h0_confdir *d, const char *path, struct h0_err *e)
{
	struct statx st;
	if (d->o->statx(d->o, dir_of(d, path), "", AT_EMPTY_PATH, &st) < 0)
		return fail_path(d, path, e);
	if (st.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
		return refuse(d, path, EPERM, "in an immutable directory (chattr -i -a)", e);
	return 0;
}

int h0_stage_check(struct h0_confdir *d, struct h0_change *c, struct h0_err *e)
{
	struct statx st;
	if (h0_confdir_open(d, h0_conf_dir_of(c->path), true, e) < 0)
		return -1;
	if (check_dir(d, c->path, e) < 0)
		return -1;
	if (!c->mode)
		c->mode = 0644;
	if (d->o->statx(d->o, dir_of(d, c->path), base_name(c->path), AT_SYMLINK_NOFOLLOW, &st) < 0)
		return errno == ENOENT ? 0 : fail_path(d, c->path, e);
	if (!S_ISREG(st.stx_mode))
		return h0_fail(e, H0_CONFLICT, "%s/%s is %s; it is not replaced", d->etc, c->path,
		               S_ISLNK(st.stx_mode) ? "a symbolic link" : "not a regular file");
	if (st.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
		return refuse(d, c->path, EPERM, "immutable (chattr -i -a)", e);
	if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return refuse(d, c->path, EBUSY, "a mount point; mount its directory instead", e);
	c->mode = st.stx_mode & 07777;
	return 0;
}

int h0_stage_write(struct h0_confdir *d, const struct h0_change *c, int *ret, struct h0_err *e)
{
	const struct h0_ops *o = d->o;
	char stage[300];
	int dir = dir_of(d, c->path);
	*ret = -1;
	if (!c->after)
		return 0;
	stage_name(d, c->path, stage, sizeof stage);
	h0_autoopfd f = {o, h0_op_open(o, dir, stage, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
	                                c->mode ? c->mode : 0644)};
	if (f.fd < 0)
		return fail_path(d, c->path, e);
	h0_autoopfd old = {o, h0_op_open(o, dir, base_name(c->path),
	                                 O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0)};
	struct stat st = {0};
	/* where there is no file, or no regular one (then it is a person's doing), nothing is copied */
	if (old.fd < 0 ? errno != ENOENT && errno != ELOOP && errno != ENXIO
	               : o->fstat(o, old.fd, &st) < 0)
		return fail_path(d, c->path, e);
	bool copy = old.fd >= 0 && S_ISREG(st.st_mode);
	if ((copy ? h0_op_copy_meta(o, old.fd, f.fd) : h0_op_set_mode(o, f.fd, c->mode)) < 0)
		return fail_path(d, c->path, e);
	if (h0_op_write(o, f.fd, c->after, c->after_len) < 0)
		return fail_path(d, c->path, e);
	o->flush_hint(o, f.fd);
	*ret = h0_take_fd(&f.fd);
	return 0;
}

void h0_stage_drop(struct h0_confdir *d, const struct h0_changeset *cs)
{
	char stage[300];
	int err = errno;
	d->o->unlink(d->o, d->txn.fd, "journal.new", 0);
	for (size_t i = 0; i < cs->n; i++)
		if (cs->v[i].after && dir_of(d, cs->v[i].path) >= 0)
			d->o->unlink(d->o, dir_of(d, cs->v[i].path),
			             stage_name(d, cs->v[i].path, stage, sizeof stage), 0);
	for (int i = 0; i < H0_CONF_DIRS; i++) {
		h0_autofree char *path = h0_conf_dir_path(d->etc, i);
		if (d->made[i])
			d->o->unlink(d->o, AT_FDCWD, path, AT_REMOVEDIR);
	}
	errno = err;
}

/* ---- publishing ---- */

struct entry {
	const struct h0_change *c;
	const char *name;
	char stage[300], kept[300];
	int dir;
};

static struct entry entry_of(const struct h0_confdir *d, const struct h0_change *c)
{
	struct entry en = {.c = c, .name = base_name(c->path), .dir = dir_of(d, c->path)};
	stage_name(d, c->path, en.stage, sizeof en.stage);
	snprintf(en.kept, sizeof en.kept, "%s.hal0-new", en.name);
	return en;
}

/* Without the flag where the file system has none: then the last look at the target has to do. */
static int rename_flag(struct h0_confdir *d, const struct entry *en, const char *from,
                       const char *to, unsigned flag)
{
	int rc = d->o->rename(d->o, en->dir, from, to, flag);
	return rc < 0 && (errno == EINVAL || errno == ENOSYS)
	       ? d->o->rename(d->o, en->dir, from, to, 0) : rc;
}

/* What was in the target's place comes out under the staged name, in one step. */
static int swap_in(struct h0_confdir *d, const struct entry *en)
{
	if (!en->c->before)
		return rename_flag(d, en, en->stage, en->name, RENAME_NOREPLACE);
	if (!en->c->after)
		return d->o->rename(d->o, en->dir, en->name, en->stage, 0);
	return rename_flag(d, en, en->stage, en->name, RENAME_EXCHANGE);
}

static int swap_back(struct h0_confdir *d, const struct entry *en)
{
	return en->c->after ? d->o->rename(d->o, en->dir, en->stage, en->name, RENAME_EXCHANGE)
	                    : rename_flag(d, en, en->stage, en->name, RENAME_NOREPLACE);
}

/* Looks at what came out. 1: what was expected, and it is gone now; 0: an edit that came between
 * the last look and the swap, and it is back in its place. */
static int settle(struct h0_confdir *d, const struct entry *en, struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	bool odd;
	int there = read_beside(d, en->c, en->stage, &b, &odd, e);
	if (there < 0)
		return -1;
	if (!there)
		return 1;
	bool expected = !odd && compare(en->c, h0_buf_str(&b), b.len) != H0_LIVE_OTHER;
	int rc = expected ? d->o->unlink(d->o, en->dir, en->stage, 0) : swap_back(d, en);
	return rc < 0 ? fail_path(d, en->c->path, e) : expected;
}

/* Somebody wrote the very same bytes: the staged copy goes. Something else: it is kept. */
static int put_aside(struct h0_confdir *d, const struct entry *en, enum h0_live live,
                     struct h0_strv *conflicts, struct h0_err *e)
{
	if (live == H0_LIVE_OTHER)
		h0_strv_add(conflicts, en->c->path);
	if (!en->c->after || en->dir < 0)
		return 0;
	int rc = live == H0_LIVE_AFTER ? d->o->unlink(d->o, en->dir, en->stage, 0)
	                               : d->o->rename(d->o, en->dir, en->stage, en->kept, 0);
	return rc < 0 && (live == H0_LIVE_OTHER || errno != ENOENT) ? fail_path(d, en->c->path, e)
	                                                            : 0;
}

static int publish_one(struct h0_confdir *d, const struct h0_change *c, struct h0_strv *published,
                       struct h0_strv *conflicts, struct h0_err *e)
{
	struct entry en = entry_of(d, c);
	for (int i = 0; i < PUBLISH_TRIES; i++) {
		enum h0_live live;
		if (h0_live_state(d, c, &live, e) < 0)
			return -1;
		if (live != H0_LIVE_BEFORE)
			return put_aside(d, &en, live, conflicts, e);
		if (swap_in(d, &en) < 0) {
			if (errno != ENOENT && errno != EEXIST)
				return fail_path(d, c->path, e);
			continue; /* it came or went just now: look again */
		}
		int rc = settle(d, &en, e);
		if (rc < 0)
			return -1;
		if (rc && published)
			h0_strv_add(published, c->path);
		if (rc)
			return 0;
	}
	return h0_fail(e, H0_CONFLICT, "%s/%s keeps changing", d->etc, c->path);
}

static bool is_start_of(const struct h0_buf *b, const struct h0_change *c)
{
	return c->after && b->len <= c->after_len && memcmp(h0_buf_str(b), c->after, b->len) == 0;
}

static int rescue_one(struct h0_confdir *d, const struct h0_change *c, struct h0_err *e)
{
	struct entry en = entry_of(d, c);
	h0_autobuf struct h0_buf b = {0};
	enum h0_live live;
	bool odd;
	int there = read_beside(d, c, en.stage, &b, &odd, e);
	if (there <= 0)
		return there;
	/* ours, perhaps torn: recovery was writing it when the power failed; or what was replaced */
	if (!odd && (is_start_of(&b, c) || compare(c, h0_buf_str(&b), b.len) != H0_LIVE_OTHER))
		return 0;
	if (h0_live_state(d, c, &live, e) < 0)
		return -1;
	int rc = live == H0_LIVE_AFTER ? swap_back(d, &en)
	                               : d->o->rename(d->o, en.dir, en.stage, en.kept, 0);
	return rc < 0 ? fail_path(d, c->path, e) : 0;
}

int h0_publish_rescue(struct h0_confdir *d, const struct h0_changeset *cs, struct h0_err *e)
{
	for (size_t i = 0; i < cs->n; i++)
		if (rescue_one(d, &cs->v[i], e) < 0)
			return -1;
	return 0;
}

/* Makes the new names durable: also the directories' own, which may be as new as the files. */
static int sync_dirs(struct h0_confdir *d, const struct h0_changeset *cs, struct h0_err *e)
{
	h0_autofree char *beside = h0_conf_dir_path(d->etc, H0_DIR_MODPROBE);
	h0_autoopfd parent = {d->o, -1};
	bool touched[H0_CONF_DIRS] = {false};
	int dirs[H0_CONF_DIRS + 1];
	size_t n = 0;
	for (size_t i = 0; i < cs->n; i++) {
		enum h0_conf_dir dir = h0_conf_dir_of(cs->v[i].path);
		touched[dir] = true;
		touched[H0_DIR_ETC] |= dir == H0_DIR_SLOTS; /* slots/ is a name in it */
		if (dir != H0_DIR_MODPROBE || cs->v[i].before)
			continue; /* with an older file of ours in it, its name is durable */
		*strrchr(beside, '/') = '\0';
		parent.fd = h0_op_open(d->o, AT_FDCWD, *beside ? beside : "/", O_RDONLY | O_DIRECTORY, 0);
		if (parent.fd < 0)
			return h0_fail_sys(e, "%s", beside);
		dirs[n++] = parent.fd;
	}
	for (int i = 0; i < H0_CONF_DIRS; i++)
		if (touched[i] && d->dir[i].fd >= 0)
			dirs[n++] = d->dir[i].fd;
	return d->o->fsync_all(d->o, dirs, n) < 0 ? h0_fail_sys(e, "%s", d->etc) : 0;
}

int h0_publish(struct h0_confdir *d, const struct h0_changeset *cs, struct h0_strv *published,
               struct h0_strv *conflicts, struct h0_err *e)
{
	for (size_t i = 0; i < cs->n; i++)
		if (publish_one(d, &cs->v[i], published, conflicts, e) < 0)
			return -1;
	return sync_dirs(d, cs, e);
}

int h0_retire(struct h0_confdir *d, struct h0_err *e)
{
	if (d->o->rename(d->o, d->txn.fd, "journal", "applied", 0) < 0 ||
	    d->o->fsync(d->o, d->txn.fd) < 0)
		return fail_path(d, ".txn", e);
	return 0;
}

int h0_conflict(const struct h0_confdir *d, const struct h0_strv *paths, struct h0_err *e)
{
	h0_autobuf struct h0_buf b = {0};
	for (size_t i = 0; i < paths->n; i++)
		h0_buf_addf(&b, "%s%s", i ? ", " : "", paths->v[i]);
	h0_fail(e, H0_CONFLICT, "%s: edited while a change was being made: the edit stays, the "
	        "change is kept beside it as NAME.hal0-new; merge it by hand, then remove that file",
	        h0_buf_str(&b));
	h0_err_code(e, "config.conflict");
	return h0_err_detail(e, "files", "%s", h0_buf_str(&b));
}

/* ---- sweeping ---- */

static int sweep_dir(struct h0_confdir *d, int dir, const char *prefix, struct h0_strv *swept,
                     struct h0_err *e)
{
	h0_autostrv struct h0_strv names = {0};
	if (d->o->list(d->o, dir, &names) < 0)
		return fail_path(d, prefix, e);
	for (size_t i = 0; i < names.n; i++) {
		if (!h0_stage_name_is(names.v[i]))
			continue;
		if (d->o->unlink(d->o, dir, names.v[i], 0) < 0)
			return fail_path(d, names.v[i], e);
		if (swept)
			h0_strv_addf(swept, "%s%s", prefix, names.v[i]);
	}
	return 0;
}

int h0_sweep(struct h0_confdir *d, struct h0_strv *swept, struct h0_err *e)
{
	if (d->o->unlink(d->o, d->txn.fd, "journal.new", 0) == 0) {
		if (swept)
			h0_strv_add(swept, ".txn/journal.new");
	} else if (errno != ENOENT) {
		return fail_path(d, ".txn/journal.new", e);
	}
	for (int i = 0; i < H0_CONF_DIRS; i++)
		if (d->dir[i].fd >= 0 &&
		    sweep_dir(d, d->dir[i].fd, h0_conf_dir_prefix[i], swept, e) < 0)
			return -1;
	return 0;
}
