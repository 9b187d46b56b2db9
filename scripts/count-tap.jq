# SPDX-License-Identifier: GPL-3.0-or-later
# One test of meson's testlog.json -> what scripts/check counts. A test that ended badly without a
# failing line is a failure of its own, and so is one that leaves nothing to count. A test that
# speaks no TAP counts as one.
def lines: (.stdout // "") | split("\n");
def skipped: test("# *skip"; "i");
def excused: test("# *(skip|todo)"; "i");
# Failing lines, each with the remarks that follow it.
def failing:
  reduce lines[] as $l ({open: false, out: []};
    if $l | test("^not ok\\b") and (excused | not) then .open = true | .out += [[$l]]
    elif .open and ($l | startswith("#")) then .out[-1] += [$l]
    else .open = false end)
  | [.out[] | (.[0:1] + .[1:][:12]) | join("\n")];

{
  name, result, returncode, stdout, stderr,
  ok: [lines[] | select(test("^ok\\b")) | select(excused | not)],
  bad: failing,
  skip: [lines[] | select(test("^(not )?ok\\b")) | select(skipped)],
  skip_all: ([lines[] | select(test("^1\\.\\.0\\b")) | sub("^1\\.\\.0 *#? *(skip)? *"; ""; "i")] | first),
  remark: ([lines[] | select(startswith("# ")) | .[2:]] | first),
  tap: ([lines[] | select(test("^(ok|not ok|1\\.\\.[0-9]+)\\b"))] | length > 0)
}
| .skip_all = (if .skip_all == "" then .remark // "no reason given" else .skip_all end)
| .good = (.result == "OK" or .result == "SKIP" or .result == "EXPECTEDFAIL")
| .passed = (if .tap then .ok | length elif .result == "OK" then 1 else 0 end)
| .failed = (
    if (.bad | length) > 0 then .bad | length
    elif .good | not then 1
    elif .passed == 0 and (.skip | length) == 0 and .skip_all == null then 1
    else 0 end)
