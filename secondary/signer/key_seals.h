// The secrets that open sealed keys: one for each key-secret-file, opened at first need and kept,
// for many zones have the same. Belongs to the signer; loop's thread.
#ifndef TANDEM_SIGNER_KEY_SEALS_H
#define TANDEM_SIGNER_KEY_SEALS_H

#include "common/base/fault.h"
#include "common/base/vector.h"
#include "secondary/signer/keys/key_seal.h"

#define KEY_SEALS_MAX 64 // different key-secret-files

struct key_seals {
    struct vector all;           // of struct seal_entry
    const char *state_directory; // borrowed; set before the first is opened
};

void key_seals_init(struct key_seals *seals);
void key_seals_close(struct key_seals *seals); // wipes them
// Borrowed until key_seals_close; NULL with a fault (key_seal.h, or one file too many). secret_file
// "": the default one, which is made where no zone has a key yet, and the log says so.
const struct key_seal *key_seals_open(struct key_seals *seals, const char *secret_file,
                                      struct fault *fault);

#endif
