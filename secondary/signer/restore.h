// The former content again, under a higher serial: what is published when a signature of the served
// version turns out wrong after the fact (README.md, decision 26). Pure.
#ifndef TANDEM_SIGNER_RESTORE_H
#define TANDEM_SIGNER_RESTORE_H

#include "common/zone/diff.h"
#include "common/zone/version.h"

// The diff that makes of current what fresh makes of former: former's records octet for octet where
// fresh (signed records, canonical order: the apex with its new SOA, and what had to be signed
// again) says nothing else. Where records of current are damaged it is all of former, and damaged
// is set: published as a whole content. Initialises ret_diff; its records stand in former and fresh.
void restore_compose(const struct version *current, const struct version *former,
                     const struct diff *fresh, struct diff *ret_diff);

#endif
