// One state machine for both: a whole zone and a difference differ in the RRs between the first SOA
// and the last, which come from axfr_out or ixfr_out; messages, sizes, OPT and TSIG are the same.
// Which of the two answers an IXFR is weighed in slices before the first message.
#include "common/transfer/xfr_out.h"

#include "common/dns/edns.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"
#include "common/transfer/transfer_message.h"
#include "common/zone/node.h"

#include <string.h>

#define PLAIN_SIZE_MAX 512 // of a UDP message without EDNS, RFC 1035 section 4.2.1

void
xfr_out_init(struct xfr_out *out, const struct xfr_out_options *options)
{
    memset(out, 0, sizeof(*out));
    out->version = version_hold(options->version);
    out->exchange = options->exchange;
    out->question = *options->question;
    out->id = options->query->id;
    out->flags = (uint16_t)(MESSAGE_QR | MESSAGE_AA | (options->query->flags & MESSAGE_RD));
    out->edns = options->edns;
    out->dnssec_ok = options->dnssec_ok;
    out->has_cookie = options->cookie != NULL;
    if (options->cookie)
        memcpy(out->cookie, options->cookie, sizeof out->cookie);
    out->has_expire = options->has_expire;
    out->expire = options->expire;
    out->form = IXFR_OUT_WHOLE;
    axfr_out_init(&out->whole, out->version, options->without_signatures);
    if (!options->ixfr)
        return;
    ENSURE(!options->without_signatures); // a journal's steps are of the whole view
    ixfr_out_init(&out->delta, out->version, options->client_serial, 0);
    out->form = out->delta.form;
}

void
xfr_out_close(struct xfr_out *out)
{
    ixfr_out_close(&out->delta);
    version_drop(&out->version);
}

const char *
xfr_out_kind(const struct xfr_out *out)
{
    switch (out->form) {
    case IXFR_OUT_SOA:
        return "soa";
    case IXFR_OUT_DELTA:
    case IXFR_OUT_LATER:
        return "ixfr";
    case IXFR_OUT_WHOLE:
        break;
    }
    return "axfr";
}

const char *
xfr_out_asked(const struct xfr_out *out)
{
    return out->question.type == RRTYPE_IXFR ? "ixfr" : "axfr";
}

// What one message came to.
enum filling {
    FILLED,  // full, or the transfer is complete
    PAUSED,  // the slice of work is used up
    DAMAGED, // a record of the version is
};

static void
soa_read(const struct version *version, struct rr *ret_rr)
{
    struct rrset rrset;
    uint32_t position = 0;
    ENSURE(node_rrset_find(version_apex_node(version), RRTYPE_SOA, &rrset) &&
           rrset_next(rrset.wire, rrset.wire_length, &position, ret_rr));
}

static bool
soa_add(const struct xfr_out *out, struct transfer_message *message)
{
    struct rr rr;
    soa_read(out->version, &rr);
    return transfer_message_add(message, version_apex(out->version), &rr);
}

// The rest of the zone; false when the message is full first.
static bool
whole_add(struct xfr_out *out, struct transfer_message *message)
{
    struct octets run;
    while (axfr_out_run(&out->whole, &run)) {
        out->records += transfer_message_add_run(message, node_owner(out->whole.node), run,
                                                 &out->whole.position);
        if (out->whole.position < run.length)
            return false;
    }
    return !out->whole.cursor.damaged;
}

// The rest of the difference; false when the message is full first, or the slice is used up
// (*ret_paused).
static bool
delta_add(struct xfr_out *out, struct transfer_message *message, bool *ret_paused)
{
    struct diff_rr rr;
    enum condense_state state;
    while ((state = ixfr_out_peek(&out->delta, &rr)) == CONDENSE_RR) {
        if (!transfer_message_add_diff(message, &rr))
            return false;
        ixfr_out_take(&out->delta);
        out->records += rr.type != RRTYPE_SOA;
    }
    *ret_paused = state == CONDENSE_LATER;
    return state == CONDENSE_END;
}

