#include "common/dns/rdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/name.h"
#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"

#define OCTETS(text) (const uint8_t *)(text), sizeof(text) - 1

struct outcome {
    bool good;
    size_t length;
    uint8_t octets[4096];
    struct fault fault;
};

// RDATA at the end of a message that begins with `before`.
static struct outcome
intake(uint16_t type, const uint8_t *before, size_t before_length, const uint8_t *rdata,
       size_t length)
{
    struct outcome outcome = {0};
    // Memory of just that size: AddressSanitizer sees a read past the end.
    uint8_t *message = malloc(before_length + length + 1);
    if (before_length)
        memcpy(message, before, before_length);
    memcpy(message + before_length, rdata, length);
    struct octets_reader reader;
    struct octets_writer writer;
    octets_reader_init(&reader, message, before_length + length);
    octets_seek(&reader, before_length);
    octets_writer_init(&writer, outcome.octets, sizeof outcome.octets);
    outcome.good = rdata_read(&reader, type, (uint16_t)length, &writer, &outcome.fault);
    outcome.length = octets_written(&writer);
    assert_int_equal(outcome.good, !reader.failed);
    assert_int_equal(outcome.good, outcome.fault.kind == FAULT_NONE);
    if (!outcome.good)
        assert_int_equal(outcome.length, 0);
    free(message);
    return outcome;
}

static void
accepts(uint16_t type, const uint8_t *rdata, size_t length)
{
    struct outcome outcome = intake(type, NULL, 0, rdata, length);
    if (!outcome.good)
        fail_msg("%s", outcome.fault.text);
    assert_int_equal(outcome.length, length);
    assert_true(rdata_canonicalise(type, outcome.octets, outcome.length, NULL));
}

static void
refuses(uint16_t type, const uint8_t *rdata, size_t length, const char *because)
{
    struct outcome outcome = intake(type, NULL, 0, rdata, length);
    assert_false(outcome.good);
    if (!strstr(outcome.fault.text, because))
        fail_msg("%s", outcome.fault.text);
    uint8_t copy[4096];
    memcpy(copy, rdata, length);
    assert_false(rdata_canonicalise(type, copy, length, NULL));
}

static void
an_address_has_its_size(void **state)
{
    (void)state;
    accepts(RRTYPE_A, OCTETS("\1\2\3\4"));
    refuses(RRTYPE_A, OCTETS("\1\2\3"), "A: address: expected an IPv4 address (4 octets)");
    refuses(RRTYPE_A, OCTETS("\1\2\3\4\5"), "A: 1 octets too many after address");
    refuses(RRTYPE_A, OCTETS(""), "A: missing address");
    accepts(RRTYPE_AAAA, OCTETS("0123456789abcdef"));
    refuses(RRTYPE_AAAA, OCTETS("0123"), "IPv6");
}

static void
what_is_missing_is_called_by_its_word(void **state)
{
    (void)state;
    refuses(RRTYPE_MX, OCTETS("\0\12"), "MX: missing exchange");
    refuses(RRTYPE_MX, OCTETS(""), "MX: missing preference");
    refuses(RRTYPE_MX, OCTETS("\0\12\3ab"), "MX: exchange: expected a domain name");
    refuses(RRTYPE_SOA, OCTETS("\0\0\0\0\0\1"), "SOA: missing refresh");
    refuses(RRTYPE_TXT, OCTETS(""), "TXT: missing text");
}

// RFC 3597 section 4: only the old types are decompressed.
static void
old_names_are_decompressed_and_folded_others_not(void **state)
{
    (void)state;
    static const uint8_t before[] = "\7eXample\3gov";
    struct outcome mx = intake(RRTYPE_MX, before, sizeof before, OCTETS("\0\12\2MX\xc0\0"));
    assert_true(mx.good);
    assert_int_equal(mx.length, 18);
    assert_memory_equal(mx.octets, "\0\12\2mx\7example\3gov", 18);
    assert_true(intake(RRTYPE_SRV, before, sizeof before, OCTETS("\0\1\0\2\0\3\xc0\0")).good);
    assert_true(intake(RRTYPE_SOA, before, sizeof before,
                       OCTETS("\xc0\0\xc0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1"))
                    .good);
    assert_false(intake(RRTYPE_DNAME, before, sizeof before, OCTETS("\xc0\0")).good);
    assert_false(intake(RRTYPE_ALIAS, before, sizeof before, OCTETS("\xc0\0")).good);
    assert_false(intake(RRTYPE_HTTPS, before, sizeof before, OCTETS("\0\1\xc0\0")).good);
    assert_false(intake(RRTYPE_NSEC, before, sizeof before, OCTETS("\xc0\0\0\1\x40")).good);
}

