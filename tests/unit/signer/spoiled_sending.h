// A valid zone and its change, sent as a transfer, and spoiled at random: records left out, doubled
// and moved, octets flipped, cut and copied, messages lost, doubled and exchanged.
#ifndef TANDEM_TESTS_SPOILED_SENDING_H
#define TANDEM_TESTS_SPOILED_SENDING_H

#include "common/base/octets.h"
#include "common/dns/message_write.h"
#include "common/dns/rrtype.h"
#include "tests/support/store_bed.h"

#include <ldns/ldns.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define NOW          1795263187
#define ID           0x4242
#define SERIAL       7
#define TTL_MAX      432000 // gate max-ttl: 5 d
#define MESSAGE_ROOM 4096
#define MESSAGES     40
#define RECORDS      160
#define PER_MESSAGE  6

static struct store_bed bed;

static struct random *const chance = &bed.random;

static inline uint32_t
below(uint32_t limit)
{
    return random_below(chance, limit);
}

// --- The valid zone and its change

static const char *const zone_lines[] = {
    "example.gov. 3600 IN SOA ns.example.gov. Host.Example.GOV. 7 3600 600 604800 60",
    "example.gov. 3600 IN NS ns.example.gov.",
    "example.gov. 3600 IN NS NS2.example.gov.",
    "example.gov. 60 IN A 192.0.2.9",
    "example.gov. 60 IN AAAA 2001:db8::9",
    "example.gov. 600 IN MX 10 mail.example.gov.",
    "example.gov. 600 IN TXT \"v=spf1 mx -all\" \"second string\"",
    "example.gov. 600 IN CAA 0 issue \"ca.example.net\"",
    "ns.example.gov. 3600 IN A 192.0.2.1",
    "ns2.example.gov. 3600 IN A 192.0.2.2",
    "mail.example.gov. 300 IN A 192.0.2.3",
    "mail.example.gov. 300 IN AAAA 2001:db8::3",
    "www.example.gov. 300 IN CNAME web.example.gov.",
    "web.example.gov. 300 IN A 192.0.2.4",
    "web.example.gov. 300 IN A 192.0.2.5",
    "*.apps.example.gov. 300 IN CNAME web.example.gov.",
    "_sip._tcp.example.gov. 300 IN SRV 1 2 5060 sip.example.gov.",
    "sip.example.gov. 300 IN NAPTR 100 10 \"u\" \"sip+E2U\" \"!^.*$!sip:x@example.gov!\" .",
    "sub.example.gov. 300 IN NS ns.sub.example.gov.",
    "sub.example.gov. 300 IN DS 4711 13 2 "
    "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
    "ns.sub.example.gov. 300 IN A 192.0.2.6",
    "old.example.gov. 300 IN DNAME new.example.gov.",
    "_443._tcp.web.example.gov. 300 IN TLSA 3 1 1 "
    "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
    "host.example.gov. 300 IN SSHFP 4 2 "
    "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
    "4.2.0.192.rev.example.gov. 300 IN PTR web.example.gov.",
    "place.example.gov. 300 IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m",
    "odd.example.gov. 300 IN TYPE65300 \\# 4 01020304",
    "a.b.c.deep.example.gov. 300 IN TXT \"deep\"",
};

#define HOSTS 32 // h0 to h31, an A each

// One record: owner, and RDATA not compressed.
struct record {
    uint8_t owner[NAME_SIZE_MAX];
    uint16_t type, class, rdlength;
    uint32_t ttl;
    uint8_t rdata[300];
};

struct records {
    size_t count;
    struct record items[RECORDS];
};

static struct records zone; // the closing SOA is not among them

static inline void
record_parse(const char *text, struct record *ret_record)
{
    ldns_rr *rr;
    assert_int_equal(ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL), LDNS_STATUS_OK);
    ldns_buffer *wire = ldns_buffer_new(512);
    assert_int_equal(ldns_rr_rdata2buffer_wire(wire, rr), LDNS_STATUS_OK);
    memset(ret_record, 0, sizeof *ret_record);
    memcpy(ret_record->owner, ldns_rdf_data(ldns_rr_owner(rr)), ldns_rdf_size(ldns_rr_owner(rr)));
    ret_record->type = (uint16_t)ldns_rr_get_type(rr);
    ret_record->class = RRCLASS_IN;
    ret_record->ttl = ldns_rr_ttl(rr);
    ret_record->rdlength = (uint16_t)ldns_buffer_position(wire);
    memcpy(ret_record->rdata, ldns_buffer_begin(wire), ret_record->rdlength);
    ldns_buffer_free(wire);
    ldns_rr_free(rr);
}

