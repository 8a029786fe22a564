// The place in the zone (node, RRset, data or signatures, position in the run) is kept in the
// struct and moves only when an RR is in the message, so that an RR which does not fit is simply
// the first of the next one. RRs are stored as they go out, behind a slot for the owner: each costs
// one owner and one memcpy.
#include "common/transfer/axfr_out.h"

#include "common/dns/edns.h"
#include "common/dns/message_write.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"
#include "common/transfer/owner_table.h"
#include "common/zone/node.h"

#include <string.h>

#define RR_HEAD_SIZE 10 // type, class, TTL, RDLENGTH, between owner slot and RDATA

void
axfr_out_init(struct axfr_out *out, const struct axfr_out_options *options)
{
    memset(out, 0, sizeof(*out));
    out->version = version_hold(options->version);
    out->exchange = options->exchange;
    out->question = *options->question;
    out->id = options->query->id;
    out->flags = (uint16_t)(MESSAGE_QR | MESSAGE_AA | (options->query->flags & MESSAGE_RD));
    out->edns = options->edns;
    out->soa_only = options->soa_only;
    out->without_signatures = options->without_signatures;
    version_cursor_first(&out->cursor, out->version);
}

void
axfr_out_close(struct axfr_out *out)
{
    version_drop(&out->version);
}

// Left out of a view without what a signer added, as in node_unsigned_rrsets.
static bool
is_left_out(const struct axfr_out *out, uint16_t type)
{
    if (!out->without_signatures || !rrtype_is_dnssec(type))
        return false;
    bool anywhere = type == RRTYPE_RRSIG || type == RRTYPE_NSEC || type == RRTYPE_NSEC3 ||
                    type == RRTYPE_NSEC3PARAM;
    return anywhere || out->node == version_apex_node(out->version);
}

// The run that is under way: the RRs of an RRset, or its signatures. The SOA itself goes out by
// itself.
static struct octets
current_run(const struct axfr_out *out, const struct rrset *rrset)
{
    if (out->in_signatures)
        return out->without_signatures
                   ? (struct octets){NULL, 0}
                   : (struct octets){rrset->signatures, rrset->signatures_length};
    if (rrset->type == RRTYPE_SOA || is_left_out(out, rrset->type))
        return (struct octets){NULL, 0};
    return (struct octets){rrset->wire, rrset->wire_length};
}

// The next RR of the walk and where it ends in its run; false at the end of the zone, and at a
// damaged record. Each turn moves on: to the RR, the signatures, the next RRset or the next node.
static bool
next_record(struct axfr_out *out, struct rr *ret_rr, uint32_t *ret_end)
{
    struct rrset rrset;
    for (;;) {
        if (!out->node)
            out->node = version_cursor_next(&out->cursor);
        if (!out->node || out->cursor.damaged)
            return false;
        if (out->rrset >= node_rrset_count(out->node)) {
            out->node = NULL;
            out->rrset = 0;
            continue;
        }
        node_rrset_at(out->node, out->rrset, &rrset);
        struct octets run = current_run(out, &rrset);
        *ret_end = out->position;
        if (run.length && rrset_next(run.data, (uint32_t)run.length, ret_end, ret_rr))
            return true;
        out->position = 0;
        out->rrset += out->in_signatures;
        out->in_signatures = !out->in_signatures;
    }
}

// One message under way.
struct piece {
    struct message_writer writer;
    struct owner_table owners;
    uint16_t count;
};

// False, and the message as before, when the RR does not fit.
static bool
write_rr(struct piece *piece, const uint8_t *owner, const struct rr *rr)
{
    struct octets_writer *out = &piece->writer.out;
    uint8_t *before = out->at;
    if (piece->count == UINT16_MAX)
        return false;
    owner_table_write(&piece->owners, out, owner);
    octets_write(out, rr->rdata - RR_HEAD_SIZE, RR_HEAD_SIZE + (size_t)rr->rdlength);
    if (out->failed) { // the table is not used any more: the message is full
        out->at = before;
        out->failed = false;
        return false;
    }
    piece->count++;
    return true;
}

static bool
write_soa(struct axfr_out *out, struct piece *piece)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    bool found = node_rrset_find(version_apex_node(out->version), RRTYPE_SOA, &rrset) &&
                 rrset_next(rrset.wire, rrset.wire_length, &position, &rr);
    ENSURE(found);
    return write_rr(piece, version_apex(out->version), &rr);
}

