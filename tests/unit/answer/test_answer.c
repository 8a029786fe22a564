#include "tests/unit/answer/answer_fixture.h"

static void
rfc1034_4_3_2_an_existing_name_and_type_is_answered_authoritatively(void **state)
{
    (void)state;
    assert_string_equal(ask("www", RRTYPE_A), "NOERROR aa | www Ax2");
    assert_int_equal(outcome.kind, ANSWER_POSITIVE);
    assert_ptr_equal(outcome.zone, &zones[0]);
}

static void
rfc4035_3_1_1_with_do_the_rrsigs_follow_their_rrset(void **state)
{
    (void)state;
    assert_string_equal(ask_do("www", RRTYPE_A), "NOERROR aa | www Ax2*");
}

static void
rfc4035_3_2_1_without_do_no_dnssec_record_is_sent_unasked(void **state)
{
    (void)state;
    assert_string_equal(ask("nothere", RRTYPE_A), "NXDOMAIN aa / @ SOA");
    assert_string_equal(ask("@", RRTYPE_DNSKEY), "NOERROR aa | @ DNSKEYx2");
}

static void
question_keeps_its_letter_case_and_answers_point_to_it(void **state)
{
    (void)state;
    ask("wWw.TanDEM.exAMple.", RRTYPE_A);
    assert_memory_equal(response + 12, query_octets + 12, 20);
    const size_t answer = 12 + 20 + 4;
    assert_int_equal(octets_get_u16(response + answer), 0xC00C);
    char *owner = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_answer(packet), 0)));
    assert_string_equal(owner, "wWw.TanDEM.exAMple.");
    free(owner);
}

static void
header_bits_id_and_rd_are_echoed_ra_ad_cd_are_not(void **state)
{
    (void)state;
    how.flags = MESSAGE_RD | MESSAGE_CD | MESSAGE_AD;
    ask("www", RRTYPE_A);
    assert_int_equal(octets_get_u16(response), 0x1234);
    assert_int_equal(octets_get_u16(response + 2), MESSAGE_QR | MESSAGE_AA | MESSAGE_RD);
}

static void
additional_section_has_addresses_of_mx_srv_ns_and_https_targets(void **state)
{
    (void)state;
    assert_string_equal(ask("@", RRTYPE_MX), "NOERROR aa | @ MXx2 + mail A");
    assert_string_equal(ask_do("_sip._tcp", RRTYPE_SRV),
                        "NOERROR aa | _sip._tcp SRV* + www Ax2* www AAAA*");
    assert_string_equal(ask("@", RRTYPE_NS), "NOERROR aa | @ NSx2 + ns1 A ns1 AAAA");
    assert_string_equal(ask("svc", RRTYPE_HTTPS), "NOERROR aa | svc HTTPS + svc A");
    assert_string_equal(ask("svcalias", RRTYPE_HTTPS),
                        "NOERROR aa | svcalias HTTPS + www Ax2 www AAAA");
}

static void
rfc8482_4_1_any_over_udp_gives_one_rrset_over_tcp_all(void **state)
{
    (void)state;
    assert_string_equal(ask("svc", RRTYPE_ANY), "NOERROR aa | svc A");
    client.tcp = true;
    assert_string_equal(ask("svc", RRTYPE_ANY), "NOERROR aa | svc A svc HTTPS");
    assert_string_equal(ask_do("svc", RRTYPE_ANY), "NOERROR aa | svc A* svc NSEC* svc HTTPS*");
}

static void
any_at_a_cname_gives_the_cname_and_follows_nothing(void **state)
{
    (void)state;
    assert_string_equal(ask("alias", RRTYPE_ANY), "NOERROR aa | alias CNAME");
}

static void
rrsig_question_gives_signatures_and_follows_nothing(void **state)
{
    (void)state;
    ask("alias", RRTYPE_RRSIG);
    assert_int_equal(ldns_pkt_ancount(packet), 1);
    client.tcp = true;
    ask("www", RRTYPE_RRSIG);
    assert_int_equal(ldns_pkt_ancount(packet), 3);
}

static void
class_any_is_answered_without_aa(void **state)
{
    (void)state;
    how.class = RRCLASS_ANY;
    assert_string_equal(ask("www", RRTYPE_A), "NOERROR | www Ax2");
}

static void
name_outside_of_our_zones_is_refused(void **state)
{
    (void)state;
    assert_string_equal(ask("www.elsewhere.test.", RRTYPE_A), "REFUSED");
    assert_string_equal(ask(".", RRTYPE_NS), "REFUSED");
    assert_null(outcome.zone);
    how.class = 4; // HESIOD
    assert_string_equal(ask("www", RRTYPE_A), "REFUSED");
}

