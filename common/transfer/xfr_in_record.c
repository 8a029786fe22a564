// When is an answer to an IXFR a delta? (RFC 1995 section 4) When its second record is a SOA, which
// then must have the serial that was asked with. Each step removes, then adds; its SOAs say from
// which serial to which. The steps must chain from our serial to that of the first SOA, each later
// than the one before: so a delta ends, and what leads anywhere else is refused. Whether the
// removed RRs were there is for the signer to say, who has the zone. Until the second record is
// read the first SOA waits, for a delta does not begin with it.
#include "common/transfer/xfr_in_inside.h"

#include "common/dns/rrtype.h"

#include <inttypes.h>
#include <string.h>

bool
xfr_in_refuse(struct xfr_in *transfer, enum xfr_in_reason reason)
{
    transfer->reason = reason;
    transfer->step = XFR_IN_FAILED;
    return false;
}

// Names the RR at fault.
static void
wrap_rr(struct fault *fault, const uint8_t *owner, uint16_t type)
{
    char name[NAME_TEXT_MAX], word[RRTYPE_TEXT_MAX];
    fault_wrap(fault, "%s %s", name_to_text(owner, name), rrtype_text(type, word));
}

static bool
refuse_rr(struct xfr_in *transfer, const struct message_rr *rr, struct fault *fault,
          const char *what)
{
    fault_set(fault, FAULT_SYNTAX, "%s", what);
    xfr_in_refuse(transfer, XFR_IN_SYNTAX);
    wrap_rr(fault, rr->owner, rr->type);
    return false;
}

static bool
check_rr(struct xfr_in *transfer, const struct message_rr *rr, struct fault *fault)
{
    if (transfer->step == XFR_IN_DONE)
        return refuse_rr(transfer, rr, fault,
                         "a record behind the closing SOA; a SOA stands in the middle");
    if (rr->class != RRCLASS_IN)
        return refuse_rr(transfer, rr, fault, "the class is not IN");
    if (rrtype_is_meta(rr->type))
        return refuse_rr(transfer, rr, fault, "a type that no zone holds");
    if (!name_is_at_or_below(rr->owner, transfer->apex))
        return refuse_rr(transfer, rr, fault, "outside of the zone");
    if (!transfer->has_soa && (rr->type != RRTYPE_SOA || !name_equal(rr->owner, transfer->apex)))
        return refuse_rr(transfer, rr, fault, "the first record is not the zone's SOA");
    return true;
}

static void
keep_first_soa(struct xfr_in *transfer, const struct message_rr *rr, size_t length)
{
    ENSURE(length <= sizeof(transfer->soa));
    transfer->has_soa = true;
    transfer->records = 1;
    transfer->soa_ttl = rr->ttl;
    transfer->soa_length = (uint16_t)length;
    memcpy(transfer->soa, transfer->rdata, length);
    struct rdata_soa soa;
    ENSURE(rdata_soa_read(transfer->soa, length, &soa));
    transfer->serial = soa.serial;
}

static bool
check_records(struct xfr_in *transfer, uint64_t maximum, const char *what, struct fault *fault)
{
    if (!maximum || transfer->records < maximum)
        return true;
    fault_set(fault, FAULT_LIMIT, "more than %" PRIu64 " records (%s)", maximum, what);
    return xfr_in_refuse(transfer, XFR_IN_LIMIT);
}

static bool
take_record(struct xfr_in *transfer, const struct message_rr *rr, size_t length,
            struct fault *fault)
{
    bool delta = transfer->form != XFR_IN_WHOLE;
    if (delta && !check_records(transfer, transfer->options.delta_records_max,
                                "the delta is longer than the zone", fault))
        return false;
    if (!delta &&
        !check_records(transfer, transfer->options.records_max, "gate max-records", fault))
        return false;
    transfer->records++;
    rr_stream_add(transfer->stream, rr->owner, rr->type, rr->ttl, transfer->rdata,
                  (uint16_t)length);
    return true;
}

static bool
is_first_soa(const struct xfr_in *transfer, const struct message_rr *rr, size_t length)
{
    return length == transfer->soa_length && rr->ttl == transfer->soa_ttl &&
           memcmp(transfer->rdata, transfer->soa, length) == 0;
}

// In AXFR form: it must close the transfer.
static bool
close_whole(struct xfr_in *transfer, const struct message_rr *rr, size_t length,
            struct fault *fault)
{
    if (!is_first_soa(transfer, rr, length))
        return refuse_rr(transfer, rr, fault,
                         "a second SOA that differs from the first; the zone changed on the way");
    if (transfer->records == 1) {
        fault_set(fault, FAULT_SYNTAX, "the zone is empty: nothing but its SOA");
        return xfr_in_refuse(transfer, XFR_IN_EMPTY);
    }
    transfer->step = XFR_IN_DONE;
    return true;
}

static bool
refuse_delta(struct xfr_in *transfer, struct fault *fault, const char *what, uint32_t serial,
             uint32_t expected)
{
    fault_set(fault, FAULT_SYNTAX, "a delta that does not chain: %s %" PRIu32 ", not %" PRIu32,
              what, serial, expected);
    return xfr_in_refuse(transfer, XFR_IN_DELTA);
}

