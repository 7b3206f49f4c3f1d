#!/usr/bin/env python3
"""Checks the protocols that are modelled in Promela: every interleaving, by spin's exhaustive
search. A model must show no error; then each of its mutants, which has a real race put in by one
macro, must show one: a checker that misses it proves nothing.

  model.py [NAME...]        names of models (wait, switch, process_lock, ...); default: all
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
FOLDER = os.path.join(ROOT, "build", "model")
DEPTH = 1_000_000
PATIENCE_S = 600
WORKERS = 2

# Model -> its mutants, each with the race that it is named after.
MODELS = {
    "kernel/sched/wait.pml": {
        "WAKE_LOST": "wake-up lost between check and sleep",
        "WAKE_ONE_INTERRUPTIBLE": "the only wake-up goes to who leaves for a signal",
    },
    "kernel/sched/wait_many.pml": {
        "NOT_NOTED": "a wake-up between two queues is forgotten",
        "STATE_READ_ONCE": "who is found awake sleeps when that is noted",
        "BEGINS_LATE": "wake-ups are noted only after the look",
        "ENTERED_UNLOCKED": "a waiter is taken out just after its thread saw it there",
    },
    "kernel/sched/switch.pml": {
        "LOCK_PASSED_EARLY": "switch before the queue lock is passed on",
        "KICK_WITHOUT_INTERRUPT": "a halted CPU is not told of its new thread",
        "MASK_READ_ONCE": "a thread on its way arrives where it may not run any more",
        "CLAIM_FORGOTTEN": "a CPU that was unmarked for a thread is not told that it does not come",
        "IDLE_LOOKS_FIRST": "an idle CPU looks at the queues before it can be seen",
        "START_UNLOCKED": "a new thread gets its CPU while another gives it a mask",
        "REST_NOT_OFFERED": "two come to an idle CPU: nobody is told of the second",
        "DEPARTURE_UNLOCKED": "who waits for a thread to leave does not wait for the switch",
    },
    "kernel/sched/idle.pml": {
        "STORE_ON_ITS_WAY": "what an idle CPU stored late wipes out that it was told",
        "MARK_FIRST": "likewise: that it is marked it saw before the store arrived",
        "INTERRUPT_FIRST": "the interrupt is over when the flag is set",
    },
    "kernel/proc/process_lock.pml": {
        "LOOKED_FIRST": "who takes one looks for who has all before his own flag is set",
        "CPU_LEFT_OUT": "who wants all does not wait for one CPU",
        "LOCK_KEPT": "a process's lock is kept while its holder waits for his turn",
        "FLAG_KEPT": "the flag stays set while its CPU waits for its turn",
    },
    "kernel/mem/translation.pml": {
        "FREED_EARLY": "frame freed before the last flush",
        "GENERATION_FIRST": "a CPU reads the generation before it can be seen",
        "BIT_REMOVED_FOR_GOOD": "a CPU that comes back meanwhile is forgotten",
    },
}
RESULT = re.compile(r"errors: (\d+)\n *(\d+) states, stored")
VERDICT = re.compile(r"^pan:1: (.*) \(at depth", re.MULTILINE)


class Broken(Exception):
    """The search did not end as a search does: no verdict."""


def command(folder, *words):
    result = subprocess.run(words, cwd=folder, text=True, check=False, timeout=PATIENCE_S,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode != 0:
        raise Broken(f"{words[0]} failed:\n{result.stdout}")
    return result.stdout


def search(path, mutant):
    """(what is wrong or None, states, seconds)"""
    name = os.path.basename(path)[:-len(".pml")]
    folder = os.path.join(FOLDER, f"{name}-{mutant}" if mutant else name)
    os.makedirs(folder, exist_ok=True)
    start = time.monotonic()
    command(folder, "spin", *([f"-D{mutant}"] if mutant else []), "-a",
            os.path.join(ROOT, path))
    command(folder, "cc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c")
    output = command(folder, "./pan", f"-m{DEPTH}")
    result = RESULT.search(output)
    # A search that was cut short has not seen everything.
    if not result or "max search depth too small" in output or "out of memory" in output:
        raise Broken(output)
    wrong = VERDICT.search(output) if int(result[1]) else None
    if int(result[1]) and not wrong:
        raise Broken(output)
    return wrong and wrong[1], int(result[2]), time.monotonic() - start


def judge(path, mutant):
    """(as it must be?, one line)"""
    label = f"{path} {mutant or ''}".rstrip()
    try:
        wrong, states, seconds = search(path, mutant)
    except (Broken, OSError, subprocess.TimeoutExpired) as error:
        return False, f"FAILED  {label}: no verdict: {error}"
    cost = f"{states:,} states, {seconds:.1f} s"
    if mutant and wrong:
        return True, f"ok      {label}: {MODELS[path][mutant]}: seen: {wrong} ({cost})"
    if mutant:
        return False, f"FAILED  {label}: {MODELS[path][mutant]}: not noticed ({cost})"
    if wrong:
        return False, f"FAILED  {label}: {wrong} ({cost})"
    return True, f"ok      {label}: no error in any interleaving ({cost})"


def chosen(names):
    known = {os.path.basename(path)[:-len(".pml")]: path for path in MODELS}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"model.py: no model {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names] or list(known.values())


def main():
    paths = chosen(sys.argv[1:])
    jobs = [(path, mutant) for path in paths for mutant in (None, *MODELS[path])]
    jobs.sort(key=lambda job: job[0] != "kernel/mem/translation.pml")  # the longest first
    good = 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for done in concurrent.futures.as_completed(pool.submit(judge, *job) for job in jobs):
            fine, line = done.result()
            good += fine
            print(line, flush=True)
    print(f"{good} passed, {len(jobs) - good} failed")
    return good != len(jobs)


if __name__ == "__main__":
    sys.exit(main())
