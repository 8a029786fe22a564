// needs: transfer gate
// Valid transfers, spoiled at random ten thousand times: records left out, doubled and
// moved, octets flipped, cut and copied, messages lost, doubled and exchanged. With a key the
// spoiled messages are signed, so that they get past TSIG. Each goes the whole way in: xfr_in, the
// stream, the gate. What would be published must be what another reader (ldns, and the rules of
// RFC 5936 and RFC 1995 written down once more below) takes from the same octets; or nothing is
// published. TANDEM_LONG: ten times as many.
#include "secondary/signer/intake.h"

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "common/dns/message_write.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/transfer/xfr_in.h"
#include "tests/support/store_bed.h"

#include <ldns/ldns.h>

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
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
static struct tsig_key key = {.algorithm = TSIG_HMAC_SHA256, .secret_length = 32};
static struct fault fault;
static struct random *const chance = &bed.random;

static uint32_t
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

static void
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

static void
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

static struct record
soa_with(uint32_t serial)
{
    struct record soa = zone.items[0];
    octets_put_u32(soa.rdata + soa.rdlength - 20, serial);
    return soa;
}

static void
add(struct records *records, const struct record *record)
{
    if (records->count < RECORDS)
        records->items[records->count++] = *record;
}

static void
axfr_make(struct records *ret_records)
{
    static uint32_t serial = SERIAL + 1;
    const struct record soa = soa_with(serial++);
    *ret_records = zone;
    ret_records->items[0] = soa;
    add(ret_records, &soa);
}

// Three steps: an address, a host that goes, one that comes and an MX.
static void
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

static void
move_record(struct records *records, size_t from, size_t to)
{
    struct record moved = records->items[from];
    memmove(records->items + from, records->items + from + 1,
            (records->count - from - 1) * sizeof moved);
    memmove(records->items + to + 1, records->items + to, (records->count - 1 - to) * sizeof moved);
    records->items[to] = moved;
}

static void
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

static void
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
static size_t
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

static void
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

static void
write_messages(struct sending *sending, const struct records *records, uint16_t question_type)
{
    size_t at = 0;
    sending->count = 0;
    while (at < records->count && sending->count < MESSAGES)
        write_message(sending, records, &at, 1 + below(2 * PER_MESSAGE), question_type);
}

static void
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

static void
copy_message(struct sending *sending, unsigned to, const struct sending *from, unsigned message)
{
    sending->length[to] = from->length[message];
    memcpy(sending->octets[to], from->octets[message], from->length[message]);
}

static void
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

static void
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

// --- Content as lines: owner, type, TTL, RDATA in lower case; the SOA's serial as zeros

struct line {
    uint8_t *octets;
    size_t length, head; // head: owner and type
};
struct lines {
    struct arena *arena;
    size_t count;
    struct line items[2 * RECORDS];
};

static void
lower(uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++)
        octets[i] = (uint8_t)tolower(octets[i]);
}

static bool
line_add(struct lines *lines, const uint8_t *owner, uint16_t type, uint32_t ttl,
         const uint8_t *rdata, size_t rdlength)
{
    size_t name = name_length(owner);
    if (lines->count == sizeof lines->items / sizeof *lines->items)
        return false;
    struct line *line = &lines->items[lines->count++];
    line->octets = arena_alloc(lines->arena, name + 6 + rdlength);
    line->length = name + 6 + rdlength;
    line->head = name + 2;
    memcpy(line->octets, owner, name);
    octets_put_u16(line->octets + name, type);
    octets_put_u32(line->octets + name + 2, ttl);
    if (rdlength)
        memcpy(line->octets + name + 6, rdata, rdlength);
    if (type == RRTYPE_SOA && rdlength >= 20)
        octets_put_u32(line->octets + line->length - 20, 0);
    lower(line->octets, name);
    lower(line->octets + name + 6, rdlength);
    return true;
}

static int
line_order(const void *a, const void *b)
{
    const struct line *left = a, *right = b;
    size_t shorter = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->octets, right->octets, shorter);
    return order ? order : (left->length > right->length) - (left->length < right->length);
}

static void
lines_sort(struct lines *lines)
{
    size_t kept = 0;
    if (lines->count == 0)
        return;
    qsort(lines->items, lines->count, sizeof *lines->items, line_order);
    for (size_t i = 0; i < lines->count; i++)
        if (kept == 0 || line_order(&lines->items[kept - 1], &lines->items[i]) != 0)
            lines->items[kept++] = lines->items[i];
    lines->count = kept;
}

