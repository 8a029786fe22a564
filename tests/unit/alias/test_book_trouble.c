// What stays when a target fails, loses its addresses or is another one, and for how long.
#include "bed.h"

static void
servfail_and_silence_hold_the_last_good_set(void **state)
{
    (void)state;
    struct bed bed;
    static const char *const troubles[] = {"servfail", "timeout", "nxdomain", "nodata"};
    for (size_t i = 0; i < 4; i++) {
        bed_open(&bed);
        bed_begin(&bed, "192.0.2.1 192.0.2.2", "2001:db8::1");
        bed_says_both(&bed, "lb.out", troubles[i], troubles[i]);
        bed_pass(&bed, 3600);
        assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1 192.0.2.2");
        assert_string_equal(AAAA_OF(&bed, "example.gov"), "2001:db8::1");
        assert_int_equal(bed_view(&bed, "example.gov").state, TARGET_HELD);
        assert_int_equal(bed_count(&bed, EVENT_HELD, "example.gov."), 2);
        assert_non_null(bed_view(&bed, "example.gov").reason);
        bed_says_both(&bed, "lb.out", "192.0.2.3", "2001:db8::1");
        bed_pass(&bed, 40);
        assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.3");
        assert_int_equal(bed_view(&bed, "example.gov").state, TARGET_FRESH);
        assert_int_equal(bed_count(&bed, EVENT_RECOVERED, "example.gov."), 2);
        bed_close(&bed);
    }
}

static void
a_failed_aaaa_does_not_hide_behind_a_good_a(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_begin(&bed, "192.0.2.1", "2001:db8::1");
    bed_says_both(&bed, "lb.out", "192.0.2.9", "servfail");
    bed_pass(&bed, 60);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.9");
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "2001:db8::1");
    struct view view = bed_view(&bed, "example.gov");
    assert_int_equal(view.types[0].state, TARGET_FRESH);
    assert_int_equal(view.types[1].state, TARGET_HELD);
    assert_string_equal(view.types[1].rcode, "SERVFAIL");
    assert_non_null(strstr(view.types[1].error, "127.0.0.1@53"));
    bed_close(&bed);
}

static void
a_type_that_is_missing_beside_the_other_goes(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_begin(&bed, "192.0.2.1", "2001:db8::1");
    bed_says(&bed, "lb.out", RRTYPE_AAAA, "nodata");
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "");
    assert_int_equal(bed_view(&bed, "example.gov").state, TARGET_FRESH);
    bed_says_both(&bed, "lb.out", "nodata", "2001:db8::1");
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "");
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "2001:db8::1");
    bed_close(&bed);
}

// A target that had lost both types gives them again: the A comes first, and the NODATA of the
// round before must not take the AAAA that is held.
static void
a_recovering_target_does_not_lose_the_type_that_answers_second(void **state)
{
    (void)state;
    struct bed bed;
    struct address server;
    struct reply reply;
    const uint8_t *name;
    uint16_t type;
    bed_open(&bed);
    assert_true(address_from_text("127.0.0.1@53", 53, &server, NULL));
    bed_begin(&bed, "192.0.2.1", "2001:db8::1");
    bed_says_both(&bed, "lb.out", "nodata", "nodata");
    bed_pass(&bed, 60);
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "2001:db8::1");
    bed.now.ms += 60000;
    bed.now.seconds += 60;
    while (book_question(bed.book, bed.now, &name, &type))
        continue;
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.1");
    bed_reply(&bed, wire("lb.out"), RRTYPE_A, &reply);
    book_answer(bed.book, wire("lb.out"), RRTYPE_A, &reply, &server, 1, bed.now);
    reply_close(&reply);
    book_settle(bed.book, bed.now);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "2001:db8::1");
    bed_close(&bed);
}

// The name loses both types between the two questions of a round: the A of before must not make the
// missing AAAA a fact.
static void
a_missing_type_is_believed_only_beside_the_same_rounds_answer(void **state)
{
    (void)state;
    struct bed bed;
    struct address server;
    struct reply reply;
    const uint8_t *name;
    uint16_t type;
    bed_open(&bed);
    assert_true(address_from_text("127.0.0.1@53", 53, &server, NULL));
    bed_begin(&bed, "192.0.2.1", "2001:db8::1");
    bed.now.ms += 60000;
    bed.now.seconds += 60;
    while (book_question(bed.book, bed.now, &name, &type))
        continue;
    bed_says(&bed, "lb.out", RRTYPE_AAAA, "nodata");
    bed_reply(&bed, wire("lb.out"), RRTYPE_AAAA, &reply);
    book_answer(bed.book, wire("lb.out"), RRTYPE_AAAA, &reply, &server, 1, bed.now);
    reply_close(&reply);
    book_settle(bed.book, bed.now);
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "2001:db8::1");
    assert_int_equal(bed_view(&bed, "example.gov").types[1].state, TARGET_FRESH);
    bed_says(&bed, "lb.out", RRTYPE_A, "nodata");
    bed_reply(&bed, wire("lb.out"), RRTYPE_A, &reply);
    book_answer(bed.book, wire("lb.out"), RRTYPE_A, &reply, &server, 1, bed.now);
    reply_close(&reply);
    book_settle(bed.book, bed.now);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "2001:db8::1");
    assert_int_equal(bed_view(&bed, "example.gov").types[1].state, TARGET_HELD);
    bed_close(&bed);
}

