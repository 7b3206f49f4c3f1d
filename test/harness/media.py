"""What a boot disk holds, and the disk image made of it."""

import os
import subprocess
from dataclasses import dataclass, replace

from harness import newc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAKE_IMAGE = os.path.join(ROOT, "iso", "make-image.sh")
MAKE_HYBRID = os.path.join(ROOT, "iso", "make-iso.sh")


def default_cmdline():
    """What people get who name no command line: `make run` and the image of `make iso`."""
    with open(os.path.join(ROOT, "iso", "cmdline.txt"), encoding="ascii") as file:
        return file.read().strip()


def default_build():
    """The build under test; `make test-negative` points it at builds without a protection."""
    return os.path.join(ROOT, os.environ.get("RINGFENCE_BUILD", "build/debug"))


LEFT_OUT = "-"
STICK_BYTES = 64 << 20  # sticks come in sizes of their own


@dataclass
class Media:
    """The files of one boot disk. Paths; None is the build's own, LEFT_OUT is no such file."""

    build: str = ""
    cmdline: str = ""  # None: no cmdline.txt
    loader: str = None
    kernel: str = None
    initramfs: str = None
    appended: bytes = b""  # a further archive behind the initramfs

    def with_word(self, word):
        """The same with one more word on the kernel's command line."""
        return replace(self, cmdline=f"{word} {self.cmdline or ''}".rstrip())

    def with_settings(self, words):
        """With these words, but for those that say what the command line has said already."""
        said = f" {self.cmdline or ''}".split(" -- ")[0].split()
        names = {word.split("=")[0] for word in said}
        media = self
        for word in reversed(words):
            if word.split("=")[0] not in names:
                media = media.with_word(word)
        return media

    @property
    def build_folder(self):
        return self.build or default_build()

    def path(self, chosen, name):
        return chosen or os.path.join(self.build_folder, name)

    def content(self, name):
        """The bytes of one of its three files."""
        chosen = {"BOOTX64.EFI": self.loader, "kernel.elf": self.kernel,
                  "initramfs.cpio": self.initramfs}[name]
        data = read(self.path(chosen, name))
        if name == "initramfs.cpio" and self.appended:
            return newc.append(data, self.appended)
        return data


@dataclass
class ReadyImage:
    """A disk image that somebody has made; each run gets a copy."""

    image: str


def make_image(media, image, folder, hybrid=False):
    """Writes the disk image, or the one for sticks and CDs; `folder` takes intermediate files."""
    initramfs = media.path(media.initramfs, "initramfs.cpio")
    if media.appended:
        base = b"" if initramfs == LEFT_OUT else read(initramfs)
        initramfs = write(folder, "initramfs.cpio", newc.append(base, media.appended))
    cmdline = LEFT_OUT
    if media.cmdline is not None:
        cmdline = write(folder, "cmdline.txt", os.fsencode(media.cmdline) + b"\n")
    loader = media.path(media.loader, "BOOTX64.EFI")
    kernel = media.path(media.kernel, "kernel.elf")
    maker = MAKE_HYBRID if hybrid else MAKE_IMAGE
    result = subprocess.run([maker, image, loader, kernel, initramfs, cmdline],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False)
    if result.returncode:
        said = result.stdout.decode("utf-8", "replace")
        raise OSError(f"{os.path.basename(maker)} failed: {said}")


def make_stick(image):
    """The image as it lies on a stick: what follows it is not the image's."""
    os.truncate(image, os.path.getsize(image) + STICK_BYTES)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path