// Goes on from the place where the last message ended until this one is full or the transfer is
// complete.
static enum filling
fill(struct xfr_out *out, struct transfer_message *message)
{
    bool paused = false;
    if (out->place == XFR_OUT_FIRST_SOA && soa_add(out, message))
        out->place = out->form == IXFR_OUT_SOA ? XFR_OUT_END : XFR_OUT_RECORDS;
    if (out->place == XFR_OUT_RECORDS &&
        (out->form == IXFR_OUT_DELTA ? delta_add(out, message, &paused) : whole_add(out, message)))
        out->place = XFR_OUT_LAST_SOA;
    if (out->place == XFR_OUT_LAST_SOA && soa_add(out, message))
        out->place = XFR_OUT_END;
    if (out->whole.cursor.damaged)
        return DAMAGED;
    return paused ? PAUSED : FILLED;
}

// The slice ended. A message with less than a difference's two first SOAs and an RR is not sent:
// one SOA alone says "up to date", and some clients judge by two.
static bool
is_worth_sending(struct xfr_out *out, const struct transfer_message *message)
{
    if (out->messages > 0)
        return message->count > 0;
    if (message->count > 2)
        return true;
    ixfr_out_rewind(&out->delta);
    out->place = XFR_OUT_FIRST_SOA;
    return false;
}

static bool
too_large(struct xfr_out *out, struct fault *fault)
{
    char zone[NAME_TEXT_MAX], owner[NAME_TEXT_MAX];
    struct diff_rr rr;
    const uint8_t *name = version_apex(out->version);
    if (out->form == IXFR_OUT_WHOLE && out->whole.node)
        name = node_owner(out->whole.node);
    else if (out->form == IXFR_OUT_DELTA && ixfr_out_peek(&out->delta, &rr) == CONDENSE_RR)
        name = rr.owner;
    return fault_set(
        fault, FAULT_LIMIT,
        "zone %s: a record at %s does not fit into a message; it cannot be transferred",
        name_to_text_short(version_apex(out->version), zone), name_to_text(name, owner));
}

static bool
damaged(const struct xfr_out *out, struct fault *fault)
{
    char zone[NAME_TEXT_MAX];
    return fault_set(fault, FAULT_CORRUPT,
                     "zone %s: a record of the version failed its checksum, so the transfer was "
                     "ended before its end; look at the disk",
                     name_to_text_short(version_apex(out->version), zone));
}

static size_t
message_sign(struct xfr_out *out, void *memory, size_t length, size_t size, int64_t now)
{
    if (out->exchange)
        length = tsig_sign(out->exchange, memory, length, size, (uint64_t)now, 0, NULL);
    ENSURE(length);
    out->messages++;
    out->octets += length + 2;
    return length;
}

// False: the IXFR is still being weighed.
static bool
form_is_known(struct xfr_out *out)
{
    if (out->form == IXFR_OUT_LATER || out->form == IXFR_OUT_DELTA) // begins a slice in both cases
        out->form = ixfr_out_weigh(&out->delta);
    return out->form != IXFR_OUT_LATER;
}

