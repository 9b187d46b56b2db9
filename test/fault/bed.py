# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of faults share: a home with slots, models and a podman that can lie, a way to run
hal0's programs in it, and TAP. A network of its own, so that ports are nobody else's."""
import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = os.environ.get("HAL0_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("HAL0_BUILD") or SOURCE + "/build"
os.environ.update(HAL0_SOURCE=SOURCE, HAL0_BUILD=BUILD)
PODMAN = BUILD + "/test/fault/false-podman"
KINDS = range(0, 10)

_n = _bad = 0


def ok(good, name, *notes):
    global _n, _bad
    _n += 1
    _bad += not good
    print("%s %d - %s" % ("ok" if good else "not ok", _n, name.replace("#", "")))
    for note in notes if not good else ():
        for line in str(note).splitlines()[:40]:
            print("# " + line[:400])
    sys.stdout.flush()
    return good


def note(text):
    print("# " + text)
    sys.stdout.flush()


def skip(name, why):
    global _n
    _n += 1
    print("ok %d - %s # SKIP %s" % (_n, name, why))


def skip_all(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def done():
    print("1..%d" % _n)
    sys.exit(_bad > 0)


def alone():
    """Goes on in a network and with mounts of its own: test/alone."""
    how = os.environ.get("HAL0_ALONE", "no")
    if how == "no":
        os.execv(SOURCE + "/test/alone", ["alone", "-r", sys.executable] + sys.argv)
    if how == "never":
        skip_all("no network of its own: unshare or ip failed")


def sanitized():
    with open(BUILD + "/cmd/hal0-conf", "rb") as f:
        return b"__asan_init" in f.read()


def verbs():
    """[("hal0-slot start", {"writes"}), ...] from the tables."""
    text = subprocess.run([BUILD + "/test/fault/verb-list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = [line.split() for line in text.splitlines()]
    return [(" ".join(row[:2]), set(row[2:])) for row in rows]


def slot_text(port, kind, model, more=""):
    return ('# mine\nport = %d # fixed\ntype = "%s"\ndevice = "cpu"\nimage = "localhost/fake:1"\nidle_timeout_s = 60\n%s\n'
            '[model]\ndefault = "%s" # this one\n' % (port, kind, more, model))


SLOTS = {
    "primary": slot_text(8101, "llm", "big"),
    "lab": slot_text(8102, "llm", "tiny"),
    "off": slot_text(8103, "llm", "tiny", "enabled = false"),
    "embed": slot_text(8104, "embedding", "tiny"),
}
# what differs from one run to the next
VOLATILE = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.:+Z]*|\b1\d{9}(?:\.\d+)?\b")


MEASURE = """import os, resource, sys
pid = os.fork()
if not pid:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
open(sys.argv[1], "w").write("%d %f" % (usage.ru_maxrss, 1000 * (usage.ru_utime + usage.ru_stime)))
sys.exit(os.waitstatus_to_exitcode(status) % 256)
"""


class Result:
    def __init__(self, rc, out, err, seconds, late):
        self.rc, self.out, self.err, self.seconds, self.late = rc, out, err, seconds, late

    def json_is_whole(self):
        try:
            return self.out == "" or json.loads(self.out) is not None
        except ValueError:
            return False

    def __str__(self):
        return "exit code %s after %.2f s\nstdout: %s\nstderr: %s" % (
            "none, killed by this test" if self.late else self.rc, self.seconds, self.out[:1500], self.err[:1500])


class Bed:
    """HAL0_HOME and what stands around it, below one directory."""

    def __init__(self, parent=None):
        if parent is None and os.access("/dev/shm", os.W_OK):
            parent = "/dev/shm"
        self.top = tempfile.mkdtemp(prefix="hal0-bed.", dir=parent)
        atexit.register(self.remove)
        for s in (signal.SIGTERM, signal.SIGINT):
            signal.signal(s, lambda *_: sys.exit(143))
        self.home, self.root, self.cwd = self.top + "/home", self.top + "/root", self.top + "/cwd"
        self.fake = self.top + "/podman"
        self.etc, self.var = self.home + "/etc/hal0", self.home + "/var-lib/hal0"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("HAL0_")}
        self.env.update(HAL0_HOME=self.home, HAL0_SYSROOT=self.root, HAL0_PODMAN=PODMAN, FALSE_PODMAN=self.fake,
                        NO_COLOR="1", LC_ALL="C", PATH=BUILD + "/cmd:" + self.top + "/bin:" + os.environ["PATH"],
                        ASAN_OPTIONS="detect_leaks=0:abort_on_error=1")
        os.makedirs(self.fake + "/c")
        os.makedirs(self.top + "/bin")
        for tool in ("systemctl", "update-initramfs"):
            self.put(self.top + "/bin/" + tool, "#!/bin/sh\nexit 0\n", 0o755)
        subprocess.run(["sh", SOURCE + "/test/machines/make.sh", "halo-512m", self.root], check=True,
                       stdout=subprocess.DEVNULL)

    def remove(self):
        self.end_containers()
        shutil.rmtree(self.top, ignore_errors=True)

    def put(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)

    def fill(self):
        """A home as somebody has it who uses hal0."""
        self.wipe()
        os.makedirs(self.cwd)
        os.makedirs(self.home + "/etc/modprobe.d")
        for name, text in SLOTS.items():
            self.put("%s/slots/%s.toml" % (self.etc, name), text)
        self.put(self.etc + "/hal0.toml", "# the box\n[slots]\nidle_timeout_s = 600\n")
        os.makedirs(self.var + "/models")
        subprocess.run([BUILD + "/scripts/tiny-gguf", self.var + "/models/tiny.gguf"], check=True,
                       stdout=subprocess.DEVNULL)
        for name in ("big", "spare"):
            shutil.copy(self.var + "/models/tiny.gguf", "%s/models/%s.gguf" % (self.var, name))
        shutil.copy(self.var + "/models/tiny.gguf", self.cwd + "/found.gguf")
        self.put(self.cwd + "/f.toml", "# a file\nport = 1\nname = 'x'\n")
        self.put(self.cwd + "/box.toml", "run = []\n[slots.primary]\nmodel.context_size = 4096\n"
                                         "[selections.embed]\nembed = {enabled = true, device = 'cpu', model = 'tiny'}\n")

    def wipe(self):
        self.end_containers()
        for d in (self.home, self.cwd):
            shutil.rmtree(d, ignore_errors=True)
        for f in os.listdir(self.fake):
            if f != "c":
                os.unlink(self.fake + "/" + f)

    def save(self, name):
        where = self.top + "/saved-" + name
        shutil.rmtree(where, ignore_errors=True)
        os.mkdir(where)
        for d in (self.home, self.cwd):
            shutil.copytree(d, where + "/" + os.path.basename(d), symlinks=True)

    def restore(self, name):
        self.wipe()
        for d in (self.home, self.cwd):
            shutil.copytree(self.top + "/saved-" + name + "/" + os.path.basename(d), d, symlinks=True)

    # ---- containers ----
    def containers(self):
        """{name: pid} of those whose server lives."""
        found = {}
        for name in os.listdir(self.fake + "/c"):
            try:
                with open(self.fake + "/c/" + name) as f:
                    pid = json.load(f)["Pid"]
                with open("/proc/%d/stat" % pid) as f:
                    if f.read().split(") ")[1][0] not in "ZX":
                        found[name] = pid
            except (OSError, ValueError):
                pass
        return found

    def end_containers(self):
        for pid in self.containers().values():
            os.kill(pid, signal.SIGKILL)
        for name in os.listdir(self.fake + "/c"):
            os.unlink(self.fake + "/c/" + name)

    def lie(self, what):
        if what:
            self.put(self.fake + "/lie", what + "\n")
        elif os.path.exists(self.fake + "/lie"):
            os.unlink(self.fake + "/lie")

    # ---- running ----
    def run(self, command, before=(), seconds=120, env=None, **more):
        """`command` is a list or words; `before` goes in front of it (strace, prlimit ...)."""
        words = command.split() if isinstance(command, str) else list(command)
        words[0] = BUILD + "/cmd/" + words[0]
        began, late = time.monotonic(), False
        more.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.Popen(list(before) + words, cwd=self.cwd, env=dict(self.env, **(env or {})),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **more)
        try:
            out, err = p.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, err = p.communicate()
            late = True
        return Result(p.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"),
                      time.monotonic() - began, late)

    def measure(self, command, **more):
        """As run, and Result.kib: the most memory it had, or a child it waited for (9 MiB are this
        measuring's own); Result.cpu_ms: with its children's."""
        log = self.top + "/rss"
        r = self.run(command, before=["python3", "-c", MEASURE, log], **more)
        try:
            kib, cpu = open(log).read().split()
            r.kib, r.cpu_ms = int(kib), float(cpu)
            os.unlink(log)
        except (OSError, ValueError):
            r.kib, r.cpu_ms = 0, 0
        return r

    # ---- what is there ----
    def files(self, *tops):
        """{path: bytes}, without what differs from run to run; etc/hal0 and what is beside it."""
        found = {}
        for top in tops or (self.home + "/etc", self.cwd):
            for where, dirs, names in os.walk(top):
                if where.endswith("/.txn"):
                    continue
                for name in names:
                    if name.endswith(".hal0-w~") or (name.startswith(".") and "/models" in where):
                        continue  # nobody reads it
                    path = where + "/" + name
                    with open(path, "rb") as f:
                        found[path[len(self.top) + 1:]] = VOLATILE.sub(b"TIME", f.read())
        return found

    def names(self):
        """All paths below home and the working directory."""
        found = set()
        for top in (self.home, self.cwd):
            for where, dirs, names in os.walk(top):
                found.update((where + "/" + n)[len(self.top) + 1:] for n in names + dirs)
        return found
