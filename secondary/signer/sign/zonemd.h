// The ZONEMD of a zone that is about to be published (RFC 8976): scheme SIMPLE, SHA-384 over all
// records in canonical order, glue and occluded names too, without the apex's ZONEMD and the RRSIG
// over it. The one thing of a change that costs a walk over the whole zone, so it is made by policy
// only. Pure.
#ifndef TANDEM_SIGN_ZONEMD_H
#define TANDEM_SIGN_ZONEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/zone/diff.h"
#include "common/zone/version.h"

#define ZONEMD_SCHEME_SIMPLE 1
#define ZONEMD_HASH_SHA384   1
#define ZONEMD_DIGEST_SIZE   48
#define ZONEMD_RDATA_SIZE    (4 + 1 + 1 + ZONEMD_DIGEST_SIZE)

// RDATA for the content that is current (NULL: none) with the signed diff laid over it, except the
// apex, which is apex_node: signed already but for its ZONEMD. Records of NODE_EMPTY shape and an
// old ZONEMD of apex_node count for nothing. False: a damaged record of current is in the way.
bool zonemd_make(const struct version *current, const struct diff *diff,
                 const struct node *apex_node, uint32_t serial,
                 uint8_t ret_rdata[static ZONEMD_RDATA_SIZE]);

#endif
