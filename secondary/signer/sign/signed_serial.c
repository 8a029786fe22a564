#include "secondary/signer/sign/signed_serial.h"

uint32_t
signed_serial_next(const struct signed_serial_input *input)
{
    uint32_t serial = serial_next(input->policy, input->unsigned_serial, input->has_last,
                                  input->last, input->state_lost, input->now);
    // SERIAL_KEEP follows the source; a refresh or a source that stands still moves on all the
    // same.
    if (input->has_last && (serial == input->last || !serial_is_after(serial, input->last)))
        serial = input->last + 1;
    return serial;
}

bool
signed_serial_forced(const struct signed_serial_input *input, uint32_t wanted, uint32_t *ret_serial,
                     struct fault *fault)
{
    if (input->has_last &&
        (wanted == input->last || (uint32_t)(wanted - input->last) >= 0x80000000U))
        return fault_set(fault, FAULT_REFUSED,
                         "serial %u is not after the one in use, %u: secondaries would ignore it; "
                         "choose one from %u to %u",
                         wanted, input->last, input->last + 1, input->last + 0x7FFFFFFFU);
    *ret_serial = wanted;
    return true;
}
