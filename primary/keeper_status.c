// What others see of a keeper.
#include "primary/keeper_inside.h"

const char *
keeper_state_word(enum keeper_state state)
{
    static const char *const words[] = {"loading", "waiting", "ok", "stale", "failed"};
    return words[state];
}

struct served_zone *
keeper_served(struct keeper *keeper)
{
    return &keeper->served;
}

const struct primary_zone_settings *
keeper_zone(const struct keeper *keeper)
{
    return keeper->zone;
}

const struct settings_hold *
keeper_settings(const struct keeper *keeper)
{
    return keeper->settings;
}

const struct version *
keeper_version(const struct keeper *keeper)
{
    return keeper->version;
}

const struct version *
keeper_version_before(const struct keeper *keeper)
{
    return keeper->version_before;
}

struct source *
keeper_source(const struct keeper *keeper)
{
    return keeper->source;
}

static enum keeper_state
state_of(const struct keeper *keeper)
{
    bool good = (keeper->load_good || !keeper->load_ended) && !keeper->publish_fault;
    if (keeper->version)
        return good ? KEEPER_OK : KEEPER_STALE;
    if (keeper->waiting)
        return KEEPER_WAITING;
    bool failed = keeper->publish_fault || (keeper->load_ended && !keeper->load_good);
    return failed ? KEEPER_FAILED : KEEPER_LOADING;
}

static const char *
reason_of(const struct keeper *keeper)
{
    if (keeper->load_ended && !keeper->load_good)
        return keeper->errors.count > 0 ? *(char **)vector_at(&keeper->errors, 0) : NULL;
    if (keeper->publish_fault)
        return keeper->publish_fault;
    return keeper->waiting ? "the targets of its ALIAS records have not answered yet" : NULL;
}

void
keeper_status(const struct keeper *keeper, struct keeper_status *ret_status)
{
    *ret_status = (struct keeper_status){.state = state_of(keeper),
                                         .reason = reason_of(keeper),
                                         .load_failed_at = keeper->load_failed_at,
                                         .added = keeper->added,
                                         .removed = keeper->removed,
                                         .size_octets = keeper->sizes.living_octets,
                                         .errors = &keeper->errors,
                                         .warnings = &keeper->warnings,
                                         .history = &keeper->history};
    if (keeper->source) {
        ret_status->has_source = true;
        ret_status->source_serial = keeper->source->serial;
        ret_status->loaded_at = keeper->source->loaded_at;
    }
    if (keeper->version) {
        const struct version_facts *facts = version_facts(keeper->version);
        if (!keeper->source) { // served before its file was read
            ret_status->has_source = true;
            ret_status->source_serial = facts->unsigned_serial;
        }
        ret_status->has_version = true;
        ret_status->serial = facts->signed_serial;
        ret_status->changed_at = facts->published_seconds;
        ret_status->records = facts->rr_count;
    }
}
