// What the primary shows of itself, as JSON in the shapes of common/tandemctl/README.md: for the
// control socket, /status.json and the status page. Reads only. Loop's thread.
#ifndef TANDEM_PRIMARY_STATUS_H
#define TANDEM_PRIMARY_STATUS_H

#include "common/base/octets.h"
#include "common/daemon/json_value.h"
#include "primary/program.h"

#define STATUS_RECORDS_MAX 10000 // of `zone show`; the whole zone is `zone export`
#define STATUS_ALIASES_MAX 100   // of `zone status`
#define STATUS_CHANGES_MAX 1000  // of `zone diff`

// Each gives a value that the caller owns.
struct json_value *status_daemon(const struct program *program);
struct json_value *status_zone(const struct program *program, struct keeper *keeper); // ZONE
// Puts "aliases" (at most STATUS_ALIASES_MAX) and "aliases_left_out" into an object.
void status_zone_aliases(const struct program *program, const struct keeper *keeper,
                         struct json_value *object);
struct json_value *status_zone_list(const struct program *program);
struct json_value *status_zone_history(struct keeper *keeper);
// Of one owner and type where given (owner NULL: all; type 0: all). With owner: also where it comes
// from a wildcard or does not exist, an empty list.
struct json_value *status_zone_records(struct keeper *keeper, const uint8_t *owner, uint16_t type);
struct json_value *status_zone_diff(struct keeper *keeper);    // the last step
struct json_value *status_mail(const struct program *program); // MAIL
struct json_value *status_alerts(const struct program *program);
// Nagios: gives the exit code 0 to 3.
int status_check(const struct program *program, struct json_value **ret_value);

// Sets the gauges that are read only when somebody scrapes.
void status_gauges(const struct program *program);
// False: no zone is served, or some are not (text says which, one a line).
bool status_healthy(const struct program *program, struct octets_buffer *text);

#endif
