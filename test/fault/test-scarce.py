#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verb that writes, where something is scarce: memory, descriptors, the size a file may have,
standard streams. It ends cleanly, says why, leaves no half of anything, and works once there is enough.
  test-scarce.py [--all] [VERB...]: every step of every ladder, not three for each verb"""
import importlib.machinery
import importlib.util
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
import bed  # noqa: E402

where = os.path.dirname(os.path.abspath(__file__)) + "/test-inject.py"
loader = importlib.machinery.SourceFileLoader("inject", where)
inject = importlib.util.module_from_spec(importlib.util.spec_from_loader("inject", loader))
loader.exec_module(inject)

MIB = 1 << 20
# the loader alone needs some 10 MiB of addresses; below that it says so and exits with 127
LADDERS = {
    "as": [m * MIB for m in (6, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 24, 28, 32, 40, 48, 64, 80, 96, 128)],
    "nofile": list(range(3, 25)),
    "fsize": [0, 1, 64, 159, 160, 300, 1000, 4000, 16000, 65536],
    "data": [m * MIB for m in (1, 2, 3, 4, 6, 8, 12)],
    "stack": [k << 10 for k in (64, 128, 256)],
}
CLOSED = ["<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"]


class Scarce(inject.Verb):
    def limited(self, what, much):
        """One run with a limit, and a look at everything."""
        self.start()
        self.runs += 1
        before = ["prlimit", "--%s=%d:" % (what, much)]
        r = self.b.run(self.full_command(), before=before)
        self.judge((what, much, ""), r)

    def closed(self, streams):
        self.start()
        self.runs += 1
        r = self.b.run(self.full_command(), before=["sh", "-c", 'exec "$@" ' + streams, "sh"])
        point = ("closed", 0, streams)
        # what it prints is lost, which is an error; what it does is not
        if r.rc not in ((0, 6) if ">&-" in streams.replace("2>&-", "") else (0,)):
            self.complain(point, "fails", r)
        elif self.state() != self.after and self.name not in ("hal0-slot run",):
            self.complain(point, "it is not done" + self.difference(self.state(), self.after), r)
        self.recovered(point)

    def judge(self, point, r):
        loading = r.rc == 127 and "loading shared libraries" in r.err
        # below what the kernel and the loader need to begin with
        unborn = point[0] in ("as", "stack", "data") and r.rc in (-11, -9, 126, 127) and point[1] <= 10 * MIB and (
            self.state() == self.before)
        # with so little the kernel ends it wherever it is, which what is left must bear as any kill
        unborn = unborn or point[:2] == ("stack", 64 << 10) and r.rc == -11
        if r.late:
            self.complain(point, "does not end", r)
        elif not loading and not unborn and (r.rc not in bed.KINDS or r.rc == 9):
            self.complain(point, "not an exit code of the list", r)
        if r.rc == 0 and self.state() != self.after and not (self.name in inject.DECLINES and self.state() == self.before):
            self.complain(point, "exit code 0, and it is not done" + self.difference(self.state(), self.after), r)
        if r.rc and not r.err.strip() and not unborn:
            self.complain(point, "no message", r)
        if "--json" in self.full_command() and not r.json_is_whole() and point[0] != "fsize":
            self.complain(point, "half a JSON document", r)
        self.recovered(point)


def main():
    bed.alone()
    args = [a for a in sys.argv[1:] if a != "--all"]
    everything = "--all" in sys.argv
    if bed.sanitized():
        bed.skip_all("a sanitizer needs memory of its own")
    b = bed.Bed()
    subprocess.run([bed.BUILD + "/scripts/tiny-gguf", b.top + "/peer.gguf"], stdout=subprocess.DEVNULL, check=True)
    inject.Peer(b.top + "/peer.gguf").start()
    total = 0
    for name in [n for n, flags in bed.verbs() if "writes" in flags]:
        if name not in inject.SETUP or (args and not any(a in name for a in args)):
            continue
        v = Scarce(b, name)
        r = v.undisturbed_run()
        bed.ok(r.rc == v.want_rc, "%s: with enough of all it works" % name, r)
        steps = [(what, much) for what, ladder in LADDERS.items() for much in ladder]
        closed = list(CLOSED)
        if not everything:
            dice = random.Random(name)
            steps = [(what, dice.choice(ladder)) for what, ladder in LADDERS.items() if what != "stack"]
            closed = [dice.choice(CLOSED)]
        for what, much in steps:
            v.limited(what, much)
        for streams in closed:
            v.closed(streams)
        total += v.runs
        bed.ok(not v.problems, "%s: %d times with too little" % (name, v.runs), *v.problems)
    bed.note("%d runs with too little" % total)
    bed.done()


if __name__ == "__main__":
    main()