static inline void
zone_make(void)
{
    zone.count = 0;
    for (size_t i = 0; i < sizeof zone_lines / sizeof *zone_lines; i++)
        record_parse(zone_lines[i], &zone.items[zone.count++]);
    for (unsigned i = 0; i < HOSTS; i++) {
        char text[80];
        snprintf(text, sizeof text, "h%u.example.gov. 300 IN A 198.51.100.%u", i, i);
        record_parse(text, &zone.items[zone.count++]);
    }
}

static inline struct record
soa_with(uint32_t serial)
{
    struct record soa = zone.items[0];
    octets_put_u32(soa.rdata + soa.rdlength - 20, serial);
    return soa;
}

static inline void
add(struct records *records, const struct record *record)
{
    if (records->count < RECORDS)
        records->items[records->count++] = *record;
}

static inline void
axfr_make(struct records *ret_records)
{
    static uint32_t serial = SERIAL + 1;
    const struct record soa = soa_with(serial++);
    *ret_records = zone;
    ret_records->items[0] = soa;
    add(ret_records, &soa);
}

// Three steps: an address, a host that goes, one that comes and an MX.
static inline void
ixfr_make(struct records *ret_records)
{
    struct record soas[4], new;
    for (uint32_t i = 0; i < 4; i++)
        soas[i] = soa_with(SERIAL + i);
    ret_records->count = 0;
    add(ret_records, &soas[3]);
    add(ret_records, &soas[0]);
    add(ret_records, &zone.items[3]);
    add(ret_records, &soas[1]);
    record_parse("example.gov. 60 IN A 203.0.113.9", &new);
    add(ret_records, &new);
    add(ret_records, &soas[1]);
    add(ret_records, &zone.items[zone.count - 1]);
    add(ret_records, &soas[2]);
    add(ret_records, &soas[2]);
    add(ret_records, &zone.items[5]);
    add(ret_records, &soas[3]);
    record_parse("example.gov. 600 IN MX 20 fresh.example.gov.", &new);
    add(ret_records, &new);
    record_parse("fresh.example.gov. 60 IN A 203.0.113.10", &new);
    add(ret_records, &new);
    add(ret_records, &soas[3]);
}

// --- Spoiled as records

static inline void
move_record(struct records *records, size_t from, size_t to)
{
    struct record moved = records->items[from];
    memmove(records->items + from, records->items + from + 1,
            (records->count - from - 1) * sizeof moved);
    memmove(records->items + to + 1, records->items + to, (records->count - 1 - to) * sizeof moved);
    records->items[to] = moved;
}

static inline void
spoil_record(struct record *record)
{
    static const uint16_t types[] = {
        RRTYPE_A, RRTYPE_CNAME, RRTYPE_SOA, RRTYPE_NS, RRTYPE_RRSIG, RRTYPE_NSEC, RRTYPE_DNSKEY,
        65401,    250,          255,        16};
    switch (below(6)) {
    case 0:
        record->type = types[below(sizeof types / sizeof *types)];
        break;
    case 1:
        record->class = (uint16_t)below(5);
        break;
    case 2:
        record->ttl = below(2) ? below(1000000) : UINT32_MAX - below(5);
        break;
    case 3:
        record->rdlength = (uint16_t)below(record->rdlength + 2U);
        break;
    case 4:
        name_copy(record->owner, zone.items[below((uint32_t)zone.count)].owner);
        break;
    default:
        memcpy(record->owner, "\7another\3gov", 13);
        break;
    }
}

static inline void
spoil_records(struct records *records)
{
    size_t at = below((uint32_t)records->count), to = below((uint32_t)records->count);
    struct record copy = records->items[at];
    switch (below(5)) {
    case 0:
        move_record(records, at, records->count - 1);
        records->count--;
        break;
    case 1:
        add(records, &copy);
        move_record(records, records->count - 1, to);
        break;
    case 2:
        move_record(records, at, to);
        break;
    case 3:
        records->count -= below((uint32_t)records->count) * below(2);
        break;
    default:
        spoil_record(&records->items[at]);
        break;
    }
}

// --- As messages, and spoiled as octets

struct sending {
    unsigned count;
    size_t length[MESSAGES];
    uint8_t octets[MESSAGES][MESSAGE_ROOM];
};

