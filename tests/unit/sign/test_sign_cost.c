// What a change costs in a zone of some thousand names: signatures, records looked at, octets on
// the disk. A walk over all names, or a chain made anew, would fail every one of these.
#include <sys/stat.h>

#include "common/zone/journal.h"
#include "tests/support/store_bed.h"
#include "tests/unit/sign/sign_world.h"

#define NAMES 2000
#define APPENDED_MAX                                                                               \
    8192 // octets of heap, its step of the journal too, and index for one changed RRset
#define JOURNAL_MAX   (16 << 20) // octets, as daemons have by default
#define LOOKED_AT_MAX 12         // records, whatever the zone's size

static void
zone_text(struct octets_buffer *text, const char *more)
{
    octets_buffer_init(text);
    octets_buffer_printf(text, "$TTL 300\n@ 3600 IN SOA ns1 h 1 7200 900 1209600 60\n@ NS ns1\n"
                               "ns1 A 192.0.2.1\nchanged A 192.0.2.1\n");
    for (int i = 0; i < NAMES; i++)
        octets_buffer_printf(text, i % 8 == 0 ? "n%d NS ns1\n" : "n%d A 192.0.2.7\n", i);
    octets_buffer_printf(text, "%s", more);
    octets_buffer_add_u8(text, 0);
}

enum kind { KIND_NSEC, KIND_NSEC3, KIND_OPT_OUT, KINDS };

static void
zone_open(struct world *world, enum kind kind)
{
    struct octets_buffer text;
    world_open(world, "example.gov.", false);
    world->policy.nsec3 = kind != KIND_NSEC;
    world->policy.nsec3_parameters = (struct nsec3_parameters){
        .algorithm = NSEC3_SHA1, .flags = kind == KIND_OPT_OUT ? NSEC3_FLAG_OPT_OUT : 0};
    store_set_journal_max(world->store, JOURNAL_MAX);
    zone_text(&text, "");
    world_text(world, (char *)text.data);
    octets_buffer_close(&text);
}

static uint64_t
heap_octets(const struct world *world)
{
    struct store_sizes sizes;
    store_sizes(world->store, &sizes);
    return sizes.heap_octets;
}

// Of the file that the last publish wrote beside the heap.
static uint64_t
index_octets(const struct world *world)
{
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "%s/store/index.%llu", world->folder,
             (unsigned long long)version_facts(store_current(world->store))->sequence);
    assert_int_equal(stat(path, &status), 0);
    return (uint64_t)status.st_size;
}

// The zone with more RRs and without one of its own.
static void
change(struct world *world, const char *old_rr, const char *new_rr)
{
    struct octets_buffer text;
    zone_text(&text, new_rr);
    if (old_rr) {
        char *at = strstr((char *)text.data, old_rr);
        assert_non_null(at);
        memset(at, ';', 1);
    }
    world->now += 60;
    world_text(world, (char *)text.data);
    octets_buffer_close(&text);
}

static void
an_address_makes_two_signatures_and_few_octets(struct world *world)
{
    struct journal_extent extent;
    change(world, "changed A 192.0.2.1\n", "changed A 192.0.2.2\n");
    uint64_t before = heap_octets(world);
    change(world, "changed A 192.0.2.1\n", "changed A 192.0.2.3\n");
    assert_int_equal(world->made, 2); // A and SOA
    assert_int_equal(world->entries, 2);
    assert_true(world->looked_at <= LOOKED_AT_MAX);
    assert_true(heap_octets(world) - before + index_octets(world) < APPENDED_MAX);
    journal_extent(store_current(world->store), &extent);
    assert_int_equal(extent.steps, 2);
    change(world, NULL, "");
    assert_int_equal(world->made, 2);
}

// Itself, its NSEC or NSEC3, the neighbour's, the SOA; with an empty non-terminal above it, the
// NSEC3 of that and of another neighbour.
static void
a_name_costs_its_place_in_the_chain_and_a_neighbour(struct world *world, enum kind kind)
{
    change(world, NULL, "new A 192.0.2.2\n");
    assert_int_equal(world->made, 4);
    assert_true(world->looked_at <= LOOKED_AT_MAX);
    change(world, NULL, "new A 192.0.2.2\nbelow.empty A 192.0.2.3\n");
    assert_int_equal(world->made, kind == KIND_NSEC ? 4 : 6);
    assert_true(world->looked_at <= LOOKED_AT_MAX);
    change(world, NULL, ""); // both go, and the empty non-terminal
    assert_int_equal(world->made, kind == KIND_NSEC ? 3 : 4);
    assert_true(world->looked_at <= LOOKED_AT_MAX);
}

static void
an_insecure_delegation_costs_the_soa_alone_where_it_is_left_out(struct world *world, enum kind kind)
{
    change(world, NULL, "insecure NS ns1\n");
    assert_int_equal(world->made, kind == KIND_OPT_OUT ? 1 : 3);
    assert_true(world->looked_at <= LOOKED_AT_MAX);
    change(world, NULL, "");
    assert_int_equal(world->made, kind == KIND_OPT_OUT ? 1 : 2);
    assert_true(world->looked_at <= LOOKED_AT_MAX);
}

static void
what_is_not_new_costs_nothing(struct world *world)
{
    uint64_t before = heap_octets(world), sequence;
    sequence = version_facts(store_current(world->store))->sequence;
    change(world, NULL, "");
    assert_true(world->empty);
    assert_int_equal(world->made, 0);
    assert_true(world->looked_at <= 2); // the apex, and its NSEC3
    assert_int_equal(heap_octets(world), before);
    assert_int_equal(version_facts(store_current(world->store))->sequence, sequence);
}

static void
costs_by_kind(enum kind kind)
{
    struct world world;
    zone_open(&world, kind);
    an_address_makes_two_signatures_and_few_octets(&world);
    a_name_costs_its_place_in_the_chain_and_a_neighbour(&world, kind);
    an_insecure_delegation_costs_the_soa_alone_where_it_is_left_out(&world, kind);
    what_is_not_new_costs_nothing(&world);
    world_verify_all(&world);
    world_close(&world);
}

static void
changes_with_nsec_cost_what_they_touch(void **state)
{
    (void)state;
    costs_by_kind(KIND_NSEC);
}

static void
changes_with_nsec3_cost_what_they_touch(void **state)
{
    (void)state;
    costs_by_kind(KIND_NSEC3);
}

static void
changes_with_opt_out_cost_what_they_touch(void **state)
{
    (void)state;
    costs_by_kind(KIND_OPT_OUT);
}

int
main(void)
{
    store_io_without_sync();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_with_nsec_cost_what_they_touch),
        cmocka_unit_test(changes_with_nsec3_cost_what_they_touch),
        cmocka_unit_test(changes_with_opt_out_cost_what_they_touch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
