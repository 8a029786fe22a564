// needs: net dns
// transfer_sink ADDRESS@PORT QUERY [-l SECONDS] [-r MIB] [-d]: sends one query, given in
// hexadecimal digits and perhaps signed, by TCP, and takes the zone transfer that comes until its
// closing SOA. It reads each RR's head and no more, checks no signature and keeps nothing, so that
// it is not the limit of a server that is measured. -l: gives up after so many seconds (exit 3).
// -r: reads no more than so many MiB in a second. -d: a digest of all RRs but the SOAs in any
// order, with owners unpacked and RDATA as it comes (comparable where the sender packs no names
// there). Prints "seconds S" (connect to the closing SOA), "octets N" (with TCP's lengths),
// "messages N", "signed N" (messages with something in the additional section), "records N" (SOAs
// not counted), "addresses N", "serial N", "last_serial N", "cpu S" (of this program), "digest X".
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "common/dns/message_read.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "common/net/address.h"

#define BUFFER_SIZE     (1 << 18)
#define QUERY_MAX       1024
#define LIMIT_DEFAULT   3600
#define RR_HEAD_SIZE    10 // type, class, TTL, RDLENGTH
#define SOA_TIMERS_SIZE 20 // serial to minimum, the end of a SOA's RDATA
#define POINTER_FLAGS   0xC0
#define FNV_BASIS       UINT64_C(14695981039346656037)
#define FNV_PRIME       UINT64_C(1099511628211)
#define EXIT_LIMIT      3

struct sink {
    struct address address;
    uint8_t query[2 + QUERY_MAX]; // behind its length
    size_t query_length;
    double limit, rate; // rate: octets by second; 0: as they come
    bool wants_digest;
    int fd;
    double began;
    uint8_t *buffer;
    size_t filled, used;
    unsigned long octets, messages, with_additional, records, addresses;
    unsigned soas;
    uint32_t serial[2];
    uint64_t digest;
};

static void
give_up(const char *what, int code)
{
    fprintf(stderr, "transfer_sink: %s\n", what);
    exit(code);
}

static double
seconds_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static bool
query_read(struct sink *sink, const char *digits)
{
    size_t length = strlen(digits) / 2;
    if (length < MESSAGE_HEADER_SIZE || length > QUERY_MAX)
        return false;
    octets_put_u16(sink->query, (uint16_t)length);
    for (size_t i = 0; i < length; i++) {
        const char octet[] = {digits[2 * i], digits[2 * i + 1], '\0'};
        char *end;
        sink->query[2 + i] = (uint8_t)strtoul(octet, &end, 16);
        if (*end)
            return false;
    }
    sink->query_length = 2 + length;
    return true;
}

static bool
options_read(struct sink *sink, int count, char **values)
{
    struct fault fault;
    sink->limit = LIMIT_DEFAULT;
    for (int option; (option = getopt(count, values, "l:r:d")) != -1;) {
        if (option == '?')
            return false;
        if (option == 'l')
            sink->limit = strtod(optarg, NULL);
        if (option == 'r')
            sink->rate = strtod(optarg, NULL) * (1 << 20);
        sink->wants_digest |= option == 'd';
    }
    return count - optind == 2 &&
           address_from_text(values[optind], ADDRESS_PORT_DNS, &sink->address, &fault) &&
           query_read(sink, values[optind + 1]);
}

static void
query_send(struct sink *sink)
{
    sink->began = seconds_now();
    sink->fd = socket(sink->address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sink->fd < 0 ||
        connect(sink->fd, &sink->address.any, address_sockaddr_length(&sink->address)) != 0 ||
        send(sink->fd, sink->query, sink->query_length, MSG_NOSIGNAL) !=
            (ssize_t)sink->query_length)
        give_up(strerror(errno), EXIT_FAILURE);
}

// Not sooner than the rate allows, not later than the limit.
static void
turn_wait(const struct sink *sink)
{
    double now = seconds_now(), left = sink->began + sink->limit - now;
    double due = sink->rate > 0 ? sink->began + (double)sink->octets / sink->rate : 0;
    struct pollfd poller = {.fd = sink->fd, .events = POLLIN};
    if (due > now)
        usleep((useconds_t)((due - now) * 1e6));
    if (left <= 0 || poll(&poller, 1, (int)(left * 1000) + 1) == 0)
        give_up("not complete within its limit", EXIT_LIMIT);
}

static void
octets_receive(struct sink *sink)
{
    turn_wait(sink);
    memmove(sink->buffer, sink->buffer + sink->used, sink->filled - sink->used);
    sink->filled -= sink->used;
    sink->used = 0;
    ssize_t length = recv(sink->fd, sink->buffer + sink->filled, BUFFER_SIZE - sink->filled, 0);
    if (length <= 0)
        give_up(length < 0 ? strerror(errno) : "the connection ended before the closing SOA",
                EXIT_FAILURE);
    sink->filled += (size_t)length;
    sink->octets += (size_t)length;
}

