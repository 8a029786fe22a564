// A zone transfer in, as the client sees it (RFC 5936; RFC 1995: an IXFR answered by a delta, in
// AXFR form or with "you are up to date"): builds the query, takes the answer message by message
// and appends each RR to a stream. It is judged whole: whatever is wrong, the transfer fails with
// one sentence that says primary, message, offset and what, and the stream is to be thrown away. No
// sockets, no clock; one transfer is one struct xfr_in of one thread.
#ifndef TANDEM_TRANSFER_XFR_IN_H
#define TANDEM_TRANSFER_XFR_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/dns/tsig.h"
#include "common/transfer/rr_stream.h"
#include "common/transfer/xfr_marks.h"

#define XFR_IN_SIZE_DEFAULT                                                                        \
    (UINT64_C(256) << 20) // octets on the wire; gate max-size of interface.md
#define XFR_IN_SECONDS_MAX                                                                         \
    3600 // a transfer that takes longer than an hour is a trickle, not a transfer
#define XFR_IN_EMPTY_MAX 16 // messages without any RR in one transfer: a sender that makes no way
#define XFR_IN_QUERY_MAX (MESSAGE_HEADER_SIZE + 2 * (NAME_SIZE_MAX + 4) + 600 + TSIG_SIZE_MAX)

struct xfr_in_options {
    const uint8_t *apex; // lower case, copied
    const char *primary; // who it is, for faults ("hidden 10.0.0.5@53"); borrowed for the transfer
    uint16_t id;         // drawn by the caller from a good source
    const struct tsig_key *key; // NULL: unsigned; borrowed for the transfer
    uint64_t octets_max;        // 0: XFR_IN_SIZE_DEFAULT
    uint64_t records_max;       // 0: no limit
    int64_t seconds_max;        // 0: XFR_IN_SECONDS_MAX
    bool ixfr;                  // ask IXFR with the serial below
    uint32_t serial;            // of the content we hold
    // RRs of a delta, removed and added; 0: no limit. A delta of more than twice the zone's RRs is
    // longer than the zone thrown away and sent anew.
    uint64_t delta_records_max;
    // Of an AXFR only: marks are made, and messages that are those of `known` (NULL: none; borrowed
    // for the transfer, whole) are not read as long as they are. They must have been taken under
    // the same apex and limits.
    bool wants_marks;
    const struct xfr_marks *known;
};

// What kind of failure it was: the metric's label and how the poll goes on (all of them: next
// primary).
enum xfr_in_reason {
    XFR_IN_NO_REASON,
    XFR_IN_REFUSED, // an RCODE
    XFR_IN_TSIG,    // signature missing, wrong, or our clocks differ
    XFR_IN_SYNTAX,  // not a message, not an RR, or not a transfer of this zone
    XFR_IN_DELTA,   // an incremental answer that is none: its serials do not chain
    XFR_IN_EMPTY,   // nothing but the SOA
    XFR_IN_CUT,     // ended before the closing SOA
    XFR_IN_LIMIT,   // too many octets or records
    XFR_IN_SLOW,    // over its time
    XFR_IN_IO,      // the stream could not be written
};
const char *
xfr_in_reason_word(enum xfr_in_reason reason); // "refused", "tsig", ... for logs and metrics

enum xfr_in_step {
    XFR_IN_MORE,       // feed the next message
    XFR_IN_DONE,       // whole: the stream is ended
    XFR_IN_UP_TO_DATE, // IXFR only: the primary holds nothing newer than our serial
    XFR_IN_SAME,       // whole, and what options.known was: the stream is empty
    XFR_IN_FAILED,
};

// What an answer is shows with its second RR (RFC 1995 section 4).
enum xfr_in_form { XFR_IN_UNKNOWN, XFR_IN_WHOLE, XFR_IN_REMOVED, XFR_IN_ADDED };

struct xfr_in {
    struct xfr_in_options options;
    struct rr_stream_writer *stream; // borrowed
    struct tsig_exchange exchange;
    enum xfr_in_reason reason;
    enum xfr_in_step step;
    int64_t started_seconds;
    uint64_t octets, records; // records: without the closing SOA, and in a delta without the first
    enum xfr_in_form form;    // REMOVED or ADDED: a delta, and which part of a step is read
    uint32_t step_serial;     // of the delta: where the step under way begins, or ends
    unsigned messages, empty_messages;
    uint8_t apex[NAME_SIZE_MAX];
    struct xfr_marks *marks;   // of this transfer; NULL: not wanted
    bool repeats;              // so far it is options.known: its messages wait in held, unread
    struct octets_buffer held; // messages as xfr_marks_strip writes them
    bool has_soa;
    uint32_t serial; // of the first SOA
    uint32_t soa_ttl;
    uint16_t soa_length;
    uint8_t soa[NAME_SIZE_MAX * 2 + 20]; // the first SOA's RDATA
    uint8_t rdata[RDATA_SIZE_MAX];       // where one RDATA is put into canonical form
};
// The struct is about 67 KiB: for the heap. now: unix seconds.
void xfr_in_init(struct xfr_in *transfer, const struct xfr_in_options *options,
                 struct rr_stream_writer *stream, int64_t now);
void xfr_in_close(struct xfr_in *transfer);
// Writes the query (without the two octets of length of TCP); gives its length. size at least
// XFR_IN_QUERY_MAX.
size_t xfr_in_query(struct xfr_in *transfer, void *memory, size_t size, int64_t now);
// Takes the next whole message of the answer. After anything but XFR_IN_MORE only xfr_in_close.
enum xfr_in_step xfr_in_feed(struct xfr_in *transfer, const uint8_t *message, size_t length,
                             int64_t now, struct fault *fault);
// The connection ended (or stalled: why says it, "stalled for 30 s") before XFR_IN_DONE: sets the
// fault, false.
bool xfr_in_cut(struct xfr_in *transfer, const char *why, struct fault *fault);

#endif