static bool
lines_equal(const struct lines *a, const struct lines *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (line_order(&a->items[i], &b->items[i]) != 0)
            return false;
    return true;
}

static bool
lines_find(const struct lines *lines, const struct line *line, size_t *ret_at)
{
    for (*ret_at = 0; *ret_at < lines->count; ++*ret_at)
        if (line_order(&lines->items[*ret_at], line) == 0)
            return true;
    return false;
}

static void
lines_take_out(struct lines *lines, size_t at)
{
    lines->items[at] = lines->items[--lines->count];
}

static void
lines_copy(struct lines *to, const struct lines *from)
{
    to->arena = from->arena;
    to->count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        to->items[i] = from->items[i];
        to->items[i].octets = arena_copy(to->arena, from->items[i].octets, from->items[i].length);
    }
}

static uint16_t
line_type(const struct line *line)
{
    return octets_get_u16(line->octets + line->head - 2);
}

static uint32_t
line_ttl(const struct line *line)
{
    return octets_get_u32(line->octets + line->head);
}

static bool
same_head(const struct line *a, const struct line *b)
{
    return a->head == b->head && memcmp(a->octets, b->octets, a->head) == 0;
}

// --- The other reader

struct reading {
    ldns_pkt *packets[MESSAGES];
    unsigned packet_count;
    ldns_rr *rrs[MESSAGES * RECORDS];
    size_t count;
};

static bool
is_apex(const ldns_rdf *owner)
{
    char *text = ldns_rdf2str(owner);
    bool apex = strcasecmp(text, "example.gov.") == 0;
    free(text);
    return apex;
}

static bool
header_fits(const ldns_pkt *packet, unsigned number, uint16_t question_type)
{
    const ldns_rr_list *questions = ldns_pkt_question(packet);
    if (ldns_pkt_id(packet) != ID || !ldns_pkt_qr(packet) || ldns_pkt_tc(packet) ||
        ldns_pkt_get_opcode(packet) != LDNS_PACKET_QUERY ||
        ldns_pkt_get_rcode(packet) != LDNS_RCODE_NOERROR)
        return false;
    if (ldns_rr_list_rr_count(questions) == 0)
        return number > 0;
    const ldns_rr *question = ldns_rr_list_rr(questions, 0);
    return ldns_rr_list_rr_count(questions) == 1 && is_apex(ldns_rr_owner(question)) &&
           ldns_rr_get_type(question) == question_type &&
           ldns_rr_get_class(question) == LDNS_RR_CLASS_IN;
}

static bool
rr_fits(const ldns_rr *rr)
{
    char *owner = ldns_rdf2str(ldns_rr_owner(rr));
    size_t length = strlen(owner), apex = strlen(".example.gov.");
    bool inside = strcasecmp(owner, "example.gov.") == 0 ||
                  (length > apex && strcasecmp(owner + length - apex, ".example.gov.") == 0);
    uint16_t type = (uint16_t)ldns_rr_get_type(rr);
    bool meta = type == 0 || type == 41 || (type >= 128 && type <= 255);
    free(owner);
    return inside && !meta && ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN;
}

static bool
read_packet(struct reading *reading, const uint8_t *octets, size_t length, uint16_t question_type)
{
    ldns_pkt *packet;
    if (ldns_wire2pkt(&packet, octets, length) != LDNS_STATUS_OK)
        return false;
    unsigned number = reading->packet_count++;
    reading->packets[number] = packet;
    const ldns_rr_list *answer = ldns_pkt_answer(packet);
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        ldns_rr *rr = ldns_rr_list_rr(answer, i);
        bool empty_soa = ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA && ldns_rr_rd_count(rr) != 7;
        if (!rr_fits(rr) || empty_soa ||
            reading->count == sizeof reading->rrs / sizeof *reading->rrs)
            return false;
        reading->rrs[reading->count++] = rr;
    }
    return header_fits(packet, number, question_type);
}

static void
reading_close(struct reading *reading)
{
    for (unsigned i = 0; i < reading->packet_count; i++)
        ldns_pkt_free(reading->packets[i]);
}

