#include "common/daemon/mail.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/daemon/mail_file.h"
#include "common/daemon/mail_queue.h"
#include "common/daemon/mail_send.h"
#include "common/net/loop.h"

// The loop's side: what is due goes as a batch into a worker thread; the batch is a copy of
// everything that the thread needs, so nothing is shared but the flag that tells it to give up. At
// most one batch is under way: a mail server that stalls holds back mails, and nothing else.

#define BATCH_MAX    20
#define HOST_ROOM    256
#define FROM_ROOM    300
#define TIMER_MAX_MS (3600 * 1000) // the wall clock may jump: look again at least this often

struct batch {
    struct mail *mail;   // NULL: closed meanwhile
    struct arena *arena; // of the way's texts
    struct mail_way way;
    atomic_bool cancel;
    char *folder; // of the queue
    bool flush;   // it is to be flushed first
    struct mail_letter letters[BATCH_MAX];
    size_t letter_count;
};

struct mail {
    struct loop *loop;
    struct arena *arena; // of the settings; made anew when they change
    struct alert_settings alert;
    char from[FROM_ROOM];
    char host[HOST_ROOM];
    char *folder;
    struct mail_queue *queue;
    struct loop_timer *timer;
    struct batch *batch; // under way
    bool unflushed;      // files were written since the last flush
    void (*tell)(void *context, const char *kind, const char *result);
    void *context;
    struct mail_status status;
};

static void mail_turn(struct mail *mail);

// ---- settings
// ----------------------------------------------------------------------------------------------------

static struct settings_texts
texts_copy(struct arena *arena, const struct settings_texts *texts)
{
    const char **items = arena_zalloc(arena, (texts->count + 1) * sizeof *items);
    for (size_t i = 0; i < texts->count; i++)
        items[i] = arena_text(arena, texts->items[i]);
    return (struct settings_texts){items, texts->count};
}

static const char *
text_copy(struct arena *arena, const char *text)
{
    return arena_text(arena, text ? text : "");
}

static void
alert_copy(struct arena *arena, const struct alert_settings *from, struct alert_settings *to)
{
    *to = *from;
    to->smtp_address = text_copy(arena, from->smtp_address);
    to->smtp_user = text_copy(arena, from->smtp_user);
    to->smtp_password = text_copy(arena, from->smtp_password);
    to->smtp_password_file = text_copy(arena, from->smtp_password_file);
    to->smtp_ca_file = text_copy(arena, from->smtp_ca_file);
    to->mail_directory = text_copy(arena, from->mail_directory);
    to->from = text_copy(arena, from->from);
    to->to = texts_copy(arena, &from->to);
}

static bool
has_way(const struct mail *mail)
{
    return mail->alert.smtp_address[0] || mail->alert.mail_directory[0];
}

static const char *
tls_word(enum smtp_tls tls)
{
    return tls == SMTP_TLS_STARTTLS ? "starttls" : tls == SMTP_TLS_TLS ? "tls" : "none";
}

static void
settings_take(struct mail *mail, const struct alert_settings *alert)
{
    struct arena *arena = arena_new();
    alert_copy(arena, alert, &mail->alert);
    arena_free(&mail->arena);
    mail->arena = arena;
    if (mail->alert.from[0])
        snprintf(mail->from, sizeof mail->from, "%s", mail->alert.from);
    else
        snprintf(mail->from, sizeof mail->from, "tandem@%s", mail->host);
    char *way = mail->status.way;
    size_t size = sizeof mail->status.way;
    if (mail->alert.mail_directory[0])
        snprintf(way, size, "directory %s", mail->alert.mail_directory);
    else if (mail->alert.smtp_address[0])
        snprintf(way, size, "smtp %s %s", mail->alert.smtp_address, tls_word(mail->alert.smtp_tls));
    else
        snprintf(way, size, "none");
}

// What the way out needs of libraries.
static bool
way_prepare(const struct mail *mail, struct fault *fault)
{
    bool is_smtp = mail->alert.smtp_address[0] && !mail->alert.mail_directory[0];
    return !is_smtp || mail_send_prepare(fault);
}

static struct mail_queue_rules
rules_of(const struct mail *mail, const char *only_recipient[static 1])
{
    struct mail_queue_rules rules = {mail->from, mail->alert.to.items, mail->alert.to.count,
                                     mail->alert.min_interval_seconds};
    if (rules.to_count == 0) { // a directory needs no recipient, a mail does
        only_recipient[0] = mail->from;
        rules.to = only_recipient;
        rules.to_count = 1;
    }
    return rules;
}

// ---- in the worker thread
// ------------------------------------------------------------------------------------------

