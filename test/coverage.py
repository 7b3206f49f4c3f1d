"""How much of the kernel ran: reads the counters of a build with COVERAGE=1 out of a machine that
is off but still there (knob `hold`) and has LLVM's tools put them beside the source.

The kernel has no code for this. The compiler's counters lie in a section of their own; what the
tools want to know besides is in the kernel's image. Layout: LLVM 14's raw profile, version 8.
"""

import json
import os
import struct
import subprocess
from collections import defaultdict

MAGIC = 0xFF6C70726F667281
VERSION = 8
LAST_VALUE_KIND = 1
FUNCTION_RECORD_SIZE = 48
COUNTERS, FUNCTIONS, NAMES = "__llvm_prf_cnts", "__llvm_prf_data", "__llvm_prf_names"


def report(guest, build):
    """Prints a line for each folder of kernel/ and one for all. Leaves kernel.profdata behind."""
    kernel = os.path.join(build, "kernel.debug.elf")
    sections = find_sections(kernel)
    if COUNTERS not in sections:
        raise ValueError(f"{kernel} counts nothing: it is no build with COVERAGE=1")
    counters = read_memory(guest, *sections[COUNTERS][:2])
    profile = os.path.join(build, "kernel.profdata")
    raw = os.path.join(guest.folder, "kernel.profraw")
    with open(raw, "wb") as file:
        file.write(raw_profile(kernel, sections, counters))
    run(["llvm-profdata", "merge", "-o", profile, raw])
    print_folders(count_lines(kernel, profile))
    print(f"coverage: line by line: llvm-cov show {kernel} -instr-profile={profile}")


def find_sections(kernel):
    """{name: (address, size, offset in the file)}"""
    listing = run(["llvm-readelf", "-SW", kernel])
    sections = {}
    for line in listing.splitlines():
        words = line.replace("[ ", "[").split()
        if len(words) > 5 and words[1] in (COUNTERS, FUNCTIONS, NAMES):
            sections[words[1]] = (int(words[3], 16), int(words[5], 16), int(words[4], 16))
    return sections


def read_memory(guest, address, size):
    path = os.path.join(guest.folder, "counters")
    complaint = guest.monitor(f'memsave {address:#x} {size} "{path}"').strip()
    if complaint:
        raise ValueError(f"the counters cannot be read: {complaint}")
    with open(path, "rb") as file:
        return file.read()


def raw_profile(kernel, sections, counters):
    with open(kernel, "rb") as file:
        image = file.read()
    functions, names = (image[offset : offset + size]
                        for _, size, offset in (sections[FUNCTIONS], sections[NAMES]))
    distance = sections[COUNTERS][0] - sections[FUNCTIONS][0]
    header = struct.pack("<11Q", MAGIC, VERSION, 0, len(functions) // FUNCTION_RECORD_SIZE, 0,
                         len(counters) // 8, 0, len(names), distance % 2**64,
                         sections[NAMES][0], LAST_VALUE_KIND)
    return header + functions + counters + names + bytes(-len(names) % 8)


def count_lines(kernel, profile):
    """{folder: [lines, covered]}"""
    exported = json.loads(run(["llvm-cov", "export", "-summary-only", kernel,
                               f"-instr-profile={profile}"]))
    folders = defaultdict(lambda: [0, 0])
    for file in exported["data"][0]["files"]:
        before, _, path = file["filename"].rpartition("/kernel/")
        if not before:
            continue
        folder = os.path.dirname(path) or path
        folders[folder][0] += file["summary"]["lines"]["count"]
        folders[folder][1] += file["summary"]["lines"]["covered"]
    return folders


def print_folders(folders):
    print("coverage: folder        lines  covered      %")
    rows = sorted(folders.items())
    rows.append(("all", [sum(counts) for counts in zip(*folders.values())]))
    for folder, (lines, covered) in rows:
        print(f"coverage: {folder:10} {lines:8} {covered:8} {100 * covered / max(lines, 1):6.1f}")


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
