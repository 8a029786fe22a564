// `zone verify`: the whole served zone by the second path, as an operator asks for it. A thread of
// its own looks at a version that is held until the end, so polls, refreshes and changes go on
// meanwhile. One verification of a zone at a time: who asks while one runs gets its result. Belongs
// to the loop's thread.
#ifndef TANDEM_SIGNER_ZONE_VERIFY_H
#define TANDEM_SIGNER_ZONE_VERIFY_H

#include <stdint.h>

#include "secondary/signer/keeper.h"

struct zone_verification; // of keeper->verification while it runs

// Answers the request at the end.
void zone_verify(struct keeper *keeper, uint64_t request);
// It ends within some milliseconds and is answered with that.
void zone_verify_stop(struct keeper *keeper);
bool zone_verify_runs(const struct keeper *keeper);
// Before a keeper goes: who waits is told, and the thread looks at nothing of the keeper's any
// more.
void zone_verify_forget(struct keeper *keeper);

#endif
