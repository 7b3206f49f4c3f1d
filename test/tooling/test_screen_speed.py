"""What the screen costs, in instructions: a page of text, all of it new, on 1920 x 1080."""

import re
import subprocess

from emulation import build

LIMIT = 2_000_000  # instructions: 2 ms at one a nanosecond
PAGES = 8


def count_instructions(program, pages, folder):
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program,
               str(pages)]
    result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", result.stderr)[1])


def test_page_of_scrolling_text(tmp_path):
    """67 lines of 240 characters: to parse, scroll and draw."""
    program = build("scroll_pages")
    few, many = (count_instructions(program, pages, tmp_path) for pages in (2, 2 + PAGES))
    a_page = (many - few) // PAGES
    print(f"{a_page} instructions a page")
    assert LIMIT // 4 < a_page < LIMIT  # so few would not even copy the pixels
