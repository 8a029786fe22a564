// A response being written: sections in order, whole RRsets, owner names by compression pointer, TC
// when a needed part does not fit, the OPT at the end. Private to the answer room; no allocation.
#ifndef TANDEM_ANSWER_REPLY_H
#define TANDEM_ANSWER_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/answer/answer.h"
#include "common/answer/query.h"
#include "common/dns/edns.h"
#include "common/dns/message_write.h"
#include "common/zone/node.h"

#define REPLY_ANCHORS_MAX 16 // names that later owners may point into; more are written in full
#define REPLY_ENTRIES_MAX 96 // RRsets remembered so that none goes out twice
#define REPLY_QUESTION_AT MESSAGE_HEADER_SIZE

struct reply_anchor {
    const uint8_t *name; // lower case
    unsigned labels;
    uint16_t position; // where it begins in the message
};
struct reply_entry {
    const uint8_t *wire; // of the stored RRset
    const uint8_t *owner;
};

struct reply {
    const struct query *query;
    struct octets_writer out;
    uint16_t flags;
    enum message_section section;
    uint16_t counts[4];
    bool dnssec_ok;
    bool truncated;
    size_t opt_room; // kept free behind out.end
    struct edns_answer edns;
    uint8_t cookie[ANSWER_COOKIE_SIZE];
    unsigned anchor_count, entry_count;
    struct reply_anchor anchors[REPLY_ANCHORS_MAX];
    struct reply_entry entries[REPLY_ENTRIES_MAX];
};

// Header and question of the response to query. Room for the OPT and tail_room octets is kept free.
void reply_begin(struct reply *reply, const struct answer_service *service,
                 const struct answer_client *client, const struct query *query, uint8_t *memory,
                 size_t size);

struct reply_rrset {
    enum message_section section; // never before that of the RRset added before
    const uint8_t *owner;         // lower case; outlives the reply
    const struct rrset *rrset;
    bool signatures; // with its RRSIGs where the client asked for them (DO)
    bool optional;   // not worth TC: left out when it does not fit
    bool has_ttl;    // goes out with a TTL of at most ttl
    uint32_t ttl;
};
// Adds an RRset unless the message has it. *ret_offset (may be NULL): what to add to a position in
// rrset->wire to get the position in the message, 0 when that is not known. False: it did not fit.
bool reply_add(struct reply *reply, const struct reply_rrset *add, size_t *ret_offset);
bool reply_has(const struct reply *reply, const uint8_t *owner, const uint8_t *wire);
// The CNAME that a DNAME gives rise to (RFC 6672 section 3.1), in the answer section.
void reply_add_cname(struct reply *reply, const uint8_t *owner, uint32_t ttl,
                     const uint8_t *target);
// One TXT of class CH with one string of at most 255 octets, in the answer section.
void reply_add_chaos(struct reply *reply, const char *text);
// Owners at or above this name may point to this place in the message.
void reply_anchor(struct reply *reply, const uint8_t *name, size_t position);

// Back to header and question, without AA: for an answer that turned into an error.
void reply_clear(struct reply *reply);
// Counts, flags, OPT. Truncated: the question alone with TC (a client may not use a part, RFC 2181
// section 9). Gives the octets of the message.
size_t reply_end(struct reply *reply, unsigned rcode);

#endif
