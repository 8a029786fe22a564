// Bodies of messages, field by field. Written by buffer functions, read by the bounds-checked
// reader with its sticky failure, so that each read function checks once at its end. A body must be
// read to its last octet.
#include "secondary/messages.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"

static const char *const ROLE_WORDS[ROLE_COUNT] = {"supervisor", "fetcher", "signer", "desk",
                                                   "server"};

const char *
message_role_word(enum message_role role)
{
    return (unsigned)role < ROLE_COUNT ? ROLE_WORDS[role] : "unknown";
}

static const char *const TYPE_WORDS[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_SETTINGS] = "settings",
    [MESSAGE_STOP] = "stop",
    [MESSAGE_READY] = "ready",
    [MESSAGE_HEARTBEAT] = "heartbeat",
    [MESSAGE_LISTEN] = "listen",
    [MESSAGE_COUNTERS] = "counters",
    [MESSAGE_VERSION] = "version",
    [MESSAGE_ZONE_STATE] = "zone-state",
    [MESSAGE_ROLE_FACTS] = "role-facts",
    [MESSAGE_PLACES_WANTED] = "places-wanted",
    [MESSAGE_NOTIFY_HINT] = "notify-hint",
    [MESSAGE_CANDIDATE] = "candidate",
    [MESSAGE_VERDICT] = "verdict",
    [MESSAGE_CONTACT] = "contact",
    [MESSAGE_POLL_FACTS] = "poll-facts",
    [MESSAGE_DS_SEEN] = "ds-seen",
    [MESSAGE_PUBLISHED] = "published",
    [MESSAGE_NOTIFY_OUT] = "notify-out",
    [MESSAGE_ZONE_FACTS] = "zone-facts",
    [MESSAGE_EVENT] = "event",
    [MESSAGE_CONTROL_REQUEST] = "control-request",
    [MESSAGE_CONTROL_REPLY] = "control-reply",
    [MESSAGE_REVIEW] = "review",
    [MESSAGE_REVIEW_DONE] = "review-done",
    [MESSAGE_EVENT_TAKEN] = "event-taken",
    [MESSAGE_SIGNER_STARTED] = "signer-started",
    [MESSAGE_RATE_TABLE] = "rate-table",
    [MESSAGE_TRANSFERS_OUT] = "transfers-out",
    [MESSAGE_POOL] = "pool",
    [MESSAGE_POOL_GONE] = "pool-gone",
    [MESSAGE_POOLED] = "pooled",
};

const char *
message_type_word(enum message_type type)
{
    bool known = (unsigned)type < MESSAGE_TYPE_COUNT && TYPE_WORDS[type] != NULL;
    return known ? TYPE_WORDS[type] : "unknown";
}

static void
write_i64(struct octets_buffer *body, int64_t value)
{
    octets_buffer_add_u64(body, (uint64_t)value);
}

static int64_t
read_i64(struct octets_reader *reader)
{
    return (int64_t)octets_read_u64(reader);
}

// A longer text is cut rather than refused by the reader: a mail that ends early is better than
// none.
static void
write_text(struct octets_buffer *body, const char *text)
{
    size_t length = text != NULL ? strlen(text) : 0;
    length = length < MESSAGES_TEXT_MAX ? length : MESSAGES_TEXT_MAX;
    octets_buffer_add_u32(body, (uint32_t)length);
    octets_buffer_add(body, text, length);
}

static char *
read_text(struct octets_reader *reader)
{
    return octets_read_text(reader, MESSAGES_TEXT_MAX);
}

// A text into an array of size octets; too long is a failure.
static void
read_text_into(struct octets_reader *reader, char *text, size_t size)
{
    uint32_t length = octets_read_u32(reader);
    if (length >= size) {
        reader->failed = true;
        return;
    }
    if (octets_read_copy(reader, text, length)) {
        text[length] = '\0';
    }
}

