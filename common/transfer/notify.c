#include "common/transfer/notify.h"

#include "common/dns/message_read.h"
#include "common/dns/message_write.h"
#include "common/dns/rcode.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#include <string.h>

#define OPCODE_SHIFT 11
#define SOA_SIZE_MAX (NAME_SIZE_MAX * 2 + 20)

void
notify_out_init(struct notify_out *notify, const uint8_t *apex, const char *target,
                const struct tsig_key *key)
{
    memset(notify, 0, sizeof(*notify));
    name_copy_lower(notify->apex, apex);
    notify->target = target;
    notify->key = key;
    notify->state = NOTIFY_IDLE;
    notify->due_ms = INT64_MAX;
    tsig_exchange_init(&notify->exchange, key);
}

void
notify_out_close(struct notify_out *notify)
{
    tsig_exchange_close(&notify->exchange);
}

void
notify_out_start(struct notify_out *notify, const uint8_t *soa, uint16_t soa_length,
                 uint32_t soa_ttl, int64_t now_ms)
{
    struct rdata_soa read;
    bool hint = soa_length && soa_length <= SOA_SIZE_MAX && rdata_soa_read(soa, soa_length, &read);
    notify->soa_length = hint ? soa_length : 0;
    notify->soa_ttl = soa_ttl;
    notify->serial = hint ? read.serial : 0;
    if (hint)
        memcpy(notify->soa, soa, soa_length);
    notify->state = NOTIFY_WAITING;
    notify->plain = false;
    notify->tries = 0;
    notify->rcode = 0;
    notify->due_ms = now_ms;
}

int64_t
notify_out_due(const struct notify_out *notify)
{
    return notify->state == NOTIFY_WAITING ? notify->due_ms : INT64_MAX;
}

static int64_t
retry_after_ms(unsigned tries)
{
    int64_t wait = NOTIFY_RETRY_FIRST_MS;
    for (unsigned i = 1; i < tries && wait < NOTIFY_RETRY_MAX_MS; i++)
        wait *= 2;
    return wait < NOTIFY_RETRY_MAX_MS ? wait : NOTIFY_RETRY_MAX_MS;
}

size_t
notify_out_write(struct notify_out *notify, uint16_t id, void *memory, size_t size, int64_t now_ms,
                 int64_t now)
{
    struct message_writer writer;
    ENSURE(size >= NOTIFY_SIZE_MAX);
    if (notify->state != NOTIFY_WAITING || now_ms < notify->due_ms)
        return 0;
    if (notify->tries == NOTIFY_TRIES_MAX) {
        notify->state = NOTIFY_GAVE_UP;
        return 0;
    }
    notify->id = id;
    notify->due_ms = now_ms + retry_after_ms(++notify->tries);
    message_writer_init(&writer, memory, size, id, OPCODE_NOTIFY << OPCODE_SHIFT | MESSAGE_AA);
    bool fits = message_write_question(&writer, notify->apex, RRTYPE_SOA, RRCLASS_IN) &&
                (!notify->soa_length ||
                 message_write_rr(&writer, MESSAGE_ANSWER, notify->apex, RRTYPE_SOA, RRCLASS_IN,
                                  notify->soa_ttl, notify->soa, notify->soa_length));
    ENSURE(fits);
    size_t length = message_length(&writer);
    if (notify->key && !notify->plain) {
        tsig_exchange_close(&notify->exchange);
        tsig_exchange_init(&notify->exchange, notify->key);
        length = tsig_sign(&notify->exchange, memory, length, size, (uint64_t)now, 0, NULL);
    }
    ENSURE(length);
    return length;
}

// The question is copied into the answer (RFC 1996 section 3.12), but some leave it out.
static bool
question_fits(struct octets_reader *reader, const struct message_header *header,
              const uint8_t *apex)
{
    struct message_question question;
    if (header->qdcount == 0)
        return true;
    return header->qdcount == 1 && message_read_question(reader, &question) &&
           name_equal_any_case(question.name, apex) && question.type == RRTYPE_SOA;
}

// RFC 8945 section 5.2.1: the target says, unsigned of necessity, that it does not hold our key.
static bool
key_is_unknown(const struct notify_out *notify, const uint8_t *message, size_t length)
{
    struct tsig_rr tsig;
    return tsig_find(message, length, &tsig) && tsig.present && tsig.error == RCODE_BADKEY &&
           tsig.mac_length == 0 && name_equal_any_case(tsig.key_name, notify->key->name);
}

