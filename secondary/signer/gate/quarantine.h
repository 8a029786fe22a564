// Where a held candidate waits: its record stream, why it was held and since when, on disk, keyed
// by the digest of its content, so that it outlives a restart and `zone accept DIGEST` publishes
// exactly what `zone diff` showed. One for each zone; one thread. A zone holds one candidate at a
// time: a newer one takes its place.
#ifndef TANDEM_GATE_QUARANTINE_H
#define TANDEM_GATE_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/zone/version.h"

#define QUARANTINE_DIGEST_SHOWN 3 // octets of a digest that status shows (6 digits)
#define QUARANTINE_DIGEST_LEAST 2 // octets that `zone accept` asks for at least

struct quarantine;

struct quarantine_entry {
    struct hash_digest digest;
    uint64_t against_sequence; // version_facts.sequence that it was judged against; 0: none
    uint32_t unsigned_serial;
    int64_t since_seconds;
    char reason[32];
    char sentence[512];
};
// directory: of this zone (0700), made when missing. A torn entry counts as none (the next poll
// brings it again).
bool quarantine_open(const char *directory, struct quarantine **ret_quarantine,
                     struct fault *fault);
void quarantine_close(struct quarantine **quarantine);
// NULL: nothing is held. Borrowed until the next put or clear.
const struct quarantine_entry *quarantine_current(const struct quarantine *quarantine);
// What to do with a candidate whose digest is known before it is judged.
enum quarantine_advice {
    QUARANTINE_JUDGE, // new content, or the served version changed
    QUARANTINE_KNOWN, // held already against this very version: no judging, no event
};
enum quarantine_advice quarantine_ask(const struct quarantine *quarantine,
                                      const struct hash_digest *digest, uint64_t served_sequence);
// Keeps entry and its stream (length octets from stream's start; a memfd of the fetcher). *ret_new
// is true when this digest was not the one held before: the one event. Write, sync, rename: a crash
// leaves the former entry.
bool quarantine_put(struct quarantine *quarantine, const struct quarantine_entry *entry, int stream,
                    uint64_t length, bool *ret_new, struct fault *fault);
// Opens the held stream when text (hexadecimal, at least 4 digits, any case) begins its digest.
// Faults: nothing held (FAULT_NOT_FOUND), another digest (FAULT_NOT_FOUND, names the one that is
// held), too short.
bool quarantine_accept(const struct quarantine *quarantine, const char *text, int *ret_stream,
                       struct fault *fault);
// The held stream, read-only (for `zone diff`).
bool quarantine_stream(const struct quarantine *quarantine, int *ret_stream, struct fault *fault);
// The candidate passed or was replaced by one that passes. *ret_was: there was one (event:
// recovered).
bool quarantine_clear(struct quarantine *quarantine, bool *ret_was, struct fault *fault);

#endif
