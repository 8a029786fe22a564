#include "tests/unit/answer/answer_fixture.h"

static void
rfc1034_4_3_2_names_below_a_cut_are_referred_without_aa(void **state)
{
    (void)state;
    assert_string_equal(ask("www.child", RRTYPE_A),
                        "NOERROR / child NSx4 + ns1.child A ns2.child AAAA ns.secure A");
    assert_string_equal(ask("child", RRTYPE_NS),
                        "NOERROR / child NSx4 + ns1.child A ns2.child AAAA ns.secure A");
    assert_int_equal(outcome.kind, ANSWER_REFERRAL);
}

static void
glue_itself_is_no_answer_but_a_referral(void **state)
{
    (void)state;
    assert_string_equal(ask("ns.secure", RRTYPE_A), "NOERROR / secure NS + ns.secure A");
}

static void
rfc4035_3_1_4_unsigned_delegation_has_the_nsec_of_the_cut(void **state)
{
    (void)state;
    assert_string_equal(
        ask_do("www.child", RRTYPE_A),
        "NOERROR / child NSx4 child NSEC* + ns1.child A ns2.child AAAA ns.secure A");
}

static void
rfc4035_3_1_4_signed_delegation_has_the_ds(void **state)
{
    (void)state;
    assert_string_equal(ask_do("a.b.secure", RRTYPE_A),
                        "NOERROR / secure NS secure DS* + ns.secure A");
}

static void
rfc4035_3_1_4_1_ds_at_the_cut_is_the_parent_s_to_answer(void **state)
{
    (void)state;
    assert_string_equal(ask_do("secure", RRTYPE_DS), "NOERROR aa | secure DS*");
    assert_string_equal(ask_do("child", RRTYPE_DS), "NOERROR aa / @ SOA* child NSEC*");
    assert_string_equal(
        ask_do("x.child", RRTYPE_DS),
        "NOERROR / child NSx4 child NSEC* + ns1.child A ns2.child AAAA ns.secure A");
}

static void
rfc4035_3_1_4_1_ds_of_a_child_held_here_too_comes_from_the_parent(void **state)
{
    (void)state;
    assert_string_equal(ask_do("held", RRTYPE_DS), "NOERROR aa | held DS*");
    assert_ptr_equal(outcome.zone, &zones[0]);
    assert_string_equal(ask_do("www.held", RRTYPE_A), "NOERROR aa | www.held A*");
    assert_ptr_equal(outcome.zone, &zones[1]);
    assert_string_equal(ask_do("held", RRTYPE_NS), "NOERROR aa | held NS*");
    assert_string_equal(ask_do("www.held", RRTYPE_DS), "NOERROR aa / held SOA* www.held NSEC*");
}

static void
rfc4035_3_1_4_1_ds_at_an_apex_whose_parent_is_not_here_is_no_data(void **state)
{
    (void)state;
    assert_string_equal(ask_do("@", RRTYPE_DS), "NOERROR aa / @ SOA* @ NSEC*");
    assert_string_equal(ask_do("other.example.", RRTYPE_DS),
                        "NOERROR aa / other.example. SOA* other.example. NSEC*");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rfc1034_4_3_2_names_below_a_cut_are_referred_without_aa),
        TEST(glue_itself_is_no_answer_but_a_referral),
        TEST(rfc4035_3_1_4_unsigned_delegation_has_the_nsec_of_the_cut),
        TEST(rfc4035_3_1_4_signed_delegation_has_the_ds),
        TEST(rfc4035_3_1_4_1_ds_at_the_cut_is_the_parent_s_to_answer),
        TEST(rfc4035_3_1_4_1_ds_of_a_child_held_here_too_comes_from_the_parent),
        TEST(rfc4035_3_1_4_1_ds_at_an_apex_whose_parent_is_not_here_is_no_data),
    };
    return cmocka_run_group_tests(tests, zones_open, zones_close);
}
