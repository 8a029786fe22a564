// What began to leave in the last interval: a mark for each mail and for each zone in it. The rules
// of mail_queue.h count them: one mail for a zone, a burst of mails over all zones. Sends nothing,
// reads no clock; in memory only, so a start begins with none.
#ifndef TANDEM_DAEMON_MAIL_MARKS_H
#define TANDEM_DAEMON_MAIL_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/vector.h"

struct mail_marks {
    struct vector all; // of struct sent_mark, by time
};

void mail_marks_init(struct mail_marks *marks);
void mail_marks_close(struct mail_marks *marks);
// Forgets what is older than interval_seconds; the questions below are about the rest.
void mail_marks_prune(struct mail_marks *marks, int64_t interval_seconds, int64_t now);
// zone: copied. is_mail: false for a zone that was one of several in a mail with its own mark.
void mail_marks_add(struct mail_marks *marks, const char *zone, bool is_mail, int64_t now);
size_t mail_marks_mails(const struct mail_marks *marks);
// When the zone may have its next mail; now: at once.
int64_t mail_marks_zone_free_at(const struct mail_marks *marks, const char *zone,
                                int64_t interval_seconds, int64_t now);
// When there are fewer than burst mails again: the oldest of them is forgotten. now: at once.
int64_t mail_marks_burst_free_at(const struct mail_marks *marks, size_t burst,
                                 int64_t interval_seconds, int64_t now);

#endif
