// needs: net dns
// slow_resolver ADDRESS@PORT DELAY_MS [CHANGE_MS]: a resolver for ten thousand targets, each answer
// a constant time after its question, however many are asked at once (UDP only). Every name has one
// A and one AAAA, made of the digits of its first label: t004711.example. is 10.V.18.103 and
// 2001:db8::V:1267, other types have no data. V is 0, or, with CHANGE_MS, becomes one more for a
// hundredth of the names at a time. Prints "ready" when it listens. Ends by TERM.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/octets.h"
#include "common/dns/message_read.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "common/net/address.h"

#define WAITING_MAX   4096 // a power of two; a question beyond is lost, as in a full socket buffer
#define QUESTION_MAX  512
#define ANSWER_MAX    (QUESTION_MAX + 64)
#define TTL           30
#define CHANGE_SHARES 100
#define BUFFER_SIZE   (1 << 22) // of the socket; the kernel gives what it allows
#define NO_EVENT_S    3600
#define SLOT          0xC00C

struct question {
    double due;
    struct sockaddr_storage peer;
    socklen_t peer_length;
    size_t length;
    uint8_t octets[QUESTION_MAX];
};
struct resolver {
    int fd;
    double began, delay, change; // seconds; change 0: never
    struct question waiting[WAITING_MAX];
    unsigned first, count;
};

static double
seconds_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

// Takes what has come. All wait equally long, so they leave in the order in which they came.
static void
questions_take(struct resolver *resolver)
{
    struct question lost;
    for (;;) {
        bool full = resolver->count == WAITING_MAX;
        struct question *to =
            full ? &lost : &resolver->waiting[(resolver->first + resolver->count) % WAITING_MAX];
        to->peer_length = sizeof to->peer;
        ssize_t length = recvfrom(resolver->fd, to->octets, sizeof to->octets, MSG_DONTWAIT,
                                  (struct sockaddr *)&to->peer, &to->peer_length);
        if (length < 0)
            return;
        to->length = (size_t)length;
        to->due = seconds_now() + resolver->delay;
        resolver->count += !full;
    }
}

static unsigned
label_number(const uint8_t *name)
{
    unsigned number = 0;
    for (unsigned i = 1; i <= *name; i++)
        if (name[i] >= '0' && name[i] <= '9')
            number = number * 10 + (unsigned)(name[i] - '0');
    return number;
}

// How often the name's addresses have changed.
static unsigned
name_change(const struct resolver *resolver, unsigned number)
{
    if (resolver->change <= 0)
        return 0;
    double ticks = (seconds_now() - resolver->began) / resolver->change;
    return ((unsigned)ticks + number % CHANGE_SHARES) / CHANGE_SHARES & 0xff;
}

static bool
address_write(struct octets_writer *writer, uint16_t type, unsigned number, unsigned change)
{
    if (type != RRTYPE_A && type != RRTYPE_AAAA)
        return false;
    octets_write_u16(writer, SLOT);
    octets_write_u16(writer, type);
    octets_write_u16(writer, RRCLASS_IN);
    octets_write_u32(writer, TTL);
    octets_write_u16(writer, type == RRTYPE_A ? 4 : 16);
    if (type == RRTYPE_A) {
        octets_write_u32(writer, 10U << 24 | change << 16 | (number & 0xffff));
        return true;
    }
    octets_write_u64(writer, UINT64_C(0x20010db800000000));
    octets_write_u32(writer, change);
    octets_write_u32(writer, number);
    return true;
}

// The answer's octets; 0: it is no question. What the question had behind its name (an OPT) is
// answered with an empty OPT.
static size_t
answer_make(const struct resolver *resolver, const struct question *question,
            uint8_t answer[static ANSWER_MAX])
{
    struct octets_reader reader;
    struct octets_writer writer;
    struct message_header header;
    struct message_question asked;
    octets_reader_init(&reader, question->octets, question->length);
    if (!message_read_header(&reader, &header) || header.qdcount != 1 ||
        !message_read_question(&reader, &asked))
        return 0;
    octets_writer_init(&writer, answer, ANSWER_MAX);
    octets_write(&writer, question->octets, octets_position(&reader));
    unsigned number = label_number(asked.name);
    bool has = address_write(&writer, asked.type, number, name_change(resolver, number));
    if (header.arcount)
        octets_write(&writer, "\0\0\51\4\320\0\0\0\0\0\0", 11);
    octets_patch_u16(&writer, 2, (uint16_t)(MESSAGE_QR | MESSAGE_RA | (header.flags & MESSAGE_RD)));
    octets_patch_u16(&writer, 6, has);
    octets_patch_u16(&writer, 8, 0);
    octets_patch_u16(&writer, 10, header.arcount > 0);
    return writer.failed ? 0 : octets_written(&writer);
}

static void
answers_send(struct resolver *resolver)
{
    uint8_t answer[ANSWER_MAX];
    double now = seconds_now();
    while (resolver->count > 0 && resolver->waiting[resolver->first].due <= now) {
        const struct question *question = &resolver->waiting[resolver->first];
        size_t length = answer_make(resolver, question, answer);
        if (length > 0)
            sendto(resolver->fd, answer, length, 0, (const struct sockaddr *)&question->peer,
                   question->peer_length);
        resolver->first = (resolver->first + 1) % WAITING_MAX;
        resolver->count--;
    }
}

static void
event_wait(const struct resolver *resolver)
{
    struct pollfd poller = {.fd = resolver->fd, .events = POLLIN};
    double left =
        resolver->count > 0 ? resolver->waiting[resolver->first].due - seconds_now() : NO_EVENT_S;
    left = left > 0 ? left : 0;
    struct timespec time = {.tv_sec = (time_t)left,
                            .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
    ppoll(&poller, 1, &time, NULL);
}

static bool
socket_open(struct resolver *resolver, const struct address *address)
{
    const int buffer_size = BUFFER_SIZE;
    resolver->fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (resolver->fd < 0 ||
        bind(resolver->fd, &address->any, address_sockaddr_length(address)) != 0)
        return false;
    setsockopt(resolver->fd, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size);
    return true;
}

int
main(int count, char **values)
{
    static struct resolver resolver;
    struct address address;
    struct fault fault = {.text = ""};
    if (count != 3 && count != 4) {
        fprintf(stderr, "usage: slow_resolver ADDRESS@PORT DELAY_MS [CHANGE_MS]\n");
        return 2;
    }
    resolver.delay = strtod(values[2], NULL) / 1000;
    resolver.change = count > 3 ? strtod(values[3], NULL) / 1000 : 0;
    if (!address_from_text(values[1], ADDRESS_PORT_DNS, &address, &fault) ||
        !socket_open(&resolver, &address)) {
        fprintf(stderr, "slow_resolver: %s\n", fault.text[0] ? fault.text : strerror(errno));
        return 1;
    }
    resolver.began = seconds_now();
    printf("ready\n");
    fflush(stdout);
    for (;;) { // until TERM
        event_wait(&resolver);
        questions_take(&resolver);
        answers_send(&resolver);
    }
}
