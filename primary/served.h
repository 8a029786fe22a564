// What the listeners need to know of a zone. The keeper of the zone owns and changes it; the
// listeners only read it. Loop's thread.
#ifndef TANDEM_PRIMARY_SERVED_H
#define TANDEM_PRIMARY_SERVED_H

#include <stdbool.h>

#include "common/answer/answer.h"
#include "common/net/acl.h"

struct served_zone {
    struct answer_zone answer; // first: what a zone_set of an answering process holds
    const uint8_t *apex;
    const char *domain;      // for logs and metrics
    const struct acl *acl;   // of the settings in force
    const char *held_reason; // not NULL: transfers are refused (alias.after-hold: refuse)
};

#endif
