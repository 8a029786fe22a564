// Gives one mail to a mail server (libcurl, the only user of it) or writes it into a directory.
// Waits as long as that takes, up to MAIL_SEND_SECONDS: for worker threads. Knows nothing of
// queues.
#ifndef TANDEM_DAEMON_MAIL_SEND_H
#define TANDEM_DAEMON_MAIL_SEND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/daemon/settings.h"

#define MAIL_SEND_CONNECT_SECONDS 20
#define MAIL_SEND_SECONDS         90 // one recipient, from the connection to the last reply

struct mail_way {
    const char *directory; // "": SMTP
    const char *address;   // "smtp.example.gov@587"
    enum smtp_tls tls;
    const char *user, *password, *ca_file; // "": none
    const char *from;
    const char *host;          // for EHLO
    const atomic_bool *cancel; // set: give up soon; may be NULL
};
// Before the first sender, by the loop's thread: loads libcurl. Nothing the second time. Fault: it
// is not installed.
bool mail_send_prepare(struct fault *fault);

struct mail_sender; // keeps a connection from mail to mail
struct mail_sender *mail_sender_new(const struct mail_way *way); // way is borrowed
void mail_sender_free(struct mail_sender **sender);
// One recipient. FAULT_IO: no server was reached, or it let us not in; nothing was sent.
// FAULT_REFUSED: it refused the mail. FAULT_TIMEOUT: it may have the mail.
bool mail_sender_send(struct mail_sender *sender, const char *to, const char *text, size_t length,
                      struct fault *fault);
// Into the directory, by rename: readers see whole files only. An existing file of that name stays
// (the mail was written before).
bool mail_send_file(const struct mail_way *way, const char *name, const char *text, size_t length,
                    struct fault *fault);

#endif
