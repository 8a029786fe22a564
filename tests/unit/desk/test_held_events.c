#include "desk_world.h"

#include "secondary/desk/held_events.h"

struct bed {
    struct known known;
    struct held_events held;
    unsigned count;
    uint64_t requests[16];
    char why[32]; // of the last
};

static void
on_due(void *context, uint32_t zone, uint64_t request, const struct message_event *event)
{
    struct bed *bed = context;
    (void)zone;
    assert_true(bed->count < 16);
    bed->requests[bed->count++] = request;
    snprintf(bed->why, sizeof bed->why, "%s", event->why);
}

static void
bed_open(struct bed *bed)
{
    memset(bed, 0, sizeof *bed);
    desk_world_open(&bed->known, DESK_CONFIG);
    desk_tell_all_well(&bed->known);
    held_events_init(&bed->held, on_due, bed);
}

static void
bed_close(struct bed *bed)
{
    held_events_close(&bed->held);
    known_close(&bed->known);
}

static void
take(struct bed *bed, uint32_t zone, enum message_event_kind kind, uint64_t request, uint64_t now)
{
    struct message_event event = {.kind = kind,
                                  .dedup = memory_text(""),
                                  .why = memory_text("why"),
                                  .diff = memory_text(""),
                                  .health = memory_text(""),
                                  .hint = memory_text("")};
    held_events_take(&bed->held, &bed->known, zone, request, &event, now);
    assert_null(event.why); // taken over
}

static void
tell_downstream(struct bed *bed, uint32_t count, uint32_t current)
{
    struct message_poll_facts poll = desk_good_poll();
    poll.downstream_count = count;
    poll.downstream_current = current;
    desk_tell_poll(&bed->known, ZONE_ID, &poll);
}

static void
release(struct bed *bed, uint64_t now)
{
    held_events_release(&bed->held, &bed->known, now, false);
}

static void
a_re_sign_waits_until_all_downstream_servers_have_answered(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed); // 2/2, of the serial before
    take(&bed, ZONE_ID, EVENT_RESIGN, 1, 10000);
    release(&bed, 10000 + HELD_EVENTS_LEAST_MS - 1);
    assert_int_equal(bed.count, 0); // those were answers to the last NOTIFY
    tell_downstream(&bed, 2, 1);
    release(&bed, 10000 + HELD_EVENTS_LEAST_MS);
    assert_int_equal(bed.count, 0);
    tell_downstream(&bed, 2, 2);
    release(&bed, 10000 + HELD_EVENTS_LEAST_MS + 1);
    assert_int_equal(bed.count, 1);
    assert_string_equal(bed.why, "why");
    release(&bed, 20000);
    assert_int_equal(bed.count, 1); // once
    bed_close(&bed);
}

static void
a_server_that_does_not_answer_delays_a_mail_by_seconds_only(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    tell_downstream(&bed, 2, 0);
    take(&bed, ZONE_ID, EVENT_RESIGN, 1, 10000);
    release(&bed, 10000 + HELD_EVENTS_MOST_MS - 1);
    assert_int_equal(bed.count, 0);
    release(&bed, 10000 + HELD_EVENTS_MOST_MS);
    assert_int_equal(bed.count, 1);
    bed_close(&bed);
}

static void
other_events_do_not_wait_but_for_earlier_ones_of_their_zone(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    take(&bed, ZONE_ID, EVENT_GATE, 1, 10000);
    take(&bed, MESSAGE_NO_ZONE, EVENT_CRASH, 2, 10000);
    assert_int_equal(bed.count, 2);
    tell_downstream(&bed, 0, 0);
    take(&bed, ZONE_ID, EVENT_RESIGN, 3, 10000); // nobody to notify
    assert_int_equal(bed.count, 3);
    tell_downstream(&bed, 2, 0);
    take(&bed, ZONE_ID, EVENT_RESIGN, 4, 10000);
    take(&bed, ZONE_ID, EVENT_GATE, 5, 10100);
    take(&bed, MESSAGE_NO_ZONE, EVENT_CRASH, 6, 10100);
    assert_int_equal(bed.count, 4);
    assert_int_equal(bed.requests[3], 6);
    release(&bed, 10200);
    assert_int_equal(bed.count, 4);
    release(&bed, 10000 + HELD_EVENTS_MOST_MS);
    assert_int_equal(bed.count, 6);
    assert_int_equal(bed.requests[4], 4);
    assert_int_equal(bed.requests[5], 5);
    bed_close(&bed);
}

static void
a_zone_that_a_reload_took_away_holds_nothing_up(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    take(&bed, ZONE_ID, EVENT_RESIGN, 1, 10000);
    struct role_settings *settings = desk_settings_of("");
    known_take_settings(&bed.known, &settings, NOW);
    release(&bed, 10001);
    assert_int_equal(bed.count, 1);
    bed_close(&bed);
}

static void
all_go_when_the_desk_ends_and_none_waits_when_there_are_too_many(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    for (uint64_t i = 0; i < HELD_EVENTS_MAX; i++)
        take(&bed, ZONE_ID, EVENT_RESIGN, i, 10000);
    assert_int_equal(bed.count, 0);
    take(&bed, ZONE_ID, EVENT_RESIGN, 77, 10000);
    assert_int_equal(bed.count, 1);
    assert_int_equal(bed.requests[0], 77);
    held_events_close(&bed.held);
    held_events_init(&bed.held, on_due, &bed);
    take(&bed, ZONE_ID, EVENT_RESIGN, 5, 10000);
    take(&bed, ZONE_ID, EVENT_RESIGN, 6, 10000);
    held_events_release(&bed.held, &bed.known, 10000, true);
    assert_int_equal(bed.count, 3);
    assert_int_equal(bed.requests[1], 5);
    assert_int_equal(bed.requests[2], 6);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_re_sign_waits_until_all_downstream_servers_have_answered),
        cmocka_unit_test(a_server_that_does_not_answer_delays_a_mail_by_seconds_only),
        cmocka_unit_test(other_events_do_not_wait_but_for_earlier_ones_of_their_zone),
        cmocka_unit_test(a_zone_that_a_reload_took_away_holds_nothing_up),
        cmocka_unit_test(all_go_when_the_desk_ends_and_none_waits_when_there_are_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
