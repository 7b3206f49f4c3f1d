"""Signals: as on Linux, frames that no handler was given, the jobs and traps of a shell."""

import pytest

from verdicts import expect_orderly, expect_success

EVERYTHING = "-- /bin/signals /bin/badframe,2000"

SHELL = """
trap 'echo trapped' USR1
kill -USR1 $$
(sleep 0.2; exit 5) & wait $!; echo waited $?
sleep 30 & kill $!; wait $!; echo killed $?
trap '' TERM; kill -TERM $$; trap - TERM
(trap 'echo inner; exit 4' TERM; while :; do sleep 0.05; done) & child=$!
sleep 0.5; kill $child; wait $child; echo inner $?
sleep 0.2 & sleep 0.3 & wait; echo all $?
(sleep 0.3; kill -HUP $$) & trap 'echo hup' HUP; wait $!; echo interrupted
yes | head -1; trap 'echo bye' EXIT
"""

# By SIGTERM, what the shell itself says of it.
EXPECTED = """trapped
waited 5
killed 143
inner
inner 4
all 0
hup
interrupted
y
bye
"""


# As the first program: signals that it blocked, and for which it has no handler.
INIT = """
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int signal = 1; signal <= 64; signal++)
        kill(1, signal);
    sigprocmask(SIG_SETMASK, &none, NULL);
    puts("init is still there");
    return 0;
}
"""


# As the first program: the return from a handler finds no memory for the FPU state that it changed.
INIT_WITHOUT_MEMORY = """
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static int plan;

static void refuse_memory(int signal, siginfo_t *info, void *context)
{
    char *state = (char *)((ucontext_t *)context)->uc_mcontext.fpregs;
    *(uint64_t *)(state + 472) ^= 1; // not as the kernel wrote it
    write(plan, "memory 1", 8);
    __asm__ volatile("pxor %%xmm7, %%xmm7" : : : "xmm7");
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = refuse_memory, .sa_flags = SA_SIGINFO };
    uint64_t number = SYS_kill, state = 0;
    char told[16] = "";
    plan = open("/proc/self/fail-nth", O_RDWR);
    sigaction(SIGUSR1, &action, NULL);
    __asm__ volatile("pcmpeqd %%xmm7, %%xmm7; syscall; movq %%xmm7, %1"
                     : "+a"(number), "=r"(state)
                     : "D"(getpid()), "S"(SIGUSR1)
                     : "rcx", "r11", "xmm7", "memory");
    read(open("/proc/fail", O_RDONLY), told, sizeof(told) - 1);
    printf("init has %016llx, %.10s\\n", (unsigned long long)state, told);
    return 0;
}
"""


@pytest.fixture
def machine(booted):
    return lambda: booted(EVERYTHING, timeout=300)


def test_everything_came_back(machine):
    expect_orderly(machine())


def test_as_on_linux(machine):
    expect_success(machine(), "signals")


@pytest.mark.protection("sigreturn")
@pytest.mark.protection("fpu-fixup")
def test_bad_frames_end_in_the_program(machine):
    guest = machine()
    expect_success(guest, "badframe")
    assert guest.matches(r"^badframe: mutations: \d+ exited, \d+ killed, ")


def test_who_dies_while_it_waits_for_vfork_is_told(booted):
    guest = booted("loglevel=7 -- /bin/signals,deadly_signals_end_a_vfork "
                   "/bin/signals,harmless_signals_do_not_end_a_vfork")
    expect_success(guest, "signals")
    assert len(guest.matches(r"process: \d+ \(signals\) killed by ")) == 4
    for name in ("SIGHUP", "SIGTERM", "SIGKILL", "a real-time signal"):
        assert len(guest.matches(rf"process: \d+ \(signals\) killed by {name} from ")) == 1, name


def test_shell_jobs_and_traps(run_exec):
    result = run_exec(["/bin/busybox", "sh", "-c", SHELL])
    assert (result.status, result.stdout.decode()) == (0, EXPECTED)


def test_frames_without_xsave(booted):
    guest = booted("-- /bin/signals /bin/badframe,300", cpu="qemu64", timeout=300)
    expect_orderly(guest)
    expect_success(guest, "signals")
    expect_success(guest, "badframe")


@pytest.fixture
def boot_init(boot, compile_c):
    def run(source):
        with open(compile_c(source, libc="musl"), "rb") as file:
            program = file.read()
        guest = boot("init=/bin/other-init", initramfs_extra={"/bin/other-init": program})
        guest.wait()
        expect_orderly(guest)
        return guest
    return run


def test_init_ends_by_its_own_will(boot_init):
    """Nobody's signal ends or stops it, its own neither, also one that was pending until now."""
    guest = boot_init(INIT)
    assert guest.matches(r"^init is still there$")
    assert guest.matches(r"process: init ended with exit status 0; shutting down$")


def test_init_returns_when_there_is_memory(boot_init):
    """Who is never killed for memory gets the interrupted code's state all the same."""
    assert boot_init(INIT_WITHOUT_MEMORY).matches(r"^init has f{16}, injected 1$")
