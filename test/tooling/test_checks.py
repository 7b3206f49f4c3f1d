"""The checkers of `make lint` find what they are for."""

import subprocess
import sys
from pathlib import Path

import pytest

TEST = Path(__file__).resolve().parent.parent


@pytest.fixture
def tree(tmp_path):
    """A small repository; tree(path, text) adds a file."""

    def add(path, text=""):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        return tmp_path

    for path in ("include/boot_info.h", "kernel/lib/list.h", "kernel/mem/frame.h", "efi/files.h"):
        add(path)
    return add


def offences(script, root):
    result = subprocess.run([sys.executable, "-B", TEST / script, root], stdout=subprocess.PIPE,
                            text=True, check=False)
    assert (result.returncode != 0) == bool(result.stdout)
    return result.stdout.splitlines()


@pytest.mark.parametrize("path, line", [
    ("kernel/mem/a.c", '#include "lib/list.h"'),
    ("kernel/mem/a.c", '#include "mem/frame.h"'),
    ("kernel/mem/a.c", '#include "boot_info.h"'),
    ("kernel/mem/a.c", "#include <stdint.h>"),
    ("kernel/mem/a.c", '#include "config.h"'),
    ("kernel/main.c", '#include "mem/frame.h"'),
    ("efi/a.c", '#include "boot_info.h"'),
    ("efi/a.c", '#include "files.h"'),
])
def test_allowed_includes(tree, path, line):
    assert offences("check_layers.py", tree(path, line + "\n")) == []


@pytest.mark.parametrize("path, line", [
    ("kernel/lib/a.c", '#include "mem/frame.h"'),
    ("kernel/lib/a.c", '#  include "../mem/frame.h"'),
    ("kernel/lib/a.S", '#include "mem/frame.h"'),
    ("kernel/lib/a.c", '#include "lib/absent.h"'),
    ("kernel/mem/a.c", '#include "efi/files.h"'),
    ("efi/a.c", '#include "kernel/lib/list.h"'),
    ("user/a.c", '#include "kernel/lib/list.h"'),
    ("include/a.h", '#include "kernel/lib/list.h"'),
])
def test_forbidden_includes_are_shown(tree, path, line):
    found = offences("check_layers.py", tree(path, "\n" + line + "\n"))
    assert len(found) == 1 and found[0].startswith(f"{path}:2: ")


def function(lines):
    return "int f(void)\n{\n" + "    g();\n" * lines + "}\n"


def test_sizes(tree):
    root = tree("kernel/lib/fine.c", function(50) + function(50))
    assert offences("check_sizes.py", root) == []
    tree("kernel/lib/long_function.c", function(51))
    tree("kernel/lib/long_file.c", "\n" * 401)
    tree("kernel/lib/README.md", "\n" * 31)
    tree("kernel/mem/README.md", "\n" * 30)
    found = offences("check_sizes.py", root)
    assert [line.split(":")[0] for line in found] == [
        "kernel/lib/long_file.c", "kernel/lib/long_function.c", "kernel/lib/README.md"]
