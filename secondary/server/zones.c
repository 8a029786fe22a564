#include "secondary/server/zones.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/zone/zone_pool.h"

void
zones_init(struct zones *zones)
{
    zones->set = zone_set_new();
    vector_init(&zones->list, sizeof(struct served_zone *));
    vector_init(&zones->files, sizeof(struct served_file));
    zones->round = 0;
}

static struct served_zone *
zone_at(const struct zones *zones, size_t index)
{
    return *(struct served_zone **)vector_at(&zones->list, index);
}

static void
zone_free(struct served_zone *zone)
{
    if (zone->version)
        version_drop(&zone->version);
    free(zone);
}

static void
file_close(struct served_file *file)
{
    heap_map_drop(&file->map);
    close(file->file);
}

void
zones_close(struct zones *zones)
{
    for (size_t i = 0; i < zones->list.count; i++)
        zone_free(zone_at(zones, i));
    for (size_t i = 0; i < zones->files.count; i++)
        file_close(vector_at(&zones->files, i));
    vector_close(&zones->files);
    vector_close(&zones->list);
    zone_set_free(&zones->set);
}

// What the zone's state makes of its version.
static void
zone_refresh(struct served_zone *zone)
{
    bool ready = zone->state.serving == ZONE_SERVE || zone->state.serving == ZONE_EXPIRED;
    zone->answer.version = ready ? zone->version : NULL;
    if (zone->state.serving == ZONE_EXPIRED)
        zone->answer.expire_at = 0;
    else
        zone->answer.expire_at =
            zone->state.expires_seconds > 0 ? zone->state.expires_seconds : ANSWER_NEVER;
}

// Index of the first zone whose number is not below id.
static size_t
lower_bound(const struct zones *zones, uint32_t id)
{
    size_t low = 0, high = zones->list.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone_at(zones, middle)->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct served_zone *
zones_by_id(const struct zones *zones, uint32_t id)
{
    size_t index = lower_bound(zones, id);
    if (index == zones->list.count || zone_at(zones, index)->id != id)
        return NULL;
    return zone_at(zones, index);
}

static struct served_zone *
zone_add(struct zones *zones, uint32_t id)
{
    struct served_zone *zone = memory_zalloc(sizeof *zone);
    zone->id = id;
    zone->state.serving =
        ZONE_SERVE; // until told otherwise; without a version it is not ready anyway
    zone_refresh(zone);
    vector_add(&zones->list, &zone);
    return zone;
}

static int
by_id(const void *a, const void *b)
{
    const struct served_zone *first = *(struct served_zone *const *)a;
    const struct served_zone *second = *(struct served_zone *const *)b;
    return first->id < second->id ? -1 : first->id > second->id;
}

// Zones that the last settings did not name go.
static void
zones_sweep(struct zones *zones)
{
    struct served_zone **items = zones->list.items;
    size_t kept = 0;
    for (size_t i = 0; i < zones->list.count; i++) {
        struct served_zone *zone = items[i];
        if (zone->round == zones->round) {
            items[kept++] = zone;
            continue;
        }
        if (zone_set_get(zones->set, zone->apex) == zone)
            zone_set_remove(zones->set, zone->apex);
        zone_free(zone);
    }
    zones->list.count = kept;
}

void
zones_take_settings(struct zones *zones, const struct role_settings *settings)
{
    size_t known = zones->list.count;
    zones->round++;
    for (size_t i = 0; i < settings->settings.zone_count; i++) {
        const struct secondary_zone_settings *from = &settings->settings.zones[i];
        // New ones stand unsorted behind the known ones until all are there.
        struct zones former = *zones;
        former.list.count = known;
        struct served_zone *zone = zones_by_id(&former, settings->zone_ids[i]);
        if (!zone)
            zone = zone_add(zones, settings->zone_ids[i]);
        zone->apex = from->name;
        zone->acl = &from->rules->acl;
        zone->domain = from->domain;
        zone->round = zones->round;
        zone_set_put(zones->set, zone->apex, zone);
    }
    if (zones->list.count > 0)
        qsort(zones->list.items, zones->list.count, sizeof(struct served_zone *), by_id);
    zones_sweep(zones);
}

bool
zones_take_version(struct served_zone *zone, struct version_place *place, struct fault *fault)
{
    const struct version *version = NULL;
    place->whole = true; // the signer, sole writer, has read it: secondary/server/README.md
    bool mapped = version_map(place, zone->version, &version, fault);
    if (!place->shared)
        version_place_close(place);
    if (!mapped)
        return fault_wrap(fault, "zone %s", zone->domain);
    if (!name_equal(version_apex(version), zone->apex)) {
        version_drop(&version);
        return fault_set(fault, FAULT_CORRUPT, "zone %s: the version that came is of another zone",
                         zone->domain);
    }
    if (zone->version)
        version_drop(&zone->version);
    zone->version = version;
    zone_refresh(zone);
    return true;
}

static struct served_file *
file_find(const struct zones *zones, uint32_t number)
{
    for (size_t i = 0; i < zones->files.count; i++) {
        struct served_file *file = vector_at(&zones->files, i);
        if (file->number == number)
            return file;
    }
    return NULL;
}

bool
zones_take_file(struct zones *zones, uint32_t number, int *file, struct fault *fault)
{
    struct served_file served = {.number = number, .file = *file};
    *file = -1;
    if (file_find(zones, number)) { // told again by a signer that was restarted
        close(served.file);
        return true;
    }
    if (!heap_map_segment(served.file, ZONE_POOL_SEGMENT_OCTETS, &served.map, fault)) {
        close(served.file);
        return fault_wrap(fault, "file %u of the pool", number);
    }
    vector_add(&zones->files, &served);
    return true;
}

void
zones_drop_file(struct zones *zones, uint32_t number)
{
    struct served_file *file = file_find(zones, number);
    if (!file)
        return;
    file_close(file);
    *file = *(struct served_file *)vector_at(&zones->files, zones->files.count - 1);
    zones->files.count--;
}

bool
zones_take_pooled(struct zones *zones, struct served_zone *zone,
                  const struct zone_pool_place *place, struct fault *fault)
{
    const struct served_file *file = file_find(zones, place->segment);
    uint64_t heap_end = (uint64_t)place->heap_offset + place->heap_length;
    uint64_t index_end = (uint64_t)place->index_offset + place->index_length;
    if (!file)
        return fault_set(fault, FAULT_CORRUPT, "zone %s: file %u of the pool did not come",
                         zone->domain, place->segment);
    if (!heap_map_reaches(file->map, file->file, heap_end > index_end ? heap_end : index_end))
        return fault_set(fault, FAULT_CORRUPT,
                         "zone %s: file %u of the pool is shorter than its version's place",
                         zone->domain, place->segment);
    struct version_place placed = version_place_pooled(file->map, place);
    return zones_take_version(zone, &placed, fault);
}

void
zones_take_state(struct served_zone *zone, const struct message_zone_state *state)
{
    zone->state = *state;
    if (state->serving == ZONE_GONE && zone->version)
        version_drop(&zone->version);
    zone_refresh(zone);
}
