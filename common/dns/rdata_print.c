#include "common/dns/rdata_print.h"

#include "common/dns/name.h"
#include "common/dns/rdata_svcb.h"
#include "common/dns/rrtype.h"
#include "common/dns/text_token.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

struct print {
    struct octets_reader in;
    struct octets_buffer *text;
};

static void
address_print(struct print *print, int family)
{
    char text[INET6_ADDRSTRLEN];
    const uint8_t *address = octets_read_view(&print->in, family == AF_INET ? 4 : 16);
    if (address)
        octets_buffer_printf(print->text, "%s", inet_ntop(family, address, text, sizeof text));
}

static void
name_print(struct print *print)
{
    uint8_t name[NAME_SIZE_MAX];
    char text[NAME_TEXT_MAX];
    if (name_read_plain(&print->in, name))
        octets_buffer_printf(print->text, "%s", name_to_text(name, text));
}

static void
string_print(struct print *print)
{
    uint8_t length = octets_read_u8(&print->in);
    const uint8_t *octets = octets_read_view(&print->in, length);
    if (octets)
        text_quote(print->text, octets, length);
}

static void
strings_print(struct print *print)
{
    string_print(print);
    while (octets_left(&print->in)) {
        octets_buffer_add_u8(print->text, ' ');
        string_print(print);
    }
}

// A tag is written bare, so it must be one that can be read back.
static void
tag_print(struct print *print)
{
    uint8_t length = octets_read_u8(&print->in);
    const uint8_t *octets = octets_read_view(&print->in, length);
    for (unsigned i = 0; octets && i < length; i++)
        if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", octets[i]) ||
            !octets[i])
            print->in.failed = true;
    if (octets && !print->in.failed)
        octets_buffer_add(print->text, octets, length);
}

static void
hex_print(struct print *print, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *octets = octets_read_view(&print->in, length);
    uint8_t *to = octets_buffer_reserve(print->text, 2 * length);
    for (size_t i = 0; octets && i < length; i++) {
        *to++ = (uint8_t)digits[octets[i] >> 4];
        *to++ = (uint8_t)digits[octets[i] & 15];
    }
    print->text->length = (size_t)(to - print->text->data);
}

static void
base64_print(struct print *print)
{
    size_t length = octets_left(&print->in);
    size_t size = sodium_base64_encoded_len(length, sodium_base64_VARIANT_ORIGINAL);
    const uint8_t *octets = octets_read_view(&print->in, length);
    uint8_t *place = octets_buffer_reserve(print->text, size);
    if (!octets)
        return;
    sodium_bin2base64((char *)place, size, octets, length, sodium_base64_VARIANT_ORIGINAL);
    print->text->length += size - 1;
}

static void
salt_print(struct print *print)
{
    uint8_t length = octets_read_u8(&print->in);
    if (!length && !print->in.failed)
        octets_buffer_add_u8(print->text, '-');
    hex_print(print, length);
}

static void
hash_print(struct print *print)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
    uint8_t length = octets_read_u8(&print->in);
    const uint8_t *octets = octets_read_view(&print->in, length);
    unsigned held = 0, bits = 0;
    for (unsigned i = 0; octets && i < length; i++) {
        held = (held << 8 | octets[i]) & 0xfffU;
        bits += 8;
        for (; bits >= 5; bits -= 5)
            octets_buffer_add_u8(print->text, (uint8_t)digits[held >> (bits - 5) & 31]);
    }
    if (bits)
        octets_buffer_add_u8(print->text, (uint8_t)digits[held << (5 - bits) & 31]);
}

static void
type_print(struct print *print, uint16_t type)
{
    char text[RRTYPE_TEXT_MAX];
    octets_buffer_printf(print->text, "%s", rrtype_text(type, text));
}

static void
bitmap_print(struct print *print)
{
    const char *space = "";
    while (octets_left(&print->in)) {
        uint8_t window = octets_read_u8(&print->in);
        uint8_t length = octets_read_u8(&print->in);
        const uint8_t *bits = octets_read_view(&print->in, length);
        // There is no type 0; its bit could not be read back.
        if (!bits || length > 32 || (window == 0 && length && bits[0] & 0x80)) {
            print->in.failed = true;
            return;
        }
        for (unsigned i = 0; i < length * 8U; i++) {
            if (!(bits[i / 8] & 0x80 >> (i & 7)))
                continue;
            octets_buffer_printf(print->text, "%s", space);
            type_print(print, (uint16_t)(window * 256U + i));
            space = " ";
        }
    }
}