enum xfr_out_step
xfr_out_next(struct xfr_out *out, void *memory, size_t size, int64_t now, size_t *ret_length,
             struct fault *fault)
{
    struct transfer_message message;
    const struct edns_answer opt = {.udp_size = EDNS_UDP_SIZE_DEFAULT,
                                    .ede = EDE_NONE,
                                    .dnssec_ok = out->dnssec_ok,
                                    .cookie = out->cookie,
                                    .cookie_length = out->has_cookie ? XFR_OUT_COOKIE_SIZE : 0,
                                    .has_expire = out->has_expire,
                                    .expire = out->expire};
    const struct edns_answer *first_opt = out->edns && !out->messages ? &opt : NULL;
    ENSURE(size >= XFR_OUT_SIZE_MIN && out->version && out->place != XFR_OUT_END);
    *ret_length = 0;
    if (!form_is_known(out))
        return XFR_OUT_MORE;
    size = size > MESSAGE_SIZE_MAX ? MESSAGE_SIZE_MAX : size;
    size_t opt_size = first_opt ? edns_size(first_opt) : 0;
    size_t tsig_room = out->exchange ? tsig_size(out->exchange->key) : 0;
    transfer_message_begin(&message, memory, size - tsig_room - opt_size, out->id, out->flags,
                           out->messages ? NULL : &out->question);
    enum filling filling = fill(out, &message);
    if (filling == PAUSED && !is_worth_sending(out, &message))
        return XFR_OUT_MORE;
    if (filling == DAMAGED || !message.count) {
        (void)(filling == DAMAGED ? damaged(out, fault) : too_large(out, fault));
        return XFR_OUT_FAILED;
    }
    *ret_length = message_sign(out, memory, transfer_message_end(&message, first_opt), size, now);
    return out->place == XFR_OUT_END ? XFR_OUT_DONE : XFR_OUT_MORE;
}

// ---- one datagram ----

// Where the answer section of a message with one RR ends; 0: it is not such a message.
static size_t
answer_end(const uint8_t *memory, size_t length)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_rr rr;
    octets_reader_init(&reader, memory, length);
    if (!message_read_header(&reader, &header) || header.qdcount != 1 || header.ancount != 1 ||
        header.nscount != 0 || !message_read_question(&reader, &question) ||
        !message_read_rr(&reader, &rr) || rr.type != RRTYPE_SOA)
        return 0;
    return octets_position(&reader);
}

// All that stands behind the first SOA; false: it does not fit.
static bool
delta_append(struct ixfr_out *delta, struct transfer_message *message)
{
    struct diff_rr rr;
    struct rr soa;
    enum ixfr_out_form form;
    while ((form = ixfr_out_weigh(delta)) == IXFR_OUT_LATER)
        continue;
    if (form != IXFR_OUT_DELTA)
        return false;
    enum condense_state state;
    while ((state = ixfr_out_peek(delta, &rr)) != CONDENSE_END) {
        if (state == CONDENSE_LATER)
            ixfr_out_weigh(delta); // the next slice
        else if (transfer_message_add_diff(message, &rr))
            ixfr_out_take(delta);
        else
            return false;
    }
    soa_read(delta->version, &soa);
    return transfer_message_add(message, version_apex(delta->version), &soa);
}

// What client and network take, as answers do it.
static size_t
datagram_limit(const struct xfr_out_datagram *datagram, size_t size)
{
    size_t limit = datagram->edns->present ? datagram->edns->udp_size : PLAIN_SIZE_MAX;
    limit = limit > EDNS_UDP_SIZE_DEFAULT ? EDNS_UDP_SIZE_DEFAULT : limit;
    limit = limit > size ? size : limit;
    return limit > datagram->tail_room ? limit - datagram->tail_room : 0;
}

size_t
xfr_out_datagram(const struct xfr_out_datagram *datagram, uint8_t *memory, size_t length,
                 size_t size)
{
    uint8_t made[EDNS_UDP_SIZE_DEFAULT];
    struct transfer_message message;
    struct ixfr_out delta;
    size_t limit = datagram_limit(datagram, size);
    size_t end = answer_end(memory, length), tail = length - end;
    if (end == 0 || limit < length)
        return length;
    ixfr_out_init(&delta, datagram->version, datagram->client_serial, XFR_OUT_DATAGRAM_STEPS_MAX);
    transfer_message_resume(&message, made, limit - tail, memory, end, 1);
    bool fits = delta_append(&delta, &message);
    ixfr_out_close(&delta);
    if (!fits)
        return length;
    size_t made_length = transfer_message_end(&message, NULL);
    memcpy(made + made_length, memory + end, tail);
    memcpy(memory, made, made_length + tail);
    return made_length + tail;
}
