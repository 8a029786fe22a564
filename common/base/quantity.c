#include "common/base/quantity.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DURATION_MAX ((uint64_t)100 * 366 * 86400) // a century: what is longer was mistyped
#define WORD_MAX     64                            // longer words are not compared
#define DISTANCE_MAX 3

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}, {NULL, 0},
};

#define KIBI ((uint64_t)1024)
static const struct unit size_units[] = {
    {"B", 1},
    {"KiB", KIBI},
    {"KB", KIBI},
    {"k", KIBI},
    {"K", KIBI},
    {"MiB", KIBI *KIBI},
    {"MB", KIBI *KIBI},
    {"M", KIBI *KIBI},
    {"GiB", KIBI *KIBI *KIBI},
    {"GB", KIBI *KIBI *KIBI},
    {"G", KIBI *KIBI *KIBI},
    {NULL, 0},
};

// Reads decimal digits at *at and moves it behind them. False: none, or over 64 bits.
static bool
digits_read(const char **at, uint64_t *ret_value)
{
    uint64_t value = 0;
    const char *start = *at;
    for (; isdigit((unsigned char)**at); ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return *at > start;
}

// The unit whose name is exactly the letters at *at, and moves it behind them.
static const struct unit *
unit_read(const struct unit *units, const char **at)
{
    size_t length = 0;
    while (isalpha((unsigned char)(*at)[length]))
        length++;
    for (const struct unit *unit = units; unit->name; unit++)
        if (strlen(unit->name) == length && memcmp(unit->name, *at, length) == 0) {
            *at += length;
            return unit;
        }
    return NULL;
}

// A sum of numbers with units; the last, or only, number may have none.
static bool
sum_read(const char *text, const struct unit *units, uint64_t maximum, uint64_t *ret_sum)
{
    uint64_t sum = 0;
    const char *at = text;
    do {
        uint64_t value;
        bool first = at == text;
        if (!digits_read(&at, &value))
            return false;
        static const struct unit one = {"", 1};
        const struct unit *unit = *at == '\0' && first ? &one : unit_read(units, &at);
        if (!unit || value > maximum / unit->factor || sum > maximum - value * unit->factor)
            return false;
        sum += value * unit->factor;
    } while (*at);
    *ret_sum = sum;
    return true;
}

bool
quantity_duration(const char *text, int64_t *ret_seconds, struct fault *fault)
{
    uint64_t sum;
    if (!sum_read(text, duration_units, DURATION_MAX, &sum))
        return fault_set(fault, FAULT_SYNTAX,
                         "expected a duration such as 30s, 15m, 24h or 7d, got \"%s\"", text);
    *ret_seconds = (int64_t)sum;
    return true;
}

bool
quantity_size(const char *text, uint64_t *ret_octets, struct fault *fault)
{
    if (!sum_read(text, size_units, INT64_MAX, ret_octets))
        return fault_set(fault, FAULT_SYNTAX, "expected a size such as 64KiB or 1MiB, got \"%s\"",
                         text);
    return true;
}

bool
quantity_unsigned(const char *text, uint64_t maximum, uint64_t *ret_value, struct fault *fault)
{
    const char *at = text;
    uint64_t value;
    if (!digits_read(&at, &value) || *at || value > maximum)
        return fault_set(fault, FAULT_SYNTAX,
                         "expected a whole number from 0 to %" PRIu64 ", got \"%s\"", maximum,
                         text);
    *ret_value = value;
    return true;
}

const char *
quantity_duration_text(int64_t seconds, char text[static QUANTITY_TEXT_MAX])
{
    // Weeks are read but not written: people say 14d.
    unsigned unit = 3;
    while (unit > 0 && (seconds == 0 || seconds % (int64_t)duration_units[unit].factor != 0))
        unit--;
    snprintf(text, QUANTITY_TEXT_MAX, "%" PRId64 "%s",
             seconds / (int64_t)duration_units[unit].factor, duration_units[unit].name);
    return text;
}

const char *
quantity_about_text(int64_t seconds, char text[static QUANTITY_TEXT_MAX])
{
    // The largest unit of which there are at least two.
    unsigned unit = 3;
    uint64_t size = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
    while (unit > 0 && size < 2 * duration_units[unit].factor)
        unit--;
    snprintf(text, QUANTITY_TEXT_MAX, "%s%" PRIu64 "%s", seconds < 0 ? "-" : "",
             size / duration_units[unit].factor, duration_units[unit].name);
    return text;
}

const char *
quantity_size_text(uint64_t octets, char text[static QUANTITY_TEXT_MAX])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB"};
    unsigned unit = 0;
    while (octets && unit < 3 && octets % 1024 == 0) {
        octets /= 1024;
        unit++;
    }
    snprintf(text, QUANTITY_TEXT_MAX, "%" PRIu64 "%s", octets, octets ? names[unit] : "");
    return text;
}

const char *
quantity_time_text(int64_t unix_seconds, char text[static QUANTITY_TEXT_MAX])
{
    time_t seconds = (time_t)unix_seconds;
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || parts.tm_year < -1900 || parts.tm_year > 9999 - 1900)
        snprintf(text, QUANTITY_TEXT_MAX, "%" PRId64, unix_seconds);
    else
        strftime(text, QUANTITY_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

static unsigned
smallest(unsigned a, unsigned b, unsigned c)
{
    unsigned d = a < b ? a : b;
    return d < c ? d : c;
}

// Levenshtein's distance by one row; words of at most WORD_MAX characters.
static unsigned
word_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned row[WORD_MAX + 1];
    for (unsigned j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
            corner = above;
        }
    }
    return row[b_length];
}

const char *
quantity_nearest_word(const char *unknown, const char *const *known, size_t count)
{
    size_t length = strlen(unknown);
    if (length > WORD_MAX)
        return NULL;
    const char *nearest = NULL;
    unsigned best = DISTANCE_MAX + 1;
    for (size_t i = 0; i < count; i++) {
        size_t known_length = strlen(known[i]);
        if (known_length > WORD_MAX)
            continue;
        unsigned distance = word_distance(unknown, length, known[i], known_length);
        if (distance < best && distance < length) {
            best = distance;
            nearest = known[i];
        }
    }
    return nearest;
}
