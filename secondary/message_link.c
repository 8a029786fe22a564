// One end of a SOCK_SEQPACKET connection on a loop.
//
// What if the other end does not read? The socket's own buffer takes some hundred messages; then
// they wait here, in order, with their descriptors duplicated, so that a sender never blocks and
// never loses a message. A peer that lets MESSAGES_QUEUE_MAX pile up is as good as dead: the link
// closes and the supervisor restarts it.
//
// What if a body is longer than a datagram? It goes into a memfd that is sealed against any change,
// so the receiver may map it without fear that the sender changes it while it is parsed.
#include "secondary/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/descriptor.h"
#include "common/net/loop.h"

// Octets on the connection: type, to, from, flags, zone, request, then the body.
#define FRAME_HEADER      20
#define FRAME_LONG        1 // the body is in the last descriptor
#define FRAME_DESCRIPTORS (MESSAGES_DESCRIPTORS_MAX + 1)
#define READS_PER_TURN    64 // then the loop gets its turn
// A drain ends with what a socket holds, some hundred; a sender that goes on is cut off here.
#define DRAIN_MAX 10000
#define SEALS     (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

struct frame {
    struct frame *next;
    size_t length;
    unsigned descriptor_count;
    int descriptors[FRAME_DESCRIPTORS];
    uint8_t octets[];
};

struct message_link {
    struct loop_watch *watch;
    int fd;
    bool closed;
    bool reset;  // the other end closed; what it sent is still to be read
    bool *freed; // not NULL while callbacks run: message_link_free says so there
    message_received *received;
    message_link_closed *on_closed;
    void *context;
    struct frame *first, **last;
    size_t waiting;
    uint8_t in[MESSAGES_SIZE_MAX];
};

bool
message_link_pair(int ret_descriptors[static 2], struct fault *fault)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_descriptors) != 0) {
        return fault_set_errno(fault, errno,
                               "cannot make the connection between supervisor and role");
    }
    return true;
}

static void
close_all(int *descriptors, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
            descriptors[i] = -1;
        }
    }
}

static void
frame_free(struct frame *frame)
{
    close_all(frame->descriptors, frame->descriptor_count);
    free(frame);
}

// A sealed memfd with the body; -1 when memory or descriptors are out.
static int
body_to_memfd(struct octets body)
{
    int fd = memfd_create("tandem-message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return -1;
    }
    if (!descriptor_write(fd, body.data, body.length) || fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void
put_header(uint8_t *at, const struct message *message, uint8_t flags)
{
    at[0] = (uint8_t)message->type;
    at[1] = (uint8_t)message->to;
    at[2] = (uint8_t)message->from;
    at[3] = flags;
    octets_put_u32(at + 4, message->zone);
    octets_put_u32(at + 8, (uint32_t)(message->request >> 32));
    octets_put_u32(at + 12, (uint32_t)message->request);
    octets_put_u32(at + 16, (uint32_t)message->body.length);
}

// The frame owns duplicates of the descriptors; NULL when they cannot be had.
static struct frame *
frame_new(const struct message *message)
{
    ENSURE(message->descriptor_count <= MESSAGES_DESCRIPTORS_MAX);
    ENSURE(message->body.length <= MESSAGES_BODY_MAX);
    bool is_long = message->body.length > MESSAGES_SIZE_MAX - FRAME_HEADER;
    size_t body_length = is_long ? 0 : message->body.length;
    struct frame *frame = memory_zalloc(sizeof *frame + FRAME_HEADER + body_length);
    frame->length = FRAME_HEADER + body_length;
    put_header(frame->octets, message, is_long ? FRAME_LONG : 0);
    if (body_length > 0) {
        memcpy(frame->octets + FRAME_HEADER, message->body.data, body_length);
    }
    for (unsigned i = 0; i < message->descriptor_count; i++) {
        int copy = fcntl(message->descriptors[i], F_DUPFD_CLOEXEC, 0);
        frame->descriptors[frame->descriptor_count++] = copy;
        if (copy < 0) {
            frame_free(frame);
            return NULL;
        }
    }
    if (is_long) {
        int body = body_to_memfd(message->body);
        frame->descriptors[frame->descriptor_count++] = body;
        if (body < 0) {
            frame_free(frame);
            return NULL;
        }
    }
    return frame;
}

enum send_result { SEND_DONE, SEND_LATER, SEND_BROKEN };

static enum send_result
parts_send(int fd, struct iovec *parts, size_t part_count, const int *descriptors, unsigned count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * FRAME_DESCRIPTORS)];
    } control = {0};
    struct msghdr envelope = {.msg_iov = parts, .msg_iovlen = part_count};
    if (count > 0) {
        size_t size = sizeof(int) * count;
        envelope.msg_control = control.space;
        envelope.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *header = CMSG_FIRSTHDR(&envelope);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(header), descriptors, size);
    }
    for (;;) {
        if (sendmsg(fd, &envelope, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            return SEND_DONE;
        }
        if (errno == EINTR) {
            continue;
        }
        // ETOOMANYREFS: too many descriptors in flight; the reader takes them out.
        bool later =
            errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS;
        return later ? SEND_LATER : SEND_BROKEN;
    }
}

