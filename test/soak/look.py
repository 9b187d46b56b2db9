# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold: at any moment (sample), when nobody does anything (rest), when all is over (end)."""
import fcntl
import json
import os
import re
import time
import tomllib

from world import cgroups, describe, listdir, read

SERVES = ("ready", "serving", "idle", "starting", "warming")


class Look:
    def __init__(self, world, values, editor):
        self.world, self.values, self.editor = world, values, editor
        self.suspects = {}      # what was odd at the last sample
        self.generation = 0
        self.rests = 0
        self.memory = []        # (seconds, KiB resident, descriptors, threads, at rest)
        self.conflicts_seen = 0
        self.kept = 0           # *.hal0-new files found
        self.groups_left = set() # containers whose cgroups outlived them

    # ---- at any moment ----
    def sample(self):
        self.parse()
        self.editor.check("at work")
        self.processes()
        self.weigh(False)
        self.world.verb("check", "conf", "check", as_json=True)

    def parse(self):
        """Plain files, as any program would read them."""
        with self.editor.writing:
            for path in self.files():
                text = read(path)
                try:
                    tomllib.loads(text)
                except tomllib.TOMLDecodeError as e:
                    if os.path.exists(path):
                        self.world.violation("%s does not parse: %s: %r" % (path, e, text[-200:]))

    def files(self):
        etc = self.world.etc
        return [etc + "/" + f for f in sorted(os.listdir(etc)) if f.endswith(".toml")] + [
            etc + "/slots/" + f for f in sorted(os.listdir(etc + "/slots")) if f.endswith(".toml")
            and not f.startswith(".")]

    def servers(self, family=None):
        """{slot's port: [process ids]} of the servers there are."""
        found = {}
        for pid, (_, state, name) in (family or self.world.family()).items():
            if name.startswith("llama") and state != "Z":
                words = read("/proc/%d/cmdline" % pid).split("\0")
                if "--port" in words:
                    found.setdefault(int(words[words.index("--port") + 1]), []).append(pid)
        return found

    def processes(self):
        """Odd is what is seen twice: in between somebody may have been about to end it."""
        family, odd = self.world.reap(), {}
        for port, pids in self.servers(family).items():
            if len(pids) > 1:
                odd["%d servers on port %d" % (len(pids), port)] = pids
        for pid, (parent, state, name) in family.items():
            if state == "Z" and parent != os.getpid() and family.get(parent, "??")[1] != "T":
                odd["a zombie %s (%d) of %s" % (name, pid, family.get(parent, "?"))] = [pid]
        for text, who in odd.items():
            if self.suspects.get(text) == who:
                self.world.violation("%s: %s" % (text, "; ".join(describe(p) for p in who)))
        self.suspects = odd

    def weigh(self, at_rest):
        pid = self.world.serve.pid
        status = read("/proc/%d/status" % pid)
        if not re.search(r"^VmRSS:", status, re.M):
            self.world.violation("serve is gone: %s" % read(self.world.home + "/log/serve.err")[-500:])
            return
        self.memory.append((time.monotonic() - self.world.start, field(status, "VmRSS"),
                            len(os.listdir("/proc/%d/fd" % pid)), field(status, "Threads"), at_rest))

    # ---- when nobody does anything ----
    def rest(self):
        self.rests += 1
        self.settle()
        self.world.verb("check", "conf", "recover")
        self.mend_conflicts()
        self.editor.check("at rest")
        self.values.check("at rest")
        self.parse()
        self.config()
        slots = self.lifecycle()
        self.resources(slots)
        self.locks()
        self.ledger(slots)
        self.weigh(True)

    def settle(self):
        """Waits until all that is left are serve, monitors and their servers."""
        for _ in range(300):
            family = self.world.reap()
            rest = {p: row for p, row in family.items() if p != self.world.serve.pid and
                    not row[2].startswith(("llama", "conmon")) and p not in self.world.ours}
            if not rest:
                return
            time.sleep(0.1)
        for pid, row in rest.items():
            self.world.violation("a process is left: %d %s, parent %d: %s" % (
                pid, row[2], row[0], read("/proc/%d/cmdline" % pid).replace("\0", " ")[:300]))

    def mend_conflicts(self):
        """What was kept beside a file: somebody was told. It is thrown away, the file stays."""
        kept = [os.path.join(d, f) for d, _, fs in os.walk(self.world.etc) for f in fs if f.endswith(".hal0-new")]
        with self.world.lock:
            told = sum(1 for o in self.world.ops if o.rc == 4 or o.killed)
        if kept and told == self.conflicts_seen:
            self.world.violation("nobody was told of %s" % kept)
        self.conflicts_seen = told
        for path in kept:
            self.kept += 1
            os.unlink(path)
        if kept:  # a change of several files that was made but for one: make them agree again
            self.world.note("check", "merges " + " ".join(kept))
            self.values.doubt(None)
            self.world.verb("check", "cap", "set", "embed", "-m", "e1", "--no-start")
            self.world.verb("check", "cap", "apply", "-f", self.world.home + "/box.toml", "--no-start")

    def config(self):
        for argv in (("conf", "check"), ("cap", "check")):
            op = self.world.verb("check", *argv, as_json=True)
            if op.rc:
                self.world.violation("at rest hal0 %s says %d: %s %s" % (" ".join(argv), op.rc, op.out[-800:], op.err))
        log = self.world.data("conf", "log")
        if log and log["items"]:
            newest = log["items"][0]
            if newest["state"] != "applied" or newest["generation"] < self.generation:
                self.world.violation("the log went back or is not finished: %r" % newest)
            self.generation = newest["generation"]
        for d, _, fs in os.walk(self.world.etc):
            for f in fs:
                if f.endswith("~") or f.startswith("journal") or f.endswith(".swp"):
                    self.world.violation("a file is left: %s/%s" % (d, f))

    def lifecycle(self):
        """hal0's word, state.json, podman and the processes tell one story."""
        slots = self.settled_slots()
        # a podman that was killed while it stopped a container leaves it so, and whoever acts next ends it
        halfway = [name for name, s in slots.items() if s["state"] == "unloading"]
        for name in halfway:
            self.world.verb("check", "slot", "stop", name)
        if halfway:
            slots = self.settled_slots()
        containers, servers = self.world.containers(), self.servers()
        if containers is None:
            self.world.violation("podman does not answer at rest")
            return slots
        running = {}
        for c in containers:
            name = c["Names"][0]
            if not name.startswith("hal0-slot-") or name[10:] not in slots:
                self.world.violation("a container of no slot: %s (%s)" % (name, c["State"]))
            elif c["State"] == "running" and os.path.exists("/proc/%d" % c["Pid"]):
                running.setdefault(name[10:], []).append(c)
        for name, s in slots.items():
            self.one_slot(name, s, running.get(name, []), servers)
        return slots

    def settled_slots(self):
        for _ in range(60):
            doc = self.world.data("slot", "status")
            slots = {s["name"]: s for s in doc["items"]} if doc else {}
            if slots and not any(s["state"] in ("starting", "warming", "unloading") for s in slots.values()):
                break
            time.sleep(0.5)
        return slots

    def one_slot(self, name, s, running, servers):
        serves = s["state"] in SERVES
        if len(running) != (1 if serves else 0):
            self.world.violation("%s is %s and has %d containers" % (name, s["state"], len(running)))
        pids = servers.get(running[0] and int(running[0]["Labels"]["io.hal0.port"]) if running else s["port"], [])
        if len(pids) != (1 if serves else 0):
            self.world.violation("%s is %s and has %d servers: %s" % (name, s["state"], len(pids), pids))
        said = json.loads(read("%s/slots/%s/state.json" % (self.world.var, name)) or '{"state":"offline"}')
        if (said["state"] in SERVES) != serves:
            self.world.violation("%s is %s, state.json says %r" % (name, s["state"], said))
        if serves and said["extra"].get("container", running[0]["Id"] if running else "") != (
                running[0]["Id"] if running else ""):
            self.world.violation("%s: state.json tells of another container: %r" % (name, said))

    def resources(self, slots):
        """Nothing of podman's but what belongs to what runs."""
        living = {c["Id"] for c in self.world.containers() or ()}
        gone = self.world.container_ids() - living
        for place in ("/run/runc", "/run/crun"):
            for cid in gone & set(listdir(place)):
                self.world.violation("%s/%s is left of a container that is gone" % (place, cid))
        self.groups(gone)
        rc, volumes = self.world.podman("volume", "ls", "--quiet")
        if rc or volumes.strip():
            self.world.violation("volumes: %s" % volumes)
        monitors = [p for p, row in self.world.family().items() if row[2] == "conmon" and row[1] != "Z"]
        for pid in monitors:
            cid = re.search("[0-9a-f]{64}", read("/proc/%d/cmdline" % pid))
            if cid and cid.group() not in living:
                self.world.violation("the monitor %d of a container that is gone" % pid)
        ports = {s["port"] for s in slots.values()} | {self.world.port}
        for port in listening():
            if self.world.port <= port < self.world.port + 20 and port not in ports:
                self.world.violation("port %d is still taken" % port)

    def groups(self, gone):
        """Empty groups are the runtime's doing, who gives up on a process that takes long to die."""
        for place in cgroups():
            for cid in gone & {g[7:] for g in listdir(place)}:
                self.groups_left.add(cid)
                if read("%s/libpod-%s/cgroup.procs" % (place, cid)).strip():
                    self.world.violation("somebody lives in %s/libpod-%s" % (place, cid))

    def locks(self):
        for d, _, fs in os.walk(self.world.home):
            if d.startswith(self.world.pods):
                continue
            for f in fs:
                if f == "lock" or f.endswith(".lock"):
                    with open(os.path.join(d, f), "rb") as held:
                        try:
                            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        except OSError:
                            self.world.violation("%s/%s is locked and nobody is at work" % (d, f))

    def bookings(self):
        """Those that hold; the others are dropped by whoever reads the ledger next."""
        doc = json.loads(read(self.world.run_dir + "/ledger.json") or '{"bookings":[]}')
        return [b for b in doc["bookings"] if os.path.exists("/proc/%d" % b["pid"]) or
                os.path.exists("/proc/%s/stat" % read("%s/slots/%s/pid" % (self.world.run_dir, b["slot"])).strip())]

    def ledger(self, slots):
        """A booking that holds is of a slot that runs."""
        names = [b["slot"] for b in self.bookings()]
        if len(set(names)) != len(names):
            self.world.violation("booked twice: %s" % names)
        for b in self.bookings():
            if slots.get(b["slot"], {}).get("state") not in SERVES:
                self.world.violation("booked, and does not run: %r" % b)

    # ---- when all is over ----
    def end(self):
        w = self.world
        for argv in (("slot", "list"), ("cap", "off", "embed"), ("cap", "off", "rerank")):
            op = w.verb("end", *argv, as_json=True)
        slots = [s["name"] for s in (w.data("slot", "list") or {"items": []})["items"]]
        op = w.verb("end", "slot", "stop", *slots, "--timeout", "5s")
        if op.rc:
            w.violation("at the end slots do not stop: %d %s" % (op.rc, op.err))
        for name in slots:
            op = w.verb("end", "slot", "delete", name, "--yes")
            if op.rc:
                w.violation("%s cannot be deleted: %d %s" % (name, op.rc, op.err))
        self.settle()
        left = [row for p, row in w.reap().items() if p != w.serve.pid]
        self.nothing("processes", left)
        self.nothing("containers", w.containers())
        self.nothing("mounts", [m for m in w.mounts() if m != w.pods + "/root/overlay"])
        self.resources({})
        self.nothing("layers", json.loads(read(w.pods + "/root/overlay-layers/layers.json") or "[]"))
        self.nothing("storage of containers",
                     json.loads(read(w.pods + "/root/overlay-containers/containers.json") or "[]"))
        self.nothing("temporary files", listdir(w.home + "/tmp"))
        self.nothing("bookings", self.bookings())
        self.nothing("ports", [p for p in listening() if w.port < p < w.port + 20])
        self.locks()
        self.tree()

    def nothing(self, what, left):
        if left:
            self.world.violation("at the end there are %s: %s" % (what, str(left)[:600]))

    KNOWN = re.compile(r"^(etc/hal0/(\.txn/(applied|lock)|hal0\.toml|profiles\.toml|capabilities\.toml)|"
                       r"run/hal0/(ledger\.json|ledger\.lock|slots/[a-z-]+\.lock|slots/[a-z-]+/(conmon\.)?pid|"
                       r"slots/[a-z-]+/(used|model)|clock|[a-z/-]*route[a-z./-]*)|"
                       r"var-lib/hal0/(models/\w+\.gguf|fit/\w+\.json|"
                       r"slots/[a-z-]+/(load_ms|state\.json|server\.log(\.1)?)))$")

    def tree(self):
        """Only files that have a reason to be there."""
        odd = []
        for top in ("etc", "run", "var-lib"):
            for d, _, fs in os.walk(self.world.home + "/" + top):
                odd += [p for p in (os.path.relpath(os.path.join(d, f), self.world.home) for f in fs)
                        if not self.KNOWN.match(p)]
        self.nothing("files", odd)


def field(status, name):
    return int(re.search(r"^%s:\s*(\d+)" % name, status, re.M).group(1))


def listening():
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in read(table).splitlines()[1:]:
            words = row.split()
            if words[3] == "0A":
                ports.add(int(words[1].rsplit(":", 1)[1], 16))
    return sorted(ports)
