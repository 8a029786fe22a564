// needs: net
// tcp_echo ADDRESS@PORT [SIZE]: sends every DNS message that comes by TCP back with QR set, filled
// up with zeros to SIZE octets: one epoll_wait for all connections, one recv and one send for what
// has come on each, and nothing between. So its CPU for each message is what the kernel's TCP and
// its wake-ups cost: the least that a server on this machine can need. "ready" goes to standard
// output when it listens; TERM ends it. Not for strangers: a message in two pieces ends its
// connection.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/dns/message_read.h"
#include "common/net/listen.h"

#define EVENTS_MAX     64
#define REQUESTS_SIZE  65536     // octets that one recv takes
#define RESPONSES_SIZE (1 << 22) // what they become: at SIZE 1232 that is 3,400 messages
#define FRAME_HEAD     2         // RFC 1035 section 4.2.2

static uint8_t requests[REQUESTS_SIZE], responses[RESPONSES_SIZE];

// How many octets of responses; 0: not whole messages.
static size_t
respond(size_t length, size_t size)
{
    size_t at = 0, used = 0;
    while (at + FRAME_HEAD + MESSAGE_HEADER_SIZE <= length) {
        size_t message = (size_t)requests[at] << 8 | requests[at + 1];
        size_t answer = message < size ? size : message;
        if (message < MESSAGE_HEADER_SIZE || message > length - at - FRAME_HEAD ||
            used + FRAME_HEAD + answer > sizeof responses) {
            return 0;
        }
        uint8_t *out = responses + used;
        out[0] = (uint8_t)(answer >> 8);
        out[1] = (uint8_t)answer;
        memcpy(out + FRAME_HEAD, requests + at + FRAME_HEAD, message);
        memset(out + FRAME_HEAD + message, 0, answer - message);
        out[FRAME_HEAD + 2] |= MESSAGE_QR >> 8;
        at += FRAME_HEAD + message;
        used += FRAME_HEAD + answer;
    }
    return at == length ? used : 0;
}

static void
serve(int fd, size_t size)
{
    ssize_t got = recv(fd, requests, sizeof requests, 0);
    size_t used = got > 0 ? respond((size_t)got, size) : 0;
    if (used == 0 || send(fd, responses, used, MSG_NOSIGNAL) != (ssize_t)used)
        close(fd);
}

static void
watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        perror("tcp_echo: epoll_ctl");
}

int
main(int count, char **values)
{
    struct address address, peer;
    struct fault fault = {0};
    const struct listen_options options = {0};
    struct epoll_event events[EVENTS_MAX];
    int listener, fd, epoll = epoll_create1(0);
    size_t size = count == 3 ? strtoul(values[2], NULL, 10) : 0;
    if (count < 2 || count > 3 || size > UINT16_MAX) {
        fprintf(stderr, "usage: tcp_echo ADDRESS@PORT [SIZE]\n");
        return 2;
    }
    if (!address_from_text(values[1], ADDRESS_PORT_DNS, &address, &fault) ||
        !listen_tcp(&address, &options, &listener, &fault)) {
        fprintf(stderr, "tcp_echo: %s\n", fault.text);
        return 1;
    }
    watch(epoll, listener);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != listener)
                serve(events[i].data.fd, size);
            else if (listen_accept(listener, &fd, &peer) == LISTEN_ACCEPTED)
                watch(epoll, fd);
        }
    }
}
