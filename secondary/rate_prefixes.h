// Which client prefixes are limited just now: the records from which `tandemctl rate-limit list`
// is made. They stand in the memory of rate_table.h, are written by all servers and read by the
// desk, without a lock; a record is touched only when an answer is held back. A reader trusts
// nothing: a record whose prefix has not the hash under which it stands (half written, or written
// by a server that was taken over) is passed over, and every number is bounded.
#ifndef TANDEM_SECONDARY_RATE_PREFIXES_H
#define TANDEM_SECONDARY_RATE_PREFIXES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/net/address.h"

// 1024 records of 64 octets, 64 KiB: who looks at the list acts on the first twenty.
#define RATE_PREFIXES_SETS 256
#define RATE_PREFIXES_WAYS 4
// A prefix that was left alone for so long is not listed any more, and begins anew at zero: an hour
// is what somebody needs who is called to an attack that has just ended.
#define RATE_PREFIXES_MEMORY_SECONDS 3600
// Limited within this time: it goes on. Longer than the pauses of a flood, shorter than a coffee.
#define RATE_PREFIXES_ACTIVE_SECONDS 60

// What was asked for too often; answers of one kind are counted together as response_rate.c says.
enum rate_kind {
    RATE_POSITIVE,
    RATE_NODATA,
    RATE_WILDCARD, // answers made from a wildcard or a DNAME
    RATE_NXDOMAIN,
    RATE_REFERRAL,
    RATE_ERROR,
    RATE_KINDS
};
const char *rate_kind_word(enum rate_kind kind); // "positive", "nxdomain"

// As it stands in the shared memory; every member is read and written by __atomic operations only.
struct rate_prefix_record {
    uint64_t hash;      // of the prefix, keyed; 0: free
    uint64_t octets[2]; // network order, zero behind the prefix
    uint64_t about;     // bits 0-7: of the prefix; 8-15: octets of the address (4, 16); from 16 on:
                        // kinds, a bit for each
    uint64_t dropped, truncated; // answers
    uint64_t since, last;        // unix seconds: limited first and last
};
struct rate_prefixes {
    struct rate_prefix_record records[RATE_PREFIXES_SETS][RATE_PREFIXES_WAYS];
};

// The lengths of prefixes, made ready for many addresses.
struct rate_masks {
    uint64_t v4, v6[2];
    uint8_t bits_v4, bits_v6;
};
void rate_masks_init(struct rate_masks *masks, unsigned bits_v4, unsigned bits_v6);

// The prefix of one client.
struct rate_client {
    uint64_t octets[2], hash;
    uint16_t shape; // as the low bits of about
};
void rate_client_init(struct rate_client *client, const struct rate_masks *masks, uint64_t key,
                      const struct address *address);

// One answer of this kind to the client was dropped, or went out truncated. now: unix seconds.
void rate_prefixes_note(struct rate_prefixes *prefixes, const struct rate_client *client,
                        enum rate_kind kind, bool truncated, int64_t now);

// What a reader gets.
struct rate_prefix {
    struct address_prefix prefix;
    int64_t dropped, truncated; // since it was limited first
    unsigned kinds;             // bits of enum rate_kind
    int64_t since, last;        // unix seconds, not later than now
    bool active;                // within RATE_PREFIXES_ACTIVE_SECONDS
};
// Appends to list, of struct rate_prefix: those that are limited just now first, then those with
// the most answers held back.
void rate_prefixes_read(const struct rate_prefixes *prefixes, uint64_t key, int64_t now,
                        struct vector *list);

#endif