static bool
read_bool(struct octets_reader *reader)
{
    uint8_t value = octets_read_u8(reader);
    if (value > 1) {
        reader->failed = true;
    }
    return value == 1;
}

// An enumeration's value below count.
static unsigned
read_choice(struct octets_reader *reader, unsigned count)
{
    unsigned value = octets_read_u8(reader);
    if (value >= count) {
        reader->failed = true;
        return 0;
    }
    return value;
}

static bool
read_end(const struct octets_reader *reader)
{
    return !reader->failed && octets_left(reader) == 0;
}

static void
free_text(char **text)
{
    free(*text);
    *text = NULL;
}

void
message_listen_write(const struct message_listen *listen, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, listen->server_index);
    octets_buffer_add_u32(body, listen->server_count);
    octets_buffer_add_u8(body, listen->last);
    octets_buffer_add_u32(body, listen->socket_count);
    for (unsigned i = 0; i < listen->socket_count; i++) {
        write_text(body, listen->sockets[i].address);
        octets_buffer_add_u8(body, listen->sockets[i].tcp);
    }
}

bool
message_listen_read(struct octets body, struct message_listen *ret_listen)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_listen listen = {0};
    listen.server_index = octets_read_u32(&reader);
    listen.server_count = octets_read_u32(&reader);
    listen.last = read_bool(&reader);
    listen.socket_count = octets_read_u32(&reader);
    if (reader.failed || listen.socket_count > MESSAGES_DESCRIPTORS_MAX) {
        return false;
    }
    for (unsigned i = 0; i < listen.socket_count; i++) {
        read_text_into(&reader, listen.sockets[i].address, sizeof listen.sockets[i].address);
        listen.sockets[i].tcp = read_bool(&reader);
    }
    if (!read_end(&reader)) {
        return false;
    }
    *ret_listen = listen;
    return true;
}

void
message_rate_table_write(const struct message_rate_table *table, struct octets_buffer *body)
{
    octets_buffer_add_u64(body, table->key);
}

bool
message_rate_table_read(struct octets body, struct message_rate_table *ret_table)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_rate_table table = {.key = octets_read_u64(&reader)};
    if (!read_end(&reader)) {
        return false;
    }
    *ret_table = table;
    return true;
}

enum place_bit { PLACE_HEAP = 1, PLACE_OLD_HEAP = 2, PLACE_BASE = 4, PLACE_INDEX = 8 };

unsigned
message_place_descriptors(const struct version_place *place,
                          int ret_descriptors[static VERSION_DESCRIPTORS_MAX])
{
    const int all[VERSION_DESCRIPTORS_MAX] = {place->heap, place->old_heap, place->base,
                                              place->index};
    unsigned count = 0;
    for (unsigned i = 0; i < VERSION_DESCRIPTORS_MAX; i++) {
        if (all[i] >= 0) {
            ret_descriptors[count++] = all[i];
        }
    }
    return count;
}

void
message_place_write(const struct version_place *place, struct octets_buffer *body)
{
    unsigned present =
        (place->heap >= 0 ? PLACE_HEAP : 0U) | (place->old_heap >= 0 ? PLACE_OLD_HEAP : 0U) |
        (place->base >= 0 ? PLACE_BASE : 0U) | (place->index >= 0 ? PLACE_INDEX : 0U);
    octets_buffer_add_u8(body, (uint8_t)present);
    octets_buffer_add_u64(body, place->heap_length);
    octets_buffer_add_u64(body, place->old_heap_length);
    octets_buffer_add_u64(body, place->base_offset);
    octets_buffer_add_u64(body, place->base_length);
    octets_buffer_add_u64(body, place->index_offset);
    octets_buffer_add_u64(body, place->index_length);
}

// The next descriptor of the message for a part that is present; a missing one is a failure.
static int
take_descriptor(struct message *message, unsigned *position, bool present, bool *failed)
{
    if (!present) {
        return -1;
    }
    if (*position >= message->descriptor_count) {
        *failed = true;
        return -1;
    }
    int fd = message->descriptors[*position];
    message->descriptors[*position] = -1;
    (*position)++;
    return fd;
}

