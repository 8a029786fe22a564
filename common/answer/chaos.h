// Class CH (RFC 4892): what the operator lets a server say of itself, and nothing else. Private to
// the answer room.
#ifndef TANDEM_ANSWER_CHAOS_H
#define TANDEM_ANSWER_CHAOS_H

#include "common/answer/answer.h"
#include "common/answer/reply.h"

// Gives the RCODE: REFUSED where the setting is empty or the name is no word of ours.
unsigned chaos_answer(struct reply *reply, const struct answer_service *service,
                      const struct query *query);

#endif
