// The words of a master file line (RFC 1035 section 5.1): blanks, "quoted strings", \DDD and \X escapes.
// Parentheses count as blanks and a comment ends the text, so that a whole joined line may be given. Views
// into the text; nothing is allocated.
#ifndef TANDEM_DNS_TEXT_TOKEN_H
#define TANDEM_DNS_TEXT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"

struct text_token {
    const char *text; // borrowed, not NUL-terminated, escapes as written, without the quotes around it
    size_t length;
    bool quoted;
    bool open; // the closing quote is missing
};

// Reads the next word and moves *at behind it. False: there is none.
bool text_token_next(const char **at, struct text_token *ret_token);
// The octets that text stands for. Gives how many; SIZE_MAX for a bad escape or more than room.
size_t text_unescape(const char *text, size_t length, uint8_t *ret_octets, size_t room);
// What follows a backslash: DDD (000 to 255) or one character. Gives the characters eaten, 0 for neither.
unsigned text_escape_read(const char *text, uint8_t *ret_octet);
// Appends "octets" in quotes, escaped so that text_token_next and text_unescape give them back.
void text_quote(struct octets_buffer *text, const uint8_t *octets, size_t length);

#endif
