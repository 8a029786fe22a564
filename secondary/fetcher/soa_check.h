// "Has it changed?", asked of a primary that may say that its serial follows its content: one
// signed SOA question by UDP. Whatever is not a signed answer that says so is no answer to that
// question, and the zone is transferred. Belongs to its loop.
#ifndef TANDEM_FETCHER_SOA_CHECK_H
#define TANDEM_FETCHER_SOA_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/dns/tsig.h"
#include "common/net/address.h"

// A primary that UDP does not reach costs these seconds once a day, not at each poll.
#define SOA_CHECK_TRIES      2
#define SOA_CHECK_TIMEOUT_MS 1000

struct loop;
struct soa_check;

struct soa_check_options {
    const uint8_t *apex; // copied, as all of these
    const char *primary;
    struct address peer, source;
    const struct tsig_key *key;
};
// follows: the answer is signed and says that the serial follows content. From the loop, once; free
// the check in here or later.
typedef void soa_check_ended(void *context, bool follows, uint32_t serial, int64_t round_trip_ms);

// NULL when no socket can be had.
struct soa_check *soa_check_new(struct loop *loop, const struct soa_check_options *options,
                                soa_check_ended *ended, void *context);
void soa_check_free(struct soa_check **check); // *check may be NULL

#endif
