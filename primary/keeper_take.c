// What came of a job goes into the keeper.
#include "primary/keeper_take.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"

#define WHY_MAX 240
#define LOG_TEXTS_MAX                                                                              \
    20 // lines of the log for one zone file: one mistake may stand in every record

// A load that ended.

static void
texts_log(const struct keeper *keeper, enum log_level level, const struct vector *texts)
{
    for (size_t i = 0; i < texts->count && i < LOG_TEXTS_MAX; i++)
        log_at(level, *(char **)vector_at(texts, i), "zone", keeper->domain);
    if (texts->count > LOG_TEXTS_MAX)
        log_at(level, "further ones are shown by tandemctl zone status", "zone", keeper->domain,
               "more", LOG_NUMBER(texts->count - LOG_TEXTS_MAX));
}

static void
texts_move(struct vector *from, struct vector *to)
{
    struct vector old = *to;
    *to = *from;
    *from = old;
}

static void
load_failed(struct keeper *keeper)
{
    keeper->load_failed_at = clock_unix_seconds();
    texts_log(keeper, LOG_LEVEL_ERROR, &keeper->errors);
    log_error(keeper->source ? "the zone file is broken: the zone stays as it was"
                             : "the zone file is broken: the zone is not served",
              "zone", keeper->domain, "file", keeper->zone->file, "errors",
              LOG_NUMBER(keeper->errors.count));
}

void
keeper_take_aliases(struct keeper *keeper, const struct source *source)
{
    if (keeper->alias->zone_follow)
        keeper->alias->zone_follow(keeper->alias->context, keeper->zone, source->draft,
                                   keeper->given_out);
}

static void
source_taken(struct keeper *keeper, struct job *job)
{
    keeper->given_out = keeper->given_out || job->publication.had_version;
    // The engine is told before what it borrowed goes away.
    keeper_take_aliases(keeper, job->loading.source);
    if (keeper->version && !keeper->source && keeper->alias->zone_confirm)
        keeper->alias->zone_confirm(keeper->alias->context, keeper->apex);
    source_drop(&keeper->source);
    keeper->source = job->loading.source;
    job->loading.source = NULL;
    keeper->load_failed_at = 0;
    keeper->expand_all_wanted = true;
    keeper->expand_cause = job->cause;
    texts_log(keeper, LOG_LEVEL_WARNING, &keeper->warnings);
    log_info("zone file read", "zone", keeper->domain, "serial", LOG_NUMBER(keeper->source->serial),
             "records", LOG_NUMBER(draft_rr_count(keeper->source->draft)), "aliases",
             LOG_NUMBER(keeper->source->alias_owners), "milliseconds",
             LOG_NUMBER(loop_now_ms(keeper->loop) - job->started_ms));
}

// Nothing is to be done but what other settings ask for.
static void
source_stays(struct keeper *keeper, struct job *job)
{
    source_files_take(&keeper->source->files, &job->loading.files);
    if (keeper->settings_changed) {
        keeper->expand_all_wanted = true;
        keeper->expand_cause = job->cause;
    }
    log_debug("zone file unchanged: not read", "zone", keeper->domain, "files",
              LOG_NUMBER(keeper->source->files.items.count), "looked_into",
              LOG_NUMBER(job->loading.looked_into));
}

// When the store was opened.
static void
opening_note(struct keeper *keeper, const struct publication *publication)
{
    keeper->given_out = keeper->given_out || publication->had_version;
    if (publication->opening.torn_indexes == 0)
        return;
    keeper->state_lost = true;
    log_warning("versions that were not whole were set aside", "zone", keeper->domain, "indexes",
                LOG_NUMBER(publication->opening.torn_indexes));
}

static void
take_load(struct keeper *keeper, struct job *job)
{
    bool before = keeper->load_good || !keeper->load_ended;
    bool good = job->loading.unchanged || job->loading.source != NULL;
    opening_note(keeper, &job->publication);
    if (job->loading.unchanged) {
        source_stays(keeper, job);
    } else {
        texts_move(&job->loading.errors, &keeper->errors);
        texts_move(&job->loading.warnings, &keeper->warnings);
        if (good)
            source_taken(keeper, job);
        else
            load_failed(keeper);
    }
    keeper->load_ended = true;
    keeper->load_good = good;
    keeper->events->loaded(keeper->context, keeper, good, before);
}

// A publication that ended.

static void
publish_fault_set(struct keeper *keeper, const struct fault *fault)
{
    free(keeper->publish_fault);
    keeper->publish_fault = fault ? memory_text(fault->text) : NULL;
    if (!fault) {
        keeper->retry_ms = 0;
        return;
    }
    keeper->retry_ms = keeper->retry_ms ? keeper->retry_ms * 2 : KEEPER_RETRY_FIRST_MS;
    if (keeper->retry_ms > KEEPER_RETRY_MAX_MS)
        keeper->retry_ms = KEEPER_RETRY_MAX_MS;
    log_error("the expanded zone could not be written: the version before stays; trying again",
              "zone", keeper->domain, "reason", fault->text, "seconds",
              LOG_NUMBER(keeper->retry_ms / 1000));
}

