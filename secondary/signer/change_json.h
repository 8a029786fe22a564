// What a change does, RR by RR, as JSON: for `zone diff`.
#ifndef TANDEM_SIGNER_CHANGE_JSON_H
#define TANDEM_SIGNER_CHANGE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "common/zone/diff.h"

struct json_value;

// An array of {"op": "+" | "-", "owner", "ttl_seconds", "type", "data"} in canonical order,
// unsigned view, at most maximum of them; *ret_left_out: how many there are besides. The caller
// frees it.
struct json_value *change_json(const struct diff *diff, const uint8_t *apex, size_t maximum,
                               size_t *ret_left_out);

#endif
