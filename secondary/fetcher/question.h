// One DNS question as a client: by UDP, and again by TCP when the answer is truncated. The answer
// that is given has the right ID and question; what it says is the caller's to judge. Belongs to
// its loop.
#ifndef TANDEM_FETCHER_QUESTION_H
#define TANDEM_FETCHER_QUESTION_H

#include <stdint.h>

#include "common/base/fault.h"
#include "common/net/address.h"

#define QUESTION_TIMEOUT_MS 2000 // of the first datagram; the second waits twice as long
#define QUESTION_TRIES      2    // then the next server of the list
#define QUESTION_TCP_MS     8000 // connection and answer together

struct loop;
struct question;

struct question_options {
    const uint8_t *name; // lower case, copied
    uint16_t type;       // class IN, RD set: the server may be a resolver
    struct address peer, source;
};
// From the loop, once: octets (borrowed), or NULL and a fault. Free the question in here or later.
typedef void question_ended(void *context, const uint8_t *octets, size_t length,
                            const struct fault *fault);
// NULL and a fault when no socket can be had.
struct question *question_new(struct loop *loop, const struct question_options *options,
                              question_ended *ended, void *context, struct fault *fault);
void question_free(struct question **question); // *question may be NULL

#endif
