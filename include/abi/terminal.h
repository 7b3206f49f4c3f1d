// Terminals in the Linux x86-64 ABI: settings, control characters, requests.
#pragma once

#include <stdint.h>

// input_flags; BRKINT and the others that are not here speak of a line's breaks and parity, of
// which there are none
#define PARMRK 0x0008u
#define ISTRIP 0x0020u
#define INLCR 0x0040u
#define IGNCR 0x0080u
#define ICRNL 0x0100u
#define IUCLC 0x0200u
#define IXON 0x0400u
#define IXANY 0x0800u
#define IMAXBEL 0x2000u
#define IUTF8 0x4000u
// output_flags
#define OPOST 0x0001u
#define OLCUC 0x0002u
#define ONLCR 0x0004u
#define OCRNL 0x0008u
#define ONOCR 0x0010u
#define ONLRET 0x0020u
#define XTABS 0x1800u // all bits of TABDLY: tabs become spaces
#define TABDLY 0x1800u
// control_flags; none of them has an effect here
#define CS8 0x0030u
#define CREAD 0x0080u
#define HUPCL 0x0400u
#define B115200 0x1002u
// local_flags
#define ISIG 0x0001u
#define ICANON 0x0002u
#define ECHO 0x0008u
#define ECHOE 0x0010u
#define ECHOK 0x0020u
#define ECHONL 0x0040u
#define NOFLSH 0x0080u
#define TOSTOP 0x0100u
#define ECHOCTL 0x0200u
#define ECHOKE 0x0800u
#define IEXTEN 0x8000u

// control_characters; 0 disables one
#define VINTR 0
#define VQUIT 1
#define VERASE 2
#define VKILL 3
#define VEOF 4
#define VTIME 5
#define VMIN 6
#define VSTART 8
#define VSTOP 9
#define VSUSP 10
#define VEOL 11
#define VREPRINT 12
#define VDISCARD 13
#define VWERASE 14
#define VLNEXT 15
#define VEOL2 16
#define CONTROL_CHARACTER_COUNT 19

// struct termios2; its first ABI_TERMIOS_SIZE bytes are struct termios.
struct abi_termios {
    uint32_t input_flags, output_flags, control_flags, local_flags;
    uint8_t discipline;
    uint8_t control_characters[CONTROL_CHARACTER_COUNT];
    uint32_t input_speed, output_speed;
};
#define ABI_TERMIOS_SIZE 36u
_Static_assert(sizeof(struct abi_termios) == 44, "struct termios2");

struct abi_winsize {
    uint16_t rows, columns, x_pixels, y_pixels;
};
_Static_assert(sizeof(struct abi_winsize) == 8, "struct winsize");

#define TCGETS 0x5401u
#define TCSETS 0x5402u
#define TCSETSW 0x5403u
#define TCSETSF 0x5404u
#define TCSBRK 0x5409u
#define TCXONC 0x540au
#define TCFLSH 0x540bu
#define TIOCSCTTY 0x540eu
#define TIOCGPGRP 0x540fu
#define TIOCSPGRP 0x5410u
#define TIOCOUTQ 0x5411u
#define TIOCGWINSZ 0x5413u
#define TIOCSWINSZ 0x5414u
#define FIONREAD 0x541bu
#define TIOCNOTTY 0x5422u
#define TIOCSETD 0x5423u
#define TIOCGETD 0x5424u
#define TCSBRKP 0x5425u
#define TIOCGSID 0x5429u
#define TCGETS2 0x802c542au
#define TCSETS2 0x402c542bu
#define TCSETSW2 0x402c542cu
#define TCSETSF2 0x402c542du

#define TCOOFF 0
#define TCOON 1
#define TCIOFF 2
#define TCION 3
#define TCIFLUSH 0
#define TCOFLUSH 1
#define TCIOFLUSH 2
