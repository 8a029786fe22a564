// Mail to the operator: submit and forget. A submitted mail is a file (state-directory/mail) before
// mail_submit returns, flushed to the disk by a worker thread right after; from there it goes out by
// SMTP (libcurl, in a worker thread) or into a directory of .eml files, as soon as min-interval and
// the mail server allow. Failure is a counter, a log line and a queued file, never a delay. At least
// once, with a stable Message-ID. Lives on the loop's thread; only the sending itself runs in a
// worker, on copies.
#ifndef TANDEM_DAEMON_MAIL_H
#define TANDEM_DAEMON_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/daemon/settings.h"

#define MAIL_BODY_MAX    (256 * 1024) // of one submitted mail; longer is cut with a line that says so
#define MAIL_SUBJECT_MAX 400          // octets; longer is cut

struct loop;
struct mail;

struct mail_options {
    const struct alert_settings *alert; // copied
    const char *state_directory;        // the queue is in its folder mail/ (made, 0700)
    const char *host;                   // for Message-ID and thread ids; NULL: gethostname
    // Tells about each mail that was sent ("sent"), was put back ("failed"), or was written to the
    // queue
    // ("queued"), for tandem_alerts_total{kind,result}. May be NULL.
    void (*tell)(void *context, const char *kind, const char *result);
    void *context;
};
// Reads the queue left by the last run and goes on with it. FAULT_IO: the folder cannot be made or
// read. Without a recipient or a way out (neither smtp nor mail-directory) mails are counted and
// dropped at debug.
bool mail_open(struct mail **ret_mail, struct loop *loop, const struct mail_options *options,
               struct fault *fault);
// New settings from a reload; the queue stays.
void mail_change(struct mail *mail, const struct alert_settings *alert);
// A sending under way is told to end; loop_free then waits for it (about a second). What was not
// sent is on disk.
void mail_close(struct mail **mail);

struct mail_item {
    const char *kind;    // an alert_kind word: "resign", "gate", ...; "test"
    const char *zone;    // presentation without the final dot; "" for mails about the daemon itself
    const char *subject; // without the "[tandem] " in front; UTF-8, one line
    const char *body;    // plain UTF-8 text, lines end with \n
    // About one occasion; the same text twice in a row for one zone while still queued is kept
    // once. NULL: none.
    const char *once;
    bool urgent; // not held back by min-interval (alert test, crash)
};
// False only when the disk refuses (FAULT_IO): the mail is then kept in memory and tried as well.
bool mail_submit(struct mail *mail, const struct mail_item *item, struct fault *fault);

struct mail_status {
    size_t queue_length; // mails on disk, not yet accepted for every recipient
    int64_t oldest_at;   // Unix seconds; 0: none
    uint64_t sent_total, failed_total;
    int64_t last_sent_at, last_failed_at; // 0: never
    int64_t next_try_at;                  // 0: nothing to do
    char last_error[FAULT_TEXT_MAX];      // "" after a success
    char way[300]; // "smtp smtp.example.gov:587 starttls", "directory /...", "none"
};
void mail_status(const struct mail *mail, struct mail_status *ret_status);

#endif
