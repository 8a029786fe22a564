// The key files of one zone in state-directory/keys/ZONE/ (0700): one file for each key where
// sealed, BIND's .key, .private and .state (0600) where plain. A key is written under a temporary
// name, synced, renamed and the directory synced before it is used; what a crash leaves is either
// the whole key or none.
#ifndef TANDEM_KEYS_KEY_STORE_H
#define TANDEM_KEYS_KEY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "secondary/signer/keys/key_policy.h"
#include "secondary/signer/keys/key_seal.h"
#include "secondary/signer/keys/keyset.h"

struct key_store;

struct key_store_options {
    enum key_storage storage; // how keys are written; both kinds are read
    const struct key_seal
        *seal;           // borrowed; may be NULL with plain storage (then a sealed file is a fault)
    uint32_t dnskey_ttl; // written into .key files
};
// directory: of this zone, borrowed; made when missing, its parent exists. Faults: rights that let
// others read it.
bool key_store_open(const char *directory, const uint8_t *apex,
                    const struct key_store_options *options, struct key_store **ret_store,
                    struct fault *fault);
void key_store_close(struct key_store **store);
// True when a directory holds a key file of either kind (then key_seal_open's may_make is false).
bool key_store_has_keys(const char *directory);
// True when one of them is sealed: then a seal is needed whatever the storage is.
bool key_store_has_sealed(const char *directory);
// Reads every key file into the keyset. All or nothing: an unreadable, corrupt or contradicting
// file is a fault that names it, and the keyset stays as it was (the zone keeps what it serves;
// never a part-signed zone). Files of the other storage kind are read too.
bool key_store_load(struct key_store *store, struct keyset *keyset, int64_t now,
                    struct fault *fault);
// Writes or replaces one key (also after a state change).
bool key_store_save(struct key_store *store, struct key_memory *memory, const struct key_pair *key,
                    struct fault *fault);
// Overwriting would promise too much on today's disks; the file is unlinked and the directory
// synced.
bool key_store_remove(struct key_store *store, const struct key_pair *key, struct fault *fault);

#endif
