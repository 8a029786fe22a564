// Which answer is shorter is known when the steps have been condensed once, so they are gone
// through three times: counted, for what goes, for what comes. Of one step, the usual case, each
// costs less than the RR's way to the client.
#include "common/transfer/ixfr_out.h"

#include "common/base/fault.h"
#include "common/dns/message_read.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/journal.h"
#include "common/zone/node.h"
#include "common/zone/serial.h"

#include <string.h>

#define DELTA_SOAS 4 // before, old, new, after
#define WHOLE_SOAS 2

bool
ixfr_out_read_query(const uint8_t *message, size_t length, uint32_t *ret_serial)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_rr rr;
    octets_reader_init(&reader, message, length);
    if (!message_read_header(&reader, &header) || header.qdcount != 1 || header.ancount != 0 ||
        header.nscount != 1 || !message_read_question(&reader, &question) ||
        question.type != RRTYPE_IXFR || !message_read_rr(&reader, &rr) || rr.type != RRTYPE_SOA ||
        rr.class != RRCLASS_IN || !name_equal_any_case(rr.owner, question.name))
        return false;
    uint8_t rdata[NAME_SIZE_MAX * 2 + 20];
    struct octets_writer writer;
    struct rdata_soa soa;
    octets_writer_init(&writer, rdata, sizeof(rdata));
    octets_seek(&reader, rr.rdata_position);
    if (!rdata_read(&reader, RRTYPE_SOA, rr.rdlength, &writer, NULL) ||
        !rdata_soa_read(rdata, octets_written(&writer), &soa))
        return false;
    *ret_serial = soa.serial;
    return true;
}

// The SOA that a step begins with, or (added) the one that it makes.
static bool
step_soa(const struct journal_step *step, bool added, struct diff_rr *ret_rr)
{
    struct journal_walk walk;
    struct rdata_soa soa;
    journal_walk_init(&walk, step);
    while (journal_walk_next(&walk, ret_rr))
        if (ret_rr->added == added)
            return ret_rr->type == RRTYPE_SOA &&
                   rdata_soa_read(ret_rr->rdata, ret_rr->rdlength, &soa) &&
                   soa.serial == (added ? step->to_serial : step->from_serial);
    return false;
}

static uint32_t
version_serial(const struct version *version)
{
    struct rrset rrset;
    struct rr rr;
    struct rdata_soa soa;
    uint32_t position = 0;
    ENSURE(node_rrset_find(version_apex_node(version), RRTYPE_SOA, &rrset) &&
           rrset_next(rrset.wire, rrset.wire_length, &position, &rr) &&
           rdata_soa_read(rr.rdata, rr.rdlength, &soa));
    return soa.serial;
}

// Octets of steps that are worth looking at: to condense them shall cost a few times what sending
// the zone does at most.
static uint64_t
steps_worth(const struct version *version)
{
    const struct version_facts *facts = version_facts(version);
    return IXFR_OUT_STEPS_FIRST + (facts->rr_count + facts->signature_count) * IXFR_OUT_STEPS_EACH;
}

// What the journal has for the client; IXFR_OUT_LATER: a delta, perhaps.
static enum ixfr_out_form
steps_open(struct ixfr_out *out, const struct vector *steps)
{
    const struct journal_step *all = steps->items;
    if (steps->count == 0 || !step_soa(&all[0], false, &out->old_soa) ||
        !step_soa(&all[steps->count - 1], true, &out->new_soa))
        return IXFR_OUT_WHOLE;
    condense_init(&out->condense, all, steps->count);
    out->open = true;
    return IXFR_OUT_LATER;
}

void
ixfr_out_init(struct ixfr_out *out, const struct version *version, uint32_t client_serial,
              uint64_t octets_max)
{
    uint32_t serial = version_serial(version);
    struct vector steps;
    memset(out, 0, sizeof *out);
    out->version = version;
    out->form = IXFR_OUT_SOA;
    if (client_serial == serial || serial_is_after(client_serial, serial))
        return;
    vector_init(&steps, sizeof(struct journal_step));
    uint64_t worth = steps_worth(version);
    octets_max = octets_max && octets_max < worth ? octets_max : worth;
    bool reaches = journal_steps_within(version, client_serial, octets_max, &steps);
    out->form = reaches ? steps_open(out, &steps) : IXFR_OUT_WHOLE;
    vector_close(&steps);
}

void
ixfr_out_close(struct ixfr_out *out)
{
    if (out->open)
        condense_close(&out->condense);
    out->open = false;
}

static bool
zone_is_shorter(const struct ixfr_out *out)
{
    const struct version_facts *facts = version_facts(out->version);
    return out->removed + out->added + DELTA_SOAS >=
           facts->rr_count - 1 + facts->signature_count + WHOLE_SOAS;
}

enum ixfr_out_form
ixfr_out_weigh(struct ixfr_out *out)
{
    enum condense_state state;
    struct diff_rr rr;
    out->budget = IXFR_OUT_SLICE;
    if (out->form != IXFR_OUT_LATER)
        return out->form;
    while ((state = condense_peek(&out->condense, &out->budget, &rr)) == CONDENSE_RR) {
        condense_take(&out->condense);
        *(rr.added ? &out->added : &out->removed) += 1;
    }
    if (zone_is_shorter(out)) {
        out->form = IXFR_OUT_WHOLE;
        ixfr_out_close(out);
    } else if (state == CONDENSE_END) {
        out->form = IXFR_OUT_DELTA;
        out->place = IXFR_OUT_OLD_SOA;
        condense_restart(&out->condense);
    }
    return out->form;
}

// The next RR of one half of the sequence.
static enum condense_state
half_peek(struct ixfr_out *out, bool added, struct diff_rr *ret_rr)
{
    enum condense_state state;
    while ((state = condense_peek(&out->condense, &out->budget, ret_rr)) == CONDENSE_RR &&
           ret_rr->added != added)
        condense_take(&out->condense);
    return state;
}

enum condense_state
ixfr_out_peek(struct ixfr_out *out, struct diff_rr *ret_rr)
{
    ENSURE(out->form == IXFR_OUT_DELTA);
    enum condense_state state = CONDENSE_RR;
    if (out->place == IXFR_OUT_REMOVED && (state = half_peek(out, false, ret_rr)) == CONDENSE_END) {
        condense_restart(&out->condense);
        out->place = IXFR_OUT_NEW_SOA;
        state = CONDENSE_RR;
    }
    if (out->place == IXFR_OUT_ADDED && (state = half_peek(out, true, ret_rr)) == CONDENSE_END)
        out->place = IXFR_OUT_END;
    if (out->place == IXFR_OUT_OLD_SOA)
        *ret_rr = out->old_soa;
    if (out->place == IXFR_OUT_NEW_SOA)
        *ret_rr = out->new_soa;
    return out->place == IXFR_OUT_END ? CONDENSE_END : state;
}

void
ixfr_out_take(struct ixfr_out *out)
{
    if (out->place == IXFR_OUT_OLD_SOA)
        out->place = IXFR_OUT_REMOVED;
    else if (out->place == IXFR_OUT_NEW_SOA)
        out->place = IXFR_OUT_ADDED;
    else
        condense_take(&out->condense);
}

void
ixfr_out_rewind(struct ixfr_out *out)
{
    ENSURE(out->place == IXFR_OUT_OLD_SOA || out->place == IXFR_OUT_REMOVED);
    out->place = IXFR_OUT_OLD_SOA;
}
