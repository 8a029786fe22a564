#include "secondary/signer/keys/key_bind_lines.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TIME_DIGITS 14 // YYYYMMDDHHMMSS

struct key_lines
key_lines_of(struct octets text)
{
    const char *start = text.data ? (const char *)text.data : "";
    return (struct key_lines){start, start + text.length, 0};
}

// The next line without its end and leading blanks.
bool
key_lines_next(struct key_lines *lines, const char **ret_line, size_t *ret_length)
{
    if (lines->at >= lines->end)
        return false;
    const char *stop = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    const char *end = stop ? stop : lines->end;
    const char *start = lines->at;
    lines->at = stop ? stop + 1 : lines->end;
    lines->number++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    while (start < end && isspace((unsigned char)*start))
        start++;
    *ret_line = start;
    *ret_length = (size_t)(end - start);
    return true;
}

bool
key_line_tagged(const char *line, size_t length, struct key_tagged *ret_tagged)
{
    const char *end = line + length;
    while (line < end && (*line == ';' || *line == ' '))
        line++;
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon || colon - line >= KEY_LINE_TAG_MAX)
        return false;
    memcpy(ret_tagged->tag, line, (size_t)(colon - line));
    ret_tagged->tag[colon - line] = '\0';
    for (colon++; colon < end && *colon == ' ';)
        colon++;
    ret_tagged->value = colon;
    ret_tagged->length = (size_t)(end - colon);
    return true;
}

bool
key_line_number(const struct key_tagged *tagged, unsigned long *ret_number)
{
    char text[KEY_LINE_TAG_MAX];
    if (tagged->length >= sizeof text)
        return false;
    memcpy(text, tagged->value, tagged->length);
    text[tagged->length] = '\0';
    char *end;
    *ret_number = strtoul(text, &end, 10);
    return end != text && (*end == '\0' || *end == ' ');
}

static unsigned
digits(const char *at, size_t count)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + (unsigned)(at[i] - '0');
    return value;
}

static bool
time_read(const struct key_tagged *tagged, int64_t *ret_seconds)
{
    if (tagged->length < TIME_DIGITS)
        return false;
    for (size_t i = 0; i < TIME_DIGITS; i++)
        if (!isdigit((unsigned char)tagged->value[i]))
            return false;
    const char *at = tagged->value;
    struct tm tm = {.tm_year = (int)digits(at, 4) - 1900,
                    .tm_mon = (int)digits(at + 4, 2) - 1,
                    .tm_mday = (int)digits(at + 6, 2),
                    .tm_hour = (int)digits(at + 8, 2),
                    .tm_min = (int)digits(at + 10, 2),
                    .tm_sec = (int)digits(at + 12, 2)};
    *ret_seconds = timegm(&tm);
    return *ret_seconds > 0;
}

// BIND's words for times (dnssec-settime's in .key and .private, the policy's in .state), and ours.
static const struct {
    const char *tag;
    enum key_state state;
} time_tags[] = {
    {"Created", KEY_GENERATED},   {"Generated", KEY_GENERATED}, {"Publish", KEY_PUBLISHED},
    {"Published", KEY_PUBLISHED}, {"Ready", KEY_READY},         {"Activate", KEY_ACTIVE},
    {"Active", KEY_ACTIVE},       {"Inactive", KEY_RETIRED},    {"Retired", KEY_RETIRED},
    {"Dead", KEY_DEAD},           {"Delete", KEY_REMOVED},      {"Removed", KEY_REMOVED},
};

bool
key_line_time(const char *name, unsigned line, const struct key_tagged *tagged,
              struct key_bind *bind, struct fault *fault)
{
    for (size_t i = 0; i < sizeof time_tags / sizeof time_tags[0]; i++) {
        if (strcasecmp(tagged->tag, time_tags[i].tag) != 0)
            continue;
        int64_t seconds;
        if (!time_read(tagged, &seconds))
            return fault_set(fault, FAULT_SYNTAX,
                             "%s:%u: %s: expected a time as YYYYMMDDHHMMSS (UTC)", name, line,
                             tagged->tag);
        bind->times.at[time_tags[i].state] = seconds;
        if (time_tags[i].state != KEY_GENERATED)
            bind->has_times = true;
    }
    return true;
}

bool
key_line_algorithm(const char *where, unsigned line, unsigned long number, struct key_bind *bind,
                   struct fault *fault)
{
    const struct key_algorithm *row = number <= 255 ? key_algorithm_find((uint8_t)number) : NULL;
    if (!row) {
        key_algorithm_refuse(number, fault);
        return fault_wrap(fault, "%s:%u", where, line);
    }
    if (bind->algorithm != 0 && bind->algorithm != row->number)
        return fault_set(
            fault, FAULT_CORRUPT,
            "%s:%u: algorithm %u here, %u in the other file: they are not files of one "
            "key",
            where, line, row->number, bind->algorithm);
    bind->algorithm = row->number;
    return true;
}
