#include "common/dns/rdata.h"

#include "common/dns/name.h"
#include "common/dns/rdata_field.h"
#include "common/dns/rdata_shape.h"
#include "common/dns/rrtype.h"

#include <string.h>

static bool
shape_fault(struct fault *fault, uint16_t type, const struct rdata_shape *shape, size_t field,
            bool missing, const char *expected)
{
    if (!fault)
        return false;
    char type_text[RRTYPE_TEXT_MAX], word[SHAPE_WORD_MAX];
    rrtype_text(type, type_text);
    rdata_shape_word(shape, field, word);
    if (missing)
        return fault_set(fault, FAULT_SYNTAX, "%s: missing %s", type_text, word);
    return fault_set(fault, FAULT_SYNTAX, "%s: %s: expected %s", type_text, word, expected);
}

static bool
shape_pass(struct rdata_walk *walk, uint16_t type, struct fault *fault)
{
    static const struct rdata_shape opaque = {"*", "octets"};
    const struct rdata_shape *shape = rdata_shape_of(type);
    if (!shape)
        shape = &opaque;
    size_t field = 0;
    for (; shape->fields[field]; field++) {
        bool missing = octets_left(&walk->in) == 0;
        const char *expected = rdata_field_pass(walk, shape->fields[field]);
        if (expected)
            return shape_fault(fault, type, shape, field, missing, expected);
    }
    size_t left = octets_left(&walk->in);
    if (!left)
        return true;
    char text[RRTYPE_TEXT_MAX], word[SHAPE_WORD_MAX];
    return fault_set(fault, FAULT_SYNTAX, "%s: %zu octets too many after %s",
                     rrtype_text(type, text), left, rdata_shape_word(shape, field - 1, word));
}

static bool
room_check(const struct octets_writer *writer, size_t written, uint16_t type, struct fault *fault)
{
    char text[RRTYPE_TEXT_MAX];
    if (!writer->failed && octets_written(writer) - written <= RDATA_SIZE_MAX)
        return true;
    return fault_set(fault, FAULT_LIMIT, "%s: RDATA is too long for the room that it has",
                     rrtype_text(type, text));
}

bool
rdata_read(struct octets_reader *reader, uint16_t type, uint16_t rdlength,
           struct octets_writer *writer, struct fault *fault)
{
    struct rdata_walk walk = {.in = *reader, .from_message = true, .out = writer};
    uint8_t *written = writer->at;
    size_t written_before = octets_written(writer);
    if (!octets_read_view(reader, rdlength))
        return fault_set(fault, FAULT_SYNTAX, "RDATA of %u octets runs over the end of the message",
                         rdlength);
    walk.in.end = walk.in.at + rdlength;
    if (shape_pass(&walk, type, fault) && room_check(writer, written_before, type, fault))
        return true;
    writer->at = written;
    reader->failed = true;
    return false;
}

bool
rdata_canonicalise(uint16_t type, uint8_t *rdata, size_t length, struct fault *fault)
{
    char text[RRTYPE_TEXT_MAX];
    if (length > RDATA_SIZE_MAX)
        return fault_set(fault, FAULT_SYNTAX, "%s: RDATA is longer than 65535 octets",
                         rrtype_text(type, text));
    struct rdata_walk walk = {.own = rdata};
    octets_reader_init(&walk.in, rdata, length);
    return shape_pass(&walk, type, fault);
}

int
rdata_compare(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    size_t shorter = a_length < b_length ? a_length : b_length;
    int order = shorter ? memcmp(a, b, shorter) : 0;
    if (order)
        return order;
    return a_length < b_length ? -1 : a_length > b_length;
}

const uint8_t *
rdata_target(uint16_t type, const uint8_t *rdata, size_t length)
{
    size_t before;
    switch (type) {
    case RRTYPE_NS:
    case RRTYPE_CNAME:
    case RRTYPE_DNAME:
    case RRTYPE_PTR:
    case RRTYPE_ALIAS:
        before = 0;
        break;
    case RRTYPE_MX:
    case RRTYPE_SVCB:
    case RRTYPE_HTTPS:
        before = 2;
        break;
    case RRTYPE_SRV:
        before = 6;
        break;
    default:
        return NULL;
    }
    return length > before ? rdata + before : NULL;
}

// A pointer to the name at the reader's place, which moves behind it.
static const uint8_t *
name_view(struct octets_reader *reader)
{
    uint8_t name[NAME_SIZE_MAX];
    const uint8_t *view = reader->at;
    return name_read_plain(reader, name) ? view : NULL;
}

bool
rdata_soa_read(const uint8_t *rdata, size_t length, struct rdata_soa *ret_soa)
{
    struct octets_reader reader;
    octets_reader_init(&reader, rdata, length);
    struct rdata_soa soa = {.mname = name_view(&reader)};
    soa.rname = name_view(&reader);
    soa.serial = octets_read_u32(&reader);
    soa.refresh = octets_read_u32(&reader);
    soa.retry = octets_read_u32(&reader);
    soa.expire = octets_read_u32(&reader);
    soa.minimum = octets_read_u32(&reader);
    if (reader.failed || octets_left(&reader))
        return false;
    *ret_soa = soa;
    return true;
}

#define SOA_NUMBERS_SIZE 20 // serial, refresh, retry, expire, minimum at the end of the RDATA

void
rdata_soa_set_serial(uint8_t *rdata, size_t length, uint32_t serial)
{
    ENSURE(length >= SOA_NUMBERS_SIZE + 2);
    octets_put_u32(rdata + length - SOA_NUMBERS_SIZE, serial);
}

bool
rdata_rrsig_read(const uint8_t *rdata, size_t length, struct rdata_rrsig *ret_rrsig)
{
    struct octets_reader reader;
    octets_reader_init(&reader, rdata, length);
    struct rdata_rrsig rrsig = {.type_covered = octets_read_u16(&reader)};
    rrsig.algorithm = octets_read_u8(&reader);
    rrsig.labels = octets_read_u8(&reader);
    rrsig.original_ttl = octets_read_u32(&reader);
    rrsig.expiration = octets_read_u32(&reader);
    rrsig.inception = octets_read_u32(&reader);
    rrsig.key_tag = octets_read_u16(&reader);
    rrsig.signer = name_view(&reader);
    rrsig.signature_length = octets_left(&reader);
    rrsig.signature = octets_read_view(&reader, rrsig.signature_length);
    if (reader.failed || !rrsig.signature_length)
        return false;
    *ret_rrsig = rrsig;
    return true;
}

#define ALGORITHM_RSAMD5 1

uint16_t
rdata_dnskey_tag(const uint8_t *rdata, size_t length)
{
    // RSA/MD5 took it from the modulus instead (RFC 4034 appendix B.1).
    if (length >= 7 && rdata[3] == ALGORITHM_RSAMD5)
        return octets_get_u16(rdata + length - 3);
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += i & 1 ? rdata[i] : (uint32_t)rdata[i] << 8;
    return (uint16_t)(sum + (sum >> 16));
}
