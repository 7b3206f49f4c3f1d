// The French layout (AZERTY), as the `fr` of X has it. AltGr gives the third and fourth column.
// Dead keys for marks that compose.c does not know are left out (0).
#include "drivers/keymap.h"

const struct keymap keymap_fr = {
    .name = "fr",
    .has_alt_gr = true,
    .keypad_decimal = u'.',
    // clang-format off
    .characters = {
        //                     plain, Shift, AltGr, Shift and AltGr
        [KEY_GRAVE] =         { u'²',   u'~',   u'¬',   u'¬' },
        [KEY_1] =             { u'&',   u'1',   u'¹',   u'¡' },
        [KEY_2] =             { u'é',   u'2',   u'~',   u'⅛' },
        [KEY_3] =             { u'"',   u'3',   u'#',   u'£' },
        [KEY_4] =             { u'\'',  u'4',   u'{',   u'$' },
        [KEY_5] =             { u'(',   u'5',   u'[',   u'⅜' },
        [KEY_6] =             { u'-',   u'6',   u'|',   u'⅝' },
        [KEY_7] =             { u'è',   u'7',   u'`',   u'⅞' },
        [KEY_8] =             { u'_',   u'8',   u'\\',  u'™' },
        [KEY_9] =             { u'ç',   u'9',   u'^',   u'±' },
        [KEY_0] =             { u'à',   u'0',   u'@',   u'°' },
        [KEY_MINUS] =         { u')',   u'°',   u']',   u'¿' },
        [KEY_EQUAL] =         { u'=',   u'+',   u'}',   DEAD_OGONEK },

        [KEY_Q] =             { u'a',   u'A',   u'æ',   u'Æ' },
        [KEY_W] =             { u'z',   u'Z',   u'«',   u'<' },
        [KEY_E] =             { u'e',   u'E',   u'€',   u'¢' },
        [KEY_R] =             { u'r',   u'R',   u'¶',   u'®' },
        [KEY_T] =             { u't',   u'T',   u'ŧ',   u'Ŧ' },
        [KEY_Y] =             { u'y',   u'Y',   u'←',   u'¥' },
        [KEY_U] =             { u'u',   u'U',   u'↓',   u'↑' },
        [KEY_I] =             { u'i',   u'I',   u'→',   u'ı' },
        [KEY_O] =             { u'o',   u'O',   u'ø',   u'Ø' },
        [KEY_P] =             { u'p',   u'P',   u'þ',   u'Þ' },
        [KEY_LEFT_BRACKET] =  { DEAD_CIRCUMFLEX, DEAD_DIAERESIS, DEAD_DIAERESIS, DEAD_ABOVE_RING },
        [KEY_RIGHT_BRACKET] = { u'$',   u'£',   u'¤',   DEAD_MACRON },

        [KEY_A] =             { u'q',   u'Q',   u'@',   u'Ω' },
        [KEY_S] =             { u's',   u'S',   u'ß',   u'ẞ' },
        [KEY_D] =             { u'd',   u'D',   u'ð',   u'Ð' },
        [KEY_F] =             { u'f',   u'F',   u'đ',   u'ª' },
        [KEY_G] =             { u'g',   u'G',   u'ŋ',   u'Ŋ' },
        [KEY_H] =             { u'h',   u'H',   u'ħ',   u'Ħ' },
        [KEY_J] =             { u'j',   u'J',   0,      0 },
        [KEY_K] =             { u'k',   u'K',   u'ĸ',   u'&' },
        [KEY_L] =             { u'l',   u'L',   u'ł',   u'Ł' },
        [KEY_SEMICOLON] =     { u'm',   u'M',   u'µ',   u'º' },
        [KEY_APOSTROPHE] =    { u'ù',   u'%',   DEAD_CIRCUMFLEX, DEAD_CARON },
        [KEY_BACKSLASH] =     { u'*',   u'µ',   DEAD_GRAVE, DEAD_BREVE },

        [KEY_ISO] =           { u'<',   u'>',   u'|',   u'¦' },
        [KEY_Z] =             { u'w',   u'W',   u'ł',   u'Ł' },
        [KEY_X] =             { u'x',   u'X',   u'»',   u'>' },
        [KEY_C] =             { u'c',   u'C',   u'¢',   u'©' },
        [KEY_V] =             { u'v',   u'V',   u'„',   u'‚' },
        [KEY_B] =             { u'b',   u'B',   u'“',   u'‘' },
        [KEY_N] =             { u'n',   u'N',   u'”',   u'’' },
        [KEY_M] =             { u',',   u'?',   DEAD_ACUTE, DEAD_DOUBLE_ACUTE },
        [KEY_COMMA] =         { u';',   u'.',   u'•',   u'×' },
        [KEY_PERIOD] =        { u':',   u'/',   u'·',   u'÷' },
        [KEY_SLASH] =         { u'!',   u'§',   0,      DEAD_ABOVE_DOT },

        [KEY_SPACE] =         { u' ',   u' ',   u' ',   u' ' },
    },
    // clang-format on
};
