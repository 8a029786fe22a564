// How loud a line of the log is and which shape it has, and the words that the configuration uses
// for both. Pure.
#ifndef TANDEM_DAEMON_LOG_LEVEL_H
#define TANDEM_DAEMON_LOG_LEVEL_H

#include <stdbool.h>

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};
enum log_format {
    LOG_FORMAT_TEXT,
    // One object a line: time, level, role, message, then the pairs as strings; "cut": true when it
    // was too long.
    LOG_FORMAT_JSON,
};

// "error" "warning" "info" "debug"; false for any other word.
bool log_level_from_word(const char *word, enum log_level *ret_level);
const char *log_level_word(enum log_level level);
bool log_format_from_word(const char *word, enum log_format *ret_format); // "text" "json"

#endif
