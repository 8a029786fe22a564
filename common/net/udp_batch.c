// What costs, and who pays. A system call is about as dear as an answer, so 64 packets share one.
// Everything that recvmmsg and sendmmsg need (headers, vectors, control messages) is laid out once;
// between two batches only the lengths that the kernel overwrote are put back, and only for the
// packets that the last batch used.
//
// The reply's source. The control message of the request names the address that was asked and the
// interface; the address goes back with the answer, the interface does not (it would force the
// answer out where the question came in, against the routing table), except with link-local
// addresses, which mean nothing without it.
//
// A full send buffer. Waiting would stop every other client for the sake of one slow path, and UDP
// clients ask again: what the kernel does not take at once is dropped and counted.
#include "common/net/udp_batch.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define CACHE_LINE   64
#define CONTROL_SIZE CMSG_SPACE(sizeof(struct in6_pktinfo)) // in_pktinfo is shorter

struct control {
    _Alignas(struct in6_pktinfo) _Alignas(size_t) uint8_t octets[CONTROL_SIZE]; // as a cmsghdr's
};

struct udp_batch {
    // Room for all of the largest size; used from the front, so that a batch of usual answers stays
    // in the first cache and in a few pages.
    _Alignas(CACHE_LINE) uint8_t response[UDP_BATCH_PACKETS * UDP_BATCH_RESPONSE_SIZE];
    struct udp_batch_seen *seen;
    bool owns_seen;
    unsigned count; // of the last receive
    struct udp_packet packet[UDP_BATCH_PACKETS];
    struct mmsghdr in[UDP_BATCH_PACKETS];
    struct iovec in_vector[UDP_BATCH_PACKETS];
    struct mmsghdr out[UDP_BATCH_PACKETS];
    struct iovec out_vector[UDP_BATCH_PACKETS];
    struct control control[UDP_BATCH_PACKETS];
    struct udp_batch_counters counters;
};

// What the kernel shortened in the last batch gets its full size back.
static void
restore_header(struct udp_batch *batch, unsigned index)
{
    struct msghdr *header = &batch->in[index].msg_hdr;
    header->msg_namelen = sizeof(struct address);
    header->msg_controllen = sizeof(struct control);
    header->msg_flags = 0;
}

static void
lay_out(struct udp_batch *batch, unsigned index)
{
    struct udp_packet *packet = &batch->packet[index];
    struct msghdr *header = &batch->in[index].msg_hdr;
    batch->in_vector[index].iov_base = batch->seen->request[index];
    batch->in_vector[index].iov_len = UDP_BATCH_REQUEST_SIZE;
    header->msg_iov = &batch->in_vector[index];
    header->msg_iovlen = 1;
    header->msg_name = &batch->seen->packet[index].peer;
    header->msg_control = &batch->control[index];
    restore_header(batch, index);
    packet->request = batch->seen->request[index];
    packet->peer = &batch->seen->packet[index].peer;
    packet->response = batch->response;
}

// Aligned to a cache line, as recvmmsg and the answers fill it in order.
static void *
aligned_zalloc(size_t size)
{
    size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    void *memory = aligned_alloc(CACHE_LINE, size);
    ENSURE(memory != NULL);
    memset(memory, 0, size);
    return memory;
}

struct udp_batch *
udp_batch_new(struct udp_batch_seen *memory)
{
    struct udp_batch *batch = aligned_zalloc(sizeof(*batch));
    batch->owns_seen = memory == NULL;
    batch->seen = memory ? memory : aligned_zalloc(sizeof(*batch->seen));
    for (unsigned i = 0; i < UDP_BATCH_PACKETS; i++)
        lay_out(batch, i);
    return batch;
}

void
udp_batch_free(struct udp_batch **batch)
{
    if (*batch && (*batch)->owns_seen)
        free((*batch)->seen);
    free(*batch);
    *batch = NULL;
}

// The answer's way out: the local address stays, the interface goes unless the address needs it.
static void
forget_interface(struct msghdr *header)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    if (!control)
        return;
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        ((struct in_pktinfo *)(void *)CMSG_DATA(control))->ipi_ifindex = 0;
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo *info = (struct in6_pktinfo *)(void *)CMSG_DATA(control);
        if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
            info->ipi6_ifindex = 0;
    }
}

