// The rules that one record must keep, by its standing in the zone: which RRsets are signed and by
// whom, times, TTLs, its NSEC or NSEC3. The chain between records is verify_walk's and
// verify_changes'.
#ifndef TANDEM_SIGN_VERIFY_RECORD_H
#define TANDEM_SIGN_VERIFY_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/zone/node.h"
#include "secondary/signer/sign/verify_zone.h"

struct verify_record {
    const uint8_t *owner;
    const struct node *node; // NULL: an empty non-terminal
    const struct node
        *old; // signatures that this record has over the same RRset count as verified; NULL
    enum verify_place place;
    bool crypto; // verify signatures; else only what can be read off them
};
// hand NULL: where no signature is to be verified.
void verify_record(const struct verify_zone *zone, struct verify_hand *hand,
                   const struct verify_record *record, struct verify_report *report);
// Signatures of a record that old does not have as they are.
size_t verify_fresh_signatures(const struct node *node, const struct node *old);

#endif
