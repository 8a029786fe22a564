// needs: sign keys zone
// A version with a signature that does not verify is served; the one before it comes back whole,
// under a higher serial, with one new signature.
#include "secondary/signer/restore.h"
#include "tests/unit/sign/sign_world.h"

#define BEFORE                                                                                     \
    "$TTL 300\n@ 3600 IN SOA ns1 h 1 7200 900 1209600 60\n@ NS ns1\nns1 A 192.0.2.1\n"             \
    "a A 192.0.2.2\nb A 192.0.2.3\ngone A 192.0.2.4\n"
#define AFTER                                                                                      \
    "$TTL 300\n@ 3600 IN SOA ns1 h 1 7200 900 1209600 60\n@ NS ns1\nns1 A 192.0.2.1\n"             \
    "a A 192.0.2.9\nb A 192.0.2.3\nnew.c A 192.0.2.5\n"

// The served record of an owner with a bit of its last signature flipped.
static const struct node *
flipped(const struct world *world, const char *owner_text, struct arena *arena)
{
    uint8_t owner[NAME_SIZE_MAX];
    bool damaged;
    struct rrset rrsets[NODE_RRSETS_MAX];
    struct fault fault;
    assert_true(name_from_text(owner_text, world->apex, owner, &fault));
    const struct node *node = zone_find_record(store_current(world->store), owner, &damaged);
    assert_non_null(node);
    unsigned count = node_rrset_count(node);
    for (unsigned i = 0; i < count; i++)
        node_rrset_at(node, i, &rrsets[i]);
    uint8_t *run = arena_copy(arena, rrsets[0].signatures, rrsets[0].signatures_length);
    run[rrsets[0].signatures_length - 1] ^= 1;
    rrsets[0].signatures = run;
    return node_build(arena, owner, rrsets, count);
}

static bool
is_good(const struct world *world)
{
    struct verify_report report;
    verify_report_init(&report);
    bool good = verify_version(store_current(world->store), NULL, world->now, &report);
    verify_report_close(&report);
    return good;
}

static void
publish(struct world *world, const struct diff *diff, const struct version_facts *facts)
{
    struct fault fault;
    if (!sign_publish(world->store, world->apex, diff, facts, &fault))
        fail_msg("%s", fault.text);
}

static void
break_one(struct world *world, const char *owner, bool damaged)
{
    struct arena *arena = arena_new();
    struct diff diff;
    struct version_facts facts = *version_facts(store_current(world->store));
    facts.signed_serial++;
    diff_init(&diff);
    const struct node *bad = flipped(world, owner, arena);
    if (damaged) { // its checksum is wrong, too
        struct rrset rrset;
        node_rrset_at(bad, 0, &rrset);
        ((uint8_t *)(uintptr_t)rrset.wire)[rrset.wire_length - 1] ^= 1;
    }
    diff_add(&diff, NULL, bad);
    publish(world, &diff, &facts);
    diff_close(&diff);
    arena_free(&arena);
}

static void
restore(struct world *world, const struct version *former, size_t *ret_made)
{
    struct sign_request request = {
        .current = former,
        .keyset = world->keyset,
        .policy = &world->policy,
        .unsigned_serial = version_facts(former)->unsigned_serial,
        .has_forced_serial = true,
        .forced_serial = version_facts(store_current(world->store))->signed_serial + 1,
        .now = world->now};
    const struct sign_result *result;
    struct sign_job *job;
    struct fault fault;
    struct diff back;
    if (!sign_zone_prepare(&request, &job, &fault) || !sign_zone_run(job, &result, &fault))
        fail_msg("%s", fault.text);
    restore_compose(store_current(world->store), former, &result->diff, &back);
    *ret_made = result->signatures_made;
    publish(world, &back, &result->facts);
    diff_close(&back);
    sign_job_free(&job);
}

static void
former_content_returns(bool nsec3, bool zonemd, bool damaged)
{
    struct world world;
    struct octets_buffer before, after;
    size_t made;
    world_open(&world, "example.gov.", false);
    world.policy.nsec3 = nsec3;
    world.policy.nsec3_parameters = (struct nsec3_parameters){.algorithm = NSEC3_SHA1};
    world.policy.zonemd = zonemd;
    world_text(&world, BEFORE);
    const struct version *former = version_hold(store_current(world.store));
    world.now += 60;
    world_text(&world, AFTER);
    assert_true(is_good(&world));
    break_one(&world, "b", damaged);
    assert_false(is_good(&world));
    uint32_t serial = version_facts(store_current(world.store))->signed_serial;
    world.now += 60;
    restore(&world, former, &made);
    assert_true(is_good(&world));
    assert_true(serial_is_after(version_facts(store_current(world.store))->signed_serial, serial));
    assert_int_equal(made, zonemd ? 2 : 1); // the SOA, and the digest that has its serial in it
    octets_buffer_init(&before);
    octets_buffer_init(&after);
    if (!zonemd) { // all as it was but for the serial
        world_shape(former, &before);
        world_shape(store_current(world.store), &after);
        assert_string_equal((char *)before.data, (char *)after.data);
    }
    world_signatures_kept(former, store_current(world.store));
    octets_buffer_close(&before);
    octets_buffer_close(&after);
    version_drop(&former);
    world_close(&world);
}

static void
the_former_content_returns_under_a_higher_serial_with_one_new_signature(void **state)
{
    (void)state;
    former_content_returns(false, false, false);
}

static void
so_does_a_zone_with_nsec3_and_a_digest(void **state)
{
    (void)state;
    former_content_returns(true, false, false);
    former_content_returns(true, true, false);
}

// A record that cannot be read is nothing to build upon: all of the former content is written anew.
static void
damage_of_what_is_served_takes_nothing_along(void **state)
{
    (void)state;
    former_content_returns(false, false, true);
    former_content_returns(true, false, true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_former_content_returns_under_a_higher_serial_with_one_new_signature),
        cmocka_unit_test(so_does_a_zone_with_nsec3_and_a_digest),
        cmocka_unit_test(damage_of_what_is_served_takes_nothing_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
