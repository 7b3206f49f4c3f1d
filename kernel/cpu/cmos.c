// Reads the date from the CMOS clock (MC146818A data sheet). Called once by clock_init(). An update
// in progress is waited for, with a limit, and two equal readings are wanted.
#include "cpu/cmos.h"

#include "cpu/registers.h"

#define CMOS_INDEX 0x70u
#define CMOS_DATA 0x71u
#define CMOS_NMI_OFF 0x80u // leaving it clear keeps NMI enabled
#define STATUS_A 0x0au
#define STATUS_B 0x0bu
#define STATUS_A_UPDATING 0x80u
#define STATUS_B_BINARY 0x04u
#define STATUS_B_24_HOURS 0x02u
#define HOUR_PM 0x80u
#define UPDATE_READ_LIMIT 20000u // an update lasts 2 ms, a read about 1 us
#define READ_TRIES 5u

static uint8_t decode_field(uint8_t value, uint8_t status_b)
{
    if (status_b & STATUS_B_BINARY)
        return value;
    if ((value & 15) > 9 || value >> 4 > 9)
        return UINT8_MAX; // not a decimal number: too large for any field
    return (uint8_t)((value >> 4) * 10 + (value & 15));
}

static uint8_t decode_hour(uint8_t value, uint8_t status_b)
{
    if (status_b & STATUS_B_24_HOURS)
        return decode_field(value, status_b);
    uint8_t hour = decode_field((uint8_t)(value & ~HOUR_PM), status_b);
    if (hour < 1 || hour > 12)
        return UINT8_MAX;
    return (uint8_t)(hour % 12 + (value & HOUR_PM ? 12 : 0));
}

// Days from 1970-01-01 to the first of a month; years from 1970 on.
static uint64_t days_before(uint32_t year, uint32_t month)
{
    static const uint16_t before_month[12] = {
        0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334
    };
    uint32_t past = year - 1;
    uint64_t days =
        365ull * (year - 1970) + (past / 4 - 492) - (past / 100 - 19) + (past / 400 - 4);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days + before_month[month - 1] + (leap && month > 2 ? 1 : 0);
}

uint64_t cmos_unix_seconds(struct cmos_date date)
{
    uint8_t second = decode_field(date.second, date.status_b);
    uint8_t minute = decode_field(date.minute, date.status_b);
    uint8_t hour = decode_hour(date.hour, date.status_b);
    uint8_t day = decode_field(date.day, date.status_b);
    uint8_t month = decode_field(date.month, date.status_b);
    uint8_t year = decode_field(date.year, date.status_b);

    if (second > 59 || minute > 59 || hour > 23 || day < 1 || day > 31 || month < 1 || month > 12 ||
        year > 99)
        return 0;
    uint32_t full_year = year < 70 ? 2000u + year : 1900u + year;
    uint64_t days = days_before(full_year, month) + day - 1;
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

static uint8_t read_register(uint8_t number)
{
    port_write8(CMOS_INDEX, (uint8_t)(number & ~CMOS_NMI_OFF));
    return port_read8(CMOS_DATA);
}

static struct cmos_date read_date(void)
{
    for (uint32_t i = 0; i < UPDATE_READ_LIMIT; i++)
        if (!(read_register(STATUS_A) & STATUS_A_UPDATING))
            break;
    return (struct cmos_date){
        .second = read_register(0),
        .minute = read_register(2),
        .hour = read_register(4),
        .day = read_register(7),
        .month = read_register(8),
        .year = read_register(9),
        .status_b = read_register(STATUS_B),
    };
}

uint64_t cmos_read_unix_seconds(void)
{
    uint64_t last = cmos_unix_seconds(read_date());

    for (uint32_t i = 0; i < READ_TRIES; i++) {
        uint64_t seconds = cmos_unix_seconds(read_date());
        if (seconds == last)
            break;
        last = seconds;
    }
    return last;
}
