#include "secondary/places.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"

void
places_init(struct places *places)
{
    *places = (struct places){0};
    vector_init(&places->zones, sizeof(struct kept_place));
}

void
places_close(struct places *places)
{
    for (size_t i = 0; i < places->zones.count; i++) {
        version_place_close(&((struct kept_place *)vector_at(&places->zones, i))->place);
    }
    vector_close(&places->zones);
}

struct kept_place *
places_find(const struct places *places, uint32_t id)
{
    size_t low = 0, high = places->zones.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct kept_place *zone = vector_at(&places->zones, middle);
        if (zone->id == id) {
            return zone;
        }
        if (zone->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

// Zones by name in an order of their own, so that ten thousand of them are not compared with ten
// thousand others.
static int
compare_names(const void *a, const void *b)
{
    const struct kept_place *const *left = a;
    const struct kept_place *const *right = b;
    return name_compare((*left)->name, (*right)->name);
}

static int
compare_with_name(const void *key, const void *item)
{
    const struct kept_place *const *zone = item;
    return name_compare(key, (*zone)->name);
}

struct by_name {
    const struct kept_place **zones;
    size_t count;
};

static void
by_name_init(struct by_name *by_name, const struct places *places)
{
    by_name->count = places->zones.count;
    by_name->zones = memory_alloc(sizeof *by_name->zones * (by_name->count + 1));
    for (size_t i = 0; i < by_name->count; i++) {
        by_name->zones[i] = vector_at(&places->zones, i);
    }
    qsort(by_name->zones, by_name->count, sizeof *by_name->zones, compare_names);
}

static const struct kept_place *
by_name_find(const struct by_name *by_name, const uint8_t *name)
{
    const struct kept_place *const *found =
        bsearch(name, by_name->zones, by_name->count, sizeof *by_name->zones, compare_with_name);
    return found != NULL ? *found : NULL;
}

static void
by_name_close(struct by_name *by_name)
{
    free(by_name->zones);
}

uint32_t *
places_ids(const struct places *places, const struct secondary_settings *settings)
{
    struct by_name by_name;
    uint32_t *ids = memory_zalloc(sizeof *ids * (settings->zone_count + 1));
    by_name_init(&by_name, places);
    for (size_t i = 0; i < settings->zone_count; i++) {
        const struct kept_place *zone = by_name_find(&by_name, settings->zones[i].name);
        ENSURE(zone != NULL);
        ids[i] = zone->id;
    }
    by_name_close(&by_name);
    return ids;
}

static void
forget_marked(struct places *places, const bool *stays, struct vector *ret_gone)
{
    size_t kept = 0;
    for (size_t i = 0; i < places->zones.count; i++) {
        struct kept_place *zone = vector_at(&places->zones, i);
        if (stays[i]) {
            memmove(vector_at(&places->zones, kept++), zone, sizeof *zone);
            continue;
        }
        vector_add(ret_gone, &zone->id);
        version_place_close(&zone->place);
    }
    places->zones.count = kept;
}

static void
add_zone(struct places *places, const uint8_t *name)
{
    struct kept_place *zone = vector_add(&places->zones, NULL);
    zone->id = places->next_id++;
    name_copy(zone->name, name);
    zone->place = (struct version_place){.heap = -1, .old_heap = -1, .base = -1, .index = -1};
}

void
places_take_settings(struct places *places, const struct secondary_settings *settings,
                     struct vector *ret_gone)
{
    struct by_name by_name;
    bool *stays = memory_zalloc(places->zones.count + 1);
    bool *known = memory_zalloc(settings->zone_count + 1);
    by_name_init(&by_name, places);
    for (size_t i = 0; i < settings->zone_count; i++) {
        const struct kept_place *zone = by_name_find(&by_name, settings->zones[i].name);
        if (zone != NULL) {
            known[i] = stays[zone - (const struct kept_place *)places->zones.items] = true;
        }
    }
    by_name_close(&by_name);
    forget_marked(places, stays, ret_gone);
    for (size_t i = 0; i < settings->zone_count; i++) {
        if (!known[i]) {
            add_zone(places, settings->zones[i].name);
        }
    }
    free(stays);
    free(known);
}

const struct kept_place *
places_take_published(struct places *places, struct message *message)
{
    struct kept_place *zone = places_find(places, message->zone);
    struct version_place place;
    if (zone == NULL || !message_place_read(message, &place)) {
        return NULL;
    }
    version_place_close(&zone->place);
    zone->place = place;
    zone->published = true;
    return zone;
}

const struct kept_place *
places_take_state(struct places *places, const struct message *message)
{
    struct kept_place *zone = places_find(places, message->zone);
    if (zone == NULL || !message_zone_state_read(message->body, &zone->state)) {
        return NULL;
    }
    zone->has_state = true;
    return zone;
}