static enum send_result
frame_send(int fd, const struct frame *frame)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)frame->octets, .iov_len = frame->length};
    return parts_send(fd, &part, 1, frame->descriptors, frame->descriptor_count);
}

// Without a frame: what goes out at once needs no copies of its octets and descriptors.
static enum send_result
message_send(int fd, const struct message *message)
{
    uint8_t header[FRAME_HEADER];
    struct iovec parts[] = {
        {.iov_base = header, .iov_len = sizeof header},
        {.iov_base = (void *)(uintptr_t)message->body.data, .iov_len = message->body.length}};
    if (message->body.length > MESSAGES_SIZE_MAX - FRAME_HEADER) {
        return SEND_LATER;
    }
    ENSURE(message->descriptor_count <= MESSAGES_DESCRIPTORS_MAX);
    put_header(header, message, 0);
    return parts_send(fd, parts, 2, message->descriptors, message->descriptor_count);
}

static void
link_close(struct message_link *link)
{
    if (link->closed) {
        return;
    }
    link->closed = true;
    loop_watch_want(link->watch, 0);
    if (link->on_closed != NULL) {
        link->on_closed(link->context);
    }
}

static void
frame_drop(struct message_link *link)
{
    struct frame *first = link->first;
    link->first = first->next;
    if (link->first == NULL) {
        link->last = &link->first;
    }
    link->waiting--;
    frame_free(first);
}

// Sends what waits until the socket is full. Where nobody reads any more nothing waits; the end is
// told by the reader, behind what the other end sent.
static void
link_flush(struct message_link *link)
{
    enum send_result result = SEND_DONE;
    while (link->first != NULL && result != SEND_LATER) {
        result = result == SEND_BROKEN ? SEND_BROKEN : frame_send(link->fd, link->first);
        if (result != SEND_LATER) {
            frame_drop(link);
        }
    }
    loop_watch_want(link->watch, LOOP_READABLE | (link->first != NULL ? LOOP_WRITABLE : 0U));
}

bool
message_link_send(struct message_link *link, const struct message *message)
{
    if (link->closed) {
        return false;
    }
    if (link->waiting == 0) {
        enum send_result at_once = message_send(link->fd, message);
        if (at_once == SEND_BROKEN) {
            shutdown(link->fd, SHUT_RDWR);
        }
        if (at_once != SEND_LATER) {
            return at_once == SEND_DONE;
        }
    }
    struct frame *frame = link->waiting < MESSAGES_QUEUE_MAX ? frame_new(message) : NULL;
    if (frame == NULL) {
        // Closing from inside a send would call back into the caller: the reader sees the end
        // instead.
        shutdown(link->fd, SHUT_RDWR);
        return false;
    }
    *link->last = frame;
    link->last = &frame->next;
    link->waiting++;
    if (link->waiting > 1) {
        return true; // order: those before it first
    }
    enum send_result result = frame_send(link->fd, frame);
    if (result == SEND_LATER) {
        loop_watch_want(link->watch, LOOP_READABLE | LOOP_WRITABLE);
        return true;
    }
    frame_drop(link);
    if (result == SEND_BROKEN) {
        shutdown(link->fd, SHUT_RDWR);
        return false;
    }
    return true;
}

bool
message_link_tell(struct message_link *link, enum message_role from, enum message_type type,
                  const char *text)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    if (text != NULL) {
        octets_buffer_add_text(&body, text);
    }
    const struct message message = {.type = type,
                                    .to = ROLE_SUPERVISOR,
                                    .from = from,
                                    .zone = MESSAGE_NO_ZONE,
                                    .body = {body.data, body.length}};
    bool sent = message_link_send(link, &message);
    octets_buffer_close(&body);
    return sent;
}

// Collects the descriptors of an envelope; those beyond the limit are closed by the kernel
// (MSG_CTRUNC).
static unsigned
take_descriptors(struct msghdr *envelope, int descriptors[static FRAME_DESCRIPTORS])
{
    unsigned count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(envelope); header != NULL;
         header = CMSG_NXTHDR(envelope, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t octets = header->cmsg_len - CMSG_LEN(0);
        for (size_t i = 0; i + sizeof(int) <= octets; i += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i, sizeof fd);
            if (count < FRAME_DESCRIPTORS) {
                descriptors[count++] = fd;
            } else {
                close(fd); // the padding of a control message has room for one more
            }
        }
    }
    return count;
}

// Maps the body of a long message; false when it is not sealed or not of the length that was said.
static bool
map_body(int fd, size_t length, struct octets *ret_body)
{
    struct stat status;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_WRITE)) != (F_SEAL_SHRINK | F_SEAL_WRITE) ||
        fstat(fd, &status) != 0 || (uint64_t)status.st_size != length ||
        length > MESSAGES_BODY_MAX) {
        return false;
    }
    void *map = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        return false;
    }
    *ret_body = (struct octets){map, length};
    return true;
}

