// One line of the log being put together: text or JSON, escaped, of bounded length. Pure.
#ifndef TANDEM_DAEMON_LOG_LINE_H
#define TANDEM_DAEMON_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/daemon/log_level.h"

#define LOG_LINE_MAX 8192 // longer lines are cut and say so (a fault's text and its names fit)

struct log_line {
    char text[LOG_LINE_MAX];
    size_t length;
    enum log_format format;
    bool cut; // something did not fit; nothing more is taken
};

// time: RFC 3339 text, or NULL: left out, and the line begins with the priority that journald takes
// away ("<6>"). role: NULL or "" leaves it out.
void log_line_begin(struct log_line *line, enum log_format format, enum log_level level,
                    const char *time, const char *role);
// more: how many like it were left out since the last one; 0 says nothing.
void log_line_sentence(struct log_line *line, const char *sentence, unsigned long more);
void log_line_pair(struct log_line *line, const char *key, const char *value);
// Closes the line with its newline. Nothing may follow.
void log_line_end(struct log_line *line);

#endif
