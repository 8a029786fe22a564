// The one set of messages between the roles of tandem-secondary. Each child has one SOCK_SEQPACKET
// connection with the supervisor, which passes messages on between children (a switchboard that
// looks at type and zone only). A message is at most 16 KiB with at most 8 descriptors; a longer
// body travels by itself as a sealed memfd, unseen by either end. A child exits when its connection
// closes.
//
// clang-format off
// Who sends what to whom (via the supervisor; route.c is the same as a table):
//
//   supervisor -> any         SETTINGS, STOP
//   any -> supervisor         READY (settings taken), HEARTBEAT (every second: the loop lives)
//   supervisor -> server      LISTEN, COUNTERS, RATE_TABLE, VERSION, POOL, POOLED, POOL_GONE,
//                             ZONE_STATE
//   supervisor -> desk        COUNTERS, RATE_TABLE, ROLE_FACTS
//   supervisor -> signer      PLACES_WANTED (a restarted supervisor, server or desk, or a new zone:
//                             send every PUBLISHED and all facts again), REVIEW_DONE
//   supervisor -> fetcher     PLACES_WANTED (a restarted desk: send all facts again), SIGNER_STARTED
//   server -> fetcher         NOTIFY_HINT
//   server -> desk            TRANSFERS_OUT
//   fetcher -> signer         CANDIDATE, CONTACT, DS_SEEN (the desk gets DS_SEEN, too)
//   fetcher -> desk           POLL_FACTS, EVENT
//   signer -> fetcher         VERDICT (the fate of a CANDIDATE; until then no further one for the
//                             zone), NOTIFY_OUT
//   signer -> servers         PUBLISHED (each server gets it as VERSION), POOL and POOLED (versions
//                             of small zones, and their states), ZONE_STATE; the supervisor keeps
//                             them for servers that start later
//   signer -> supervisor      REVIEW
//   signer -> desk            ZONE_FACTS, EVENT
//   desk -> supervisor        EVENT_TAKEN (until then the supervisor keeps an EVENT)
//   desk -> any but servers   CONTROL_REQUEST, answered by CONTROL_REPLY with the same number
// clang-format on
//
// Bodies are written and read by the functions below (in messages_server.c, messages_fetcher.c,
// messages_signer.c, messages_desk.c, by who has most to do with them), bounds-checked; a malformed
// body is the sender's bug or its compromise: the reader drops it and counts.
#ifndef TANDEM_SECONDARY_MESSAGES_H
#define TANDEM_SECONDARY_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/name.h"
#include "common/zone/version.h"

#define MESSAGES_SIZE_MAX        16384      // of a datagram, architecture.md section 1
#define MESSAGES_BODY_MAX        (1U << 30) // of a body in a memfd
#define MESSAGES_DESCRIPTORS_MAX 8 // that a sender may attach; the memfd of a long body is one more
#define MESSAGES_QUEUE_MAX       65536 // waiting in a link; more: the link is closed (the child hangs)
#define MESSAGES_TEXT_MAX        65536 // of any text in a body
#define MESSAGES_LINK_FD         3     // the child's end of its connection

enum message_role {
    ROLE_SUPERVISOR,
    ROLE_FETCHER,
    ROLE_SIGNER,
    ROLE_DESK,
    ROLE_SERVER,
    ROLE_COUNT
};
const char *message_role_word(enum message_role role); // "fetcher"

