# SPDX-License-Identifier: GPL-3.0-or-later
"""Who acts: each a thread with dice of its own; an act is one call, made while the gate is open."""
import json
import os
import signal
import threading
import time

from edits import numbers
from world import listdir, read

LIFE = ("soak-a", "soak-b")


class Actor(threading.Thread):
    def __init__(self, world, name, act, pause):
        super().__init__(name=name, daemon=True)
        self.world, self.act, self.pause = world, act, pause
        self.dice = world.dice(name)

    def run(self):
        while not self.world.stopping.wait(self.dice.uniform(*self.pause)):
            with self.world.gate:
                if self.world.stopping.is_set():
                    return
                try:
                    self.act(self.dice)
                except Exception as e:  # pylint: disable=broad-except
                    self.world.violation("the soak itself: %s: %r" % (self.name, e))


class Verbs:
    """Acts that are verbs. Each owned key has one actor that writes it."""

    def __init__(self, world, values, editor):
        self.world, self.values, self.editor = world, values, editor
        self.serial = 0
        self.lock = threading.Lock()

    def next(self):
        with self.lock:
            self.serial += 1
            return self.serial

    def run(self, actor, dice, *argv):
        return self.world.verb(actor, *argv, as_json=dice.random() < 0.5)

    def own(self, actor, dice, file, key, value, *argv):
        """A verb that writes a key of its own: what it reports as done must be there."""
        ticket = self.values.begin(file, key)
        op = self.run(actor, dice, *argv)
        if op.rc == 0:
            self.values.done(file, key, value, ticket)
        return op

    # ---- the shell user ----
    def shell(self, name):
        key = {"shell": "threads", "shell2": "n_gpu_layers"}[name]

        def act(dice):
            slot = dice.choice(LIFE)
            n = self.next()
            what = dice.choices(
                ("start", "stop", "restart", "swap", "swap-odd", "set", "read", "wait", "reap",
                 "enable", "profile", "change"),
                (14, 6, 5, 6, 1, 14, 14, 3, 2, 3, 2, 3))[0]
            if what == "set":
                self.own(name, dice, "slots/%s.toml" % slot, key, n % 4096, "slot", "set", slot,
                         "%s=%d" % (key, n % 4096))
            elif what == "read":
                self.read(name, dice, slot)
            elif what == "start":
                self.run(name, dice, "slot", "start", *dice.sample(LIFE, dice.randint(1, 2)),
                         *dice.choice(((), (), ("--no-wait",), ("--evict",))))
            elif what == "stop":
                self.run(name, dice, "slot", "stop", slot, "--timeout", "3s")
            elif what == "swap":
                self.run(name, dice, "slot", "swap", slot, dice.choice(("one", "two")))
            elif what == "swap-odd":
                self.run(name, dice, "slot", "swap", slot, "odd")
            elif what == "restart":
                self.run(name, dice, "slot", "restart", *dice.choice(((slot,), ("--all", "--if-changed"))))
            elif what == "wait":
                self.run(name, dice, "slot", "wait", slot, "--timeout", "10s")
            elif what == "reap":
                self.run(name, dice, "slot", "reap", "--dry-run")
            elif what == "enable":
                self.run(name, dice, "slot", dice.choice(("enable", "enable", "disable")), slot)
            elif what == "profile":
                self.run(name, dice, "slot", "set", "soak-b",
                         *dice.choice((("profile=mine",), ("--unset", "profile"))))
            else:
                self.run(name, dice, "slot", "set", slot, "model.context_size=%d" % dice.choice((512, 640)))
        return act

    def read(self, actor, dice, slot):
        self.run(actor, dice, "slot", *dice.choice(
            (("list",), ("status", slot), ("show", slot), ("diff",), ("logs", slot, "-n", "5"),
             ("fit", slot), ("argv", slot), ("start", slot, "--dry-run"))))

    def come_and_go(self, dice):
        """A slot that is made, runs at times, and is deleted."""
        t, file = "soak-t", "slots/soak-t.toml"
        what = dice.choice(("create", "create", "start", "stop", "delete"))
        if what == "create":
            self.editor.forget(file)
            self.run("guest", dice, "slot", "create", t, "--model", "one", "--device", "cpu", "--ctx", "256",
                     "--image", os.environ.get("HAL0_TEST_IMAGE", "localhost/hal0-llama:cpu"))
        elif what == "delete":
            self.delete(dice, t, file)
        else:
            self.run("guest", dice, "slot", what, t)

    def delete(self, dice, slot, file):
        """What hal0 deleted, by its journal, is what a person had saved last."""
        op = self.run("guest", dice, "slot", "delete", slot, "--yes", *dice.choice(((), ("--force",))))
        number = self.editor.forget(file)
        if op.rc != 0 or number is None:
            return
        applied = read(self.world.etc + "/.txn/applied").partition("\n")[2]
        for entry in json.loads(applied or "{}").get("entries", ()):
            if entry["path"] == file and entry["after"] is None and number not in numbers(entry["before"]):
                self.world.violation("lost edit: %s was deleted as %r, saved by hand was %d"
                                     % (file, entry["before"], number))

    # ---- the others ----
    def cap(self, dice):
        what = dice.choices(("on", "off", "set", "apply", "apply-slot", "read", "undo", "back"),
                            (5, 3, 4, 4, 5, 4, 2, 1))[0]
        n, name = self.next(), "cap"
        if what == "on":
            self.run(name, dice, "cap", "on", "embed", "-m", dice.choice(("e1", "e2")), "--device", "cpu")
        elif what == "off":
            self.run(name, dice, "cap", "off", "embed")
        elif what == "set":
            self.run(name, dice, "cap", "set", "embed", "-m", dice.choice(("e1", "e2")))
        elif what == "back":
            self.run(name, dice, "cap", "set", "embed", "-m", "odd", "--rollback")
        elif what == "apply":
            self.run(name, dice, "cap", "apply", "-f", self.document(
                "[selections.embed]\nembed = {enabled = true, model = \"%s\", device = \"cpu\"}\n"
                "rerank = {enabled = %s, model = \"rank\", device = \"cpu\"}\n"
                % (dice.choice(("e1", "e2")), dice.choice(("true", "false")))))
        elif what == "apply-slot":
            slot = dice.choice(LIFE)
            self.own(name, dice, "slots/%s.toml" % slot, "workers", 1 + n % 1000, "cap", "apply", "-f",
                     self.document("[slots.%s]\nworkers = %d\n" % (slot, 1 + n % 1000)), "--no-start")
        elif what == "undo":
            with self.values.undo():
                self.run(name, dice, "cap", "undo")
        else:
            self.run(name, dice, "cap", *dice.choice((("list",), ("check",), ("show", "embed"))))

    def document(self, text):
        path = self.world.home + "/box.toml"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def conf(self, dice):
        what = dice.choices(("undo", "redo", "log", "check", "recover", "set"), (2, 2, 3, 3, 2, 6))[0]
        if what in ("undo", "redo"):
            with self.values.undo():
                op = self.run("conf", dice, "conf", "undo")
                if what == "redo" and op.rc == 0:
                    time.sleep(dice.uniform(0, 0.2))
                    self.run("conf", dice, "conf", "undo")
        elif what == "set":
            slot, n = dice.choice(LIFE), self.next()
            self.own("conf", dice, "slots/%s.toml" % slot, "model.n_gpu_layers", n, "conf", "set",
                     self.world.etc + "/slots/%s.toml" % slot, "model.n_gpu_layers", n)
        else:
            self.run("conf", dice, "conf", what)

    def profile(self, dice):
        what, n = dice.choice(("set", "set", "clone", "delete", "list", "show")), self.next()
        if what == "set":
            flags = "--threads 1 --seed %d" % n
            self.own("profile", dice, "profiles.toml", "profile.mine.flags", flags, "profile", "set",
                     "mine", "flags=" + flags)
        elif what == "clone":
            self.run("profile", dice, "profile", "clone", "mine", "guest")
        elif what == "delete":
            self.run("profile", dice, "profile", "delete", "guest", "--yes")
        else:
            self.run("profile", dice, "profile", what, *(["mine"] if what == "show" else []))

    def reaper(self, dice):
        self.run("reaper", dice, "slot", "reap")


