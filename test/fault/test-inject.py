#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verb that writes, with every system call it makes failing: strace answers in the kernel's place,
or kills the program there. Whatever happens, the files are those before or those after, as a set; what
ended with 0 has been done; what did not says why; and the next command puts all in order.
  test-inject.py [--faults N] [--minutes M] [--seed S] [--list] [VERB...]
N faults of each verb: a sample, the same each time, in which each kind of call and error has its turn.
0: all of them, tens of thousands. --minutes: as many as there is time for, another sample for each
seed (the time's when none is given; it is printed)."""
import argparse
import errno
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import bed  # noqa: E402

WORDS = {e: os.strerror(getattr(errno, e)) for e in (
    "EIO", "ENOSPC", "EINTR", "EMFILE", "EROFS", "EDQUOT", "EACCES", "EAGAIN", "ENOMEM", "EINVAL", "ENOSYS")}
# what each call is made to fail with; KILL goes with all of them
WRITES = ["EIO", "ENOSPC", "EDQUOT", "EINTR"]
NAMES = ["EIO", "ENOSPC", "EROFS", "EDQUOT", "EACCES"]
LOOKS = ["EIO", "EACCES"]
ERRORS = {
    "openat": ["EIO", "EINTR", "EMFILE", "EROFS", "EACCES", "ENOSPC"],
    "read": ["EIO", "EINTR"], "pread64": ["EIO", "EINTR"], "getdents64": ["EIO"],
    "write": WRITES, "pwrite64": WRITES, "writev": WRITES, "copy_file_range": WRITES + ["EINVAL"], "sendfile": WRITES,
    "ftruncate": ["EIO", "EINTR", "ENOSPC"], "fallocate": ["ENOSPC", "EINTR"],
    "fsync": ["EIO", "ENOSPC", "EDQUOT", "EINTR"], "fdatasync": ["EIO", "ENOSPC", "EINTR"],
    "sync_file_range": ["EIO"], "close": [],  # the kernel closes even when it complains, strace does not
    "rename": NAMES, "renameat": NAMES, "renameat2": NAMES + ["EINVAL"], "link": NAMES, "linkat": NAMES,
    "unlink": NAMES, "unlinkat": NAMES, "mkdir": NAMES, "mkdirat": NAMES, "rmdir": NAMES, "symlinkat": NAMES,
    "fchmod": ["EIO", "EROFS"], "fchmodat": ["EIO", "EROFS"], "fchown": ["EIO", "EROFS", "EDQUOT"],
    "utimensat": ["EIO", "EROFS"],
    "newfstatat": LOOKS, "statx": LOOKS, "fstat": ["EIO"], "access": LOOKS, "faccessat2": LOOKS, "readlink": LOOKS,
    "lseek": ["EIO"], "flistxattr": ["EIO"], "fgetxattr": ["EIO"], "fsetxattr": ["EIO", "ENOSPC", "EDQUOT"],
    "flock": ["EINTR", "EIO"], "fcntl": ["EINTR", "EIO"], "statfs": ["EIO"], "fstatfs": ["EIO"],
    "pipe2": ["EMFILE"], "dup3": ["EMFILE"], "clone": ["EAGAIN", "ENOMEM"], "clone3": ["EAGAIN"], "vfork": ["EAGAIN"],
    "pidfd_open": ["EMFILE", "ENOSYS"], "wait4": ["EINTR"], "waitid": ["EINTR"], "poll": ["EINTR"], "socket": ["EMFILE", "EACCES"],
    "epoll_create1": ["EMFILE"], "epoll_wait": ["EINTR"], "signalfd4": ["EMFILE"], "getrandom": ["EAGAIN"],
    "connect": ["EINTR"], "sendto": ["EIO"], "recvfrom": ["EIO"], "timerfd_create": ["EMFILE"],
}
# these begin again after EINTR, as nothing has gone wrong
SURVIVED = {"openat", "read", "pread64", "write", "pwrite64", "flock", "poll", "wait4", "epoll_wait", "waitid"}

SETUP = {}


def setup(verb, command=None, prepare=(), running=(), once=False, rc=0):
    """How to call a verb so that it changes something. `prepare` runs once, slots `running` each time."""
    SETUP[verb] = (command or verb, prepare, running, rc)


setup("hal0-probe update", prepare=["rm etc/hal0/hardware.json"])
setup("hal0-probe tune", "hal0-probe tune --budget 8G --write")
setup("hal0-slot create", "hal0-slot create new --model tiny --device cpu port=8190")
setup("hal0-slot set", "hal0-slot set primary model.context_size=2048")
setup("hal0-slot delete", "hal0-slot delete lab --yes")
setup("hal0-slot enable", "hal0-slot enable off")
setup("hal0-slot disable", "hal0-slot disable lab")
setup("hal0-slot start", "hal0-slot start lab")
setup("hal0-slot stop", "hal0-slot stop lab", running=["lab"])
setup("hal0-slot restart", "hal0-slot restart lab", running=["lab"])
setup("hal0-slot swap", "hal0-slot swap lab spare", running=["lab"])
setup("hal0-slot reap", "hal0-slot reap", prepare=["hal0-slot set lab idle_timeout_s=1"], running=["lab"])
setup("hal0-slot run", "hal0-slot run lab")
setup("hal0-slot bench", "hal0-slot bench lab --runs 1", running=["lab"])
setup("hal0-slot export", "hal0-slot export quadlet lab -o .")
setup("hal0-profile clone", "hal0-profile clone vulkan mine")
setup("hal0-profile set", "hal0-profile set mine mtp=false", ["hal0-profile clone vulkan mine"])
setup("hal0-profile delete", "hal0-profile delete mine --yes", ["hal0-profile clone vulkan mine"])
setup("hal0-profile import", "hal0-profile import theirs.json", ["hal0-profile clone vulkan mine",
      "hal0-profile export mine > theirs.json", "hal0-profile delete mine --yes"])
setup("hal0-cap set", "hal0-cap set embed.embed --model spare --device cpu --no-start")
setup("hal0-cap on", "hal0-cap on embed.embed --model tiny --device cpu --no-start")
setup("hal0-cap off", "hal0-cap off embed.embed --no-start", ["hal0-cap on embed.embed --model tiny --device cpu --no-start"])
setup("hal0-cap seed")
setup("hal0-cap apply", "hal0-cap apply -f box.toml --no-start")
setup("hal0-cap undo", "hal0-cap undo --no-start", ["hal0-cap apply -f box.toml --no-start"])
# makes the slots' keys, which are random, before
setup("hal0-route export", "hal0-route export haproxy", ["hal0-route export haproxy", "rm etc/hal0/haproxy"])
setup("hal0-model add", "hal0-model add found.gguf --copy")
setup("hal0-model verify", "hal0-model verify --record tiny")
setup("hal0-model rm", "hal0-model rm off --yes", ["cp home/var-lib/hal0/models/tiny.gguf home/var-lib/hal0/models/off.gguf"])
setup("hal0-conf recover")
setup("hal0-conf undo", prepare=["hal0-cap apply -f box.toml --no-start"])
setup("hal0-conf set", "hal0-conf set f.toml port 2")
setup("hal0-conf unset", "hal0-conf unset f.toml port")
# NEW is what the registry below answers with
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + hashlib.sha256(b"{}").hexdigest()


def images(*digests):
    return '[%s]\n' % ", ".join(
        '{"Names": ["127.0.0.1:9299/llama:1"], "Digest": "%s", "RepoDigests": ["127.0.0.1:9299/llama@%s"]}' % (d, d)
        for d in digests)


IMAGE = "127.0.0.1:9299/llama:1"
CLONE = ["hal0-profile clone vulkan mine image=" + IMAGE]
USED = CLONE + ["hal0-slot set lab profile=mine --unset image"]
setup("hal0-profile pull", "hal0-profile pull mine --again", CLONE)
setup("hal0-profile lock", "hal0-profile lock mine", CLONE + ["images a"])
setup("hal0-profile upgrade", "hal0-profile upgrade mine", USED + ["images a", "hal0-profile lock mine"])
setup("hal0-profile rollback", prepare=USED + ["images a", "hal0-profile lock mine", "hal0-profile upgrade mine"])
setup("hal0-model pull", "hal0-model pull http://127.0.0.1:9299/tiny.gguf --name came --retries 1")
# what may be there or not: what the next one who writes the same takes over or removes (a stage, the
# directories of a trial and of a pull), an older log, and a download to go on with
LEFT = re.compile(r"/\.[^/]*\.hal0-w~$|/server\.log\.1$|/models/\.|/pull/\d+|/slots/lab-trial|/keys/lab-trial$")
# where nobody can tell whether a slot is idle, it is left alone: no error
DECLINES = {"hal0-slot reap"}


class Peer(threading.Thread):
    """A registry and a place to fetch a model from."""

    def __init__(self, model):
        super().__init__(daemon=True)
        import http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                body = open(model, "rb").read() if self.path.endswith(".gguf") else b"{}"
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Content-Digest", NEW)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)
            do_HEAD = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 9299), Handler)

    def run(self):
        self.server.serve_forever()


