// What the primary mails about, and the newest of it for `alert list`. Loop's thread.
#ifndef TANDEM_PRIMARY_ALERTS_H
#define TANDEM_PRIMARY_ALERTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/daemon/mail.h"
#include "common/daemon/metrics.h"
#include "common/net/loop.h"

#define ALERTS_KEPT        200 // of `alert list`
#define ALERTS_SUBJECT_MAX 300

struct alert {
    int64_t at_seconds;
    enum alert_kind kind;
    bool test;
    char zone[NAME_TEXT_MAX];
    char subject[ALERTS_SUBJECT_MAX];
};

struct alerts;

struct alerts_options {
    struct loop *loop;
    const struct alert_settings *settings; // copied
    const char *state_directory, *host;
    const char *socket;      // for the commands in mails; copied, may be NULL
    struct metrics *metrics; // borrowed
};
bool alerts_open(const struct alerts_options *options, struct alerts **ret_alerts,
                 struct fault *fault);
void alerts_change(struct alerts *alerts, const struct alert_settings *settings);
void alerts_close(struct alerts **alerts);

// Mails where alert.on has the kind. zone without the final dot, "" for the daemon itself; once as
// in mail.h.
void alerts_tell(struct alerts *alerts, enum alert_kind kind, const char *zone, const char *once,
                 const char *subject, const char *body);
bool alerts_test(struct alerts *alerts, const char *host, struct fault *fault);
size_t alerts_count(const struct alerts *alerts);
const struct alert *alerts_at(const struct alerts *alerts, size_t index); // 0 is the newest
const struct mail *alerts_mail(const struct alerts *alerts);

#endif