static void
after_hold_keep_serves_on_and_reminds_daily(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed.rules.hold_seconds = 3600;
    bed_begin(&bed, "192.0.2.1", "nodata");
    bed_says(&bed, "lb.out", RRTYPE_A, "timeout");
    bed_pass(&bed, 40);
    assert_int_equal(bed_view(&bed, "example.gov").until,
                     bed_view(&bed, "example.gov").since + 3600);
    bed_leap(&bed, 3601);
    assert_int_equal(bed_view(&bed, "example.gov").state, TARGET_FAILING);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    assert_int_equal(bed_count(&bed, EVENT_FAILING, "example.gov."), 1);
    for (int hour = 0; hour < 72; hour++)
        bed_leap(&bed, 3600);
    assert_int_equal(bed_count(&bed, EVENT_REMINDER, "example.gov."), 3);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    assert_null(book_refusal(bed.book, wire("example.gov")));
    bed_close(&bed);
}

static void
after_hold_drop_takes_the_addresses_away(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed.rules.hold_seconds = 3600;
    bed.rules.after_hold = AFTER_HOLD_DROP;
    bed_begin(&bed, "192.0.2.1", "2001:db8::1");
    bed_says(&bed, "lb.out", RRTYPE_A, "timeout");
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    bed_leap(&bed, 3600);
    assert_string_equal(A_OF(&bed, "example.gov"), "");
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "2001:db8::1");
    assert_int_equal(bed_count(&bed, EVENT_DROPPED, "example.gov."), 1);
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.1");
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    bed_close(&bed);
}

static void
after_hold_refuse_names_target_and_owner(void **state)
{
    (void)state;
    struct bed bed;
    struct vector owners;
    const uint8_t *apex;
    bool all;
    vector_init(&owners, NAME_SIZE_MAX);
    bed_open(&bed);
    bed.rules.hold_seconds = 3600;
    bed.rules.after_hold = AFTER_HOLD_REFUSE;
    bed_begin(&bed, "192.0.2.1", "nodata");
    bed_says(&bed, "lb.out", RRTYPE_A, "timeout");
    bed_pass(&bed, 40);
    assert_null(book_refusal(bed.book, wire("example.gov")));
    while (book_changed(bed.book, &apex, &owners, &all, bed.now))
        continue;
    bed_leap(&bed, 3600);
    assert_true(book_changed(bed.book, &apex, &owners, &all, bed.now)); // somebody must look again
    const char *refusal = book_refusal(bed.book, wire("example.gov"));
    assert_non_null(refusal);
    assert_non_null(strstr(refusal, "lb.out."));
    assert_non_null(strstr(refusal, "example.gov."));
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.1");
    bed_pass(&bed, 40);
    assert_null(book_refusal(bed.book, wire("example.gov")));
    vector_close(&owners);
    bed_close(&bed);
}

static void
retargeting_to_a_name_that_does_not_resolve_leaves_the_old_addresses(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says_both(&bed, "old.out", "192.0.2.1", "2001:db8::1");
    bed_says_both(&bed, "new.out", "servfail", "servfail");
    bed_zone(&bed, "example.gov", "@ IN ALIAS old.out.", true);
    bed_ask(&bed);
    bed_zone(&bed, "example.gov", "@ IN ALIAS new.out.", true);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1"); // before any answer
    bed_pass(&bed, 100);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "2001:db8::1");
    assert_int_equal(bed_view(&bed, "example.gov").state, TARGET_HELD);
    assert_int_equal(bed_view(&bed, "example.gov").addresses[0]->count, 1);
    assert_int_equal(bed_count(&bed, EVENT_RETARGETED, "example.gov."), 1);
    bed_says_both(&bed, "new.out", "192.0.2.2", "nodata");
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.2");
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "");
    bed_close(&bed);
}

static void
retargeting_to_a_name_without_addresses_holds_the_old_ones(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says_both(&bed, "old.out", "192.0.2.1", "nodata");
    bed_zone(&bed, "example.gov", "@ IN ALIAS old.out.", true);
    bed_ask(&bed);
    bed_zone(&bed, "example.gov", "@ IN ALIAS none.out.", true);
    bed_pass(&bed, 100);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    assert_int_equal(bed_view(&bed, "example.gov").state, TARGET_HELD);
    bed_close(&bed);
}

static void
an_edit_to_drop_takes_away_what_has_been_held_too_long(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed.rules.hold_seconds = 100;
    bed_begin(&bed, "192.0.2.1", "nodata");
    bed_says(&bed, "lb.out", RRTYPE_A, "servfail");
    bed_pass(&bed, 200);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    bed.rules.after_hold = AFTER_HOLD_DROP;
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_pass(&bed, 2);
    assert_string_equal(A_OF(&bed, "example.gov"), "");
    assert_int_equal(bed_count(&bed, EVENT_DROPPED, "example.gov."), 1);
    bed_pass(&bed, 100);
    assert_int_equal(bed_count(&bed, EVENT_DROPPED, "example.gov."), 1);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servfail_and_silence_hold_the_last_good_set),
        cmocka_unit_test(a_failed_aaaa_does_not_hide_behind_a_good_a),
        cmocka_unit_test(a_type_that_is_missing_beside_the_other_goes),
        cmocka_unit_test(a_missing_type_is_believed_only_beside_the_same_rounds_answer),
        cmocka_unit_test(a_recovering_target_does_not_lose_the_type_that_answers_second),
        cmocka_unit_test(after_hold_keep_serves_on_and_reminds_daily),
        cmocka_unit_test(after_hold_drop_takes_the_addresses_away),
        cmocka_unit_test(after_hold_refuse_names_target_and_owner),
        cmocka_unit_test(retargeting_to_a_name_that_does_not_resolve_leaves_the_old_addresses),
        cmocka_unit_test(retargeting_to_a_name_without_addresses_holds_the_old_ones),
        cmocka_unit_test(an_edit_to_drop_takes_away_what_has_been_held_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
