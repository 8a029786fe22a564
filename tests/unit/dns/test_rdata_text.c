#include "common/dns/rdata_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/name.h"
#include "common/dns/rrtype.h"

static const uint8_t origin[] = "\7example\3gov";

static bool
parse(const char *type_text, const char *text, struct octets_writer *writer, struct fault *fault)
{
    uint16_t type;
    assert_true(rrtype_from_text(type_text, &type));
    return rdata_from_text(type, text, origin, writer, fault);
}

static void
reads(const char *type_text, const char *text, const char *rdata, size_t length)
{
    uint8_t octets[4096];
    struct octets_writer writer;
    struct fault fault = {0};
    octets_writer_init(&writer, octets, sizeof octets);
    if (!parse(type_text, text, &writer, &fault))
        fail_msg("%s %s: %s", type_text, text, fault.text);
    assert_int_equal(octets_written(&writer), length);
    assert_memory_equal(octets, rdata, length);
}
#define READS(type, text, rdata) reads(type, text, rdata, sizeof(rdata) - 1)

static void
refuses(const char *type_text, const char *text, const char *because)
{
    uint8_t octets[4096];
    struct octets_writer writer;
    struct fault fault = {0};
    octets_writer_init(&writer, octets, sizeof octets);
    assert_false(parse(type_text, text, &writer, &fault));
    assert_int_equal(octets_written(&writer), 0);
    if (strcmp(fault.text, because) != 0)
        fail_msg("%s %s: got \"%s\", expected \"%s\"", type_text, text, fault.text, because);
}

// Text in, text out, and that text in again gives the same octets.
static void
shows(const char *type_text, const char *text, const char *expected)
{
    uint8_t octets[4096], again[4096];
    struct octets_writer writer, second;
    struct octets_buffer shown;
    struct fault fault = {0};
    uint16_t type;
    octets_writer_init(&writer, octets, sizeof octets);
    octets_writer_init(&second, again, sizeof again);
    if (!parse(type_text, text, &writer, &fault))
        fail_msg("%s %s: %s", type_text, text, fault.text);
    assert_true(rrtype_from_text(type_text, &type));
    octets_buffer_init(&shown);
    rdata_to_text(type, octets, octets_written(&writer), &shown);
    octets_buffer_add_u8(&shown, 0);
    if (strcmp((const char *)shown.data, expected) != 0)
        fail_msg("%s: got \"%s\", expected \"%s\"", type_text, (const char *)shown.data, expected);
    assert_true(rdata_from_text(type, expected, NULL, &second, &fault));
    assert_int_equal(octets_written(&writer), octets_written(&second));
    assert_memory_equal(octets, again, octets_written(&writer));
    octets_buffer_close(&shown);
}

static void
the_usual_types_are_read(void **state)
{
    (void)state;
    READS("A", "192.0.2.1", "\xc0\0\2\1");
    READS("AAAA", "2001:DB8::1", "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1");
    READS("NS", "NS1", "\3ns1\7example\3gov\0");
    READS("CNAME", "@", "\7example\3gov\0");
    READS("MX", "10 mail.example.ORG.", "\0\12\4mail\7example\3org\0");
    READS("TXT", "\"a;b (c)\" plain \\\"q\\\" \\065\\032", "\7a;b (c)\5plain\3\"q\"\2A ");
    READS("SRV", "1 2 5060 sip", "\0\1\0\2\x13\xc4\3sip\7example\3gov\0");
    READS("ALIAS", "My-ELB.aws.", "\6my-elb\3aws\0");
    READS("ANAME", "lb", "\2lb\7example\3gov\0");
    READS("CAA", "128 issue \"ca.example; a=b\"", "\x80\5issueca.example; a=b");
}

static void
the_numbers_of_an_soa_may_have_units(void **state)
{
    (void)state;
    shows("SOA", "ns host 2026112104 1H 15m ( 2w ; expire\n 4294967295 )",
          "ns.example.gov. host.example.gov. 2026112104 3600 900 1209600 4294967295");
}

