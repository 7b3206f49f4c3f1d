"""Bad boot media: one plain sentence that names the file, and back to the firmware or power off.

What the loader refuses lies on one machine's disks, one mistake each. The firmware starts the next
disk when the loader gives control back; the last disk is good and must boot as ever.
"""

import os
import pathlib
import re
import struct
import subprocess
import tempfile

import pytest

from harness import screen
from harness.fixtures import archive_of, start_guest
from harness.guest import GuestError
from harness.media import LEFT_OUT, Media, default_build, make_image

STARTED = "ringfence loader: started"
ERROR = "ringfence loader: error: "
COPY_KERNEL = ": copy the kernel.elf of this build to the boot partition"
COPY_ANY = "copy it to the root of the boot partition"
CMDLINE_LIMIT = 4095
CLUSTER = 1 << 20  # where the disk image's partition begins
TOO_LARGE = 160 << 20  # for 256 MiB, of which the firmware takes a cache for every disk
KEY_LIMIT = 100
PROGRAM_HEADER_SIZE = 56


def build_file(name):
    with open(os.path.join(default_build(), name), "rb") as file:
        return file.read()


def patched(offset, layout, value):
    """The kernel with one number changed."""
    data = bytearray(build_file("kernel.elf"))
    struct.pack_into(layout, data, offset, value)
    return bytes(data)


def with_segment(field_offset, layout, change):
    """The kernel with one number of its second program header changed, by its first header."""
    data = build_file("kernel.elf")
    table = struct.unpack_from("<Q", data, 32)[0]
    first, second = table, table + PROGRAM_HEADER_SIZE
    number = lambda header: lambda offset: struct.unpack_from("<Q", data, header + offset)[0]
    return patched(second + field_offset, layout, change(number(first), number(second)))


# Each: what is on the disk besides a good loader, and what the loader says.
BAD_KERNELS = {
    "empty": (lambda: b"", "is empty"),
    "text": (lambda: b"#!/bin/sh\nexit 0\n", "is not an ELF file"),
    "cut-in-the-header": (lambda: build_file("kernel.elf")[:40], "is truncated"),
    "cut-in-the-middle": (lambda: build_file("kernel.elf")[:100000], "is truncated"),
    "cut-at-the-end": (lambda: build_file("kernel.elf")[:-1], "is truncated"),
    "32-bit": (lambda: patched(4, "B", 1), "is a 32-bit ELF file, not a 64-bit one"),
    "big-endian": (lambda: patched(5, "B", 2), "is for another kind of machine, not x86-64"),
    "arm": (lambda: patched(18, "<H", 183), "is for another kind of machine, not x86-64"),
    "object-file": (lambda: patched(16, "<H", 1), "is an ELF file but not an executable"),
    "entry-in-user-space": (lambda: patched(24, "<Q", 0x401000),
                            "has an entry point outside its code"),
    "segment-in-user-space": (lambda: with_segment(16, "<Q", lambda first, second: 0x401000),
                              "has a segment outside the kernel's part of the address space"),
    "segment-around-the-end": (lambda: with_segment(40, "<Q", lambda first, second: 1 << 63),
                               "has a segment outside the kernel's part of the address space"),
    "segment-past-the-file": (lambda: with_segment(8, "<Q", lambda first, second: (1 << 64) - 1),
                              "is truncated"),
    "segment-writable-code": (lambda: with_segment(4, "<I", lambda first, second: 7),
                              "has a segment that is both writable and executable"),
    "segment-shrunk": (lambda: with_segment(40, "<Q", lambda first, second: second(32) - 1),
                       "has a segment that is larger in the file than in memory"),
    "segments-overlap": (lambda: with_segment(16, "<Q", lambda first, second: first(16)),
                         "has segments that overlap, share a page or are out of order"),
}
OTHER_MISTAKES = {
    "kernel-missing": ({"kernel": LEFT_OUT}, [], f"kernel.elf is missing: {COPY_ANY}"),
    "kernel-folder": ({"kernel": LEFT_OUT}, ["kernel.elf"],
                      "kernel.elf is a folder: put the file of that name in its place"),
    "initramfs-folder": ({}, ["initramfs.cpio"],
                         "initramfs.cpio is a folder: put the file of that name in its place"),
    "initramfs-too-large": ({"initramfs": TOO_LARGE}, [], "no memory for initramfs.cpio"),
    "cmdline-too-long": ({"cmdline": "x" * (CMDLINE_LIMIT + 1)}, [],
                         f"cmdline.txt is longer than {CMDLINE_LIMIT} characters: make it shorter"),
}
LONG_ARGUMENT = "x" * (CMDLINE_LIMIT - len("-- /bin/hello,"))
GOOD = Media(cmdline=f"-- /bin/hello,{LONG_ARGUMENT}")


