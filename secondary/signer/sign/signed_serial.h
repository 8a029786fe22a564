// The serial of the signed zone: our own, never goes back (signing.md, "Change is content"). Pure.
#ifndef TANDEM_SIGN_SIGNED_SERIAL_H
#define TANDEM_SIGN_SIGNED_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/zone/serial.h"

struct signed_serial_input {
    enum serial_policy policy;
    uint32_t unsigned_serial; // of the content
    bool has_last;
    uint32_t last;   // the signed serial given out last
    bool state_lost; // no state on disk: max(unsigned serial + 1, unixtime)
    int64_t now;
};
// Always after last where there is one (RFC 1982).
uint32_t signed_serial_next(const struct signed_serial_input *input);
// `zone sign --serial N`: refused when N is not after the last one, with the range that is allowed.
bool signed_serial_forced(const struct signed_serial_input *input, uint32_t wanted,
                          uint32_t *ret_serial, struct fault *fault);

#endif
