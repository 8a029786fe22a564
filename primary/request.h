// What the verbs have in common: the zone or name that an argument says, and the usual answers.
#ifndef TANDEM_PRIMARY_REQUEST_H
#define TANDEM_PRIMARY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/daemon/control.h"
#include "primary/program.h"

// A name as operators write it, with or without the final dot; lower case.
bool request_name(const char *text, uint8_t ret_name[static NAME_SIZE_MAX], struct fault *fault);
// The zone that argument 0 names; NULL: there is none, and the request was answered so, with the
// nearest zone.
struct keeper *request_zone(const struct program *program, struct control_request **request);
// {"done", "dry_run", "text"} of a changing verb.
struct json_value *request_done(const struct control_request *request, bool done, const char *text);
// Adds which zone it was about: {"zone", "serial": {"source", "unsigned", "signed"}}.
void request_zone_put(const struct keeper *keeper, struct json_value *result);
// Too many wait for the same thing.
void request_busy(struct control_request **request);

#endif
