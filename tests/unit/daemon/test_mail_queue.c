#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon/mail_queue.h"

// Time is an argument: hours of retries take no time.
#define START 1795286527 // 2026-11-21T18:42:07Z

struct bench {
    char folder[64];
    struct mail_queue *queue;
    int64_t now;
};

static const char *const one_recipient[] = {"sre@example.gov"};
static const char *const two_recipients[] = {"sre@example.gov", "noc@example.gov"};

static struct mail_queue_rules
rules_for(size_t recipients)
{
    return (struct mail_queue_rules){
        "tandem@example.gov", recipients == 1 ? one_recipient : two_recipients, recipients, 300};
}

static void
reopen(struct bench *bench, size_t recipients)
{
    struct mail_queue_rules rules = rules_for(recipients);
    mail_queue_free(&bench->queue);
    assert_true(mail_queue_open(&bench->queue, bench->folder, "ns1.example.gov", &rules, NULL));
}

static int
setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    strcpy(bench->folder, "/tmp/tandem-mail-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    bench->now = START;
    reopen(bench, 1);
    *state = bench;
    return 0;
}

static size_t
files(const struct bench *bench, bool remove)
{
    DIR *directory = opendir(bench->folder);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.') {
            count++;
            if (remove)
                unlinkat(dirfd(directory), entry->d_name, 0);
        }
    closedir(directory);
    return count;
}

static int
teardown(void **state)
{
    struct bench *bench = *state;
    mail_queue_free(&bench->queue);
    files(bench, true);
    assert_int_equal(rmdir(bench->folder), 0);
    free(bench);
    return 0;
}

static void
add(struct bench *bench, const char *zone, const char *subject)
{
    struct mail_item item = {.kind = "resign", .zone = zone, .subject = subject, .body = "text\n"};
    assert_true(mail_queue_add(bench->queue, &item, bench->now, NULL));
}

// Sends what is due; gives how many, and the text of the last one.
static size_t
drain(struct bench *bench, char *text, size_t size)
{
    size_t count = 0;
    struct mail_letter letter;
    while (mail_queue_next(bench->queue, bench->now, &letter)) {
        count++;
        if (text)
            snprintf(text, size, "%.*s", (int)letter.text_length, letter.text);
        for (size_t i = 0; i < letter.recipient_count; i++)
            letter.accepted[i] = true;
        mail_queue_result(bench->queue, &letter, bench->now);
    }
    return count;
}

static void
send_fails(struct bench *bench, enum fault_kind kind)
{
    struct mail_letter letter;
    assert_true(mail_queue_next(bench->queue, bench->now, &letter));
    fault_set(&letter.fault, kind, "no");
    mail_queue_result(bench->queue, &letter, bench->now);
}

static void
the_first_mail_of_a_zone_goes_at_once(void **state)
{
    struct bench *bench = *state;
    char text[4096];
    add(bench, "example.gov", "example.gov re-signed: 1 -> 2 (+1 -1)");
    assert_int_equal(mail_queue_next_at(bench->queue, bench->now), START);
    assert_int_equal(drain(bench, text, sizeof text), 1);
    assert_non_null(strstr(text, "Subject: [tandem] example.gov re-signed: 1 -> 2 (+1 -1)\r\n"));
    assert_non_null(strstr(text, "From: tandem@example.gov\r\nTo: sre@example.gov\r\n"));
    assert_non_null(strstr(text, "Date: Sat, 21 Nov 2026 18:42:07 +0000\r\n"));
    assert_non_null(strstr(text, "Auto-Submitted: auto-generated\r\n"));
    assert_non_null(strstr(text, "References: <zone.example.gov@ns1.example.gov>\r\n"));
    assert_non_null(strstr(text, "\r\n\r\ntext\r\n"));
    assert_int_equal(mail_queue_length(bench->queue), 0);
    assert_int_equal(files(bench, false), 0);
}

static void
later_ones_of_the_zone_wait_and_become_one(void **state)
{
    struct bench *bench = *state;
    char text[4096];
    add(bench, "example.gov", "first");
    assert_int_equal(drain(bench, NULL, 0), 1);
    for (unsigned i = 0; i < 4; i++) {
        bench->now += 60;
        add(bench, "example.gov", i == 3 ? "the last of four" : "another");
        assert_int_equal(drain(bench, NULL, 0), 0);
    }
    assert_int_equal(files(bench, false), 1);
    assert_int_equal(mail_queue_next_at(bench->queue, bench->now), START + 300);
    bench->now = START + 300;
    assert_int_equal(drain(bench, text, sizeof text), 1);
    assert_non_null(strstr(text, "example.gov: 4 events, the last: the last of four"));
    assert_non_null(strstr(text, "18:43:07Z  another"));
    // Another zone is not held up by this one.
    add(bench, "example.gov", "x");
    add(bench, "example.net", "y");
    assert_int_equal(drain(bench, text, sizeof text), 1);
    assert_non_null(strstr(text, "Subject: [tandem] y"));
}

