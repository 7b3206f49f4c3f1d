// The last step out of the firmware. Microsoft x64 convention in, System V out:
//   in   rcx  physical address of the page-table root
//        rdx  top of the boot stack, in the direct map, 16-byte aligned
//        r8   the kernel's entry point
//        r9   boot_info, in the direct map
//   out  rdi = boot_info, rsp = top of the boot stack, rbp = 0, interrupts off, direction up
// Runs across the change of tables, which map this code at its physical address and nothing else of
// the firmware: no stack, no data and no return from here on.

    .text
    .globl kernel_enter
kernel_enter:
    cli
    cld
    // CR4.PGE and PCIDE off: drops the firmware's global translations, which loading CR3 keeps
    // (SDM vol. 3A, 4.10.4.1), and gives CR3's low bits their plain meaning.
    mov %cr4, %rax
    and $~((1 << 7) | (1 << 17)), %rax
    mov %rax, %cr4
    mov %rcx, %cr3
    mov %rdx, %rsp
    mov %r9, %rdi
    xor %ebp, %ebp
    jmp *%r8
