#include "common/transfer/soa_query.h"

#include "common/dns/edns.h"
#include "common/dns/message_read.h"
#include "common/dns/message_write.h"
#include "common/dns/rcode.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#include <string.h>

void
soa_query_init(struct soa_query *query, const uint8_t *apex, const char *primary,
               const struct tsig_key *key)
{
    memset(query, 0, sizeof(*query));
    name_copy_lower(query->apex, apex);
    query->primary = primary;
    tsig_exchange_init(&query->exchange, key);
}

void
soa_query_close(struct soa_query *query)
{
    tsig_exchange_close(&query->exchange);
}

static void
write_opt(struct message_writer *writer)
{
    static const uint8_t root[1] = {0};
    uint8_t option[4] = {0};
    octets_put_u16(option, EDNS_OPTION_SERIAL_FOLLOWS);
    ENSURE(message_write_rr(writer, MESSAGE_ADDITIONAL, root, RRTYPE_OPT, EDNS_UDP_SIZE_DEFAULT, 0,
                            option, sizeof(option)));
}

size_t
soa_query_write(struct soa_query *query, uint16_t id, void *memory, size_t size, int64_t now)
{
    struct message_writer writer;
    const struct tsig_key *key = query->exchange.key;
    ENSURE(size >= SOA_QUERY_SIZE_MAX);
    query->id = id;
    message_writer_init(&writer, memory, size, id, 0);
    ENSURE(message_write_question(&writer, query->apex, RRTYPE_SOA, RRCLASS_IN));
    if (query->asks_follows)
        write_opt(&writer);
    size_t length = message_length(&writer);
    if (key) {
        tsig_exchange_close(&query->exchange);
        tsig_exchange_init(&query->exchange, key);
        length = tsig_sign(&query->exchange, memory, length, size, (uint64_t)now, 0, NULL);
    }
    ENSURE(length);
    return length;
}

static enum soa_query_result
failed(const struct soa_query *query, struct fault *fault)
{
    char name[NAME_TEXT_MAX];
    fault_wrap(fault, "zone %s: SOA query to %s", name_to_text_short(query->apex, name),
               query->primary);
    return SOA_QUERY_FAILED;
}

static enum soa_query_result
failed_because(const struct soa_query *query, enum fault_kind kind, const char *what,
               struct fault *fault)
{
    fault_set(fault, kind, "%s", what);
    return failed(query, fault);
}

// By a copy: a forged answer must not spoil the exchange for the true one.
static bool
signature_fits(const struct soa_query *query, const uint8_t *message, size_t length, int64_t now,
               struct fault *fault)
{
    if (!query->exchange.key)
        return true;
    struct tsig_exchange exchange = query->exchange;
    octets_buffer_init(&exchange.pending);
    bool good = tsig_check_answer(&exchange, message, length, (uint64_t)now, fault) &&
                tsig_check_end(&exchange, fault);
    tsig_exchange_close(&exchange);
    return good;
}

static bool
is_ours(const struct soa_query *query, struct octets_reader *reader,
        struct message_header *ret_header)
{
    struct message_question question;
    return message_read_header(reader, ret_header) && ret_header->id == query->id &&
           ret_header->flags & MESSAGE_QR && message_opcode(ret_header) == OPCODE_QUERY &&
           ret_header->qdcount == 1 && message_read_question(reader, &question) &&
           name_equal_any_case(question.name, query->apex) && question.type == RRTYPE_SOA &&
           question.class == RRCLASS_IN;
}

// The SOA among the answers.
static bool
read_serial(const struct soa_query *query, struct octets_reader *reader, unsigned count,
            uint32_t *ret_serial)
{
    struct message_rr rr;
    uint8_t rdata[NAME_SIZE_MAX * 2 + 20];
    for (unsigned i = 0; i < count; i++) {
        if (!message_read_rr(reader, &rr))
            return false;
        if (rr.type != RRTYPE_SOA || rr.class != RRCLASS_IN ||
            !name_equal_any_case(rr.owner, query->apex))
            continue;
        struct octets_writer writer;
        struct rdata_soa soa;
        octets_writer_init(&writer, rdata, sizeof(rdata));
        octets_seek(reader, rr.rdata_position);
        if (!rdata_read(reader, RRTYPE_SOA, rr.rdlength, &writer, NULL) ||
            !rdata_soa_read(rdata, octets_written(&writer), &soa))
            return false;
        *ret_serial = soa.serial;
        return true;
    }
    return false;
}

// Behind the answers. An answer that cannot be read to its end says nothing.
static bool
says_follows(const uint8_t *message, size_t length)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_rr rr;
    struct edns edns = {0};
    octets_reader_init(&reader, message, length);
    if (!message_read_header(&reader, &header) || !message_read_question(&reader, &question))
        return false;
    unsigned count = (unsigned)header.ancount + header.nscount + header.arcount;
    for (unsigned i = 0; i < count; i++) {
        if (!message_read_rr(&reader, &rr))
            return false;
        if (rr.type == RRTYPE_OPT)
            edns_read(&reader, &rr, &edns);
    }
    return edns.present && !edns.malformed && edns.serial_follows;
}

enum soa_query_result
soa_query_read(struct soa_query *query, const uint8_t *message, size_t length, int64_t now,
               uint32_t *ret_serial, struct fault *fault)
{
    struct octets_reader reader;
    struct message_header header;
    octets_reader_init(&reader, message, length);
    if (!is_ours(query, &reader, &header))
        return SOA_QUERY_OTHER;
    if (!signature_fits(query, message, length, now, fault))
        return failed(query, fault);
    if (header.flags & MESSAGE_TC)
        return SOA_QUERY_TRUNCATED;
    if (message_rcode(&header) != RCODE_NOERROR)
        return failed_because(query, FAULT_REFUSED, rcode_text(message_rcode(&header)), fault);
    if (!(header.flags & MESSAGE_AA))
        return failed_because(query, FAULT_REFUSED, "its answer is not authoritative", fault);
    if (!read_serial(query, &reader, header.ancount, ret_serial))
        return failed_because(query, FAULT_SYNTAX, "no SOA in its answer", fault);
    query->follows = query->asks_follows && query->exchange.key && says_follows(message, length);
    return SOA_QUERY_SERIAL;
}
