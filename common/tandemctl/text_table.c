#include "common/tandemctl/text_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/vector.h"

#define CELL_MAX 2048
#define GAP      2

struct cell {
    char *text;
    size_t width; // in characters
    enum text_colour colour;
    bool begins_row;
};

struct text_table {
    struct vector cells; // of struct cell
    bool coloured;
    bool row_begins;
};

struct text_table *
text_table_new(bool coloured)
{
    struct text_table *table = memory_zalloc(sizeof *table);
    vector_init(&table->cells, sizeof(struct cell));
    table->coloured = coloured;
    return table;
}

void
text_table_free(struct text_table **table)
{
    for (size_t i = 0; i < (*table)->cells.count; i++)
        free(((struct cell *)vector_at(&(*table)->cells, i))->text);
    vector_close(&(*table)->cells);
    free(*table);
    *table = NULL;
}

void
text_table_row(struct text_table *table)
{
    table->row_begins = true;
}

// Control characters of a foreign text must not reach the terminal; UTF-8 continuation octets take
// no room.
static size_t
clean_and_measure(char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

void
text_table_cell(struct text_table *table, enum text_colour colour, const char *format, ...)
{
    char text[CELL_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t width = clean_and_measure(text);
    vector_add(&table->cells, &(struct cell){memory_text(text), width, colour, table->row_begins});
    table->row_begins = false;
}

static void
widths_find(const struct text_table *table, size_t widths[static TEXT_TABLE_COLUMNS_MAX])
{
    size_t column = 0;
    for (size_t i = 0; i < table->cells.count; i++) {
        const struct cell *cell = vector_at(&table->cells, i);
        column = cell->begins_row ? 0 : column + (i > 0);
        ENSURE(column < TEXT_TABLE_COLUMNS_MAX);
        if (cell->width > widths[column])
            widths[column] = cell->width;
    }
}

void
text_coloured(struct octets_buffer *text, bool coloured, enum text_colour colour, const char *words)
{
    static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[31m", "\033[1m"};
    bool on = coloured && colour != COLOUR_NONE;
    octets_buffer_printf(text, "%s%s%s", on ? codes[colour] : "", words, on ? "\033[0m" : "");
}

void
text_table_write(const struct text_table *table, struct octets_buffer *ret_text)
{
    size_t widths[TEXT_TABLE_COLUMNS_MAX] = {0}, column = 0, owed = 0;
    widths_find(table, widths);
    for (size_t i = 0; i < table->cells.count; i++) {
        const struct cell *cell = vector_at(&table->cells, i);
        if (cell->begins_row && i > 0)
            octets_buffer_add_u8(ret_text, '\n');
        column = cell->begins_row ? 0 : column + (i > 0);
        // Blanks are owed until a cell follows, so that no line ends in them.
        if (cell->begins_row)
            owed = 0;
        if (cell->width > 0) {
            octets_buffer_printf(ret_text, "%*s", (int)owed, "");
            text_coloured(ret_text, table->coloured, cell->colour, cell->text);
            owed = 0;
        }
        owed += widths[column] - cell->width + GAP;
    }
    if (table->cells.count > 0)
        octets_buffer_add_u8(ret_text, '\n');
}

enum text_colour
text_colour_of(const char *state)
{
    static const char *const good[] = {"ok", "fresh", "active", "running", "sent", "passed"};
    static const char *const bad[] = {"failed", "failing", "expired", "loop", "crashed"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (strcmp(state, good[i]) == 0)
            return COLOUR_GREEN;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (strcmp(state, bad[i]) == 0)
            return COLOUR_RED;
    return COLOUR_YELLOW;
}
