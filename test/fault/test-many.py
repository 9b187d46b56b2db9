#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand slots: what each verb that looks at all of them takes, with none running and with all, and
that nothing grows with the square of them: twice the slots, twice the system calls.
  test-many.py [N [VERB...]]   N slots (default 100; 1,000 is the most), compared with half as many; figures per verb"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import bed  # noqa: E402

VERBS = [
    "hal0-slot list", "hal0-slot list --json", "hal0-slot status", "hal0-slot diff", "hal0-slot show s-1",
    "hal0-slot fit s-1", "hal0-slot argv s-1", "hal0-slot set s-1 model.context_size=512 --dry-run",
    "hal0-slot create new --model tiny --device cpu --dry-run", "hal0-slot reap --dry-run",
    "hal0-slot restart --all --if-changed --dry-run", "hal0-status show", "hal0-route table", "hal0-route explain s-1",
    "hal0-route export haproxy --dry-run", "hal0-conf check", "hal0-cap list", "hal0-cap check", "hal0-model list",
    "hal0-profile list", "hal0-probe update --dry-run", "hal0-probe memory", "hal0-probe doctor",
]
LIMIT_KIB = 64 << 10


def fill(b, n, running):
    b.fill()
    shutil.rmtree(b.etc + "/slots")
    b.put(b.etc + "/hal0.toml", "[slots]\nmax_slots = 1000\nport_range_start = 10000\nport_range_end = 20000\n")
    for i in range(n):
        b.put("%s/slots/s-%d.toml" % (b.etc, i), bed.slot_text(10000 + i, "llm", "tiny"))
        if running:  # its process is this one: it lives, and nobody answers on the port
            label = {"io.hal0.slot": "s-%d" % i, "io.hal0.home": b.home, "io.hal0.port": str(10000 + i)}
            b.put("%s/c/hal0-slot-s-%d" % (b.fake, i), json.dumps({
                "Names": ["hal0-slot-s-%d" % i], "Id": "%064x" % (i + 1), "State": "running", "Pid": 1, "ExitCode": 0,
                "StartedAt": 1000000000, "Labels": label, "Image": "fake"}))


def forget(b):
    shutil.rmtree(b.fake + "/c")
    os.mkdir(b.fake + "/c")


def calls(b, command):
    """System calls of all its threads, and of podman; without the reading of the stand-in's own files."""
    log = b.top + "/calls"
    r = b.run(command, before=["strace", "-f", "-qq", "-c", "-o", log], seconds=100)
    total = re.search(r"\s(\d+)\s+\d*\s*total\n", open(log).read())
    return r, int(total[1]) if total else 0


def main():
    bed.alone()
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    only = sys.argv[2:]
    trace = shutil.which("strace") and not subprocess.run(["strace", "-o", "/dev/null", "true"],
                                                          stderr=subprocess.DEVNULL).returncode and not bed.sanitized()
    b = bed.Bed()
    grown = {}
    # what is wrong in hal0.toml is said of hal0.toml
    b.fill()
    b.put(b.etc + "/hal0.toml", "[slots]\nmax_slots = 1001\n")
    r = b.run("hal0-slot argv lab")
    bed.ok(r.rc == 3 and "hal0.toml:2:13: slots.max_slots" in r.err, "more slots than can be: it says where", r)
    for running in (False, True):
        for size in (n // 2, n):
            fill(b, size, running)
            for command in VERBS:
                if only and not any(o in command for o in only):
                    continue
                name = "%s, %s" % (command, "all running" if running else "none running")
                r = b.measure(command, seconds=100)
                if size == n:
                    bed.ok(not r.late and r.rc in (0, 1, 4) and (r.kib < LIMIT_KIB or bed.sanitized()),
                           "%s: %d slots" % (name, n), r)
                    bed.note("%-70s %6.0f ms, %6.0f of them its own work, %6d KiB" % (name, r.seconds * 1000, r.cpu_ms, r.kib))
                if trace:
                    grown.setdefault(name, []).append(calls(b, command)[1])
            forget(b)
    for name, (half, whole) in grown.items():
        # what does not depend on them is in both; a square would be four times
        bed.ok(half and whole < half * 2.3, "%s: grows no faster than the slots: %d calls, %d" % (name, half, whole))
    if not trace:
        bed.skip("growth", "strace is not installed, may not trace, or a sanitizer makes calls of its own")
    bed.done()


main()
