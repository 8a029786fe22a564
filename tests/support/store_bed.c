#include "tests/support/store_bed.h"

#include "common/zone/diff.h"
#include "common/zone/journal.h"
#include "common/zone/store_io.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn static void
bed_failed(const struct fault *fault)
{
    fprintf(stderr, "store: %s\n", fault->text);
    abort();
}

void
store_bed_reopen(struct store_bed *bed)
{
    struct fault fault = {.text = ""};
    struct store_opening opening;
    store_close(&bed->store);
    if (!store_open(bed->path, bed->model.apex, &bed->options, &bed->store, &opening, &fault))
        bed_failed(&fault);
    if (opening.torn_indexes)
        abort();
}

void
store_bed_open(struct store_bed *bed, uint64_t seed, const struct store_options *options)
{
    *bed = (struct store_bed){.random = {seed}};
    if (options)
        bed->options = *options;
    store_directory_make(bed->path);
    model_init(&bed->model, "example.gov.");
    store_bed_reopen(bed);
}

void
store_bed_close(struct store_bed *bed)
{
    store_close(&bed->store);
    model_close(&bed->model);
    store_directory_remove(bed->path);
}

void
store_bed_edit(struct store_bed *bed, unsigned edits)
{
    for (; edits; edits--)
        model_random_edit(&bed->model, &bed->random);
}

static struct version_facts
bed_facts(struct store_bed *bed)
{
    model_set_serial(&bed->model, ++bed->serial);
    return (struct version_facts){.unsigned_serial = bed->serial,
                                  .signed_serial = bed->serial,
                                  .published_seconds = 1000 + bed->serial};
}

bool
store_bed_try_draft(struct store_bed *bed, struct fault *fault)
{
    struct version_facts facts = bed_facts(bed);
    struct draft *draft = model_draft(&bed->model);
    bool published = store_publish_draft(bed->store, draft, &facts, fault);
    draft_free(&draft);
    return published;
}

bool
store_bed_try_diff(struct store_bed *bed, struct fault *fault)
{
    struct version_facts facts = bed_facts(bed);
    struct draft *draft = model_draft(&bed->model);
    struct diff diff;
    diff_version_draft(store_current(bed->store), draft, DIFF_WHOLE, &diff);
    bool published = store_publish_diff(bed->store, &diff, &facts, fault);
    diff_close(&diff);
    draft_free(&draft);
    return published;
}

void
store_bed_publish_draft(struct store_bed *bed)
{
    struct fault fault = {.text = ""};
    if (!store_bed_try_draft(bed, &fault))
        bed_failed(&fault);
}

void
store_bed_publish_diff(struct store_bed *bed)
{
    struct fault fault = {.text = ""};
    if (!store_bed_try_diff(bed, &fault))
        bed_failed(&fault);
}

bool
version_dump(const struct version *version, struct octets_buffer *octets)
{
    struct version_cursor cursor;
    const struct node *node;
    version_cursor_first(&cursor, version);
    while ((node = version_cursor_next(&cursor)))
        octets_buffer_add(octets, node, node_size(node));
    return !cursor.damaged;
}

static void
step_dump(const struct journal_step *step, struct octets_buffer *octets)
{
    struct journal_walk walk;
    struct diff_rr rr;
    octets_buffer_add_u32(octets, step->from_serial);
    octets_buffer_add_u32(octets, step->to_serial);
    journal_walk_init(&walk, step);
    while (journal_walk_next(&walk, &rr)) {
        octets_buffer_add_u8(octets, rr.added);
        octets_buffer_add(octets, rr.owner, name_length(rr.owner));
        octets_buffer_add_u16(octets, rr.type);
        octets_buffer_add_u32(octets, rr.ttl);
        octets_buffer_add_u16(octets, rr.rdlength);
        octets_buffer_add(octets, rr.rdata, rr.rdlength);
    }
}

bool
journal_dump(const struct version *version, struct octets_buffer *octets)
{
    struct journal_extent extent;
    struct vector steps;
    vector_init(&steps, sizeof(struct journal_step));
    journal_extent(version, &extent);
    bool whole = extent.steps == 0 || (journal_steps(version, extent.from_serial, &steps) &&
                                       steps.count == extent.steps);
    for (size_t i = 0; i < steps.count; i++)
        step_dump(vector_at(&steps, i), octets);
    vector_close(&steps);
    return whole;
}

static int
no_sync(int file)
{
    (void)file;
    return 0;
}

void
store_io_without_sync(void)
{
    static struct store_io io;
    store_io_set(NULL);
    io = *store_io();
    io.fsync = io.fdatasync = io.syncfs = no_sync;
    store_io_set(&io);
}
