// Reads master files (RFC 1035 section 5, RFC 2308 section 4 $TTL, RFC 3597; $ORIGIN $TTL $INCLUDE
// $GENERATE) into a draft. Every error of the file is reported with file:line:column, not just the
// first.
#ifndef TANDEM_ZONE_ZONEFILE_READ_H
#define TANDEM_ZONE_ZONEFILE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/base/hash.h"
#include "common/base/vector.h"
#include "common/zone/draft.h"
#include "common/zone/zonefile_errors.h" // struct zonefile_error, its text, freeing them

#define ZONEFILE_INCLUDE_DEPTH_MAX 16
#define ZONEFILE_ERRORS_MAX        100     // then reading stops: "too many errors"
#define ZONEFILE_GENERATE_MAX      1000000 // records of one $GENERATE
#define ZONEFILE_SIZE_MAX          (4ULL << 30)
#define ZONEFILE_RECORD_TEXT_MAX   (256U << 10) // octets of one record's text (with its parentheses)

// Where each ALIAS and each owner's records came from is kept by the caller through this call-back
// (NULL: not wanted); file is valid during the call.
typedef void zonefile_record_seen(void *context, const char *file, unsigned line,
                                  const uint8_t *owner, uint16_t type, uint32_t ttl);
// Told at the end of each file that was read whole, the main one and $INCLUDEs, in the order in which they were opened:
// under which path, its status from before the first octet was read, the digest of its octets. For who wants to know
// later whether the files are still the same (NULL: not wanted). All of it is borrowed.
typedef void zonefile_file_read(void *context, const char *path, const struct stat *status,
                                const struct hash_digest *digest);
#define ZONEFILE_FILES_TOLD_MAX 2000 // of further ones nothing is told: whoever compares so many files should not

struct zonefile_options {
    uint32_t default_ttl; // used where neither RR nor $TTL nor a former RR says one; 0: 3600
    zonefile_record_seen *record_seen;
    zonefile_file_read *file_read;
    void *context;
    uint32_t generate_max; // records of one $GENERATE; 0: ZONEFILE_GENERATE_MAX
    bool thorough;         // no line goes the quick way: it must make no difference, tests see to it
};
// ret_errors: vector of struct zonefile_error, freed by zonefile_errors_close; it is initialised
// here. True when there is no error in it: warnings (is_warning; a probably missing final dot) may
// stand there all the same. The draft is filled, not sealed.
bool zonefile_read(const char *path, struct draft *draft, const struct zonefile_options *options,
                   struct vector *ret_errors);
// The same from memory; $INCLUDE is refused unless directory is given.
bool zonefile_read_memory(const char *name, const char *text, size_t length, const char *directory,
                          struct draft *draft, const struct zonefile_options *options,
                          struct vector *ret_errors);
#endif
