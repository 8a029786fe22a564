// The first half of a change: a parsed transfer is compared with what is served and judged by the
// gate; as a change where that can be, else as a whole content in a draft. Runs in a worker thread
// on its own memory; the served version is borrowed and must not change meanwhile.
#ifndef TANDEM_SIGNER_INTAKE_H
#define TANDEM_SIGNER_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/zone/diff.h"
#include "common/zone/draft.h"
#include "secondary/signer/gate/checks.h"
#include "secondary/signer/intake_compare.h"
#include "secondary/signer/intake_delta.h"

struct pool;

struct intake {
    // in
    const uint8_t *apex;
    int stream; // owned, closed by intake_close
    const struct version *served;
    struct gate_limits limits;
    bool already_signed; // policy: none
    bool has_accepted;
    struct hash_digest accepted;
    struct pool *pool; // for the verification of a zone that comes signed
    int64_t now;
    // A delta to the primary's content of this serial, which is exactly what is served where
    // base.known; else a whole zone.
    bool is_delta;
    struct intake_base {
        bool known;
        uint32_t serial;
        uint64_t rr_count, octets;
    } base;
    bool anew; // records of served are damaged: see whole. Set here, too, where that is found out
    bool wants_digest; // of a content that changes something: it may be the one that is held, or
                       // somebody reviews it
    // out
    bool doubt; // the delta cannot be applied or judged: fault says why, the whole zone is wanted
    bool readable; // else fault says why nothing of it can be used
    struct fault fault;
    bool compared; // diff and verdict come from intake_compare, no record was made of what stays
    struct intake_compare compare;
    struct intake_delta delta; // where records of diff stand, where is_delta
    struct draft *draft;       // of the whole content; NULL where compared or is_delta
    struct diff diff;
    struct diff
        whole; // anew: the whole content against nothing; it is signed and published, not diff
    struct gate_verdict verdict;
    bool
        exact; // nothing was mended: where it is published, the primary's content is what is served
    uint64_t rr_count, octets; // of the content, mended
    bool has_soa;
    uint32_t serial, soa_expire_seconds;
};
// in fields filled by the caller; stream of another kind is read up to limits.max_size_octets.
void intake_init(struct intake *intake);
void intake_run(struct intake *intake);
void intake_close(struct intake *intake);

#endif
