/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A person edits a file while a change is being made, before every single operation of it, and
 * the writer lives or dies at every operation after that: the edit is there in the end, in
 * place, and what was ours lies beside it. Only a file system that cannot exchange two names has a
 * window: between the last look at the live file and the rename over it.
 */
#include "base/mem.h"
#include "fault/explore.h"
#include "tap.h"

#define MINE "# mine\n"

enum style { REPLACE, IN_PLACE, DELETE, STYLES };
static const char *const style_name[] = {"replaced", "written over", "deleted"};

/* Honest plans: they change what they find, and refuse what they do not expect. */
static int plan_splice(const struct h0_snap *s, void *arg, struct h0_changeset *cs,
                       struct h0_err *e)
{
	const struct world *w = arg;
	for (const struct file *f = w->files; f->path; f++) {
		const struct h0_snap_file *now = h0_snap_get(s, f->path);
		const char *at = now ? strstr(now->text, "'old'") : NULL;
		if (!f->before || !f->after) {
			if (!h0_streq(now ? now->text : NULL, f->before))
				return h0_fail(e, H0_CONFLICT, "%s: not as expected", f->path);
			h0_changeset_add(cs, f->path, f->before, f->before ? strlen(f->before) : 0,
			                 f->after, f->after ? strlen(f->after) : 0);
			continue;
		}
		if (!at)
			return h0_fail(e, H0_CONFLICT, "%s: nothing to change", f->path);
		h0_autofree char *to = h0_asprintf("%.*s'new'%s", (int)(at - now->text), now->text, at + 5);
		h0_changeset_add(cs, f->path, now->text, now->len, to, strlen(to));
	}
	return 0;
}

static int apply_splice(const struct world *w, struct crashfs *fs, struct h0_err *e)
{
	struct h0_txn_opts o = {.etc = ETC, .ops = &fs->ops};
	*e = (struct h0_err){0};
	return h0_txn_run(&o, plan_splice, (void *)(uintptr_t)w, NULL, NULL, e);
}

struct editor {
	const struct file *f;
	enum style style;
	long at;         /* operation before which it happens */
	bool done, seen; /* it happened; the file was opened after that */
	bool window;     /* the file was published without another look */
	bool plain;      /* the file system has no RENAME_EXCHANGE */
};

static void edit(struct crashfs *fs, const struct file *f, enum style style)
{
	h0_autofree char *p = h0_asprintf(ETC "/%s", f->path);
	h0_autofree char *text = h0_asprintf(MINE "%s", f->before ? f->before : "");
	if (style == DELETE)
		crashfs_put(fs, p, NULL);
	else if (style == REPLACE)
		crashfs_put(fs, p, text);
	else
		crashfs_write_over(fs, p, text);
}

static bool opens(const char *doing, const char *base)
{
	const char *slash = strrchr(doing, '/');
	return h0_starts(doing, "open ") && h0_streq(slash ? slash + 1 : doing + 5, base);
}

/* "rename .a.toml.00000003.hal0~ a.toml" */
static bool publishes(const char *doing, const char *base)
{
	const char *last = strrchr(doing, ' ');
	return h0_starts(doing, "rename .") && last && h0_streq(last + 1, base);
}

static void editor_hook(struct crashfs *fs, void *arg)
{
	struct editor *ed = arg;
	const char *slash = strrchr(ed->f->path, '/'), *base = slash ? slash + 1 : ed->f->path;
	if (!ed->done && fs->ops_n == ed->at) {
		ed->done = true;
		edit(fs, ed->f, ed->style);
	}
	if (!ed->done)
		return;
	if (opens(fs->doing, base))
		ed->seen = true;
	if (publishes(fs->doing, base))
		ed->window |= !ed->seen;
}

static bool survived(const struct crashfs *fs, const struct file *f, enum style style)
{
	h0_autofree char *p = h0_asprintf(ETC "/%s", f->path);
	const char *now = crashfs_get(fs, p);
	return style == DELETE ? !now : now && strstr(now, MINE);
}

/* Every other file is as before or as after, and all of them alike. */
static bool others_agree(const struct world *w, const struct crashfs *fs, const struct file *except)
{
	bool old = true, new = true;
	for (const struct file *f = w->files; f->path; f++) {
		h0_autofree char *p = h0_asprintf(ETC "/%s", f->path);
		if (f == except)
			continue;
		old &= h0_streq(crashfs_get(fs, p), f->before);
		new &= h0_streq(crashfs_get(fs, p), f->after);
	}
	return old || new;
}

