// All that is wrong with a configuration file, in the order of its lines: each entry is one
// complete sentence "file:line:column: key: what was expected". Warnings are kept beside errors.
#ifndef TANDEM_DAEMON_CONFIG_ERRORS_H
#define TANDEM_DAEMON_CONFIG_ERRORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/vector.h"

#define CONFIG_ERRORS_MAX 1000 // entries that are kept; the rest is counted: nobody reads more

struct config_error {
    char *text;
    uint32_t line, column;
    bool warning;
};
struct config_errors {
    struct vector entries; // of struct config_error
    size_t error_count;    // warnings not among them; also those beyond CONFIG_ERRORS_MAX
    size_t warning_count;
};
void config_errors_init(struct config_errors *errors);
void config_errors_close(struct config_errors *errors);
// file "-" or NULL: no place in front; line 0: only the file.
void config_errors_add(struct config_errors *errors, const char *file, uint32_t line,
                       uint32_t column, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void config_errors_warn(struct config_errors *errors, const char *file, uint32_t line,
                        uint32_t column, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
// By line and column; stable.
void config_errors_sort(struct config_errors *errors);
// One line each, "warning: " in front of warnings, at the end how many were left out.
void config_errors_print(const struct config_errors *errors, FILE *to);

#endif
