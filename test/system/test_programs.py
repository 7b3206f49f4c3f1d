"""The programs of user/ do what they are there for, on one machine in one boot."""

import pytest

from verdicts import deaths, expect_orderly, expect_success, verdicts

EVERYTHING = ("-- /bin/hello,one,two /bin/hello-pie /bin/raw /bin/forktree,3,4 /bin/pingpong,300 "
              "/bin/walker /bin/usercopy /bin/syscalls /bin/isolate,400ms /bin/lives,160 "
              "/bin/escape,-c,vectors/divide-by-zero /bin/nothing")

DEMONSTRATION = ("-- /bin/hello /bin/raw /bin/spinners,3,600ms /bin/pingpong,200 "
                 "/bin/escape,vectors /bin/walker /bin/forktree,3,3")


@pytest.fixture
def machine(booted):
    return lambda: booted(EVERYTHING)


def test_everything_came_back(machine):
    expect_orderly(machine())


def test_hello(machine):
    guest = machine()
    expect_success(guest, "hello")
    expect_success(guest, "hello-pie")
    assert guest.matches(r"^Hello from process \d+, child of 1\. one two$")


# Registers zero at the first instruction, vector registers too, after all that ran before.
@pytest.mark.protection("registers")
def test_fork_tree_and_raw(machine):
    expect_success(machine(), "raw")
    expect_success(machine(), "forktree")


def test_ping_pong(machine):
    expect_success(machine(), "pingpong")


@pytest.mark.protection("cow")
@pytest.mark.protection("zero")
def test_memory(machine):
    expect_success(machine(), "walker")


@pytest.mark.protection("copy-range")
@pytest.mark.protection("copy-fixup")
@pytest.mark.protection("string-fixup")
@pytest.mark.protection("zero-fixup")
def test_bad_pointers(machine):
    expect_success(machine(), "usercopy")


@pytest.mark.protection("limits")
def test_system_calls(machine):
    expect_success(machine(), "syscalls")


@pytest.mark.protection("registers")
@pytest.mark.protection("fpu")
def test_isolation(machine):
    expect_success(machine(), "isolate")


def test_lives(machine):
    expect_success(machine(), "lives")


def test_parent_learns_the_signal(machine):
    guest = machine()
    assert ("escape", "killed by SIGFPE") in verdicts(guest)
    assert any(name == "escape" and signal == "SIGFPE" for _, name, signal in deaths(guest))


def test_missing_program(machine):
    assert ("nothing", "exited 127") in verdicts(machine())


def test_failures_are_counted(machine):
    assert machine().matches(r"^init: done, 2 failed$")  # escape and nothing


def test_demonstration(booted):
    """Short forms of what the tour explains, one after the other."""
    guest = booted(DEMONSTRATION)
    expect_orderly(guest)
    names = ["hello", "raw", "spinners", "pingpong", "escape", "walker", "forktree"]
    assert verdicts(guest) == [(name, "exited 0") for name in names]
    assert guest.matches(r"^init: done$")


def test_service_is_restarted_and_given_up(booted):
    guest = booted("-- service:/bin/escape,-c,pages/null-read service:/bin/busybox,sleep,1000 "
                   "/bin/busybox,sleep,2")
    expect_orderly(guest)
    crashes = [verdict for name, verdict in verdicts(guest) if name == "escape"]
    assert crashes == ["killed by SIGSEGV"] * 6  # the first run and five restarts
    assert guest.matches(r"^init: service /bin/escape died 6 times in quick succession: given up$")
    assert ("busybox", "exited 0") in verdicts(guest)


def test_out_of_memory_hits_one_process(booted):
    guest = booted("-- /bin/walker,hog /bin/hello /bin/walker", mem="128M")
    expect_orderly(guest)
    assert verdicts(guest)[0] in [("walker", "killed by SIGKILL"), ("walker", "exited 0")]
    assert verdicts(guest)[1:] == [("hello", "exited 0"), ("walker", "exited 0")]