def age(b, slot):
    """As if it had been started long ago."""
    path = "%s/c/hal0-slot-%s" % (b.fake, slot)
    with open(path) as f:
        j = json.load(f)
    j["StartedAt"] = 1000000000
    with open(path, "w") as f:
        json.dump(j, f)


class Verb:
    """One verb: the world before it, what it does undisturbed, and what it does to a fault."""

    def __init__(self, b, name):
        self.b, self.name = b, name
        self.command, prepare, self.running, self.want_rc = SETUP[name]
        self.problems, self.runs, self.silent = [], 0, {}
        b.fill()
        for step in prepare:
            self.prepare(step)
        b.put(b.fake + "/pulled", images(NEW, OLD))
        self.images = images(OLD) if "images a" in prepare else None
        b.save("start")
        self.start()
        self.before = self.state()

    def prepare(self, step):
        b = self.b
        if step == "images a":
            return b.put(b.fake + "/images", images(OLD))
        if step.startswith("hal0"):
            words = step.split(" > ")
            r = b.run(words[0])
            if r.rc:
                raise RuntimeError("%s: %s" % (step, r))
            if words[1:]:
                b.put(b.cwd + "/" + words[1], r.out)
            b.put(b.fake + "/pulled", images(NEW, OLD))
        else:
            for word in step.split()[1:2]:
                if step.startswith("rm "):
                    path = b.home + "/" + word
                    if os.path.isdir(path):
                        shutil.rmtree(path)
                    elif os.path.exists(path):
                        os.unlink(path)
                else:
                    shutil.copy(b.top + "/" + word, b.top + "/" + step.split()[2])
        return None

    def start(self):
        b = self.b
        b.restore("start")
        b.put(b.fake + "/pulled", images(NEW, OLD))
        if self.images:
            b.put(b.fake + "/images", self.images)
        for slot in self.running:
            r = b.run("hal0-slot start " + slot)
            if r.rc:
                raise RuntimeError("start %s: %s" % (slot, r))
            if self.name == "hal0-slot reap":
                age(b, slot)

    def full_command(self):
        return self.command + ("" if "hal0-slot run" in self.command else " --json")

    def undisturbed_run(self):
        r = self.b.run(self.full_command())
        self.settled()
        return r

    def settled(self):
        self.after = self.state()
        self.b.run("hal0-conf recover")
        self.tree = self.b.names()

    def trace(self):
        """Runs it undisturbed; sets .calls to {call: how many the program makes itself, after the loader}."""
        log = self.b.top + "/trace"
        r = self.b.run(self.full_command(), before=["strace", "-qq", "-o", log])
        self.undisturbed = r
        self.first, self.calls = {}, {}
        began = False
        for line in open(log, errors="replace"):
            call = re.match(r"(\w+)\(", line)
            if not call:
                continue
            into = self.calls if began else self.first
            into[call[1]] = into.get(call[1], 0) + 1
            if began and call[1] == "execve":
                break  # podman's from here on
            began = began or line.startswith("fcntl(2, F_GETFD)")
        self.settled()
        return r

    def state(self):
        b = self.b
        if self.name == "hal0-probe update":  # what could not be read is not in it, and is a finding there
            return {n: b"" for n in b.names() if n.endswith("/hardware.json")}, set()
        if self.name == "hal0-slot bench":  # no two measure the same
            try:
                lines = open(b.var + "/bench.jsonl").read().split("\n")
            except OSError:
                lines = [""]
            return {"lines": len(lines), "last": lines[-1]}, set(b.containers())
        return b.files(b.home + "/etc", b.cwd, b.var + "/models", b.var + "/registry"), set(b.containers())

    def points(self):
        for call, n in sorted(self.calls.items()):
            for k in range(n):
                for error in ERRORS.get(call, []):
                    yield call, self.first.get(call, 0) + k + 1, error
                if call in ERRORS:
                    yield call, self.first.get(call, 0) + k + 1, "KILL"

    def complain(self, point, what, r):
        self.problems.append("%s %d %s: %s\n%s" % (*point, what, r))

    def disturb(self, point):
        """One fault, and a look at everything."""
        call, nth, error = point
        b = self.b
        how = "signal=KILL" if error == "KILL" else "error=" + error
        self.start()
        self.runs += 1
        r = b.run(self.full_command(), before=["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call,
                                               "-e", "inject=%s:%s:when=%d" % (call, how, nth)])
        complain = lambda what: self.complain(point, what, r)
        killed = error == "KILL" and r.rc in (-9, 137)
        if r.late:
            complain("does not end")
        if not killed and (r.rc not in bed.KINDS or r.rc == 9):
            complain("not an exit code of the list")
        if r.rc == 2 and "cannot open the HTTP library" not in r.err:
            complain("blames who typed it")
        if "--json" in self.full_command() and not r.json_is_whole() and not killed and call != "write":
            complain("half a JSON document")
        if r.rc == 0 and self.want_rc == 0 and self.state() != self.after and not (
                self.name in DECLINES and self.state() == self.before):
            complain("exit code 0, and it is not done" + self.difference(self.state(), self.after))
        if r.rc != 0 and not killed:
            said = r.err + (r.out if r.rc == 1 else "")  # the answer is no: it is in the answer why
            if not said.strip() and call != "write":
                complain("no message")
            if error in WORDS and WORDS[error] not in said and not (call == "write"):
                if call == "pread64":
                    complain("a file that cannot be read is taken for a wrong one")
                self.silent.setdefault((call, error), r.err.strip().splitlines()[-1:] + ["exit code %d" % r.rc])
            if error == "EINTR" and call in SURVIVED and "cannot open the HTTP library" not in r.err:
                complain("EINTR is not survived")
        self.recovered(point)

    @staticmethod
    def difference(a, b):
        return "".join("\n  %s: %r, not %r" % (f, a[0].get(f, b"none")[-200:], b[0].get(f, b"none")[-200:])
                       for f in sorted(set(a[0]) | set(b[0])) if a[0].get(f) != b[0].get(f)) + (
                           "" if a[1] == b[1] else "\n  containers %s, not %s" % (sorted(a[1]), sorted(b[1])))

    def recovered(self, point):
        """The next commands put all in order."""
        b = self.b
        r = b.run("hal0-conf recover")
        if r.rc:
            self.complain(point, "recovery fails", r)
        # sets of files for HAProxy that haproxy.cfg does not name the next export completes or removes
        configuration = lambda files: {f: t for f, t in files.items() if f.startswith("home/etc/") and "/haproxy/set-" not in f}
        etc, before, after = (configuration(f) for f in (self.state()[0], self.before[0], self.after[0]))
        if etc not in (before, after):
            self.complain(point, "a mix of old and new" + self.difference((etc, 0), (before, 0)), r)
        if self.state() != self.after:
            r = b.run(self.full_command())
            if r.rc != self.want_rc:
                self.complain(point, "the next time it fails", r)
            if self.state() != self.after:
                self.complain(point, "the next time is not as ever" + self.difference(self.state(), self.after), r)
        else:
            r = b.run("hal0-conf check")
            if r.rc:
                self.complain(point, "the configuration is not well afterwards", r)
        left = {n for n in b.names() - self.tree if not LEFT.search(n)}
        if left:
            self.complain(point, "left behind: " + " ".join(sorted(left)), r)


