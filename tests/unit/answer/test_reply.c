#include "tests/unit/answer/answer_fixture.h"

static void
rfc2181_9_answer_that_does_not_fit_is_the_question_with_tc(void **state)
{
    (void)state;
    assert_string_equal(ask_do("big", RRTYPE_TXT), "NOERROR aa tc");
    assert_true(outcome.truncated);
    assert_true(ldns_pkt_edns(packet));
    client.tcp = true;
    assert_string_equal(ask_do("big", RRTYPE_TXT), "NOERROR aa | big TXTx7*");
}

static void
rfc6891_6_2_3_client_s_size_is_the_limit_down_to_512(void **state)
{
    (void)state;
    how.udp_size = 100;
    ask_do("nothere", RRTYPE_A);
    assert_true(outcome.length <= 512);
    how.udp_size = 4096;
    assert_string_equal(ask_do("big", RRTYPE_TXT), "NOERROR aa tc");
    how.no_edns = true;
    assert_string_equal(ask("big", RRTYPE_TXT), "NOERROR aa tc");
    assert_false(ldns_pkt_edns(packet));
}

static void
additional_section_gives_way_before_tc(void **state)
{
    (void)state;
    how.udp_size = 512;
    ask_do("mxmany", RRTYPE_MX);
    assert_false(outcome.truncated);
    assert_string_equal(summary, "NOERROR aa | mxmany MXx4* + mail A*");
    how.udp_size = 1232;
    assert_string_equal(
        ask_do("mxmany", RRTYPE_MX),
        "NOERROR aa | mxmany MXx4* + mail A* www Ax2* www AAAA* svc A* ns1 A* ns1 AAAA*");
}

static void
room_for_a_signature_is_kept_behind_the_answer(void **state)
{
    (void)state;
    client.tail_room = 700;
    assert_string_equal(ask_do("mxmany", RRTYPE_MX), "NOERROR aa | mxmany MXx4* + mail A*");
    client.tail_room = 1100;
    assert_string_equal(ask_do("mxmany", RRTYPE_MX), "NOERROR aa tc");
}

static void
owners_point_to_names_that_the_message_has(void **state)
{
    (void)state;
    // The addresses' owners stand in the RDATA of the MX: 16 octets for each A and 28 for each
    // AAAA, owner included.
    ask("mxmany", RRTYPE_MX);
    const size_t apex = 16, mx = 2 + 10 + 2 + apex, labels_of_targets = 5 + 4 + 4 + 4;
    assert_int_equal(outcome.length,
                     12 + (7 + apex + 4) + 4 * mx + labels_of_targets + 5 * 16 + 2 * 28 + 11);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rfc2181_9_answer_that_does_not_fit_is_the_question_with_tc),
        TEST(rfc6891_6_2_3_client_s_size_is_the_limit_down_to_512),
        TEST(additional_section_gives_way_before_tc),
        TEST(room_for_a_signature_is_kept_behind_the_answer),
        TEST(owners_point_to_names_that_the_message_has),
    };
    return cmocka_run_group_tests(tests, zones_open, zones_close);
}