bool
message_place_read(struct message *message, struct version_place *ret_place)
{
    struct octets_reader reader;
    octets_reader_init(&reader, message->body.data, message->body.length);
    struct version_place place = {.heap = -1, .old_heap = -1, .base = -1, .index = -1};
    unsigned present = octets_read_u8(&reader);
    place.heap_length = octets_read_u64(&reader);
    place.old_heap_length = octets_read_u64(&reader);
    place.base_offset = octets_read_u64(&reader);
    place.base_length = octets_read_u64(&reader);
    place.index_offset = octets_read_u64(&reader);
    place.index_length = octets_read_u64(&reader);
    if (!read_end(&reader) || present > 15) {
        return false;
    }
    bool failed = false;
    unsigned position = 0;
    place.heap = take_descriptor(message, &position, (present & PLACE_HEAP) != 0, &failed);
    place.old_heap = take_descriptor(message, &position, (present & PLACE_OLD_HEAP) != 0, &failed);
    place.base = take_descriptor(message, &position, (present & PLACE_BASE) != 0, &failed);
    place.index = take_descriptor(message, &position, (present & PLACE_INDEX) != 0, &failed);
    if (failed || position != message->descriptor_count) {
        version_place_close(&place);
        return false;
    }
    *ret_place = place;
    return true;
}

void
message_zone_state_write(const struct message_zone_state *state, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)state->serving);
    write_i64(body, state->expires_seconds);
}

bool
message_zone_state_read(struct octets body, struct message_zone_state *ret_state)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_zone_state state = {0};
    state.serving = (enum message_zone_serving)read_choice(&reader, ZONE_GONE + 1);
    state.expires_seconds = read_i64(&reader);
    if (!read_end(&reader)) {
        return false;
    }
    *ret_state = state;
    return true;
}

void
message_role_facts_write(const struct message_role_facts *facts, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)facts->role);
    octets_buffer_add_u32(body, facts->index);
    octets_buffer_add_u32(body, (uint32_t)facts->pid);
    octets_buffer_add_u32(body, facts->restarts);
    write_i64(body, facts->started_seconds);
    octets_buffer_add_u32(body, (uint32_t)facts->last_exit);
    octets_buffer_add_u8(body, facts->expected);
}

bool
message_role_facts_read(struct octets body, struct message_role_facts *ret_facts)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_role_facts facts = {0};
    facts.role = (enum message_role)read_choice(&reader, ROLE_COUNT);
    facts.index = octets_read_u32(&reader);
    facts.pid = (int32_t)octets_read_u32(&reader);
    facts.restarts = octets_read_u32(&reader);
    facts.started_seconds = read_i64(&reader);
    facts.last_exit = (int32_t)octets_read_u32(&reader);
    facts.expected = read_bool(&reader);
    if (!read_end(&reader)) {
        return false;
    }
    *ret_facts = facts;
    return true;
}

void
message_transfers_out_write(const struct message_transfers_out *counts, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, counts->whole_ok);
    octets_buffer_add_u32(body, counts->whole_failed);
    octets_buffer_add_u32(body, counts->deltas_ok);
    octets_buffer_add_u32(body, counts->deltas_failed);
    octets_buffer_add_u32(body, counts->up_to_date);
}

bool
message_transfers_out_read(struct octets body, struct message_transfers_out *ret_counts)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_transfers_out counts = {0};
    counts.whole_ok = octets_read_u32(&reader);
    counts.whole_failed = octets_read_u32(&reader);
    counts.deltas_ok = octets_read_u32(&reader);
    counts.deltas_failed = octets_read_u32(&reader);
    counts.up_to_date = octets_read_u32(&reader);
    if (!read_end(&reader)) {
        return false;
    }
    *ret_counts = counts;
    return true;
}

