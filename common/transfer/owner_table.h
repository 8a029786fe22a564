// Owner names of one message, compressed (RFC 1035 section 4.1.4) against the name written before
// them. RRs that go out in canonical order share their parents with their predecessor, so this
// finds nearly all that a search of the whole message would, at the cost of one comparison.
#ifndef TANDEM_TRANSFER_OWNER_TABLE_H
#define TANDEM_TRANSFER_OWNER_TABLE_H

#include <stdint.h>

#include "common/base/octets.h"
#include "common/dns/name.h"

struct owner_table {
    bool has_previous;
    uint8_t previous[NAME_SIZE_MAX]; // lower case
    uint16_t position[NAME_LABELS_MAX +
                      1]; // of the suffix with so many labels; 0: not written, or out of reach
};
void owner_table_init(struct owner_table *table);
// A name that was written without compression at a position of the message, in any case.
void owner_table_note(struct owner_table *table, const uint8_t *name, size_t position);
// Writes a lower-case name. writer->start is the message's octet 0.
void owner_table_write(struct owner_table *table, struct octets_writer *writer,
                       const uint8_t *name);

#endif
