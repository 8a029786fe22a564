// One end or both ends of a connection on a loop; the other end is a plain socket where octets must
// be chosen that a link would never send.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/net/loop.h"
#include "secondary/messages.h"

#define HEADER     20
#define TURNS_MAX  20000
#define SEALS_FULL (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

// What a receiving end saw.
struct end {
    struct message_link *link;
    unsigned received, closed;
    uint64_t last_request;
    bool out_of_order;
    struct message last; // descriptors: those that were kept
    uint8_t body[512];   // the beginning of the last body
    uint64_t body_sum;
    bool keep_descriptors, free_in_received, free_in_closed;
};

static void
on_message(void *context, struct message *message)
{
    struct end *end = context;
    end->received++;
    end->out_of_order = end->out_of_order || message->request != end->last_request + 1;
    end->last_request = message->request;
    end->last = *message;
    size_t length =
        message->body.length < sizeof end->body ? message->body.length : sizeof end->body;
    if (length > 0)
        memcpy(end->body, message->body.data, length);
    end->body_sum = 0;
    for (size_t i = 0; i < message->body.length; i++)
        end->body_sum = end->body_sum * 31 + message->body.data[i];
    for (unsigned i = 0; i < message->descriptor_count && end->keep_descriptors; i++)
        message->descriptors[i] = -1;
    if (end->free_in_received)
        message_link_free(&end->link);
}

static void
on_closed(void *context)
{
    struct end *end = context;
    end->closed++;
    if (end->free_in_closed)
        message_link_free(&end->link);
}

struct bed {
    struct loop *loop;
    struct end a, b;
    int raw; // the other end of a, when it is a plain socket
    unsigned open_before;
};

