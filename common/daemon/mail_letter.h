// A mail on its way: rendered, with those who did not accept it yet. The queue makes it, a worker
// thread sends it and fills `accepted` and, when one is missing, `fault`: FAULT_IO = no server was
// reached, FAULT_REFUSED = it refused this mail, others = it may have been taken.
#ifndef TANDEM_DAEMON_MAIL_LETTER_H
#define TANDEM_DAEMON_MAIL_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/daemon/json_value.h"

struct mail_letter {
    uint64_t number;
    char *name; // a unique word: file name in a mail directory without ".eml"
    char *kind; // of the newest event
    char *text;
    size_t text_length;
    char **recipients;
    bool *accepted;
    size_t recipient_count;
    struct fault fault;
};

// From a mail's content (mail_content.h); closed by mail_letter_close.
void mail_letter_make(const struct json_value *content, uint64_t number, const char *from,
                      const char *host, struct mail_letter *ret_letter);
void mail_letter_close(struct mail_letter *letter);

#endif
