// needs: dns
// Any octets as a message: every section is read as far as it goes; what is read stays inside the
// message, and an RR that was read is written and read again the same.
#include "common/base/fault.h"
#include "common/dns/message_read.h"
#include "common/dns/message_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
rr_again(const uint8_t *data, const struct message_rr *rr)
{
    static uint8_t memory[MESSAGE_SIZE_MAX + 1024];
    struct message_writer writer;
    struct octets_reader reader;
    struct message_header header;
    struct message_rr again;
    message_writer_init(&writer, memory, sizeof memory, 1, 0);
    ENSURE(message_write_rr(&writer, MESSAGE_ANSWER, rr->owner, rr->type, rr->class, rr->ttl,
                            data + rr->rdata_position, rr->rdlength));
    octets_reader_init(&reader, memory, message_length(&writer));
    ENSURE(message_read_header(&reader, &header) && header.ancount == 1);
    ENSURE(message_read_rr(&reader, &again) && octets_left(&reader) == 0);
    ENSURE(name_equal(again.owner, rr->owner) && again.ttl == rr->ttl && again.type == rr->type);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_rr rr;
    if (size > MESSAGE_SIZE_MAX)
        return 0;
    octets_reader_init(&reader, data, size);
    if (!message_read_header(&reader, &header))
        return 0;
    for (unsigned i = 0; i < header.qdcount && message_read_question(&reader, &question); i++)
        ENSURE(name_length(question.name) <= NAME_SIZE_MAX);
    unsigned rrs = (unsigned)header.ancount + header.nscount + header.arcount;
    for (unsigned i = 0; i < rrs && message_read_rr(&reader, &rr); i++) {
        ENSURE(rr.rdata_position + rr.rdlength <= size && rr.position < rr.rdata_position);
        if (i < 16)
            rr_again(data, &rr);
    }
    return 0;
}
