#include "common/dns/message_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t www[] = "\3www\7example\3gov";
static const uint8_t apex[] = "\7EXAMPLE\3gov";
static const uint8_t other[] = "\3foo\3www\7example\3gov";
static const uint8_t address[] = {192, 0, 2, 1};

static void
owners_are_compressed_against_what_was_written(void **state)
{
    (void)state;
    uint8_t memory[512];
    struct message_writer writer;
    message_writer_init(&writer, memory, sizeof memory, 0xbeef, MESSAGE_QR | MESSAGE_AA);
    assert_true(message_write_question(&writer, www, 1, 1));
    size_t at = message_length(&writer);
    assert_true(message_write_rr(&writer, MESSAGE_ANSWER, www, 1, 1, 60, address, 4));
    assert_memory_equal(memory + at, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", 16);
    at = message_length(&writer);
    assert_true(message_write_rr(&writer, MESSAGE_AUTHORITY, apex, 2, 1, 60, address, 4));
    assert_memory_equal(memory + at, "\xc0\x10", 2);
    at = message_length(&writer);
    assert_true(message_write_rr(&writer, MESSAGE_ADDITIONAL, other, 1, 1, 60, address, 4));
    assert_memory_equal(memory + at, "\3foo\xc0\x0c", 6);
    assert_memory_equal(memory, "\xbe\xef\x84\0\0\1\0\1\0\1\0\1", 12);
}

static void
what_was_written_reads_back(void **state)
{
    (void)state;
    static uint8_t memory[MESSAGE_SIZE_MAX];
    struct message_writer writer;
    message_writer_init(&writer, memory, sizeof memory, 1, MESSAGE_QR);
    assert_true(message_write_question(&writer, www, 252, 1));
    unsigned written = 0;
    uint8_t name[NAME_SIZE_MAX];
    for (; written < 5000; written++) {
        char text[100];
        snprintf(text, sizeof text, "h%u.s%u.example.gov.", written, written % 90);
        assert_true(name_from_text(text, NULL, name, NULL));
        if (!message_write_rr(&writer, MESSAGE_ANSWER, name, 1, 1, written, address, 4))
            break;
    }
    assert_true(written > 2000 && written < 5000);
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_rr rr;
    octets_reader_init(&reader, memory, message_length(&writer));
    assert_true(message_read_header(&reader, &header));
    assert_int_equal(header.ancount, written);
    assert_true(message_read_question(&reader, &question));
    for (unsigned i = 0; i < written; i++) {
        char text[100], read[NAME_TEXT_MAX];
        snprintf(text, sizeof text, "h%u.s%u.example.gov.", i, i % 90);
        assert_true(message_read_rr(&reader, &rr));
        assert_string_equal(name_to_text(rr.owner, read), text);
        assert_int_equal(rr.ttl, i);
    }
    assert_int_equal(octets_left(&reader), 0);
}

static void
an_rr_that_does_not_fit_leaves_the_message_as_it_was(void **state)
{
    (void)state;
    uint8_t before[80];
    for (size_t size = 12; size < 80; size++) {
        uint8_t *memory = malloc(size);
        struct message_writer writer;
        message_writer_init(&writer, memory, size, 1, 0);
        bool question = message_write_question(&writer, www, 1, 1);
        assert_int_equal(question, size >= 33);
        size_t length = message_length(&writer);
        memcpy(before, memory, length);
        bool fits = message_write_rr(&writer, MESSAGE_ANSWER, other, 1, 1, 60, address, 4);
        assert_int_equal(fits, size >= (question ? 33U + 20U : 12U + 35U));
        if (!fits) {
            assert_int_equal(message_length(&writer), length);
            assert_memory_equal(before, memory, length);
            // What was taken back is not pointed at.
            assert_int_equal(writer.suffix_count, question ? 3 : 0);
        }
        free(memory);
    }
}

static void
memory_without_room_for_a_header_takes_nothing(void **state)
{
    (void)state;
    uint8_t memory[11];
    struct message_writer writer;
    message_writer_init(&writer, memory, sizeof memory, 1, 0);
    assert_false(message_write_question(&writer, (const uint8_t *)"", 1, 1));
    assert_false(message_write_rr(&writer, MESSAGE_ANSWER, (const uint8_t *)"", 1, 1, 0, NULL, 0));
}

static void
flags_may_be_set_at_the_end(void **state)
{
    (void)state;
    uint8_t memory[64];
    struct message_writer writer;
    message_writer_init(&writer, memory, sizeof memory, 1, 0);
    message_set_flags(&writer, MESSAGE_TC);
    assert_memory_equal(memory, "\0\1\2\0", 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_are_compressed_against_what_was_written),
        cmocka_unit_test(what_was_written_reads_back),
        cmocka_unit_test(an_rr_that_does_not_fit_leaves_the_message_as_it_was),
        cmocka_unit_test(memory_without_room_for_a_header_takes_nothing),
        cmocka_unit_test(flags_may_be_set_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