static unsigned
count_open(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void
bed_open(struct bed *bed, bool raw)
{
    int ends[2];
    struct fault fault = {0};
    memset(bed, 0, sizeof *bed);
    bed->open_before = count_open();
    bed->loop = loop_new();
    assert_true(message_link_pair(ends, &fault));
    assert_true((fcntl(ends[0], F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(ends[1], F_GETFD) & FD_CLOEXEC) != 0);
    bed->a.link = message_link_new(bed->loop, &ends[0], on_message, on_closed, &bed->a);
    assert_int_equal(ends[0], -1); // taken over
    bed->raw = ends[1];
    if (!raw)
        bed->b.link = message_link_new(bed->loop, &bed->raw, on_message, on_closed, &bed->b);
}

// Everything that was opened since bed_open must be closed again.
static void
bed_close(struct bed *bed)
{
    message_link_free(&bed->a.link);
    message_link_free(&bed->b.link);
    if (bed->raw >= 0)
        close(bed->raw);
    loop_free(&bed->loop);
    assert_int_equal(count_open(), bed->open_before);
}

static void
turns(struct bed *bed, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        loop_run_once(bed->loop, false);
}

static struct message
event_message(uint64_t request, const void *body, size_t length)
{
    return (struct message){.type = MESSAGE_EVENT,
                            .to = ROLE_DESK,
                            .from = ROLE_SIGNER,
                            .zone = 7,
                            .request = request,
                            .body = {body, length}};
}

static int
open_null(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void
a_message_arrives_as_it_was_sent(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, false);
    struct message message = event_message(0x0102030405060708, "hello", 5);
    assert_true(message_link_send(bed.b.link, &message));
    turns(&bed, 3);
    assert_int_equal(bed.a.received, 1);
    assert_int_equal(bed.a.last.type, MESSAGE_EVENT);
    assert_int_equal(bed.a.last.to, ROLE_DESK);
    assert_int_equal(bed.a.last.from, ROLE_SIGNER);
    assert_int_equal(bed.a.last.zone, 7);
    assert_true(bed.a.last.request == 0x0102030405060708);
    assert_int_equal(bed.a.last.body.length, 5);
    assert_memory_equal(bed.a.body, "hello", 5);
    assert_int_equal(message_link_waiting(bed.b.link), 0);
    struct message empty = event_message(2, NULL, 0);
    assert_true(message_link_send(bed.b.link, &empty));
    turns(&bed, 3);
    assert_int_equal(bed.a.received, 2);
    assert_int_equal(bed.a.last.body.length, 0);
    bed_close(&bed);
}

static void
messages_keep_their_order_when_the_socket_is_full(void **state)
{
    enum { COUNT = 3000 };
    struct bed bed;
    int end, null = open_null();
    (void)state;
    bed_open(&bed, true);
    uint8_t *body = memory_zalloc(20000);
    for (uint64_t i = 1; i <= COUNT; i++) {
        // Short, near the limit of a datagram, and longer, some with a descriptor.
        size_t length = i % 100 == 0 ? 20000 : i % 7 == 0 ? MESSAGES_SIZE_MAX - HEADER : i % 50;
        struct message message = event_message(i, body, length);
        message.descriptor_count = i % 200 == 0;
        message.descriptors[0] = null;
        assert_true(message_link_send(bed.a.link, &message));
    }
    assert_true(message_link_waiting(bed.a.link) > 0); // nobody reads yet
    end = bed.raw;
    bed.raw = -1;
    bed.b.link = message_link_new(bed.loop, &end, on_message, on_closed, &bed.b);
    for (unsigned i = 0; i < TURNS_MAX && bed.b.received < COUNT; i++)
        turns(&bed, 1);
    assert_int_equal(bed.b.received, COUNT);
    assert_false(bed.b.out_of_order);
    assert_int_equal(message_link_waiting(bed.a.link), 0);
    free(body);
    bed_close(&bed);
    close(null);
}

static void
what_waits_is_sent_before_what_comes_later(void **state)
{
    struct bed bed;
    uint64_t request = 0;
    int end;
    (void)state;
    bed_open(&bed, true);
    while (message_link_waiting(bed.a.link) < 3) {
        struct message message = event_message(++request, "x", 1);
        assert_true(message_link_send(bed.a.link, &message));
    }
    // There is room again, but the loop has not run: a new message must not overtake.
    uint8_t octets[64];
    assert_int_equal(recv(bed.raw, octets, sizeof octets, MSG_DONTWAIT), HEADER + 1);
    struct message message = event_message(++request, "x", 1);
    assert_true(message_link_send(bed.a.link, &message));
    bed.b.last_request = 1; // taken out above
    end = bed.raw;
    bed.raw = -1;
    bed.b.link = message_link_new(bed.loop, &end, on_message, on_closed, &bed.b);
    for (unsigned i = 0; i < TURNS_MAX && bed.b.last_request < request; i++)
        turns(&bed, 1);
    assert_int_equal(bed.b.last_request, request);
    assert_false(bed.b.out_of_order);
    bed_close(&bed);
}

static void
a_reader_that_never_reads_costs_its_link(void **state)
{
    struct bed bed;
    bool sent = true;
    unsigned count = 0;
    (void)state;
    bed_open(&bed, true);
    while (sent && count < 2 * MESSAGES_QUEUE_MAX) {
        struct message message = event_message(++count, NULL, 0);
        sent = message_link_send(bed.a.link, &message);
        assert_true(message_link_waiting(bed.a.link) <= MESSAGES_QUEUE_MAX);
    }
    assert_false(sent);
    assert_true(count > MESSAGES_QUEUE_MAX);
    assert_int_equal(bed.a.closed, 0); // never from inside a send
    turns(&bed, 3);
    assert_int_equal(bed.a.closed, 1);
    struct message message = event_message(1, NULL, 0);
    assert_false(message_link_send(bed.a.link, &message));
    bed_close(&bed);
}

static void
a_long_body_arrives_whole(void **state)
{
    enum { LENGTH = 3 * 1024 * 1024 };
    struct bed bed;
    uint64_t sum = 0;
    uint8_t *body = memory_alloc(LENGTH);
    (void)state;
    bed_open(&bed, false);
    for (size_t i = 0; i < LENGTH; i++) {
        body[i] = (uint8_t)(i * 7 + i / 251);
        sum = sum * 31 + body[i];
    }
    int null = open_null();
    struct message message = event_message(1, body, LENGTH);
    message.descriptor_count = 1;
    message.descriptors[0] = null;
    assert_true(message_link_send(bed.b.link, &message));
    turns(&bed, 3);
    assert_int_equal(bed.a.received, 1);
    assert_int_equal(bed.a.last.body.length, LENGTH);
    assert_true(bed.a.body_sum == sum);
    assert_int_equal(bed.a.last.descriptor_count, 1); // the body's memfd is not shown
    close(null);
    free(body);
    bed_close(&bed);
}

// One datagram from the raw end with its descriptors.
static ssize_t
raw_receive(int fd, uint8_t *octets, size_t size, int *ret_descriptors, unsigned *ret_count)
{
    struct iovec vector = {octets, size};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * 16)];
    } control;
    struct msghdr envelope = {.msg_iov = &vector,
                              .msg_iovlen = 1,
                              .msg_control = control.space,
                              .msg_controllen = sizeof control.space};
    ssize_t length = recvmsg(fd, &envelope, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = CMSG_FIRSTHDR(&envelope);
    *ret_count = 0;
    if (length >= 0 && header != NULL) {
        *ret_count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(ret_descriptors, CMSG_DATA(header), *ret_count * sizeof(int));
    }
    return length;
}

