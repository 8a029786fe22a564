// A body of each kind with every field distinct, how it is written and read, and what must be read.
#ifndef TANDEM_TESTS_MESSAGE_BODIES_H
#define TANDEM_TESTS_MESSAGE_BODIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "secondary/messages.h"

union any_body {
    struct message_listen listen;
    struct message_zone_state zone_state;
    struct message_role_facts role_facts;
    struct message_notify_hint notify_hint;
    struct message_transfers_out transfers_out;
    struct message_rate_table rate_table;
    struct message_candidate candidate;
    struct message_contact contact;
    struct message_verdict verdict;
    struct message_poll_facts poll_facts;
    struct message_ds_seen ds_seen;
    struct message_zone_facts zone_facts;
    struct message_event event;
    struct message_review review;
    struct message_review_done review_done;
    struct message_control control;
};

struct body_kind {
    const char *name;
    void (*write)(struct octets_buffer *body);
    bool (*read)(struct octets body, union any_body *ret_body);
    void (*check)(const union any_body *body);
    void (*close)(union any_body *body); // NULL: owns nothing
};

// --- What is written, and what must be read

static const struct message_listen LISTEN = {
    .server_index = 0x01020304,
    .server_count = 0x05060708,
    .socket_count = 2,
    .sockets = {{"192.0.2.1@53", true}, {"2001:db8::1@5353", false}},
    .last = true,
};

static inline void
listen_check(const union any_body *body)
{
    const struct message_listen *listen = &body->listen;
    assert_int_equal(listen->server_index, LISTEN.server_index);
    assert_int_equal(listen->server_count, LISTEN.server_count);
    assert_int_equal(listen->socket_count, 2);
    assert_string_equal(listen->sockets[0].address, "192.0.2.1@53");
    assert_true(listen->sockets[0].tcp);
    assert_string_equal(listen->sockets[1].address, "2001:db8::1@5353");
    assert_false(listen->sockets[1].tcp);
    assert_true(listen->last);
}

static const struct message_rate_table RATE_TABLE = {0xfedcba9876543210};

static inline void
rate_table_check(const union any_body *body)
{
    assert_true(body->rate_table.key == RATE_TABLE.key);
}

static const struct message_zone_state ZONE_STATE = {ZONE_EXPIRED, 0x0102030405060708};

static inline void
zone_state_check(const union any_body *body)
{
    assert_int_equal(body->zone_state.serving, ZONE_EXPIRED);
    assert_int_equal(body->zone_state.expires_seconds, ZONE_STATE.expires_seconds);
}

static const struct message_role_facts ROLE_FACTS = {
    .role = ROLE_SERVER,
    .index = 3,
    .pid = 4711,
    .restarts = 12,
    .started_seconds = 1795263187,
    .last_exit = -1,
    .expected = true,
};

static inline void
role_facts_check(const union any_body *body)
{
    const struct message_role_facts *facts = &body->role_facts;
    assert_int_equal(facts->role, ROLE_SERVER);
    assert_int_equal(facts->index, 3);
    assert_int_equal(facts->pid, 4711);
    assert_int_equal(facts->restarts, 12);
    assert_int_equal(facts->started_seconds, 1795263187);
    assert_int_equal(facts->last_exit, -1);
    assert_true(facts->expected);
}

static const struct message_transfers_out TRANSFERS_OUT = {1, 2, 3, 4, 5, 6, 0xfedcba98};

static inline void
transfers_out_check(const union any_body *body)
{
    assert_memory_equal(&body->transfers_out, &TRANSFERS_OUT, sizeof TRANSFERS_OUT);
}

static const struct message_notify_hint NOTIFY_HINT = {"198.51.100.7@40000", true, 0xfedcba98};

static inline void
notify_hint_check(const union any_body *body)
{
    assert_string_equal(body->notify_hint.source, "198.51.100.7@40000");
    assert_true(body->notify_hint.has_serial);
    assert_int_equal(body->notify_hint.serial, 0xfedcba98);
}

static char PRIMARY[] = "hidden 10.0.0.5@53", SENTENCE[] = "nsd1 did not answer", OTHER[] = "why";

static char LINES[] = "  example.gov.  60  A\n- 192.0.2.9\n", EMPTY[] = "", WORD[] = "held";

static const struct message_candidate CANDIDATE = {
    .primary = PRIMARY,
    .serial = 2026112104,
    .received_seconds = 1795263187,
    .wire_octets = 0x1122334455667788,
    .rr_count = 77,
    .transfer_ms = 88,
    .notified = true,
    .forced = false,
    .number = 99,
    .is_delta = true,
    .from_serial = 2026112103,
};

