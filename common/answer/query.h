// A query as it came off the wire, taken apart and judged before any zone is asked: what to drop,
// what to refuse with which RCODE, what is a question, a NOTIFY, a transfer (shared design,
// serving.md "Right"). Pure: octets in, facts out; the octets are borrowed and must live as long as
// the struct.
#ifndef TANDEM_ANSWER_QUERY_H
#define TANDEM_ANSWER_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/edns.h"
#include "common/dns/message_read.h"
#include "common/dns/nsec3_hash.h"

struct answer_zone;
struct node;

enum query_kind {
    QUERY_DROP, // shorter than a header, or QR set: silence, or two servers could answer each other
    QUERY_ERROR,    // to be answered with .rcode (and the question, where one was read)
    QUERY_COOKIE,   // QDCOUNT 0 with a client cookie: RFC 7873 section 5.4
    QUERY_QUESTION, // for answer_query
    QUERY_NOTIFY,   // RFC 1996; the caller decides and answers by answer_rcode
    QUERY_TRANSFER, // AXFR or IXFR; the caller decides
};

// What answer_look_ahead found out (answer.h) about the question's name, for nobody outside the
// answer room.
struct query_ahead {
    const struct answer_zone
        *zone;     // that the name belongs to; NULL: not looked up, the rest is not set
    uint64_t hash; // of the name, by the key of the zone's version
    bool beside;   // nothing was seen at the name; hashes of two names that may answer for it
    uint64_t parent_hash, wildcard_hash;
    uint64_t above; // name_hash_split
    bool denies;    // that it does not exist will have to be proven: what zone_find_nsec,
                    // zone_find_nsec3 found for it
    bool matches;
    const struct node *covers;
    uint8_t hash3[NSEC3_HASH_SIZE]; // of the name in a zone with NSEC3, or of the one at match_at
    bool shows;       // that it has no such type, or its zone cut no DS, will have to be proven by
                      // the NSEC3 that matches the name at
    uint8_t match_at; // octets behind the query's lower; and name_hash of that NSEC3's owner
    uint64_t match_key;
};

struct query {
    enum query_kind kind;
    unsigned rcode; // of QUERY_ERROR
    const uint8_t *octets;
    size_t length;
    struct message_header header;
    bool has_question;
    uint16_t type, class;
    uint16_t question_end; // offset behind the question; 12 without one
    unsigned labels;       // of the name
    uint8_t
        lower[NAME_SIZE_MAX]; // the question's name in lower case; as sent it stands at octets + 12
    struct edns edns;
    bool has_tsig;       // the last RR is a TSIG: the caller checks it (tsig_check_query) before it
                         // answers
    bool has_soa;        // NOTIFY: an SOA in the answer section; IXFR: one in the authority section
    uint32_t soa_serial; // of that SOA
    struct query_ahead ahead;
};

// Never fails: what is wrong with the octets is in kind and rcode.
void query_read(const uint8_t *octets, size_t length, struct query *ret_query);

#endif
