// What the fetcher knows of what is served: from which address it came, under which serial, by
// which digest. It decides how the next poll asks. Pure: `now` and chance are arguments. All of it
// is in memory only: a start of the fetcher or of the signer begins with a whole transfer.
#ifndef TANDEM_FETCHER_BASIS_H
#define TANDEM_FETCHER_BASIS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/hash.h"
#include "common/daemon/settings_secondary.h"
#include "secondary/fetcher/primaries.h"

// A whole transfer and a full comparison so often, whatever the serial says: what a primary's IXFR
// left out, or a content that moved under its serial, is served no longer than this. The first one
// comes sooner, so that a primary for which IXFR is no good is found out within the hour.
#define BASIS_WHOLE_SECONDS       86400
#define BASIS_WHOLE_FIRST_SECONDS 3600
#define BASIS_WHOLE_JITTER        10 // percent taken away at random: zones of one start drift apart
// A comparison waits for an answer that nothing changed (else it compares two different serials),
// so long at most.
#define BASIS_WHOLE_LATE_SECONDS 3600
#define BASIS_DENIAL_SECONDS                                                                       \
    86400 // a primary that refuses IXFR, or announces nothing, is asked again then
// A delta may be twice as long as the zone (all goes, all comes), and as long as this where the
// zone is small.
#define BASIS_DELTA_RECORDS_LEAST 1000

enum basis_ask { BASIS_AXFR, BASIS_IXFR, BASIS_SOA };

struct xfr_marks;

struct basis {
    bool exact;       // a delta may be asked for
    uint32_t serial;  // of the primary, of what is served
    char *label;      // the address for which the above holds; NULL: none yet
    uint64_t records; // of the last whole transfer
    bool has_digest;  // a stream with it would change nothing
    struct hash_digest digest;
    uint32_t digest_serial;
    struct xfr_marks *marks;   // where has_digest: of a transfer that gave it; held, NULL: none
    int64_t whole_due_seconds; // the next full comparison
    bool compared;             // one agreed
    uint64_t deltas;           // since the last whole transfer
    // Of the address.
    int64_t denied_until_seconds; // IXFR, or the announcement
    bool distrusted;              // its serial or its IXFR did not tell what its content was
};
// After anything but an exact verdict, and where the signer begins anew: the next transfer is
// whole.
void basis_forget(struct basis *basis);
// Settings changed, or it ends: what was held against the primary is forgotten, too. Frees what a
// basis owns.
void basis_reset(struct basis *basis);

// How the address of the label is asked. signed_zone: the zone has a policy, else IXFR makes no
// sense (its serial is the content's own). has_key: the answers are signed.
struct basis_question {
    enum request_ixfr request;
    const char *label;
    bool has_key, signed_zone;
    int64_t now;
};
enum basis_ask basis_ask(const struct basis *basis, const struct basis_question *question);
// The full comparison is due. late: it waits no more for an unchanged answer.
bool basis_whole_is_due(const struct basis *basis, int64_t now, bool *ret_late);
// The address gave RCODE for an IXFR, or did not announce: not asked again today.
void basis_deny(struct basis *basis, const char *label, int64_t now);
uint64_t basis_delta_records_max(const struct basis *basis);

// A stream that is known: it need not go to the signer.
bool basis_knows(const struct basis *basis, const struct hash_digest *digest, uint32_t serial,
                 bool signed_zone);
// Marks of a later transfer with the same digest stand in for those before; NULL: none can be had.
void basis_set_marks(struct basis *basis, struct xfr_marks *marks);
// It was known: what is served stands for this serial of this address.
void basis_note_same(struct basis *basis, const char *label, uint32_t serial);
// What came of a stream. chance: any number.
struct basis_arrival {
    const char *label;
    uint32_t serial;
    bool is_delta, exact, steady;
    uint64_t records;
    struct hash_digest digest; // of a whole stream
    struct xfr_marks *marks;   // of its transfer, or NULL
    int64_t now;
    uint64_t chance;
};
void basis_settle(struct basis *basis, const struct basis_arrival *arrival);

#endif
