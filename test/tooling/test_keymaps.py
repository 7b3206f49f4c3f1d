"""The kernel's keyboard layouts against those of X (xkb-data, read by libxkbcommon), key by key;
its dead keys against Unicode's composition."""

import ctypes
import glob
import os
import subprocess
import unicodedata

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = ["compose.c", "function_keys.c", "key_bytes.c", "scancode.c"]
LEFT_SHIFT, LEFT_CTRL, CAPS_LOCK, SPACE, NUM_LOCK = 0x2A, 0x1D, 0x3A, 0x39, 0x45
ALT_GR = 0xE038
KEYPAD_DECIMAL = 0x53
CHARACTER_KEYS = [0x29, *range(0x02, 0x0E), *range(0x10, 0x1C), *range(0x1E, 0x29), 0x2B, 0x56,
                  *range(0x2C, 0x36), SPACE]
LEVELS = [(), (LEFT_SHIFT,), (ALT_GR,), (LEFT_SHIFT, ALT_GR)]
DATA_VERSION = "2.35."  # Debian 12's xkb-data; others have other characters with AltGr
LAYOUTS = ["us", "de", "fr"]
DEAD_KEYS = {"grave": "\u0300", "acute": "\u0301", "circumflex": "\u0302", "macron": "\u0304",
             "breve": "\u0306", "abovedot": "\u0307", "diaeresis": "\u0308",
             "abovering": "\u030a", "doubleacute": "\u030b", "caron": "\u030c",
             "cedilla": "\u0327", "ogonek": "\u0328"}
LEFT_OUT = ["belowdot", "belowmacron", "hook", "horn"]
# With Caps Lock X has capitals of the long s and of the micro sign (Greek My).
CASE_DIFFERS = ["ſ", "ẞ", "µ"]


def levels_of(layout):
    """In us the right Alt key is Alt."""
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "xkb-data"],
                             capture_output=True, check=False).stdout.decode()
    return LEVELS if layout != "us" and version.startswith(DATA_VERSION) else LEVELS[:2]


class Translator(ctypes.Structure):
    _fields_ = [("keymap", ctypes.c_void_p), ("is_held", ctypes.c_bool * 256),
                ("caps_lock", ctypes.c_bool), ("num_lock", ctypes.c_bool),
                ("dead_key", ctypes.c_uint16)]


class Event(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("is_pressed", ctypes.c_bool)]


class RuleNames(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p)
                for name in ("rules", "model", "layout", "variant", "options")]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """The kernel's own code, as a library."""
    path = tmp_path_factory.mktemp("keymaps") / "keys.so"
    drivers = os.path.join(ROOT, "kernel", "drivers")
    sources = [os.path.join(drivers, name) for name in SOURCES]
    sources += [name for name in glob.glob(os.path.join(drivers, "keymap_*.c"))]
    panic = path.with_name("panic.c")
    panic.write_text("#include <stdlib.h>\nvoid panic(const char *f, ...) { abort(); }\n")
    subprocess.run(["clang", "-std=gnu11", "-shared", "-fPIC", "-O1", "-Wno-unused-parameter",
                    f"-I{ROOT}/include", f"-I{ROOT}/kernel", "-o", path, panic, *sources],
                   check=True)
    return ctypes.CDLL(path)


class Keyboard:
    """Types at the kernel's code; keys are scan codes."""

    def __init__(self, library, layout):
        self._library = library
        keymap = ctypes.c_char.in_dll(library, f"keymap_{layout}")
        self._translator = Translator(keymap=ctypes.addressof(keymap))

    def _send(self, key, is_pressed):
        extended = 0x80 if key > 0xFF else 0
        event = Event(key & 0x7F | extended, is_pressed)
        buffer = ctypes.create_string_buffer(8)
        count = self._library.key_bytes(ctypes.byref(self._translator), ctypes.byref(event),
                                        False, buffer)
        return buffer.raw[:count].decode()

    def type(self, key, *held):
        for modifier in held:
            self._send(modifier, True)
        text = self._send(key, True)
        for modifier in (key, *held):
            self._send(modifier, False)
        return text

    def character(self, key, *held):
        """What the key gives; a dead key's combining mark."""
        text = self.type(key, *held)
        mark = self._translator.dead_key
        self._translator.dead_key = 0
        return text or (chr(mark) if mark else "")


