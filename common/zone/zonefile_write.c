// Every record in full (owner, TTL, class, type): a line can be grepped, compared and cut out, and
// no reader has to carry a state from line to line. The SOA is the first record, since some readers
// want it so.
#include "common/zone/zonefile_write.h"

#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"

static void
run_write(const uint8_t *owner, const uint8_t *wire, uint32_t length, struct octets_buffer *text)
{
    uint32_t position = 0;
    struct rr rr;
    while (rrset_next(wire, length, &position, &rr)) {
        rr_to_text(owner, rr.ttl, rr.type, rr.rdata, rr.rdlength, text);
        octets_buffer_add_u8(text, '\n');
    }
}

static void
rrset_write(const uint8_t *owner, const struct rrset *rrset, bool signed_view,
            struct octets_buffer *text)
{
    run_write(owner, rrset->wire, rrset->wire_length, text);
    if (signed_view && rrset->signature_count > 0)
        run_write(owner, rrset->signatures, rrset->signatures_length, text);
}

void
zonefile_write_node(const struct node *node, bool apex, bool signed_view,
                    struct octets_buffer *text)
{
    struct rrset rrsets[NODE_RRSETS_MAX], soa;
    const uint8_t *owner = node_owner(node);
    unsigned count;
    if (signed_view) {
        count = node_rrset_count(node);
        for (unsigned i = 0; i < count; i++)
            node_rrset_at(node, i, &rrsets[i]);
    } else {
        count = node_unsigned_rrsets(node, apex, rrsets, NODE_RRSETS_MAX);
    }
    bool has_soa = apex && node_rrset_find(node, RRTYPE_SOA, &soa);
    if (has_soa)
        rrset_write(owner, &soa, signed_view, text);
    for (unsigned i = 0; i < count; i++)
        if (!has_soa || rrsets[i].type != RRTYPE_SOA)
            rrset_write(owner, &rrsets[i], signed_view, text);
}

bool
zonefile_write_some(struct version_cursor *cursor, bool signed_view, size_t maximum,
                    struct octets_buffer *text)
{
    const uint8_t *apex = version_apex(cursor->version);
    size_t start = text->length;
    while (text->length - start < maximum) {
        const struct node *node = version_cursor_next(cursor);
        if (!node)
            return false;
        zonefile_write_node(node, name_equal(node_owner(node), apex), signed_view, text);
    }
    return true;
}
