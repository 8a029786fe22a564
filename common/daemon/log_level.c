#include "common/daemon/log_level.h"

#include <string.h>

static const char *const level_words[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};
static const char *const format_words[] = {
    [LOG_FORMAT_TEXT] = "text",
    [LOG_FORMAT_JSON] = "json",
};

bool
log_level_from_word(const char *word, enum log_level *ret_level)
{
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++)
        if (strcmp(level_words[i], word) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    return false;
}

const char *
log_level_word(enum log_level level)
{
    return level_words[level];
}

bool
log_format_from_word(const char *word, enum log_format *ret_format)
{
    for (int i = LOG_FORMAT_TEXT; i <= LOG_FORMAT_JSON; i++)
        if (strcmp(format_words[i], word) == 0) {
            *ret_format = (enum log_format)i;
            return true;
        }
    return false;
}
