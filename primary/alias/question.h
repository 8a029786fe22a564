// The questions under way: each is put to the resolvers in their order until one gives an answer
// that fits, or all have been tried often enough. Random IDs, mixed letter case, EDNS with a way
// back, TCP where an answer was cut. Belongs to its loop.
#ifndef TANDEM_ALIAS_QUESTION_H
#define TANDEM_ALIAS_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/net/address.h"
#include "common/net/loop.h"
#include "primary/alias/reply.h"

#define QUESTION_DOWN_MS       10000  // a server that gave no answer is asked last for so long
#define QUESTION_NO_EDNS_MS    600000 // one that does not know EDNS is asked without it for so long
#define QUESTION_IN_FLIGHT_MAX 16384  // IDs must be easy to draw: a quarter of 65,536
#define QUESTIONS_QUEUE_MAX                                                                        \
    64 // that wait for their turn: enough that one follows another at once. A kilobyte each; those
       // of ten thousand targets wait in the book, where they take nothing

struct questions;
struct questions_options {
    struct loop *loop;
    const struct address *servers; // copied
    size_t server_count;
    uint64_t timeout_ms;
    unsigned tries, max_in_flight;
    bool require_ad;
    // The end of a question. server: who gave the answer, or was asked last. May ask anew.
    void (*answered)(void *context, const uint8_t *name, uint16_t type, const struct reply *reply,
                     const struct address *server, unsigned round_trip_ms);
    void *context;
};
bool questions_new(const struct questions_options *options, struct questions **ret_questions,
                   struct fault *fault);
// What is under way is forgotten.
void questions_free(struct questions **questions);
// False: as many wait as are worth keeping here; ask again when one is answered. More would be kept
// all the same.
bool questions_have_room(const struct questions *questions);
// name: lower case, copied. Waits for its turn where max_in_flight are under way.
void questions_ask(struct questions *questions, const uint8_t *name, uint16_t type);
// Asks what is under way at `from`, too.
void questions_take_over(struct questions *questions, const struct questions *from);
void questions_count(const struct questions *questions, size_t *ret_in_flight, size_t *ret_queued);

#endif
