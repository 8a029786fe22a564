// `zone verify`: the whole served zone by the second path, as an operator asks for it.
#ifndef TANDEM_SIGNER_ZONE_VERIFY_H
#define TANDEM_SIGNER_ZONE_VERIFY_H

#include <stdint.h>

#include "secondary/signer/keeper.h"

void zone_verify(struct keeper *keeper, uint64_t request);

#endif