def mistakes():
    """[(name, Media settings, folders on the disk, the loader's sentence)], one a disk."""
    kernels = [(f"kernel-{name}", {"kernel": make}, [], f"kernel.elf {wrong}{COPY_KERNEL}")
               for name, (make, wrong) in BAD_KERNELS.items()]
    return [(name, *rest) for name, rest in OTHER_MISTAKES.items()] + kernels


def make_disk(folder, settings, folders):
    """A disk image with one mistake. A size instead of a path is a file of so many zeros."""
    folder.mkdir()
    settings = {"initramfs": LEFT_OUT, "cmdline": None, **settings}
    for name, content in settings.items():
        path = folder / f"{name}.bad"
        if callable(content):
            path.write_bytes(content())
        elif isinstance(content, int):
            with open(path, "wb") as file:
                file.truncate(content)
        else:
            continue
        settings[name] = str(path)
    image = str(folder / "disk.img")
    make_image(Media(**settings), image, str(folder))
    for name in folders:
        subprocess.run(["mmd", "-i", f"{image}@@{CLUSTER}", f"::/{name}"], check=True,
                       env={**os.environ, "MTOOLS_SKIP_CHECK": "1"})
    return image


def disk(number, image):
    return ["-drive", f"if=none,id=disk{number},format=raw,file={image}",
            "-device", f"virtio-blk-pci,drive=disk{number},bootindex={number + 1}"]


def press_until(guest, pattern):
    """A key ends the loader's wait; one that comes before the loader listens is dropped."""
    for presses_left in reversed(range(KEY_LIMIT)):
        guest.send(b" ")
        try:
            guest.wait_for(pattern, timeout=0.2)
            return
        except GuestError:
            if guest.ended or not presses_left:
                raise


@pytest.fixture(scope="module")
def refusals():
    """{name: the log's lines of that disk}, "good" is the last; "picture", "orderly"."""
    disks = mistakes()
    sections = {}
    with tempfile.TemporaryDirectory(prefix="ringfence-disks-") as folder:
        log = boot_one_after_the_other(disks, pathlib.Path(folder), sections)
    starts = [index for index, line in enumerate(log) if line == STARTED] + [len(log)]
    for (name, *_), begin, end in zip([*disks, ("good",)], starts, starts[1:]):
        sections[name] = log[begin:end]
    return sections


def boot_one_after_the_other(disks, folder, sections):
    images = [make_disk(folder / name, settings, folders) for name, settings, folders, _ in disks]
    images.append(str(folder / "good.img"))
    make_image(GOOD, images[-1], str(folder))
    extra = [word for number, image in enumerate(images[1:]) for word in disk(number, image)]
    # `reboot`: the harness then gives the machine its time after the first error.
    with start_guest(None, initramfs=LEFT_OUT, **disks[0][1], extra=extra, reboot=True) as guest:
        guest.wait_for(re.escape(ERROR + disks[0][3]))
        sections["picture"] = screen.capture(guest)
        for number, (*_, sentence) in enumerate(disks[1:], 2):
            press_until(guest, f"starting Boot{number:04X} ")
            guest.wait_for(re.escape(ERROR + sentence))
        guest.wait()  # no key for the last one: its time runs out
        sections["orderly"] = guest.orderly
        return guest.log


@pytest.mark.parametrize("name, sentence", [pytest.param(name, sentence, id=name)
                                            for name, *_, sentence in mistakes()])
def test_refused_in_one_sentence(refusals, name, sentence):
    said = [line for line in refusals[name] if line.startswith("ringfence loader: ")]
    said = [line for line in said if "warning: initramfs.cpio is missing" not in line]
    assert said[0] == STARTED and len(said) == 2
    assert said[1].startswith(ERROR + sentence)
    assert refusals[name][refusals[name].index(said[1]) + 1].startswith("BdsDxe: failed to start ")


def test_refusal_is_on_the_screen(refusals):
    sentence = ERROR + mistakes()[0][3]
    assert refusals["picture"].shows_shape(sentence)
    assert not refusals["picture"].shows_shape(sentence.replace("missing", "damaged"))


def test_next_disk_boots_with_the_longest_command_line(refusals):
    assert refusals["orderly"]
    hello = [line for line in refusals["good"] if line.startswith("Hello from process")]
    assert [line.split()[-1] for line in hello] == [LONG_ARGUMENT]


@pytest.fixture
def files(tmp_path_factory):
    """files(name, bytes): a path that is the same for every test of a run."""
    folder = tmp_path_factory.getbasetemp()

    def file(name, content):
        path = folder / name
        path.write_bytes(content)
        return str(path)

    return file


def expect_no_init(guest, path, error):
    """The kernel says that there is nothing to run, and powers off with everything given back."""
    assert guest.exit_status == 0
    assert guest.matches(rf"boot: {path} cannot be started: error {error}; "
                         r"name another program with init=$")


