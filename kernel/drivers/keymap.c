// The layouts that there are. A new one is a table in a file of its own, its name in keymap.h, and
// a line here.
#include "drivers/keymap.h"

#include "lib/format.h"
#include "lib/string.h"

static const struct keymap *const keymaps[] = {
    &keymap_us,
    &keymap_de,
    &keymap_fr,
};

const struct keymap *keymap_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(keymaps); i++) {
        if (strcmp(keymaps[i]->name, name) == 0)
            return keymaps[i];
    }
    return NULL;
}

void keymap_list_names(char *buffer, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < ARRAY_SIZE(keymaps) && length < size; i++)
        length += format_text(buffer + length, size - length, "%s%s", i > 0 ? ", " : "",
                              keymaps[i]->name);
}
