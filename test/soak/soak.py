#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several people, a router and bad luck at once on one hal0, for as long as is asked for. Speaks TAP."""
import argparse
import collections
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
from actors import Actor, Killer, Verbs  # noqa: E402
from edits import Editor, Values  # noqa: E402
from look import Look, listening  # noqa: E402
from traffic import Traffic  # noqa: E402
from world import IMAGE, World, describe, read  # noqa: E402


def spoil_line(pattern, by):
    def spoil(w):
        path = w.etc + "/slots/soak-a.toml"
        text = re.sub(pattern, by, read(path), flags=re.M)
        w.write("/etc/hal0/slots/soak-a.toml", text)
    return spoil


# What an invariant must find.
SABOTAGE = {
    "edit": spoil_line("# by hand.*", ""),
    "value": spoil_line(r"^(threads|workers|n_gpu_layers) = .*", r"\1 = 0"),
    "file": lambda w: w.write("/etc/hal0/slots/soak-a.toml~", ""),
    "syntax": spoil_line("^port", "port port"),
    "booking": lambda w: w.write("/run/hal0/ledger.json", json.dumps({"bookings": [
        {"slot": "soak-x", "pid": w.serve.pid, "since": 1, "host_bytes": 1, "device_bytes": 0}]})),
    "server": lambda w: w.podman("run", "-d", "--name", "hal0-slot-soak-z", IMAGE, "--version"),
    "volume": lambda w: w.podman("volume", "create"),
    "process": lambda w: w.spawn(["sh", "-c", "sleep 60 & exec sleep 0"]),
    "serve": lambda w: w.serve.kill(),
}


def options():
    p = argparse.ArgumentParser(prog="soak", description="hal0 under several users, traffic and kill -9 at once")
    p.add_argument("--minutes", type=float, default=30, metavar="N", help="how long (default: 30)")
    p.add_argument("--seed", default=str(int(time.time())), metavar="N", help="of the dice (default: the time)")
    p.add_argument("--rest", type=float, default=60, metavar="S",
                   help="seconds between two rests, when all is looked at (default: 60)")
    p.add_argument("--only", metavar="A,B", help="these actors alone")
    p.add_argument("--pace", type=float, default=1, metavar="X", help="pauses times X (default: 1)")
    p.add_argument("--sabotage", choices=sorted(SABOTAGE), metavar="WHAT",
                   help="spoil that at the first rest, to see it found: " + ", ".join(sorted(SABOTAGE)))
    p.add_argument("--keep", action="store_true", help="keep the home also when all is well")
    p.add_argument("--keep-going", action="store_true", help="do not end at the first violation")
    p.add_argument("--port", type=int, default=int(os.environ.get("HAL0_TEST_PORT", "9300")), metavar="N",
                   help="the first of 20 loopback ports (default: 9300)")
    return p.parse_args()