bool
notify_out_read(struct notify_out *notify, const uint8_t *message, size_t length, int64_t now,
                struct fault *fault)
{
    struct octets_reader reader;
    struct message_header header;
    octets_reader_init(&reader, message, length);
    if (notify->state != NOTIFY_WAITING || notify->tries == 0 ||
        !message_read_header(&reader, &header) || header.id != notify->id ||
        !(header.flags & MESSAGE_QR) || message_opcode(&header) != OPCODE_NOTIFY ||
        !question_fits(&reader, &header, notify->apex))
        return false;
    if (notify->key && !notify->plain && key_is_unknown(notify, message, length)) {
        notify->plain = true;
        return false;
    }
    if (notify->key && !notify->plain) {
        // A copy: a forged answer must not spoil the exchange for the true one.
        struct tsig_exchange exchange = notify->exchange;
        octets_buffer_init(&exchange.pending);
        bool good = tsig_check_answer(&exchange, message, length, (uint64_t)now, fault) &&
                    tsig_check_end(&exchange, fault);
        tsig_exchange_close(&exchange);
        if (!good)
            return fault_wrap(fault, "NOTIFY to %s", notify->target);
    }
    notify->rcode = message_rcode(&header);
    notify->state = notify->rcode == RCODE_NOERROR ? NOTIFY_ACKNOWLEDGED : NOTIFY_REFUSED;
    if (notify->state == NOTIFY_REFUSED)
        fault_set(fault, FAULT_REFUSED,
                  "NOTIFY to %s: it answers %s; see its rules for NOTIFY from this host",
                  notify->target, rcode_text(notify->rcode));
    return true;
}

// The SOA that may stand in the answer section as a hint. False: not readable.
static bool
read_hint(struct octets_reader *reader, struct notify_query *query)
{
    struct message_rr rr;
    if (!message_read_rr(reader, &rr))
        return false;
    if (rr.type != RRTYPE_SOA || rr.class != RRCLASS_IN ||
        !name_equal_any_case(rr.owner, query->apex))
        return true;
    uint8_t rdata[SOA_SIZE_MAX];
    struct octets_writer writer;
    struct rdata_soa soa;
    octets_writer_init(&writer, rdata, sizeof(rdata));
    octets_seek(reader, rr.rdata_position);
    if (!rdata_read(reader, RRTYPE_SOA, rr.rdlength, &writer, NULL) ||
        !rdata_soa_read(rdata, octets_written(&writer), &soa))
        return false;
    query->has_serial = true;
    query->serial = soa.serial;
    return true;
}

unsigned
notify_read(const uint8_t *message, size_t length, struct notify_query *ret_query)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    memset(ret_query, 0, sizeof(*ret_query));
    octets_reader_init(&reader, message, length);
    if (!message_read_header(&reader, &header) || header.flags & MESSAGE_QR ||
        message_opcode(&header) != OPCODE_NOTIFY || header.qdcount != 1 ||
        !message_read_question(&reader, &question))
        return RCODE_FORMERR;
    ret_query->id = header.id;
    ret_query->flags = header.flags;
    name_copy(ret_query->question, question.name);
    name_copy_lower(ret_query->apex, question.name);
    if (question.type != RRTYPE_SOA || question.class != RRCLASS_IN)
        return RCODE_NOTIMP;
    if (header.ancount && !read_hint(&reader, ret_query))
        return RCODE_FORMERR;
    return RCODE_NOERROR;
}

size_t
notify_answer(const uint8_t *query, size_t length, unsigned rcode, void *memory, size_t size)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_writer writer;
    octets_reader_init(&reader, query, length);
    if (!message_read_header(&reader, &header) || header.qdcount == 0 ||
        !message_read_question(&reader, &question) || size < MESSAGE_HEADER_SIZE)
        return 0;
    uint16_t flags = (uint16_t)(MESSAGE_QR | OPCODE_NOTIFY << OPCODE_SHIFT | MESSAGE_AA |
                                (header.flags & MESSAGE_RD) | (rcode & 15U));
    message_writer_init(&writer, memory, size, header.id, flags);
    if (!message_write_question(&writer, question.name, question.type, question.class))
        return 0;
    return message_length(&writer);
}
