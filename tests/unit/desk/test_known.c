#include <sys/mman.h>
#include <unistd.h>

#include "desk_world.h"
#include "tests/support/heap_use.h"

static const char THREE_ZONES[] = "remote: [{id: hidden, address: 10.0.0.5@53}]\n"
                                  "zone:\n"
                                  "  - {domain: example.org, primary: [hidden]}\n"
                                  "  - {domain: example.net, primary: [hidden], refresh: 5m}\n";

static void
facts_are_kept_by_zone_and_malformed_ones_change_nothing(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    struct known_zone *zone = known_zone_by_id(&known, ZONE_ID);
    assert_string_equal(zone->domain, "example.gov");
    assert_false(zone->has_facts);
    assert_false(zone->has_poll);
    desk_tell_all_well(&known);
    assert_true(zone->has_facts);
    assert_int_equal(zone->facts.signed_serial, 1795263187);
    assert_int_equal(zone->poll.round_trip_ms, 4);
    known_take_zone_facts(&known, ZONE_ID, (struct octets){(const uint8_t *)"junk", 4});
    known_take_poll_facts(&known, ZONE_ID, (struct octets){(const uint8_t *)"junk", 4});
    assert_int_equal(zone->facts.signed_serial, 1795263187);
    assert_int_equal(zone->poll.round_trip_ms, 4);
    struct message_zone_facts facts = desk_good_facts();
    desk_tell_zone(&known, 999, &facts); // a zone that a reload took away
    known_close(&known);
}

static void
zones_are_found_with_and_without_final_dot_in_any_case(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    struct known_zone *zone = known_zone_by_id(&known, ZONE_ID);
    assert_ptr_equal(known_zone_by_name(&known, "example.gov"), zone);
    assert_ptr_equal(known_zone_by_name(&known, "example.gov."), zone);
    assert_ptr_equal(known_zone_by_name(&known, "EXAMPLE.Gov"), zone);
    assert_null(known_zone_by_name(&known, "example.gov.."));
    assert_null(known_zone_by_name(&known, "example.go"));
    assert_null(known_zone_by_name(&known, ""));
    assert_null(known_zone_by_name(&known, "."));
    assert_null(known_zone_by_id(&known, 7));
    known_close(&known);
}

// Zones are the same by their number, not by their place in the list.
static void
a_reload_keeps_what_is_known_of_zones_that_stay(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    desk_tell_all_well(&known);
    struct role_settings *settings = desk_settings_of(THREE_ZONES);
    known_take_settings(&known, &settings, NOW);
    assert_int_equal(known.zones.count, 2);
    assert_int_equal(known.configured_seconds, NOW);
    struct known_zone *zone = known_zone_by_id(&known, ZONE_ID + 1);
    assert_string_equal(zone->domain, "example.net");
    assert_true(zone->has_facts);
    assert_int_equal(zone->facts.signed_serial, 1795263187);
    assert_int_equal(zone->refresh_seconds, 300); // the new settings
    known_close(&known);
}

static void
a_role_with_another_process_or_none_loses_its_requests(void **state)
{
    struct known known;
    enum message_role role;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    struct message_role_facts facts = {.role = ROLE_SIGNER, .pid = 10};
    assert_false(desk_tell_role(&known, &facts)); // the first we hear of it
    assert_false(desk_tell_role(&known, &facts)); // the same again
    facts.pid = 0;
    assert_true(desk_tell_role(&known, &facts)); // it died
    facts.pid = 11;
    assert_false(desk_tell_role(&known, &facts)); // back, nothing was asked of it
    facts.pid = 12;
    assert_true(desk_tell_role(&known, &facts)); // died and back before we heard
    assert_int_equal(known.roles.count, 1);
    // Servers are told apart by their number.
    facts = (struct message_role_facts){.role = ROLE_SERVER, .index = 0, .pid = 20};
    assert_false(desk_tell_role(&known, &facts));
    facts.index = 1;
    facts.pid = 21;
    assert_false(desk_tell_role(&known, &facts));
    assert_int_equal(known.roles.count, 3);
    assert_false(known_take_role_facts(&known, (struct octets){(const uint8_t *)"x", 1}, &role));
    known_close(&known);
}

