// Why a table, when ldns reads all types? Three reasons: its errors do not say which field was
// wrong, so that the operator gets a line and no column; the mistakes that people make (an IPv6
// address in an A record, a mailbox with @ in an SOA, a string over 255 octets) deserve their own
// sentence; and nearly all records of a zone are of these few types, where this way costs a
// fraction of the time.
#include "common/zone/zonefile_fields.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/quantity.h"
#include "common/dns/rdata.h"
#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"

#define RRTYPE_SPF      99
#define FIELDS_MAX      7
#define STRING_MAX      255 // octets of a character string, RFC 1035 section 3.3
#define PERIOD_TEXT_MAX 32  // longer ones were mistyped
#define TAG_MAX         15  // RFC 8659 section 4.1 asks for 15 at least

enum field_kind {
    FIELD_END = 0,
    FIELD_IPV4,
    FIELD_IPV6,
    FIELD_NAME,
    FIELD_MAILBOX, // a name whose first label is the part before the @
    FIELD_U8,
    FIELD_U16,
    FIELD_U32,
    FIELD_PERIOD,  // 32 bits, with units
    FIELD_STRING,  // one character string
    FIELD_STRINGS, // one or more, up to the end
    FIELD_TAG,     // CAA
    FIELD_TEXT,    // a string without its length, up to the end (CAA)
};

struct field {
    enum field_kind kind;
    const char *name;
};
struct shape {
    uint16_t type;
    struct field fields[FIELDS_MAX + 1];
};

static const struct shape shapes[] = {
    {RRTYPE_A, {{FIELD_IPV4, "IPv4 address"}}},
    {RRTYPE_AAAA, {{FIELD_IPV6, "IPv6 address"}}},
    {RRTYPE_NS, {{FIELD_NAME, "name server"}}},
    {RRTYPE_CNAME, {{FIELD_NAME, "canonical name"}}},
    {RRTYPE_DNAME, {{FIELD_NAME, "target"}}},
    {RRTYPE_PTR, {{FIELD_NAME, "name"}}},
    {RRTYPE_ALIAS, {{FIELD_NAME, "target"}}},
    {RRTYPE_MX, {{FIELD_U16, "preference"}, {FIELD_NAME, "exchange"}}},
    {RRTYPE_SRV,
     {{FIELD_U16, "priority"}, {FIELD_U16, "weight"}, {FIELD_U16, "port"}, {FIELD_NAME, "target"}}},
    {RRTYPE_SOA,
     {{FIELD_NAME, "primary server"},
      {FIELD_MAILBOX, "mailbox"},
      {FIELD_U32, "serial"},
      {FIELD_PERIOD, "refresh"},
      {FIELD_PERIOD, "retry"},
      {FIELD_PERIOD, "expire"},
      {FIELD_PERIOD, "minimum"}}},
    {RRTYPE_TXT, {{FIELD_STRINGS, "text"}}},
    {RRTYPE_SPF, {{FIELD_STRINGS, "text"}}},
    {RRTYPE_HINFO, {{FIELD_STRING, "CPU"}, {FIELD_STRING, "operating system"}}},
    {RRTYPE_CAA, {{FIELD_U8, "flags"}, {FIELD_TAG, "tag"}, {FIELD_TEXT, "value"}}},
};

static const struct shape *
shape_find(uint16_t type)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (shapes[i].type == type)
            return &shapes[i];
    return NULL;
}

// What a field is read with.
struct field_reading {
    const struct field *field;
    const char *type; // its text
    const struct zonefile_token *token;
    const uint8_t *origin;
    struct octets_writer *writer;
    struct zonefile_errors *errors;
};

uint16_t
zonefile_address_type(const char *text)
{
    unsigned char octets[16];
    if (text[strspn(text, "0123456789abcdefABCDEF.:")] != '\0')
        return 0;
    if (inet_pton(AF_INET, text, octets) == 1)
        return RRTYPE_A;
    return inet_pton(AF_INET6, text, octets) == 1 ? RRTYPE_AAAA : 0;
}

// In the zone of a network 4.3.2.1 is a name like any other.
static bool
is_reverse(const uint8_t *origin)
{
    unsigned labels = name_labels(origin);
    return labels > 0 && name_equal(name_skip(origin, labels - 1), (const uint8_t *)"\4arpa");
}

