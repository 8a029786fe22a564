// A whole transfer beside what is served, in one pass over the stream: only what differs becomes
// records. An unchanged zone of a million names costs a million comparisons and no memory for them;
// a changed record costs itself. Runs in a worker thread; the version is borrowed and must not
// change meanwhile.
#ifndef TANDEM_SIGNER_INTAKE_COMPARE_H
#define TANDEM_SIGNER_INTAKE_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/zone/diff.h"
#include "common/zone/draft.h"
#include "common/zone/version.h"

// Owners whose RRs come in several portions: up to so many the stream is read a second time, more
// make it a sort that a draft does better.
#define INTAKE_COMPARE_SPLIT_MAX 10000

struct intake_compare {
    // in
    const uint8_t *apex;
    const struct version *served;
    uint64_t stream_max; // octets of the stream
    // out
    struct draft *changed; // sealed: the owners that are new or changed (some proved the same)
    struct diff diff;      // as diff_version_draft gives it, unsigned view
    struct arena *arena;   // of records of diff that stand in neither served nor changed
    uint64_t rr_count;     // of the whole new content
    uint64_t octets; // of its records, and of as many empty non-terminals as there may be at most
    uint32_t largest_ttl;
    uint32_t serial, soa_expire_seconds;
    // How it went: owners met where the served order expected them, found by name, read twice.
    size_t in_order, found, split;
};
void intake_compare_init(struct intake_compare *compare);
// stream: a sealed memfd of a whole zone. False: nothing of it may be used; the content is to be
// read whole and judged as a whole. Why is not told, for that will say it: the stream is no zone,
// or holds records of a signer, TTLs that differ, or too many owners in portions; or served is
// damaged.
bool intake_compare_run(struct intake_compare *compare, int stream);
void intake_compare_close(struct intake_compare *compare);

#endif
