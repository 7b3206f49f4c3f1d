// Memory and string functions, with the C library's meaning. The compiler may emit calls to the
// first four. No locks, any context.
#pragma once

#include "lib/types.h"

void *memcpy(void *destination, const void *source, size_t length);
void *memmove(void *destination, const void *source, size_t length);
void *memset(void *destination, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
const char *strchr(const char *text, char wanted);
// Copies at most size - 1 characters and always terminates; false when the text did not fit.
bool string_copy(char *destination, const char *source, size_t size);
