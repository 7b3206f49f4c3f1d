"""What Linux says of a block device, and whether write_usb.py may write to it.

Everything comes from /sys, /proc and udev's notes, so looking needs no rights. Every refusal is one
sentence. Tests replace `Computer`'s roots and its two questions to the real machine.
"""

import glob
import os
import re
import stat

SECTOR = 512
CD_DRIVE = "5"  # SCSI peripheral device type
SYSTEM_FOLDERS = ("/", "/boot", "/boot/efi", "/efi", "/etc", "/home", "/opt", "/usr", "/var")


class Refused(Exception):
    """One plain sentence: why nothing is written, or what failed."""


class Computer:
    """The machine that we run on. Device numbers are text, "8:16"."""

    def __init__(self, sys_root="/sys", proc_root="/proc", udev_root="/run/udev/data"):
        self.sys_root, self.proc_root, self.udev_root = sys_root, proc_root, udev_root

    def block_number(self, path):
        """The device number behind a path, None when it is not a block device."""
        status = os.stat(path)
        if not stat.S_ISBLK(status.st_mode):
            return None
        return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"

    def written(self, device):
        """Called between writing and reading back; for tests."""

    def find_device(self, name):
        if not name:
            raise Refused(f"name the stick, as in make usb DEV=/dev/sdX; {self.candidates()}")
        if not os.path.exists(name):
            raise Refused(f"{name} does not exist; {self.candidates()}")
        number = self.block_number(name)
        if number is None:
            raise Refused(f"{name} is not a block device; {self.candidates()}")
        return Device(self, os.path.realpath(name), self.folder_of(number))

    def folder_of(self, number):
        folder = os.path.realpath(os.path.join(self.sys_root, "dev", "block", number))
        if not os.path.isdir(folder):
            raise Refused(f"{folder} is missing, so nothing is known about that device")
        return folder

    def candidates(self):
        folders = sorted(glob.glob(os.path.join(self.sys_root, "block", "*")))
        disks = [Device(self, f"/dev/{os.path.basename(path)}", os.path.realpath(path))
                 for path in folders]
        sticks = [f"{disk.path} ({disk.title}, {size_text(disk.size)})" for disk in disks
                  if disk.portable_because and disk.size and not disk.is_cd_drive]
        return "plugged in: " + ", ".join(sticks) if sticks else "no stick is plugged in"

    def mounts(self):
        """[(device number, source path, mount point)]"""
        found = []
        for line in read(os.path.join(self.proc_root, "self", "mountinfo")).splitlines():
            words, _, rest = line.partition(" - ")
            number, point = words.split()[2], unescape(words.split()[4])
            found.append((number, unescape(rest.split()[1]), point))
        return found

    def swaps(self):
        lines = read(os.path.join(self.proc_root, "swaps")).splitlines()[1:]
        return [unescape(line.split()[0]) for line in lines if line.strip()]


