// Where the TSIG of a message stands. The RRs before it are only stepped over: whether they are
// good is for others to say, and after the signature was checked.
#include "common/dns/tsig.h"

#include "common/dns/rrtype.h"

#include <string.h>

#define POINTER_MASK  0xC0U
#define RR_FIXED_SIZE 10 // type, class, TTL, RDLENGTH

// Steps over a name without following pointers. Bounded by the message: each label takes octets of
// it.
static void
name_step_over(struct octets_reader *reader)
{
    for (;;) {
        uint8_t length = octets_read_u8(reader);
        if (reader->failed || length == 0)
            return;
        if ((length & POINTER_MASK) == POINTER_MASK) {
            octets_read_u8(reader);
            return;
        }
        if (length & POINTER_MASK)
            reader->failed = true;
        octets_read_view(reader, length);
    }
}

// Steps over one RR and gives its type.
static uint16_t
rr_step_over(struct octets_reader *reader)
{
    name_step_over(reader);
    const uint8_t *fixed = octets_read_view(reader, RR_FIXED_SIZE);
    if (!fixed)
        return 0;
    octets_read_view(reader, octets_get_u16(fixed + 8));
    return octets_get_u16(fixed);
}

// Steps over the whole message. True when it is well formed and a TSIG, if any, is the last RR of
// the additional section, with nothing behind it.
static bool
find_last(struct octets_reader *reader, bool *ret_present, size_t *ret_position)
{
    struct message_header header;
    if (!message_read_header(reader, &header))
        return false;
    for (unsigned i = 0; i < header.qdcount && !reader->failed; i++) {
        name_step_over(reader);
        octets_read_u32(reader);
    }
    unsigned count = (unsigned)header.ancount + header.nscount + header.arcount;
    *ret_present = false;
    for (unsigned i = 0; i < count && !reader->failed; i++) {
        *ret_position = octets_position(reader);
        if (rr_step_over(reader) != RRTYPE_TSIG)
            continue;
        if (i + 1 != count || header.arcount == 0 || octets_left(reader))
            return false;
        *ret_present = true;
    }
    return !reader->failed;
}

static uint64_t
read_u48(struct octets_reader *reader)
{
    uint64_t high = octets_read_u16(reader);
    return high << 32 | octets_read_u32(reader);
}

static bool
rdata_read_tsig(struct octets_reader *reader, struct tsig_rr *tsig)
{
    uint8_t name[NAME_SIZE_MAX];
    if (!name_read(reader, name))
        return false;
    name_copy_lower(tsig->algorithm_name, name);
    tsig->time_signed = read_u48(reader);
    tsig->fudge = octets_read_u16(reader);
    tsig->mac_length = octets_read_u16(reader);
    if (tsig->mac_length > TSIG_MAC_MAX || !octets_read_copy(reader, tsig->mac, tsig->mac_length))
        return false;
    tsig->original_id = octets_read_u16(reader);
    tsig->error = octets_read_u16(reader);
    tsig->other_length = octets_read_u16(reader);
    tsig->other_position = octets_position(reader);
    return octets_read_view(reader, tsig->other_length) && !reader->failed;
}

// RFC 8945 section 4.2: class ANY, TTL 0. The TTL is read from the message itself: message_rr gives
// 0 for one with the top bit set.
static bool
rr_read_tsig(struct octets_reader *reader, struct tsig_rr *tsig)
{
    struct message_rr rr;
    octets_seek(reader, tsig->position);
    if (!message_read_rr(reader, &rr) || rr.class != RRCLASS_ANY ||
        octets_get_u32(reader->start + rr.rdata_position - 6) != 0)
        return false;
    name_copy_lower(tsig->key_name, rr.owner);
    octets_seek(reader, rr.rdata_position);
    return rdata_read_tsig(reader, tsig) &&
           octets_position(reader) == rr.rdata_position + rr.rdlength;
}

bool
tsig_find(const uint8_t *message, size_t length, struct tsig_rr *ret_tsig)
{
    struct octets_reader reader;
    memset(ret_tsig, 0, sizeof(*ret_tsig));
    octets_reader_init(&reader, message, length);
    bool present;
    if (!find_last(&reader, &present, &ret_tsig->position))
        return false;
    if (!present)
        return true;
    ret_tsig->present = rr_read_tsig(&reader, ret_tsig);
    return ret_tsig->present;
}
