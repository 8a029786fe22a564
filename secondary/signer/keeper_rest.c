// What a zone has only while something happens to it: the queue of what expires, and its history.
// For a large zone both take a while to read and stay. Ten thousand small ones would hold more of
// them than of all else: theirs are made where they are asked for, in some microseconds, and go
// when the zone rests. What upkeep asks each minute, when a primary was heard, is answered without
// them.
//
// Keys stay: a running signer has those that it began with, whatever happens to their files
// (README.md, decision 10).
#include "secondary/signer/keeper_inside.h"

static const struct version *
served(const struct keeper *keeper)
{
    return keeper->store != NULL ? store_current(keeper->store) : NULL;
}

struct expiry_queue *
keeper_expiry(struct keeper *keeper)
{
    struct version_cursor cursor;
    if (keeper->expiry != NULL) {
        return keeper->expiry;
    }
    keeper->expiry = expiry_queue_new(keeper->apex);
    if (keeper->expiry_of == NULL && served(keeper) != NULL) {
        version_cursor_first(&cursor, served(keeper)); // damage was noted when it was first read
        expiry_queue_fill(keeper->expiry, &cursor, SIZE_MAX);
    }
    return keeper->expiry;
}

// What was noted when the queue went is of the version that is served now.
static bool
rests(const struct keeper *keeper)
{
    return keeper->expiry == NULL && served(keeper) != NULL &&
           keeper->ends.of == version_identity(served(keeper));
}

struct history *
keeper_history(struct keeper *keeper)
{
    if (keeper->history == NULL && keeper->directory != NULL) {
        keeper->history = history_new(keeper->directory);
    }
    return keeper->history;
}

static void
expiry_rest(struct keeper *keeper, const struct version *version)
{
    keeper->ends = (struct keeper_ends){0};
    if (version != NULL && version_facts(version)->is_signed) {
        keeper->ends.first = expiry_queue_first(keeper->expiry, version);
        keeper->ends.owners = (uint32_t)expiry_queue_size(keeper->expiry);
        size_t buckets = expiry_queue_buckets(keeper->expiry);
        keeper->ends.last_from =
            buckets > 0 ? expiry_queue_bucket(keeper->expiry, buckets - 1).from : 0;
        keeper->ends.of = version_identity(version);
    }
    expiry_queue_free(&keeper->expiry);
}

void
keeper_rest(struct keeper *keeper)
{
    const struct version *version = served(keeper);
    if (keeper->phase != KEEPER_IDLE ||
        (version != NULL && version_facts(version)->node_count > KEEPER_REST_RECORDS)) {
        return;
    }
    if (keeper->expiry != NULL && keeper->expiry_of == NULL) {
        expiry_rest(keeper, version);
    }
    if (keeper->history != NULL && history_is_saved(keeper->history)) {
        history_free(&keeper->history);
    }
}

uint32_t
keeper_first_expiration(struct keeper *keeper)
{
    const struct version *version = served(keeper);
    if (version == NULL || !version_facts(version)->is_signed) {
        return 0;
    }
    if (keeper->expiry_of != NULL) {
        return version_facts(version)->first_expiration;
    }
    return rests(keeper) ? keeper->ends.first : expiry_queue_first(keeper_expiry(keeper), version);
}

bool
keeper_refresh_goes_on(struct keeper *keeper, int64_t now)
{
    struct refresh_load load;
    const struct keeper_ends *ends = &keeper->ends;
    if (rests(keeper) &&
        !refresh_load_may_go_on(ends->owners, ends->last_from, keeper->sign_policy, now)) {
        return false;
    }
    uint32_t first = keeper_first_expiration(keeper);
    refresh_load_measure(keeper_expiry(keeper), keeper->sign_policy, first, now, &load);
    return load.goes_on;
}
