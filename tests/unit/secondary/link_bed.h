// One end or both ends of a connection on a loop; the other end is a plain socket where octets must
// be chosen that a link would never send.
#ifndef TANDEM_TESTS_LINK_BED_H
#define TANDEM_TESTS_LINK_BED_H

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

static inline void
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

static inline void
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

static inline unsigned
count_open(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static inline void
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
static inline void
bed_close(struct bed *bed)
{
    message_link_free(&bed->a.link);
    message_link_free(&bed->b.link);
    if (bed->raw >= 0)
        close(bed->raw);
    loop_free(&bed->loop);
    assert_int_equal(count_open(), bed->open_before);
}

static inline void
turns(struct bed *bed, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        loop_run_once(bed->loop, false);
}

static inline struct message
event_message(uint64_t request, const void *body, size_t length)
{
    return (struct message){.type = MESSAGE_EVENT,
                            .to = ROLE_DESK,
                            .from = ROLE_SIGNER,
                            .zone = 7,
                            .request = request,
                            .body = {body, length}};
}

static inline int
open_null(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

// One datagram from the raw end with its descriptors.
static inline ssize_t
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

static inline void
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

static inline void
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

// A memfd of this length with these seals in a frame that says said_length.
static inline void
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

#endif
