"""Reads the machine's screen: QEMU's screendump as a grid of character cells.

The kernel's text is read by its own font (font.psf in the build), in its own sixteen colours. The
firmware's font is not at hand: `shows_shape` compares the pattern of equal and different cells with
that of a sentence.
"""

import functools
import os
import time
from dataclasses import dataclass

from harness.media import default_build

GLYPH_WIDTH, GLYPH_HEIGHT = 8, 16
FIRMWARE_CELL = (8, 19)
DOUBLE_SIZE_WIDTH = 2560  # from here on the kernel draws each dot as two by two pixels
LIST_END, SEQUENCE_START = 0xFFFF, 0xFFFE
DARK_TO_0_LIT_TO_1 = bytes([0]) + bytes([1]) * 255
UNKNOWN = "\ufffd"
PALETTE = [bytes.fromhex(colour) for colour in (
    "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa "
    "555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff").split()]
NUMBER_OF = {colour: number for number, colour in enumerate(PALETTE)}
BLACK, GREY = 0, 7


@dataclass(frozen=True)
class Cell:
    text: str
    foreground: int  # of the sixteen colours; None when the pixels are others
    background: int

    @property
    def reversed(self):
        return Cell(self.text, self.background, self.foreground)


@dataclass
class Picture:
    width: int
    height: int
    pixels: bytes  # three bytes each, row by row

    @functools.cached_property
    def lit(self):
        """One byte a pixel, 0 or 1, by the green part."""
        return self.pixels[1::3].translate(DARK_TO_0_LIT_TO_1)

    @property
    def lit_count(self):
        return self.lit.count(1)

    @property
    def scale(self):
        return 2 if self.width >= DOUBLE_SIZE_WIDTH else 1

    @property
    def columns(self):
        return self.width // (GLYPH_WIDTH * self.scale)

    @property
    def rows(self):
        return self.height // (GLYPH_HEIGHT * self.scale)

    def cells(self, left, top, width, height):
        """The bitmaps of a row of cells that begins at a pixel, to the right edge."""
        starts = [y * self.width for y in range(top, top + height)]
        lines = [self.lit[start + left : start + self.width] for start in starts]
        return [b"".join(line[x : x + width] for line in lines)
                for x in range(0, len(lines[0]) - width + 1, width)]

    def grid(self, font=None):
        """The kernel's cells: a list of rows of Cell."""
        font = font or read_font()
        read = functools.lru_cache(maxsize=None)(lambda image: read_cell(image, font))
        return [[read(image) for image in self.images(row)] for row in range(self.rows)]

    def images(self, row):
        """The pixels of each cell of a row, each dot once."""
        size, step = 3 * GLYPH_WIDTH * self.scale, 3 * self.scale
        top = row * GLYPH_HEIGHT * self.scale
        starts = [3 * self.width * (top + y * self.scale) for y in range(GLYPH_HEIGHT)]
        lines = [self.pixels[start : start + self.columns * size] for start in starts]
        if self.scale == 2:
            lines = [b"".join(line[x : x + 3] for x in range(0, len(line), step))
                     for line in lines]
            size //= 2
        return [b"".join(line[x : x + size] for line in lines)
                for x in range(0, self.columns * size, size)]

    def lines(self, font=None):
        """The kernel's text, without blanks at the ends and without empty lines at the bottom."""
        text = ["".join(cell.text for cell in row).rstrip() for row in self.grid(font)]
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


def read_cell(image, font):
    """What a cell of two colours shows. The darker one of the palette is taken for the background
    if that is a glyph of the font."""
    dots = [image[i : i + 3] for i in range(0, len(image), 3)]
    colours = sorted(set(dots), key=lambda colour: NUMBER_OF.get(colour, len(NUMBER_OF)))
    if len(colours) == 1:
        return Cell(" ", None, NUMBER_OF.get(colours[0]))
    for background in colours if len(colours) == 2 else []:
        foreground = colours[1 - colours.index(background)]
        bitmap = bytes(dot == foreground for dot in dots)
        if bitmap in font:
            return Cell(font[bitmap], NUMBER_OF.get(foreground), NUMBER_OF.get(background))
    return Cell(UNKNOWN, None, None)


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


def wait_for(guest, wanted, seconds=30):
    """Takes pictures until wanted(picture) is true, and returns the last one in any case."""
    deadline = time.monotonic() + seconds
    while True:
        picture = capture(guest)
        if wanted(picture) or time.monotonic() > deadline:
            return picture
        time.sleep(0.1)


def parse_ppm(data):
    magic, width, height, maximum, rest = data.split(maxsplit=4)  # pixels may begin with a blank
    if magic != b"P6" or maximum != b"255":
        raise ValueError("not a PPM picture of 8-bit colours")
    width, height = int(width), int(height)
    pixels = data[len(data) - 3 * width * height :]
    if len(rest) > len(pixels) or len(data) < 3 * width * height:
        raise ValueError("a PPM picture of another size than it says")
    return Picture(width, height, pixels)


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
