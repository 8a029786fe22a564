// Who may send what to whom, as a table (messages.h tells the story). Pure.
#ifndef TANDEM_SECONDARY_ROUTE_H
#define TANDEM_SECONDARY_ROUTE_H

#include <stdbool.h>

#include "secondary/messages.h"

// True when a child of role from may send this type to role to.
bool route_allows(enum message_role from, enum message_type type, enum message_role to);

#endif
