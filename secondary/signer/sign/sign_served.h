// What can be read off the served version about how it was signed. Pure.
#ifndef TANDEM_SIGN_SIGN_SERVED_H
#define TANDEM_SIGN_SIGN_SERVED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/zone/version.h"
#include "secondary/signer/keys/keyset.h"
#include "secondary/signer/sign/sign_policy.h"

// It was signed by the keys that sign now, and denies as the policy wants it: kind, parameters,
// opt-out, and the TTL that new_apex (the apex's record of the new content) asks for.
bool sign_served_as_wanted(const struct version *served, const struct keyset *keyset,
                           const struct sign_policy *policy, const struct node *new_apex);
// The newest inception of a zone is that of its SOA; 0: it has none. served may be NULL.
uint32_t sign_served_inception(const struct version *served);

#endif
