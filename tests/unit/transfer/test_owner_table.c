#include "common/transfer/owner_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint8_t memory[65535];

static size_t
write_name(struct owner_table *table, struct octets_writer *writer, const char *text)
{
    uint8_t name[NAME_SIZE_MAX], back[NAME_SIZE_MAX];
    size_t before = octets_written(writer);
    struct octets_reader reader;
    assert_true(name_from_text(text, NULL, name, NULL));
    owner_table_write(table, writer, name);
    assert_false(writer->failed);
    octets_reader_init(&reader, memory, octets_written(writer));
    octets_seek(&reader, before);
    assert_true(name_read(&reader, back));
    assert_true(name_equal(name, back));
    assert_int_equal(octets_left(&reader), 0);
    return octets_written(writer) - before;
}

static void
begin(struct owner_table *table, struct octets_writer *writer, size_t offset)
{
    memset(memory, 0xee, sizeof(memory));
    octets_writer_init(writer, memory, sizeof(memory));
    writer->at += offset;
    owner_table_init(table);
}

static void
names_share_their_parents(void **state)
{
    (void)state;
    struct owner_table table;
    struct octets_writer writer;
    begin(&table, &writer, 12);
    assert_int_equal(write_name(&table, &writer, "example.gov."), 13);
    assert_int_equal(write_name(&table, &writer, "example.gov."), 2);
    assert_int_equal(write_name(&table, &writer, "a.b.example.gov."), 6);
    assert_int_equal(write_name(&table, &writer, "c.b.example.gov."), 4);
    assert_int_equal(write_name(&table, &writer, "b.example.gov."), 2);
    assert_int_equal(write_name(&table, &writer, "*.b.example.gov."), 4);
    assert_int_equal(write_name(&table, &writer, "www.example.gov."), 6);
    assert_int_equal(write_name(&table, &writer, "www.example.gov."), 2);
}

static void
the_root_has_no_pointer(void **state)
{
    (void)state;
    struct owner_table table;
    struct octets_writer writer;
    begin(&table, &writer, 12);
    assert_int_equal(write_name(&table, &writer, "."), 1);
    assert_int_equal(write_name(&table, &writer, "."), 1);
    assert_int_equal(write_name(&table, &writer, "gov."), 5);
    assert_int_equal(write_name(&table, &writer, "com."), 5);
}

static void
the_questions_name_is_pointed_at_whatever_its_case(void **state)
{
    (void)state;
    struct owner_table table;
    struct octets_writer writer;
    begin(&table, &writer, 12);
    octets_write(&writer, "\7ExAmPlE\3GoV", 13);
    owner_table_note(&table, (const uint8_t *)"\7ExAmPlE\3GoV", 12);
    uint8_t name[NAME_SIZE_MAX];
    assert_true(name_from_text("www.example.gov.", NULL, name, NULL));
    owner_table_write(&table, &writer, name);
    assert_int_equal(octets_written(&writer), 25 + 6);
    assert_memory_equal(memory + 25, "\3www\300\014", 6);
}

static void
what_stands_behind_16_kib_is_out_of_reach(void **state)
{
    (void)state;
    struct owner_table table;
    struct octets_writer writer;
    begin(&table, &writer, 0x3ffe);
    assert_int_equal(write_name(&table, &writer, "a.example.gov."), 15);
    // "a" stands at 0x3ffe, which can be pointed at; "example" at 0x4000 cannot.
    assert_int_equal(write_name(&table, &writer, "a.example.gov."), 2);
    assert_int_equal(write_name(&table, &writer, "b.example.gov."), 15);
    assert_int_equal(write_name(&table, &writer, "b.example.gov."), 15);
}

static void
a_parent_in_reach_is_used_when_the_name_itself_is_not(void **state)
{
    (void)state;
    struct owner_table table;
    struct octets_writer writer;
    begin(&table, &writer, 12);
    write_name(&table, &writer, "example.gov.");
    writer.at = memory + 20000;
    assert_int_equal(write_name(&table, &writer, "a.b.example.gov."), 6);
    assert_int_equal(write_name(&table, &writer, "a.b.example.gov."), 6);
    assert_int_equal(write_name(&table, &writer, "c.b.example.gov."), 6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_share_their_parents),
        cmocka_unit_test(the_root_has_no_pointer),
        cmocka_unit_test(the_questions_name_is_pointed_at_whatever_its_case),
        cmocka_unit_test(what_stands_behind_16_kib_is_out_of_reach),
        cmocka_unit_test(a_parent_in_reach_is_used_when_the_name_itself_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
