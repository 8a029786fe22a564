// A parameter is decoded twice: first as a character string (quotes, \DDD), then, for lists, at
// commas, where
// "\," is a comma inside an item (RFC 9460 appendix A.1). Values are gathered aside and written in
// the order of their keys.
#include "common/dns/rdata_svcb.h"

#include "common/base/quantity.h"
#include "common/dns/text_token.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum svcparam {
    SVCPARAM_MANDATORY,
    SVCPARAM_ALPN,
    SVCPARAM_NO_DEFAULT_ALPN,
    SVCPARAM_PORT,
    SVCPARAM_IPV4HINT,
    SVCPARAM_ECH,
    SVCPARAM_IPV6HINT,
    SVCPARAM_DOHPATH,
    SVCPARAM_OHTTP,
    SVCPARAM_NAMED, // how many have names
};
static const char *const names[SVCPARAM_NAMED] = {
    "mandatory", "alpn",     "no-default-alpn", "port",  "ipv4hint",
    "ech",       "ipv6hint", "dohpath",         "ohttp",
};

#define VALUE_MAX 4096 // octets of one value; an ech list of a few keys has some 200

struct param {
    uint16_t key;
    uint16_t length;
    size_t position; // in the values
};
struct params {
    unsigned count;
    struct param at[RDATA_SVCB_PARAMS_MAX];
    struct octets_buffer values;
};
// One decoded value on its way to the wire.
struct value {
    const uint8_t *text;
    size_t length;
    struct octets_writer *out;
};

static bool
key_from_text(const char *text, size_t length, uint16_t *ret_key)
{
    for (uint16_t key = 0; key < SVCPARAM_NAMED; key++)
        if (strlen(names[key]) == length && memcmp(names[key], text, length) == 0) {
            *ret_key = key;
            return true;
        }
    char digits[6];
    uint64_t value;
    if (length < 4 || length > 8 || memcmp(text, "key", 3) != 0)
        return false;
    memcpy(digits, text + 3, length - 3);
    digits[length - 3] = '\0';
    // No leading zeros (RFC 9460 section 2.1); 65535 is reserved.
    if ((digits[0] == '0' && digits[1]) || !quantity_unsigned(digits, UINT16_MAX - 1, &value, NULL))
        return false;
    *ret_key = (uint16_t)value;
    return true;
}

// The next item of a list, unescaped into item (64 octets at most are of use to anybody but alpn's
// 255). False: the list is at its end, or the item is too long.
static bool
item_next(struct value *value, uint8_t item[static UINT8_MAX + 1], size_t *ret_length)
{
    size_t length = 0, at = 0;
    if (!value->length)
        return false;
    while (at < value->length && value->text[at] != ',') {
        if (value->text[at] == '\\' && at + 1 < value->length)
            at++;
        if (length == UINT8_MAX)
            return false;
        item[length++] = value->text[at++];
    }
    // "a," has an empty item at its end: keep the comma for it to be seen.
    bool last = at == value->length;
    bool dangling = !last && at + 1 == value->length;
    value->text += at + !last;
    value->length -= at + !last;
    item[length] = '\0';
    *ret_length = dangling ? 0 : length;
    return true;
}

static const char *
alpn_write(struct value *value)
{
    uint8_t item[UINT8_MAX + 1];
    size_t length;
    do {
        if (!item_next(value, item, &length) || !length)
            return "protocol names of 1 to 255 octets with commas between, such as h2,h3";
        octets_write_u8(value->out, (uint8_t)length);
        octets_write(value->out, item, length);
    } while (value->length);
    return NULL;
}

static const char *
hints_write(struct value *value, int family)
{
    uint8_t item[UINT8_MAX + 1], address[16];
    size_t length;
    do {
        if (!item_next(value, item, &length) || !length ||
            inet_pton(family, (const char *)item, address) != 1)
            return family == AF_INET ? "IPv4 addresses with commas between"
                                     : "IPv6 addresses with commas between";
        octets_write(value->out, address, family == AF_INET ? 4 : 16);
    } while (value->length);
    return NULL;
}

