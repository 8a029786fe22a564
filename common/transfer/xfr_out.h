// A transfer out, whole (RFC 5936) or a difference (RFC 1995): from one held version, message by
// message into the caller's memory, so that newer versions may be published meanwhile and a server
// may do other work between two messages. Both daemons answer AXFR and IXFR queries with it. One
// thread; lives in the connection's own struct.
//
//     xfr_out_init(&out, &options);
//     do step = xfr_out_next(&out, message, sizeof(message), now, &length, &fault); send length
//     octets, if any ... while (step == XFR_OUT_MORE) xfr_out_close(&out);
#ifndef TANDEM_TRANSFER_XFR_OUT_H
#define TANDEM_TRANSFER_XFR_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/dns/cookie.h"
#include "common/dns/edns.h"
#include "common/dns/message_read.h"
#include "common/dns/tsig.h"
#include "common/transfer/axfr_out.h"
#include "common/transfer/ixfr_out.h"
#include "common/zone/version.h"

#define XFR_OUT_SIZE_MIN    4096 // less memory than this for a message is our own bug
#define XFR_OUT_COOKIE_SIZE (COOKIE_CLIENT_SIZE + COOKIE_SERVER_SIZE)
// Steps that hold more are not looked at for a datagram's worth of answer.
#define XFR_OUT_DATAGRAM_STEPS_MAX 16384

struct xfr_out_options {
    const struct version *version;           // held by the transfer until xfr_out_close
    const struct message_header *query;      // its ID and RD are echoed; copied
    const struct message_question *question; // echoed in the first message (AXFR or IXFR); copied
    struct tsig_exchange
        *exchange;         // of tsig_check_query: every message is signed; borrowed. NULL: none
    bool edns;             // the query had an OPT: so has the first message
    bool dnssec_ok;        // DO is copied into it (RFC 3225 section 3)
    const uint8_t *cookie; // for the client, XFR_OUT_COOKIE_SIZE octets, copied; NULL: none
    bool has_expire;       // with the EXPIRE option (RFC 7314 section 3)
    uint32_t expire;
    bool ixfr; // what changed since client_serial; else the whole zone
    uint32_t client_serial;
    bool without_signatures; // the whole zone without what a signer added (a view for a plain
                             // downstream)
};
enum xfr_out_step { XFR_OUT_MORE, XFR_OUT_DONE, XFR_OUT_FAILED };

enum xfr_out_place { XFR_OUT_FIRST_SOA, XFR_OUT_RECORDS, XFR_OUT_LAST_SOA, XFR_OUT_END };
struct xfr_out {
    const struct version *version;
    struct tsig_exchange *exchange;
    struct message_question question;
    uint16_t id, flags;
    bool edns, dnssec_ok, has_cookie, has_expire;
    uint8_t cookie[XFR_OUT_COOKIE_SIZE];
    uint32_t expire;
    enum ixfr_out_form form; // IXFR_OUT_LATER: the answer to an IXFR that is still being weighed
    enum xfr_out_place place;
    struct axfr_out whole;
    struct ixfr_out delta;
    uint64_t records, octets; // told so far: RRs without the SOAs
    unsigned messages;
};
void xfr_out_init(struct xfr_out *out, const struct xfr_out_options *options);
void xfr_out_close(struct xfr_out *out); // drops the version; may be called at any time, and twice
// Fills one message: some 16 KiB, more where RRs are large, at most size or 65535 octets (without
// TCP's two octets of length). now: unix seconds. XFR_OUT_MORE with *ret_length 0: nothing to send
// yet, others shall have their turn. XFR_OUT_DONE: this message, too, is to be sent, and is the
// last. XFR_OUT_FAILED: an RR does not fit into any message (the fault names it), or a record of
// the version is damaged (FAULT_CORRUPT: a shortened zone must not look like a whole one); close
// the connection.
enum xfr_out_step xfr_out_next(struct xfr_out *out, void *memory, size_t size, int64_t now,
                               size_t *ret_length, struct fault *fault);
// What the transfer is in words: "axfr" (also the answer to an IXFR in that form), "ixfr", "soa"
// (up to date).
const char *xfr_out_kind(const struct xfr_out *out);
// What was asked for: "axfr" or "ixfr".
const char *xfr_out_asked(const struct xfr_out *out);

// IXFR over UDP (RFC 1995 section 2): memory holds the answer with one SOA, as answer_soa makes it,
// length octets of size, not yet signed. Puts the difference behind that SOA where it fits, else
// leaves the message as it is: "come by TCP". Gives the octets of the message.
struct xfr_out_datagram {
    const struct version *version;
    uint32_t client_serial;
    const struct edns *edns; // of the query: what the client takes
    size_t tail_room;        // left free for a TSIG
};
size_t xfr_out_datagram(const struct xfr_out_datagram *datagram, uint8_t *memory, size_t length,
                        size_t size);

#endif
