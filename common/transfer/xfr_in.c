// When is a transfer over? (RFC 5936 section 2.2) Nothing but the second SOA says so. An answer
// that ends without it, or goes on behind it, or has a SOA anywhere else, is not a zone. A SOA at
// the apex that differs from the first means that the zone changed while it was sent, or that
// somebody cannot count: both times the next try is the cure.
//
// Why is everything thrown away at the first flaw? Because half a zone is worse than the old one,
// and a zone with one record left out is a zone that nobody ever wrote.
//
// A message is judged from the outside in: bounds, header, signature, RCODE, question, then each
// RR. The signature comes before the RRs, so that a stranger on the path reaches as little code as
// can be. The RCODE is looked at before an absent signature is complained of: a refusal is often
// sent unsigned, and "REFUSED" is what helps.
//
// What if the primary sends what it sent the last time? Then nobody need read it. A message is
// checked from the outside as ever; if its octets are those of the same message of a transfer that
// is known (xfr_marks), it waits. The first one that differs has all that waited read before it, so
// that a change costs what it cost before. When the last known message has come, the transfer is
// over where that one was: its closing SOA is among the octets that are the same.
#include "common/transfer/xfr_in_inside.h"

#include "common/dns/message_read.h"
#include "common/dns/message_write.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"

#include <inttypes.h>
#include <string.h>

#define HELD_KEPT (256U << 10) // of the buffer, from message to message; more goes once it is read

const char *
xfr_in_reason_word(enum xfr_in_reason reason)
{
    switch (reason) {
    case XFR_IN_REFUSED:
        return "refused";
    case XFR_IN_TSIG:
        return "tsig";
    case XFR_IN_SYNTAX:
        return "syntax";
    case XFR_IN_DELTA:
        return "delta";
    case XFR_IN_EMPTY:
        return "empty";
    case XFR_IN_CUT:
        return "cut";
    case XFR_IN_LIMIT:
        return "limit";
    case XFR_IN_SLOW:
        return "slow";
    case XFR_IN_IO:
        return "io";
    case XFR_IN_NO_REASON:
        break;
    }
    return "none";
}

// A limit on records may have become lower since, and whoever repeats is not counted.
static void
marks_begin(struct xfr_in *transfer)
{
    const struct xfr_marks *known = transfer->options.known;
    uint64_t most = transfer->options.records_max;
    transfer->marks = xfr_marks_new(known);
    transfer->repeats = known && (!most || known->records <= most);
    ENSURE(!known || known->whole);
}

void
xfr_in_init(struct xfr_in *transfer, const struct xfr_in_options *options,
            struct rr_stream_writer *stream, int64_t now)
{
    memset(transfer, 0, offsetof(struct xfr_in, rdata));
    transfer->options = *options;
    transfer->stream = stream;
    transfer->started_seconds = now;
    name_copy_lower(transfer->apex, options->apex);
    transfer->options.apex = transfer->apex;
    if (!options->octets_max)
        transfer->options.octets_max = XFR_IN_SIZE_DEFAULT;
    if (!options->seconds_max)
        transfer->options.seconds_max = XFR_IN_SECONDS_MAX;
    tsig_exchange_init(&transfer->exchange, options->key);
    octets_buffer_init(&transfer->held);
    if (options->wants_marks && !options->ixfr)
        marks_begin(transfer);
}

void
xfr_in_close(struct xfr_in *transfer)
{
    tsig_exchange_close(&transfer->exchange);
    xfr_marks_drop(&transfer->marks);
    octets_buffer_close(&transfer->held);
}

static uint16_t
question_type(const struct xfr_in *transfer)
{
    return transfer->options.ixfr ? RRTYPE_IXFR : RRTYPE_AXFR;
}

// RFC 1995 section 3: the SOA that the client holds, of which only the serial is looked at.
static bool
write_held_soa(const struct xfr_in *transfer, struct message_writer *writer)
{
    uint8_t soa[2 + 20] = {0};
    octets_put_u32(soa + 2, transfer->options.serial);
    return message_write_rr(writer, MESSAGE_AUTHORITY, transfer->apex, RRTYPE_SOA, RRCLASS_IN, 0,
                            soa, sizeof(soa));
}

