# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose edits must be where.

A hand edit is a number in a comment that a person saved. It is lost when the file is there without
that number, or with a smaller one, and when the file is gone though nobody asked hal0 to delete it.
No conflict excuses that: hal0 promises that the person's file stays, also when it reports exit 4.

A command's edit is a value it reported as written with exit 0. It is lost when the key has another
value, unless its owner wrote it again, an undo came after, or the editor saved over it a copy that
it had read before (which the editor finds out: it exchanges the files and looks at what came out).
"""
import ctypes
import os
import threading
import time
import tomllib

from world import read

RENAME_EXCHANGE = 2
AT_FDCWD = -100
libc = ctypes.CDLL(None, use_errno=True)


def exchange(a, b):
    if libc.renameat2(AT_FDCWD, a.encode(), AT_FDCWD, b.encode(), RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "exchange", a)


class Values:
    """What keys must be: (file, key path) -> value; only while that is certain."""

    def __init__(self, world):
        self.world, self.lock = world, threading.Lock()
        self.want, self.undos, self.undoing = {}, 0, 0

    def begin(self, file, key):
        with self.lock:
            self.want.pop((file, key), None)
            return self.undos, self.undoing

    def done(self, file, key, value, ticket):
        """The command reported it as written."""
        with self.lock:
            if ticket == (self.undos, 0):
                self.want[(file, key)] = value

    def undo(self):
        return _Undo(self)

    def doubt(self, file):
        """Somebody's doing may have taken values of this file back."""
        with self.lock:
            for at in [k for k in self.want if file in (None, k[0])]:
                del self.want[at]

    def check(self, when):
        """With nobody writing."""
        with self.lock:
            wanted = dict(self.want)
        for (file, key), value in wanted.items():
            try:
                node = tomllib.loads(read(self.world.etc + "/" + file))
                for part in key.split("."):
                    node = node[part]
            except (KeyError, tomllib.TOMLDecodeError):
                node = None
            if node != value:
                self.world.violation("lost edit (%s): %s of %s was reported as written: %r, is %r"
                                     % (when, key, file, value, node))
        return len(wanted)


class _Undo:
    def __init__(self, values):
        self.v = values

    def __enter__(self):
        with self.v.lock:
            self.v.undos += 1
            self.v.undoing += 1
            self.v.want.clear()

    def __exit__(self, *why):
        with self.v.lock:
            self.v.undos += 1
            self.v.undoing -= 1
            self.v.want.clear()


class Editor:
    """Saves files as editors do: under another name and renamed, or over the old text."""

    FILES = ("slots/soak-a.toml", "slots/soak-b.toml", "slots/embed.toml", "slots/soak-t.toml",
             "profiles.toml", "capabilities.toml")
    DELETABLE = "slots/soak-t.toml"  # a verb of this soak deletes it

    def __init__(self, world, values, dice):
        self.world, self.values, self.dice = world, values, dice
        self.number, self.saved = 0, {}  # file -> number, when no save is under way
        self.deleted_at = 0.0
        self.writing = threading.Lock()  # held while a file may be half written
        self.count = {"renamed": 0, "in place": 0, "saved an old copy": 0,
                      "wrote into a replaced file": 0, "gave up": 0}

    def act(self):
        file = self.dice.choice(self.FILES)
        with self.writing:
            self.save(file, self.dice.random() < 0.6, self.dice.choice((0, 0, 0.002, 0.02, 0.3)))

    def save(self, file, by_rename, thinks):
        path = self.world.etc + "/" + file
        for _ in range(20):
            before = read(path)
            if not before:
                return
            time.sleep(thinks)
            if read(path) != before:
                continue  # "the file has changed since": reads it again
            thinks = 0
            self.number += 1
            after = marked(before, self.number)
            try:
                done = (self.rename if by_rename else self.overwrite)(path, before, after)
            except OSError:
                continue  # it is gone
            if done:
                self.world.note("editor", "%s %s: %d" % ("renames" if by_rename else "overwrites",
                                                         file, self.number))
                self.saved[file] = self.number
                return
        self.count["gave up"] += 1

    def rename(self, path, before, after):
        mine = os.path.join(os.path.dirname(path), ".%s.swp" % os.path.basename(path))
        with open(mine, "w", encoding="utf-8") as f:
            f.write(after)
        try:
            exchange(mine, path)
            was = read(mine)
        finally:
            os.unlink(mine)
        self.count["renamed"] += 1
        if was != before:
            self.count["saved an old copy"] += 1
            self.world.note("editor", "its copy of %s was old" % path)
            self.values.doubt(os.path.relpath(path, self.world.etc))
        return True

    def overwrite(self, path, before, after):
        fd = os.open(path, os.O_RDWR)
        try:
            if os.read(fd, 1 << 20).decode("utf-8", "replace") != before:
                return False
            os.ftruncate(fd, 0)
            os.pwrite(fd, after.encode(), 0)
            mine = os.fstat(fd).st_ino
        finally:
            os.close(fd)
        # the one window hal0-txn(7) names: what was opened was replaced before it was written
        if os.stat(path).st_ino != mine:
            self.count["wrote into a replaced file"] += 1
            self.world.note("editor", "%s was replaced under its hands" % path)
            self.values.doubt(os.path.relpath(path, self.world.etc))
            return False
        self.count["in place"] += 1
        return True

    def forget(self, file):
        """The file is deleted, or another one from now on. Returns what was saved last."""
        with self.writing:
            return self.saved.pop(file, None)

    def check(self, when):
        """Every number saved is where it was saved, also while commands are at work."""
        with self.writing:
            for file, number in list(self.saved.items()):
                text = read(self.world.etc + "/" + file)
                if not text and file == self.DELETABLE:
                    del self.saved[file]
                    continue
                found = numbers(text)
                if number not in found or max(found) > number:
                    if file == self.DELETABLE and not found:
                        del self.saved[file]  # deleted and made anew
                        continue
                    self.world.violation("lost edit (%s): %s has %s, %d was saved by hand last"
                                         % (when, file, found, number))
                    del self.saved[file]
            return len(self.saved)


MARK = "# by hand: "


def marked(text, number):
    """The text with its one hand-made comment renewed: above all, or behind a key that stays."""
    rows = []
    for row in text.splitlines():
        head = row.split(MARK)[0].rstrip()
        if head or MARK not in row:
            rows.append(head)
    comment = MARK + str(number)
    places = [i for i, row in enumerate(rows) if row.startswith(("port =", "schema_version", "[model]"))]
    if places and number % 3:
        at = places[number % len(places)]
        rows[at] += "  " + comment
    else:
        rows.insert(0, comment)
    return "\n".join(rows) + "\n"


def numbers(text):
    found = []
    for row in text.splitlines():
        if MARK in row:
            tail = row.split(MARK)[1].split()
            found.append(int(tail[0]) if tail and tail[0].isdigit() else -1)
    return found
