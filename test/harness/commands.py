"""What tests have started by a command line, and how to repeat it, for a failure's report."""

import os
import shlex

import qemu
from harness import execute, repeat
from harness.media import default_build
from harness.saved import FOLDER_VARIABLE


def is_exec(words):
    """Is it [python, .../qemu.py, "exec", ...]?"""
    return len(words) > 2 and os.path.basename(words[1]) == "qemu.py" and words[2] == "exec"


def lines(words, live=False):
    """As repeat.lines(). `live`: the program got input that is not told here; else none. Other
    commands than exec's are told as they are."""
    again = f"  again: {shlex.join(words)}"
    if not is_exec(words):
        return [f"to repeat it: {repeat.told_build(default_build())}", again]
    options = qemu.parse(words[2:])
    try:
        with open(os.devnull, "rb") as nothing:
            media, kind = execute.what_to_boot(options, nothing.fileno())
    except (execute.NotExecutable, OSError) as error:
        return [f"to repeat it: {repeat.told_build(options.build_dir)}: {error}", again]
    return repeat.lines(repeat.Run(qemu.machine_of(options), media, repeat.LIVE if live else kind,
                                   FOLDER_VARIABLE in os.environ))