static void
time_print(struct print *print)
{
    time_t seconds = octets_read_u32(&print->in);
    struct tm parts;
    char text[32];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y%m%d%H%M%S", &parts);
    octets_buffer_printf(print->text, "%s", text);
}

static void
endpoint_print(struct print *print, unsigned type)
{
    if (type == 0)
        octets_buffer_add_u8(print->text, '.');
    else if (type == 1)
        address_print(print, AF_INET);
    else if (type == 2)
        address_print(print, AF_INET6);
    else if (type == 3)
        name_print(print);
    else
        print->in.failed = true;
}

// The octet before holds the discovery bit and the type; rdata_print has written it as one number.
static void
relay_print(struct print *print)
{
    struct octets_buffer *text = print->text;
    uint8_t octet = print->in.at[-1];
    while (text->length && text->data[text->length - 1] != ' ')
        text->length--;
    if (text->length)
        text->length--;
    while (text->length && text->data[text->length - 1] != ' ')
        text->length--;
    octets_buffer_printf(text, "%u %u ", octet >> 7, octet & 0x7fU);
    endpoint_print(print, octet & 0x7fU);
}

static void
field_print(struct print *print, char field)
{
    struct octets_reader *in = &print->in;
    switch (field) {
    case SHAPE_U8:
    case SHAPE_ALGO:
        octets_buffer_printf(print->text, "%u", octets_read_u8(in));
        return;
    case SHAPE_U16:
    case SHAPE_CERT:
        octets_buffer_printf(print->text, "%u", octets_read_u16(in));
        return;
    case SHAPE_U32:
    case SHAPE_PERIOD:
        octets_buffer_printf(print->text, "%u", octets_read_u32(in));
        return;
    case SHAPE_TYPE:
        type_print(print, octets_read_u16(in));
        return;
    case SHAPE_TIME:
        time_print(print);
        return;
    case SHAPE_IPV4:
        address_print(print, AF_INET);
        return;
    case SHAPE_IPV6:
        address_print(print, AF_INET6);
        return;
    case SHAPE_NAME_OLD:
    case SHAPE_NAME_LOWER:
    case SHAPE_NAME_KEPT:
        name_print(print);
        return;
    case SHAPE_STRING:
        string_print(print);
        return;
    case SHAPE_STRING_OPTIONAL:
        if (octets_left(in))
            string_print(print);
        return;
    case SHAPE_STRINGS:
        strings_print(print);
        return;
    case SHAPE_TAG:
        tag_print(print);
        return;
    case SHAPE_LONG_STRING: {
        size_t length = octets_left(in);
        text_quote(print->text, octets_read_view(in, length), length);
        return;
    }
    case SHAPE_HEX:
    case SHAPE_DS_DIGEST:
    case SHAPE_ZONEMD:
        hex_print(print, octets_left(in));
        return;
    case SHAPE_BASE64:
    case SHAPE_BASE64_NONE:
        base64_print(print);
        return;
    case SHAPE_SALT:
        salt_print(print);
        return;
    case SHAPE_HASH:
        hash_print(print);
        return;
    case SHAPE_BITMAP:
    case SHAPE_BITMAP_EMPTY:
        bitmap_print(print);
        return;
    case SHAPE_GATEWAY:
        endpoint_print(print, in->at[-2]);
        return;
    case SHAPE_RELAY:
        relay_print(print);
        return;
    default:
        in->failed = true;
    }
}

bool
rdata_print(const struct rdata_shape *shape, const uint8_t *rdata, size_t length,
            struct octets_buffer *text)
{
    struct print print = {.text = text};
    octets_reader_init(&print.in, rdata, length);
    for (const char *field = shape->fields; *field && !print.in.failed; field++) {
        if (*field == SHAPE_SVCPARAMS) {
            if (!rdata_svcb_print(&print.in, text))
                return false;
            continue;
        }
        // Blanks stand between fields, and an empty field at the end leaves none behind.
        size_t before = text->length;
        if (field != shape->fields)
            octets_buffer_add_u8(text, ' ');
        size_t start = text->length;
        field_print(&print, *field);
        if (text->length == start)
            text->length = before;
    }
    return !print.in.failed && octets_left(&print.in) == 0;
}