static inline void
candidate_check(const union any_body *body)
{
    const struct message_candidate *candidate = &body->candidate;
    assert_string_equal(candidate->primary, PRIMARY);
    assert_int_equal(candidate->serial, 2026112104);
    assert_int_equal(candidate->received_seconds, 1795263187);
    assert_true(candidate->wire_octets == 0x1122334455667788);
    assert_int_equal(candidate->rr_count, 77);
    assert_int_equal(candidate->transfer_ms, 88);
    assert_true(candidate->notified);
    assert_false(candidate->forced);
    assert_int_equal(candidate->number, 99);
    assert_true(candidate->is_delta);
    assert_int_equal(candidate->from_serial, 2026112103);
}

static const struct message_contact CONTACT = {
    .at_seconds = 1795263187, .has_serial = true, .serial = 0xfedcba98};

static inline void
contact_check(const union any_body *body)
{
    assert_int_equal(body->contact.at_seconds, 1795263187);
    assert_true(body->contact.has_serial);
    assert_int_equal(body->contact.serial, 0xfedcba98);
}

static const struct message_verdict VERDICT = {
    .outcome = OUTCOME_HELD, .text = SENTENCE, .number = 99, .exact = true, .steady = true};

static inline void
verdict_check(const union any_body *body)
{
    assert_int_equal(body->verdict.outcome, OUTCOME_HELD);
    assert_string_equal(body->verdict.text, SENTENCE);
    assert_int_equal(body->verdict.number, 99);
    assert_true(body->verdict.exact && body->verdict.steady);
}

static const struct message_poll_facts POLL_FACTS = {
    .last_success_seconds = 1,
    .last_attempt_seconds = 2,
    .next_poll_seconds = 3,
    .failures_in_row = 4,
    .transferring = true,
    .primary = PRIMARY,
    .failure = OTHER,
    .upstream_serial = 5,
    .round_trip_ms = 6,
    .transfers_ok = 7,
    .transfers_failed = 8,
    .octets_in = 9,
    .notifies_in = 10,
    .downstream_count = 11,
    .downstream_current = 12,
    .downstream = SENTENCE,
    .deltas_ok = 13,
    .deltas_failed = 14,
    .unchanged = 15,
    .kind = WORD,
};

static inline void
poll_facts_check(const union any_body *body)
{
    const struct message_poll_facts *facts = &body->poll_facts;
    assert_int_equal(facts->last_success_seconds, 1);
    assert_int_equal(facts->last_attempt_seconds, 2);
    assert_int_equal(facts->next_poll_seconds, 3);
    assert_int_equal(facts->failures_in_row, 4);
    assert_true(facts->transferring);
    assert_string_equal(facts->primary, PRIMARY);
    assert_string_equal(facts->failure, OTHER);
    assert_int_equal(facts->upstream_serial, 5);
    assert_int_equal(facts->round_trip_ms, 6);
    assert_int_equal(facts->transfers_ok, 7);
    assert_int_equal(facts->transfers_failed, 8);
    assert_int_equal(facts->octets_in, 9);
    assert_int_equal(facts->notifies_in, 10);
    assert_int_equal(facts->downstream_count, 11);
    assert_int_equal(facts->downstream_current, 12);
    assert_string_equal(facts->downstream, SENTENCE);
    assert_int_equal(facts->deltas_ok, 13);
    assert_int_equal(facts->deltas_failed, 14);
    assert_int_equal(facts->unchanged, 15);
    assert_string_equal(facts->kind, WORD);
}

static const uint8_t DS_RDATAS[] = {0, 3, 'a', 'b', 'c', 0, 1, 'd'};

static const struct message_ds_seen DS_SEEN = {
    .answered = true, .text = SENTENCE, .ds_count = 2, .rdatas = {DS_RDATAS, sizeof DS_RDATAS}};

static inline void
ds_seen_check(const union any_body *body)
{
    assert_true(body->ds_seen.answered);
    assert_string_equal(body->ds_seen.text, SENTENCE);
    assert_int_equal(body->ds_seen.ds_count, 2);
    assert_int_equal(body->ds_seen.rdatas.length, sizeof DS_RDATAS);
    assert_memory_equal(body->ds_seen.rdatas.data, DS_RDATAS, sizeof DS_RDATAS);
}

static struct message_zone_key ZONE_KEYS[] = {{12345, "KSK", "active", 13},
                                              {54321, "ZSK", "retired", 15}};

