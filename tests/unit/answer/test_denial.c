#include "tests/unit/answer/answer_fixture.h"

// The NSEC at owner (relative to tandem.example.) is in the authority section and its span has name
// in it, or its owner is name where matches is true.
static void
assert_proof(const char *owner, const char *name, bool matches)
{
    uint8_t wire[NAME_SIZE_MAX];
    ldns_rdf *asked = NULL;
    size_t position = 0;
    assert_int_equal(ldns_wire2dname(&asked, wire, name_wire(name, wire), &position),
                     LDNS_STATUS_OK);
    const ldns_rr_list *list = ldns_pkt_authority(packet);
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_NSEC ||
            strcmp(short_name(ldns_rr_owner(rr)), owner) != 0)
            continue;
        bool equal = ldns_dname_compare(ldns_rr_owner(rr), asked) == 0;
        if (matches ? !equal : !ldns_nsec_covers_name(rr, asked))
            fail_msg("the NSEC of %s does not %s %s", owner, matches ? "match" : "cover", name);
        ldns_rdf_deep_free(asked);
        return;
    }
    fail_msg("no NSEC of %s in %s", owner, summary);
}

static void
rfc4035_3_1_3_2_name_error_proves_the_name_and_the_wildcard_away(void **state)
{
    (void)state;
    assert_string_equal(ask_do("nothere.www", RRTYPE_A), "NXDOMAIN aa / @ SOA* www NSEC*");
    assert_proof("www", "nothere.www", false);
    assert_proof("www", "*.www", false);
    assert_string_equal(ask_do("nothere", RRTYPE_A), "NXDOMAIN aa / @ SOA* mxmany NSEC* @ NSEC*");
    assert_proof("mxmany", "nothere", false);
    assert_proof("@", "*", false);
    assert_int_equal(outcome.kind, ANSWER_NXDOMAIN);
}

static void
rfc4035_3_1_3_1_no_data_proves_the_type_away_with_the_name_s_own_nsec(void **state)
{
    (void)state;
    assert_string_equal(ask_do("mail", RRTYPE_AAAA), "NOERROR aa / @ SOA* mail NSEC*");
    assert_proof("mail", "mail", true);
    assert_string_equal(ask_do("@", RRTYPE_AAAA), "NOERROR aa / @ SOA* @ NSEC*");
    assert_int_equal(outcome.kind, ANSWER_NODATA);
}

static void
rfc4592_2_2_2_empty_non_terminal_is_no_data_with_the_nsec_that_covers_it(void **state)
{
    (void)state;
    assert_string_equal(ask_do("ent.empty", RRTYPE_A), "NOERROR aa / @ SOA* dother NSEC*");
    assert_proof("dother", "ent.empty", false);
    assert_string_equal(ask_do("empty", RRTYPE_A), "NOERROR aa / @ SOA* dother NSEC*");
    assert_string_equal(ask_do("empty", RRTYPE_ANY), "NOERROR aa / @ SOA* dother NSEC*");
    assert_string_equal(ask_do("empty", RRTYPE_RRSIG), "NOERROR aa / @ SOA* dother NSEC*");
}

static void
rfc4035_3_1_3_3_wildcard_answer_proves_that_nothing_is_closer(void **state)
{
    (void)state;
    assert_string_equal(ask_do("a.b.wild", RRTYPE_A), "NOERROR aa | a.b.wild A* / *.wild NSEC*");
    assert_proof("*.wild", "a.b.wild", false);
    assert_string_equal(ask("x.wild", RRTYPE_A), "NOERROR aa | x.wild A");
}

static void
rfc4592_2_1_1_the_wildcard_itself_is_a_name_like_others(void **state)
{
    (void)state;
    assert_string_equal(ask_do("*.wild", RRTYPE_A), "NOERROR aa | *.wild A*");
    assert_string_equal(ask_do("*.wild", RRTYPE_AAAA), "NOERROR aa / @ SOA* *.wild NSEC*");
}

static void
rfc4035_3_1_3_4_wildcard_no_data_proves_the_name_and_the_type_away(void **state)
{
    (void)state;
    assert_string_equal(ask_do("x.wild2", RRTYPE_A),
                        "NOERROR aa / @ SOA* sub.wild2 NSEC* *.wild2 NSEC*");
    assert_proof("sub.wild2", "x.wild2", false);
    assert_proof("*.wild2", "*.wild2", true);
    // One NSEC does both here.
    assert_string_equal(ask_do("x.wild", RRTYPE_AAAA), "NOERROR aa / @ SOA* *.wild NSEC*");
}

static void
rfc4592_4_existing_siblings_and_what_is_below_them_block_the_wildcard(void **state)
{
    (void)state;
    assert_string_equal(ask_do("sub.wild2", RRTYPE_MX), "NOERROR aa / @ SOA* sub.wild2 NSEC*");
    assert_string_equal(ask_do("x.sub.wild2", RRTYPE_MX), "NXDOMAIN aa / @ SOA* sub.wild2 NSEC*");
}

static void
rfc4592_wildcard_that_is_an_empty_non_terminal_gives_no_data(void **state)
{
    (void)state;
    assert_string_equal(ask_do("x.entwild", RRTYPE_A),
                        "NOERROR aa / @ SOA* a.*.entwild NSEC* deep.ent.empty NSEC*");
}

static void
rfc2308_3_soa_ttl_is_at_most_the_minimum_and_its_signature_still_verifies(void **state)
{
    (void)state;
    ask_do("nothere", RRTYPE_A);
    const ldns_rr_list *list = ldns_pkt_authority(packet);
    assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(list, 0)), 300);
    assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(list, 1)), 300);
    ask_do("@", RRTYPE_SOA);
    assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_answer(packet), 0)), 3600);
}

static void
rfc8020_nothing_exists_below_a_name_that_does_not(void **state)
{
    (void)state;
    assert_string_equal(ask_do("a.b.nothere", RRTYPE_A),
                        "NXDOMAIN aa / @ SOA* mxmany NSEC* @ NSEC*");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rfc4035_3_1_3_2_name_error_proves_the_name_and_the_wildcard_away),
        TEST(rfc4035_3_1_3_1_no_data_proves_the_type_away_with_the_name_s_own_nsec),
        TEST(rfc4592_2_2_2_empty_non_terminal_is_no_data_with_the_nsec_that_covers_it),
        TEST(rfc4035_3_1_3_3_wildcard_answer_proves_that_nothing_is_closer),
        TEST(rfc4592_2_1_1_the_wildcard_itself_is_a_name_like_others),
        TEST(rfc4035_3_1_3_4_wildcard_no_data_proves_the_name_and_the_type_away),
        TEST(rfc4592_4_existing_siblings_and_what_is_below_them_block_the_wildcard),
        TEST(rfc4592_wildcard_that_is_an_empty_non_terminal_gives_no_data),
        TEST(rfc2308_3_soa_ttl_is_at_most_the_minimum_and_its_signature_still_verifies),
        TEST(rfc8020_nothing_exists_below_a_name_that_does_not),
    };
    return cmocka_run_group_tests(tests, zones_open, zones_close);
}
