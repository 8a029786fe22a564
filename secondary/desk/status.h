// The state of the secondary as JSON; from what is known, pure.
// Shapes: common/tandemctl/README.md.
#ifndef TANDEM_DESK_STATUS_H
#define TANDEM_DESK_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/daemon/json_value.h"
#include "common/daemon/mail.h"
#include "secondary/desk/known.h"

// Words of interface.md: "ok" "held" "stale" "expired" "loading" "waiting" "failed".
const char *status_zone_state(const struct known_zone *zone, int64_t now);
// The text behind "zone DOMAIN: ", where it begins so: for places that name the zone themselves.
const char *status_without_zone(const char *text, const char *domain);
// Why it is in that state, without the zone's name; NULL: nothing is known, or there is nothing to
// say.
const char *status_zone_reason(const struct known_zone *zone, const char *state);
#define STATUS_ROLE_WORD_MAX 32
// "signer", "server 2".
const char *status_role_word(const struct message_role_facts *facts,
                             char word[static STATUS_ROLE_WORD_MAX]);
struct json_value *status_zone(const struct known *known, const struct known_zone *zone,
                               int64_t now);
struct json_value *status_zone_keys(const struct known_zone *zone); // of `zone status`
struct json_value *status_all(const struct known *known, const struct mail_status *mail,
                              int64_t now);
struct json_value *status_mail(const struct mail_status *mail);
// "tandemctl" with -s where the socket is not at its usual place: hints are commands that work.
const char *status_tool(const struct known *known, char *text, size_t size);

#endif
