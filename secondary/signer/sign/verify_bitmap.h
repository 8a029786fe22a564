// The types in an NSEC or NSEC3 against those that are really there.
#ifndef TANDEM_SIGN_VERIFY_BITMAP_H
#define TANDEM_SIGN_VERIFY_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/zone/node.h"

// bitmap: windows of RFC 4034 section 4.1.2. node NULL: an empty non-terminal. cut: only what the
// parent's side of a zone cut has is shown. nsec: that of an NSEC (itself and its RRSIG are at the
// owner), else of an NSEC3 (RFC 5155 section 3.1.8: the types at the original owner).
bool verify_bitmap_matches(const struct node *node, bool cut, bool nsec, const uint8_t *bitmap,
                           size_t length);

#endif
