// $GENERATE of BIND's master files: a range, and a record as a template in which $ stands for the
// number. Pure.
#ifndef TANDEM_ZONE_ZONEFILE_GENERATE_H
#define TANDEM_ZONE_ZONEFILE_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

struct zonefile_range {
    uint32_t start, stop, step; // stop is the last number or above it; step is at least 1
};
// "0-255" or "1-100/3", numbers up to 2^31 - 1.
bool zonefile_range_read(const char *text, struct zonefile_range *ret_range, struct fault *fault);
uint64_t zonefile_range_count(const struct zonefile_range *range);

// Appends the template with every $ and ${offset[,width[,base]]} replaced for this number; $$ and
// \$ are a plain $. Bases: d o x X, and n N (nibbles in reverse, separated by dots; the width
// counts the dots too).
bool zonefile_generate_expand(const char *template, uint32_t number, struct octets_buffer *text,
                              struct fault *fault);

#endif