static bool
add_rr(struct lines *lines, const ldns_rr *rr)
{
    ldns_buffer *wire = ldns_buffer_new(MESSAGE_ROOM);
    uint32_t ttl = ldns_rr_ttl(rr);
    bool good =
        ldns_rr_rdata2buffer_wire(wire, rr) == LDNS_STATUS_OK &&
        line_add(lines, ldns_rdf_data(ldns_rr_owner(rr)), (uint16_t)ldns_rr_get_type(rr),
                 ttl & 0x80000000U ? 0 : ttl, ldns_buffer_begin(wire), ldns_buffer_position(wire));
    ldns_buffer_free(wire);
    return good;
}

static bool
is_soa(const struct reading *reading, size_t at)
{
    return at < reading->count && ldns_rr_get_type(reading->rrs[at]) == LDNS_RR_TYPE_SOA;
}

static uint32_t
serial_at(const struct reading *reading, size_t at)
{
    return ldns_rdf2native_int32(ldns_rr_rdf(reading->rrs[at], 2));
}

static bool
rrs_equal(const ldns_rr *a, const ldns_rr *b)
{
    return ldns_rr_compare(a, b) == 0 && ldns_rr_ttl(a) == ldns_rr_ttl(b);
}

// First and last SOA are one, there is none between, and something is.
static bool
read_whole(const struct reading *reading, struct lines *ret_lines)
{
    size_t last = reading->count - 1;
    if (reading->count < 3 || !is_soa(reading, 0) || !is_apex(ldns_rr_owner(reading->rrs[0])) ||
        !rrs_equal(reading->rrs[0], reading->rrs[last]))
        return false;
    for (size_t i = 0; i < last; i++)
        if ((i > 0 && is_soa(reading, i)) || !add_rr(ret_lines, reading->rrs[i]))
            return false;
    return true;
}

// The serial alone of a removed SOA tells nothing here: in lines it is zero.
static bool
apply_rr(struct lines *lines, const ldns_rr *rr, bool removed)
{
    struct lines one = {.arena = lines->arena};
    size_t at;
    if (!add_rr(&one, rr))
        return false;
    bool found = lines_find(lines, &one.items[0], &at);
    if (found != removed)
        return false;
    if (removed)
        lines_take_out(lines, at);
    else
        add_rr(lines, rr);
    return true;
}

static bool
apply_part(const struct reading *reading, size_t *at, struct lines *lines, bool removed)
{
    do {
        if (!apply_rr(lines, reading->rrs[*at], removed))
            return false;
        ++*at;
    } while (*at < reading->count && !is_soa(reading, *at));
    return *at < reading->count;
}

static bool
read_delta(const struct reading *reading, const struct lines *base, struct lines *ret_lines)
{
    uint32_t serial = SERIAL, end = serial_at(reading, 0);
    size_t at = 1, last = reading->count - 1;
    lines_copy(ret_lines, base);
    if (!rrs_equal(reading->rrs[0], reading->rrs[last]))
        return false;
    while (at < last) {
        if (serial_at(reading, at) != serial || !apply_part(reading, &at, ret_lines, true) ||
            at == last)
            return false;
        serial = serial_at(reading, at);
        if (!apply_part(reading, &at, ret_lines, false))
            return false;
    }
    return at == last && serial == end;
}

static bool
has_type_at_apex(const struct lines *lines, uint16_t type)
{
    for (size_t i = 0; i < lines->count; i++)
        if (lines->items[i].head == name_length(bed.model.apex) + 2 &&
            line_type(&lines->items[i]) == type)
            return true;
    return false;
}

static bool
is_stripped(const struct line *line)
{
    static const uint16_t types[] = {46, 47, 50, 51, 48, 59, 60, 63};
    bool apex = line->head == name_length(bed.model.apex) + 2;
    for (unsigned i = 0; i < (apex ? 8 : 4); i++)
        if (line_type(line) == types[i])
            return true;
    return false;
}

// What the gate mends: DNSSEC records go, TTLs become one and none too long.
static void
mend(struct lines *lines)
{
    for (size_t i = lines->count; i-- > 0;)
        if (is_stripped(&lines->items[i]))
            lines_take_out(lines, i);
    for (size_t i = 0; i < lines->count; i++) {
        uint32_t least = TTL_MAX;
        for (size_t k = 0; k < lines->count; k++)
            if (same_head(&lines->items[i], &lines->items[k]) && line_ttl(&lines->items[k]) < least)
                least = line_ttl(&lines->items[k]);
        for (size_t k = 0; k < lines->count; k++)
            if (same_head(&lines->items[i], &lines->items[k]))
                octets_put_u32(lines->items[k].octets + lines->items[k].head, least);
    }
    lines_sort(lines);
}