// Behind the mark its SOA, which is one of the records that go or come.
static bool
begin_part(struct xfr_in *transfer, enum xfr_in_form form, const struct message_rr *rr,
           size_t length, uint32_t serial, struct fault *fault)
{
    transfer->form = form;
    transfer->step_serial = serial;
    rr_stream_add_mark(transfer->stream,
                       form == XFR_IN_REMOVED ? RR_STREAM_REMOVED : RR_STREAM_ADDED, serial);
    return take_record(transfer, rr, length, fault);
}

static bool
is_after(uint32_t serial, uint32_t other)
{
    return (int32_t)(serial - other) > 0;
}

// The second RR is a SOA with the serial that was asked with.
static bool
begin_delta(struct xfr_in *transfer, const struct message_rr *rr, size_t length, uint32_t serial,
            struct fault *fault)
{
    if (!is_after(transfer->serial, serial))
        return refuse_delta(transfer, fault, "it leads from our serial back to", transfer->serial,
                            serial);
    transfer->records = 0;
    rr_stream_add_delta(transfer->stream, serial, transfer->serial);
    return begin_part(transfer, XFR_IN_REMOVED, rr, length, serial, fault);
}

// Ends the removals of a step.
static bool
begin_added(struct xfr_in *transfer, const struct message_rr *rr, size_t length, uint32_t serial,
            struct fault *fault)
{
    if (!is_after(serial, transfer->step_serial) || is_after(serial, transfer->serial))
        return refuse_delta(transfer, fault, "a step leads to serial", serial, transfer->serial);
    if (serial == transfer->serial && !is_first_soa(transfer, rr, length))
        return refuse_rr(transfer, rr, fault,
                         "the SOA that a delta leads to differs from its first");
    return begin_part(transfer, XFR_IN_ADDED, rr, length, serial, fault);
}

// Ends the additions of a step: the next one, or the end.
static bool
end_step(struct xfr_in *transfer, const struct message_rr *rr, size_t length, uint32_t serial,
         struct fault *fault)
{
    if (serial != transfer->step_serial)
        return refuse_delta(transfer, fault, "a step begins at serial", serial,
                            transfer->step_serial);
    if (serial != transfer->serial)
        return begin_part(transfer, XFR_IN_REMOVED, rr, length, serial, fault);
    if (!is_first_soa(transfer, rr, length))
        return refuse_rr(transfer, rr, fault, "the closing SOA of a delta differs from its first");
    transfer->step = XFR_IN_DONE;
    return true;
}

static bool
take_later_soa(struct xfr_in *transfer, const struct message_rr *rr, size_t length,
               struct fault *fault)
{
    struct rdata_soa soa;
    if (!name_equal(rr->owner, transfer->apex))
        return refuse_rr(transfer, rr, fault, "a SOA below the apex; a zone has one");
    ENSURE(rdata_soa_read(transfer->rdata, length, &soa));
    switch (transfer->form) {
    case XFR_IN_REMOVED:
        return begin_added(transfer, rr, length, soa.serial, fault);
    case XFR_IN_ADDED:
        return end_step(transfer, rr, length, soa.serial, fault);
    case XFR_IN_UNKNOWN:
        if (transfer->options.ixfr && !is_first_soa(transfer, rr, length)) {
            if (soa.serial == transfer->options.serial)
                return begin_delta(transfer, rr, length, soa.serial, fault);
            return refuse_delta(transfer, fault, "it begins at serial", soa.serial,
                                transfer->options.serial);
        }
        break;
    case XFR_IN_WHOLE:
        break;
    }
    return close_whole(transfer, rr, length, fault);
}

// The second RR is no SOA: the answer is the whole zone, and the first SOA is its first record.
static void
begin_whole(struct xfr_in *transfer)
{
    transfer->form = XFR_IN_WHOLE;
    rr_stream_add(transfer->stream, transfer->apex, RRTYPE_SOA, transfer->soa_ttl, transfer->soa,
                  transfer->soa_length);
}

bool
xfr_in_take_rr(struct xfr_in *transfer, struct octets_reader *reader, struct message_rr *rr,
               struct fault *fault)
{
    struct octets_writer writer;
    name_copy_lower(rr->owner, rr->owner);
    if (!check_rr(transfer, rr, fault))
        return false;
    octets_seek(reader, rr->rdata_position);
    octets_writer_init(&writer, transfer->rdata, sizeof(transfer->rdata));
    if (!rdata_read(reader, rr->type, rr->rdlength, &writer, fault)) {
        wrap_rr(fault, rr->owner, rr->type);
        return xfr_in_refuse(transfer, XFR_IN_SYNTAX);
    }
    size_t length = octets_written(&writer);
    if (rr->type == RRTYPE_SOA && transfer->has_soa)
        return take_later_soa(transfer, rr, length, fault);
    if (!transfer->has_soa) {
        keep_first_soa(transfer, rr, length);
        return true;
    }
    if (transfer->form == XFR_IN_UNKNOWN)
        begin_whole(transfer);
    return take_record(transfer, rr, length, fault);
}
