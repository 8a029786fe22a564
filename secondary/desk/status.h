// The state of the secondary as JSON, as Nagios check and as metrics; from what is known, pure.
// Shapes: common/tandemctl/README.md.
#ifndef TANDEM_DESK_STATUS_H
#define TANDEM_DESK_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/daemon/json_value.h"
#include "common/daemon/mail.h"
#include "common/daemon/metrics.h"
#include "secondary/desk/known.h"

// Words of interface.md: "ok" "held" "stale" "expired" "loading" "waiting" "failed".
const char *status_zone_state(const struct known_zone *zone, int64_t now);
struct json_value *status_zone(const struct known *known, const struct known_zone *zone,
                               int64_t now);
struct json_value *status_zone_keys(const struct known_zone *zone); // of `zone status`
struct json_value *status_all(const struct known *known, const struct mail_status *mail,
                              int64_t now);
struct json_value *status_mail(const struct mail_status *mail);
// Gives the exit code 0 to 3.
int status_check(const struct known *known, const struct mail_status *mail, int64_t now,
                 struct json_value **ret_result);
// "tandemctl" with -s where the socket is not at its usual place: hints are commands that work.
const char *status_tool(const struct known *known, char *text, size_t size);
void status_metrics(const struct known *known, const struct mail_status *mail,
                    struct metrics *metrics);

#endif