static void
faults_say_what_was_expected_in_the_operators_words(void **state)
{
    (void)state;
    refuses("MX", "10", "MX: missing exchange");
    refuses("MX", "", "MX: missing preference");
    refuses("MX", "ten mail", "MX: preference \"ten\": expected a whole number from 0 to 65535");
    refuses("MX", "65536 mail",
            "MX: preference \"65536\": expected a whole number from 0 to 65535");
    refuses("MX", "10 mail extra", "MX: unexpected \"extra\" after exchange");
    refuses(
        "MX", "10 a..b",
        "MX: exchange: name \"a..b\": empty label: two dots in a row or a dot at the beginning");
    refuses("A", "192.0.2", "A: address \"192.0.2\": expected an IPv4 address such as 192.0.2.1");
    refuses("AAAA", "192.0.2.1",
            "AAAA: address \"192.0.2.1\": expected an IPv6 address such as 2001:db8::1");
    refuses("SOA", "ns host 1 1h 15m 2w", "SOA: missing minimum");
    refuses("SRV", "1 2 3", "SRV: missing target");
    refuses("TXT", "\"open", "TXT: text \"open\": expected a closing quote");
    refuses("DS", "1 8 2 abc", "DS: digest \"abc\": expected hexadecimal digits in pairs");
    refuses("DS", "1 8 2 abcd", "DS: digest: expected a digest as long as its algorithm makes it");
    refuses("DS", "99999 8 2 abcd",
            "DS: key tag \"99999\": expected a whole number from 0 to 65535");
    refuses("NSEC", "foo A BOGUS",
            "NSEC: types \"BOGUS\": expected an RR type such as A, MX or TYPE65280");
    refuses("DNSKEY", "257 3 13", "DNSKEY: missing key");
    refuses("DNSKEY", "257 3 13 ?", "DNSKEY: key \"?\": expected base64 that fits into an RR");
    refuses("ALIAS", "a b", "ALIAS: unexpected \"b\" after target");
    refuses("HTTPS", "1 . port=99999",
            "HTTPS: parameter \"port=99999\": expected a port from 0 to 65535");
    refuses(
        "RRSIG", "A 5 3 86400 20031322173103 20030220173103 2642 example.com. AAAA",
        "RRSIG: expiration \"20031322173103\": expected a time as YYYYMMDDHHmmSS or seconds since "
        "1970");
    refuses("LOC", "here",
            "LOC: \"here\": expected something like \"42 21 54 N 71 06 18 W -24m 30m\"");
    refuses("NULL", "abcd",
            "NULL: this type has no text form of its own: expected \\# LENGTH HEXADECIMAL");
}

static void
a_string_over_255_octets_is_refused(void **state)
{
    (void)state;
    char text[400];
    uint8_t octets[4096];
    struct octets_writer writer;
    memset(text, 'x', 256);
    text[256] = '\0';
    octets_writer_init(&writer, octets, sizeof octets);
    assert_false(rdata_from_text(RRTYPE_TXT, text, NULL, &writer, NULL));
    text[255] = '\0';
    assert_true(rdata_from_text(RRTYPE_TXT, text, NULL, &writer, NULL));
}

// RFC 3597 section 5.
static void
any_type_may_be_written_in_generic_form(void **state)
{
    (void)state;
    READS("TYPE731", "\\# 6 abcd ( ef 01 23 45 )", "\xab\xcd\xef\1\x23\x45");
    READS("TYPE62347", "\\# 0", "");
    READS("A", "\\# 4 0A000001", "\x0a\0\0\1");
    READS("TYPE65401", "\\# 5 034C622e 00", "\3lb.\0");
    refuses("TYPE731", "\\# 3 abcd", "TYPE731: \\# says 3 octets, but 2 follow");
    refuses("TYPE731", "\\# 1 abcd", "TYPE731: \\# says 1 octets, but 2 follow");
    refuses("TYPE731", "\\# 2 abc",
            "TYPE731: octets after \\# \"abc\": expected hexadecimal digits in pairs");
    refuses("TYPE731", "\\#", "TYPE731: missing length after \\#");
    refuses("TYPE731", "\\# 65536", "TYPE731: length after \\# \"65536\": expected 0 to 65535");
    refuses("A", "\\# 3 0A0000", "A: address: expected an IPv4 address (4 octets)");
    refuses("ALIAS", "\\# 4 01610001", "ALIAS: 1 octets too many after target");
}

