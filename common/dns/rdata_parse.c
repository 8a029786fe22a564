// Why not all of it by ldns? It takes what it cannot represent (a port of 99999 becomes 34463, an
// odd number of hexadecimal digits gets a zero, an unknown type in an NSEC becomes TYPE0) and says
// "syntax error" where an operator needs to hear which word is missing. So the regular fields are
// read here, with their words from the shape table, and ldns keeps the types with a language of
// their own.
#include "common/dns/rdata_parse.h"

#include "common/dns/name.h"
#include "common/dns/rdata_svcb.h"
#include "common/dns/rrtype.h"
#include "common/dns/text_token.h"
#include "common/dns/text_value.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <string.h>

struct parse {
    const char *at;
    const uint8_t *origin;
    struct octets_writer *out;
    char word[SHAPE_WORD_MAX]; // of the current field
    struct fault *fault;
};

static bool
missing(struct parse *parse)
{
    return fault_set(parse->fault, FAULT_SYNTAX, "missing %s", parse->word);
}

static bool
wrong(struct parse *parse, const struct text_token *token, const char *expected)
{
    return fault_set(parse->fault, FAULT_SYNTAX, "%s \"%.*s\": expected %s", parse->word,
                     (int)(token->length > 300 ? 300 : token->length), token->text, expected);
}

static bool
token_take(struct parse *parse, struct text_token *ret_token)
{
    if (!text_token_next(&parse->at, ret_token))
        return missing(parse);
    return !ret_token->open || wrong(parse, ret_token, "a closing quote");
}

typedef bool value_reader(const struct text_token *token, uint64_t *ret_value);

static bool
u8_text(const struct text_token *token, uint64_t *ret_value)
{
    return text_number(token, UINT8_MAX, ret_value);
}

static bool
u16_text(const struct text_token *token, uint64_t *ret_value)
{
    return text_number(token, UINT16_MAX, ret_value);
}

static bool
u32_text(const struct text_token *token, uint64_t *ret_value)
{
    return text_number(token, UINT32_MAX, ret_value);
}

// One word that stands for a number of size octets.
static bool
number_parse(struct parse *parse, value_reader *reader, unsigned size, const char *expected)
{
    struct text_token token;
    uint64_t value;
    if (!token_take(parse, &token))
        return false;
    if (!reader(&token, &value))
        return wrong(parse, &token, expected);
    if (size == 1)
        octets_write_u8(parse->out, (uint8_t)value);
    else if (size == 2)
        octets_write_u16(parse->out, (uint16_t)value);
    else
        octets_write_u32(parse->out, (uint32_t)value);
    return true;
}

static bool
type_parse(struct parse *parse)
{
    struct text_token token;
    char word[TEXT_WORD_MAX];
    uint16_t type;
    if (!token_take(parse, &token))
        return false;
    if (!rrtype_from_text(text_word(&token, word), &type))
        return wrong(parse, &token, "an RR type such as A, MX or TYPE65280");
    octets_write_u16(parse->out, type);
    return true;
}

static bool
address_write(struct parse *parse, const struct text_token *token, int family)
{
    char word[TEXT_WORD_MAX];
    uint8_t address[16];
    if (inet_pton(family, text_word(token, word), address) != 1)
        return wrong(parse, token,
                     family == AF_INET ? "an IPv4 address such as 192.0.2.1"
                                       : "an IPv6 address such as 2001:db8::1");
    octets_write(parse->out, address, family == AF_INET ? 4 : 16);
    return true;
}

static bool
address_parse(struct parse *parse, int family)
{
    struct text_token token;
    return token_take(parse, &token) && address_write(parse, &token, family);
}

static bool
name_parse(struct parse *parse)
{
    struct text_token token;
    char text[NAME_TEXT_MAX];
    uint8_t name[NAME_SIZE_MAX];
    if (!token_take(parse, &token))
        return false;
    if (token.length >= sizeof text)
        return wrong(parse, &token, "a domain name of at most 255 octets");
    memcpy(text, token.text, token.length);
    text[token.length] = '\0';
    if (!name_from_text_kept(text, parse->origin, name, parse->fault))
        return fault_wrap(parse->fault, "%s", parse->word);
    octets_write(parse->out, name, name_length(name));
    return true;
}

static bool
string_write(struct parse *parse, const struct text_token *token)
{
    uint8_t octets[UINT8_MAX];
    size_t length = text_unescape(token->text, token->length, octets, sizeof octets);
    if (length == SIZE_MAX)
        return wrong(parse, token,
                     "at most 255 octets in a string (split it into several), and \\DDD "
                     "from 000 to 255");
    octets_write_u8(parse->out, (uint8_t)length);
    octets_write(parse->out, octets, length);
    return true;
}

static bool
string_parse(struct parse *parse)
{
    struct text_token token;
    return token_take(parse, &token) && string_write(parse, &token);
}

// Nothing but blanks is left.
static bool
at_end(const struct parse *parse)
{
    const char *at = parse->at;
    struct text_token token;
    return !text_token_next(&at, &token);
}

