// Domain names in uncompressed wire format (RFC 1035 section 3.1): borrowed octets that end with the
// root label, at most 255, so a `const uint8_t *` carries its own length. Names inside the program are
// lower case (RFC 4034 section 6.2) unless a function says otherwise.
#ifndef TANDEM_DNS_NAME_H
#define TANDEM_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

#define NAME_SIZE_MAX   255 // RFC 1035 section 2.3.4
#define NAME_LABEL_MAX  63
#define NAME_LABELS_MAX 127 // labels without the root label
#define NAME_TEXT_MAX   1025 // every octet as \DDD, dots, NUL
#define NAME_KEY_MAX    512 // see name_key

// Octets with the root label, 1 to 255.
size_t name_length(const uint8_t *name);
// Labels without the root label.
unsigned name_labels(const uint8_t *name);
bool name_equal(const uint8_t *a, const uint8_t *b); // both lower case
bool name_equal_any_case(const uint8_t *a, const uint8_t *b);
// Canonical order of RFC 4034 section 6.1, on lower-case names: <0, 0, >0.
int name_compare(const uint8_t *a, const uint8_t *b);
// True when name is ancestor or below it.
bool name_is_at_or_below(const uint8_t *name, const uint8_t *ancestor);
// The name without its first count labels (a pointer into name).
const uint8_t *name_skip(const uint8_t *name, unsigned count);
bool name_is_wildcard(const uint8_t *name); // first label is "*" (RFC 4592 section 2.1.1)
// Copies; gives the length.
size_t name_copy(uint8_t *to, const uint8_t *name);
size_t name_copy_lower(uint8_t *to, const uint8_t *name);
// "*." + name; false when it would be longer than 255.
bool name_wildcard_of(const uint8_t *name, uint8_t ret_name[static NAME_SIZE_MAX]);
// Replaces the suffix old_suffix of name by new_suffix (DNAME, RFC 6672 section 2.2); false = YXDOMAIN.
bool name_replace_suffix(const uint8_t *name, const uint8_t *old_suffix, const uint8_t *new_suffix,
                         uint8_t ret_name[static NAME_SIZE_MAX]);
// Labels that a and b have in common counted from the root, without the root.
unsigned name_common_labels(const uint8_t *a, const uint8_t *b);
// The same where it is known how many each has.
unsigned name_common_labels_counted(const uint8_t *a, unsigned a_labels, const uint8_t *b, unsigned b_labels);

// Octets whose memcmp order is the canonical order (labels from the right, each closed by 0). Gives the
// length; shorter sorts first among equals.
size_t name_key(const uint8_t *name, uint8_t ret_key[static NAME_KEY_MAX]);
// Of the key what stands behind the part of the last skipped labels, at most size octets; gives how many.
size_t name_key_part(const uint8_t *name, unsigned skipped, uint8_t *ret_key, size_t size);

// Presentation format. Relative text is completed by origin (NULL: refused). Lower-cases.
bool name_from_text(const char *text, const uint8_t *origin, uint8_t ret_name[static NAME_SIZE_MAX],
                    struct fault *fault);
// As an operator writes a name of a zone: whole, with or without the final dot, or relative to its apex; "@" is
// the apex. What can be read as whole is. FAULT_NOT_FOUND: it ends with a dot and is not of the zone.
bool name_from_text_of_zone(const char *text, const uint8_t *apex,
                            uint8_t ret_name[static NAME_SIZE_MAX], struct fault *fault);
// As name_from_text with letter case kept, for names in RDATA that canonical form leaves as they are.
bool name_from_text_kept(const char *text, const uint8_t *origin,
                         uint8_t ret_name[static NAME_SIZE_MAX], struct fault *fault);
// Always absolute, with the final dot; root is ".". Gives text. RFC 1035 section 5.1 escapes.
const char *name_to_text(const uint8_t *name, char text[static NAME_TEXT_MAX]);
// As name_to_text without the final dot (root stays "."): for status, logs and mails.
const char *name_to_text_short(const uint8_t *name, char text[static NAME_TEXT_MAX]);

// Reads a name at the reader's place, following compression pointers backwards inside the message
// (reader->start is octet 0), at most 127 of them; keeps case. False and reader->failed on bad input.
bool name_read(struct octets_reader *reader, uint8_t ret_name[static NAME_SIZE_MAX]);
// As name_read but a compression pointer is a failure; for stored RDATA.
bool name_read_plain(struct octets_reader *reader, uint8_t ret_name[static NAME_SIZE_MAX]);

// As name_read_plain in one pass with what a question's name is wanted for: in lower case, its labels counted.
bool name_read_lower(struct octets_reader *reader, uint8_t ret_name[static NAME_SIZE_MAX],
                     unsigned *ret_labels);

// Hashes of every suffix in one pass from the right: hash[d] is that of the suffix with d labels
// (hash[0] the root), offset[d] where it begins in the name. hash[labels] is the whole name. Any case
// of letters gives the same hashes.
struct name_suffixes {
    unsigned labels;
    uint8_t offset[NAME_LABELS_MAX + 1];
    uint64_t hash[NAME_LABELS_MAX + 1];
};
void name_suffixes_init(struct name_suffixes *ret_suffixes, const uint8_t *name, uint64_t key);
// The hash of one name, the same as hash[labels] above.
uint64_t name_hash(const uint8_t *name, uint64_t key);
// The same values for a name in lower case, a quarter sooner: what the path of a packet uses.
void name_suffixes_init_lower(struct name_suffixes *ret_suffixes, const uint8_t *name, uint64_t key);
uint64_t name_hash_lower(const uint8_t *name, uint64_t key);
// name_hash_lower of a name that is not the root, and *ret_above, from which those of its parent and of the wildcard
// below that (its sister) come at little cost.
uint64_t name_hash_split(const uint8_t *name, uint64_t key, uint64_t *ret_above);
uint64_t name_hash_parent(uint64_t above);
uint64_t name_hash_wildcard(uint64_t above);

#endif
