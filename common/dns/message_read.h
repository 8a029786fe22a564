// Reading DNS messages (RFC 1035 section 4): header, question, resource records one after another. Bounded by
// the message; nothing is trusted, nothing allocated.
#ifndef TANDEM_DNS_MESSAGE_READ_H
#define TANDEM_DNS_MESSAGE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/dns/name.h"

#define MESSAGE_HEADER_SIZE 12
#define MESSAGE_SIZE_MAX    65535

#define MESSAGE_QR 0x8000
#define MESSAGE_AA 0x0400
#define MESSAGE_TC 0x0200
#define MESSAGE_RD 0x0100
#define MESSAGE_RA 0x0080
#define MESSAGE_AD 0x0020
#define MESSAGE_CD 0x0010

struct message_header {
    uint16_t id;
    uint16_t flags; // all 16 bits: opcode is (flags >> 11) & 15, RCODE flags & 15
    uint16_t qdcount, ancount, nscount, arcount;
};
static inline unsigned
message_opcode(const struct message_header *header)
{
    return (header->flags >> 11) & 15U;
}
static inline unsigned
message_rcode(const struct message_header *header)
{
    return header->flags & 15U;
}

struct message_question {
    uint8_t name[NAME_SIZE_MAX]; // as sent, case kept
    uint16_t type, class;
};

struct message_rr {
    uint8_t owner[NAME_SIZE_MAX]; // case kept
    uint16_t type, class;
    uint32_t ttl; // a TTL with the top bit set is given as 0 (RFC 2181 section 8)
    uint16_t rdlength;
    size_t rdata_position; // offset in the message; read it with rdata_read
    size_t position;       // where the RR begins (the TSIG needs it)
};

bool message_read_header(struct octets_reader *reader, struct message_header *ret_header);
bool message_read_question(struct octets_reader *reader, struct message_question *ret_question);
// Reads one RR and leaves the reader behind it.
bool message_read_rr(struct octets_reader *reader, struct message_rr *ret_rr);

#endif
