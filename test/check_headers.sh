#!/bin/sh
# Compiles every header alone: each includes what it uses. The flags come from the Makefile.
set -u
status=0

check() { # folder flags
    for header in $(find "$1" -name '*.h' | sort); do
        # shellcheck disable=SC2086
        echo "#include \"$header\"" |
            clang $2 -I. -fsyntax-only -x c - || { echo "$header does not stand alone"; status=1; }
    done
}

check include "$KERNEL_CFLAGS"
check kernel "$KERNEL_CFLAGS"
check efi "$EFI_CFLAGS"
check user "$USER_CFLAGS"
exit $status
