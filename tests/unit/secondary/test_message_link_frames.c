// What a role that was taken over may send: frames that no link makes.
#include "link_bed.h"

// After anything that was sent, a good message still comes through: the link lives.
static void
expect_dropped(struct bed *bed)
{
    uint8_t good[HEADER];
    turns(bed, 3);
    assert_int_equal(bed->a.received, 0);
    put_header(good, MESSAGE_HEARTBEAT, ROLE_SUPERVISOR, ROLE_SERVER, 0, 0);
    raw_send(bed->raw, good, HEADER, NULL, 0);
    turns(bed, 3);
    assert_int_equal(bed->a.received, 1);
    assert_int_equal(bed->a.last.type, MESSAGE_HEARTBEAT);
    assert_int_equal(bed->a.closed, 0);
}

static void
frames_that_no_link_makes_are_dropped(void **state)
{
    static const struct {
        uint8_t type, to, from, flags;
        uint32_t said_length;
        size_t octets; // of the whole frame
    } frames[] = {
        {0, ROLE_DESK, ROLE_SERVER, 0, 0, HEADER},                           // no such type
        {MESSAGE_TYPE_COUNT, ROLE_DESK, ROLE_SERVER, 0, 0, HEADER},          // no such type
        {255, ROLE_DESK, ROLE_SERVER, 0, 0, HEADER},                         // no such type
        {MESSAGE_EVENT, ROLE_COUNT, ROLE_SERVER, 0, 0, HEADER},              // no such receiver
        {MESSAGE_EVENT, ROLE_DESK, ROLE_COUNT, 0, 0, HEADER},                // no such sender
        {MESSAGE_EVENT, ROLE_DESK, ROLE_SERVER, 0, 1, HEADER},               // body shorter
        {MESSAGE_EVENT, ROLE_DESK, ROLE_SERVER, 0, 0, HEADER + 1},           // body longer
        {MESSAGE_EVENT, ROLE_DESK, ROLE_SERVER, 0, 0, HEADER - 1},           // header cut
        {MESSAGE_EVENT, ROLE_DESK, ROLE_SERVER, 0, 0, 1},                    // header cut
        {MESSAGE_EVENT, ROLE_DESK, ROLE_SERVER, 1, 40, HEADER},              // no memfd
        {MESSAGE_EVENT, ROLE_DESK, ROLE_SERVER, 0, 16400, HEADER + 16400},   // over a datagram
        {MESSAGE_EVENT, ROLE_DESK, ROLE_SERVER, 0, UINT32_MAX, HEADER + 10}, // absurd
    };
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        static uint8_t frame[20000];
        struct bed bed;
        bed_open(&bed, true);
        put_header(frame, frames[i].type, frames[i].to, frames[i].from, frames[i].flags,
                   frames[i].said_length);
        raw_send(bed.raw, frame, frames[i].octets, NULL, 0);
        expect_dropped(&bed);
        bed_close(&bed);
    }
}

static void
a_memfd_that_can_still_change_is_refused(void **state)
{
    static const int seals[] = {0, F_SEAL_WRITE, F_SEAL_SHRINK, F_SEAL_SHRINK | F_SEAL_GROW,
                                F_SEAL_GROW | F_SEAL_SEAL};
    struct bed bed;
    (void)state;
    for (size_t i = 0; i < sizeof seals / sizeof seals[0]; i++) {
        bed_open(&bed, true);
        send_memfd(&bed, 50000, seals[i], 50000);
        expect_dropped(&bed);
        bed_close(&bed);
    }
    bed_open(&bed, true); // the same with its seals is a message
    send_memfd(&bed, 50000, SEALS_FULL, 50000);
    turns(&bed, 3);
    assert_int_equal(bed.a.received, 1);
    assert_int_equal(bed.a.last.body.length, 50000);
    bed_close(&bed);
}

static void
a_memfd_of_another_length_is_refused(void **state)
{
    static const struct {
        off_t length;
        uint32_t said;
    } cases[] = {{50000, 49999}, {50000, 50001}, {0, 0}, {0, 1}, {50000, UINT32_MAX}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bed bed;
        bed_open(&bed, true);
        send_memfd(&bed, cases[i].length, SEALS_FULL, cases[i].said);
        expect_dropped(&bed);
        bed_close(&bed);
    }
}

static void
a_body_in_something_else_than_a_memfd_is_refused(void **state)
{
    uint8_t frame[HEADER];
    struct bed bed;
    int null = open_null();
    (void)state;
    bed_open(&bed, true);
    put_header(frame, MESSAGE_CANDIDATE, ROLE_SIGNER, ROLE_FETCHER, 1, 10);
    raw_send(bed.raw, frame, HEADER, &null, 1);
    expect_dropped(&bed);
    bed_close(&bed);
    close(null);
}

static void
more_descriptors_than_a_message_has_are_closed(void **state)
{
    int descriptors[20];
    uint8_t frame[HEADER];
    (void)state;
    for (unsigned count = MESSAGES_DESCRIPTORS_MAX + 1; count <= 20; count += 11) {
        struct bed bed;
        bed_open(&bed, true);
        for (unsigned i = 0; i < count; i++)
            descriptors[i] = open_null();
        put_header(frame, MESSAGE_CONTROL_REQUEST, ROLE_SIGNER, ROLE_DESK, 0, 0);
        raw_send(bed.raw, frame, HEADER, descriptors, count);
        for (unsigned i = 0; i < count; i++)
            close(descriptors[i]);
        expect_dropped(&bed);
        bed_close(&bed); // counts what is open
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_that_no_link_makes_are_dropped),
        cmocka_unit_test(a_memfd_that_can_still_change_is_refused),
        cmocka_unit_test(a_memfd_of_another_length_is_refused),
        cmocka_unit_test(a_body_in_something_else_than_a_memfd_is_refused),
        cmocka_unit_test(more_descriptors_than_a_message_has_are_closed),
    };
    struct loop *loop = loop_new(); // the first one opens what all share and keep
    loop_free(&loop);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
