// Signs a zone: from what is served now and what shall be in it, to the diff of signed records that
// the store publishes. Touches nothing but its arguments: may run in a thread of its own (prepare
// in the thread that owns the keys). Same result for any number of pool threads. Work is
// proportional to the change.
//
//   content changed   changes = diff_version_draft(current, draft, DIFF_UNSIGNED)
//   first signing     current = NULL, changes = the same with old NULL
//   refresh           changes = NULL, due = owners from refresh_load_take
//   key event         changes = NULL: the keyset is compared with what is published
//   policy event      changes = NULL: so are kind and parameters of denial, ZONEMD
//   sign again        whole = true (or force: no old signature is kept)
//   disk damaged      anew = true, changes = the whole content
#ifndef TANDEM_SIGN_SIGN_ZONE_H
#define TANDEM_SIGN_SIGN_ZONE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/vector.h"
#include "common/zone/diff.h"
#include "common/zone/version.h"
#include "secondary/signer/keys/keyset.h"
#include "secondary/signer/sign/pool.h"
#include "secondary/signer/sign/sign_policy.h"

// Progress that another thread may read and the wish to stop that it may set.
struct sign_progress {
    atomic_size_t records_total, records_done;
    atomic_bool stop; // ends sign_zone_run soon with FAULT_BUSY
};

struct sign_request {
    const struct version *current; // NULL: nothing is served
    const struct diff
        *changes; // unsigned view; NULL: content stays. Its records outlive the result
    const struct keyset *keyset;
    const struct sign_policy *policy;
    struct pool *pool;         // NULL: in the caller
    const uint8_t *const *due; // owners whose signatures are to be looked at; lower case
    size_t due_count;
    bool whole; // look at every record (keys, policy or SOA minimum changed: found out by itself
                // too)
    bool force; // with whole: keep no old signature
    // Records of current are damaged (a fault of kind FAULT_CORRUPT said so, or changes->damaged):
    // nothing of it is used but serial and clock. changes are then a diff of the whole content
    // against no version (old NULL).
    bool anew;
    uint32_t unsigned_serial; // of the content
    bool state_lost;
    bool has_forced_serial; // `zone sign --serial N`
    uint32_t forced_serial;
    int64_t now;
    struct sign_progress *progress; // NULL: not wanted
    bool *ret_damaged; // set where a fault is due to a damaged record of current; NULL: not wanted
};
// An RRset that was left out (a served one of the same owner and type stays) because it cannot be
// published.
struct sign_refusal {
    uint8_t owner[NAME_SIZE_MAX];
    uint16_t type;
    size_t octets;
};
#define SIGN_REFUSALS_MAX 100 // more are counted, not kept

struct sign_result {
    bool empty;                 // nothing changes: do not publish
    struct diff diff;           // for store_publish_diff; its records live as long as the result
    struct version_facts facts; // for store_publish_diff
    const uint8_t *must_verify; // for each entry of diff: 1 = among the first of its thread and
                                // key, or the apex
    size_t signatures_made, signatures_kept;
    size_t records_looked_at;  // how much work it was
    size_t refusals;           // in all
    struct vector refused;     // of struct sign_refusal
    uint32_t first_expiration; // least among the new records
    uint32_t newest_inception;
};

struct sign_job;
// Takes what it needs out of the keyset (the thread that owns key memory), the rest of request is
// borrowed until sign_job_free. Faults: no key that could sign, serial, clock, NSEC3 below too long
// an apex.
bool sign_zone_prepare(const struct sign_request *request, struct sign_job **ret_job,
                       struct fault *fault);
// Any thread. The result is owned by the job. Faults: FAULT_BUSY: stopped; FAULT_CORRUPT: a record
// of current is damaged (see anew), or libcrypto failed; FAULT_CONFIG: two names have one NSEC3
// hash.
bool sign_zone_run(struct sign_job *job, const struct sign_result **ret_result,
                   struct fault *fault);
void sign_job_free(struct sign_job **job);

#endif
