// Which records prove that something does not exist: by NSEC (RFC 4035 section 3.1.3) or by NSEC3
// (RFC 5155 section 7.2), as the version has it. Records gathered for the authority section, each
// once. Private to the answer room.
#ifndef TANDEM_ANSWER_DENIAL_H
#define TANDEM_ANSWER_DENIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/answer/denial_memo.h"
#include "common/answer/query.h"
#include "common/zone/version.h"

// A chain of CNAMEs through wildcards needs one proof for each step, the denial at its end three
// more.
#define DENIAL_PROOFS_MAX 24

struct denial_proof {
    const struct node *node; // goes out under its own owner
    uint16_t type;           // NSEC or NSEC3
};
struct denial {
    struct denial_memo *memo;        // NULL: none
    const struct query_ahead *ahead; // what was found out about this name; NULL: nothing was
    const uint8_t *ahead_name;       // (told by address)
    unsigned count;
    struct denial_proof proof[DENIAL_PROOFS_MAX];
};

// All give false when this version cannot prove it (a damaged or a broken chain): the answer is
// then SERVFAIL, never an unproven one. name: lower case, at or below the apex.

// Nothing at name, whose closest encloser is encloser, and no wildcard for it (RFC 4035
// section 3.1.3.2, RFC 5155 section 7.2.2).
bool denial_name_error(const struct version *version, const uint8_t *name,
                       const struct node *encloser, struct denial *denial);
// The name of the record, perhaps an empty non-terminal, exists without the type (3.1.3.1; 7.2.3,
// 7.2.4).
bool denial_no_data(const struct version *version, const struct node *node, struct denial *denial);
// name was answered from the wildcard below its closest encloser (3.1.3.3; 7.2.6).
bool denial_wildcard_answer(const struct version *version, const uint8_t *name,
                            unsigned encloser_labels, struct denial *denial);
// The wildcard below encloser that matches name has not the type (3.1.3.4; 7.2.5).
bool denial_wildcard_no_data(const struct version *version, const uint8_t *name,
                             const struct node *encloser, const struct node *wildcard,
                             struct denial *denial);
// The zone cut has no DS (RFC 4035 section 3.1.4, RFC 5155 section 7.2.7).
bool denial_no_ds(const struct version *version, const struct node *cut, struct denial *denial);

#endif