// What the gate demands, as far as one content alone shows it, and the share that may go.
static bool
passes(const struct lines *lines, const struct lines *base)
{
    size_t gone = 0, pairs = 0;
    for (size_t i = 0; i < lines->count; i++) {
        const struct line *line = &lines->items[i];
        size_t owner = line->head - 2;
        if (line_type(line) == 65401)
            return false;
        for (size_t k = 0; line_type(line) == RRTYPE_CNAME && k < lines->count; k++)
            if (k != i && lines->items[k].head == line->head &&
                memcmp(lines->items[k].octets, line->octets, owner) == 0)
                return false;
    }
    for (size_t i = 0; i < base->count; i++) {
        bool stays = false;
        if (i > 0 && same_head(&base->items[i - 1], &base->items[i]))
            continue;
        for (size_t k = 0; k < lines->count && !stays; k++)
            stays = same_head(&base->items[i], &lines->items[k]);
        pairs++;
        gone += !stays;
    }
    return has_type_at_apex(lines, RRTYPE_SOA) && has_type_at_apex(lines, RRTYPE_NS) &&
           (gone < GATE_REMOVED_FROM || gone * 100 <= pairs * 30);
}

// False: no content comes of it.
static bool
other_reader(const struct sending *sending, bool ixfr, const struct lines *base,
             struct lines *ret_lines)
{
    static struct reading reading;
    bool good = sending->count > 0;
    reading.packet_count = 0;
    reading.count = 0;
    for (unsigned i = 0; i < sending->count && good; i++)
        good = read_packet(&reading, sending->octets[i], sending->length[i],
                           ixfr ? RRTYPE_IXFR : RRTYPE_AXFR);
    ret_lines->count = 0;
    good = good && reading.count > 2 && is_soa(&reading, 0);
    if (good && ixfr && is_soa(&reading, 1))
        good = read_delta(&reading, base, ret_lines);
    else if (good)
        good = read_whole(&reading, ret_lines);
    reading_close(&reading);
    return good;
}

// --- The way in

static struct {
    unsigned done, published, changed, valid;
} count;

static void
sign(struct sending *sending, const uint8_t *query, size_t length)
{
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    assert_int_equal(tsig_check_query(query, length, &key, 1, NOW, &exchange, &found), 0);
    for (unsigned i = 0; i < sending->count; i++) {
        if (sending->length[i] < MESSAGE_HEADER_SIZE)
            continue;
        if (i > 0 && i + 1 < sending->count && below(8) == 0)
            octets_buffer_add(&exchange.pending, sending->octets[i], sending->length[i]);
        else if (octets_get_u16(sending->octets[i] + 10) != UINT16_MAX)
            sending->length[i] = tsig_sign(&exchange, sending->octets[i], sending->length[i],
                                           MESSAGE_ROOM, NOW, 0, NULL);
    }
    tsig_exchange_close(&exchange);
}

// As receive.c does it: a message behind the end voids all.
static enum xfr_in_step
feed(struct xfr_in *transfer, const struct sending *sending)
{
    enum xfr_in_step step = XFR_IN_MORE;
    for (unsigned i = 0; i < sending->count; i++) {
        if (step != XFR_IN_MORE)
            return XFR_IN_FAILED;
        uint8_t *exact = memory_alloc(sending->length[i] + !sending->length[i]);
        memcpy(exact, sending->octets[i], sending->length[i]);
        step = xfr_in_feed(transfer, exact, sending->length[i], NOW, &fault);
        free(exact);
    }
    return step;
}

