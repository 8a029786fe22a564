// Makes the steps of the journal: from what a publish changes to octets in the heap, and which of the former steps
// stay. Inner to the room; the store calls it.
#ifndef TANDEM_ZONE_JOURNAL_WRITE_H
#define TANDEM_ZONE_JOURNAL_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/zone/heap.h"
#include "common/zone/index.h"
#include "common/zone/journal.h"
#include "common/zone/version.h"

// A step is made in memory. A difference beyond this is that of a zone signed anew: an AXFR serves no worse.
#define JOURNAL_STEP_OCTETS_MAX (UINT64_C(64) << 20)

// The RRs that go, or those that come.
struct journal_half {
    struct octets_buffer items;
    const uint8_t *owner; // of the last RR; NULL: none yet
    uint16_t type;
    uint32_t ttl;
};
// A step on its way.
struct journal_draft {
    const uint8_t *apex;
    uint64_t octets_max;
    uint32_t from_serial, to_serial;
    bool changed; // the contents differ
    bool lost;    // and the difference cannot be told: no SOA, a serial that does not move forward, too large, damage
    struct journal_half removed, added;
};
// The records of the apex before (NULL: no version before) and after. octets_max 0: no journal is kept.
void journal_draft_open(struct journal_draft *draft, const struct node *old_apex,
                        const struct node *new_apex, uint64_t octets_max);
void journal_draft_close(struct journal_draft *draft);
// What one owner changes, in canonical order of owners; either may be NULL. Both stay until the draft is closed.
// False: what follows makes no difference any more.
bool journal_draft_add(struct journal_draft *draft, const struct node *old_node,
                       const struct node *new_node);
// A record that should have been compared is damaged.
void journal_draft_lose(struct journal_draft *draft);
// Octets of the step in the heap; 0: there is none to write.
uint64_t journal_draft_octets(const struct journal_draft *draft);
// Of the step of a diff at most, whose records (old and new together) take so many octets.
uint64_t journal_octets_needed(uint64_t record_octets, uint64_t octets_max);

// The steps of a version that stay under the limit beside the draft's (NULL: the content stays). version may be NULL.
struct index_journal journal_keep(const struct version *version, const struct journal_draft *draft,
                                  uint64_t octets_max);
// Copies those steps of the version (journal_keep's) into another heap; what is damaged, and all before it, is left
// behind. The caller has reserved journal->octets.
bool journal_copy(const struct version *version, struct heap_writer *heap,
                  struct index_journal *journal, struct fault *fault);
// Writes the draft's step, where it has one, behind those in the journal.
bool journal_append(const struct journal_draft *draft, struct heap_writer *heap,
                    struct index_journal *journal, struct fault *fault);

#endif
