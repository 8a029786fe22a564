// Presentation format of RDATA, by ldns (the one door to it): the types that have a mnemonic, RFC 3597
// for the rest, ALIAS by ourselves.
#ifndef TANDEM_DNS_RDATA_TEXT_H
#define TANDEM_DNS_RDATA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

// Reads the RDATA part of a master file line ("10 mail" for MX); relative names are completed by origin.
// The result is canonical. The fault says what was expected.
bool rdata_from_text(uint16_t type, const char *text, const uint8_t *origin,
                     struct octets_writer *writer, struct fault *fault);
// Appends the text of RDATA to a buffer (no NUL, no newline). RDATA that ldns cannot show is written in
// RFC 3597 form, so this never fails.
void rdata_to_text(uint16_t type, const uint8_t *rdata, size_t length, struct octets_buffer *text);
// "owner ttl IN type rdata" without newline, appended.
void rr_to_text(const uint8_t *owner, uint32_t ttl, uint16_t type, const uint8_t *rdata, size_t length,
                struct octets_buffer *text);

#endif
