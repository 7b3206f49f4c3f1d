# From `llvm-readelf --relocations --wide` of the linked kernel: the assembly source of the list of
# places that change when the kernel runs at another address (kernel.mk says what an entry means).
# Columns: offset, info, type, the symbol's value, its name, addend.
BEGIN { print ".data" }
$3 !~ /^R_X86_64_/ { next }
$3 ~ /^R_X86_64_(PC32|PC64|PLT32)$/ { next } # distances within the kernel
$4 !~ /^ffffffff[89a-f]/ {
    print "relocations: " $1 " holds an address that is not the kernel's: " $0 > "/dev/stderr"
    failed = 1
}
$3 == "R_X86_64_64" { print ".long 0x" substr($1, 9); next } # bit 31 is set at the top 2 GiB
$3 == "R_X86_64_32S" { print ".long 0x" substr($1, 9) " - 0x80000000"; next }
{
    print "relocations: of an unknown kind: " $0 > "/dev/stderr"
    failed = 1
}
END { exit failed }
