#include "common/transfer/transfer_message.h"

#include "common/base/fault.h"
#include "common/dns/rrtype.h"

#include <string.h>

#define RR_SLOT_SIZE   2  // of a stored RR, for its owner
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
    message->run_owner = NULL;
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
    message->run_owner = NULL;
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

// Behind ENOUGH no owner can be pointed at.
static bool
has_enough(const struct transfer_message *message)
{
    return message->count >= TRANSFER_MESSAGE_RRS_MIN &&
           octets_written(&message->writer.out) >= TRANSFER_MESSAGE_ENOUGH;
}

// type to RDATA, as they go out, behind the owner.
static bool
rr_add(struct transfer_message *message, const uint8_t *owner, const uint8_t *octets, size_t length)
{
    struct octets_writer *out = &message->writer.out;
    uint8_t *before = out->at;
    if (has_enough(message))
        return false;
    owner_table_write(&message->owners, out, owner);
    octets_write(out, octets, length);
    return rr_end(message, before);
}

bool
transfer_message_add(struct transfer_message *message, const uint8_t *owner, const struct rr *rr)
{
    message->run_owner = NULL;
    return rr_add(message, owner, rr->rdata - RR_HEAD_SIZE, RR_HEAD_SIZE + (size_t)rr->rdlength);
}

// Where the RR at the position ends; 0 at the run's end.
static uint32_t
rr_end_in(struct octets run, uint32_t position)
{
    if (run.length - position < RR_SLOT_SIZE + RR_HEAD_SIZE)
        return 0;
    const uint8_t *rdlength = run.data + position + RR_SLOT_SIZE + RR_HEAD_SIZE - 2;
    size_t end = position + (size_t)RR_SLOT_SIZE + RR_HEAD_SIZE + octets_get_u16(rdlength);
    return end <= run.length ? (uint32_t)end : 0;
}

// RRs of an owner that can be pointed at: each is copied as it stands, and its slot set.
static unsigned
run_copy(struct transfer_message *message, uint16_t pointer, struct octets run, uint32_t *position)
{
    struct octets_writer *out = &message->writer.out;
    unsigned added = 0;
    for (uint32_t end; (end = rr_end_in(run, *position)); *position = end, added++) {
        size_t size = end - *position;
        if ((size_t)(out->end - out->at) < size || has_enough(message))
            break;
        memcpy(out->at, run.data + *position, size);
        octets_put_u16(out->at, pointer);
        out->at += size;
        message->count++;
    }
    return added;
}

unsigned
transfer_message_add_run(struct transfer_message *message, const uint8_t *owner, struct octets run,
                         uint32_t *position)
{
    unsigned added = 0;
    ENSURE(*position <= run.length);
    for (uint32_t end; (end = rr_end_in(run, *position)); *position = end, added++) {
        uint16_t pointer = message->run_owner == owner ? owner_table_pointer(&message->owners) : 0;
        if (pointer)
            return added + run_copy(message, pointer, run, position);
        if (!rr_add(message, owner, run.data + *position + RR_SLOT_SIZE,
                    end - *position - RR_SLOT_SIZE))
            break;
        message->run_owner = owner;
    }
    return added;
}

bool
transfer_message_add_diff(struct transfer_message *message, const struct diff_rr *rr)
{
    struct octets_writer *out = &message->writer.out;
    uint8_t *before = out->at;
    if (has_enough(message))
        return false;
    message->run_owner = NULL;
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
