// Sealing of key files: XChaCha20-Poly1305 (libsodium) under a 256-bit secret that a file or a
// systemd credential holds. What a sealed file is for (zone, tag, algorithm) is authenticated with
// it, so files cannot be swapped.
#ifndef TANDEM_KEYS_KEY_SEAL_H
#define TANDEM_KEYS_KEY_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

#define KEY_SEAL_CREDENTIAL "tandem-key-secret" // name under $CREDENTIALS_DIRECTORY
#define KEY_SEAL_OVERHEAD   64 // octets that a sealed file is longer than its content, at most

struct key_seal; // the secret, in guarded memory

struct key_seal_options {
    const char *secret_file;           // key-secret-file; NULL or "": not set
    const char *credentials_directory; // $CREDENTIALS_DIRECTORY; NULL: none. Used when secret_file
                                       // is not set
    const char
        *default_file; // state-directory/key-secret: made (0600, synced) when nothing else is set
    bool may_make;     // false: the default file must exist (there are sealed keys already)
};
// Faults: a file that others can read, a wrong length, a missing file that may not be made.
bool key_seal_open(const struct key_seal_options *options, struct key_seal **ret_seal,
                   bool *ret_made, struct fault *fault);
void key_seal_free(struct key_seal **seal);
// sealed: length + KEY_SEAL_OVERHEAD octets; gives how many were written.
size_t key_seal_close_over(const struct key_seal *seal, const char *label, struct octets content,
                           uint8_t *ret_sealed);
// content: sealed.length octets of scratch. Faults: FAULT_CORRUPT (changed, or another secret).
bool key_seal_break(const struct key_seal *seal, const char *label, struct octets sealed,
                    uint8_t *ret_content, size_t *ret_length, struct fault *fault);

#endif
