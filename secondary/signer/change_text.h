// A diff as a person reads it: the lines of the mail, and one sentence that says what changed.
// Pure.
#ifndef TANDEM_SIGNER_CHANGE_TEXT_H
#define TANDEM_SIGNER_CHANGE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/zone/diff.h"

#define CHANGE_TEXT_LINES_MAX 200 // in a mail, interface.md

// For each RRset that changed, in canonical order:
//     "  example.gov.  60  A"
//     "- 192.0.2.9"
//     "+ 192.0.2.44"
//     "  192.0.2.10"      (what stays)
// at most maximum lines are added to text; gives how many there are in all.
size_t change_text_lines(const struct diff *diff, const uint8_t *apex, size_t maximum,
                         struct octets_buffer *text);
// "example.gov. A changed", "example.gov. A and 3 more changed", "www.example.gov. A added"; RRsets
// are counted, and "changed" also stands for some added, some removed.
void change_text_summary(const struct diff *diff, const uint8_t *apex, char *text, size_t size);

#endif
