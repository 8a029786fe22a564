// The state of the secondary as metrics; from what is known, pure.
#ifndef TANDEM_DESK_STATUS_METRICS_H
#define TANDEM_DESK_STATUS_METRICS_H

#include "common/daemon/mail.h"
#include "common/daemon/metrics.h"
#include "secondary/desk/known.h"

void status_metrics(const struct known *known, const struct mail_status *mail,
                    struct metrics *metrics);

#endif
