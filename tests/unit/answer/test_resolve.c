#include "tests/unit/answer/answer_fixture.h"

static void
rfc1034_4_3_2_cname_is_followed_inside_the_zone(void **state)
{
    (void)state;
    assert_string_equal(ask("alias2", RRTYPE_A), "NOERROR aa | alias2 CNAME alias CNAME www Ax2");
    assert_string_equal(ask_do("alias", RRTYPE_A), "NOERROR aa | alias CNAME* www Ax2*");
    assert_string_equal(ask("alias", RRTYPE_CNAME), "NOERROR aa | alias CNAME");
}

static void
rfc1034_4_3_2_cname_is_followed_into_other_zones_held_here(void **state)
{
    (void)state;
    assert_string_equal(ask_do("other", RRTYPE_A),
                        "NOERROR aa | other CNAME* www.other.example. A*");
    assert_string_equal(ask_do("back.other.example.", RRTYPE_AAAA),
                        "NOERROR aa | back.other.example. CNAME* www AAAA*");
}

static void
cname_out_of_our_zones_ends_the_answer(void **state)
{
    (void)state;
    assert_string_equal(ask("outside", RRTYPE_A), "NOERROR aa | outside CNAME");
    assert_int_equal(outcome.kind, ANSWER_POSITIVE);
}

static void
chain_into_a_zone_that_is_not_there_yet_ends_the_answer(void **state)
{
    (void)state;
    zones[2].version = NULL;
    assert_string_equal(ask("other", RRTYPE_A), "NOERROR aa | other CNAME");
}

static void
rfc6604_2_1_rcode_is_that_of_the_last_name(void **state)
{
    (void)state;
    assert_string_equal(ask_do("dangling", RRTYPE_A),
                        "NXDOMAIN aa | dangling CNAME* / @ SOA* mxmany NSEC* @ NSEC*");
    assert_string_equal(ask_do("alias", RRTYPE_MX), "NOERROR aa | alias CNAME* / @ SOA* www NSEC*");
    assert_string_equal(ask_do("intoother", RRTYPE_A),
                        "NXDOMAIN aa | intoother CNAME* / other.example. SOA* back.other.example. "
                        "NSEC* other.example. NSEC*");
}

static void
cname_loops_end_and_every_cname_stands_once(void **state)
{
    (void)state;
    assert_string_equal(ask("self", RRTYPE_A), "NOERROR aa | self CNAME");
    assert_string_equal(ask_do("loop1", RRTYPE_A), "NOERROR aa | loop1 CNAME* loop2 CNAME*");
}

static void
cname_to_a_wildcard_keeps_the_proof_that_the_wildcard_applied(void **state)
{
    (void)state;
    assert_string_equal(ask_do("alias3", RRTYPE_A),
                        "NOERROR aa | alias3 CNAME* x.wild A* / *.wild NSEC*");
    assert_string_equal(ask_do("x.wildc", RRTYPE_A),
                        "NOERROR aa | x.wildc CNAME* www Ax2* / *.wildc NSEC*");
    assert_string_equal(ask_do("x.wildc", RRTYPE_MX),
                        "NOERROR aa | x.wildc CNAME* / @ SOA* *.wildc NSEC* www NSEC*");
}

static void
cname_into_a_delegation_gives_the_referral_too(void **state)
{
    (void)state;
    assert_string_equal(ask_do("todeleg", RRTYPE_A),
                        "NOERROR aa | todeleg CNAME* / child NSx4 child NSEC* + ns1.child A "
                        "ns2.child AAAA ns.secure A");
}

static void
rfc6672_3_1_dname_gives_itself_and_an_unsigned_cname(void **state)
{
    (void)state;
    assert_string_equal(ask_do("www.dname", RRTYPE_A),
                        "NOERROR aa | dname DNAME* www.dname CNAME www.target A*");
    const ldns_rr_list *list = ldns_pkt_answer(packet);
    char *target = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(list, 2), 0));
    assert_string_equal(target, "www.target.tandem.example.");
    assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(list, 2)), ldns_rr_ttl(ldns_rr_list_rr(list, 0)));
    free(target);
    assert_string_equal(ask("a.b.dname", RRTYPE_A),
                        "NOERROR aa | dname DNAME a.b.dname CNAME a.b.target A");
}

