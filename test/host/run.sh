#!/bin/sh
# Builds and runs the host tests; the last line is `N passed, N failed`.
#   run.sh [--protection NAME] [--list] [FILTER]     only cases that name the protection / match
#   run.sh --fuzz [TARGET...]                        only the fuzz targets, each FUZZ_SECONDS long
#   run.sh --fuzz-one TARGET                         of a finished build, for the parallel run
# WITHOUT=NAME builds without that protection and runs only the cases that name it. DEBUG=0: without
# the debug checks. FUZZ_RUNS=N: runs per fuzz target (a full run only).
set -u
cd "$(dirname "$0")/../.." || exit 2

without=${WITHOUT:-}
debug=${DEBUG:-1}
build=build/host
[ "$debug" = 1 ] || build=$build-release
for name in $without; do build=$build-without-$name; done
passed=0
failed=0

count() { # output of a test program
    set -- $(tail -n 1 "$1")
    if [ $# -eq 4 ] && [ "$2" = passed, ]; then
        passed=$((passed + $1))
        failed=$((failed + $3))
    else
        echo "FAIL the test program ended without a result"
        failed=$((failed + 1))
    fi
}

run_program() {
    program=$1
    shift
    { "$build/$program" "$@" 2>&1; } | tee "$build/output" | grep -v '^[0-9]* passed, [0-9]* failed$'
    count "$build/output"
}

run_cases() {
    run_program tests "$@"
    run_program parallel "$@"
    run_program parallel-tsan "$@"
}

# Each target starts from the same small inputs and the same seed every time. Prints one line that
# begins with ok or FAIL, behind what a failure has to say.
fuzz_one() {
    corpus=$build/corpus/$1
    rm -rf "$corpus"
    mkdir -p "$corpus"
    case $1 in
    fuzz_keyboard) printf '\001\051\036\340\110\341\035\105\070\035\123' >"$corpus/keys" ;;
    fuzz_cpio) echo README.md | cpio --quiet -o -H newc 2>/dev/null >"$corpus/archive" ;;
    fuzz_elf) head -c 4096 "$build/tests" >"$corpus/program" ;;
    fuzz_command_line) echo 'loglevel=7 init="/bin/a b" panic=5 -- x "y z"' >"$corpus/line" ;;
    fuzz_line_discipline) printf '\005hello\177\r' >"$corpus/keys" ;;
    fuzz_format) printf '%%-08.*llx %%s %%#hhX %%p' >"$corpus/format" ;;
    fuzz_script) printf '#!/bin/sh -e\n' >"$corpus/line" ;;
    fuzz_loader) head -c 4096 "$build/tests" >"$corpus/program" ;;
    fuzz_names) printf '\000\001\000\000\000\012\001\000\001\001\000\001\101' >"$corpus/steps" ;;
    fuzz_return) printf '\001\021\000\020\100\000\000\000\000\000' >"$corpus/frame" ;;
    fuzz_acpi) printf 'APIC0123456789012345678901234567890123456789\000\010\000\002\001\000\000\000' >"$corpus/madt" ;;
    fuzz_acpi_walk)
        printf '\000\000\001\000\020\002\000\000\000\000' >"$corpus/tables"
        printf '\001\000\000\000\000\000\020\000\002\000\003\000\004\000\005\000\006\000\007\000\010\000\011\000' >>"$corpus/tables"
        printf '\002\000\000\000\002\000\014\000\000\000\000\000\000\000\000\000\000\000\000\000' >>"$corpus/tables"
        ;;
    fuzz_host_input) printf '\000\100\000\001\040\000\002D\001\002\000\000\002\000x\002Z\000\002\000\000' >"$corpus/frames" ;;
    fuzz_memory_map) printf '\000\007\000\000\100\002\000\006\000\020\010\002\000\004\000\020\060\000\000' >"$corpus/map" ;;
    fuzz_emulator) printf '\012\005ab\033[1;31mcd\033[2;4r\033[?1049h\033[5Lx\033]2;t\007\033(0q\033[6n' >"$corpus/text" ;;
    esac
    limit=-runs=${FUZZ_RUNS:-20000}
    words="${FUZZ_RUNS:-20000} runs"
    if [ -n "${FUZZ_SECONDS:-}" ]; then
        limit=-max_total_time=$FUZZ_SECONDS
        words="$FUZZ_SECONDS s"
    fi
    if "$build/$1" -seed=1 "$limit" -max_len=4096 -len_control=0 -timeout=10 -close_fd_mask=1 -rss_limit_mb=0 \
        -artifact_prefix="$build/$1-" "$corpus" >"$build/$1.log" 2>&1; then
        [ -z "${FUZZ_SECONDS:-}" ] || words="$words: $(tail -n 1 "$build/$1.log")"
        echo "ok   $1 ($words)"
    else
        tail -n 40 "$build/$1.log"
        echo "FAIL $1"
    fi
}

# One for each processor at a time.
run_fuzz() {
    rm -f "$build"/*.verdict
    printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 test/host/run.sh --fuzz-one
    for target in "$@"; do
        if grep -q '^ok   ' "$build/$target.verdict"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    done
}

if [ "${1:-}" = --fuzz-one ]; then
    fuzz_one "$2" >"$build/$2.verdict" 2>&1
    cat "$build/$2.verdict"
    exit 0
fi

mkdir -p "$build"
make -s -j "$(nproc)" -f test/host/host.mk BUILD="$build" DEBUG="$debug" WITHOUT="$without" >&2 || exit 2
# Cases make leaks on purpose: each process of a case simply ends.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
case " $* " in *" --list "*) "$build/tests" --list; exec "$build/parallel" --list ;; esac

targets=$(sed -n 's/^FUZZ [:+]*= //p' test/host/host.mk)
if [ "${1:-}" = --fuzz ]; then
    shift
    export FUZZ_SECONDS="${FUZZ_SECONDS:-60}"
    # shellcheck disable=SC2086
    run_fuzz ${*:-$targets}
elif [ -n "$without" ]; then
    for name in $without; do run_cases --protection "$name" "$@"; done
elif [ $# -gt 0 ]; then
    run_cases "$@"
else
    run_cases
    # shellcheck disable=SC2086
    run_fuzz $targets
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
