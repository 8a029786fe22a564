// How far a long signing is, for status.
#ifndef TANDEM_DESK_STATUS_SIGNING_H
#define TANDEM_DESK_STATUS_SIGNING_H

#include "common/daemon/json_value.h"
#include "secondary/messages.h"

#define STATUS_SIGNING_MAX 160

// "signing 41% (41,000/100,000 names, 23 k/s, about 3s left)"; of facts with a signing_total.
const char *status_signing_text(const struct message_zone_facts *facts,
                                char text[static STATUS_SIGNING_MAX]);
// The member "signing"; null where none runs or nothing is known (NULL).
void status_signing_put(struct json_value *object, const struct message_zone_facts *facts);

#endif
