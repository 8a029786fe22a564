#include "common/dns/edns.h"

#include "common/base/fault.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"

#include <string.h>

// Option codes, https://www.iana.org/assignments/dns-parameters
#define OPTION_NSID      3
#define OPTION_EXPIRE    9
#define OPTION_COOKIE    10
#define OPTION_KEEPALIVE 11
#define OPTION_EDE       15

#define EDNS_UDP_SIZE_MIN 512 // RFC 6891 section 6.2.3: less counts as this
#define EDNS_DO           0x8000U
#define EDNS_FIXED_SIZE   11 // root owner, type, class, TTL, RDLENGTH
#define OPTION_HEAD_SIZE  4

// RFC 7873 section 5.2.2: 8 octets of client cookie, or these and 8 to 32 of the server's.
static bool
cookie_length_fits(uint16_t length)
{
    return length == 8 || (length >= 16 && length <= EDNS_COOKIE_MAX);
}

static void
cookie_read(struct edns *edns, const uint8_t *cookie, uint16_t length)
{
    if (edns->cookie_length)
        return; // the first one counts (RFC 7873 section 5.2)
    if (!cookie_length_fits(length)) {
        edns->malformed = true;
        return;
    }
    edns->cookie_length = (uint8_t)length;
    memcpy(edns->cookie, cookie, length);
}

static void
option_read(struct edns *edns, uint16_t code, const uint8_t *value, uint16_t length)
{
    if (code == OPTION_NSID)
        edns->nsid = true;
    else if (code == OPTION_EXPIRE)
        edns->expire = true;
    else if (code == OPTION_COOKIE)
        cookie_read(edns, value, length);
    else if (code == OPTION_KEEPALIVE)
        edns->keepalive = true; // a time-out in a query says nothing (RFC 7828 section 3.2.1)
    else if (code == EDNS_OPTION_SERIAL_FOLLOWS && length == 0)
        edns->asks_serial_follows = true;
    else if (code == EDNS_OPTION_SERIAL_FOLLOWS)
        edns->serial_follows = length == 1 && *value == EDNS_SERIAL_FOLLOWS_YES;
}

void
edns_read(const struct octets_reader *message, const struct message_rr *opt, struct edns *ret_edns)
{
    *ret_edns = (struct edns){
        .present = true,
        .udp_size = opt->class < EDNS_UDP_SIZE_MIN ? EDNS_UDP_SIZE_MIN : opt->class,
        .malformed = opt->owner[0] != 0,
    };
    // The TTL is three fields (RFC 6891 section 6.1.3). It is read from the message itself:
    // message_rr gives 0 for a TTL with the top bit, which here is a bit of the extended RCODE.
    ENSURE(opt->rdata_position >= EDNS_FIXED_SIZE);
    uint32_t ttl = octets_get_u32(message->start + opt->rdata_position - 6);
    ret_edns->version = (uint8_t)(ttl >> 16);
    ret_edns->dnssec_ok = ttl & EDNS_DO;
    struct octets_reader options;
    octets_reader_init(&options, message->start + opt->rdata_position, opt->rdlength);
    while (octets_left(&options) && !options.failed) {
        uint16_t code = octets_read_u16(&options);
        uint16_t length = octets_read_u16(&options);
        const uint8_t *value = octets_read_view(&options, length);
        if (value)
            option_read(ret_edns, code, value, length);
    }
    ret_edns->malformed |= options.failed;
}

static size_t
options_size(const struct edns_answer *answer)
{
    size_t size = 0;
    if (answer->nsid_length)
        size += OPTION_HEAD_SIZE + answer->nsid_length;
    if (answer->has_expire)
        size += OPTION_HEAD_SIZE + 4;
    if (answer->cookie_length)
        size += OPTION_HEAD_SIZE + answer->cookie_length;
    if (answer->keepalive)
        size += OPTION_HEAD_SIZE + 2;
    if (answer->serial_follows)
        size += OPTION_HEAD_SIZE + 1;
    if (answer->ede != EDE_NONE)
        size += OPTION_HEAD_SIZE + 2 + (answer->ede_text ? strlen(answer->ede_text) : 0);
    return size;
}

size_t
edns_size(const struct edns_answer *answer)
{
    return EDNS_FIXED_SIZE + options_size(answer);
}

static void
option_write(struct octets_writer *writer, uint16_t code, const void *value, size_t length)
{
    octets_write_u16(writer, code);
    octets_write_u16(writer, (uint16_t)length);
    octets_write(writer, value, length);
}

static void
ede_write(struct octets_writer *writer, const struct edns_answer *answer)
{
    size_t length = answer->ede_text ? strlen(answer->ede_text) : 0;
    octets_write_u16(writer, OPTION_EDE);
    octets_write_u16(writer, (uint16_t)(2 + length));
    octets_write_u16(writer, (uint16_t)answer->ede);
    octets_write(writer, answer->ede_text, length);
}

static void
options_write(struct octets_writer *writer, const struct edns_answer *answer)
{
    static const uint8_t follows = EDNS_SERIAL_FOLLOWS_YES;
    uint8_t expire[4], keepalive[2];
    octets_put_u32(expire, answer->expire);
    octets_put_u16(keepalive, answer->keepalive);
    if (answer->nsid_length)
        option_write(writer, OPTION_NSID, answer->nsid, answer->nsid_length);
    if (answer->has_expire)
        option_write(writer, OPTION_EXPIRE, expire, sizeof(expire));
    if (answer->cookie_length)
        option_write(writer, OPTION_COOKIE, answer->cookie, answer->cookie_length);
    if (answer->keepalive)
        option_write(writer, OPTION_KEEPALIVE, keepalive, sizeof(keepalive));
    if (answer->serial_follows)
        option_write(writer, EDNS_OPTION_SERIAL_FOLLOWS, &follows, 1);
    if (answer->ede != EDE_NONE)
        ede_write(writer, answer);
}

void
edns_write(struct octets_writer *writer, const struct edns_answer *answer)
{
    size_t options = options_size(answer);
    ENSURE(options <= UINT16_MAX);
    octets_write_u8(writer, 0);
    octets_write_u16(writer, RRTYPE_OPT);
    octets_write_u16(writer, answer->udp_size);
    octets_write_u8(writer, (uint8_t)(answer->extended_rcode >> 4));
    octets_write_u8(writer, 0); // version
    octets_write_u16(writer, answer->dnssec_ok ? EDNS_DO : 0);
    octets_write_u16(writer, (uint16_t)options);
    options_write(writer, answer);
}
