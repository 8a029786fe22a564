// The secrets of DNS cookies (RFC 9018): from a file that a fleet shares (one or two lines of 32
// hexadecimal digits; the first makes new cookies, both are accepted), or drawn at the start.
#ifndef TANDEM_SECONDARY_COOKIE_FILE_H
#define TANDEM_SECONDARY_COOKIE_FILE_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/dns/cookie.h"

// path "": drawn from the system's random source.
bool cookie_file_secrets(const char *path, struct cookie_secrets *ret_secrets, struct fault *fault);
// The same at a reload: what stands in the file then is in force, so that a fleet changes its
// secrets without a restart (RFC 9018 section 5). Secrets that were drawn stay while there is no
// file. Unchanged on a fault.
bool cookie_file_again(const char *former_path, const char *path, struct cookie_secrets *secrets,
                       struct fault *fault);

#endif
