// The lines of BIND's key files: "Tag: value", times, algorithms. Inside of key_bind only.
#ifndef TANDEM_KEYS_KEY_BIND_LINES_H
#define TANDEM_KEYS_KEY_BIND_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "secondary/signer/keys/key_bind.h"

#define KEY_LINE_TAG_MAX 32 // octets of a tag with its NUL; the longest that we know has 18

struct key_lines {
    const char *at, *end;
    unsigned number; // of the line that was given last
};
struct key_lines key_lines_of(struct octets text);
// The next line without its end and leading blanks. A NUL ends nothing.
bool key_lines_next(struct key_lines *lines, const char **ret_line, size_t *ret_length);

struct key_tagged {
    char tag[KEY_LINE_TAG_MAX];
    const char *value; // length octets, no NUL behind them
    size_t length;
};
// "Tag: value", also behind a comment sign: timing lines of a .key file and our own in a .state
// file stand there. False: another line.
bool key_line_tagged(const char *line, size_t length, struct key_tagged *ret_tagged);
bool key_line_number(const struct key_tagged *tagged, unsigned long *ret_number);
// Takes a line of times; others are passed over.
bool key_line_time(const char *name, unsigned line, const struct key_tagged *tagged,
                   struct key_bind *bind, struct fault *fault);
// Takes an algorithm; it must be that of the other files.
bool key_line_algorithm(const char *name, unsigned line, unsigned long number,
                        struct key_bind *bind, struct fault *fault);

#endif
