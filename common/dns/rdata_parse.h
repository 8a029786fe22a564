// RDATA from the words of a master file line, field by field as rdata_shape says. For rdata_text only.
#ifndef TANDEM_DNS_RDATA_PARSE_H
#define TANDEM_DNS_RDATA_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/rdata_shape.h"

// True when every field of the shape has a text form here.
bool rdata_parse_knows(const struct rdata_shape *shape);
// Writes the wire format; the caller checks and canonicalises it. A fault begins with the field's word
// ("missing exchange"); the caller puts the type before it.
bool rdata_parse(const struct rdata_shape *shape, const char *text, const uint8_t *origin,
                 struct octets_writer *writer, struct fault *fault);

#endif
