#include "common/zone/zonefile_errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/arena.h"

#define ERROR_TEXT_MAX 4096 // a sentence with three names of 1,025 octets in it

void
zonefile_errors_init(struct zonefile_errors *errors, unsigned errors_max, unsigned warnings_max)
{
    *errors = (struct zonefile_errors){
        .file = "", .errors_max = errors_max, .warnings_max = warnings_max};
    vector_init(&errors->list, sizeof(struct zonefile_error));
}

static void __attribute__((format(printf, 4, 0)))
entry_add(struct zonefile_errors *errors, struct zonefile_place place, bool is_warning,
          const char *format, va_list arguments)
{
    char text[ERROR_TEXT_MAX];
    vsnprintf(text, sizeof text, format, arguments);
    struct zonefile_error error = {.file = memory_text(errors->file),
                                   .line = place.line,
                                   .column = place.column,
                                   .text = memory_text(text),
                                   .is_warning = is_warning};
    vector_add(&errors->list, &error);
}

bool
zonefile_error_add(struct zonefile_errors *errors, struct zonefile_place place, const char *format,
                   ...)
{
    if (zonefile_errors_full(errors))
        return false;
    errors->error_count++;
    va_list arguments;
    va_start(arguments, format);
    entry_add(errors, place, false, format, arguments);
    va_end(arguments);
    return false;
}

void
zonefile_warning_add(struct zonefile_errors *errors, struct zonefile_place place,
                     const char *format, ...)
{
    if (++errors->warning_count > errors->warnings_max)
        return;
    va_list arguments;
    va_start(arguments, format);
    entry_add(errors, place, true, format, arguments);
    va_end(arguments);
}

bool
zonefile_errors_full(const struct zonefile_errors *errors)
{
    return errors->error_count >= errors->errors_max;
}

struct zonefile_errors_mark
zonefile_errors_mark(const struct zonefile_errors *errors)
{
    return (struct zonefile_errors_mark){.count = errors->list.count,
                                         .error_count = errors->error_count,
                                         .warning_count = errors->warning_count};
}

static void
entry_free(struct zonefile_error *error)
{
    free(error->file);
    free(error->text);
}

void
zonefile_errors_forget(struct zonefile_errors *errors, struct zonefile_errors_mark mark)
{
    for (; errors->list.count > mark.count; errors->list.count--)
        entry_free(vector_at(&errors->list, errors->list.count - 1));
    errors->error_count = mark.error_count;
    errors->warning_count = mark.warning_count;
}

void
zonefile_errors_close(struct vector *errors)
{
    for (size_t i = 0; i < errors->count; i++)
        entry_free(vector_at(errors, i));
    vector_close(errors);
}

void
zonefile_error_text(const struct zonefile_error *error, char *text, size_t size)
{
    snprintf(text, size, "%s:%u:%u: %s%s", error->file, error->line, error->column,
             error->is_warning ? "warning: " : "", error->text);
}