static enum xfr_in_step
transfer_run(const struct sending *sending, bool ixfr, bool with_key, int *ret_stream)
{
    static struct sending sent;
    struct xfr_in *transfer = memory_alloc(sizeof *transfer);
    struct rr_stream_writer writer;
    uint8_t query[XFR_IN_QUERY_MAX];
    const struct xfr_in_options options = {.apex = bed.model.apex,
                                           .primary = "p",
                                           .id = ID,
                                           .key = with_key ? &key : NULL,
                                           .ixfr = ixfr,
                                           .serial = SERIAL};
    int stream = rr_stream_memfd("test", &fault);
    assert_true(stream >= 0);
    rr_stream_writer_init(&writer, bed.model.apex, stream);
    xfr_in_init(transfer, &options, &writer, NOW);
    size_t length = xfr_in_query(transfer, query, sizeof query, NOW);
    sent = *sending;
    if (with_key)
        sign(&sent, query, length);
    enum xfr_in_step step = feed(transfer, &sent);
    if (step == XFR_IN_DONE) {
        assert_true(rr_stream_seal(stream, &fault));
        *ret_stream = stream;
    } else {
        close(stream);
    }
    xfr_in_close(transfer);
    rr_stream_writer_close(&writer);
    free(transfer);
    return step;
}

static void
intake_take(struct intake *intake, int stream, bool is_delta)
{
    uint64_t octets = 0;
    intake_init(intake);
    intake->apex = bed.model.apex;
    intake->stream = stream;
    intake->served = store_current(bed.store);
    gate_limits_default(&intake->limits);
    intake->limits.max_ttl_seconds = TTL_MAX;
    intake->is_delta = is_delta;
    for (size_t i = 0; i < zone.count; i++)
        octets += 600;
    intake->base = (struct intake_base){
        .known = true, .serial = SERIAL, .rr_count = zone.count, .octets = octets};
    intake_run(intake);
}

// The served content with the difference that would be published.
static void
publish(const struct intake *intake, const struct lines *base, struct lines *ret_lines)
{
    struct diff_walk walk;
    struct diff_rr rr;
    lines_copy(ret_lines, base);
    diff_walk_init(&walk, &intake->diff, DIFF_UNSIGNED, bed.model.apex);
    while (diff_walk_next(&walk, &rr)) {
        struct lines one = {.arena = base->arena};
        size_t at;
        assert_true(line_add(&one, rr.owner, rr.type, rr.ttl, rr.rdata, rr.rdlength));
        if (rr.added)
            assert_true(line_add(ret_lines, rr.owner, rr.type, rr.ttl, rr.rdata, rr.rdlength));
        else if (lines_find(ret_lines, &one.items[0], &at))
            lines_take_out(ret_lines, at);
    }
    lines_sort(ret_lines);
}

static void
tell(const struct sending *sending, const struct lines *ours, const struct lines *theirs, bool good)
{
    for (unsigned i = 0; i < sending->count; i++) {
        printf("message %u:", i);
        for (size_t k = 0; k < sending->length[i]; k++)
            printf("%02x", sending->octets[i][k]);
        printf("\n");
    }
    printf("the other reader: %s; %zu and %zu lines\n", good ? "good" : "no zone", ours->count,
           theirs->count);
    for (size_t i = 0, k = 0; i < ours->count || k < theirs->count;) {
        int order = i == ours->count     ? 1
                    : k == theirs->count ? -1
                                         : line_order(&ours->items[i], &theirs->items[k]);
        const struct line *line = order > 0 ? &theirs->items[k] : &ours->items[i];
        if (order != 0) {
            printf("%s ", order < 0 ? "ours" : "theirs");
            for (size_t at = 0; at < line->length; at++)
                printf("%02x", line->octets[at]);
            printf("\n");
        }
        i += order <= 0;
        k += order >= 0;
    }
}

// The law.
static void
check(const struct sending *sending, bool ixfr, bool with_key, const struct lines *base)
{
    static struct lines ours, theirs;
    struct intake intake;
    int stream = -1;
    theirs.arena = ours.arena = base->arena;
    bool good = other_reader(sending, ixfr, base, &theirs);
    count.valid += good;
    enum xfr_in_step step = transfer_run(sending, ixfr, with_key, &stream);
    if (step != XFR_IN_DONE)
        return;
    struct rr_stream_reader *reader = memory_alloc(sizeof *reader);
    assert_true(rr_stream_reader_map(reader, stream, RR_STREAM_SIZE_MAX, &fault));
    bool is_delta = reader->is_delta;
    rr_stream_reader_close(reader);
    free(reader);
    intake_take(&intake, stream, is_delta);
    count.done++;
    if (intake.readable && !intake.doubt && intake.verdict.outcome == GATE_ACCEPTED) {
        count.published++;
        publish(&intake, base, &ours);
        mend(&theirs);
        bool equal = lines_equal(&ours, &theirs);
        count.changed += !lines_equal(&ours, base);
        if (!good || !equal || !passes(&theirs, base))
            tell(sending, &ours, &theirs, good);
        assert_true(good && equal);
        assert_true(passes(&theirs, base));
    }
    intake_close(&intake);
}

