// "www.example.gov.example.gov.": names that end in the zone's name twice, for want of a final dot
// in a source. Counted over the records that are shown one after the other; what is served so
// already does not count.
#ifndef TANDEM_GATE_DOUBLED_H
#define TANDEM_GATE_DOUBLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/name.h"
#include "common/zone/version.h"

struct doubled {
    const struct version *served; // NULL: nothing
    const uint8_t *apex;
    unsigned apex_labels;
    size_t places, count; // names looked at; doubled ones that are not served so already
    uint8_t first[NAME_SIZE_MAX];
};
void doubled_init(struct doubled *doubled, const struct version *served, const uint8_t *apex);
// Below an apex of one label such names may be meant: nobody looks there.
bool doubled_is_looked_for(const struct doubled *doubled);
// Owner and names in RDATA of a record that holds data.
void doubled_look(struct doubled *doubled, const struct node *node);

#endif
