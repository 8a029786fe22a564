// The door to ldns: presentation format of the types whose text is a little language of its own (LOC, APL, WKS,
// HIP, NSAP, EUI48, EUI64, NID, L64). For rdata_text only.
#ifndef TANDEM_DNS_RDATA_LDNS_H
#define TANDEM_DNS_RDATA_LDNS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

bool rdata_ldns_knows(uint16_t type);
bool rdata_ldns_parse(uint16_t type, const char *text, const uint8_t *origin,
                      struct octets_writer *writer, struct fault *fault);
// Appends the text; false when ldns cannot show it (nothing is appended then).
bool rdata_ldns_print(uint16_t type, const uint8_t *rdata, size_t length,
                      struct octets_buffer *text);

#endif
