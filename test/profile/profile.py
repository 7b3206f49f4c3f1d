#!/usr/bin/env python3
"""Where a row of `measure` spends its instructions, function by function, exactly.

  profile.py [--iterations N] [--build-dir DIR] [--annotate FUNCTION] -- PROGRAM [ARGUMENT...]

Runs the program in the guest with counter.c in QEMU, which counts what runs between the program's
  profile.py [--iterations N] [--build-dir DIR] [--annotate FUNCTION] -- PROGRAM [ARG...]
IRETQ, INVLPG) are counted beside.
"""

import argparse
import bisect
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
TEST = os.path.dirname(HERE)
sys.dont_write_bytecode = True

def plain(code):
    """Without a REX prefix, which operands in r8 to r15 bring."""
    return code[1:] if code[0] & 0xf0 == 0x40 else code


# Instructions that cost more than their number says.
COSTLY = {
    "write CR3": lambda code: plain(code)[:2] == b"\x0f\x22" and plain(code)[2] & 0xf8 == 0xd8,
    "WRMSR": lambda code: code == b"\x0f\x30",
    "RDMSR": lambda code: code == b"\x0f\x32",
    "IRETQ": lambda code: code == b"\x48\xcf",
    "SYSRETQ": lambda code: code == b"\x48\x0f\x07",
    "INVLPG": lambda code: plain(code)[:2] == b"\x0f\x01" and plain(code)[2] >> 3 & 7 == 7
                           and plain(code)[2] < 0xc0,
    "XSAVE or XRSTOR": lambda code: b"\x0f\xae" in code[:3],
    "locked": lambda code: code[0] == 0xf0,
    "HLT": lambda code: code == b"\xf4",
}


@dataclass
class Stretch:
    """What ran between one pair of markers."""

    user: int = 0
    kernel: Counter = field(default_factory=Counter)  # address -> how often
    costly: Counter = field(default_factory=Counter)

    @property
    def total(self):
        return self.user + sum(self.kernel.values())


def read_stretches(lines):
    stretches = []
    for line in lines:
        words = line.split()
        if words[0] == "stretch":
            stretches.append(Stretch())
        elif words[0] == "user":
            stretches[-1].user = int(words[1])
        else:
            address, count, code = int(words[0], 16), int(words[1]), bytes.fromhex(words[2])
            stretches[-1].kernel[address] += count
            for name, matches in COSTLY.items():
                if matches(code):
                    stretches[-1].costly[name] += count
    return stretches


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


def run(options):
    """The stretches that the program marked."""
    with tempfile.TemporaryDirectory() as folder:
        plugin, counts = os.path.join(folder, "counter.so"), os.path.join(folder, "counts")
        subprocess.run(["clang", "-O2", "-shared", "-fPIC", "-o", plugin,
                        os.path.join(HERE, "counter.c")], check=True)
        command = [sys.executable, os.path.join(TEST, "qemu.py"), "exec", "--build-dir",
                   options.build_dir, "--cpu", "max,-erms", "--plugin", f"{plugin},out={counts}",
                   "--cmdline", f"trace=off {options.cmdline}".strip(), "--", options.program]
        status = subprocess.run(command + options.arguments, check=False).returncode
        if status:
            sys.exit(f"profile.py: {options.program} ended with status {status}")
        with open(counts, encoding="ascii") as lines:
            return read_stretches(lines)


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
    for stretch in run(options):
        print_stretch(stretch, symbols, options.iterations)
        for function in options.annotate:
            print_instructions(stretch, kernel, function, options.iterations)


if __name__ == "__main__":
    main()
