// How an answer is judged. The header and the question must be those of our question. Then the
// answer section is read whole, and the chain is walked in it: from the question's name along CNAME
// and DNAME to the name that has addresses, or to none. Every address and every CNAME must belong
// to that chain; one stray record and the answer is not believed at all, for a resolver that adds
// what nobody asked is broken or somebody else. An end without addresses is "no data" only where
// the answer says so: a SOA in the authority section, or at least no referral and recursion offered
// (RFC 2308 section 2.2).
#include "primary/alias/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/dns/edns.h"
#include "common/dns/message_read.h"
#include "common/dns/name.h"
#include "common/dns/rcode.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#define RECORDS_MAX (REPLY_ADDRESSES_MAX + 256) // of an answer section; 64 KiB hold few more

void
reply_init(struct reply *reply, uint16_t type)
{
    *reply = (struct reply){.kind = REPLY_FAILURE, .rcode = -1};
    address_set_init(&reply->addresses, type);
    octets_buffer_init(&reply->chain);
}

void
reply_close(struct reply *reply)
{
    address_set_close(&reply->addresses);
    octets_buffer_close(&reply->chain);
}

void
reply_fail(struct reply *reply, enum reply_cure cure, const char *format, ...)
{
    va_list arguments;
    reply->kind = REPLY_FAILURE;
    reply->cure = cure;
    va_start(arguments, format);
    vsnprintf(reply->text, sizeof reply->text, format, arguments);
    va_end(arguments);
}

const char *
reply_word(const struct reply *reply)
{
    static const char *const good[] = {"ok", "nodata", "nxdomain"};
    if (reply->kind != REPLY_FAILURE)
        return good[reply->kind];
    if (reply->rcode == RCODE_SERVFAIL)
        return "servfail";
    if (reply->rcode == RCODE_REFUSED)
        return "refused";
    return reply->rcode < 0 && strstr(reply->text, "no answer") ? "timeout" : "error";
}

// What the reading keeps at hand.
struct reading {
    struct octets_reader reader;
    const struct reply_question *question;
    struct message_header header;
    struct reply *reply;
    size_t answers; // where the answer section begins
    bool has_soa, has_ns, has_opt;
    unsigned extended_rcode;
};

static bool
misfit(struct reading *reading, const char *what)
{
    reply_fail(reading->reply, CURE_TCP, "the answer does not fit: %s", what);
    return false;
}

static bool
question_fits(struct reading *reading)
{
    const struct reply_question *asked = reading->question;
    struct message_question question;
    if (reading->header.qdcount != 1)
        return misfit(reading, "not one question in it");
    if (!message_read_question(&reading->reader, &question))
        return misfit(reading, "its question cannot be read");
    if (question.type != asked->type || question.class != RRCLASS_IN ||
        !name_equal_any_case(question.name, asked->name))
        return misfit(reading, "another question");
    if (asked->exact_case && !name_equal(question.name, asked->name))
        return misfit(reading, "the letter case of the question is not ours");
    return true;
}

static bool
header_fits(struct reading *reading)
{
    struct message_header *header = &reading->header;
    if (!message_read_header(&reading->reader, header))
        return misfit(reading, "shorter than a header");
    if (!(header->flags & MESSAGE_QR))
        return misfit(reading, "it is a question itself");
    if (header->id != reading->question->id)
        return misfit(reading, "another ID");
    if (message_opcode(header) != OPCODE_QUERY)
        return misfit(reading, "another opcode");
    reading->reply->rcode = (int)message_rcode(header);
    // A server that does not know what to make of our OPT may leave the question out.
    if (header->qdcount == 0 &&
        (reading->reply->rcode == RCODE_FORMERR || reading->reply->rcode == RCODE_NOTIMP))
        return true;
    return question_fits(reading);
}

static void
opt_take(struct reading *reading, const struct message_rr *rr)
{
    reading->reply->has_edns = reading->has_opt = true;
    reading->extended_rcode = rr->ttl >> 24;
}

// Walks over everything once, so that later passes meet nothing that cannot be read.
static bool
sections_fit(struct reading *reading)
{
    const struct message_header *header = &reading->header;
    size_t total = (size_t)header->ancount + header->nscount + header->arcount;
    struct message_rr rr;
    reading->answers = octets_position(&reading->reader);
    if (header->ancount > RECORDS_MAX)
        return misfit(reading, "too many records");
    for (size_t i = 0; i < total; i++) {
        if (!message_read_rr(&reading->reader, &rr))
            return misfit(reading, "it ends in the middle of a record");
        bool authority = i >= header->ancount && i < (size_t)header->ancount + header->nscount;
        if (authority) {
            reading->has_soa = reading->has_soa || rr.type == RRTYPE_SOA;
            reading->has_ns = reading->has_ns || rr.type == RRTYPE_NS;
        } else if (i >= header->ancount && rr.type == RRTYPE_OPT) {
            if (reading->has_opt)
                return misfit(reading, "two OPT records");
            opt_take(reading, &rr);
        }
    }
    return true;
}

