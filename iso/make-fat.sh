#!/bin/sh
# Makes the FAT volume that the firmware boots from: the loader at its removable-media path and
# three files in its root. `-` leaves a file out. FIRST_SECTOR sectors of 512 bytes stay free in
# front of it. The same input gives the same bytes: serial number fixed, times from
# SOURCE_DATE_EPOCH. make-image.sh and make-iso.sh put a partition table around it.
#
#   iso/make-fat.sh OUT.fat FIRST_SECTOR BOOTX64.EFI kernel.elf initramfs.cpio cmdline.txt
set -eu

if [ $# -ne 6 ]; then
    echo "usage: $0 OUT.fat FIRST_SECTOR BOOTX64.EFI kernel.elf initramfs.cpio cmdline.txt" >&2
    exit 2
fi
out=$1 first_sector=$2 loader=$3 kernel=$4 initramfs=$5 cmdline=$6

export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1767225600}" TZ=UTC LC_ALL=C MTOOLS_SKIP_CHECK=1

# Content in whole clusters, plus FATs and folders: 1 MiB and a thirty-second part.
content_bytes=0
for file in "$loader" "$kernel" "$initramfs" "$cmdline"; do
    [ "$file" = - ] && continue
    content_bytes=$((content_bytes + $(wc -c < "$file") + 32768))
done
volume_mib=$(((content_bytes + content_bytes / 32) / 1048576 + 2))
[ "$volume_mib" -ge 8 ] || volume_mib=8
volume_sectors=$((volume_mib * 2048))

# FAT16 has 4,085 to 65,524 clusters; some firmware stumbles over FAT12 on a disk.
cluster_sectors=1
while [ $((volume_sectors / cluster_sectors)) -gt 65000 ]; do
    cluster_sectors=$((cluster_sectors * 2))
done

: > "$out"
truncate -s $(((first_sector + volume_sectors) * 512)) "$out"
volume=$out@@$((first_sector * 512))
copy() {
    [ "$1" = - ] || mcopy -i "$volume" "$1" "::$2"
}
mformat -i "$volume" -N 52494e47 -v RINGFENCE -T "$volume_sectors" -c "$cluster_sectors" \
    -h 64 -s 32 -H "$first_sector" ::
mmd -i "$volume" ::/EFI ::/EFI/BOOT
copy "$loader" /EFI/BOOT/BOOTX64.EFI
copy "$kernel" /kernel.elf
copy "$initramfs" /initramfs.cpio
copy "$cmdline" /cmdline.txt
