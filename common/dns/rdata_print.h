// RDATA as the words of a master file line, field by field as rdata_shape says. For rdata_text only.
#ifndef TANDEM_DNS_RDATA_PRINT_H
#define TANDEM_DNS_RDATA_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/dns/rdata_shape.h"

// Appends the text; false when RDATA has not that shape (what was appended is then the caller's to cut).
// Shapes that rdata_parse_knows only.
bool rdata_print(const struct rdata_shape *shape, const uint8_t *rdata, size_t length,
                 struct octets_buffer *text);

#endif
