// One walker for wire format from everywhere. A field is read from `in`, checked, and written to
// `out`, or, when the RDATA is our own memory, folded to lower case in place. Nothing here knows an
// RR type: the table of rdata_shape says what a type consists of, so a new type is one row.
//
// How strict? What breaks the RFC's own grammar is refused, for a validator would refuse it too,
// and so is what could not be written in canonical form. Values without influence on anybody's
// parsing (an unknown algorithm, a DNSKEY protocol other than 3) pass: they are the owner's
// business.
#include "common/dns/rdata_field.h"

#include "common/base/fault.h"
#include "common/dns/name.h"
#include "common/dns/rdata_shape.h"

#include <ctype.h>
#include <string.h>

static const uint8_t *
octets_pass(struct rdata_walk *walk, size_t length)
{
    const uint8_t *view = octets_read_view(&walk->in, length);
    if (view && walk->out)
        octets_write(walk->out, view, length);
    return view;
}

static const char *
name_pass(struct rdata_walk *walk, bool pointers, bool lower)
{
    uint8_t name[NAME_SIZE_MAX];
    size_t position = octets_position(&walk->in);
    if (pointers ? !name_read(&walk->in, name) : !name_read_plain(&walk->in, name))
        return pointers || !walk->from_message ? "a domain name of at most 255 octets"
                                               : "an uncompressed domain name";
    size_t length = lower ? name_copy_lower(name, name) : name_length(name);
    if (walk->out)
        octets_write(walk->out, name, length);
    else
        memcpy(walk->own + position, name, length);
    return NULL;
}

static const char *
string_pass(struct rdata_walk *walk)
{
    const uint8_t *length = octets_pass(walk, 1);
    return length && octets_pass(walk, *length) ? NULL : "a string with its length before it";
}

static const char *
strings_pass(struct rdata_walk *walk)
{
    const char *expected = string_pass(walk);
    while (!expected && octets_left(&walk->in))
        expected = string_pass(walk);
    return expected;
}

static const char *
tag_pass(struct rdata_walk *walk)
{
    const uint8_t *tag = octets_pass(walk, 1);
    const char *expected = "a tag of 1 to 255 letters and digits";
    if (!tag || !*tag || !octets_pass(walk, *tag))
        return expected;
    for (unsigned i = 1; i <= *tag; i++)
        if (tag[i] >= 0x80 || !isalnum(tag[i]))
            return expected;
    return NULL;
}

static const char *
rest_pass(struct rdata_walk *walk)
{
    octets_pass(walk, octets_left(&walk->in));
    return NULL;
}

// Windows ascend, none is empty, none ends with an octet of zero.
static const char *
bitmap_pass(struct rdata_walk *walk)
{
    int last = -1;
    while (octets_left(&walk->in)) {
        const uint8_t *window = octets_pass(walk, 2);
        if (!window || window[0] <= last || window[1] < 1 || window[1] > 32)
            return "a type bitmap: windows in ascending order, each of 1 to 32 octets";
        const uint8_t *bits = octets_pass(walk, window[1]);
        if (!bits || bits[window[1] - 1] == 0)
            return "a type bitmap: windows without zero octets at their end";
        last = window[0];
    }
    return NULL;
}

static const char *
hash_pass(struct rdata_walk *walk)
{
    const uint8_t *length = octets_pass(walk, 1);
    return length && *length && octets_pass(walk, *length) ? NULL : "a hash of at least one octet";
}

// A digest whose algorithm is the octet before it: sizes[algorithm], 0 for the unknown.
static const char *
digest_pass(struct rdata_walk *walk, const uint8_t *sizes, size_t known, size_t minimum)
{
    uint8_t algorithm = walk->in.at[-1];
    size_t size = algorithm < known ? sizes[algorithm] : 0;
    size_t left = octets_left(&walk->in);
    if (left < minimum || (size && left != size))
        return "a digest as long as its algorithm makes it";
    return rest_pass(walk);
}

static const char *
ds_digest_pass(struct rdata_walk *walk)
{
    static const uint8_t sizes[] = {0,  20, 32, 32,
                                    48, 32, 32}; // IANA: SHA-1, SHA-256, GOST, SHA-384, ...
    return digest_pass(walk, sizes, sizeof sizes, 1);
}

