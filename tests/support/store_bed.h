// A store in a directory of its own beside the model of what it must hold, and the ways in which both move.
#ifndef TANDEM_TESTS_STORE_BED_H
#define TANDEM_TESTS_STORE_BED_H

#include <stdbool.h>

#include "common/base/octets.h"
#include "common/zone/store.h"
#include "tests/support/store_directory.h"
#include "tests/support/zone_model.h"

struct store_bed {
    char path[STORE_DIRECTORY_MAX];
    struct store_options options;
    struct store *store;
    struct model model;
    struct random random;
    uint32_t serial; // of the last publish that was tried
};

// An empty store for the zone example.gov. All of these abort with the fault where what must work does not.
void store_bed_open(struct store_bed *bed, uint64_t seed, const struct store_options *options);
void store_bed_close(struct store_bed *bed);
void store_bed_reopen(struct store_bed *bed);
void store_bed_edit(struct store_bed *bed, unsigned edits);
// The model under the next serial.
bool store_bed_try_draft(struct store_bed *bed, struct fault *fault);
bool store_bed_try_diff(struct store_bed *bed, struct fault *fault);
void store_bed_publish_draft(struct store_bed *bed);
void store_bed_publish_diff(struct store_bed *bed);

// All records in canonical order, octet for octet; false where a damaged one was left out.
bool version_dump(const struct version *version, struct octets_buffer *octets);

// The RRs of all steps of the journal, in order; false where a step that counts is damaged.
bool journal_dump(const struct version *version, struct octets_buffer *octets);

// Syncs that do nothing, for tests that ask nothing of them.
void store_io_without_sync(void);

#endif