static void
a_long_body_travels_in_a_memfd_that_nobody_can_change(void **state)
{
    struct bed bed;
    uint8_t octets[64];
    int descriptors[16];
    unsigned count;
    (void)state;
    bed_open(&bed, true);
    uint8_t *body = memory_zalloc(100000);
    // The longest body that fits is a plain datagram; one octet more is not.
    struct message fits = event_message(1, body, MESSAGES_SIZE_MAX - HEADER);
    struct message is_long = event_message(2, body, MESSAGES_SIZE_MAX - HEADER + 1);
    assert_true(message_link_send(bed.a.link, &fits));
    assert_true(message_link_send(bed.a.link, &is_long));
    assert_true(raw_receive(bed.raw, octets, sizeof octets, descriptors, &count) > 0);
    assert_int_equal(count, 0);
    assert_int_equal(raw_receive(bed.raw, octets, sizeof octets, descriptors, &count), HEADER);
    assert_int_equal(count, 1);
    struct stat status;
    assert_int_equal(fstat(descriptors[0], &status), 0);
    assert_int_equal(status.st_size, MESSAGES_SIZE_MAX - HEADER + 1);
    assert_int_equal(fcntl(descriptors[0], F_GET_SEALS), SEALS_FULL);
    assert_true(write(descriptors[0], "x", 1) < 0);
    assert_true(ftruncate(descriptors[0], 0) < 0);
    close(descriptors[0]);
    free(body);
    bed_close(&bed);
}

// --- What a role that was taken over may send

static void
raw_send(int fd, const void *octets, size_t length, const int *descriptors, unsigned count)
{
    struct iovec vector = {(void *)(uintptr_t)octets, length};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * 32)];
    } control = {0};
    struct msghdr envelope = {.msg_iov = &vector, .msg_iovlen = 1};
    if (count > 0) {
        envelope.msg_control = control.space;
        envelope.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&envelope);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
    }
    assert_int_equal(sendmsg(fd, &envelope, 0), length);
}

static void
put_header(uint8_t header[static HEADER], uint8_t type, uint8_t to, uint8_t from, uint8_t flags,
           uint32_t body_length)
{
    memset(header, 0, HEADER);
    header[0] = type;
    header[1] = to;
    header[2] = from;
    header[3] = flags;
    header[15] = 1; // request
    octets_put_u32(header + 16, body_length);
}

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

// A memfd of this length with these seals in a frame that says said_length.
static void
send_memfd(struct bed *bed, off_t length, int seals, uint32_t said_length)
{
    uint8_t frame[HEADER];
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, length), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    put_header(frame, MESSAGE_CANDIDATE, ROLE_SIGNER, ROLE_FETCHER, 1, said_length);
    raw_send(bed->raw, frame, HEADER, &fd, 1);
    close(fd);
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

// --- Descriptors, ends and frees

static void
descriptors_that_are_not_taken_are_closed(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, false);
    struct message message = event_message(1, "x", 1);
    for (unsigned i = 0; i < MESSAGES_DESCRIPTORS_MAX; i++)
        message.descriptors[message.descriptor_count++] = open_null();
    assert_true(message_link_send(bed.b.link, &message));
    for (unsigned i = 0; i < message.descriptor_count; i++)
        close(message.descriptors[i]); // the sender's own stay the sender's
    turns(&bed, 3);
    assert_int_equal(bed.a.last.descriptor_count, MESSAGES_DESCRIPTORS_MAX);
    bed_close(&bed);
}

