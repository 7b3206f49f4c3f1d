#!/usr/bin/env python3
"""Holds the include rules: a folder of kernel/ includes itself, lower layers and include/ only;
efi/, kernel/ and user/ share nothing but include/. Prints every offending line.

  check_layers.py [root]
"""

import os
import re
import sys

LAYERS = ("lib cpu dev debug mem sched vm fs drivers proc pseudo syscall trap boot").split()
PROGRAMS = ("efi", "kernel", "user")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
GENERATED = ("config.h", "offsets.h")


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), ".."))
    offences = [offence for path in sources() for offence in check(path)]
    for offence in offences:
        print(offence)
    return 1 if offences else 0


def sources():
    for program in (*PROGRAMS, "include"):
        for folder, _, names in sorted(os.walk(program)):
            for name in sorted(names):
                if name.endswith((".c", ".h", ".S")):
                    yield os.path.join(folder, name)


def check(path):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            match = INCLUDE.match(line)
            if match:
                reason = objection(path, match[1], match[2])
                if reason:
                    yield f"{path}:{number}: {line.strip()}: {reason}"


def objection(path, mark, name):
    """Why `path` may not include `name`; None when it may."""
    if name in GENERATED and path.startswith("kernel/"):
        return None
    target = resolve(path, name)
    if target is None:
        return None if mark == "<" else "there is no such file"
    program, other = path.split("/")[0], target.split("/")[0]
    if other == "include":
        return None
    if program != other:
        return f"{program}/ and {other}/ share only include/"
    return climb(path, target) if program == "kernel" else None


def climb(path, target):
    """Lower may not include higher; kernel/main.c stands above all folders."""
    here, there = layer(path), layer(target)
    if there is None:
        return f"{target} lies in no layer"
    return f"{LAYERS[there]} is above {LAYERS[here]}" if here is not None and there > here else None


def layer(path):
    folder = path.split("/")[1]
    return LAYERS.index(folder) if folder in LAYERS else None


def resolve(path, name):
    """The file in this tree that an include names; None for what the compiler brings."""
    folders = [os.path.dirname(path), "include", path.split("/")[0], "user/lib"]
    folders += list(PROGRAMS)
    for folder in folders:
        candidate = os.path.normpath(os.path.join(folder, name))
        if os.path.isfile(candidate):
            return candidate
    return None


if __name__ == "__main__":
    sys.exit(main())
