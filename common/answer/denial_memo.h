// What denials of names below one closest encloser have in common, remembered: the record that
// denies the wildcard below it and, with NSEC3, the one that matches it. Most names that are asked
// for and do not exist have few closest enclosers, the apex above all. Of one thread. Private to
// the answer room but for its size, which the caller of answer_query provides.
#ifndef TANDEM_ANSWER_DENIAL_MEMO_H
#define TANDEM_ANSWER_DENIAL_MEMO_H

#include <stdint.h>

#include "common/zone/version.h"

// A power of two; 10 KiB. What does not fit is searched for again.
#define DENIAL_MEMO_PLACES 256

// Of one encloser in one version. What is NULL is not known.
struct denial_memo_place {
    uint64_t version;            // version_identity; 0: nothing
    const struct node *encloser; // its record there, which no other name has
    const struct node *match;    // NSEC3: matches the closest provable encloser,
    unsigned match_labels;       // which has so many labels
    const struct node *wildcard; // covers the wildcard below that (NSEC: below encloser)
};

// Zeros: nothing is known.
struct denial_memo {
    struct denial_memo_place places[DENIAL_MEMO_PLACES];
};

// The place for this encloser, perhaps with nothing in it yet. Good until the next call.
struct denial_memo_place *denial_memo_at(struct denial_memo *memo, const struct version *version,
                                         const struct node *encloser);

#endif