void
message_notify_hint_write(const struct message_notify_hint *hint, struct octets_buffer *body)
{
    write_text(body, hint->source);
    octets_buffer_add_u8(body, hint->has_serial);
    octets_buffer_add_u32(body, hint->serial);
}

bool
message_notify_hint_read(struct octets body, struct message_notify_hint *ret_hint)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_notify_hint hint = {0};
    read_text_into(&reader, hint.source, sizeof hint.source);
    hint.has_serial = read_bool(&reader);
    hint.serial = octets_read_u32(&reader);
    if (!read_end(&reader)) {
        return false;
    }
    *ret_hint = hint;
    return true;
}

void
message_candidate_write(const struct message_candidate *candidate, struct octets_buffer *body)
{
    write_text(body, candidate->primary);
    octets_buffer_add_u32(body, candidate->serial);
    write_i64(body, candidate->received_seconds);
    octets_buffer_add_u64(body, candidate->wire_octets);
    octets_buffer_add_u32(body, candidate->rr_count);
    write_i64(body, candidate->transfer_ms);
    octets_buffer_add_u8(body, candidate->notified);
    octets_buffer_add_u8(body, candidate->forced);
    octets_buffer_add_u32(body, candidate->number);
    octets_buffer_add_u8(body, candidate->is_delta);
    octets_buffer_add_u32(body, candidate->from_serial);
}

bool
message_candidate_read(struct octets body, struct message_candidate *ret_candidate)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_candidate candidate = {0};
    candidate.primary = read_text(&reader);
    candidate.serial = octets_read_u32(&reader);
    candidate.received_seconds = read_i64(&reader);
    candidate.wire_octets = octets_read_u64(&reader);
    candidate.rr_count = octets_read_u32(&reader);
    candidate.transfer_ms = read_i64(&reader);
    candidate.notified = read_bool(&reader);
    candidate.forced = read_bool(&reader);
    candidate.number = octets_read_u32(&reader);
    candidate.is_delta = read_bool(&reader);
    candidate.from_serial = octets_read_u32(&reader);
    if (!read_end(&reader)) {
        message_candidate_close(&candidate);
        return false;
    }
    *ret_candidate = candidate;
    return true;
}

void
message_candidate_close(struct message_candidate *candidate)
{
    free_text(&candidate->primary);
}

void
message_contact_write(const struct message_contact *contact, struct octets_buffer *body)
{
    write_i64(body, contact->at_seconds);
    octets_buffer_add_u8(body, contact->has_serial);
    octets_buffer_add_u32(body, contact->serial);
}

bool
message_contact_read(struct octets body, struct message_contact *ret_contact)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_contact contact = {0};
    contact.at_seconds = read_i64(&reader);
    contact.has_serial = read_bool(&reader);
    contact.serial = octets_read_u32(&reader);
    if (!read_end(&reader)) {
        return false;
    }
    *ret_contact = contact;
    return true;
}

void
message_verdict_write(const struct message_verdict *verdict, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)verdict->outcome);
    write_text(body, verdict->text);
    octets_buffer_add_u32(body, verdict->number);
    octets_buffer_add_u8(body, verdict->exact);
    octets_buffer_add_u8(body, verdict->steady);
}

bool
message_verdict_read(struct octets body, struct message_verdict *ret_verdict)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_verdict verdict = {0};
    verdict.outcome = (enum message_outcome)read_choice(&reader, OUTCOME_COUNT);
    verdict.text = read_text(&reader);
    verdict.number = octets_read_u32(&reader);
    verdict.exact = read_bool(&reader);
    verdict.steady = read_bool(&reader);
    if (!read_end(&reader)) {
        message_verdict_close(&verdict);
        return false;
    }
    *ret_verdict = verdict;
    return true;
}

void
message_verdict_close(struct message_verdict *verdict)
{
    free_text(&verdict->text);
}

