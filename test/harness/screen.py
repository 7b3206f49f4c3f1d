"""Reads the machine's screen: QEMU's screendump as a grid of character cells.

The kernel's text is read by its own font (font.psf in the build). The firmware's font is not at
hand: `shows_shape` compares the pattern of equal and different cells with that of a sentence.
"""

import os
from dataclasses import dataclass

from harness.media import default_build

GLYPH_WIDTH, GLYPH_HEIGHT = 8, 16
FIRMWARE_CELL = (8, 19)
DOUBLE_SIZE_WIDTH = 2560  # from here on the kernel draws each dot as two by two pixels
LIST_END, SEQUENCE_START = 0xFFFF, 0xFFFE
DARK_TO_0_LIT_TO_1 = bytes([0]) + bytes([1]) * 255


@dataclass
class Picture:
    width: int
    height: int
    lit: bytes  # one byte a pixel, 0 or 1, row by row

    @property
    def lit_count(self):
        return self.lit.count(1)

    def cells(self, left, top, width, height, scale=1):
        """The bitmaps of a row of cells that begins at a pixel, to the right edge."""
        lines = []
        for y in range(top, top + height * scale, scale):
            start = y * self.width
            lines.append(self.lit[start + left : start + self.width : scale])
        return [b"".join(line[x : x + width] for line in lines)
                for x in range(0, len(lines[0]) - width + 1, width)]

    def lines(self, font=None):
        """The kernel's text, without blanks at the ends and without empty lines at the bottom."""
        font = font or read_font()
        scale = 2 if self.width >= DOUBLE_SIZE_WIDTH else 1
        rows = self.height // (GLYPH_HEIGHT * scale)
        text = []
        for row in range(rows):
            cells = self.cells(0, row * GLYPH_HEIGHT * scale, GLYPH_WIDTH, GLYPH_HEIGHT, scale)
            text.append("".join(font.get(cell, "\ufffd") for cell in cells).rstrip())
        while text and not text[-1]:
            text.pop()
        return text

    def shows_shape(self, sentence, cell=FIRMWARE_CELL):
        """Whether some line begins with cells that are alike exactly where its letters are."""
        width, height = cell
        for top in range(self.height - height + 1):
            cells = self.cells(0, top, width, height)
            dark = bytes(width * height)
            start = next((i for i, bitmap in enumerate(cells) if bitmap != dark), len(cells))
            shown = cells[start : start + len(sentence)]
            if len(shown) == len(sentence) and same_shape(shown, sentence):
                return True
        return False


def same_shape(left, right):
    pairs = set(zip(left, right))
    return len(pairs) == len(set(left)) == len(set(right))


def capture(guest):
    """What the screen of a running guest shows now."""
    path = os.path.join(guest.folder, "screen.ppm")
    answer = guest.monitor(f"screendump {path}").strip()
    if answer:
        raise OSError(f"screendump: {answer}")
    with open(path, "rb") as file:
        return parse_ppm(file.read())


def parse_ppm(data):
    magic, width, height, maximum, rest = data.split(maxsplit=4)  # pixels may begin with a blank
    if magic != b"P6" or maximum != b"255":
        raise ValueError("not a PPM picture of 8-bit colours")
    width, height = int(width), int(height)
    pixels = data[len(data) - 3 * width * height :]
    if len(rest) > len(pixels) or len(data) < 3 * width * height:
        raise ValueError("a PPM picture of another size than it says")
    return Picture(width, height, pixels[1::3].translate(DARK_TO_0_LIT_TO_1))  # by the green part


def read_font(path=None):
    """{bitmap: character} of a PSF1 font; of several characters with one bitmap, the lowest."""
    with open(path or os.path.join(default_build(), "font.psf"), "rb") as file:
        data = file.read()
    if data[:2] != b"\x36\x04" or data[3] != GLYPH_HEIGHT:
        raise ValueError("not a PSF1 font of 8 by 16 dots")
    count = 512 if data[2] & 1 else 256
    table = data[4 + count * GLYPH_HEIGHT :]
    font = {}
    glyph, in_sequence = 0, False
    for entry in memoryview(table).cast("H"):
        if entry == LIST_END:
            glyph, in_sequence = glyph + 1, False
        elif entry == SEQUENCE_START:
            in_sequence = True
        elif not in_sequence:
            rows = data[4 + glyph * GLYPH_HEIGHT : 4 + (glyph + 1) * GLYPH_HEIGHT]
            bitmap = bytes(bits >> shift & 1 for bits in rows for shift in range(7, -1, -1))
            font[bitmap] = min(chr(entry), font.get(bitmap, chr(entry)))
    return font
