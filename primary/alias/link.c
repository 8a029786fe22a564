// The way of an ALIAS record starts at its target's name. Inside a zone held here it follows that
// zone's data: CNAME, DNAME, wildcard. Where the data ends or leads out, the resolver is asked, and
// where the resolver's CNAMEs lead back into a zone held here, the way goes on inside: the data
// here is newer than what the outside has of it, and only so a circle through the outside is seen.
// A way ends at addresses, at another ALIAS owner, or at nothing. It has at most 16 hops, so
// walking needs no recursion; from owner to owner circles are found by a walk through the owners'
// ends.
#include "primary/alias/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/rrtype.h"
#include "primary/alias/dirty.h"
#include "primary/alias/local.h"
#include "primary/alias/target.h"

#define OWNERS_VISITED_MAX 256 // in the search for a circle; a graph of more is treated as one

static const char circle_text[] = "the way to its addresses runs in a circle";
static const char long_text[] = "the way to its addresses has more than 16 hops";

struct link *
link_new(struct book *book, struct owner *owner, const uint8_t *target, uint32_t ttl,
         struct book_now now)
{
    struct link *link = memory_zalloc(sizeof *link);
    link->owner = owner;
    link->ttl = ttl;
    link->target = memory_alloc(name_length(target));
    name_copy(link->target, target);
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        contribution_init(&link->contributions[type], type_number(type), now.seconds);
    book->link_count++;
    dirty_link(book, link, true);
    return link;
}

void
link_free(struct book *book, struct link **link)
{
    struct link *old = *link;
    *link = NULL;
    dirty_forget(book, old);
    interest_clear(&old->edges);
    book->sweep_wanted = true;
    book->link_count--;
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        contribution_close(&old->contributions[type]);
    free(old->target);
    free(old);
}

// The walk.

struct way {
    struct book *book;
    struct link *link;
    unsigned type;
    struct book_now now;
    uint8_t names[BOOK_HOPS_MAX + 1][NAME_SIZE_MAX]; // the one it is at is the last
    unsigned hops;
    struct link_end *end;
};

static bool
way_end(struct way *way, enum end_kind kind, const char *text)
{
    way->end->kind = kind;
    way->end->text = text;
    way->end->hops = way->hops;
    return false;
}

static bool
way_on(struct way *way, const uint8_t *name)
{
    for (unsigned i = 0; i <= way->hops; i++)
        if (name_equal(way->names[i], name))
            return way_end(way, END_LOOP, circle_text);
    if (way->hops == BOOK_HOPS_MAX)
        return way_end(way, END_LOOP, long_text);
    name_copy(way->names[++way->hops], name);
    return true;
}

// The zone held here with the longest apex at or above the name; the link watches it.
static struct book_zone *
zone_above(struct way *way, const uint8_t *name)
{
    struct name_suffixes suffixes;
    name_suffixes_init(&suffixes, name, zone_set_hash_key(way->book->zones));
    struct book_zone *zone = zone_set_find(way->book->zones, name, &suffixes, NAME_LABELS_MAX);
    if (zone)
        interest_add(&zone->watched, way->link, &way->link->edges);
    return zone;
}

static bool
owner_reached(struct way *way, const struct book_zone *zone, const struct node *node)
{
    struct owner *owner = name_table_get(&zone->owners, node_owner(node));
    if (!owner) // below a cut, which local_step has not met: cannot be
        return way_end(way, END_NODATA, NULL);
    interest_add(&owner->watched, way->link, &way->link->edges);
    way->end->owner = owner;
    return way_end(way, END_OWNER, NULL);
}

// One step inside a zone. True: the name is the resolver's to answer.
static bool
local_hop(struct way *way, const struct book_zone *zone, bool *ret_goes_on)
{
    struct local_answer answer;
    *ret_goes_on = false;
    if (!zone->source)
        return way_end(way, END_UNKNOWN, "its zone is held here, but was not read yet");
    local_step(zone->source, way->names[way->hops], type_number(way->type), &answer);
    switch (answer.kind) {
    case LOCAL_DELEGATED:
        return true;
    case LOCAL_RENAMED:
        *ret_goes_on = way_on(way, answer.next);
        return false;
    case LOCAL_ALIAS:
        return owner_reached(way, zone, answer.node);
    case LOCAL_RRSET:
        node_rrset_find(answer.node, type_number(way->type), &way->end->rrset);
        return way_end(way, END_DATA, NULL);
    case LOCAL_NODATA:
        return way_end(way, END_NODATA, "the zone held here has neither A nor AAAA there");
    case LOCAL_NXDOMAIN:
        return way_end(way, END_NXDOMAIN, "the zone held here has no such name");
    case LOCAL_TOO_LONG:
        break;
    }
    return way_end(way, END_BROKEN, "a DNAME on the way makes a name that is too long");
}

