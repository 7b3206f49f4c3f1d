"""What QEMU's `sendkey` calls the keys that give a character on a US keyboard."""

QUEUE_CHARACTERS = 100  # QEMU queues about 1000 events, and drops what comes after without a word
UNSHIFTED = {" ": "spc", "\n": "ret", "\r": "ret", "\t": "tab", "\b": "backspace",
             "\x7f": "backspace", "\x1b": "esc", "-": "minus", "=": "equal", "[": "bracket_left",
             "]": "bracket_right", ";": "semicolon", "'": "apostrophe", "`": "grave_accent",
             "\\": "backslash", ",": "comma", ".": "dot", "/": "slash"}
SHIFTED = dict(zip('!@#$%^&*()_+{}:"~|<>?', "1234567890-=[];'`\\,./"))


def key_of(character):
    """One `sendkey` argument; ValueError when there is no such key. Ctrl-A is "\\x01"."""
    if character in SHIFTED:
        return "shift-" + key_of(SHIFTED[character])
    if character in UNSHIFTED:
        return UNSHIFTED[character]
    if character.isascii() and character.isalnum():
        return character if character.islower() or character.isdigit() else (
            f"shift-{character.lower()}")
    if "\x01" <= character <= "\x1a":
        return "ctrl-" + chr(ord(character) + 0x60)
    raise ValueError(f"no key of a US keyboard gives {character!r}")


def keys_of(text):
    if len(text) > QUEUE_CHARACTERS:
        raise ValueError(f"at most {QUEUE_CHARACTERS} characters at a time")
    return [key_of(character) for character in text]