// In reach of a pointer RDATA names of NS and MX are compressed, as servers do it.
static inline size_t
rdata_compress(const struct record *record, uint8_t *ret_rdata)
{
    static const uint8_t tail[] = "\7example\3gov";
    size_t length = record->rdlength, names = sizeof tail;
    memcpy(ret_rdata, record->rdata, length);
    if ((record->type != RRTYPE_NS && record->type != RRTYPE_MX && record->type != RRTYPE_CNAME) ||
        length <= names || memcmp(ret_rdata + length - names, tail, names) != 0)
        return length;
    octets_put_u16(ret_rdata + length - names, 0xc00c); // the question's name
    return length - names + 2;
}

static inline void
write_message(struct sending *sending, const struct records *records, size_t *at, unsigned most,
              uint16_t question_type)
{
    struct message_writer writer;
    unsigned number = sending->count++;
    message_writer_init(&writer, sending->octets[number], MESSAGE_ROOM / 2, ID,
                        MESSAGE_QR | MESSAGE_AA);
    bool question = number == 0 || below(2);
    if (question)
        message_write_question(&writer, bed.model.apex, question_type, RRCLASS_IN);
    for (unsigned i = 0; i < most && *at < records->count; i++, ++*at) {
        const struct record *record = &records->items[*at];
        uint8_t rdata[sizeof record->rdata];
        size_t length = record->rdlength;
        memcpy(rdata, record->rdata, sizeof rdata);
        if (question)
            length = rdata_compress(record, rdata);
        message_write_rr(&writer, MESSAGE_ANSWER, record->owner, record->type, record->class,
                         record->ttl, rdata, (uint16_t)length);
    }
    sending->length[number] = message_length(&writer);
}

static inline void
write_messages(struct sending *sending, const struct records *records, uint16_t question_type)
{
    size_t at = 0;
    sending->count = 0;
    while (at < records->count && sending->count < MESSAGES)
        write_message(sending, records, &at, 1 + below(2 * PER_MESSAGE), question_type);
}

static inline void
spoil_octets(uint8_t *octets, size_t *length, const struct sending *sending)
{
    static const uint8_t special[] = {0, 1, 6, 12, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff};
    size_t at = below((uint32_t)*length), some = 1 + below(8);
    const unsigned other = below(sending->count);
    if (at + some > *length)
        some = *length - at;
    switch (below(8)) {
    case 0:
    case 1:
        octets[at] ^= (uint8_t)(1U << below(8));
        break;
    case 2:
        octets[at] = special[below(sizeof special)];
        break;
    case 3:
        *length = at;
        break;
    case 4:
        memmove(octets + at, octets + at + some, *length - at - some);
        *length -= some;
        break;
    case 5:
        memmove(octets + at + some, octets + at, *length - at);
        *length += some;
        for (size_t i = 0; i < some; i++)
            octets[at + i] = (uint8_t)below(256);
        break;
    case 6: // a piece of another message over this one
        for (size_t i = 0; i < 4 * some && at + i < *length && at + i < sending->length[other]; i++)
            octets[at + i] = sending->octets[other][at + i];
        break;
    default: // the header
        octets[below(MESSAGE_HEADER_SIZE) % *length] ^= (uint8_t)(1U << below(8));
        break;
    }
}

static inline void
copy_message(struct sending *sending, unsigned to, const struct sending *from, unsigned message)
{
    sending->length[to] = from->length[message];
    memcpy(sending->octets[to], from->octets[message], from->length[message]);
}

static inline void
spoil_messages(struct sending *sending)
{
    static struct sending before;
    unsigned at = below(sending->count), to = below(sending->count);
    before = *sending;
    switch (below(4)) {
    case 0: // missing
        for (unsigned i = at + 1; i < before.count; i++)
            copy_message(sending, i - 1, &before, i);
        sending->count--;
        break;
    case 1: // twice
        if (sending->count == MESSAGES)
            break;
        for (unsigned i = at; i < before.count; i++)
            copy_message(sending, i + 1, &before, i);
        sending->count++;
        break;
    case 2: // exchanged
        copy_message(sending, at, &before, to);
        copy_message(sending, to, &before, at);
        break;
    default: // cut
        sending->count = at;
        break;
    }
}

static inline void
spoil_sending(struct sending *sending)
{
    if (sending->count && below(4) == 0)
        spoil_messages(sending);
    for (unsigned i = below(3); i > 0 && sending->count; i--) {
        unsigned at = below(sending->count);
        if (sending->length[at])
            spoil_octets(sending->octets[at], &sending->length[at], sending);
    }
}

#endif
