#include "common/base/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The new text is built aside and copied at the end, because the arguments may point into the old
// one.
__attribute__((format(printf, 3, 0))) static void
fault_text_set(struct fault *fault, const char *behind, const char *format, va_list arguments)
{
    char text[FAULT_TEXT_MAX];
    int length = vsnprintf(text, sizeof text, format, arguments);
    if (length < 0) {
        text[0] = '\0';
        length = 0;
    }
    if ((size_t)length < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, "%s", behind);
    memcpy(fault->text, text, sizeof text);
}

bool
fault_set(struct fault *fault, enum fault_kind kind, const char *format, ...)
{
    if (!fault)
        return false;
    va_list arguments;
    va_start(arguments, format);
    fault_text_set(fault, "", format, arguments);
    va_end(arguments);
    fault->kind = kind;
    return false;
}

bool
fault_set_errno(struct fault *fault, int error, const char *format, ...)
{
    if (!fault)
        return false;
    char reason[128];
    char behind[sizeof reason + 2];
    snprintf(behind, sizeof behind, ": %s", strerror_r(error, reason, sizeof reason));
    va_list arguments;
    va_start(arguments, format);
    fault_text_set(fault, behind, format, arguments);
    va_end(arguments);
    fault->kind = FAULT_IO;
    return false;
}

bool
fault_wrap(struct fault *fault, const char *format, ...)
{
    if (!fault)
        return false;
    char behind[FAULT_TEXT_MAX + 2];
    snprintf(behind, sizeof behind, ": %s", fault->text);
    va_list arguments;
    va_start(arguments, format);
    fault_text_set(fault, behind, format, arguments);
    va_end(arguments);
    return false;
}

const char *
fault_kind_word(enum fault_kind kind)
{
    static const char *const words[] = {
        [FAULT_NONE] = "none",           [FAULT_SYNTAX] = "syntax",
        [FAULT_CONFIG] = "config",       [FAULT_IO] = "io",
        [FAULT_NOT_FOUND] = "not_found", [FAULT_EXISTS] = "exists",
        [FAULT_REFUSED] = "refused",     [FAULT_TIMEOUT] = "timeout",
        [FAULT_LIMIT] = "limit",         [FAULT_CORRUPT] = "corrupt",
        [FAULT_BUSY] = "busy",           [FAULT_UNSUPPORTED] = "unsupported",
    };
    size_t index = (size_t)kind;
    return index < sizeof words / sizeof words[0] ? words[index] : "unknown";
}

_Noreturn void
ensure_failed(const char *condition, const char *file, int line, const char *function)
{
    fprintf(stderr, "tandem: internal error: %s:%d: %s: %s\n", file, line, function, condition);
    abort();
}
