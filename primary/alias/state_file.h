// A small file that is there whole or not at all: written beside, synced, renamed. And the frame
// that such a file may have: a magic, the number of its format, its content, a digest of all before
// it. Numbers are in network order. Any thread.
#ifndef TANDEM_ALIAS_STATE_FILE_H
#define TANDEM_ALIAS_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

#define STATE_FILE_MAX        (256U << 20) // octets; a file that is larger is not ours
#define STATE_FILE_MAGIC_SIZE 12

// Mode 0600. FAULT_IO names the path.
bool state_file_write(const char *path, const void *octets, size_t length, struct fault *fault);
// The same without a sync: after a power cut the file may be the old one, or of the old length with
// other octets. For what has a frame and may be missing.
bool state_file_write_unsynced(const char *path, const void *octets, size_t length,
                               struct fault *fault);
// ret_buffer: initialised here. FAULT_NOT_FOUND: there is none; FAULT_IO, FAULT_LIMIT.
bool state_file_read(const char *path, struct octets_buffer *ret_buffer, struct fault *fault);
// Renames a damaged file to path.damaged, so that somebody can look at it.
void state_file_set_aside(const char *path);

// The frame: begin in an empty buffer, then the content is added, then end. magic:
// STATE_FILE_MAGIC_SIZE octets.
void state_file_begin(struct octets_buffer *buffer, const char *magic, uint16_t format);
void state_file_end(struct octets_buffer *buffer);
// False: damaged, or another file. ret_reader is at the content and ends with it.
bool state_file_open(const void *octets, size_t length, const char *magic, uint16_t format,
                     struct octets_reader *ret_reader);

#endif
