// An SOA question to a primary and its answer (RFC 1034 section 4.3.5): the check before a transfer
// where the primary's serial is known to follow its content, and a probe of whether it lives.
#ifndef TANDEM_TRANSFER_SOA_QUERY_H
#define TANDEM_TRANSFER_SOA_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/dns/name.h"
#include "common/dns/tsig.h"

#define SOA_QUERY_OPT_SIZE 15 // an OPT with one option without octets
#define SOA_QUERY_SIZE_MAX                                                                         \
    (MESSAGE_HEADER_SIZE + NAME_SIZE_MAX + 4 + SOA_QUERY_OPT_SIZE + TSIG_SIZE_MAX)

struct soa_query {
    uint8_t apex[NAME_SIZE_MAX];
    const char *primary; // for faults; borrowed
    uint16_t id;
    struct tsig_exchange exchange; // key NULL: unsigned
    bool asks_follows; // set between init and write: ask whether the serial follows content
    // Of an answer SOA_QUERY_SERIAL: it was asked, the answer is signed, and says so
    // (SERIAL-FOLLOWS of edns.h).
    bool follows;
};
void soa_query_init(struct soa_query *query, const uint8_t *apex, const char *primary,
                    const struct tsig_key *key);
void soa_query_close(struct soa_query *query);
// Gives the length. size at least SOA_QUERY_SIZE_MAX; now: unix seconds.
size_t soa_query_write(struct soa_query *query, uint16_t id, void *memory, size_t size,
                       int64_t now);
// Reads an answer: authoritative, to this question, TSIG checked. SOA_QUERY_OTHER: not an answer to
// this query (wrong ID, not a response): wait on. SOA_QUERY_TRUNCATED: ask by TCP.
enum soa_query_result { SOA_QUERY_SERIAL, SOA_QUERY_OTHER, SOA_QUERY_TRUNCATED, SOA_QUERY_FAILED };
enum soa_query_result soa_query_read(struct soa_query *query, const uint8_t *message, size_t length,
                                     int64_t now, uint32_t *ret_serial, struct fault *fault);

#endif
