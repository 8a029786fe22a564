#include "secondary/last_batch.h"

#include <stdio.h>

#include <sodium.h>

#include "common/daemon/log.h"
#include "secondary/counters.h"

_Static_assert(LAST_BATCH_OCTETS_MAX <= COUNTERS_TCP_OCTETS, "so many are there");

// What came, and its first octets.
struct seen_message {
    const char *server;
    struct address peer;
    size_t length;
    const uint8_t *octets;
};

static void
message_log(const struct seen_message *message, enum log_level level, const char *text)
{
    size_t length = message->length;
    size_t shown = length < LAST_BATCH_OCTETS_MAX ? length : LAST_BATCH_OCTETS_MAX;
    char hexadecimal[2 * LAST_BATCH_OCTETS_MAX + 1], from[ADDRESS_TEXT_MAX];
    sodium_bin2hex(hexadecimal, sizeof hexadecimal, message->octets, shown);
    bool known = message->peer.family == AF_INET || message->peer.family == AF_INET6;
    log_at(level, text, "server", message->server, "from",
           known ? address_to_text(&message->peer, from) : "?", "octets", LOG_NUMBER(length),
           shown < length ? "hexadecimal_cut" : "hexadecimal", hexadecimal);
}

static bool
packet_log(const struct udp_batch_seen *seen, unsigned index, bool in_hand, const char *server)
{
    struct seen_message message = {.server = server};
    message.octets = udp_batch_seen_packet(seen, index, &message.length, &message.peer);
    if (message.octets == NULL) {
        return false;
    }
    message_log(&message, in_hand ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
                in_hand ? "the packet that the server was answering when it died"
                        : "a packet of the same batch");
    return true;
}

static bool
tcp_log(const struct counters_tcp_seen *seen, const char *server)
{
    const struct seen_message message = {
        .server = server,
        .peer = seen->peer,
        .length = __atomic_load_n(&seen->length, __ATOMIC_RELAXED),
        .octets = seen->octets,
    };
    if (__atomic_load_n(&seen->in_hand, __ATOMIC_ACQUIRE) != 1 || message.length > UINT16_MAX) {
        return false;
    }
    message_log(&message, LOG_LEVEL_ERROR,
                "the message over TCP that the server was answering when it died");
    return true;
}

size_t
last_batch_log(int counters, unsigned server)
{
    struct fault fault = {0};
    struct counters_memory *memory;
    char number[16];
    if (!counters_map(counters, false, &memory, &fault)) {
        log_warning("the last batch of a server cannot be read", "why", fault.text);
        return 0;
    }
    const struct udp_batch_seen *seen = &memory->seen;
    uint32_t current = __atomic_load_n(&seen->current, __ATOMIC_RELAXED);
    snprintf(number, sizeof number, "%u", server);
    size_t told = tcp_log(&memory->tcp, number) ? 1 : 0;
    told += packet_log(seen, current, true, number) ? 1 : 0;
    for (unsigned i = 0; i < UDP_BATCH_PACKETS; i++) {
        told += i != current && packet_log(seen, i, false, number) ? 1 : 0;
    }
    counters_unmap(&memory);
    return told;
}
