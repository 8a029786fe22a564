// The RRs of a whole zone as they go out (RFC 5936), the SOA left out: a walk over a version, run
// by run, that stops at any RR. xfr_out puts them into messages. Nothing is allocated.
#ifndef TANDEM_TRANSFER_AXFR_OUT_H
#define TANDEM_TRANSFER_AXFR_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/zone/version.h"

struct axfr_out {
    const struct version *version;
    bool without_signatures;
    struct version_cursor
        cursor;              // cursor.damaged: a record of the version is, and the walk is over
    const struct node *node; // whose RRs are going out
    unsigned rrset;          // index of its RRset
    bool in_signatures;      // in the RRset's RRSIGs
    uint32_t position;       // in that run, of the next RR: the caller moves it
};
// version: held by the caller. without_signatures: leave out what a signer added (a view for a
// plain downstream).
void axfr_out_init(struct axfr_out *out, const struct version *version, bool without_signatures);
// The run that goes out now, RRs of one owner (node_owner(out->node)) and type as rrset_next reads
// them: those from out->position on are still to be sent. The same run again until the position is
// its length. False at the end of the zone, and at a damaged record (cursor.damaged).
bool axfr_out_run(struct axfr_out *out, struct octets *ret_run);

#endif
