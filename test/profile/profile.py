#!/usr/bin/env python3
"""Where a row of `measure` spends its instructions, function by function, exactly.

  profile.py [--iterations N] [--build-dir DIR] [--annotate FUNCTION] -- PROGRAM [ARGUMENT...]

Runs the program in the guest with counter.c in QEMU, which counts what runs between its marker
instructions. Costs are divided by N. Events that instruction counts hide (CR3 and MSR writes,
IRETQ, INVLPG) are counted beside.
"""

import argparse
import bisect
import os
import subprocess
import sys
from collections import Counter

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import counted

class Symbols:
    """The kernel's functions by address."""

    def __init__(self, kernel):
        listing = subprocess.run(["llvm-nm", "--numeric-sort", kernel], check=True,
                                 capture_output=True, text=True).stdout
        rows = [line.split() for line in listing.splitlines()]
        rows = [(int(row[0], 16), row[2]) for row in rows if len(row) == 3 and row[1] in "tTwW"]
        self.addresses, self.names = [row[0] for row in rows], [row[1] for row in rows]

    def name_of(self, address):
        index = bisect.bisect_right(self.addresses, address) - 1
        return self.names[index] if index >= 0 else hex(address)


def by_function(stretch, symbols):
    functions = Counter()
    for address, count in stretch.kernel.items():
        functions[symbols.name_of(address)] += count
    return functions


def print_stretch(stretch, symbols, iterations):
    print(f"{stretch.total / iterations:12.1f}  in all, each of {iterations}")
    print(f"{stretch.user / iterations:12.1f}  user mode")
    for name, count in by_function(stretch, symbols).most_common():
        if count * 1000 >= stretch.total:
            print(f"{count / iterations:12.1f}  {name}")
    events = [f"{name} {count / iterations:.2f}" for name, count in sorted(stretch.costly.items())]
    print("      of them: " + ", ".join(events))


def print_instructions(stretch, kernel, function, iterations):
    listing = subprocess.run(["llvm-objdump", "-d", "--no-show-raw-insn", "--x86-asm-syntax=att",
                              f"--disassemble-symbols={function}", kernel],
                             check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        address, colon, text = line.strip().partition(":")
        try:
            count = stretch.kernel.get(int(address, 16), 0) if colon else 0
        except ValueError:
            continue
        if text and count:
            print(f"{count / iterations:12.2f}  {address}{text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=1, help="what the program does, so often")
    parser.add_argument("--build-dir", default="build/release")
    parser.add_argument("--cmdline", default="")
    parser.add_argument("--annotate", action="append", default=[], metavar="FUNCTION",
                        help="its instructions one by one, too")
    parser.add_argument("program")
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    kernel = os.path.join(options.build_dir, "kernel.elf")
    symbols = Symbols(kernel)
    try:
        stretches = counted.run(options.program, options.arguments, options.build_dir,
                                options.cmdline)
    except counted.CountingError as error:
        sys.exit(f"profile.py: {error}")
    for stretch in stretches:
        print_stretch(stretch, symbols, options.iterations)
        for function in options.annotate:
            print_instructions(stretch, kernel, function, options.iterations)


if __name__ == "__main__":
    main()
