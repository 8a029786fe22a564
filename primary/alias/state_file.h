// A small file that is there whole or not at all: written beside, synced, renamed. Any thread.
#ifndef TANDEM_ALIAS_STATE_FILE_H
#define TANDEM_ALIAS_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

#define STATE_FILE_MAX (256U << 20) // octets; a file that is larger is not ours

// Mode 0600. FAULT_IO names the path.
bool state_file_write(const char *path, const void *octets, size_t length, struct fault *fault);
// ret_buffer: initialised here. FAULT_NOT_FOUND: there is none; FAULT_IO, FAULT_LIMIT.
bool state_file_read(const char *path, struct octets_buffer *ret_buffer, struct fault *fault);
// Renames a damaged file to path.damaged, so that somebody can look at it.
void state_file_set_aside(const char *path);

#endif
