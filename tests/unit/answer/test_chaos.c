#include "tests/unit/answer/answer_fixture.h"

static void
rfc4892_version_and_identity_are_told_where_the_operator_says_so(void **state)
{
    (void)state;
    how.class = RRCLASS_CH;
    service.version = "tandem 1";
    service.identity = "ns1";
    assert_string_equal(ask("version.bind.", RRTYPE_TXT), "NOERROR | version.bind. TXT");
    assert_string_equal(ask("VERSION.server.", RRTYPE_TXT), "NOERROR | VERSION.server. TXT");
    assert_string_equal(ask("id.server.", RRTYPE_TXT), "NOERROR | id.server. TXT");
    assert_string_equal(ask("hostname.bind.", RRTYPE_ANY), "NOERROR | hostname.bind. TXT");
    char *text = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(packet), 0), 0));
    assert_string_equal(text, "\"ns1\"");
    free(text);
}

static void
class_ch_is_refused_where_nothing_is_set_and_for_other_names(void **state)
{
    (void)state;
    how.class = RRCLASS_CH;
    assert_string_equal(ask("version.bind.", RRTYPE_TXT), "REFUSED");
    service.version = "tandem 1";
    assert_string_equal(ask("id.server.", RRTYPE_TXT), "REFUSED");
    assert_string_equal(ask("www", RRTYPE_A), "REFUSED");
    how.class = RRCLASS_IN;
    assert_string_equal(ask("version.bind.", RRTYPE_TXT), "REFUSED");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rfc4892_version_and_identity_are_told_where_the_operator_says_so),
        TEST(class_ch_is_refused_where_nothing_is_set_and_for_other_names),
    };
    return cmocka_run_group_tests(tests, zones_open, zones_close);
}
