"""`qemu.py run` on a terminal and `qemu.py debug`: QEMU and gdb in the foreground."""

import os
import signal
import subprocess
import sys
import tempfile
import termios
import time

from harness import log, machine, media
from harness.guest import prepare, spawn

GDB_HELPERS = os.path.join(media.ROOT, "test", "gdb", "ringfence.py")


def run(options):
    """COM1 on the terminal until power-off. Ctrl-C is the guest's; Ctrl-A X leaves at once."""
    log_file = options.log or os.path.join(options.build_dir, "..", "run.log")
    settings, boot_media = options.machine_of(options), media_of(options)
    settings.reboot = True
    boot_media.cmdline = f"size={terminal_size()} {boot_media.cmdline}".rstrip()
    print("Ctrl-A X ends the machine, Ctrl-A C is QEMU's monitor.", file=sys.stderr)
    terminal = termios.tcgetattr(sys.stdin)
    with tempfile.TemporaryDirectory(prefix="ringfence-") as folder:
        arguments = prepare(folder, settings, boot_media)
        try:
            subprocess.run(arguments + machine.console_terminal(log_file), check=False)
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, terminal)
    return complain(read_lines(log_file))


def complain(lines):
    """The exit status of a run: 0 when everything came back and no program of init's failed."""
    failure = log.programs_failed(lines) if log.came_back(lines) else "no orderly power-off"
    if failure:
        print(f"qemu.py: {failure}", file=sys.stderr)
    return 1 if failure else 0


def read_lines(path):
    reader = log.LogReader()
    with open(path, "rb") as file:
        reader.feed(file.read())
    reader.finish()
    return reader.lines


def terminal_size():
    """COLUMNSxROWS: the guest cannot ask what lies behind its serial port."""
    columns, rows = os.get_terminal_size(sys.stdin.fileno())
    return f"{columns}x{rows}"


def chooses_programs(cmdline):
    """Does the command line say itself what is to run?"""
    words = cmdline.split()
    return "--" in words or any(word.startswith("init=") for word in words)


def add_debug_options(parser):
    parser.add_argument("--gdb-argument", action="append", default=[], help="passed to gdb")


def debug(options):
    """QEMU halted before its first instruction; gdb stops in kernel_main. The kernel runs where gdb
    has its symbols."""
    log_file = options.log or os.path.join(options.build_dir, "..", "debug.log")
    with tempfile.TemporaryDirectory(prefix="ringfence-") as folder:
        gdb_socket = os.path.join(folder, "gdb")
        boot_media = media_of(options).with_word("nokaslr")
        arguments = prepare(folder, options.machine_of(options), boot_media)
        arguments += machine.console_file(log_file) + machine.gdb_channel(gdb_socket)
        print(f"The serial log goes to {os.path.relpath(log_file)}.", file=sys.stderr)
        process = spawn(arguments, stdin=subprocess.DEVNULL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            wait_for_socket(gdb_socket, process)
            return subprocess.run(gdb_command(options, gdb_socket), check=False,
                                  preexec_fn=restore_interrupt).returncode
        finally:
            process.kill()
            process.wait()


def gdb_command(options, gdb_socket):
    symbols = os.path.join(options.build_dir, "kernel.debug.elf")
    steps = [f"target remote {gdb_socket}", f"source {GDB_HELPERS}", "hbreak kernel_main"]
    steps.append("continue")
    command = ["gdb", "-q", symbols]
    for step in steps:
        command += ["-ex", step]
    return command + options.gdb_argument


def media_of(options):
    return options.media_of(options, options.cmdline)


def wait_for_socket(path, process):
    """QEMU makes its socket early; until then there is nothing to wait on but its name."""
    while not os.path.exists(path):
        if process.poll() is not None:
            raise OSError("QEMU ended at once")
        time.sleep(0.05)


def restore_interrupt():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
