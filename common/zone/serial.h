// Serial number arithmetic, RFC 1982, and the policies by which a serial moves.
#ifndef TANDEM_ZONE_SERIAL_H
#define TANDEM_ZONE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

enum serial_policy { SERIAL_INCREMENT, SERIAL_UNIXTIME, SERIAL_DATESERIAL, SERIAL_KEEP };

// True when a is after b (RFC 1982 section 3.2). The undefined case (distance 2^31) counts as after.
bool serial_is_after(uint32_t a, uint32_t b);
uint32_t serial_max(uint32_t a, uint32_t b);
// The serial of the next version: after last, and never at a distance of 2^31, which RFC 1982 leaves open
// (SERIAL_KEEP: source, as it is). source is the serial of the zone file or of the primary. The policy's number is
// taken where it is after last, else last + 1: source (SERIAL_INCREMENT), now (SERIAL_UNIXTIME), YYYYMMDD00 in UTC
// (SERIAL_DATESERIAL). has_last is false when no version was ever given out (then the policy's number) or the state is
// lost (state_lost: then max(source + 1, now) by RFC 1982, signing.md; SERIAL_DATESERIAL: the day's last at least).
uint32_t serial_next(enum serial_policy policy, uint32_t source, bool has_last, uint32_t last,
                     bool state_lost, int64_t now);

#endif
