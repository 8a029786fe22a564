// What one queued mail says: its events, recipients and ids, as the JSON that lies on disk. Pure.
#ifndef TANDEM_DAEMON_MAIL_CONTENT_H
#define TANDEM_DAEMON_MAIL_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/daemon/json_value.h"
#include "common/daemon/mail.h"

struct json_value *mail_content_new(uint64_t number, const char *host, const char *zone, bool many,
                                    int64_t now, const char *const *to, size_t to_count);
// One more event.
void mail_content_add(struct json_value *content, const struct mail_item *item, int64_t now);
// All events of another mail behind those of this one. Not trimmed.
void mail_content_append(struct json_value *content, const struct json_value *other);
// Keeps it within MAIL_QUEUE_DIGEST_MAX and MAIL_QUEUE_PARTS_MAX: bodies go first (oldest first),
// then whole events, which are counted.
void mail_content_trim(struct json_value *content);
const char *mail_content_kind(const struct json_value *content); // of the newest event
void mail_content_render(const struct json_value *content, const char *from, const char *host,
                         struct octets_buffer *ret_text);

#endif