def skip(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def check_needs(port):
    if os.geteuid() != 0:
        skip("needs root")
    try:
        if subprocess.run(["podman", "image", "exists", IMAGE], check=False).returncode:
            skip("there is no image %s (scripts/build-image makes it)" % IMAGE)
    except FileNotFoundError:
        skip("podman is not installed")
    if [p for p in listening() if port <= p < port + 20]:
        skip("a port of %d to %d is taken" % (port, port + 19))


class Soak:
    def __init__(self, opts):
        home = tempfile.mkdtemp(prefix="hal0-soak.", dir=os.environ.get("TMPDIR", "/tmp"))
        build = os.environ.get("HAL0_BUILD") or os.path.join(
            os.path.dirname(os.path.abspath(__file__)), "../../build")
        self.opts = opts
        self.world = World(os.path.abspath(build), home, opts.port, opts.seed)
        self.values = Values(self.world)
        self.editor = Editor(self.world, self.values, self.world.dice("editor"))
        self.look = Look(self.world, self.values, self.editor)
        self.traffic, self.killer = Traffic(self.world), Killer(self.world)
        self.load = []

    def actors(self):
        verbs = Verbs(self.world, self.values, self.editor)
        table = [
            ("shell", verbs.shell("shell"), (0.2, 1.2)),
            ("shell2", verbs.shell("shell2"), (0.4, 2.0)),
            ("guest", verbs.come_and_go, (1.0, 4.0)),
            ("cap", verbs.cap, (0.8, 3.0)),
            ("conf", verbs.conf, (0.5, 2.5)),
            ("profile", verbs.profile, (0.8, 3.0)),
            ("reaper", verbs.reaper, (4.0, 9.0)),
            ("editor", lambda dice: self.editor.act(), (0.1, 1.2)),
            ("killer", self.killer.act, (0.6, 3.0)),
            ("client1", self.traffic.act, (0.1, 1.0)),
            ("client2", self.traffic.act, (0.1, 1.5)),
        ]
        only = self.opts.only.split(",") if self.opts.only else None
        return [Actor(self.world, name, act, tuple(p * self.opts.pace for p in pause))
                for name, act, pause in table if not only or name in only]

    def begin(self):
        w = self.world
        w.set_up()
        with open(w.home + "/log/serve.out", "wb") as out, open(w.home + "/log/serve.err", "wb") as err:
            w.serve = w.spawn([w.build + "/cmd/hal0-route", "serve", "--port", str(w.port), "--wait", "20s"],
                              stdout=out, stderr=err)
        while w.port not in listening() and w.serve.poll() is None:
            time.sleep(0.02)
        self.look.weigh(True)
        threading.Thread(target=w.reap_always, daemon=True).start()

    def run(self):
        w, until = self.world, time.monotonic() + self.opts.minutes * 60
        next_rest = time.monotonic() + self.opts.rest
        threads = self.actors()
        for t in threads:
            t.start()
        while time.monotonic() < until and not self.over():
            time.sleep(2)
            self.load.append(os.getloadavg()[0])
            self.look.sample()
            if time.monotonic() >= next_rest:
                self.rest()
                next_rest = time.monotonic() + self.opts.rest
        if not self.over():
            self.rest()
        w.stopping.set()
        w.gate.open()
        for t in threads:
            t.join(300)

    def over(self):
        return bool(self.world.violations) and not self.opts.keep_going

    def rest(self):
        if not self.world.gate.close():
            self.world.violation("somebody does not come to rest: %s" % [
                o.line(self.world.start) for o in self.world.live.values()])
        if self.opts.sabotage and not self.look.rests:
            SABOTAGE[self.opts.sabotage](self.world)
        self.look.rest()
        if not self.over():
            self.world.gate.open()

    def end(self):
        w = self.world
        if not self.over():
            self.look.end()
        w.serve.send_signal(signal.SIGTERM)
        try:
            rc = w.serve.wait(40)
        except subprocess.TimeoutExpired:
            rc = None
        if rc != 0:
            w.violation("serve ends with %s: %s" % (rc, read(w.home + "/log/serve.err")[-300:]))

    # ---- what was seen ----
    def report(self):
        w = self.world
        with open(w.home + "/log/ops", "w", encoding="utf-8") as f:
            f.write("\n".join(w.story(0, time.monotonic())) + "\n")
        with open(w.home + "/log/serve.csv", "w", encoding="utf-8") as f:
            f.write("s,rss_kib,fds,threads,rest\n" + "".join("%.1f,%d,%d,%d,%d\n" % m for m in self.look.memory))
        self.report_ops()
        self.report_said()
        print("# containers: %d; of %d the runtime left empty groups" % (
            len(w.container_ids()), len(self.look.groups_left)))
        print("# by hand: %s; %d changes kept beside a file" % (
            ", ".join("%d %s" % (n, what) for what, n in self.editor.count.items()), self.look.kept))
        print("# struck: %s" % ", ".join("%d %s" % (n, what) for what, n in sorted(self.killer.count.items())))
        print("# requests: %s" % ", ".join("%d %s" % (n, what) for what, n in sorted(self.traffic.seen.items())))
        self.report_memory()
        if self.load:
            print("# load of the machine: %.1f on average, %.1f at most" % (
                sum(self.load) / len(self.load), max(self.load)))

    def report_ops(self):
        kinds = collections.defaultdict(list)
        for o in self.world.ops:
            kinds[o.kind].append(o)
        print("# %-18s %6s %7s %7s  exit codes" % ("verb", "calls", "median", "longest"))
        for kind, ops in sorted(kinds.items()):
            took = sorted(o.took for o in ops)
            codes = collections.Counter("killed" if o.rc is None or o.rc < 0 else str(o.rc) for o in ops)
            print("# %-18s %6d %6.2fs %6.2fs  %s" % (kind, len(ops), took[len(took) // 2], took[-1],
                  ", ".join("%s: %d" % c for c in sorted(codes.items()))))

    def report_said(self):
        """Every reason a verb gave for not doing what it was asked, with numbers taken out."""
        said = collections.Counter()
        for o in self.world.ops:
            if o.rc and o.rc > 0:
                last = (o.err.strip() or o.out.strip() or "(nothing)").splitlines()[-1]
                try:
                    last = json.loads(last)["error"]["message"]
                except (ValueError, KeyError, TypeError):
                    last = re.sub("^hal0-[a-z]+: ", "", last)
                last = re.sub(r"[0-9a-f]{8,}|\d+([.,]\d+)?", "N", last.replace(self.world.home, "~"))
                said["%s %d: %s" % (o.kind, o.rc, last[:150])] += 1
        for text, n in sorted(said.items()):
            print("#   %3d x %s" % (n, text))

    def report_memory(self):
        rests = [m for m in self.look.memory if m[4]]
        if not self.look.memory:
            return
        step = max(60.0, self.opts.minutes * 60 / 15)
        print("# serve, per %.0f s: %s" % (step, ", ".join(
            "%d KiB %d fds" % (max(m[1] for m in part), max(m[2] for m in part)) for part in slices(self.look.memory, step))))
        print("# serve, at rest: %s" % ", ".join("%d KiB %d fds %d threads" % m[1:4] for m in rests))
        slope = self.slope(rests[len(rests) // 2:])
        if slope is not None:
            print("# figure: memory of serve grows by %.1f KiB a minute (at rest, in the second half)" % slope)
            if self.opts.minutes >= 10 and slope > 20:
                self.world.violation("memory of serve grows by %.1f KiB a minute" % slope)

    @staticmethod
    def slope(points):
        if len(points) < 4:
            return None
        xs, ys = [p[0] / 60 for p in points], [p[1] for p in points]
        mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
        return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)

    def verdict(self):
        w = self.world
        bad = bool(w.violations)
        print("%s 1 - %d verbs, %d requests, %d rests in %.0f s from seed %s: every invariant holds" % (
            "not ok" if bad else "ok", len(w.ops), sum(self.traffic.seen.values()), self.look.rests,
            time.monotonic() - w.start, w.seed))
        for at, text in w.violations[:10]:
            print("# at %.2f: %s" % (at - w.start, text))
        if bad:
            at = w.violations[0][0]
            print("# before the first:")
            for row in w.story(at - 12, at + 0.5)[-60:]:
                print("#   " + row)
            print("# again: scripts/soak --seed %s; everything is in %s" % (w.seed, w.home))
        print("1..1")
        return 1 if bad else 0


def slices(memory, step):
    parts = {}
    for m in memory:
        parts.setdefault(int(m[0] // step), []).append(m)
    return [parts[k] for k in sorted(parts)]


def main():
    opts = options()
    check_needs(opts.port)
    s = Soak(opts)
    w = s.world
    print("# seed %s, %g minutes, home %s" % (opts.seed, opts.minutes, w.home), flush=True)
    signal.signal(signal.SIGTERM, lambda *a: sys.exit(143))
    rc = 1
    try:
        s.begin()
        s.run()
        s.end()
        s.report()
        rc = s.verdict()
    finally:
        w.stopping.set()
        if rc:
            snapshot(w)
        w.take_down(rc or opts.keep)
    return rc


def snapshot(w):
    """What podman and the kernel say, for whoever looks into the home later."""
    with open(w.home + "/log/events", "w", encoding="utf-8") as f:
        f.write(read(w.pods + "/tmp/events/events.log"))
    with open(w.home + "/log/machine", "w", encoding="utf-8") as f:
        for argv in (["podman", *w.podman_options(), "ps", "--all"], ["ps", "axfo", "pid,ppid,stat,args"]):
            f.write("$ %s\n%s\n" % (" ".join(argv), subprocess.run(
                argv, check=False, capture_output=True, text=True).stdout))
        for pid, row in w.family().items():
            f.write("%s: %s\n" % (row, describe(pid)))


if __name__ == "__main__":
    threading.stack_size(512 * 1024)
    sys.exit(main())
