// What the desk was told last: facts of zones from signer and fetcher, roles from the supervisor,
// counters of the servers. The desk asks nobody in order to answer `status`; so it answers also
// while signer or fetcher are down.
#ifndef TANDEM_DESK_KNOWN_H
#define TANDEM_DESK_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "secondary/counters.h"
#include "secondary/messages.h"
#include "secondary/rate_table.h"
#include "secondary/settings.h"

#define KNOWN_STALE_INTERVALS 5 // polls that may fail before a zone counts as stale
#define KNOWN_SERVERS_MAX     256

struct known_zone {
    uint32_t id;
    char *domain;
    int64_t refresh_seconds;
    bool has_facts, has_poll;
    struct message_zone_facts facts;
    struct message_poll_facts poll;
    struct known_transfers { // out, since the desk's start
        uint64_t whole_ok, whole_failed, whole_refused;
        uint64_t deltas_ok, deltas_failed, deltas_refused;
        uint64_t up_to_date;
    } transfers;
};

struct known {
    struct role_settings *settings; // owned
    struct vector zones;            // of struct known_zone, in the order of the settings
    struct vector roles;            // of struct message_role_facts
    struct counters_memory *servers[KNOWN_SERVERS_MAX];
    struct rate_table *rate_table; // read-only; NULL: not there yet
    uint64_t rate_key;
    int64_t started_seconds, configured_seconds;
};

void known_init(struct known *known, int64_t now);
void known_close(struct known *known);
// Takes the settings over; facts of zones that stay are kept.
void known_take_settings(struct known *known, struct role_settings **settings, int64_t now);
void known_take_zone_facts(struct known *known, uint32_t zone, struct octets body);
void known_take_poll_facts(struct known *known, uint32_t zone, struct octets body);
// Adds what a server has counted.
void known_take_transfers_out(struct known *known, uint32_t zone, struct octets body);
// True when a role that ran before has a new process or none (requests to it are lost).
bool known_take_role_facts(struct known *known, struct octets body, enum message_role *ret_role);
void known_take_counters(struct known *known, struct message *message);
void known_take_rate_table(struct known *known, const struct message *message);

struct known_zone *known_zone_by_id(const struct known *known, uint32_t id);
struct known_zone *known_zone_by_name(const struct known *known,
                                      const char *domain); // with or without final dot
void known_sum(const struct known *known, struct counters *ret_sum);

#endif