static unsigned
ede_of_response(void)
{
    // The OPT is last; its only option is the EDE: code 15, length 2, info code (RFC 8914 section
    // 2).
    const uint8_t *option = response + outcome.length - 6;
    assert_int_equal(octets_get_u16(option), 15);
    return octets_get_u16(option + 4);
}

static void
rfc8914_zone_not_there_yet_is_servfail_with_not_ready(void **state)
{
    (void)state;
    zones[0].version = NULL;
    assert_string_equal(ask("www", RRTYPE_A), "SERVFAIL");
    assert_int_equal(ede_of_response(), EDE_NOT_READY);
    assert_string_equal(ask("nothere", RRTYPE_A), "SERVFAIL");
}

static void
rfc8914_expired_zone_is_servfail_with_invalid_data_never_nxdomain(void **state)
{
    (void)state;
    zones[0].expire_at = NOW;
    assert_string_equal(ask("nothere", RRTYPE_A), "SERVFAIL");
    assert_int_equal(ede_of_response(), EDE_INVALID_DATA);
    zones[0].expire_at = NOW + 1;
    assert_string_equal(ask("nothere", RRTYPE_A), "NXDOMAIN aa / @ SOA");
}

static void
rfc9824_3_5_types_that_no_zone_holds_are_formerr_with_invalid_query_type(void **state)
{
    (void)state;
    static const uint16_t types[] = {0, RRTYPE_OPT, 128, RRTYPE_TSIG};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        assert_string_equal(ask("www", types[i]), "FORMERR");
        assert_int_equal(ede_of_response(), EDE_INVALID_QUERY_TYPE);
    }
    how.no_edns = true;
    assert_string_equal(ask("www", 128), "FORMERR");
}

static bool
only_other_zone(const void *context, const struct answer_zone *zone)
{
    (void)context;
    return zone == &zones[2];
}

static void
zone_that_the_client_may_not_ask_is_refused_and_no_chain_enters_it(void **state)
{
    (void)state;
    service.may_ask = only_other_zone;
    assert_string_equal(ask("www", RRTYPE_A), "REFUSED");
    assert_int_equal(ede_of_response(), EDE_PROHIBITED);
    assert_string_equal(ask("back.other.example.", RRTYPE_A),
                        "NOERROR aa | back.other.example. CNAME");
}

static void
rfc7314_expire_option_is_answered_with_what_is_left(void **state)
{
    (void)state;
    static const uint8_t expire[] = {0, 9, 0, 0};
    how.options = (struct octets){expire, sizeof expire};
    zones[0].expire_at = NOW + 1000;
    ask("@", RRTYPE_SOA);
    const uint8_t *option = response + outcome.length - 8;
    assert_int_equal(octets_get_u32(option), 9 << 16 | 4);
    assert_int_equal(octets_get_u32(option + 4), 1000);
    zones[0].expire_at = ANSWER_NEVER;
    ask("@", RRTYPE_SOA);
    assert_int_equal(octets_get_u32(response + outcome.length - 4), 1209600);
    // Not with a denial of an SOA, nor with the SOA at the end of a chain.
    static const char *const others[] = {"www", "nothere", "x.dother"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        how.options = (struct octets){0};
        ask(others[i], RRTYPE_SOA);
        size_t length = outcome.length;
        how.options = (struct octets){expire, sizeof expire};
        ask(others[i], RRTYPE_SOA);
        assert_int_equal(outcome.length, length);
    }
}

static void
rfc7873_5_2_3_client_cookie_is_answered_with_a_server_cookie_that_is_valid_next(void **state)
{
    (void)state;
    uint8_t cookie[4 + 24] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    service.cookies_on = true;
    service.cookies.count = 1;
    how.options = (struct octets){cookie, 12};
    ask("www", RRTYPE_A);
    assert_false(outcome.cookie_valid);
    const uint8_t *answered = response + outcome.length - 28;
    assert_int_equal(octets_get_u32(answered), 10 << 16 | 24);
    assert_memory_equal(answered + 4, cookie + 4, 8);
    memcpy(cookie, answered, sizeof cookie);
    how.options.length = sizeof cookie;
    assert_string_equal(ask("www", RRTYPE_A), "NOERROR aa | www Ax2");
    assert_true(outcome.cookie_valid);
    cookie[27] ^= 1;
    assert_string_equal(ask("www", RRTYPE_A), "NOERROR aa | www Ax2");
    assert_false(outcome.cookie_valid);
}

