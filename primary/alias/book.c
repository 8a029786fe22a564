// How a change is worked off. What is dirty is looked at in passes: first every way that may have
// changed is walked again, so that all ends are current, then every dirty link is judged. A judged
// link may make other links dirty (an owner that is another's target got other addresses, or fell
// into a circle); they come in the next pass. An ALIAS graph without circles needs as many passes
// as its longest way, at most BOOK_HOPS_MAX; in a circle all links end in the same state at once. A
// bound far above both ends a pass count that our own mistake would make endless.
#include "primary/alias/book.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "primary/alias/book_inside.h"
#include "primary/alias/dirty.h"
#include "primary/alias/link.h"
#include "primary/alias/owner.h"
#include "primary/alias/past_save.h"
#include "primary/alias/save.h"
#include "primary/alias/target.h"

#define PASSES_MAX         1000
#define SOON_DOUBLINGS_MAX 10 // of five seconds; refresh comes before that nearly always

struct book *
book_new(const struct book_options *options)
{
    struct book *book = memory_zalloc(sizeof *book);
    book->options = *options;
    book->random = options->seed;
    book->zones = zone_set_new();
    name_table_init(&book->targets);
    saved_init(&book->saved);
    saved_init(&book->saved_past);
    saved_init(&book->saved_rotation);
    for (unsigned lane = 0; lane < TARGET_LANES; lane++)
        vector_init(&book->due[lane], sizeof(struct target *));
    book_in_flight_max(book, BOOK_SILENT_SHARE);
    vector_init(&book->dirty, sizeof(struct link *));
    vector_init(&book->news, sizeof(struct book_zone *));
    return book;
}

static struct book_zone *
zone_get(const struct book *book, const uint8_t *apex)
{
    return zone_set_get(book->zones, apex);
}

static struct book_zone *
zone_at(const struct book *book, size_t index)
{
    return zone_set_at(book->zones, index);
}

static struct owner *
owner_at(const struct book_zone *zone, size_t index)
{
    return *(struct owner **)vector_at(&zone->order, index);
}

static void
news_forget(struct book *book, const struct book_zone *zone)
{
    for (size_t i = 0; i < book->news.count; i++) {
        struct book_zone **item = vector_at(&book->news, i);
        if (*item == zone)
            *item = NULL;
    }
}

static void
zone_free(struct book *book, struct book_zone *zone)
{
    for (size_t i = 0; i < zone->order.count; i++) {
        struct owner *owner = owner_at(zone, i);
        owner_free(book, &owner);
    }
    dirty_watchers(book, &zone->watched, true);
    for (struct interest_edge *edge; (edge = zone->watched.first);)
        interest_clear(&edge->link->edges);
    news_forget(book, zone);
    name_table_close(&zone->owners);
    vector_close(&zone->order);
    vector_close(&zone->changed);
    rules_close(&zone->rules);
    free(zone->refusal);
    free(zone);
}

static void
lane_free(struct book *book, struct vector *lane)
{
    while (lane->count > 0) {
        struct target *target = *(struct target **)vector_at(lane, lane->count - 1);
        target_free(book, &target);
    }
    vector_close(lane);
}

void
book_free(struct book **book)
{
    struct book *old = *book;
    *book = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < zone_set_count(old->zones); i++)
        zone_free(old, zone_at(old, i));
    for (unsigned lane = 0; lane < TARGET_LANES; lane++)
        lane_free(old, &old->due[lane]);
    zone_set_free(&old->zones);
    saved_close(&old->saved);
    saved_close(&old->saved_past);
    saved_close(&old->saved_rotation);
    name_table_close(&old->targets);
    vector_close(&old->dirty);
    vector_close(&old->news);
    free(old);
}

// Zones.

