// The mails that wait: on disk, one JSON file each, and a small index in memory. Decides what is
// put together, what is due and when to try again; sends nothing, reads no clock.
//
// Rules. A zone gets at most one mail in min_interval: what comes meanwhile is added to the zone's
// mail that waits. All zones together get at most MAIL_QUEUE_BURST mails in min_interval: what is
// over that waits and goes out as one mail about many zones. A mail that may have reached a server
// keeps its text and its Message-ID for ever; others may still grow. Over MAIL_QUEUE_MAX mails the
// two oldest become one. Texts that make a mail too long lose their bodies, oldest first, never
// their subjects.
#ifndef TANDEM_DAEMON_MAIL_QUEUE_H
#define TANDEM_DAEMON_MAIL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/daemon/mail.h"
#include "common/daemon/mail_letter.h"

#define MAIL_QUEUE_MAX        10000 // interface.md
#define MAIL_QUEUE_BURST      10    // mails in one min_interval to one recipient, over all zones
#define MAIL_QUEUE_DIGEST_MAX (1024 * 1024) // octets of bodies in one mail: what mail servers take
#define MAIL_QUEUE_PARTS_MAX  10000         // events in one mail; earlier ones are only counted
#define MAIL_QUEUE_RETRY_MIN  10            // seconds, doubled up to
#define MAIL_QUEUE_RETRY_MAX  900

struct mail_queue;

struct mail_queue_rules {
    const char *from;
    const char *const *to; // at least one
    size_t to_count;
    int64_t min_interval_seconds;
};
// Reads what the last run left. rules are copied. FAULT_IO names the folder; a damaged file is set
// aside as X.bad and counted.
bool mail_queue_open(struct mail_queue **ret_queue, const char *folder, const char *host,
                     const struct mail_queue_rules *rules, struct fault *fault);
void mail_queue_change(struct mail_queue *queue, const struct mail_queue_rules *rules);
void mail_queue_free(struct mail_queue **queue);

// False: the disk refused (the mail is kept in memory and goes out all the same).
bool mail_queue_add(struct mail_queue *queue, const struct mail_item *item, int64_t now,
                    struct fault *fault);

// The next mail that is due at now, marked as under way. False: none.
bool mail_queue_next(struct mail_queue *queue, int64_t now, struct mail_letter *ret_letter);
// The outcome; closes the letter.
void mail_queue_result(struct mail_queue *queue, struct mail_letter *letter, int64_t now);

// When mail_queue_next may give something; 0: nothing waits.
int64_t mail_queue_next_at(const struct mail_queue *queue, int64_t now);
size_t mail_queue_length(const struct mail_queue *queue);
int64_t mail_queue_oldest_at(const struct mail_queue *queue); // 0: none

#endif
