// The same transfer again: it is seen to be the same without being read, and nothing else is. The
// law: with a known transfer to compare with, everything ends as it would without one.
#include "common/transfer/xfr_in.h"

#include "common/base/arena.h"
#include "common/dns/message_write.h"
#include "common/dns/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW      1795263187
#define MESSAGES 5
#define ROOM     2048

struct sending {
    unsigned count;
    size_t length[MESSAGES + 1];
    uint8_t octets[MESSAGES + 1][ROOM];
};
static struct sending sending;
static uint8_t apex[NAME_SIZE_MAX];
static struct tsig_key key = {.algorithm = TSIG_HMAC_SHA256, .secret_length = 32};

static int
names_make(void **state)
{
    (void)state;
    assert_true(name_from_text("example.gov.", NULL, apex, NULL));
    assert_true(name_from_text("xfr.", NULL, key.name, NULL));
    memset(key.secret, 7, 32);
    return 0;
}

static void
add_soa(struct message_writer *writer, uint32_t serial)
{
    uint8_t soa[] = "\2ns\7example\3gov\0\4host\7example\3gov\0"
                    "\0\0\0\0\0\0\16\20\0\0\2\130\0\11\72\200\0\0\0\74";
    octets_put_u32(soa + sizeof soa - 1 - 20, serial);
    assert_true(message_write_rr(writer, MESSAGE_ANSWER, apex, RRTYPE_SOA, RRCLASS_IN, 3600, soa,
                                 sizeof soa - 1));
}

static void
add_host(struct message_writer *writer, unsigned number)
{
    const uint8_t address[4] = {10, 0, 2, (uint8_t)number}; // 192 begins a pointer, too
    uint8_t owner[NAME_SIZE_MAX];
    char text[32];
    snprintf(text, sizeof text, "host%u", number);
    assert_true(name_from_text(text, apex, owner, NULL));
    assert_true(message_write_rr(writer, MESSAGE_ANSWER, owner, RRTYPE_A, RRCLASS_IN, 60, address,
                                 sizeof address));
}

// Five messages, twelve records and the closing SOA.
static void
sending_make(uint16_t id, uint32_t serial)
{
    struct message_writer writer;
    sending.count = MESSAGES;
    for (unsigned i = 0; i < MESSAGES; i++) {
        message_writer_init(&writer, sending.octets[i], ROOM, id, MESSAGE_QR | MESSAGE_AA);
        if (i != 3)
            message_write_question(&writer, apex, RRTYPE_AXFR, RRCLASS_IN);
        if (i == 0)
            add_soa(&writer, serial);
        add_host(&writer, 2 * i);
        add_host(&writer, 2 * i + 1);
        if (i == MESSAGES - 1)
            add_soa(&writer, serial);
        sending.length[i] = message_length(&writer);
    }
}

// What came of one transfer.
struct outcome {
    enum xfr_in_step step;
    enum xfr_in_reason reason;
    uint64_t records;
    uint32_t serial;
    char fault[FAULT_TEXT_MAX];
    struct octets_buffer stream;
    struct xfr_marks *marks;
};

static void
outcome_close(struct outcome *outcome)
{
    octets_buffer_close(&outcome->stream);
    xfr_marks_drop(&outcome->marks);
}

// leave_out: messages without a TSIG, a bit each.
static void
sign(const uint8_t *query, size_t query_length, unsigned leave_out)
{
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    assert_int_equal(tsig_check_query(query, query_length, &key, 1, NOW, &exchange, &found), 0);
    for (unsigned i = 0; i < sending.count; i++)
        if (leave_out & 1U << i)
            octets_buffer_add(&exchange.pending, sending.octets[i], sending.length[i]);
        else
            sending.length[i] =
                tsig_sign(&exchange, sending.octets[i], sending.length[i], ROOM, NOW, 0, NULL);
    tsig_exchange_close(&exchange);
}

struct run {
    const struct xfr_marks *known;
    uint64_t records_max, octets_max;
    bool with_key, unmarked;
    unsigned leave_out;
    uint16_t id;
};

static void
take(const struct run *run, struct outcome *ret_outcome)
{
    const struct xfr_in_options options = {.apex = apex,
                                           .primary = "hidden 10.0.0.5@53",
                                           .id = run->id,
                                           .key = run->with_key ? &key : NULL,
                                           .records_max = run->records_max,
                                           .octets_max = run->octets_max,
                                           .wants_marks = !run->unmarked,
                                           .known = run->known};
    struct xfr_in *transfer = memory_alloc(sizeof *transfer);
    struct rr_stream_writer writer;
    uint8_t query[XFR_IN_QUERY_MAX];
    struct fault fault = {0};
    rr_stream_writer_init(&writer, apex, -1);
    xfr_in_init(transfer, &options, &writer, NOW);
    size_t length = xfr_in_query(transfer, query, sizeof query, NOW);
    if (run->with_key)
        sign(query, length, run->leave_out);
    *ret_outcome = (struct outcome){.step = XFR_IN_MORE};
    for (unsigned i = 0; i < sending.count && ret_outcome->step == XFR_IN_MORE; i++)
        ret_outcome->step =
            xfr_in_feed(transfer, sending.octets[i], sending.length[i], NOW, &fault);
    if (ret_outcome->step == XFR_IN_MORE)
        xfr_in_cut(transfer, "the primary closed the connection", &fault);
    ret_outcome->reason = transfer->reason;
    ret_outcome->records = transfer->records;
    ret_outcome->serial = transfer->serial;
    snprintf(ret_outcome->fault, sizeof ret_outcome->fault, "%s", fault.text);
    octets_buffer_add(&ret_outcome->stream, writer.buffer.data, writer.buffer.length);
    ret_outcome->marks = xfr_marks_hold(transfer->marks);
    xfr_in_close(transfer);
    rr_stream_writer_close(&writer);
    free(transfer);
}

