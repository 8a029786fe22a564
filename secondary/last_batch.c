#include "secondary/last_batch.h"

#include <stdio.h>

#include <sodium.h>

#include "common/daemon/log.h"
#include "secondary/counters.h"

static bool
packet_log(const struct udp_batch_seen *seen, unsigned index, bool in_hand, const char *server)
{
    size_t length;
    struct address peer;
    const uint8_t *octets = udp_batch_seen_packet(seen, index, &length, &peer);
    if (octets == NULL) {
        return false;
    }
    size_t shown = length < LAST_BATCH_OCTETS_MAX ? length : LAST_BATCH_OCTETS_MAX;
    char hexadecimal[2 * LAST_BATCH_OCTETS_MAX + 1], from[ADDRESS_TEXT_MAX];
    sodium_bin2hex(hexadecimal, sizeof hexadecimal, octets, shown);
    bool known = peer.family == AF_INET || peer.family == AF_INET6;
    log_at(in_hand ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
           in_hand ? "the packet that the server was answering when it died"
                   : "a packet of the same batch",
           "server", server, "from", known ? address_to_text(&peer, from) : "?", "octets",
           LOG_NUMBER(length), shown < length ? "hexadecimal_cut" : "hexadecimal", hexadecimal);
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
    size_t told = packet_log(seen, current, true, number) ? 1 : 0;
    for (unsigned i = 0; i < UDP_BATCH_PACKETS; i++) {
        told += i != current && packet_log(seen, i, false, number) ? 1 : 0;
    }
    counters_unmap(&memory);
    return told;
}
