"""The archive that exec sends, read back by cpio itself."""

import os
import stat
import subprocess

import pytest

from harness import newc, payload
from harness.payload import NotExecutable, Payload


def unpack(archive, folder):
    command = ["cpio", "-idm", "--quiet", "--no-absolute-filenames"]
    subprocess.run(command, input=archive, cwd=folder, check=True)
    return folder


def contents(folder, name):
    return (folder / name.lstrip("/")).read_bytes()


def test_archive_round_trip(tmp_path):
    archive = newc.Archive()
    archive.file("/a/b/program", b"\0\1\2", 0o4755)
    archive.file("a/empty", b"")
    archive.symlink("/a/link", "b/program")
    archive.directory("/a/b")
    unpack(archive.finish(), tmp_path)
    assert contents(tmp_path, "a/b/program") == b"\0\1\2"
    assert stat.S_IMODE(os.stat(tmp_path / "a/b/program").st_mode) == 0o4755
    assert os.readlink(tmp_path / "a/link") == "b/program"
    assert contents(tmp_path, "a/empty") == b""


def test_equal_input_gives_equal_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    archives = []
    for seconds in (1, 2):
        os.utime(tmp_path / "file", (seconds, seconds))
        archive = newc.Archive()
        archive.tree("/home", tmp_path)
        archives.append(archive.finish())
    assert archives[0] == archives[1]


def test_tree_keeps_modes_links_and_empty_folders(tmp_path):
    source = tmp_path / "source"
    (source / "deep" / "empty").mkdir(parents=True)
    (source / "deep" / "run").write_bytes(b"#!")
    (source / "deep" / "run").chmod(0o750)
    (source / "link").symlink_to("deep/run")
    (source / "linked").symlink_to("deep")
    os.mkfifo(source / "fifo")
    archive = newc.Archive()
    archive.tree("/home", source)
    target = tmp_path / "target"
    target.mkdir()
    unpack(archive.finish(), target)
    assert stat.S_IMODE(os.stat(target / "home/deep/run").st_mode) == 0o750
    assert os.readlink(target / "home/link") == "deep/run"
    assert os.readlink(target / "home/linked") == "deep"
    assert (target / "home/deep/empty").is_dir()
    assert not (target / "home/fifo").exists()


def test_appended_archives_start_on_a_block():
    joined = newc.append(b"x" * 700, b"070701")
    assert joined.index(b"070701") == 1024


ODD_ARGUMENTS = ["a b", "'", '"', "$HOME", "new\nline", "", "*", "\\", "ünï"]


def test_payload_holds_arguments_environment_and_program(tmp_path):
    program = tmp_path / "prog ram"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    sent = Payload(str(program), ODD_ARGUMENTS, {"A": "b c"}, "/tmp", stdin=b"in")
    unpack(sent.archive(), tmp_path)
    expected = [str(program), *ODD_ARGUMENTS, ""]
    assert contents(tmp_path, "/etc/exec/argv") == b"\0".join(map(os.fsencode, expected))
    assert contents(tmp_path, "/etc/exec/program") == os.fsencode(program)
    assert b"A=b c\0" in contents(tmp_path, "/etc/exec/env")
    assert contents(tmp_path, "/etc/exec/cwd") == b"/tmp"
    assert contents(tmp_path, "/etc/exec/stdin") == b"in"
    assert contents(tmp_path, str(program)) == b"\x7fELF"
    assert os.access(tmp_path / str(program).lstrip("/"), os.X_OK)


def test_program_is_looked_up_as_a_shell_does(tmp_path, monkeypatch):
    (tmp_path / "tool").write_bytes(b"")
    (tmp_path / "tool").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = (str(tmp_path / "tool"), True)
    assert payload.find_program("tool") == found
    assert payload.find_program("./tool") == found
    assert payload.find_program("absent") == ("/bin/absent", False)
    assert payload.find_program("/absent/tool") == ("/absent/tool", False)
    with pytest.raises(NotExecutable):
        payload.find_program(str(tmp_path))


def write_elf(path, *segment_types):
    header = b"\x7fELF\x02\x01".ljust(32, b"\0") + (64).to_bytes(8, "little")
    header = header.ljust(54, b"\0") + bytes([56, 0, len(segment_types), 0])
    segments = (kind.to_bytes(4, "little").ljust(56, b"\0") for kind in segment_types)
    path.write_bytes(header.ljust(64, b"\0") + b"".join(segments))
    path.chmod(0o755)


def test_dynamic_programs_are_refused(tmp_path, monkeypatch):
    write_elf(tmp_path / "static", 1, 2)
    write_elf(tmp_path / "dynamic", 1, payload.PT_INTERP)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert payload.find_program("./static") == (str(tmp_path / "static"), True)
    assert payload.find_program("dynamic") == ("/bin/dynamic", False)
    with pytest.raises(NotExecutable, match="^exec: ./dynamic is dynamically linked; link it with"):
        payload.find_program("./dynamic")


def test_a_file_here_may_be_meant(tmp_path, monkeypatch):
    (tmp_path / "mine").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert payload.likely_meant("mine") == "./mine"
    assert payload.likely_meant("other") is None and payload.likely_meant("./mine") is None


def test_regular_input_is_the_rest_of_the_file(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    with open(tmp_path / "file", "rb") as file:
        os.lseek(file.fileno(), 4, os.SEEK_SET)
        assert payload.regular_input(file.fileno()) == b"456789"
    with open(tmp_path / "out", "wb") as file:
        assert payload.regular_input(file.fileno()) == b""
    with open(os.devnull, "rb") as file:
        assert payload.regular_input(file.fileno()) is None


def test_a_program_of_the_guest_can_start_it(tmp_path):
    unpack(Payload("hello", ["a b"], through=["/bin/lde", "-e"], environment={}).archive(),
           tmp_path)
    assert contents(tmp_path, "/etc/exec/program") == b"/bin/lde"
    assert contents(tmp_path, "/etc/exec/argv") == b"/bin/lde\0-e\0/bin/hello\0a b\0"
