"""Runs gdb on a script, without anybody."""

import os
import subprocess

GDB_SECONDS = 120


def run_gdb(script, folder, symbols):
    """What it printed. `symbols`: of the kernel; `folder` takes the script."""
    path = os.path.join(folder, "script.py")
    with open(path, "w", encoding="ascii") as file:
        file.write(script)
    result = subprocess.run(["gdb", "-q", "-nx", "-batch", symbols, "-x", path],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=GDB_SECONDS, text=True, check=False)
    return result.stdout
