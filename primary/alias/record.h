// The ALIAS records of a zone's source. Where they may stand is judged by check_draft at load
// (beside A, AAAA or CNAME: refused with the lines named; below a cut: a warning); here those at or
// below a cut or a DNAME are left out.
#ifndef TANDEM_ALIAS_RECORD_H
#define TANDEM_ALIAS_RECORD_H

#include <stdint.h>

#include "common/base/vector.h"
#include "common/zone/draft.h"

struct alias_record {
    const uint8_t *owner;  // lower case, in the draft
    const uint8_t *target; // lower case, in the draft
    uint32_t ttl;
};

// ret_records: vector of struct alias_record, initialised by the caller; owners in canonical order.
void record_find(const struct draft *source, struct vector *ret_records);

#endif