static void
rfc6672_2_3_dname_leaves_its_own_owner_alone(void **state)
{
    (void)state;
    assert_string_equal(ask("dname", RRTYPE_A), "NOERROR aa | dname A");
    assert_string_equal(ask("dname", RRTYPE_DNAME), "NOERROR aa | dname DNAME");
    assert_string_equal(ask_do("dname", RRTYPE_MX), "NOERROR aa / @ SOA* dname NSEC*");
}

static void
rfc6672_3_2_cname_question_below_a_dname_is_answered_by_the_synthesised_one(void **state)
{
    (void)state;
    assert_string_equal(ask("x.dname", RRTYPE_CNAME), "NOERROR aa | dname DNAME x.dname CNAME");
}

static void
dname_to_a_name_that_does_not_exist_is_nxdomain_of_the_target(void **state)
{
    (void)state;
    assert_string_equal(
        ask_do("nothere.dname", RRTYPE_A),
        "NXDOMAIN aa | dname DNAME* nothere.dname CNAME / @ SOA* a.b.target NSEC* svcalias "
        "NSEC*");
}

static void
dname_into_another_zone_here_is_followed(void **state)
{
    (void)state;
    assert_string_equal(ask_do("www.dother", RRTYPE_A),
                        "NOERROR aa | dother DNAME* www.dother CNAME www.other.example. A*");
}

static void
rfc6672_2_2_name_that_gets_too_long_is_yxdomain_with_the_dname(void **state)
{
    (void)state;
    assert_string_equal(
        ask_do("123456789012345678901234567890123456789012345678901.longd", RRTYPE_A),
        "YXDOMAIN aa | longd DNAME*");
    assert_int_equal(outcome.rcode, RCODE_YXDOMAIN);
}

static void
dname_loops_end(void **state)
{
    (void)state;
    assert_string_equal(ask_do("x.dloop", RRTYPE_A),
                        "NOERROR aa | dloop DNAME* x.dloop CNAME dloop2 DNAME* x.dloop2 CNAME");
}

// What the rate limit must count together: a stranger can make up any number of such names.
static void
answers_made_from_a_wildcard_or_a_dname_say_so_and_others_do_not(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
        bool synthesised;
    } samples[] = {
        {"a.b.wild", RRTYPE_A, true}, {"x.wild", RRTYPE_AAAA, true}, // NODATA
        {"x.wildc", RRTYPE_A, true},  {"www.dname", RRTYPE_A, true},
        {"www", RRTYPE_A, false},     {"www", RRTYPE_MX, false},
        {"dname", RRTYPE_A, false},   {"alias3", RRTYPE_A, false}, // into a wildcard
        {"nothere", RRTYPE_A, false}, {"*.wild", RRTYPE_A, false},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        ask(samples[i].name, samples[i].type);
        assert_int_equal(outcome.synthesised, samples[i].synthesised);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rfc1034_4_3_2_cname_is_followed_inside_the_zone),
        TEST(rfc1034_4_3_2_cname_is_followed_into_other_zones_held_here),
        TEST(cname_out_of_our_zones_ends_the_answer),
        TEST(chain_into_a_zone_that_is_not_there_yet_ends_the_answer),
        TEST(rfc6604_2_1_rcode_is_that_of_the_last_name),
        TEST(cname_loops_end_and_every_cname_stands_once),
        TEST(cname_to_a_wildcard_keeps_the_proof_that_the_wildcard_applied),
        TEST(cname_into_a_delegation_gives_the_referral_too),
        TEST(rfc6672_3_1_dname_gives_itself_and_an_unsigned_cname),
        TEST(rfc6672_2_3_dname_leaves_its_own_owner_alone),
        TEST(rfc6672_3_2_cname_question_below_a_dname_is_answered_by_the_synthesised_one),
        TEST(dname_to_a_name_that_does_not_exist_is_nxdomain_of_the_target),
        TEST(answers_made_from_a_wildcard_or_a_dname_say_so_and_others_do_not),
        TEST(dname_into_another_zone_here_is_followed),
        TEST(rfc6672_2_2_name_that_gets_too_long_is_yxdomain_with_the_dname),
        TEST(dname_loops_end),
    };
    return cmocka_run_group_tests(tests, zones_open, zones_close);
}
