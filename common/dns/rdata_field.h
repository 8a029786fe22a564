// One field of RDATA in wire format, by its letter of rdata_shape: read within bounds, checked, folded, passed
// on. For rdata only.
#ifndef TANDEM_DNS_RDATA_FIELD_H
#define TANDEM_DNS_RDATA_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"

struct rdata_walk {
    struct octets_reader in;   // ends where the RDATA ends
    bool from_message;         // compression pointers may lead into what came before
    struct octets_writer *out; // NULL: the RDATA is our own memory and is folded there
    uint8_t *own;              // the octets of in.start, when out is NULL
};

// Passes one field. Gives what was expected when it is not there or not well formed, else NULL.
const char *rdata_field_pass(struct rdata_walk *walk, char field);

#endif
