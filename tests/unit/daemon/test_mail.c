#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/octets.h"
#include "common/daemon/mail.h"
#include "common/daemon/mail_send.h"
#include "common/daemon/mail_text.h"
#include "common/net/loop.h"

// A mail server of a few lines, one connection at a time, in a thread of its own.
enum server_mood { SERVER_FINE, SERVER_REFUSES_RECIPIENT, SERVER_STALLS, SERVER_DROPS_AFTER_TEXT };

struct server {
    int fd;
    unsigned port;
    pthread_t thread;
    atomic_int mood;
    atomic_int mails;
    atomic_bool ends;
    char text[65536]; // of the last mail; read when mails says so
};

static void
put(int fd, const char *line)
{
    ssize_t sent = send(fd, line, strlen(line), MSG_NOSIGNAL);
    (void)sent;
}

// One line without its end; false: closed or told to end.
static bool
take(struct server *server, int fd, char *line, size_t size)
{
    size_t used = 0;
    while (!atomic_load(&server->ends)) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, 20) == 0)
            continue;
        char octet;
        if (recv(fd, &octet, 1, 0) != 1)
            return false;
        if (octet == '\n') {
            line[used && line[used - 1] == '\r' ? used - 1 : used] = '\0';
            return true;
        }
        if (used + 1 < size)
            line[used++] = octet;
    }
    return false;
}

static void
converse(struct server *server, int fd)
{
    char line[4096];
    size_t used = 0;
    bool in_text = false;
    put(fd, "220 mx.example ESMTP\r\n");
    while (take(server, fd, line, sizeof line)) {
        if (in_text && strcmp(line, ".") != 0) {
            const char *from = line[0] == '.' ? line + 1 : line;
            used += (size_t)snprintf(server->text + used, sizeof server->text - used, "%s\n", from);
        } else if (in_text) {
            in_text = false;
            atomic_fetch_add(&server->mails, 1);
            if (atomic_load(&server->mood) == SERVER_DROPS_AFTER_TEXT)
                return;
            put(fd, "250 taken\r\n");
        } else if (strncmp(line, "EHLO", 4) == 0) {
            if (atomic_load(&server->mood) == SERVER_STALLS)
                continue;
            put(fd, "250 mx.example\r\n");
        } else if (strncmp(line, "RCPT", 4) == 0 &&
                   atomic_load(&server->mood) == SERVER_REFUSES_RECIPIENT &&
                   strstr(line, "full@")) {
            put(fd, "550 mailbox full\r\n");
        } else if (strncmp(line, "DATA", 4) == 0) {
            in_text = true;
            used = 0;
            put(fd, "354 go on\r\n");
        } else if (strncmp(line, "QUIT", 4) == 0) {
            put(fd, "221 bye\r\n");
            return;
        } else {
            put(fd, "250 ok\r\n");
        }
    }
}

static void *
serve(void *context)
{
    struct server *server = context;
    while (!atomic_load(&server->ends)) {
        struct pollfd poll_fd = {.fd = server->fd, .events = POLLIN};
        if (poll(&poll_fd, 1, 20) <= 0)
            continue;
        int fd = accept(server->fd, NULL, NULL);
        converse(server, fd);
        close(fd);
    }
    return NULL;
}

struct bench {
    char folder[64];
    struct loop *loop;
    struct mail *mail;
    struct server server;
    struct alert_settings alert;
    char address[64];
    unsigned sent, failed;
};

static const char *const recipients[] = {"sre@example.gov", "full@example.gov"};

static void
told(void *context, const char *kind, const char *result)
{
    struct bench *bench = context;
    (void)kind;
    bench->sent += strcmp(result, "sent") == 0;
    bench->failed += strcmp(result, "failed") == 0;
}

static void
open_mail(struct bench *bench)
{
    struct mail_options options = {.alert = &bench->alert,
                                   .state_directory = bench->folder,
                                   .host = "ns1.example.gov",
                                   .tell = told,
                                   .context = bench};
    assert_true(mail_open(&bench->mail, bench->loop, &options, NULL));
}

static int
setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    strcpy(bench->folder, "/tmp/tandem-mail-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    bench->server.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(bench->server.fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(bench->server.fd, 8), 0);
    getsockname(bench->server.fd, (struct sockaddr *)&address, &size);
    snprintf(bench->address, sizeof bench->address, "127.0.0.1@%u", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&bench->server.thread, NULL, serve, &bench->server), 0);
    bench->alert = (struct alert_settings){.smtp_address = bench->address,
                                           .smtp_tls = SMTP_TLS_NONE,
                                           .smtp_user = "",
                                           .smtp_password = "",
                                           .smtp_password_file = "",
                                           .smtp_ca_file = "",
                                           .mail_directory = "",
                                           .from = "tandem@example.gov",
                                           .to = {recipients, 1},
                                           .min_interval_seconds = 300};
    bench->loop = loop_new();
    open_mail(bench);
    *state = bench;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *bench = *state;
    char command[200];
    mail_close(&bench->mail);
    atomic_store(&bench->server.ends, true);
    loop_free(&bench->loop);
    pthread_join(bench->server.thread, NULL);
    close(bench->server.fd);
    snprintf(command, sizeof command, "rm -r %s", bench->folder);
    assert_int_equal(system(command), 0);
    free(bench);
    return 0;
}

