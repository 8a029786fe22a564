// The fields of a message's body: what common/base/octets.h has not, written to a buffer and read
// with the reader's sticky failure, so that whoever reads a body checks once at its end. A body is
// read to its last octet. For messages*.c and settings*.c only.
#ifndef TANDEM_SECONDARY_BODY_H
#define TANDEM_SECONDARY_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"

void body_add_i64(struct octets_buffer *body, int64_t value);
int64_t body_read_i64(struct octets_reader *reader);
bool body_read_bool(struct octets_reader *reader); // anything but 0 and 1 is a failure
// An enumeration's value below count; another one is a failure and gives 0.
unsigned body_read_choice(struct octets_reader *reader, unsigned count);
// A text of at most MESSAGES_TEXT_MAX octets; a longer one is cut rather than refused by the
// reader: a mail that ends early is better than none. NULL counts as "".
void body_add_text(struct octets_buffer *body, const char *text);
// A fresh copy (free); NULL on failure.
char *body_read_text(struct octets_reader *reader);
// Into an array of size octets; too long is a failure.
void body_read_text_into(struct octets_reader *reader, char *text, size_t size);
// Frees a text that was read, and forgets it.
void body_text_free(char **text);
// All was read, and nothing is left.
bool body_read_end(const struct octets_reader *reader);

#endif
