"""Writing a stick: every refusal, the question, the writing, the reading back (iso/write_usb.py).

The machine is a made-up /sys, /proc and udev folder; regular files stand in for devices.
"""

import os
import pty
import subprocess
import sys

import pytest

from harness.media import ROOT

sys.path.insert(0, os.path.join(ROOT, "iso"))

import usb_device  # noqa: E402
import write_usb  # noqa: E402

MIB = 1 << 20
USB_PATH = "devices/pci0000:00/0000:00:14.0/usb2/2-1/host6/block"
SATA_PATH = "devices/pci0000:00/0000:00:17.0/ata1/host0/block"
MMC_PATH = "devices/pci0000:00/mmc_host/mmc0/mmc0:aaaa/block"


class FakeComputer(usb_device.Computer):
    """A machine in a folder, at first with a stick sdb of two partitions and a built-in sda."""

    def __init__(self, folder):
        super().__init__(str(folder / "sys"), str(folder / "proc"), str(folder / "udev"))
        self.folder, self.numbers = folder, {}
        self.damage = None  # (byte number, its value after writing)
        self.put("proc/self/mountinfo", "22 1 0:21 / /proc rw - proc proc rw\n")
        self.put("proc/swaps", "Filename Type Size Used Priority\n")
        self.add("sda", "8:0", SATA_PATH, {"device/model": "Built-in"})
        self.add("sdb", "8:16", USB_PATH, {"device/vendor": "ACME   ", "device/model": "Stick\n"})
        self.add("sdb1", "8:17", f"{USB_PATH}/sdb", {"partition": "1"}, MIB)
        self.add("sdb2", "8:18", f"{USB_PATH}/sdb", {"partition": "2"}, MIB)
        self.put("udev/b8:17", "S:disk/x\nE:ID_FS_TYPE=vfat\nE:ID_FS_LABEL=HOLIDAYS\n")

    def put(self, path, text):
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def add(self, name, number, place, attributes=(), size=4 * MIB):
        """A block device: its folder in /sys, its node (a file of that size)."""
        folder = f"sys/{place}/{name}"
        files = {"dev": number, "size": str(size // 512), "ro": "0", "removable": "0"}
        for attribute, text in {**files, **dict(attributes)}.items():
            self.put(f"{folder}/{attribute}", text)
        for link in (f"sys/dev/block/{number}", f"sys/block/{name}"):
            if "partition" not in dict(attributes) or "dev/" in link:
                (self.folder / link).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / link).symlink_to(self.folder / folder)
        self.put(f"dev/{name}", "")
        os.truncate(self.path(name), size)
        self.numbers[self.path(name)] = number

    def change(self, name, attribute, text):
        number = self.numbers[self.path(name)]
        path = os.path.realpath(self.folder / "sys/dev/block" / number)
        self.put(os.path.join(path, attribute), text)

    def mount(self, number, source, point):
        with open(self.folder / "proc/self/mountinfo", "a", encoding="utf-8") as file:
            file.write(f"30 1 {number} / {point} rw shared:1 - ext4 {source} rw\n")

    def path(self, name):
        return str(self.folder / "dev" / name)

    def block_number(self, path):
        return self.numbers.get(os.path.realpath(path))

    def written(self, device):
        if self.damage:
            with open(device.path, "r+b") as file:
                file.seek(self.damage[0])
                file.write(bytes([self.damage[1]]))


@pytest.fixture
def computer(tmp_path):
    return FakeComputer(tmp_path)


@pytest.fixture
def image(tmp_path):
    """Two and a half MiB in which every byte is known."""
    path = tmp_path / "image.iso"
    path.write_bytes(bytes(range(1, 251)) * (10 * MIB // 4 // 250))
    return str(path)


@pytest.fixture
def run(computer, capfd, monkeypatch):
    """run(device name, image, typed): (exit status, what it said, its complaint)."""

    def run_one(name, image=None, typed=None):
        master, slave = pty.openpty()
        if typed is not None:
            os.write(master, typed.encode() + b"\n")
            monkeypatch.setattr(sys, "stdin", os.fdopen(slave, "r", closefd=False))
        else:
            monkeypatch.setattr(sys, "stdin", open(os.devnull, encoding="utf-8"))
        arguments = [computer.path(name) if name else ""] + ([image] if image else [])
        status = write_usb.main(arguments, computer)
        os.close(master)
        os.close(slave)
        said = capfd.readouterr()
        return status, said.out, said.err

    return run_one


def content(computer, name="sdb"):
    with open(computer.path(name), "rb") as file:
        return file.read()


def refuses(run, computer, name, sentence, **options):
    status, _, complaint = run(name, **options)
    assert status == 1 and sentence in complaint, complaint
    assert complaint.startswith("usb: ") and complaint.count("\n") == 1
    assert not any(content(computer))


def test_looks_without_writing(run, computer):
    assert run("sdb") == (0, "", "")
    assert not any(content(computer))


def test_no_name_lists_what_could_be_meant(run, computer):
    refuses(run, computer, None, "plugged in: /dev/sdb (ACME Stick, 4.2 MB)\n")
    computer.change("sdb", "size", "0")
    refuses(run, computer, None, "no stick is plugged in")


@pytest.mark.parametrize("variables, sentence", [
    ([], "usb: name the stick, as in make usb DEV=/dev/sdX; "),
    (["DEV=/dev/$(shell x) y"], "usb: /dev/$(shell x) y does not exist; ")])
def test_make_looks_first(variables, sentence):
    result = subprocess.run(["make", "usb", *variables], cwd=ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 2 and not result.stdout
    assert result.stderr.startswith(sentence)


def test_names_that_are_no_disk(run, computer):
    refuses(run, computer, "sdz", "sdz does not exist")
    computer.put("dev/file", "")
    refuses(run, computer, "file", "file is not a block device")
    refuses(run, computer, "sdb1", "sdb1 is a partition; name the whole disk, /dev/sdb")


def test_symbolic_link_is_followed(run, computer, image):
    os.symlink(computer.path("sdb"), computer.path("by-label"))
    status, said, _ = run("by-label", image, "sdb")
    assert status == 0 and computer.path("sdb") in said
    assert any(content(computer))


def test_built_in_disk(run, computer):
    refuses(run, computer, "sda", "(Built-in) is neither removable nor connected by USB")


def test_what_counts_as_a_stick(run, computer):
    computer.change("sda", "removable", "1")
    assert run("sda")[0] == 0
    for kind, status in (("SD", 0), ("MMC", 1)):
        name, number = f"mmcblk{status}", f"179:{status}"
        computer.add(name, number, MMC_PATH, {"device/type": kind, "device/name": "CARD"})
        assert run(name)[0] == status


def test_cd_drive(run, computer):
    computer.add("sr0", "11:0", USB_PATH, {"removable": "1", "device/type": "5"})
    refuses(run, computer, "sr0", "is a CD drive")


@pytest.mark.parametrize("attribute, text, sentence", [
    ("size", "0", "there is nothing in"), ("ro", "1", "is read-only"),
    ("queue/logical_block_size", "4096", "has sectors of another size than 512 bytes")])
def test_state_of_the_disk(run, computer, attribute, text, sentence):
    computer.change("sdb", attribute, text)
    refuses(run, computer, "sdb", sentence)


def test_too_small(run, computer, image):
    computer.change("sdb", "size", str(MIB // 512))
    refuses(run, computer, "sdb", "too small: it has 1048576 bytes, the image 2621250",
            image=image, typed="sdb")


@pytest.mark.parametrize("number, source", [
    ("8:16", "none"), ("8:18", "none"), ("0:40", "sdb2")])  # the last one as btrfs does it
def test_mounted(run, computer, number, source):
    computer.mount(number, "/dev/sdb2" if source == "sdb2" else source, r"/media/my\040stick")
    refuses(run, computer, "sdb", "is mounted on /media/my stick; unmount it first")


def test_running_system(run, computer):
    computer.mount("8:17", "/dev/sdb1", "/media/x")
    computer.mount("8:18", "/dev/sdb2", "/")
    refuses(run, computer, "sdb", "holds the running system (/dev/sdb2 is /)")


def test_swap(run, computer):
    computer.put("proc/swaps", "Filename Type Size\n/dev/sdb1 partition 1024 0 -2\n")
    refuses(run, computer, "sdb", "/dev/sdb1 is in use as swap space")


@pytest.mark.parametrize("point, sentence", [
    (None, "/dev/sdb2 is in use as a part of /dev/dm-0"),
    ("/media/x", "/dev/dm-0 is mounted on /media/x"),
    ("/home", "holds the running system (/dev/dm-0 is /home)")])
def test_volume_on_a_partition(run, computer, point, sentence):
    computer.add("dm-0", "253:0", "devices/virtual/block")
    holders = computer.folder / f"sys/{USB_PATH}/sdb/sdb2/holders"
    holders.mkdir()
    (holders / "dm-0").symlink_to(computer.folder / "sys/devices/virtual/block/dm-0")
    if point:
        computer.mount("253:0", "/dev/mapper/x", point)
    refuses(run, computer, "sdb", sentence)


def test_nobody_to_ask(run, computer, image):
    refuses(run, computer, "sdb", "only somebody at a terminal can agree", image=image)


@pytest.mark.parametrize("typed", ["", "y", "yes", "sda", "sdb1"])
def test_another_name(run, computer, image, typed):
    refuses(run, computer, "sdb", "that is not the name; nothing was written", image=image,
            typed=typed)


def test_device_changes_during_the_question(run, computer, image, monkeypatch):
    monkeypatch.setattr(write_usb, "ask", lambda _: computer.change("sdb", "size", "9999"))
    refuses(run, computer, "sdb", "is not the device that it was", image=image, typed="sdb")


def test_writes_and_compares(run, computer, image):
    with open(computer.path("sdb"), "r+b") as file:
        file.write(b"\xff" * 4 * MIB)
    status, said, complaint = run("sdb", image, "sdb")
    assert (status, complaint) == (0, "")
    for words in ("ACME Stick, 4.2 MB; it is connected by USB", "/dev/sdb1: 1.0 MB, vfat HOLIDAYS",
                  "/dev/sdb2: 1.0 MB, unknown content", "writing: 3 of 3 MiB",
                  "reading back: 3 of 3 MiB", "done: "):
        assert words in said
    with open(image, "rb") as file:
        expected = file.read()
    seen = content(computer)
    assert seen.startswith(expected) and len(seen) == 4 * MIB
    assert set(seen[len(expected) : 3 * MIB]) == {0xFF}
    assert not any(seen[3 * MIB :])  # nothing is left of older marks at the end


@pytest.mark.parametrize("byte", [0, MIB - 1, MIB, 2621249])
def test_says_which_byte_differs(run, computer, image, byte):
    computer.damage = byte, 0xFF
    status, said, complaint = run("sdb", image, "sdb")
    assert status == 1 and "done" not in said
    assert f"byte {byte} of" in complaint and "reads back as 0xff, not 0x" in complaint


def test_stick_that_ends_early(run, computer, image, monkeypatch):
    monkeypatch.setattr(computer, "written", lambda device: os.truncate(device.path, MIB + 5))
    status, _, complaint = run("sdb", image, "sdb")
    assert status == 1 and f"ends at byte {MIB + 5}, in the middle of the image" in complaint


def test_stick_that_fails(run, computer, image):
    computer.change("sdb", "size", str(8 * MIB // 512))
    os.remove(computer.path("sdb"))
    os.symlink("/dev/full", computer.path("sdb"))
    computer.numbers["/dev/full"] = "8:16"
    status, _, complaint = run("sdb", image, "sdb")
    assert status == 1 and "No space left on device" in complaint and "unusable" in complaint
