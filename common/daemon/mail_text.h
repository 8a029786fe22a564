// One mail as text: RFC 5322 headers and a plain UTF-8 body, from the events that it tells about.
// Pure. Nothing that comes from a zone or from a setting can begin a header line: every header
// value is cut at control characters, and what is not ASCII is encoded (RFC 2047).
#ifndef TANDEM_DAEMON_MAIL_TEXT_H
#define TANDEM_DAEMON_MAIL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"

struct mail_part { // one event
    const char *kind, *zone, *subject, *body;
    int64_t at; // Unix seconds
};
struct mail_text {
    const char *from;      // mailbox
    const char *const *to; // mailboxes
    size_t to_count;
    const char *host;       // for message ids
    const char *message_id; // without angle brackets
    const char *zone;       // "": of several zones or of the daemon: no thread
    int64_t date;
    const struct mail_part *parts; // in order of time; at least one
    size_t part_count;
    size_t folded; // earlier events that are only counted
};
// With CRLF; dots at line starts are left as they are (the sender stuffs them).
void mail_text_render(const struct mail_text *mail, struct octets_buffer *ret_text);

#endif
