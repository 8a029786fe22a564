#include "common/dns/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
every_type_survives_its_text(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        char text[RRTYPE_TEXT_MAX];
        uint16_t again;
        assert_true(rrtype_from_text(rrtype_text((uint16_t)type, text), &again));
        assert_int_equal(again, type);
    }
}

static void
every_type_can_be_written_by_number(void **state)
{
    (void)state;
    uint16_t type;
    assert_true(rrtype_from_text("TYPE1", &type));
    assert_int_equal(type, RRTYPE_A);
    assert_true(rrtype_from_text("type65535", &type));
    assert_int_equal(type, 65535);
}

static void
mnemonics_are_read_in_any_case(void **state)
{
    (void)state;
    uint16_t type;
    assert_true(rrtype_from_text("aAaA", &type));
    assert_int_equal(type, RRTYPE_AAAA);
    assert_true(rrtype_from_text("nsap-ptr", &type));
    assert_int_equal(type, 23);
}

static void
aname_is_alias(void **state)
{
    (void)state;
    uint16_t type;
    char text[RRTYPE_TEXT_MAX];
    assert_true(rrtype_from_text("ANAME", &type));
    assert_int_equal(type, RRTYPE_ALIAS);
    assert_string_equal(rrtype_text(type, text), "ALIAS");
}

static void
what_is_no_type_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "AA",     "TYPE",   "TYPE65536",
                                      "TYPE-1", "TYPE1x", "TYPE 1", "TYPE000001",
                                      "IN",     "A ",     "TYP1",   "TYPE99999999999"};
    uint16_t type = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(rrtype_from_text(bad[i], &type));
    assert_int_equal(type, 7);
}

static void
meta_types_are_known(void **state)
{
    (void)state;
    static const uint16_t meta[] = {0,           RRTYPE_OPT,  128,       RRTYPE_TKEY,
                                    RRTYPE_TSIG, RRTYPE_AXFR, RRTYPE_ANY};
    static const uint16_t data[] = {RRTYPE_A, RRTYPE_HTTPS, 127, 256, RRTYPE_CAA, RRTYPE_ALIAS};
    for (size_t i = 0; i < sizeof meta / sizeof meta[0]; i++)
        assert_true(rrtype_is_meta(meta[i]));
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++)
        assert_false(rrtype_is_meta(data[i]));
}

static void
what_a_signer_makes_and_what_goes_with_cname_is_known(void **state)
{
    (void)state;
    assert_true(rrtype_is_dnssec(RRTYPE_RRSIG));
    assert_true(rrtype_is_dnssec(RRTYPE_CDNSKEY));
    assert_false(rrtype_is_dnssec(RRTYPE_DS));
    assert_true(rrtype_beside_cname(RRTYPE_NSEC));
    assert_false(rrtype_beside_cname(RRTYPE_A));
}

// The bitmap of RFC 4034 section 4.3.
static void
a_bitmap_is_written_as_in_rfc_4034(void **state)
{
    (void)state;
    static const uint16_t types[] = {RRTYPE_A, RRTYPE_MX, RRTYPE_RRSIG, RRTYPE_NSEC, 1234};
    static const uint8_t expected[] = {
        0x00, 0x06, 0x40, 0x01, 0x00, 0x00, 0x00, 0x03, 0x04, 0x1b, 0, 0, 0, 0, 0, 0, 0, 0,   0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0x20};
    uint8_t bitmap[100];
    assert_int_equal(rrtype_bitmap_write(types, 5, bitmap, sizeof bitmap), sizeof expected);
    assert_memory_equal(bitmap, expected, sizeof expected);
    assert_int_equal(rrtype_bitmap_write(types, 0, bitmap, sizeof bitmap), 0);
}

static void
a_bitmap_has_what_was_written_and_nothing_else(void **state)
{
    (void)state;
    static const uint16_t types[] = {1, 7, 8, 255, 256, 1234, 65535};
    uint8_t bitmap[300];
    unsigned length = rrtype_bitmap_write(types, 7, bitmap, sizeof bitmap);
    unsigned found = 0;
    for (unsigned type = 0; type <= UINT16_MAX; type++)
        found += rrtype_bitmap_has(bitmap, length, (uint16_t)type);
    assert_int_equal(found, 7);
    for (size_t i = 0; i < 7; i++)
        assert_true(rrtype_bitmap_has(bitmap, length, types[i]));
    // Cut anywhere it is never read past its end (AddressSanitizer looks on).
    for (unsigned cut = 0; cut < length; cut++)
        assert_false(rrtype_bitmap_has(bitmap, cut, 65535));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_survives_its_text),
        cmocka_unit_test(every_type_can_be_written_by_number),
        cmocka_unit_test(mnemonics_are_read_in_any_case),
        cmocka_unit_test(aname_is_alias),
        cmocka_unit_test(what_is_no_type_is_refused),
        cmocka_unit_test(meta_types_are_known),
        cmocka_unit_test(what_a_signer_makes_and_what_goes_with_cname_is_known),
        cmocka_unit_test(a_bitmap_is_written_as_in_rfc_4034),
        cmocka_unit_test(a_bitmap_has_what_was_written_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
