// Why jobs and wishes? Three things move a zone: its file (a reload), its targets (the ALIAS
// engine) and a retry after a full disk. They come at any time, also while an earlier one is being
// worked on. A keeper therefore keeps what is *wanted* (load, expand all, expand these owners)
// apart from the one job under way; when a job ends, the next is made of all that is wanted then.
// So nothing is lost, nothing is done twice, and the store has one writer.
#include "primary/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/dns/name.h"
#include "primary/job.h"
#include "primary/store_directory.h"

#define LOG_TEXTS_MAX                                                                              \
    20 // lines of the log for one zone file: one mistake may stand in every record

struct waiter {
    loop_call *call;
    void *context;
};

struct keeper {
    struct loop *loop;
    struct settings_hold *settings;
    const struct primary_zone_settings *zone;
    const struct alias_link *alias;
    const struct keeper_events *events;
    void *context;
    uint8_t apex[NAME_SIZE_MAX];
    char *domain, *directory;
    struct served_zone served;
    struct store *store; // touched by jobs only
    const struct version *version, *version_before;
    struct source *source;

    struct job *job; // under way
    bool load_wanted, expand_all_wanted, forgotten;
    const char *load_cause, *expand_cause;
    struct vector owners_wanted; // of uint8_t[NAME_SIZE_MAX]
    struct loop_timer *retry;
    uint64_t retry_ms;
    struct vector waiters; // of struct waiter

    bool load_ended, load_good, waiting;
    bool state_lost;                // the store had versions, but none whole
    bool given_out;                 // a version was published, in this run or before
    struct vector errors, warnings; // of char *
    char *publish_fault;            // NULL: the last one went well
    int64_t load_failed_at;
    size_t added, removed;
    struct store_sizes sizes;
    struct history history;
};

static void keeper_next(struct keeper *keeper);

const char *
keeper_state_word(enum keeper_state state)
{
    static const char *const words[] = {"loading", "waiting", "ok", "stale", "failed"};
    return words[state];
}

static void
settings_take(struct keeper *keeper, struct settings_hold *settings,
              const struct primary_zone_settings *zone)
{
    struct settings_hold *old = keeper->settings;
    keeper->settings = settings_hold(settings);
    keeper->zone = zone;
    keeper->served.acl = &zone->acl;
    settings_drop(&old);
}

static void
on_retry(void *context)
{
    struct keeper *keeper = context;
    keeper->expand_all_wanted = true;
    keeper_next(keeper);
}

struct keeper *
keeper_new(const struct keeper_options *options)
{
    struct keeper *keeper = memory_zalloc(sizeof *keeper);
    keeper->loop = options->loop;
    keeper->alias = options->alias;
    keeper->events = options->events;
    keeper->context = options->context;
    name_copy(keeper->apex, options->zone->name);
    keeper->domain = memory_text(options->zone->domain);
    keeper->directory = store_directory(options->directory, options->zone->domain);
    keeper->served = (struct served_zone){
        .answer.expire_at = ANSWER_NEVER, .apex = keeper->apex, .domain = keeper->domain};
    settings_take(keeper, options->settings, options->zone);
    keeper->load_cause = keeper->expand_cause = "file";
    keeper->retry = loop_timer_new(options->loop, on_retry, keeper);
    vector_init(&keeper->owners_wanted, NAME_SIZE_MAX);
    vector_init(&keeper->waiters, sizeof(struct waiter));
    vector_init(&keeper->errors, sizeof(char *));
    vector_init(&keeper->warnings, sizeof(char *));
    return keeper;
}

static void
waiters_call_all(struct keeper *keeper)
{
    while (keeper->waiters.count > 0) {
        struct waiter *items = keeper->waiters.items, waiter = items[0];
        memmove(items, items + 1, --keeper->waiters.count * sizeof *items);
        waiter.call(waiter.context);
    }
}

// What a job may still need goes last, when it has ended.
static void
keeper_release(struct keeper *keeper)
{
    store_close(&keeper->store);
    free(keeper->directory);
    free(keeper->domain);
    free(keeper);
}

void
keeper_free(struct keeper **keeper)
{
    struct keeper *old = *keeper;
    *keeper = NULL;
    if (!old)
        return;
    waiters_call_all(old);
    old->forgotten = true;
    if (old->alias->zone_forget)
        old->alias->zone_forget(old->alias->context, old->apex);
    loop_defer_cancel(old->loop, old);
    loop_timer_free(&old->retry);
    version_drop(&old->version);
    version_drop(&old->version_before);
    source_drop(&old->source);
    settings_drop(&old->settings);
    source_texts_clear(&old->errors);
    source_texts_clear(&old->warnings);
    vector_close(&old->errors);
    vector_close(&old->warnings);
    vector_close(&old->owners_wanted);
    vector_close(&old->waiters);
    history_close(&old->history);
    free(old->publish_fault);
    if (!old->job)
        keeper_release(old);
}

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

