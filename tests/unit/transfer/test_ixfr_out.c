// needs: zone
// What goes out over TCP to a client with an earlier content.
#include "ixfr_scene.h"

#include <fcntl.h>

static struct tsig_key key = {.algorithm = TSIG_HMAC_SHA256, .secret_length = 32, .name = "\3xfr"};

static void
upkeep(struct scene *scene)
{
    if (random_below(&scene->random, 3) == 0)
        assert_true(store_merge(scene->store, NULL));
    if (random_below(&scene->random, 3) == 0)
        assert_true(store_compact(scene->store, NULL));
}

static void
every_earlier_content_gets_the_naive_difference(void **state)
{
    (void)state;
    unsigned forms[IXFR_OUT_LATER + 1] = {0};
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct scene scene;
        scene_open(&scene, seed, seed % 3 ? 6 : 1, JOURNAL_PLENTY);
        for (unsigned step = 0; step < 12; step++) {
            scene_step(&scene, 1 + random_below(&scene.random, 5), step % 2 ? scene.set_count : 3);
            upkeep(&scene);
            for (size_t i = 0; i < scene.before_count; i++) {
                const struct client client = {.serial = scene.before[i].serial,
                                              .key = random_below(&scene.random, 2) ? &key : NULL,
                                              .message_size =
                                                  4096 + random_below(&scene.random, 60000)};
                forms[ask_since(&scene, &scene.before[i], &client)]++;
            }
        }
        scene_close(&scene);
    }
    assert_true(forms[IXFR_OUT_DELTA] > 100); // else nothing was tested
    assert_true(forms[IXFR_OUT_WHOLE] > 10);
}

static void
a_large_difference_goes_in_many_signed_messages(void **state)
{
    (void)state;
    struct scene scene;
    struct reply reply;
    scene_open(&scene, 21, 900, JOURNAL_PLENTY);
    for (unsigned step = 0; step < 3; step++)
        scene_step(&scene, 300, scene.set_count);
    for (unsigned algorithm = TSIG_HMAC_SHA256; algorithm <= TSIG_HMAC_SHA512; algorithm++) {
        struct client client = {scene.before[0].serial, &key, 4096};
        key.algorithm = (enum tsig_algorithm)algorithm;
        ask(&scene, &client, &reply);
        assert_int_equal(reply.out.form, IXFR_OUT_DELTA);
        assert_true(reply.out.messages > 5);
        assert_int_equal(reply.taken, XFR_IN_DONE);
        delta_check(&scene, &scene.before[0], &reply);
        reply_close(&reply);
    }
    scene_close(&scene);
}

// A version that is taken back leaves four SOAs and nothing between them.
static void
what_came_and_went_is_not_told(void **state)
{
    (void)state;
    struct scene scene;
    struct reply reply;
    struct content before;
    scene_open(&scene, 22, 6, JOURNAL_PLENTY);
    scene_step(&scene, 9, scene.set_count);
    scene_step(&scene, 5, scene.set_count);
    content_copy(&scene, &before, &scene.now);
    memcpy(scene.now.sets, scene.before[0].sets, scene.set_count * sizeof *scene.now.sets);
    scene.now.serial++;
    scene_publish(&scene, &before);
    const struct client client = {scene.before[0].serial, NULL, 4096};
    ask(&scene, &client, &reply);
    assert_int_equal(reply.out.form, IXFR_OUT_DELTA);
    assert_int_equal(reply.out.records, 0);
    delta_check(&scene, &scene.before[0], &reply);
    reply_close(&reply);
    scene_close(&scene);
}

// Twenty steps that mostly undo each other: the work is cut into slices, and no message is sent for
// a slice that brought nothing.
static void
long_work_is_done_in_slices(void **state)
{
    (void)state;
    struct scene scene;
    struct reply reply;
    scene_open(&scene, 23, 500, JOURNAL_PLENTY);
    for (unsigned step = 0; step < 20; step++)
        scene_step(&scene, 600, 120);
    const struct client client = {scene.before[0].serial, &key, 65535};
    ask(&scene, &client, &reply);
    assert_int_equal(reply.out.form, IXFR_OUT_DELTA);
    assert_true(reply.pauses > 1);
    assert_int_equal(reply.taken, XFR_IN_DONE);
    delta_check(&scene, &scene.before[0], &reply);
    reply_close(&reply);
    scene_close(&scene);
}