static int
key_order(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static const char *
mandatory_write(struct value *value)
{
    uint8_t item[UINT8_MAX + 1];
    uint16_t keys[RDATA_SVCB_PARAMS_MAX];
    size_t length, count = 0;
    do {
        if (count == RDATA_SVCB_PARAMS_MAX || !item_next(value, item, &length) ||
            !key_from_text((const char *)item, length, &keys[count]) || keys[count] == 0)
            return "names of other parameters with commas between, such as alpn,port";
        count++;
    } while (value->length);
    qsort(keys, count, sizeof keys[0], key_order);
    for (size_t i = 0; i < count; i++) {
        if (i && keys[i] == keys[i - 1])
            return "each name once";
        octets_write_u16(value->out, keys[i]);
    }
    return NULL;
}

static const char *
port_write(struct value *value)
{
    char digits[6];
    uint64_t port;
    size_t length = value->length < sizeof digits ? value->length : 0;
    memcpy(digits, value->text, length);
    digits[length] = '\0';
    if (!quantity_unsigned(digits, UINT16_MAX, &port, NULL))
        return "a port from 0 to 65535";
    octets_write_u16(value->out, (uint16_t)port);
    return NULL;
}

static const char *
ech_write(struct value *value)
{
    size_t length;
    const char *end, *text = (const char *)value->text;
    if (sodium_base642bin(value->out->at, octets_room(value->out), text, value->length, NULL,
                          &length, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text + value->length || !length)
        return "base64";
    value->out->at += length;
    return NULL;
}

// Gives what was expected, NULL when the value is written.
static const char *
value_write(uint16_t key, struct value *value)
{
    switch (key) {
    case SVCPARAM_MANDATORY:
        return mandatory_write(value);
    case SVCPARAM_ALPN:
        return alpn_write(value);
    case SVCPARAM_NO_DEFAULT_ALPN:
    case SVCPARAM_OHTTP:
        return value->length ? "no value" : NULL;
    case SVCPARAM_PORT:
        return port_write(value);
    case SVCPARAM_IPV4HINT:
        return hints_write(value, AF_INET);
    case SVCPARAM_ECH:
        return ech_write(value);
    case SVCPARAM_IPV6HINT:
        return hints_write(value, AF_INET6);
    default:
        octets_write(value->out, value->text, value->length);
        return NULL;
    }
}

static bool
param_wrong(struct fault *fault, const struct text_token *token, const char *expected)
{
    return fault_set(fault, FAULT_SYNTAX, "parameter \"%.*s\": expected %s",
                     (int)(token->length > 300 ? 300 : token->length), token->text, expected);
}

// The text behind "=", without quotes around it. False: a quote is not closed.
static bool
value_text(const char *text, size_t length, const char **ret_text, size_t *ret_length)
{
    if (length && text[0] == '"') {
        if (length < 2 || text[length - 1] != '"')
            return false;
        text++;
        length -= 2;
    }
    *ret_text = text;
    *ret_length = length;
    return true;
}

static bool
param_parse(struct params *params, const struct text_token *token, struct fault *fault)
{
    const char *sign = memchr(token->text, '=', token->length);
    size_t key_length = sign ? (size_t)(sign - token->text) : token->length;
    size_t length = sign ? token->length - key_length - 1 : 0;
    const char *text = sign ? sign + 1 : "";
    uint16_t key;
    uint8_t octets[VALUE_MAX], wire[VALUE_MAX];
    if (params->count == RDATA_SVCB_PARAMS_MAX)
        return fault_set(fault, FAULT_LIMIT, "more than %d parameters", RDATA_SVCB_PARAMS_MAX);
    if (!key_from_text(token->text, key_length, &key))
        return param_wrong(fault, token,
                           "a name such as alpn, port, ipv4hint or key65280 before =");
    if (!value_text(text, length, &text, &length))
        return param_wrong(fault, token, "a closing quote at its end");
    size_t decoded = text_unescape(text, length, octets, sizeof octets);
    if (decoded == SIZE_MAX)
        return param_wrong(fault, token, "at most 4096 octets, and \\DDD from 000 to 255");
    struct octets_writer out;
    octets_writer_init(&out, wire, sizeof wire);
    const char *expected = value_write(key, &(struct value){octets, decoded, &out});
    if (expected || out.failed)
        return param_wrong(fault, token, expected ? expected : "at most 4096 octets");
    params->at[params->count++] =
        (struct param){key, (uint16_t)octets_written(&out), params->values.length};
    octets_buffer_add(&params->values, wire, octets_written(&out));
    return true;
}

static int
param_order(const void *a, const void *b)
{
    return (int)((const struct param *)a)->key - (int)((const struct param *)b)->key;
}

static bool
has_key(const struct params *params, uint16_t key)
{
    for (unsigned i = 0; i < params->count; i++)
        if (params->at[i].key == key)
            return true;
    return false;
}

// What a client would throw away (RFC 9460 sections 7.1.1 and 8) is told to whoever writes the
// file.
static bool
params_check(const struct params *params, struct fault *fault)
{
    for (unsigned i = 1; i < params->count; i++)
        if (params->at[i].key == params->at[i - 1].key)
            return fault_set(fault, FAULT_SYNTAX, "parameter with key %u is there twice",
                             params->at[i].key);
    if (has_key(params, SVCPARAM_NO_DEFAULT_ALPN) && !has_key(params, SVCPARAM_ALPN))
        return fault_set(fault, FAULT_SYNTAX, "no-default-alpn needs alpn beside it");
    if (!params->count || params->at[0].key != SVCPARAM_MANDATORY)
        return true;
    for (unsigned i = 0; i < params->at[0].length; i += 2) {
        uint16_t key = octets_get_u16(params->values.data + params->at[0].position + i);
        if (!has_key(params, key))
            return fault_set(fault, FAULT_SYNTAX,
                             "mandatory names the parameter with key %u, which is not there", key);
    }
    return true;
}

static void
params_write(const struct params *params, struct octets_writer *writer)
{
    for (unsigned i = 0; i < params->count; i++) {
        octets_write_u16(writer, params->at[i].key);
        octets_write_u16(writer, params->at[i].length);
        octets_write(writer, params->values.data + params->at[i].position, params->at[i].length);
    }
}

bool
rdata_svcb_parse(const char **at, struct octets_writer *writer, struct fault *fault)
{
    struct params params = {.count = 0};
    struct text_token token;
    bool good = true;
    octets_buffer_init(&params.values);
    octets_buffer_reserve(&params.values, 1); // there is always memory to point into
    while (good && text_token_next(at, &token))
        good = param_parse(&params, &token, fault);
    if (good) {
        qsort(params.at, params.count, sizeof params.at[0], param_order);
        good = params_check(&params, fault);
    }
    if (good)
        params_write(&params, writer);
    octets_buffer_close(&params.values);
    return good;
}

static void
key_print(uint16_t key, struct octets_buffer *text)
{
    if (key < SVCPARAM_NAMED)
        octets_buffer_printf(text, "%s", names[key]);
    else
        octets_buffer_printf(text, "key%u", key);
}

static void
mandatory_print(struct octets_reader *value, struct octets_buffer *text)
{
    for (bool first = true; octets_left(value); first = false) {
        if (!first)
            octets_buffer_add_u8(text, ',');
        key_print(octets_read_u16(value), text);
    }
}

static void
hints_print(struct octets_reader *value, int family, struct octets_buffer *text)
{
    char address[INET6_ADDRSTRLEN];
    size_t size = family == AF_INET ? 4 : 16;
    for (bool first = true; octets_left(value); first = false) {
        const uint8_t *octets = octets_read_view(value, size);
        if (octets)
            octets_buffer_printf(text, "%s%s", first ? "" : ",",
                                 inet_ntop(family, octets, address, sizeof address));
    }
}

static void
alpn_print(struct octets_reader *value, struct octets_buffer *text)
{
    struct octets_buffer list;
    octets_buffer_init(&list);
    for (bool first = true; octets_left(value); first = false) {
        uint8_t length = octets_read_u8(value);
        const uint8_t *item = octets_read_view(value, length);
        if (!first)
            octets_buffer_add_u8(&list, ',');
        for (unsigned i = 0; item && i < length; i++) {
            if (item[i] == ',' || item[i] == '\\')
                octets_buffer_add_u8(&list, '\\');
            octets_buffer_add_u8(&list, item[i]);
        }
    }
    text_quote(text, list.data, list.length);
    octets_buffer_close(&list);
}

static void
ech_print(struct octets_reader *value, struct octets_buffer *text)
{
    size_t length = octets_left(value);
    size_t size = sodium_base64_encoded_len(length, sodium_base64_VARIANT_ORIGINAL);
    uint8_t *place = octets_buffer_reserve(text, size);
    sodium_bin2base64((char *)place, size, octets_read_view(value, length), length,
                      sodium_base64_VARIANT_ORIGINAL);
    text->length += size - 1;
}

static void
value_print(uint16_t key, struct octets_reader *value, struct octets_buffer *text)
{
    size_t length = octets_left(value);
    if (!length && key != SVCPARAM_ALPN)
        return;
    octets_buffer_add_u8(text, '=');
    if (key == SVCPARAM_MANDATORY)
        mandatory_print(value, text);
    else if (key == SVCPARAM_ALPN)
        alpn_print(value, text);
    else if (key == SVCPARAM_PORT)
        octets_buffer_printf(text, "%u", octets_read_u16(value));
    else if (key == SVCPARAM_IPV4HINT)
        hints_print(value, AF_INET, text);
    else if (key == SVCPARAM_ECH)
        ech_print(value, text);
    else if (key == SVCPARAM_IPV6HINT)
        hints_print(value, AF_INET6, text);
    else
        text_quote(text, octets_read_view(value, length), length);
}

bool
rdata_svcb_print(struct octets_reader *reader, struct octets_buffer *text)
{
    while (octets_left(reader)) {
        uint16_t key = octets_read_u16(reader);
        uint16_t length = octets_read_u16(reader);
        const uint8_t *octets = octets_read_view(reader, length);
        if (!octets)
            return false;
        struct octets_reader value;
        octets_reader_init(&value, octets, length);
        octets_buffer_add_u8(text, ' ');
        key_print(key, text);
        value_print(key, &value, text);
        if (value.failed || octets_left(&value))
            return false;
    }
    return !reader->failed;
}