static void
every_type_with_a_text_form_is_shown_and_read_back(void **state)
{
    (void)state;
    shows("A", "192.0.2.1", "192.0.2.1");
    shows("HINFO", "PC \"Free BSD\"", "\"PC\" \"Free BSD\"");
    shows("MINFO", "a b", "a.example.gov. b.example.gov.");
    shows("RP", "a .", "a.example.gov. .");
    shows("AFSDB", "1 a", "1 a.example.gov.");
    shows("X25", "311061700956", "\"311061700956\"");
    shows("ISDN", "150862028003217 004", "\"150862028003217\" \"004\"");
    shows("ISDN", "150862028003217", "\"150862028003217\"");
    shows("NSAP", "0x47.0005.80.005a", "0x47000580005a");
    shows("EID", "00ff10", "00ff10");
    shows("NIMLOC", "32251b030067", "32251b030067");
    shows("ATMA", "39246f000e7c9c031200010001000012345678ff",
          "39246f000e7c9c031200010001000012345678ff");
    shows("NSAP-PTR", "foo", "foo.example.gov.");
    shows("KEY", "0 3 RSASHA256", "0 3 8");
    shows("PX", "10 a b", "10 a.example.gov. b.example.gov.");
    shows("GPOS", "-32.6882 116.8652 10.0", "\"-32.6882\" \"116.8652\" \"10.0\"");
    shows("LOC", "42 21 54 N 71 06 18 W -24m 30m",
          "42 21 54.000 N 71 06 18.000 W -24m 30m 10000m 10m");
    shows("NAPTR", "10 100 \"S\" \"SIP+D2U\" \"\" _sip._udp",
          "10 100 \"S\" \"SIP+D2U\" \"\" _sip._udp.example.gov.");
    shows("KX", "1 a", "1 a.example.gov.");
    shows("CERT", "PKIX 1 RSASHA256 AAAA", "1 1 8 AAAA");
    shows("APL", "1:192.168.32.0/21 !1:192.168.38.0/28", "1:192.168.32.0/21 !1:192.168.38.0/28");
    shows("DS", "60485 5 1 ( 2BB183AF5F22588179A53B0A 98631fad1a292118 )",
          "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118");
    shows("SSHFP", "2 1 123456789abcdef67890123456789abcdef67890",
          "2 1 123456789ABCDEF67890123456789ABCDEF67890");
    shows("IPSECKEY", "10 1 2 192.0.2.38 AQNRU3mG", "10 1 2 192.0.2.38 AQNRU3mG");
    shows("IPSECKEY", "10 0 2 . AQNRU3mG", "10 0 2 . AQNRU3mG");
    shows("IPSECKEY", "10 3 2 gw AQNRU3mG", "10 3 2 gw.example.gov. AQNRU3mG");
    shows("NSEC", "Host A MX RRSIG NSEC TYPE1234", "Host.example.gov. A MX RRSIG NSEC TYPE1234");
    shows("DNSKEY", "257 3 ECDSAP256SHA256 AAAA BBBB", "257 3 13 AAAABBBB");
    shows("DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
          "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=");
    shows("NSEC3", "1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
          "1 1 12 AABBCCDD 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A RRSIG");
    shows("NSEC3", "1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s",
          "1 0 0 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S");
    shows("NSEC3PARAM", "1 0 0 -", "1 0 0 -");
    shows("TLSA", "3 1 1 ab cd", "3 1 1 ABCD");
    shows("SMIMEA", "3 1 1 abcd", "3 1 1 ABCD");
    shows("HIP", "2 200100107B1A74DF365639CC39F1D578 AwEAAbdx rvs",
          "2 200100107b1a74df365639cc39f1d578 AwEAAbdx rvs.example.gov.");
    shows("TALINK", "a b", "a.example.gov. b.example.gov.");
    shows("CDS", "0 0 0 00", "0 0 0 00");
    shows("CDNSKEY", "0 3 0 AA==", "0 3 0 AA==");
    shows("OPENPGPKEY", "AAAA BBBB", "AAAABBBB");
    shows("CSYNC", "66 3 AAAA NS A", "66 3 A NS AAAA");
    shows("SPF", "\"v=spf1\" -all", "\"v=spf1\" \"-all\"");
    shows("NID", "10 0014:4fff:ff20:ee64", "10 0014:4fff:ff20:ee64");
    shows("L32", "10 10.1.2.0", "10 10.1.2.0");
    shows("L64", "10 2001:0db8:1140:1000", "10 2001:0db8:1140:1000");
    shows("LP", "10 l64", "10 l64.example.gov.");
    shows("EUI48", "00-00-5e-00-53-2a", "00-00-5e-00-53-2a");
    shows("EUI64", "00-00-5e-ef-10-00-00-2a", "00-00-5e-ef-10-00-00-2a");
    shows("URI", "10 1 \"ftp://x/\"", "10 1 \"ftp://x/\"");
    shows("CAA", "0 issue \"ca\\\"x\"", "0 issue \"ca\\\"x\"");
    shows("DOA", "1 2 3 \"text/plain\" aGVsbG8=", "1 2 3 \"text/plain\" aGVsbG8=");
    shows("AMTRELAY", "10 1 3 relay", "10 1 3 relay.example.gov.");
    shows("AMTRELAY", "10 0 0 .", "10 0 0 .");
    shows("TA", "1 8 99 abcd", "1 8 99 ABCD");
    shows("DLV", "1 8 99 abcd", "1 8 99 ABCD");
    shows("WKS", "192.0.2.1 6 25", "\\# 9 c00002010600000040");
    shows("RRSIG", "A 5 3 86400 20030322173103 20030220173103 2642 example.com. AAAA",
          "A 5 3 86400 20030322173103 20030220173103 2642 example.com. AAAA");
    shows("TXT", "\\000\\255\\\\\\\"", "\"\\000\\255\\\\\\\"\"");
}