bool
zonefile_period_read(const char *text, uint32_t maximum, uint32_t *ret_seconds)
{
    char lower[PERIOD_TEXT_MAX];
    size_t length = strlen(text);
    if (length >= sizeof lower || !isdigit((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i <= length; i++)
        lower[i] = (char)tolower((unsigned char)text[i]);
    uint64_t number;
    int64_t seconds;
    if (quantity_unsigned(lower, UINT32_MAX, &number, NULL))
        seconds = (int64_t)number;
    else if (!quantity_duration(lower, &seconds, NULL))
        return false;
    if (seconds > (int64_t)maximum)
        return false;
    *ret_seconds = (uint32_t)seconds;
    return true;
}

static void
name_warn(const struct zonefile_token *token, const char *what, const uint8_t *origin,
          const uint8_t *name, struct zonefile_errors *errors)
{
    char text[NAME_TEXT_MAX], origin_text[NAME_TEXT_MAX];
    if (token->length == 0 || token->text[token->length - 1] == '.' ||
        strcmp(token->text, "@") == 0)
        return;
    if (zonefile_address_type(token->text) && !is_reverse(origin)) {
        zonefile_warning_add(errors, token->place,
                             "%s '%s' is an address and is read as a name: write a host's name",
                             what, token->text);
        return;
    }
    // The name ends with the origin twice: www.example.gov -> www.example.gov.example.gov.
    unsigned own = name_labels(name) - name_labels(origin);
    uint8_t head[NAME_SIZE_MAX];
    size_t length = (size_t)(name_skip(name, own) - name);
    if (name_labels(origin) < 2)
        return;
    memcpy(head, name, length);
    head[length] = 0;
    if (name_is_at_or_below(head, origin))
        zonefile_warning_add(errors, token->place,
                             "%s '%s' has no final dot and is read as %s (origin %s): write '%s.'",
                             what, token->text, name_to_text(name, text),
                             name_to_text(origin, origin_text), token->text);
}

bool
zonefile_name_read(const struct zonefile_token *token, const char *what, const uint8_t *origin,
                   uint8_t ret_name[static NAME_SIZE_MAX], struct zonefile_errors *errors)
{
    struct fault fault;
    if (token->quoted)
        return zonefile_error_add(errors, token->place,
                                  "%s: \"%s\" is quoted; write a name without quotes", what,
                                  token->text);
    if (strcmp(token->text, "@") == 0) {
        name_copy_lower(ret_name, origin);
        return true;
    }
    for (size_t i = 0; i < token->length; i++)
        if ((unsigned char)token->text[i] >= 0x80)
            return zonefile_error_add(errors, token->place,
                                      "%s '%s' is not ASCII: write an internationalised name "
                                      "as xn--... (RFC 5890), other octets as \\DDD",
                                      what, token->text);
    if (!name_from_text(token->text, origin, ret_name, &fault))
        return zonefile_error_add(errors, token->place, "%s: %s", what, fault.text);
    name_warn(token, what, origin, ret_name, errors);
    return true;
}

static bool
number_read(const struct field_reading *reading, uint32_t maximum, uint32_t *ret_value)
{
    uint64_t value;
    if (reading->token->quoted || !quantity_unsigned(reading->token->text, maximum, &value, NULL))
        return zonefile_error_add(reading->errors, reading->token->place,
                                  "%s: %s '%s' is not a number from 0 to %u", reading->type,
                                  reading->field->name, reading->token->text, maximum);
    *ret_value = (uint32_t)value;
    return true;
}

static bool
period_field_read(const struct field_reading *reading)
{
    uint32_t seconds;
    if (!zonefile_period_read(reading->token->text, UINT32_MAX, &seconds))
        return zonefile_error_add(reading->errors, reading->token->place,
                                  "%s: %s '%s' is not a time in seconds (or like 1h30m)",
                                  reading->type, reading->field->name, reading->token->text);
    octets_write_u32(reading->writer, seconds);
    return true;
}

static bool
address_read(const struct field_reading *reading, int family)
{
    uint8_t octets[16];
    const struct zonefile_token *token = reading->token;
    int other = family == AF_INET ? AF_INET6 : AF_INET;
    if (!token->quoted && inet_pton(family, token->text, octets) == 1) {
        octets_write(reading->writer, octets, family == AF_INET ? 4 : 16);
        return true;
    }
    const char *cure = "";
    if (inet_pton(other, token->text, octets) == 1)
        cure = family == AF_INET ? "; an IPv6 address belongs into an AAAA record"
                                 : "; an IPv4 address belongs into an A record";
    return zonefile_error_add(reading->errors, token->place, "%s: '%s' is not an %s%s",
                              reading->type, token->text, reading->field->name, cure);
}

// An @ that is not escaped, in more than the @ that stands for the origin.
static bool
has_at(const struct zonefile_token *token)
{
    const char *at = token->text;
    while (*at && *at != '@')
        at += at[0] == '\\' && at[1] ? 2 : 1;
    return *at == '@' && token->length > 1;
}

static bool
name_field_read(const struct field_reading *reading)
{
    char what[RRTYPE_TEXT_MAX + 32];
    uint8_t name[NAME_SIZE_MAX];
    snprintf(what, sizeof what, "%s: %s", reading->type, reading->field->name);
    if (reading->field->kind == FIELD_MAILBOX && has_at(reading->token))
        return zonefile_error_add(reading->errors, reading->token->place,
                                  "%s '%s': write a dot instead of the @ (and \\. for a dot "
                                  "before it)",
                                  what, reading->token->text);
    if (!zonefile_name_read(reading->token, what, reading->origin, name, reading->errors))
        return false;
    octets_write(reading->writer, name, name_length(name));
    return true;
}

// The octets of a token's text without escapes. maximum is for the message.
static bool
text_decode(const struct field_reading *reading, uint8_t *ret_octets, size_t maximum,
            size_t *ret_length)
{
    const struct zonefile_token *token = reading->token;
    const char *at = token->text, *end = at + token->length;
    size_t length = 0;
    while (at < end) {
        unsigned char octet;
        bool escaped;
        if (!zonefile_octet_next(&at, end, &octet, &escaped))
            return zonefile_error_add(reading->errors, token->place, "%s: %s: bad escape",
                                      reading->type, reading->field->name);
        if (length < maximum)
            ret_octets[length] = octet;
        length++;
    }
    if (length > maximum)
        return zonefile_error_add(reading->errors, token->place,
                                  "%s: %s has %zu octets, a string has at most %zu: split it "
                                  "into several quoted strings",
                                  reading->type, reading->field->name, length, maximum);
    *ret_length = length;
    return true;
}

static bool
string_read(const struct field_reading *reading)
{
    uint8_t octets[STRING_MAX];
    size_t length;
    if (!text_decode(reading, octets, sizeof octets, &length))
        return false;
    octets_write_u8(reading->writer, (uint8_t)length);
    octets_write(reading->writer, octets, length);
    return true;
}

static bool
tag_read(const struct field_reading *reading)
{
    const struct zonefile_token *token = reading->token;
    bool good = token->length > 0 && token->length <= TAG_MAX && !token->quoted;
    for (size_t i = 0; good && i < token->length; i++)
        good = isalnum((unsigned char)token->text[i]);
    if (!good)
        return zonefile_error_add(reading->errors, token->place,
                                  "%s: tag '%s' is not up to %d letters and digits (issue, "
                                  "issuewild, iodef)",
                                  reading->type, token->text, TAG_MAX);
    octets_write_u8(reading->writer, (uint8_t)token->length);
    octets_write(reading->writer, token->text, token->length);
    return true;
}

static bool
text_read(const struct field_reading *reading)
{
    uint8_t octets[4096]; // a CAA value is a host name or a URL
    size_t length;
    if (!text_decode(reading, octets, sizeof octets, &length))
        return false;
    octets_write(reading->writer, octets, length);
    return true;
}

static bool
integer_field_read(const struct field_reading *reading)
{
    uint32_t value, maximum = reading->field->kind == FIELD_U8    ? UINT8_MAX
                              : reading->field->kind == FIELD_U16 ? UINT16_MAX
                                                                  : UINT32_MAX;
    if (!number_read(reading, maximum, &value))
        return false;
    if (maximum == UINT8_MAX)
        octets_write_u8(reading->writer, (uint8_t)value);
    else if (maximum == UINT16_MAX)
        octets_write_u16(reading->writer, (uint16_t)value);
    else
        octets_write_u32(reading->writer, value);
    return true;
}

static bool
field_read(const struct field_reading *reading)
{
    switch (reading->field->kind) {
    case FIELD_IPV4:
        return address_read(reading, AF_INET);
    case FIELD_IPV6:
        return address_read(reading, AF_INET6);
    case FIELD_NAME:
    case FIELD_MAILBOX:
        return name_field_read(reading);
    case FIELD_U8:
    case FIELD_U16:
    case FIELD_U32:
        return integer_field_read(reading);
    case FIELD_PERIOD:
        return period_field_read(reading);
    case FIELD_STRING:
    case FIELD_STRINGS:
        return string_read(reading);
    case FIELD_TAG:
        return tag_read(reading);
    case FIELD_TEXT:
        return text_read(reading);
    case FIELD_END:
        break;
    }
    ENSURE(reading->field->kind != FIELD_END);
    return false;
}

static bool
shape_read(const struct shape *shape, const struct zonefile_entry *entry, size_t first,
           struct field_reading *reading)
{
    size_t at = first;
    for (const struct field *field = shape->fields; field->kind != FIELD_END; field++) {
        reading->field = field;
        reading->token = zonefile_entry_token(entry, at);
        if (!reading->token)
            return zonefile_error_add(reading->errors, entry->end, "%s: missing %s", reading->type,
                                      field->name);
        do {
            if (!field_read(reading))
                return false;
            reading->token = zonefile_entry_token(entry, ++at);
        } while (field->kind == FIELD_STRINGS && reading->token);
    }
    if (entry->cut.line &&
        (reading->field->kind == FIELD_STRINGS || reading->field->kind == FIELD_TEXT))
        zonefile_warning_add(reading->errors, entry->cut,
                             "%s: the ; begins a comment and ends the text: write the text in "
                             "quotes when the ; belongs to it",
                             reading->type);
    if (reading->token)
        return zonefile_error_add(reading->errors, reading->token->place,
                                  "%s: '%s' is too much: nothing may follow the %s", reading->type,
                                  reading->token->text, (reading->field)->name);
    return true;
}

// "MX: missing x" -> "missing x": the type stands before the text already.
static const char *
without_type(const char *text, const char *type)
{
    size_t length = strlen(type);
    return strncmp(text, type, length) == 0 && strncmp(text + length, ": ", 2) == 0
               ? text + length + 2
               : text;
}

static int
hexadecimal_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The octets behind "\# length"; words may be cut anywhere, also inside an octet.
static bool
generic_octets_read(const struct zonefile_entry *entry, size_t first,
                    const struct field_reading *reading, size_t *ret_digits)
{
    size_t digits = 0;
    uint8_t octet = 0;
    const struct zonefile_token *token;
    for (size_t i = first; (token = zonefile_entry_token(entry, i)); i++)
        for (size_t k = 0; k < token->length; k++) {
            int value = hexadecimal_value(token->text[k]);
            if (value < 0)
                return zonefile_error_add(reading->errors, token->place,
                                          "%s: \\#: '%c' is not a hexadecimal digit", reading->type,
                                          token->text[k]);
            octet = (uint8_t)(octet << 4 | value);
            if (++digits % 2 == 0)
                octets_write_u8(reading->writer, octet);
        }
    *ret_digits = digits;
    return true;
}

// RFC 3597 section 5.
static bool
generic_read(const struct zonefile_entry *entry, size_t first, uint16_t type,
             struct field_reading *reading)
{
    static const struct field field = {FIELD_U16, "length behind \\#"};
    reading->field = &field;
    reading->token = zonefile_entry_token(entry, first + 1);
    if (!reading->token)
        return zonefile_error_add(reading->errors, entry->end, "%s: \\#: missing length",
                                  reading->type);
    uint32_t length;
    size_t digits, position = octets_written(reading->writer);
    if (!number_read(reading, RDATA_SIZE_MAX, &length) ||
        !generic_octets_read(entry, first + 2, reading, &digits))
        return false;
    if (digits != (size_t)length * 2)
        return zonefile_error_add(reading->errors, reading->token->place,
                                  "%s: \\#: %u octets announced, that are %u hexadecimal digits; "
                                  "%zu are given",
                                  reading->type, length, length * 2, digits);
    struct fault fault;
    if (!rdata_canonicalise(type, reading->writer->start + position, length, &fault))
        return zonefile_error_add(reading->errors, reading->token->place, "%s: %s", reading->type,
                                  without_type(fault.text, reading->type));
    return true;
}

static bool
other_read(const struct zonefile_entry *entry, size_t first, uint16_t type,
           const struct field_reading *reading)
{
    if (!zonefile_entry_token(entry, first))
        return zonefile_error_add(reading->errors, entry->end, "%s: missing RDATA", reading->type);
    struct octets_buffer text;
    struct fault fault;
    octets_buffer_init(&text);
    zonefile_entry_join(entry, first, &text);
    bool good =
        rdata_from_text(type, (const char *)text.data, reading->origin, reading->writer, &fault);
    if (!good)
        zonefile_error_add(reading->errors, zonefile_entry_place(entry, first), "%s: %s",
                           reading->type, without_type(fault.text, reading->type));
    octets_buffer_close(&text);
    return good;
}

bool
zonefile_fields_read(const struct zonefile_entry *entry, size_t first, uint16_t type,
                     const uint8_t *origin, struct octets_writer *writer,
                     struct zonefile_errors *errors)
{
    char type_text[RRTYPE_TEXT_MAX];
    struct field_reading reading = {
        .type = rrtype_text(type, type_text), .origin = origin, .writer = writer, .errors = errors};
    const struct zonefile_token *token = zonefile_entry_token(entry, first);
    const struct shape *shape = shape_find(type);
    bool good;
    if (token && !token->quoted && strcmp(token->text, "\\#") == 0)
        good = generic_read(entry, first, type, &reading);
    else if (shape)
        good = shape_read(shape, entry, first, &reading);
    else
        good = other_read(entry, first, type, &reading);
    if (good && writer->failed)
        return zonefile_error_add(errors, zonefile_entry_place(entry, first),
                                  "%s: RDATA of more than %d octets", reading.type, RDATA_SIZE_MAX);
    return good;
}
