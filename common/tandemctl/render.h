// What a person reads: each function turns the result of one verb (README.md beside this file) into
// text. Pure; whatever a result lacks is shown as "-" or left out, so that an older or newer daemon
// is readable too.
#ifndef TANDEM_TANDEMCTL_RENDER_H
#define TANDEM_TANDEMCTL_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/daemon/json_value.h"

struct render {
    struct octets_buffer *text;
    int64_t now; // Unix seconds
    bool coloured;
    const char *socket; // as given by -s, repeated in hints; NULL: not given
};
typedef void render_result(const struct render *render, const struct json_value *result);

render_result render_status, render_version, render_reload, render_done, render_check;
render_result render_zone_list, render_zone_status, render_zone_history, render_zone_show,
    render_zone_diff, render_zone_verify, render_zone_export;
render_result render_alias_list, render_alias_show, render_alias_history;
render_result render_key_list, render_key_ds, render_key_dnskey, render_key_timeline,
    render_key_export;
render_result render_alert_list;
render_result render_rate_limit_list;

#endif
