#include "secondary/places.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"

void
places_init(struct places *places)
{
    *places = (struct places){0};
    vector_init(&places->zones, sizeof(struct kept_place));
    vector_init(&places->files, sizeof(struct kept_file));
}

static struct kept_file *
file_find(const struct places *places, uint32_t number)
{
    for (size_t i = 0; i < places->files.count; i++) {
        struct kept_file *file = vector_at(&places->files, i);
        if (file->number == number) {
            return file;
        }
    }
    return NULL;
}

// The zone has no version any more, or is about to get another.
static void
version_forget(const struct places *places, struct kept_place *zone)
{
    if (zone->pooled) {
        file_find(places, zone->pool_place.segment)->zones--;
    }
    if (zone->place != NULL) {
        version_place_close(zone->place);
    }
    free(zone->place);
    zone->place = NULL;
    zone->published = zone->pooled = false;
}

void
places_close(struct places *places)
{
    for (size_t i = 0; i < places->zones.count; i++) {
        struct kept_place *zone = vector_at(&places->zones, i);
        version_forget(places, zone);
        free(zone->name);
    }
    for (size_t i = 0; i < places->files.count; i++) {
        close(((struct kept_file *)vector_at(&places->files, i))->file);
    }
    vector_close(&places->zones);
    vector_close(&places->files);
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
        version_forget(places, zone);
        free(zone->name);
    }
    places->zones.count = kept;
}

static void
add_zone(struct places *places, const uint8_t *name)
{
    struct kept_place *zone = vector_add(&places->zones, NULL);
    zone->id = places->next_id++;
    zone->name = memory_alloc(name_length(name));
    name_copy(zone->name, name);
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
    version_forget(places, zone);
    zone->place = memory_alloc(sizeof *zone->place);
    *zone->place = place;
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

bool
places_take_file(struct places *places, struct message *message)
{
    struct octets_reader reader;
    octets_reader_init(&reader, message->body.data, message->body.length);
    uint32_t number = octets_read_u32(&reader);
    if (reader.failed || octets_left(&reader) > 0 || message->descriptor_count != 1 ||
        number == 0) {
        return false;
    }
    struct kept_file *file = file_find(places, number);
    if (file == NULL && places->files.count >= PLACES_FILES_MAX) {
        return false;
    }
    if (file == NULL) {
        file = vector_add(&places->files, NULL);
        file->number = number;
    } else {
        close(file->file); // a signer that was restarted tells of the same file again
    }
    file->file = message->descriptors[0];
    message->descriptors[0] = -1;
    places->newest_file = number > places->newest_file ? number : places->newest_file;
    return true;
}

static bool
take_pooled(struct places *places, const struct message_pooled *pooled)
{
    struct kept_place *zone = places_find(places, pooled->zone);
    struct kept_file *file = file_find(places, pooled->place.segment);
    if (zone == NULL || file == NULL) {
        return false;
    }
    file->had_zones = true;
    file->zones++; // first, so that a file that it stays in is not without zones in between
    version_forget(places, zone);
    zone->published = zone->pooled = zone->has_state = true;
    zone->pool_place = pooled->place;
    zone->state = pooled->state;
    return true;
}

uint32_t
places_take_pooled(struct places *places, const struct message *message)
{
    uint32_t least = MESSAGE_NO_ZONE;
    size_t count = message_pooled_count(message->body);
    for (size_t i = 0; i < count; i++) {
        struct message_pooled pooled;
        if (message_pooled_read(message->body, i, &pooled) && take_pooled(places, &pooled) &&
            pooled.zone < least) {
            least = pooled.zone;
        }
    }
    return least;
}

uint32_t
places_drop_file(struct places *places)
{
    struct kept_file *files = places->files.items;
    for (size_t i = 0; i < places->files.count; i++) {
        uint32_t number = files[i].number;
        if (files[i].had_zones && files[i].zones == 0 && number != places->newest_file) {
            close(files[i].file);
            files[i] = files[--places->files.count];
            return number;
        }
    }
    return 0;
}