static void
rfc7873_5_4_no_question_with_a_cookie_is_answered_by_a_cookie(void **state)
{
    (void)state;
    uint8_t cookie[4 + 24] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t header_only[MESSAGE_HEADER_SIZE] = {0x12, 0x34, [11] = 1};
    service.cookies_on = true;
    service.cookies.count = 1;
    for (int good = 1; good >= 0; good--) {
        how.options = (struct octets){cookie, good ? 12 : sizeof cookie};
        query_build(".", RRTYPE_A);
        // The question (5 octets) goes out of the message.
        memmove(query_octets + 12, query_octets + 17, query_length - 17);
        memcpy(query_octets, header_only, sizeof header_only);
        query_length -= 5;
        cookie[3] = 24;
        answer_again();
        assert_int_equal(outcome.rcode, good ? RCODE_NOERROR : RCODE_BADCOOKIE);
        assert_int_equal(octets_get_u32(response + outcome.length - 28), 10 << 16 | 24);
    }
    service.cookies_on = false;
    answer_again();
    assert_int_equal(outcome.rcode, RCODE_FORMERR);
}

static void
rfc5001_nsid_is_told_only_to_who_asks(void **state)
{
    (void)state;
    static const uint8_t nsid[] = {0, 3, 0, 0};
    service.nsid = (struct octets){(const uint8_t *)"ns1-a", 5};
    ask("www", RRTYPE_A);
    size_t without = outcome.length;
    how.options = (struct octets){nsid, sizeof nsid};
    ask("www", RRTYPE_A);
    assert_int_equal(outcome.length, without + 9);
    assert_memory_equal(response + outcome.length - 5, "ns1-a", 5);
}

static void
soa_alone_answers_an_ixfr_over_udp(void **state)
{
    (void)state;
    struct query query;
    query_build("@", RRTYPE_IXFR);
    query_read(query_octets, query_length, &query);
    assert_int_equal(query.kind, QUERY_TRANSFER);
    answer_soa(&service, &client, &query, &zones[0], response, sizeof response, &outcome);
    assert_int_equal(ldns_wire2pkt(&packet, response, outcome.length), LDNS_STATUS_OK);
    packet_summarise();
    assert_string_equal(summary, "NOERROR aa | @ SOA");
}

static void
rcode_answers_carry_question_and_ede(void **state)
{
    (void)state;
    struct query query;
    query_build("@", RRTYPE_AXFR);
    query_read(query_octets, query_length, &query);
    answer_rcode(&service, &client, &query, RCODE_REFUSED, false, EDE_PROHIBITED, response,
                 sizeof response, &outcome);
    assert_int_equal(ede_of_response(), EDE_PROHIBITED);
    assert_int_equal(octets_get_u16(response + 4), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rfc1034_4_3_2_an_existing_name_and_type_is_answered_authoritatively),
        TEST(rfc4035_3_1_1_with_do_the_rrsigs_follow_their_rrset),
        TEST(rfc4035_3_2_1_without_do_no_dnssec_record_is_sent_unasked),
        TEST(question_keeps_its_letter_case_and_answers_point_to_it),
        TEST(header_bits_id_and_rd_are_echoed_ra_ad_cd_are_not),
        TEST(additional_section_has_addresses_of_mx_srv_ns_and_https_targets),
        TEST(rfc8482_4_1_any_over_udp_gives_one_rrset_over_tcp_all),
        TEST(any_at_a_cname_gives_the_cname_and_follows_nothing),
        TEST(rrsig_question_gives_signatures_and_follows_nothing),
        TEST(class_any_is_answered_without_aa),
        TEST(name_outside_of_our_zones_is_refused),
        TEST(rfc8914_zone_not_there_yet_is_servfail_with_not_ready),
        TEST(rfc8914_expired_zone_is_servfail_with_invalid_data_never_nxdomain),
        TEST(rfc9824_3_5_types_that_no_zone_holds_are_formerr_with_invalid_query_type),
        TEST(zone_that_the_client_may_not_ask_is_refused_and_no_chain_enters_it),
        TEST(rfc7314_expire_option_is_answered_with_what_is_left),
        TEST(rfc7873_5_2_3_client_cookie_is_answered_with_a_server_cookie_that_is_valid_next),
        TEST(rfc7873_5_4_no_question_with_a_cookie_is_answered_by_a_cookie),
        TEST(rfc5001_nsid_is_told_only_to_who_asks),
        TEST(soa_alone_answers_an_ixfr_over_udp),
        TEST(rcode_answers_carry_question_and_ede),
    };
    return cmocka_run_group_tests(tests, zones_open, zones_close);
}
