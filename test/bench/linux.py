"""The rival: the distribution's kernel package, unpacked under build/bench/ and not installed, with
an initramfs of busybox and the programs under measurement.
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile

from harness import newc
from harness.machine import DirectBoot
from harness.media import ROOT

META_PACKAGE = "linux-image-amd64"
FOLDER = os.path.join(ROOT, "build", "bench")
BUSYBOX = os.environ.get("BUSYBOX", "/bin/busybox")
MITIGATIONS_OFF = "mitigations=off"
TUNED = (f"{MITIGATIONS_OFF} init_on_alloc=0 randomize_kstack_offset=off preempt=none noautogroup "
         "cgroup_disable=cpu,memory audit=0")
CONSOLE = "console=ttyS0 quiet"

INIT = """#!/bin/busybox sh
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t devtmpfs dev /dev
$busybox mount -t sysfs sys /sys
$busybox grep -E '^(MemTotal|MemFree|Cached|Buffers):' /proc/meminfo
$busybox dmesg | $busybox grep -E 'Linux version|Memory: |Run /init'
. /bench
$busybox poweroff -f
"""


class NoLinux(Exception):
    """The kernel package cannot be had, and what to do about it."""


def kernel(say):
    """The path of the kernel; fetched the first time."""
    if not find_kernels():
        fetch(say)
    found = find_kernels()
    if not found:
        raise NoLinux(f"the package has no boot/vmlinuz-...; look into {FOLDER}/linux")
    return found[-1]


def find_kernels():
    return sorted(glob.glob(os.path.join(FOLDER, "linux", "boot", "vmlinuz-*")))


def fetch(say):
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if not shutil.which(tool):
            raise NoLinux(f"there is no {tool} here: unpack a Debian 12 linux-image package so "
                          f"that {FOLDER}/linux/boot/vmlinuz-... exists")
    os.makedirs(FOLDER, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="fetch-") as folder:
        package = download(folder, say)
        say(f"unpacking {os.path.basename(package)}")
        root = os.path.join(folder, "root")
        run(["dpkg-deb", "-x", package, root])
        target = os.path.join(FOLDER, "linux")
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        os.rename(os.path.join(root, "boot"), os.path.join(target, "boot"))


def download(folder, say):
    name = package_name(run(["apt-cache", "depends", META_PACKAGE], check=False))
    if not name or not apt_download(name, folder, say):
        update_lists(say)
        name = package_name(run(["apt-cache", "depends", META_PACKAGE], check=False))
        if not name or not apt_download(name, folder, say):
            raise NoLinux(f"apt-get cannot download {name or META_PACKAGE}: is there a network, "
                          "and does /etc/apt name Debian 12's archive? Try: apt-get update && "
                          f"apt-get download {name or META_PACKAGE}")
    return glob.glob(os.path.join(folder, "*.deb"))[0]


def package_name(depends):
    match = re.search(r"^\s*Depends: (linux-image-[0-9]\S*)$", depends, re.MULTILINE)
    return match[1] if match else None


def apt_download(name, folder, say):
    say(f"fetching {name} (70 MB, once)")
    run(["apt-get", "-q", "download", name], cwd=folder, check=False)
    return bool(glob.glob(os.path.join(folder, "*.deb")))


def update_lists(say):
    command = ["apt-get", "-q", "update"]
    if os.geteuid() != 0 and shutil.which("sudo"):
        command.insert(0, "sudo")
    say("bringing the package lists up to date: " + " ".join(command))
    run(command, check=False)


def run(command, cwd=None, check=True):
    """Its standard output; with `check`, NoLinux and what it said when it fails."""
    result = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if check and result.returncode:
        raise NoLinux(f"{' '.join(command)}: {result.stdout.strip()}")
    return result.stdout


def initramfs(programs, script):
    """Bytes of an archive with busybox, {path: bytes} and the script that measures."""
    archive = newc.Archive()
    for folder in ("/proc", "/dev", "/sys", "/tmp"):
        archive.directory(folder)
    with open(BUSYBOX, "rb") as busybox:
        archive.file("/bin/busybox", busybox.read(), 0o755)
    for path, data in programs.items():
        archive.file(path, data, 0o755)
    archive.file("/bench", script.encode())
    archive.file("/init", INIT.encode(), 0o755)
    return archive.finish()


def boot(kernel_path, initramfs_path, words):
    return DirectBoot(kernel_path, initramfs_path, f"{CONSOLE} {words}")
