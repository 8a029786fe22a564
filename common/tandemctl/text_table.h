// Columns for people: cells are gathered row by row, then written with every column as wide as its
// widest cell. Colour is a property of a cell and takes no room.
#ifndef TANDEM_TANDEMCTL_TEXT_TABLE_H
#define TANDEM_TANDEMCTL_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/octets.h"

#define TEXT_TABLE_COLUMNS_MAX 12

enum text_colour { COLOUR_NONE, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED, COLOUR_BOLD };

struct text_table;

struct text_table *text_table_new(bool coloured);
void text_table_free(struct text_table **table);
void text_table_row(struct text_table *table); // begins the next row
void text_table_cell(struct text_table *table, enum text_colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void text_table_write(const struct text_table *table, struct octets_buffer *ret_text);

// The colour of a state word: ok, fresh, active green; held, stale, waiting yellow; failing red.
enum text_colour text_colour_of(const char *state);
void text_coloured(struct octets_buffer *text, bool coloured, enum text_colour colour,
                   const char *words);

#endif