static void
history_note(struct keeper *keeper, const struct job *job, uint32_t serial)
{
    const struct publication *done = &job->publication;
    char why[WHY_MAX];
    struct history_step step = {.at_seconds = job->now,
                                .source_serial = job->source->serial,
                                .serial = serial,
                                .cause = job->cause,
                                .why = why,
                                .added = done->counts.added_rrs,
                                .removed = done->counts.removed_rrs,
                                .duration_ms =
                                    (int64_t)(loop_now_ms(keeper->loop) - job->started_ms)};
    if (!done->had_version)
        snprintf(why, sizeof why, "first version");
    else if (done->first_change[0])
        snprintf(why, sizeof why, "%.180s changed%s", done->first_change,
                 done->counts.added_rrs + done->counts.removed_rrs > 2 ? " and more" : "");
    else
        snprintf(why, sizeof why, "SOA changed");
    history_add(&keeper->history, &step);
    keeper->added = step.added;
    keeper->removed = step.removed;
    char from[24];
    log_info("zone published", "zone", keeper->domain, "cause", job->cause, "source",
             LOG_NUMBER(step.source_serial), "serial", LOG_NUMBER(serial), "was",
             done->had_version ? log_number_text(from, done->old_serial) : NULL, "added",
             LOG_NUMBER(step.added), "removed", LOG_NUMBER(step.removed), "milliseconds",
             LOG_NUMBER(step.duration_ms));
}

// The newest version is mapped beside the one before, with which it shares nearly all: nothing of
// the size of the zone is read here.
static bool
version_swap(struct keeper *keeper, struct job *job, struct fault *fault)
{
    const struct version *version;
    bool mapped = version_map(&job->publication.place, keeper->version, &version, fault);
    version_place_close(&job->publication.place);
    job->publication.has_place = false;
    if (!mapped)
        return fault_wrap(fault, "zone %s: store %s", keeper->domain, keeper->directory);
    if (job->kind == JOB_UPKEEP) { // the same content
        version_drop(&keeper->version);
    } else {
        version_drop(&keeper->version_before);
        keeper->version_before = keeper->version;
    }
    keeper->version = version;
    keeper->served.answer.version = version;
    return true;
}

static uint32_t
serial_of(const struct version *version)
{
    return version_facts(version)->signed_serial;
}

static void
version_take(struct keeper *keeper, struct job *job)
{
    const struct version *before = keeper->version;
    struct fault fault;
    uint32_t serial_before = before ? serial_of(before) : 0;
    if (!version_swap(keeper, job, &fault)) {
        if (job->kind == JOB_PUBLISH) // else it is tried again with the first expansion
            publish_fault_set(keeper, &fault);
        return;
    }
    // Also one that could not be mapped when it was published.
    bool changed =
        job->publication.changed || (before && serial_before != serial_of(keeper->version));
    keeper->given_out = true;
    if (changed)
        history_note(keeper, job, serial_of(keeper->version));
    else
        log_info(job->kind == JOB_OPEN
                     ? "zone served as the last run left it: its files are the same"
                     : "zone unchanged since the last run",
                 "zone", keeper->domain, "serial", LOG_NUMBER(serial_of(keeper->version)));
    keeper->events->published(keeper->context, keeper, before == NULL, changed);
}

bool
keeper_take_marked(const struct keeper *keeper, const struct source *source)
{
    struct hash_digest digest;
    return keeper->has_mark && source_files_digest(&source->files, &digest) &&
           memcmp(digest.octets, keeper->mark.octets, sizeof digest.octets) == 0;
}

static void
take_open(struct keeper *keeper, struct job *job)
{
    opening_note(keeper, &job->publication);
    keeper->has_mark = job->publication.marked;
    keeper->mark = job->marked;
    if (job->publication.has_place)
        version_take(keeper, job);
}

static void
take_publish(struct keeper *keeper, struct job *job)
{
    keeper->sizes = job->publication.sizes;
    keeper->upkeep_wanted = keeper->upkeep_wanted || job->publication.upkeep_wanted;
    if (!job->publication.marked)
        keeper->has_mark =
            job->publication.good && source_files_digest(&job->source->files, &keeper->mark);
    publish_fault_set(keeper, job->publication.good ? NULL : &job->publication.fault);
    if (job->publication.has_place)
        version_take(keeper, job);
}

// A store whose records are damaged is written anew from the source.
static void
take_upkeep(struct keeper *keeper, struct job *job)
{
    struct fault fault = job->publication.fault;
    bool good = job->publication.good;
    keeper->sizes = job->publication.sizes;
    keeper->upkeep_wanted = job->publication.upkeep_wanted;
    if (good && job->publication.has_place)
        good = version_swap(keeper, job, &fault);
    if (good)
        return;
    log_warning("upkeep of a zone's store failed; the next change tries again", "zone",
                keeper->domain, "reason", fault.text);
    if (fault.kind == FAULT_CORRUPT && keeper->source) {
        keeper->expand_all_wanted = true;
        keeper->expand_cause = "file";
    }
}

void
keeper_take(struct keeper *keeper, struct job *job)
{
    switch (job->kind) {
    case JOB_OPEN:
        take_open(keeper, job);
        break;
    case JOB_LOAD:
        take_load(keeper, job);
        break;
    case JOB_PUBLISH:
        take_publish(keeper, job);
        break;
    case JOB_UPKEEP:
        take_upkeep(keeper, job);
        break;
    }
}
