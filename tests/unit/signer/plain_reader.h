// Another reader of transfers: ldns, and the rules of RFC 5936 and RFC 1995 written down once more,
// over contents as sorted lines; and what the gate makes of a content.
#ifndef TANDEM_TESTS_PLAIN_READER_H
#define TANDEM_TESTS_PLAIN_READER_H

#include "common/base/arena.h"
#include "secondary/signer/intake.h"
#include "spoiled_sending.h"

#include <ctype.h>
#include <stdlib.h>

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

static inline void
lower(uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++)
        octets[i] = (uint8_t)tolower(octets[i]);
}

static inline bool
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

static inline int
line_order(const void *a, const void *b)
{
    const struct line *left = a, *right = b;
    size_t shorter = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->octets, right->octets, shorter);
    return order ? order : (left->length > right->length) - (left->length < right->length);
}

static inline void
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

static inline bool
lines_equal(const struct lines *a, const struct lines *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (line_order(&a->items[i], &b->items[i]) != 0)
            return false;
    return true;
}

static inline bool
lines_find(const struct lines *lines, const struct line *line, size_t *ret_at)
{
    for (*ret_at = 0; *ret_at < lines->count; ++*ret_at)
        if (line_order(&lines->items[*ret_at], line) == 0)
            return true;
    return false;
}

static inline void
lines_take_out(struct lines *lines, size_t at)
{
    lines->items[at] = lines->items[--lines->count];
}

static inline void
lines_copy(struct lines *to, const struct lines *from)
{
    to->arena = from->arena;
    to->count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        to->items[i] = from->items[i];
        to->items[i].octets = arena_copy(to->arena, from->items[i].octets, from->items[i].length);
    }
}

static inline uint16_t
line_type(const struct line *line)
{
    return octets_get_u16(line->octets + line->head - 2);
}

static inline uint32_t
line_ttl(const struct line *line)
{
    return octets_get_u32(line->octets + line->head);
}

static inline bool
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

static inline bool
is_apex(const ldns_rdf *owner)
{
    char *text = ldns_rdf2str(owner);
    bool apex = strcasecmp(text, "example.gov.") == 0;
    free(text);
    return apex;
}

static inline bool
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

static inline bool
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

static inline bool
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

static inline void
reading_close(struct reading *reading)
{
    for (unsigned i = 0; i < reading->packet_count; i++)
        ldns_pkt_free(reading->packets[i]);
}

static inline bool
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

static inline bool
is_soa(const struct reading *reading, size_t at)
{
    return at < reading->count && ldns_rr_get_type(reading->rrs[at]) == LDNS_RR_TYPE_SOA;
}

static inline uint32_t
serial_at(const struct reading *reading, size_t at)
{
    return ldns_rdf2native_int32(ldns_rr_rdf(reading->rrs[at], 2));
}

static inline bool
rrs_equal(const ldns_rr *a, const ldns_rr *b)
{
    return ldns_rr_compare(a, b) == 0 && ldns_rr_ttl(a) == ldns_rr_ttl(b);
}

// First and last SOA are one, there is none between, and something is.
static inline bool
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
static inline bool
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

static inline bool
apply_part(const struct reading *reading, size_t *at, struct lines *lines, bool removed)
{
    do {
        if (!apply_rr(lines, reading->rrs[*at], removed))
            return false;
        ++*at;
    } while (*at < reading->count && !is_soa(reading, *at));
    return *at < reading->count;
}

static inline bool
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

static inline bool
has_type_at_apex(const struct lines *lines, uint16_t type)
{
    for (size_t i = 0; i < lines->count; i++)
        if (lines->items[i].head == name_length(bed.model.apex) + 2 &&
            line_type(&lines->items[i]) == type)
            return true;
    return false;
}

static inline bool
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
static inline void
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
static inline bool
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
static inline bool
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

#endif
