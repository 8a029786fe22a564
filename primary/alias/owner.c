// What is served at an owner is the union of what its targets give. The last good sets belong to
// the owner: when the zone file names another target, the sets of the old one are inherited and
// stand in until the new one is known, so that an edit never blanks a name.
#include "primary/alias/owner.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "primary/alias/dirty.h"
#include "primary/alias/link.h"

struct owner *
owner_new(struct book_zone *zone, const uint8_t *name)
{
    struct owner *owner = memory_zalloc(sizeof *owner);
    owner->zone = zone;
    owner->name = memory_alloc(name_length(name));
    name_copy(owner->name, name);
    vector_init(&owner->links, sizeof(struct link *));
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        address_set_init(&owner->inherited[type], type_number(type));
        address_set_init(&owner->served[type], type_number(type));
    }
    name_table_put(&zone->owners, owner->name, owner);
    return owner;
}

static struct link *
link_at(const struct owner *owner, size_t index)
{
    return *(struct link **)vector_at(&owner->links, index);
}

// Nobody must end at an owner that goes: its watchers walk again.
void
owner_free(struct book *book, struct owner **owner)
{
    struct owner *old = *owner;
    *owner = NULL;
    for (size_t i = 0; i < old->links.count; i++) {
        struct link *link = link_at(old, i);
        link_free(book, &link);
    }
    dirty_watchers(book, &old->watched, true);
    for (struct interest_edge *edge; (edge = old->watched.first);)
        interest_clear(&edge->link->edges);
    name_table_remove(&old->zone->owners, old->name);
    vector_close(&old->links);
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        address_set_close(&old->inherited[type]);
        address_set_close(&old->served[type]);
    }
    past_close(&old->past);
    free(old->name);
    free(old);
}

// Events.

static void
tell(struct book *book, struct owner *owner, struct event *event, struct book_now now)
{
    event->at_seconds = now.seconds;
    event->apex = owner->zone->apex;
    event->owner = owner->name;
    past_add(&owner->past, event);
    book->past_changes++;
    if (book->options.happened)
        book->options.happened(book->options.context, event);
}

static void
tell_link(struct book *book, const struct link *link, unsigned type, enum event_what what,
          struct book_now now)
{
    const struct contribution *contribution = &link->contributions[type];
    struct event event = {.what = what,
                          .target = link->target,
                          .type = type_number(type),
                          .text = contribution->reason,
                          .since = contribution->trouble_since,
                          .until = link_until(link, contribution)};
    tell(book, link->owner, &event, now);
}

static enum event_what
trouble_word(const struct contribution *contribution)
{
    if (contribution->state == TARGET_LOOP)
        return EVENT_LOOP;
    return contribution->state == TARGET_HELD ? EVENT_HELD : EVENT_FAILING;
}

// What is inherited plays a part in the judgement of each link.
static void
links_dirty(struct book *book, const struct owner *owner)
{
    for (size_t i = 0; i < owner->links.count; i++)
        dirty_link(book, link_at(owner, i), false);
}

static void
inherited_drop(struct book *book, struct owner *owner, unsigned type)
{
    if (!owner->inherits[type] && owner->inherited[type].count == 0)
        return;
    address_set_clear(&owner->inherited[type]);
    owner->inherits[type] = false;
    links_dirty(book, owner);
}

void
owner_steps(struct book *book, struct link *link, unsigned type, unsigned steps,
            struct book_now now)
{
    const struct contribution *contribution = &link->contributions[type];
    struct owner *owner = link->owner;
    if (steps) // all of it is in the file
        book->changes++;
    if (steps & STEP_RECOVERED)
        tell_link(book, link, type, EVENT_RECOVERED, now);
    else if ((steps & (STEP_TROUBLE | STEP_STATE)) && contribution->trouble_since)
        tell_link(book, link, type, trouble_word(contribution), now);
    if (steps & STEP_DROPPED) {
        inherited_drop(book, owner, type);
        tell_link(book, link, type, EVENT_DROPPED, now);
    }
    if (steps & STEP_REMIND)
        tell_link(book, link, type, EVENT_REMINDER, now);
    if (steps & (STEP_EXPIRED | STEP_RECOVERED)) // the transfer may be refused, or not any more
        dirty_news(book, owner);
    if (steps & STEP_STATE) {
        dirty_watchers(book, &owner->watched, false);
        if (owner->zone->waits)
            dirty_zone_news(book, owner->zone, false);
    }
}

// What is served.

static void
limit_tell(struct book *book, struct owner *owner, unsigned type, uint32_t count, uint32_t maximum,
           struct book_now now)
{
    char text[120];
    snprintf(text, sizeof text, "%u addresses, max-addresses is %u: the lowest are served", count,
             maximum);
    struct event event = {.what = EVENT_LIMITED, .type = type_number(type), .text = text};
    tell(book, owner, &event, now);
}

