"""The hybrid image: its tables by their specifications, its files, and that it can be reproduced.

UEFI 2.10, 5.2 and 5.3 (protective MBR, GPT); El Torito 1.0 and UEFI 2.10, 13.3.2.1 (CD).
"""

import hashlib
import os
import pathlib
import re
import shutil
import struct
import subprocess
import uuid
import zlib

import pytest

from harness.media import MAKE_HYBRID, ROOT

SECTOR, CD_SECTOR = 512, 2048
EFI_SYSTEM = uuid.UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
FILES = {"EFI/BOOT/BOOTX64.EFI": b"loader", "kernel.elf": os.urandom(300_000),
         "initramfs.cpio": os.urandom(3_000_001), "cmdline.txt": b"-- /bin/hello\n"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    for path, content in FILES.items():
        (folder / os.path.basename(path)).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def path(folder):
    return make_hybrid(folder, "image.iso", [os.path.basename(path) for path in FILES])


@pytest.fixture(scope="module")
def image(path):
    return path.read_bytes()


def make_hybrid(folder, name, files):
    image = folder / name
    subprocess.run([MAKE_HYBRID, image, *(folder / file if file != "-" else file
                                          for file in files)], check=True)
    return image


def digest(data):
    """For comparisons: a difference of whole images would take pytest hours to print."""
    return hashlib.sha256(data).hexdigest()


def table(image, sector):
    """One GPT header with its entries, checked on its own: {"disk", "usable", "partitions"}."""
    header = image[sector * SECTOR :][:92]
    (signature, revision, size, checksum, zero, own, other, first, last, disk, entries, count,
     entry_size, entries_checksum) = struct.unpack("<8sIIIIQQQQ16sQIII", header)
    assert (signature, revision, size, zero, own) == (b"EFI PART", 0x10000, 92, 0, sector)
    assert zlib.crc32(header[:16] + bytes(4) + header[20:]) == checksum
    data = image[entries * SECTOR :][: count * entry_size]
    assert count >= 128 and entry_size == 128 and zlib.crc32(data) == entries_checksum
    assert entries + count * entry_size // SECTOR <= first or entries > last
    rows = [struct.unpack_from("<16s16sQQ", data, at) for at in range(0, len(data), entry_size)]
    partitions = [(uuid.UUID(bytes_le=row[0]), *row[1:]) for row in rows if any(row[0])]
    return {"other": other, "disk": disk, "usable": (first, last), "partitions": partitions}


def system_partition(image):
    """(first sector, sectors) of the EFI system partition."""
    found = [(start, end - start + 1) for kind, _, start, end in table(image, 1)["partitions"]
             if kind == EFI_SYSTEM]
    assert len(found) == 1
    return found[0]


def test_protective_mbr(image):
    assert len(image) % CD_SECTOR == 0 and image[510:512] == b"\x55\xaa"
    entries = [image[446 + 16 * i :][:16] for i in range(4)]
    assert entries[0][4] == 0xEE and entries[0][0] == 0
    assert struct.unpack_from("<II", entries[0], 8) == (1, len(image) // SECTOR - 1)
    assert not any(b"".join(entries[1:]))


def test_partition_tables(image):
    last = len(image) // SECTOR - 1
    primary, backup = table(image, 1), table(image, last)
    assert (primary.pop("other"), backup.pop("other")) == (last, 1)
    assert primary == backup
    first, end = primary["usable"]
    spans = sorted((start, stop) for *_, start, stop in primary["partitions"])
    assert first <= spans[0][0] and spans[-1][1] <= end
    assert all(stop < start for (_, stop), (start, _) in zip(spans, spans[1:]))
    assert len({own_id for _, own_id, *_ in primary["partitions"]}) == len(spans)


def test_cd_starts_the_system_partition(image):
    boot_record = image[17 * CD_SECTOR :][:CD_SECTOR]
    assert boot_record[:30] == b"\0CD001\1EL TORITO SPECIFICATION"
    catalog = image[struct.unpack_from("<I", boot_record, 71)[0] * CD_SECTOR :][:64]
    assert catalog[:2] == b"\x01\xef" and catalog[30:32] == b"\x55\xaa"
    assert sum(struct.unpack("<16H", catalog[:32])) & 0xFFFF == 0
    indicator, medium, _, _, _, count, start = struct.unpack_from("<BBHBBHI", catalog, 32)
    assert (indicator, medium) == (0x88, 0)
    assert (start * CD_SECTOR // SECTOR, count) == system_partition(image)


def test_large_volume_reaches_to_the_end_of_the_cd(folder):
    """Its length does not fit in the catalog; 0 and 1 stand for the rest of the CD."""
    (folder / "large").write_bytes(bytes(40 << 20))
    image = make_hybrid(folder, "large.iso", ["-", "-", "large", "-"]).read_bytes()
    catalog = image[struct.unpack_from("<I", image, 17 * CD_SECTOR + 71)[0] * CD_SECTOR :][:64]
    count, start = struct.unpack_from("<HI", catalog, 38)
    assert count in (0, 1) and start * CD_SECTOR // SECTOR == system_partition(image)[0]
    descriptor = image[16 * CD_SECTOR :][:CD_SECTOR]
    assert struct.unpack_from("<I", descriptor, 80)[0] * CD_SECTOR == len(image)


def test_files_on_the_system_partition(path, image):
    volume = f"{path}@@{system_partition(image)[0] * SECTOR}"
    for name, content in FILES.items():
        seen = subprocess.run(["mtype", "-i", volume, f"::/{name}"], stdout=subprocess.PIPE,
                              env={**os.environ, "MTOOLS_SKIP_CHECK": "1"}, check=True).stdout
        assert digest(seen) == digest(content)


def test_files_on_the_cd(path, tmp_path):
    subprocess.run(["xorriso", "-osirrox", "on", "-indev", path, "-extract", "/", tmp_path / "cd"],
                   stderr=subprocess.DEVNULL, check=True)
    for name, content in FILES.items():
        assert digest((tmp_path / "cd" / name).read_bytes()) == digest(content)


def test_same_input_same_image(folder, path, image):
    names = [os.path.basename(path) for path in FILES]
    for name in names:
        os.utime(folder / name, (1, 1))
        os.chmod(folder / name, 0o600)
    assert digest(make_hybrid(folder, "again.iso", names).read_bytes()) == digest(image)


def test_no_date_of_today(image):
    """Both images above may have been made in the same second."""
    assert {image[16 * CD_SECTOR + at :][:16] for at in (813, 830)} == {b"2026010100000000"}
    start = system_partition(image)[0] * SECTOR
    root = image[image.index(b"KERNEL  ELF", start) :][:32]
    date = (2026 - 1980) << 9 | 1 << 5 | 1
    assert struct.unpack_from("<HH4xHH", root, 14) == (0, date, 0, date)


def test_same_sources_same_image(tmp_path):
    """This checkout's, and one of another folder, time zone, file mode, number of jobs."""
    folder = tmp_path / "a-longer-name" / "b"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("build", ".git", "*.pyc"))
    here = build_image(ROOT, "UTC", "exec make iso")
    there = build_image(folder, "Asia/Tokyo",
                        "umask 077; find . -exec touch {} +; exec make -j3 iso")
    assert digest(here) == digest(there)


def build_image(folder, zone, command):
    environment = {"PATH": os.environ["PATH"], "TZ": zone, "HOME": str(folder)}
    result = subprocess.run(["sh", "-c", command], cwd=folder, env=environment,
                            stdout=subprocess.PIPE, text=True, check=True)
    name, size = re.fullmatch(r"(\S+): (\d+) bytes", result.stdout.strip()).groups()
    image = (pathlib.Path(folder) / name).read_bytes()
    assert len(image) == int(size)
    return image