// The RRs of the answer section, one after another.
static bool
answer_next(struct reading *reading, unsigned *position, struct message_rr *ret_rr)
{
    if (*position == 0)
        octets_seek(&reading->reader, reading->answers);
    return (*position)++ < reading->header.ancount && message_read_rr(&reading->reader, ret_rr);
}

static bool
rr_target(struct reading *reading, const struct message_rr *rr, uint8_t *ret_name)
{
    struct octets_reader reader = reading->reader;
    struct octets_writer writer;
    uint8_t rdata[NAME_SIZE_MAX];
    octets_seek(&reader, rr->rdata_position);
    octets_writer_init(&writer, rdata, sizeof rdata);
    if (!rdata_read(&reader, rr->type, rr->rdlength, &writer, NULL))
        return false;
    name_copy_lower(ret_name, rdata);
    return true;
}

enum hop { HOP_END, HOP_ON, HOP_BAD };

// Where the RR leads from name: to next, or nowhere (HOP_END).
static enum hop
rr_hop(struct reading *reading, const struct message_rr *rr, const uint8_t *name, uint8_t *next)
{
    uint8_t owner[NAME_SIZE_MAX], target[NAME_SIZE_MAX];
    name_copy_lower(owner, rr->owner);
    bool cname = rr->type == RRTYPE_CNAME && name_equal(owner, name);
    bool dname =
        rr->type == RRTYPE_DNAME && !name_equal(owner, name) && name_is_at_or_below(name, owner);
    if (rr->class != RRCLASS_IN || (!cname && !dname))
        return HOP_END;
    if (!rr_target(reading, rr, target))
        return HOP_BAD;
    if (cname) {
        name_copy(next, target);
        return HOP_ON;
    }
    uint8_t made[NAME_SIZE_MAX];
    if (!name_replace_suffix(name, owner, target, made))
        return HOP_BAD;
    name_copy_lower(next, made);
    return HOP_ON;
}

// One hop from name. A CNAME made from a DNAME says the same as it; two that differ are bad.
static enum hop
hop_find(struct reading *reading, const uint8_t *name, uint8_t *ret_next)
{
    struct message_rr rr;
    uint8_t next[NAME_SIZE_MAX];
    enum hop found = HOP_END;
    for (unsigned position = 0; answer_next(reading, &position, &rr);) {
        enum hop hop = rr_hop(reading, &rr, name, next);
        if (hop == HOP_BAD || (hop == HOP_ON && found == HOP_ON && !name_equal(next, ret_next)))
            return HOP_BAD;
        if (hop == HOP_ON) {
            name_copy(ret_next, next);
            found = HOP_ON;
        }
    }
    return found;
}

static bool
chain_has(const struct reply *reply, const uint8_t *name)
{
    const uint8_t *at = reply->chain.data;
    for (unsigned i = 0; i < reply->chain_count; i++, at += name_length(at))
        if (name_equal(at, name))
            return true;
    return false;
}

// Follows the chain to its end, which is left in name.
static bool
chain_walk(struct reading *reading, uint8_t *name)
{
    struct reply *reply = reading->reply;
    uint8_t first[NAME_SIZE_MAX], next[NAME_SIZE_MAX];
    name_copy(first, name);
    for (;;) {
        enum hop hop = hop_find(reading, name, next);
        if (hop == HOP_BAD)
            return misfit(reading, "a CNAME or DNAME in it makes no sense");
        if (hop == HOP_END)
            return true;
        if (name_equal(next, first) || chain_has(reply, next)) {
            reply_fail(reply, CURE_NONE, "its CNAMEs run in a circle");
            return false;
        }
        if (reply->chain_count == REPLY_HOPS_MAX) {
            reply_fail(reply, CURE_NONE, "more than %d CNAMEs in a row", REPLY_HOPS_MAX);
            return false;
        }
        octets_buffer_add(&reply->chain, next, name_length(next));
        reply->chain_count++;
        name_copy(name, next);
    }
}