static void
stored_rdata_has_no_pointers(void **state)
{
    (void)state;
    uint8_t rdata[] = "\0\12\1a\xc0\2";
    assert_false(rdata_canonicalise(RRTYPE_MX, rdata, 6, NULL));
}

static void
a_pointer_loop_or_a_forward_one_is_refused(void **state)
{
    (void)state;
    refuses(RRTYPE_NS, OCTETS("\xc0\0"), "name server");
    refuses(RRTYPE_NS, OCTETS("\xc0\2"), "name server");
    refuses(RRTYPE_NS, OCTETS("\1a\xc0\0"), "name server");
}

static void
a_name_does_not_end_behind_its_rdata(void **state)
{
    (void)state;
    // The octets behind RDLENGTH would complete the name.
    struct octets_reader reader;
    struct octets_writer writer;
    uint8_t out[300];
    octets_reader_init(&reader, "\3abc\0", 5);
    octets_writer_init(&writer, out, sizeof out);
    assert_false(rdata_read(&reader, RRTYPE_NS, 4, &writer, NULL));
}

// RFC 4034 section 6.2 and RFC 6840 section 5.1.
static void
canonical_form_folds_what_the_rfcs_list(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *rdata;
        size_t length;
        size_t at;
        bool folded;
    } rows[] = {
        {RRTYPE_NS, "\1A", 3, 1, true},
        {RRTYPE_DNAME, "\1A", 3, 1, true},
        {RRTYPE_ALIAS, "\1A", 3, 1, true},
        {RRTYPE_SRV, "\0\0\0\0\0\0\1A", 9, 7, true},
        {RRTYPE_NAPTR, "\0\1\0\1\1S\1E\1R\1A", 13, 11, true},
        {RRTYPE_NAPTR, "\0\1\0\1\1S\1E\1R\1A", 13, 5, false},
        {RRTYPE_RRSIG, "\0\1\10\2\0\0\0\1\0\0\0\2\0\0\0\1\0\1\1A\0Z", 22, 19, true},
        {RRTYPE_NSEC, "\1A\0\0\1\x40", 6, 1, false},
        {RRTYPE_SVCB, "\0\1\1A", 5, 3, false},
        {RRTYPE_TXT, "\1A", 2, 1, false},
        {RRTYPE_HINFO, "\1A\1B", 4, 1, false},
        {65280, "\1A", 3, 1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t rdata[64];
        memcpy(rdata, rows[i].rdata, rows[i].length);
        if (!rdata_canonicalise(rows[i].type, rdata, rows[i].length, NULL))
            fail_msg("type %u", rows[i].type);
        uint8_t before = (uint8_t)rows[i].rdata[rows[i].at];
        assert_int_equal(rdata[rows[i].at], rows[i].folded ? before + 32 : before);
    }
}

static void
unknown_types_are_opaque(void **state)
{
    (void)state;
    accepts(65280, OCTETS("\xc0\0anything"));
    accepts(65280, OCTETS(""));
    accepts(10, OCTETS("\xff"));
}

static void
strings_end_where_they_say(void **state)
{
    (void)state;
    accepts(RRTYPE_TXT, OCTETS("\3abc\0\1x"));
    refuses(RRTYPE_TXT, OCTETS("\4abc"), "string");
    accepts(RRTYPE_HINFO, OCTETS("\1a\0"));
    refuses(RRTYPE_HINFO, OCTETS("\1a"), "missing operating system");
    refuses(RRTYPE_HINFO, OCTETS("\1a\1b\1c"), "too many");
    accepts(20, OCTETS("\1a"));
    accepts(20, OCTETS("\1a\1b"));
    refuses(20, OCTETS("\1a\1b\1c"), "too many");
    accepts(RRTYPE_CAA, OCTETS("\0\5issueca.example"));
    refuses(RRTYPE_CAA, OCTETS("\0\0x"), "tag");
    refuses(RRTYPE_CAA, OCTETS("\0\2i-x"), "tag");
}

