// What tandemctl can ask of the primary: the verb table for common/daemon/control.h. The context of
// every verb is struct program.
#ifndef TANDEM_PRIMARY_VERBS_H
#define TANDEM_PRIMARY_VERBS_H

#include <stddef.h>

#include "common/daemon/control.h"

const struct control_verb *verbs_table(size_t *ret_count);

#endif
