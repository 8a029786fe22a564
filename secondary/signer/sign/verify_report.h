// Findings of the second path, gathered; each thread has a report of its own.
#ifndef TANDEM_SIGN_VERIFY_REPORT_H
#define TANDEM_SIGN_VERIFY_REPORT_H

#include "secondary/signer/sign/verify.h"

void verify_report_add(struct verify_report *report, const uint8_t *owner, uint16_t type,
                       const char *word, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
// Adds what part found, in canonical order of owners.
void verify_report_merge(struct verify_report *report, const struct verify_report *part);

#endif