void
book_zone_declare(struct book *book, const uint8_t *apex, struct book_now now)
{
    (void)now;
    if (zone_get(book, apex))
        return;
    struct book_zone *zone = memory_zalloc(sizeof *zone);
    name_copy_lower(zone->apex, apex);
    name_table_init(&zone->owners);
    vector_init(&zone->order, sizeof(struct owner *));
    vector_init(&zone->changed, NAME_SIZE_MAX);
    zone_set_put(book->zones, zone->apex, zone);
    book->walk_all = true; // names that were the resolver's may be this zone's
}

// The owners of the new source, in its order; those of before that are not among them go.
static void
owners_take(struct book *book, struct book_zone *zone, const struct vector *records,
            struct book_now now)
{
    struct vector before = zone->order;
    vector_init(&zone->order, sizeof(struct owner *));
    const struct alias_record *all = records->items;
    for (size_t i = 0, end; i < records->count; i = end) {
        for (end = i + 1; end < records->count && name_equal(all[end].owner, all[i].owner);)
            end++;
        struct owner *owner = name_table_get(&zone->owners, all[i].owner);
        bool is_new = !owner;
        if (is_new)
            owner = owner_new(zone, all[i].owner);
        owner->kept = true;
        vector_add(&zone->order, &owner);
        owner_retarget(book, owner, all + i, end - i, now);
        if (is_new && save_claim(book, owner))
            owner_resume(book, owner);
        if (is_new)
            past_claim(book, owner);
    }
    for (size_t i = 0; i < before.count; i++) {
        struct owner *owner = *(struct owner **)vector_at(&before, i);
        if (!owner->kept)
            owner_free(book, &owner);
    }
    vector_close(&before);
}

static void
owners_look_again(struct book *book, struct book_zone *zone, struct book_now now)
{
    for (size_t i = 0; i < zone->order.count; i++) {
        struct owner *owner = owner_at(zone, i);
        owner->kept = false;
        for (size_t k = 0; k < owner->links.count; k++)
            dirty_link(book, *(struct link **)vector_at(&owner->links, k), true);
        owner_update(book, owner, now); // what was restored or inherited is served from now on
    }
}

void
book_zone_follow(struct book *book, const uint8_t *apex, const struct rules *rules,
                 const struct draft *source, bool given_out, struct book_now now)
{
    struct vector records;
    book_zone_declare(book, apex, now);
    struct book_zone *zone = zone_get(book, apex);
    rules_close(&zone->rules);
    rules_copy(&zone->rules, rules);
    zone->source = source;
    zone->given_out = given_out;
    zone->ready = false;
    zone->grace_until = now.seconds + BOOK_GRACE_SECONDS;
    vector_init(&records, sizeof(struct alias_record));
    record_find(source, &records);
    owners_take(book, zone, &records, now);
    vector_close(&records);
    owners_look_again(book, zone, now);
    dirty_watchers(book, &zone->watched, true);
}

void
book_zone_confirm(struct book *book, const uint8_t *apex)
{
    struct book_zone *zone = zone_set_get(book->zones, apex);
    if (!zone)
        return;
    zone->confirms = true;
    zone->ready = false;
}

void
book_zone_forget(struct book *book, const uint8_t *apex, struct book_now now)
{
    struct book_zone *zone = zone_set_remove(book->zones, apex);
    if (!zone)
        return;
    save_keep(book, zone, now.seconds);
    past_keep(book, zone, now.seconds);
    zone_free(book, zone);
    book->changes++;
    book->past_changes++;
}

// Working off.

static bool
ways_walk(struct book *book, struct book_now now)
{
    bool any = false;
    if (book->walk_all)
        dirty_all(book);
    book->walk_all = false;
    for (size_t i = 0; i < book->dirty.count; i++) { // grows meanwhile, never by walking
        struct link *link = *(struct link **)vector_at(&book->dirty, i);
        if (!link)
            continue;
        any = true;
        if (link->walk_wanted && link_walk(book, link, now))
            dirty_watchers(book, &link->owner->watched, false); // they may be in a circle now
    }
    return any;
}

