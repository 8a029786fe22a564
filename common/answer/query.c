#include "common/answer/query.h"

#include <string.h>

#include "common/dns/rcode.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

// Octets behind MNAME and RNAME: serial, refresh, retry, expire, minimum.
#define SOA_NUMBERS_SIZE 20

// What the additional section was seen to hold.
struct extras {
    unsigned opts, tsigs;
    bool after_tsig;
};

static void
query_fail(struct query *query, unsigned rcode)
{
    query->kind = QUERY_ERROR;
    query->rcode = rcode;
}

// The question, its name in lower case. A compressed name has nothing to point at but the header:
// refused.
static bool
question_read(struct octets_reader *reader, struct query *query)
{
    if (!name_read_lower(reader, query->lower, &query->labels))
        return false;
    query->type = octets_read_u16(reader);
    query->class = octets_read_u16(reader);
    if (reader->failed)
        return false;
    query->question_end = (uint16_t)octets_position(reader);
    query->has_question = true;
    return true;
}

// The serial of an SOA in a message; names in it may be compressed.
static void
soa_serial_read(const struct octets_reader *message, const struct message_rr *rr,
                struct query *query)
{
    struct octets_reader reader = *message;
    uint8_t name[NAME_SIZE_MAX];
    octets_seek(&reader, rr->rdata_position);
    if (!name_read(&reader, name) || !name_read(&reader, name) ||
        octets_position(&reader) + SOA_NUMBERS_SIZE != rr->rdata_position + rr->rdlength)
        return;
    query->soa_serial = octets_read_u32(&reader);
    query->has_soa = !reader.failed;
}

// Every RR takes 11 octets at least, so the counts cannot make this longer than the message. OPT
// and TSIG have their place in the additional section (RFC 6891 section 6.1.1, RFC 8945
// section 5.1).
static bool
section_read(struct octets_reader *reader, unsigned count, bool soa_wanted, struct query *query)
{
    struct message_rr rr;
    for (unsigned i = 0; i < count; i++) {
        if (!message_read_rr(reader, &rr) || rr.type == RRTYPE_OPT || rr.type == RRTYPE_TSIG)
            return false;
        if (soa_wanted && rr.type == RRTYPE_SOA && !query->has_soa)
            soa_serial_read(reader, &rr, query);
    }
    return true;
}

static bool
additional_read(struct octets_reader *reader, struct query *query, struct extras *extras)
{
    struct message_rr rr;
    for (unsigned i = 0; i < query->header.arcount; i++) {
        if (!message_read_rr(reader, &rr))
            return false;
        extras->after_tsig = extras->tsigs > 0;
        if (rr.type == RRTYPE_TSIG)
            extras->tsigs++;
        if (rr.type != RRTYPE_OPT)
            continue;
        extras->opts++;
        edns_read(reader, &rr, &query->edns);
        if (rr.owner[0] != 0)
            query->edns.malformed = true;
    }
    return true;
}

static bool
records_read(struct octets_reader *reader, struct query *query, struct extras *extras)
{
    bool notify = message_opcode(&query->header) == OPCODE_NOTIFY;
    bool ixfr = query->has_question && query->type == RRTYPE_IXFR;
    return section_read(reader, query->header.ancount, notify, query) &&
           section_read(reader, query->header.nscount, ixfr, query) &&
           additional_read(reader, query, extras) && octets_left(reader) == 0;
}

// Which of the types that no zone holds are something else than a mistake (RFC 6895 section 3.1).
static void
meta_type_judge(struct query *query)
{
    if (query->type == RRTYPE_ANY)
        return;
    if (query->type == RRTYPE_AXFR || query->type == RRTYPE_IXFR)
        query->kind = QUERY_TRANSFER;
    else if (query->type == RRTYPE_MAILA || query->type == RRTYPE_MAILB ||
             query->type == RRTYPE_TKEY)
        query_fail(query, RCODE_NOTIMP);
    else
        query_fail(query, RCODE_FORMERR);
}

static void
question_judge(struct query *query)
{
    if (message_opcode(&query->header) == OPCODE_NOTIFY) {
        query->kind = QUERY_NOTIFY;
        return;
    }
    query->kind = QUERY_QUESTION;
    if (rrtype_is_meta(query->type))
        meta_type_judge(query);
}

static bool
opcode_known(const struct query *query)
{
    unsigned opcode = message_opcode(&query->header);
    return opcode == OPCODE_QUERY || opcode == OPCODE_NOTIFY;
}

static void
query_judge(struct query *query, const struct extras *extras)
{
    if (extras->opts > 1 || extras->tsigs > 1 || extras->after_tsig || query->edns.malformed)
        query_fail(query, RCODE_FORMERR);
    else if (query->edns.present && query->edns.version > 0)
        query_fail(query, RCODE_BADVERS);
    else if (!opcode_known(query))
        query_fail(query, RCODE_NOTIMP);
    else if (query->has_question)
        question_judge(query);
    else if (query->edns.cookie_length > 0 && message_opcode(&query->header) == OPCODE_QUERY)
        query->kind = QUERY_COOKIE;
    else
        query_fail(query, RCODE_FORMERR);
}

// The fields up to lower are set one by one: clearing the whole struct for each packet would cost
// more than reading the query.
static void
query_init(struct query *query, const uint8_t *octets, size_t length)
{
    query->kind = QUERY_DROP;
    query->rcode = RCODE_NOERROR;
    query->octets = octets;
    query->length = length;
    query->has_question = query->has_tsig = query->has_soa = false;
    query->type = query->class = 0;
    query->question_end = MESSAGE_HEADER_SIZE;
    query->labels = 0;
    query->lower[0] = 0;
    query->edns = (struct edns){0};
    query->soa_serial = 0;
    query->ahead.zone = NULL;
}

void
query_read(const uint8_t *octets, size_t length, struct query *ret_query)
{
    struct octets_reader reader;
    struct extras extras = {0};
    query_init(ret_query, octets, length);
    octets_reader_init(&reader, octets, length);
    if (!message_read_header(&reader, &ret_query->header) || ret_query->header.flags & MESSAGE_QR)
        return;
    // What an opcode unknown here makes of the sections is not known either: they are read for the
    // question and the OPT to answer with (RFC 6891 section 6.1.1), where they can be.
    query_fail(ret_query, opcode_known(ret_query) ? RCODE_FORMERR : RCODE_NOTIMP);
    if (ret_query->header.qdcount > 1)
        return;
    if (ret_query->header.qdcount == 1 && !question_read(&reader, ret_query))
        return;
    if (!records_read(&reader, ret_query, &extras))
        return;
    ret_query->has_tsig = extras.tsigs > 0;
    ret_query->rcode = RCODE_NOERROR;
    query_judge(ret_query, &extras);
}
