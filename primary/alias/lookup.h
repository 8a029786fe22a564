// What is known of one target and type from the resolver: the last answer, the addresses that left
// a short while ago (for `settle`), and how often addresses come back. Pure.
#ifndef TANDEM_ALIAS_LOOKUP_H
#define TANDEM_ALIAS_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/base/vector.h"
#include "common/net/address.h"
#include "primary/alias/reply.h"

#define LOOKUP_ROTATES_SECONDS 600   // an address that came back within this: the target rotates
#define LOOKUP_SETTLE_AUTO     180   // settle while it does
#define LOOKUP_FORGET_SECONDS  86400 // no longer settle makes sense: then it is another address
#define LOOKUP_LEFT_MAX        4096  // addresses remembered that have left; the oldest go first

struct lookup_left {
    uint8_t octets[ADDRESS_SET_OCTETS_MAX];
    int64_t last_seen; // unix seconds of the last answer with it
};

struct lookup {
    bool in_flight;
    bool answered; // there was an answer or a failure
    enum reply_kind kind;
    int rcode;
    char *text;                 // of a failure; NULL
    struct address_set current; // of the last answer that was none of a failure
    struct vector left;         // of struct lookup_left
    struct octets_buffer chain;
    unsigned chain_count;
    uint32_t asked_round, round;   // of the question under way, of the last answer
    struct address server;         // that gave the last answer
    int64_t asked_at, answered_at; // unix seconds
    int64_t good_at;               // of the last answer that was no failure
    unsigned round_trip_ms;
    int64_t rotated_at; // when an address last came back; 0: never
    uint32_t flaps;     // how many answers brought one back
    uint64_t moves;     // how many answers had other addresses than the one before
};

void lookup_init(struct lookup *lookup, uint16_t type);
void lookup_close(struct lookup *lookup);
// The answer to the question under way. True: who uses it should look again, now and when the
// answer for the other type of the same round is there. False: it says what the last one said.
bool lookup_take(struct lookup *lookup, const struct reply *reply, const struct address *server,
                 unsigned round_trip_ms, int64_t now);
// settle_seconds as in the rules; gives the seconds in force at the last answer.
int64_t lookup_settle(const struct lookup *lookup, int64_t settle_seconds);
// The addresses of the last good answer and those that left less than settle ago, added to ret_set.
void lookup_view(const struct lookup *lookup, int64_t settle_seconds, struct address_set *ret_set);

#endif
