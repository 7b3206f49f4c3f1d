"""How a run that failed is repeated: what it booted is kept below build/repeat/, and one command,
to be pasted in the checkout, boots that again.

With ICOUNT=1 and one CPU, every run of the command is the same, byte for byte; without, it is the
same machine, and chance does the rest. What a test typed or injected is told, but not done again.
What the kernel drew at random without seed= came from the hardware and is told to nobody.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field, fields

from harness.machine import EXACT_WORDS, Machine
from harness.media import LEFT_OUT, ROOT, Media
from harness.saved import FOLDER_VARIABLE

FOLDER = os.path.join(ROOT, "build", "repeat")
KEPT_LIMIT, NAME_LENGTH = 8, 12  # runs, letters
SAVED = os.path.join(FOLDER, "saved")  # machines, for runs that go on from one
FILES = ("BOOTX64.EFI", "kernel.elf", "initramfs.cpio")
VARIABLES = ("DEBUG", "SAN", "COVERAGE", "WITHOUT")  # of make, as build/*/variant has their values
DEFAULTS = ("1", "0", "0", "")
# Of the machine, what the command names; how it ends is the command's own business.
KNOBS = ("smp", "mem", "cpu", "machine", "tcg", "medium", "vga", "plugin")
EXEC_INIT = "init=/sbin/exec-init"
LIVE, FILED, NO_INPUT = "live", "filed", "none"  # of exec's program: sent by us, or in a file


@dataclass
class Run:
    """As much of a guest as is looked at here, for a run that is known by its command alone."""

    machine: Machine
    media: Media
    exec_input: str
    went_on: bool
    outside: dict = field(default_factory=dict)


def lines(guest):
    """What to print about a machine that did not do as it should."""
    media, settings = guest.media, guest.machine
    if not isinstance(media, Media) or LEFT_OUT in (media.loader, media.kernel, media.initramfs):
        return ["to repeat it: the boot medium is the test's own"]
    try:
        folder = kept(media)
    except OSError as error:
        return [f"to repeat it: what it booted cannot be kept: {error}"]
    told = [f"to repeat it: {told_build(media.build_folder)}; what it booted is kept in {folder}"]
    again = command(settings, media.cmdline, folder, guest.exec_input)
    if settings.icount and guest.went_on:  # as this one did: the firmware leaves something else
        os.makedirs(SAVED, exist_ok=True)
        again = f"{FOLDER_VARIABLE}={os.path.relpath(SAVED, ROOT)} {again}"
    told += [f"  again: {again}", f"  {told_seed(settings, media)}"]
    if settings.cpu_count > 1:
        told.append("  with several CPUs, whose turn it is when is up to chance")
    elif settings.icount:
        told.append("  one CPU, an instruction a nanosecond: each time the same, byte for byte")
    else:
        told.append("  each time the same, byte for byte (but slow): with --icount")
    if guest.exec_input:
        told.append("  who prints much waits until this machine has read it, which takes its time")
    if guest.exec_input == LIVE:
        told.append("  its input came live, which a program may notice, and is not in the command")
    if guest.outside:
        acts = ", ".join(f"{act} ({count})" for act, count in guest.outside.items())
        told.append(f"  from outside came, and is not in the command: {acts}")
    return told


def told_seed(settings, media):
    """What all randomness of the kernel came from."""
    if settings.icount and settings.exact:
        media = media.with_settings(EXACT_WORDS)
    said = (media.cmdline or "").split(" -- ")[0].split()
    seeds = [word for word in said if word.startswith("seed=")]
    if seeds:
        return f"random numbers: all from {seeds[-1]}, which it has on its command line"
    return "random numbers: from the hardware, other ones each time; with seed=1 always the same"


def command(settings, cmdline, build, exec_input=None):
    """test/qemu.py boot ..., or exec with what was kept of it, quoted for the shell."""
    default = {knob.name: knob.default for knob in fields(Machine)}
    words = ["test/qemu.py", "exec" if exec_input else "boot", "--build-dir", build]
    if exec_input:
        words += ["--kept", exec_input]
        cmdline = (cmdline or "").removeprefix(EXEC_INIT).strip()
    for name in KNOBS:
        if getattr(settings, name) != default[name]:
            words += [f"--{name}", str(getattr(settings, name))]
    words += ["--icount"] if settings.icount else []
    words += [] if settings.serial else ["--no-serial"]
    words += [f"--qemu={word}" for word in settings.extra]
    return shlex.join([*words, f"--cmdline={cmdline or ''}"])


def kept(media):
    """Copies what was booted to a folder named for its content, which qemu.py takes for a build's;
    its path from ROOT."""
    content = {name: media.content(name) for name in FILES}
    digest = hashlib.sha256(b"".join(content.values())).hexdigest()[:NAME_LENGTH]
    folder = os.path.join(FOLDER, digest)
    if not os.path.isdir(folder):
        making = f"{folder}.{os.getpid()}"
        os.makedirs(making)
        for name, data in content.items():
            with open(os.path.join(making, name), "wb") as file:
                file.write(data)
        if os.path.isdir(folder):
            shutil.rmtree(making)
        else:
            os.rename(making, folder)
    os.utime(folder)
    forget_oldest()
    return os.path.relpath(folder, ROOT)


def forget_oldest():
    folders = [entry.path for entry in os.scandir(FOLDER) if len(entry.name) == NAME_LENGTH]
    for folder in sorted(folders, key=time_of)[:-KEPT_LIMIT]:
        shutil.rmtree(folder, ignore_errors=True)


def time_of(folder):
    try:
        return os.path.getmtime(folder)
    except FileNotFoundError:  # another run was faster to forget it
        return 0


def make_variables(build):
    """`SAN=1 WITHOUT='smap nx'`: what make needs to make this build; empty for the usual one."""
    try:
        with open(os.path.join(ROOT, build, "variant"), encoding="ascii") as file:
            values = file.read().strip("\n").split(" ", len(VARIABLES) - 1)
    except OSError:
        return ""
    pairs = zip(VARIABLES, values, DEFAULTS)
    return " ".join(f"{name}={shlex.quote(value)}" for name, value, usual in pairs
                    if value != usual)


def told_build(folder):
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            check=False).stdout.strip()
    build, variables = os.path.relpath(folder, ROOT), make_variables(folder)
    return f"{build} ({variables}) of {commit}" if variables else f"{build} of {commit}"
