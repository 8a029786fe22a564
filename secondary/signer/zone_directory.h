// Where a zone's state stands on disk: state-directory/zones/NAME/ and state-directory/keys/NAME/.
// NAME is the zone's presentation form without the final dot, with every octet that a file name
// should not hold as %XX; the root zone is "%2E".
#ifndef TANDEM_SIGNER_ZONE_DIRECTORY_H
#define TANDEM_SIGNER_ZONE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/dns/name.h"

#define ZONE_DIRECTORY_NAME_MAX (3 * NAME_TEXT_MAX)

void zone_directory_name(const uint8_t *apex, char ret_name[static ZONE_DIRECTORY_NAME_MAX]);
// Makes directory (0700) when it is missing; its parent exists.
bool zone_directory_make(const char *path, struct fault *fault);
// Writes a small file whole: temporary name, sync, rename, directory sync.
bool zone_directory_write(const char *directory, const char *name, const void *data, size_t length,
                          struct fault *fault);

#endif
