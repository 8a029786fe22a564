// Whole zones in one call.
#include "secondary/signer/sign/verify.h"

#include "secondary/signer/sign/verify_walk.h"

static bool
walk_all(const struct verify_walk_options *options, struct pool *pool,
         struct verify_progress *progress, struct verify_report *report)
{
    struct verify_walk *walk = verify_walk_open(options);
    size_t looked;
    bool more;
    do {
        more = verify_walk_portion(walk, pool, VERIFY_PORTION, &looked, report);
        if (progress)
            atomic_fetch_add(&progress->records_done, looked);
    } while (more);
    verify_walk_free(&walk);
    return report->finding_count == 0 && !report->stopped;
}

bool
verify_whole(const struct verify_whole *whole, struct verify_report *report)
{
    struct verify_walk_options options = {.source = {.version = whole->version},
                                          .apex = version_apex(whole->version),
                                          .now = whole->now,
                                          .strict = whole->own,
                                          .wants_zonemd = whole->zonemd,
                                          .stop = whole->progress ? &whole->progress->stop : NULL};
    if (whole->progress)
        atomic_store(&whole->progress->records_total, version_facts(whole->version)->node_count);
    return walk_all(&options, whole->pool, whole->progress, report);
}

bool
verify_version(const struct version *version, struct pool *pool, int64_t now,
               struct verify_report *report)
{
    struct verify_whole whole = {.version = version, .pool = pool, .now = now};
    return verify_whole(&whole, report);
}

bool
verify_draft(const struct draft *draft, struct pool *pool, int64_t now,
             struct verify_report *report)
{
    struct verify_walk_options options = {
        .source = {.draft = draft}, .apex = draft_apex(draft), .now = now};
    return walk_all(&options, pool, NULL, report);
}
