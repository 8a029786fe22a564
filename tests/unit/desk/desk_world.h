// What a desk knows in a test: settings as the supervisor sends them, then facts of zones and polls
// as messages, the way they come.
#ifndef TANDEM_TESTS_DESK_WORLD_H
#define TANDEM_TESTS_DESK_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "secondary/desk/known.h"

#define NOW     1795286527 // 2026-11-21T18:42:07Z
#define ZONE_ID 41         // of example.gov; example.net is the next

static const char DESK_CONFIG[] =
    "server: {listen: [\"0.0.0.0@53\", 127.0.0.1@53], state-directory: /the/state}\n"
    "control: {socket: /run/tandem/secondary.sock}\n"
    "remote:\n"
    "  - {id: hidden, address: 10.0.0.5@53}\n"
    "  - {id: other, address: 10.0.0.6@53}\n"
    "policy: [{id: default}]\n"
    "zone:\n"
    "  - {domain: example.gov, primary: [hidden], policy: default}\n"
    "  - {domain: example.net, primary: [hidden], policy: none}\n"
    "alert: {mail-directory: /the/mails, from: a@example.gov, to: [b@example.gov]}\n";

static inline struct role_settings *
desk_settings_of(const char *config)
{
    static const uint32_t ids[] = {ZONE_ID, ZONE_ID + 1, ZONE_ID + 2};
    const struct role_extras extras = {.host = "ns1.example.gov", .server_count = 1};
    struct secondary_settings *whole = NULL;
    struct config_errors errors;
    struct octets_buffer body;
    struct role_settings *settings = NULL;
    config_errors_init(&errors);
    if (!secondary_settings_load_text("secondary.yaml", "/the", config, strlen(config), &whole,
                                      &errors))
        fail_msg("%s", ((struct config_error *)vector_at(&errors.entries, 0))->text);
    config_errors_close(&errors);
    octets_buffer_init(&body);
    role_settings_write(whole, ids, &extras, ROLE_DESK, &body);
    assert_true(role_settings_read((struct octets){body.data, body.length}, &settings));
    octets_buffer_close(&body);
    secondary_settings_free(&whole);
    return settings;
}

static inline void
desk_world_open(struct known *known, const char *config)
{
    struct role_settings *settings = desk_settings_of(config);
    known_init(known, NOW - 3600);
    known_take_settings(known, &settings, NOW - 60);
    assert_null(settings);
}

// Facts of a healthy zone, to be changed and sent by desk_tell_zone.
static inline struct message_zone_facts
desk_good_facts(void)
{
    static char ok[] = "ok", empty[] = "";
    static struct message_zone_key keys[] = {{12345, "CSK", "active", 13}};
    return (struct message_zone_facts){
        .state = ok,
        .reason = empty,
        .reason_word = empty,
        .held_digest = empty,
        .has_version = true,
        .unsigned_serial = 2026112104,
        .signed_serial = 1795263187,
        .published_seconds = NOW - 42,
        .added = 2,
        .removed = 1,
        .rr_count = 5,
        .signature_count = 411,
        .node_count = 3,
        .signature_expiry_seconds = NOW + 13 * 86400,
        .next_refresh_seconds = NOW + 6 * 86400,
        .living_octets = 2048,
        .journal_steps = 7,
        .journal_from_serial = 1795263100,
        .journal_octets = 4096,
        .sign_count = 3,
        .sign_microseconds = 42000,
        .sign_histogram = {1, 0, 0, 2},
        .key_count = 1,
        .keys = keys,
    };
}

static inline struct message_poll_facts
desk_good_poll(void)
{
    static char hidden[] = "hidden", ixfr[] = "ixfr", empty[] = "";
    return (struct message_poll_facts){
        .last_success_seconds = NOW - 42,
        .last_attempt_seconds = NOW - 42,
        .next_poll_seconds = NOW + 18,
        .primary = hidden,
        .failure = empty,
        .upstream_serial = 2026112104,
        .round_trip_ms = 4,
        .transfers_ok = 7,
        .deltas_ok = 3,
        .unchanged = 90,
        .kind = ixfr,
        .transfers_failed = 1,
        .downstream_count = 2,
        .downstream_current = 2,
        .downstream = empty,
    };
}

static inline void
desk_tell_zone(struct known *known, uint32_t id, const struct message_zone_facts *facts)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_zone_facts_write(facts, &body);
    known_take_zone_facts(known, id, (struct octets){body.data, body.length});
    octets_buffer_close(&body);
}

static inline void
desk_tell_poll(struct known *known, uint32_t id, const struct message_poll_facts *facts)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_poll_facts_write(facts, &body);
    known_take_poll_facts(known, id, (struct octets){body.data, body.length});
    octets_buffer_close(&body);
}

// Gives whether requests to the role are lost.
static inline bool
desk_tell_role(struct known *known, const struct message_role_facts *facts)
{
    struct octets_buffer body;
    enum message_role role = ROLE_COUNT;
    octets_buffer_init(&body);
    message_role_facts_write(facts, &body);
    bool lost = known_take_role_facts(known, (struct octets){body.data, body.length}, &role);
    assert_int_equal(role, facts->role);
    octets_buffer_close(&body);
    return lost;
}

// Both zones well, all roles running.
static inline void
desk_tell_all_well(struct known *known)
{
    struct message_zone_facts facts = desk_good_facts();
    struct message_poll_facts poll = desk_good_poll();
    for (uint32_t id = ZONE_ID; id < ZONE_ID + 2; id++) {
        desk_tell_zone(known, id, &facts);
        desk_tell_poll(known, id, &poll);
    }
    for (int role = ROLE_FETCHER; role < ROLE_COUNT; role++) {
        const struct message_role_facts running = {.role = (enum message_role)role,
                                                   .pid = 100 + role,
                                                   .restarts = 2,
                                                   .started_seconds = NOW - 3600};
        desk_tell_role(known, &running);
    }
}

#endif
