"""Random terminal input that pyte treats as xterm does. Where pyte is known to differ (a pending
wrap that a line feed or an erasure ends, a cursor outside the scrolling region) the generator,
which sees pyte's state, moves the cursor first."""

WORDS = ["a", "Text", "x" * 7, "0123456789abcdef", "é", "─┼", "ä€ß", "$ ls -l", "~"]
BROKEN = [b"\x80", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x90\x80", b"\xc0\xaf", b"\xe0\x80\xaf",
          b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf5", b"\xe2\x28\xa1", b"\xbf\xbf"]


class Generator:
    def __init__(self, random, screen, stream):
        self.random = random
        self.screen = screen
        self.stream = stream
        self.sent = []
        self.saved_hidden = None  # None: nothing saved; else whether the cursor was hidden

    def send(self, token):
        data = token if isinstance(token, bytes) else token.encode()
        self.sent.append(data)
        self.stream.feed(data)

    def number(self, limit=None):
        """A parameter, at times absent or zero, at times larger than the screen."""
        value = self.random.randint(0, (limit or max(self.screen.lines, 9)) + 2)
        return self.random.choice(["", str(value), str(value), str(value)])

    def go_into_region(self):
        """Rows count from the region's top when the origin is there."""
        top, bottom = self.screen.margins or (0, self.screen.lines - 1)
        row = self.random.randint(top, bottom)
        if 6 << 5 in self.screen.mode:
            row -= top
        self.send(f"\033[{row + 1};{self.random.randint(1, self.screen.columns)}H")

    def step(self, choices):
        top, bottom = self.screen.margins or (0, self.screen.lines - 1)
        name = self.random.choice(choices)
        if self.screen.is_pending and name not in ("text", "back", "left", "pen"):
            self.send("\r")
        if not top <= self.screen.cursor.y <= bottom:
            self.go_into_region()
        getattr(self, name)()

    def text(self):
        self.send("".join(self.random.choices(WORDS, k=self.random.randint(1, 4))))

    def broken(self):
        self.send(self.random.choice(BROKEN) + b"z")

    def back(self):
        self.send(self.random.choice(["\r", "\b", "\b\b"]))

    def line(self):
        self.send(self.random.choice(["\r\n", "\n", "\v", "\f", "\033D", "\033M"]))

    def left(self):
        self.send(f"\033[{self.number()}D")

    def move(self):
        final = self.random.choice("ABCDEFGa")
        self.send(f"\033[{self.number()}{final}")

    def go(self):
        self.go_into_region()

    def row(self):
        if 6 << 5 not in self.screen.mode:
            self.send(f"\033[{self.random.randint(1, self.screen.lines)}d")

    def erase(self):
        which = self.random.choice(["", "0", "1", "2"])
        self.send(self.random.choice([f"\033[{which}J", f"\033[{which}K",
                                      f"\033[{self.number()}X"]))

    def edit(self):
        self.send(f"\033[{self.number()}{self.random.choice('@PLM')}")

    def region(self):
        top = self.random.randint(1, self.screen.lines - 1)
        bottom = self.random.randint(top, self.screen.lines + 2)
        self.send(f"\033[{top};{bottom}r")
        self.send("\033[1;1H")

    def origin(self):
        if self.screen.margins:
            self.send("\033[?6" + self.random.choice("hl"))

    def mode(self):
        self.send(self.random.choice(["\033[4h", "\033[4l", "\033[4l", "\033[?7l", "\033[?7h",
                                      "\033[20h", "\033[20l", "\033[?25l", "\033[?25h",
                                      "\033[?1h", "\033[?1l", "\033[?2004h"]))

    def tab(self):
        self.send(self.random.choice(["\t", "\t", "\t", "\033H", "\033[g", "\033[3g"]))

    def save(self):
        if not self.screen.margins and 6 << 5 not in self.screen.mode and self.saved_hidden is None:
            self.send("\0337")
            self.saved_hidden = self.screen.cursor.hidden

    def restore(self):
        """pyte also saves whether the cursor shows, and keeps a stack."""
        if (not self.screen.margins and 7 << 5 in self.screen.mode and
                self.saved_hidden is self.screen.cursor.hidden):
            self.send("\0338")
            self.saved_hidden = None

    def ask(self):
        self.send(self.random.choice(["\033[6n", "\033[5n", "\033[c", "\033[0c"]))

    def title(self):
        self.send(self.random.choice(["\033]2;title\a", "\033]0;a b\033\\", "\033]2;\a"]))

    def pen(self):
        codes = [str(code) for code in (0, 1, 22, 3, 23, *range(30, 38), 39)]
        self.send("\033[" + ";".join(self.random.choices(codes, k=self.random.randint(0, 3))) + "m")

    def full_pen(self):
        codes = [str(code) for code in (0, 1, 22, 3, 23, 4, 24, 7, 27, *range(30, 38), 39,
                                        *range(40, 48), 49)]
        self.send("\033[" + ";".join(self.random.choices(codes, k=self.random.randint(0, 5))) + "m")
