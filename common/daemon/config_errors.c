#include "common/daemon/config_errors.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"

#define ERROR_TEXT_MAX                                                                             \
    4096 // place, key and a quoted value: all of them are cut before they come here

void
config_errors_init(struct config_errors *errors)
{
    vector_init(&errors->entries, sizeof(struct config_error));
    errors->error_count = 0;
    errors->warning_count = 0;
}

void
config_errors_close(struct config_errors *errors)
{
    for (size_t i = 0; i < errors->entries.count; i++)
        free(((struct config_error *)vector_at(&errors->entries, i))->text);
    vector_close(&errors->entries);
    errors->error_count = 0;
    errors->warning_count = 0;
}

// What the file holds may be anything: a control character must not reach the operator's terminal.
static void
make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

__attribute__((format(printf, 6, 0))) static void
entry_add(struct config_errors *errors, bool warning, const char *file, uint32_t line,
          uint32_t column, const char *format, va_list arguments)
{
    if (errors->entries.count >= CONFIG_ERRORS_MAX)
        return;
    char text[ERROR_TEXT_MAX];
    int used = 0;
    if (file && strcmp(file, "-") != 0 && line)
        used = snprintf(text, sizeof text, "%s:%u:%u: ", file, line, column);
    else if (file && strcmp(file, "-") != 0)
        used = snprintf(text, sizeof text, "%s: ", file);
    size_t start = used < 0 ? 0 : (size_t)used;
    if (start < sizeof text)
        vsnprintf(text + start, sizeof text - start, format, arguments);
    make_printable(text);
    struct config_error *entry = vector_add(&errors->entries, NULL);
    *entry = (struct config_error){
        .text = memory_text(text), .line = line, .column = column, .warning = warning};
}

void
config_errors_add(struct config_errors *errors, const char *file, uint32_t line, uint32_t column,
                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    entry_add(errors, false, file, line, column, format, arguments);
    va_end(arguments);
    errors->error_count++;
}

void
config_errors_warn(struct config_errors *errors, const char *file, uint32_t line, uint32_t column,
                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    entry_add(errors, true, file, line, column, format, arguments);
    va_end(arguments);
    errors->warning_count++;
}

static bool
stands_before(const struct config_error *a, const struct config_error *b)
{
    if (a->line != b->line)
        return a->line < b->line;
    return a->column < b->column;
}

// At most CONFIG_ERRORS_MAX entries, nearly in order already: insertion keeps equal places stable.
void
config_errors_sort(struct config_errors *errors)
{
    struct config_error *entries = errors->entries.items;
    for (size_t i = 1; i < errors->entries.count; i++) {
        struct config_error moving = entries[i];
        size_t at = i;
        for (; at > 0 && stands_before(&moving, &entries[at - 1]); at--)
            entries[at] = entries[at - 1];
        entries[at] = moving;
    }
}

void
config_errors_print(const struct config_errors *errors, FILE *to)
{
    for (size_t i = 0; i < errors->entries.count; i++) {
        const struct config_error *entry = vector_at(&errors->entries, i);
        fprintf(to, "%s%s\n", entry->warning ? "warning: " : "", entry->text);
    }
    size_t all = errors->error_count + errors->warning_count;
    if (all > errors->entries.count)
        fprintf(to, "and %zu more\n", all - errors->entries.count);
}
