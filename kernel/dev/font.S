// The font file's bytes, unpacked by the rule in dev.mk. Read by font.c.
    .section .rodata.screen_font, "a"
    .balign 8
    .globl screen_font_start
screen_font_start:
    .incbin "font.psf"
    .globl screen_font_end
screen_font_end:

    .section .note.GNU-stack, "", @progbits
