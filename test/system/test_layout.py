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


class Tables:
    """What one boot's file says, and that kernel's symbols."""

    def __init__(self, result):
        assert result.status == 0, result.log[-5:]
        self.offset = kernel_offset(result.log)
        self.symbols = symbols_of(os.path.join(default_build(), "kernel.debug.elf"), self.offset)
        self.stretches = {"kernel": [], "user": []}
        for line in result.stdout.decode().splitlines():
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

    def read(run_exec, words=""):
        if words not in boots:
            boots[words] = Tables(run_exec(READ_TABLES, cmdline=words))
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
    offsets = [tables(run_exec).offset, tables(run_exec, "loglevel=6").offset]
    assert 0 not in offsets and offsets[0] != offsets[1]
    assert all(offset % 4096 == 0 and offset < 1 << 31 for offset in offsets)