// RFC 8976 section 2.2.4: at least 12 octets; SHA-384 and SHA-512 are never cut. What another
// scheme than SIMPLE digests, and how much of it it keeps, is its own affair (appendix A.3).
static const char *
zonemd_pass(struct rdata_walk *walk)
{
    static const uint8_t sizes[] = {0, 48, 64};
    bool simple = walk->in.at[-2] == 1; // the octet before the hash algorithm
    return digest_pass(walk, sizes, simple ? sizeof sizes : 0, 12);
}

static const char *
svcparam_mandatory_check(struct octets_reader *value)
{
    int last = 0;
    do {
        uint16_t key = octets_read_u16(value);
        if (value->failed || key <= last)
            return "mandatory: one or more keys in ascending order, without mandatory itself";
        last = key;
    } while (octets_left(value));
    return NULL;
}

static const char *
svcparam_alpn_check(struct octets_reader *value)
{
    do {
        uint8_t length = octets_read_u8(value);
        if (!length || !octets_read_view(value, length))
            return "alpn: one or more protocol names that are not empty";
    } while (octets_left(value));
    return NULL;
}

// RFC 9460 section 7, RFC 9540 section 4.
static const char *
svcparam_check(uint16_t key, struct octets_reader *value)
{
    size_t length = octets_left(value);
    switch (key) {
    case 0:
        return svcparam_mandatory_check(value);
    case 1:
        return svcparam_alpn_check(value);
    case 2:
        return length == 0 ? NULL : "no-default-alpn: no value";
    case 3:
        return length == 2 ? NULL : "port: a number of two octets";
    case 4:
        return length && length % 4 == 0 ? NULL : "ipv4hint: one or more IPv4 addresses";
    case 5:
        return length ? NULL : "ech: a value";
    case 6:
        return length && length % 16 == 0 ? NULL : "ipv6hint: one or more IPv6 addresses";
    case 8:
        return length == 0 ? NULL : "ohttp: no value";
    case 65535:
        return "a key other than 65535";
    default:
        return NULL;
    }
}

static const char *
svcparams_pass(struct rdata_walk *walk)
{
    int last = -1;
    while (octets_left(&walk->in)) {
        const uint8_t *head = octets_pass(walk, 4);
        if (!head)
            return "a key and a length";
        uint16_t key = octets_get_u16(head), length = octets_get_u16(head + 2);
        const uint8_t *octets = octets_pass(walk, length);
        if (!octets)
            return "a value as long as it says";
        if (key <= last)
            return "keys in ascending order, each once";
        struct octets_reader value;
        octets_reader_init(&value, octets, length);
        const char *expected = svcparam_check(key, &value);
        if (expected)
            return expected;
        last = key;
    }
    return NULL;
}

static const char *
apl_pass(struct rdata_walk *walk)
{
    while (octets_left(&walk->in)) {
        const uint8_t *item = octets_pass(walk, 4);
        if (!item)
            return "an address family, a prefix and a length";
        uint16_t family = octets_get_u16(item);
        unsigned length = item[3] & 0x7fU;
        unsigned size = family == 1 ? 4 : family == 2 ? 16 : 127;
        if (length > size || (size <= 16 && item[2] > size * 8))
            return "a prefix no longer than its address family allows";
        const uint8_t *address = octets_pass(walk, length);
        if (!address || (length && address[length - 1] == 0))
            return "an address without zero octets at its end";
    }
    return NULL;
}

// None, IPv4, IPv6 or a name, as IPSECKEY and AMTRELAY have it.
static const char *
endpoint_pass(struct rdata_walk *walk, unsigned type)
{
    switch (type) {
    case 0:
        return NULL;
    case 1:
        return octets_pass(walk, 4) ? NULL : "an IPv4 address (4 octets)";
    case 2:
        return octets_pass(walk, 16) ? NULL : "an IPv6 address (16 octets)";
    case 3:
        return name_pass(walk, false, false);
    default:
        return "a type from 0 to 3 before it";
    }
}

static const char *
gateway_pass(struct rdata_walk *walk)
{
    return endpoint_pass(walk, walk->in.at[-2]);
}

static const char *
relay_pass(struct rdata_walk *walk)
{
    return endpoint_pass(walk, walk->in.at[-1] & 0x7fU);
}

