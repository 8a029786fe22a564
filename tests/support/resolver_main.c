// resolver [--port PORT] [--delay MS]: a fast resolver of made-up names on 127.0.0.1, UDP only,
// that answers each question after the same delay; for tests and measurements with ten thousand
// targets, where fake_resolver.py would be the slow part. The digits at the end of a name's first
// label are its number N: A is 198.18.(N / 256).(N % 256), AAAA is not there. "port PORT" goes to
// standard output when it listens. Commands on standard input, one a line, each answered by one
// line:
//
//   delay MS        of the answers from now on
//   silent on|off   takes questions and answers none
//   moved COUNT     names with a number below COUNT answer 198.19.x.y from now on
//   stats           "received N answered N waiting_max N" since the last reset
//   histogram MS    questions in each MS since the last reset, apart by spaces
//   reset
//
// It ends with its input.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEADER_SIZE   12
#define MESSAGE_MAX   512
#define WAITING_MAX   65536 // answers that wait for their time; a question more is not answered
#define HISTOGRAM_MAX (1U << 20)

struct waiting {
    uint64_t due_us;
    struct sockaddr_in peer;
    uint16_t length;
    uint8_t octets[MESSAGE_MAX];
};

static struct {
    int socket;
    uint64_t delay_us;
    bool silent;
    unsigned long moved;
    struct waiting *ring; // in order of time: the delay only changes between rounds of a test
    size_t first, count, count_max;
    unsigned long received, answered;
    uint64_t reset_us;
    uint32_t *arrivals; // milliseconds since the reset
    size_t arrival_count;
} self;

static uint64_t
now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

// Where the question ends; 0: it is none that we know.
static size_t
question_end(const uint8_t *octets, size_t length)
{
    size_t at = HEADER_SIZE;
    if (length < HEADER_SIZE + 5 || octets[5] != 1)
        return 0;
    while (at < length && octets[at] != 0)
        at += 1U + octets[at];
    return at + 5 <= length ? at + 5 : 0;
}

static unsigned long
number_of(const uint8_t *octets)
{
    unsigned long number = 0;
    for (unsigned i = 1; i <= octets[HEADER_SIZE]; i++) {
        uint8_t letter = octets[HEADER_SIZE + i];
        number = letter >= '0' && letter <= '9' ? number * 10 + (unsigned long)(letter - '0') : 0;
    }
    return number;
}

static size_t
put(uint8_t *octets, size_t at, const void *from, size_t length)
{
    memcpy(octets + at, from, length);
    return at + length;
}

// Makes the answer in place; gives its length.
static size_t
answer_make(uint8_t *octets, size_t end)
{
    static const uint8_t soa[] = {0, 0, 6, 0, 1, 0, 0, 0, 17, 0, 22, 0, 0, 0, 0, 0, 1,
                                  0, 0, 0, 2, 0, 0, 0, 3, 0,  0, 0,  4, 0, 0, 0, 5};
    static const uint8_t opt[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};
    bool is_a = octets[end - 3] == 1;
    unsigned long number = number_of(octets);
    uint8_t a[] = {0xc0, HEADER_SIZE, 0, 1, 0, 1, 0, 0, 0, 17, 0, 4, 198, 18, 0, 0};
    a[13] = number < self.moved ? 19 : 18;
    a[14] = (uint8_t)(number >> 8);
    a[15] = (uint8_t)number;
    octets[2] = 0x81; // QR, RD
    octets[3] = 0x80; // RA
    memset(octets + 6, 0, 6);
    octets[7] = is_a;
    octets[9] = !is_a;
    octets[11] = 1;
    size_t length = is_a ? put(octets, end, a, sizeof a) : put(octets, end, soa, sizeof soa);
    return put(octets, length, opt, sizeof opt);
}

static void
arrival_note(uint64_t now)
{
    self.received++;
    if (self.arrival_count < HISTOGRAM_MAX)
        self.arrivals[self.arrival_count++] = (uint32_t)((now - self.reset_us) / 1000);
}

static void
questions_take(void)
{
    uint8_t octets[MESSAGE_MAX];
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    ssize_t length;
    while ((length = recvfrom(self.socket, octets, sizeof octets, MSG_DONTWAIT,
                              (struct sockaddr *)&peer, &size)) >= 0) {
        uint64_t now = now_us();
        size_t end = question_end(octets, (size_t)length);
        if (end == 0 || end > MESSAGE_MAX - 64)
            continue;
        arrival_note(now);
        if (self.silent || self.count == WAITING_MAX)
            continue;
        struct waiting *waiting = &self.ring[(self.first + self.count++) % WAITING_MAX];
        waiting->due_us = now + self.delay_us;
        waiting->peer = peer;
        waiting->length = (uint16_t)answer_make(octets, end);
        memcpy(waiting->octets, octets, waiting->length);
        if (self.count > self.count_max)
            self.count_max = self.count;
    }
}

