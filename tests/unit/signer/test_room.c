// needs: sign keys zone
// The estimate against what is really written, and where nothing is asked.
#include "secondary/signer/room.h"
#include "tests/unit/sign/sign_world.h"

#define HOSTS ROOM_RECORDS_LEAST

static char *
hosts(unsigned count)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_printf(&text, "$TTL 300\n@ 3600 IN SOA ns1 h 1 7200 900 1209600 60\n@ NS ns1\n"
                                "ns1 A 192.0.2.1\n");
    for (unsigned i = 0; i < count; i++)
        octets_buffer_printf(&text, "h%u A 10.0.%u.%u\n", i, i / 256 % 256, i % 256);
    octets_buffer_add_u8(&text, 0);
    return (char *)text.data;
}

static uint64_t
written(const struct world *world)
{
    struct store_sizes sizes;
    store_sizes(world->store, &sizes);
    return sizes.heap_octets + sizes.index_octets;
}

static void
is_upper_but_not_by_much(uint64_t needed, uint64_t octets, const char *what)
{
    print_message("%s: %.1f MiB estimated, %.1f MiB written\n", what, (double)needed / 1048576,
                  (double)octets / 1048576);
    assert_true(needed >= octets);
    assert_true(needed <= 5 * octets / 2);
}

static void
first_signing(bool nsec3)
{
    struct world world;
    struct diff changes;
    world_open(&world, "example.gov.", false);
    world.pool = pool_new(0);
    world.policy.nsec3 = nsec3;
    world.policy.nsec3_parameters = (struct nsec3_parameters){.algorithm = NSEC3_SHA1};
    char *text = hosts(HOSTS);
    struct draft *draft = draft_from_text(world.apex, text);
    free(text);
    diff_version_draft(NULL, draft, DIFF_UNSIGNED, &changes);
    struct room_work work = {.changes = &changes,
                             .apex_octets = name_length(world.apex),
                             .signature_octets = 64,
                             .nsec3 = nsec3};
    uint64_t needed = room_needed(&work);
    const struct sign_result *result;
    struct sign_job *job = world_sign(
        &world, (struct sign_request){.changes = &changes, .unsigned_serial = 1}, &result);
    world_publish(&world, result);
    is_upper_but_not_by_much(needed, written(&world), nsec3 ? "first, NSEC3" : "first, NSEC");
    sign_job_free(&job);
    diff_close(&changes);
    draft_free(&draft);
    if (!nsec3) { // the same zone once more, with the other denial
        struct store_sizes sizes;
        store_sizes(world.store, &sizes);
        work = (struct room_work){.current = store_current(world.store),
                                  .current_octets = sizes.living_octets,
                                  .apex_octets = name_length(world.apex),
                                  .signature_octets = 64,
                                  .nsec3 = true};
        needed = room_needed(&work);
        world.policy.nsec3 = true;
        uint64_t before = written(&world);
        job = world_sign(&world, (struct sign_request){.unsigned_serial = 1}, &result);
        world_publish(&world, result);
        struct store_sizes after;
        store_sizes(world.store, &after);
        is_upper_but_not_by_much(needed, after.heap_octets - sizes.heap_octets + after.index_octets,
                                 "NSEC to NSEC3");
        assert_true(written(&world) > before);
        sign_job_free(&job);
    }
    world_close(&world);
}

static void
the_estimate_is_an_upper_one_and_near(void **state)
{
    (void)state;
    first_signing(false);
    first_signing(true);
}

static void
little_work_is_not_asked_about(void **state)
{
    (void)state;
    uint8_t apex[NAME_SIZE_MAX];
    struct fault fault;
    struct diff changes;
    assert_true(name_from_text("example.gov.", NULL, apex, &fault));
    char *text = hosts(100);
    struct draft *draft = draft_from_text(apex, text);
    free(text);
    diff_version_draft(NULL, draft, DIFF_UNSIGNED, &changes);
    struct room_work work = {.changes = &changes, .apex_octets = 13, .signature_octets = 64};
    assert_int_equal(room_needed(&work), 0);
    work.due_count = ROOM_RECORDS_LEAST;
    assert_true(room_needed(&work) > ROOM_RECORDS_LEAST * 100);
    diff_close(&changes);
    draft_free(&draft);
}

static void
larger_keys_need_more_room(void **state)
{
    (void)state;
    struct room_work work = {.due_count = 20000, .apex_octets = 13, .signature_octets = 64};
    uint64_t small = room_needed(&work);
    work.signature_octets = 512;
    assert_true(room_needed(&work) > small + UINT64_C(20000) * 448);
}

static void
the_room_of_a_directory_is_known_and_a_missing_one_is_a_fault(void **state)
{
    (void)state;
    uint64_t octets = 0;
    struct fault fault = {0};
    assert_true(room_free("/tmp", &octets, &fault));
    assert_true(octets > 0);
    assert_false(room_free("/nowhere/at/all", &octets, &fault));
    assert_non_null(strstr(fault.text, "/nowhere/at/all"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_estimate_is_an_upper_one_and_near),
        cmocka_unit_test(little_work_is_not_asked_about),
        cmocka_unit_test(larger_keys_need_more_room),
        cmocka_unit_test(the_room_of_a_directory_is_known_and_a_missing_one_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
