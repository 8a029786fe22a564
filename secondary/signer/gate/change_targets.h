// NS and MX records of a zone point at names of the same zone. Which of them does a change leave
// without an address, or pointing at a CNAME? Told from the change alone where nothing came to such
// harm, else by one walk over what is served. Answers are on the safe side: "harmed" may be wrong,
// "not harmed" may not.
#ifndef TANDEM_GATE_CHANGE_TARGETS_H
#define TANDEM_GATE_CHANGE_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/zone/diff.h"
#include "common/zone/version.h"

struct change_targets {
    const struct version *served;
    const struct diff *diff; // canonical order
    const uint8_t *apex;
    struct vector lost;       // of struct lost_name
    bool wildcards_concerned; // names that do not exist may have lost their wildcard
};
void change_targets_init(struct change_targets *targets, const struct version *served,
                         const struct diff *diff);
void change_targets_close(struct change_targets *targets);

// Of a record before or after the change; NULL, which has nothing, too.
bool change_has(const struct node *node, uint16_t type);
bool change_has_address(const struct node *node); // A or AAAA
// The diff's entry of an owner; NULL: it is not changed.
const struct diff_entry *change_entry(const struct diff *diff, const uint8_t *owner);
// The record of an owner with data after the change; NULL: none.
const struct node *change_node(const struct version *served, const struct diff *diff,
                               const uint8_t *owner);

// An entry of the diff: whether whoever points at its owner comes to harm is asked at the end.
void change_targets_note(struct change_targets *targets, const struct diff_entry *entry);
// The zone cut at owner went: names below it count again.
void change_targets_note_cut_gone(struct change_targets *targets, const uint8_t *owner);
// All names of the zone that the RRset (NS, MX) points at have an address after the change.
bool change_targets_have_addresses(const struct change_targets *targets, const struct rrset *rrset);
// Whether a served NS or MX points at a name that was noted. False also where it could not be read.
bool change_targets_unharmed(struct change_targets *targets);

#endif