static const struct message_zone_facts ZONE_FACTS = {
    .state = WORD,
    .reason = SENTENCE,
    .reason_word = OTHER,
    .held_digest = PRIMARY,
    .held_since_seconds = 1795263187,
    .has_version = true,
    .unsigned_serial = 1,
    .signed_serial = 2,
    .published_seconds = 3,
    .added = 4,
    .removed = 5,
    .rr_count = 6,
    .signature_count = 7,
    .node_count = 8,
    .signature_expiry_seconds = 9,
    .next_refresh_seconds = 10,
    .expires_seconds = 11,
    .changes_added = 12,
    .changes_removed = 13,
    .signatures_changed = 14,
    .signatures_refreshed = 15,
    .signatures_initial = 16,
    .sign_count = 17,
    .sign_microseconds = 18,
    .sign_histogram = {19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34},
    .heap_octets = 35,
    .living_octets = 36,
    .journal_steps = 37,
    .journal_from_serial = 38,
    .journal_octets = 39,
    .key_count = 2,
    .keys = ZONE_KEYS,
    .signing_done = 41000,
    .signing_total = UINT64_C(100000000000),
    .signing_per_second = 23000,
    .signing_left_seconds = -1,
};

static inline void
zone_facts_check(const union any_body *body)
{
    const struct message_zone_facts *facts = &body->zone_facts;
    assert_string_equal(facts->state, WORD);
    assert_string_equal(facts->reason, SENTENCE);
    assert_string_equal(facts->reason_word, OTHER);
    assert_string_equal(facts->held_digest, PRIMARY);
    assert_int_equal(facts->held_since_seconds, 1795263187);
    assert_true(facts->has_version);
    assert_int_equal(facts->unsigned_serial, 1);
    assert_int_equal(facts->signed_serial, 2);
    assert_int_equal(facts->published_seconds, 3);
    assert_int_equal(facts->added, 4);
    assert_int_equal(facts->removed, 5);
    assert_int_equal(facts->rr_count, 6);
    assert_int_equal(facts->signature_count, 7);
    assert_int_equal(facts->node_count, 8);
    assert_int_equal(facts->signature_expiry_seconds, 9);
    assert_int_equal(facts->next_refresh_seconds, 10);
    assert_int_equal(facts->expires_seconds, 11);
    assert_int_equal(facts->changes_added, 12);
    assert_int_equal(facts->changes_removed, 13);
    assert_int_equal(facts->signatures_changed, 14);
    assert_int_equal(facts->signatures_refreshed, 15);
    assert_int_equal(facts->signatures_initial, 16);
    assert_int_equal(facts->sign_count, 17);
    assert_int_equal(facts->sign_microseconds, 18);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(facts->sign_histogram[i], 19 + i);
    assert_int_equal(facts->heap_octets, 35);
    assert_int_equal(facts->living_octets, 36);
    assert_int_equal(facts->journal_steps, 37);
    assert_int_equal(facts->journal_from_serial, 38);
    assert_int_equal(facts->journal_octets, 39);
    assert_int_equal(facts->key_count, 2);
    assert_int_equal(facts->keys[0].tag, 12345);
    assert_string_equal(facts->keys[0].role, "KSK");
    assert_string_equal(facts->keys[0].state, "active");
    assert_int_equal(facts->keys[0].algorithm, 13);
    assert_int_equal(facts->keys[1].tag, 54321);
    assert_string_equal(facts->keys[1].role, "ZSK");
    assert_string_equal(facts->keys[1].state, "retired");
    assert_int_equal(facts->keys[1].algorithm, 15);
    assert_true(facts->signing_done == 41000);
    assert_true(facts->signing_total == UINT64_C(100000000000));
    assert_true(facts->signing_per_second == 23000);
    assert_int_equal(facts->signing_left_seconds, -1);
}

static const struct message_event EVENT = {
    .kind = EVENT_REFRESH_FAILED,
    .at_seconds = 1,
    .dedup = WORD,
    .why = OTHER,
    .diff = LINES,
    .diff_lines_total = 2,
    .health = SENTENCE,
    .hint = PRIMARY,
    .has_serials = true,
    .unsigned_serial = 3,
    .signed_serial = 4,
    .former_signed_serial = 5,
    .added = 6,
    .removed = 7,
    .new_signatures = 8,
    .kept_signatures = 9,
    .duration_ms = 10,
    .signature_expiry_seconds = 11,
};

static inline void
event_check(const union any_body *body)
{
    const struct message_event *event = &body->event;
    assert_int_equal(event->kind, EVENT_REFRESH_FAILED);
    assert_int_equal(event->at_seconds, 1);
    assert_string_equal(event->dedup, WORD);
    assert_string_equal(event->why, OTHER);
    assert_string_equal(event->diff, LINES);
    assert_int_equal(event->diff_lines_total, 2);
    assert_string_equal(event->health, SENTENCE);
    assert_string_equal(event->hint, PRIMARY);
    assert_true(event->has_serials);
    assert_int_equal(event->unsigned_serial, 3);
    assert_int_equal(event->signed_serial, 4);
    assert_int_equal(event->former_signed_serial, 5);
    assert_int_equal(event->added, 6);
    assert_int_equal(event->removed, 7);
    assert_int_equal(event->new_signatures, 8);
    assert_int_equal(event->kept_signatures, 9);
    assert_int_equal(event->duration_ms, 10);
    assert_int_equal(event->signature_expiry_seconds, 11);
}