static void
a_shorter_min_interval_holds_for_what_waits_already(void **state)
{
    struct bench *bench = *state;
    struct mail_queue_rules rules = rules_for(1);
    rules.min_interval_seconds = 3600;
    mail_queue_change(bench->queue, &rules);
    add(bench, "example.gov", "one");
    assert_int_equal(drain(bench, NULL, 0), 1);
    bench->now += 10;
    add(bench, "example.gov", "two");
    bench->now += 100;
    assert_int_equal(drain(bench, NULL, 0), 0);
    rules.min_interval_seconds = 60;
    mail_queue_change(bench->queue, &rules);
    assert_int_equal(drain(bench, NULL, 0), 1);
}

static void
many_zones_at_once_become_few_mails_and_no_event_is_lost(void **state)
{
    struct bench *bench = *state;
    size_t mails = 0, events = 0;
    char *text = malloc(1 << 20);
    for (unsigned i = 0; i < 1000; i++) {
        char zone[32];
        snprintf(zone, sizeof zone, "z%u.example", i);
        add(bench, zone, zone);
    }
    mails = drain(bench, text, 1 << 20);
    assert_int_equal(mails, 1);
    for (const char *at = text; (at = strstr(at, "----- ")); at++)
        events++;
    assert_int_equal(events, 1000);
    assert_non_null(strstr(text, "1000 events of 1000 zones"));
    assert_null(strstr(text, "References:"));
    // Each of the zones has had its mail in this interval.
    add(bench, "z7.example", "again");
    assert_int_equal(drain(bench, NULL, 0), 0);
    assert_int_equal(mail_queue_next_at(bench->queue, bench->now), START + 300);
    free(text);
}

static void
a_trickle_of_many_zones_is_bounded_in_each_interval(void **state)
{
    struct bench *bench = *state;
    size_t mails = 0;
    for (unsigned i = 0; i < 600; i++) {
        char zone[32];
        snprintf(zone, sizeof zone, "z%u.example", i);
        add(bench, zone, zone);
        mails += drain(bench, NULL, 0);
        bench->now += 1;
    }
    // Two intervals.
    assert_in_range(mails, MAIL_QUEUE_BURST, 2 * MAIL_QUEUE_BURST + 1);
    bench->now += 300;
    mails = drain(bench, NULL, 0);
    assert_int_equal(mails, 1);
    assert_int_equal(mail_queue_length(bench->queue), 0);
}

static void
urgent_ones_do_not_wait(void **state)
{
    struct bench *bench = *state;
    add(bench, "", "first");
    assert_int_equal(drain(bench, NULL, 0), 1);
    struct mail_item item = {
        .kind = "test", .zone = "", .subject = "test", .body = "x", .urgent = true};
    assert_true(mail_queue_add(bench->queue, &item, bench->now, NULL));
    assert_int_equal(drain(bench, NULL, 0), 1);
}

static void
the_same_occasion_is_kept_once_while_it_waits(void **state)
{
    struct bench *bench = *state;
    char text[4096];
    struct mail_item item = {
        .kind = "gate", .zone = "example.net", .subject = "held", .body = "x", .once = "5f1c09"};
    for (unsigned i = 0; i < 5; i++)
        assert_true(mail_queue_add(bench->queue, &item, bench->now, NULL));
    assert_int_equal(drain(bench, text, sizeof text), 1);
    assert_non_null(strstr(text, "Subject: [tandem] held\r\n"));
}

static void
an_absent_server_is_asked_after_10_20_40_seconds_up_to_15_minutes(void **state)
{
    struct bench *bench = *state;
    static const int64_t waits[] = {10, 20, 40, 80, 160, 320, 640, 900, 900};
    add(bench, "example.gov", "x");
    add(bench, "example.net", "y");
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        send_fails(bench, FAULT_IO);
        // The other mail would find nobody either.
        assert_int_equal(mail_queue_next_at(bench->queue, bench->now), bench->now + waits[i]);
        assert_int_equal(drain(bench, NULL, 0), 0);
        bench->now += waits[i];
    }
    assert_int_equal(drain(bench, NULL, 0), 2);
}

static void
a_refused_mail_does_not_hold_up_others(void **state)
{
    struct bench *bench = *state;
    char text[4096];
    add(bench, "example.gov", "x");
    send_fails(bench, FAULT_REFUSED);
    add(bench, "example.net", "y");
    assert_int_equal(drain(bench, text, sizeof text), 1);
    assert_non_null(strstr(text, "Subject: [tandem] y"));
    assert_int_equal(mail_queue_length(bench->queue), 1);
    bench->now += 10;
    assert_int_equal(drain(bench, NULL, 0), 1);
}

static char *
message_id_of(struct bench *bench, bool accept)
{
    struct mail_letter letter;
    assert_true(mail_queue_next(bench->queue, bench->now, &letter));
    const char *at = strstr(letter.text, "Message-ID: ");
    char *id = strndup(at, strcspn(at, "\r"));
    for (size_t i = 0; i < letter.recipient_count; i++)
        letter.accepted[i] = accept;
    if (!accept)
        fault_set(&letter.fault, FAULT_TIMEOUT, "no reply to the text");
    mail_queue_result(bench->queue, &letter, bench->now);
    return id;
}