static void
bitmaps_are_those_of_rfc_4034(void **state)
{
    (void)state;
    accepts(RRTYPE_NSEC, OCTETS("\0\0\6\x40\1\0\0\0\3\4\1\x20"));
    refuses(RRTYPE_NSEC, OCTETS("\0"), "missing types");
    refuses(RRTYPE_NSEC, OCTETS("\0\1\1\x40\0\1\x40"), "ascending");
    refuses(RRTYPE_NSEC, OCTETS("\0\0\1\x40\0\1\x40"), "ascending");
    refuses(RRTYPE_NSEC, OCTETS("\0\0\0"), "ascending");
    refuses(RRTYPE_NSEC, OCTETS("\0\0\2\x40\0"), "zero octets");
    refuses(RRTYPE_NSEC, OCTETS("\0\0\2\x40"), "zero octets");
    refuses(RRTYPE_NSEC,
            OCTETS("\0\0\41"
                   "0123456789012345678901234567890123"),
            "1 to 32");
    accepts(RRTYPE_NSEC3, OCTETS("\1\0\0\0\0\1h"));
    refuses(RRTYPE_NSEC3, OCTETS("\1\0\0\0\0\0"), "hash");
    refuses(RRTYPE_NSEC3, OCTETS("\1\0\0\0\5ab"), "salt");
}

static void
digests_are_as_long_as_their_algorithm_makes_them(void **state)
{
    (void)state;
    uint8_t ds[4 + 64] = {0, 1, 8, 2};
    accepts(RRTYPE_DS, ds, 4 + 32);
    refuses(RRTYPE_DS, ds, 4 + 20, "digest");
    ds[3] = 1;
    accepts(RRTYPE_DS, ds, 4 + 20);
    ds[3] = 99;
    accepts(RRTYPE_DS, ds, 4 + 7);
    refuses(RRTYPE_DS, ds, 4, "missing digest");
    // RFC 8078 section 4: the delete forms.
    accepts(RRTYPE_CDS, OCTETS("\0\0\0\0\0"));
    accepts(RRTYPE_CDNSKEY, OCTETS("\0\0\3\0\0"));
    uint8_t zonemd[6 + 64] = {0, 0, 0, 1, 1, 1};
    accepts(RRTYPE_ZONEMD, zonemd, 6 + 48);
    refuses(RRTYPE_ZONEMD, zonemd, 6 + 64, "digest");
    zonemd[4] = 241; // a scheme for private use: RFC 8976 appendix A.3
    accepts(RRTYPE_ZONEMD, zonemd, 6 + 20);
    refuses(RRTYPE_ZONEMD, zonemd, 6 + 11, "digest");
}

static void
svcb_parameters_are_in_order_and_of_their_format(void **state)
{
    (void)state;
    accepts(RRTYPE_HTTPS, OCTETS("\0\1\0"));
    accepts(RRTYPE_HTTPS, OCTETS("\0\1\0\0\1\0\3\2h2\0\3\0\2\1\xbb"));
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\3\0\2\1\xbb\0\1\0\3\2h2"), "ascending");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\3\0\2\1\xbb\0\3\0\2\1\xbb"), "each once");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\3\0\3\1\xbb"), "as long as it says");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\3\0\1\1"), "port");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\1\0\1\0"), "alpn");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\1\0\2\2h"), "alpn");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\4\0\5\1\2\3\4\5"), "ipv4hint");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\6\0\4\1\2\3\4"), "ipv6hint");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\2\0\1x"), "no-default-alpn");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\0\0\2\0\0"), "mandatory");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\0\0\0\4\0\4\0\1"), "mandatory");
    refuses(RRTYPE_HTTPS, OCTETS("\0\1\0\xff\xff\0\0"), "65535");
}

static void
rarer_types_have_their_shape(void **state)
{
    (void)state;
    accepts(42, OCTETS("\0\1\25\3\xc0\xa8\x20"));
    accepts(42, OCTETS(""));
    refuses(42, OCTETS("\0\1\41\3\xc0\xa8\x20"), "prefix");
    refuses(42, OCTETS("\0\1\25\2\xc0\0"), "zero octets");
    accepts(45, OCTETS("\12\1\2\1\2\3\4key"));
    accepts(45, OCTETS("\12\0\2"));
    refuses(45, OCTETS("\12\1\2\1\2"), "gateway");
    refuses(45, OCTETS("\12\4\2\1\2"), "0 to 3");
    accepts(260, OCTETS("\12\x83\1a\0"));
    refuses(260, OCTETS("\12\x81\1a\0"), "relay");
    accepts(55, OCTETS("\1\2\0\1hk\1r\0"));
    refuses(55, OCTETS("\1\2\0\5hk"), "host identity");
    accepts(29, OCTETS("\0"
                       "123456789012345"));
    refuses(29,
            OCTETS("\0"
                   "12345"),
            "16 octets");
    accepts(38, OCTETS("\200\1P\0"));
    refuses(38, OCTETS("\201\1P\0"), "prefix");
    accepts(108, OCTETS("123456"));
    refuses(108, OCTETS("12345"), "address");
    accepts(RRTYPE_TLSA, OCTETS("\3\1\1x"));
    refuses(RRTYPE_TLSA, OCTETS("\3\1\1"), "missing certificate data");
}

