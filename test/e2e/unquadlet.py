#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""unquadlet.py FILE: the podman command that a quadlet .container file stands for, a word a line.

Written from podman-systemd.unit(5), not from what writes the files: each key's option, words split
and unquoted as systemd does, "%%" and "$$" reduced.
"""
import re
import sys

WORDS = {"Label": "--label", "AddDevice": "--device", "DropCapability": "--cap-drop", "Environment": "--env"}
RAW = {"Network": "--network", "PublishPort": "--publish", "Volume": "--volume", "ContainerName": "--name"}


def words(value):
    out, word, quote, i, began = [], "", "", 0, False
    while i < len(value):
        c = value[i]
        if c == "\\":
            i += 1
            word += {"n": "\n", "t": "\t"}.get(value[i], value[i])
            began = True
        elif quote:
            quote = "" if c == quote else quote
            word += "" if not quote else c
        elif c in "\"'":
            quote, began = c, True
        elif c in " \t":
            if began:
                out.append(word)
            word, began = "", False
        else:
            word += c
            began = True
        i += 1
    return out + [word] if began else out


def reduce(word):
    if re.search(r"(?<!%)(?:%%)*%(?!%)|(?<!\$)(?:\$\$)*\$(?!\$)", word):
        sys.exit("a specifier or a variable in " + word)
    return word.replace("%%", "%").replace("$$", "$")


def main():
    section, argv, image, tail, user = "", ["podman", "run"], "", [], {}
    for line in open(sys.argv[1], encoding="utf-8"):
        line = line.rstrip("\n")
        if line.startswith("["):
            section = line
        if section != "[Container]" or "=" not in line or line.startswith("#"):
            continue
        key, value = line.split("=", 1)
        if key in WORDS:
            for w in words(value):
                argv += [WORDS[key], w]
        elif key in RAW:
            argv += [RAW[key], value]
        elif key == "PodmanArgs":
            argv += words(value)
        elif key in ("User", "Group"):
            user[key] = value
        elif key == "Image":
            image = value
        elif key == "Exec":
            tail = words(value)
        elif value == "true" and key in ("NoNewPrivileges", "SecurityLabelDisable", "ReadOnly"):
            argv += {"NoNewPrivileges": ["--security-opt", "no-new-privileges"],
                     "SecurityLabelDisable": ["--security-opt", "label=disable"],
                     "ReadOnly": ["--read-only"]}[key]
        else:
            sys.exit("an unknown key: " + line)
    if user:
        argv += ["--user", user["User"] + ":" + user["Group"]]
    for w in argv + [image] + tail:
        print(reduce(w).replace("\n", "\\n"))


main()
