#include "common/dns/message_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A query for www.example.gov. A, answered by one A and one MX whose owner and exchange are
// compressed.
static const uint8_t answer[] = {
    0x12, 0x34, 0x84, 0x03, 0, 1,   0,   2,    0,   0,    0,   0, // header, NXDOMAIN for the sake
                                                                  // of the bits
    3,    'w',  'w',  'w',  7, 'e', 'X', 'a',  'm', 'p',  'l', 'e', 3,    'g',
    'o',  'v',  0,    0,    1, 0,   1,   0xc0, 12,  0,    1,   0,   1,    0,
    0,    0,    60,   0,    4, 192, 0,   2,    1,   0xc0, 16,  0,   15,   0,
    1,    0x80, 0,    0,    1, 0,   7,   0,    10,  2,    'm', 'x', 0xc0, 16,
};

static void
header_question_and_rrs_are_read_one_after_another(void **state)
{
    (void)state;
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_rr rr;
    char text[NAME_TEXT_MAX];
    octets_reader_init(&reader, answer, sizeof answer);
    assert_true(message_read_header(&reader, &header));
    assert_int_equal(header.id, 0x1234);
    assert_int_equal(header.flags & MESSAGE_AA, MESSAGE_AA);
    assert_int_equal(message_opcode(&header), 0);
    assert_int_equal(message_rcode(&header), 3);
    assert_int_equal(header.ancount, 2);
    assert_true(message_read_question(&reader, &question));
    assert_string_equal(name_to_text(question.name, text), "www.eXample.gov.");
    assert_true(message_read_rr(&reader, &rr));
    assert_string_equal(name_to_text(rr.owner, text), "www.eXample.gov.");
    assert_int_equal(rr.ttl, 60);
    assert_int_equal(rr.rdlength, 4);
    assert_int_equal(rr.position, 33);
    assert_int_equal(rr.rdata_position, 45);
    assert_true(message_read_rr(&reader, &rr));
    assert_string_equal(name_to_text(rr.owner, text), "eXample.gov.");
    assert_int_equal(rr.type, 15);
    assert_int_equal(octets_left(&reader), 0);
}

static void
a_ttl_with_the_top_bit_is_zero(void **state)
{
    (void)state;
    struct octets_reader reader;
    struct message_rr rr;
    octets_reader_init(&reader, answer, sizeof answer);
    octets_seek(&reader, 49);
    assert_true(message_read_rr(&reader, &rr));
    assert_int_equal(rr.ttl, 0);
}

static bool
read_all(const uint8_t *message, size_t length)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_rr rr;
    octets_reader_init(&reader, message, length);
    return message_read_header(&reader, &header) && message_read_question(&reader, &question) &&
           message_read_rr(&reader, &rr) && message_read_rr(&reader, &rr);
}

static void
a_message_cut_anywhere_is_refused(void **state)
{
    (void)state;
    assert_true(read_all(answer, sizeof answer));
    for (size_t length = 0; length < sizeof answer; length++) {
        // Memory of just that size, so that a read past the end is seen.
        uint8_t *cut = malloc(length + 1);
        memcpy(cut + 1, answer, length);
        assert_false(read_all(cut + 1, length));
        free(cut);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_question_and_rrs_are_read_one_after_another),
        cmocka_unit_test(a_ttl_with_the_top_bit_is_zero),
        cmocka_unit_test(a_message_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
