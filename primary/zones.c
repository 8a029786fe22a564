#include "primary/zones.h"

#include <stdlib.h>

#include "common/base/arena.h"

struct zones {
    struct zones_options options;
    struct turns turns;
    struct zone_set *served;  // of struct served_zone *
    struct zone_set *keepers; // of struct keeper *
    struct vector order;      // of struct keeper *
};

struct zones *
zones_new(const struct zones_options *options)
{
    struct zones *zones = memory_zalloc(sizeof *zones);
    zones->options = *options;
    zones->served = zone_set_new();
    zones->keepers = zone_set_new();
    vector_init(&zones->order, sizeof(struct keeper *));
    return zones;
}

void
zones_establish(struct zones *zones)
{
    zones->options.state_lost = false;
}

void
zones_synced(struct zones *zones)
{
    zones->options.synced = true;
    for (size_t i = 0; i < zones->order.count; i++)
        keeper_synced(zones_at(zones, i));
}

static void
zone_remove(struct zones *zones, struct keeper *keeper)
{
    const uint8_t *apex = keeper_served(keeper)->apex;
    zone_set_remove(zones->served, apex);
    zone_set_remove(zones->keepers, apex);
    keeper_free(&keeper);
}

void
zones_free(struct zones **zones)
{
    struct zones *old = *zones;
    *zones = NULL;
    if (!old)
        return;
    turns_close(&old->turns);
    for (size_t i = 0; i < old->order.count; i++)
        zone_remove(old, *(struct keeper **)vector_at(&old->order, i));
    vector_close(&old->order);
    zone_set_free(&old->served);
    zone_set_free(&old->keepers);
    free(old);
}

void
zones_changes_init(struct zones_changes *changes)
{
    vector_init(&changes->added, sizeof(char *));
    vector_init(&changes->removed, sizeof(char *));
    vector_init(&changes->changed, sizeof(char *));
}

void
zones_changes_close(struct zones_changes *changes)
{
    source_texts_clear(&changes->added);
    source_texts_clear(&changes->removed);
    source_texts_clear(&changes->changed);
    vector_close(&changes->added);
    vector_close(&changes->removed);
    vector_close(&changes->changed);
}

static void
domain_note(struct vector *domains, const char *domain)
{
    char *copy = memory_text(domain);
    vector_add(domains, &copy);
}

static struct keeper *
zone_add(struct zones *zones, struct settings_hold *settings,
         const struct primary_zone_settings *zone)
{
    struct keeper_options options = {.loop = zones->options.loop,
                                     .settings = settings,
                                     .zone = zone,
                                     .directory = zones->options.directory,
                                     .synced = zones->options.synced,
                                     .state_lost = zones->options.state_lost,
                                     .turns = &zones->turns,
                                     .alias = zones->options.alias,
                                     .events = zones->options.events,
                                     .context = zones->options.context};
    struct keeper *keeper = keeper_new(&options);
    zone_set_put(zones->served, zone->name, keeper_served(keeper));
    zone_set_put(zones->keepers, zone->name, keeper);
    return keeper;
}

// The keeper of a zone of the new settings, made or changed.
static struct keeper *
zone_take(struct zones *zones, struct settings_hold *settings,
          const struct primary_zone_settings *zone, struct zones_changes *changes)
{
    struct keeper *keeper = zones_find(zones, zone->name);
    if (!keeper) {
        domain_note(&changes->added, zone->domain);
        return zone_add(zones, settings, zone);
    }
    if (!primary_zone_settings_equal(keeper_settings(keeper)->settings, keeper_zone(keeper),
                                     settings->settings, zone))
        domain_note(&changes->changed, zone->domain);
    keeper_change(keeper, settings, zone);
    return keeper;
}

static void
gone_remove(struct zones *zones, const struct settings_hold *settings,
            void (*removed)(void *context, struct keeper *keeper), struct zones_changes *changes)
{
    for (size_t i = 0; i < zones->order.count; i++) {
        struct keeper *keeper = zones_at(zones, i);
        // A keeper that has the new settings was in them.
        if (keeper_settings(keeper) == settings)
            continue;
        domain_note(&changes->removed, keeper_served(keeper)->domain);
        removed(zones->options.context, keeper);
        zone_remove(zones, keeper);
    }
}

void
zones_apply(struct zones *zones, struct settings_hold *settings,
            void (*removed)(void *context, struct keeper *keeper),
            struct zones_changes *ret_changes)
{
    struct vector order;
    vector_init(&order, sizeof(struct keeper *));
    for (size_t i = 0; i < settings->settings->zone_count; i++) {
        struct keeper *keeper =
            zone_take(zones, settings, &settings->settings->zones[i], ret_changes);
        vector_add(&order, &keeper);
    }
    gone_remove(zones, settings, removed, ret_changes);
    vector_close(&zones->order);
    zones->order = order;
}

size_t
zones_count(const struct zones *zones)
{
    return zones->order.count;
}

struct keeper *
zones_at(const struct zones *zones, size_t index)
{
    return *(struct keeper **)vector_at(&zones->order, index);
}

struct keeper *
zones_find(const struct zones *zones, const uint8_t *apex)
{
    return zone_set_get(zones->keepers, apex);
}

struct keeper *
zones_enclosing(const struct zones *zones, const uint8_t *name)
{
    struct name_suffixes suffixes;
    name_suffixes_init(&suffixes, name, zone_set_hash_key(zones->keepers));
    return zone_set_find(zones->keepers, name, &suffixes, NAME_LABELS_MAX);
}

const struct zone_set *
zones_served(const struct zones *zones)
{
    return zones->served;
}
