#include "common/transfer/transfer_message.h"

#include "common/base/fault.h"
#include "common/dns/rrtype.h"

#define RR_HEAD_SIZE   10 // type, class, TTL, RDLENGTH, between owner slot and RDATA
#define ANCOUNT_OFFSET 6
#define ARCOUNT_OFFSET 10

void
transfer_message_begin(struct transfer_message *message, void *memory, size_t size, uint16_t id,
                       uint16_t flags, const struct message_question *question)
{
    message_writer_init(&message->writer, memory, size, id, flags);
    owner_table_init(&message->owners);
    message->count = 0;
    if (!question)
        return;
    ENSURE(
        message_write_question(&message->writer, question->name, question->type, question->class));
    owner_table_note(&message->owners, question->name, MESSAGE_HEADER_SIZE);
}

void
transfer_message_resume(struct transfer_message *message, void *memory, size_t size,
                        const uint8_t *begun, size_t end, uint16_t count)
{
    message_writer_init(&message->writer, memory, size, 0, 0);
    message->writer.out.at = memory;
    octets_write(&message->writer.out, begun, end);
    ENSURE(!message->writer.out.failed);
    owner_table_init(&message->owners);
    owner_table_note(&message->owners, begun + MESSAGE_HEADER_SIZE, MESSAGE_HEADER_SIZE);
    message->count = count;
}

// After an RR; before: where it begins.
static bool
rr_end(struct transfer_message *message, uint8_t *before)
{
    struct octets_writer *out = &message->writer.out;
    if (!out->failed) {
        message->count++;
        return true;
    }
    out->at = before; // the owner table is not used any more: the message is full
    out->failed = false;
    return false;
}

bool
transfer_message_add(struct transfer_message *message, const uint8_t *owner, const struct rr *rr)
{
    struct octets_writer *out = &message->writer.out;
    uint8_t *before = out->at;
    if (message->count == UINT16_MAX)
        return false;
    owner_table_write(&message->owners, out, owner);
    octets_write(out, rr->rdata - RR_HEAD_SIZE, RR_HEAD_SIZE + (size_t)rr->rdlength);
    return rr_end(message, before);
}

bool
transfer_message_add_diff(struct transfer_message *message, const struct diff_rr *rr)
{
    struct octets_writer *out = &message->writer.out;
    uint8_t *before = out->at;
    if (message->count == UINT16_MAX)
        return false;
    owner_table_write(&message->owners, out, rr->owner);
    octets_write_u16(out, rr->type);
    octets_write_u16(out, RRCLASS_IN);
    octets_write_u32(out, rr->ttl);
    octets_write_u16(out, rr->rdlength);
    octets_write(out, rr->rdata, rr->rdlength);
    return rr_end(message, before);
}

size_t
transfer_message_end(struct transfer_message *message, const struct edns_answer *opt)
{
    struct octets_writer *out = &message->writer.out;
    octets_patch_u16(out, ANCOUNT_OFFSET, message->count);
    if (opt) {
        out->end += edns_size(opt);
        edns_write(out, opt);
        octets_patch_u16(out, ARCOUNT_OFFSET, 1);
        ENSURE(!out->failed);
    }
    return message_length(&message->writer);
}