// Is the name answered by a zone held here?
static bool
is_local(struct way *way, const uint8_t *name)
{
    const struct book_zone *zone = zone_above(way, name);
    struct local_answer answer;
    if (!zone)
        return false;
    if (!zone->source)
        return true;
    local_step(zone->source, name, type_number(way->type), &answer);
    return answer.kind != LOCAL_DELEGATED;
}

// The resolver's answer: addresses, or CNAMEs that lead back inside. True: goes on inside.
static bool
outside_hop(struct way *way)
{
    const uint8_t *name = way->names[way->hops];
    if (!rules_allow(&way->link->owner->zone->rules, name))
        return way_end(way, END_DENIED, "allow-target does not let the resolver be asked for it");
    struct target *target = target_get(way->book, name, way->now.ms);
    interest_add(&target->watched, way->link, &way->link->edges);
    target_hasten(way->book, target, way->link->owner->zone->rules.refresh_seconds, way->now.ms);
    way->end->target = target;
    const struct lookup *lookup = &target->lookups[way->type];
    // While it fails, its last CNAMEs say nothing: what they led to is held, not followed.
    unsigned count = lookup->kind == REPLY_FAILURE ? 0 : lookup->chain_count;
    const uint8_t *at = lookup->chain.data;
    for (unsigned i = 0; i < count; i++, at += name_length(at)) {
        if (!way_on(way, at))
            return false;
        if (is_local(way, at))
            return true;
    }
    return way_end(way, END_LOOKUP, NULL);
}

static void
walk_type(struct book *book, struct link *link, unsigned type, struct book_now now)
{
    struct way way = {
        .book = book, .link = link, .type = type, .now = now, .end = &link->ends[type]};
    *way.end = (struct link_end){.kind = END_UNKNOWN};
    name_copy(way.names[0], link->target);
    for (bool goes_on = true; goes_on;) { // at most BOOK_HOPS_MAX + 1 times: way_on
        const struct book_zone *zone = zone_above(&way, way.names[way.hops]);
        if (!zone || local_hop(&way, zone, &goes_on))
            goes_on = outside_hop(&way);
    }
}

static bool
ends_equal(const struct link_end *a, const struct link_end *b)
{
    return a->kind == b->kind && a->target == b->target && a->owner == b->owner &&
           a->hops == b->hops;
}

bool
link_walk(struct book *book, struct link *link, struct book_now now)
{
    bool changed = false;
    struct link_end before[TYPE_COUNT];
    struct interest_edge *old = link->edges;
    memcpy(before, link->ends, sizeof before);
    link->edges = NULL;
    link->walk_wanted = false;
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        walk_type(book, link, type, now);
        changed = changed || !ends_equal(&before[type], &link->ends[type]);
    }
    interest_clear(&old); // after the new ones: a target that stays is never unwatched
    book->sweep_wanted = true;
    return changed;
}

// Circles among owners.

struct search {
    const struct owner *visited[OWNERS_VISITED_MAX]; // those up to `at` are done
    unsigned count, at;
};

static bool
search_add(struct search *search, const struct owner *owner)
{
    for (unsigned i = 0; i < search->count; i++)
        if (search->visited[i] == owner)
            return true;
    if (search->count == OWNERS_VISITED_MAX)
        return false;
    search->visited[search->count++] = owner;
    return true;
}

// Does a way from its end, along the ends of other owners, lead back to the link's owner?
static bool
leads_back(const struct link *link, unsigned type)
{
    struct search search = {.count = 0};
    search_add(&search, link->ends[type].owner);
    for (; search.at < search.count; search.at++) {
        const struct owner *owner = search.visited[search.at];
        if (owner == link->owner)
            return true;
        for (size_t i = 0; i < owner->links.count; i++) {
            const struct link *next = *(struct link **)vector_at(&owner->links, i);
            if (next->ends[type].kind == END_OWNER && !search_add(&search, next->ends[type].owner))
                return true;
        }
    }
    return false;
}

