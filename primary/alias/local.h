// One step of resolving a name inside a zone that this primary holds, on its source (RFC 1034
// section 4.3.2, with 4592 wildcards and 6672 DNAME). Pure.
#ifndef TANDEM_ALIAS_LOCAL_H
#define TANDEM_ALIAS_LOCAL_H

#include <stdint.h>

#include "common/dns/name.h"
#include "common/zone/draft.h"

enum local_kind {
    LOCAL_DELEGATED, // at or below a zone cut: somebody else's data
    LOCAL_RRSET,     // the record has the type
    LOCAL_ALIAS,     // the record has ALIAS: its addresses stand in
    LOCAL_RENAMED,   // CNAME or DNAME: go on with next
    LOCAL_NODATA,
    LOCAL_NXDOMAIN,
    LOCAL_TOO_LONG, // a DNAME makes a name of more than 255 octets
};
struct local_answer {
    enum local_kind kind;
    const struct node
        *node; // LOCAL_RRSET, LOCAL_ALIAS: in the draft (a wildcard's where one is used)
    uint8_t next[NAME_SIZE_MAX];
};
// name: lower case, at or below the apex of the sealed zone. type: A or AAAA.
void local_step(const struct draft *zone, const uint8_t *name, uint16_t type,
                struct local_answer *ret_answer);

#endif
