// How an owner is written. The stored run of an RRset has a two-octet slot before each RR that
// already holds the pointer to the question (0xC00C), so an RRset at the question's owner is one
// memcpy. Elsewhere the first RR gets the owner, compressed against the names that the message has
// (the question, targets of CNAME and NS where they stand in RDATA, owners written before), and the
// slots of the others point to it. RDATA is never compressed: it goes out as it is stored, which
// costs some octets and saves the walk through it.
#include "common/answer/reply.h"

#include <string.h>

#include "common/base/fault.h"
#include "common/dns/rrtype.h"

#define POINTER_TAG      0xC000U
#define POINTER_AT_MAX   0x3FFFU // 14 bits, RFC 1035 section 4.1.4
#define SLOT_SIZE        2
#define RR_TTL_AT        4 // behind type and class
#define RR_RDLENGTH_AT   8
#define RR_FIXED         10
#define CHAOS_STRING_MAX 255

static void
anchor_add(struct reply *reply, const uint8_t *name, unsigned labels, size_t position)
{
    if (reply->anchor_count == REPLY_ANCHORS_MAX || position > POINTER_AT_MAX)
        return;
    reply->anchors[reply->anchor_count++] = (struct reply_anchor){
        .name = name,
        .labels = labels,
        .position = (uint16_t)position,
    };
}

void
reply_anchor(struct reply *reply, const uint8_t *name, size_t position)
{
    anchor_add(reply, name, name_labels(name), position);
}

// The response size that client and we can take.
static size_t
size_limit(const struct answer_client *client, const struct query *query, size_t size)
{
    size_t limit = MESSAGE_SIZE_MAX;
    if (!client->tcp) {
        limit = query->edns.present ? query->edns.udp_size : ANSWER_UDP_SIZE_MIN;
        limit = limit < ANSWER_UDP_SIZE_MIN ? ANSWER_UDP_SIZE_MIN : limit;
        limit = limit > ANSWER_UDP_SIZE ? ANSWER_UDP_SIZE : limit;
    }
    return limit < size ? limit : size;
}

static void
cookie_begin(struct reply *reply, const struct answer_service *service,
             const struct answer_client *client)
{
    if (!answer_cookie(service, client, &reply->query->edns, reply->cookie))
        return;
    reply->edns.cookie = reply->cookie;
    reply->edns.cookie_length = sizeof reply->cookie;
}

static void
edns_begin(struct reply *reply, const struct answer_service *service,
           const struct answer_client *client)
{
    const struct edns *asked = &reply->query->edns;
    reply->edns = (struct edns_answer){
        .udp_size = ANSWER_UDP_SIZE,
        .dnssec_ok = asked->dnssec_ok,
        .has_expire = asked->expire, // room is kept; resolve says whether it goes out
        .keepalive = asked->keepalive && client->tcp ? service->tcp_idle_tenths : 0,
        .serial_follows = asked->asks_serial_follows && client->serial_follows,
        .ede = EDE_NONE,
    };
    if (asked->nsid && service->nsid.length > 0) {
        reply->edns.nsid = service->nsid.data;
        reply->edns.nsid_length = (uint8_t)service->nsid.length;
    }
    cookie_begin(reply, service, client);
}

static void
question_write(struct reply *reply)
{
    const struct query *query = reply->query;
    size_t length = query->question_end - (size_t)MESSAGE_HEADER_SIZE;
    uint16_t flags = query->header.flags;
    // RD is echoed; AD and CD mean nothing to an authoritative server (RFC 4035 section 3.1.6).
    reply->flags = (uint16_t)(MESSAGE_QR | (flags & 0x7800) | (flags & MESSAGE_RD));
    memset(reply->out.at, 0, MESSAGE_HEADER_SIZE);
    reply->out.at += MESSAGE_HEADER_SIZE;
    if (!query->has_question)
        return;
    octets_write(&reply->out, query->octets + MESSAGE_HEADER_SIZE, length);
    reply->counts[MESSAGE_QUESTION] = 1;
    anchor_add(reply, query->lower, query->labels, REPLY_QUESTION_AT);
}

// Takes octets away from the end; gives how many there were to take.
static size_t
room_keep(struct reply *reply, size_t octets)
{
    size_t room = octets_room(&reply->out);
    size_t kept = octets < room ? octets : room;
    reply->out.end -= kept;
    return kept;
}

