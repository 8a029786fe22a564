// The place in the zone (node, RRset, data or signatures, position in the run) is kept in the
// struct and moves only when an RR is in the message, so that an RR which does not fit is simply
// the first of the next one. RRs are stored as they go out, behind a slot for the owner, so a run
// is given as it stands: what is put in is the slots (transfer_message).
#include "common/transfer/axfr_out.h"

#include "common/dns/rrtype.h"
#include "common/zone/node.h"

#include <string.h>

void
axfr_out_init(struct axfr_out *out, const struct version *version, bool without_signatures)
{
    memset(out, 0, sizeof(*out));
    out->version = version;
    out->without_signatures = without_signatures;
    version_cursor_first(&out->cursor, version);
}

// Left out of a view without what a signer added, as in node_unsigned_rrsets.
static bool
is_left_out(const struct axfr_out *out, uint16_t type)
{
    if (!out->without_signatures || !rrtype_is_dnssec(type))
        return false;
    bool anywhere = type == RRTYPE_RRSIG || type == RRTYPE_NSEC || type == RRTYPE_NSEC3 ||
                    type == RRTYPE_NSEC3PARAM;
    return anywhere || out->node == version_apex_node(out->version);
}

// The run that is under way: the RRs of an RRset, or its signatures. The SOA itself goes out by
// itself.
static struct octets
current_run(const struct axfr_out *out, const struct rrset *rrset)
{
    if (out->in_signatures)
        return out->without_signatures
                   ? (struct octets){NULL, 0}
                   : (struct octets){rrset->signatures, rrset->signatures_length};
    if (rrset->type == RRTYPE_SOA || is_left_out(out, rrset->type))
        return (struct octets){NULL, 0};
    return (struct octets){rrset->wire, rrset->wire_length};
}

// Each turn moves on: to the RRset, the signatures, the next RRset or the next node.
bool
axfr_out_run(struct axfr_out *out, struct octets *ret_run)
{
    struct rrset rrset;
    for (;;) {
        if (!out->node)
            out->node = version_cursor_next(&out->cursor);
        if (!out->node || out->cursor.damaged)
            return false;
        if (out->rrset >= node_rrset_count(out->node)) {
            out->node = NULL;
            out->rrset = 0;
            continue;
        }
        node_rrset_at(out->node, out->rrset, &rrset);
        *ret_run = current_run(out, &rrset);
        if (out->position < ret_run->length)
            return true;
        out->position = 0;
        out->rrset += out->in_signatures;
        out->in_signatures = !out->in_signatures;
    }
}