static const struct message_review REVIEW = {
    .command = OTHER, .zone = WORD, .digest = PRIMARY, .timeout_seconds = 30, .diff = LINES};

static inline void
review_check(const union any_body *body)
{
    assert_string_equal(body->review.command, OTHER);
    assert_string_equal(body->review.zone, WORD);
    assert_string_equal(body->review.digest, PRIMARY);
    assert_int_equal(body->review.timeout_seconds, 30);
    assert_string_equal(body->review.diff, LINES);
}

static const struct message_review_done REVIEW_DONE = {true, SENTENCE};

static inline void
review_done_check(const union any_body *body)
{
    assert_true(body->review_done.accepted);
    assert_string_equal(body->review_done.text, SENTENCE);
}

static char ROLE_OPTION[] = "role=KSK", FLAG_OPTION[] = "signed=";

static const struct message_control CONTROL = {
    .peer_uid = 1000,
    .object = WORD,
    .verb = OTHER,
    .argument_count = 3,
    .arguments = {PRIMARY, EMPTY, SENTENCE},
    .option_count = 2,
    .options = {ROLE_OPTION, FLAG_OPTION},
};

static inline void
control_check(const union any_body *body)
{
    const struct message_control *control = &body->control;
    assert_int_equal(control->peer_uid, 1000);
    assert_string_equal(control->object, WORD);
    assert_string_equal(control->verb, OTHER);
    assert_int_equal(control->argument_count, 3);
    assert_string_equal(control->arguments[0], PRIMARY);
    assert_string_equal(control->arguments[1], "");
    assert_string_equal(control->arguments[2], SENTENCE);
    assert_int_equal(control->option_count, 2);
    assert_string_equal(message_control_option(control, "role"), "KSK");
    assert_string_equal(message_control_option(control, "signed"), "");
    assert_null(message_control_option(control, "rol"));
    assert_null(message_control_option(control, "role="));
}

#define CALLS(name, NAME)                                                                          \
    static void name##_write(struct octets_buffer *body)                                           \
    {                                                                                              \
        message_##name##_write(&NAME, body);                                                       \
    }                                                                                              \
    static bool name##_read(struct octets body, union any_body *ret_body)                          \
    {                                                                                              \
        return message_##name##_read(body, &ret_body->name);                                       \
    }
#define CALLS_OWNING(name, NAME)                                                                   \
    CALLS(name, NAME)                                                                              \
    static void name##_close(union any_body *body)                                                 \
    {                                                                                              \
        message_##name##_close(&body->name);                                                       \
    }

CALLS(listen, LISTEN)
CALLS(zone_state, ZONE_STATE)
CALLS(role_facts, ROLE_FACTS)
CALLS(notify_hint, NOTIFY_HINT)
CALLS(transfers_out, TRANSFERS_OUT)
CALLS(rate_table, RATE_TABLE)
CALLS_OWNING(candidate, CANDIDATE)
CALLS(contact, CONTACT)
CALLS_OWNING(verdict, VERDICT)
CALLS_OWNING(poll_facts, POLL_FACTS)
CALLS_OWNING(ds_seen, DS_SEEN)
CALLS_OWNING(zone_facts, ZONE_FACTS)
CALLS_OWNING(event, EVENT)
CALLS_OWNING(review, REVIEW)
CALLS_OWNING(review_done, REVIEW_DONE)
CALLS_OWNING(control, CONTROL)

#define KIND(name)                                                                                 \
    {                                                                                              \
#name, name##_write, name##_read, name##_check, NULL                                       \
    }

#define KIND_OWNING(name)                                                                          \
    {                                                                                              \
#name, name##_write, name##_read, name##_check, name##_close                               \
    }

static const struct body_kind KINDS[] = {
    KIND(listen),
    KIND(zone_state),
    KIND(role_facts),
    KIND(notify_hint),
    KIND(transfers_out),
    KIND(rate_table),
    KIND_OWNING(candidate),
    KIND(contact),
    KIND_OWNING(verdict),
    KIND_OWNING(poll_facts),
    KIND_OWNING(ds_seen),
    KIND_OWNING(zone_facts),
    KIND_OWNING(event),
    KIND_OWNING(review),
    KIND_OWNING(review_done),
    KIND_OWNING(control),
};

#define KIND_COUNT (sizeof KINDS / sizeof KINDS[0])

#endif
