#!/usr/bin/env python3
"""Holds the size rules: files of at most 400 lines of at most 100 columns, C functions of at
most 50 lines, READMEs of the kernel's folders of at most 30.

  check_sizes.py [root]

Relies on the formatting: a function's braces stand in the first column.
"""

import glob
import os
import sys

FILE_LIMIT = 400
FUNCTION_LIMIT = 50
README_LIMIT = 30
COLUMN_LIMIT = 100
FOLDERS = ("efi", "include", "iso", "kernel", "test", "user")
ENDINGS = (".c", ".h", ".S", ".py", ".sh", ".mk", ".ld")


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), ".."))
    offences = [offence for path in files() for offence in check(path)]
    offences += [offence for path in sorted(glob.glob("kernel/*/README.md"))
                 for offence in check_length(path, README_LIMIT)]
    for offence in offences:
        print(offence)
    return 1 if offences else 0


def files():
    for top in FOLDERS:
        for folder, _, names in sorted(os.walk(top)):
            chosen = sorted(name for name in names if name.endswith(ENDINGS))
            yield from (os.path.join(folder, name) for name in chosen)


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def check_length(path, limit):
    count = len(lines_of(path))
    if count > limit:
        yield f"{path}: {count} lines, at most {limit}"


def check(path):
    lines = lines_of(path)
    yield from check_length(path, FILE_LIMIT)
    if path.endswith(".py"):  # clang-format looks after C
        wide = (number for number, line in enumerate(lines, 1) if len(line) > COLUMN_LIMIT)
        yield from (f"{path}:{number}: wider than {COLUMN_LIMIT} columns" for number in wide)
    if path.endswith((".c", ".h")):
        yield from check_functions(path, lines)


def check_functions(path, lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            length = number - start - 1
            if length > FUNCTION_LIMIT:
                name = lines[start - 2].strip()
                yield f"{path}:{start}: {length} lines, at most {FUNCTION_LIMIT}: {name}"
            start = None


if __name__ == "__main__":
    sys.exit(main())
