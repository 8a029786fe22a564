// What the files of verify_changes tell each other; nobody else includes it.
#ifndef TANDEM_SIGN_VERIFY_CHANGES_INSIDE_H
#define TANDEM_SIGN_VERIFY_CHANGES_INSIDE_H

#include "secondary/signer/sign/verify.h"
#include "secondary/signer/sign/verify_zone.h"

struct changed_links; // of NSEC3: those that the diff brings

struct changed {
    const struct verify_changes *request;
    const uint8_t *apex;
    struct verify_source source; // as it is about to be
    struct verify_zone zone;
    struct changed_links *links;
    struct verify_report *report;
};

// The chain of NSEC3 of what is served goes on under the diff. Opened before records are verified
// (it is how zone.find finds), closed afterwards.
void changed_nsec3_open(struct changed *changed);
void changed_nsec3_close(struct changed *changed);
// The ring at the changed places, the names that came, went or stand differently, and that every
// new NSEC3 stands for one of them.
void changed_nsec3_check(const struct changed *changed);

#endif
