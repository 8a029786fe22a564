// Orders of the operator that wait for a key which a thread makes: `key generate` where that takes
// long (RSA), and whatever is asked of the keys of a zone whose first ones are still being made.
// They are carried out in the loop when the key is there, each as if it came then; meanwhile the
// loop goes on. Main thread.
#ifndef TANDEM_SIGNER_KEY_ERRANDS_H
#define TANDEM_SIGNER_KEY_ERRANDS_H

#include "secondary/messages.h"
#include "secondary/signer/keeper.h"

#define KEY_ERRANDS_MAX 16 // of a zone; who comes then is refused

struct key_made;
// Carries an order out, now that the key is there: made (of its own order), or NULL. It takes what
// descriptors it keeps and sets them to -1.
typedef void key_errand_call(struct keeper *keeper, const struct message_control *control,
                             struct message *message, const struct key_made *made);

// Until the zone's first keys are there or have failed; they are made before those of other zones.
// Takes over the message's descriptors. False with FAULT_BUSY: KEY_ERRANDS_MAX wait.
bool key_errand_wait(struct keeper *keeper, struct message *message, key_errand_call *call,
                     struct fault *fault);
// Until a key of its own is there. The order comes before those for the first keys of other zones.
bool key_errand_order(struct keeper *keeper, uint8_t algorithm, struct message *message,
                      key_errand_call *call, struct fault *fault);
// The zone's first keys are there, or there will be none: what waited for them is carried out.
void key_errands_go_on(struct keeper *keeper);
// Nothing more is made for this zone: who waits is told.
void key_errands_close(struct keeper *keeper);

#endif
