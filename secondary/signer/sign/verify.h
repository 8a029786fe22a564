// The second path: whether what is about to be published would validate. Builds public keys from
// the DNSKEY octets in the records and the signed input from the records themselves, and shares no
// code with the signing path.
#ifndef TANDEM_SIGN_VERIFY_H
#define TANDEM_SIGN_VERIFY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/vector.h"
#include "common/zone/diff.h"
#include "common/zone/draft.h"
#include "common/zone/version.h"
#include "secondary/signer/sign/pool.h"

#define VERIFY_ALL_UP_TO                                                                           \
    20000 // signatures of a change that are all verified before publishing (signing.md)
#define VERIFY_SAMPLE       100 // above it: one in so many
#define VERIFY_FINDINGS_MAX 100 // more are counted, not kept

struct verify_finding {
    uint8_t owner[NAME_SIZE_MAX];
    uint16_t type;    // 0: the owner as a whole
    const char *word; // "bad-signature" "no-signature" "unknown-key" "expired" "not-yet-valid"
                      // "type-covered" "ttl" "labels" "signer" "order" "no-algorithm"
                      // "occluded-signed" "no-soa" "no-dnskey" "no-denial" "nsec3param" "no-nsec"
                      // "extra-nsec" "no-nsec3" "extra-nsec3" "parameters" "flags" "next" "bitmap"
                      // "nsec-ttl" "zonemd" "damaged"
    char text[256];   // one sentence
};
enum verify_denial { VERIFY_NONE, VERIFY_NSEC, VERIFY_NSEC3 };

struct verify_report {
    struct vector findings;         // of struct verify_finding
    size_t finding_count;           // in all
    size_t names, records;          // looked at: names with data; records, hashes among them
    size_t rrs, rrsets, signatures; // rrs without RRSIGs; signatures: verified
    enum verify_denial denial;      // how the zone says that a name is not there
    size_t chain_owners;            // in the chain, where all of it was looked at
    bool zonemd_checked;            // there is a ZONEMD, and the digest over all was made
    bool sampled;                   // not every signature was verified
    bool stopped;                   // by wish, before the end
    uint32_t first_expiration;      // least seen
};
const char *verify_denial_word(enum verify_denial denial); // "none" "nsec" "nsec3"
void verify_report_init(struct verify_report *report);
void verify_report_close(struct verify_report *report);
// "example.gov. A: bad-signature: ..." for the first finding, and how many more, as a
// FAULT_CORRUPT. False.
bool verify_report_fault(const struct verify_report *report, struct fault *fault);

struct verify_changes {
    const struct version *current; // NULL: nothing is served
    const struct diff *diff;       // signed records, as sign_zone gives it; the apex is in it
    const uint8_t *must;           // parallel to diff: 1 = never left out of a sample; NULL
    size_t all_up_to;              // 0: VERIFY_ALL_UP_TO
    bool everything;               // verify: all: no sample
    bool zonemd;                   // the policy wants a ZONEMD: none is a finding
    uint64_t seed;                 // of the sample
    struct pool *pool;             // NULL: in the caller
    int64_t now;
    const atomic_bool *stop; // ends it soon, report->stopped; NULL
};
// New signatures, and the structure of the chain at the changed places; of all of it where its kind
// or its parameters change. A ZONEMD costs a walk over the whole content. True when nothing was
// found.
bool verify_changes(const struct verify_changes *changes, struct verify_report *report);

// Progress that another thread may read and the wish to stop that it may set.
struct verify_progress {
    atomic_size_t records_total, records_done;
    atomic_bool stop; // ends it soon, report->stopped
};
struct verify_whole {
    const struct version *version;
    struct pool *pool; // NULL: in the caller
    int64_t now;
    bool own;    // signed here: what a validator would tolerate is a finding, too
    bool zonemd; // the policy wants a ZONEMD: none is a finding
    struct verify_progress *progress; // NULL: not wanted
};
// The whole zone: chain, bitmaps, every signature, times, delegations, ZONEMD. For `zone verify`
// (version) and for `policy: none` (sealed draft). True when nothing was found.
bool verify_whole(const struct verify_whole *whole, struct verify_report *report);
bool verify_version(const struct version *version, struct pool *pool, int64_t now,
                    struct verify_report *report);
bool verify_draft(const struct draft *draft, struct pool *pool, int64_t now,
                  struct verify_report *report);

// The same in portions, for a slow check in the background (and for the rest after a sampled
// publish).
struct verify_walk;
struct verify_walk *verify_walk_new(const struct version *version, int64_t now); // holds version
// Looks at up to count records; false at the end.
bool verify_walk_some(struct verify_walk *walk, size_t count, struct verify_report *report);
void verify_walk_free(struct verify_walk **walk);

#endif
