// Keys from elsewhere: BIND (.key and .private, .state beside), PowerDNS (export-zone-key), PEM
// PKCS#8 (Knot; openssl). tandemctl opens the files and passes descriptors through unread; here
// they are octets in any order.
#ifndef TANDEM_KEYS_KEY_IMPORT_H
#define TANDEM_KEYS_KEY_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/base/vector.h"
#include "secondary/signer/keys/keyset.h"

#define KEY_IMPORT_FILES_MAX 64 // of one command

struct key_import_file {
    char name[256]; // as the operator wrote it, for faults and for pairing (same name without its
                    // ending)
    struct octets text; // scratch or mapped by the caller
};
struct key_import_options {
    bool has_role; // --role; needed for PEM, whose files say nothing about it
    enum key_role role;
    bool standby;          // published, not active
    uint8_t rsa_algorithm; // 8 or 10: of RSA keys in PEM, which do not say; 0: not known
    int64_t now;
};
// Reads a descriptor (at most KEY_BIND_TEXT_MAX octets) into scratch pages; free file->text.data by
// key_scratch_free.
bool key_import_read(int descriptor, const char *name, struct key_import_file *ret_file,
                     struct fault *fault);
// Reads all keys of the files, checks them (private and public part belong together; right zone;
// algorithm; tag as the file's name says it, not taken in the keyset nor twice among the files;
// what PEM leaves open is said) and gives them (vector of struct key_pair, by the caller's
// key_memory), or none at all. State: what the timing lines mean at now; without such lines active.
bool key_import(struct keyset *keyset, const struct key_import_file *files, size_t count,
                const struct key_import_options *options, struct vector *ret_keys,
                struct fault *fault);
// Knot's PEM and openssl's: PKCS#8. Fills a key_parts' secret and algorithm; secret: KEY_SECRET_MAX
// octets of scratch. *ret_algorithm is 0 for RSA.
bool key_pem_read(const char *name, struct octets text, uint8_t *ret_algorithm, uint8_t *ret_secret,
                  size_t *ret_length, struct fault *fault);

#endif