void
reply_begin(struct reply *reply, const struct answer_service *service,
            const struct answer_client *client, const struct query *query, uint8_t *memory,
            size_t size)
{
    size_t limit = size_limit(client, query, size);
    ENSURE(size >= ANSWER_UDP_SIZE_MIN);
    reply->query = query;
    reply->section = MESSAGE_QUESTION;
    memset(reply->counts, 0, sizeof reply->counts);
    reply->dnssec_ok = query->edns.present && query->edns.dnssec_ok;
    reply->truncated = false;
    reply->anchor_count = reply->entry_count = 0;
    if (query->edns.present)
        edns_begin(reply, service, client);
    octets_writer_init(&reply->out, memory, limit);
    question_write(reply);
    room_keep(reply, client->tail_room);
    reply->opt_room = query->edns.present ? room_keep(reply, edns_size(&reply->edns)) : 0;
    reply->edns.has_expire = false;
}

bool
reply_has(const struct reply *reply, const uint8_t *owner, const uint8_t *wire)
{
    for (unsigned i = 0; i < reply->entry_count; i++)
        if (reply->entries[i].wire == wire && name_equal(reply->entries[i].owner, owner))
            return true;
    return false;
}

// The anchor that shares most labels with name; NULL when none shares any.
static const struct reply_anchor *
anchor_best(const struct reply *reply, const uint8_t *name, unsigned labels, unsigned *ret_common)
{
    const struct reply_anchor *best = NULL;
    unsigned most = 0;
    for (unsigned i = 0; i < reply->anchor_count && most < labels; i++) {
        const struct reply_anchor *anchor = &reply->anchors[i];
        unsigned common = name_common_labels_counted(name, labels, anchor->name, anchor->labels);
        if (common > most) {
            most = common;
            best = anchor;
        }
    }
    *ret_common = most;
    return best;
}

// The owner compressed: the labels that no anchor has, then a pointer or the root label. Gives its
// octets.
static size_t
owner_encode(const struct reply *reply, const uint8_t *name,
             uint8_t ret_owner[static NAME_SIZE_MAX + 1])
{
    unsigned common, labels = name_labels(name);
    const struct reply_anchor *anchor = anchor_best(reply, name, labels, &common);
    if (!anchor)
        return name_copy(ret_owner, name);
    size_t own = (size_t)(name_skip(name, labels - common) - name);
    const uint8_t *shared = name_skip(anchor->name, anchor->labels - common);
    size_t target = anchor->position + (size_t)(shared - anchor->name);
    memcpy(ret_owner, name, own);
    octets_put_u16(ret_owner + own, (uint16_t)(POINTER_TAG | target));
    return own + SLOT_SIZE;
}

// A run of RRs of one owner on its way out.
struct run {
    uint8_t owner[NAME_SIZE_MAX + 1];
    size_t owner_length;
    bool has_ttl; // no TTL may be over ttl
    uint32_t ttl;
};

// What follows the owner in a message: type, class, TTL, RDLENGTH, RDATA. The RRSIG's original TTL
// field keeps signatures valid under a lower TTL (RFC 4035 section 5.3.3).
static void
rr_write(struct octets_writer *out, const struct run *run, const uint8_t *fixed, size_t length)
{
    uint8_t *ttl = out->at + RR_TTL_AT;
    octets_write(out, fixed, length);
    if (run->has_ttl && !out->failed && octets_get_u32(ttl) > run->ttl)
        octets_put_u32(ttl, run->ttl);
}

// Each RR with the owner before it, until that stands in reach of a pointer, which replaces it.
static void
run_write(struct reply *reply, const uint8_t *wire, uint32_t length, struct run *run)
{
    struct octets_writer *out = &reply->out;
    uint32_t position = 0, begin = 0;
    struct rr rr;
    while (rrset_next(wire, length, &position, &rr)) {
        size_t at = octets_written(out);
        octets_write(out, run->owner, run->owner_length);
        rr_write(out, run, wire + begin + SLOT_SIZE, position - begin - SLOT_SIZE);
        begin = position;
        if (run->owner_length != SLOT_SIZE && at <= POINTER_AT_MAX) {
            octets_put_u16(run->owner, (uint16_t)(POINTER_TAG | at));
            run->owner_length = SLOT_SIZE;
        }
    }
}