class Device:
    """A block device by its folder in /sys."""

    def __init__(self, computer, path, folder):
        self.computer, self.path, self.folder = computer, path, folder
        self.name = os.path.basename(folder)
        self.number = self.attribute("dev")
        self.size = int(self.attribute("size") or 0) * SECTOR

    def attribute(self, name):
        return " ".join(read(os.path.join(self.folder, name)).split())

    @property
    def is_cd_drive(self):
        return self.name.startswith("sr") or self.attribute("device/type") == CD_DRIVE

    @property
    def portable_because(self):
        """Why this is a disk that people carry about; "" when it seems built in."""
        if any(re.fullmatch(r"usb\d+", part) for part in self.folder.split("/")):
            return "it is connected by USB"
        if self.attribute("device/type") == "SD":
            return "it is an SD card"
        return "it says that it is removable" if self.attribute("removable") == "1" else ""

    @property
    def title(self):
        return f"{self.attribute('device/vendor')} {self.attribute('device/model')}".strip() or \
            self.attribute("device/name") or "no model name"

    def partitions(self):
        folders = [os.path.dirname(path) for path in
                   glob.glob(os.path.join(glob.escape(self.folder), "*", "partition"))]
        return [self.sibling(folder) for folder in sorted(folders, key=natural)]

    def holders(self):
        """Volumes, RAIDs, encrypted disks that stand on this device."""
        names = glob.glob(os.path.join(glob.escape(self.folder), "holders", "*"))
        return [self.sibling(os.path.realpath(name)) for name in sorted(names)]

    def sibling(self, folder):
        return Device(self.computer, f"/dev/{os.path.basename(folder)}", folder)

    def refuse_unless_writable(self):
        if os.path.exists(os.path.join(self.folder, "partition")):
            disk = os.path.basename(os.path.dirname(self.folder))
            raise Refused(f"{self.path} is a partition; name the whole disk, /dev/{disk}")
        if self.is_cd_drive:
            raise Refused(f"{self.path} is a CD drive; burn the image with a program for that")
        if not self.portable_because:
            raise Refused(f"{self.path} ({self.title}) is neither removable nor connected by USB, "
                          "so it is no stick")
        if self.size == 0:
            raise Refused(f"there is nothing in {self.path} ({self.title})")
        if self.attribute("queue/logical_block_size") not in ("", str(SECTOR)):
            raise Refused(f"{self.path} has sectors of another size than {SECTOR} bytes, so "
                          "firmware would not find the image's partitions")
        if self.attribute("ro") != "0":
            raise Refused(f"{self.path} is read-only; some sticks and cards have a switch for that")
        self.refuse_if_used()

    def refuse_if_used(self):
        uses = [use for part in [self, *self.partitions()] for use in part.uses()]
        for path, point in uses:
            if point in SYSTEM_FOLDERS:
                raise Refused(f"{self.path} holds the running system ({path} is {point})")
        for path, point in uses:
            raise Refused(f"{path} is mounted on {point}; unmount it first: umount {path}"
                          if point.startswith("/") else f"{path} is in use as {point}; end that "
                          "first")

    def uses(self):
        """[(device path, mount point or what else)] of this device and all that stand on it."""
        found = [(self.path, point) for number, source, point in self.computer.mounts()
                 if number == self.number or os.path.realpath(source) == self.path]
        found += [(self.path, "swap space") for path in self.computer.swaps()
                  if os.path.realpath(path) == self.path]
        for holder in self.holders():
            found += holder.uses() or [(self.path, f"a part of {holder.path}")]
        return found

    def refuse_if_smaller(self, size):
        if self.size < size:
            raise Refused(f"{self.path} is too small: it has {self.size} bytes, the image {size}")

    def description(self):
        yield f"{self.path}: {self.title}, {size_text(self.size)}; {self.portable_because}"
        for part in self.partitions():
            known = dict(line[2:].split("=", 1) for line in part.notes() if line.count("=") >= 1)
            words = [known.get("ID_FS_TYPE", "unknown content"), known.get("ID_FS_LABEL", "")]
            yield f"  {part.path}: {size_text(part.size)}, {' '.join(words).strip()}"
        if not self.partitions():
            yield "  no partitions"

    def notes(self):
        path = os.path.join(self.computer.udev_root, f"b{self.number}")
        return [line for line in read(path).splitlines() if line.startswith("E:")]

    def open(self):
        """For writing, alone: the kernel refuses while anything at all uses the device."""
        try:
            stick = open(os.open(self.path, os.O_RDWR | os.O_EXCL), "r+b", buffering=0)
        except OSError as error:
            raise Refused(f"{self.path} cannot be opened for writing ({error.strerror}); nothing "
                          "was written") from error
        now = self.computer.find_device(self.path)
        if (now.number, now.size, now.title) != (self.number, self.size, self.title):
            stick.close()
            raise Refused(f"{self.path} is not the device that it was; nothing was written")
        return stick


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def unescape(text):
    """/proc writes blanks and the like as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def natural(text):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def size_text(size):
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
