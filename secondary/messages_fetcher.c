// Bodies of what passes between fetcher and signer, and of what the fetcher tells the desk.
#include "secondary/messages.h"

#include "secondary/body.h"

void
message_candidate_write(const struct message_candidate *candidate, struct octets_buffer *body)
{
    body_add_text(body, candidate->primary);
    octets_buffer_add_u32(body, candidate->serial);
    body_add_i64(body, candidate->received_seconds);
    octets_buffer_add_u64(body, candidate->wire_octets);
    octets_buffer_add_u32(body, candidate->rr_count);
    body_add_i64(body, candidate->transfer_ms);
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
    candidate.primary = body_read_text(&reader);
    candidate.serial = octets_read_u32(&reader);
    candidate.received_seconds = body_read_i64(&reader);
    candidate.wire_octets = octets_read_u64(&reader);
    candidate.rr_count = octets_read_u32(&reader);
    candidate.transfer_ms = body_read_i64(&reader);
    candidate.notified = body_read_bool(&reader);
    candidate.forced = body_read_bool(&reader);
    candidate.number = octets_read_u32(&reader);
    candidate.is_delta = body_read_bool(&reader);
    candidate.from_serial = octets_read_u32(&reader);
    if (!body_read_end(&reader)) {
        message_candidate_close(&candidate);
        return false;
    }
    *ret_candidate = candidate;
    return true;
}

void
message_candidate_close(struct message_candidate *candidate)
{
    body_text_free(&candidate->primary);
}

void
message_contact_write(const struct message_contact *contact, struct octets_buffer *body)
{
    body_add_i64(body, contact->at_seconds);
    octets_buffer_add_u8(body, contact->has_serial);
    octets_buffer_add_u32(body, contact->serial);
}

bool
message_contact_read(struct octets body, struct message_contact *ret_contact)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_contact contact = {0};
    contact.at_seconds = body_read_i64(&reader);
    contact.has_serial = body_read_bool(&reader);
    contact.serial = octets_read_u32(&reader);
    if (!body_read_end(&reader)) {
        return false;
    }
    *ret_contact = contact;
    return true;
}

void
message_verdict_write(const struct message_verdict *verdict, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)verdict->outcome);
    body_add_text(body, verdict->text);
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
    verdict.outcome = (enum message_outcome)body_read_choice(&reader, OUTCOME_COUNT);
    verdict.text = body_read_text(&reader);
    verdict.number = octets_read_u32(&reader);
    verdict.exact = body_read_bool(&reader);
    verdict.steady = body_read_bool(&reader);
    if (!body_read_end(&reader)) {
        message_verdict_close(&verdict);
        return false;
    }
    *ret_verdict = verdict;
    return true;
}

void
message_verdict_close(struct message_verdict *verdict)
{
    body_text_free(&verdict->text);
}

void
message_poll_facts_write(const struct message_poll_facts *facts, struct octets_buffer *body)
{
    body_add_i64(body, facts->last_success_seconds);
    body_add_i64(body, facts->last_attempt_seconds);
    body_add_i64(body, facts->next_poll_seconds);
    octets_buffer_add_u32(body, facts->failures_in_row);
    octets_buffer_add_u8(body, facts->transferring);
    body_add_text(body, facts->primary);
    body_add_text(body, facts->failure);
    octets_buffer_add_u32(body, facts->upstream_serial);
    body_add_i64(body, facts->round_trip_ms);
    octets_buffer_add_u64(body, facts->transfers_ok);
    octets_buffer_add_u64(body, facts->transfers_failed);
    octets_buffer_add_u64(body, facts->deltas_ok);
    octets_buffer_add_u64(body, facts->deltas_failed);
    octets_buffer_add_u64(body, facts->unchanged);
    octets_buffer_add_u64(body, facts->octets_in);
    octets_buffer_add_u64(body, facts->notifies_in);
    octets_buffer_add_u32(body, facts->downstream_count);
    octets_buffer_add_u32(body, facts->downstream_current);
    body_add_text(body, facts->downstream);
    body_add_text(body, facts->kind);
}

bool
message_poll_facts_read(struct octets body, struct message_poll_facts *ret_facts)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_poll_facts facts = {0};
    facts.last_success_seconds = body_read_i64(&reader);
    facts.last_attempt_seconds = body_read_i64(&reader);
    facts.next_poll_seconds = body_read_i64(&reader);
    facts.failures_in_row = octets_read_u32(&reader);
    facts.transferring = body_read_bool(&reader);
    facts.primary = body_read_text(&reader);
    facts.failure = body_read_text(&reader);
    facts.upstream_serial = octets_read_u32(&reader);
    facts.round_trip_ms = body_read_i64(&reader);
    facts.transfers_ok = octets_read_u64(&reader);
    facts.transfers_failed = octets_read_u64(&reader);
    facts.deltas_ok = octets_read_u64(&reader);
    facts.deltas_failed = octets_read_u64(&reader);
    facts.unchanged = octets_read_u64(&reader);
    facts.octets_in = octets_read_u64(&reader);
    facts.notifies_in = octets_read_u64(&reader);
    facts.downstream_count = octets_read_u32(&reader);
    facts.downstream_current = octets_read_u32(&reader);
    facts.downstream = body_read_text(&reader);
    facts.kind = body_read_text(&reader);
    if (!body_read_end(&reader)) {
        message_poll_facts_close(&facts);
        return false;
    }
    *ret_facts = facts;
    return true;
}

void
message_poll_facts_close(struct message_poll_facts *facts)
{
    body_text_free(&facts->primary);
    body_text_free(&facts->failure);
    body_text_free(&facts->downstream);
    body_text_free(&facts->kind);
}

void
message_ds_seen_write(const struct message_ds_seen *seen, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, seen->answered);
    body_add_text(body, seen->text);
    octets_buffer_add_u32(body, seen->ds_count);
    octets_buffer_add(body, seen->rdatas.data, seen->rdatas.length);
}

bool
message_ds_seen_read(struct octets body, struct message_ds_seen *ret_seen)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_ds_seen seen = {0};
    seen.answered = body_read_bool(&reader);
    seen.text = body_read_text(&reader);
    seen.ds_count = octets_read_u32(&reader);
    seen.rdatas = (struct octets){reader.at, octets_left(&reader)};
    for (uint32_t i = 0; i < seen.ds_count && !reader.failed; i++) {
        octets_read_view(&reader, octets_read_u16(&reader));
    }
    if (!body_read_end(&reader)) {
        message_ds_seen_close(&seen);
        return false;
    }
    *ret_seen = seen;
    return true;
}

void
message_ds_seen_close(struct message_ds_seen *seen)
{
    body_text_free(&seen->text);
}