static void
svcb_is_read_in_any_order_and_shown_in_its_own(void **state)
{
    (void)state;
    shows("HTTPS", "1 . port=443 alpn=\"h2,h3\" ipv4hint=192.0.2.1,192.0.2.2 mandatory=port",
          "1 . mandatory=port alpn=\"h2,h3\" port=443 ipv4hint=192.0.2.1,192.0.2.2");
    shows("SVCB", "1 foo no-default-alpn alpn=h2 ipv6hint=2001:db8::1 ech=AAAA key65280=\"a b\"",
          "1 foo.example.gov. alpn=\"h2\" no-default-alpn ech=AAAA ipv6hint=2001:db8::1 "
          "key65280=\"a b\"");
    shows("SVCB", "0 foo.", "0 foo.");
    shows("SVCB", "1 . dohpath=/q{?dns}", "1 . dohpath=\"/q{?dns}\"");
    // RFC 9460 appendix A.1: a comma and a backslash inside a protocol name.
    READS("SVCB", "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
          "\0\x10\3foo\7example\3org\0\0\1\0\x0c\x08"
          "f\\oo,bar\2h2");
    shows("SVCB", "16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", "16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"");
    // Its appendix D.2.
    READS("SVCB", "1 foo.example.com. key667=\"hello\\210qoo\"",
          "\0\1\3foo\7example\3com\0\2\x9b\0\x09hello\xd2qoo");
    READS("SVCB", "16 foo.example.org. (alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1)",
          "\0\x10\3foo\7example\3org\0\0\0\0\4\0\1\0\4\0\1\0\x09\2h2\5h3-19\0\4\0\4\xc0\0\2\1");
}

static void
svcb_that_a_client_would_throw_away_is_refused(void **state)
{
    (void)state;
    // RFC 9460 appendix D.3.
    refuses("SVCB", "1 foo.example.com. key123=abc key123=def",
            "SVCB: parameter with key 123 is there twice");
    refuses(
        "SVCB", "1 foo.example.com. mandatory",
        "SVCB: parameter \"mandatory\": expected names of other parameters with commas between, "
        "such as alpn,port");
    refuses(
        "SVCB", "1 foo.example.com. alpn",
        "SVCB: parameter \"alpn\": expected protocol names of 1 to 255 octets with commas between, "
        "such as h2,h3");
    refuses("SVCB", "1 foo.example.com. port",
            "SVCB: parameter \"port\": expected a port from 0 to 65535");
    refuses("SVCB", "1 foo.example.com. ipv4hint",
            "SVCB: parameter \"ipv4hint\": expected IPv4 addresses with commas between");
    refuses("SVCB", "1 foo.example.com. no-default-alpn=abc alpn=h2",
            "SVCB: parameter \"no-default-alpn=abc\": expected no value");
    refuses("SVCB", "1 foo.example.com. mandatory=key123",
            "SVCB: mandatory names the parameter with key 123, which is not there");
    refuses(
        "SVCB", "1 foo.example.com. mandatory=mandatory",
        "SVCB: parameter \"mandatory=mandatory\": expected names of other parameters with commas "
        "between, such as alpn,port");
    refuses("SVCB", "1 foo.example.com. mandatory=key123,key123 key123=abc",
            "SVCB: parameter \"mandatory=key123,key123\": expected each name once");
    refuses("SVCB", "1 . alpn=h2,",
            "SVCB: parameter \"alpn=h2,\": expected protocol names of 1 to 255 "
            "octets with commas between, such as h2,h3");
    refuses("SVCB", "1 . key007=x",
            "SVCB: parameter \"key007=x\": expected a name such as alpn, port, "
            "ipv4hint or key65280 before =");
    refuses("SVCB", "1 . no-default-alpn", "SVCB: no-default-alpn needs alpn beside it");
}

static void
rdata_that_is_not_of_its_type_is_shown_in_generic_form(void **state)
{
    (void)state;
    static const uint16_t types[] = {RRTYPE_A,     RRTYPE_MX, RRTYPE_NSEC, RRTYPE_SOA,
                                     RRTYPE_HTTPS, 29,        42,          10};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct octets_buffer text;
        octets_buffer_init(&text);
        octets_buffer_add(&text, "> ", 2);
        rdata_to_text(types[i], (const uint8_t *)"\xff\xfe\xfd", 3, &text);
        assert_int_equal(text.length, 2 + 11);
        assert_memory_equal(text.data, "> \\# 3 fffefd", 13);
        octets_buffer_close(&text);
    }
}

