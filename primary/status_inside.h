// What the views of status.h share. Inner to status, status_records and status_check; the last two
// call the first.
#ifndef TANDEM_PRIMARY_STATUS_INSIDE_H
#define TANDEM_PRIMARY_STATUS_INSIDE_H

#include "primary/alias_status.h"
#include "primary/status.h"

#define STATUS_STATES 5 // of enum keeper_state

// How many zones are in each state.
void status_states_count(const struct program *program, size_t counts[static STATUS_STATES]);
// What alias_status.h asks with: the engine, now.
struct alias_status status_alias(const struct program *program);
void status_serial_put(struct json_value *object, const char *key, bool has, uint32_t serial);
// "serial": source, unsigned, signed.
void status_serials_put(struct json_value *zone, const struct keeper_status *status);

#endif
