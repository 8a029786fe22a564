#include "tests/unit/answer/answer_fixture.h"

static struct zone_fixture extra;
static struct answer_zone extra_zone;

static void
extra_open(const char *apex, const char *file)
{
    zone_fixture_open(&extra, apex, file);
    extra_zone = (struct answer_zone){extra.version, ANSWER_NEVER};
    zone_set_put(set, version_apex(extra.version), &extra_zone);
}

static void
extra_close(void)
{
    zone_set_remove(set, version_apex(extra.version));
    zone_fixture_close(&extra);
}

static void
unsigned_zone_is_answered_without_proofs_also_with_do(void **state)
{
    (void)state;
    zone_set_remove(set, version_apex(fixtures[0].version));
    extra_open("tandem.example.", TEST_SOURCE_DIR "/golden/answer/tandem.example.zone");
    assert_string_equal(ask_do("www", RRTYPE_A), "NOERROR aa | www Ax2");
    assert_string_equal(ask_do("nothere", RRTYPE_A), "NXDOMAIN aa / @ SOA");
    assert_string_equal(ask_do("x.wild", RRTYPE_A), "NOERROR aa | x.wild A");
    assert_string_equal(ask_do("x.wild2", RRTYPE_A), "NOERROR aa / @ SOA");
    assert_string_equal(ask_do("ent.empty", RRTYPE_A), "NOERROR aa / @ SOA");
    assert_string_equal(ask_do("www.child", RRTYPE_A),
                        "NOERROR / child NSx4 + ns1.child A ns2.child AAAA ns.secure A");
    extra_close();
    zone_set_put(set, version_apex(fixtures[0].version), &zones[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unsigned_zone_is_answered_without_proofs_also_with_do),
    };
    return cmocka_run_group_tests(tests, zones_open, zones_close);
}
