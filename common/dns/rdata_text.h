// Presentation format of RDATA, both ways: regular fields by the table of rdata_shape, little languages (LOC, APL,
// HIP, ...) by ldns behind its one door rdata_ldns, every type in the generic form of RFC 3597.
#ifndef TANDEM_DNS_RDATA_TEXT_H
#define TANDEM_DNS_RDATA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

// Reads the RDATA part of a master file line ("10 mail" for MX); relative names are completed by origin.
// Parentheses count as blanks and a comment as nothing. The result is canonical. The fault begins with the type and
// says what was expected ("MX: missing exchange"); nothing is written then.
bool rdata_from_text(uint16_t type, const char *text, const uint8_t *origin,
                     struct octets_writer *writer, struct fault *fault);
// Appends the text of RDATA to a buffer (no NUL, no newline). RDATA that ldns cannot show is written in
// RFC 3597 form, so this never fails.
void rdata_to_text(uint16_t type, const uint8_t *rdata, size_t length, struct octets_buffer *text);
// "owner ttl IN type rdata" without newline, appended.
void rr_to_text(const uint8_t *owner, uint32_t ttl, uint16_t type, const uint8_t *rdata, size_t length,
                struct octets_buffer *text);

#endif