static void
take_in(struct udp_batch *batch, unsigned index)
{
    struct msghdr *header = &batch->in[index].msg_hdr;
    struct udp_packet *packet = &batch->packet[index];
    packet->request_length = batch->in[index].msg_len;
    packet->request_cut = (header->msg_flags & MSG_TRUNC) != 0;
    packet->response_length = 0;
    batch->seen->packet[index].length = batch->in[index].msg_len;
    forget_interface(header);
}

unsigned
udp_batch_receive(struct udp_batch *batch, int fd)
{
    for (unsigned i = 0; i < batch->count; i++)
        restore_header(batch, i);
    int received = recvmmsg(fd, batch->in, UDP_BATCH_PACKETS, MSG_DONTWAIT, NULL);
    batch->count = received > 0 ? (unsigned)received : 0;
    if (batch->count == 0)
        return 0;
    for (unsigned i = 0; i < batch->count; i++)
        take_in(batch, i);
    batch->seen->count = batch->count;
    batch->counters.received += batch->count;
    return batch->count;
}

// The store must be in memory before the packet is looked at: if the answer crashes, another
// process reads it.
static void
mark_current(struct udp_batch *batch, unsigned index)
{
    __atomic_store_n(&batch->seen->current, index, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
}

// Behind the response before it, on a cache line of its own.
static uint8_t *
response_place(struct udp_batch *batch, unsigned index)
{
    if (index == 0)
        return batch->response;
    const struct udp_packet *before = &batch->packet[index - 1];
    size_t lines = (before->response_length + CACHE_LINE - 1) / CACHE_LINE;
    return before->response + lines * CACHE_LINE;
}

struct udp_packet *
udp_batch_packet(struct udp_batch *batch, unsigned index)
{
    ENSURE(index < batch->count);
    mark_current(batch, index);
    batch->packet[index].response = response_place(batch, index);
    return &batch->packet[index];
}

// The message number place of the sending batch answers packet index.
static void
lay_out_response(struct udp_batch *batch, unsigned place, unsigned index)
{
    const struct msghdr *in = &batch->in[index].msg_hdr;
    struct msghdr *out = &batch->out[place].msg_hdr;
    ENSURE(batch->packet[index].response_length <= UDP_BATCH_RESPONSE_SIZE);
    batch->out_vector[place].iov_base = batch->packet[index].response;
    batch->out_vector[place].iov_len = batch->packet[index].response_length;
    out->msg_iov = &batch->out_vector[place];
    out->msg_iovlen = 1;
    out->msg_name = in->msg_name;
    out->msg_namelen = in->msg_namelen;
    out->msg_control = in->msg_controllen ? in->msg_control : NULL;
    out->msg_controllen = in->msg_controllen;
}

static void
send_all(struct udp_batch *batch, int fd, unsigned count)
{
    unsigned done = 0;
    while (done < count) { // every turn passes at least one message, or ends, or was interrupted
        int sent = sendmmsg(fd, batch->out + done, count - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            done += (unsigned)sent;
            batch->counters.sent += (unsigned)sent;
        } else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
            batch->counters.dropped_full += count - done;
            return;
        } else if (errno != EINTR) {
            batch->counters.dropped_failed++;
            done++;
        }
    }
}

void
udp_batch_send(struct udp_batch *batch, int fd)
{
    unsigned count = 0;
    mark_current(batch, batch->count);
    for (unsigned i = 0; i < batch->count; i++)
        if (batch->packet[i].response_length > 0)
            lay_out_response(batch, count++, i);
    send_all(batch, fd, count);
}

const struct udp_batch_counters *
udp_batch_counted(const struct udp_batch *batch)
{
    return &batch->counters;
}

const uint8_t *
udp_batch_seen_packet(const struct udp_batch_seen *seen, unsigned index, size_t *ret_length,
                      struct address *ret_peer)
{
    if (index >= UDP_BATCH_PACKETS || index >= __atomic_load_n(&seen->count, __ATOMIC_RELAXED))
        return NULL;
    uint32_t length = __atomic_load_n(&seen->packet[index].length, __ATOMIC_RELAXED);
    if (length > UDP_BATCH_REQUEST_SIZE)
        return NULL;
    *ret_length = length;
    *ret_peer = seen->packet[index].peer;
    return seen->request[index];
}
