// When targets are asked: evenly, those that wait for their turn in order, the silent ones apart.
#include "bed.h"

static void
count_changes(void *context, const struct view *view)
{
    (void)view;
    ++*(unsigned *)context;
}

// Ten thousand targets of one start: after the first round they are asked evenly, the whole time.
static void
many_targets_are_asked_evenly(void **state)
{
    (void)state;
    enum { TARGETS = 2000, SECONDS = 300 };
    struct bed bed;
    char *text = memory_alloc(TARGETS * 40);
    size_t used = 0;
    unsigned most = 0, owners = 0;
    bed_open(&bed);
    bed.deaf = true;
    for (unsigned i = 0; i < TARGETS; i++)
        used += (size_t)snprintf(text + used, 40, "o%u IN ALIAS t%u.out.\n", i, i);
    bed_zone(&bed, "example.gov", text, true);
    free(text);
    assert_int_equal(bed_ask(&bed), 2 * TARGETS);
    bed.questions = 0;
    for (unsigned second = 0; second < SECONDS; second++) {
        unsigned before = bed.questions;
        bed_pass(&bed, 1);
        if (second >= 30 && bed.questions - before > most)
            most = bed.questions - before;
    }
    // About 2 * 2000 / 30 = 133 each second; all at once would be 4000.
    assert_in_range(bed.questions, 2 * TARGETS * (SECONDS / 33), 2 * TARGETS * (SECONDS / 26 + 2));
    assert_in_range(most, 100, 260);
    assert_true(view_each(bed.book, NULL, bed.now.ms, count_changes, &owners));
    assert_int_equal(owners, TARGETS);
    bed_close(&bed);
}

// What waited together because the resolver was away is spread, too.
static void
what_came_late_together_is_asked_evenly_again(void **state)
{
    (void)state;
    enum { TARGETS = 1000 };
    struct bed bed;
    char *text = memory_alloc(TARGETS * 40);
    size_t used = 0;
    unsigned most = 0;
    bed_open(&bed);
    bed.deaf = true;
    for (unsigned i = 0; i < TARGETS; i++)
        used += (size_t)snprintf(text + used, 40, "o%u IN ALIAS t%u.out.\n", i, i);
    bed_zone(&bed, "example.gov", text, true);
    free(text);
    bed_ask(&bed);
    bed_leap(&bed, 120); // all are late by more than an interval, and asked at once
    for (unsigned second = 0; second < 60; second++) {
        unsigned before = bed.questions;
        bed_pass(&bed, 1);
        if (bed.questions - before > most)
            most = bed.questions - before;
    }
    assert_in_range(most, 40, 260);
    bed_close(&bed);
}

// Places among the questions in flight are scarce: what is silent gets a quarter of them.
static void
silent_targets_do_not_hold_up_the_others(void **state)
{
    (void)state;
    enum { MANY = 64, PLACES = 8 };
    struct bed bed;
    char text[MANY * 60] = "";
    const uint8_t *name;
    uint16_t type;
    struct address server;
    struct reply reply;
    bed_open(&bed);
    book_in_flight_max(bed.book, PLACES);
    for (unsigned i = 0; i < MANY; i++)
        snprintf(text + strlen(text), 60, "o%u IN ALIAS t%u.%s.\n", i, i, i % 2 ? "dead" : "good");
    bed_zone(&bed, "example.gov", text, true);
    assert_true(address_from_text("127.0.0.1@53", 53, &server, NULL));
    // The first round: the dead ones are found out.
    while (book_question(bed.book, bed.now, &name, &type)) {
        uint8_t copy[NAME_SIZE_MAX];
        name_copy(copy, name);
        bool dead = name_is_at_or_below(copy, wire("dead"));
        reply_init(&reply, type);
        reply.rcode = dead ? -1 : 0;
        reply.kind = dead ? REPLY_FAILURE : REPLY_NODATA;
        book_answer(bed.book, copy, type, &reply, &server, 3, bed.now);
        reply_close(&reply);
    }
    book_settle(bed.book, bed.now);
    bed.now.ms += 100000;
    bed.now.seconds += 100;
    // All are due. Nothing is answered: the good ones come, and of the dead ones two and no more.
    unsigned good = 0, dead = 0;
    while (book_question(bed.book, bed.now, &name, &type)) {
        if (name_is_at_or_below(name, wire("dead")))
            dead++;
        else
            good++;
    }
    assert_int_equal(good, MANY); // 32 targets, two types
    assert_int_equal(dead, PLACES / BOOK_SILENT_SHARE);
    // A place that becomes free goes to the next of them.
    reply_init(&reply, RRTYPE_A);
    assert_true(book_due_ms(bed.book) > bed.now.ms);
    for (unsigned i = 1; i < MANY; i += 2) {
        char target[32];
        snprintf(target, sizeof target, "t%u.dead", i);
        book_answer(bed.book, wire(target), RRTYPE_A, &reply, &server, 3, bed.now);
        book_answer(bed.book, wire(target), RRTYPE_AAAA, &reply, &server, 3, bed.now);
    }
    reply_close(&reply);
    assert_true(book_question(bed.book, bed.now, &name, &type));
    // A wish does not wait in that lane.
    bool other = name_equal(name, wire("t63.dead"));
    assert_true(book_refresh(bed.book, wire(other ? "o61.example.gov" : "o63.example.gov")));
    while (book_question(bed.book, bed.now, &name, &type))
        dead += name_equal(name, wire(other ? "t61.dead" : "t63.dead")) ? 100 : 0;
    assert_in_range(dead, 200, 299);
    bed_close(&bed);
}

static void
a_target_that_never_gave_anything_is_asked_less_and_less(void **state)
{
    (void)state;
    struct bed bed;
    unsigned counts[4];
    bed_open(&bed);
    bed.rules.refresh_seconds = 3600;
    bed_says_both(&bed, "lb.out", "servfail", "servfail");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    for (unsigned i = 0; i < 4; i++) {
        bed.questions = 0;
        bed_pass(&bed, 40);
        counts[i] = bed.questions;
    }
    assert_in_range(counts[0], 6, 8); // after 0, 5, 15, 35 seconds
    assert_true(counts[1] <= 2 && counts[2] <= 2 && counts[3] <= 2);
    bed_close(&bed);
}

static void
a_shorter_refresh_is_in_force_at_once(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed.rules.refresh_seconds = 86400;
    bed_says_both(&bed, "lb.out", "192.0.2.1", "nodata");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_pass(&bed, 1);
    bed.questions = 0;
    bed_pass(&bed, 100); // the first interval is a part of a day
    assert_int_equal(bed.questions, 0);
    bed.rules.refresh_seconds = 30;
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_pass(&bed, 66);
    assert_in_range(bed.questions, 2, 8);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_targets_are_asked_evenly),
        cmocka_unit_test(what_came_late_together_is_asked_evenly_again),
        cmocka_unit_test(silent_targets_do_not_hold_up_the_others),
        cmocka_unit_test(a_target_that_never_gave_anything_is_asked_less_and_less),
        cmocka_unit_test(a_shorter_refresh_is_in_force_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
