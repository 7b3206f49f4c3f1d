"""What exec sends along: program, arguments, environment, folder, input, as a second archive.

The guest's half is /sbin/exec-init, which reads the files below /etc/exec.
"""

import os
import shutil
import stat
import struct
from dataclasses import dataclass, field

from harness import newc

DEFAULT_FOLDER = "/home"
DEFAULT_ENVIRONMENT = {
    "PATH": "/bin:/sbin:/usr/bin:/usr/sbin",
    "HOME": DEFAULT_FOLDER,
    "TERM": "linux",
}
GUEST_FOLDER = "/bin"  # where a bare name that the host does not know is looked for
STDIN = "/etc/exec/stdin"
STDIN_FILE_LIMIT = 32 << 20  # a larger file travels as live input


ELF_HEADER = struct.Struct("<4sBB26xQ14xHH")  # magic, class, order; the program headers' place
CLASS_64, LITTLE_ENDIAN = 2, 1
PT_INTERP = 3


class NotExecutable(Exception):
    """The host already knows that PROG cannot be run; exec's status 126."""


@dataclass
class Payload:
    program: str  # as the user wrote it
    arguments: list
    environment: dict = field(default_factory=dict)
    folder: str = DEFAULT_FOLDER
    files: str = None
    stdin: bytes = None  # a regular file's bytes; None: live
    flags: list = field(default_factory=list)
    through: list = field(default_factory=list)  # the guest's program that starts it, and options

    def archive(self):
        path, ship = find_program(self.program)
        archive = newc.Archive()
        archive.directory(self.folder)
        if self.files:
            archive.tree(self.folder, self.files)
        if ship:
            with open(path, "rb") as file:
                archive.file(path, file.read(), os.stat(path).st_mode)
        environment = {**DEFAULT_ENVIRONMENT, **self.environment}
        words = [*self.through, path] if self.through else [self.program]
        archive.file("/etc/exec/program", os.fsencode(words[0] if self.through else path))
        archive.file("/etc/exec/argv", strings([*words, *self.arguments]))
        archive.file("/etc/exec/env", strings(f"{k}={v}" for k, v in environment.items()))
        archive.file("/etc/exec/cwd", os.fsencode(self.folder))
        archive.file("/etc/exec/flags", " ".join(self.flags).encode())
        if self.stdin is not None:
            archive.file(STDIN, self.stdin)
        return archive.finish()


def input_archive(data):
    """To be appended behind a payload that has no input."""
    archive = newc.Archive()
    archive.file(STDIN, data)
    return archive.finish()


def find_program(name):
    """(absolute path in the guest, whether the host has it) of PROG, looked up as a shell does; but
    a bare name that the host has only as a dynamically linked program is the guest's own."""
    if "/" in name:
        path = os.path.abspath(name)
    else:
        path = shutil.which(name)
        if not path or is_dynamic(path):
            return os.path.join(GUEST_FOLDER, name), False
    if os.path.isdir(path):
        raise NotExecutable(f"exec: {name}: Is a directory")
    if os.path.exists(path) and not os.access(path, os.R_OK):
        raise NotExecutable(f"exec: {name}: cannot be read here")
    if os.path.exists(path) and is_dynamic(path):
        raise NotExecutable(f"exec: {name} is dynamically linked; link it with -static")
    return path, os.path.exists(path)


def is_dynamic(path):
    """Is it an ELF program that wants an interpreter? There is none in the guest."""
    try:
        with open(path, "rb") as file:
            magic, size, order, place, entry_size, count = ELF_HEADER.unpack(
                file.read(ELF_HEADER.size))
            if (magic, size, order) != (b"\x7fELF", CLASS_64, LITTLE_ENDIAN):
                return False
            file.seek(place)
            headers = file.read(entry_size * count)
    except (OSError, struct.error):
        return False
    types = (headers[at : at + 4] for at in range(0, len(headers), entry_size or 1))
    return any(int.from_bytes(kind, "little") == PT_INTERP for kind in types)


def likely_meant(name):
    """What somebody who asked for a program that was not found may have meant, or None."""
    return f"./{name}" if "/" not in name and os.path.isfile(name) else None


def is_nothing(descriptor):
    return os.path.samestat(os.fstat(descriptor), os.stat(os.devnull))


def regular_input(descriptor):
    """The rest of a descriptor that is a regular file of moderate size, else None."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return None
    rest = status.st_size - os.lseek(descriptor, 0, os.SEEK_CUR)
    if rest > STDIN_FILE_LIMIT:
        return None
    try:
        with open(os.dup(descriptor), "rb") as file:
            return file.read()
    except OSError:  # open for writing only
        return b""


def strings(items):
    return b"".join(os.fsencode(item) + b"\0" for item in items)
