// What an answer looks at does not grow with the zone. A record that is looked at for the first
// time leaves a mark in the index (index.c), so the marks after one question count the records that
// it touched: no clock, no count of instructions. The zone that others are slow with is one of many
// CNAMEs to names below a wildcard (serving.md, "Fast"): the owners before the wildcard's
// descendants are all one record, and who walks from there walks long.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/answer/answer.h"
#include "common/dns/message_write.h"
#include "common/dns/rrtype.h"
#include "common/zone/version_inside.h"
#include "tests/support/zone_fixture.h"

#define FEW  300
#define MANY 6000
// The name, its CNAME's target, encloser, wildcard, apex, and of each search in the chain a few
// between two samples.
#define TOUCHED_MAX 16

static const uint8_t client_address[4] = {192, 0, 2, 1};

// The chain is whole; who signed what does not matter here.
static void
zone_write(FILE *file, unsigned customers, bool saas)
{
    const char *soa = "example. 300 IN SOA ns.example. h.example. 1 2 3 4 300\n"
                      "example. 300 IN RRSIG SOA 13 1 300 20300101000000 20200101000000 1 example. "
                      "AAAA\nexample. 300 IN NS ns.other.\n";
    const char *first = saas ? "*.apps.example." : "c00000.example.";
    fprintf(file, "%sexample. 300 IN NSEC %s NS SOA RRSIG NSEC\n", soa, first);
    if (saas)
        fprintf(file, "*.apps.example. 300 IN A 192.0.2.7\n"
                      "*.apps.example. 300 IN NSEC c00000.example. A RRSIG NSEC\n");
    for (unsigned i = 0; i < customers; i++) {
        char next[32] = "example.";
        if (i + 1 < customers)
            snprintf(next, sizeof next, "c%05u.example.", i + 1);
        if (saas)
            fprintf(file, "c%05u.example. 300 IN CNAME t%05u.apps.example.\n", i, i);
        else
            fprintf(file, "c%05u.example. 300 IN A 192.0.2.8\n", i);
        fprintf(file, "c%05u.example. 300 IN NSEC %s %s RRSIG NSEC\n", i, next,
                saas ? "CNAME" : "A");
    }
}

static void
zone_open(struct zone_fixture *fixture, unsigned customers, bool saas)
{
    char path[] = "/tmp/tandem-cost-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    assert_non_null(file);
    zone_write(file, customers, saas);
    assert_int_equal(fclose(file), 0);
    zone_fixture_open(fixture, "example.", path);
    unlink(path);
}

static unsigned
marks(const struct index *index)
{
    unsigned count = 0;
    for (uint64_t word = 0; word < (index->header->slots.count + 63) / 64; word++)
        count += (unsigned)__builtin_popcountll(index->checked[word]);
    return count;
}

static void
ask(const struct version *version, const char *text, uint16_t type,
    struct answer_outcome *ret_outcome)
{
    static const uint8_t opt[] = {0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0x80, 0, 0, 0};
    static uint8_t octets[512], response[4096];
    struct answer_zone zone = {.version = version, .expire_at = ANSWER_NEVER};
    struct zone_set *zones = zone_set_new();
    const struct answer_service service = {.zones = zones};
    const struct answer_client client = {.address = client_address, .address_length = 4};
    struct message_writer writer;
    struct query query;
    uint8_t name[NAME_SIZE_MAX];
    assert_true(name_from_text(text, NULL, name, NULL));
    zone_set_put(zones, version_apex(version), &zone);
    message_writer_init(&writer, octets, sizeof octets, 1, 0);
    assert_true(message_write_question(&writer, name, type, RRCLASS_IN));
    size_t length = message_length(&writer);
    memcpy(octets + length, opt, sizeof opt);
    octets[11] = 1;
    query_read(octets, length + sizeof opt, &query);
    answer_query(&service, &client, &query, response, sizeof response, ret_outcome);
    zone_set_free(&zones);
}

// Records that this question touches.
static unsigned
touched(const struct version *version, const char *text, uint16_t type, enum answer_kind kind)
{
    struct answer_outcome outcome;
    index_forget(version->base);
    ask(version, text, type, &outcome);
    assert_int_equal(outcome.rcode, kind == ANSWER_NXDOMAIN ? 3 : 0);
    assert_int_equal(outcome.kind, kind);
    return marks(version->base);
}

static void
a_denial_touches_as_few_records_in_a_zone_of_customers_as_in_a_flat_one(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
        enum answer_kind saas, flat;
    } questions[] = {
        {"c00150.example.", RRTYPE_A, ANSWER_POSITIVE, ANSWER_POSITIVE},
        {"c00150.example.", RRTYPE_TXT, ANSWER_NODATA, ANSWER_NODATA},
        {"t00150.apps.example.", RRTYPE_A, ANSWER_POSITIVE, ANSWER_NXDOMAIN},
        {"t00150.apps.example.", RRTYPE_TXT, ANSWER_NODATA, ANSWER_NXDOMAIN},
        {"nothere.example.", RRTYPE_A, ANSWER_NXDOMAIN, ANSWER_NXDOMAIN},
        {"c00150x.example.", RRTYPE_A, ANSWER_NXDOMAIN, ANSWER_NXDOMAIN},
        {"apps.example.", RRTYPE_A, ANSWER_NODATA, ANSWER_NXDOMAIN},
    };
    (void)state;
    for (unsigned customers = FEW; customers <= MANY; customers += MANY - FEW) {
        struct zone_fixture saas, flat;
        zone_open(&saas, customers, true);
        zone_open(&flat, customers, false);
        for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
            const char *name = questions[i].name;
            unsigned in_saas = touched(saas.version, name, questions[i].type, questions[i].saas);
            unsigned in_flat = touched(flat.version, name, questions[i].type, questions[i].flat);
            assert_in_range(in_saas, 1, TOUCHED_MAX);
            assert_in_range(in_flat, 1, TOUCHED_MAX);
        }
        zone_fixture_close(&saas);
        zone_fixture_close(&flat);
    }
}

// The count itself: a walk over the zone would be seen.
static void
a_walk_is_seen_by_the_count(void **state)
{
    struct zone_fixture flat;
    struct version_cursor cursor;
    (void)state;
    zone_open(&flat, FEW, false);
    index_forget(flat.version->base);
    version_cursor_first(&cursor, flat.version);
    while (version_cursor_next(&cursor))
        continue;
    assert_int_equal(marks(flat.version->base), FEW + 1);
    zone_fixture_close(&flat);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_denial_touches_as_few_records_in_a_zone_of_customers_as_in_a_flat_one),
        cmocka_unit_test(a_walk_is_seen_by_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