// A transfer that was taken before, under another ID.
static void
know(struct outcome *ret_known)
{
    sending_make(0x1111, 7);
    take(&(struct run){.id = 0x1111}, ret_known);
    assert_int_equal(ret_known->step, XFR_IN_DONE);
    assert_true(ret_known->marks->whole);
    assert_int_equal(ret_known->marks->items.count, MESSAGES);
}

static void
the_same_transfer_is_seen_to_be_the_same_and_not_read(void **state)
{
    (void)state;
    struct outcome known, again;
    know(&known);
    sending_make(0x2222, 7);
    take(&(struct run){.id = 0x2222, .known = known.marks}, &again);
    assert_int_equal(again.step, XFR_IN_SAME);
    assert_int_equal(again.serial, 7);
    assert_int_equal(again.records, known.records);
    assert_true(again.stream.length < 64); // its head
    outcome_close(&again);
    outcome_close(&known);
}

static void
which_messages_are_signed_tells_nothing_of_the_content(void **state)
{
    (void)state;
    struct outcome known, again;
    know(&known);
    for (unsigned leave_out = 0; leave_out < 1U << MESSAGES; leave_out++) {
        bool good = (leave_out & 1) == 0 && (leave_out & 1U << (MESSAGES - 1)) == 0;
        sending_make(0x2222, 7);
        take(
            &(struct run){
                .id = 0x2222, .known = known.marks, .with_key = true, .leave_out = leave_out},
            &again);
        assert_int_equal(again.step, good ? XFR_IN_SAME : XFR_IN_FAILED);
        assert_int_equal(again.reason, good ? XFR_IN_NO_REASON : XFR_IN_TSIG);
        outcome_close(&again);
    }
    outcome_close(&known);
}

// What is in sending, with the known transfer and without: no difference but that the same is the
// same.
static void
check_law(const struct xfr_marks *known, const struct run *plain, bool may_be_same)
{
    struct outcome with, without, unmarked;
    struct run run = *plain;
    struct sending before = sending;
    take(&run, &without);
    sending = before;
    run.known = known;
    take(&run, &with);
    sending = before;
    run.known = NULL;
    run.unmarked = true;
    take(&run, &unmarked);
    sending = before;
    assert_int_equal(unmarked.step, without.step);
    assert_string_equal(unmarked.fault, without.fault);
    if (with.step == XFR_IN_SAME) {
        assert_true(may_be_same);
        assert_int_equal(without.step, XFR_IN_DONE);
    } else {
        assert_false(may_be_same);
        assert_int_equal(with.step, without.step);
        assert_int_equal(with.reason, without.reason);
        assert_string_equal(with.fault, without.fault);
        if (with.step == XFR_IN_DONE) {
            assert_int_equal(with.stream.length, without.stream.length);
            assert_memory_equal(with.stream.data, without.stream.data, with.stream.length);
        }
    }
    if (with.step != XFR_IN_FAILED) // what was not read is not counted
        assert_int_equal(with.records, without.records);
    outcome_close(&with);
    outcome_close(&without);
    outcome_close(&unmarked);
}

static void
any_flipped_bit_is_another_transfer(void **state)
{
    (void)state;
    struct outcome known;
    const struct run plain = {.id = 0x2222};
    know(&known);
    sending_make(0x2222, 7);
    check_law(known.marks, &plain, true);
    for (unsigned message = 0; message < MESSAGES; message++)
        for (size_t bit = 0; bit < sending.length[message] * 8; bit++) {
            uint8_t *octet = &sending.octets[message][bit / 8];
            *octet ^= (uint8_t)(1U << bit % 8);
            check_law(known.marks, &plain, false);
            *octet ^= (uint8_t)(1U << bit % 8);
        }
    outcome_close(&known);
}

static void
any_change_that_is_signed_is_another_transfer(void **state)
{
    (void)state;
    struct outcome known;
    const struct run signed_run = {.id = 0x2222, .with_key = true};
    know(&known);
    sending_make(0x2222, 7);
    check_law(known.marks, &signed_run, true);
    for (unsigned message = 0; message < MESSAGES; message++)
        for (size_t at = 2; at < sending.length[message]; at++) {
            sending.octets[message][at] ^= 1;
            check_law(known.marks, &signed_run, false);
            sending.octets[message][at] ^= 1;
        }
    sending_make(0x2222, 8); // the serial alone, in first and last
    check_law(known.marks, &signed_run, false);
    outcome_close(&known);
}

