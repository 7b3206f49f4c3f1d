"""Boots without the firmware's seconds: the machine is saved once before the loader starts, and
each mutant goes on from there with its own kernel on the disk. The kernel lies at the same place on
every such disk; when the machine is saved, nonsense lies there, so a kernel that comes up is the
one that was put in."""

import os
import shutil
import struct
import tempfile
import time

from harness.guest import Guest
from harness.machine import Machine
from harness.media import Media, ReadyImage, make_image
from mutate.tree import FOLDER, read_bytes

KERNEL_ROOM = 1 << 20
SECTOR, PARTITION = 512, 1 << 20
READ_AHEAD = 64 << 10  # counted from the root directory: the loader's last piece may hold no kernel
MARK = b"no kernel yet: 64 bytes that are found again on the disk image. "
LOADING = "^BdsDxe: loading Boot"  # the firmware, the loader
SLOW_BYTES = 20_000  # a second: that is not done when the machine stops
MOVE_SECONDS = 300


class Resumable:
    """The saved start of one boot, for kernels of any mutant."""

    def __init__(self, boot, cmdline, build):
        self.boot = boot
        self.image = os.path.join(FOLDER, f"{boot.name}.img")
        self.state = os.path.join(FOLDER, f"{boot.name}.state")
        self._make_image(build, cmdline, 0)
        self._make_image(build, cmdline, -self._distance() % READ_AHEAD)
        if self._distance() % READ_AHEAD:
            raise RuntimeError("the kernel does not begin where the firmware reads ahead from")
        self._save()

    def _make_image(self, build, cmdline, gap):
        with tempfile.TemporaryDirectory(prefix="ringfence-") as folder:
            nothing, loader = os.path.join(folder, "nothing"), os.path.join(folder, "loader")
            content = read_bytes(os.path.join(build, "BOOTX64.EFI"))
            for path, data in ((nothing, MARK * (KERNEL_ROOM // len(MARK))),
                               (loader, content + bytes(-len(content) % SECTOR + gap))):
                with open(path, "wb") as file:
                    file.write(data)
            make_image(Media(build=build, cmdline=cmdline, kernel=nothing, loader=loader),
                       self.image, folder)
        content = read_bytes(self.image)
        self.offset = content.index(MARK)
        if content[self.offset : self.offset + KERNEL_ROOM] != MARK * (KERNEL_ROOM // len(MARK)):
            raise RuntimeError("the kernel's place on the disk is in several pieces")

    def _distance(self):
        """From the root directory to the kernel."""
        content = read_bytes(self.image)
        reserved, copies, size = struct.unpack_from("<xxHB5xH", content, PARTITION + 12)
        return self.offset - PARTITION - (reserved + copies * size) * SECTOR

    def _save(self):
        with Guest(self._machine(), ReadyImage(self.image), timeout=None) as guest:
            guest.monitor(f"block_set_io_throttle boot {SLOW_BYTES} 0 0 0 0 0")
            guest.wait_for(LOADING)
            guest.monitor("stop")
            guest.monitor(f'migrate -d "exec:cat > {self.state}"')
            wait_for_answer(guest, "info migrate", "Migration status: completed")

    def start(self, kernel):
        """A guest that goes on with this kernel.elf."""
        data = read_bytes(kernel)
        if len(data) > KERNEL_ROOM:
            raise RuntimeError(f"{kernel} is larger than its place")
        with tempfile.TemporaryDirectory(prefix="ringfence-") as folder:
            image = shutil.copy(self.image, folder)
            with open(image, "r+b") as file:
                file.seek(self.offset)
                file.write(data.ljust(KERNEL_ROOM, b"\0"))
            guest = Guest(self._machine("-incoming", f"exec:cat {self.state}"), ReadyImage(image),
                          timeout=None)
        wait_for_answer(guest, "info status", "VM status: paused ")
        guest.monitor("cont")
        return guest

    def _machine(self, *extra):
        boot = self.boot
        return Machine(smp=boot.smp, cpu=boot.cpu, machine=boot.machine, extra=list(extra))


def wait_for_answer(guest, command, words):
    end = time.monotonic() + MOVE_SECONDS
    while True:
        answer = guest.monitor(command)
        if words in " ".join(answer.split()) + " " and "inmigrate" not in answer:
            return
        if time.monotonic() > end:
            guest.stop()
            raise RuntimeError(f"the machine cannot be saved or resumed: {command}: {answer}")
        time.sleep(0.2)
