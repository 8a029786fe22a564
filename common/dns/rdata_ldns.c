// ldns is given a whole RR, the only thing that it parses with an origin, and its wire format is
// taken out; the other way its own field printers are used, without the comments that it puts
// behind some types.
#include "common/dns/rdata_ldns.h"

#include "common/dns/name.h"
#include "common/dns/rrtype.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_OCTETS 9000 // what ldns reads of a line, with room for owner and type

#define TYPE_WKS 11

// Types whose text ldns reads and writes and rdata_parse does not, with an example for the
// operator.
static const struct {
    uint16_t type;
    const char *example;
} known[] = {
    {TYPE_WKS, "192.0.2.1 tcp smtp domain"},
    {22, "0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00"},
    {31, "00ff10"},
    {32, "32251b030067"},
    {34, "39246f000e7c9c031200010001000012345678ff"},
    {29, "42 21 54 N 71 06 18 W -24m 30m"},
    {42, "1:192.0.2.0/24 !2:2001:db8::/32"},
    {55, "2 <identity tag, hexadecimal> <key, base64> rvs.example."},
    {104, "10 0014:4fff:ff20:ee64"},
    {106, "10 2001:0db8:1140:1000"},
    {108, "00-00-5e-00-53-2a"},
    {109, "00-00-5e-ef-10-00-00-2a"},
};

static const char *
example_of(uint16_t type)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].type == type)
            return known[i].example;
    return NULL;
}

bool
rdata_ldns_knows(uint16_t type)
{
    return example_of(type) != NULL;
}

static bool
parse_fault(uint16_t type, const char *text, struct fault *fault)
{
    return fault_set(fault, FAULT_SYNTAX, "\"%.300s\": expected something like \"%s\"", text,
                     example_of(type));
}

static ldns_rr *
rr_from_text(uint16_t type, const char *text, const uint8_t *origin)
{
    char line[LINE_MAX_OCTETS + 64], type_text[RRTYPE_TEXT_MAX];
    snprintf(line, sizeof line, ". 0 IN %s %s", rrtype_text(type, type_text), text);
    ldns_rdf *origin_rdf =
        origin ? ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name_length(origin), origin) : NULL;
    ldns_rr *rr = NULL;
    ldns_status status = ldns_rr_new_frm_str(&rr, line, 0, origin_rdf, NULL);
    ldns_rdf_deep_free(origin_rdf);
    return status == LDNS_STATUS_OK ? rr : NULL;
}

bool
rdata_ldns_parse(uint16_t type, const char *text, const uint8_t *origin,
                 struct octets_writer *writer, struct fault *fault)
{
    static const char blanks[] = " \t\r\n()";
    if (!text[strspn(text, blanks)])
        return fault_set(fault, FAULT_SYNTAX, "missing text, something like \"%s\"",
                         example_of(type));
    if (strlen(text) > LINE_MAX_OCTETS)
        return parse_fault(type, text, fault);
    ldns_rr *rr = rr_from_text(type, text, origin);
    if (!rr)
        return parse_fault(type, text, fault);
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        octets_write(writer, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
    }
    ldns_rr_free(rr);
    return true;
}

// The RR with the fields of the RDATA, or NULL.
static ldns_rr *
rr_from_rdata(uint16_t type, const uint8_t *rdata, size_t length)
{
    struct octets_buffer wire;
    octets_buffer_init(&wire);
    octets_buffer_add_u16(&wire, (uint16_t)length);
    octets_buffer_add(&wire, rdata, length);
    ldns_rr *rr = ldns_rr_new();
    if (rr) {
        size_t position = 0;
        ldns_rr_set_type(rr, (ldns_rr_type)type);
        if (ldns_wire2rdf(rr, wire.data, wire.length, &position) != LDNS_STATUS_OK) {
            ldns_rr_free(rr);
            rr = NULL;
        }
    }
    octets_buffer_close(&wire);
    return rr;
}

static bool
rdf_print(const ldns_rdf *rdf, bool first, struct octets_buffer *text)
{
    char *shown = ldns_rdf2str(rdf);
    if (!shown)
        return false;
    size_t length = strlen(shown);
    while (length && shown[length - 1] == ' ')
        length--;
    octets_buffer_printf(text, "%s%.*s", first ? "" : " ", (int)length, shown);
    free(shown);
    return true;
}

bool
rdata_ldns_print(uint16_t type, const uint8_t *rdata, size_t length, struct octets_buffer *text)
{
    // ldns asks /etc/services for the name of every port of a WKS, up to 65536 times.
    if (length > UINT16_MAX || type == TYPE_WKS)
        return false;
    ldns_rr *rr = rr_from_rdata(type, rdata, length);
    if (!rr)
        return false;
    size_t before = text->length;
    bool good = true;
    for (size_t i = 0; good && i < ldns_rr_rd_count(rr); i++)
        good = rdf_print(ldns_rr_rdf(rr, i), i == 0, text);
    if (!good)
        text->length = before;
    ldns_rr_free(rr);
    return good;
}