static uint64_t
fnv_add(uint64_t hash, const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ octets[i]) * FNV_PRIME;
    return hash;
}

// The digest is a sum, so the order of RRs does not count.
static void
digest_add(struct sink *sink, struct octets message, size_t owner_at, const uint8_t *head,
           uint16_t rdlength)
{
    uint8_t owner[NAME_SIZE_MAX], lower[NAME_SIZE_MAX];
    struct octets_reader reader;
    octets_reader_init(&reader, message.data, message.length);
    octets_seek(&reader, owner_at);
    if (!name_read(&reader, owner))
        give_up("an owner name that is none", EXIT_FAILURE);
    uint64_t hash = fnv_add(FNV_BASIS, lower, name_copy_lower(lower, owner));
    sink->digest += fnv_add(hash, head, RR_HEAD_SIZE + (size_t)rdlength);
}

static void
soa_take(struct sink *sink, const uint8_t *rdata, uint16_t rdlength)
{
    if (rdlength < SOA_TIMERS_SIZE || sink->soas >= 2)
        give_up("a SOA that does not belong there", EXIT_FAILURE);
    sink->serial[sink->soas++] = octets_get_u32(rdata + rdlength - SOA_TIMERS_SIZE);
}

// Where the name at the position ends.
static size_t
name_pass(struct octets message, size_t at)
{
    while (at < message.length && message.data[at] != 0) {
        if ((message.data[at] & POINTER_FLAGS) == POINTER_FLAGS)
            return at + 2;
        at += message.data[at] + 1U;
    }
    return at + 1;
}

// One RR; gives where it ends.
static size_t
rr_take(struct sink *sink, struct octets message, size_t owner_at)
{
    size_t at = name_pass(message, owner_at);
    if (at + RR_HEAD_SIZE > message.length)
        give_up("a message that is cut", EXIT_FAILURE);
    const uint8_t *head = message.data + at;
    uint16_t type = octets_get_u16(head), rdlength = octets_get_u16(head + 8);
    if (at + RR_HEAD_SIZE + rdlength > message.length)
        give_up("an RR that is cut", EXIT_FAILURE);
    if (type == RRTYPE_SOA) {
        soa_take(sink, head + RR_HEAD_SIZE, rdlength);
    } else {
        sink->records++;
        sink->addresses += type == RRTYPE_A || type == RRTYPE_AAAA;
        if (sink->wants_digest)
            digest_add(sink, message, owner_at, head, rdlength);
    }
    return at + RR_HEAD_SIZE + rdlength;
}

static void
message_take(struct sink *sink, struct octets message)
{
    char text[64];
    if (message.length < MESSAGE_HEADER_SIZE)
        give_up("a message without a header", EXIT_FAILURE);
    unsigned rcode = message.data[3] & 15, questions = octets_get_u16(message.data + 4);
    unsigned answers = octets_get_u16(message.data + 6);
    snprintf(text, sizeof text, "refused: RCODE %u", rcode);
    if (rcode)
        give_up(text, EXIT_FAILURE);
    size_t at = MESSAGE_HEADER_SIZE;
    for (; questions > 0; questions--)
        at = name_pass(message, at) + 4;
    for (; answers > 0; answers--)
        at = rr_take(sink, message, at);
    sink->messages++;
    sink->with_additional += octets_get_u16(message.data + 10) > 0;
}

// All whole messages that are there.
static void
messages_take(struct sink *sink)
{
    while (sink->soas < 2 && sink->filled - sink->used >= 2) {
        size_t length = octets_get_u16(sink->buffer + sink->used);
        if (sink->filled - sink->used - 2 < length)
            return;
        message_take(sink, (struct octets){sink->buffer + sink->used + 2, length});
        sink->used += 2 + length;
    }
}

static void
figures_print(const struct sink *sink)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("seconds %.6f\noctets %lu\nmessages %lu\nsigned %lu\nrecords %lu\naddresses %lu\n",
           seconds_now() - sink->began, sink->octets, sink->messages, sink->with_additional,
           sink->records, sink->addresses);
    printf("serial %u\nlast_serial %u\ncpu %.6f\n", sink->serial[0], sink->serial[1], cpu);
    if (sink->wants_digest)
        printf("digest %016llx\n", (unsigned long long)sink->digest);
}

int
main(int count, char **values)
{
    static struct sink sink;
    if (!options_read(&sink, count, values)) {
        fprintf(stderr, "usage: transfer_sink [-l SECONDS] [-r MIB] [-d] ADDRESS@PORT QUERY\n");
        return 2;
    }
    sink.buffer = memory_alloc(BUFFER_SIZE);
    query_send(&sink);
    while (sink.soas < 2) {
        octets_receive(&sink);
        messages_take(&sink);
    }
    figures_print(&sink);
    close(sink.fd);
    free(sink.buffer);
    return 0;
}
