// What tandemctl can ask of the secondary: the verb table for common/daemon/control.h. The desk
// answers some from what it knows; the others are errands of other roles. The context of every verb
// is struct desk.
#ifndef TANDEM_DESK_VERBS_H
#define TANDEM_DESK_VERBS_H

#include <stddef.h>
#include <stdint.h>

#include "common/daemon/control.h"

struct desk;

const struct control_verb *verbs_table(size_t *ret_count);
// Each second: answers `alert test -b` when its mail was accepted or not. now: unix seconds.
void verbs_look_after_test(struct desk *desk, int64_t now);

#endif
