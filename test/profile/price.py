#!/usr/bin/env python3
"""What each mechanism costs: rows of `measure` with the mechanism and without it, on one build.

  price.py [--build-dir DIR] [WORD...]      words of the kernel command line; default: all below

Instructions and costly events are counted as in profile.py. Where an emulator shows no difference,
hardware may: boot the image with the word and run `measure` there, it prints cycles.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import counted

ROWS = ["null_call", "yield_two", "pipe_hop", "fault_anonymous", "fork_exit_wait", "signal_deliver"]
TURNS = 200
WORDS = {
    "nosmap": "supervisor accesses to user memory are not fenced",
    "nosmep": "the kernel could run user pages",
    "noxsaveopt": "XSAVE writes what has not changed, too",
    "kpti=on": "ring 3 has page tables of its own",
    "iretq": "no SYSRET: every way out is an IRETQ",
    "slice_ms=1": "ten times as many slices",
    "trace=on": "every event is recorded",
}


def measure(build, word):
    """Row -> (instructions, costly events), each of one turn. All rows in one boot."""
    print(f"counting {word or 'as it is'} ...", file=sys.stderr)
    stretches = counted.run("/bin/measure", ["-n", str(TURNS)] + ROWS, build, word)
    return {name: (stretch.total / TURNS,
                   {event: times / TURNS for event, times in stretch.costly.items()})
            for name, stretch in zip(ROWS, stretches, strict=True)}


def changes(before, after):
    """Costly events whose number changed, as text."""
    words = []
    for event in sorted(set(before) | set(after)):
        difference = after.get(event, 0) - before.get(event, 0)
        if abs(difference) >= 0.1:
            words.append(f"{event} {difference:+.1f}")
    return ", ".join(words)


def print_word(word, plain, priced):
    print(f"\n{word}: {WORDS.get(word, 'given by hand')}")
    for name in ROWS:
        (before, events_before), (after, events_after) = plain[name], priced[name]
        difference = (after - before) / before * 100
        print(f"  {name:16}{before:10.1f} {after:10.1f} {difference:+7.1f} %  "
              f"{changes(events_before, events_after)}".rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", default="build/release")
    parser.add_argument("words", nargs="*", metavar="WORD")
    options = parser.parse_args()
    try:
        plain = measure(options.build_dir, "")
        print("instructions a turn: as it is, with the word, change; events whose number changed")
        for word in options.words or WORDS:
            print_word(word, plain, measure(options.build_dir, word))
    except counted.CountingError as error:
        sys.exit(f"price.py: {error}")


if __name__ == "__main__":
    main()