static bool
strings_parse(struct parse *parse)
{
    bool good = string_parse(parse);
    while (good && !parse->out->failed && !at_end(parse))
        good = string_parse(parse);
    return good;
}

static bool
long_string_parse(struct parse *parse)
{
    struct text_token token;
    if (!token_take(parse, &token))
        return false;
    struct octets_writer *out = parse->out;
    size_t length = text_unescape(token.text, token.length, out->at, octets_room(out));
    if (length == SIZE_MAX)
        return wrong(parse, &token, "a text that fits into an RR, and \\DDD from 000 to 255");
    out->at += length;
    return true;
}

// Hexadecimal or base64, perhaps in several words, to the end of the text. Words are decoded one
// after the other: a word that ends inside an octet is refused for hexadecimal and carried on for
// base64.
static bool
hex_parse(struct parse *parse)
{
    struct text_token token;
    if (!token_take(parse, &token))
        return false;
    do {
        if (token.length / 2 > octets_room(parse->out))
            return wrong(parse, &token, "at most 65535 octets of RDATA");
        if (!text_hex(&token, parse->out))
            return wrong(parse, &token, "hexadecimal digits in pairs");
    } while (text_token_next(&parse->at, &token));
    return true;
}

// The words to the end of the text without the blanks between them, in a buffer of the caller.
static void
words_join(struct parse *parse, struct octets_buffer *words)
{
    struct text_token token;
    while (text_token_next(&parse->at, &token))
        octets_buffer_add(words, token.text, token.length);
}

static bool
base64_parse(struct parse *parse, bool may_be_none)
{
    struct octets_buffer words;
    octets_buffer_init(&words);
    words_join(parse, &words);
    bool dash = words.length == 1 && words.data[0] == '-';
    bool good = may_be_none && (words.length == 0 || dash);
    if (!good && words.length == 0) {
        missing(parse);
    } else if (!good) {
        struct octets_writer *out = parse->out;
        size_t length;
        const char *text = (const char *)words.data;
        const char *end;
        struct text_token all = {.text = text, .length = words.length};
        good = sodium_base642bin(out->at, octets_room(out), text, words.length, NULL, &length, &end,
                                 sodium_base64_VARIANT_ORIGINAL) == 0 &&
               end == text + words.length;
        if (good)
            out->at += length;
        else
            wrong(parse, &all, "base64 that fits into an RR");
    }
    octets_buffer_close(&words);
    return good;
}

static bool
salt_parse(struct parse *parse)
{
    struct text_token token;
    uint8_t salt[UINT8_MAX];
    struct octets_writer out;
    octets_writer_init(&out, salt, sizeof salt);
    if (!token_take(parse, &token))
        return false;
    bool none = token.length == 1 && token.text[0] == '-';
    if (!none && !text_hex(&token, &out))
        return wrong(parse, &token, "- or hexadecimal digits in pairs, at most 255 octets");
    octets_write_u8(parse->out, (uint8_t)octets_written(&out));
    octets_write(parse->out, salt, octets_written(&out));
    return true;
}

static bool
hash_parse(struct parse *parse)
{
    struct text_token token;
    uint8_t hash[UINT8_MAX];
    unsigned length;
    if (!token_take(parse, &token))
        return false;
    if (!text_base32hex(&token, hash, &length))
        return wrong(parse, &token, "base32 digits 0-9 and A-V, at most 255 octets");
    octets_write_u8(parse->out, (uint8_t)length);
    octets_write(parse->out, hash, length);
    return true;
}

static void
bitmap_write(struct octets_writer *out, const uint8_t bits[static 8192])
{
    for (unsigned window = 0; window < 256; window++) {
        const uint8_t *at = bits + window * 32U;
        unsigned used = 32;
        while (used && !at[used - 1])
            used--;
        if (!used)
            continue;
        octets_write_u8(out, (uint8_t)window);
        octets_write_u8(out, (uint8_t)used);
        octets_write(out, at, used);
    }
}

static bool
bitmap_parse(struct parse *parse, bool may_be_empty)
{
    uint8_t bits[8192] = {0};
    struct text_token token;
    bool any = false;
    while (text_token_next(&parse->at, &token)) {
        char word[TEXT_WORD_MAX];
        uint16_t type;
        if (!rrtype_from_text(text_word(&token, word), &type) || type == 0)
            return wrong(parse, &token, "an RR type such as A, MX or TYPE65280");
        bits[type / 8] |= (uint8_t)(0x80 >> (type & 7));
        any = true;
    }
    bitmap_write(parse->out, bits);
    return any || may_be_empty || missing(parse);
}