void
message_poll_facts_write(const struct message_poll_facts *facts, struct octets_buffer *body)
{
    write_i64(body, facts->last_success_seconds);
    write_i64(body, facts->last_attempt_seconds);
    write_i64(body, facts->next_poll_seconds);
    octets_buffer_add_u32(body, facts->failures_in_row);
    octets_buffer_add_u8(body, facts->transferring);
    write_text(body, facts->primary);
    write_text(body, facts->failure);
    octets_buffer_add_u32(body, facts->upstream_serial);
    write_i64(body, facts->round_trip_ms);
    octets_buffer_add_u64(body, facts->transfers_ok);
    octets_buffer_add_u64(body, facts->transfers_failed);
    octets_buffer_add_u64(body, facts->deltas_ok);
    octets_buffer_add_u64(body, facts->deltas_failed);
    octets_buffer_add_u64(body, facts->unchanged);
    octets_buffer_add_u64(body, facts->octets_in);
    octets_buffer_add_u64(body, facts->notifies_in);
    octets_buffer_add_u32(body, facts->downstream_count);
    octets_buffer_add_u32(body, facts->downstream_current);
    write_text(body, facts->downstream);
    write_text(body, facts->kind);
}

bool
message_poll_facts_read(struct octets body, struct message_poll_facts *ret_facts)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_poll_facts facts = {0};
    facts.last_success_seconds = read_i64(&reader);
    facts.last_attempt_seconds = read_i64(&reader);
    facts.next_poll_seconds = read_i64(&reader);
    facts.failures_in_row = octets_read_u32(&reader);
    facts.transferring = read_bool(&reader);
    facts.primary = read_text(&reader);
    facts.failure = read_text(&reader);
    facts.upstream_serial = octets_read_u32(&reader);
    facts.round_trip_ms = read_i64(&reader);
    facts.transfers_ok = octets_read_u64(&reader);
    facts.transfers_failed = octets_read_u64(&reader);
    facts.deltas_ok = octets_read_u64(&reader);
    facts.deltas_failed = octets_read_u64(&reader);
    facts.unchanged = octets_read_u64(&reader);
    facts.octets_in = octets_read_u64(&reader);
    facts.notifies_in = octets_read_u64(&reader);
    facts.downstream_count = octets_read_u32(&reader);
    facts.downstream_current = octets_read_u32(&reader);
    facts.downstream = read_text(&reader);
    facts.kind = read_text(&reader);
    if (!read_end(&reader)) {
        message_poll_facts_close(&facts);
        return false;
    }
    *ret_facts = facts;
    return true;
}

void
message_poll_facts_close(struct message_poll_facts *facts)
{
    free_text(&facts->primary);
    free_text(&facts->failure);
    free_text(&facts->downstream);
    free_text(&facts->kind);
}

void
message_ds_seen_write(const struct message_ds_seen *seen, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, seen->answered);
    write_text(body, seen->text);
    octets_buffer_add_u32(body, seen->ds_count);
    octets_buffer_add(body, seen->rdatas.data, seen->rdatas.length);
}

bool
message_ds_seen_read(struct octets body, struct message_ds_seen *ret_seen)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_ds_seen seen = {0};
    seen.answered = read_bool(&reader);
    seen.text = read_text(&reader);
    seen.ds_count = octets_read_u32(&reader);
    seen.rdatas = (struct octets){reader.at, octets_left(&reader)};
    for (uint32_t i = 0; i < seen.ds_count && !reader.failed; i++) {
        octets_read_view(&reader, octets_read_u16(&reader));
    }
    if (!read_end(&reader)) {
        message_ds_seen_close(&seen);
        return false;
    }
    *ret_seen = seen;
    return true;
}

void
message_ds_seen_close(struct message_ds_seen *seen)
{
    free_text(&seen->text);
}

#define KEYS_MAX                                                                                   \
    (sizeof((struct message_zone_facts *)0)->keys / sizeof((struct message_zone_facts *)0)->keys[0])
#define HISTOGRAM_SIZE 16

