// Which records prove that something does not exist (RFC 4035 section 3.1.3): names of NSEC owners
// gathered for the authority section, each once. This is the seam for NSEC3 (RFC 5155 section 7.2):
// a version with facts.nsec3 will go to denial_nsec3 from the same five functions.
#ifndef TANDEM_ANSWER_DENIAL_H
#define TANDEM_ANSWER_DENIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/zone/version.h"

// A chain of CNAMEs through wildcards needs one proof for each step, the denial at its end two
// more.
#define DENIAL_PROOFS_MAX 24

struct denial {
    unsigned count;
    const struct node *proof[DENIAL_PROOFS_MAX];
};

// All give false when this version cannot prove it: the answer is then SERVFAIL, never an unproven
// one.

// Nothing at name and no wildcard for it (section 3.1.3.2); its closest encloser has
// encloser_labels labels.
bool denial_name_error(const struct version *version, const uint8_t *name, unsigned encloser_labels,
                       struct denial *denial);
// name exists, perhaps as an empty non-terminal, without the type (section 3.1.3.1).
bool denial_no_data(const struct version *version, const uint8_t *name, struct denial *denial);
// name was answered from the wildcard below its closest encloser (section 3.1.3.3).
bool denial_wildcard_answer(const struct version *version, const uint8_t *name,
                            struct denial *denial);
// The wildcard that matches name has not the type (section 3.1.3.4).
bool denial_wildcard_no_data(const struct version *version, const uint8_t *name,
                             const struct node *wildcard, struct denial *denial);
// The zone cut has no DS (section 3.1.4).
bool denial_no_ds(const struct version *version, const struct node *cut, struct denial *denial);

#endif
