// Durations ("30s" "15m" "24h" "7d"), sizes ("64KiB" "1MiB"), percentages and times as text, both ways.
#ifndef TANDEM_BASE_QUANTITY_H
#define TANDEM_BASE_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"

#define QUANTITY_TEXT_MAX 48

// Seconds; a bare number is seconds; units s m h d w, combinations ("1h30m") too.
bool quantity_duration(const char *text, int64_t *ret_seconds, struct fault *fault);
// Octets; units B KiB MiB GiB (KB, k, K, M, G as powers of 1024 too); a bare number is octets.
bool quantity_size(const char *text, uint64_t *ret_octets, struct fault *fault);
bool quantity_unsigned(const char *text, uint64_t maximum, uint64_t *ret_value, struct fault *fault);
// The shortest exact form: 90 -> "90s", 3600 -> "1h".
const char *quantity_duration_text(int64_t seconds, char text[static QUANTITY_TEXT_MAX]);
// About, for people: "42s" "3h" "13d".
const char *quantity_about_text(int64_t seconds, char text[static QUANTITY_TEXT_MAX]);
const char *quantity_size_text(uint64_t octets, char text[static QUANTITY_TEXT_MAX]);
// RFC 3339 in UTC: "2026-11-21T18:42:07Z".
const char *quantity_time_text(int64_t unix_seconds, char text[static QUANTITY_TEXT_MAX]);
// The known word nearest to the unknown one (edit distance at most 3 and less than its length), or NULL.
const char *quantity_nearest_word(const char *unknown, const char *const *known, size_t count);

#endif