static void
serve_zone(void)
{
    const struct version_facts facts = {.unsigned_serial = SERIAL, .signed_serial = SERIAL};
    struct draft *draft = draft_new(bed.model.apex);
    struct draft_findings findings;
    for (size_t i = 0; i < zone.count; i++) {
        const struct record *record = &zone.items[i];
        uint8_t rdata[sizeof record->rdata];
        memcpy(rdata, record->rdata, sizeof rdata);
        if (!rdata_canonicalise(record->type, rdata, record->rdlength, &fault))
            fail_msg("%s", fault.text);
        assert_true(draft_add(draft, record->owner, record->type, record->ttl, rdata,
                              record->rdlength, &fault));
    }
    assert_true(draft_seal(draft, &findings, &fault));
    assert_true(store_publish_draft(bed.store, draft, &facts, &fault));
    draft_free(&draft);
}

static void
base_make(struct lines *ret_base)
{
    for (size_t i = 0; i < zone.count; i++)
        assert_true(line_add(ret_base, zone.items[i].owner, zone.items[i].type, zone.items[i].ttl,
                             zone.items[i].rdata, zone.items[i].rdlength));
    lines_sort(ret_base);
}

static void
run(bool ixfr, bool with_key)
{
    static struct lines base, here, scratch;
    static struct sending sending;
    static struct records records;
    const unsigned rounds = getenv("TANDEM_LONG") ? 25000 : 2500;
    memset(&count, 0, sizeof count);
    store_bed_open(&bed, 1 + 2U * ixfr + with_key, &(struct store_options){0});
    store_io_without_sync();
    assert_true(name_from_text("xfr.", NULL, key.name, NULL));
    zone_make();
    serve_zone();
    base = (struct lines){.arena = arena_new()};
    scratch.arena = arena_new();
    base_make(&base);
    for (unsigned i = 0; i < rounds; i++) {
        here = base;
        here.arena = scratch.arena;
        arena_reset(scratch.arena);
        (ixfr ? ixfr_make : axfr_make)(&records);
        if (i % 50 == 0) { // as it should be: then it must be published
            write_messages(&sending, &records, ixfr ? RRTYPE_IXFR : RRTYPE_AXFR);
            unsigned published = count.published;
            check(&sending, ixfr, with_key, &here);
            assert_int_equal(count.published, published + 1);
        } else {
            if (below(3))
                spoil_records(&records);
            write_messages(&sending, &records, ixfr ? RRTYPE_IXFR : RRTYPE_AXFR);
            spoil_sending(&sending);
            check(&sending, ixfr, with_key, &here);
        }
    }
    print_message("%u transfers: %u valid to the other reader, %u whole to ours, %u pass the gate, "
                  "%u of them with a change\n",
                  rounds, count.valid, count.done, count.published, count.changed);
    assert_true(count.published > rounds / 20 && count.changed > rounds / 100);
    arena_free(&base.arena);
    arena_free(&scratch.arena);
    store_bed_close(&bed);
}

static void
spoiled_axfrs_publish_nothing_but_what_stands_in_them(void **state)
{
    (void)state;
    run(false, false);
}

static void
spoiled_axfrs_with_good_signatures_do_not_either(void **state)
{
    (void)state;
    run(false, true);
}

static void
spoiled_ixfrs_publish_nothing_but_what_stands_in_them(void **state)
{
    (void)state;
    run(true, false);
}

static void
spoiled_ixfrs_with_good_signatures_do_not_either(void **state)
{
    (void)state;
    run(true, true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spoiled_axfrs_publish_nothing_but_what_stands_in_them),
        cmocka_unit_test(spoiled_axfrs_with_good_signatures_do_not_either),
        cmocka_unit_test(spoiled_ixfrs_publish_nothing_but_what_stands_in_them),
        cmocka_unit_test(spoiled_ixfrs_with_good_signatures_do_not_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