static void
write_keys(const struct message_zone_facts *facts, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, facts->key_count);
    for (uint32_t i = 0; i < facts->key_count; i++) {
        octets_buffer_add_u16(body, facts->keys[i].tag);
        write_text(body, facts->keys[i].role);
        write_text(body, facts->keys[i].state);
        octets_buffer_add_u8(body, facts->keys[i].algorithm);
    }
}

static void
read_keys(struct octets_reader *reader, struct message_zone_facts *facts)
{
    facts->key_count = octets_read_u32(reader);
    if (facts->key_count > KEYS_MAX) {
        reader->failed = true;
        facts->key_count = 0;
    }
    for (uint32_t i = 0; i < facts->key_count; i++) {
        facts->keys[i].tag = octets_read_u16(reader);
        read_text_into(reader, facts->keys[i].role, sizeof facts->keys[i].role);
        read_text_into(reader, facts->keys[i].state, sizeof facts->keys[i].state);
        facts->keys[i].algorithm = octets_read_u8(reader);
    }
}

static void
write_zone_counters(const struct message_zone_facts *facts, struct octets_buffer *body)
{
    octets_buffer_add_u64(body, facts->changes_added);
    octets_buffer_add_u64(body, facts->changes_removed);
    octets_buffer_add_u64(body, facts->signatures_changed);
    octets_buffer_add_u64(body, facts->signatures_refreshed);
    octets_buffer_add_u64(body, facts->signatures_initial);
    octets_buffer_add_u64(body, facts->sign_count);
    octets_buffer_add_u64(body, facts->sign_microseconds);
    for (unsigned i = 0; i < HISTOGRAM_SIZE; i++) {
        octets_buffer_add_u32(body, facts->sign_histogram[i]);
    }
    octets_buffer_add_u64(body, facts->heap_octets);
    octets_buffer_add_u64(body, facts->living_octets);
    octets_buffer_add_u32(body, facts->journal_steps);
    octets_buffer_add_u32(body, facts->journal_from_serial);
    octets_buffer_add_u64(body, facts->journal_octets);
}

static void
read_zone_counters(struct octets_reader *reader, struct message_zone_facts *facts)
{
    facts->changes_added = octets_read_u64(reader);
    facts->changes_removed = octets_read_u64(reader);
    facts->signatures_changed = octets_read_u64(reader);
    facts->signatures_refreshed = octets_read_u64(reader);
    facts->signatures_initial = octets_read_u64(reader);
    facts->sign_count = octets_read_u64(reader);
    facts->sign_microseconds = octets_read_u64(reader);
    for (unsigned i = 0; i < HISTOGRAM_SIZE; i++) {
        facts->sign_histogram[i] = octets_read_u32(reader);
    }
    facts->heap_octets = octets_read_u64(reader);
    facts->living_octets = octets_read_u64(reader);
    facts->journal_steps = octets_read_u32(reader);
    facts->journal_from_serial = octets_read_u32(reader);
    facts->journal_octets = octets_read_u64(reader);
}

void
message_zone_facts_write(const struct message_zone_facts *facts, struct octets_buffer *body)
{
    write_text(body, facts->state);
    write_text(body, facts->reason);
    write_text(body, facts->reason_word);
    write_text(body, facts->held_digest);
    octets_buffer_add_u8(body, facts->has_version);
    octets_buffer_add_u32(body, facts->unsigned_serial);
    octets_buffer_add_u32(body, facts->signed_serial);
    write_i64(body, facts->published_seconds);
    octets_buffer_add_u32(body, facts->added);
    octets_buffer_add_u32(body, facts->removed);
    octets_buffer_add_u64(body, facts->rr_count);
    octets_buffer_add_u64(body, facts->signature_count);
    octets_buffer_add_u64(body, facts->node_count);
    write_i64(body, facts->signature_expiry_seconds);
    write_i64(body, facts->next_refresh_seconds);
    write_i64(body, facts->expires_seconds);
    write_zone_counters(facts, body);
    write_keys(facts, body);
    octets_buffer_add_u64(body, facts->signing_done);
    octets_buffer_add_u64(body, facts->signing_total);
    octets_buffer_add_u64(body, facts->signing_per_second);
    write_i64(body, facts->signing_left_seconds);
}

