// NOTIFY, RFC 1996: told to downstream servers until they answer (notify_out), and taken as a hint
// from a primary (notify_read). No sockets, no clock: the caller sends what notify_out_write gives
// when notify_out_due says so.
#ifndef TANDEM_TRANSFER_NOTIFY_H
#define TANDEM_TRANSFER_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/dns/name.h"
#include "common/dns/tsig.h"

#define NOTIFY_RETRY_FIRST_MS 1000  // a lost datagram must not cost a downstream more than a second
#define NOTIFY_RETRY_MAX_MS   60000 // RFC 1996 section 3.6 names 60 s
#define NOTIFY_TRIES_MAX                                                                           \
    12 // doubling, then each minute: about 7 minutes; after that its own refresh must do
#define NOTIFY_SIZE_MAX                                                                            \
    (MESSAGE_HEADER_SIZE + NAME_SIZE_MAX + 4 + NAME_SIZE_MAX * 3 + 40 + TSIG_SIZE_MAX)

enum notify_state {
    NOTIFY_IDLE,
    NOTIFY_WAITING,
    NOTIFY_ACKNOWLEDGED,
    NOTIFY_REFUSED,
    NOTIFY_GAVE_UP
};

// One zone to one server. Starting again (a newer version) begins with the first try.
struct notify_out {
    uint8_t apex[NAME_SIZE_MAX];
    const struct tsig_key *key; // borrowed; NULL: unsigned
    bool plain;                 // the target does not hold the key: the further tries are unsigned
    const char *target;         // who it is, for faults; borrowed
    struct tsig_exchange exchange;
    enum notify_state state;
    uint32_t serial; // told in the answer section as a hint (RFC 1996 section 3.7)
    uint16_t id;
    unsigned tries;
    int64_t due_ms; // when the next try is to go out
    unsigned rcode; // of the answer, where refused
    uint16_t soa_length;
    uint32_t soa_ttl;
    uint8_t soa[NAME_SIZE_MAX * 2 + 20];
};
void notify_out_init(struct notify_out *notify, const uint8_t *apex, const char *target,
                     const struct tsig_key *key);
void notify_out_close(struct notify_out *notify);
// Begins to tell of a new version: the first datagram is due at now_ms (any steady clock in
// milliseconds). soa: the RDATA of its SOA as a hint, NULL and 0 for none.
void notify_out_start(struct notify_out *notify, const uint8_t *soa, uint16_t soa_length,
                      uint32_t soa_ttl, int64_t now_ms);
// When notify_out_write is to be called; INT64_MAX: nothing under way.
int64_t notify_out_due(const struct notify_out *notify);
// The datagram of the next try; id: fresh from a good random source; now: unix seconds (TSIG).
// Gives its length; 0: it is not yet due or the tries are used up (state NOTIFY_GAVE_UP). size at
// least NOTIFY_SIZE_MAX.
size_t notify_out_write(struct notify_out *notify, uint16_t id, void *memory, size_t size,
                        int64_t now_ms, int64_t now);
// A datagram came from the target. True: it is the answer, and state is NOTIFY_ACKNOWLEDGED or
// NOTIFY_REFUSED (then with a fault that says the RCODE). False: not ours or badly signed: ignored,
// the tries go on. So they do after BADKEY, without TSIG: a server that faces the Internet may well
// lack the key of the transfers, and a hint has nothing to protect.
bool notify_out_read(struct notify_out *notify, const uint8_t *message, size_t length, int64_t now,
                     struct fault *fault);

// What a received NOTIFY says. It is a hint only: nothing in it is believed but the zone's name.
struct notify_query {
    uint16_t id, flags;
    uint8_t apex[NAME_SIZE_MAX];     // lower case
    uint8_t question[NAME_SIZE_MAX]; // as sent
    bool has_serial;
    uint32_t serial;
};
// RCODE_NOERROR, or the RCODE to answer with: FORMERR, NOTIMP (the question is not for an SOA of
// class IN). TSIG and access are the caller's to check, before.
unsigned notify_read(const uint8_t *message, size_t length, struct notify_query *ret_query);
// The answer: header and question echoed with the RCODE, AA set; sign it with tsig_sign. Gives its
// length, 0 when it does not fit or the query has no header or question to echo.
size_t notify_answer(const uint8_t *query, size_t length, unsigned rcode, void *memory,
                     size_t size);

#endif
