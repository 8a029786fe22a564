// One address of a primary, asked as cheaply as is safe: "has it changed?", what has changed
// (IXFR), or the whole zone. Whatever goes wrong with the first two, the whole zone is asked for at
// once, of the same address. It ends once. Belongs to its loop.
#ifndef TANDEM_FETCHER_ATTEMPT_H
#define TANDEM_FETCHER_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "secondary/fetcher/basis.h"
#include "secondary/fetcher/receive.h"

struct loop;
struct attempt;

struct attempt_options {
    struct receive_options receive; // has_serial is ours; copied, as all of these
    const char *domain;             // for logs
    enum basis_ask ask;
    uint32_t serial; // of what is served; unless BASIS_AXFR
    bool compare;    // where nothing changed, the whole zone is transferred all the same
};

// SAME: the whole zone came, and it is that of receive.known.
enum attempt_outcome {
    ATTEMPT_ZONE,
    ATTEMPT_SAME,
    ATTEMPT_DELTA,
    ATTEMPT_UNCHANGED,
    ATTEMPT_FAILED
};
struct attempt_result {
    enum attempt_outcome outcome;
    enum basis_ask by; // what the answer came by; a delta only by IXFR
    bool denied;       // it does no IXFR, or does not announce that its serial follows content
    unsigned deltas_failed;
    uint64_t octets; // of all that came in
    uint32_t serial; // ATTEMPT_UNCHANGED
    // Of the last transfer; ZONE, DELTA: set its stream to -1 to keep it. NULL where UNCHANGED.
    struct receive_result *received;
    int64_t round_trip_ms; // -1: no answer
};
// From the loop, once. Free the attempt in here or later.
typedef void attempt_ended(void *context, struct attempt_result *result);

// NULL and a fault when no socket or memfd can be had.
struct attempt *attempt_new(struct loop *loop, const struct attempt_options *options,
                            attempt_ended *ended, void *context, struct fault *fault);
void attempt_free(struct attempt **attempt); // also in the middle; *attempt may be NULL

#endif
