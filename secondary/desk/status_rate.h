// The rate limit as an operator sees it: who is limited, from the table that the servers share
// (secondary/rate_table.h); from what is known, pure.
#ifndef TANDEM_DESK_STATUS_RATE_H
#define TANDEM_DESK_STATUS_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/daemon/json_value.h"
#include "secondary/desk/known.h"

#define STATUS_RATE_PREFIXES 20 // in the list, unless all are asked for

// `rate-limit list`. all: as many as the table has.
struct json_value *status_rate_list(const struct known *known, bool all, int64_t now);
// A hint of `status` while somebody is limited; tool: the words of a command that reaches us.
void status_rate_hint(const struct known *known, const char *tool, int64_t now,
                      struct json_value *hints);

#endif
