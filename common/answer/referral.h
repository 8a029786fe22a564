// A referral: the name belongs to a zone that was delegated (RFC 1034 section 4.3.2 step 3b, RFC
// 4035 section 3.1.4). Private to the answer room.
#ifndef TANDEM_ANSWER_REFERRAL_H
#define TANDEM_ANSWER_REFERRAL_H

#include <stdbool.h>

#include "common/answer/denial.h"
#include "common/answer/reply.h"
#include "common/zone/version.h"

// NS of the cut and its DS into the authority section, glue into *ret_glue for the additional one.
// Without a DS in a signed zone the proof of that is added to denial. False: that cannot be proven.
struct additional;
bool referral_add(struct reply *reply, const struct version *version, const struct node *cut,
                  struct denial *denial, struct additional *ret_glue);

#endif