static void
answers_send(void)
{
    uint64_t now = now_us();
    while (self.count > 0 && self.ring[self.first].due_us <= now) {
        const struct waiting *waiting = &self.ring[self.first];
        sendto(self.socket, waiting->octets, waiting->length, 0,
               (const struct sockaddr *)&waiting->peer, sizeof waiting->peer);
        self.answered++;
        self.first = (self.first + 1) % WAITING_MAX;
        self.count--;
    }
}

static void
histogram_print(unsigned step_ms)
{
    size_t at = 0;
    for (uint32_t end = step_ms; at < self.arrival_count; end += step_ms) {
        size_t before = at;
        while (at < self.arrival_count && self.arrivals[at] < end)
            at++;
        printf("%s%zu", end == step_ms ? "" : " ", at - before);
    }
    printf("\n");
}

static void
obey(char *line)
{
    char word[32] = "", argument[32] = "";
    sscanf(line, "%31s %31s", word, argument);
    if (strcmp(word, "stats") == 0) {
        printf("received %lu answered %lu waiting_max %zu\n", self.received, self.answered,
               self.count_max);
        return;
    }
    if (strcmp(word, "histogram") == 0 && atoi(argument) > 0) {
        histogram_print((unsigned)atoi(argument));
        return;
    }
    bool known = true;
    if (strcmp(word, "delay") == 0) {
        self.delay_us = strtoull(argument, NULL, 10) * 1000;
    } else if (strcmp(word, "silent") == 0) {
        self.silent = strcmp(argument, "on") == 0;
    } else if (strcmp(word, "moved") == 0) {
        self.moved = strtoul(argument, NULL, 10);
    } else if (strcmp(word, "reset") == 0) {
        self.received = self.answered = 0;
        self.count_max = self.count;
        self.arrival_count = 0;
        self.reset_us = now_us();
    } else {
        known = false;
    }
    printf("%s\n", known ? "ok" : "error: unknown command");
}

// False: the input has ended.
static bool
commands_take(void)
{
    static char buffer[4096];
    static size_t used;
    ssize_t got = read(STDIN_FILENO, buffer + used, sizeof buffer - 1 - used);
    if (got <= 0)
        return got < 0 && errno == EINTR;
    used += (size_t)got;
    buffer[used] = '\0';
    char *line = buffer, *end;
    while ((end = strchr(line, '\n'))) {
        *end = '\0';
        obey(line);
        line = end + 1;
    }
    used = strlen(line);
    memmove(buffer, line, used);
    fflush(stdout);
    return used < sizeof buffer - 1;
}

static void
serve(void)
{
    for (;;) {
        struct pollfd sources[] = {{.fd = self.socket, .events = POLLIN},
                                   {.fd = STDIN_FILENO, .events = POLLIN}};
        struct timespec wait = {.tv_sec = 60};
        if (self.count > 0) {
            uint64_t now = now_us(), due = self.ring[self.first].due_us;
            uint64_t left = due > now ? due - now : 0;
            wait = (struct timespec){.tv_sec = (time_t)(left / 1000000),
                                     .tv_nsec = (long)(left % 1000000) * 1000};
        }
        if (ppoll(sources, 2, &wait, NULL) < 0 && errno != EINTR)
            return;
        if (sources[1].revents && !commands_take())
            return;
        questions_take();
        answers_send();
    }
}

static bool
listen_on(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof address;
    int room = 4 << 20;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    self.socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (self.socket < 0)
        return false;
    setsockopt(self.socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (bind(self.socket, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(self.socket, (struct sockaddr *)&address, &size) != 0)
        return false;
    printf("port %u\n", ntohs(address.sin_port));
    fflush(stdout);
    return true;
}

int
main(int count, char **arguments)
{
    unsigned long port = 0;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(arguments[i], "--port") == 0)
            port = strtoul(arguments[i + 1], NULL, 10);
        else if (strcmp(arguments[i], "--delay") == 0)
            self.delay_us = strtoull(arguments[i + 1], NULL, 10) * 1000;
    }
    self.ring = calloc(WAITING_MAX, sizeof *self.ring);
    self.arrivals = calloc(HISTOGRAM_MAX, sizeof *self.arrivals);
    self.reset_us = now_us();
    if (!self.ring || !self.arrivals || !listen_on((uint16_t)port)) {
        perror("resolver");
        return 1;
    }
    serve();
    free(self.ring);
    free(self.arrivals);
    return 0;
}
