// Any bytes as an archive: no read outside, an end after finitely many members, and every member
// that is reported lies inside the buffer.
#include <stdlib.h>
#include <string.h>

#include "lib/cpio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cpio_reader reader;
    struct cpio_entry entry;
    enum cpio_result result;

    cpio_open(&reader, data, size);
    while ((result = cpio_next(&reader, &entry)) == CPIO_ENTRY) {
        if (entry.data < data || entry.data > data + size || entry.size > data + size - entry.data)
            abort();
        sink = (uint8_t)strlen(entry.name);
        for (uint32_t i = 0; i < entry.size; i++)
            sink = entry.data[i];
    }
    if (reader.offset > size || cpio_result_text(result)[0] == '\0')
        abort();
    return 0;
}
