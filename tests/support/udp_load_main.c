// needs: net dns
// udp_load ADDRESS@PORT FILE SECONDS [-d] [-w WINDOW]: asks the questions of a file ("NAME TYPE" a
// line, as dnsperf reads them) again and again, WINDOW of them without an answer at a time, in
// batches, from one socket. dnsperf needs two system calls for each question, so a server in
// batches is faster than it: the server waits, its batches shrink, and what is measured is dnsperf.
// -d: EDNS with DO. Prints "sent N", "received N", "lost N" (no answer within LOST_SECONDS),
// "seconds S", "octets N" (of all answers) and "rcode CODE N".
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

#define BATCH_PACKETS  64
#define WINDOW_MAX     1024
#define WINDOW_DEFAULT 160 // what a socket buffer of Linux's default size holds of small packets
#define REQUEST_MAX    (MESSAGE_HEADER_SIZE + NAME_SIZE_MAX + 4 + 11)
#define RESPONSE_MAX   4096
#define LOST_SECONDS   0.5
#define POLL_MS        10
#define EDNS_SIZE      1232
#define BUFFER_SIZE    (1 << 20) // of the socket, for large answers; the kernel gives what it allows
#define RCODES         16

struct load {
    struct octets_buffer questions; // each: its length (u16), then the packet
    size_t question;                // where the next one starts
    int fd;
    bool dnssec;
    uint16_t window;
    uint16_t free[WINDOW_MAX]; // numbers (message IDs) that are not on their way
    unsigned free_count;
    double sent_at[WINDOW_MAX]; // 0: not on its way
    uint8_t request[BATCH_PACKETS][REQUEST_MAX];
    uint8_t response[BATCH_PACKETS][RESPONSE_MAX];
    struct mmsghdr out[BATCH_PACKETS], in[BATCH_PACKETS];
    struct iovec out_part[BATCH_PACKETS], in_part[BATCH_PACKETS];
    unsigned long sent, received, lost, octets, rcode[RCODES];
};

static double
seconds_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

// The question's packet, behind its length; its ID is put in when it is sent.
static bool
question_add(struct load *load, const char *name_text, const char *type_text)
{
    static const uint8_t opt[] = {0, 0, 41, EDNS_SIZE >> 8, EDNS_SIZE & 255, 0, 0, 0x80, 0, 0, 0};
    uint8_t name[NAME_SIZE_MAX];
    uint16_t type;
    struct octets_buffer *to = &load->questions;
    if (!name_from_text(name_text, (const uint8_t *)"", name, NULL) ||
        !rrtype_from_text(type_text, &type))
        return false;
    size_t length = name_length(name), extra = load->dnssec ? sizeof opt : 0;
    octets_buffer_add_u16(to, (uint16_t)(MESSAGE_HEADER_SIZE + length + 4 + extra));
    octets_buffer_add_u32(to, 0);
    octets_buffer_add_u16(to, 1);
    octets_buffer_add_u32(to, 0);
    octets_buffer_add_u16(to, load->dnssec);
    octets_buffer_add(to, name, length);
    octets_buffer_add_u16(to, type);
    octets_buffer_add_u16(to, 1);
    octets_buffer_add(to, opt, extra);
    return true;
}

static bool
questions_read(struct load *load, const char *path)
{
    char line[2 * NAME_TEXT_MAX], name[NAME_TEXT_MAX], type[32];
    FILE *file = fopen(path, "re");
    bool good = file != NULL;
    while (good && fgets(line, sizeof line, file))
        good = sscanf(line, "%1024s %31s", name, type) == 2 && question_add(load, name, type);
    if (file)
        fclose(file);
    return good && load->questions.length > 0;
}

// Puts the next question, with a free number, into the batch.
static void
request_put(struct load *load, unsigned index, double now)
{
    const uint8_t *from = load->questions.data + load->question;
    size_t length = (size_t)from[0] << 8 | from[1];
    uint16_t id = load->free[--load->free_count];
    memcpy(load->request[index], from + 2, length);
    load->request[index][0] = (uint8_t)(id >> 8);
    load->request[index][1] = (uint8_t)id;
    load->out_part[index].iov_len = length;
    load->sent_at[id] = now;
    load->question += 2 + length;
    if (load->question == load->questions.length)
        load->question = 0;
}

static void
requests_send(struct load *load, double now)
{
    unsigned count = load->free_count < BATCH_PACKETS ? load->free_count : BATCH_PACKETS;
    unsigned done = 0;
    for (unsigned i = 0; i < count; i++)
        request_put(load, i, now);
    while (done < count) {
        int more = sendmmsg(load->fd, load->out + done, count - done, 0);
        if (more <= 0)
            break; // what is not sent is lost by its time-out
        done += (unsigned)more;
    }
    load->sent += count;
}

