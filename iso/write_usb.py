#!/usr/bin/env python3
"""Writes the image to a stick and reads it back; `make usb DEV=/dev/sdX` calls it.

  write_usb.py DEVICE          only looks: may this device be written?
  write_usb.py DEVICE IMAGE    looks, asks, writes, compares

Nothing is written before somebody at a terminal has typed the device's name. Exit status 0: done.
"""

import fcntl
import os
import sys

from usb_device import Computer, Refused

CHUNK = 1 << 20
SYNC_CHUNKS = 8  # so that the progress is the stick's and not that of the page cache
END_WIPED = 1 << 20  # where old backup partition tables and RAID marks are
BLKFLSBUF = 0x1261


def main(arguments, computer):
    name, image = (arguments + [None, None])[:2]
    try:
        device = computer.find_device(name)
        device.refuse_unless_writable()
        if image:
            write_image(device, image)
    except Refused as refusal:
        print(f"usb: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nusb: stopped; if it was writing, the stick now holds no usable image",
              file=sys.stderr)
        return 1
    return 0


def write_image(device, image):
    size = os.path.getsize(image)
    device.refuse_if_smaller(size)
    for line in device.description():
        print(line)
    ask(device)
    wiped_from = max(size, device.size - END_WIPED)
    with device.open() as stick, open(image, "rb") as source:
        copy(device, stick, source, size)
        stick.seek(wiped_from)
        store(device, stick, bytes(device.size - wiped_from))
        flush(device, stick)
    device.computer.written(device)
    with open(device.path, "rb", buffering=0) as stick, open(image, "rb") as source:
        forget_cache(stick)
        compare(device, stick, source, size)
    print(f"done: {device.path} holds {os.path.basename(image)}, read back and compared; "
          "it can be pulled out")


def ask(device):
    if not sys.stdin.isatty():
        raise Refused(f"nothing was written: {device.path} would lose all its data, and only "
                      "somebody at a terminal can agree to that")
    print(f"All of this will be lost. Type {device.name} to go on: ", end="", flush=True)
    if sys.stdin.readline().strip() != device.name:
        raise Refused("that is not the name; nothing was written")


def copy(device, stick, source, size):
    done = 0
    while done < size:
        data = source.read(CHUNK)
        store(device, stick, data)
        done += len(data)
        if done // CHUNK % SYNC_CHUNKS == 0:
            flush(device, stick)
        progress("writing", done, size)
    flush(device, stick)


def store(device, stick, data):
    """All of `data`: a raw file may take less at once."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[stick.write(rest) :]
        except OSError as error:
            raise broken(device, stick.tell(), error) from error


def flush(device, stick):
    try:
        os.fsync(stick.fileno())
    except OSError as error:
        raise broken(device, stick.tell(), error) from error


def broken(device, position, error):
    return Refused(f"writing to {device.path} failed before byte {position} ({error.strerror}): "
                   "the stick is unusable now, try again or take another one")


def forget_cache(stick):
    """What is read next comes from the stick, not from memory."""
    os.posix_fadvise(stick.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        fcntl.ioctl(stick.fileno(), BLKFLSBUF)
    except OSError:
        pass  # not a block device in tests; the advice above has done it


def compare(device, stick, source, size):
    done = 0
    while done < size:
        expected = source.read(CHUNK)
        seen = load(device, stick, len(expected), done)
        if seen != expected:
            at = next(i for i, pair in enumerate(zip(seen, expected)) if pair[0] != pair[1])
            raise Refused(f"byte {done + at} of {device.path} reads back as {seen[at]:#04x}, not "
                          f"{expected[at]:#04x}: the stick is broken or smaller than it says")
        done += len(expected)
        progress("reading back", done, size)


def load(device, stick, length, position):
    data = b""
    while len(data) < length:
        try:
            piece = stick.read(length - len(data))
        except OSError as error:
            raise Refused(f"{device.path} cannot be read back behind byte {position + len(data)} "
                          f"({error.strerror}): take another stick") from error
        if not piece:
            raise Refused(f"{device.path} ends at byte {position + len(data)}, in the middle of "
                          "the image: take another stick")
        data += piece
    return data


def progress(what, done, size):
    end = "\n" if done == size else ""
    print(f"\r{what}: {-(-done // CHUNK)} of {-(-size // CHUNK)} MiB", end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Computer()))
