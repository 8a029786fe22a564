// RDATA in wire format: bounds-checked intake from messages, shape checks, canonical form and order
// (RFC 4034 section 6.2, 6.3), and the names inside that answers need. Inside the program RDATA is always
// uncompressed and canonical; unknown types are opaque (RFC 3597).
#ifndef TANDEM_DNS_RDATA_H
#define TANDEM_DNS_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

#define RDATA_SIZE_MAX 65535

// Reads rdlength octets of RDATA at the reader's place (reader->start is the message's octet 0),
// decompressing where the type allows it, checks the shape and writes the canonical form. False: the
// RDATA is not one of its type (fault may be NULL; says what was expected, "MX: missing exchange"), or the
// writer has no room (then the writer has failed); the reader has failed.
bool rdata_read(struct octets_reader *reader, uint16_t type, uint16_t rdlength,
                struct octets_writer *writer, struct fault *fault);
// Checks the shape of uncompressed RDATA and lower-cases in place where canonical form asks for it.
bool rdata_canonicalise(uint16_t type, uint8_t *rdata, size_t length, struct fault *fault);
// Canonical order of RFC 4034 section 6.3.
int rdata_compare(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length);
// The one domain name of NS, CNAME, DNAME, PTR, ALIAS, MX, SRV, SVCB/HTTPS (target): a pointer into rdata, or
// NULL where the type has none that a resolver follows. SVCB keeps its letter case: fold it before a look-up.
const uint8_t *rdata_target(uint16_t type, const uint8_t *rdata, size_t length);

// RFC 1035 section 3.3.13, behind MNAME and RNAME.
struct rdata_soa {
    const uint8_t *mname;
    const uint8_t *rname;
    uint32_t serial, refresh, retry, expire, minimum;
};
bool rdata_soa_read(const uint8_t *rdata, size_t length, struct rdata_soa *ret_soa);
// Overwrites the serial in place; rdata must have passed rdata_soa_read.
void rdata_soa_set_serial(uint8_t *rdata, size_t length, uint32_t serial);

// RFC 4034 section 3.1.
struct rdata_rrsig {
    uint16_t type_covered;
    uint8_t algorithm, labels;
    uint32_t original_ttl, expiration, inception;
    uint16_t key_tag;
    const uint8_t *signer;
    const uint8_t *signature;
    size_t signature_length;
};
bool rdata_rrsig_read(const uint8_t *rdata, size_t length, struct rdata_rrsig *ret_rrsig);
// Key tag of DNSKEY RDATA, RFC 4034 appendix B.
uint16_t rdata_dnskey_tag(const uint8_t *rdata, size_t length);

#endif
