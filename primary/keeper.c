// Why jobs and wishes? Three things move a zone: its file (a reload), its targets (the ALIAS
// engine) and a retry after a full disk. They come at any time, also while an earlier one is being
// worked on. A keeper therefore keeps what is *wanted* (load, expand all, expand these owners)
// apart from the one job under way; when a job ends, the next is made of all that is wanted then.
// So nothing is lost, nothing is done twice, and the store has one writer.
#include "primary/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/dns/name.h"
#include "primary/keeper_inside.h"
#include "primary/keeper_take.h"
#include "primary/store_directory.h"

static void keeper_next(struct keeper *keeper);

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

struct keeper *
keeper_new(const struct keeper_options *options)
{
    struct keeper *keeper = memory_zalloc(sizeof *keeper);
    keeper->loop = options->loop;
    keeper->turns = options->turns;
    keeper->alias = options->alias;
    keeper->events = options->events;
    keeper->context = options->context;
    name_copy(keeper->apex, options->zone->name);
    keeper->domain = memory_text(options->zone->domain);
    keeper->directory = store_directory(options->directory, options->zone->domain);
    keeper->served = (struct served_zone){
        .answer.expire_at = ANSWER_NEVER, .apex = keeper->apex, .domain = keeper->domain};
    settings_take(keeper, options->settings, options->zone);
    keeper->open_wanted = true;
    keeper->synced = options->synced;
    keeper->state_lost = options->state_lost;
    keeper->load_cause = keeper->expand_cause = "file";
    vector_init(&keeper->owners_wanted, NAME_SIZE_MAX);
    vector_init(&keeper->waiters, sizeof(struct keeper_waiter));
    vector_init(&keeper->errors, sizeof(char *));
    vector_init(&keeper->warnings, sizeof(char *));
    return keeper;
}

