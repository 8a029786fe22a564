// EDNS(0), RFC 6891: the OPT record of a query as facts, and the OPT of an answer. Options known:
// NSID (RFC 5001), EXPIRE (7314), COOKIE (7873), TCP-KEEPALIVE (7828), EDE (8914), and
// SERIAL-FOLLOWS of our own; others are ignored.
#ifndef TANDEM_DNS_EDNS_H
#define TANDEM_DNS_EDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/dns/message_read.h"

#define EDNS_UDP_SIZE_DEFAULT 1232
#define EDNS_COOKIE_MAX       40
// SERIAL-FOLLOWS, from the range for local use (RFC 6891 section 9; software that does not know it
// ignores it): a client asks with no octets; the answer's one octet says "the serial of this zone
// moves whenever its content does, and never else", as no SOA can (common/transfer/README.md,
// decision 10).
#define EDNS_OPTION_SERIAL_FOLLOWS 65353
#define EDNS_SERIAL_FOLLOWS_YES    1

struct edns {
    bool present;
    uint16_t udp_size; // at least 512
    uint8_t version;
    bool dnssec_ok;
    bool nsid, expire, keepalive; // asked for
    // The option without octets (a query asks) and with the one that says yes (of an answer). Some
    // servers send unknown options back as they came.
    bool asks_serial_follows, serial_follows;
    bool malformed;        // an option runs over the end: FORMERR
    uint8_t cookie_length; // 0: none; 8, or 16 to 40; anything else is malformed (RFC 7873 5.2.2)
    uint8_t cookie[EDNS_COOKIE_MAX];
};
// Reads the facts of an OPT RR (owner must be root; the caller counts OPTs: two are FORMERR).
void edns_read(const struct octets_reader *message, const struct message_rr *opt,
               struct edns *ret_edns);

struct edns_answer {
    uint16_t udp_size;
    uint16_t extended_rcode; // the whole RCODE; its upper 8 bits go into the OPT
    bool dnssec_ok;
    int ede;              // enum ede, EDE_NONE for none
    const char *ede_text; // NULL for none
    uint8_t cookie_length;
    const uint8_t *cookie;
    const uint8_t *nsid;
    uint8_t nsid_length;
    bool has_expire;
    uint32_t expire;
    uint16_t keepalive; // the connection's idle time-out in units of 100 ms; 0: not said
    bool serial_follows;
};
// Octets that edns_write will write.
size_t edns_size(const struct edns_answer *answer);
void edns_write(struct octets_writer *writer, const struct edns_answer *answer);

#endif
