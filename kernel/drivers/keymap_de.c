// The German layout, as the `de` of X has it. AltGr gives the third and fourth column. Dead keys
// for marks that compose.c does not know are left out (0).
#include "drivers/keymap.h"

const struct keymap keymap_de = {
    .name = "de",
    .has_alt_gr = true,
    .keypad_decimal = u',',
    // clang-format off
    .characters = {
        //                     plain, Shift, AltGr, Shift and AltGr
        [KEY_GRAVE] =         { DEAD_CIRCUMFLEX, u'°',   u'′',   u'″' },
        [KEY_1] =             { u'1',   u'!',   u'¹',   u'¡' },
        [KEY_2] =             { u'2',   u'"',   u'²',   u'⅛' },
        [KEY_3] =             { u'3',   u'§',   u'³',   u'£' },
        [KEY_4] =             { u'4',   u'$',   u'¼',   u'¤' },
        [KEY_5] =             { u'5',   u'%',   u'½',   u'⅜' },
        [KEY_6] =             { u'6',   u'&',   u'¬',   u'⅝' },
        [KEY_7] =             { u'7',   u'/',   u'{',   u'⅞' },
        [KEY_8] =             { u'8',   u'(',   u'[',   u'™' },
        [KEY_9] =             { u'9',   u')',   u']',   u'±' },
        [KEY_0] =             { u'0',   u'=',   u'}',   u'°' },
        [KEY_MINUS] =         { u'ß',   u'?',   u'\\',  u'¿' },
        [KEY_EQUAL] =         { DEAD_ACUTE, DEAD_GRAVE, DEAD_CEDILLA, DEAD_OGONEK },

        [KEY_Q] =             { u'q',   u'Q',   u'@',   u'Ω' },
        [KEY_W] =             { u'w',   u'W',   u'ſ',   u'§' },
        [KEY_E] =             { u'e',   u'E',   u'€',   u'€' },
        [KEY_R] =             { u'r',   u'R',   u'¶',   u'®' },
        [KEY_T] =             { u't',   u'T',   u'ŧ',   u'Ŧ' },
        [KEY_Y] =             { u'z',   u'Z',   u'←',   u'¥' },
        [KEY_U] =             { u'u',   u'U',   u'↓',   u'↑' },
        [KEY_I] =             { u'i',   u'I',   u'→',   u'ı' },
        [KEY_O] =             { u'o',   u'O',   u'ø',   u'Ø' },
        [KEY_P] =             { u'p',   u'P',   u'þ',   u'Þ' },
        [KEY_LEFT_BRACKET] =  { u'ü',   u'Ü',   DEAD_DIAERESIS, DEAD_ABOVE_RING },
        [KEY_RIGHT_BRACKET] = { u'+',   u'*',   u'~',   u'¯' },

        [KEY_A] =             { u'a',   u'A',   u'æ',   u'Æ' },
        [KEY_S] =             { u's',   u'S',   u'ſ',   u'ẞ' },
        [KEY_D] =             { u'd',   u'D',   u'ð',   u'Ð' },
        [KEY_F] =             { u'f',   u'F',   u'đ',   u'ª' },
        [KEY_G] =             { u'g',   u'G',   u'ŋ',   u'Ŋ' },
        [KEY_H] =             { u'h',   u'H',   u'ħ',   u'Ħ' },
        [KEY_J] =             { u'j',   u'J',   0,      DEAD_ABOVE_DOT },
        [KEY_K] =             { u'k',   u'K',   u'ĸ',   u'&' },
        [KEY_L] =             { u'l',   u'L',   u'ł',   u'Ł' },
        [KEY_SEMICOLON] =     { u'ö',   u'Ö',   DEAD_DOUBLE_ACUTE, 0 },
        [KEY_APOSTROPHE] =    { u'ä',   u'Ä',   DEAD_CIRCUMFLEX, DEAD_CARON },
        [KEY_BACKSLASH] =     { u'#',   u'\'',  u'’',   DEAD_BREVE },

        [KEY_ISO] =           { u'<',   u'>',   u'|',   0 },
        [KEY_Z] =             { u'y',   u'Y',   u'»',   u'›' },
        [KEY_X] =             { u'x',   u'X',   u'«',   u'‹' },
        [KEY_C] =             { u'c',   u'C',   u'¢',   u'©' },
        [KEY_V] =             { u'v',   u'V',   u'„',   u'‚' },
        [KEY_B] =             { u'b',   u'B',   u'“',   u'‘' },
        [KEY_N] =             { u'n',   u'N',   u'”',   u'’' },
        [KEY_M] =             { u'm',   u'M',   u'µ',   u'º' },
        [KEY_COMMA] =         { u',',   u';',   u'·',   u'×' },
        [KEY_PERIOD] =        { u'.',   u':',   u'…',   u'÷' },
        [KEY_SLASH] =         { u'-',   u'_',   u'–',   u'—' },

        [KEY_SPACE] =         { u' ',   u' ',   u' ',   u' ' },
    },
    // clang-format on
};
