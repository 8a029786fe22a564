// The difference that an IXFR query asks for (RFC 1995): from the version's journal, several steps
// condensed to one difference sequence, RR by RR. xfr_out puts them into messages. The work is done
// in slices, so that a server answers others meanwhile. Memory: by the number of steps
// (condense.h); the RRs stand in the version.
#ifndef TANDEM_TRANSFER_IXFR_OUT_H
#define TANDEM_TRANSFER_IXFR_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/transfer/condense.h"
#include "common/zone/version.h"

// RRs of the journal that one call looks at: about a millisecond.
#define IXFR_OUT_SLICE 1024
// Octets of steps that may lie between the client and us for each RR of the zone: some five times
// what it takes in a message. Beyond it the zone goes out: what was changed so often is sent faster
// than looked through. The first is for zones of a few RRs.
#define IXFR_OUT_STEPS_EACH  256
#define IXFR_OUT_STEPS_FIRST 16384

// The serial that the client holds: the SOA in the query's authority section. False: not an IXFR
// query (FORMERR).
bool ixfr_out_read_query(const uint8_t *message, size_t length, uint32_t *ret_serial);

enum ixfr_out_form {
    IXFR_OUT_SOA,   // the client holds this version, or one after it (RFC 1982): one SOA says so
                    // (section 2)
    IXFR_OUT_DELTA, //
    IXFR_OUT_WHOLE, // the journal does not reach to its serial, or the zone is the shorter answer
    IXFR_OUT_LATER, // not known yet: ask again
};
enum ixfr_out_place {
    IXFR_OUT_WEIGH,
    IXFR_OUT_OLD_SOA,
    IXFR_OUT_REMOVED,
    IXFR_OUT_NEW_SOA,
    IXFR_OUT_ADDED,
    IXFR_OUT_END
};
struct ixfr_out {
    const struct version *version;
    enum ixfr_out_form form;
    enum ixfr_out_place place;
    bool open; // condense is
    struct condense condense;
    struct diff_rr old_soa, new_soa;
    uint32_t budget;         // of the slice
    uint64_t removed, added; // RRs without SOAs; known when the form is IXFR_OUT_DELTA
};
// version: held by the caller. octets_max: steps that hold more are not looked at (IXFR_OUT_WHOLE);
// 0: no limit.
void ixfr_out_init(struct ixfr_out *out, const struct version *version, uint32_t client_serial,
                   uint64_t octets_max);
void ixfr_out_close(struct ixfr_out *out); // may be called twice
// Begins a slice of work and says which form the answer has. The zone is the shorter answer where
// the delta has no fewer RRs.
enum ixfr_out_form ixfr_out_weigh(struct ixfr_out *out);
// With IXFR_OUT_DELTA, the next RR of the difference sequence: the old SOA, what goes, the new SOA,
// what comes (section 4); the same again until ixfr_out_take. CONDENSE_LATER: the slice is used up.
enum condense_state ixfr_out_peek(struct ixfr_out *out, struct diff_rr *ret_rr);
void ixfr_out_take(struct ixfr_out *out);
// Back before the old SOA, as long as nothing else was taken.
void ixfr_out_rewind(struct ixfr_out *out);

#endif