static bool
write_records(struct axfr_out *out, struct piece *piece)
{
    struct rr rr;
    uint32_t end;
    while (next_record(out, &rr, &end)) {
        if (!write_rr(piece, node_owner(out->node), &rr))
            return false;
        out->position = end;
        out->records++;
    }
    return !out->cursor.damaged;
}

// Goes on from the place where the last message ended until this one is full or the zone is out.
static void
fill(struct axfr_out *out, struct piece *piece)
{
    if (out->place == AXFR_OUT_FIRST_SOA && write_soa(out, piece))
        out->place = out->soa_only ? AXFR_OUT_END : AXFR_OUT_RECORDS;
    if (out->place == AXFR_OUT_RECORDS && write_records(out, piece))
        out->place = AXFR_OUT_LAST_SOA;
    if (out->place == AXFR_OUT_LAST_SOA && write_soa(out, piece))
        out->place = AXFR_OUT_END;
}

static void
begin(const struct axfr_out *out, struct piece *piece, void *memory, size_t size)
{
    message_writer_init(&piece->writer, memory, size, out->id, out->flags);
    owner_table_init(&piece->owners);
    piece->count = 0;
    if (out->messages)
        return;
    const struct message_question *question = &out->question;
    ENSURE(message_write_question(&piece->writer, question->name, question->type, question->class));
    owner_table_note(&piece->owners, question->name, MESSAGE_HEADER_SIZE);
}

// Behind the answer: the OPT of the first message, and the counts.
static void
end(const struct axfr_out *out, struct piece *piece, size_t opt_size)
{
    struct octets_writer *writer = &piece->writer.out;
    octets_patch_u16(writer, 6, piece->count);
    if (!opt_size)
        return;
    const struct edns_answer answer = {.udp_size = EDNS_UDP_SIZE_DEFAULT, .ede = EDE_NONE};
    writer->end += opt_size;
    edns_write(writer, &answer);
    octets_patch_u16(writer, 10, 1);
    ENSURE(!writer->failed && out->edns);
}

static bool
too_large(const struct axfr_out *out, struct fault *fault)
{
    char zone[NAME_TEXT_MAX], owner[NAME_TEXT_MAX];
    const uint8_t *name = out->node ? node_owner(out->node) : version_apex(out->version);
    return fault_set(
        fault, FAULT_LIMIT,
        "zone %s: a record at %s does not fit into a message; it cannot be transferred",
        name_to_text_short(version_apex(out->version), zone), name_to_text(name, owner));
}

static bool
damaged(const struct axfr_out *out, struct fault *fault)
{
    char zone[NAME_TEXT_MAX];
    return fault_set(fault, FAULT_CORRUPT,
                     "zone %s: a record of the version failed its checksum, so the transfer was "
                     "ended before its end; look at the disk",
                     name_to_text_short(version_apex(out->version), zone));
}

enum axfr_out_step
axfr_out_next(struct axfr_out *out, void *memory, size_t size, int64_t now, size_t *ret_length,
              struct fault *fault)
{
    struct piece piece;
    static const struct edns_answer bare = {.ede = EDE_NONE};
    ENSURE(size >= AXFR_OUT_SIZE_MIN && out->version && out->place != AXFR_OUT_END);
    if (size > MESSAGE_SIZE_MAX)
        size = MESSAGE_SIZE_MAX;
    size_t opt_size = out->edns && !out->messages ? edns_size(&bare) : 0;
    size_t tsig_room = out->exchange ? tsig_size(out->exchange->key) : 0;
    begin(out, &piece, memory, size - tsig_room - opt_size);
    fill(out, &piece);
    if (out->cursor.damaged) {
        damaged(out, fault);
        return AXFR_OUT_FAILED;
    }
    if (!piece.count) {
        too_large(out, fault);
        return AXFR_OUT_FAILED;
    }
    end(out, &piece, opt_size);
    size_t length = message_length(&piece.writer);
    if (out->exchange)
        length = tsig_sign(out->exchange, memory, length, size, (uint64_t)now, 0, NULL);
    ENSURE(length);
    out->messages++;
    out->octets += length + 2;
    *ret_length = length;
    return out->place == AXFR_OUT_END ? AXFR_OUT_DONE : AXFR_OUT_MORE;
}
