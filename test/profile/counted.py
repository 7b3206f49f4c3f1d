"""Runs a program in the guest with counter.c in QEMU and reads what it counted."""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
QEMU = os.path.join(os.path.dirname(HERE), "qemu.py")

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


class CountingError(Exception):
    """The program did not end well in the guest."""


def run(program, arguments, build, cmdline=""):
    """The stretches that the program marked, as it ran with these words on the command line."""
    words = cmdline if "trace=" in cmdline else f"trace=off {cmdline}".strip()
    words = f"seed=1 {words}"  # the same layout of memory in every run
    with tempfile.TemporaryDirectory() as folder:
        plugin, counts = os.path.join(folder, "counter.so"), os.path.join(folder, "counts")
        subprocess.run(["clang", "-O2", "-shared", "-fPIC", "-o", plugin,
                        os.path.join(HERE, "counter.c")], check=True)
        command = [sys.executable, QEMU, "exec", "--build-dir", build, "--cpu", "max,-erms",
                   "--plugin", f"{plugin},out={counts}", "--cmdline", words, "--", program]
        ended = subprocess.run(command + arguments, check=False, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE)
        if ended.returncode:
            raise CountingError(f"{program} ended with status {ended.returncode}")
        with open(counts, encoding="ascii") as lines:
            return read_stretches(lines)
