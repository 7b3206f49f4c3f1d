#!/bin/sh
# Makes the disk image that the tests boot: an MBR with one EFI system partition, the FAT volume of
# make-fat.sh. The same input gives the same bytes. (People get the hybrid image of make-iso.sh.)
#
#   iso/make-image.sh OUT.img BOOTX64.EFI kernel.elf initramfs.cpio cmdline.txt
set -eu

if [ $# -ne 5 ]; then
    echo "usage: $0 OUT.img BOOTX64.EFI kernel.elf initramfs.cpio cmdline.txt" >&2
    exit 2
fi
out=$1
new=$out.new.$$
shift
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM

partition_start=2048 # sectors of 512 bytes: 1 MiB, where partitions begin
"$(dirname "$0")/make-fat.sh" "$new" "$partition_start" "$@"
partition_sectors=$(($(wc -c < "$new") / 512 - partition_start))

little_endian_32() {
    printf '%b' "$(printf '\\0%03o\\0%03o\\0%03o\\0%03o' $(($1 & 255)) $(($1 >> 8 & 255)) \
        $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}

# The partition entry: not active, type EF, in sector numbers (CHS fields say "too large").
partition_table() {
    printf '\000\376\377\377\357\376\377\377'
    little_endian_32 "$partition_start"
    little_endian_32 "$partition_sectors"
    head -c 48 /dev/zero
    printf '\125\252'
}

{
    little_endian_32 1196312914 # disk signature, "RING"
    head -c 2 /dev/zero
    partition_table
} | dd of="$new" bs=1 seek=440 conv=notrunc status=none
mv "$new" "$out"