static bool ours_kept(const struct crashfs *fs, const struct file *f)
{
	h0_autofree char *p = h0_asprintf(ETC "/%s.hal0-new", f->path);
	return !f->after || h0_streq(crashfs_get(fs, p), f->after);
}

struct tally {
	long runs, lost, window, conflicts, wrong;
	char first[1800];
};

static void wrong(struct tally *t, const struct crashfs *fs, const struct editor *ed,
                  const char *what)
{
	h0_autobuf struct h0_buf b = {0};
	if (t->wrong++)
		return;
	crashfs_dump(fs, &b);
	snprintf(t->first, sizeof t->first, "%s %s before operation %ld: %s\n%s", ed->f->path,
	         style_name[ed->style], ed->at, what, h0_buf_str(&b));
}

static void judge(const struct world *w, struct crashfs *fs, const struct editor *ed, bool died,
                  int rc, const struct h0_err *e, struct tally *t)
{
	struct h0_err e2;
	crashfs_reset(fs);
	t->runs++;
	if (died)
		rc = world_recover(fs, &e2);
	else
		e2 = *e;
	if (rc < 0 && e2.kind != H0_CONFLICT)
		wrong(t, fs, ed, e2.msg);
	t->conflicts += rc < 0;
	if (!survived(fs, ed->f, ed->style)) {
		t->window += ed->window && ed->plain;
		t->lost += !ed->window || !ed->plain;
		if (!ed->window || !ed->plain)
			wrong(t, fs, ed, "the edit is lost");
	} else if (rc < 0 && strstr(e2.msg, "hal0-new") && !ours_kept(fs, ed->f)) {
		wrong(t, fs, ed, "the change is lost");
	}
	if (!others_agree(w, fs, ed->f))
		wrong(t, fs, ed, "the other files are a mix");
	if (world_leftovers(fs))
		wrong(t, fs, ed, "leftovers");
	autocrashfs struct crashfs *again = crashfs_copy(fs);
	if (world_recover(again, &e2) < 0 || !world_same_files(fs, again))
		wrong(t, fs, ed, "a second recovery changes something");
}

enum outcome { TOO_SHORT, DIED, LIVED };

/* Runs the writer (or recovery) from `start` with one edit; die_at < 0: it lives. TOO_SHORT: it
 * was over before the edit. */
static enum outcome one_run(const struct world *w, const struct crashfs *start, bool recovery,
                    struct editor ed, long die_at, struct tally *t)
{
	struct h0_err e;
	autocrashfs struct crashfs *fs = crashfs_copy(start);
	fs->hook = editor_hook;
	fs->no_rename_flags = ed.plain;
	fs->hook_arg = &ed;
	fs->die_at = die_at;
	int rc = recovery ? world_recover(fs, &e) : apply_splice(w, fs, &e);
	bool died = die_at >= 0 && fs->mutations > die_at;
	if (ed.done && (died || die_at < 0))
		judge(w, fs, &ed, died, rc, &e, t);
	return died ? DIED : ed.done ? LIVED : TOO_SHORT;
}

static void all_edits(const struct world *w, const struct crashfs *start, bool recovery, bool die,
                      bool plain)
{
	struct tally t = {0};
	for (const struct file *f = w->files; f->path; f++)
		for (int style = 0; style < STYLES; style++) {
			struct editor ed = {.f = f, .style = (enum style)style, .plain = plain};
			if (style == DELETE && !f->before)
				continue; /* there is nothing to delete */
			for (ed.at = 0; one_run(w, start, recovery, ed, -1, &t) == LIVED; ed.at++)
				for (long k = 0; die && one_run(w, start, recovery, ed, k, &t) == DIED;)
					k++;
		}
	ok(t.runs && !t.wrong, "%s, edits during %s%s%s: %ld runs, %ld conflicts, %ld lost%s",
	   w->name, recovery ? "recovery" : "a change", die ? " that then dies" : "",
	   plain ? ", names cannot be exchanged" : "", t.runs, t.conflicts, t.lost + t.window,
	   plain ? ", all of them in the known window" : "");
	if (t.wrong)
		printf("# %s\n", t.first);
}

int main(void)
{
	const struct world *w = &world_steady;
	autocrashfs struct crashfs *fresh = world_new(w);
	autocrashfs struct crashfs *half = world_after_commit(w);
	all_edits(w, fresh, false, false, false);
	all_edits(w, fresh, false, true, false);
	all_edits(w, half, true, false, false);
	all_edits(w, half, true, true, false);
	all_edits(w, fresh, false, true, true);
	return tap_done();
}
