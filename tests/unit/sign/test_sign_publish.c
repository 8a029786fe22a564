// What a version says of its first expiration, on which a restart relies: never later than the
// truth, and 0 rather than a guess.
#include "tests/unit/sign/sign_world.h"

#define DAY 86400

static const char CONTENT[] = "$TTL 300\n@ 3600 IN SOA ns1 h 1 7200 900 1209600 60\n@ NS ns1\n"
                              "ns1 A 192.0.2.1\na A 192.0.2.2\nb A 192.0.2.3\n";
static const char CHANGED[] = "$TTL 300\n@ 3600 IN SOA ns1 h 1 7200 900 1209600 60\n@ NS ns1\n"
                              "ns1 A 192.0.2.1\na A 192.0.2.77\nb A 192.0.2.3\n";

static uint32_t
told_first(const struct world *world)
{
    return version_facts(store_current(world->store))->first_expiration;
}

// Signs the content and publishes it with what the caller knows of the version before; gives the
// first expiration among the new records.
static uint32_t
publish(struct world *world, const char *text, uint32_t known)
{
    struct draft *draft = draft_from_text(world->apex, text);
    struct diff changes;
    const struct sign_result *result;
    struct fault fault;
    diff_init(&changes);
    diff_version_draft(store_current(world->store), draft, DIFF_UNSIGNED, &changes);
    struct sign_job *job = world_sign(
        world, (struct sign_request){.changes = &changes, .unsigned_serial = 1}, &result);
    struct version_facts facts = result->facts;
    facts.first_expiration = known;
    uint32_t fresh = diff_first_expiration(&result->diff);
    if (!sign_publish(world->store, world->apex, &result->diff, &facts, &fault))
        fail_msg("%s", fault.text);
    sign_job_free(&job);
    diff_close(&changes);
    draft_free(&draft);
    return fresh;
}

static void
the_first_version_says_when_its_first_signature_ends(void **state)
{
    struct world world;
    (void)state;
    world_open(&world, "example.gov.", true);
    publish(&world, CONTENT, 0);
    assert_true(told_first(&world) > NOW);
    assert_int_equal(told_first(&world), world_first_expiration(&world));
    world_close(&world);
}

static void
signatures_that_end_later_do_not_move_it(void **state)
{
    struct world world;
    (void)state;
    world_open(&world, "example.gov.", true);
    publish(&world, CONTENT, 0);
    uint32_t before = told_first(&world);
    world.now += 3 * DAY;
    assert_true(publish(&world, CHANGED, 0) >= before); // the apex keeps some of its signatures
    assert_int_equal(told_first(&world), before);       // it may be too early, never too late
    assert_true(told_first(&world) <= world_first_expiration(&world));
    world_close(&world);
}

static void
signatures_that_end_sooner_move_it(void **state)
{
    struct world world;
    (void)state;
    world_open(&world, "example.gov.", true);
    publish(&world, CONTENT, 0);
    uint32_t before = told_first(&world);
    world.policy.rrsig_lifetime_seconds = 9 * DAY;
    world.now += 3600;
    uint32_t fresh = publish(&world, CHANGED, 0);
    assert_true(fresh < before);
    assert_int_equal(told_first(&world), fresh);
    assert_int_equal(told_first(&world), world_first_expiration(&world));
    world_close(&world);
}

static void
what_the_queue_knows_of_the_version_before_counts_more_than_its_own_word(void **state)
{
    struct world world;
    (void)state;
    world_open(&world, "example.gov.", true);
    publish(&world, CONTENT, 0);
    uint32_t before = told_first(&world);
    world.now += 3 * DAY;
    uint32_t fresh = publish(&world, CHANGED, before + 100); // renewed since, says the queue
    assert_int_equal(told_first(&world), fresh < before + 100 ? fresh : before + 100);
    assert_true(publish(&world, CONTENT, before - 100) >= before);
    assert_int_equal(told_first(&world), before - 100);
    world_close(&world);
}

static void
a_signed_version_that_does_not_say_it_is_not_guessed_at(void **state)
{
    struct world world;
    struct fault fault;
    (void)state;
    world_open(&world, "example.gov.", true);
    publish(&world, CONTENT, 0);
    // As an earlier build would have left it: signed, and no word of the first expiration.
    struct version_facts facts = *version_facts(store_current(world.store));
    struct diff nothing;
    diff_init(&nothing);
    facts.first_expiration = 0;
    facts.signed_serial++;
    assert_true(store_publish_diff(world.store, &nothing, &facts, &fault));
    assert_int_equal(told_first(&world), 0);
    diff_close(&nothing);
    world.now += DAY;
    assert_true(publish(&world, CHANGED, 0) > 0);
    assert_int_equal(told_first(&world), 0);
    // Once the queue has looked, it is known again.
    publish(&world, CONTENT, (uint32_t)NOW + 5 * DAY);
    assert_int_equal(told_first(&world), NOW + 5 * DAY);
    world_close(&world);
}

static void
content_that_takes_the_place_of_damaged_records_speaks_for_itself(void **state)
{
    struct world world;
    (void)state;
    world_open(&world, "example.gov.", true);
    publish(&world, CONTENT, 0);
    uint32_t before = told_first(&world);
    world.now += 3 * DAY;
    struct draft *draft = draft_from_text(world.apex, CHANGED);
    struct diff whole;
    const struct sign_result *result;
    struct fault fault;
    diff_init(&whole);
    diff_version_draft(NULL, draft, DIFF_UNSIGNED, &whole);
    struct sign_job *job = world_sign(
        &world, (struct sign_request){.changes = &whole, .anew = true, .unsigned_serial = 1},
        &result);
    assert_true(result->diff.damaged);
    if (!sign_publish(world.store, world.apex, &result->diff, &result->facts, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(told_first(&world), world_first_expiration(&world));
    assert_true(told_first(&world) > before); // nothing of the version before is left
    sign_job_free(&job);
    diff_close(&whole);
    draft_free(&draft);
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_version_says_when_its_first_signature_ends),
        cmocka_unit_test(signatures_that_end_later_do_not_move_it),
        cmocka_unit_test(signatures_that_end_sooner_move_it),
        cmocka_unit_test(what_the_queue_knows_of_the_version_before_counts_more_than_its_own_word),
        cmocka_unit_test(a_signed_version_that_does_not_say_it_is_not_guessed_at),
        cmocka_unit_test(content_that_takes_the_place_of_damaged_records_speaks_for_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
