"""A machine saved while it runs, so that others go on from there without the firmware's seconds."""

import time

from harness.guest import Guest
from harness.media import ReadyImage

LOADING = "^BdsDxe: loading Boot"  # the firmware, of the loader
MOVE_SECONDS = 300


def save_before_loader(settings, image, state, bytes_a_second):
    """Boots the image up to the loader, whose files come too slowly for it to get anywhere
    meanwhile, and writes the machine to the file `state`. The log so far."""
    with Guest(settings, ReadyImage(image), timeout=None) as guest:
        guest.monitor(f"block_set_io_throttle boot {bytes_a_second} 0 0 0 0 0")
        guest.wait_for(LOADING, MOVE_SECONDS)
        guest.monitor("stop")
        guest.monitor(f'migrate -d "exec:cat > {state}"')
        wait_for_answer(guest, "info migrate", "Migration status: completed")
        return guest.log


def resume(settings, image, state, timeout=None):
    """A guest that goes on from there. The state is of a machine with the same devices and CPU
    model; with `icount` the clocks of the saved one need not have been counted."""
    settings.extra = [*settings.extra, "-incoming", f"exec:cat {state}"]
    guest = Guest(settings, ReadyImage(image), timeout)
    try:
        wait_for_answer(guest, "info status", "VM status: paused ")
        guest.monitor("cont")
    except BaseException:
        guest.stop()
        raise
    return guest


def wait_for_answer(guest, command, words):
    end = time.monotonic() + MOVE_SECONDS
    while True:
        answer = guest.monitor(command)
        if words in " ".join(answer.split()) + " " and "inmigrate" not in answer:
            return
        if time.monotonic() > end:
            raise RuntimeError(f"the machine cannot be saved or resumed: {command}: {answer}")
        time.sleep(0.2)
