// When targets are asked, whom a change concerns, and what a zone waits for.
#include "bed.h"

static void
a_zone_never_given_out_waits_for_a_definitive_answer_of_each_target(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says_both(&bed, "lb.out", "192.0.2.1", "servfail");
    bed_zone(&bed, "example.gov", "@ 60 IN ALIAS lb.out.", false);
    assert_false(bed_ready(&bed, "example.gov"));
    bed_ask(&bed);
    assert_false(bed_ready(&bed, "example.gov")); // AAAA may be there, nobody knows
    bed_pass(&bed, 300);
    assert_false(bed_ready(&bed, "example.gov"));
    bed_says(&bed, "lb.out", RRTYPE_AAAA, "nodata");
    bed_pass(&bed, 40);
    assert_true(bed_ready(&bed, "example.gov"));
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    bed_close(&bed);
}

static void
the_end_of_the_wait_is_told_once(void **state)
{
    (void)state;
    struct bed bed;
    const uint8_t *apex;
    struct vector owners;
    bool all = false;
    bed_open(&bed);
    vector_init(&owners, NAME_SIZE_MAX);
    bed_says_both(&bed, "lb.out", "192.0.2.1", "nodata");
    bed_zone(&bed, "example.gov", "@ 60 IN ALIAS lb.out.", false);
    assert_false(bed_ready(&bed, "example.gov"));
    assert_false(book_changed(bed.book, &apex, &owners, &all, bed.now));
    bed_ask(&bed);
    assert_true(book_changed(bed.book, &apex, &owners, &all, bed.now));
    assert_true(all);
    assert_true(name_equal(apex, wire("example.gov")));
    assert_true(bed_ready(&bed, "example.gov"));
    assert_false(book_changed(bed.book, &apex, &owners, &all, bed.now));
    vector_close(&owners);
    bed_close(&bed);
}

static void
a_new_owner_in_a_zone_given_out_waits_only_for_its_first_answer(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says_both(&bed, "dead.out", "servfail", "timeout");
    bed_zone(&bed, "example.gov", "@ 60 IN ALIAS dead.out.", true);
    assert_false(bed_ready(&bed, "example.gov"));
    bed_ask(&bed);
    assert_true(bed_ready(&bed, "example.gov")); // goes without addresses
    assert_string_equal(A_OF(&bed, "example.gov"), "");
    assert_int_equal(bed_count(&bed, EVENT_FAILING, "example.gov."), 2); // A and AAAA, told apart
    assert_int_equal(bed_view(&bed, "example.gov").until, 0);            // nothing stands in
    bed_close(&bed);
}

static void
the_wait_of_a_zone_given_out_ends_after_the_grace(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_zone(&bed, "example.gov", "@ 60 IN ALIAS slow.out.", true);
    assert_false(bed_ready(&bed, "example.gov"));
    bed.now.seconds += BOOK_GRACE_SECONDS; // no question is answered
    assert_true(bed_ready(&bed, "example.gov"));
    bed_close(&bed);
}

static void
one_question_is_under_way_for_each_target_and_type(void **state)
{
    (void)state;
    struct bed bed;
    const uint8_t *name;
    uint16_t type;
    bed_open(&bed);
    bed_zone(&bed, "example.gov", "a IN ALIAS lb.out.\nb IN ALIAS lb.out.\nc IN ALIAS lb.out.",
             true);
    assert_true(book_question(bed.book, bed.now, &name, &type));
    assert_int_equal(type, RRTYPE_A);
    assert_true(book_question(bed.book, bed.now, &name, &type));
    assert_int_equal(type, RRTYPE_AAAA);
    for (int i = 0; i < 100; i++) {
        assert_false(book_question(bed.book, bed.now, &name, &type));
        bed.now.ms += 10000;
        bed.now.seconds += 10;
    }
    bed_close(&bed);
}

static void
a_target_is_asked_about_every_refresh_and_never_within_five_seconds(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says_both(&bed, "lb.out", "192.0.2.1", "nodata");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_pass(&bed, 3000);
    assert_in_range(bed.questions, 2 * 90, 2 * 115);
    bed.rules.refresh_seconds = 1;
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_pass(&bed, 40); // until the new refresh is in force
    bed.questions = 0;
    bed_pass(&bed, 1000);
    assert_in_range(bed.questions, 2 * 150, 2 * 201);
    bed_close(&bed);
}

