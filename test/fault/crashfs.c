/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fault/crashfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

#define FD_BASE 1000000 /* no real descriptor is this large: a stray one shows */

struct version {
	char *data;
	size_t len;
	unsigned mode;
};

struct name {
	char *name;
	struct crashfs_inode *inode;
};

struct names {
	struct name *v;
	size_t n, cap;
};

/* One change of names that the directory's next fsync makes durable. */
struct change {
	enum { MAKE, REMOVE, RENAME, SWAP } kind;
	char *name, *to;
	struct crashfs_inode *inode, *other; /* what name led to; for SWAP: what `to` led to */
};

struct crashfs_inode {
	struct crashfs_inode *next;
	struct crashfs_inode *copied; /* while copying */
	uint64_t mark;                /* while summing */
	uint64_t ino;
	unsigned type; /* S_IFREG, S_IFDIR, S_IFLNK */
	uid_t uid;
	gid_t gid;
	/* a file */
	struct version live, synced;
	bool dirty; /* live is not synced */
	/* a directory */
	struct names now, durable;
	struct change *pending;
	size_t npending, pending_cap;
};

struct crashfs_file {
	struct crashfs_inode *inode; /* NULL: closed */
	size_t pos;
};

/* ---- inodes and names ---- */

static struct crashfs_inode *new_inode(struct crashfs *fs, unsigned type, unsigned mode)
{
	struct crashfs_inode *i = h0_calloc(1, sizeof *i);
	i->ino = ++fs->next_ino;
	i->type = type;
	i->live.mode = i->synced.mode = mode & 07777;
	i->next = fs->all;
	fs->all = i;
	return i;
}

static void set_version(struct version *v, const char *data, size_t len, unsigned mode)
{
	char *own = h0_strndup(data ? data : "", len);
	free(v->data);
	*v = (struct version){own, len, mode};
}

static void cut(struct version *v, size_t len)
{
	v->len = len;
	if (v->data)
		v->data[len] = '\0';
}

