#include "common/dns/message_read.h"

#define TTL_TOP_BIT 0x80000000U

bool
message_read_header(struct octets_reader *reader, struct message_header *ret_header)
{
    const uint8_t *header = octets_read_view(reader, MESSAGE_HEADER_SIZE);
    if (!header)
        return false;
    *ret_header = (struct message_header){
        .id = octets_get_u16(header),
        .flags = octets_get_u16(header + 2),
        .qdcount = octets_get_u16(header + 4),
        .ancount = octets_get_u16(header + 6),
        .nscount = octets_get_u16(header + 8),
        .arcount = octets_get_u16(header + 10),
    };
    return true;
}

bool
message_read_question(struct octets_reader *reader, struct message_question *ret_question)
{
    if (!name_read(reader, ret_question->name))
        return false;
    ret_question->type = octets_read_u16(reader);
    ret_question->class = octets_read_u16(reader);
    return !reader->failed;
}

bool
message_read_rr(struct octets_reader *reader, struct message_rr *ret_rr)
{
    ret_rr->position = octets_position(reader);
    if (!name_read(reader, ret_rr->owner))
        return false;
    const uint8_t *fixed = octets_read_view(reader, 10);
    if (!fixed)
        return false;
    ret_rr->type = octets_get_u16(fixed);
    ret_rr->class = octets_get_u16(fixed + 2);
    uint32_t ttl = octets_get_u32(fixed + 4);
    ret_rr->ttl = ttl & TTL_TOP_BIT ? 0 : ttl;
    ret_rr->rdlength = octets_get_u16(fixed + 8);
    ret_rr->rdata_position = octets_position(reader);
    return octets_read_view(reader, ret_rr->rdlength) != NULL;
}