// A gateway or relay, by the type that was written `back` octets before, or nothing written as ".".
static bool
endpoint_parse(struct parse *parse, size_t back)
{
    struct text_token token;
    if (parse->out->failed || octets_written(parse->out) < back)
        return false;
    const char *before = parse->at;
    if (!token_take(parse, &token))
        return false;
    switch (parse->out->at[-(ptrdiff_t)back] & 0x7f) {
    case 0:
        return (token.length == 1 && token.text[0] == '.') || wrong(parse, &token, ". for none");
    case 1:
        return address_write(parse, &token, AF_INET);
    case 2:
        return address_write(parse, &token, AF_INET6);
    case 3:
        parse->at = before;
        return name_parse(parse);
    default:
        return wrong(parse, &token, "a type from 0 to 3 before it");
    }
}

// The discovery bit and the type are two words and one octet (RFC 8777 section 4.3.1).
static bool
relay_parse(struct parse *parse)
{
    struct text_token token;
    uint64_t type;
    if (parse->out->failed)
        return false;
    uint8_t *octet = parse->out->at - 1;
    if (*octet > 1)
        return fault_set(parse->fault, FAULT_SYNTAX, "discovery \"%u\": expected 0 or 1", *octet);
    if (!token_take(parse, &token))
        return false;
    if (!text_number(&token, 3, &type))
        return wrong(parse, &token, "a relay type from 0 to 3");
    *octet = (uint8_t)((uint64_t)*octet << 7 | type);
    return endpoint_parse(parse, 1);
}

static bool
field_parse(struct parse *parse, char field)
{
    switch (field) {
    case SHAPE_U8:
        return number_parse(parse, u8_text, 1, "a whole number from 0 to 255");
    case SHAPE_ALGO:
        return number_parse(parse, text_algorithm, 1, "an algorithm such as 13 or ECDSAP256SHA256");
    case SHAPE_U16:
        return number_parse(parse, u16_text, 2, "a whole number from 0 to 65535");
    case SHAPE_CERT:
        return number_parse(parse, text_certificate_type, 2, "a type such as 1 or PKIX");
    case SHAPE_TYPE:
        return type_parse(parse);
    case SHAPE_U32:
        return number_parse(parse, u32_text, 4, "a whole number from 0 to 4294967295");
    case SHAPE_PERIOD:
        return number_parse(parse, text_period, 4, "seconds, or a time such as 15m, 1h or 2w");
    case SHAPE_TIME:
        return number_parse(parse, text_time, 4, "a time as YYYYMMDDHHmmSS or seconds since 1970");
    case SHAPE_IPV4:
        return address_parse(parse, AF_INET);
    case SHAPE_IPV6:
        return address_parse(parse, AF_INET6);
    case SHAPE_NAME_OLD:
    case SHAPE_NAME_LOWER:
    case SHAPE_NAME_KEPT:
        return name_parse(parse);
    case SHAPE_STRING:
    case SHAPE_TAG:
        return string_parse(parse);
    case SHAPE_STRING_OPTIONAL:
        return at_end(parse) || string_parse(parse);
    case SHAPE_STRINGS:
        return strings_parse(parse);
    case SHAPE_LONG_STRING:
        return long_string_parse(parse);
    case SHAPE_HEX:
    case SHAPE_DS_DIGEST:
    case SHAPE_ZONEMD:
        return hex_parse(parse);
    case SHAPE_BASE64:
        return base64_parse(parse, false);
    case SHAPE_BASE64_NONE:
        return base64_parse(parse, true);
    case SHAPE_SALT:
        return salt_parse(parse);
    case SHAPE_HASH:
        return hash_parse(parse);
    case SHAPE_BITMAP:
        return bitmap_parse(parse, false);
    case SHAPE_BITMAP_EMPTY:
        return bitmap_parse(parse, true);
    case SHAPE_GATEWAY:
        return endpoint_parse(parse, 2);
    case SHAPE_RELAY:
        return relay_parse(parse);
    case SHAPE_SVCPARAMS:
        return rdata_svcb_parse(&parse->at, parse->out, parse->fault);
    default:
        ensure_failed("rdata_parse_knows was asked", __FILE__, __LINE__, __func__);
    }
}

bool
rdata_parse_knows(const struct rdata_shape *shape)
{
    static const char unknown[] = {SHAPE_EUI48, SHAPE_64BIT, SHAPE_REST, SHAPE_APL,
                                   SHAPE_HIP,   SHAPE_A6,    SHAPE_LOC,  '\0'};
    return !strpbrk(shape->fields, unknown);
}

bool
rdata_parse(const struct rdata_shape *shape, const char *text, const uint8_t *origin,
            struct octets_writer *writer, struct fault *fault)
{
    struct parse parse = {.at = text, .origin = origin, .out = writer, .fault = fault};
    for (size_t field = 0; shape->fields[field]; field++) {
        rdata_shape_word(shape, field, parse.word);
        if (!field_parse(&parse, shape->fields[field]))
            return false;
    }
    struct text_token token;
    if (text_token_next(&parse.at, &token))
        return fault_set(fault, FAULT_SYNTAX, "unexpected \"%.*s\" after %s",
                         (int)(token.length > 300 ? 300 : token.length), token.text, parse.word);
    return true;
}
