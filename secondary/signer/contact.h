// When the primary was last heard of, for `expire`. Kept on disk, but written rarely (a twentieth
// of the expire time), so that an unchanged poll writes nothing. `now` is an argument.
#ifndef TANDEM_SIGNER_CONTACT_H
#define TANDEM_SIGNER_CONTACT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"

struct contact {
    int64_t at_seconds;      // 0: never
    int64_t written_seconds; // what stands on disk
};
// A missing or unreadable file is "never".
void contact_load(const char *directory, struct contact *ret_contact);
// Notes a contact; writes when the file lags by more than expire_seconds / 20 (expire 0: once a
// day).
bool contact_note(struct contact *contact, const char *directory, int64_t now,
                  int64_t expire_seconds, struct fault *fault);
// When the zone expires: unix time; 0: never (expire_seconds 0 or no contact ever).
int64_t contact_expires(const struct contact *contact, int64_t expire_seconds);

#endif
