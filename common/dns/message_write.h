// Writing DNS messages: a header, a question, RRs with owner names compressed against what was written
// before (RFC 1035 section 4.1.4; a small table, first entries win). RDATA goes out as given.
#ifndef TANDEM_DNS_MESSAGE_WRITE_H
#define TANDEM_DNS_MESSAGE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/dns/message_read.h"

#define MESSAGE_COMPRESSION_MAX 64 // suffixes remembered in a message

struct message_writer {
    struct octets_writer out;
    unsigned suffix_count;
    uint16_t suffix_position[MESSAGE_COMPRESSION_MAX];
};
enum message_section { MESSAGE_QUESTION = 0, MESSAGE_ANSWER, MESSAGE_AUTHORITY, MESSAGE_ADDITIONAL };

// Starts a message in memory: header with zero counts.
void message_writer_init(struct message_writer *writer, void *memory, size_t size, uint16_t id,
                         uint16_t flags);
bool message_write_question(struct message_writer *writer, const uint8_t *name, uint16_t type,
                            uint16_t class);
// Adds one RR and counts it; false (and the message as before) when it does not fit.
bool message_write_rr(struct message_writer *writer, enum message_section section, const uint8_t *owner,
                      uint16_t type, uint16_t class, uint32_t ttl, const uint8_t *rdata,
                      uint16_t rdlength);
void message_set_flags(struct message_writer *writer, uint16_t flags);
size_t message_length(const struct message_writer *writer);

#endif
