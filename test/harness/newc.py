"""Writes newc cpio archives, the format of an initramfs.

Used for what travels to the guest besides its own initramfs. Every member has the same
modification time, and members come out in the order of the calls, so equal input gives equal bytes.
"""

import os
import stat

MEMBER_TIME = 1767225600  # 2026-01-01, UTC
ARCHIVE_BLOCK = 512


class Archive:
    """Collects members; parents are made on the way, directories only once."""

    def __init__(self):
        self._parts = []
        self._size = 0
        self._inode = 0
        self._directories = set()

    def directory(self, path, mode=0o755):
        path = _member_name(path)
        if path and path not in self._directories:
            self._parents(path)
            self._directories.add(path)
            self._member(path, stat.S_IFDIR | mode, b"")

    def file(self, path, data, mode=0o644):
        self._parents(_member_name(path))
        self._member(_member_name(path), stat.S_IFREG | (mode & 0o7777), data)

    def symlink(self, path, target):
        self._parents(_member_name(path))
        self._member(_member_name(path), stat.S_IFLNK | 0o777, os.fsencode(target))

    def tree(self, path, source):
        """The contents of the host folder `source` below `path`; special files are left out."""
        self.directory(path)
        for folder, folders, files in os.walk(source):
            folders.sort()
            below = os.path.join(path, os.path.relpath(folder, source))
            for name in sorted(folders + files):
                self._from_host(os.path.join(below, name), os.path.join(folder, name))

    def finish(self):
        """The archive's bytes, with trailer, padded to whole blocks."""
        self._member(b"TRAILER!!!", 0, b"")
        self._add(b"\0" * (-self._size % ARCHIVE_BLOCK))
        return b"".join(self._parts)

    def _from_host(self, path, source):
        status = os.lstat(source)
        if stat.S_ISLNK(status.st_mode):
            self.symlink(path, os.readlink(source))
        elif stat.S_ISDIR(status.st_mode):
            self.directory(path, stat.S_IMODE(status.st_mode))
        elif stat.S_ISREG(status.st_mode):
            with open(source, "rb") as file:
                self.file(path, file.read(), status.st_mode)

    def _parents(self, name):
        parent = os.path.dirname(name)
        if parent:
            self.directory(parent)

    def _member(self, name, mode, data):
        self._inode += 1
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (self._inode, mode, 0, 0, links, MEMBER_TIME, len(data), 0, 0, 0, 0)
        fields += (len(name) + 1, 0)
        self._add(b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0")
        self._add(b"\0" * (-self._size % 4))
        self._add(data)
        self._add(b"\0" * (-self._size % 4))

    def _add(self, data):
        self._parts.append(data)
        self._size += len(data)


def append(initramfs, archive):
    """`archive` behind `initramfs`, the way the kernel (like Linux) reads several in a row."""
    return initramfs + b"\0" * (-len(initramfs) % ARCHIVE_BLOCK) + archive


def _member_name(path):
    name = os.path.normpath(b"/" + os.fsencode(path)).lstrip(b"/")
    return name
