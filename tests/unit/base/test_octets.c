#include "common/base/octets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t eight[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};

static void
integers_are_in_network_order(void **state)
{
    (void)state;
    struct octets_reader reader;
    octets_reader_init(&reader, eight, sizeof eight);
    assert_int_equal(octets_read_u8(&reader), 0x01);
    assert_int_equal(octets_read_u16(&reader), 0x0203);
    assert_int_equal(octets_read_u32(&reader), 0x04050607);
    octets_seek(&reader, 0);
    assert_true(octets_read_u64(&reader) == 0x0102030405060708U);
    assert_false(reader.failed);
}

static void
a_read_past_the_end_fails_for_good_and_moves_nothing(void **state)
{
    (void)state;
    struct octets_reader reader;
    octets_reader_init(&reader, eight, 3);
    assert_int_equal(octets_read_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(octets_position(&reader), 0);
    assert_int_equal(octets_read_u8(&reader), 0);
    assert_null(octets_read_view(&reader, 0));
    assert_int_equal(octets_left(&reader), 0);
    octets_seek(&reader, 1);
    assert_int_equal(octets_position(&reader), 0);
}

static void
nothing_can_be_read_from_no_memory(void **state)
{
    (void)state;
    struct octets_reader reader;
    octets_reader_init(&reader, NULL, 0);
    assert_non_null(octets_read_view(&reader, 0));
    assert_null(octets_read_view(&reader, 1));
}

static void
a_seek_reaches_the_end_and_no_further(void **state)
{
    (void)state;
    struct octets_reader reader;
    octets_reader_init(&reader, eight, sizeof eight);
    octets_seek(&reader, 8);
    assert_false(reader.failed);
    octets_seek(&reader, 9);
    assert_true(reader.failed);
}

static void
a_writer_stops_at_its_end(void **state)
{
    (void)state;
    uint8_t memory[7];
    memset(memory, 0xee, sizeof memory);
    struct octets_writer writer;
    octets_writer_init(&writer, memory, 6);
    octets_write_u32(&writer, 0x01020304);
    octets_write_u8(&writer, 5);
    assert_int_equal(octets_room(&writer), 1);
    octets_write_u16(&writer, 0x0607);
    assert_true(writer.failed);
    octets_write_u8(&writer, 6);
    assert_int_equal(octets_written(&writer), 5);
    assert_memory_equal(memory, "\1\2\3\4\5\xee\xee", 7);
}

static void
a_patch_overwrites_two_octets(void **state)
{
    (void)state;
    uint8_t memory[8];
    struct octets_writer writer;
    octets_writer_init(&writer, memory, sizeof memory);
    octets_write_u64(&writer, 0);
    octets_patch_u16(&writer, 6, 0xabcd);
    assert_memory_equal(memory, "\0\0\0\0\0\0\xab\xcd", 8);
}

static void
a_buffer_grows_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct octets_buffer buffer;
    octets_buffer_init(&buffer);
    for (unsigned i = 0; i < 10000; i++)
        octets_buffer_add_u32(&buffer, i);
    assert_int_equal(buffer.length, 40000);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(octets_get_u32(buffer.data + i * 4U), i);
    octets_buffer_close(&buffer);
    assert_null(buffer.data);
}

static void
printed_text_has_no_nul(void **state)
{
    (void)state;
    struct octets_buffer buffer;
    octets_buffer_init(&buffer);
    octets_buffer_printf(&buffer, "%s-%d", "a", 12);
    octets_buffer_printf(&buffer, "!");
    assert_int_equal(buffer.length, 5);
    assert_memory_equal(buffer.data, "a-12!", 5);
    octets_buffer_close(&buffer);
}

static void
a_text_comes_back_as_it_was_written(void **state)
{
    (void)state;
    struct octets_buffer buffer;
    octets_buffer_init(&buffer);
    octets_buffer_add_text(&buffer, "zone");
    octets_buffer_add_text(&buffer, NULL);
    struct octets_reader reader;
    octets_reader_init(&reader, buffer.data, buffer.length);
    char *first = octets_read_text(&reader, 4);
    char *second = octets_read_text(&reader, 4);
    assert_string_equal(first, "zone");
    assert_string_equal(second, "");
    free(first);
    free(second);
    assert_int_equal(octets_left(&reader), 0);
    octets_buffer_close(&buffer);
}

static void
a_text_over_its_maximum_or_over_the_end_is_refused(void **state)
{
    (void)state;
    const uint8_t over[] = {0, 0, 0, 5, 'a', 'b', 'c', 'd'};
    struct octets_reader reader;
    octets_reader_init(&reader, over, sizeof over);
    assert_null(octets_read_text(&reader, 100));
    assert_true(reader.failed);
    const uint8_t fits[] = {0, 0, 0, 4, 'a', 'b', 'c', 'd'};
    octets_reader_init(&reader, fits, sizeof fits);
    assert_null(octets_read_text(&reader, 3));
    assert_true(reader.failed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_in_network_order),
        cmocka_unit_test(a_read_past_the_end_fails_for_good_and_moves_nothing),
        cmocka_unit_test(nothing_can_be_read_from_no_memory),
        cmocka_unit_test(a_seek_reaches_the_end_and_no_further),
        cmocka_unit_test(a_writer_stops_at_its_end),
        cmocka_unit_test(a_patch_overwrites_two_octets),
        cmocka_unit_test(a_buffer_grows_and_keeps_what_it_has),
        cmocka_unit_test(printed_text_has_no_nul),
        cmocka_unit_test(a_text_comes_back_as_it_was_written),
        cmocka_unit_test(a_text_over_its_maximum_or_over_the_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
