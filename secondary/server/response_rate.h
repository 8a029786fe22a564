// Response rate limiting: how many answers of one kind a client prefix gets in a second over UDP,
// so that this server is of no use to somebody who asks in another's name. What is over it is
// dropped, every slip-th is sent as the question with TC, which brings a true client to TCP. One
// table for each server, fixed in size; no allocation.
#ifndef TANDEM_SERVER_RESPONSE_RATE_H
#define TANDEM_SERVER_RESPONSE_RATE_H

#include <stdint.h>

#include "common/answer/answer.h"
#include "common/daemon/settings_secondary.h"
#include "common/net/address.h"

#define RESPONSE_RATE_SETS                                                                         \
    16384 // of RESPONSE_RATE_WAYS entries: 1 MiB, 65,536 (prefix, answer) pairs at once
#define RESPONSE_RATE_WAYS 4

struct response_rate;
// NULL where settings say per-second 0. Queries of one client spread over the servers by port, so
// each server gives its share of the limit.
struct response_rate *response_rate_new(const struct rate_limit_settings *settings,
                                        uint32_t server_count);
void response_rate_free(struct response_rate **rate); // *rate may be NULL

enum response_rate_verdict { RESPONSE_RATE_SEND, RESPONSE_RATE_DROP, RESPONSE_RATE_TRUNCATE };
enum response_rate_verdict response_rate_take(struct response_rate *rate,
                                              const struct address *peer, const struct query *query,
                                              const struct answer_outcome *outcome, int64_t now);

#endif
