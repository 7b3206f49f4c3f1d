// Puts the kernel's command line together. Pure code: no firmware calls, tested on the host.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Both append to the NUL-terminated `line` of `size` bytes, a space before what they add. False:
// it does not fit, and the line is as it was.

// Contents of a text file: line ends and other control bytes become spaces, a byte-order mark and
// outer spaces are dropped.
bool command_line_append_text(char *line, size_t size, const char *text, size_t length);
// UTF-16 load options of a loaded image, without the program's own name, which shells put first.
// Firmware passes binary data there too: anything but printable ASCII up to the end or a NUL is
// ignored whole.
bool command_line_append_options(char *line, size_t size, const void *options, size_t byte_count);

enum video_word { VIDEO_ABSENT, VIDEO_MALFORMED, VIDEO_SIZE };
// The kernel's last word `video=WIDTHxHEIGHT`, the only one that concerns the loader; what follows
// a lone `--` is not the kernel's.
enum video_word command_line_find_video(const char *line, uint32_t *width, uint32_t *height);

// Does the kernel's part of the line have the word, or, for a name that ends in `=`, a word that
// begins with it?
bool command_line_has_word(const char *line, const char *name);