// The usual case: the owner is the question's, the slots are right as they are stored.
static size_t
at_question_write(struct reply *reply, const struct rrset *rrset, bool signatures)
{
    size_t offset = octets_written(&reply->out);
    bool adjoin = signatures && rrset->signatures == rrset->wire + rrset->wire_length;
    octets_write(&reply->out, rrset->wire,
                 rrset->wire_length + (adjoin ? (size_t)rrset->signatures_length : 0));
    if (signatures && !adjoin)
        octets_write(&reply->out, rrset->signatures, rrset->signatures_length);
    return offset;
}

// RRs from the first one's type on as they are stored: the slots of the others get the pointer, and
// no TTL stays over the run's.
static void
copied_mend(uint8_t *at, const uint8_t *end, const struct run *run, uint16_t pointer)
{
    for (;;) {
        if (run->has_ttl && octets_get_u32(at + RR_TTL_AT) > run->ttl)
            octets_put_u32(at + RR_TTL_AT, run->ttl);
        at += RR_FIXED + octets_get_u16(at + RR_RDLENGTH_AT);
        if (at >= end)
            return;
        octets_put_u16(at, pointer);
        at += SLOT_SIZE;
    }
}

// The run in one piece, where the first owner is in reach of the others' pointers.
static void
run_copy(struct reply *reply, const struct rrset *rrset, bool signatures, const struct run *run)
{
    struct octets_writer *out = &reply->out;
    size_t at = octets_written(out);
    bool short_owner = run->owner_length == SLOT_SIZE; // a pointer, as good as one to it
    octets_write(out, run->owner, run->owner_length);
    uint8_t *first = out->at;
    octets_write(out, rrset->wire + SLOT_SIZE, rrset->wire_length - SLOT_SIZE);
    if (signatures)
        octets_write(out, rrset->signatures, rrset->signatures_length);
    if (!out->failed)
        copied_mend(first, out->at, run,
                    short_owner ? octets_get_u16(run->owner) : (uint16_t)(POINTER_TAG | at));
}

static size_t
elsewhere_write(struct reply *reply, const struct reply_rrset *add, bool signatures)
{
    const struct rrset *rrset = add->rrset;
    struct run run;
    size_t at = octets_written(&reply->out), length = owner_encode(reply, add->owner, run.owner);
    run.owner_length = length;
    run.has_ttl = add->has_ttl;
    run.ttl = add->ttl;
    if (length == SLOT_SIZE || at <= POINTER_AT_MAX) {
        run_copy(reply, rrset, signatures, &run);
    } else {
        run_write(reply, rrset->wire, rrset->wire_length, &run);
        if (signatures)
            run_write(reply, rrset->signatures, rrset->signatures_length, &run);
    }
    if (reply->out.failed || at > POINTER_AT_MAX)
        return 0;
    if (length > SLOT_SIZE)
        reply_anchor(reply, add->owner, at);
    return at + length - SLOT_SIZE;
}

static bool
give_up(struct reply *reply, bool optional, uint8_t *at)
{
    reply->out.at = at;
    reply->out.failed = false;
    if (!optional)
        reply->truncated = true;
    return false;
}

static void
entry_add(struct reply *reply, const uint8_t *owner, const uint8_t *wire)
{
    if (reply->entry_count < REPLY_ENTRIES_MAX)
        reply->entries[reply->entry_count++] = (struct reply_entry){wire, owner};
}

static size_t
rrset_write(struct reply *reply, const struct reply_rrset *add, bool signatures)
{
    bool at_question = reply->counts[MESSAGE_QUESTION] > 0 && add->owner == reply->query->lower;
    if (at_question && !add->has_ttl)
        return at_question_write(reply, add->rrset, signatures);
    return elsewhere_write(reply, add, signatures);
}

