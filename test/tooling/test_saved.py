"""Which machines are saved for later boots, and what happens when that fails."""

import fcntl
import os

import pytest

from harness import saved
from harness.machine import ICOUNT_CPU, Machine
from harness.media import Media, ReadyImage


class Unsaveable:
    """A machine that starts and cannot be saved."""

    def __init__(self, answer):
        self.answer = answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait_for(self, pattern):
        pass

    def monitor(self, command):
        return self.answer if command == "info migrate" else ""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(saved.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(saved, "REST", __file__)  # some file
    monkeypatch.setattr(saved, "make_rest_image", lambda image, folder: None)
    return tmp_path


def state_of(settings, boot_media=None, answer="Migration status: completed", made=None):
    def boot_and_save(*machine):
        guest = Unsaveable(answer)
        guest.monitor = lambda command: (
            open(command.split("> ")[1].rstrip('"'), "w").close() if "exec:" in command else answer)
        if made is not None:
            made.append(machine)
        return guest

    return saved.state_of(settings, boot_media or Media(), False, boot_and_save)


def test_equal_machines_are_saved_once(folder):
    made = []
    first, again = (state_of(machine, made=made) for machine in (Machine(), Machine(cpu="max")))
    others = [state_of(machine, made=made) for machine in (
        Machine(smp="4"), Machine(cpu="EPYC"), Machine(machine="pc"))]
    assert first == again and len({first, *others}) == 4
    assert len(made) == 4 and os.path.exists(first) and str(folder) in first


@pytest.mark.parametrize("knobs", [
    {"medium": "virtio"}, {"serial": False}, {"reboot": True},
    {"extra": ["-device", "x"]}, {"vga": "none"}, {"plugin": "p"}])
def test_odd_machines_start_with_the_firmware(folder, knobs):
    assert state_of(Machine(**knobs)) is None


@pytest.mark.parametrize("boot_media", [ReadyImage("disk"), Media(loader="loader")])
def test_odd_disks_start_with_the_firmware(folder, boot_media):
    assert state_of(Machine(), boot_media) is None


def test_who_cannot_be_saved_starts_with_the_firmware(folder):
    made = []
    assert state_of(Machine(), answer="Migration status: failed", made=made) is None
    assert "status: failed" in next(folder.glob("*.failed")).read_text()
    assert state_of(Machine(), made=made) is None
    assert len(made) == 1


def test_nobody_waits_while_a_machine_is_being_saved(folder):
    state = state_of(Machine())
    os.remove(state)
    with open(state + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert state_of(Machine()) is None


def test_without_a_folder_all_start_with_the_firmware(folder, monkeypatch):
    monkeypatch.delenv(saved.FOLDER_VARIABLE)
    assert state_of(Machine()) is None


def test_several_cpus_that_count_go_on_from_some_that_did_not(folder):
    made = []
    first = state_of(Machine(smp="4", icount=True), made=made)
    again = state_of(Machine(smp="4", icount=True, exact=False), made=made)
    alone = state_of(Machine(icount=True), made=made)
    assert first == again != alone
    assert [settings.icount for settings, *_ in made] == [False, True]
    assert "thread=single" in " ".join(made[0][0].arguments("", ""))
    assert made[0][0].cpu == ICOUNT_CPU
