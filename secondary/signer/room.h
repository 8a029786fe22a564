// Whether the disk has room for what a long signing would publish: asked before it begins, because
// a million signatures that find the disk full at the end were made for nothing, and would be made
// again. The estimate is an upper one and pure; little work is not asked about: the publish says
// itself what is wrong, and what is served stays.
#ifndef TANDEM_SIGNER_ROOM_H
#define TANDEM_SIGNER_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/zone/diff.h"
#include "common/zone/version.h"

// Records below which nothing is asked: that many are signed in half a second.
#define ROOM_RECORDS_LEAST 10000

struct room_work {
    const struct version *current; // signed again as a whole; NULL: only what changes
    uint64_t current_octets;       // of its living records
    const struct diff *changes;    // unsigned view; NULL: none
    size_t due_count;              // owners that are signed again besides
    size_t apex_octets;            // of the zone's name
    size_t signature_octets;       // of all signatures of one RRset
    bool nsec3;
};
// Octets that publishing the outcome may need at most; 0: too little to ask.
uint64_t room_needed(const struct room_work *work);
// Octets that the file system of a directory still gives us. False with a fault.
bool room_free(const char *directory, uint64_t *ret_octets, struct fault *fault);

#endif