// All that stands before the one change was taken back: a slice without an RR to tell sends
// nothing, also not the two SOAs that the first message begins with.
static void
no_message_is_sent_before_there_is_something_to_tell(void **state)
{
    (void)state;
    struct scene scene;
    struct reply reply;
    struct content before;
    scene_open(&scene, 31, 500, JOURNAL_PLENTY);
    const size_t last = scene.set_count - 1;
    for (unsigned step = 0; step < 12; step++)
        scene_step(&scene, 600, 120);
    content_copy(&scene, &before, &scene.now);
    memcpy(scene.now.sets, scene.before[0].sets, scene.set_count * sizeof *scene.now.sets);
    for (size_t s = last + 1 - TYPES; s <= last; s++)
        scene.now.sets[s].has ^= 1;
    scene.now.serial++;
    scene_publish(&scene, &before);
    const struct client client = {scene.before[0].serial, &key, 65535};
    ask(&scene, &client, &reply);
    assert_int_equal(reply.out.form, IXFR_OUT_DELTA);
    assert_true(reply.pauses > 6);
    assert_int_equal(reply.taken, XFR_IN_DONE);
    delta_check(&scene, &scene.before[0], &reply);
    reply_close(&reply);
    scene_close(&scene);
}

static void
who_is_up_to_date_or_ahead_gets_one_soa(void **state)
{
    (void)state;
    struct scene scene;
    struct reply reply;
    scene_open(&scene, 24, 3, JOURNAL_PLENTY);
    scene_step(&scene, 3, scene.set_count);
    for (uint32_t ahead = 0; ahead < 3; ahead++) {
        const struct client client = {scene.now.serial + ahead, &key, 4096};
        ask(&scene, &client, &reply);
        assert_int_equal(reply.out.form, IXFR_OUT_SOA);
        assert_int_equal(reply.taken, XFR_IN_UP_TO_DATE);
        assert_int_equal(reply.out.messages, 1);
        reply_close(&reply);
    }
    scene_close(&scene);
}

static void
a_serial_that_the_journal_does_not_reach_gets_the_zone(void **state)
{
    (void)state;
    struct scene scene;
    struct reply reply;
    scene_open(&scene, 25, 6, JOURNAL_PLENTY);
    for (unsigned step = 0; step < 4; step++)
        scene_step(&scene, 1, scene.set_count);
    struct content before;
    store_set_journal_max(scene.store, 1);
    content_copy(&scene, &before, &scene.now);
    scene.now.serial += 5;
    scene_publish(&scene, &before);
    const uint32_t serials[] = {scene.before[0].serial, scene.now.serial - 1,
                                scene.now.serial - 1000};
    for (unsigned i = 0; i < 3; i++) {
        const struct client client = {serials[i], &key, 4096};
        ask(&scene, &client, &reply);
        assert_int_equal(reply.out.form, IXFR_OUT_WHOLE);
        assert_string_equal(xfr_out_kind(&reply.out), "axfr");
        assert_int_equal(reply.taken, XFR_IN_DONE);
        whole_check(&scene, &reply);
        reply_close(&reply);
    }
    scene_close(&scene);
}

// What was changed so often is sent faster than looked through, though in the end nothing changed.
static void
a_small_zone_that_changed_very_often_goes_out_whole(void **state)
{
    (void)state;
    struct scene scene;
    struct content before;
    scene_open(&scene, 30, 2, JOURNAL_PLENTY);
    for (unsigned step = 0; step < STEPS_MAX - 1; step++)
        scene_step(&scene, 40, scene.set_count);
    content_copy(&scene, &before, &scene.now);
    memcpy(scene.now.sets, scene.before[0].sets, scene.set_count * sizeof *scene.now.sets);
    scene.now.serial++;
    scene_publish(&scene, &before);
    for (size_t i = 0; i < 2; i++) {
        struct reply reply;
        const struct client client = {scene.before[i].serial, NULL, 4096};
        ask(&scene, &client, &reply);
        assert_int_equal(reply.out.form, IXFR_OUT_WHOLE);
        whole_check(&scene, &reply);
        reply_close(&reply);
    }
    scene_close(&scene);
}