static bool
decode(const uint8_t *in, size_t length, struct message *message, bool *ret_long,
       size_t *ret_body_length)
{
    if (length < FRAME_HEADER) {
        return false;
    }
    message->type = (enum message_type)in[0];
    message->to = (enum message_role)in[1];
    message->from = (enum message_role)in[2];
    message->zone = octets_get_u32(in + 4);
    message->request = ((uint64_t)octets_get_u32(in + 8) << 32) | octets_get_u32(in + 12);
    *ret_body_length = octets_get_u32(in + 16);
    *ret_long = (in[3] & FRAME_LONG) != 0;
    message->body = (struct octets){in + FRAME_HEADER, length - FRAME_HEADER};
    return in[0] < MESSAGE_TYPE_COUNT && in[0] > 0 && in[1] < ROLE_COUNT && in[2] < ROLE_COUNT &&
           (*ret_long || *ret_body_length == message->body.length);
}

// Hands one message on; the receiver may free the link.
static void
deliver(struct message_link *link, size_t length, int *descriptors, unsigned count)
{
    struct message message = {0};
    bool is_long;
    size_t body_length;
    struct octets mapped = {NULL, 0};
    bool good = decode(link->in, length, &message, &is_long, &body_length);
    if (good && is_long) {
        good = count > 0 && map_body(descriptors[count - 1], body_length, &mapped);
        if (good) {
            close(descriptors[--count]);
            message.body = mapped;
        }
    }
    if (good && count <= MESSAGES_DESCRIPTORS_MAX) {
        message.descriptor_count = count;
        memcpy(message.descriptors, descriptors, sizeof(int) * count);
        link->received(link->context, &message);
        close_all(message.descriptors, message.descriptor_count);
    } else {
        close_all(descriptors, count);
    }
    if (mapped.data != NULL) {
        munmap((void *)(uintptr_t)mapped.data, mapped.length);
    }
}

enum receive_result { RECEIVE_AGAIN, RECEIVE_NOTHING, RECEIVE_GONE };

static enum receive_result
receive_one(struct message_link *link)
{
    struct iovec vector = {.iov_base = link->in, .iov_len = sizeof link->in};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * FRAME_DESCRIPTORS)];
    } control;
    struct msghdr envelope = {.msg_iov = &vector,
                              .msg_iovlen = 1,
                              .msg_control = control.space,
                              .msg_controllen = sizeof control.space};
    ssize_t length = recvmsg(link->fd, &envelope, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            return RECEIVE_NOTHING;
        }
        // The other end closed and left messages of ours unread. That is said once, before what it
        // sent: go on to the end.
        if (errno == ECONNRESET && !link->reset) {
            link->reset = true;
            return RECEIVE_AGAIN;
        }
        link_close(link);
        return RECEIVE_GONE;
    }
    int descriptors[FRAME_DESCRIPTORS];
    unsigned count = take_descriptors(&envelope, descriptors);
    if (length == 0 && count == 0) { // end of the connection: an own message is never empty
        link_close(link);
        return RECEIVE_GONE;
    }
    bool *freed = link->freed;
    deliver(link, (size_t)length, descriptors, count);
    return *freed ? RECEIVE_GONE : RECEIVE_AGAIN;
}

static void
link_ready(void *context, unsigned events)
{
    struct message_link *link = context;
    if (link->closed) {
        return;
    }
    bool freed = false;
    link->freed = &freed;
    if ((events & LOOP_WRITABLE) != 0) {
        link_flush(link);
    }
    if ((events & LOOP_READABLE) != 0 && !freed && !link->closed) {
        enum receive_result result = RECEIVE_AGAIN;
        for (unsigned i = 0; i < READS_PER_TURN && result == RECEIVE_AGAIN; i++) {
            result = receive_one(link);
        }
    }
    if (!freed) {
        link->freed = NULL;
    }
}

void
message_link_drain(struct message_link *link)
{
    bool freed = false;
    ENSURE(link->freed == NULL);
    link->freed = &freed;
    enum receive_result result = link->closed ? RECEIVE_GONE : RECEIVE_AGAIN;
    for (unsigned i = 0; i < DRAIN_MAX && result == RECEIVE_AGAIN; i++) {
        result = receive_one(link);
    }
    if (!freed) {
        link->freed = NULL;
    }
}

struct message_link *
message_link_new(struct loop *loop, int *descriptor, message_received *received,
                 message_link_closed *closed, void *context)
{
    struct message_link *link = memory_zalloc(sizeof *link);
    link->fd = *descriptor;
    *descriptor = -1;
    link->received = received;
    link->on_closed = closed;
    link->context = context;
    link->last = &link->first;
    link->watch = loop_watch_new(loop, link->fd, link_ready, link);
    loop_watch_want(link->watch, LOOP_READABLE);
    return link;
}

void
message_link_free(struct message_link **link)
{
    struct message_link *old = *link;
    if (old == NULL) {
        return;
    }
    if (old->freed != NULL) {
        *old->freed = true;
    }
    loop_watch_free(&old->watch);
    close(old->fd);
    while (old->first != NULL) {
        frame_drop(old);
    }
    free(old);
    *link = NULL;
}

size_t
message_link_waiting(const struct message_link *link)
{
    return link->waiting;
}