static void
link_settle(struct book *book, struct link *link, struct book_now now)
{
    unsigned steps[TYPE_COUNT];
    if (link_judge(link, now, steps))
        dirty_watchers(book, &link->owner->watched, false);
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        if (steps[type])
            owner_steps(book, link, type, steps[type], now);
    if (steps[A_TYPE] | steps[AAAA_TYPE])
        owner_update(book, link->owner, now);
    if (link->owner->zone->waits)
        dirty_zone_news(book, link->owner->zone, false);
}

static void
links_judge(struct book *book, struct book_now now)
{
    struct vector links = book->dirty;
    vector_init(&book->dirty, sizeof(struct link *));
    for (size_t i = 0; i < links.count; i++) {
        struct link *link = *(struct link **)vector_at(&links, i);
        if (link)
            link->dirty_place = 0;
    }
    for (size_t i = 0; i < links.count; i++) {
        struct link *link = *(struct link **)vector_at(&links, i);
        if (link) // none goes while judging
            link_settle(book, link, now);
    }
    vector_close(&links);
}

void
book_settle(struct book *book, struct book_now now)
{
    for (unsigned pass = 0; ways_walk(book, now); pass++) {
        ENSURE(pass < PASSES_MAX);
        links_judge(book, now);
    }
    vector_clear(&book->dirty);
}

static void
link_age(struct book *book, struct link *link, struct book_now now)
{
    unsigned all = 0;
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        unsigned steps =
            contribution_age(&link->contributions[type], &link->owner->zone->rules, now.seconds);
        if (steps)
            owner_steps(book, link, type, steps, now);
        all |= steps;
    }
    if (all)
        owner_update(book, link->owner, now);
}

void
book_age(struct book *book, struct book_now now)
{
    for (size_t i = 0; i < zone_set_count(book->zones); i++) {
        struct book_zone *zone = zone_at(book, i);
        for (size_t k = 0; k < zone->order.count; k++) {
            const struct owner *owner = owner_at(zone, k);
            for (size_t l = 0; l < owner->links.count; l++)
                link_age(book, *(struct link **)vector_at(&owner->links, l), now);
        }
        if (zone->waits)
            dirty_zone_news(book, zone, false);
    }
    save_sweep(book, now.seconds);
    if (book->sweep_wanted && book->dirty.count == 0) {
        target_sweep(book);
        book->sweep_wanted = false;
    }
}

// Questions and answers.

bool
book_question(struct book *book, struct book_now now, const uint8_t **ret_name, uint16_t *ret_type)
{
    struct target *target = book->asking;
    if (!target || target->wanted == 0)
        target = book->asking = target_round(book, now.ms);
    if (!target)
        return false;
    unsigned type = target->wanted & 1U << A_TYPE ? A_TYPE : AAAA_TYPE;
    target->wanted &= ~(1U << type);
    target->lookups[type].in_flight = true;
    target->lookups[type].asked_at = now.seconds;
    target->lookups[type].asked_round = target->round;
    book->silent_in_flight += target->lane == LANE_SILENT;
    *ret_name = target->name;
    *ret_type = type_number(type);
    return true;
}

void
book_in_flight_max(struct book *book, size_t maximum)
{
    book->silent_max = maximum / BOOK_SILENT_SHARE;
    if (book->silent_max == 0)
        book->silent_max = 1;
}

size_t
book_due_count(const struct book *book, uint64_t now_ms)
{
    size_t count = 0;
    for (unsigned lane = 0; lane < TARGET_LANES; lane++)
        for (size_t i = 0; i < book->due[lane].count; i++)
            if ((*(struct target **)vector_at(&book->due[lane], i))->next_ms <= now_ms)
                count += TYPE_COUNT;
    return count;
}

uint64_t
book_due_ms(const struct book *book)
{
    uint64_t next = UINT64_MAX;
    if (book->asking && book->asking->wanted)
        return 0;
    for (unsigned lane = 0; lane < TARGET_LANES; lane++) {
        const struct target *target = target_lane_is_open(book, lane)
                                          ? *(struct target **)vector_at(&book->due[lane], 0)
                                          : NULL;
        if (target && target->next_ms < next)
            next = target->next_ms;
    }
    return next;
}