size_t
xfr_in_query(struct xfr_in *transfer, void *memory, size_t size, int64_t now)
{
    struct message_writer writer;
    ENSURE(size >= XFR_IN_QUERY_MAX);
    message_writer_init(&writer, memory, size, transfer->options.id, 0);
    bool fits =
        message_write_question(&writer, transfer->apex, question_type(transfer), RRCLASS_IN) &&
        (!transfer->options.ixfr || write_held_soa(transfer, &writer));
    ENSURE(fits);
    size_t length = message_length(&writer);
    if (transfer->options.key)
        length = tsig_sign(&transfer->exchange, memory, length, size, (uint64_t)now, 0, NULL);
    ENSURE(length);
    return length;
}

static bool
refuse_syntax(struct xfr_in *transfer, struct fault *fault, const char *what)
{
    fault_set(fault, FAULT_SYNTAX, "%s", what);
    return xfr_in_refuse(transfer, XFR_IN_SYNTAX);
}

static bool
check_limits(struct xfr_in *transfer, size_t length, int64_t now, struct fault *fault)
{
    transfer->octets += length + 2; // with the length field of TCP
    if (transfer->octets > transfer->options.octets_max) {
        fault_set(fault, FAULT_LIMIT,
                  "the transfer has more than %" PRIu64 " octets (gate max-size)",
                  transfer->options.octets_max);
        return xfr_in_refuse(transfer, XFR_IN_LIMIT);
    }
    if (now - transfer->started_seconds > transfer->options.seconds_max) {
        fault_set(fault, FAULT_TIMEOUT, "the transfer takes longer than %" PRId64 " s",
                  transfer->options.seconds_max);
        return xfr_in_refuse(transfer, XFR_IN_SLOW);
    }
    return true;
}

static bool
check_header(struct xfr_in *transfer, const struct message_header *header, struct fault *fault)
{
    if (header->id != transfer->options.id)
        return refuse_syntax(transfer, fault, "the ID is not that of the query");
    if (!(header->flags & MESSAGE_QR) || message_opcode(header) != OPCODE_QUERY)
        return refuse_syntax(transfer, fault, "not an answer to a query");
    if (header->flags & MESSAGE_TC)
        return refuse_syntax(transfer, fault, "truncated (TC), which makes no sense over TCP");
    return true;
}

// What the operator of both sides would look at.
static const char *
rcode_cure(unsigned rcode)
{
    switch (rcode) {
    case RCODE_SERVFAIL:
        return "it knows the zone and has nothing to give now (not loaded, or expired); its log "
               "says why";
    case RCODE_NXDOMAIN:
    case RCODE_NOTAUTH:
    case RCODE_NOTZONE:
        return "it does not have this zone: see its list of zones, and whether the address is "
               "that of the primary";
    case RCODE_FORMERR:
    case RCODE_NOTIMP:
        return "it does not understand the question; is it a name server that gives transfers?";
    default:
        return "see the transfer rules and keys of the primary for this host";
    }
}

static bool
refuse_rcode(struct xfr_in *transfer, unsigned rcode, struct fault *fault)
{
    fault_set(fault, FAULT_REFUSED, "it answers %s; %s", rcode_text(rcode), rcode_cure(rcode));
    return xfr_in_refuse(transfer, XFR_IN_REFUSED);
}

static bool
check_signature(struct xfr_in *transfer, const uint8_t *message, size_t length, unsigned rcode,
                int64_t now, struct fault *fault)
{
    struct tsig_rr tsig;
    if (!transfer->options.key)
        return rcode == RCODE_NOERROR || refuse_rcode(transfer, rcode, fault);
    if (rcode != RCODE_NOERROR && tsig_find(message, length, &tsig) && !tsig.present)
        return refuse_rcode(transfer, rcode, fault);
    struct fault why = {0};
    if (!tsig_check_answer(&transfer->exchange, message, length, (uint64_t)now, &why)) {
        fault_set(fault, why.kind, "%s", why.text);
        return xfr_in_refuse(transfer, why.kind == FAULT_SYNTAX ? XFR_IN_SYNTAX : XFR_IN_TSIG);
    }
    return rcode == RCODE_NOERROR || refuse_rcode(transfer, rcode, fault);
}

