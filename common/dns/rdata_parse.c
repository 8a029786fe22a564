// Why not all of it by ldns? It takes what it cannot represent (a port of 99999 becomes 34463, an
// odd number of hexadecimal digits gets a zero, an unknown type in an NSEC becomes TYPE0) and says
// "syntax error" where an operator needs to hear which word is missing. So the regular fields are
// read here, with their words from the shape table, and ldns keeps the types with a language of
// their own.
#include "common/dns/rdata_parse.h"

#include "common/base/quantity.h"
#include "common/dns/name.h"
#include "common/dns/rdata_svcb.h"
#include "common/dns/rrtype.h"
#include "common/dns/text_token.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define WORD_MAX 128 // characters of a number, an address or a mnemonic

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

// The token as a C string without escapes, "" when it is too long to be anything that we know.
static const char *
token_word(const struct text_token *token, char word[static WORD_MAX])
{
    size_t length = token->length < WORD_MAX ? token->length : 0;
    memcpy(word, token->text, length);
    word[length] = '\0';
    return word;
}

struct mnemonic {
    const char *word;
    unsigned value;
};

static const struct mnemonic algorithms[] = {
    {"RSAMD5", 1},
    {"DH", 2},
    {"DSA", 3},
    {"RSASHA1", 5},
    {"DSA-NSEC3-SHA1", 6},
    {"RSASHA1-NSEC3-SHA1", 7},
    {"RSASHA256", 8},
    {"RSASHA512", 10},
    {"ECC-GOST", 12},
    {"ECDSAP256SHA256", 13},
    {"ECDSAP384SHA384", 14},
    {"ED25519", 15},
    {"ED448", 16},
    {"INDIRECT", 252},
    {"PRIVATEDNS", 253},
    {"PRIVATEOID", 254},
    {NULL, 0},
};
static const struct mnemonic certificates[] = {
    {"PKIX", 1},   {"SPKI", 2},    {"PGP", 3},   {"IPKIX", 4}, {"ISPKI", 5}, {"IPGP", 6},
    {"ACPKIX", 7}, {"IACPKIX", 8}, {"URI", 253}, {"OID", 254}, {NULL, 0},
};
static const struct mnemonic no_mnemonics[] = {{NULL, 0}};

static bool
number_read(const struct text_token *token, const struct mnemonic *mnemonics, uint64_t maximum,
            uint64_t *ret_value)
{
    char word[WORD_MAX];
    token_word(token, word);
    for (; mnemonics->word; mnemonics++)
        if (strcasecmp(word, mnemonics->word) == 0) {
            *ret_value = mnemonics->value;
            return true;
        }
    return quantity_unsigned(word, maximum, ret_value, NULL);
}

static bool
u8_parse(struct parse *parse, const struct mnemonic *mnemonics)
{
    struct text_token token;
    uint64_t value;
    if (!token_take(parse, &token))
        return false;
    if (!number_read(&token, mnemonics, UINT8_MAX, &value))
        return wrong(parse, &token, "a whole number from 0 to 255");
    octets_write_u8(parse->out, (uint8_t)value);
    return true;
}

static bool
u16_parse(struct parse *parse, const struct mnemonic *mnemonics)
{
    struct text_token token;
    uint64_t value;
    if (!token_take(parse, &token))
        return false;
    if (!number_read(&token, mnemonics, UINT16_MAX, &value))
        return wrong(parse, &token, "a whole number from 0 to 65535");
    octets_write_u16(parse->out, (uint16_t)value);
    return true;
}

static bool
u32_parse(struct parse *parse)
{
    struct text_token token;
    uint64_t value;
    if (!token_take(parse, &token))
        return false;
    if (!number_read(&token, no_mnemonics, UINT32_MAX, &value))
        return wrong(parse, &token, "a whole number from 0 to 4294967295");
    octets_write_u32(parse->out, (uint32_t)value);
    return true;
}