static void
copy_message(unsigned to, const struct sending *from, unsigned message)
{
    sending.length[to] = from->length[message];
    memcpy(sending.octets[to], from->octets[message], from->length[message]);
}

static void
messages_lost_doubled_and_exchanged_are_another_transfer(void **state)
{
    (void)state;
    static struct sending good;
    struct outcome known;
    const struct run plain = {.id = 0x2222};
    know(&known);
    sending_make(0x2222, 7);
    good = sending;
    for (unsigned at = 0; at < MESSAGES; at++) {
        sending = good; // cut before it
        sending.count = at;
        check_law(known.marks, &plain, false);
        sending = good; // lost
        for (unsigned i = at + 1; i < MESSAGES; i++)
            copy_message(i - 1, &good, i);
        sending.count = MESSAGES - 1;
        check_law(known.marks, &plain, false);
        sending = good; // doubled: the end is where the known one had it
        for (unsigned i = at; i < MESSAGES; i++)
            copy_message(i + 1, &good, i);
        sending.count = MESSAGES + 1;
        check_law(known.marks, &plain, at == MESSAGES - 1);
        for (unsigned other = at + 1; other < MESSAGES; other++) {
            sending = good;
            copy_message(at, &good, other);
            copy_message(other, &good, at);
            check_law(known.marks, &plain, false);
        }
    }
    outcome_close(&known);
}

static void
limits_count_what_is_not_read(void **state)
{
    (void)state;
    struct outcome known, again;
    know(&known);
    sending_make(0x2222, 7);
    take(&(struct run){.id = 0x2222, .known = known.marks, .records_max = 5}, &again);
    assert_int_equal(again.step, XFR_IN_FAILED);
    assert_int_equal(again.reason, XFR_IN_LIMIT);
    outcome_close(&again);
    take(&(struct run){.id = 0x2222, .known = known.marks, .octets_max = 200}, &again);
    assert_int_equal(again.step, XFR_IN_FAILED);
    assert_int_equal(again.reason, XFR_IN_LIMIT);
    outcome_close(&again);
    outcome_close(&known);
}

// Whoever lets a name begin in the header gets a name of zeros, whatever the ID is.
static void
nothing_that_is_read_depends_on_the_id(void **state)
{
    (void)state;
    struct outcome first, second;
    for (unsigned position = 0; position < MESSAGE_HEADER_SIZE; position++) {
        for (unsigned round = 0; round < 2; round++) {
            uint16_t id = round ? 0x0177 : 0x0261;
            sending_make(id, 7);
            uint8_t *end = sending.octets[1] + sending.length[1];
            octets_put_u16(end - 14, RRTYPE_PTR);
            memcpy(end - 4, "\1x", 2);
            octets_put_u16(end - 2, (uint16_t)(0xc000 | position));
            take(&(struct run){.id = id}, round ? &second : &first);
        }
        assert_int_equal(first.step, second.step);
        assert_string_equal(first.fault, second.fault);
        assert_int_equal(first.stream.length, second.stream.length);
        assert_memory_equal(first.stream.data, second.stream.data, first.stream.length);
        outcome_close(&first);
        outcome_close(&second);
    }
}

static void
a_transfer_of_too_many_messages_has_no_marks(void **state)
{
    (void)state;
    struct xfr_marks *marks = xfr_marks_new(NULL), *again = xfr_marks_new(marks);
    uint8_t message[MESSAGE_HEADER_SIZE] = {0};
    for (unsigned i = 0; i < XFR_MARKS_MAX; i++)
        assert_false(xfr_marks_add(marks, message, sizeof message, NULL));
    assert_false(marks->too_many);
    assert_false(xfr_marks_add(marks, message, sizeof message, NULL));
    assert_true(marks->too_many);
    assert_int_equal(marks->items.count, XFR_MARKS_MAX);
    assert_true(xfr_marks_add(again, message, sizeof message, marks));
    message[5] = 1;
    assert_false(xfr_marks_add(again, message, sizeof message, marks));
    assert_false(xfr_marks_add(again, message, sizeof message - 1, marks));
    xfr_marks_drop(&marks);
    xfr_marks_drop(&again);
    assert_null(marks);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_transfer_is_seen_to_be_the_same_and_not_read),
        cmocka_unit_test(which_messages_are_signed_tells_nothing_of_the_content),
        cmocka_unit_test(any_flipped_bit_is_another_transfer),
        cmocka_unit_test(any_change_that_is_signed_is_another_transfer),
        cmocka_unit_test(messages_lost_doubled_and_exchanged_are_another_transfer),
        cmocka_unit_test(limits_count_what_is_not_read),
        cmocka_unit_test(nothing_that_is_read_depends_on_the_id),
        cmocka_unit_test(a_transfer_of_too_many_messages_has_no_marks),
    };
    return cmocka_run_group_tests(tests, names_make, NULL);
}
