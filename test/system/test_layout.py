"""Where the kernel lies, and what its page tables map: read from the live tables, compared with the
symbols of the build."""

import os
import re

import pytest

from harness.media import default_build
from verdicts import kernel_offset, symbols_of

STRETCH = re.compile(r"^(kernel|user) (0x[0-9a-f]+) (0x[0-9a-f]+) (r[w-][x-])( user)?( global)?$")
READ_TABLES = ["/bin/busybox", "cat", "/proc/page_tables"]
DIRECT_MAP, DEVICES, STACKS = 0xFFFF800000000000, 0xFFFFD00000000000, 0xFFFFE00000000000
IMAGE = 0xFFFFFFFF80000000
OTHER_CPU_SIZE = 32768 + 4096  # CPU_TABLES_SIZE, ENTRY_PAGE_SIZE
DIFFERENT = "the user halves differ"


class Tables:
    """What one boot's file says, and that kernel's symbols."""

    def __init__(self, result):
        assert result.status == 0, result.log[-5:]
        self.offset = kernel_offset(result.log)
        self.symbols = symbols_of(os.path.join(default_build(), "kernel.debug.elf"), self.offset)
        self.stretches = {"kernel": [], "user": []}
        lines = result.stdout.decode().splitlines()
        self.differences = lines.count(DIFFERENT)
        for line in filter(DIFFERENT.__ne__, lines):
            match = STRETCH.match(line)
            assert match, line
            start, size = int(match[2], 16), int(match[3], 16)
            self.stretches[match[1]].append((start, start + size, match[4], bool(match[5])))

    def rights(self, tables, start, end):
        """The rights of everything mapped there; all of it must be mapped."""
        found, address = set(), start
        for first, behind, rights, _ in self.stretches[tables]:
            if first <= address < behind and address < end:
                found.add(rights)
                address = behind
        assert address >= end, f"{address:#x} is not mapped"
        return found

    def expect_rights(self, tables):
        for start, end, rights, is_user in self.stretches[tables]:
            assert rights != "rwx", f"{start:#x} to {end:#x} is writable and executable"
            assert not is_user, f"{start:#x} to {end:#x} is open to ring 3"


@pytest.fixture(scope="module")
def tables():
    """tables(run_exec, words): booted once for each command line."""
    boots = {}

    def read(run_exec, words="", smp=1):
        if words not in boots:
            boots[words] = Tables(run_exec(READ_TABLES, cmdline=words, smp=smp))
        return boots[words]

    return read


@pytest.mark.protection("wx")
def test_kernel_tables(tables, run_exec):
    seen = tables(run_exec)
    at = seen.symbols
    seen.expect_rights("kernel")
    code = at["kernel_image_start"], at["kernel_text_end"]
    assert seen.rights("kernel", *code) == {"r-x"}
    assert seen.rights("kernel", at["kernel_text_end"], at["kernel_rodata_end"]) == {"r--"}
    assert seen.rights("kernel", at["kernel_rodata_end"], at["boot_stack_guard"]) == {"rw-"}
    for start, end, rights, _ in seen.stretches["kernel"]:
        assert rights[2] == "-" or (code[0] <= start and end <= code[1]), f"{start:#x}: {rights}"
        assert start >= IMAGE or DIRECT_MAP <= start < STACKS + (1 << 40)


@pytest.mark.protection("kaslr")
def test_kernel_lies_elsewhere_in_every_boot(tables, run_exec):
    offsets = [tables(run_exec).offset, tables(run_exec, "kpti=on", smp=2).offset]
    assert 0 not in offsets and offsets[0] != offsets[1]
    assert all(offset % 4096 == 0 and offset < 1 << 31 for offset in offsets)


@pytest.mark.protection("kpti")
def test_tables_of_ring_3(tables, run_exec):
    """Nothing of the kernel but the entry area, and of that nothing global: on every CPU."""
    seen = tables(run_exec, "kpti=on", smp=2)
    at = seen.symbols
    seen.expect_rights("user")
    code = at["entry_text_start"], at["entry_text_end"]
    data = at["entry_data_start"], at["entry_data_end"]
    assert seen.rights("user", *code) == {"r-x"}
    assert seen.rights("user", *data) == {"rw-"}
    others = [stretch for stretch in seen.stretches["user"] if stretch[0] < IMAGE]
    assert sum(end - start for start, end, *_ in seen.stretches["user"]) == (
        code[1] - code[0] + data[1] - data[0] + OTHER_CPU_SIZE)
    for start, end, rights, _ in others:  # the second CPU's tables and entry page: all that is left
        assert rights == "rw-" and seen.rights("kernel", start, end) == {"rw-"}
    assert sum(end - start for start, end, *_ in others) == OTHER_CPU_SIZE
    assert at["boot_percpu"] == data[1]  # the canary and all else behind it
    assert not seen.differences


def test_tables_without_isolation(tables, run_exec):
    seen = tables(run_exec)
    assert seen.stretches["user"] == seen.stretches["kernel"]
