#include "common/zone/zonefile_generate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_NUMBER_MAX INT32_MAX
#define WIDTH_MAX        255 // no name is longer

static bool
number_read(const char **at, int64_t *ret_number)
{
    int64_t number = 0;
    const char *here = *at;
    for (; *here >= '0' && *here <= '9'; here++)
        if ((number = number * 10 + (*here - '0')) > RANGE_NUMBER_MAX)
            return false;
    bool any = here > *at;
    *at = here;
    *ret_number = number;
    return any;
}

bool
zonefile_range_read(const char *text, struct zonefile_range *ret_range, struct fault *fault)
{
    int64_t start, stop, step = 1;
    const char *at = text;
    bool good = number_read(&at, &start) && *at++ == '-' && number_read(&at, &stop);
    if (good && *at == '/') {
        at++;
        good = number_read(&at, &step);
    }
    if (!good || *at != '\0')
        return fault_set(fault, FAULT_SYNTAX,
                         "range '%s' is not START-STOP or START-STOP/STEP with numbers up to %d",
                         text, RANGE_NUMBER_MAX);
    if (start > stop || step < 1)
        return fault_set(fault, FAULT_SYNTAX, "range '%s' is empty: %s", text,
                         step < 1 ? "its step is 0" : "its start is above its stop");
    *ret_range = (struct zonefile_range){
        .start = (uint32_t)start, .stop = (uint32_t)stop, .step = (uint32_t)step};
    return true;
}

uint64_t
zonefile_range_count(const struct zonefile_range *range)
{
    return ((uint64_t)range->stop - range->start) / range->step + 1;
}

// What stands in the braces of ${offset,width,base}.
struct modifier {
    int64_t offset, width;
    char base;
};

// *at is behind "${"; moves behind the "}".
static bool
modifier_read(const char **at, struct modifier *ret_modifier)
{
    struct modifier modifier = {.base = 'd'};
    bool negative = **at == '-';
    if (**at == '-' || **at == '+')
        ++*at;
    if (!number_read(at, &modifier.offset))
        return false;
    if (negative)
        modifier.offset = -modifier.offset;
    if (**at == ',' && (++*at, !number_read(at, &modifier.width)))
        return false;
    if (**at == ',') {
        ++*at;
        if (**at == '\0' || !strchr("doxXnN", **at))
            return false;
        modifier.base = *(*at)++;
    }
    if (**at != '}' || modifier.width > WIDTH_MAX)
        return false;
    ++*at;
    *ret_modifier = modifier;
    return true;
}

static void
nibbles_add(uint64_t value, int64_t width, bool upper, struct octets_buffer *text)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    do {
        octets_buffer_add_u8(text, (uint8_t)digits[value & 15]);
        value >>= 4;
        width--;
        if (width > 0 || value != 0) {
            octets_buffer_add_u8(text, '.');
            width--;
        }
    } while (width > 0 || value != 0);
}

static void
number_add(uint64_t value, const struct modifier *modifier, struct octets_buffer *text)
{
    int width = (int)modifier->width;
    switch (modifier->base) {
    case 'o':
        octets_buffer_printf(text, "%0*" PRIo64, width, value);
        break;
    case 'x':
        octets_buffer_printf(text, "%0*" PRIx64, width, value);
        break;
    case 'X':
        octets_buffer_printf(text, "%0*" PRIX64, width, value);
        break;
    case 'n':
    case 'N':
        nibbles_add(value, modifier->width, modifier->base == 'N', text);
        break;
    default:
        octets_buffer_printf(text, "%0*" PRIu64, width, value);
        break;
    }
}

// *at is behind a $ that is not followed by another.
static bool
dollar_expand(const char **at, uint32_t number, struct octets_buffer *text, struct fault *fault)
{
    struct modifier modifier = {.base = 'd'};
    const char *start = *at;
    if (**at == '{') {
        ++*at;
        if (!modifier_read(at, &modifier))
            return fault_set(fault, FAULT_SYNTAX,
                             "'$%s' is not ${OFFSET,WIDTH,BASE} with base d, o, x, X, n or N and "
                             "width up to %d",
                             start, WIDTH_MAX);
    }
    int64_t value = (int64_t)number + modifier.offset;
    if (value < 0)
        return fault_set(fault, FAULT_SYNTAX, "the offset makes %" PRIu32 " negative", number);
    number_add((uint64_t)value, &modifier, text);
    return true;
}

bool
zonefile_generate_expand(const char *template, uint32_t number, struct octets_buffer *text,
                         struct fault *fault)
{
    const char *at = template;
    while (*at) {
        if (at[0] == '\\' && at[1] != '\0') {
            if (at[1] != '$')
                octets_buffer_add_u8(text, (uint8_t)at[0]);
            octets_buffer_add_u8(text, (uint8_t)at[1]);
            at += 2;
        } else if (at[0] == '$' && at[1] == '$') {
            octets_buffer_add_u8(text, '$');
            at += 2;
        } else if (at[0] == '$') {
            at++;
            if (!dollar_expand(&at, number, text, fault))
                return false;
        } else {
            octets_buffer_add_u8(text, (uint8_t)*at++);
        }
    }
    return true;
}
