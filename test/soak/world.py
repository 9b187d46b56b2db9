# SPDX-License-Identifier: GPL-3.0-or-later
"""A HAL0_HOME of its own with podman's storage in it, the verbs run there, and their processes.

The driver is the subreaper of all it starts: a process that lost its parent becomes its child, so
that nothing can hide, and what nobody waits for is told from what somebody does.
"""
import ctypes
import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time

IMAGE = os.environ.get("HAL0_TEST_IMAGE", "localhost/hal0-llama:cpu")
PR_SET_CHILD_SUBREAPER = 36


class Op:
    """One verb: who ran it, how it ended, who disturbed it."""

    def __init__(self, actor, argv, as_json):
        self.actor, self.argv, self.as_json = actor, argv, as_json
        self.tool, self.verb = argv[0], argv[1] if len(argv) > 1 else ""
        self.begin = time.monotonic()
        self.end = self.rc = self.pid = None
        self.killed = False
        self.held = 0.0  # seconds it, or a holder of a lock, was stopped meanwhile
        self.out = self.err = ""

    @property
    def kind(self):
        return self.tool + " " + self.verb

    @property
    def took(self):
        return (self.end or time.monotonic()) - self.begin

    def line(self, start):
        how = "runs" if self.rc is None else "%d%s" % (self.rc, " (killed)" if self.killed else "")
        said = (self.err.strip() or "").splitlines()
        return "%8.2f +%6.2f %-8s %-3s %s%s" % (
            self.begin - start, self.took, self.actor, how, " ".join(self.argv),
            "  | " + said[-1][:200] if said and self.rc else "")


