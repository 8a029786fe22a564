// Which of the addresses of its targets an owner gets.
#include "bed.h"

#include "primary/alias/lookup.h"

static void
several_alias_at_one_owner_give_the_union_without_duplicates(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says_both(&bed, "one.out", "192.0.2.2 192.0.2.1", "nodata");
    bed_says_both(&bed, "two.out", "192.0.2.3 192.0.2.1", "nodata");
    bed_zone(&bed, "example.gov", "@ IN ALIAS one.out.\n@ IN ALIAS two.out.", true);
    bed_ask(&bed);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1 192.0.2.2 192.0.2.3");
    bed_says(&bed, "two.out", RRTYPE_A, "servfail");
    bed_says(&bed, "one.out", RRTYPE_A, "192.0.2.9");
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1 192.0.2.3 192.0.2.9");
    // One of the two goes from the file: what it gave goes with it, for the other one is known.
    bed_zone(&bed, "example.gov", "@ IN ALIAS one.out.", true);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.9");
    bed_close(&bed);
}

static void
denied_addresses_never_come_through(void **state)
{
    (void)state;
    struct bed bed;
    struct address_prefix deny[2];
    bed_open(&bed);
    assert_true(address_prefix_from_text("127.0.0.0/8", &deny[0], NULL));
    assert_true(address_prefix_from_text("fe80::/10", &deny[1], NULL));
    bed.rules.deny = deny;
    bed.rules.deny_count = 2;
    bed_says_both(&bed, "lb.out", "127.0.0.1 192.0.2.1", "fe80::1");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", false);
    bed_ask(&bed);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "");
    assert_int_equal(bed_view(&bed, "example.gov").types[1].state, TARGET_FAILING);
    assert_int_equal(bed_view(&bed, "example.gov").until,
                     0);                         // the A is well, and no AAAA stands in
    assert_true(bed_ready(&bed, "example.gov")); // the answer was definitive
    bed_says(&bed, "lb.out", RRTYPE_A, "127.0.0.1");
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1"); // filtered to nothing: held
    assert_non_null(strstr(bed_view(&bed, "example.gov").types[0].error, "deny-address"));
    bed_close(&bed);
}

static void
a_mapped_ipv4_address_is_denied_as_what_it_stands_for(void **state)
{
    (void)state;
    struct address_prefix deny;
    struct address_set set;
    struct rules rules = {.deny = &deny, .deny_count = 1};
    uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    assert_true(address_prefix_from_text("127.0.0.0/8", &deny, NULL));
    address_set_init(&set, RRTYPE_AAAA);
    address_set_add(&set, mapped);
    assert_int_equal(rules_deny(&rules, &set), 1);
    assert_int_equal(set.count, 0);
    address_set_close(&set);
}

static void
too_many_addresses_are_cut_to_the_lowest_with_a_warning(void **state)
{
    (void)state;
    struct bed bed;
    char many[4000] = "";
    bed_open(&bed);
    bed.rules.max_addresses = 3;
    for (int i = 200; i > 0; i--)
        snprintf(many + strlen(many), sizeof many - strlen(many), "192.0.2.%d ", i);
    bed_says_both(&bed, "lb.out", many, "nodata");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_pass(&bed, 300);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1 192.0.2.2 192.0.2.3");
    assert_int_equal(bed_count(&bed, EVENT_LIMITED, "example.gov."), 1);
    bed_close(&bed);
}

static void
a_target_that_is_not_allowed_is_never_asked_for(void **state)
{
    (void)state;
    struct bed bed;
    static const char *const allow[] = {"*.amazonaws.com", "exact.example"};
    bed_open(&bed);
    bed.rules.allow = allow;
    bed.rules.allow_count = 2;
    bed_says_both(&bed, "x.elb.amazonaws.com", "192.0.2.1", "nodata");
    bed_says(&bed, "evil.example", RRTYPE_A, "192.0.2.6");
    bed_zone(&bed, "example.gov",
             "good IN ALIAS x.elb.amazonaws.com.\nbad IN ALIAS evil.example.\n"
             "near IN ALIAS notamazonaws.com.\nloc IN ALIAS ref.example.gov.\n"
             "ref IN CNAME evil.example.",
             true);
    assert_int_equal(bed_ask(&bed), 2);
    assert_string_equal(A_OF(&bed, "good.example.gov"), "192.0.2.1");
    assert_string_equal(A_OF(&bed, "bad.example.gov"), "");
    assert_int_equal(bed_view(&bed, "near.example.gov").state, TARGET_FAILING);
    assert_int_equal(bed_view(&bed, "loc.example.gov").state, TARGET_FAILING);
    assert_non_null(strstr(bed_view(&bed, "bad.example.gov").reason, "allow-target"));
    bed_close(&bed);
}

static void
an_address_stays_for_settle_after_it_was_last_seen(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed.rules.settle_seconds = 100;
    bed_begin(&bed, "192.0.2.1", "nodata");
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.2");
    bed_pass(&bed, 60);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1 192.0.2.2");
    bed_pass(&bed, 120);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.2");
    bed_close(&bed);
}

static void
auto_settles_while_a_target_rotates_and_not_before(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed.rules.settle_seconds = RULES_SETTLE_AUTO;
    bed_begin(&bed, "192.0.2.1", "nodata");
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.2"); // moved, not rotating
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.2");
    assert_int_equal(bed_view(&bed, "example.gov").flaps, 0);
    for (int i = 0; i < 10; i++) {
        bed_says(&bed, "lb.out", RRTYPE_A, i % 2 ? "192.0.2.2" : "192.0.2.1");
        bed_pass(&bed, 40);
    }
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1 192.0.2.2");
    assert_int_equal(bed_view(&bed, "example.gov").settle_seconds, LOOKUP_SETTLE_AUTO);
    assert_true(bed_view(&bed, "example.gov").flaps >= 5);
    unsigned changed = bed_count(&bed, EVENT_CHANGED, "example.gov.");
    for (int i = 0; i < 20; i++) {
        bed_says(&bed, "lb.out", RRTYPE_A, i % 2 ? "192.0.2.2" : "192.0.2.1");
        bed_pass(&bed, 40);
    }
    assert_int_equal(bed_count(&bed, EVENT_CHANGED, "example.gov."), changed); // quiet
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.1");                           // it stops
    bed_pass(&bed, 800);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    assert_int_equal(bed_view(&bed, "example.gov").settle_seconds, 0);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_alias_at_one_owner_give_the_union_without_duplicates),
        cmocka_unit_test(denied_addresses_never_come_through),
        cmocka_unit_test(a_mapped_ipv4_address_is_denied_as_what_it_stands_for),
        cmocka_unit_test(too_many_addresses_are_cut_to_the_lowest_with_a_warning),
        cmocka_unit_test(a_target_that_is_not_allowed_is_never_asked_for),
        cmocka_unit_test(an_address_stays_for_settle_after_it_was_last_seen),
        cmocka_unit_test(auto_settles_while_a_target_rotates_and_not_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
