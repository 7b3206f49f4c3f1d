"""What a `make` that started this process would tell another one."""

import os


def forget_make():
    """Tests start make as a user does, not as a part of the make that started them."""
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"):
        os.environ.pop(name, None)
