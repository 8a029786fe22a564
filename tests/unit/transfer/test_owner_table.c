#include "common/transfer/owner_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint8_t memory[65535];

static unsigned
random_step(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(*random >> 33);
}

static size_t
write_name(struct owner_table *table, struct octets_writer *writer, const char *text)
{
    static uint8_t names[2][NAME_SIZE_MAX]; // the one before stays where it is
    static unsigned next;
    uint8_t *name = names[next++ % 2], back[NAME_SIZE_MAX];
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

// The octets of one name's end may be the inside of a longer label of the other: no label begins
// there, so nothing is shared.
static void
a_label_that_holds_the_octets_of_others_is_not_pointed_into(void **state)
{
    (void)state;
    struct owner_table table;
    struct octets_writer writer;
    begin(&table, &writer, 12);
    assert_int_equal(write_name(&table, &writer, "ab\\003www.gov."), 12);
    assert_int_equal(write_name(&table, &writer, "www.gov."), 6);
    assert_int_equal(write_name(&table, &writer, "ab\\003www.gov."), 9);
    assert_int_equal(write_name(&table, &writer, "abc\\003www\\003gov."), 13);
    assert_int_equal(write_name(&table, &writer, "www.gov."), 9);
}

// Labels out of octets that look like lengths.
static void
name_random(uint64_t *random, uint8_t name[static NAME_SIZE_MAX])
{
    size_t at = 0;
    for (unsigned labels = random_step(random) % 6; labels > 0; labels--) {
        unsigned length = 1 + random_step(random) % 9;
        name[at++] = (uint8_t)length;
        for (; length > 0; length--)
            name[at++] = (uint8_t)(1 + random_step(random) % 3);
    }
    name[at] = 0;
}

static void
as_many_labels_are_shared_as_the_names_have_in_common(void **state)
{
    (void)state;
    uint64_t random = 4711;
    struct owner_table table;
    struct octets_writer writer;
    uint8_t names[2][NAME_SIZE_MAX] = {{0}}, back[NAME_SIZE_MAX];
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t *name = names[i % 2], *before = names[!(i % 2)];
        if (i % 100 == 0) {
            begin(&table, &writer, 12);
            before[0] = 0;
        }
        name_random(&random, name);
        if (random_step(&random) % 2)
            name_copy(name, before + (*before ? *before + 1 : 0)); // its parent
        unsigned common = name_common_labels(name, before);
        size_t at = octets_written(&writer);
        size_t fresh = (size_t)(name_skip(name, name_labels(name) - common) - name);
        owner_table_write(&table, &writer, name);
        assert_int_equal(octets_written(&writer) - at, fresh + (common ? 2 : 1));
        struct octets_reader reader;
        octets_reader_init(&reader, memory, octets_written(&writer));
        octets_seek(&reader, at);
        assert_true(name_read(&reader, back) && name_equal(name, back));
        uint16_t pointer = owner_table_pointer(&table);
        assert_int_equal(pointer != 0, *name != 0);
        octets_seek(&reader, pointer & 0x3fff);
        assert_true(!pointer || (name_read(&reader, back) && name_equal(name, back)));
    }
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
        cmocka_unit_test(a_label_that_holds_the_octets_of_others_is_not_pointed_into),
        cmocka_unit_test(as_many_labels_are_shared_as_the_names_have_in_common),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
