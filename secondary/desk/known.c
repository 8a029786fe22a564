#include "secondary/desk/known.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/arena.h"
#include "common/daemon/log.h"

void
known_init(struct known *known, int64_t now)
{
    *known = (struct known){.started_seconds = now};
    vector_init(&known->zones, sizeof(struct known_zone));
    vector_init(&known->roles, sizeof(struct message_role_facts));
}

static void
zone_close(struct known_zone *zone)
{
    free(zone->domain);
    message_zone_facts_close(&zone->facts);
    message_poll_facts_close(&zone->poll);
}

void
known_close(struct known *known)
{
    for (size_t i = 0; i < known->zones.count; i++) {
        zone_close(vector_at(&known->zones, i));
    }
    vector_close(&known->zones);
    vector_close(&known->roles);
    for (size_t i = 0; i < KNOWN_SERVERS_MAX; i++) {
        counters_unmap(&known->servers[i]);
    }
    rate_table_unmap(&known->rate_table);
    role_settings_free(&known->settings);
}

struct known_zone *
known_zone_by_id(const struct known *known, uint32_t id)
{
    // The zones are in the order of the settings.
    size_t index =
        known->settings != NULL ? role_settings_zone(known->settings, id) : SETTINGS_NONE;
    return index != SETTINGS_NONE ? vector_at(&known->zones, index) : NULL;
}

struct known_zone *
known_zone_by_name(const struct known *known, const char *domain)
{
    size_t length = strlen(domain);
    if (length > 1 && domain[length - 1] == '.') {
        length--;
    }
    for (size_t i = 0; i < known->zones.count; i++) {
        struct known_zone *zone = vector_at(&known->zones, i);
        if (strlen(zone->domain) == length && strncasecmp(zone->domain, domain, length) == 0) {
            return zone;
        }
    }
    return NULL;
}

// What was known of a zone that stays moves over; the rest is freed with the old list.
static void
move_facts(struct known *known, struct known_zone *fresh)
{
    struct known_zone *was = known_zone_by_id(known, fresh->id);
    if (was == NULL) {
        return;
    }
    fresh->has_facts = was->has_facts;
    fresh->has_poll = was->has_poll;
    fresh->facts = was->facts;
    fresh->poll = was->poll;
    was->facts = (struct message_zone_facts){0};
    was->poll = (struct message_poll_facts){0};
}

void
known_take_settings(struct known *known, struct role_settings **settings, int64_t now)
{
    struct vector zones;
    vector_init(&zones, sizeof(struct known_zone));
    for (size_t i = 0; i < (*settings)->settings.zone_count; i++) {
        const struct secondary_zone_settings *of = &(*settings)->settings.zones[i];
        struct known_zone zone = {.id = (*settings)->zone_ids[i],
                                  .domain = memory_text(of->domain),
                                  .refresh_seconds = of->rules->refresh_seconds};
        move_facts(known, &zone);
        vector_add(&zones, &zone);
    }
    for (size_t i = 0; i < known->zones.count; i++) {
        zone_close(vector_at(&known->zones, i));
    }
    vector_close(&known->zones);
    known->zones = zones;
    role_settings_free(&known->settings);
    known->settings = *settings;
    *settings = NULL;
    known->configured_seconds = now;
}

void
known_take_zone_facts(struct known *known, uint32_t id, struct octets body)
{
    struct known_zone *zone = known_zone_by_id(known, id);
    struct message_zone_facts facts;
    if (zone != NULL && message_zone_facts_read(body, &facts)) {
        message_zone_facts_close(&zone->facts);
        zone->facts = facts;
        zone->has_facts = true;
    }
}

void
known_take_poll_facts(struct known *known, uint32_t id, struct octets body)
{
    struct known_zone *zone = known_zone_by_id(known, id);
    struct message_poll_facts facts;
    if (zone != NULL && message_poll_facts_read(body, &facts)) {
        message_poll_facts_close(&zone->poll);
        zone->poll = facts;
        zone->has_poll = true;
    }
}

void
known_take_transfers_out(struct known *known, uint32_t id, struct octets body)
{
    struct known_zone *zone = known_zone_by_id(known, id);
    struct message_transfers_out counts;
    if (zone != NULL && message_transfers_out_read(body, &counts)) {
        zone->transfers.whole_ok += counts.whole_ok;
        zone->transfers.whole_failed += counts.whole_failed;
        zone->transfers.whole_refused += counts.whole_refused;
        zone->transfers.deltas_ok += counts.deltas_ok;
        zone->transfers.deltas_failed += counts.deltas_failed;
        zone->transfers.deltas_refused += counts.deltas_refused;
        zone->transfers.up_to_date += counts.up_to_date;
    }
}

bool
known_take_role_facts(struct known *known, struct octets body, enum message_role *ret_role)
{
    struct message_role_facts facts;
    if (!message_role_facts_read(body, &facts)) {
        return false;
    }
    *ret_role = facts.role;
    for (size_t i = 0; i < known->roles.count; i++) {
        struct message_role_facts *was = vector_at(&known->roles, i);
        if (was->role == facts.role && was->index == facts.index) {
            bool changed = was->pid != 0 && was->pid != facts.pid;
            *was = facts;
            return changed;
        }
    }
    vector_add(&known->roles, &facts);
    return false;
}

void
known_take_counters(struct known *known, struct message *message)
{
    struct octets_reader reader;
    struct fault fault = {0};
    octets_reader_init(&reader, message->body.data, message->body.length);
    uint32_t index = octets_read_u32(&reader);
    if (reader.failed || index >= KNOWN_SERVERS_MAX || message->descriptor_count != 1) {
        return;
    }
    counters_unmap(&known->servers[index]);
    if (!counters_map(message->descriptors[0], false, &known->servers[index], &fault)) {
        log_warning(fault.text);
    }
}

void
known_take_rate_table(struct known *known, const struct message *message)
{
    struct message_rate_table body;
    struct fault fault = {0};
    if (message->descriptor_count != 1 || !message_rate_table_read(message->body, &body)) {
        return;
    }
    rate_table_unmap(&known->rate_table);
    known->rate_key = body.key;
    if (!rate_table_map(message->descriptors[0], false, &known->rate_table, &fault)) {
        log_warning(fault.text);
    }
}

void
known_sum(const struct known *known, struct counters *ret_sum)
{
    *ret_sum = (struct counters){0};
    for (size_t i = 0; i < KNOWN_SERVERS_MAX; i++) {
        if (known->servers[i] != NULL) {
            counters_sum(known->servers[i], ret_sum);
        }
    }
}