static void
letter_send(struct mail_sender *sender, struct batch *batch, struct mail_letter *letter)
{
    for (size_t i = 0; i < letter->recipient_count && !atomic_load(&batch->cancel); i++) {
        struct fault fault = {.kind = FAULT_NONE};
        letter->accepted[i] = mail_sender_send(sender, letter->recipients[i], letter->text,
                                               letter->text_length, &fault);
        if (!letter->accepted[i])
            letter->fault = fault;
        if (fault.kind == FAULT_IO)
            return; // nobody is there: the others would only wait as long
    }
}

static void
letter_write(struct batch *batch, struct mail_letter *letter)
{
    bool written = mail_send_file(&batch->way, letter->name, letter->text, letter->text_length,
                                  &letter->fault);
    for (size_t i = 0; i < letter->recipient_count; i++)
        letter->accepted[i] = written;
}

static void
batch_work(void *context)
{
    struct batch *batch = context;
    struct mail_sender *sender = NULL;
    enum fault_kind stopped = FAULT_NONE;
    if (batch->flush)
        mail_files_sync(batch->folder);
    for (size_t i = 0; i < batch->letter_count; i++) {
        struct mail_letter *letter = &batch->letters[i];
        if (stopped == FAULT_IO || atomic_load(&batch->cancel))
            letter->fault = (struct fault){.kind = FAULT_IO, .text = "not tried"};
        else if (batch->way.directory[0])
            letter_write(batch, letter);
        else
            letter_send(sender ? sender : (sender = mail_sender_new(&batch->way)), batch, letter);
        stopped = letter->fault.kind;
    }
    mail_sender_free(&sender);
}

// ---- in the loop
// ---------------------------------------------------------------------------------------------------

static void
tell(const struct mail *mail, const char *kind, const char *result)
{
    if (mail->tell)
        mail->tell(mail->context, kind, result);
}

static bool
is_accepted(const struct mail_letter *letter)
{
    bool all = true;
    for (size_t i = 0; i < letter->recipient_count; i++)
        all &= letter->accepted[i];
    return all;
}

static void
letter_note(struct mail *mail, const struct mail_letter *letter, int64_t now)
{
    bool all = is_accepted(letter);
    if (all) {
        mail->status.sent_total++;
        mail->status.last_sent_at = now;
        mail->status.last_error[0] = '\0';
        log_info("mail sent", "kind", letter->kind, "id", letter->name);
    } else {
        mail->status.failed_total++;
        mail->status.last_failed_at = now;
        if (strcmp(letter->fault.text, "not tried") != 0) {
            snprintf(mail->status.last_error, sizeof mail->status.last_error, "%s",
                     letter->fault.text);
            log_limited(LOG_LEVEL_WARNING, "mail failed", 60, "mail not sent, will be tried again",
                        "kind", letter->kind, "id", letter->name, "reason", letter->fault.text);
        }
    }
    tell(mail, letter->kind, all ? "sent" : "failed");
}

static void
batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->letter_count; i++)
        if (batch->letters[i].text)
            mail_letter_close(&batch->letters[i]);
    free(batch->folder);
    arena_free(&batch->arena);
    free(batch);
}

// The daemon ended while the batch was under way: what was sent must not be sent again after the
// next start.
static void
batch_note_late(const struct batch *batch)
{
    for (size_t i = 0; i < batch->letter_count; i++)
        if (is_accepted(&batch->letters[i]))
            mail_file_remove(batch->folder, batch->letters[i].number);
}

static void
batch_done(void *context, bool cancelled)
{
    struct batch *batch = context;
    struct mail *mail = batch->mail;
    if (mail && !cancelled) {
        int64_t now = clock_unix_seconds();
        mail->batch = NULL;
        for (size_t i = 0; i < batch->letter_count; i++) {
            letter_note(mail, &batch->letters[i], now);
            mail_queue_result(mail->queue, &batch->letters[i], now);
        }
    }
    if (!mail && !cancelled)
        batch_note_late(batch);
    batch_free(batch);
    if (mail && !cancelled)
        mail_turn(mail);
}

static struct batch *
batch_new(struct mail *mail)
{
    struct batch *batch = memory_zalloc(sizeof *batch);
    batch->arena = arena_new();
    atomic_init(&batch->cancel, false);
    batch->mail = mail;
    batch->way = (struct mail_way){
        .directory = text_copy(batch->arena, mail->alert.mail_directory),
        .address = text_copy(batch->arena, mail->alert.smtp_address),
        .tls = mail->alert.smtp_tls,
        .user = text_copy(batch->arena, mail->alert.smtp_user),
        .password = text_copy(batch->arena, mail->alert.smtp_password),
        .ca_file = text_copy(batch->arena, mail->alert.smtp_ca_file),
        .from = text_copy(batch->arena, mail->from),
        .host = text_copy(batch->arena, mail->host),
        .cancel = &batch->cancel,
    };
    batch->folder = memory_text(mail->folder);
    batch->flush = mail->unflushed;
    mail->unflushed = false;
    return batch;
}