def sample(points, n, seed):
    """n of the points; each pair of call and error comes once before one comes twice."""
    dice, groups, chosen = random.Random(seed), {}, []
    for point in points:
        groups.setdefault((point[0], point[2]), []).append(point)
    turns = list(groups.values())
    dice.shuffle(turns)
    for group in turns:
        dice.shuffle(group)
    while turns and (not n or len(chosen) < n):
        chosen += [group.pop() for group in turns]
        turns = [group for group in turns if group]
    return chosen[:n] if n else chosen


def main():
    bed.alone()
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=int, default=int(os.environ.get("HAL0_FAULTS", 3)))
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("only", nargs="*")
    args = parser.parse_args()
    seed = "" if args.seed is None else str(args.seed)
    if args.minutes:
        args.faults = 0
        seed = seed or str(int(time.time()))
    if seed:
        bed.note("seed " + seed)
    if not shutil.which("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"],
                                                    stderr=subprocess.DEVNULL).returncode:
        bed.skip_all("strace is not installed, or may not trace")
    if bed.sanitized():
        bed.skip_all("a sanitizer makes calls of its own")
    b = bed.Bed()
    subprocess.run([bed.BUILD + "/scripts/tiny-gguf", b.top + "/peer.gguf"], stdout=subprocess.DEVNULL, check=True)
    Peer(b.top + "/peer.gguf").start()
    writing = [name for name, flags in bed.verbs() if "writes" in flags]
    bed.ok(len(writing) > 30, "the tables have verbs that write")
    missing = [v for v in writing if v not in SETUP]
    bed.ok(not missing, "each verb that writes has a line `setup(...)` here", "missing: " + ", ".join(missing))
    bed.ok(not set(SETUP) - set(writing), "and no line is for another one", sorted(set(SETUP) - set(writing)))
    total, kinds = 0, {}
    chosen = [v for v in writing if v in SETUP and (not args.only or any(o in v for o in args.only))]
    end = time.monotonic() + 60 * (args.minutes or 0)
    for i, name in enumerate(chosen):
        v = Verb(b, name)
        r = v.trace()
        # a restarted container and a pulled image leave the files as they were
        did = v.before != v.after or '"changed": true' in r.out or name == "hal0-conf recover"
        bed.ok(r.rc == v.want_rc and did,
               "%s: undisturbed it does something" % name, r)
        points = list(v.points())
        if args.list:
            bed.note("%s: %d points" % (name, len(points)))
            continue
        until = time.monotonic() + (end - time.monotonic()) / (len(chosen) - i) if args.minutes else None
        for point in sample(points, args.faults, name + seed):
            if until and time.monotonic() > until:
                break
            v.disturb(point)
            kinds[point[2]] = kinds.get(point[2], 0) + 1
        total += v.runs
        bed.ok(not v.problems, "%s: %d of %d faults" % (name, v.runs, len(points)), *v.problems)
        if args.faults > 100 or not args.faults:
            for (call, error), said in sorted(v.silent.items()):
                bed.note("%s %s %s without its cause: %s" % (name, call, error, "; ".join(said)))
    bed.note("%d faults: %s" % (total, ", ".join("%s %d" % k for k in sorted(kinds.items()))))
    bed.done()


if __name__ == "__main__":
    main()