static void
only_the_owners_of_a_changed_target_are_told(void **state)
{
    (void)state;
    struct bed bed;
    struct vector owners;
    const uint8_t *apex;
    bool all;
    vector_init(&owners, NAME_SIZE_MAX);
    bed_open(&bed);
    bed_says_both(&bed, "one.out", "192.0.2.1", "nodata");
    bed_says_both(&bed, "two.out", "192.0.2.2", "nodata");
    bed_zone(&bed, "example.gov",
             "a IN ALIAS one.out.\nb IN ALIAS two.out.\nc IN ALIAS two.out.\nd IN ALIAS one.out.",
             true);
    bed_ask(&bed);
    assert_true(bed_ready(&bed, "example.gov")); // counts as told
    while (book_changed(bed.book, &apex, &owners, &all, bed.now))
        fail();
    bed_pass(&bed, 100);
    assert_false(book_changed(bed.book, &apex, &owners, &all, bed.now)); // nothing has changed
    bed_says(&bed, "two.out", RRTYPE_A, "192.0.2.3");
    bed_pass(&bed, 40);
    assert_true(book_changed(bed.book, &apex, &owners, &all, bed.now));
    assert_false(all);
    assert_int_equal(owners.count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(name_equal(vector_at(&owners, i), wire("b.example.gov")) ||
                    name_equal(vector_at(&owners, i), wire("c.example.gov")));
    vector_close(&owners);
    bed_close(&bed);
}

static void
a_refresh_asks_at_once_and_says_when_it_is_done(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_begin(&bed, "192.0.2.1", "nodata");
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.2");
    assert_int_equal(bed_ask(&bed), 0); // not due
    assert_true(book_refresh(bed.book, wire("example.gov")));
    assert_false(book_refreshed(bed.book, wire("example.gov")));
    assert_int_equal(bed_ask(&bed), 2);
    assert_true(book_refreshed(bed.book, wire("example.gov")));
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.2");
    assert_false(book_refresh(bed.book, wire("www.example.gov")));
    bed_close(&bed);
}

static void
a_target_that_nobody_names_any_more_is_not_asked_any_more(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.1");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_pass(&bed, 40);
    bed_zone(&bed, "example.gov", "", true);
    bed_pass(&bed, 2);
    bed.questions = 0;
    bed_pass(&bed, 100);
    assert_int_equal(bed.questions, 0);
    assert_string_equal(A_OF(&bed, "example.gov"), "none");
    bed_close(&bed);
}

static void
note(void *context, const struct event *event)
{
    struct event copy = *event;
    // The sets are the book's own and stay until the next event.
    vector_add(context, &copy);
}

static void
history_keeps_the_newest_events_first(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says(&bed, "lb.out", RRTYPE_AAAA, "nodata");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    for (int i = 1; i <= 30; i++) {
        char address[32];
        snprintf(address, sizeof address, "192.0.2.%d", i);
        bed_says(&bed, "lb.out", RRTYPE_A, address);
        bed_pass(&bed, 40);
    }
    struct vector kept;
    vector_init(&kept, sizeof(struct event));
    assert_true(view_history(bed.book, wire("example.gov"), note, &kept));
    assert_int_equal(kept.count, 20);
    const struct event *newest = vector_at(&kept, 0), *second = vector_at(&kept, 1);
    assert_int_equal(newest->what, EVENT_CHANGED);
    assert_true(newest->at_seconds > second->at_seconds);
    assert_int_equal(address_set_at(newest->added, 0)[3], 30);
    assert_int_equal(address_set_at(newest->removed, 0)[3], 29);
    assert_false(view_history(bed.book, wire("other.example.gov"), note, &kept));
    vector_close(&kept);
    bed_close(&bed);
}

// A resolver that says the same again costs no judgement; what was skipped must have changed
// nothing.
static void
looking_at_everything_again_changes_nothing(void **state)
{
    (void)state;
    static const char *const says[] = {
        "192.0.2.1", "192.0.2.1 192.0.2.2", "nodata",        "nxdomain", "servfail", "timeout",
        "127.0.0.1", "> hop.out 192.0.2.3", "> example.gov", "192.0.2.9"};
    static const char *const says6[] = {"2001:db8::1", "nodata",  "nxdomain",
                                        "servfail",    "timeout", "> hop.out 2001:db8::3"};
    static const char *const names[] = {"a.out", "b.out", "c.out"};
    static const char *const owners[] = {"example.gov", "one.example.gov", "two.example.gov",
                                         "three.example.gov"};
    static const char *const zones[] = {
        "@ IN ALIAS a.out.\none IN ALIAS b.out.\ntwo IN ALIAS b.out.\ntwo IN ALIAS c.out.\n"
        "three IN ALIAS one",
        "@ IN ALIAS b.out.\none IN ALIAS b.out.\ntwo IN ALIAS a.out.\ntwo IN ALIAS c.out.\n"
        "three IN ALIAS two"};
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct bed bed;
        char before[4][2][400];
        uint64_t random = seed * 7919U;
        bed_open(&bed);
        bed.rules.hold_seconds = seed % 3 ? 86400 : 100;
        bed.rules.after_hold = seed % 3 == 2 ? AFTER_HOLD_KEEP : AFTER_HOLD_DROP;
        bed.rules.settle_seconds = seed % 4 == 1 ? 50 : seed % 4 == 2 ? RULES_SETTLE_AUTO : 0;
        bed.rules.deny_count = 1;
        struct address_prefix deny;
        assert_true(address_prefix_from_text("127.0.0.0/8", &deny, NULL));
        bed.rules.deny = &deny;
        bed.deaf = true;
        for (unsigned step = 0; step < 25; step++) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            unsigned draw = (unsigned)(random >> 33);
            const char *name = names[draw % 3];
            if (draw / 3 % 5 < 2)
                bed_says(&bed, name, RRTYPE_A, says[draw / 15 % 10]);
            else if (draw / 3 % 5 < 4)
                bed_says(&bed, name, RRTYPE_AAAA, says6[draw / 15 % 6]);
            else if (bed.source_count < 8)
                bed_zone(&bed, "example.gov", zones[draw / 15 % 2], true);
            bed_pass(&bed, 10 + draw / 200 % 50);
            if (bed.source_count == 0)
                continue;
            for (unsigned i = 0; i < 4; i++) {
                snprintf(before[i][0], 400, "%s", A_OF(&bed, owners[i]));
                snprintf(before[i][1], 400, "%s", AAAA_OF(&bed, owners[i]));
            }
            char apex[32];
            snprintf(apex, sizeof apex, "z%u.invalid", step);
            book_zone_declare(bed.book, wire(apex), bed.now); // every way is walked again
            book_settle(bed.book, bed.now);
            book_zone_forget(bed.book, wire(apex), bed.now);
            for (unsigned i = 0; i < 4; i++) {
                assert_string_equal(A_OF(&bed, owners[i]), before[i][0]);
                assert_string_equal(AAAA_OF(&bed, owners[i]), before[i][1]);
            }
        }
        bed_close(&bed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_never_given_out_waits_for_a_definitive_answer_of_each_target),
        cmocka_unit_test(the_end_of_the_wait_is_told_once),
        cmocka_unit_test(a_new_owner_in_a_zone_given_out_waits_only_for_its_first_answer),
        cmocka_unit_test(the_wait_of_a_zone_given_out_ends_after_the_grace),
        cmocka_unit_test(one_question_is_under_way_for_each_target_and_type),
        cmocka_unit_test(a_target_is_asked_about_every_refresh_and_never_within_five_seconds),
        cmocka_unit_test(only_the_owners_of_a_changed_target_are_told),
        cmocka_unit_test(a_refresh_asks_at_once_and_says_when_it_is_done),
        cmocka_unit_test(a_target_that_nobody_names_any_more_is_not_asked_any_more),
        cmocka_unit_test(history_keeps_the_newest_events_first),
        cmocka_unit_test(looking_at_everything_again_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
