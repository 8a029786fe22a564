// Access rules: who may transfer, query, notify. Built once from the settings, then only read (by
// any thread). An acl owns its rules. No rule matches = refused; there are no negative rules, so
// order plays no part.
#ifndef TANDEM_NET_ACL_H
#define TANDEM_NET_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/base/vector.h"
#include "common/net/address.h"

enum acl_action {
    ACL_TRANSFER = 1,
    ACL_QUERY = 2,
    ACL_NOTIFY = 4,
};

// More than any fleet needs; keeps a broken message between roles from taking all memory.
#define ACL_RULES_MAX    4096
#define ACL_PREFIXES_MAX 65536 // in one rule
#define ACL_KEYS_MAX     4096  // in one rule

struct acl_rule {
    char *id;               // from the settings, for logs; may be NULL
    unsigned actions;       // enum acl_action, or-ed
    struct vector prefixes; // of struct address_prefix; empty = every address
    struct vector keys;     // of uint8_t * (wire names, lower case, owned); empty = any key or none
};

struct acl {
    struct vector rules; // of struct acl_rule
};

void acl_init(struct acl *acl);
void acl_close(struct acl *acl);
// A new rule for actions; the place is good until the next acl_add. id is copied, may be NULL.
struct acl_rule *acl_add(struct acl *acl, const char *id, unsigned actions);
void acl_rule_add_prefix(struct acl_rule *rule, const struct address_prefix *prefix);
// key_name: the TSIG key's name, a wire name in lower case; copied.
void acl_rule_add_key(struct acl_rule *rule, const uint8_t *key_name);
// Copies every rule of from to the end of acl (a zone names several acls).
void acl_add_all(struct acl *acl, const struct acl *from);

// The first rule that lets address do action, or NULL: refused. key_name is the name of the TSIG
// key that the request was *verified* with (lower case), NULL when it had none. Address and key
// must both match; an absent one in the rule matches all.
const struct acl_rule *acl_match(const struct acl *acl, const struct address *address,
                                 const uint8_t *key_name, enum acl_action action);
// Why acl_match gave NULL, for the log: a sentence with the cure, one of a fixed set. It says what
// the rules want, so it is not for the one who was refused.
const char *acl_refusal(const struct acl *acl, const struct address *address,
                        const uint8_t *key_name, enum acl_action action);
// True when some rule that names no key lets address do action: an unsigned request may be asked
// for its address before anything else is looked at.
bool acl_match_unsigned(const struct acl *acl, const struct address *address,
                        enum acl_action action);

// "transfer" "query" "notify" -> the action; 0 for any other word.
unsigned acl_action_from_word(const char *word);
const char *acl_action_word(enum acl_action action);

// For the messages between roles. acl_read adds to an initialised acl; false (and reader->failed)
// when the octets are not what acl_write made.
void acl_write(const struct acl *acl, struct octets_buffer *buffer);
bool acl_read(struct acl *acl, struct octets_reader *reader);

#endif