static void
a_damaged_step_gets_the_zone(void **state)
{
    (void)state;
    struct scene scene;
    struct reply reply;
    struct version_place place;
    char path[STORE_DIRECTORY_MAX + 16];
    scene_open(&scene, 26, 12, JOURNAL_PLENTY);
    scene_step(&scene, 1, scene.set_count);
    const struct client client = {scene.before[0].serial, NULL, 4096};
    ask(&scene, &client, &reply);
    assert_int_equal(reply.out.form, IXFR_OUT_DELTA);
    reply_close(&reply);
    // The step stands at the heap's end.
    assert_true(store_place(scene.store, &place, NULL));
    snprintf(path, sizeof path, "%s/heap.1", scene.path);
    int heap = open(path, O_RDWR | O_CLOEXEC);
    uint8_t octet;
    off_t at = (off_t)place.heap_length - 12;
    assert_int_equal(pread(heap, &octet, 1, at), 1);
    octet ^= 0x10;
    assert_int_equal(pwrite(heap, &octet, 1, at), 1);
    close(heap);
    version_place_close(&place);
    ask(&scene, &client, &reply);
    assert_int_equal(reply.out.form, IXFR_OUT_WHOLE);
    whole_check(&scene, &reply);
    reply_close(&reply);
    scene_close(&scene);
}

// Newer versions, and the journal's end, while a delta is on its way.
static void
a_difference_is_sent_to_its_end_while_the_zone_moves_on(void **state)
{
    (void)state;
    struct scene scene;
    struct reply reply;
    struct message_header header;
    struct message_question question;
    uint8_t memory[4096];
    size_t length;
    scene_open(&scene, 27, 900, JOURNAL_PLENTY);
    scene_step(&scene, 400, scene.set_count);
    const struct client client = {scene.before[0].serial, &key, 4096};
    memset(&reply, 0, sizeof reply);
    query_make(&scene, &client, &reply, &header, &question);
    const struct xfr_out_options options = {.version = store_current(scene.store),
                                            .query = &header,
                                            .question = &question,
                                            .exchange = &reply.exchange,
                                            .ixfr = true,
                                            .client_serial = client.serial};
    xfr_out_init(&reply.out, &options);
    assert_int_equal(xfr_out_next(&reply.out, memory, sizeof memory, NOW, &length, NULL),
                     XFR_OUT_MORE);
    assert_int_equal(xfr_in_feed(reply.in, memory, length, NOW, NULL), XFR_IN_MORE);
    struct content sent;
    content_copy(&scene, &sent, &scene.now);
    store_set_journal_max(scene.store, 1);
    scene_step(&scene, 400, scene.set_count);
    assert_true(store_merge(scene.store, NULL) && store_compact(scene.store, NULL));
    messages_exchange(&client, &reply);
    assert_int_equal(reply.taken, XFR_IN_DONE);
    struct content now = scene.now;
    scene.now = sent;
    delta_check(&scene, &scene.before[0], &reply);
    scene.now = now;
    free(sent.sets);
    reply_close(&reply);
    scene_close(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_earlier_content_gets_the_naive_difference),
        cmocka_unit_test(a_large_difference_goes_in_many_signed_messages),
        cmocka_unit_test(what_came_and_went_is_not_told),
        cmocka_unit_test(long_work_is_done_in_slices),
        cmocka_unit_test(no_message_is_sent_before_there_is_something_to_tell),
        cmocka_unit_test(who_is_up_to_date_or_ahead_gets_one_soa),
        cmocka_unit_test(a_serial_that_the_journal_does_not_reach_gets_the_zone),
        cmocka_unit_test(a_small_zone_that_changed_very_often_goes_out_whole),
        cmocka_unit_test(a_damaged_step_gets_the_zone),
        cmocka_unit_test(a_difference_is_sent_to_its_end_while_the_zone_moves_on),
    };
    return cmocka_run_group_tests(tests, syncs_off, NULL);
}
