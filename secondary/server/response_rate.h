// Response rate limiting: how many answers of one class a client prefix gets in a second over UDP,
// so that this server is of no use to somebody who asks in another's name. What is over it is
// dropped, every slip-th is sent as the question with TC, which brings a true client to TCP. All
// servers count in one table (secondary/rate_table.h); no lock, no allocation, no clock.
#ifndef TANDEM_SERVER_RESPONSE_RATE_H
#define TANDEM_SERVER_RESPONSE_RATE_H

#include <stdint.h>

#include "common/answer/answer.h"
#include "common/daemon/settings_secondary.h"
#include "common/net/address.h"
#include "secondary/rate_table.h"

struct response_rate;
// NULL where settings say per-second 0. The table is borrowed; key: of its hashes, that of all
// servers.
struct response_rate *response_rate_new(const struct rate_limit_settings *settings,
                                        struct rate_table *table, uint64_t key);
void response_rate_free(struct response_rate **rate); // *rate may be NULL

// An answer that is ready.
struct response_rate_answer {
    const struct address *peer;
    const struct query *query;
    const struct answer_outcome *outcome;
    uint32_t zone;   // number of the outcome's zone, the same in all servers
    int64_t now;     // unix seconds
    uint64_t now_ms; // monotonic
};
enum rate_verdict response_rate_take(struct response_rate *rate,
                                     const struct response_rate_answer *answer);

#endif