bool
message_zone_facts_read(struct octets body, struct message_zone_facts *ret_facts)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_zone_facts facts = {0};
    facts.state = read_text(&reader);
    facts.reason = read_text(&reader);
    facts.reason_word = read_text(&reader);
    facts.held_digest = read_text(&reader);
    facts.has_version = read_bool(&reader);
    facts.unsigned_serial = octets_read_u32(&reader);
    facts.signed_serial = octets_read_u32(&reader);
    facts.published_seconds = read_i64(&reader);
    facts.added = octets_read_u32(&reader);
    facts.removed = octets_read_u32(&reader);
    facts.rr_count = octets_read_u64(&reader);
    facts.signature_count = octets_read_u64(&reader);
    facts.node_count = octets_read_u64(&reader);
    facts.signature_expiry_seconds = read_i64(&reader);
    facts.next_refresh_seconds = read_i64(&reader);
    facts.expires_seconds = read_i64(&reader);
    read_zone_counters(&reader, &facts);
    read_keys(&reader, &facts);
    facts.signing_done = octets_read_u64(&reader);
    facts.signing_total = octets_read_u64(&reader);
    facts.signing_per_second = octets_read_u64(&reader);
    facts.signing_left_seconds = read_i64(&reader);
    if (!read_end(&reader)) {
        message_zone_facts_close(&facts);
        return false;
    }
    *ret_facts = facts;
    return true;
}

void
message_zone_facts_close(struct message_zone_facts *facts)
{
    free_text(&facts->state);
    free_text(&facts->reason);
    free_text(&facts->reason_word);
    free_text(&facts->held_digest);
}

static const char *const EVENT_WORDS[EVENT_KIND_COUNT] = {
    "resign", "gate",       "refresh-failed", "rrsig-expiring", "key",
    "ds",     "alias-held", "crash",          "recovered",
};

const char *
message_event_word(enum message_event_kind kind)
{
    return (unsigned)kind < EVENT_KIND_COUNT ? EVENT_WORDS[kind] : "unknown";
}

void
message_event_write(const struct message_event *event, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)event->kind);
    write_i64(body, event->at_seconds);
    write_text(body, event->dedup);
    write_text(body, event->why);
    write_text(body, event->diff);
    octets_buffer_add_u32(body, event->diff_lines_total);
    write_text(body, event->health);
    write_text(body, event->hint);
    octets_buffer_add_u8(body, event->has_serials);
    octets_buffer_add_u32(body, event->unsigned_serial);
    octets_buffer_add_u32(body, event->signed_serial);
    octets_buffer_add_u32(body, event->former_signed_serial);
    octets_buffer_add_u32(body, event->added);
    octets_buffer_add_u32(body, event->removed);
    octets_buffer_add_u32(body, event->new_signatures);
    octets_buffer_add_u32(body, event->kept_signatures);
    write_i64(body, event->duration_ms);
    write_i64(body, event->signature_expiry_seconds);
}

bool
message_event_read(struct octets body, struct message_event *ret_event)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_event event = {0};
    event.kind = (enum message_event_kind)read_choice(&reader, EVENT_KIND_COUNT);
    event.at_seconds = read_i64(&reader);
    event.dedup = read_text(&reader);
    event.why = read_text(&reader);
    event.diff = read_text(&reader);
    event.diff_lines_total = octets_read_u32(&reader);
    event.health = read_text(&reader);
    event.hint = read_text(&reader);
    event.has_serials = read_bool(&reader);
    event.unsigned_serial = octets_read_u32(&reader);
    event.signed_serial = octets_read_u32(&reader);
    event.former_signed_serial = octets_read_u32(&reader);
    event.added = octets_read_u32(&reader);
    event.removed = octets_read_u32(&reader);
    event.new_signatures = octets_read_u32(&reader);
    event.kept_signatures = octets_read_u32(&reader);
    event.duration_ms = read_i64(&reader);
    event.signature_expiry_seconds = read_i64(&reader);
    if (!read_end(&reader)) {
        message_event_close(&event);
        return false;
    }
    *ret_event = event;
    return true;
}

