#!/bin/sh
# make lint: one small check after the other; says which failed. KERNEL_CFLAGS, EFI_CFLAGS and
# USER_CFLAGS come from the Makefile.
set -u
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-python3}
status=0

step() { # name command...
    name=$1
    shift
    if "$@"; then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        status=1
    fi
}

c_files() {
    find kernel efi user include test -name '*.[ch]' | sort
}

formatting() {
    c_files | xargs clang-format --dry-run -Werror
}

# What a reader would call a bug; questions of taste are clang-format's and the reviewer's.
tidy() {
    find kernel -name '*.c' | sort | xargs -P 2 -n 8 sh -c 'clang-tidy --quiet \
            --warnings-as-errors="*" --checks="$TIDY_CHECKS" "$@" -- $KERNEL_CFLAGS 2>&1' sh |
        grep -v -e '^[0-9]* warnings\? generated\.$' -e '^$'
    # grep found nothing to print: nothing was reported.
    [ $? -eq 1 ]
}

# The analyzer's shift check does not know our invariants, and says so where they hold.
TIDY_CHECKS='-*,clang-analyzer-core.*,-clang-analyzer-core.UndefinedBinaryOperatorResult'
TIDY_CHECKS="$TIDY_CHECKS,clang-analyzer-unix.*,bugprone-assert-side-effect"
TIDY_CHECKS="$TIDY_CHECKS,bugprone-bool-pointer-implicit-conversion,bugprone-infinite-loop"
TIDY_CHECKS="$TIDY_CHECKS,bugprone-macro-repeated-side-effects"
TIDY_CHECKS="$TIDY_CHECKS,bugprone-signed-char-misuse,bugprone-sizeof-expression"
TIDY_CHECKS="$TIDY_CHECKS,bugprone-suspicious-memset-usage,bugprone-suspicious-semicolon"
TIDY_CHECKS="$TIDY_CHECKS,bugprone-terminating-continue,bugprone-too-small-loop-variable"
TIDY_CHECKS="$TIDY_CHECKS,misc-redundant-expression"
export TIDY_CHECKS KERNEL_CFLAGS

step "layers" "$python" -B test/check_layers.py
step "sizes" "$python" -B test/check_sizes.py
step "formatting" formatting
step "headers stand alone" sh test/check_headers.sh
step "clang-tidy" tidy
exit $status