static void
response_count(struct load *load, const uint8_t *response, size_t length)
{
    uint16_t id = (uint16_t)(response[0] << 8 | response[1]);
    if (length < MESSAGE_HEADER_SIZE || id >= load->window || load->sent_at[id] == 0)
        return;
    load->sent_at[id] = 0;
    load->free[load->free_count++] = id;
    load->received++;
    load->octets += length;
    load->rcode[response[3] & 15]++;
}

// Answers that are there; none: waits for some.
static bool
responses_take(struct load *load)
{
    struct pollfd poller = {.fd = load->fd, .events = POLLIN};
    int count = recvmmsg(load->fd, load->in, BATCH_PACKETS, MSG_DONTWAIT, NULL);
    if (count < 0 && errno == EAGAIN && load->free_count == 0)
        poll(&poller, 1, POLL_MS);
    for (int i = 0; i < count; i++)
        response_count(load, load->response[i], load->in[i].msg_len);
    return count >= 0 || errno == EAGAIN || errno == EINTR;
}

static void
lost_take_back(struct load *load, double before)
{
    for (uint16_t id = 0; id < load->window; id++)
        if (load->sent_at[id] != 0 && load->sent_at[id] < before) {
            load->sent_at[id] = 0;
            load->free[load->free_count++] = id;
            load->lost++;
        }
}

static bool
load_run(struct load *load, double seconds)
{
    double began = seconds_now(), now = began, looked = began;
    bool good = true;
    while (good && now - began < seconds) {
        requests_send(load, now);
        good = responses_take(load);
        now = seconds_now();
        if (now - looked > LOST_SECONDS / 5) {
            lost_take_back(load, now - LOST_SECONDS);
            looked = now;
        }
    }
    printf("sent %lu\nreceived %lu\nlost %lu\nseconds %.6f\noctets %lu\n", load->sent,
           load->received, load->lost, now - began, load->octets);
    for (unsigned i = 0; i < RCODES; i++)
        if (load->rcode[i] > 0)
            printf("rcode %u %lu\n", i, load->rcode[i]);
    return good;
}

static void
batches_init(struct load *load)
{
    for (unsigned i = 0; i < BATCH_PACKETS; i++) {
        load->out_part[i].iov_base = load->request[i];
        load->in_part[i] = (struct iovec){load->response[i], RESPONSE_MAX};
        load->out[i].msg_hdr = (struct msghdr){.msg_iov = &load->out_part[i], .msg_iovlen = 1};
        load->in[i].msg_hdr = (struct msghdr){.msg_iov = &load->in_part[i], .msg_iovlen = 1};
    }
    for (uint16_t id = 0; id < load->window; id++)
        load->free[load->free_count++] = id;
}

static bool
options_read(struct load *load, int count, char **values)
{
    unsigned long window = WINDOW_DEFAULT;
    for (int option; (option = getopt(count, values, "dw:")) != -1;) {
        if (option == '?')
            return false;
        if (option == 'd')
            load->dnssec = true;
        if (option == 'w')
            window = strtoul(optarg, NULL, 10);
    }
    load->window = (uint16_t)window;
    return count - optind == 3 && window > 0 && window <= WINDOW_MAX;
}

int
main(int count, char **values)
{
    static struct load load;
    struct address address;
    struct fault fault = {0};
    const int buffer_size = BUFFER_SIZE;
    octets_buffer_init(&load.questions);
    if (!options_read(&load, count, values)) {
        fprintf(stderr, "usage: udp_load [-d] [-w WINDOW] ADDRESS@PORT FILE SECONDS\n");
        return 2;
    }
    if (!address_from_text(values[optind], ADDRESS_PORT_DNS, &address, &fault) ||
        !questions_read(&load, values[optind + 1])) {
        fprintf(stderr, "udp_load: %s\n", fault.text[0] ? fault.text : "no questions in the file");
        return 1;
    }
    load.fd = socket(address.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (load.fd < 0 || connect(load.fd, &address.any, address_sockaddr_length(&address)) != 0) {
        perror("udp_load: socket");
        return 1;
    }
    setsockopt(load.fd, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size);
    batches_init(&load);
    bool good = load_run(&load, strtod(values[optind + 2], NULL));
    if (!good)
        perror("udp_load: receive");
    close(load.fd);
    octets_buffer_close(&load.questions);
    return good ? 0 : 1;
}