static void
submit(struct bench *bench, const char *zone, const char *subject, const char *body)
{
    struct mail_item item = {.kind = "resign", .zone = zone, .subject = subject, .body = body};
    assert_true(mail_submit(bench->mail, &item, NULL));
}

// Turns of the loop until so many mails were sent and failed.
static void
run_until(struct bench *bench, unsigned sent, unsigned failed)
{
    for (unsigned turn = 0; turn < 20000 && (bench->sent < sent || bench->failed < failed);
         turn++) {
        loop_run_once(bench->loop, false);
        usleep(500);
    }
    assert_int_equal(bench->sent, sent);
    assert_int_equal(bench->failed, failed);
}

static void
a_mail_reaches_the_server_with_its_dots(void **state)
{
    struct bench *bench = *state;
    submit(bench, "example.gov", "example.gov re-signed", "  one\n.\n..two\nthree\n");
    run_until(bench, 1, 0);
    assert_int_equal(atomic_load(&bench->server.mails), 1);
    assert_non_null(strstr(bench->server.text, "Subject: [tandem] example.gov re-signed\n"));
    assert_non_null(strstr(bench->server.text, "\n\n  one\n.\n..two\nthree\n"));
    struct mail_status status;
    mail_status(bench->mail, &status);
    assert_int_equal(status.queue_length, 0);
    assert_int_equal(status.sent_total, 1);
}

static void
several_mails_share_a_connection(void **state)
{
    struct bench *bench = *state;
    submit(bench, "a.example", "a", "x");
    submit(bench, "b.example", "b", "x");
    submit(bench, "c.example", "c", "x");
    run_until(bench, 3, 0);
    assert_int_equal(atomic_load(&bench->server.mails), 3);
}

static void
starttls_sends_nothing_to_a_server_that_has_none(void **state)
{
    struct bench *bench = *state;
    struct mail_status status;
    bench->alert.smtp_tls = SMTP_TLS_STARTTLS;
    mail_change(bench->mail, &bench->alert);
    submit(bench, "example.gov", "secret", "x");
    run_until(bench, 0, 1);
    assert_int_equal(atomic_load(&bench->server.mails), 0);
    mail_status(bench->mail, &status);
    assert_int_equal(status.queue_length, 1);
    assert_non_null(strstr(status.last_error, "mail server 127.0.0.1"));
    // What failed is still there after a restart and goes out when it can.
    mail_close(&bench->mail);
    bench->alert.smtp_tls = SMTP_TLS_NONE;
    open_mail(bench);
    mail_change(bench->mail, &bench->alert);
    mail_status(bench->mail, &status);
    assert_int_equal(status.queue_length, 1);
}

static void
one_refused_recipient_does_not_cost_the_other_the_mail(void **state)
{
    struct bench *bench = *state;
    struct mail_status status;
    atomic_store(&bench->server.mood, SERVER_REFUSES_RECIPIENT);
    bench->alert.to.count = 2;
    mail_change(bench->mail, &bench->alert);
    submit(bench, "example.gov", "x", "y");
    run_until(bench, 0, 1);
    assert_int_equal(atomic_load(&bench->server.mails), 1);
    mail_status(bench->mail, &status);
    assert_int_equal(status.queue_length, 1);
    assert_non_null(strstr(status.last_error, "full@example.gov"));
}

static void
a_server_that_stalls_delays_nothing_but_the_mail(void **state)
{
    struct bench *bench = *state;
    struct mail_status status;
    atomic_store(&bench->server.mood, SERVER_STALLS);
    submit(bench, "example.gov", "x", "y");
    for (unsigned turn = 0; turn < 100; turn++) {
        loop_run_once(bench->loop, false);
        usleep(1000);
    }
    submit(bench, "example.net", "x", "y"); // comes back at once
    mail_status(bench->mail, &status);
    assert_int_equal(status.queue_length, 2);
    // teardown: told to give up, it does
}

static void
a_lost_reply_after_the_text_counts_as_maybe_sent(void **state)
{
    struct bench *bench = *state;
    struct mail_way way = {.directory = "",
                           .address = bench->address,
                           .tls = SMTP_TLS_NONE,
                           .user = "",
                           .password = "",
                           .ca_file = "",
                           .from = "tandem@example.gov",
                           .host = "ns1.example.gov"};
    struct fault fault;
    assert_true(mail_send_prepare(&fault));
    struct mail_sender *sender = mail_sender_new(&way);
    atomic_store(&bench->server.mood, SERVER_DROPS_AFTER_TEXT);
    assert_false(mail_sender_send(sender, "sre@example.gov", "A: b\r\n\r\nc\r\n", 11, &fault));
    assert_int_equal(fault.kind, FAULT_TIMEOUT);
    mail_sender_free(&sender);
    way.address = "127.0.0.1@1";
    sender = mail_sender_new(&way);
    assert_false(mail_sender_send(sender, "sre@example.gov", "A: b\r\n\r\nc\r\n", 11, &fault));
    assert_int_equal(fault.kind, FAULT_IO);
    mail_sender_free(&sender);
}

