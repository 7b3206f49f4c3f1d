// Copies of every short length, at every distance from the end of a page, with every byte: the
// instructions work word by word, and where a word does not fit or is bad, byte by byte.
#include "usercopy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LENGTHS 40
#define PLACES 17 // distances from the border of two pages, or from the end of the second
#define NAME "/tmp/usercopy-link"

static int file, zeroes;
static char expected[64], seen[256];

static char letter(int place, int i)
{
    return (char)(1 + (place * 31 + i * 7) % 255); // any but 0
}

// What was copied from `user` comes back by another way.
static bool copies_from(char *user, int length)
{
    return pwrite(file, user, (size_t)length, 0) == length &&
           pread(file, seen, sizeof(seen), 0) >= length && memcmp(seen, user, (size_t)length) == 0;
}

// One byte on either side stays.
static bool copies_to(char *user, int length)
{
    memset(user - 1, 'k', (size_t)length + 2);
    return pwrite(file, expected, LENGTHS, 0) == LENGTHS &&
           pread(file, user, (size_t)length, 0) == length &&
           memcmp(user, expected, (size_t)length) == 0 && user[-1] == 'k' && user[length] == 'k';
}

static bool zeroes_to(char *user, int length)
{
    static const char nothing[LENGTHS];
    memset(user - 1, 'k', (size_t)length + 2);
    return read(zeroes, user, (size_t)length) == length &&
           memcmp(user, nothing, (size_t)length) == 0 && user[-1] == 'k' && user[length] == 'k';
}

// `length` characters and the terminator.
static bool copies_string(char *user, int length)
{
    user[length] = '\0';
    unlink(NAME);
    return symlink(user, NAME) == 0 && readlink(NAME, seen, sizeof(seen)) == length &&
           memcmp(seen, user, (size_t)length) == 0;
}

static void check_places(void)
{
    bool from = true, to = true, zero = true, string = true;
    for (int place = 0; place < PLACES; place++) {
        char *user = places.good + PAGE - place;
        for (int length = 1; length < LENGTHS; length++) {
            for (int i = 0; i < LENGTHS; i++)
                user[i] = expected[i] = letter(place + length, i);
            from &= copies_from(user, length);
            string &= copies_string(user, length);
            to &= copies_to(user, length);
            zero &= zeroes_to(user, length);
        }
    }
    unlink(NAME);
    report("from-every-place", from, "wrong bytes or count");
    report("to-every-place", to, "wrong bytes or count");
    report("zeroes-to-every-place", zero, "wrong bytes or count");
    report("strings-at-every-place", string, "wrong bytes or length");
}

// Of each copy only what lies before the bad page is made, to the byte.
static void check_ends(void)
{
    bool from = true, to = true, zero = true, string = true;
    for (int good = 1; good < PLACES; good++) {
        char *user = places.unmapped - good;
        for (int length = good + 1; length < LENGTHS; length++) {
            memset(user, 'u', (size_t)good);
            from &= pwrite(file, user, (size_t)length, 0) == good;
            to &= pwrite(file, expected, LENGTHS, 0) == LENGTHS &&
                  pread(file, user, (size_t)length, 0) == good &&
                  memcmp(user, expected, (size_t)good) == 0;
            zero &=
                read(zeroes, user, (size_t)length) == good && user[0] == 0 && user[good - 1] == 0;
        }
        memset(user, 'u', (size_t)good);
        string &= symlink(user, NAME) == -1 && errno == EFAULT;
        string &= good == 1 || copies_string(user, good - 1);
    }
    unlink(NAME);
    report("from-every-end", from, "wrong count");
    report("to-every-end", to, "wrong bytes or count");
    report("zeroes-to-every-end", zero, "wrong bytes or count");
    report("strings-at-every-end", string, "wrong length, or not EFAULT");
}

void check_every_length(void)
{
    file = open("/tmp/usercopy-every", O_CREAT | O_RDWR | O_TRUNC, 0600);
    zeroes = open("/dev/zero", O_RDONLY);
    if (file < 0 || zeroes < 0)
        fail("preparing");
    check_places();
    check_ends();
    close(file);
    close(zeroes);
    unlink("/tmp/usercopy-every");
}