static void
rdata_that_has_no_room_fails_the_writer(void **state)
{
    (void)state;
    struct octets_reader reader;
    struct octets_writer writer;
    struct fault fault = {0};
    uint8_t out[3];
    octets_reader_init(&reader, "\1\2\3\4", 4);
    octets_writer_init(&writer, out, sizeof out);
    assert_false(rdata_read(&reader, RRTYPE_A, 4, &writer, &fault));
    assert_true(writer.failed);
    assert_int_equal(fault.kind, FAULT_LIMIT);
}

static void
rdata_over_the_end_of_the_message_is_refused(void **state)
{
    (void)state;
    struct octets_reader reader;
    struct octets_writer writer;
    uint8_t out[30];
    octets_reader_init(&reader, "\1\2\3", 3);
    octets_writer_init(&writer, out, sizeof out);
    assert_false(rdata_read(&reader, RRTYPE_A, 4, &writer, NULL));
    assert_true(reader.failed);
}

static void
rdata_sorts_as_unsigned_octets_and_the_shorter_first(void **state)
{
    (void)state;
    assert_true(rdata_compare(OCTETS("\1"), OCTETS("\xff")) < 0);
    assert_true(rdata_compare(OCTETS("a"), OCTETS("ab")) < 0);
    assert_true(rdata_compare(OCTETS("b"), OCTETS("ab")) > 0);
    assert_int_equal(rdata_compare(OCTETS("ab"), OCTETS("ab")), 0);
    assert_true(rdata_compare(NULL, 0, OCTETS("a")) < 0);
}

static void
targets_are_where_each_type_has_them(void **state)
{
    (void)state;
    const uint8_t *mx = (const uint8_t *)"\0\12\2mx";
    assert_ptr_equal(rdata_target(RRTYPE_MX, mx, 6), mx + 2);
    const uint8_t *srv = (const uint8_t *)"\0\1\0\2\0\3\1h";
    assert_ptr_equal(rdata_target(RRTYPE_SRV, srv, 9), srv + 6);
    assert_ptr_equal(rdata_target(RRTYPE_CNAME, mx, 6), mx);
    assert_null(rdata_target(RRTYPE_A, mx, 4));
    assert_null(rdata_target(RRTYPE_TXT, mx, 4));
}

static const uint8_t soa_rdata[] =
    "\2ns\0\4host\0\x78\xc5\xab\x81\0\0\x0e\x10\0\0\3\x84\0\x12\x75\0\0\0\x0e";

static void
an_soa_is_read_and_its_serial_set(void **state)
{
    (void)state;
    uint8_t rdata[sizeof soa_rdata + 1];
    memcpy(rdata, soa_rdata, sizeof soa_rdata);
    rdata[sizeof soa_rdata - 1] = 0x10;
    struct rdata_soa soa;
    assert_true(rdata_soa_read(rdata, sizeof soa_rdata, &soa));
    assert_int_equal(soa.serial, 0x78c5ab81);
    assert_int_equal(soa.refresh, 3600);
    assert_int_equal(soa.minimum, 3600);
    assert_ptr_equal(soa.rname, rdata + 4);
    rdata_soa_set_serial(rdata, sizeof soa_rdata, 5);
    assert_true(rdata_soa_read(rdata, sizeof soa_rdata, &soa));
    assert_int_equal(soa.serial, 5);
    assert_int_equal(soa.refresh, 3600);
    assert_false(rdata_soa_read(rdata, sizeof soa_rdata - 1, &soa));
    assert_false(rdata_soa_read(rdata, sizeof soa_rdata + 1, &soa));
}