// The engine is told before what it borrowed goes away.
static void
alias_follow(struct keeper *keeper, const struct source *source)
{
    if (keeper->alias->zone_follow)
        keeper->alias->zone_follow(keeper->alias->context, keeper->zone, source->draft,
                                   keeper->given_out);
}

static void
load_taken(struct keeper *keeper, struct job *job)
{
    keeper->given_out = keeper->given_out || job->publication.had_version;
    alias_follow(keeper, job->loading.source);
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

static void
load_done(struct keeper *keeper, struct job *job)
{
    bool good = job->loading.source != NULL, before = keeper->load_good || !keeper->load_ended;
    if (job->publication.opening.torn_indexes > 0) {
        keeper->state_lost = !job->publication.had_version;
        log_warning("versions that were not whole were set aside", "zone", keeper->domain,
                    "indexes", LOG_NUMBER(job->publication.opening.torn_indexes));
    }
    texts_move(&job->loading.errors, &keeper->errors);
    texts_move(&job->loading.warnings, &keeper->warnings);
    if (good)
        load_taken(keeper, job);
    else
        load_failed(keeper);
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
    loop_timer_start(keeper->retry, keeper->retry_ms, 0);
    log_error("the expanded zone could not be written: the version before stays; trying again",
              "zone", keeper->domain, "reason", fault->text, "seconds",
              LOG_NUMBER(keeper->retry_ms / 1000));
}

static void
history_note(struct keeper *keeper, const struct job *job, uint32_t serial)
{
    const struct publication *done = &job->publication;
    struct history_step step = {.at_seconds = job->now,
                                .source_serial = job->source->serial,
                                .serial = serial,
                                .cause = job->cause,
                                .added = done->counts.added_rrs,
                                .removed = done->counts.removed_rrs,
                                .duration_ms =
                                    (int64_t)(loop_now_ms(keeper->loop) - job->started_ms)};
    if (!done->had_version)
        snprintf(step.why, sizeof step.why, "first version");
    else if (done->first_change[0])
        snprintf(step.why, sizeof step.why, "%.180s changed%s", done->first_change,
                 done->counts.added_rrs + done->counts.removed_rrs > 2 ? " and more" : "");
    else
        snprintf(step.why, sizeof step.why, "SOA changed");
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

static void
version_swap(struct keeper *keeper, struct job *job)
{
    bool first = keeper->version == NULL;
    version_drop(&keeper->version_before);
    keeper->version_before = keeper->version;
    keeper->version = job->publication.version;
    keeper->given_out = true;
    job->publication.version = NULL;
    keeper->served.answer.version = keeper->version;
    if (job->publication.changed)
        history_note(keeper, job, version_facts(keeper->version)->signed_serial);
    else
        log_info("zone unchanged since the last run", "zone", keeper->domain, "serial",
                 LOG_NUMBER(version_facts(keeper->version)->signed_serial));
    keeper->events->published(keeper->context, keeper, first, job->publication.changed);
}

static void
publish_done(struct keeper *keeper, struct job *job)
{
    keeper->sizes = job->publication.sizes;
    publish_fault_set(keeper, job->publication.good ? NULL : &job->publication.fault);
    if (job->publication.version)
        version_swap(keeper, job);
}

static void
job_done(void *context, bool cancelled)
{
    struct job *job = context;
    struct keeper *keeper = job->keeper;
    keeper->job = NULL;
    if (keeper->forgotten) {
        job_free(&job);
        keeper_release(keeper);
        return;
    }
    if (!cancelled && job->kind == JOB_LOAD)
        load_done(keeper, job);
    else if (!cancelled)
        publish_done(keeper, job);
    job_free(&job);
    if (!cancelled)
        keeper_next(keeper);
}

// What is to be done next.

static struct job *
job_make(struct keeper *keeper, enum job_kind kind, const char *cause)
{
    struct job *job =
        job_new(kind, keeper->apex, cause, loop_now_ms(keeper->loop), clock_unix_seconds());
    job->keeper = keeper;
    return job;
}

static void
job_start(struct keeper *keeper, struct job *job)
{
    keeper->job = job;
    loop_work(keeper->loop, job_work, job_done, job);
}

static void
load_start(struct keeper *keeper)
{
    struct job *job = job_make(keeper, JOB_LOAD, keeper->load_cause);
    job->path = memory_text(keeper->zone->file);
    job->publication = (struct publication){.store = &keeper->store,
                                            .directory = keeper->directory,
                                            .apex = job->apex,
                                            .journal_octets_max = keeper->zone->journal_max_octets};
    keeper->load_wanted = false;
    job_start(keeper, job);
}

// The addresses for the job; false: the zone waits for its targets.
static bool
addresses_take(struct keeper *keeper, struct job *job, bool all)
{
    struct draft_findings findings;
    struct fault fault;
    if (!keeper->alias->addresses || keeper->source->alias_owners == 0)
        return true;
    job->addresses = draft_new(keeper->apex);
    if (keeper->alias->addresses(keeper->alias->context, keeper->apex, all ? NULL : &job->owners,
                                 job->addresses) == ALIAS_WAITING)
        return false;
    if (draft_seal(job->addresses, &findings, &fault))
        return true;
    log_error("addresses of ALIAS owners cannot be used", "zone", keeper->domain, "reason",
              fault.text);
    return false;
}

static enum serial_policy
serial_policy_of(enum primary_serial_policy policy)
{
    static const enum serial_policy policies[] = {SERIAL_INCREMENT, SERIAL_UNIXTIME,
                                                  SERIAL_DATESERIAL, SERIAL_KEEP};
    return policies[policy];
}

static void
publication_fill(struct keeper *keeper, struct job *job, bool all)
{
    job->source = source_hold(keeper->source);
    job->publication = (struct publication){.store = &keeper->store,
                                            .directory = keeper->directory,
                                            .apex = job->apex,
                                            .source = job->source,
                                            .addresses = job->addresses,
                                            .owners = all ? NULL : &job->owners,
                                            .policy = serial_policy_of(keeper->zone->serial_policy),
                                            .journal_octets_max = keeper->zone->journal_max_octets,
                                            .now = job->now,
                                            .state_lost = keeper->state_lost,
                                            .map_wanted = keeper->version == NULL};
}

static void
publish_start(struct keeper *keeper)
{
    bool all = keeper->expand_all_wanted;
    struct job *job = job_make(keeper, JOB_PUBLISH, all ? keeper->expand_cause : "alias");
    struct vector none = job->owners;
    job->owners = keeper->owners_wanted;
    keeper->owners_wanted = none;
    keeper->expand_all_wanted = false;
    keeper->waiting = !addresses_take(keeper, job, all);
    if (keeper->waiting) {
        // All of it is compared once the targets have answered.
        keeper->expand_cause = job->cause;
        job_free(&job);
        log_info("the zone waits for the targets of its ALIAS records", "zone", keeper->domain);
        return;
    }
    publication_fill(keeper, job, all);
    job_start(keeper, job);
}

static void
waiters_call(void *context)
{
    struct keeper *keeper = context;
    if (!keeper->job && !keeper->load_wanted && !keeper->expand_all_wanted)
        waiters_call_all(keeper); // else at the next rest
}

static void
keeper_next(struct keeper *keeper)
{
    if (keeper->job)
        return;
    if (keeper->load_wanted)
        load_start(keeper);
    else if (keeper->source && (keeper->expand_all_wanted || keeper->owners_wanted.count > 0))
        publish_start(keeper);
    if (keeper->alias->refusal)
        keeper->served.held_reason = keeper->alias->refusal(keeper->alias->context, keeper->apex);
    if (!keeper->job && keeper->waiters.count > 0)
        loop_defer(keeper->loop, waiters_call, keeper);
}

void
keeper_load(struct keeper *keeper, const char *cause)
{
    keeper->load_wanted = true;
    keeper->load_cause = cause;
    keeper_next(keeper);
}

void
keeper_alias_changed(struct keeper *keeper, const struct vector *owners)
{
    bool whole = !owners || keeper->waiting || !keeper->version ||
                 keeper->owners_wanted.count + owners->count > KEEPER_OWNERS_MAX;
    if (whole) {
        keeper->expand_all_wanted = keeper->source != NULL;
        keeper->expand_cause = keeper->version ? "alias" : "file";
        vector_clear(&keeper->owners_wanted);
    }
    for (size_t i = 0; !whole && i < owners->count; i++)
        vector_add(&keeper->owners_wanted, vector_at(owners, i));
    keeper_next(keeper);
}

bool
keeper_when_idle(struct keeper *keeper, loop_call *call, void *context)
{
    struct waiter waiter = {.call = call, .context = context};
    if (keeper->waiters.count >= KEEPER_WAITERS_MAX)
        return false;
    vector_add(&keeper->waiters, &waiter);
    if (!keeper->job)
        loop_defer(keeper->loop, waiters_call, keeper);
    return true;
}

void
keeper_forget_waiter(struct keeper *keeper, const void *context)
{
    struct waiter *items = keeper->waiters.items;
    size_t kept = 0;
    for (size_t i = 0; i < keeper->waiters.count; i++)
        if (items[i].context != context)
            items[kept++] = items[i];
    keeper->waiters.count = kept;
}

void
keeper_change(struct keeper *keeper, struct settings_hold *settings,
              const struct primary_zone_settings *zone)
{
    struct settings_hold *old = settings_hold(keeper->settings);
    settings_take(keeper, settings, zone);
    if (keeper->source)
        alias_follow(keeper, keeper->source);
    settings_drop(&old);
}

// What others see.

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
    if (keeper->version)
        return keeper->load_good && !keeper->publish_fault ? KEEPER_OK : KEEPER_STALE;
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
        ret_status->has_version = true;
        ret_status->serial = facts->signed_serial;
        ret_status->changed_at = facts->published_seconds;
        ret_status->records = facts->rr_count;
    }
}