static const char *
hip_pass(struct rdata_walk *walk)
{
    const uint8_t *head = octets_pass(walk, 4);
    if (!head || !head[0] || !octets_get_u16(head + 2))
        return "lengths of the identity tag and of the key";
    if (!octets_pass(walk, head[0]) || !octets_pass(walk, octets_get_u16(head + 2)))
        return "an identity tag and a key as long as they say";
    const char *expected = NULL;
    while (!expected && octets_left(&walk->in))
        expected = name_pass(walk, false, false);
    return expected;
}

static const char *
a6_pass(struct rdata_walk *walk)
{
    const uint8_t *prefix = octets_pass(walk, 1);
    if (!prefix || *prefix > 128)
        return "a prefix length from 0 to 128";
    if (!octets_pass(walk, (128U - *prefix + 7) / 8))
        return "the rest of the address";
    return *prefix ? name_pass(walk, false, true) : NULL;
}

static const char *
loc_pass(struct rdata_walk *walk)
{
    // What another version looks like nobody knows (RFC 1876 section 2).
    if (octets_left(&walk->in) && walk->in.at[0] != 0)
        return rest_pass(walk);
    return octets_pass(walk, 16) ? NULL : "16 octets";
}

const char *
rdata_field_pass(struct rdata_walk *walk, char field)
{
    switch (field) {
    case SHAPE_U8:
    case SHAPE_ALGO:
        return octets_pass(walk, 1) ? NULL : "a number of one octet";
    case SHAPE_U16:
    case SHAPE_TYPE:
    case SHAPE_CERT:
        return octets_pass(walk, 2) ? NULL : "a number of two octets";
    case SHAPE_U32:
    case SHAPE_PERIOD:
    case SHAPE_TIME:
        return octets_pass(walk, 4) ? NULL : "a number of four octets";
    case SHAPE_EUI48:
        return octets_pass(walk, 6) ? NULL : "six octets";
    case SHAPE_64BIT:
        return octets_pass(walk, 8) ? NULL : "eight octets";
    case SHAPE_IPV4:
        return octets_pass(walk, 4) ? NULL : "an IPv4 address (4 octets)";
    case SHAPE_IPV6:
        return octets_pass(walk, 16) ? NULL : "an IPv6 address (16 octets)";
    case SHAPE_NAME_OLD:
        return name_pass(walk, walk->from_message, true);
    case SHAPE_NAME_LOWER:
        return name_pass(walk, false, true);
    case SHAPE_NAME_KEPT:
        return name_pass(walk, false, false);
    case SHAPE_STRING:
    case SHAPE_SALT:
        return string_pass(walk);
    case SHAPE_STRING_OPTIONAL:
        return octets_left(&walk->in) ? string_pass(walk) : NULL;
    case SHAPE_STRINGS:
        return strings_pass(walk);
    case SHAPE_TAG:
        return tag_pass(walk);
    case SHAPE_REST:
    case SHAPE_BASE64_NONE:
    case SHAPE_LONG_STRING:
        return rest_pass(walk);
    case SHAPE_HEX:
    case SHAPE_BASE64:
        return octets_left(&walk->in) ? rest_pass(walk) : "at least one octet";
    case SHAPE_BITMAP:
        return octets_left(&walk->in) ? bitmap_pass(walk) : "at least one type";
    case SHAPE_BITMAP_EMPTY:
        return bitmap_pass(walk);
    case SHAPE_HASH:
        return hash_pass(walk);
    case SHAPE_DS_DIGEST:
        return ds_digest_pass(walk);
    case SHAPE_ZONEMD:
        return zonemd_pass(walk);
    case SHAPE_SVCPARAMS:
        return svcparams_pass(walk);
    case SHAPE_APL:
        return apl_pass(walk);
    case SHAPE_GATEWAY:
        return gateway_pass(walk);
    case SHAPE_RELAY:
        return relay_pass(walk);
    case SHAPE_HIP:
        return hip_pass(walk);
    case SHAPE_A6:
        return a6_pass(walk);
    case SHAPE_LOC:
        return loc_pass(walk);
    default:
        ensure_failed("a letter of the shape table has a case", __FILE__, __LINE__, __func__);
    }
}
