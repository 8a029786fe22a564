// The status page at /: one self-contained HTML page, without scripts, from the same JSON that
// `tandemctl --json status` gives. Pure.
#ifndef TANDEM_DAEMON_HTTP_PAGE_H
#define TANDEM_DAEMON_HTTP_PAGE_H

#include <stdint.h>

#include "common/base/octets.h"
#include "common/daemon/json_value.h"

// status as in common/tandemctl/README.md; now in Unix seconds. Everything foreign is escaped.
void http_page_render(const struct json_value *status, int64_t now, struct octets_buffer *ret_html);

#endif