def test_initramfs_missing(booted):
    guest = booted("", initramfs=LEFT_OUT)
    assert guest.matches(rf"^ringfence loader: warning: initramfs\.cpio is missing, .* {COPY_ANY}$")
    assert guest.matches(r"boot: initramfs\.cpio is missing or empty: there is no program to run$")
    expect_no_init(guest, "/sbin/init", 2)


def test_initramfs_empty(booted, files):
    guest = booted("init=/bin/hello", initramfs=files("empty", b""))
    assert not guest.matches("warning: initramfs")
    assert guest.matches(r"boot: initramfs\.cpio is missing or empty: there is no program to run$")
    expect_no_init(guest, "/bin/hello", 2)


def expect_broken(guest, complaint):
    assert guest.matches(rf"initramfs: initramfs\.cpio is broken at byte \d+: {complaint}$")
    assert guest.matches("boot: initramfs.cpio is broken: going on with what could be unpacked$")


def test_initramfs_followed_by_text_and_init_not_executable(booted, files):
    words = " ".join(f"unknown{number}" for number in range(130))
    archive = archive_of({"/data": (build_file("kernel.elf"), 0o644)})
    guest = booted(f"init=/data {words}", initramfs=files("text", archive + b"not an archive\n"))
    expect_broken(guest, "not a newc cpio header")
    expect_no_init(guest, "/data", 13)
    assert len(guest.matches("boot: command line: unknown word ")) == 127
    assert guest.matches("boot: command line: more than 128 words; the rest is not used$")


def test_initramfs_truncated_and_init_a_folder(booted, files):
    whole = build_file("initramfs.cpio")
    guest = booted("init=/bin", initramfs=files("half", whole[: len(whole) // 2]))
    expect_broken(guest, "the archive is cut short")
    expect_no_init(guest, "/bin", 13)


def test_initramfs_with_an_endless_name_and_init_garbage(booted, files):
    name_size = b"%08X" % len("unterminated\0")
    bad = archive_of({"/unterminated": b""}).replace(b"unterminated\0", b"unterminated!", 1)
    assert name_size in bad
    first = archive_of({"/garbage": b"\x7fELF, but no more than that"})
    guest = booted("init=/garbage", initramfs=files("name", first + bad))
    expect_broken(guest, "a file name is empty, too long or not terminated")
    expect_no_init(guest, "/garbage", 8)


def test_initramfs_larger_than_memory_once_unpacked(booted, files):
    """A page for every byte: what fits in memory packed does not when unpacked."""
    pages = {f"/{folder}/{number}": (b"x", 0o644) for folder in range(280) for number in range(128)}
    guest = booted("", initramfs=files("pages", archive_of(pages)), mem="128M")
    assert guest.matches(r"initramfs: initramfs\.cpio, entry \d+/\d+ at byte \d+: cannot be made, "
                         "error 12$")
    expect_no_init(guest, "/sbin/init", "(2|12)")


MISTAKEN_WORDS = ("slice_ms=0 panic=x timer=on loglevel=99999999999999999999 selftest=none foo=bar "
                  "Init=/bin -- /bin/busybox,cat,/note,/unpacked")


@pytest.fixture
def mistaken(booted, files):
    """Four archives in a row, the last one broken, and a command line full of mistakes."""
    base = build_file("initramfs.cpio")
    parts = [base + bytes(-len(base) % 512),
             archive_of({"/note": b"from the second archive\n"}) + bytes(4096),
             archive_of({"/note": b"from the third archive\n", "/unpacked": b"as well\n"}),
             archive_of({"/late": b""}).replace(b"070701000", b"070701x00", 1)]
    return booted(MISTAKEN_WORDS, initramfs=files("archives", b"".join(parts)))


def test_several_archives(mistaken):
    assert mistaken.exit_status == 0
    assert mistaken.matches("^from the third archive$") and mistaken.matches("^as well$")
    assert not mistaken.matches("from the second archive")
    expect_broken(mistaken, "a header field is not a hexadecimal number")


@pytest.mark.parametrize("complaint", [
    r'unknown word "foo=bar"',
    r'unknown word "Init=/bin"',
    r"slice_ms=0 is not a number from 1 to \d+; using 10",
    r"panic=x is not a number from 0 to \d+; using 10",
    r"loglevel=9{20} is not a number from 0 to 7; using 6",
    r"timer=on: only timer=off is known",
])
def test_command_line_mistakes_are_reported(mistaken, complaint):
    assert len(mistaken.matches(rf"boot: command line: {complaint}$")) == 1


def test_unknown_selftest_is_reported(mistaken):
    assert mistaken.matches('selftest: there is no selftest "none"$')


def test_no_clock_at_all(booted):
    """QEMU can leave out all three: the machine says so and restarts."""
    guest = booted("panic=1", machine="q35,hpet=off,acpi=off,pit=off", initramfs=LEFT_OUT)
    assert guest.panic.endswith(
        "panic: no usable clock: HPET, ACPI PM timer and PIT are all missing or stopped")
    assert guest.end_reason == "guest-reset"
