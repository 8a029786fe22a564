// Runs of stored RRs become messages: each RR comes out once and whole under its owner, whatever
// fits, and a message ends where owners can no longer be pointed at.
#include "common/transfer/transfer_message.h"

#include "common/dns/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RR_SIZE (2 + 10 + 4) // of an A whose owner is a pointer

static uint8_t memory[MESSAGE_SIZE_MAX];
static const struct message_question question = {
    .name = "\7example\3gov", .type = RRTYPE_AXFR, .class = RRCLASS_IN};

// A run of so many A, 10.0.0.0 and on.
static struct octets_buffer
addresses(unsigned count)
{
    struct octets_buffer run;
    uint8_t rdata[4];
    octets_buffer_init(&run);
    for (unsigned i = 0; i < count; i++) {
        octets_put_u32(rdata, 0x0a000000U + i);
        rrset_append(&run, RRTYPE_A, 300, rdata, sizeof rdata);
    }
    return run;
}

static struct octets
run_of(const struct octets_buffer *buffer)
{
    return (struct octets){buffer->data, buffer->length};
}

// Reads the message that was made: count RRs of the owner, addresses from first on.
static void
message_check(size_t length, const uint8_t *owner, unsigned first, unsigned count)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question asked;
    struct message_rr rr;
    octets_reader_init(&reader, memory, length);
    assert_true(message_read_header(&reader, &header));
    assert_true(header.qdcount == 0 || message_read_question(&reader, &asked));
    assert_int_equal(header.ancount, count);
    for (unsigned i = 0; i < count; i++) {
        assert_true(message_read_rr(&reader, &rr));
        assert_true(name_equal(rr.owner, owner));
        assert_int_equal(rr.type, RRTYPE_A);
        assert_int_equal(rr.ttl, 300);
        assert_int_equal(rr.rdlength, 4);
        assert_int_equal(octets_get_u32(memory + rr.rdata_position), 0x0a000000U + first + i);
    }
    assert_int_equal(octets_left(&reader), 0);
}

static void
a_run_goes_out_with_pointers_to_its_owner(void **state)
{
    (void)state;
    const uint8_t owner[] = "\3www\7example\3gov";
    struct octets_buffer run = addresses(5);
    struct transfer_message message;
    uint32_t position = 0;
    transfer_message_begin(&message, memory, sizeof memory, 1, MESSAGE_QR, &question);
    assert_int_equal(transfer_message_add_run(&message, owner, run_of(&run), &position), 5);
    assert_int_equal(position, run.length);
    size_t length = transfer_message_end(&message, NULL);
    assert_int_equal(length, MESSAGE_HEADER_SIZE + 13 + 4 + 4 + 5 * RR_SIZE);
    message_check(length, owner, 0, 5);
    octets_buffer_close(&run);
}

static size_t
octets_added(struct transfer_message *message, const uint8_t *owner, struct octets run)
{
    uint32_t position = 0;
    size_t before = message_length(&message->writer);
    assert_int_equal(transfer_message_add_run(message, owner, run, &position), 1);
    return message_length(&message->writer) - before;
}

static void
the_next_run_of_an_owner_points_at_it_and_that_of_another_at_its_parent(void **state)
{
    (void)state;
    const uint8_t owner[] = "\1a\7example\3gov", other[] = "\1b\7example\3gov";
    struct octets_buffer run = addresses(1);
    struct transfer_message message;
    transfer_message_begin(&message, memory, sizeof memory, 1, MESSAGE_QR, &question);
    assert_int_equal(octets_added(&message, owner, run_of(&run)), 2 + RR_SIZE);
    assert_int_equal(octets_added(&message, owner, run_of(&run)), RR_SIZE);
    assert_int_equal(octets_added(&message, other, run_of(&run)), 2 + RR_SIZE);
    assert_int_equal(octets_added(&message, owner, run_of(&run)), 2 + RR_SIZE);
    octets_buffer_close(&run);
}

static void
what_does_not_fit_is_the_first_of_the_next_message(void **state)
{
    (void)state;
    const uint8_t owner[] = "\3www\7example\3gov", root[] = "";
    struct octets_buffer run = addresses(40);
    struct transfer_message message;
    for (size_t size = 64; size < 800; size++)
        for (unsigned is_root = 0; is_root < 2; is_root++) {
            uint32_t position = 0;
            unsigned told = 0;
            while (position < run.length) {
                transfer_message_begin(&message, memory, size, 1, MESSAGE_QR,
                                       told ? NULL : &question);
                unsigned added = transfer_message_add_run(&message, is_root ? root : owner,
                                                          run_of(&run), &position);
                size_t length = transfer_message_end(&message, NULL);
                assert_true(added > 0 && length <= size);
                assert_true(position == run.length || length + RR_SIZE + 17 > size);
                message_check(length, is_root ? root : owner, told, added);
                told += added;
            }
            assert_int_equal(told, 40);
        }
    octets_buffer_close(&run);
}

static void
a_message_ends_behind_16_kib(void **state)
{
    (void)state;
    const uint8_t owner[] = "\3www\7example\3gov";
    struct octets_buffer run = addresses(5000);
    struct transfer_message message;
    uint32_t position = 0;
    transfer_message_begin(&message, memory, sizeof memory, 1, MESSAGE_QR, &question);
    unsigned added = transfer_message_add_run(&message, owner, run_of(&run), &position);
    size_t length = transfer_message_end(&message, NULL);
    assert_true(length >= TRANSFER_MESSAGE_ENOUGH);
    assert_true(length < TRANSFER_MESSAGE_ENOUGH + RR_SIZE);
    message_check(length, owner, 0, added);
    struct rr rr;
    assert_true(rrset_next(run.data, (uint32_t)run.length, &position, &rr));
    assert_false(transfer_message_add(&message, owner, &rr));
    octets_buffer_close(&run);
}

// A message has three RRs where they fit, however large they are: clients look at the first ones.
static void
large_rrs_go_three_in_a_message(void **state)
{
    (void)state;
    static uint8_t rdata[20000];
    const uint8_t owner[] = "\3www\7example\3gov";
    struct octets_buffer run;
    struct transfer_message message;
    uint32_t position = 0;
    octets_buffer_init(&run);
    for (unsigned i = 0; i < 4; i++)
        rrset_append(&run, RRTYPE_TXT, 300, rdata, sizeof rdata);
    transfer_message_begin(&message, memory, sizeof memory, 1, MESSAGE_QR, &question);
    assert_int_equal(transfer_message_add_run(&message, owner, run_of(&run), &position), 3);
    transfer_message_begin(&message, memory, sizeof memory, 1, MESSAGE_QR, NULL);
    assert_int_equal(transfer_message_add_run(&message, owner, run_of(&run), &position), 1);
    assert_int_equal(position, run.length);
    octets_buffer_close(&run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_goes_out_with_pointers_to_its_owner),
        cmocka_unit_test(the_next_run_of_an_owner_points_at_it_and_that_of_another_at_its_parent),
        cmocka_unit_test(what_does_not_fit_is_the_first_of_the_next_message),
        cmocka_unit_test(a_message_ends_behind_16_kib),
        cmocka_unit_test(large_rrs_go_three_in_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
