// What the primary shows by HTTP: /metrics /healthz /status.json and the status page at /. The
// context of every route is struct program.
#ifndef TANDEM_PRIMARY_PAGES_H
#define TANDEM_PRIMARY_PAGES_H

#include <stddef.h>

#include "common/daemon/http.h"

const struct http_route *pages_table(size_t *ret_count);

#endif