bool
reply_add(struct reply *reply, const struct reply_rrset *add, size_t *ret_offset)
{
    const struct rrset *rrset = add->rrset;
    bool signatures = add->signatures && reply->dnssec_ok && rrset->signature_count > 0;
    uint8_t *at = reply->out.at;
    ENSURE(add->section >= reply->section);
    if (ret_offset)
        *ret_offset = 0;
    if (reply->truncated)
        return false;
    if (reply_has(reply, add->owner, rrset->wire))
        return true;
    if (add->optional && reply->entry_count == REPLY_ENTRIES_MAX)
        return false;
    size_t offset = rrset_write(reply, add, signatures);
    if (reply->out.failed)
        return give_up(reply, add->optional, at);
    reply->section = add->section;
    reply->counts[add->section] = (uint16_t)(reply->counts[add->section] + rrset->rr_count +
                                             (signatures ? rrset->signature_count : 0));
    entry_add(reply, add->owner, rrset->wire);
    if (ret_offset)
        *ret_offset = offset;
    return true;
}

void
reply_add_cname(struct reply *reply, const uint8_t *owner, uint32_t ttl, const uint8_t *target)
{
    uint8_t encoded[NAME_SIZE_MAX + 1];
    uint8_t *at = reply->out.at;
    size_t length = name_length(target);
    if (reply->truncated)
        return;
    octets_write(&reply->out, encoded, owner_encode(reply, owner, encoded));
    octets_write_u16(&reply->out, RRTYPE_CNAME);
    octets_write_u16(&reply->out, RRCLASS_IN);
    octets_write_u32(&reply->out, ttl);
    octets_write_u16(&reply->out, (uint16_t)length);
    octets_write(&reply->out, target, length);
    if (reply->out.failed) {
        give_up(reply, false, at);
        return;
    }
    reply->counts[MESSAGE_ANSWER]++;
    reply_anchor(reply, target, octets_written(&reply->out) - length);
}

void
reply_add_chaos(struct reply *reply, const char *text)
{
    size_t length = strnlen(text, CHAOS_STRING_MAX);
    uint8_t *at = reply->out.at;
    octets_write_u16(&reply->out, POINTER_TAG | REPLY_QUESTION_AT);
    octets_write_u16(&reply->out, RRTYPE_TXT);
    octets_write_u16(&reply->out, RRCLASS_CH);
    octets_write_u32(&reply->out, 0);
    octets_write_u16(&reply->out, (uint16_t)(length + 1));
    octets_write_u8(&reply->out, (uint8_t)length);
    octets_write(&reply->out, text, length);
    if (reply->out.failed)
        give_up(reply, false, at);
    else
        reply->counts[MESSAGE_ANSWER]++;
}

void
reply_clear(struct reply *reply)
{
    reply->out.at = reply->out.start + reply->query->question_end;
    reply->truncated = false;
    reply->flags &= (uint16_t) ~(MESSAGE_AA | MESSAGE_TC);
    for (unsigned section = MESSAGE_ANSWER; section <= MESSAGE_ADDITIONAL; section++)
        reply->counts[section] = 0;
}

// The room was kept; an EDE that came up later, or a long NSID behind a long name, gives way.
static void
opt_write(struct reply *reply, unsigned rcode)
{
    reply->out.end += reply->opt_room;
    size_t room = octets_room(&reply->out);
    reply->edns.extended_rcode = (uint16_t)rcode;
    if (edns_size(&reply->edns) > room)
        reply->edns.nsid_length = 0;
    if (edns_size(&reply->edns) > room)
        reply->edns.ede = EDE_NONE;
    if (edns_size(&reply->edns) > room)
        return;
    edns_write(&reply->out, &reply->edns);
    reply->counts[MESSAGE_ADDITIONAL]++;
}

static void
truncate(struct reply *reply)
{
    uint16_t aa = reply->flags & MESSAGE_AA;
    reply_clear(reply);
    reply->flags = (uint16_t)(reply->flags | aa | MESSAGE_TC);
}

size_t
reply_end(struct reply *reply, unsigned rcode)
{
    uint8_t *header = reply->out.start;
    if (reply->truncated)
        truncate(reply);
    if (reply->query->edns.present)
        opt_write(reply, rcode);
    octets_put_u16(header, reply->query->header.id);
    octets_put_u16(header + 2, (uint16_t)(reply->flags | (rcode & 15U)));
    for (unsigned section = 0; section < 4; section++)
        octets_put_u16(header + 4 + 2 * section, reply->counts[section]);
    return octets_written(&reply->out);
}
