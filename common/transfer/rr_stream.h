// A parsed transfer as one run of octets: what the fetcher hands to the signer in a sealed memfd,
// and a worker to its keeper. The writer is given RRs that passed xfr_in; the reader trusts
// nothing, for the fetcher speaks to strangers: every length, name and RDATA is checked again.
//
// Layout, network order. Head: u64 magic, u16 format, apex name. Then for each RR one octet tag:
// RR_STREAM_OWNER (a name follows) or RR_STREAM_SAME (owner as before), u16 type, u32 ttl, u16
// rdlength, RDATA in canonical form. At the end the tag RR_STREAM_END, u64 count of RRs, the
// digest, u32 CRC32C of all octets before the CRC. The RRs stand in the order in which they came,
// the first SOA included, the closing SOA not.
//
// The digest is of the zone's name and the RRs in that order, with the serials of SOAs as zeros:
// two streams with one digest have the same content, TTLs included, so whoever knows what became of
// the one knows what becomes of the other. It is the writer's word, which the reader does not
// check: a writer that lies can pass new content off as old, which it can do by sending the old
// anyway.
//
// A delta (RFC 1995) has the tag RR_STREAM_DELTA, u32 from and u32 to serial behind the head. Then
// its steps: a mark "removed" with the serial that the step begins at, the old SOA and the RRs that
// go; a mark "added" with the serial that it ends at, the new SOA and the RRs that come. Each mark
// is one octet of tag and u32 serial.
#ifndef TANDEM_TRANSFER_RR_STREAM_H
#define TANDEM_TRANSFER_RR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/base/octets.h"
#include "common/dns/name.h"
#include "common/dns/rdata.h"

#define RR_STREAM_FLUSH                                                                            \
    (256U << 10) // octets gathered before a write: few system calls, little memory
// More than the largest zone that fits the memory of the hosts in view; a maximum of a zone comes
// from its settings.
#define RR_STREAM_SIZE_MAX (UINT64_C(16) << 30)

struct rr_stream_writer {
    struct octets_buffer buffer; // what was not yet written to fd
    int fd;                      // borrowed; -1: everything stays in buffer
    uint64_t written;            // octets that left the buffer
    uint64_t count;              // RRs
    uint32_t crc;
    int error;       // errno of the first failed write; sticky
    size_t digested; // octets of buffer that the digest has
    struct hash_digest_state digest;
    struct hash_digest digest_ended; // of rr_stream_end
    uint8_t owner_length;            // 0: no RR yet
    uint8_t owner[NAME_SIZE_MAX];    // of the last RR
};
void rr_stream_writer_init(struct rr_stream_writer *writer, const uint8_t *apex, int fd);
void rr_stream_writer_close(struct rr_stream_writer *writer); // frees; the descriptor stays open
// Adds one RR. owner: any case, stored lower case. rdata: canonical.
void rr_stream_add(struct rr_stream_writer *writer, const uint8_t *owner, uint16_t type,
                   uint32_t ttl, const uint8_t *rdata, uint16_t rdlength);
// Makes it a delta; before all RRs. Then marks and RRs in the order of RFC 1995 section 4, without
// its first and its closing SOA; the reader holds every one to the rules above.
void rr_stream_add_delta(struct rr_stream_writer *writer, uint32_t from_serial, uint32_t to_serial);
enum rr_stream_part { RR_STREAM_CONTENT, RR_STREAM_REMOVED, RR_STREAM_ADDED };
// part: not RR_STREAM_CONTENT.
void rr_stream_add_mark(struct rr_stream_writer *writer, enum rr_stream_part part, uint32_t serial);
// Writes the end mark and what is left. FAULT_IO when any write failed.
bool rr_stream_end(struct rr_stream_writer *writer, struct fault *fault);
// The digest, after rr_stream_end.
void rr_stream_digest(const struct rr_stream_writer *writer, struct hash_digest *ret_digest);
// Octets of the stream so far.
uint64_t rr_stream_size(const struct rr_stream_writer *writer);

// A fresh memfd that can be sealed, close-on-exec; name is for /proc only. -1 and FAULT_IO.
int rr_stream_memfd(const char *name, struct fault *fault);
// Seals it against every change: what the receiver checked stays what it reads.
bool rr_stream_seal(int fd, struct fault *fault);

// The digest at the end of a sealed memfd, without reading the rest of it. Faults: not sealed, too
// short.
bool rr_stream_peek_digest(int fd, struct hash_digest *ret_digest, struct fault *fault);

struct rr_stream_rr {
    uint8_t owner[NAME_SIZE_MAX]; // lower case
    uint16_t type;
    uint32_t ttl;
    uint16_t rdlength;
    const uint8_t *rdata;     // canonical; valid until the next rr_stream_next
    enum rr_stream_part part; // CONTENT in a whole zone, never in a delta
};
struct rr_stream_reader {
    struct octets_reader reader;
    uint8_t apex[NAME_SIZE_MAX];
    uint64_t count; // RRs read
    bool ended;
    bool is_delta; // known from the beginning, as are both serials
    uint32_t from_serial, to_serial;
    enum rr_stream_part part;
    uint32_t serial; // of the last mark
    bool soa_due;    // behind a mark
    uint8_t owner[NAME_SIZE_MAX];
    uint8_t rdata[RDATA_SIZE_MAX]; // 64 KiB: for the heap or a roomy stack
    void *map;                     // of rr_stream_reader_map
    size_t map_size;
};
// Reads the head and checks the CRC of the whole. octets are borrowed.
bool rr_stream_reader_init(struct rr_stream_reader *reader, const void *octets, size_t length,
                           struct fault *fault);
// Maps a sealed memfd read-only (the descriptor may be closed afterwards): refused when it is not
// sealed or larger than maximum octets.
bool rr_stream_reader_map(struct rr_stream_reader *reader, int fd, uint64_t maximum,
                          struct fault *fault);
void rr_stream_reader_close(struct rr_stream_reader *reader);
enum rr_stream_step { RR_STREAM_RR, RR_STREAM_DONE, RR_STREAM_BAD };
// The next RR: at or below the apex, no meta type, RDATA of its type and canonical; in a delta the
// serials of the marks chain from from_serial to to_serial, each later than the one before, and
// each part begins with the SOA of its mark and has no other. RR_STREAM_BAD: a fault that names the
// RR's number; the whole stream is to be thrown away.
enum rr_stream_step rr_stream_next(struct rr_stream_reader *reader, struct rr_stream_rr *ret_rr,
                                   struct fault *fault);

// An RR of a whole zone as it stands in the stream, for whoever compares it with octets that were
// checked before. Nothing of it is checked but that it is there: the owner is a name of some zone
// in any case of letters, the type may be none.
struct rr_stream_view {
    bool same_owner;      // as the RR before it
    const uint8_t *owner; // stands in the stream, as rdata
    uint8_t owner_length;
    uint16_t type, rdlength;
    uint32_t ttl;
    const uint8_t *rdata;
};
// As rr_stream_next, into the same view every time; a delta is RR_STREAM_BAD.
enum rr_stream_step rr_stream_next_view(struct rr_stream_reader *reader,
                                        struct rr_stream_view *ret_view, struct fault *fault);
// The checks of rr_stream_next, later: false and a fault where it would have said RR_STREAM_BAD.
bool rr_stream_check_view(struct rr_stream_reader *reader, const struct rr_stream_view *view,
                          struct rr_stream_rr *ret_rr, struct fault *fault);

#endif
