// One event, one line on stderr, one write(2): a sentence, then key=value pairs. Any thread.
//
//     log_info("zone published", "zone", zone, "serial", LOG_NUMBER(serial));
//     2026-11-21T18:42:07.113Z info signer: zone published zone=example.gov serial=1795263187
//
// error = somebody must act, warning = we act, info = state changed, debug = the rest. No secrets.
// Control characters in sentence and values are escaped, so that a foreign name cannot forge a
// line. Under journald (JOURNAL_STREAM names our stderr) the time is left out and the level is a
// "<6>".
#ifndef TANDEM_DAEMON_LOG_H
#define TANDEM_DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/daemon/log_level.h"

#define LOG_PAIRS_MAX 24
#define LOG_ROLE_MAX  32
// Keys of log_limited that are remembered; the one unused for longest gives way.
#define LOG_LIMIT_KEYS_MAX 256
#define LOG_LIMIT_KEY_MAX  128 // octets of a key that are compared

// At start, and again when the settings are known or change. role: "signer", "server 2" (copied).
// Before the first call: role "tandem", level info, text.
void log_open(const char *role, enum log_level level, enum log_format format);
bool log_is_on(enum log_level level);

// sentence, then pairs of (const char *key, const char *value); a NULL value is shown as "-".
#define log_error(...)   LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) LOG_AT(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
// A level that is chosen at run time.
#define log_at(level, ...) LOG_AT(level, __VA_ARGS__)

// At most one line for each key in every interval; the next one says how many were left out:
// "... (12 more)".
//     log_limited(LOG_LEVEL_WARNING, "accept", 10, "out of descriptors", "limit", text);
// Distinct keys for distinct things (a zone, a peer); they are never shown.
#define log_limited(level, key, interval_seconds, ...)                                             \
    do {                                                                                           \
        if (log_is_on(level))                                                                      \
            log_write_limited((level), (key), (interval_seconds), __VA_ARGS__, LOG_END, LOG_END);  \
    } while (0)

// A number as a value: good until the end of the enclosing block.
#define LOG_NUMBER(value) log_number_text((char[24]){0}, (int64_t)(value))
const char *log_number_text(char text[static 24], int64_t value);

// What the macros stand on. The list ends with a NULL key.
#define LOG_END ((const char *)0)
#define LOG_AT(level, ...)                                                                         \
    do {                                                                                           \
        if (log_is_on(level))                                                                      \
            log_write((level), __VA_ARGS__, LOG_END, LOG_END);                                     \
    } while (0)
void log_write(enum log_level level, const char *sentence, ...) __attribute__((sentinel));
void log_write_limited(enum log_level level, const char *key, unsigned interval_seconds,
                       const char *sentence, ...) __attribute__((sentinel));

#endif
