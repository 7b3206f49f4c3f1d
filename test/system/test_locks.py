"""The checked build's rules of locking: each is broken once on purpose, and noticed by the check
that is there for it; /proc/lock_stat names the longest holds."""

import re

HELD_COUNT = "1 spinlocks held where 0 are allowed; the innermost is test outer"
ORDER = r"mutex order broken: test %s \(rank \d+\) acquired while holding ranks 0x%x"
CAUGHT = {
    "spinlock order": r"lock order broken: test outer \(rank 10\) acquired while holding "
                      r"test inner \(rank 30\)",
    "spinlock twice": "lock test inner acquired twice by the same CPU",
    "spinlock foreign": "lock test inner released by a CPU that does not hold it",
    "spinlock interrupts on": "interrupts came on while spinlock test inner was held",
    "interrupt under spinlock": HELD_COUNT.replace("outer", "inner"),
    "interrupts restored": r"assertion failed: .*interrupts_off_depth.* > 0 .*",
    "switch under spinlock": HELD_COUNT,
    "switch without interrupts": r"assertion failed: interrupts_are_on\(\) .*",
    "wait under spinlock": HELD_COUNT,
    "preemption under spinlock": HELD_COUNT,
    "call under spinlock": HELD_COUNT,
    "copy under spinlock": r"assertion failed: interrupts_are_on\(\) \(kernel/vm/user_copy.c:\d+\)",
    "copy without interrupts": r"assertion failed: interrupts_are_on\(\) .*user_copy.c:\d+\)",
    "mutex under spinlock": HELD_COUNT,
    "mutex without interrupts": "mutex test low acquired with interrupts off",
    "mutex order": ORDER % ("low", 1 << 5),
    "shared mutex order": ORDER % ("shared", 1 << 5),
    "mutex twice": ORDER % ("low", 1 << 3),
    "mutex foreign": "mutex test low released by a thread that holds none of rank 3",
    "mutex of same rank": r"assertion failed: mutex_is_held\(mutex\) .*",
    "end with mutex": "thread ends while it holds mutexes of ranks 0x8",
}


def test_every_broken_rule_is_noticed(boot):
    guest = boot("panic=1 selftest=locks", cpu="max")
    guest.wait()
    assert not guest.matches(r"\] selftest: .*: not caught$")
    caught = {match[1]: match[2]
              for match in guest.matches(r"\] selftest: ([a-z ]+): caught: (.*)$")}
    assert list(caught) == list(CAUGHT)
    for name, message in CAUGHT.items():
        assert re.fullmatch(message, caught[name]), (name, caught[name])
    assert guest.matches(r"power: everything came back: ")


def test_longest_holds_are_told(run_exec):
    lines = run_exec(["/bin/busybox", "cat", "/proc/lock_stat"]).stdout.decode().splitlines()
    held = [re.fullmatch(r"held  (spin |mutex) (\S+) +(\d+) (\w+)\+0x[0-9a-f]+", line)
            for line in lines if line.startswith("held")]
    assert all(held)
    found = {(match[1].strip(), match[2]): int(match[3]) for match in held}
    for lock in (("spin", "run-queue"), ("spin", "frames"), ("mutex", "namespace"),
                 ("mutex", "address-space")):
        assert found[lock] > 0, lock
