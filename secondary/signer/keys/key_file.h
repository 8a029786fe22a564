// Whole small files in one directory, replaced so that a crash leaves the former or the new one:
// write beside, sync, rename, sync the directory.
#ifndef TANDEM_KEYS_KEY_FILE_H
#define TANDEM_KEYS_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

// directory is a descriptor, path (for faults) its name. Mode 0600.
bool key_file_replace(int directory, const char *path, const char *name, struct octets content,
                      struct fault *fault);
// Reads at most maximum octets into scratch pages (key_scratch_free).
bool key_file_read(int directory, const char *path, const char *name, size_t maximum,
                   struct octets *ret_content, struct fault *fault);
// Unlinks (no such file is no fault); *ret_gone says whether there was one. The caller syncs.
bool key_file_unlink(int directory, const char *path, const char *name, bool *ret_gone,
                     struct fault *fault);
bool key_file_sync(int directory, const char *path, struct fault *fault);

#endif
