#!/bin/sh
# Makes a raw disk image that UEFI firmware boots: an MBR with one EFI system partition (FAT), the
# loader at its removable-media path and three files in its root. `-` leaves a file out. The same
# input gives the same bytes: serial number fixed, times from SOURCE_DATE_EPOCH.
#
#   iso/make-image.sh OUT.img BOOTX64.EFI kernel.elf initramfs.cpio cmdline.txt
set -eu

if [ $# -ne 5 ]; then
    echo "usage: $0 OUT.img BOOTX64.EFI kernel.elf initramfs.cpio cmdline.txt" >&2
    exit 2
fi
out=$1 loader=$2 kernel=$3 initramfs=$4 cmdline=$5
new=$out.new.$$
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM

export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1767225600}" TZ=UTC LC_ALL=C MTOOLS_SKIP_CHECK=1

partition_start=2048 # sectors of 512 bytes: 1 MiB, where partitions begin

# Content in whole clusters, plus FATs and folders: 1 MiB and a thirty-second part.
content_bytes=0
for file in "$loader" "$kernel" "$initramfs" "$cmdline"; do
    [ "$file" = - ] && continue
    content_bytes=$((content_bytes + $(wc -c < "$file") + 32768))
done
partition_mib=$(((content_bytes + content_bytes / 32) / 1048576 + 2))
[ "$partition_mib" -ge 8 ] || partition_mib=8
partition_sectors=$((partition_mib * 2048))

# FAT16 has 4,085 to 65,524 clusters; some firmware stumbles over FAT12 on a disk.
cluster_sectors=1
while [ $((partition_sectors / cluster_sectors)) -gt 65000 ]; do
    cluster_sectors=$((cluster_sectors * 2))
done

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

: > "$new"
truncate -s $(((partition_start + partition_sectors) * 512)) "$new"
{
    little_endian_32 1196312914 # disk signature, "RING"
    head -c 2 /dev/zero
    partition_table
} | dd of="$new" bs=1 seek=440 conv=notrunc status=none

volume=$new@@$((partition_start * 512))
copy() {
    [ "$1" = - ] || mcopy -i "$volume" "$1" "::$2"
}
mformat -i "$volume" -N 52494e47 -v RINGFENCE -T "$partition_sectors" -c "$cluster_sectors" \
    -h 64 -s 32 -H "$partition_start" ::
mmd -i "$volume" ::/EFI ::/EFI/BOOT
copy "$loader" /EFI/BOOT/BOOTX64.EFI
copy "$kernel" /kernel.elf
copy "$initramfs" /initramfs.cpio
copy "$cmdline" /cmdline.txt
mv "$new" "$out"
