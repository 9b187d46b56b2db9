#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verb that asks podman, with a podman that hangs, dies, floods, lies and makes no sense
(test/podman.c). It ends in bounded time and memory, with a code of the list and a reason; files and
containers are as they were; once podman is honest again, all works.
  test-podman.py [--all] [VERB...]: each verb with each lie, not with some of them"""
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
import bed  # noqa: E402

loader = importlib.machinery.SourceFileLoader("inject", os.path.dirname(os.path.abspath(__file__)) + "/test-inject.py")
inject = importlib.util.module_from_spec(importlib.util.spec_from_loader("inject", loader))
loader.exec_module(inject)

# one lie of a podman that says nothing of use
FAILS = ["hang", "half", "die 11", "exit 125", "exit 126", "exit 127", "silent 1", "empty", "garbage", "shape", "deep",
         "flood", "errflood"]
SLOW = {"hang", "half", "flood", "errflood"}
# lab runs; off, primary and embed do not
NEED = [  # verbs that cannot do without an answer
    "hal0-slot list", "hal0-slot status lab", "hal0-slot wait lab", "hal0-slot diff", "hal0-slot bench lab",
    "hal0-status show", "hal0-profile images", "hal0-profile lock", "hal0-profile pull", "hal0-profile upgrade",
    "hal0-slot start off", "hal0-slot stop lab", "hal0-slot restart lab", "hal0-slot swap lab spare",
    "hal0-slot reap", "hal0-slot run off", "hal0-slot delete off --yes",
    "hal0-cap on embed --device cpu --model tiny", "hal0-cap set embed --device cpu --model spare",
    "hal0-cap off embed", "hal0-cap apply -f box.toml",
]
TELL = ["hal0-slot fit off", "hal0-cap list", "hal0-cap show embed"]  # say what is missing, and all else
FREE = [  # verbs that do not depend on it, and must not
    "hal0-slot show lab", "hal0-slot logs lab", "hal0-slot argv lab", "hal0-slot key lab", "hal0-slot enable off",
    "hal0-slot disable lab", "hal0-slot create new --model tiny --device cpu", "hal0-slot set lab model.context_size=512",
    "hal0-slot export quadlet lab", "hal0-route table", "hal0-route explain lab", "hal0-route export haproxy",
    "hal0-model list", "hal0-model rm spare --yes", "hal0-model loadouts", "hal0-cap check", "hal0-conf check",
    "hal0-conf log", "hal0-conf recover", "hal0-probe update", "hal0-probe memory", "hal0-probe doctor",
    "hal0-profile list", "hal0-profile clone vulkan mine",
]
LIMIT_S = 90     # what a verb may take, on a busy machine, when podman's deadline is a second
LIMIT_KIB = 40 << 10


class World:
    def __init__(self, b):
        self.b = b
        b.fill()
        b.save("start")
        self.begin()

    def begin(self):
        """lab runs, podman is honest."""
        self.b.restore("start")
        r = self.b.run("hal0-slot start lab")
        if r.rc:
            raise RuntimeError(str(r))
        self.before = self.b.files(), self.b.containers()

    def ask(self, command, lie, seconds=LIMIT_S):
        self.b.lie(lie)
        r = self.b.measure(command, seconds=seconds, env={"HAL0_PODMAN_TIMEOUT": "1"})
        self.b.lie(None)
        return r

    def now(self):
        return self.b.files(), self.b.containers()

    def well(self):
        """Podman tells the truth again: everything is told as it is."""
        r = self.b.run(["hal0-slot", "list", "--format", "{name} {state}"])
        return r.rc == 0 and "lab ready" in r.out


def check(w, command, lie, good):
    """`good(result)` says what is wrong, or nothing."""
    r = w.ask(command, lie)
    wrong = []
    if r.late:
        wrong.append("does not end")
    elif r.rc not in bed.KINDS or r.rc == 9:
        wrong.append("not an exit code of the list")
    if r.kib > LIMIT_KIB:
        wrong.append("takes %d KiB" % r.kib)
    wrong += [x for x in [good(r)] if x]
    return ["%s, podman: %s: %s\n%s" % (command, lie, x, r) for x in wrong]


def must_fail(w, lie):
    # without a word and with 1, podman tells that an image is not there
    codes = (6, 7, 8) if lie == "silent 1" else (6, 7)

    def good(r):
        if r.rc not in codes:
            return "does not fail with 7"
        if not r.err.strip() or len(r.err) > 4000 or "\x1b" in r.err:
            return "no good message"
        if w.now() != w.before:
            return "files or containers are others"
        return None if w.well() else "afterwards it is not as it was"
    return good


def must_tell(r):
    return None if r.rc == 0 and "warning" in r.err else "does not say that something is missing"


def must_work(r):
    return None if r.rc == 0 else "fails"


def each(b, args, everything):
    w = World(b)
    turn, asked = 0, 0
    for verbs, fine in ((NEED, "fail"), (TELL, "tell"), (FREE, "work")):
        for command in verbs:
            if args and not any(a in command for a in args):
                continue
            problems = []
            # in turn, so that each lie is told to some verb; the slow ones seldom
            lies = FAILS if everything else [FAILS[(turn + k * 5) % len(FAILS)] for k in range(2)]
            if not everything and fine == "work":
                lies = ["hang"]
            turn += 1
            for lie in lies:
                if fine == "work":
                    w.begin()
                good = {"fail": must_fail(w, lie), "tell": must_tell, "work": must_work}[fine]
                found = check(w, command, "* " + lie, good)
                if found:
                    w.begin()
                problems += found
                asked += 1
            bed.ok(not problems, "%s: %s" % (command, ", ".join(lies)), *problems)
    bed.note("%d questions to a podman that makes no sense" % asked)


def special(b, everything):
    """Lies of one call, in the middle of something."""
    w = World(b)

    def run(command, lie, rc, text, name, seconds=LIMIT_S):
        w.begin()
        r = w.ask(command, lie, seconds)
        bed.ok(r.rc == rc and text in r.err + r.out and r.kib < LIMIT_KIB, name, r)
        return r

    lab, off = "hal0-slot-lab", "hal0-slot-off"
    run("hal0-slot start off", "run hang", 7, "podman run did not answer within 6 s", "run hangs: start says its deadline")
    bed.ok(off not in b.containers() and w.well(), "and leaves nothing")
    bed.ok(b.run("hal0-slot start off").rc == 0, "the next start works")
    run("hal0-slot start off", "run false", 7, "did not start", "run says it did and did not: start notices")
    bed.ok(off not in b.containers() and b.run("hal0-slot start off").rc == 0, "and the next start works")
    run("hal0-slot start off", "run exit 126", 7, "told to fail", "run fails: start says why")
    run("hal0-slot start off", "run empty", 7, "no container id", "run says nothing: start asks for an id")
    run("hal0-slot restart lab", "image false", 8, "is not on this machine", "no image: restart says so")
    bed.ok(w.well(), "before it has stopped anything")
    r = run("hal0-slot swap lab spare", "run exit 125", 7, "", "run fails in a swap")
    bed.ok(w.now()[0] == w.before[0] and lab not in b.containers() and "old model" in r.err,
           "the file is as it was, and it says that the old model does not come back", r)
    bed.ok(b.run("hal0-slot start lab").rc == 0, "which it does when podman works again")
    run("hal0-slot stop lab", "rm exit 125", 7, "told to fail", "rm fails: stop says so")
    bed.ok(lab in b.containers() and w.well(), "it runs on, and list says that")
    run("hal0-slot stop lab", "rm false", 0, "stopped", "rm says it did and did not: stop ends the server itself")
    bed.ok(lab not in b.containers(), "really")
    for verb in ("stop lab", "restart lab", "swap lab spare", "wait lab"):
        run("hal0-slot " + verb, "ps foreign", 4, "another hal0", verb + ": the container is another home's")
        bed.ok(lab in b.containers() and w.now()[0] == w.before[0], "and is left alone")
    run("hal0-slot reap", "ps foreign", 0, "", "reap leaves it alone, too")
    bed.ok(lab in b.containers(), "really so")
    run("hal0-slot wait lab", "ps dead", 1, "does not run", "podman takes a dead one for running: wait notices")
    w.begin()
    r = w.ask("hal0-slot list", "ps grandchild")
    bed.ok(not r.late and r.rc in (0, 7) and r.kib < LIMIT_KIB, "a child of podman's talks on: list ends", r)
    if everything:
        run("hal0-slot stop lab", "rm hang", 7, "did not answer within", "rm hangs: stop says its deadline", 60)
        bed.ok(w.well(), "and it runs on")


def reaped(b):
    """One of two idle slots cannot be unloaded: the other one is, and the exit code says that not all went well."""
    b.fill()
    for command in ("hal0-slot set lab idle_timeout_s=1", "hal0-slot set off idle_timeout_s=1",
                    "hal0-slot start lab", "hal0-slot start off"):
        r = b.run(command)
        if r.rc:
            raise RuntimeError("%s: %s" % (command, r))
    for slot in ("lab", "off"):
        inject.age(b, slot)
    with open(b.fake + "/c/hal0-slot-lab") as f:
        b.lie("rm exit 125 " + json.load(f)["Id"])
    r = b.run("hal0-slot reap")
    b.lie(None)
    bed.ok(r.rc == 7 and "told to fail" in r.err and "off: unloaded" in r.err, "one of two cannot be unloaded: reap fails", r)
    bed.ok(list(b.containers()) == ["hal0-slot-lab"], "and has unloaded the other one", b.containers())


def pulled(b):
    """What podman says it has pulled is looked for."""
    b.fill()
    b.run(inject.CLONE[0])
    for there, text in ((inject.images(), "is not here"), (inject.images(inject.OLD), "")):
        b.put(b.fake + "/pulled", there)
        r = b.run("hal0-profile pull mine")
        bed.ok((r.rc, bool(text)) in ((7, True), (0, False)) and text in r.err, "pull: " + (text or "here it is"), r)


def upgraded(b):
    """A new image that does well beside a slot, and not in the place of the second one that uses it: both
    slots run on with the old one."""
    subprocess.run([bed.BUILD + "/scripts/tiny-gguf", b.top + "/peer.gguf"], stdout=subprocess.DEVNULL, check=True)
    inject.Peer(b.top + "/peer.gguf").start()
    b.fill()
    b.put(b.fake + "/images", inject.images(inject.OLD))
    b.put(b.fake + "/pulled", inject.images(inject.NEW, inject.OLD))
    for command in (inject.CLONE[0], "hal0-slot set lab profile=mine --unset image",
                    "hal0-slot set off profile=mine --unset image", "hal0-profile lock mine", "hal0-slot start lab",
                    "hal0-slot start off"):
        r = b.run(command)
        if r.rc:
            raise RuntimeError("%s: %s" % (command, r))

    def image(slot):
        if "hal0-slot-" + slot not in b.containers():
            return None
        with open("%s/c/hal0-slot-%s" % (b.fake, slot)) as f:
            return json.load(f)["Image"][-71:]

    slots = ("lab", "off")
    bed.ok([image(s) for s in slots] == [inject.OLD] * 2, "two slots run an image")
    b.lie("run exit 125 hal0-slot-off " + inject.NEW)
    r = b.run("hal0-profile upgrade mine")
    b.lie(None)
    bed.ok(r.rc == 7 and "stays as it was" in r.err and "trying it" in r.err, "the second does not come up with the next one", r)
    with open(b.etc + "/images.lock.json") as f:
        bed.ok(inject.OLD in f.read(), "the lock is the old one")
    bed.ok([image(s) for s in slots] == [inject.OLD] * 2, "both slots run, with the old one", [image(s) for s in slots], r)


def main():
    bed.alone()
    args = [a for a in sys.argv[1:] if a != "--all"]
    everything = len(args) < len(sys.argv) - 1 or bool(os.environ.get("HAL0_LIES_ALL"))
    if bed.sanitized():
        global LIMIT_KIB
        LIMIT_KIB = 1 << 30
    b = bed.Bed()
    each(b, args, everything)
    if not args:
        special(b, everything)
        reaped(b)
        pulled(b)
        upgraded(b)
    known = {" ".join(c.split()[:2]) for c in NEED + TELL + FREE}
    # what these do with podman is said by others, or nothing
    other = {"hal0-slot export", "hal0-profile show", "hal0-profile set", "hal0-profile delete", "hal0-profile export",
             "hal0-profile import", "hal0-profile rollback", "hal0-cap seed", "hal0-cap plan", "hal0-cap undo",
             "hal0-route call", "hal0-route chat", "hal0-route serve", "hal0-model show", "hal0-model add",
             "hal0-model pull", "hal0-model verify", "hal0-conf undo", "hal0-conf get", "hal0-conf set",
             "hal0-conf unset", "hal0-conf dump", "hal0-conf schema", "hal0-probe show", "hal0-probe diff",
             "hal0-probe recommend", "hal0-probe tune"}
    missing = [name for name, _ in bed.verbs() if name not in known | other]
    bed.ok(not missing, "each verb is in a list here", "missing: " + ", ".join(missing))
    bed.done()


main()
