// The journal: what each version changed against the one before it, RR by RR, so that a client that holds an
// earlier serial gets the difference (IXFR, RFC 1995) and not the zone. It may be dropped at any time: a client
// then gets an AXFR.
//
// A step stands in the heap, behind the records of its publish: servers have the heap mapped anyway, one sync covers
// both, and no file or descriptor is added. It holds its RRs itself, not places of records, so compaction copies a step
// as it is and never keeps a dead record alive for it. The index names the newest step; each names the one before.
#ifndef TANDEM_ZONE_JOURNAL_H
#define TANDEM_ZONE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/zone/diff.h"
#include "common/zone/version.h"

// A client further behind gets an AXFR. Finding a step walks the chain back, so its length has a limit beside
// journal-max-size: 4096 changes are 34 hours of one every 30 s.
#define JOURNAL_STEPS_MAX 4096

// What a version's journal holds.
struct journal_extent {
    uint32_t steps;       // 0: no journal
    uint64_t octets;      // of the steps in the heap: never more than journal-max-size at the last publish
    uint32_t from_serial; // the earliest serial that a client may hold (steps > 0)
};
void journal_extent(const struct version *version, struct journal_extent *ret_extent);

// One step. Its RRs stand in the version's map.
struct journal_step {
    uint32_t from_serial, to_serial; // in the SOA of the version before and of the one that it made
    uint64_t octets;
    const uint8_t *place; // private
};

// The steps that lead from serial to the one in the version's SOA, oldest first, appended to ret_steps (of struct
// journal_step); borrowed from the version. False: the journal does not reach back so far, the serial was never one of
// this zone, the version's is not ahead of it (RFC 1982), or a step is damaged: give an AXFR. Checksums and shape are
// verified here, which reads what is given whole; a serial that is none of the journal's costs a look at
// JOURNAL_STEPS_MAX headers at most. serial equal to the version's: true and no step.
bool journal_steps(const struct version *version, uint32_t serial, struct vector *ret_steps);
// The same; false, too, when the steps hold more than octets_max, found from their headers alone: for an answer that must be
// short, to a client whose address may be forged.
bool journal_steps_within(const struct version *version, uint32_t serial, uint64_t octets_max,
                          struct vector *ret_steps);

// The RRs of a step, whole view: first those that go, the old SOA before all others; then those that come, the new
// SOA before all others; each half in canonical order of owners, then types (RRSIGs behind what they cover). RR by RR:
// an RRset of which one RR changes tells one removal and one addition; a changed TTL tells all of both.
struct journal_walk {
    const uint8_t *position, *end;
    uint8_t state[16]; // private
};
void journal_walk_init(struct journal_walk *walk, const struct journal_step *step);
bool journal_walk_next(struct journal_walk *walk, struct diff_rr *ret_rr); // false at the end

#endif