static void
a_whole_rr_is_one_line(void **state)
{
    (void)state;
    struct octets_buffer text;
    octets_buffer_init(&text);
    rr_to_text(origin, 3600, RRTYPE_MX, (const uint8_t *)"\0\12\2mx", 6, &text);
    octets_buffer_add_u8(&text, 0);
    assert_string_equal((const char *)text.data, "example.gov. 3600 IN MX 10 mx.");
    octets_buffer_close(&text);
}

static void
rdata_without_room_is_a_limit(void **state)
{
    (void)state;
    uint8_t octets[3];
    struct octets_writer writer;
    struct fault fault = {0};
    octets_writer_init(&writer, octets, sizeof octets);
    assert_false(rdata_from_text(RRTYPE_A, "192.0.2.1", NULL, &writer, &fault));
    assert_int_equal(fault.kind, FAULT_LIMIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_types_are_read),
        cmocka_unit_test(the_numbers_of_an_soa_may_have_units),
        cmocka_unit_test(faults_say_what_was_expected_in_the_operators_words),
        cmocka_unit_test(a_string_over_255_octets_is_refused),
        cmocka_unit_test(any_type_may_be_written_in_generic_form),
        cmocka_unit_test(every_type_with_a_text_form_is_shown_and_read_back),
        cmocka_unit_test(svcb_is_read_in_any_order_and_shown_in_its_own),
        cmocka_unit_test(svcb_that_a_client_would_throw_away_is_refused),
        cmocka_unit_test(rdata_that_is_not_of_its_type_is_shown_in_generic_form),
        cmocka_unit_test(a_whole_rr_is_one_line),
        cmocka_unit_test(rdata_without_room_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