void
message_event_close(struct message_event *event)
{
    free_text(&event->dedup);
    free_text(&event->why);
    free_text(&event->diff);
    free_text(&event->health);
    free_text(&event->hint);
}

#define REVIEW_DIFF_MAX (256U << 20) // a diff of a million records

void
message_review_write(const struct message_review *review, struct octets_buffer *body)
{
    write_text(body, review->command);
    write_text(body, review->zone);
    write_text(body, review->digest);
    write_i64(body, review->timeout_seconds);
    octets_buffer_add_text(body, review->diff);
}

bool
message_review_read(struct octets body, struct message_review *ret_review)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_review review = {0};
    review.command = read_text(&reader);
    review.zone = read_text(&reader);
    review.digest = read_text(&reader);
    review.timeout_seconds = read_i64(&reader);
    review.diff = octets_read_text(&reader, REVIEW_DIFF_MAX);
    if (!read_end(&reader)) {
        message_review_close(&review);
        return false;
    }
    *ret_review = review;
    return true;
}

void
message_review_close(struct message_review *review)
{
    free_text(&review->command);
    free_text(&review->zone);
    free_text(&review->digest);
    free_text(&review->diff);
}

void
message_review_done_write(const struct message_review_done *done, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, done->accepted);
    write_text(body, done->text);
}

bool
message_review_done_read(struct octets body, struct message_review_done *ret_done)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_review_done done = {0};
    done.accepted = read_bool(&reader);
    done.text = read_text(&reader);
    if (!read_end(&reader)) {
        message_review_done_close(&done);
        return false;
    }
    *ret_done = done;
    return true;
}

void
message_review_done_close(struct message_review_done *done)
{
    free_text(&done->text);
}

static void
write_texts(struct octets_buffer *body, unsigned count, char *const *texts)
{
    octets_buffer_add_u32(body, count);
    for (unsigned i = 0; i < count; i++) {
        write_text(body, texts[i]);
    }
}

static unsigned
read_texts(struct octets_reader *reader, char **texts)
{
    uint32_t count = octets_read_u32(reader);
    if (count > MESSAGE_CONTROL_ARGUMENTS_MAX) {
        reader->failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        texts[i] = read_text(reader);
    }
    return count;
}

void
message_control_write(const struct message_control *control, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, control->peer_uid);
    write_text(body, control->object);
    write_text(body, control->verb);
    write_texts(body, control->argument_count, control->arguments);
    write_texts(body, control->option_count, control->options);
}

bool
message_control_read(struct octets body, struct message_control *ret_control)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_control control = {0};
    control.peer_uid = octets_read_u32(&reader);
    control.object = read_text(&reader);
    control.verb = read_text(&reader);
    control.argument_count = read_texts(&reader, control.arguments);
    control.option_count = read_texts(&reader, control.options);
    if (!read_end(&reader)) {
        message_control_close(&control);
        return false;
    }
    *ret_control = control;
    return true;
}

void
message_control_close(struct message_control *control)
{
    free_text(&control->object);
    free_text(&control->verb);
    for (unsigned i = 0; i < control->argument_count; i++) {
        free_text(&control->arguments[i]);
    }
    for (unsigned i = 0; i < control->option_count; i++) {
        free_text(&control->options[i]);
    }
    control->argument_count = control->option_count = 0;
}

const char *
message_control_option(const struct message_control *control, const char *name)
{
    size_t length = strlen(name);
    for (unsigned i = 0; i < control->option_count; i++) {
        const char *option = control->options[i];
        if (strncmp(option, name, length) == 0 && option[length] == '=') {
            return option + length + 1;
        }
    }
    return NULL;
}