static size_t
from_text(uint16_t type, const char *text, uint8_t *rdata, size_t size)
{
    struct octets_writer writer;
    struct fault fault = {0};
    octets_writer_init(&writer, rdata, size);
    if (!rdata_from_text(type, text, NULL, &writer, &fault))
        fail_msg("%s", fault.text);
    return octets_written(&writer);
}

// RFC 4034 sections 5.4 and appendix B.
static void
the_key_tag_is_that_of_rfc_4034(void **state)
{
    (void)state;
    uint8_t rdata[512];
    size_t length = from_text(RRTYPE_DNSKEY,
                              "256 3 5 ( AQOeiiR0GOMYkDshWoSKz9Xz fwJr1AYtsmx3TGkJaNXVbfi/ "
                              "2pHm822aJ5iI9BMzNXxeYCmZ DRD99WYwYqUSdjMmmAphXdvx "
                              "egXd/M5+X7OrzKBaMbCVdFLU Uh6DhweJBjEVv5f2wwjM9Xzc "
                              "nOf+EPbtG9DMBmADjFDc2w/r ljwvFw== )",
                              rdata, sizeof rdata);
    assert_int_equal(rdata_dnskey_tag(rdata, length), 60485);
    // Appendix B.1: RSA/MD5 takes the last but two octets of the modulus.
    assert_int_equal(rdata_dnskey_tag(OCTETS("\1\0\3\1\1\3\x12\x34\x56")), 0x1234);
}

static void
an_rrsig_is_read_in_its_parts(void **state)
{
    (void)state;
    uint8_t rdata[512];
    struct rdata_rrsig rrsig;
    char text[NAME_TEXT_MAX];
    // RFC 4034 section 3.3.
    size_t length =
        from_text(RRTYPE_RRSIG,
                  "A 5 3 86400 20030322173103 ( 20030220173103 2642 example.com. "
                  "oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTrPYGv07h108dUKGMeDPKijVCHX3DDKdfb+v6o"
                  "B9wfuh3DTJXUAfI/M0zmO/zz8bW0Rznl8O3tGNazPwQKkRN20XPXV6nwwfoXmJQbsLNrLfkG"
                  "J5D6fwFm8nN+6pBzeDQfsS3Ap3o= )",
                  rdata, sizeof rdata);
    assert_true(rdata_rrsig_read(rdata, length, &rrsig));
    assert_int_equal(rrsig.type_covered, RRTYPE_A);
    assert_int_equal(rrsig.algorithm, 5);
    assert_int_equal(rrsig.labels, 3);
    assert_int_equal(rrsig.original_ttl, 86400);
    assert_int_equal(rrsig.expiration, 1048354263);
    assert_int_equal(rrsig.inception, 1045762263);
    assert_int_equal(rrsig.key_tag, 2642);
    assert_string_equal(name_to_text(rrsig.signer, text), "example.com.");
    assert_int_equal(rrsig.signature_length, 128);
    assert_false(rdata_rrsig_read(rdata, length - 128, &rrsig));
    assert_false(rdata_rrsig_read(rdata, 20, &rrsig));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_its_size),
        cmocka_unit_test(what_is_missing_is_called_by_its_word),
        cmocka_unit_test(old_names_are_decompressed_and_folded_others_not),
        cmocka_unit_test(stored_rdata_has_no_pointers),
        cmocka_unit_test(a_pointer_loop_or_a_forward_one_is_refused),
        cmocka_unit_test(a_name_does_not_end_behind_its_rdata),
        cmocka_unit_test(canonical_form_folds_what_the_rfcs_list),
        cmocka_unit_test(unknown_types_are_opaque),
        cmocka_unit_test(strings_end_where_they_say),
        cmocka_unit_test(bitmaps_are_those_of_rfc_4034),
        cmocka_unit_test(digests_are_as_long_as_their_algorithm_makes_them),
        cmocka_unit_test(svcb_parameters_are_in_order_and_of_their_format),
        cmocka_unit_test(rarer_types_have_their_shape),
        cmocka_unit_test(rdata_that_has_no_room_fails_the_writer),
        cmocka_unit_test(rdata_over_the_end_of_the_message_is_refused),
        cmocka_unit_test(rdata_sorts_as_unsigned_octets_and_the_shorter_first),
        cmocka_unit_test(targets_are_where_each_type_has_them),
        cmocka_unit_test(an_soa_is_read_and_its_serial_set),
        cmocka_unit_test(the_key_tag_is_that_of_rfc_4034),
        cmocka_unit_test(an_rrsig_is_read_in_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
