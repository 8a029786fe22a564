// The algorithm of RFC 1034 section 4.3.2 over the zones held here: zone, cut, name, wildcard,
// chain. Private to the answer room.
#ifndef TANDEM_ANSWER_RESOLVE_H
#define TANDEM_ANSWER_RESOLVE_H

#include "common/answer/answer.h"
#include "common/answer/reply.h"

// Fills the reply's sections, flags and EDE for the query's question (class IN or ANY); sets kind
// and zone of the outcome. Gives the RCODE.
unsigned resolve_question(const struct answer_service *service, const struct answer_client *client,
                          struct reply *reply, struct answer_outcome *outcome);

// The option of RFC 7314 where it was asked for.
void resolve_expire_add(struct reply *reply, const struct answer_client *client,
                        const struct answer_zone *zone);

#endif
