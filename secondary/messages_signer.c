// Bodies of what the signer tells: a zone's facts, events, a review that it asks for.
#include "secondary/messages.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "secondary/body.h"

static void
write_keys(const struct message_zone_facts *facts, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, facts->key_count);
    for (uint32_t i = 0; i < facts->key_count; i++) {
        octets_buffer_add_u16(body, facts->keys[i].tag);
        body_add_text(body, facts->keys[i].role);
        body_add_text(body, facts->keys[i].state);
        octets_buffer_add_u8(body, facts->keys[i].algorithm);
    }
}

static void
read_keys(struct octets_reader *reader, struct message_zone_facts *facts)
{
    facts->key_count = octets_read_u32(reader);
    if (facts->key_count > MESSAGE_ZONE_KEYS_MAX) {
        reader->failed = true;
        facts->key_count = 0;
    }
    if (facts->key_count > 0) {
        facts->keys = memory_zalloc(facts->key_count * sizeof *facts->keys);
    }
    for (uint32_t i = 0; i < facts->key_count; i++) {
        facts->keys[i].tag = octets_read_u16(reader);
        body_read_text_into(reader, facts->keys[i].role, sizeof facts->keys[i].role);
        body_read_text_into(reader, facts->keys[i].state, sizeof facts->keys[i].state);
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
    for (unsigned i = 0; i < MESSAGE_SIGN_BUCKETS; i++) {
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
    for (unsigned i = 0; i < MESSAGE_SIGN_BUCKETS; i++) {
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
    body_add_text(body, facts->state);
    body_add_text(body, facts->reason);
    body_add_text(body, facts->reason_word);
    body_add_text(body, facts->held_digest);
    body_add_i64(body, facts->held_since_seconds);
    octets_buffer_add_u8(body, facts->has_version);
    octets_buffer_add_u32(body, facts->unsigned_serial);
    octets_buffer_add_u32(body, facts->signed_serial);
    body_add_i64(body, facts->published_seconds);
    octets_buffer_add_u32(body, facts->added);
    octets_buffer_add_u32(body, facts->removed);
    octets_buffer_add_u64(body, facts->rr_count);
    octets_buffer_add_u64(body, facts->signature_count);
    octets_buffer_add_u64(body, facts->node_count);
    body_add_i64(body, facts->signature_expiry_seconds);
    body_add_i64(body, facts->next_refresh_seconds);
    body_add_i64(body, facts->expires_seconds);
    write_zone_counters(facts, body);
    write_keys(facts, body);
    octets_buffer_add_u64(body, facts->signing_done);
    octets_buffer_add_u64(body, facts->signing_total);
    octets_buffer_add_u64(body, facts->signing_per_second);
    body_add_i64(body, facts->signing_left_seconds);
}

bool
message_zone_facts_read(struct octets body, struct message_zone_facts *ret_facts)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_zone_facts facts = {0};
    facts.state = body_read_text(&reader);
    facts.reason = body_read_text(&reader);
    facts.reason_word = body_read_text(&reader);
    facts.held_digest = body_read_text(&reader);
    facts.held_since_seconds = body_read_i64(&reader);
    facts.has_version = body_read_bool(&reader);
    facts.unsigned_serial = octets_read_u32(&reader);
    facts.signed_serial = octets_read_u32(&reader);
    facts.published_seconds = body_read_i64(&reader);
    facts.added = octets_read_u32(&reader);
    facts.removed = octets_read_u32(&reader);
    facts.rr_count = octets_read_u64(&reader);
    facts.signature_count = octets_read_u64(&reader);
    facts.node_count = octets_read_u64(&reader);
    facts.signature_expiry_seconds = body_read_i64(&reader);
    facts.next_refresh_seconds = body_read_i64(&reader);
    facts.expires_seconds = body_read_i64(&reader);
    read_zone_counters(&reader, &facts);
    read_keys(&reader, &facts);
    facts.signing_done = octets_read_u64(&reader);
    facts.signing_total = octets_read_u64(&reader);
    facts.signing_per_second = octets_read_u64(&reader);
    facts.signing_left_seconds = body_read_i64(&reader);
    if (!body_read_end(&reader)) {
        message_zone_facts_close(&facts);
        return false;
    }
    *ret_facts = facts;
    return true;
}

void
message_zone_facts_close(struct message_zone_facts *facts)
{
    body_text_free(&facts->state);
    body_text_free(&facts->reason);
    body_text_free(&facts->reason_word);
    body_text_free(&facts->held_digest);
    free(facts->keys);
    facts->keys = NULL;
    facts->key_count = 0;
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
    body_add_i64(body, event->at_seconds);
    body_add_text(body, event->dedup);
    body_add_text(body, event->why);
    body_add_text(body, event->diff);
    octets_buffer_add_u32(body, event->diff_lines_total);
    body_add_text(body, event->health);
    body_add_text(body, event->hint);
    octets_buffer_add_u8(body, event->has_serials);
    octets_buffer_add_u32(body, event->unsigned_serial);
    octets_buffer_add_u32(body, event->signed_serial);
    octets_buffer_add_u32(body, event->former_signed_serial);
    octets_buffer_add_u32(body, event->added);
    octets_buffer_add_u32(body, event->removed);
    octets_buffer_add_u32(body, event->new_signatures);
    octets_buffer_add_u32(body, event->kept_signatures);
    body_add_i64(body, event->duration_ms);
    body_add_i64(body, event->signature_expiry_seconds);
}

bool
message_event_read(struct octets body, struct message_event *ret_event)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_event event = {0};
    event.kind = (enum message_event_kind)body_read_choice(&reader, EVENT_KIND_COUNT);
    event.at_seconds = body_read_i64(&reader);
    event.dedup = body_read_text(&reader);
    event.why = body_read_text(&reader);
    event.diff = body_read_text(&reader);
    event.diff_lines_total = octets_read_u32(&reader);
    event.health = body_read_text(&reader);
    event.hint = body_read_text(&reader);
    event.has_serials = body_read_bool(&reader);
    event.unsigned_serial = octets_read_u32(&reader);
    event.signed_serial = octets_read_u32(&reader);
    event.former_signed_serial = octets_read_u32(&reader);
    event.added = octets_read_u32(&reader);
    event.removed = octets_read_u32(&reader);
    event.new_signatures = octets_read_u32(&reader);
    event.kept_signatures = octets_read_u32(&reader);
    event.duration_ms = body_read_i64(&reader);
    event.signature_expiry_seconds = body_read_i64(&reader);
    if (!body_read_end(&reader)) {
        message_event_close(&event);
        return false;
    }
    *ret_event = event;
    return true;
}

void
message_event_close(struct message_event *event)
{
    body_text_free(&event->dedup);
    body_text_free(&event->why);
    body_text_free(&event->diff);
    body_text_free(&event->health);
    body_text_free(&event->hint);
}

#define REVIEW_DIFF_MAX (256U << 20) // a diff of a million records

void
message_review_write(const struct message_review *review, struct octets_buffer *body)
{
    body_add_text(body, review->command);
    body_add_text(body, review->zone);
    body_add_text(body, review->digest);
    body_add_i64(body, review->timeout_seconds);
    octets_buffer_add_text(body, review->diff);
}

bool
message_review_read(struct octets body, struct message_review *ret_review)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_review review = {0};
    review.command = body_read_text(&reader);
    review.zone = body_read_text(&reader);
    review.digest = body_read_text(&reader);
    review.timeout_seconds = body_read_i64(&reader);
    review.diff = octets_read_text(&reader, REVIEW_DIFF_MAX);
    if (!body_read_end(&reader)) {
        message_review_close(&review);
        return false;
    }
    *ret_review = review;
    return true;
}

void
message_review_close(struct message_review *review)
{
    body_text_free(&review->command);
    body_text_free(&review->zone);
    body_text_free(&review->digest);
    body_text_free(&review->diff);
}

void
message_review_done_write(const struct message_review_done *done, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, done->accepted);
    body_add_text(body, done->text);
}

bool
message_review_done_read(struct octets body, struct message_review_done *ret_done)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_review_done done = {0};
    done.accepted = body_read_bool(&reader);
    done.text = body_read_text(&reader);
    if (!body_read_end(&reader)) {
        message_review_done_close(&done);
        return false;
    }
    *ret_done = done;
    return true;
}

void
message_review_done_close(struct message_review_done *done)
{
    body_text_free(&done->text);
}