static void
timer_set(struct mail *mail, int64_t now)
{
    int64_t next = has_way(mail) ? mail_queue_next_at(mail->queue, now) : 0;
    mail->status.next_try_at = next;
    if (next == 0) {
        loop_timer_stop(mail->timer);
        return;
    }
    int64_t wait_ms = next > now ? (next - now) * 1000 : 1;
    loop_timer_start(mail->timer, (uint64_t)(wait_ms < TIMER_MAX_MS ? wait_ms : TIMER_MAX_MS), 0);
}

// Sends what is due, or waits for what will be.
static void
mail_turn(struct mail *mail)
{
    int64_t now = clock_unix_seconds();
    if (mail->batch)
        return;
    struct batch *batch = batch_new(mail);
    while (has_way(mail) && batch->letter_count < BATCH_MAX &&
           mail_queue_next(mail->queue, now, &batch->letters[batch->letter_count]))
        batch->letter_count++;
    timer_set(mail, now);
    if (batch->letter_count == 0 && !batch->flush) {
        batch_free(batch);
        return;
    }
    mail->batch = batch;
    loop_work(mail->loop, batch_work, batch_done, batch);
}

static void
timer_event(void *context)
{
    mail_turn(context);
}

static void
host_take(struct mail *mail, const char *host)
{
    if (host && *host)
        snprintf(mail->host, sizeof mail->host, "%s", host);
    else if (gethostname(mail->host, sizeof mail->host - 1) != 0 || !mail->host[0])
        snprintf(mail->host, sizeof mail->host, "localhost");
    // It stands in headers, in EHLO and in an URL.
    for (char *at = mail->host; *at; at++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *at))
            *at = '-';
}

bool
mail_open(struct mail **ret_mail, struct loop *loop, const struct mail_options *options,
          struct fault *fault)
{
    const char *only_recipient[1];
    struct mail *mail = memory_zalloc(sizeof *mail);
    struct octets_buffer folder;
    mail->arena = arena_new();
    mail->loop = loop;
    mail->tell = options->tell;
    mail->context = options->context;
    host_take(mail, options->host);
    settings_take(mail, options->alert);
    octets_buffer_init(&folder);
    octets_buffer_printf(&folder, "%s/mail", options->state_directory);
    octets_buffer_add_u8(&folder, 0);
    mail->folder = (char *)folder.data; // handed over
    struct mail_queue_rules rules = rules_of(mail, only_recipient);
    if (!way_prepare(mail, fault)) {
        mail_close(&mail);
        return false;
    }
    if (!mail_queue_open(&mail->queue, mail->folder, mail->host, &rules, fault)) {
        mail_close(&mail);
        return false;
    }
    mail->timer = loop_timer_new(loop, timer_event, mail);
    timer_set(mail, clock_unix_seconds());
    *ret_mail = mail;
    return true;
}

void
mail_change(struct mail *mail, const struct alert_settings *alert)
{
    const char *only_recipient[1];
    struct fault fault = {0};
    settings_take(mail, alert);
    if (!way_prepare(mail, &fault))
        log_error(fault.text);
    struct mail_queue_rules rules = rules_of(mail, only_recipient);
    mail_queue_change(mail->queue, &rules);
    mail_turn(mail);
}

void
mail_close(struct mail **mail)
{
    struct mail *closing = *mail;
    if (!closing)
        return;
    // What is on its way is told to end (within a second); what it did not send is still on disk.
    if (closing->batch) {
        atomic_store(&closing->batch->cancel, true);
        closing->batch->mail = NULL;
    }
    loop_timer_free(&closing->timer);
    mail_queue_free(&closing->queue);
    arena_free(&closing->arena);
    free(closing->folder);
    free(closing);
    *mail = NULL;
}

bool
mail_submit(struct mail *mail, const struct mail_item *item, struct fault *fault)
{
    if (!has_way(mail)) {
        log_debug("no way to mail is set", "kind", item->kind, "zone", item->zone);
        tell(mail, item->kind, "dropped");
        return true;
    }
    bool fine = mail_queue_add(mail->queue, item, clock_unix_seconds(), fault);
    mail->unflushed = true;
    tell(mail, item->kind, "queued");
    // In the next turn, so that what happens at once goes out as one batch.
    if (!mail->batch)
        loop_timer_start(mail->timer, 1, 0);
    return fine;
}

void
mail_status(const struct mail *mail, struct mail_status *ret_status)
{
    *ret_status = mail->status;
    ret_status->queue_length = mail_queue_length(mail->queue);
    ret_status->oldest_at = mail_queue_oldest_at(mail->queue);
}
