"""Threads as C libraries make them: one suite, against musl and against glibc, on 1 and 4 CPUs; on
4, spinlocks keep their queue as they do on real ones."""

import glob
import os
import subprocess

import pytest

from harness.media import ROOT
from verdicts import expect_orderly, expect_queued_spinlocks, expect_success

PROGRAMS = "-- /bin/threads /bin/threads-glibc"
SHARED_SOURCES = ("suite.c", "program.c", "verdict.c", "machine.c")


def has_static_glibc():
    """cc repeats a file's name when it knows no such file."""
    answer = subprocess.run(["cc", "-print-file-name=libc.a"], stdout=subprocess.PIPE, text=True,
                            check=False).stdout.strip()
    return os.path.isabs(answer)


@pytest.fixture(scope="module")
def glibc_program(compile_c):
    """The suite linked with glibc; None where that is not installed."""
    if not has_static_glibc():
        return None
    user = os.path.join(ROOT, "user")
    first, *others = sorted(glob.glob(os.path.join(user, "bin", "threads", "*.c")))
    others += [os.path.join(user, "lib", name) for name in SHARED_SOURCES]
    flags = ["-D_GNU_SOURCE", "-w", "-I", os.path.join(user, "lib"), "-I",
             os.path.join(ROOT, "include"), *others]
    with open(compile_c(first, libc="glibc", flags=flags), "rb") as file:
        return file.read()


@pytest.fixture(params=[1, 4], ids=["1-cpu", "4-cpus"])
def machine(request, booted, glibc_program):
    extra = {"/bin/threads-glibc": glibc_program} if glibc_program else {}
    words = "" if request.param == 1 else "spinlocks=queued "
    return lambda: booted(words + PROGRAMS, smp=request.param, initramfs_extra=extra, timeout=600)


def test_everything_came_back(machine, request):
    expect_orderly(machine())
    if request.node.callspec.params["machine"] != 1:
        expect_queued_spinlocks(machine())


@pytest.mark.protection("word-fixup")
@pytest.mark.protection("no-fault")
def test_musl(machine):
    expect_success(machine(), "threads")


def test_glibc(machine, glibc_program):
    if glibc_program is None:
        pytest.skip("no static glibc to link with: libc6-dev is not installed")
    expect_success(machine(), "threads-glibc")
