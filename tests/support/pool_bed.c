#include "tests/support/pool_bed.h"

#include "common/dns/rrtype.h"
#include "common/zone/diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn static void
bed_failed(const char *what)
{
    fprintf(stderr, "pool bed: %s\n", what);
    abort();
}

static struct store *
store_of(struct pool_bed *bed, const uint8_t *apex)
{
    char path[STORE_DIRECTORY_MAX + 64], name[NAME_TEXT_MAX];
    struct fault fault = {.text = ""};
    struct store *store = NULL;
    const struct store_options options = {
        .journal_octets_max = 100000, .pool = bed->pool, .hash_key = 1};
    snprintf(path, sizeof path, "%s", bed->path);
    if (!bed->flat)
        snprintf(path, sizeof path, "%s/%.40s", bed->path, name_to_text_short(apex, name));
    if (!store_open(path, apex, &options, &store, NULL, &fault))
        bed_failed(fault.text);
    return store;
}

void
pool_bed_shut(struct pool_bed *bed)
{
    for (size_t i = 0; i < bed->count; i++)
        store_close(&bed->zones[i].store);
    zone_pool_close(&bed->pool);
}

static bool
bed_start(struct pool_bed *bed)
{
    struct fault fault = {.text = ""};
    if (!zone_pool_open(bed->path, &bed->options, &bed->pool, &bed->opening, &fault))
        return false;
    for (size_t i = 0; i < bed->count; i++)
        bed->zones[i].store = store_of(bed, bed->zones[i].model.apex);
    return true;
}

void
pool_bed_reopen(struct pool_bed *bed)
{
    pool_bed_shut(bed);
    if (!bed_start(bed))
        bed_failed("it cannot be opened again");
}

static void
bed_open(struct pool_bed *bed, size_t count, bool flat, const struct zone_pool_options *options)
{
    *bed = (struct pool_bed){.count = count, .flat = flat, .random = {7}};
    if (options)
        bed->options = *options;
    store_directory_make(bed->path);
    for (size_t i = 0; i < count; i++) {
        char apex[32];
        snprintf(apex, sizeof apex, "z%zu.example.", i);
        model_init(&bed->zones[i].model, apex);
    }
    if (!bed_start(bed))
        bed_failed("it cannot be opened");
}

void
pool_bed_open(struct pool_bed *bed, size_t count, const struct zone_pool_options *options)
{
    bed_open(bed, count, false, options);
}

void
pool_bed_open_flat(struct pool_bed *bed, const struct zone_pool_options *options)
{
    bed_open(bed, 1, true, options);
}

bool
pool_bed_open_copy(const struct pool_bed *bed, const char *path, struct pool_bed *other)
{
    *other = (struct pool_bed){
        .options = bed->options, .flat = bed->flat, .count = bed->count, .random = {9}};
    snprintf(other->path, sizeof other->path, "%s", path);
    for (size_t i = 0; i < bed->count; i++)
        name_copy(other->zones[i].model.apex, bed->zones[i].model.apex);
    return bed_start(other);
}

void
pool_bed_close(struct pool_bed *bed)
{
    pool_bed_shut(bed);
    for (size_t i = 0; i < bed->count; i++) {
        char path[STORE_DIRECTORY_MAX + 64], name[NAME_TEXT_MAX];
        snprintf(path, sizeof path, "%s/%.40s", bed->path,
                 name_to_text_short(bed->zones[i].model.apex, name));
        store_directory_remove(path);
        model_close(&bed->zones[i].model);
    }
    store_directory_remove(bed->path);
}

void
pool_bed_edit(struct pool_bed *bed, size_t zone, unsigned edits)
{
    for (; edits; edits--)
        model_random_edit(&bed->zones[zone].model, &bed->random);
}

void
pool_bed_grow(struct pool_bed *bed, size_t zone, size_t names)
{
    struct model *model = &bed->zones[zone].model;
    for (size_t i = 0; i < names; i++) {
        uint8_t owner[NAME_SIZE_MAX], address[4] = {192, 0, 2, (uint8_t)i};
        char label[32];
        snprintf(label, sizeof label, "host%zu", i);
        if (!name_from_text(label, model->apex, owner, NULL))
            bed_failed("no name");
        model_put(model, owner, RRTYPE_A, 300, address, sizeof address);
    }
}

bool
pool_bed_try(struct pool_bed *bed, size_t zone, struct fault *fault)
{
    struct pool_bed_zone *of = bed->zones + zone;
    const struct version *current = store_current(of->store);
    model_set_serial(&of->model, ++of->serial);
    const struct version_facts facts = {.unsigned_serial = of->serial,
                                        .signed_serial = of->serial,
                                        .published_seconds = 1000 + of->serial};
    struct draft *draft = model_draft(&of->model);
    bool published;
    if (current) {
        struct diff diff;
        diff_version_draft(current, draft, DIFF_WHOLE, &diff);
        published = store_publish_diff(of->store, &diff, &facts, fault);
        diff_close(&diff);
    } else {
        published = store_publish_draft(of->store, draft, &facts, fault);
    }
    draft_free(&draft);
    return published;
}

void
pool_bed_publish(struct pool_bed *bed, size_t zone)
{
    struct fault fault = {.text = ""};
    if (!pool_bed_try(bed, zone, &fault))
        bed_failed(fault.text);
}

void
pool_bed_check(const struct pool_bed *bed)
{
    for (size_t i = 0; i < bed->count; i++) {
        const struct pool_bed_zone *zone = bed->zones + i;
        const struct version *version = store_current(zone->store);
        if (version ? !model_is_version(&zone->model, version) : zone->serial != 0)
            bed_failed("a zone is not what it was");
    }
}
