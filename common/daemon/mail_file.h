// The files of the mail queue: one JSON document each, named by a number that only grows. Written
// aside and renamed, so that a file is whole or not there; flushed to the disk by mail_files_sync,
// which a worker thread calls, so that no loop waits for a disk.
#ifndef TANDEM_DAEMON_MAIL_FILE_H
#define TANDEM_DAEMON_MAIL_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/vector.h"
#include "common/daemon/json_value.h"

// Makes the folder (0700) and its parents where they are missing.
bool mail_files_prepare(const char *folder, struct fault *fault);
// Numbers of the files there, ascending, to a vector of uint64_t. Leftovers of interrupted writes
// are removed.
bool mail_files_list(const char *folder, struct vector *ret_numbers, struct fault *fault);
bool mail_file_write(const char *folder, uint64_t number, const struct json_value *content,
                     struct fault *fault);
bool mail_file_read(const char *folder, uint64_t number, struct json_value **ret_content,
                    struct fault *fault);
void mail_file_remove(const char *folder, uint64_t number);
void mail_file_set_aside(const char *folder, uint64_t number); // damaged: renamed to X.bad
// Any thread; waits for the disk.
void mail_files_sync(const char *folder);

#endif
