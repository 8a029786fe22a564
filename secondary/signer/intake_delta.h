// A delta of a primary (IXFR) applied to the unsigned view of what is served: the changed owners as
// they shall be, what differs, and the size of the whole. It is believed only where it fits without
// remainder: every record that goes was there, every one that comes was not. Everything else is a
// doubt, after which the whole zone is transferred. Runs in a worker thread; the version is
// borrowed and must not change meanwhile.
#ifndef TANDEM_SIGNER_INTAKE_DELTA_H
#define TANDEM_SIGNER_INTAKE_DELTA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/zone/diff.h"
#include "common/zone/draft.h"
#include "common/zone/version.h"

struct intake_delta {
    // in
    const uint8_t *apex;
    const struct version *served;
    uint32_t from_serial;      // of the primary: what is served is exactly its content
    uint64_t rr_count, octets; // of the whole unsigned content as it is served
    uint64_t stream_max;       // octets of the stream
    // out
    struct draft *changed; // sealed: the owners that the delta names and that stay, the apex always
    struct diff
        diff; // unsigned view, canonical order; its records stand in served, changed and arena
    struct arena *arena;
    uint32_t serial;                   // of the primary, which it leads to
    uint64_t new_rr_count, new_octets; // of the whole unsigned content afterwards
    bool damaged;                      // the doubt is a damaged record of served
};
void intake_delta_init(struct intake_delta *delta);
// stream: a sealed memfd of kind delta. False: a doubt, and what in one sentence; nothing of it may
// be used.
bool intake_delta_run(struct intake_delta *delta, int stream, struct fault *fault);
void intake_delta_close(struct intake_delta *delta);

#endif
