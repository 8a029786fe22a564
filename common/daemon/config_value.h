// One scalar of a configuration file, by the type of its row. No file, no tree: text in, typed
// value out.
#ifndef TANDEM_DAEMON_CONFIG_VALUE_H
#define TANDEM_DAEMON_CONFIG_VALUE_H

#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/daemon/config_table.h"

// Types text by row (CONFIG_LIST aside: one item). Memory of the value comes from arena. folder
// completes relative paths (NULL: not completed). FAULT_CONFIG: "expected ..., got ...";
// FAULT_UNSUPPORTED: a right value that this version does not perform.
bool config_value_read(const struct config_row *row, const char *text, const char *folder,
                       struct arena *arena, struct config_value *ret_value, struct fault *fault);

// What a value of this row looks like: "soa, never or a duration such as 30s, 15m, 24h or 7d".
#define CONFIG_EXPECTED_MAX 512
const char *config_value_expected(const struct config_row *row,
                                  char text[static CONFIG_EXPECTED_MAX]);

// The index of word among words apart by '|' ("soa|never"); -1: not there.
int config_word_index(const char *words, const char *word);
// Same value, whatever the spelling ("60s" and "1m").
bool config_value_equal(const struct config_value *a, const struct config_value *b);

#endif
