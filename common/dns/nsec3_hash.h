// Hashed owner names (RFC 5155 section 5): parameters, the hash, and the name under which an NSEC3
// stands. Base32 with the extended hex alphabet keeps order, so the canonical order of these names
// is the order of the hashes. Pure; the hash allocates nothing and makes no system call: servers
// compute it for each denial.
#ifndef TANDEM_DNS_NSEC3_HASH_H
#define TANDEM_DNS_NSEC3_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/name.h"

#define NSEC3_SHA1         1    // the only hash algorithm there is
#define NSEC3_HASH_SIZE    20   // octets of a hash
#define NSEC3_LABEL_SIZE   32   // of it in base32hex
#define NSEC3_FLAG_OPT_OUT 0x01 // RFC 5155 section 3.1.2.1
#define NSEC3_SALT_MAX     255
// What today's validators still check (BIND 9.20 and Knot Resolver go no further than 50); RFC 9276
// section 3.1 wants 0.
#define NSEC3_ITERATIONS_MAX 50
// A longer apex leaves no room for the hash's label: such a zone cannot have NSEC3.
#define NSEC3_APEX_MAX (NAME_SIZE_MAX - 1 - NSEC3_LABEL_SIZE)

struct nsec3_parameters {
    uint8_t algorithm;   // NSEC3_SHA1
    uint8_t flags;       // of the NSEC3 records: NSEC3_FLAG_OPT_OUT or 0
    uint16_t iterations; // 0 in a good zone
    uint8_t salt_length;
    uint8_t salt[NSEC3_SALT_MAX];
};

// From the beginning of an NSEC3's or the whole of an NSEC3PARAM's RDATA (their first fields are
// the same). False: too short.
bool nsec3_parameters_read(const uint8_t *rdata, size_t rdlength,
                           struct nsec3_parameters *ret_parameters);
// NSEC3PARAM RDATA (flags 0, RFC 5155 section 4.1.2); gives its length, at most 5 + NSEC3_SALT_MAX.
size_t nsec3_parameters_write(const struct nsec3_parameters *parameters, uint8_t *ret_rdata);
// Same algorithm, iterations and salt: hashes of one chain. Flags are not compared.
bool nsec3_parameters_equal(const struct nsec3_parameters *a, const struct nsec3_parameters *b);

// name: lower case.
void nsec3_hash(const struct nsec3_parameters *parameters, const uint8_t *name,
                uint8_t ret_hash[static NSEC3_HASH_SIZE]);
// The owner of the NSEC3 for a hash: base32hex, lower case, below the apex. False: apex longer than
// NSEC3_APEX_MAX.
bool nsec3_owner(const uint8_t hash[static NSEC3_HASH_SIZE], const uint8_t *apex,
                 uint8_t ret_name[static NAME_SIZE_MAX]);
// The hash that an owner stands for. False: it is no child of the apex whose label is 32 base32hex
// characters.
bool nsec3_owner_hash(const uint8_t *owner, const uint8_t *apex,
                      uint8_t ret_hash[static NSEC3_HASH_SIZE]);
// The order of the hash that such an owner holds (nsec3_owner_hash was true of it) and another: <0,
// 0, >0. Five octets nearly always tell.
int nsec3_owner_compare(const uint8_t *owner, const uint8_t hash[static NSEC3_HASH_SIZE]);

// RDATA of an NSEC3 by fields (RFC 5155 section 3.2). False: malformed, or a next hash that is not
// 20 octets.
struct nsec3_rdata {
    struct nsec3_parameters parameters;
    const uint8_t *next;   // NSEC3_HASH_SIZE octets in rdata
    const uint8_t *bitmap; // in rdata
    size_t bitmap_length;
};
bool nsec3_rdata_read(const uint8_t *rdata, size_t rdlength, struct nsec3_rdata *ret_nsec3);

#endif
