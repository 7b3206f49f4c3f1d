// Dead keys and the case of letters, as tables. Called by key_bytes.c.
#include "drivers/compose.h"

#include "drivers/keymap.h"

struct mark {
    uint16_t mark;         // as it stands in layouts
    uint16_t spacing;      // by itself
    const uint16_t *pairs; // each letter, and that letter with the mark
};

// clang-format off
static const struct mark marks[] = {
    { DEAD_GRAVE, u'`',
      u"aàeèiìoòuùAÀEÈIÌOÒUÙ" },
    { DEAD_ACUTE, u'´',
      u"aácćeéiílĺnńoórŕsśuúyýzźAÁCĆEÉIÍLĹNŃOÓRŔSŚUÚYÝZŹ" },
    { DEAD_CIRCUMFLEX, u'^',
      u"aâcĉeêgĝhĥiîjĵoôsŝuûwŵyŷAÂCĈEÊGĜHĤIÎJĴOÔSŜUÛWŴYŶ" },
    { DEAD_MACRON, u'¯',
      u"aāeēiīoōuūAĀEĒIĪOŌUŪ" },
    { DEAD_BREVE, u'˘',
      u"aăeĕgğiĭoŏuŭAĂEĔGĞIĬOŎUŬ" },
    { DEAD_ABOVE_DOT, u'˙',
      u"cċeėgġzżCĊEĖGĠIİZŻ" },
    { DEAD_DIAERESIS, u'¨',
      u"aäeëiïoöuüyÿAÄEËIÏOÖUÜYŸ" },
    { DEAD_ABOVE_RING, u'°',
      u"aåuůAÅUŮ" },
    { DEAD_DOUBLE_ACUTE, u'˝',
      u"oőuűOŐUŰ" },
    { DEAD_CARON, u'ˇ',
      u"cčdďeělľnňrřsštťzžCČDĎEĚLĽNŇRŘSŠTŤZŽ" },
    { DEAD_CEDILLA, u'¸',
      u"cçgģkķlļnņrŗsştţCÇGĢKĶLĻNŅRŖSŞTŢ" },
    { DEAD_OGONEK, u'˛',
      u"aąeęiįuųAĄEĘIĮUŲ" },
};
// clang-format on

static const struct mark *find_mark(uint16_t mark)
{
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        if (marks[i].mark == mark)
            return &marks[i];
    }
    return NULL;
}

bool compose_is_mark(uint16_t character)
{
    return find_mark(character) != NULL;
}

uint16_t compose_letter(uint16_t mark, uint16_t letter)
{
    const struct mark *found = find_mark(mark);

    if (!found || !letter)
        return 0;
    for (const uint16_t *pair = found->pairs; *pair; pair += 2) {
        if (pair[0] == letter)
            return pair[1];
    }
    return 0;
}

uint16_t compose_spacing(uint16_t mark)
{
    const struct mark *found = find_mark(mark);

    return found ? found->spacing : mark;
}

// Where capitals and small letters stand next to each other, the capital first.
struct pair_range {
    uint16_t first, last;
};
static const struct pair_range pair_ranges[] = {
    { 0x100, 0x12f }, { 0x132, 0x137 }, { 0x139, 0x148 }, { 0x14a, 0x177 }, { 0x179, 0x17e },
};

static uint16_t other_of_pair(uint16_t character)
{
    for (size_t i = 0; i < ARRAY_SIZE(pair_ranges); i++) {
        uint16_t first = pair_ranges[i].first;
        if (character >= first && character <= pair_ranges[i].last)
            return (uint16_t)(first + ((character - first) ^ 1));
    }
    return character;
}

uint16_t compose_other_case(uint16_t character)
{
    static const uint16_t odd_pairs[][2] = { { u'ß', u'ẞ' }, { u'ÿ', u'Ÿ' } };
    uint16_t as_small = character | 0x20;

    for (size_t i = 0; i < ARRAY_SIZE(odd_pairs); i++) {
        if (character == odd_pairs[i][0] || character == odd_pairs[i][1])
            return character == odd_pairs[i][0] ? odd_pairs[i][1] : odd_pairs[i][0];
    }
    if ((as_small >= u'a' && as_small <= u'z') || (as_small >= u'à' && as_small <= u'þ'))
        return as_small == u'÷' ? character : character ^ 0x20;
    return other_of_pair(character);
}
