// From an event to a mail: subject and text as interface.md shows them, filtered by alert.on,
// handed to the queue. Events with the same dedup word in a row are one mail. Pure but for
// mail_submit.
#ifndef TANDEM_DESK_ALERT_H
#define TANDEM_DESK_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/daemon/json_value.h"
#include "secondary/desk/known.h"

#define ALERT_KEPT       200 // of `alert list`
#define ALERT_DIFF_LINES 200 // of a mail; the signer cuts there, too

struct mail;
struct alerts;

// mail is borrowed.
struct alerts *alerts_new(struct mail *mail);
void alerts_free(struct alerts **alerts);
// zone: NULL for events of the daemon itself.
void alerts_take(struct alerts *alerts, const struct known *known, const struct known_zone *zone,
                 const struct message_event *event);
// The mail alone (for tests): NUL-terminated texts.
void alert_text(const struct known *known, const struct known_zone *zone,
                const struct message_event *event, struct octets_buffer *ret_subject,
                struct octets_buffer *ret_body);
bool alerts_test(struct alerts *alerts, const struct known *known, int64_t now,
                 struct fault *fault);
void alerts_heartbeat(struct alerts *alerts, const struct known *known, int64_t now);
struct json_value *alerts_list(const struct alerts *alerts); // newest first

#endif