class Killer:
    """Whoever ends processes, or halts them, without asking. Serve and the driver are spared."""

    def __init__(self, world):
        self.world, self.count = world, {}

    def act(self, dice):
        what = dice.choices(("verb", "holder", "stop", "server", "monitor", "both", "remove", "podman"),
                            (6, 4, 5, 2, 2, 1, 2, 1))[0]
        getattr(self, what)(dice)

    def tell(self, what, text):
        self.count[what] = self.count.get(what, 0) + 1
        self.world.note("killer", text)

    def end(self, pid, what, text):
        try:
            os.kill(pid, signal.SIGKILL)
            self.tell(what, text + " (%d)" % pid)
        except ProcessLookupError:
            pass

    def end_verb(self, pid, what):
        with self.world.lock:
            op = self.world.live.get(pid)
            if op and op.actor != "check":
                op.killed = True
                self.end(pid, what, "kill -9 " + " ".join(op.argv))

    def verb(self, dice):
        with self.world.lock:
            pids = [p for p, o in self.world.live.items() if o.actor != "check"]
        if pids:
            self.end_verb(dice.choice(pids), "verb")

    def holders(self):
        """Verbs that hold one of our locks."""
        inodes = set()
        for path in [self.world.etc + "/.txn/lock", self.world.run_dir + "/ledger.lock"] + [
                self.world.run_dir + "/slots/" + n for n in listdir(self.world.run_dir + "/slots")]:
            try:
                inodes.add(str(os.stat(path).st_ino))
            except OSError:
                pass
        rows = [row.split() for row in read("/proc/locks").splitlines()]
        with self.world.lock:
            return [int(r[4]) for r in rows if len(r) > 5 and r[1] == "FLOCK" and
                    r[5].rsplit(":", 1)[-1] in inodes and int(r[4]) in self.world.live]

    def holder(self, dice):
        for _ in range(200):
            pids = self.holders()
            if pids:
                return self.end_verb(dice.choice(pids), "holder")
            time.sleep(0.005)
        return None

    def stop(self, dice):
        """A holder of a lock, halted for a while: the others wait for that long, not for ever."""
        for _ in range(200):
            pids = self.holders()
            if pids:
                break
            time.sleep(0.005)
        else:
            return
        pid, for_s = dice.choice(pids), dice.choice((0.1, 0.5, 2, 4))
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            return
        with self.world.lock:
            op = self.world.live.get(pid)
        self.tell("stop", "SIGSTOP for %.1f s: %s" % (for_s, " ".join(op.argv) if op else pid))
        time.sleep(for_s)
        with self.world.lock:
            for other in self.world.live.values():
                other.held += for_s
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def victim(self, slot, file):
        text = read("%s/slots/%s/%s" % (self.world.run_dir, slot, file)).strip()
        return int(text) if text.isdigit() and int(text) in self.world.family() else 0

    def slot(self, dice):
        return dice.choice([n for n in listdir(self.world.run_dir + "/slots") if "." not in n] or ["soak-a"])

    def server(self, dice):
        slot = self.slot(dice)
        pid = self.victim(slot, "pid")
        if pid:
            self.end(pid, "server", "kill -9 the server of " + slot)

    def monitor(self, dice):
        slot = self.slot(dice)
        pid = self.victim(slot, "conmon.pid")
        if pid:
            self.end(pid, "monitor", "kill -9 the monitor of " + slot)

    def both(self, dice):
        slot = self.slot(dice)
        for file, what in (("conmon.pid", "monitor"), ("pid", "server")):
            pid = self.victim(slot, file)
            if pid:
                self.end(pid, "both", "kill -9 the %s of %s" % (what, slot))

    def podman(self, dice):
        """A podman that a verb runs: whoever ran it hears of it, or it was killed too."""
        for _ in range(200):
            pids = [p for p, row in self.world.family().items() if row[2] == "podman" and row[0] in self.world.live]
            if pids:
                pid = dice.choice(pids)
                return self.end(pid, "podman", "kill -9 " + read("/proc/%d/cmdline" % pid).replace("\0", " ")[-160:])
            time.sleep(0.01)
        return None

    def remove(self, dice):
        slot = self.slot(dice)
        rc, out = self.world.podman("rm", "--force", "--time", "1", "hal0-slot-" + slot)
        self.tell("remove", "podman rm -f hal0-slot-%s: %d %s" % (slot, rc, out.strip()[-120:]))