enum message_type {
    MESSAGE_SETTINGS = 1, // body: settings_encode for the role
    MESSAGE_STOP,
    MESSAGE_READY,         // body: empty, or a text: settings could not be taken, why
    MESSAGE_HEARTBEAT,     //
    MESSAGE_LISTEN,        // server: body message_listen; descriptors: the sockets
    MESSAGE_COUNTERS,      // body: u32 index of the server; descriptor: its memfd
    MESSAGE_VERSION,       // server: body and descriptors message_place
    MESSAGE_ZONE_STATE,    // body: message_zone_state
    MESSAGE_ROLE_FACTS,    // desk: body message_role_facts
    MESSAGE_PLACES_WANTED, // signer
    MESSAGE_NOTIFY_HINT,   // body: message_notify_hint
    MESSAGE_CANDIDATE,     // body: message_candidate; descriptor: sealed memfd,
                           // common/transfer/rr_stream.h
    MESSAGE_VERDICT,       // body: message_verdict
    MESSAGE_CONTACT,    // signer: body message_contact; the primary was reached and has nothing new
    MESSAGE_POLL_FACTS, // desk: body message_poll_facts
    MESSAGE_DS_SEEN,    // body: message_ds_seen
    MESSAGE_PUBLISHED,  // body and descriptors: message_place
    MESSAGE_NOTIFY_OUT, // fetcher: body u32 serial
    MESSAGE_ZONE_FACTS, // desk: body message_zone_facts
    MESSAGE_EVENT,      // desk: body message_event
    MESSAGE_CONTROL_REQUEST, // body: message_control; descriptors: files the operator hands in
    MESSAGE_CONTROL_REPLY, // body: JSON text {ok, exit_code, error{kind,text}, result} in one line;
                           // behind a newline may follow a text that goes to the operator in chunks
                           // (an export)
    MESSAGE_REVIEW, // signer -> supervisor: body message_review; the request number comes back in
    MESSAGE_REVIEW_DONE, // supervisor -> signer: body message_review_done
    MESSAGE_EVENT_TAKEN, // desk -> supervisor: the mail of the EVENT with this request number is on
                         // disk; body empty
    MESSAGE_SIGNER_STARTED, // supervisor -> fetcher: again; what it had not judged is lost; body
                            // empty
    MESSAGE_RATE_TABLE,     // server, desk: body message_rate_table; descriptor: the memfd of
                            // rate_table.h
    MESSAGE_TRANSFERS_OUT,  // desk: body message_transfers_out
    MESSAGE_POOL,           // body u32: the number of a file of the pool; descriptor: the file
    MESSAGE_POOL_GONE,      // server: body u32; no version stands in this file any more
    MESSAGE_POOLED,         // body: message_pooled, one behind the other; of no zone
    MESSAGE_TYPE_COUNT,
};
const char *message_type_word(enum message_type type);

// zone: the number that SETTINGS gave the zone (stable while the supervisor lives), or
// MESSAGE_NO_ZONE.
#define MESSAGE_NO_ZONE UINT32_MAX

struct message {
    enum message_type type;
    enum message_role to, from; // set by the sender (to) and by the supervisor (from)
    uint32_t zone;
    uint64_t request;
    struct octets body; // borrowed: valid during the call
    unsigned descriptor_count;
    int descriptors[MESSAGES_DESCRIPTORS_MAX]; // received: owned by the receiver, who sets to -1
                                               // what it keeps; sent: borrowed (the link duplicates
                                               // them if it must queue)
};

// A link: one end of a connection on a loop. Sends never block: what does not fit into the socket
// waits in order.
struct loop;
struct message_link;
typedef void message_received(void *context, struct message *message);
typedef void
message_link_closed(void *context); // the other end is gone; the link is still to be freed

// Takes over the descriptor.
struct message_link *message_link_new(struct loop *loop, int *descriptor,
                                      message_received *received, message_link_closed *closed,
                                      void *context);
void message_link_free(struct message_link **link); // also from inside received and closed
// False when the link is closed or its queue is over MESSAGES_QUEUE_MAX.
bool message_link_send(struct message_link *link, const struct message *message);
// A message to the supervisor about no zone: of a text alone, or of nothing (text NULL).
bool message_link_tell(struct message_link *link, enum message_role from, enum message_type type,
                       const char *text);
// Receives what the other end, which is no more, sent before its end; then closed is called, unless
// it was. Not from inside received or closed.
void message_link_drain(struct message_link *link);
size_t message_link_waiting(const struct message_link *link);
// A connected pair, both close-on-exec.
bool message_link_pair(int ret_descriptors[static 2], struct fault *fault);

// The bodies. Texts in decoded bodies are fresh copies in the struct, freed by message_X_close;
// write functions append to a buffer, read functions give false on malformed octets.

