// The verbs that move a key through its life (RFC 7583) by command: key activate and key retire.
// Both refuse what a resolver's cache could not follow, and say from when on it can.
#ifndef TANDEM_SIGNER_KEY_LIFE_H
#define TANDEM_SIGNER_KEY_LIFE_H

#include <stdint.h>

#include "secondary/messages.h"
#include "secondary/signer/keeper.h"

// Each answers the request; the keeper has a keyset.
void key_activate(struct keeper *keeper, const struct message_control *control, uint64_t request);
void key_retire(struct keeper *keeper, const struct message_control *control, uint64_t request);

#endif
