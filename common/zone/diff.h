// Differences between two contents of a zone, record by record in canonical order. There is one way to
// change a zone: a diff that a store publishes (architecture.md section 5 d).
#ifndef TANDEM_ZONE_DIFF_H
#define TANDEM_ZONE_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "common/zone/draft.h"
#include "common/zone/version.h"

struct diff_entry {
    const struct node *old_node; // NULL: a new owner. Stands in the old version
    const struct node *new_node; // NULL: the owner goes. Stands in the arena, draft or version it came from
};
struct diff {
    struct diff_entry *entries;
    size_t count, capacity;
    // Set by diff_version_draft and diff_version_version:
    size_t old_pairs; // (owner, type) pairs of the whole old version in the unsigned view
    bool damaged;     // records of the old version failed their check; their owners count as missing there
};
void diff_init(struct diff *diff);
void diff_close(struct diff *diff);
void diff_add(struct diff *diff, const struct node *old_node, const struct node *new_node);
// Puts entries added out of order into canonical order (one entry for each owner).
void diff_sort(struct diff *diff);

enum diff_view {
    DIFF_WHOLE,          // every octet of every record
    DIFF_UNSIGNED,       // without what a signer adds, and without the SOA's serial (a serial alone is no change)
};
// old may be NULL (everything is new). Compares in one merge walk. ret_diff is initialised here; its records stand in
// the versions and the draft. Empty non-terminals are not told: a store makes and removes them itself.
void diff_version_draft(const struct version *old, const struct draft *new, enum diff_view view,
                        struct diff *ret_diff);
void diff_version_version(const struct version *old, const struct version *new, enum diff_view view,
                          struct diff *ret_diff);

// What changed, RR by RR, for mails, `zone diff`, the gate and an IXFR: removed RRs of an RRset come before the
// added ones. A changed TTL is removal and addition. Signer-made types are left out in the unsigned view; the
// SOA's RR is left out there when only its serial differs.
struct diff_rr {
    bool added;
    const uint8_t *owner;
    uint16_t type;
    uint32_t ttl;
    const uint8_t *rdata;
    uint16_t rdlength;
};
struct diff_walk {
    const struct diff *diff;
    enum diff_view view;
    const uint8_t *apex;
    size_t entry;
    uint32_t state[8]; // private
};
void diff_walk_init(struct diff_walk *walk, const struct diff *diff, enum diff_view view,
                    const uint8_t *apex);
bool diff_walk_next(struct diff_walk *walk, struct diff_rr *ret_rr);

struct diff_counts {
    size_t added_rrs, removed_rrs;
    size_t added_owners, removed_owners, changed_owners;
    size_t removed_pairs; // (owner, type) pairs that vanish
    size_t old_pairs;     // pairs of the old content, unsigned view (0 without an old version)
};
void diff_count(const struct diff *diff, enum diff_view view, const uint8_t *apex,
                struct diff_counts *ret_counts);
// (owner, type) pairs of a version in the unsigned view.
size_t version_unsigned_pairs(const struct version *version);

// "- owner ttl IN type rdata" lines, at most maximum of them; gives how many there were in all.
size_t diff_to_text(const struct diff *diff, enum diff_view view, const uint8_t *apex, size_t maximum,
                    struct octets_buffer *text);

#endif
