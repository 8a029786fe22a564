// A record of a master file up to its RDATA: owner, TTL and class in either order, type; with the
// state that runs from record to record (origin, last owner, TTLs that stand in for an omitted
// one).
#ifndef TANDEM_ZONE_ZONEFILE_HEADER_H
#define TANDEM_ZONE_ZONEFILE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/name.h"
#include "common/zone/zonefile_scan.h"

#define ZONEFILE_TTL_MAX INT32_MAX // RFC 2181 section 8

struct zonefile_state {
    struct zonefile_errors *errors; // borrowed
    uint8_t origin[NAME_SIZE_MAX], owner[NAME_SIZE_MAX];
    size_t origin_length, origin_last; // octets; where its last label begins
    bool has_owner;
    bool has_default_ttl, has_last_ttl;
    uint32_t default_ttl, last_ttl, fallback_ttl;
};

struct zonefile_header {
    uint8_t owner[NAME_SIZE_MAX];
    struct zonefile_place owner_place;
    bool has_ttl;
    uint32_t ttl;
    uint16_t type;
    struct zonefile_place type_place;
    size_t rdata; // index of its first token
};

void zonefile_origin_set(struct zonefile_state *state, const uint8_t *origin);
void zonefile_owner_set(struct zonefile_state *state, const uint8_t *owner);
// False: errors were added.
bool zonefile_header_read(struct zonefile_state *state, const struct zonefile_entry *entry,
                          struct zonefile_header *ret_header);
// The TTL of a record whose RDATA is known (an SOA's minimum may stand in), and what it means for
// those after it.
uint32_t zonefile_ttl_choose(struct zonefile_state *state, const struct zonefile_header *header,
                             const uint8_t *rdata, size_t length);
// what: the thing's name for the message.
bool zonefile_ttl_read(struct zonefile_errors *errors, const struct zonefile_token *token,
                       const char *what, uint32_t *ret_ttl);

#endif
