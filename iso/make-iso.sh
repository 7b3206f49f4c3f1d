#!/bin/sh
# Makes the hybrid image: one file that boots burnt on a CD (ISO 9660, El Torito) and written to a
# stick or disk (GPT with an EFI system partition). Both lead to the same FAT volume, made by
# make-fat.sh. The files lie in the ISO 9660 tree once more, for who copies them to a FAT stick.
# The same input gives the same bytes: GUID and dates are fixed or come from SOURCE_DATE_EPOCH.
#
#   iso/make-iso.sh OUT.iso BOOTX64.EFI kernel.elf initramfs.cpio cmdline.txt
set -eu

if [ $# -ne 5 ]; then
    echo "usage: $0 OUT.iso BOOTX64.EFI kernel.elf initramfs.cpio cmdline.txt" >&2
    exit 2
fi
out=$1 loader=$2 kernel=$3 initramfs=$4 cmdline=$5
new=$out.new.$$
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$new"

export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1767225600}" TZ=UTC LC_ALL=C
date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)00
disk_guid=52494e47-4645-4e43-8045-000000000001
linux_data=0FC63DAF-8483-4772-8E79-3D69D8477DE4
efi_system=C12A7328-F81F-11D2-BA4B-00A0C93EC93B

mkdir -p "$new/tree/EFI/BOOT"
copy() {
    [ "$1" = - ] || install -m 644 "$1" "$new/tree/$2"
}
copy "$loader" EFI/BOOT/BOOTX64.EFI
copy "$kernel" kernel.elf
copy "$initramfs" initramfs.cpio
copy "$cmdline" cmdline.txt
chmod 755 "$new/tree" "$new/tree/EFI" "$new/tree/EFI/BOOT"
"$(dirname "$0")/make-fat.sh" "$new/volume.fat" 0 "$loader" "$kernel" "$initramfs" "$cmdline"

# No padding behind the volume: it would become a partition of its own. The ISO 9660 partition has
# a type that Windows gives no drive letter, so nobody is asked to format it.
if ! xorriso -no_rc -as mkisofs -o "$new/image.iso" -V RINGFENCE -r -J -no-pad \
    --modification-date="$date" --set_all_file_dates "$date" --gpt_disk_guid "$disk_guid" \
    -partition_offset 16 -iso_mbr_part_type "$linux_data" \
    -append_partition 2 "$efi_system" "$new/volume.fat" -appended_part_as_gpt \
    -c boot.cat -e --interval:appended_partition_2:all:: -no-emul-boot \
    "$new/tree" > "$new/messages" 2>&1; then
    cat "$new/messages" >&2
    exit 1
fi
mv "$new/image.iso" "$out"
