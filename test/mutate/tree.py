"""Copies of the checkout in which mutants are built, one a worker; nothing here writes to the
checkout itself. A copy is compared by content, so that what an interrupted run left in it goes."""

import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "build", "mutate")
ALREADY_BUILT = ("build/tools.mk", "build/user", "build/debug", "build/host", "build/rest.efi")
BUILD_SECONDS = 900


class DoesNotBuild(Exception):
    """The compiler or the linker refuses it."""


class Tree:
    """One copy. `change` and `restore` leave every other file as it is in the checkout."""

    def __init__(self, number):
        self.root = os.path.join(FOLDER, f"tree-{number}")
        self.changed = None
        is_new = not os.path.isdir(self.root)
        os.makedirs(self.root, exist_ok=True)
        self._take_sources()
        if is_new:
            self._take_builds()
        self.originals = {}

    def path(self, name):
        return os.path.join(self.root, name)

    def change(self, mutant):
        self.restore()
        self.changed = mutant.path
        self._write(mutant.path, mutant.apply(read_text(os.path.join(ROOT, mutant.path))))

    def restore(self):
        if self.changed:
            self._write(self.changed, read_text(os.path.join(ROOT, self.changed)))
            self.changed = None

    def build(self, build="debug"):
        """Kernel and loader. DoesNotBuild when they cannot be made."""
        lean = ["DEBUG=0", "KERNEL_LTO=-momit-leaf-frame-pointer"]  # linked in a second
        self._make([*(lean if build == "release" else ["DEBUG=1"]), f"build/{build}/kernel.elf",
                    f"build/{build}/BOOTX64.EFI", f"build/{build}/initramfs.cpio"])

    def build_host_tests(self):
        os.makedirs(self.path("build/host"), exist_ok=True)
        self._make(["-f", "test/host/host.mk", "BUILD=build/host", "DEBUG=1", "WITHOUT=",
                    "build/host/tests"])

    def build_original(self, builds):
        """Of the unchanged sources; mutants that come out the same are told by this."""
        for build in builds:
            self.build(build)
            self.originals[build] = self._images(build)

    def is_the_original(self, build):
        return self._images(build) == self.originals[build]

    def _images(self, build):
        return [read_bytes(self.path(f"build/{build}/{name}")) for name in ("kernel.elf",
                                                                           "BOOTX64.EFI")]

    def _make(self, words):
        # A check that is gone leaves variables and functions that nobody uses.
        environment = {**os.environ, "CCC_OVERRIDE_OPTIONS": "# +-Wno-error"}
        result = subprocess.run(["make", "-s", *words], cwd=self.root, env=environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
                                stderr=subprocess.STDOUT, timeout=BUILD_SECONDS)
        if result.returncode:
            raise DoesNotBuild(result.stdout[-2000:])

    def _take_sources(self):
        listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others",
                                  "--exclude-standard"], cwd=ROOT, check=True,
                                 stdout=subprocess.PIPE).stdout
        names = {name for name in os.fsdecode(listing).split("\0")
                 if name and os.path.isfile(os.path.join(ROOT, name))}
        for name in names:
            source, copy = os.path.join(ROOT, name), self.path(name)
            if not os.path.isfile(copy):
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copy2(source, copy)
            elif read_bytes(source) != read_bytes(copy):
                shutil.copy(source, copy)
        for folder, folders, files in os.walk(self.root):
            if folder == self.root and "build" in folders:
                folders.remove("build")
            for name in files:
                path = os.path.join(folder, name)
                if os.path.relpath(path, self.root) not in names:
                    os.remove(path)

    def _take_builds(self):
        for name in ALREADY_BUILT:
            source, copy = os.path.join(ROOT, name), self.path(name)
            if os.path.isdir(source):
                shutil.copytree(source, copy, symlinks=True)
            elif os.path.isfile(source):
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copy2(source, copy)

    def _write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            file.write(text)


def read_text(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()
