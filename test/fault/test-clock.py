#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wall clock jumps by a day, forward and back: nothing waits for it, nothing in use is unloaded, and
what is idle is, in the end."""
import json
import os
import sys
import time

sys.dont_write_bytecode = True
import bed  # noqa: E402

DAY = 86400
IDLE = 60
SHIM = bed.BUILD + "/test/fault/clock-shift.so"


class Clock:
    def __init__(self, b):
        self.b, self.file = b, b.top + "/shift"
        self.env = {"LD_PRELOAD": SHIM, "CLOCK_SHIFT": self.file}
        self.set(0)

    def set(self, seconds):
        self.seconds = seconds
        self.b.put(self.file, str(seconds))

    def run(self, command):
        return self.b.run(command, env=self.env, seconds=120)


def started(b, slot, at):
    """When podman says that it was started."""
    path = "%s/c/hal0-slot-%s" % (b.fake, slot)
    with open(path) as f:
        j = json.load(f)
    j["StartedAt"] = int(at)
    b.put(path, json.dumps(j))


def used(b, slot, at):
    path = "%s/run/hal0/slots/%s/used" % (b.home, slot)
    b.put(path, "0\n")
    os.utime(path, (at, at))


def begin(b, c):
    b.restore("start")
    c.set(0)
    r = c.run("hal0-slot start lab")
    bed.ok(r.rc == 0, "lab runs", r)
    os.path.exists(b.home + "/run/hal0/clock") and os.unlink(b.home + "/run/hal0/clock")


def reaped(b, c, want, name):
    r = c.run("hal0-slot reap --json")
    gone = "hal0-slot-lab" not in b.containers()
    bed.ok(r.rc == 0 and not r.late and gone == want and r.json_is_whole(), name, r)


def test_reap(b, c):
    for jump, word in ((DAY, "forward"), (-DAY, "back")):
        begin(b, c)
        now = time.time()
        started(b, "lab", now - 30 * DAY)
        used(b, "lab", now - 5)
        reaped(b, c, False, "used five seconds ago: kept")
        c.set(jump)
        reaped(b, c, False, "the clock jumps a day %s: kept, as nobody knows how long it is idle" % word)
        reaped(b, c, False, "and the next time, too")
        r = c.run("hal0-slot reap --dry-run --json")
        idle = json.loads(r.out)["items"][0]["idle_s"] if r.rc == 0 else -1
        bed.ok(0 <= idle < IDLE, "its idle time begins at the jump", r)
        c.set(jump + IDLE + 2)  # as time goes by; the note is moved along, which is no jump
        path = b.home + "/run/hal0/clock"
        offset, at = open(path).read().split()
        b.put(path, "%d %s\n" % (int(offset) + IDLE + 2, at))
        reaped(b, c, True, "a minute after it, it is unloaded")
    begin(b, c)
    now = time.time()
    started(b, "lab", now - 30 * DAY)
    used(b, "lab", now - 2 * IDLE)
    reaped(b, c, True, "no jump: what is idle is unloaded the first time")
    begin(b, c)
    b.put(b.home + "/run/hal0/clock", "not a clock\n")
    started(b, "lab", now - 30 * DAY)
    used(b, "lab", now - 2 * IDLE)
    reaped(b, c, True, "a note that makes no sense is written anew")
    begin(b, c)
    started(b, "lab", now - 30 * DAY)
    used(b, "lab", now - 2 * IDLE)
    b.run("hal0-slot reap --dry-run")
    bed.ok(not os.path.exists(b.home + "/run/hal0/clock"), "a dry run notes nothing")


def test_all(b, c):
    """Each of the commands with a clock that is wrong, or jumps at each look."""
    for shift in (DAY, -DAY, "wild", -60 * 365 * DAY, 200 * 365 * DAY):
        begin(b, c)
        c.set(shift)
        for command in ("hal0-slot list --json", "hal0-slot status lab --json", "hal0-slot wait lab", "hal0-slot restart lab",
                        "hal0-slot swap lab spare", "hal0-slot stop lab", "hal0-slot start lab off",
                        "hal0-slot set lab model.context_size=512", "hal0-conf log", "hal0-conf undo", "hal0-probe update",
                        "hal0-cap apply -f box.toml --no-start", "hal0-status show --json", "hal0-slot bench lab --runs 1",
                        "hal0-model verify --record tiny", "hal0-profile lock", "hal0-slot reap", "hal0-conf check"):
            r = c.run(command)
            bed.ok(r.rc == 0 and not r.late and r.seconds < 100 and '"uptime_s": -' not in r.out,
                   "%s, the clock %s" % (command, shift if shift == "wild" else "%+d days" % (shift // DAY)), r)


def main():
    bed.alone()
    if bed.sanitized():
        bed.skip_all("a sanitizer wants to be loaded first")
    b = bed.Bed()
    b.fill()
    b.save("start")
    c = Clock(b)
    c.set(DAY)
    b.put(b.top + "/t.py", "import time; print(int(time.time()))")
    r = b.run("hal0-slot list")
    bed.ok(os.path.exists(SHIM) and r.rc == 0, "the shim is there")
    test_reap(b, c)
    test_all(b, c)
    bed.done()


main()