struct message_listen_socket {
    char address[64]; // "192.0.2.1@53"
    bool tcp;
};
struct message_listen { // sockets[i] is descriptors[i]
    uint32_t server_index, server_count;
    unsigned socket_count;
    struct message_listen_socket sockets[MESSAGES_DESCRIPTORS_MAX];
    bool last; // several LISTEN messages when there are more sockets; true in the last one
};
void message_listen_write(const struct message_listen *listen, struct octets_buffer *body);
bool message_listen_read(struct octets body, struct message_listen *ret_listen);

struct message_rate_table {
    uint64_t key; // of all hashes in the table; drawn at each start of the supervisor
};
void message_rate_table_write(const struct message_rate_table *table, struct octets_buffer *body);
bool message_rate_table_read(struct octets body, struct message_rate_table *ret_table);

// PUBLISHED and VERSION: the descriptors heap, old_heap, base, index as far as present, in this
// order.
void message_place_write(const struct version_place *place, struct octets_buffer *body);
// Fills the lengths from the body and moves the descriptors out of message.
bool message_place_read(struct message *message, struct version_place *ret_place);
// The descriptors of a place in the order in which they are sent (borrowed); gives how many.
unsigned message_place_descriptors(const struct version_place *place,
                                   int ret_descriptors[static VERSION_DESCRIPTORS_MAX]);

enum message_zone_serving { ZONE_SERVE, ZONE_EXPIRED, ZONE_NOT_READY, ZONE_GONE };
struct message_zone_state {
    enum message_zone_serving serving;
    int64_t expires_seconds; // unix time at which the zone expires if nobody renews it; 0: never
                             // (EXPIRE option)
};
void message_zone_state_write(const struct message_zone_state *state, struct octets_buffer *body);
bool message_zone_state_read(struct octets body, struct message_zone_state *ret_state);

// POOLED: versions that stand in files of the pool (common/zone/zone_pool.h), each with the state
// of its zone. The files were sent before, as POOL. A body holds at most MESSAGE_POOLED_MAX of
// them.
#define MESSAGE_POOLED_MAX 256
struct message_pooled {
    uint32_t zone;
    struct zone_pool_place place;
    struct message_zone_state state;
};
void message_pooled_write(const struct message_pooled *pooled, struct octets_buffer *body);
// How many there are; 0 where the body is malformed. The one at index below that.
size_t message_pooled_count(struct octets body);
bool message_pooled_read(struct octets body, size_t index, struct message_pooled *ret_pooled);

struct message_role_facts {
    enum message_role role;
    uint32_t index; // of a server
    int32_t pid;    // 0: not running
    uint32_t restarts;
    int64_t started_seconds;
    int32_t last_exit; // wait status of the last death, 0: none
    bool expected;     // it was told to stop
};
void message_role_facts_write(const struct message_role_facts *facts, struct octets_buffer *body);
bool message_role_facts_read(struct octets body, struct message_role_facts *ret_facts);

struct message_notify_hint {
    char source[64];
    bool has_serial;
    uint32_t serial;
};
void message_notify_hint_write(const struct message_notify_hint *hint, struct octets_buffer *body);
bool message_notify_hint_read(struct octets body, struct message_notify_hint *ret_hint);

// Transfers of the zone to downstream servers, counted since the last message. Refused are also
// those whose signature was wrong.
struct message_transfers_out {
    uint32_t whole_ok, whole_failed, whole_refused;
    uint32_t deltas_ok, deltas_failed, deltas_refused; // by IXFR, also those that a datagram held
    uint32_t up_to_date;                               // IXFRs over TCP that one SOA answered
};
void message_transfers_out_write(const struct message_transfers_out *counts,
                                 struct octets_buffer *body);
bool message_transfers_out_read(struct octets body, struct message_transfers_out *ret_counts);

struct message_candidate {
    char *primary; // id and address for people: "hidden 10.0.0.5@53"
    uint32_t serial;
    int64_t received_seconds;
    uint64_t wire_octets; // of the transfer
    uint32_t rr_count;
    int64_t transfer_ms;
    bool notified;   // a NOTIFY began this poll
    bool forced;     // retransfer
    uint32_t number; // comes back with the verdict, which may come after the candidate was given up
    bool is_delta;   // the stream changes what the signer confirmed as `exact`
    uint32_t from_serial; // of the delta: the primary's serial of that content
};
void message_candidate_write(const struct message_candidate *candidate, struct octets_buffer *body);
bool message_candidate_read(struct octets body, struct message_candidate *ret_candidate);
void message_candidate_close(struct message_candidate *candidate);