// RFC 5936 section 2.2.1: the question is in the first message, and may be in the others.
static bool
check_question(struct xfr_in *transfer, struct octets_reader *reader,
               const struct message_header *header, struct fault *fault)
{
    struct message_question question;
    if (header->qdcount == 0 && transfer->messages > 1)
        return true;
    if (header->qdcount != 1)
        return refuse_syntax(transfer, fault, "not one question but another number");
    if (!message_read_question(reader, &question))
        return refuse_syntax(transfer, fault, "the question cannot be read");
    if (!name_equal_any_case(question.name, transfer->apex) ||
        question.type != question_type(transfer) || question.class != RRCLASS_IN)
        return refuse_syntax(transfer, fault, "the question is not the one that was asked");
    return true;
}

// *ret_position: of the RR that is being read, for the fault.
static bool
take_answer(struct xfr_in *transfer, struct octets_reader *reader, unsigned count,
            size_t *ret_position, struct fault *fault)
{
    struct message_rr rr;
    for (unsigned i = 0; i < count; i++) {
        *ret_position = octets_position(reader);
        if (!message_read_rr(reader, &rr))
            return refuse_syntax(transfer, fault, "a record that cannot be read");
        if (!xfr_in_take_rr(transfer, reader, &rr, fault))
            return false;
    }
    if (!count &&
        transfer->records == 0) // it begins with the SOA (RFC 5936 section 2.2), or it is none
        return refuse_syntax(transfer, fault, "no record in the first message");
    if (count || transfer->empty_messages++ < XFR_IN_EMPTY_MAX)
        return true;
    fault_set(fault, FAULT_LIMIT, "more than %d messages without any record", XFR_IN_EMPTY_MAX);
    return xfr_in_refuse(transfer, XFR_IN_LIMIT);
}

// Authority and additional section carry nothing of the zone (RFC 5936 section 2.2.4, 2.2.5); they
// must be readable.
static bool
skip_rest(struct xfr_in *transfer, struct octets_reader *reader, unsigned count,
          size_t *ret_position, struct fault *fault)
{
    struct message_rr rr;
    for (unsigned i = 0; i < count; i++) {
        *ret_position = octets_position(reader);
        if (!message_read_rr(reader, &rr))
            return refuse_syntax(transfer, fault, "a record that cannot be read");
    }
    *ret_position = octets_position(reader);
    if (octets_left(reader))
        return refuse_syntax(transfer, fault, "octets behind the end of the message");
    return true;
}

// What is inside of a message that was checked from outside.
static bool
read_message(struct xfr_in *transfer, const uint8_t *message, size_t length, size_t *ret_position,
             struct fault *fault)
{
    struct octets_reader reader;
    struct message_header header;
    octets_reader_init(&reader, message, length);
    ENSURE(message_read_header(&reader, &header));
    *ret_position = octets_position(&reader);
    return check_question(transfer, &reader, &header, fault) &&
           take_answer(transfer, &reader, header.ancount, ret_position, fault) &&
           skip_rest(transfer, &reader, (unsigned)header.nscount + header.arcount, ret_position,
                     fault);
}

// The messages that waited, now that the transfer is another than the known one, or failed.
static bool
read_held(struct xfr_in *transfer, size_t *ret_position, struct fault *fault)
{
    unsigned messages = transfer->messages;
    size_t at = 0;
    if (!transfer->repeats)
        return true;
    transfer->repeats = false;
    for (unsigned i = 1; i < messages; i++) {
        const struct xfr_mark *mark = vector_at(&transfer->marks->items, i - 1);
        transfer->messages = i;
        if (!read_message(transfer, transfer->held.data + at, mark->length, ret_position, fault))
            return false;
        at += mark->length;
    }
    transfer->messages = messages;
    return true;
}

static void
go_on_repeating(struct xfr_in *transfer)
{
    const struct xfr_marks *known = transfer->options.known;
    if (transfer->marks->items.count < known->items.count)
        return;
    transfer->step = XFR_IN_SAME;
    transfer->form = XFR_IN_WHOLE;
    transfer->serial = known->serial;
    transfer->records = known->records;
}

static bool
take_marked(struct xfr_in *transfer, const uint8_t *message, size_t length, size_t *ret_position,
            struct fault *fault)
{
    struct octets_buffer *held = &transfer->held;
    size_t start = held->length;
    size_t plain = transfer->options.key ? transfer->exchange.plain_length : length;
    const struct xfr_marks *known = transfer->repeats ? transfer->options.known : NULL;
    xfr_marks_strip(message, length, plain, held);
    if (xfr_marks_add(transfer->marks, held->data + start, plain, known)) {
        go_on_repeating(transfer);
        return true;
    }
    bool good = read_held(transfer, ret_position, fault) &&
                read_message(transfer, held->data + start, plain, ret_position, fault);
    held->length = 0;
    if (held->capacity > HELD_KEPT)
        octets_buffer_close(held);
    return good;
}

