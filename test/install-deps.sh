#!/bin/sh
# Brings the tools that building and testing need. Starts from git and make alone: POSIX sh, no
# python. Silent when everything is there; otherwise says what it installs and why, then asks apt
# (through sudo unless root). Without apt it prints the list and fails.
set -eu

list() {
    cat <<'LIST'
clang                   compiles the loader, the kernel and the programs
lld                     links them
llvm                    llvm-objcopy, llvm-nm, llvm-symbolizer
gnu-efi                 headers of the UEFI interfaces
ovmf                    UEFI firmware for QEMU
qemu-system-x86         the machine that everything runs on
mtools                  writes the FAT file system of the boot disk
xorriso                 writes the hybrid image
cpio                    packs the initramfs
musl-dev                the C library of the programs
busybox-static          the usual commands for the guest
python3                 the test harness and the program that starts QEMU
python3-pytest          runs the system tests
python3-pytest-xdist    two boots at a time
python3-pexpect         tests at a terminal
python3-pyte            another terminal emulation to compare the screen with
valgrind                counts instructions of the host's build
gcc                     cc -static, for tests with foreign programs
libc6-dev               glibc to link those with
libclang-rt-14-dev      address sanitizer and fuzzer for the host tests
clang-format            make format, make lint
clang-tidy              make lint
gdb                     make debug
console-setup-linux     the console font
libxkbcommon0           keyboard layouts to compare ours with
cloc                    make count
spin                    make model
LIST
    if [ -n "${SCREEN:-}" ]; then
        echo "qemu-system-gui         QEMU's window, for SCREEN=1"
    fi
}

# Only complete installations count; dpkg-query says nothing about packages it never heard of.
missing() {
    present=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $(list | cut -d' ' -f1) \
        2>/dev/null | sed -n 's/^ii  *//p') || true
    list | while read -r package reason; do
        case " $(echo $present) " in
        *" $package "*) ;;
        *) echo "$package" ;;
        esac
    done
}

explain() {
    echo "Ringfence needs these packages, which are not installed:"
    list | while read -r package reason; do
        case " $(echo $1) " in
        *" $package "*) printf '  %-22s %s\n' "$package" "$reason" ;;
        esac
    done
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    # Another distribution: names differ there, so only the programs can be looked for.
    tools="clang ld.lld llvm-objcopy qemu-system-x86_64 mformat xorriso cpio python3 pytest gcc"
    for tool in $tools; do
        command -v $tool >/dev/null || absent="${absent:-} $tool"
    done
    [ -z "${absent:-}" ] && exit 0
    {
        echo "Not found:$absent."
        echo "There is no apt here. Please install what these Debian 12 packages contain:"
        list | sed 's/^/  /'
    } >&2
    exit 1
fi

packages=$(missing)
[ -z "$packages" ] && exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        explain "$packages" >&2
        echo "Please install them as root: apt-get install --no-install-recommends" $packages >&2
        exit 1
    fi
    sudo=sudo
fi

install_packages() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

{
    explain "$packages"
    echo "Installing them now: ${sudo:+sudo }apt-get install --no-install-recommends ..."
    # The package lists may be absent, or so old that what they name is gone.
    apt-get install --simulate --no-install-recommends $packages >/dev/null 2>&1 ||
        $sudo apt-get update
    install_packages $packages || { $sudo apt-get update && install_packages $packages; }
} >&2
