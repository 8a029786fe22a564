// RR types: their mnemonics, what a zone may hold, who makes them, and the type bitmap. What their RDATA consists
// of is the table of rdata_shape.
#ifndef TANDEM_DNS_RRTYPE_H
#define TANDEM_DNS_RRTYPE_H

#include <stdbool.h>
#include <stdint.h>

enum rrtype {
    RRTYPE_A = 1, RRTYPE_NS = 2, RRTYPE_CNAME = 5, RRTYPE_SOA = 6, RRTYPE_PTR = 12, RRTYPE_HINFO = 13,
    RRTYPE_MX = 15, RRTYPE_TXT = 16, RRTYPE_SIG = 24, RRTYPE_KEY = 25, RRTYPE_AAAA = 28, RRTYPE_NXT = 30,
    RRTYPE_SRV = 33, RRTYPE_NAPTR = 35, RRTYPE_DNAME = 39, RRTYPE_OPT = 41, RRTYPE_DS = 43,
    RRTYPE_RRSIG = 46, RRTYPE_NSEC = 47, RRTYPE_DNSKEY = 48, RRTYPE_NSEC3 = 50, RRTYPE_NSEC3PARAM = 51,
    RRTYPE_TLSA = 52, RRTYPE_CDS = 59, RRTYPE_CDNSKEY = 60, RRTYPE_ZONEMD = 63, RRTYPE_SVCB = 64,
    RRTYPE_HTTPS = 65, RRTYPE_TKEY = 249, RRTYPE_TSIG = 250, RRTYPE_IXFR = 251, RRTYPE_AXFR = 252,
    RRTYPE_MAILB = 253, RRTYPE_MAILA = 254, RRTYPE_ANY = 255, RRTYPE_CAA = 257,
    RRTYPE_ALIAS = 65401, // private use; RDATA is one uncompressed name; never leaves the primary
};

#define RRCLASS_IN   1
#define RRCLASS_CH   3
#define RRCLASS_NONE 254
#define RRCLASS_ANY  255

#define RRTYPE_TEXT_MAX 16

// "A", "TYPE65401", ...; ALIAS is written "ALIAS".
const char *rrtype_text(uint16_t type, char text[static RRTYPE_TEXT_MAX]);
// Accepts mnemonics in any case, "TYPE123" (RFC 3597 section 5), ALIAS and ANAME. False: unknown.
bool rrtype_from_text(const char *text, uint16_t *ret_type);
// A QTYPE or meta type that no zone holds: OPT, TSIG, TKEY, 128-255 (RFC 6895 section 3.1), 0.
bool rrtype_is_meta(uint16_t type);
// Made by a signer, not by the owner of the unsigned zone: RRSIG, NSEC, NSEC3, NSEC3PARAM; and DNSKEY,
// CDS, CDNSKEY, ZONEMD where `apex` (the intake strips them, signing.md).
bool rrtype_is_dnssec(uint16_t type);
// May stand beside a CNAME at one owner: RRSIG, NSEC, KEY, NXT and CNAME itself (RFC 2181, 4034).
bool rrtype_beside_cname(uint16_t type);

// RFC 4034 section 4.1.2 type bitmap. Gives the octets written; types sorted ascending, no duplicates.
// room: 32 windows of 34 octets at most for the types given.
unsigned rrtype_bitmap_write(const uint16_t *types, unsigned count, uint8_t *ret_bitmap, unsigned room);
bool rrtype_bitmap_has(const uint8_t *bitmap, unsigned length, uint16_t type);

#endif
