// The RRs of a whole zone as they go out (RFC 5936), the SOA left out: a walk over a version that
// stops at any RR. xfr_out puts them into messages. Nothing is allocated.
#ifndef TANDEM_TRANSFER_AXFR_OUT_H
#define TANDEM_TRANSFER_AXFR_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/zone/version.h"

struct axfr_out {
    const struct version *version;
    bool without_signatures;
    struct version_cursor
        cursor;              // cursor.damaged: a record of the version is, and the walk is over
    const struct node *node; // whose RRs are going out
    unsigned rrset;          // index of its RRset
    bool in_signatures;      // in the RRset's RRSIGs
    uint32_t position, end;  // in that run, of the next RR and behind it
};
// version: held by the caller. without_signatures: leave out what a signer added (a view for a
// plain downstream).
void axfr_out_init(struct axfr_out *out, const struct version *version, bool without_signatures);
// The next RR, the same again until axfr_out_take; its owner is node_owner(out->node). False at the
// end of the zone, and at a damaged record (cursor.damaged).
bool axfr_out_peek(struct axfr_out *out, struct rr *ret_rr);
void axfr_out_take(struct axfr_out *out);

#endif
