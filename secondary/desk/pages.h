// What the secondary shows by HTTP: /metrics /healthz /status.json and the status page at /. The
// context of every route is struct desk.
#ifndef TANDEM_DESK_PAGES_H
#define TANDEM_DESK_PAGES_H

#include <stddef.h>

#include "common/daemon/http.h"

const struct http_route *pages_table(size_t *ret_count);

#endif