static bool
take_message(struct xfr_in *transfer, const uint8_t *message, size_t length, int64_t now,
             size_t *ret_position, struct fault *fault)
{
    struct octets_reader reader;
    struct message_header header;
    octets_reader_init(&reader, message, length);
    if (!check_limits(transfer, length, now, fault))
        return false;
    if (!message_read_header(&reader, &header))
        return refuse_syntax(transfer, fault, "shorter than a header");
    if (!check_header(transfer, &header, fault) ||
        !check_signature(transfer, message, length, message_rcode(&header), now, fault))
        return false;
    if (transfer->marks)
        return take_marked(transfer, message, length, ret_position, fault);
    return read_message(transfer, message, length, ret_position, fault);
}

static void
marks_end(struct xfr_in *transfer)
{
    struct xfr_marks *marks = transfer->marks;
    marks->whole = !marks->too_many;
    marks->serial = transfer->serial;
    marks->records = transfer->records;
    rr_stream_digest(transfer->stream, &marks->digest);
}

// The last message is read: its signature, and the stream's end.
static bool
conclude(struct xfr_in *transfer, struct fault *fault)
{
    if (transfer->options.key && !tsig_check_end(&transfer->exchange, fault))
        return xfr_in_refuse(transfer, XFR_IN_TSIG);
    if (transfer->step != XFR_IN_DONE)
        return true;
    if (!rr_stream_end(transfer->stream, fault))
        return xfr_in_refuse(transfer, XFR_IN_IO);
    if (transfer->marks)
        marks_end(transfer);
    return true;
}

// RFC 1995 section 4: one SOA and nothing else, in the first message.
static bool
is_up_to_date(const struct xfr_in *transfer)
{
    return transfer->options.ixfr && transfer->messages == 1 && transfer->has_soa &&
           transfer->form == XFR_IN_UNKNOWN &&
           (int32_t)(transfer->options.serial - transfer->serial) >= 0;
}

static void
wrap_transfer(const struct xfr_in *transfer, struct fault *fault)
{
    char name[NAME_TEXT_MAX];
    fault_wrap(fault, "zone %s: transfer from %s", name_to_text_short(transfer->apex, name),
               transfer->options.primary);
}

enum xfr_in_step
xfr_in_feed(struct xfr_in *transfer, const uint8_t *message, size_t length, int64_t now,
            struct fault *fault)
{
    size_t position = 0;
    ENSURE(transfer->step == XFR_IN_MORE && length <= MESSAGE_SIZE_MAX);
    transfer->messages++;
    bool good = take_message(transfer, message, length, now, &position, fault);
    if (good && transfer->step == XFR_IN_MORE && is_up_to_date(transfer))
        transfer->step = XFR_IN_UP_TO_DATE;
    if (good && transfer->step != XFR_IN_MORE)
        good = conclude(transfer, fault);
    if (!good) {
        if (transfer->reason != XFR_IN_REFUSED ||
            transfer->messages > 1) // all is refused: no place
            fault_wrap(fault, "message %u, octet %zu", transfer->messages, position);
        wrap_transfer(transfer, fault);
    }
    return transfer->step;
}

// What waited unread is counted for the sentence.
static void
count_held(struct xfr_in *transfer)
{
    size_t position;
    struct fault fault = {0};
    transfer->messages++;
    read_held(transfer, &position, &fault);
    transfer->messages--;
}

bool
xfr_in_cut(struct xfr_in *transfer, const char *why, struct fault *fault)
{
    count_held(transfer);
    transfer->step = XFR_IN_FAILED;
    transfer->reason = XFR_IN_CUT;
    if (transfer->messages == 0)
        fault_set(fault, FAULT_IO, "%s", why);
    else
        fault_set(fault, FAULT_IO,
                  "%s after %u messages and %" PRIu64 " records, before the closing SOA", why,
                  transfer->messages, transfer->records);
    wrap_transfer(transfer, fault);
    return false;
}
