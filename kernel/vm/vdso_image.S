// The vDSO as user/vdso/vdso.mk built it, at most a page. Read by vdso.c.
    .section .rodata.vdso_image, "a"
    .balign 8
    .globl vdso_image_start
vdso_image_start:
    .incbin "vdso.so"
    .globl vdso_image_end
vdso_image_end:

    .section .note.GNU-stack, "", @progbits