static void
a_mail_that_may_have_arrived_keeps_its_text_and_id_over_a_restart(void **state)
{
    struct bench *bench = *state;
    add(bench, "example.gov", "x");
    char *first = message_id_of(bench, false);
    add(bench, "example.gov", "y"); // not into the old one
    assert_int_equal(mail_queue_length(bench->queue), 2);
    reopen(bench, 1);
    assert_int_equal(mail_queue_length(bench->queue), 2);
    bench->now += 10;
    char *again = message_id_of(bench, true);
    assert_string_equal(first, again);
    free(first);
    free(again);
}

static void
an_unreached_mail_takes_what_comes_later(void **state)
{
    struct bench *bench = *state;
    char text[4096];
    add(bench, "example.gov", "x");
    send_fails(bench, FAULT_IO);
    for (unsigned i = 0; i < 100; i++)
        add(bench, "example.gov", "y");
    assert_int_equal(mail_queue_length(bench->queue), 1);
    bench->now += 10;
    assert_int_equal(drain(bench, text, sizeof text), 1);
    assert_non_null(strstr(text, "example.gov: 101 events"));
}

static void
only_the_recipient_who_did_not_get_it_gets_it_again(void **state)
{
    struct bench *bench = *state;
    struct mail_letter letter;
    reopen(bench, 2);
    add(bench, "example.gov", "x");
    assert_true(mail_queue_next(bench->queue, bench->now, &letter));
    assert_int_equal(letter.recipient_count, 2);
    letter.accepted[0] = true;
    fault_set(&letter.fault, FAULT_REFUSED, "mailbox full");
    mail_queue_result(bench->queue, &letter, bench->now);
    reopen(bench, 2);
    bench->now += 10;
    assert_true(mail_queue_next(bench->queue, bench->now, &letter));
    assert_int_equal(letter.recipient_count, 1);
    assert_string_equal(letter.recipients[0], "noc@example.gov");
    letter.accepted[0] = true;
    mail_queue_result(bench->queue, &letter, bench->now);
    assert_int_equal(mail_queue_length(bench->queue), 0);
}

static void
a_damaged_file_is_set_aside_and_the_others_go(void **state)
{
    struct bench *bench = *state;
    char path[128];
    add(bench, "example.gov", "x");
    snprintf(path, sizeof path, "%s/%020d.json", bench->folder, 7);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "{\"parts\": [", 11), 11);
    close(fd);
    snprintf(path, sizeof path, "%s/%020d.new", bench->folder, 8);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    reopen(bench, 1);
    assert_int_equal(mail_queue_length(bench->queue), 1);
    snprintf(path, sizeof path, "%s/%020d.bad", bench->folder, 7);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(drain(bench, NULL, 0), 1);
    assert_int_equal(files(bench, false), 1);
}

static void
a_full_queue_puts_the_oldest_together_and_keeps_every_event(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < MAIL_QUEUE_MAX + 50; i++) {
        char zone[32];
        snprintf(zone, sizeof zone, "z%u.example", i);
        add(bench, zone, zone);
    }
    assert_int_equal(mail_queue_length(bench->queue), MAIL_QUEUE_MAX);
    assert_int_equal(files(bench, false), MAIL_QUEUE_MAX);
}

static void
a_disk_that_refuses_loses_no_mail(void **state)
{
    struct bench *bench = *state;
    struct mail_item item = {.kind = "resign", .zone = "a", .subject = "x", .body = "y"};
    struct fault fault;
    char moved[80];
    snprintf(moved, sizeof moved, "%s.moved", bench->folder);
    assert_int_equal(rename(bench->folder, moved), 0);
    assert_false(mail_queue_add(bench->queue, &item, bench->now, &fault));
    assert_int_equal(fault.kind, FAULT_IO);
    send_fails(bench, FAULT_REFUSED);
    assert_int_equal(rename(moved, bench->folder), 0);
    bench->now += 10;
    assert_int_equal(drain(bench, NULL, 0), 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_first_mail_of_a_zone_goes_at_once),
        TEST(later_ones_of_the_zone_wait_and_become_one),
        TEST(a_shorter_min_interval_holds_for_what_waits_already),
        TEST(many_zones_at_once_become_few_mails_and_no_event_is_lost),
        TEST(a_trickle_of_many_zones_is_bounded_in_each_interval),
        TEST(urgent_ones_do_not_wait),
        TEST(the_same_occasion_is_kept_once_while_it_waits),
        TEST(an_absent_server_is_asked_after_10_20_40_seconds_up_to_15_minutes),
        TEST(a_refused_mail_does_not_hold_up_others),
        TEST(a_mail_that_may_have_arrived_keeps_its_text_and_id_over_a_restart),
        TEST(an_unreached_mail_takes_what_comes_later),
        TEST(only_the_recipient_who_did_not_get_it_gets_it_again),
        TEST(a_damaged_file_is_set_aside_and_the_others_go),
        TEST(a_full_queue_puts_the_oldest_together_and_keeps_every_event),
        TEST(a_disk_that_refuses_loses_no_mail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
