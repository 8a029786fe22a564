#include <sys/mman.h>
#include <unistd.h>

#include "desk_world.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_kept_by_zone_and_malformed_ones_change_nothing),
        cmocka_unit_test(zones_are_found_with_and_without_final_dot_in_any_case),
        cmocka_unit_test(a_reload_keeps_what_is_known_of_zones_that_stay),
        cmocka_unit_test(a_role_with_another_process_or_none_loses_its_requests),
        cmocka_unit_test(counters_of_all_servers_are_summed_and_strange_ones_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