class X:
    """A layout of X, asked the same questions."""

    def __init__(self, layout):
        self._library = ctypes.CDLL("libxkbcommon.so.0")
        for name in ("context_new", "keymap_new_from_names", "state_new"):
            getattr(self._library, f"xkb_{name}").restype = ctypes.c_void_p
        rules = RuleNames(b"evdev", b"pc105", layout.encode(), b"", b"")
        context = ctypes.c_void_p(self._library.xkb_context_new(0))
        self._keymap = ctypes.c_void_p(
            self._library.xkb_keymap_new_from_names(context, ctypes.byref(rules), 0))
        assert self._keymap.value
        self._state = ctypes.c_void_p(self._library.xkb_state_new(self._keymap))

    def _mask(self, *names):
        return sum(1 << self._library.xkb_keymap_mod_get_index(self._keymap, name.encode())
                   for name in names)

    def character(self, key, *held, locks=()):
        names = {LEFT_SHIFT: "Shift", ALT_GR: "Mod5", CAPS_LOCK: "Lock", NUM_LOCK: "Mod2"}
        depressed = self._mask(*(names[modifier] for modifier in held))
        locked = self._mask(*(names[lock] for lock in locks))
        self._library.xkb_state_update_mask(self._state, depressed, 0, locked, 0, 0, 0)
        symbol = self._library.xkb_state_key_get_one_sym(self._state, key + 8)
        buffer = ctypes.create_string_buffer(64)
        self._library.xkb_keysym_get_name(symbol, buffer, 64)
        name = buffer.value.decode()
        if name.startswith("dead_"):
            return DEAD_KEYS.get(name[5:], "" if name[5:] in LEFT_OUT else name)
        return chr(self._library.xkb_keysym_to_utf32(symbol))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_key_at_every_level(kernel, layout):
    keyboard, x = Keyboard(kernel, layout), X(layout)
    for held in levels_of(layout):
        for key in CHARACTER_KEYS:
            assert keyboard.character(key, *held) == x.character(key, *held), (hex(key), held)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_caps_lock(kernel, layout):
    keyboard, x = Keyboard(kernel, layout), X(layout)
    keyboard.type(CAPS_LOCK)
    for held in levels_of(layout):
        for key in CHARACTER_KEYS:
            if x.character(key, *held) not in CASE_DIFFERS:
                expected = x.character(key, *held, locks=[CAPS_LOCK])
                assert keyboard.character(key, *held) == expected, (hex(key), held)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_keypad(kernel, layout):
    keyboard, x = Keyboard(kernel, layout), X(layout)
    keyboard.type(NUM_LOCK)
    for key in range(0x47, KEYPAD_DECIMAL + 1):
        assert keyboard.character(key) == x.character(key, locks=[NUM_LOCK]), hex(key)


def test_no_other_key_has_a_character(kernel):
    for layout in LAYOUTS:
        keyboard = Keyboard(kernel, layout)
        others = set(range(1, 0x80)) - set(CHARACTER_KEYS) - set(range(0x37, 0x54))
        assert all(len(keyboard.type(key)) != 1 or keyboard.type(key) in "\r\t\033\x7f"
                   for key in others)


def test_dead_keys_compose_as_in_unicode(kernel):
    """Every precomposed letter of Latin-1 and Latin Extended-A, and nothing else."""
    letters = [chr(code) for code in range(ord("A"), 0x180) if chr(code).isalpha()]
    for mark in DEAD_KEYS.values():
        for letter in letters:
            composed = unicodedata.normalize("NFC", letter + mark)
            is_known = len(composed) == 1 and ord(composed) < 0x180
            answer = kernel.compose_letter(ord(mark), ord(letter)) & 0xFFFF
            assert answer == (ord(composed) if is_known else 0), (letter, hex(ord(mark)))
        spacing = chr(kernel.compose_spacing(ord(mark)) & 0xFFFF)
        assert spacing == "°" or "COMBINING " + unicodedata.name(spacing) == unicodedata.name(mark)