static unsigned
owner_hops(const struct owner *owner, unsigned type)
{
    unsigned hops = 0;
    for (size_t i = 0; i < owner->links.count; i++) {
        const struct link *link = *(struct link **)vector_at(&owner->links, i);
        if (link->hops[type] > hops)
            hops = link->hops[type];
    }
    return hops;
}

// Outcomes.

static void
outcome_set(struct outcome *outcome, enum outcome_kind kind, const char *text)
{
    outcome->kind = kind;
    if (text)
        snprintf(outcome->text, sizeof outcome->text, "%s", text);
}

// The addresses are in the outcome; what the zone's filters leave of them decides.
static void
outcome_filter(struct outcome *outcome, const struct rules *rules)
{
    uint32_t denied = rules_deny(rules, &outcome->addresses);
    outcome->kind = OUTCOME_ADDRESSES;
    if (outcome->addresses.count == 0 && denied > 0) {
        outcome->kind = OUTCOME_FILTERED;
        snprintf(outcome->text, sizeof outcome->text,
                 "deny-address takes out all of its %u addresses", denied);
    }
}

static void
lookup_outcome(const struct link *link, unsigned type, struct outcome *outcome)
{
    static const enum outcome_kind kinds[] = {OUTCOME_ADDRESSES, OUTCOME_NODATA, OUTCOME_NXDOMAIN,
                                              OUTCOME_FAILURE};
    static const char *const texts[] = {"", "neither A nor AAAA", "NXDOMAIN", ""};
    const struct lookup *lookup = &link->ends[type].target->lookups[type];
    const struct rules *rules = &link->owner->zone->rules;
    char server[ADDRESS_TEXT_MAX];
    if (!lookup->answered)
        return;
    outcome->kind = kinds[lookup->kind];
    snprintf(outcome->text, sizeof outcome->text, "%s%s%s",
             lookup->text ? lookup->text : texts[lookup->kind],
             address_is_set(&lookup->server) ? " from resolver " : "",
             address_is_set(&lookup->server) ? address_to_text(&lookup->server, server) : "");
    if (lookup->kind != REPLY_ADDRESSES)
        return;
    lookup_view(lookup, rules->settle_seconds, &outcome->addresses);
    outcome_filter(outcome, rules);
}

static void
data_outcome(const struct link *link, unsigned type, struct outcome *outcome)
{
    const struct rrset *rrset = &link->ends[type].rrset;
    struct rr rr;
    uint32_t position = 0;
    while (rrset_next(rrset->wire, rrset->wire_length, &position, &rr))
        if (rr.rdlength == outcome->addresses.width)
            address_set_add(&outcome->addresses, rr.rdata);
    outcome_filter(outcome, &link->owner->zone->rules);
}

// The worst that the other owner's own targets are in.
static enum target_state
owner_state(const struct owner *owner, unsigned type)
{
    static const int rank[TARGET_STATES] = {0, 1, 2, 3, 4};
    enum target_state worst = TARGET_FRESH;
    for (size_t i = 0; i < owner->links.count; i++) {
        const struct link *link = *(struct link **)vector_at(&owner->links, i);
        enum target_state state = link->contributions[type].state;
        if (rank[state] > rank[worst])
            worst = state;
    }
    return worst;
}

static void
owner_outcome(const struct link *link, unsigned type, struct outcome *outcome)
{
    const struct owner *owner = link->ends[type].owner;
    enum target_state state = owner_state(owner, type);
    char name[NAME_TEXT_MAX];
    if (owner->served[type].count > 0) {
        address_set_add_all(&outcome->addresses, &owner->served[type]);
        outcome_filter(outcome, &link->owner->zone->rules);
    } else if (state == TARGET_LOOP) {
        outcome_set(outcome, OUTCOME_LOOP, circle_text);
    } else if (state == TARGET_FRESH) {
        outcome_set(outcome, OUTCOME_NODATA, "its own ALIAS gives neither A nor AAAA");
    } else if (state != TARGET_WAITING) {
        outcome->kind = OUTCOME_FAILURE;
        snprintf(outcome->text, sizeof outcome->text, "the ALIAS at %.200s has no addresses",
                 name_to_text(owner->name, name));
    }
}