// When a target that never gave anything is asked again: soon, then less and less so.
static uint64_t
soon_ms(const struct target *target, struct book_now now)
{
    unsigned doublings =
        target->round < SOON_DOUBLINGS_MAX ? target->round - 1 : SOON_DOUBLINGS_MAX;
    return now.ms + ((uint64_t)RULES_REFRESH_MIN * 1000 << doublings);
}

static bool
was_silent(const struct target *target)
{
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        if (target->lookups[type].kind == REPLY_FAILURE && target->lookups[type].rcode < 0)
            return true;
    return false;
}

// The round is over: a wish that came meanwhile is due now.
static void
round_end(struct book *book, struct target *target, struct book_now now)
{
    uint64_t soon = soon_ms(target, now);
    if (target->look_again) // the other type's "no data" may have waited for this answer
        dirty_watchers(book, &target->watched, false);
    target->look_again = false;
    bool never = target->lookups[A_TYPE].good_at == 0 || target->lookups[AAAA_TYPE].good_at == 0;
    target->asap_runs = false;
    target_lane(book, target, was_silent(target) && !target->asap ? LANE_SILENT : LANE_QUICK);
    if (target->asap)
        target_due(book, target, 0);
    else if (never && target->next_ms > soon)
        target_due(book, target, soon);
}

void
book_answer(struct book *book, const uint8_t *name, uint16_t type, const struct reply *reply,
            const struct address *server, unsigned round_trip_ms, struct book_now now)
{
    struct target *target = target_find(book, name);
    unsigned index = type == type_number(A_TYPE) ? A_TYPE : AAAA_TYPE;
    struct lookup *lookup = target ? &target->lookups[index] : NULL;
    if (!lookup || !lookup->in_flight)
        return;
    bool had_chain = lookup->chain_count > 0;
    uint64_t moves = lookup->moves;
    book->silent_in_flight -= target->lane == LANE_SILENT;
    if (lookup_take(lookup, reply, server, round_trip_ms, now.seconds)) {
        dirty_watchers(book, &target->watched, had_chain || lookup->chain_count > 0);
        target->look_again = true;
    }
    book->past_changes += lookup->moves - moves;
    if (target_is_quiet(target))
        round_end(book, target, now);
    if (!interest_is_watched(&target->watched))
        book->sweep_wanted = true;
}

// Calls with each target of the owner's links.
static void
targets_each(const struct owner *owner, void (*call)(struct target *target, void *context),
             void *context)
{
    for (size_t i = 0; i < owner->links.count; i++) {
        const struct link *link = *(struct link **)vector_at(&owner->links, i);
        struct target *a = link->ends[A_TYPE].target, *aaaa = link->ends[AAAA_TYPE].target;
        if (a)
            call(a, context);
        if (aaaa && aaaa != a)
            call(aaaa, context);
    }
}

static void
target_wish(struct target *target, void *context)
{
    struct book *book = context;
    target->asap = true;
    if (!target_is_quiet(target))
        return;
    target_lane(book, target, LANE_QUICK);
    target_due(book, target, 0); // before all that are due
}

bool
book_refresh(struct book *book, const uint8_t *name)
{
    const struct owner *owner = owner_find(book, name);
    if (owner)
        targets_each(owner, target_wish, book);
    return owner != NULL;
}

static void
target_busy(struct target *target, void *context)
{
    bool *busy = context;
    *busy = *busy || target->asap || target->asap_runs;
}

bool
book_refreshed(const struct book *book, const uint8_t *name)
{
    const struct owner *owner = owner_find(book, name);
    bool busy = false;
    if (owner)
        targets_each(owner, target_busy, &busy);
    return !busy;
}

uint64_t
book_changes(const struct book *book)
{
    return book->changes;
}