static bool
period_parse(struct parse *parse)
{
    struct text_token token;
    char word[WORD_MAX];
    uint64_t value;
    int64_t seconds;
    if (!token_take(parse, &token))
        return false;
    token_word(&token, word);
    for (char *at = word; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    if (!quantity_unsigned(word, UINT32_MAX, &value, NULL)) {
        if (!quantity_duration(word, &seconds, NULL) || seconds > UINT32_MAX)
            return wrong(parse, &token, "seconds, or a time such as 15m, 1h or 2w");
        value = (uint64_t)seconds;
    }
    octets_write_u32(parse->out, (uint32_t)value);
    return true;
}

// YYYYMMDDHHmmSS; a date that does not exist is refused, not rolled over.
static bool
date_read(const char *word, uint64_t *ret_value)
{
    struct tm parts = {0};
    char again[sizeof "YYYYMMDDHHmmSS"];
    if (strlen(word) != 14 || strspn(word, "0123456789") != 14 ||
        !strptime(word, "%Y%m%d%H%M%S", &parts))
        return false;
    time_t seconds = timegm(&parts);
    if (!strftime(again, sizeof again, "%Y%m%d%H%M%S", &parts) || strcmp(again, word) != 0 ||
        seconds < 0)
        return false;
    *ret_value = (uint32_t)seconds; // modulo 2^32: RFC 4034 section 3.1.5
    return true;
}

static bool
time_parse(struct parse *parse)
{
    struct text_token token;
    char word[WORD_MAX];
    uint64_t value;
    if (!token_take(parse, &token))
        return false;
    token_word(&token, word);
    if (!date_read(word, &value) && !quantity_unsigned(word, UINT32_MAX, &value, NULL))
        return wrong(parse, &token, "a time as YYYYMMDDHHmmSS or seconds since 1970");
    octets_write_u32(parse->out, (uint32_t)value);
    return true;
}

static bool
type_parse(struct parse *parse)
{
    struct text_token token;
    char word[WORD_MAX];
    uint16_t type;
    if (!token_take(parse, &token))
        return false;
    if (!rrtype_from_text(token_word(&token, word), &type))
        return wrong(parse, &token, "an RR type such as A, MX or TYPE65280");
    octets_write_u16(parse->out, type);
    return true;
}

static bool
address_write(struct parse *parse, const struct text_token *token, int family)
{
    char word[WORD_MAX];
    uint8_t address[16];
    if (inet_pton(family, token_word(token, word), address) != 1)
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
    if (!name_from_text(text, parse->origin, name, parse->fault))
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
        struct octets_writer *out = parse->out;
        size_t length;
        const char *end;
        if (token.length / 2 > octets_room(out))
            return wrong(parse, &token, "at most 65535 octets of RDATA");
        if (sodium_hex2bin(out->at, octets_room(out), token.text, token.length, NULL, &length,
                           &end) != 0 ||
            length * 2 != token.length)
            return wrong(parse, &token, "hexadecimal digits in pairs");
        out->at += length;
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
    size_t length = 0;
    const char *end;
    if (!token_take(parse, &token))
        return false;
    bool none = token.length == 1 && token.text[0] == '-';
    if (!none &&
        (sodium_hex2bin(salt, sizeof salt, token.text, token.length, NULL, &length, &end) != 0 ||
         length * 2 != token.length || !length))
        return wrong(parse, &token, "- or hexadecimal digits in pairs, at most 255 octets");
    octets_write_u8(parse->out, (uint8_t)length);
    octets_write(parse->out, salt, length);
    return true;
}

static int
base32hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    int letter = tolower((unsigned char)character);
    return letter >= 'a' && letter <= 'v' ? letter - 'a' + 10 : -1;
}

// Base32 with the extended hexadecimal alphabet, no padding (RFC 4648 section 7, RFC 5155
// section 3.3).
static bool
hash_parse(struct parse *parse)
{
    struct text_token token;
    uint8_t hash[UINT8_MAX];
    unsigned length = 0, bits = 0, held = 0;
    if (!token_take(parse, &token))
        return false;
    for (size_t i = 0; i < token.length; i++) {
        int digit = base32hex_digit(token.text[i]);
        if (digit < 0 || length == sizeof hash)
            return wrong(parse, &token, "base32 digits 0-9 and A-V, at most 255 octets");
        held = (held << 5 | (unsigned)digit) & 0xfffU;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            hash[length++] = (uint8_t)(held >> bits);
        }
    }
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
        char word[WORD_MAX];
        uint16_t type;
        if (!rrtype_from_text(token_word(&token, word), &type) || type == 0)
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
    if (!number_read(&token, no_mnemonics, 3, &type))
        return wrong(parse, &token, "a relay type from 0 to 3");
    *octet = (uint8_t)((uint64_t)*octet << 7 | type);
    return endpoint_parse(parse, 1);
}

static bool
field_parse(struct parse *parse, char field)
{
    switch (field) {
    case SHAPE_U8:
        return u8_parse(parse, no_mnemonics);
    case SHAPE_ALGO:
        return u8_parse(parse, algorithms);
    case SHAPE_U16:
        return u16_parse(parse, no_mnemonics);
    case SHAPE_CERT:
        return u16_parse(parse, certificates);
    case SHAPE_TYPE:
        return type_parse(parse);
    case SHAPE_U32:
        return u32_parse(parse);
    case SHAPE_PERIOD:
        return period_parse(parse);
    case SHAPE_TIME:
        return time_parse(parse);
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