static void
descriptors_that_are_taken_stay_open_and_are_the_same_files_in_order(void **state)
{
    int pipes[3][2];
    struct bed bed;
    (void)state;
    bed_open(&bed, false);
    bed.a.keep_descriptors = true;
    struct message message = event_message(1, "x", 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
        message.descriptors[message.descriptor_count++] = pipes[i][1];
    }
    assert_true(message_link_send(bed.b.link, &message));
    turns(&bed, 3);
    assert_int_equal(bed.a.last.descriptor_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        char octet = (char)('a' + i), got = 0;
        assert_true((fcntl(bed.a.last.descriptors[i], F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(write(bed.a.last.descriptors[i], &octet, 1), 1);
        assert_int_equal(read(pipes[i][0], &got, 1), 1);
        assert_int_equal(got, octet);
        close(bed.a.last.descriptors[i]);
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    bed_close(&bed);
}

static void
a_message_that_waits_keeps_its_descriptors_when_the_sender_closes_them(void **state)
{
    struct bed bed;
    int end;
    uint64_t request = 0;
    (void)state;
    bed_open(&bed, true);
    while (message_link_waiting(bed.a.link) == 0) {
        struct message filler = event_message(++request, "x", 1);
        assert_true(message_link_send(bed.a.link, &filler));
    }
    int null = open_null();
    struct message message = event_message(++request, "y", 1);
    message.descriptor_count = 1;
    message.descriptors[0] = null;
    assert_true(message_link_send(bed.a.link, &message));
    close(null);
    end = bed.raw;
    bed.raw = -1;
    bed.b.link = message_link_new(bed.loop, &end, on_message, on_closed, &bed.b);
    for (unsigned i = 0; i < TURNS_MAX && bed.b.last_request < request; i++)
        turns(&bed, 1);
    assert_int_equal(bed.b.last_request, request);
    assert_int_equal(bed.b.last.descriptor_count, 1);
    bed_close(&bed);
}

static void
a_link_that_is_freed_closes_what_waits_in_it(void **state)
{
    struct bed bed;
    int null = open_null();
    (void)state;
    bed_open(&bed, true);
    for (unsigned i = 0; i < 600; i++) {
        struct message message = event_message(i, "x", 1);
        message.descriptor_count = 1;
        message.descriptors[0] = null;
        assert_true(message_link_send(bed.a.link, &message));
    }
    assert_true(message_link_waiting(bed.a.link) > 0);
    bed_close(&bed); // counts what is open
    close(null);
}

static void
what_was_sent_before_the_end_still_arrives(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, false);
    for (uint64_t i = 1; i <= 100; i++) {
        struct message message = event_message(i, "x", 1);
        assert_true(message_link_send(bed.b.link, &message));
    }
    message_link_free(&bed.b.link);
    turns(&bed, 10);
    assert_int_equal(bed.a.received, 100);
    assert_false(bed.a.out_of_order);
    assert_int_equal(bed.a.closed, 1);
    bed_close(&bed);
}

// An end that closes with messages of ours unread gives an error before its own last messages.
static void
what_was_sent_before_the_end_arrives_also_when_ours_was_not_read(void **state)
{
    (void)state;
    for (unsigned waiting = 0; waiting < 2; waiting++) {
        struct bed bed;
        uint8_t last_words[HEADER];
        bed_open(&bed, true);
        do {
            struct message message = event_message(1, "x", 1);
            assert_true(message_link_send(bed.a.link, &message));
        } while (waiting == 1 && message_link_waiting(bed.a.link) < 10);
        put_header(last_words, MESSAGE_HEARTBEAT, ROLE_SUPERVISOR, ROLE_SERVER, 0, 0);
        raw_send(bed.raw, last_words, HEADER, NULL, 0);
        raw_send(bed.raw, last_words, HEADER, NULL, 0);
        close(bed.raw);
        bed.raw = -1;
        turns(&bed, 10);
        assert_int_equal(bed.a.received, 2);
        assert_int_equal(bed.a.closed, 1);
        bed_close(&bed);
    }
}

static void
the_end_of_the_other_side_is_told_once(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, true);
    close(bed.raw);
    bed.raw = -1;
    turns(&bed, 10);
    assert_int_equal(bed.a.closed, 1);
    struct message message = event_message(1, NULL, 0);
    assert_false(message_link_send(bed.a.link, &message));
    turns(&bed, 10);
    assert_int_equal(bed.a.closed, 1);
    bed_close(&bed);
}

static void
a_send_to_an_end_that_is_gone_says_so(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, true);
    close(bed.raw);
    bed.raw = -1;
    struct message message = event_message(1, NULL, 0);
    assert_false(message_link_send(bed.a.link, &message));
    assert_int_equal(bed.a.closed, 0); // not from inside the send
    turns(&bed, 3);
    assert_int_equal(bed.a.closed, 1);
    bed_close(&bed);
}

static void
the_end_is_told_also_while_messages_wait(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, true);
    while (message_link_waiting(bed.a.link) < 10) {
        struct message message = event_message(1, "x", 1);
        assert_true(message_link_send(bed.a.link, &message));
    }
    bed.a.free_in_closed = true; // from inside the flush
    close(bed.raw);
    bed.raw = -1;
    turns(&bed, 10);
    assert_int_equal(bed.a.closed, 1);
    assert_null(bed.a.link);
    bed_close(&bed);
}