// The union of what the links give, in fresh. Gives how many addresses were too many.
static uint32_t
union_make(struct book *book, struct owner *owner, unsigned type, struct address_set *fresh)
{
    uint32_t maximum = owner->zone->rules.max_addresses;
    bool all_known = true;
    for (size_t i = 0; i < owner->links.count; i++) {
        const struct contribution *contribution = &link_at(owner, i)->contributions[type];
        address_set_add_all(fresh, &contribution->good);
        all_known = all_known && contribution->known;
    }
    if (all_known)
        inherited_drop(book, owner, type);
    address_set_add_all(fresh, &owner->inherited[type]);
    uint32_t count = fresh->count;
    address_set_cut(fresh, maximum);
    return count - fresh->count;
}

static void
change_tell(struct book *book, struct owner *owner, unsigned type, const struct address_set *fresh,
            struct book_now now)
{
    struct address_set added, removed;
    address_set_init(&added, type_number(type));
    address_set_init(&removed, type_number(type));
    address_set_minus(fresh, &owner->served[type], &added);
    address_set_minus(&owner->served[type], fresh, &removed);
    struct event event = {
        .what = EVENT_CHANGED, .type = type_number(type), .added = &added, .removed = &removed};
    tell(book, owner, &event, now);
    address_set_close(&added);
    address_set_close(&removed);
}

void
owner_resume(struct book *book, struct owner *owner)
{
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        union_make(book, owner, type, &owner->served[type]);
}

bool
owner_update(struct book *book, struct owner *owner, struct book_now now)
{
    bool changed = false, limited = false;
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        struct address_set fresh;
        address_set_init(&fresh, type_number(type));
        uint32_t over = union_make(book, owner, type, &fresh);
        if (over > 0 && !owner->limited)
            limit_tell(book, owner, type, fresh.count + over, fresh.count, now);
        limited = limited || over > 0;
        if (!address_set_equal(&fresh, &owner->served[type])) {
            change_tell(book, owner, type, &fresh, now);
            address_set_copy(&owner->served[type], &fresh);
            changed = true;
        }
        address_set_close(&fresh);
    }
    owner->limited = limited;
    if (changed) {
        book->changes++;
        dirty_news(book, owner);
        dirty_watchers(book, &owner->watched, false);
    }
    return changed;
}

bool
owner_is_ready(const struct owner *owner, bool given_out, bool confirmed)
{
    for (size_t i = 0; i < owner->links.count; i++)
        for (unsigned type = 0; type < TYPE_COUNT; type++) {
            const struct contribution *contribution = &link_at(owner, i)->contributions[type];
            bool ready = given_out ? contribution->tried : contribution->definitive;
            if (!ready && (confirmed || !contribution->known))
                return false;
        }
    return true;
}

// Targets.

static bool
records_have(const struct alias_record *records, size_t count, const uint8_t *target)
{
    for (size_t i = 0; i < count; i++)
        if (name_equal(records[i].target, target))
            return true;
    return false;
}

static struct link *
link_of(const struct owner *owner, const uint8_t *target)
{
    for (size_t i = 0; i < owner->links.count; i++)
        if (name_equal(link_at(owner, i)->target, target))
            return link_at(owner, i);
    return NULL;
}

// Links whose target is not named any more go; what they gave is inherited. Gives how many.
static size_t
links_drop(struct book *book, struct owner *owner, const struct alias_record *records, size_t count)
{
    size_t kept = 0, before = owner->links.count;
    for (size_t i = 0; i < before; i++) {
        struct link *link = link_at(owner, i);
        if (records_have(records, count, link->target)) {
            *(struct link **)vector_at(&owner->links, kept++) = link;
            continue;
        }
        for (unsigned type = 0; type < TYPE_COUNT; type++) {
            address_set_add_all(&owner->inherited[type], &link->contributions[type].good);
            owner->inherits[type] = owner->inherits[type] || link->contributions[type].known;
        }
        link_free(book, &link);
    }
    owner->links.count = kept;
    return before - kept;
}

void
owner_retarget(struct book *book, struct owner *owner, const struct alias_record *records,
               size_t count, struct book_now now)
{
    bool is_new = owner->links.count == 0;
    size_t gone = links_drop(book, owner, records, count), added = 0;
    for (size_t i = 0; i < count; i++) {
        struct link *link = link_of(owner, records[i].target);
        if (link) {
            link->ttl = records[i].ttl;
            continue;
        }
        link = link_new(book, owner, records[i].target, records[i].ttl, now);
        vector_add(&owner->links, &link);
        added++;
    }
    if (gone + added > 0)
        book->changes++;
    if (is_new || gone + added == 0)
        return;
    struct event event = {.what = EVENT_RETARGETED};
    tell(book, owner, &event, now);
    dirty_watchers(book, &owner->watched, false);
}

struct owner *
owner_find(const struct book *book, const uint8_t *name)
{
    unsigned labels = name_labels(name);
    for (unsigned skip = 0; skip <= labels; skip++) {
        const struct book_zone *zone = zone_set_get(book->zones, name_skip(name, skip));
        struct owner *owner = zone ? name_table_get(&zone->owners, name) : NULL;
        if (owner)
            return owner;
    }
    return NULL;
}