static void
waiters_call_all(struct keeper *keeper)
{
    while (keeper->waiters.count > 0) {
        struct keeper_waiter *items = keeper->waiters.items, waiter = items[0];
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
    turns_leave(old->turns, &old->turn);
    if (old->job) // it ends outside of the count: the turns may be gone by then
        turns_give(old->turns);
    loop_timer_free(&old->retry);
    loop_timer_free(&old->gather_timer);
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

static void
on_retry(void *context)
{
    struct keeper *keeper = context;
    keeper->expand_all_wanted = keeper->source != NULL;
    keeper_next(keeper);
}

static void
retry_start(struct keeper *keeper)
{
    if (!keeper->publish_fault || (keeper->retry && loop_timer_is_running(keeper->retry)))
        return;
    if (!keeper->retry)
        keeper->retry = loop_timer_new(keeper->loop, on_retry, keeper);
    loop_timer_start(keeper->retry, keeper->retry_ms, 0);
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
    if (!cancelled) {
        keeper_take(keeper, job);
        retry_start(keeper);
        if (job->kind == JOB_PUBLISH)
            keeper->published_ms = loop_now_ms(keeper->loop);
    }
    job_free(&job);
    if (cancelled)
        return;
    keeper_next(keeper); // behind who waits in line
    turns_give(keeper->turns);
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

// What every job lends the publication.
static struct publication
publication_lend(struct keeper *keeper, const struct job *job)
{
    return (struct publication){.store = &keeper->store,
                                .directory = keeper->directory,
                                .apex = job->apex,
                                .journal_octets_max = keeper->zone->journal_max_octets,
                                .now = job->now,
                                .synced = keeper->synced,
                                .state_lost = keeper->state_lost,
                                .mapped =
                                    keeper->version ? version_facts(keeper->version)->sequence : 0};
}

// Where transfers are refused after a hold, whether this is so is known only when the engine has
// the source; until then nothing is served.
static void
open_start(struct keeper *keeper)
{
    struct job *job = job_make(keeper, JOB_OPEN, keeper->load_cause);
    if (keeper->zone->alias.after_hold != ALIAS_AFTER_HOLD_REFUSE)
        job->path = memory_text(keeper->zone->file);
    job->publication = publication_lend(keeper, job);
    keeper->open_wanted = false;
    job_start(keeper, job);
}

// A load that failed is followed by one that reads, so that errors and warnings are those of one
// reading.
static void
load_start(struct keeper *keeper)
{
    struct job *job = job_make(keeper, JOB_LOAD, keeper->load_cause);
    job->path = memory_text(keeper->zone->file);
    if (keeper->source && keeper->load_good && !keeper->read_wanted)
        job->known = source_hold(keeper->source);
    job->publication = publication_lend(keeper, job);
    keeper->load_wanted = keeper->read_wanted = false;
    job_start(keeper, job);
}

static void
upkeep_start(struct keeper *keeper)
{
    struct job *job = job_make(keeper, JOB_UPKEEP, "upkeep");
    job->publication = publication_lend(keeper, job);
    keeper->upkeep_wanted = false;
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
    job->publication = publication_lend(keeper, job);
    job->publication.source = job->source;
    job->publication.addresses = job->addresses;
    job->publication.owners = all ? NULL : &job->owners;
    job->publication.policy = serial_policy_of(keeper->zone->serial_policy);
    job->publication.marked = keeper_take_marked(keeper, job->source);
}

static void
publish_start(struct keeper *keeper)
{
    bool all = keeper->expand_all_wanted;
    struct job *job = job_make(keeper, JOB_PUBLISH, all ? keeper->expand_cause : "alias");
    struct vector none = job->owners;
    job->owners = keeper->owners_wanted;
    keeper->owners_wanted = none;
    keeper->expand_all_wanted = keeper->gathered = false;
    if (all)
        keeper->settings_changed = false;
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

// Gathering: addresses of many owners change together (targets of one provider, a resolver that
// comes back), each by an answer of its own. The first one waits for a moment for the others, and
// longer while one version follows the other, so that a burst becomes one version, and a stream a
// few.

static void
on_gathered(void *context)
{
    struct keeper *keeper = context;
    keeper->gathered = keeper->owners_wanted.count > 0;
    keeper_next(keeper);
}

static void
gather_start(struct keeper *keeper)
{
    uint64_t quiet_ms = loop_now_ms(keeper->loop) - keeper->published_ms;
    if (!keeper->gather_timer)
        keeper->gather_timer = loop_timer_new(keeper->loop, on_gathered, keeper);
    if (loop_timer_is_running(keeper->gather_timer))
        return;
    if (quiet_ms > KEEPER_GATHER_QUIET * keeper->gather_ms)
        keeper->gather_ms = KEEPER_GATHER_FIRST_MS;
    else if ((keeper->gather_ms *= 2) > KEEPER_GATHER_MAX_MS)
        keeper->gather_ms = KEEPER_GATHER_MAX_MS;
    loop_timer_start(keeper->gather_timer, keeper->gather_ms, 0);
}

static bool
publish_is_due(const struct keeper *keeper)
{
    return keeper->source && (keeper->expand_all_wanted || keeper->gathered);
}

// The zone at rest: upkeep changes nothing of what it says, and what is being gathered came later.
static bool
keeper_rests(const struct keeper *keeper)
{
    return (!keeper->job || keeper->job->kind == JOB_UPKEEP) && !keeper->load_wanted &&
           !publish_is_due(keeper);
}

static void
waiters_call(void *context)
{
    struct keeper *keeper = context;
    if (keeper_rests(keeper))
        waiters_call_all(keeper); // else at the next rest
}

static void
keeper_at_rest(struct keeper *keeper)
{
    if (keeper->alias->refusal)
        keeper->served.held_reason = keeper->alias->refusal(keeper->alias->context, keeper->apex);
    if (keeper_rests(keeper) && keeper->waiters.count > 0)
        loop_defer(keeper->loop, waiters_call, keeper);
}

// A change that is being gathered must not have to wait for it.
static bool
upkeep_is_due(const struct keeper *keeper)
{
    return keeper->upkeep_wanted && keeper->owners_wanted.count == 0;
}

static void
job_next(struct keeper *keeper)
{
    if (keeper->open_wanted && keeper->load_wanted)
        open_start(keeper);
    else if (keeper->load_wanted)
        load_start(keeper);
    else if (publish_is_due(keeper))
        publish_start(keeper);
    else if (upkeep_is_due(keeper))
        upkeep_start(keeper);
}

// With its turn taken. What was wanted when it came into the line may be wanted no more.
static void
on_turn(void *context)
{
    struct keeper *keeper = context;
    if (!keeper->job)
        job_next(keeper);
    if (!keeper->job)
        turns_give(keeper->turns);
    keeper_at_rest(keeper);
}

static void
keeper_next(struct keeper *keeper)
{
    if (keeper->job)
        return;
    bool wanted = keeper->load_wanted || publish_is_due(keeper) || upkeep_is_due(keeper);
    if (!wanted && keeper->source && keeper->owners_wanted.count > 0)
        gather_start(keeper);
    if (wanted && turns_take(keeper->turns, &keeper->turn, on_turn, keeper))
        on_turn(keeper);
    else
        keeper_at_rest(keeper);
}

void
keeper_synced(struct keeper *keeper)
{
    keeper->synced = true;
}

void
keeper_load(struct keeper *keeper, const char *cause)
{
    keeper->load_wanted = true;
    keeper->load_cause = cause;
    keeper_next(keeper);
}

void
keeper_read(struct keeper *keeper, const char *cause)
{
    keeper->read_wanted = true;
    keeper_load(keeper, cause);
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
    struct keeper_waiter waiter = {.call = call, .context = context};
    if (keeper->waiters.count >= KEEPER_WAITERS_MAX)
        return false;
    vector_add(&keeper->waiters, &waiter);
    if (keeper->owners_wanted.count > 0) {
        keeper->gathered = true; // it is waited for
        keeper_next(keeper);
    }
    if (keeper_rests(keeper))
        loop_defer(keeper->loop, waiters_call, keeper);
    return true;
}

void
keeper_forget_waiter(struct keeper *keeper, const void *context)
{
    struct keeper_waiter *items = keeper->waiters.items;
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
    bool same = primary_zone_settings_equal(old->settings, keeper->zone, settings->settings, zone);
    settings_take(keeper, settings, zone);
    if (!same) {
        keeper->settings_changed = true;
        if (keeper->source)
            keeper_take_aliases(keeper, keeper->source);
    }
    settings_drop(&old);
}