static void
a_link_may_be_freed_in_its_own_callbacks(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, false);
    bed.a.free_in_received = true;
    bed.b.free_in_closed = true;
    int null = open_null();
    for (uint64_t i = 1; i <= 5; i++) {
        struct message message = event_message(i, "x", 1);
        message.descriptor_count = 1;
        message.descriptors[0] = null;
        assert_true(message_link_send(bed.b.link, &message));
    }
    close(null);
    turns(&bed, 10);
    assert_int_equal(bed.a.received, 1); // and then no more
    assert_null(bed.a.link);
    assert_int_equal(bed.b.closed, 1);
    assert_null(bed.b.link);
    bed_close(&bed);
}

static void
a_link_freed_in_received_with_a_long_body_leaves_nothing_mapped_or_open(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, true);
    bed.a.free_in_received = true;
    send_memfd(&bed, 50000, SEALS_FULL, 50000);
    turns(&bed, 3);
    assert_int_equal(bed.a.received, 1);
    assert_null(bed.a.link);
    bed_close(&bed);
}

static void
a_drain_takes_what_a_dead_end_had_sent(void **state)
{
    struct bed bed;
    (void)state;
    for (unsigned frees = 0; frees < 2; frees++) {
        bed_open(&bed, false);
        bed.a.free_in_closed = frees == 1;
        for (uint64_t i = 1; i <= 100; i++) {
            struct message message = event_message(i, "x", 1);
            assert_true(message_link_send(bed.b.link, &message));
        }
        message_link_free(&bed.b.link);
        message_link_drain(bed.a.link);
        assert_int_equal(bed.a.received, 100);
        assert_int_equal(bed.a.closed, 1);
        if (frees == 0)
            message_link_drain(bed.a.link); // nothing more
        assert_int_equal(bed.a.closed, 1);
        bed_close(&bed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_arrives_as_it_was_sent),
        cmocka_unit_test(messages_keep_their_order_when_the_socket_is_full),
        cmocka_unit_test(what_waits_is_sent_before_what_comes_later),
        cmocka_unit_test(a_reader_that_never_reads_costs_its_link),
        cmocka_unit_test(a_long_body_arrives_whole),
        cmocka_unit_test(a_long_body_travels_in_a_memfd_that_nobody_can_change),
        cmocka_unit_test(frames_that_no_link_makes_are_dropped),
        cmocka_unit_test(a_memfd_that_can_still_change_is_refused),
        cmocka_unit_test(a_memfd_of_another_length_is_refused),
        cmocka_unit_test(a_body_in_something_else_than_a_memfd_is_refused),
        cmocka_unit_test(more_descriptors_than_a_message_has_are_closed),
        cmocka_unit_test(descriptors_that_are_not_taken_are_closed),
        cmocka_unit_test(descriptors_that_are_taken_stay_open_and_are_the_same_files_in_order),
        cmocka_unit_test(a_message_that_waits_keeps_its_descriptors_when_the_sender_closes_them),
        cmocka_unit_test(a_link_that_is_freed_closes_what_waits_in_it),
        cmocka_unit_test(what_was_sent_before_the_end_still_arrives),
        cmocka_unit_test(what_was_sent_before_the_end_arrives_also_when_ours_was_not_read),
        cmocka_unit_test(the_end_of_the_other_side_is_told_once),
        cmocka_unit_test(a_send_to_an_end_that_is_gone_says_so),
        cmocka_unit_test(the_end_is_told_also_while_messages_wait),
        cmocka_unit_test(a_link_may_be_freed_in_its_own_callbacks),
        cmocka_unit_test(a_link_freed_in_received_with_a_long_body_leaves_nothing_mapped_or_open),
        cmocka_unit_test(a_drain_takes_what_a_dead_end_had_sent),
    };
    struct loop *loop = loop_new(); // the first one opens what all share and keep
    loop_free(&loop);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
