"""The PS/2 keyboard, typed at through QEMU's monitor, with each layout; a machine without one."""

import pytest

from verdicts import expect_orderly

# Reads as many bytes as it was told, in as many rounds.
READER = b"""#!/bin/busybox sh
stty -icanon -echo -isig -ixon -iexten -icrnl
round=0
for count; do
    round=$((round + 1))
    echo "keys: round $round, reading"
    bytes=$(dd bs=1 count=$count 2>/dev/null | od -An -v -tx1 | tr -d ' \\n')
    echo "keys: round $round brought $bytes"
done
"""
LAYOUT = r"keyboard: PS/2 controller, layout (\w\w)$"

US = [
    ("q", "q"), ("shift-a", "A"), ("shift-2", "@"), ("bracket_left", "["), ("less", "<"),
    ("spc", " "), ("tab", "\t"), ("ret", "\r"), ("backspace", "\x7f"), ("esc", "\x1b"),
    ("shift-tab", "\x1b[Z"), ("ctrl-c", "\x03"), ("ctrl-spc", "\0"), ("ctrl-backslash", "\x1c"),
    ("alt-x", "\x1bx"), ("alt_r-x", "\x1bx"), ("up", "\x1b[A"), ("ctrl-right", "\x1b[1;5C"),
    ("home", "\x1b[H"), ("pgdn", "\x1b[6~"), ("delete", "\x1b[3~"), ("f1", "\x1bOP"),
    ("f5", "\x1b[15~"), ("f12", "\x1b[24~"), ("shift-f2", "\x1b[1;2Q"), ("kp_7", "\x1b[H"),
    ("num_lock", ""), ("kp_7", "7"), ("kp_decimal", "."), ("kp_enter", "\r"),
    ("kp_divide", "/"), ("print", ""), ("pause", ""), ("caps_lock", ""), ("b", "B"), ("1", "1"),
    ("caps_lock", ""), ("b", "b"),
]
DE = [
    ("y", "z"), ("minus", "ß"), ("shift-apostrophe", "Ä"), ("alt_r-q", "@"), ("alt_r-e", "€"),
    ("alt_r-7", "{"), ("alt_r-less", "|"), ("alt_r-minus", "\\"), ("grave_accent", ""),
    ("e", "ê"), ("equal", ""), ("a", "á"), ("shift-equal", ""), ("shift-e", "È"),
    ("grave_accent", ""), ("spc", "^"), ("num_lock", ""), ("kp_decimal", ","),
]
FR = [
    ("q", "a"), ("w", "z"), ("semicolon", "m"), ("m", ","), ("2", "é"), ("shift-2", "2"),
    ("alt_r-0", "@"), ("alt_r-5", "["), ("bracket_left", ""), ("o", "ô"),
    ("shift-bracket_left", ""), ("i", "ï"), ("bracket_left", ""), ("spc", "^"),
    ("shift-bracket_left", ""), ("spc", "¨"), ("less", "<"), ("ctrl-alt_r-5", "\x1b"),
]
SHELL_LINE = "echo \"$HOME\" 'x' | tr a-z A-Z >/dev/null; [ {7} ] && y=#1~`%5`^(a+b)*@c?!\\\t_\n"


def type_round(guest, number, keys, want):
    """Types as soon as the program reads; those bytes have to arrive, and in that order."""
    guest.wait_for(f"^keys: round {number}, reading$")
    keys(guest)
    arrived = guest.wait_for(rf"^keys: round {number} brought ([0-9a-f]*)$")[1]
    assert bytes.fromhex(arrived) == want.encode()


def press(keys):
    return lambda guest: guest.press_keys(*(name for name, _ in keys))


def bytes_of(keys):
    return "".join(text for _, text in keys)


def start(boot, keymap, rounds, **machine):
    """Boots with a program that reads what `rounds` will type."""
    counts = ",".join(str(len(want.encode())) for _, want in rounds)
    guest = boot(f"loglevel=7 {keymap} -- /bin/keys,{counts}",
                 initramfs_extra={"/bin/keys": READER}, **machine)
    for number, (keys, want) in enumerate(rounds, 1):
        type_round(guest, number, keys, want)
    guest.wait()
    expect_orderly(guest)
    return guest


def test_us_layout(boot):
    """Also the unknown layout, for which it stands in, and the keys that the harness types."""
    rounds = [(press(US), bytes_of(US)),
              (lambda guest: guest.type_keys(SHELL_LINE), SHELL_LINE.replace("\n", "\r"))]
    guest = start(boot, "keymap=dvorak", rounds)
    assert guest.matches(r"keyboard: there is no keymap=dvorak, only us, de, fr; using us$")
    assert guest.matches(LAYOUT)[0][1] == "us"


@pytest.mark.parametrize("layout, keys, machine", [("de", DE, "q35"), ("fr", FR, "pc")])
def test_layout(boot, layout, keys, machine):
    guest = start(boot, f"keymap={layout}", [(press(keys), bytes_of(keys))], machine=machine)
    assert guest.matches(LAYOUT)[0][1] == layout


def test_machine_without_a_controller(booted):
    guest = booted("loglevel=7 -- /bin/hello", machine="q35,i8042=off")
    expect_orderly(guest)
    assert len(guest.matches(r"keyboard: ")) == 1
    assert guest.matches(r"keyboard: no PS/2 controller: ")
