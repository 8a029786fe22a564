// The state of the secondary as a Nagios check; from what is known, pure.
#ifndef TANDEM_DESK_STATUS_CHECK_H
#define TANDEM_DESK_STATUS_CHECK_H

#include <stdint.h>

#include "common/daemon/json_value.h"
#include "common/daemon/mail.h"
#include "secondary/desk/known.h"

// Worst of all zones, roles and the mail. Gives the exit code 0 to 3.
int status_check(const struct known *known, const struct mail_status *mail, int64_t now,
                 struct json_value **ret_result);

#endif
