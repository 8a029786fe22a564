// Owner names of one message, compressed (RFC 1035 section 4.1.4) against the name written before
// them. RRs that go out in canonical order share their parents with their predecessor, so this
// finds nearly all that a search of the whole message would, at the cost of one comparison.
#ifndef TANDEM_TRANSFER_OWNER_TABLE_H
#define TANDEM_TRANSFER_OWNER_TABLE_H

#include <stdint.h>

#include "common/base/octets.h"
#include "common/dns/name.h"

// A name and where its labels begin: a million of them go by in a transfer, so they are counted
// once.
struct owner_name {
    const uint8_t *octets;              // lower case; borrowed
    uint8_t labels;                     // without the root label
    uint8_t length;                     // octets with the root label; 0: no name yet
    uint8_t start[NAME_LABELS_MAX + 1]; // of each label from the left; start[labels]: the root's
};
struct owner_table {
    struct owner_name names[2]; // the last one and, while it is written, the next
    unsigned last;
    uint8_t noted[NAME_SIZE_MAX];
    // Of the suffix of the last name with so many labels; 0: not written, or out of reach.
    uint16_t position[NAME_LABELS_MAX + 1];
};
void owner_table_init(struct owner_table *table);
// A name that was written without compression at a position of the message, in any case.
void owner_table_note(struct owner_table *table, const uint8_t *name, size_t position);
// Writes a lower-case name, which must stay where it is until the next one is written.
// writer->start is the message's octet 0.
void owner_table_write(struct owner_table *table, struct octets_writer *writer,
                       const uint8_t *octets);
// The two octets that stand for the name written last; 0: it is the root, or out of reach.
uint16_t owner_table_pointer(const struct owner_table *table);

#endif