struct message_contact {
    int64_t at_seconds;
    // What is served stands for this serial of the primary: it may move without any change of
    // content.
    bool has_serial;
    uint32_t serial;
};
void message_contact_write(const struct message_contact *contact, struct octets_buffer *body);
bool message_contact_read(struct octets body, struct message_contact *ret_contact);

enum message_outcome {
    OUTCOME_UNCHANGED,
    OUTCOME_PUBLISHED,
    OUTCOME_HELD,
    OUTCOME_REJECTED,
    OUTCOME_FAILED,
    // A delta that does not fit what is served, or that the gate can judge with the whole content
    // only: the zone is transferred whole at once. Out of turn (no candidate waits): the signer
    // needs the whole content again.
    OUTCOME_DOUBT,
    OUTCOME_COUNT,
};
struct message_verdict {
    enum message_outcome outcome;
    char *text;      // one sentence unless unchanged
    uint32_t number; // of the candidate
    bool exact;      // what is served is what was delivered, nothing mended, left out or refused: a
                     // delta may follow
    bool steady; // the same stream again would get the same verdict and change nothing: it need not
                 // come
};
void message_verdict_write(const struct message_verdict *verdict, struct octets_buffer *body);
bool message_verdict_read(struct octets body, struct message_verdict *ret_verdict);
void message_verdict_close(struct message_verdict *verdict);

struct message_poll_facts {
    int64_t last_success_seconds, last_attempt_seconds, next_poll_seconds;
    uint32_t failures_in_row;
    bool transferring;
    char *primary; // that answered last, "" for none
    char *failure; // sentence of the last failure, "" after a success
    uint32_t upstream_serial;
    int64_t round_trip_ms;
    uint64_t transfers_ok, transfers_failed; // of the whole zone
    uint64_t deltas_ok, deltas_failed;       // by IXFR; failed: also those that the signer doubted
    uint64_t unchanged;                      // polls that one SOA answered: nothing has changed
    uint64_t octets_in, notifies_in;
    char *kind; // of the last poll that got an answer: "axfr", "ixfr", "soa" (it said that nothing
                // changed), "" none
    uint32_t downstream_count,
        downstream_current; // of `notify`: those that acknowledged the current serial
    char *downstream;       // one sentence about those that did not, "" otherwise
};
void message_poll_facts_write(const struct message_poll_facts *facts, struct octets_buffer *body);
bool message_poll_facts_read(struct octets body, struct message_poll_facts *ret_facts);
void message_poll_facts_close(struct message_poll_facts *facts);

struct message_ds_seen {
    bool answered;        // false: no server of the parent gave an answer
    char *text;           // who said what, one sentence
    uint32_t ds_count;    // DS RDATAs follow one another in rdatas, each behind its u16 length
    struct octets rdatas; // borrowed from the body
};
void message_ds_seen_write(const struct message_ds_seen *seen, struct octets_buffer *body);
bool message_ds_seen_read(struct octets body, struct message_ds_seen *ret_seen);
void message_ds_seen_close(struct message_ds_seen *seen);

#define MESSAGE_SIGN_BUCKETS  16
#define MESSAGE_ZONE_KEYS_MAX 32 // KEYSET_KEYS_MAX of the signer
struct message_zone_key {
    uint16_t tag;
    char role[4];
    char state[16];
    uint8_t algorithm;
};
struct message_zone_facts {
    char *state;  // "ok", "held", "expired", "not-ready", "failing"
    char *reason; // sentence, "" where ok
    char *reason_word;
    char *held_digest;          // hexadecimal, "" when nothing is held
    int64_t held_since_seconds; // 0: nothing is held
    bool has_version;
    uint32_t unsigned_serial, signed_serial;
    int64_t published_seconds;
    uint32_t added, removed; // RRs of the last change
    uint64_t rr_count, signature_count, node_count;
    int64_t signature_expiry_seconds;        // minimum over the zone, 0: unsigned
    int64_t next_refresh_seconds;            // of signatures, 0: none
    int64_t expires_seconds;                 // of the zone, 0: never
    uint64_t changes_added, changes_removed; // since the start
    uint64_t signatures_changed, signatures_refreshed,
        signatures_initial;                 // made since the start, by reason
    uint64_t sign_count, sign_microseconds; // publishes that signed
    // By upper bounds of MESSAGE_SIGN_BOUNDS_MS, the last is +Inf.
    uint32_t sign_histogram[MESSAGE_SIGN_BUCKETS];
    uint64_t heap_octets, living_octets;
    uint32_t journal_steps, journal_from_serial; // of IXFR out: steps 0, no journal
    uint64_t journal_octets;
    uint32_t key_count; // MESSAGE_ZONE_KEYS_MAX at most
    struct message_zone_key *keys;
    // Of a signing that runs, in records; total 0: none does. left -1: not known yet.
    uint64_t signing_done, signing_total, signing_per_second;
    int64_t signing_left_seconds;
};
#define MESSAGE_SIGN_BOUNDS_MS                                                                     \
    {                                                                                              \
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000                  \
    }
