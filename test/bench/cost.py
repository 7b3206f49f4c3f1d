"""What booting took: time, kernel image, memory in use. Read from the log of each system."""

import os
import re

PAGE_KIB = 4
LINUX_DESCRIPTOR_BYTES = 64  # struct page, x86-64

OURS_TIME = re.compile(r"boot: first program after (\d+) ns, (\d+) of them waiting for clocks$")
OURS_MEMORY = re.compile(r"memory: in use (\d+) KiB: .*\(kernel image (\d+)\) and allocated (\d+) ")
LINUX_MEMORY = re.compile(r"Memory: \d+K/(\d+)K available \((\d+)K kernel code, (\d+)K rwdata, "
                          r"(\d+)K rodata, (\d+)K init, (\d+)K bss")
LINUX_INIT = re.compile(r"^\[ *(\d+)\.(\d{6})\] Run /init as init process")
LINUX_FIELD = re.compile(r"^(MemTotal|MemFree|Cached|Buffers): +(\d+) kB$")
LINUX_VERSION = re.compile(r"Linux version (\S+)")

HOW_LINUX = """\
Linux, boot: its log's clock at "Run /init"; that clock starts when the TSC has been calibrated, so
  unpacking, early set-up and that wait are not in it, later waits are.
Linux, memory: RAM by its "Memory:" line, less MemFree, Cached, Buffers and 64 bytes a frame; taken
  by the first process. Its framebuffer has no shadow on this command line. Allocated: MemTotal
  instead of RAM, so without the kernel image and what was reserved at boot."""


def ours(lines, kernel_file):
    time, memory = first(OURS_TIME, lines), first(OURS_MEMORY, lines)
    costs = {"kernel file, KiB": os.path.getsize(kernel_file) // 1024}
    if time:
        costs["boot, ns"] = int(time[1])
        costs["of it waiting for clocks, ns"] = int(time[2])
        costs["boot without waiting, ns"] = int(time[1]) - int(time[2])
    if memory:
        costs["memory in use, KiB"] = int(memory[1])
        costs["of it allocated, KiB"] = int(memory[3])
        costs["kernel in memory, KiB"] = int(memory[2])
    return costs


def linux(lines, kernel_file):
    memory, init = first(LINUX_MEMORY, lines), first(LINUX_INIT, lines)
    fields = {match[1]: int(match[2]) for match in map(LINUX_FIELD.match, lines) if match}
    costs = {"kernel file, KiB": os.path.getsize(kernel_file) // 1024}
    if init:
        costs["boot, ns"] = int(init[1]) * 10**9 + int(init[2]) * 1000
    if memory and len(fields) == 4:
        ram = int(memory[1])
        table = ram // PAGE_KIB * LINUX_DESCRIPTOR_BYTES // 1024
        left = fields["MemFree"] + fields["Cached"] + fields["Buffers"]
        costs["memory in use, KiB"] = ram - left - table
        costs["of it allocated, KiB"] = fields["MemTotal"] - left
        costs["kernel in memory, KiB"] = sum(int(part) for part in memory.groups()[1:])
    return costs


def first(pattern, lines):
    return next((match for match in map(pattern.search, lines) if match), None)
