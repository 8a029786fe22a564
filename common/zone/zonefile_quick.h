// The usual line of a master file in one pass over its octets: owner or white space, TTL and class or none, one of the
// types A, AAAA, NS, CNAME, PTR, ALIAS, MX, SRV, TXT, CAA, and nothing that asks for thought: no escapes, parentheses,
// units, odd characters, nothing wrong and nothing that deserves a warning. All else is left to the thorough reader
// (zonefile_scan, _header, _fields), which reads the same line from its beginning: what is wrong is said there alone.
#ifndef TANDEM_ZONE_ZONEFILE_QUICK_H
#define TANDEM_ZONE_ZONEFILE_QUICK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/zone/zonefile_header.h"
#include "common/zone/zonefile_scan.h"

// Octets of RDATA at most: what is longer is not usual.
#define ZONEFILE_QUICK_RDATA_MAX 4096

// Reads the line at scan->at, moves behind it, and fills header (but for the owner's place), the canonical RDATA and
// its length; *ret_new_owner: the line names its owner. False: it is not a usual one, nothing has moved. The state is
// read only; with a blank owner there must be one in it.
bool zonefile_quick_read(struct zonefile_scan *scan, const struct zonefile_state *state,
                         struct zonefile_header *header, bool *ret_new_owner,
                         uint8_t rdata[static ZONEFILE_QUICK_RDATA_MAX], uint16_t *ret_rdlength);

#endif