static void
take_counters(struct known *known, uint32_t index, int fd, unsigned count)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, index);
    struct message message = {.type = MESSAGE_COUNTERS,
                              .body = {body.data, body.length},
                              .descriptor_count = count,
                              .descriptors = {fd}};
    known_take_counters(known, &message);
    octets_buffer_close(&body);
}

static void
counters_of_all_servers_are_summed_and_strange_ones_refused(void **state)
{
    struct known known;
    struct fault fault = {0};
    struct counters sum;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    for (uint32_t i = 0; i < 3; i++) {
        struct counters_memory *writer;
        int fd;
        assert_true(counters_create(&fd, &fault));
        assert_true(counters_map(fd, true, &writer, &fault));
        counter_add(&writer->counters.truncated, 10 + i);
        take_counters(&known, i, fd, 1);
        take_counters(&known, i, fd, 1); // a restarted supervisor sends them again
        counters_unmap(&writer);
        close(fd);
    }
    known_sum(&known, &sum);
    assert_int_equal(sum.truncated, 33);
    int fd = memfd_create("small", MFD_CLOEXEC);
    take_counters(&known, KNOWN_SERVERS_MAX, fd, 1); // no such server
    take_counters(&known, 3, fd, 0);                 // no descriptor
    take_counters(&known, 4, fd, 1);                 // not counters
    close(fd);
    known_sum(&known, &sum);
    assert_int_equal(sum.truncated, 33);
    known_close(&known);
}

#define FLEET 1000
// Of one zone in status: its name, what signer and fetcher told of it with their eight texts, a
// key.
#define FLEET_ZONE_OCTETS 1100

static void
a_zone_of_a_fleet_costs_little(void **state)
{
    static uint32_t ids[FLEET];
    const struct role_extras extras = {.host = "ns1.example.gov", .server_count = 1};
    struct secondary_settings *whole = NULL;
    struct config_errors errors;
    struct octets_buffer text, body;
    struct role_settings *settings = NULL;
    struct known known;
    (void)state;
    octets_buffer_init(&text);
    octets_buffer_printf(&text, "remote: [{id: hidden, address: 10.0.0.5@53}]\nzone:\n");
    for (uint32_t i = 0; i < FLEET; i++) {
        ids[i] = i;
        octets_buffer_printf(&text, "  - {domain: z%04u.example.gov, primary: [hidden]}\n", i);
    }
    config_errors_init(&errors);
    assert_true(secondary_settings_load_text("secondary.yaml", "/the", (char *)text.data,
                                             text.length, &whole, &errors));
    config_errors_close(&errors);
    octets_buffer_init(&body);
    role_settings_write(whole, ids, &extras, ROLE_DESK, &body);
    assert_true(role_settings_read((struct octets){body.data, body.length}, &settings));
    octets_buffer_close(&body);
    octets_buffer_close(&text);
    secondary_settings_free(&whole);
    known_init(&known, NOW);
    struct message_zone_facts facts = desk_good_facts();
    struct message_poll_facts poll = desk_good_poll();
    size_t before = heap_use();
    known_take_settings(&known, &settings, NOW);
    for (uint32_t i = 0; i < FLEET; i++) {
        desk_tell_zone(&known, i, &facts);
        desk_tell_poll(&known, i, &poll);
    }
    heap_use_expect("desk", heap_use_each(before, FLEET), FLEET_ZONE_OCTETS);
    known_close(&known);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_kept_by_zone_and_malformed_ones_change_nothing),
        cmocka_unit_test(zones_are_found_with_and_without_final_dot_in_any_case),
        cmocka_unit_test(a_reload_keeps_what_is_known_of_zones_that_stay),
        cmocka_unit_test(a_role_with_another_process_or_none_loses_its_requests),
        cmocka_unit_test(counters_of_all_servers_are_summed_and_strange_ones_refused),
        cmocka_unit_test(a_zone_of_a_fleet_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
