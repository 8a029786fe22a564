// Key files: opened here and passed on unread (import), or written into the present folder
// (export).
#ifndef TANDEM_TANDEMCTL_KEY_FILES_H
#define TANDEM_TANDEMCTL_KEY_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/daemon/json_value.h"

// Opens count files; on failure none stays open. The daemon reads them with our rights.
bool key_files_open(const char *const *paths, size_t count, int *ret_descriptors,
                    struct fault *fault);
void key_files_close(const int *descriptors, size_t count);
// Writes result.files (0600, never over a file that is there) and adds a line for each.
bool key_files_write(const struct json_value *result, struct octets_buffer *ret_text,
                     struct fault *fault);

#endif