static void
a_mail_directory_gets_whole_files(void **state)
{
    struct bench *bench = *state;
    char directory[128];
    size_t count = 0;
    snprintf(directory, sizeof directory, "%s/out", bench->folder);
    bench->alert.smtp_address = "";
    bench->alert.mail_directory = directory;
    bench->alert.to.count = 0;
    mail_change(bench->mail, &bench->alert);
    submit(bench, "example.gov", "x", "y");
    run_until(bench, 1, 0);
    DIR *folder = opendir(directory);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.') {
            count++;
            assert_string_equal(strrchr(entry->d_name, '.'), ".eml");
        }
    closedir(folder);
    assert_int_equal(count, 1);
}

static void
nothing_is_queued_when_there_is_no_way_to_mail(void **state)
{
    struct bench *bench = *state;
    struct mail_status status;
    bench->alert.smtp_address = "";
    mail_change(bench->mail, &bench->alert);
    submit(bench, "example.gov", "x", "y");
    mail_status(bench->mail, &status);
    assert_int_equal(status.queue_length, 0);
    assert_string_equal(status.way, "none");
}

// ---- text
// --------------------------------------------------------------------------------------------------------

static void
render(const char *subject, const char *zone, const char *body, char *text, size_t size)
{
    static const char *const to[] = {"a@example.gov", "b@example.gov"};
    struct mail_part part = {"gate", zone, subject, body, 1795286527};
    struct mail_text mail = {.from = "tandem@example.gov",
                             .to = to,
                             .to_count = 2,
                             .host = "ns1.example.gov",
                             .message_id = "1@ns1.example.gov",
                             .zone = zone,
                             .date = 1795286527,
                             .parts = &part,
                             .part_count = 1};
    struct octets_buffer octets;
    octets_buffer_init(&octets);
    mail_text_render(&mail, &octets);
    octets_buffer_add_u8(&octets, 0);
    snprintf(text, size, "%s", (const char *)octets.data);
    octets_buffer_close(&octets);
}

static void
no_text_can_begin_a_header_line(void **state)
{
    (void)state;
    char text[8192];
    render("x\r\nBcc: evil@example", "e\r\nBcc: z", "body\n", text, sizeof text);
    assert_null(strstr(text, "\nBcc"));
    assert_non_null(strstr(text, "Subject: [tandem] x  Bcc: evil@example\r\n"));
    assert_non_null(strstr(text, "To: a@example.gov,\r\n b@example.gov\r\n"));
}

static void
what_is_not_ascii_is_encoded(void **state)
{
    (void)state;
    char text[8192];
    render("gr\xc3\xbc\xc3\x9f", "example.gov", "caf\xc3\xa9 = x \n", text, sizeof text);
    assert_non_null(strstr(text, "Subject: =?UTF-8?B?W3RhbmRlbV0gZ3LDvMOf?=\r\n"));
    assert_non_null(strstr(text, "Content-Transfer-Encoding: quoted-printable\r\n"));
    assert_non_null(strstr(text, "\r\n\r\ncaf=C3=A9 =3D x=20\r\n"));
}

static void
long_lines_are_folded_or_encoded(void **state)
{
    (void)state;
    char text[16384], body[3000], subject[400];
    memset(body, 'x', sizeof body);
    body[sizeof body - 1] = '\0';
    for (size_t i = 0; i < sizeof subject; i++)
        subject[i] = i % 10 ? 'w' : ' ';
    subject[sizeof subject - 1] = '\0';
    render(subject, "", body, text, sizeof text);
    for (const char *line = text; line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        assert_true(strcspn(line, "\r") <= 100);
    assert_null(strstr(text, "References"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_mail_reaches_the_server_with_its_dots),
        TEST(several_mails_share_a_connection),
        TEST(starttls_sends_nothing_to_a_server_that_has_none),
        TEST(one_refused_recipient_does_not_cost_the_other_the_mail),
        TEST(a_server_that_stalls_delays_nothing_but_the_mail),
        TEST(a_lost_reply_after_the_text_counts_as_maybe_sent),
        TEST(a_mail_directory_gets_whole_files),
        TEST(nothing_is_queued_when_there_is_no_way_to_mail),
        cmocka_unit_test(no_text_can_begin_a_header_line),
        cmocka_unit_test(what_is_not_ascii_is_encoded),
        cmocka_unit_test(long_lines_are_folded_or_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