static bool
address_take(struct reading *reading, const struct message_rr *rr)
{
    struct octets_reader reader = reading->reader;
    struct octets_writer writer;
    uint8_t octets[ADDRESS_SET_OCTETS_MAX];
    octets_seek(&reader, rr->rdata_position);
    octets_writer_init(&writer, octets, sizeof octets);
    if (!rdata_read(&reader, rr->type, rr->rdlength, &writer, NULL))
        return misfit(reading, "an address of the wrong length");
    if (reading->reply->addresses.count < REPLY_ADDRESSES_MAX)
        address_set_add(&reading->reply->addresses, octets);
    return true;
}

// May this name stand before a CNAME or DNAME of the chain?
static bool
on_the_way(const struct reading *reading, const struct message_rr *rr)
{
    const struct reply *reply = reading->reply;
    uint8_t owner[NAME_SIZE_MAX];
    name_copy_lower(owner, rr->owner);
    bool dname = rr->type == RRTYPE_DNAME;
    const uint8_t *at = reply->chain.data;
    if (name_equal_any_case(owner, reading->question->name))
        return true;
    uint8_t asked[NAME_SIZE_MAX];
    name_copy_lower(asked, reading->question->name);
    if (dname && name_is_at_or_below(asked, owner))
        return true;
    for (unsigned i = 0; i < reply->chain_count; i++, at += name_length(at))
        if (name_equal(at, owner) || (dname && name_is_at_or_below(at, owner)))
            return true;
    return false;
}

// Takes the addresses at the chain's end; anything that bears on addresses elsewhere is a misfit.
static bool
addresses_collect(struct reading *reading, const uint8_t *end)
{
    struct message_rr rr;
    for (unsigned position = 0; answer_next(reading, &position, &rr);) {
        bool renames = rr.type == RRTYPE_CNAME || rr.type == RRTYPE_DNAME;
        if (!renames && rr.type != reading->question->type)
            continue; // RRSIG and the like
        if (rr.class != RRCLASS_IN)
            return misfit(reading, "a record of another class");
        if (renames && !on_the_way(reading, &rr))
            return misfit(reading, "a CNAME of a name that nobody asked for");
        if (!renames && !name_equal_any_case(rr.owner, end))
            return misfit(reading, "addresses of a name that nobody asked for");
        if (!renames && !address_take(reading, &rr))
            return false;
    }
    return true;
}

static bool
rcode_fits(struct reading *reading)
{
    struct reply *reply = reading->reply;
    unsigned rcode = message_rcode(&reading->header) | reading->extended_rcode << 4;
    reply->rcode = (int)rcode;
    if (rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN)
        return true;
    bool edns = rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP || rcode == RCODE_BADVERS;
    reply_fail(reply, edns ? CURE_WITHOUT_EDNS : CURE_OTHER_SERVER, "%s", rcode_text(rcode));
    return false;
}

static void
verdict(struct reading *reading)
{
    struct reply *reply = reading->reply;
    uint16_t flags = reading->header.flags;
    if (reading->question->require_ad && !(flags & MESSAGE_AD)) {
        reply_fail(reply, CURE_OTHER_SERVER, "the resolver did not validate it (no AD flag)");
    } else if (reply->addresses.count > 0) {
        if (reply->rcode == RCODE_NXDOMAIN)
            misfit(reading, "addresses and NXDOMAIN at once");
        else
            reply->kind = REPLY_ADDRESSES;
    } else if (reply->rcode == RCODE_NXDOMAIN) {
        reply->kind = REPLY_NXDOMAIN;
    } else if (!reading->has_soa && (reading->has_ns || !(flags & (MESSAGE_RA | MESSAGE_AA)))) {
        reply_fail(reply, CURE_OTHER_SERVER, "a referral: this server does not resolve for us");
    } else {
        reply->kind = REPLY_NODATA;
    }
}

void
reply_read(const uint8_t *octets, size_t length, const struct reply_question *question,
           struct reply *reply)
{
    struct reading reading = {.question = question, .reply = reply};
    uint8_t end[NAME_SIZE_MAX];
    reply_close(reply);
    reply_init(reply, question->type);
    octets_reader_init(&reading.reader, octets, length);
    if (!header_fits(&reading))
        return;
    if (reading.header.flags & MESSAGE_TC) {
        reply_fail(reply, CURE_TCP, "the answer was truncated");
        return;
    }
    if (!sections_fit(&reading) || !rcode_fits(&reading))
        return;
    name_copy_lower(end, question->name);
    if (chain_walk(&reading, end) && addresses_collect(&reading, end))
        verdict(&reading);
    if (reply->kind == REPLY_FAILURE)
        address_set_clear(&reply->addresses);
}
