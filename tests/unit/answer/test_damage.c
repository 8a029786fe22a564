// One record of the zone on disk has a flipped octet: what would need it is SERVFAIL with "invalid
// data", everything else is answered as before.
#include "tests/unit/answer/answer_fixture.h"

static void
damage(const char *owner)
{
    zone_fixture_damage(&fixtures[0], owner);
    zones[0].version = fixtures[0].version;
}

static int
ede_of_response(void)
{
    uint8_t *octets = ldns_rdf_data(ldns_pkt_edns_data(packet));
    size_t length = ldns_rdf_size(ldns_pkt_edns_data(packet));
    for (size_t at = 0; at + 6 <= length; at += 4 + (size_t)octets_get_u16(octets + at + 2))
        if (octets_get_u16(octets + at) == 15)
            return octets_get_u16(octets + at + 4);
    return EDE_NONE;
}

static void
assert_invalid_data(const char *name, uint16_t type)
{
    for (int dnssec = 0; dnssec < 2; dnssec++) {
        assert_string_equal(dnssec ? ask_do(name, type) : ask(name, type), "SERVFAIL");
        assert_int_equal(outcome.kind, ANSWER_ERROR);
        assert_int_equal(ede_of_response(), EDE_INVALID_DATA);
    }
}

static void
a_damaged_name_is_neither_missing_nor_without_the_type(void **state)
{
    (void)state;
    damage("www");
    assert_invalid_data("www", RRTYPE_A);
    assert_invalid_data("www", RRTYPE_MX);
    assert_invalid_data("alias", RRTYPE_A); // at the end of a chain
    assert_string_equal(ask_do("mail", RRTYPE_A), "NOERROR aa | mail A*");
}

static void
nothing_is_said_of_names_below_a_damaged_one(void **state)
{
    (void)state;
    damage("wild"); // an empty non-terminal
    assert_invalid_data("wild", RRTYPE_A);
    assert_invalid_data("x.wild", RRTYPE_A);
}

static void
a_damaged_wildcard_is_no_nxdomain(void **state)
{
    (void)state;
    damage("*.wild");
    assert_invalid_data("x.wild", RRTYPE_A);
    assert_invalid_data("alias3", RRTYPE_A);
    assert_invalid_data("*.wild", RRTYPE_A);
    assert_string_equal(ask("x.wildc", RRTYPE_CNAME), "NOERROR aa | x.wildc CNAME");
}

static void
a_damaged_zone_cut_is_no_referral_and_no_nxdomain(void **state)
{
    (void)state;
    damage("child");
    assert_invalid_data("child", RRTYPE_NS);
    assert_invalid_data("www.child", RRTYPE_A);
    assert_invalid_data("child", RRTYPE_DS);
}

static void
a_damaged_dname_hides_nothing_and_invents_nothing(void **state)
{
    (void)state;
    damage("dname");
    assert_invalid_data("www.dname", RRTYPE_A);
    assert_invalid_data("dname", RRTYPE_A);
}

static void
rfc9471_3_1_a_referral_does_not_go_out_without_its_damaged_glue(void **state)
{
    (void)state;
    damage("ns1.child");
    assert_invalid_data("www.child", RRTYPE_A);
    assert_string_equal(ask("www.secure", RRTYPE_A), "NOERROR / secure NS + ns.secure A");
}

static void
addresses_that_are_a_courtesy_are_left_out_when_damaged(void **state)
{
    (void)state;
    damage("mail");
    assert_string_equal(ask("@", RRTYPE_MX), "NOERROR aa | @ MXx2");
}

static void
a_denial_whose_nsec_is_damaged_is_not_given_unproven(void **state)
{
    (void)state;
    damage("mxmany"); // before "nothere" in canonical order
    assert_string_equal(ask_do("nothere", RRTYPE_A), "SERVFAIL");
    assert_string_equal(ask("nothere", RRTYPE_A), "NXDOMAIN aa / @ SOA");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_DAMAGED(a_damaged_name_is_neither_missing_nor_without_the_type),
        TEST_DAMAGED(nothing_is_said_of_names_below_a_damaged_one),
        TEST_DAMAGED(a_damaged_wildcard_is_no_nxdomain),
        TEST_DAMAGED(a_damaged_zone_cut_is_no_referral_and_no_nxdomain),
        TEST_DAMAGED(a_damaged_dname_hides_nothing_and_invents_nothing),
        TEST_DAMAGED(rfc9471_3_1_a_referral_does_not_go_out_without_its_damaged_glue),
        TEST_DAMAGED(addresses_that_are_a_courtesy_are_left_out_when_damaged),
        TEST_DAMAGED(a_denial_whose_nsec_is_damaged_is_not_given_unproven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
