// A whole zone out (RFC 5936): from one held version, piece by piece into the caller's memory, so
// that newer versions may be published meanwhile and a server may do other work between two pieces.
// Nothing is allocated. One thread; lives in the connection's own struct.
//
//     axfr_out_init(&out, &options);
//     do step = axfr_out_next(&out, message, sizeof(message), now, &length, &fault); send ... while
//     (step == MORE) axfr_out_close(&out);
#ifndef TANDEM_TRANSFER_AXFR_OUT_H
#define TANDEM_TRANSFER_AXFR_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/dns/message_read.h"
#include "common/dns/tsig.h"
#include "common/zone/version.h"

#define AXFR_OUT_SIZE_MIN 4096 // less memory than this for a message is our own bug

struct axfr_out_options {
    const struct version *version;           // held by the transfer until axfr_out_close
    const struct message_header *query;      // its ID and RD are echoed; copied
    const struct message_question *question; // echoed in the first message (AXFR or IXFR); copied
    struct tsig_exchange
        *exchange;           // of tsig_check_query: every message is signed; borrowed. NULL: none
    bool edns;               // the query had an OPT: so has the first message
    bool soa_only;           // one message with one SOA (IXFR: "you are up to date", or over UDP)
    bool without_signatures; // leave out what a signer added (a view for a plain downstream)
};
enum axfr_out_step { AXFR_OUT_MORE, AXFR_OUT_DONE, AXFR_OUT_FAILED };

enum axfr_out_place { AXFR_OUT_FIRST_SOA, AXFR_OUT_RECORDS, AXFR_OUT_LAST_SOA, AXFR_OUT_END };
struct axfr_out {
    const struct version *version;
    struct tsig_exchange *exchange;
    struct message_question question;
    uint16_t id, flags;
    bool edns, soa_only, without_signatures;
    enum axfr_out_place place;
    struct version_cursor cursor;
    const struct node *node; // whose RRs are going out
    unsigned rrset;          // index of its RRset
    bool in_signatures;      // in the RRset's RRSIGs
    uint32_t position;       // in that run, of the next RR
    uint64_t records, octets;
    unsigned messages;
};
void axfr_out_init(struct axfr_out *out, const struct axfr_out_options *options);
void
axfr_out_close(struct axfr_out *out); // drops the version; may be called at any time, and twice
// Fills one message (at most 65535 octets, without TCP's two octets of length) with as many RRs as
// fit. now: unix seconds. AXFR_OUT_DONE: this message, too, is to be sent, and is the last.
// AXFR_OUT_FAILED: an RR does not fit into any message (the fault names it), or a record of the
// version is damaged (FAULT_CORRUPT: a shortened zone must not look like a whole one); close the
// connection.
enum axfr_out_step axfr_out_next(struct axfr_out *out, void *memory, size_t size, int64_t now,
                                 size_t *ret_length, struct fault *fault);

#endif