static struct name *find(const struct names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

static void names_del(struct names *l, const char *name)
{
	struct name *f = find(l, name);
	if (!f)
		return;
	free(f->name);
	*f = l->v[--l->n];
}

static void names_set(struct names *l, const char *name, struct crashfs_inode *inode)
{
	struct name *f = find(l, name);
	if (f) {
		f->inode = inode;
		return;
	}
	l->v = h0_grow(l->v, l->n, &l->cap, sizeof *l->v);
	l->v[l->n++] = (struct name){h0_strdup(name), inode};
}

static void names_done(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	*l = (struct names){0};
}

static void apply(struct names *l, const struct change *c)
{
	if (c->kind == MAKE)
		names_set(l, c->name, c->inode);
	if (c->kind == REMOVE)
		names_del(l, c->name);
	if (c->kind == RENAME) {
		struct name *from = find(l, c->name);
		if (from && from->inode == c->inode)
			names_del(l, c->name);
		names_set(l, c->to, c->inode);
	}
	if (c->kind == SWAP) {
		names_set(l, c->name, c->other);
		names_set(l, c->to, c->inode);
	}
}

static void pending_clear(struct crashfs_inode *dir)
{
	for (size_t i = 0; i < dir->npending; i++) {
		free(dir->pending[i].name);
		free(dir->pending[i].to);
	}
	dir->npending = 0;
}

static void change_names(struct crashfs_inode *dir, int kind, const char *name, const char *to,
                         struct crashfs_inode *inode, struct crashfs_inode *other)
{
	dir->pending = h0_grow(dir->pending, dir->npending, &dir->pending_cap, sizeof *dir->pending);
	struct change *c = &dir->pending[dir->npending++];
	*c = (struct change){kind, h0_strdup(name), h0_strdup(to), inode, other};
	apply(&dir->now, c);
}

static void sync_inode(struct crashfs_inode *i)
{
	if (i->type == S_IFREG && i->dirty) {
		set_version(&i->synced, i->live.data, i->live.len, i->live.mode);
		i->dirty = false;
	}
	if (i->type != S_IFDIR)
		return;
	i->synced.mode = i->live.mode;
	names_done(&i->durable);
	for (size_t n = 0; n < i->now.n; n++)
		names_set(&i->durable, i->now.v[n].name, i->now.v[n].inode);
	pending_clear(i);
}

/* The directory that holds the last part of path, and that part. NULL and errno. */
static struct crashfs_inode *walk(struct crashfs_inode *from, const char *path, char last[256])
{
	while (*path == '/')
		path++;
	for (;;) {
		size_t n = strcspn(path, "/");
		snprintf(last, 256, "%.*s", (int)n, path);
		path += n;
		while (*path == '/')
			path++;
		if (!*path)
			return from;
		struct name *f = find(&from->now, last);
		if (!f || f->inode->type != S_IFDIR) {
			errno = f ? ENOTDIR : ENOENT;
			return NULL;
		}
		from = f->inode;
	}
}

static struct crashfs_inode *lookup(const struct crashfs *fs, const char *path)
{
	char last[256];
	struct crashfs_inode *dir = walk(fs->root, path, last);
	struct name *f = !dir ? NULL : find(&dir->now, last);
	return dir && !*last ? dir : f ? f->inode : NULL;
}

/* ---- faults ---- */

static struct crashfs *fs_of(const struct h0_ops *o)
{
	return o->ctx;
}

/* Called first by every operation. false: it fails, errno is set. */
static bool enter(struct crashfs *fs, bool mutates, const char *what, const char *name)
{
	h0_autofree char *text = NULL;
	if (fs->hook || (mutates && fs->keep_log))
		text = h0_asprintf("%s %s", what, name);
	if (fs->hook) {
		fs->doing = text;
		fs->hook(fs, fs->hook_arg);
		fs->doing = NULL;
	}
	long n = fs->ops_n++;
	if (mutates && fs->keep_log)
		h0_strv_add(&fs->log, text);
	long m = mutates ? fs->mutations++ : -1;
	if (mutates && fs->die_at >= 0 && m >= fs->die_at) {
		errno = EIO;
		return false;
	}
	if (fs->fail_at < 0 || !fs->fail_errno)
		return true;
	if (n == fs->fail_at || (fs->fail_on && fs->failed && mutates)) {
		fs->failed = true;
		errno = fs->fail_errno;
		return false;
	}
	return true;
}

static struct crashfs_file *file_of(struct crashfs *fs, int fd)
{
	size_t i = (size_t)fd - FD_BASE;
	if (fd < FD_BASE || i >= fs->nfiles || !fs->files[i].inode)
		abort(); /* a descriptor that is not ours or closed: a bug in the code under test */
	return &fs->files[i];
}

static struct crashfs_inode *dir_of(struct crashfs *fs, int dirfd)
{
	return dirfd == AT_FDCWD ? fs->root : file_of(fs, dirfd)->inode;
}

/* ---- the operations ---- */

static int open_refusal(const struct crashfs_inode *i, int flags)
{
	if (!i)
		return flags & O_CREAT ? 0 : ENOENT;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return EEXIST;
	if (i->type == S_IFLNK)
		return !(flags & O_NOFOLLOW) ? ENOENT : flags & O_DIRECTORY ? ENOTDIR : ELOOP;
	return i->type != S_IFDIR && (flags & O_DIRECTORY) ? ENOTDIR : 0;
}

static int op_open(const struct h0_ops *o, int dirfd, const char *path, int flags, unsigned mode)
{
	struct crashfs *fs = fs_of(o);
	char last[256];
	struct crashfs_inode *dir = walk(dir_of(fs, dirfd), path, last);
	struct name *f = dir && *last ? find(&dir->now, last) : NULL;
	struct crashfs_inode *i = dir && !*last ? dir : f ? f->inode : NULL;
	bool makes = dir && !i && (flags & O_CREAT);
	if (!enter(fs, makes, makes ? "create" : "open", path))
		return -1;
	/* the hook may have changed what is there */
	dir = walk(dir_of(fs, dirfd), path, last);
	if (!dir)
		return -1;
	f = *last ? find(&dir->now, last) : NULL;
	i = *last ? (f ? f->inode : NULL) : dir;
	errno = open_refusal(i, flags);
	if (errno)
		return -1;
	if (!i) {
		i = new_inode(fs, S_IFREG, mode);
		change_names(dir, MAKE, last, NULL, i, NULL);
	}
	fs->files = h0_grow(fs->files, fs->nfiles, &fs->files_cap, sizeof *fs->files);
	fs->files[fs->nfiles] = (struct crashfs_file){i, 0};
	return FD_BASE + (int)fs->nfiles++;
}

static void op_close(const struct h0_ops *o, int fd)
{
	struct crashfs *fs = fs_of(o);
	file_of(fs, fd)->inode = NULL;
	while (fs->nfiles && !fs->files[fs->nfiles - 1].inode)
		fs->nfiles--;
}

static ssize_t op_read(const struct h0_ops *o, int fd, void *buf, size_t n)
{
	struct crashfs *fs = fs_of(o);
	if (!enter(fs, false, "read", ""))
		return -1;
	struct crashfs_file *f = file_of(fs, fd);
	if (f->inode->type == S_IFDIR) {
		errno = EISDIR;
		return -1;
	}
	size_t left = f->pos < f->inode->live.len ? f->inode->live.len - f->pos : 0;
	if (n > left)
		n = left;
	if (n)
		memcpy(buf, f->inode->live.data + f->pos, n);
	f->pos += n;
	return (ssize_t)n;
}

static int op_fstat(const struct h0_ops *o, int fd, struct stat *ret)
{
	struct crashfs *fs = fs_of(o);
	if (!enter(fs, false, "fstat", ""))
		return -1;
	struct crashfs_inode *i = file_of(fs, fd)->inode;
	*ret = (struct stat){
		.st_mode = i->type | i->live.mode, .st_ino = i->ino, .st_uid = i->uid,
		.st_gid = i->gid, .st_size = (off_t)i->live.len, .st_nlink = 1,
	};
	return 0;
}

static int op_statx(const struct h0_ops *o, int dirfd, const char *path, int flags,
                    struct statx *ret)
{
	struct crashfs *fs = fs_of(o);
	char last[256];
	if (!enter(fs, false, "statx", path))
		return -1;
	struct crashfs_inode *i = dir_of(fs, dirfd);
	if (*path) {
		struct crashfs_inode *dir = walk(i, path, last);
		struct name *f = dir && *last ? find(&dir->now, last) : NULL;
		i = !dir ? NULL : !*last ? dir : f ? f->inode : NULL;
		if (dir && !i)
			errno = ENOENT;
	}
	if (!i)
		return -1;
	*ret = (struct statx){
		.stx_mode = (unsigned short)(i->type | i->live.mode), .stx_ino = i->ino,
		.stx_size = i->live.len,
	};
	return 0;
}

static int op_list(const struct h0_ops *o, int dirfd, struct h0_strv *ret)
{
	struct crashfs *fs = fs_of(o);
	if (!enter(fs, false, "list", ""))
		return -1;
	struct crashfs_inode *dir = dir_of(fs, dirfd);
	for (size_t i = 0; i < dir->now.n; i++)
		h0_strv_add(ret, dir->now.v[i].name);
	return 0;
}

static ssize_t op_listxattr(const struct h0_ops *o, int fd, char *buf, size_t n)
{
	return enter(fs_of(o), false, "listxattr", "") ? 0 : -1;
}

static ssize_t op_getxattr(const struct h0_ops *o, int fd, const char *name, void *buf, size_t n)
{
	errno = ENODATA;
	return -1;
}

static int op_setxattr(const struct h0_ops *o, int fd, const char *name, const void *buf, size_t n)
{
	errno = ENOTSUP;
	return -1;
}

static ssize_t write_at(struct crashfs_inode *i, const char *buf, size_t n, size_t at)
{
	size_t len = at + n > i->live.len ? at + n : i->live.len;
	char *data = h0_calloc(1, len + 1);
	if (i->live.len)
		memcpy(data, i->live.data, i->live.len);
	memcpy(data + at, buf, n);
	free(i->live.data);
	i->live.data = data;
	i->live.len = len;
	i->dirty = true;
	return (ssize_t)n;
}

static ssize_t op_write(const struct h0_ops *o, int fd, const void *buf, size_t n)
{
	struct crashfs *fs = fs_of(o);
	long op = fs->ops_n;
	if (!enter(fs, true, "write", ""))
		return -1;
	struct crashfs_file *f = file_of(fs, fd);
	if (fs->fail_at >= 0 && op == fs->fail_at && !fs->fail_errno) {
		fs->failed = true;
		n = (n + 1) / 2;
	}
	write_at(f->inode, buf, n, f->pos);
	f->pos += n;
	return (ssize_t)n;
}

/* Only the lock's note is written this way, and nobody relies on it: it is not worth the threefold
 * number of states that unsynced data costs. */
static ssize_t op_pwrite(const struct h0_ops *o, int fd, const void *buf, size_t n, off_t at)
{
	struct crashfs *fs = fs_of(o);
	if (!enter(fs, true, "pwrite", ""))
		return -1;
	write_at(file_of(fs, fd)->inode, buf, n, (size_t)at);
	sync_inode(file_of(fs, fd)->inode);
	return (ssize_t)n;
}

static int op_truncate(const struct h0_ops *o, int fd, off_t len)
{
	struct crashfs *fs = fs_of(o);
	if (!enter(fs, true, "truncate", ""))
		return -1;
	struct crashfs_inode *i = file_of(fs, fd)->inode;
	if ((size_t)len < i->live.len) {
		cut(&i->live, (size_t)len);
		i->dirty = true;
	}
	return 0;
}

static int op_chmod(const struct h0_ops *o, int fd, unsigned mode)
{
	struct crashfs *fs = fs_of(o);
	if (!enter(fs, true, "chmod", ""))
		return -1;
	struct crashfs_inode *i = file_of(fs, fd)->inode;
	i->live.mode = mode & 07777;
	i->dirty |= i->type == S_IFREG;
	return 0;
}

static int op_chown(const struct h0_ops *o, int fd, uid_t uid, gid_t gid)
{
	struct crashfs *fs = fs_of(o);
	if (!enter(fs, true, "chown", ""))
		return -1;
	file_of(fs, fd)->inode->uid = uid;
	file_of(fs, fd)->inode->gid = gid;
	return 0;
}

/* Whose fsync it was, by the name the inode has now. */
static void path_of(const struct crashfs_inode *dir, const struct crashfs_inode *i,
                    const char *prefix, struct h0_buf *ret)
{
	if (dir == i)
		h0_buf_adds(ret, *prefix ? prefix : "/");
	for (size_t n = 0; n < dir->now.n && !ret->len; n++) {
		h0_autofree char *p = h0_asprintf("%s/%s", prefix, dir->now.v[n].name);
		struct crashfs_inode *child = dir->now.v[n].inode;
		if (child == i)
			h0_buf_adds(ret, p);
		else if (child->type == S_IFDIR)
			path_of(child, i, p, ret);
	}
}

static int op_fsync(const struct h0_ops *o, int fd)
{
	struct crashfs *fs = fs_of(o);
	h0_autobuf struct h0_buf name = {0};
	if (fs->keep_log || fs->hook)
		path_of(fs->root, file_of(fs, fd)->inode, "", &name);
	if (!enter(fs, true, "fsync", h0_buf_str(&name)))
		return -1;
	if (fs->keep_log)
		h0_strv_add(&fs->fsync_log, h0_buf_str(&name));
	if (fs->fsyncs++ != fs->lie_at)
		sync_inode(file_of(fs, fd)->inode);
	return 0;
}

static int op_fsync_all(const struct h0_ops *o, const int *fds, size_t n)
{
	int rc = 0;
	for (size_t i = 0; i < n; i++)
		if (op_fsync(o, fds[i]) < 0)
			rc = -1;
	return rc;
}

static void op_flush_hint(const struct h0_ops *o, int fd)
{
	file_of(fs_of(o), fd);
}

static int op_rename(const struct h0_ops *o, int dirfd, const char *from, const char *to,
                     unsigned flags)
{
	struct crashfs *fs = fs_of(o);
	h0_autofree char *both = h0_asprintf("%s %s", from, to);
	if (!enter(fs, true, flags == RENAME_EXCHANGE ? "exchange" : "rename", both))
		return -1;
	struct crashfs_inode *dir = dir_of(fs, dirfd);
	struct name *f = find(&dir->now, from), *t = find(&dir->now, to);
	if (flags && fs->no_rename_flags)
		errno = EINVAL;
	else if (!f || (!t && flags == RENAME_EXCHANGE))
		errno = ENOENT;
	else if (t && flags == RENAME_NOREPLACE)
		errno = EEXIST;
	else if (strchr(from, '/') || strchr(to, '/') || (t && t->inode->type == S_IFDIR))
		errno = EISDIR;
	else {
		bool swap = flags == RENAME_EXCHANGE;
		change_names(dir, swap ? SWAP : RENAME, from, to, f->inode, swap ? t->inode : NULL);
		return 0;
	}
	return -1;
}

static int op_unlink(const struct h0_ops *o, int dirfd, const char *name, int flags)
{
	struct crashfs *fs = fs_of(o);
	struct crashfs_inode *dir = dir_of(fs, dirfd);
	struct name *f = find(&dir->now, name);
	if (!enter(fs, f != NULL, "unlink", name))
		return -1;
	f = find(&dir->now, name);
	bool is_dir = f && f->inode->type == S_IFDIR, want_dir = flags & AT_REMOVEDIR;
	if (!f || is_dir != want_dir || (is_dir && f->inode->now.n)) {
		errno = !f ? ENOENT : is_dir ? want_dir ? ENOTEMPTY : EISDIR : ENOTDIR;
		return -1;
	}
	change_names(dir, REMOVE, name, NULL, f->inode, NULL);
	return 0;
}

static int op_mkdir(const struct h0_ops *o, int dirfd, const char *path, unsigned mode)
{
	struct crashfs *fs = fs_of(o);
	char last[256];
	struct crashfs_inode *dir = walk(dir_of(fs, dirfd), path, last);
	bool there = dir && (!*last || find(&dir->now, last));
	if (!enter(fs, dir && !there, "mkdir", path))
		return -1;
	if (!dir || there) {
		errno = dir ? EEXIST : ENOENT;
		return -1;
	}
	change_names(dir, MAKE, last, NULL, new_inode(fs, S_IFDIR, mode), NULL);
	return 0;
}

/* Two processes never hold it at the same time in these tests: one is dead, or a reader. */
static int op_flock(const struct h0_ops *o, int fd, int op)
{
	return enter(fs_of(o), false, "flock", "") ? 0 : -1;
}

static void op_sleep_ms(const struct h0_ops *o, int ms)
{
}

static int64_t op_now(const struct h0_ops *o)
{
	return 1700000000;
}

static uint32_t op_random(const struct h0_ops *o)
{
	return ++fs_of(o)->randoms;
}

static const struct h0_ops table = {
	.open = op_open,
	.close = op_close,
	.read = op_read,
	.fstat = op_fstat,
	.statx = op_statx,
	.list = op_list,
	.listxattr = op_listxattr,
	.getxattr = op_getxattr,
	.write = op_write,
	.pwrite = op_pwrite,
	.truncate = op_truncate,
	.chmod = op_chmod,
	.chown = op_chown,
	.setxattr = op_setxattr,
	.fsync = op_fsync,
	.fsync_all = op_fsync_all,
	.flush_hint = op_flush_hint,
	.rename = op_rename,
	.unlink = op_unlink,
	.mkdir = op_mkdir,
	.flock = op_flock,
	.sleep_ms = op_sleep_ms,
	.now = op_now,
	.random = op_random,
};

/* ---- life ---- */

void crashfs_reset(struct crashfs *fs)
{
	fs->die_at = fs->lie_at = fs->fail_at = -1;
	fs->fail_errno = 0;
	fs->fail_on = fs->failed = fs->keep_log = false;
	fs->no_rename_flags = false;
	fs->hook = NULL;
	fs->hook_arg = NULL;
	fs->ops_n = fs->mutations = fs->fsyncs = 0;
	h0_strv_done(&fs->log);
	h0_strv_done(&fs->fsync_log);
}

static struct crashfs *bare(void)
{
	struct crashfs *fs = h0_calloc(1, sizeof *fs);
	fs->ops = table;
	fs->ops.ctx = fs;
	crashfs_reset(fs);
	return fs;
}

struct crashfs *crashfs_new(void)
{
	struct crashfs *fs = bare();
	fs->root = new_inode(fs, S_IFDIR, 0755);
	return fs;
}

static struct crashfs_inode *copy_inode(struct crashfs *to, struct crashfs_inode *from)
{
	if (from->copied)
		return from->copied;
	struct crashfs_inode *i = new_inode(to, from->type, 0);
	from->copied = i;
	i->ino = from->ino;
	i->uid = from->uid;
	i->gid = from->gid;
	i->dirty = from->dirty;
	set_version(&i->live, from->live.data, from->live.len, from->live.mode);
	set_version(&i->synced, from->synced.data, from->synced.len, from->synced.mode);
	for (size_t n = 0; n < from->now.n; n++)
		names_set(&i->now, from->now.v[n].name, copy_inode(to, from->now.v[n].inode));
	for (size_t n = 0; n < from->durable.n; n++)
		names_set(&i->durable, from->durable.v[n].name, copy_inode(to, from->durable.v[n].inode));
	for (size_t n = 0; n < from->npending; n++) {
		struct change *c = &from->pending[n];
		i->pending = h0_grow(i->pending, i->npending, &i->pending_cap, sizeof *i->pending);
		i->pending[i->npending++] = (struct change){c->kind, h0_strdup(c->name),
		                                            h0_strdup(c->to), copy_inode(to, c->inode),
		                                            c->other ? copy_inode(to, c->other) : NULL};
	}
	return i;
}

struct crashfs *crashfs_copy(const struct crashfs *fs)
{
	struct crashfs *to = bare();
	for (struct crashfs_inode *i = fs->all; i; i = i->next)
		i->copied = NULL;
	to->root = copy_inode(to, fs->root);
	to->next_ino = fs->next_ino;
	to->randoms = fs->randoms;
	return to;
}

void crashfs_free(struct crashfs *fs)
{
	while (fs && fs->all) {
		struct crashfs_inode *i = fs->all;
		fs->all = i->next;
		pending_clear(i);
		free(i->pending);
		names_done(&i->now);
		names_done(&i->durable);
		free(i->live.data);
		free(i->synced.data);
		free(i);
	}
	if (fs) {
		h0_strv_done(&fs->log);
		h0_strv_done(&fs->fsync_log);
		free(fs->files);
	}
	free(fs);
}

void crashfs_freep(struct crashfs **fs)
{
	crashfs_free(*fs);
}

/* ---- comparing states ---- */

struct sum {
	uint64_t h, marks;
};

static void sum_word(struct sum *s, uint64_t w)
{
	s->h = (s->h ^ w) * 0x9e3779b97f4a7c15u;
	s->h ^= s->h >> 29;
}

static void sum_bytes(struct sum *s, const char *p, size_t n)
{
	sum_word(s, n);
	for (; n; ) {
		uint64_t w = 0;
		size_t k = n < sizeof w ? n : sizeof w;
		memcpy(&w, p, k);
		sum_word(s, w);
		p += k;
		n -= k;
	}
}

static void sum_text(struct sum *s, const char *p)
{
	sum_bytes(s, p ? p : "", p ? strlen(p) : 0);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static void sum_inode(struct sum *s, struct crashfs_inode *i);

static void sum_names(struct sum *s, struct names *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof *l->v, by_name);
	sum_word(s, l->n);
	for (size_t n = 0; n < l->n; n++) {
		sum_text(s, l->v[n].name);
		sum_inode(s, l->v[n].inode);
	}
}

/* Inodes count by the order in which they are met, not by number. */
static void sum_inode(struct sum *s, struct crashfs_inode *i)
{
	bool known = i->mark != 0;
	if (!known)
		i->mark = ++s->marks;
	sum_word(s, i->mark);
	if (known)
		return;
	sum_word(s, i->type | i->live.mode);
	if (i->type == S_IFREG) {
		sum_bytes(s, i->live.data, i->live.len);
		sum_word(s, i->dirty);
	}
	if (i->dirty) {
		sum_bytes(s, i->synced.data, i->synced.len);
		sum_word(s, i->synced.mode);
	}
	if (i->type != S_IFDIR)
		return;
	sum_names(s, &i->now);
	if (i->npending)
		sum_names(s, &i->durable);
	for (size_t n = 0; n < i->npending; n++) {
		struct change *c = &i->pending[n];
		sum_word(s, (uint64_t)c->kind);
		sum_text(s, c->name);
		sum_text(s, c->to);
		sum_inode(s, c->inode);
		if (c->other)
			sum_inode(s, c->other);
	}
}

uint64_t crashfs_sum(const struct crashfs *fs)
{
	struct sum s = {0};
	for (struct crashfs_inode *i = fs->all; i; i = i->next)
		i->mark = 0;
	sum_inode(&s, fs->root);
	return s.h;
}

/* ---- power loss ---- */

/* A state is a number in mixed base: a bit for each pending change, then a digit 0..2 (as of the
 * last fsync, torn, whole) for each file whose data is not synced. */
uint64_t crashfs_losses(const struct crashfs *fs)
{
	uint64_t n = 1;
	for (struct crashfs_inode *i = fs->all; i; i = i->next) {
		for (size_t k = 0; k < i->npending; k++)
			n *= 2;
		if (i->type == S_IFREG && i->dirty)
			n *= 3;
	}
	return n;
}

static void lose_file(struct crashfs_inode *i, uint64_t *state)
{
	if (!i->dirty)
		return;
	uint64_t how = *state % 3;
	*state /= 3;
	if (how == 0)
		set_version(&i->live, i->synced.data, i->synced.len, i->synced.mode);
	if (how == 1)
		cut(&i->live, i->live.len / 2);
	set_version(&i->synced, i->live.data, i->live.len, i->live.mode);
	i->dirty = false;
}

static void lose_names(struct crashfs_inode *dir, uint64_t *state)
{
	for (size_t k = 0; k < dir->npending; k++) {
		if (*state % 2)
			apply(&dir->durable, &dir->pending[k]);
		*state /= 2;
	}
	pending_clear(dir);
	names_done(&dir->now);
	for (size_t n = 0; n < dir->durable.n; n++)
		names_set(&dir->now, dir->durable.v[n].name, dir->durable.v[n].inode);
}

struct crashfs *crashfs_loss(const struct crashfs *fs, uint64_t state)
{
	struct crashfs *to = crashfs_copy(fs);
	for (struct crashfs_inode *i = to->all; i; i = i->next) {
		if (i->type == S_IFDIR)
			lose_names(i, &state);
		if (i->type == S_IFREG)
			lose_file(i, &state);
	}
	return to;
}

/* ---- a person's hand ---- */

/* A name becomes durable as it is now. Earlier changes of it are decided thereby, and so is the
 * other half of a rename or an exchange; all others stay open. */
static void settle(struct crashfs_inode *dir, const char *name)
{
	struct name *f = find(&dir->now, name);
	if (f)
		names_set(&dir->durable, name, f->inode);
	else
		names_del(&dir->durable, name);
	for (size_t k = 0; k < dir->npending;) {
		struct change c = dir->pending[k];
		bool is_name = strcmp(c.name, name) == 0, is_to = c.to && strcmp(c.to, name) == 0;
		if (c.kind == RENAME ? !is_to : !is_name && !is_to) {
			k++;
			continue;
		}
		dir->npending--;
		memmove(&dir->pending[k], &dir->pending[k + 1],
		        (dir->npending - k) * sizeof *dir->pending);
		struct name *from = c.kind == RENAME ? find(&dir->durable, c.name) : NULL;
		if (from && from->inode == c.inode)
			names_del(&dir->durable, c.name);
		if (c.kind == SWAP)
			settle(dir, is_name ? c.to : c.name);
		free(c.name);
		free(c.to);
		k = 0;
	}
}

void crashfs_sync_all(struct crashfs *fs)
{
	for (struct crashfs_inode *i = fs->all; i; i = i->next)
		sync_inode(i);
}

void crashfs_put(struct crashfs *fs, const char *path, const char *text)
{
	char last[256];
	struct crashfs_inode *dir = walk(fs->root, path, last);
	if (!dir)
		abort();
	if (text) {
		struct crashfs_inode *i = new_inode(fs, S_IFREG, 0644);
		set_version(&i->live, text, strlen(text), 0644);
		set_version(&i->synced, text, strlen(text), 0644);
		names_set(&dir->now, last, i);
	} else {
		names_del(&dir->now, last);
	}
	settle(dir, last);
}

void crashfs_write_over(struct crashfs *fs, const char *path, const char *text)
{
	char last[256];
	struct crashfs_inode *dir = walk(fs->root, path, last);
	struct crashfs_inode *i = lookup(fs, path);
	if (!text || !i || i->type != S_IFREG) {
		crashfs_put(fs, path, text);
		return;
	}
	set_version(&i->live, text, strlen(text), i->live.mode);
	i->dirty = true;
	sync_inode(i);
	settle(dir, last);
}

void crashfs_mkdir(struct crashfs *fs, const char *path, bool durable)
{
	char last[256];
	struct crashfs_inode *dir = walk(fs->root, path, last);
	if (!dir)
		abort();
	change_names(dir, MAKE, last, NULL, new_inode(fs, S_IFDIR, 0755), NULL);
	if (durable)
		settle(dir, last);
}

void crashfs_symlink(struct crashfs *fs, const char *path)
{
	char last[256];
	struct crashfs_inode *dir = walk(fs->root, path, last);
	if (!dir)
		abort();
	names_set(&dir->now, last, new_inode(fs, S_IFLNK, 0777));
	settle(dir, last);
}

const char *crashfs_get(const struct crashfs *fs, const char *path)
{
	struct crashfs_inode *i = lookup(fs, path);
	if (!i || i->type != S_IFREG)
		return NULL;
	return i->live.data ? i->live.data : "";
}

const char *crashfs_meta(const struct crashfs *fs, const char *path)
{
	static char text[64];
	struct crashfs_inode *i = lookup(fs, path);
	if (!i)
		return NULL;
	snprintf(text, sizeof text, "%o %u:%u", i->live.mode, i->uid, i->gid);
	return text;
}

void crashfs_set_meta(struct crashfs *fs, const char *path, unsigned mode, unsigned owner)
{
	struct crashfs_inode *i = lookup(fs, path);
	if (!i)
		abort();
	i->live.mode = i->synced.mode = mode;
	i->uid = i->gid = owner;
}

static void find_below(const struct crashfs_inode *dir, const char *prefix, struct h0_strv *ret)
{
	for (size_t n = 0; n < dir->now.n; n++) {
		h0_autofree char *p = h0_asprintf("%s/%s", prefix, dir->now.v[n].name);
		if (dir->now.v[n].inode->type == S_IFDIR)
			find_below(dir->now.v[n].inode, p, ret);
		else
			h0_strv_add(ret, p);
	}
}

void crashfs_find(const struct crashfs *fs, const char *path, struct h0_strv *ret)
{
	struct crashfs_inode *dir = lookup(fs, path);
	if (dir && dir->type == S_IFDIR)
		find_below(dir, path, ret);
	h0_strv_sort(ret);
}

static void dump_inode(const struct crashfs_inode *i, const char *name, int depth,
                       struct h0_buf *out)
{
	h0_buf_addf(out, "# %*s%s", depth * 2, "", name);
	if (i->type == S_IFREG)
		h0_buf_addf(out, " %o%s '%.60s'", i->live.mode, i->dirty ? " unsynced" : "",
		            i->live.data ? i->live.data : "");
	h0_buf_addc(out, '\n');
	for (size_t n = 0; n < i->now.n; n++)
		dump_inode(i->now.v[n].inode, i->now.v[n].name, depth + 1, out);
	for (size_t n = 0; n < i->npending; n++)
		h0_buf_addf(out, "# %*spending: %s %s %s\n", depth * 2 + 2, "",
		            i->pending[n].kind == MAKE ? "make" : i->pending[n].kind == REMOVE ? "remove" :
		            i->pending[n].kind == RENAME ? "rename" : "exchange",
		            i->pending[n].name, i->pending[n].to ? i->pending[n].to : "");
}

void crashfs_dump(const struct crashfs *fs, struct h0_buf *out)
{
	dump_inode(fs->root, "/", 0, out);
}
