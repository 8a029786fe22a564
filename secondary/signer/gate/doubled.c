#include "secondary/signer/gate/doubled.h"

#include <string.h>

#include "common/dns/rdata.h"
#include "common/zone/find.h"

#define DOUBLED_LABELS_MIN 2 // "gov.gov." below an apex of one label may be meant

void
doubled_init(struct doubled *doubled, const struct version *served, const uint8_t *apex)
{
    *doubled = (struct doubled){.served = served, .apex = apex, .apex_labels = name_labels(apex)};
}

bool
doubled_is_looked_for(const struct doubled *doubled)
{
    return doubled->apex_labels >= DOUBLED_LABELS_MIN;
}

static bool
is_doubled(const uint8_t *owner, const uint8_t *apex, unsigned apex_labels)
{
    unsigned labels = name_labels(owner);
    if (labels < 2 * apex_labels || !name_is_at_or_below(owner, apex)) {
        return false;
    }
    // The labels in front of the apex end with the apex's own labels: compare them octet for octet.
    const uint8_t *candidate = name_skip(owner, labels - 2 * apex_labels);
    size_t apex_octets = name_length(apex) - 1;
    return memcmp(candidate, apex, apex_octets) == 0;
}

static void
note_doubled(struct doubled *doubled, const uint8_t *name)
{
    if (doubled->count++ == 0) {
        name_copy(doubled->first, name);
    }
}

// Names in RDATA lack the final dot as often as owners do.
static void
look_at_targets(struct doubled *doubled, const struct node *node, const struct rrset *set)
{
    struct rr rr;
    uint32_t at = 0;
    while (rrset_next(set->wire, set->wire_length, &at, &rr)) {
        const uint8_t *target = rdata_target(rr.type, rr.rdata, rr.rdlength);
        if (target == NULL) {
            continue;
        }
        doubled->places++;
        if (!is_doubled(target, doubled->apex, doubled->apex_labels)) {
            continue;
        }
        const struct node *was =
            doubled->served != NULL ? zone_find_exact(doubled->served, node_owner(node)) : NULL;
        struct rrset before;
        if (was == NULL || !node_rrset_find(was, set->type, &before) ||
            !rrset_equal(set, &before, false)) {
            note_doubled(doubled, target);
        }
    }
}

void
doubled_look(struct doubled *doubled, const struct node *node)
{
    const uint8_t *owner = node_owner(node);
    doubled->places++;
    if (is_doubled(owner, doubled->apex, doubled->apex_labels) &&
        (doubled->served == NULL || zone_find_exact(doubled->served, owner) == NULL)) {
        note_doubled(doubled, owner);
    }
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset set;
        node_rrset_at(node, i, &set);
        look_at_targets(doubled, node, &set);
    }
}
