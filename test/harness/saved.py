"""Machines saved where the firmware has just started a program from the boot disk. Boots go on from
there, so that the firmware's seconds are computed once for each kind of machine. The program is
test/rest/: it waits until another disk lies there, and starts that one's loader. Used by guest.py
when RINGFENCE_SAVED names a folder (run_tests.py makes one for each run of a suite). Who cannot
be saved boots from the firmware on, as all do without that folder."""

import fcntl
import hashlib
import os
import re
import time
from dataclasses import replace

from harness import media
from harness.machine import ICOUNT_CPU, Machine

FOLDER_VARIABLE = "RINGFENCE_SAVED"
REST = os.path.join(media.ROOT, "build", "rest.efi")
REST_HEADER = os.path.join(media.ROOT, "test", "rest", "rest.h")
FIRMWARE_SECONDS, SAVE_SECONDS = 900, 120


def state_of(settings, boot_media, with_exec, make_guest):
    """The file to go on from, or None. `make_guest(settings, media, timeout, with_exec)` boots the
    machine that is saved."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder or not can_go_on(settings, boot_media) or not os.path.exists(REST):
        return None
    settings = as_saved(settings)
    kind = repr((settings.arguments("", ""), with_exec))
    path = os.path.join(folder, hashlib.sha256(kind.encode()).hexdigest()[:16])
    with open(path + ".lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # being made: meanwhile the firmware is as quick
            return path if os.path.exists(path) else None
        if not os.path.exists(path) and not os.path.exists(path + ".failed"):
            save(path, settings, with_exec, make_guest, folder)
    return path if os.path.exists(path) else None


def as_saved(settings):
    """Of several CPUs that take turns, instruction by instruction, the others wait busily while the
    firmware runs on one, for a minute. Such a machine goes on from one that did not count: whose
    turn it is when is up to chance anyhow."""
    if not settings.icount or settings.cpu_count == 1:
        return settings
    return replace(settings, icount=False, tcg="single", cpu=settings.cpu or ICOUNT_CPU)


def can_go_on(settings, boot_media):
    """Only machines as most tests have them, whatever their CPUs, with an ordinary boot disk and
    the build's own loader. Odd ones are rare, and often about what the firmware makes of them."""
    usual = Machine(smp=settings.smp, mem=settings.mem, tcg=settings.tcg, icount=settings.icount,
                    cpu=settings.cpu, machine=settings.machine)
    return (settings.arguments("", "") == usual.arguments("", "") and settings.medium == "disk"
            and settings.serial and isinstance(boot_media, media.Media)
            and boot_media.loader is None)


def save(path, settings, with_exec, make_guest, folder):
    """Leaves `path`, or `path`.failed with the reason. The machine is saved while it runs: one that
    is stopped first would be saved as stopped."""
    image = os.path.join(folder, "rest.img")
    state = path + ".new"
    try:
        if not os.path.exists(image):
            make_rest_image(image, folder)
        with make_guest(settings, media.ReadyImage(image), FIRMWARE_SECONDS, with_exec) as guest:
            guest.wait_for(re.escape(header_text("REST_LINE")))
            guest.monitor("migrate_set_parameter max-bandwidth 100g")
            guest.monitor(f'migrate -d "exec:cat > {state}"')
            wait_until_saved(guest)
        os.rename(state, path)
    except Exception as error:  # whatever it is, the firmware still works
        with open(path + ".failed", "w", encoding="utf-8") as file:
            file.write(f"{settings}: {error}")
        if os.path.exists(state):
            os.remove(state)


def make_rest_image(image, folder):
    new = image + f".{os.getpid()}"
    media.make_image(media.Media(cmdline=None, loader=REST, kernel=media.LEFT_OUT,
                                 initramfs=media.LEFT_OUT), new, folder)
    with open(new, "r+b") as file:
        file.seek(int(header_text("REST_BLOCK")) * int(header_text("REST_BLOCK_SIZE")))
        file.write(header_text("REST_MARK").encode())
    os.rename(new, image)


def header_text(name):
    with open(REST_HEADER, encoding="utf-8") as file:
        found = re.search(rf'^#define {name} (?:L?"(.*)"|(\d+))', file.read(), re.M)
    return found.expand(r"\1\2")


def wait_until_saved(guest):
    end = time.monotonic() + SAVE_SECONDS
    while "status: completed" not in (answer := guest.monitor("info migrate")):
        if "failed" in answer or time.monotonic() > end:
            raise OSError(f"the machine cannot be saved: {answer}")
        time.sleep(0.02)
