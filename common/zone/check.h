// Checks of zone content that need no key and no history; the primary makes them when it loads a file, the gate
// when a transfer comes in (signing.md, "The gate"). All findings, not just the first.
#ifndef TANDEM_ZONE_CHECK_H
#define TANDEM_ZONE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/zone/draft.h"

enum check_severity { CHECK_ERROR, CHECK_WARNING };
struct check_finding {
    enum check_severity severity;
    uint8_t owner[NAME_SIZE_MAX];
    uint16_t type;      // 0: the owner as a whole
    const char *word;   // "no-soa", "cname-and-other", ... for JSON and tests
    char text[256];     // one sentence with what is wrong and the cure, without the owner
};
struct check_options {
    bool alias_allowed;   // the primary's source version
    bool dnssec_allowed;  // policy: none
    bool incomplete;      // there was more that could not be read: nothing is said to be missing
};
#define CHECK_FINDINGS_MAX 1000 // more are counted, not kept

// Sealed draft in; findings (vector of struct check_finding) out. Errors: no or two SOAs at the apex, SOA elsewhere, no
// NS at the apex, CNAME beside other data, two CNAMEs, two DNAMEs, data below a DNAME, ALIAS beside A/AAAA or
// CNAME, ALIAS left over, TTL over 2^31-1. Warnings: NS or MX target that is a CNAME in this zone or has no address
// in it, glue missing for an in-zone delegation, names below a zone cut that are not glue, ALIAS below a cut,
// wildcard NS, NSEC3 with more iterations than validators check. Owners of nothing but NSEC3 are no names.
// Gives the number of errors.
size_t check_draft(const struct draft *draft, const struct check_options *options,
                   struct vector *ret_findings);

#endif
