// needs: zone
// 10,000 zones here, some inside of others: each question comes to the right one. The zones have no
// version, so the answer is SERVFAIL and names the zone that was chosen.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/answer/answer.h"
#include "common/dns/rrtype.h"

#define FLAT      9000 // zN.example.
#define NESTED    1000 // in.zN.example. for every ninth of them, and in.in.zN.example. for some
#define DEEPEST   10
#define ALL       (FLAT + NESTED)
#define TEXT_SIZE 64

static struct answer_zone *zones;
static char (*names)[TEXT_SIZE];
static struct zone_set *set;
static struct answer_service service;
static struct answer_outcome outcome;

static size_t
wire_of(const char *text, uint8_t *wire)
{
    size_t at = 0;
    for (const char *dot; (dot = strchr(text, '.')) && dot > text; text = dot + 1) {
        wire[at++] = (uint8_t)(dot - text);
        memcpy(wire + at, text, (size_t)(dot - text));
        at += (size_t)(dot - text);
    }
    wire[at++] = 0;
    return at;
}

static void
zone_put(int index, const char *apex)
{
    uint8_t wire[NAME_SIZE_MAX];
    snprintf(names[index], TEXT_SIZE, "%s", apex);
    wire_of(apex, wire);
    zones[index].expire_at = ANSWER_NEVER;
    assert_null(zone_set_put(set, wire, &zones[index]));
}

static int
zones_open(void **state)
{
    (void)state;
    char apex[TEXT_SIZE];
    zones = calloc(ALL + 1, sizeof *zones);
    names = calloc(ALL + 1, sizeof *names);
    set = zone_set_new();
    service.zones = set;
    for (int i = 0; i < FLAT; i++) {
        snprintf(apex, sizeof apex, "z%d.example.", i);
        zone_put(i, apex);
    }
    for (int i = 0; i < NESTED; i++) {
        bool deepest = i < DEEPEST;
        snprintf(apex, sizeof apex, "%sin.z%d.example.", deepest ? "in." : "", 9 * i);
        zone_put(FLAT + i, apex);
    }
    return 0;
}

static int
zones_close(void **state)
{
    (void)state;
    zone_set_free(&set);
    free(zones);
    free(names);
    return 0;
}

static const struct answer_zone *
zone_asked(const char *prefix, const char *name, uint16_t type)
{
    uint8_t octets[512] = {[5] = 1}, memory[ANSWER_UDP_SIZE];
    static const uint8_t address[4] = {192, 0, 2, 1};
    struct answer_client client = {.address = address, .address_length = sizeof address};
    struct query query;
    char text[2 * TEXT_SIZE];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    size_t length = MESSAGE_HEADER_SIZE + wire_of(text, octets + MESSAGE_HEADER_SIZE);
    octets_put_u16(octets + length, type);
    octets_put_u16(octets + length + 2, RRCLASS_IN);
    query_read(octets, length + 4, &query);
    answer_query(&service, &client, &query, memory, sizeof memory, &outcome);
    assert_int_equal(outcome.rcode, outcome.zone ? RCODE_SERVFAIL : RCODE_REFUSED);
    return outcome.zone;
}

static void
rfc1034_4_3_2_step_2_each_of_10000_zones_is_found_by_its_apex_and_by_names_in_it(void **state)
{
    (void)state;
    assert_int_equal(zone_set_count(set), ALL);
    for (int i = 0; i < ALL; i++) {
        assert_ptr_equal(zone_asked("", names[i], RRTYPE_SOA), &zones[i]);
        assert_ptr_equal(zone_asked("Www.", names[i], RRTYPE_A), &zones[i]);
        assert_ptr_equal(zone_asked("a.b.c.d.e.", names[i], RRTYPE_A), &zones[i]);
    }
}

static void
rfc1034_4_3_2_step_2_the_nearest_ancestor_is_chosen_where_zones_are_nested(void **state)
{
    (void)state;
    assert_ptr_equal(zone_asked("in.", names[0], RRTYPE_A), &zones[0]); // only in.in. is a zone
    assert_ptr_equal(zone_asked("in.in.", names[0], RRTYPE_A), &zones[FLAT]);
    assert_ptr_equal(zone_asked("x.in.in.", names[0], RRTYPE_A), &zones[FLAT]);
    assert_ptr_equal(zone_asked("xin.", names[9 * DEEPEST], RRTYPE_A), &zones[9 * DEEPEST]);
}

static void
rfc4035_3_1_4_1_ds_at_the_apex_of_a_nested_zone_is_asked_of_the_parent(void **state)
{
    (void)state;
    for (int i = 0; i < NESTED; i++) {
        assert_ptr_equal(zone_asked("", names[FLAT + i], RRTYPE_DS), &zones[9 * i]);
        assert_ptr_equal(zone_asked("x.", names[FLAT + i], RRTYPE_DS), &zones[FLAT + i]);
    }
    assert_ptr_equal(zone_asked("", names[1], RRTYPE_DS), &zones[1]); // its parent is not here
}

static void
names_beside_10000_zones_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < ALL; i += 7) {
        char other[TEXT_SIZE];
        snprintf(other, sizeof other, "y%d.example.", i);
        assert_null(zone_asked("", other, RRTYPE_A));
        assert_null(zone_asked("z1.", other, RRTYPE_A));
    }
    assert_null(zone_asked("", "example.", RRTYPE_A));
    assert_null(zone_asked("", ".", RRTYPE_NS));
    assert_null(zone_asked("", "z9000.example.", RRTYPE_A));
}

static void
zone_that_went_leaves_its_names_to_the_next_one_above(void **state)
{
    (void)state;
    uint8_t wire[NAME_SIZE_MAX];
    for (int i = 0; i < ALL; i += 2) {
        wire_of(names[i], wire);
        assert_ptr_equal(zone_set_remove(set, wire), &zones[i]);
    }
    for (int i = 0; i < ALL; i++) {
        const struct answer_zone *expected = i % 2 ? &zones[i] : NULL;
        if (i % 2 == 0 && i >= FLAT && (9 * (i - FLAT)) % 2)
            expected = &zones[9 * (i - FLAT)];
        assert_ptr_equal(zone_asked("www.", names[i], RRTYPE_A), expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            rfc1034_4_3_2_step_2_each_of_10000_zones_is_found_by_its_apex_and_by_names_in_it),
        cmocka_unit_test(
            rfc1034_4_3_2_step_2_the_nearest_ancestor_is_chosen_where_zones_are_nested),
        cmocka_unit_test(rfc4035_3_1_4_1_ds_at_the_apex_of_a_nested_zone_is_asked_of_the_parent),
        cmocka_unit_test(names_beside_10000_zones_are_refused),
        cmocka_unit_test(zone_that_went_leaves_its_names_to_the_next_one_above),
    };
    return cmocka_run_group_tests(tests, zones_open, zones_close);
}