class World:
    def __init__(self, build, home, port, seed):
        self.build, self.home, self.port, self.seed = build, home, port, seed
        self.etc = home + "/etc/hal0"
        self.run_dir = home + "/run/hal0"
        self.var = home + "/var-lib/hal0"
        self.pods = home + "/podman"
        self.start = time.monotonic()
        self.lock = threading.RLock()  # of what follows
        self.ops, self.live, self.ours = [], {}, set()
        self.notes, self.violations = [], []
        self.stopping, self.over = threading.Event(), threading.Event()
        self.gate = Gate()
        self.serve = None
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("HAL0_")}
        self.env.update(HAL0_HOME=home, HAL0_PODMAN=home + "/bin/podman", TMPDIR=home + "/tmp",
                        NO_COLOR="1", PATH=build + "/cmd:" + os.environ["PATH"])
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    # ---- setting up, taking down ----
    def set_up(self):
        for d in ("/bin", "/tmp", "/log", "/etc/hal0/slots", "/var-lib/hal0/models", "/run/hal0",
                  "/podman"):
            os.makedirs(self.home + d, exist_ok=True)
        os.chmod(self.home, 0o755)
        self.write("/bin/podman", "#!/bin/sh\n" + "exec podman " + " ".join(self.podman_options()) +
                   ' "$@"\n')
        os.chmod(self.home + "/bin/podman", 0o755)
        tiny = self.build + "/scripts/tiny-gguf"
        models = self.var + "/models/"
        for name, *options in (("one", "--say", "I am one."), ("two", "--say", "I am two."),
                               ("e1", "--kind", "embed"), ("e2", "--kind", "embed"),
                               ("rank", "--kind", "rerank")):
            subprocess.run([tiny, *options, models + name + ".gguf"], check=True,
                           stdout=subprocess.DEVNULL)
        with open(models + "one.gguf", "rb") as f:
            odd = f.read().replace(b"llama", b"xlama", 1)
        with open(models + "odd.gguf", "wb") as f:  # a header, and no server that knows it
            f.write(odd)
        p = self.port
        self.write("/etc/hal0/hal0.toml", "[slots]\nport_range_start = %d\nport_range_end = %d\n"
                   % (p + 1, p + 12))
        self.write("/etc/hal0/profiles.toml", '# profiles\n[profile.vulkan]\nimage = "%s"\n'
                   'backend = "vulkan"\n\n[profile.mine]\nimage = "%s"\nbackend = "vulkan"\n'
                   'flags = "--threads 1"\n' % (IMAGE, IMAGE))
        for i, slot in enumerate(("soak-a", "soak-b")):
            self.write("/etc/hal0/slots/%s.toml" % slot,
                       '# %s\nport = %d\ntype = "llm"\ndevice = "cpu"\nimage = "%s"\n'
                       'idle_timeout_s = %d\n\n[model]\ndefault = "one"\ncontext_size = 512\n\n'
                       '[server]\nextra_args = "--cache-ram 0"\n' % (slot, p + 1 + i, IMAGE, 25 + 600 * i))

    def podman_options(self):
        return ["--root", self.pods + "/root", "--runroot", self.pods + "/run",
                "--tmpdir", self.pods + "/tmp", "--storage-driver", "overlay",
                "--storage-opt", "additionalimagestore=" + os.environ.get(
                    "HAL0_SOAK_IMAGES", "/var/lib/containers/storage")]

    def write(self, path, text):
        with open(self.home + path, "w", encoding="utf-8") as f:
            f.write(text)

    def podman(self, *argv, timeout=60):
        """What a stranger, or a check, says to podman: (exit code, output)."""
        p = self.spawn(["podman", *self.podman_options(), *argv], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
        try:
            out, err = p.communicate(timeout=timeout)
        finally:
            self.forget(p)
        return p.returncode, (out or err).decode("utf-8", "replace")

    def containers(self):
        rc, out = self.podman("ps", "--all", "--format", "json")
        if rc:
            return None
        return json.loads(out or "[]")

    def take_down(self, keep):
        """Ends whatever is left, by process id."""
        self.over.set()
        for pid in self.family():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.3)
        self.reap()
        self.sweep()
        for mount in reversed(self.mounts()):
            subprocess.run(["umount", "-l", mount], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.pods, ignore_errors=True)
        if not keep:
            shutil.rmtree(self.home, ignore_errors=True)

    def container_ids(self):
        """Of every container there ever was here."""
        return set(re.findall('"ID":"([0-9a-f]{64})"', read(self.pods + "/tmp/events/events.log")))

    def sweep(self):
        """What a failed run leaves outside its home."""
        for cid in self.container_ids():
            for top in ("/run/runc/", "/run/crun/"):
                shutil.rmtree(top + cid, ignore_errors=True)
            for group in cgroups():
                try:
                    os.rmdir(group + "/libpod-" + cid)
                except OSError:
                    pass

    def mounts(self):
        with open("/proc/self/mounts", encoding="utf-8") as f:
            return [m for m in (line.split()[1] for line in f) if m.startswith(self.home + "/")]

    # ---- processes ----
    def spawn(self, argv, **how):
        with self.lock:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, env=self.env, cwd=self.home, **how)
            self.ours.add(p.pid)
        return p

    def forget(self, p):
        with self.lock:
            self.ours.discard(p.pid)

    def family(self):
        """Every process below this one: {pid: (parent, state, name)}."""
        table, found = {}, {}
        for pid in os.listdir("/proc"):
            if pid.isdigit():
                stat = read("/proc/%s/stat" % pid)
                if stat:
                    name, rest = stat[stat.index("(") + 1:].rsplit(")", 1)
                    rest = rest.split()
                    table[int(pid)] = (int(rest[1]), rest[0], name)
        wave = {os.getpid()}
        while wave:
            wave = {p for p, row in table.items() if row[0] in wave}
            found.update({p: table[p] for p in wave})
        return found

    def reap(self):
        """Waits for orphans that came to us. Returns the processes there are."""
        with self.lock:
            family = self.family()
            for pid, (parent, state, _) in list(family.items()):
                if parent == os.getpid() and state == "Z" and pid not in self.ours:
                    try:
                        os.waitpid(pid, os.WNOHANG)
                    except ChildProcessError:
                        pass
                    del family[pid]
        return family

    def reap_always(self):
        """As init does: at once, or podman waits for a dead server whose monitor is dead too."""
        while not self.over.wait(0.2):
            self.reap()

    # ---- verbs ----
    def verb(self, actor, *argv, as_json=False):
        """Runs one, and judges it."""
        argv = [str(a) for a in argv]
        if as_json:
            argv.append("--json")
        op = Op(actor, argv, as_json)
        p = self.spawn([self.build + "/cmd/hal0-" + argv[0], *argv[1:]], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
        op.pid = p.pid
        with self.lock:
            self.live[p.pid] = op
            self.ops.append(op)
        try:
            out, err = p.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            op.killed = True
            p.kill()
            out, err = p.communicate()
            self.violation("%s did not end within 300 s" % " ".join(argv))
        with self.lock:
            del self.live[p.pid]
        self.forget(p)
        op.out, op.err = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
        op.rc, op.end = p.returncode, time.monotonic()
        self.judge(op)
        return op

    BOUNDS = {"start": 150, "stop": 150, "restart": 150, "swap": 180, "delete": 150, "wait": 150,
              "on": 180, "off": 180, "apply": 200, "undo": 200, "reap": 120, "cap set": 180}

    def judge(self, op):
        what = " ".join(op.argv)
        if op.rc < 0 and op.killed:
            return
        if op.rc not in range(0, 9) or op.rc == 9:
            self.violation("%s: exit code %d: %s" % (what, op.rc, op.err[-400:]))
        bound = self.BOUNDS.get(op.kind.split(" ", 1)[0] + " " + op.verb,
                                self.BOUNDS.get(op.verb, 30)) + op.held
        if op.tool == "conf":
            bound = 30 + op.held
        if op.took > bound:
            self.violation("%s took %.1f s, more than %.0f" % (what, op.took, bound))
        if op.rc and not op.err.strip() and op.rc != 1:
            self.violation("%s: exit code %d and not a word" % (what, op.rc))
        if op.as_json:
            self.judge_json(op, what)

    def judge_json(self, op, what):
        if op.out.strip() or op.rc == 0:
            try:
                json.loads(op.out)
            except ValueError:
                self.violation("%s: exit code %d, standard output is not one document: %r"
                               % (what, op.rc, op.out[-300:]))
        for line in op.err.splitlines():
            try:
                json.loads(line)
            except ValueError:
                self.violation("%s: standard error is not JSON: %r" % (what, line[:300]))

    def data(self, *argv):
        """The document a reader prints, None when it had a reason not to."""
        op = self.verb("check", *argv, as_json=True)
        try:
            return json.loads(op.out)
        except ValueError:
            return None

    # ---- telling ----
    def note(self, actor, text):
        with self.lock:
            self.notes.append((time.monotonic(), actor, text))

    def violation(self, text):
        with self.lock:
            self.violations.append((time.monotonic(), text))
        print("# %.1f s: VIOLATION: %s" % (time.monotonic() - self.start, text), flush=True)

    def story(self, since, until):
        """What everybody did between two moments, in order."""
        with self.lock:
            rows = [(o.begin, o.line(self.start)) for o in self.ops
                    if o.begin <= until and (o.end or until) >= since]
            rows += [(t, "%8.2f         %-8s %s" % (t - self.start, actor, text))
                     for t, actor, text in self.notes if since <= t <= until]
        return [text for _, text in sorted(rows)]

    def dice(self, name):
        return random.Random("%s/%s" % (self.seed, name))


class Gate:
    """Acts pass while it is open; close() returns when nobody is inside."""

    def __init__(self):
        self.change = threading.Condition()
        self.inside, self.open_now = 0, True

    def __enter__(self):
        with self.change:
            while not self.open_now:
                self.change.wait()
            self.inside += 1

    def __exit__(self, *why):
        with self.change:
            self.inside -= 1
            self.change.notify_all()

    def close(self, patience=400):
        with self.change:
            self.open_now = False
            return self.change.wait_for(lambda: self.inside == 0, patience)

    def open(self):
        with self.change:
            self.open_now = True
            self.change.notify_all()


def listdir(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def cgroups():
    """Where podman has its containers' groups."""
    top = "/sys/fs/cgroup"
    return [p for base in [top] + [top + "/" + c for c in listdir(top)]
            for p in (base + "/libpod_parent", base + "/machine.slice") if os.path.isdir(p)]


def describe(pid):
    """A process that should not be there: its threads, what they wait for, its group."""
    rows = [" ".join((t, read("/proc/%d/task/%s/stat" % (pid, t)).rpartition(")")[2][:3].strip(),
                      read("/proc/%d/task/%s/wchan" % (pid, t)),
                      read("/proc/%d/task/%s/stack" % (pid, t)).split("\n")[0]))
            for t in listdir("/proc/%d/task" % pid)]
    freezer = re.search(":freezer:(.*)", read("/proc/%d/cgroup" % pid))
    return "%d %s [%s]%s" % (pid, read("/proc/%d/cmdline" % pid).replace("\0", " ")[:200], "; ".join(rows),
                             " " + read("/sys/fs/cgroup/freezer%s/freezer.state" % freezer.group(1)).strip()
                             if freezer else "")


def read(path):
    """A file as text, "" where there is none (any more)."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""