static void
end_outcome(struct link *link, unsigned type, struct outcome *outcome)
{
    const struct link_end *end = &link->ends[type];
    static const enum outcome_kind kinds[] = {
        [END_UNKNOWN] = OUTCOME_NONE,      [END_NODATA] = OUTCOME_NODATA,
        [END_NXDOMAIN] = OUTCOME_NXDOMAIN, [END_DENIED] = OUTCOME_DENIED,
        [END_LOOP] = OUTCOME_LOOP,         [END_BROKEN] = OUTCOME_NODATA};
    link->hops[type] = end->hops + 1;
    if (end->kind == END_LOOKUP) {
        lookup_outcome(link, type, outcome);
    } else if (end->kind == END_DATA) {
        data_outcome(link, type, outcome);
    } else if (end->kind != END_OWNER) {
        outcome_set(outcome, kinds[end->kind], end->text);
    } else if (leads_back(link, type)) {
        outcome_set(outcome, OUTCOME_LOOP, circle_text);
    } else {
        link->hops[type] += owner_hops(end->owner, type);
        if (link->hops[type] > BOOK_HOPS_MAX + 1)
            outcome_set(outcome, OUTCOME_LOOP, long_text);
        else
            owner_outcome(link, type, outcome);
    }
}

// Was the other type's answer asked for in another round than this one's? Earlier: it is to be
// waited for. Later: this one's own answer of that round is (a target that gives both types again
// must not lose the second for a moment).
static bool
other_round(const struct link *link, unsigned type)
{
    const struct link_end *mine = &link->ends[type], *other = &link->ends[1 - type];
    if (mine->kind != END_LOOKUP || other->kind != END_LOOKUP || mine->target != other->target)
        return false;
    return other->target->lookups[1 - type].round != mine->target->lookups[type].round;
}

// An address that has not settled yet outlives also the answer that its type is not there.
static void
absent_settle(const struct link *link, unsigned type, struct outcome *outcome)
{
    if (outcome->kind != OUTCOME_ABSENT || link->ends[type].kind != END_LOOKUP)
        return;
    lookup_view(&link->ends[type].target->lookups[type], link->owner->zone->rules.settle_seconds,
                &outcome->addresses);
    if (outcome->addresses.count > 0)
        outcome_filter(outcome, &link->owner->zone->rules);
}

// In the middle of a round one type's answer is of the round before: what is made of it now may
// have to be made anew when the round ends, also where that brings no news.
static void
rounds_note(const struct link *link)
{
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        struct target *target = link->ends[type].target;
        if (target && !target_is_quiet(target))
            target->look_again = true;
    }
}

bool
link_judge(struct link *link, struct book_now now, unsigned ret_steps[static TYPE_COUNT])
{
    struct outcome outcomes[TYPE_COUNT] = {0};
    enum outcome_kind kinds[TYPE_COUNT];
    unsigned hops[TYPE_COUNT] = {link->hops[A_TYPE], link->hops[AAAA_TYPE]};
    rounds_note(link);
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        address_set_init(&outcomes[type].addresses, type_number(type));
        end_outcome(link, type, &outcomes[type]);
        kinds[type] = outcomes[type].kind;
    }
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        struct contribution *contribution = &link->contributions[type];
        bool inherits = link->owner->inherits[type];
        bool has_set = link->owner->inherited[type].count > 0 ||
                       (contribution->known && contribution->good.count > 0);
        outcomes[type].kind =
            outcome_beside(kinds[type], kinds[1 - type], other_round(link, type), has_set);
        absent_settle(link, type, &outcomes[type]);
        ret_steps[type] = contribution_apply(contribution, &outcomes[type],
                                             &link->owner->zone->rules, inherits, now.seconds);
    }
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        address_set_close(&outcomes[type].addresses);
    return hops[A_TYPE] != link->hops[A_TYPE] || hops[AAAA_TYPE] != link->hops[AAAA_TYPE];
}

enum target_state
link_state(const struct link *link, const struct contribution **ret_worse)
{
    static const int rank[TARGET_STATES] = {[TARGET_FRESH] = 0,
                                            [TARGET_WAITING] = 1,
                                            [TARGET_HELD] = 2,
                                            [TARGET_FAILING] = 3,
                                            [TARGET_LOOP] = 4};
    const struct contribution *a = &link->contributions[A_TYPE],
                              *aaaa = &link->contributions[AAAA_TYPE];
    *ret_worse = rank[aaaa->state] > rank[a->state] ? aaaa : a;
    return (*ret_worse)->state;
}

int64_t
link_until(const struct link *link, const struct contribution *contribution)
{
    size_t type = (size_t)(contribution - link->contributions);
    bool inherits = link->owner->inherited[type].count > 0;
    // A set that is known to be empty stands in, too: that the type is absent.
    return contribution->known || inherits
               ? contribution_until(contribution, &link->owner->zone->rules)
               : 0;
}
