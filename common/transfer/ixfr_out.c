#include "common/transfer/ixfr_out.h"

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/serial.h"

bool
ixfr_out_read_query(const uint8_t *message, size_t length, uint32_t *ret_serial)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_rr rr;
    octets_reader_init(&reader, message, length);
    if (!message_read_header(&reader, &header) || header.qdcount != 1 || header.ancount != 0 ||
        header.nscount != 1 || !message_read_question(&reader, &question) ||
        question.type != RRTYPE_IXFR || !message_read_rr(&reader, &rr) || rr.type != RRTYPE_SOA ||
        rr.class != RRCLASS_IN || !name_equal_any_case(rr.owner, question.name))
        return false;
    uint8_t rdata[NAME_SIZE_MAX * 2 + 20];
    struct octets_writer writer;
    struct rdata_soa soa;
    octets_writer_init(&writer, rdata, sizeof(rdata));
    octets_seek(&reader, rr.rdata_position);
    if (!rdata_read(&reader, RRTYPE_SOA, rr.rdlength, &writer, NULL) ||
        !rdata_soa_read(rdata, octets_written(&writer), &soa))
        return false;
    *ret_serial = soa.serial;
    return true;
}

bool
ixfr_out_soa_suffices(const struct version *version, uint32_t client_serial, bool udp)
{
    uint32_t serial = version_facts(version)->signed_serial;
    return udp || client_serial == serial || serial_is_after(client_serial, serial);
}