void message_zone_facts_write(const struct message_zone_facts *facts, struct octets_buffer *body);
bool message_zone_facts_read(struct octets body, struct message_zone_facts *ret_facts);
void message_zone_facts_close(struct message_zone_facts *facts);

enum message_event_kind { // the words of alert.on
    EVENT_RESIGN,
    EVENT_GATE,
    EVENT_REFRESH_FAILED,
    EVENT_RRSIG_EXPIRING,
    EVENT_KEY,
    EVENT_DS,
    EVENT_ALIAS_HELD,
    EVENT_CRASH,
    EVENT_RECOVERED,
    EVENT_KIND_COUNT,
};
const char *message_event_word(enum message_event_kind kind);
struct message_event {
    enum message_event_kind kind;
    int64_t at_seconds;
    char *dedup; // events with the same word are mailed once (a digest of a held candidate); "" =
                 // always
    char *why;   // "example.gov. A changed at the primary"
    char *diff;  // lines as in the mail, without indentation; "" when none
    uint32_t diff_lines_total;
    char *health; // text of the Health line
    char *hint;   // a command that works: "tandemctl zone accept example.net 5f1c09"
    bool has_serials;
    uint32_t unsigned_serial, signed_serial, former_signed_serial;
    uint32_t added, removed, new_signatures, kept_signatures;
    int64_t duration_ms;
    int64_t signature_expiry_seconds;
};
void message_event_write(const struct message_event *event, struct octets_buffer *body);
bool message_event_read(struct octets body, struct message_event *ret_event);
void message_event_close(struct message_event *event);

// gate.review: the supervisor, who alone may start programs, runs the command as the daemon's user
// with the diff on its standard input. It takes command, zone and timeout from its own settings,
// not from the message: the signer does not choose what runs.
struct message_review {
    char *command; // for /bin/sh -c
    char *zone;    // in the environment as TANDEM_ZONE
    char *digest;  // in the environment as TANDEM_DIGEST
    int64_t timeout_seconds;
    char *diff;
};
void message_review_write(const struct message_review *review, struct octets_buffer *body);
bool message_review_read(struct octets body, struct message_review *ret_review);
void message_review_close(struct message_review *review);
struct message_review_done {
    bool accepted;
    char *text; // "exit code 1", "no answer within 30s", ...
};
void message_review_done_write(const struct message_review_done *done, struct octets_buffer *body);
bool message_review_done_read(struct octets body, struct message_review_done *ret_done);
void message_review_done_close(struct message_review_done *done);

#define MESSAGE_CONTROL_ARGUMENTS_MAX 64
struct message_control {
    uint32_t peer_uid;
    char *object, *verb;
    unsigned argument_count;
    char *arguments[MESSAGE_CONTROL_ARGUMENTS_MAX];
    unsigned option_count; // name=value: "role=KSK", "serial=5", "signed=", "dry-run="
    char *options[MESSAGE_CONTROL_ARGUMENTS_MAX];
};
void message_control_write(const struct message_control *control, struct octets_buffer *body);
bool message_control_read(struct octets body, struct message_control *ret_control);
void message_control_close(struct message_control *control);
// The value of an option ("" when given without one), NULL when it was not given.
const char *message_control_option(const struct message_control *control, const char *name);

#endif
