// Troubles of ALIAS targets become few mails: seen in what `alert list` keeps, and in the queue's
// files.
#include "primary/alias_mails.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/dns/name.h"

struct bed {
    struct loop *loop;
    struct metrics *metrics;
    struct alerts *alerts;
    struct alias_mails *mails;
    char directory[64], queue[80];
};

static int
bed_open(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    struct alert_settings settings = {.smtp_address = "",
                                      .smtp_user = "",
                                      .smtp_password = "",
                                      .smtp_password_file = "",
                                      .smtp_ca_file = "",
                                      .from = "tandem@example.gov"};
    snprintf(bed->directory, sizeof bed->directory, "/tmp/tandem-alias-mails-XXXXXX");
    assert_non_null(mkdtemp(bed->directory));
    snprintf(bed->queue, sizeof bed->queue, "%s/mail", bed->directory);
    settings.mail_directory = bed->directory;
    for (unsigned i = 0; i < ALERT_KIND_COUNT; i++)
        settings.on[i] = true;
    bed->loop = loop_new();
    bed->metrics = metrics_new();
    struct alerts_options options = {.loop = bed->loop,
                                     .settings = &settings,
                                     .state_directory = bed->directory,
                                     .host = "here",
                                     .socket = "/the/p.sock",
                                     .metrics = bed->metrics};
    assert_true(alerts_open(&options, &bed->alerts, NULL));
    bed->mails = alias_mails_new(bed->loop, "here");
    alias_mails_set_alerts(bed->mails, bed->alerts);
    *state = bed;
    return 0;
}

static int
bed_close(void **state)
{
    struct bed *bed = *state;
    alias_mails_free(&bed->mails);
    alerts_close(&bed->alerts);
    metrics_free(&bed->metrics);
    loop_free(&bed->loop);
    DIR *folder = opendir(bed->queue);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", bed->queue, entry->d_name);
        unlink(path); // "." and ".." stay
    }
    closedir(folder);
    rmdir(bed->queue);
    rmdir(bed->directory);
    free(bed);
    return 0;
}

static void
add(struct bed *bed, enum alert_kind kind, enum event_what what, unsigned zone, unsigned owner,
    uint16_t type)
{
    static const uint8_t root[] = {0};
    uint8_t apex[NAME_SIZE_MAX], name[NAME_SIZE_MAX], target[NAME_SIZE_MAX];
    char text[64];
    snprintf(text, sizeof text, "z%u.gov", zone);
    assert_true(name_from_text(text, root, apex, NULL));
    snprintf(text, sizeof text, "o%u.z%u.gov", owner, zone);
    assert_true(name_from_text(text, root, name, NULL));
    assert_true(name_from_text("lb.out", root, target, NULL));
    struct event event = {.what = what,
                          .at_seconds = 1800000000,
                          .apex = apex,
                          .owner = name,
                          .target = target,
                          .type = type,
                          .text = "SERVFAIL from resolver 127.0.0.1@53",
                          .since = 1800000000,
                          .until = 1800086400};
    alias_mails_add(bed->mails, kind, "a sentence", &event);
}

// What was gathered goes; the mails are made anew for the rest of the test.
static void
flush(struct bed *bed)
{
    alias_mails_free(&bed->mails);
    bed->mails = alias_mails_new(bed->loop, "here");
    alias_mails_set_alerts(bed->mails, bed->alerts);
}

// How often the text stands in the queue's files.
static unsigned
in_queue(const struct bed *bed, const char *text)
{
    static char content[1 << 20];
    unsigned count = 0;
    DIR *folder = opendir(bed->queue);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", bed->queue, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!file)
            continue;
        content[fread(content, 1, sizeof content - 1, file)] = '\0';
        fclose(file);
        for (const char *at = content; (at = strstr(at, text)); at++)
            count++;
    }
    closedir(folder);
    return count;
}

static void
one_trouble_is_one_mail_with_all_about_it(void **state)
{
    struct bed *bed = *state;
    add(bed, ALERT_ALIAS_HELD, EVENT_HELD, 1, 7, 1);
    assert_int_equal(alerts_count(bed->alerts), 0); // gathered
    flush(bed);
    assert_int_equal(alerts_count(bed->alerts), 1);
    assert_string_equal(alerts_at(bed->alerts, 0)->subject, "o7.z1.gov.: ALIAS held: lb.out.");
    assert_string_equal(alerts_at(bed->alerts, 0)->zone, "z1.gov");
    assert_int_equal(in_queue(bed, "o7.z1.gov. A -> lb.out.  held"), 1);
    assert_int_equal(in_queue(bed, "SERVFAIL from resolver 127.0.0.1@53"), 1);
    assert_int_equal(in_queue(bed, "2027-01-16T08:00:00Z"), 1); // until
    assert_int_equal(in_queue(bed, "Check    tandemctl -s /the/p.sock alias show o7.z1.gov."), 1);
}

static void
both_types_of_a_target_are_one_line(void **state)
{
    struct bed *bed = *state;
    add(bed, ALERT_ALIAS_HELD, EVENT_HELD, 1, 1, 1);
    add(bed, ALERT_ALIAS_HELD, EVENT_HELD, 1, 2, 1);
    add(bed, ALERT_ALIAS_HELD, EVENT_HELD, 1, 1, 28);
    flush(bed);
    assert_int_equal(alerts_count(bed->alerts), 1);
    assert_string_equal(alerts_at(bed->alerts, 0)->subject, "z1.gov: ALIAS targets: 2 held");
    assert_int_equal(in_queue(bed, "o1.z1.gov.  A and AAAA -> lb.out.  held"), 1);
    assert_int_equal(in_queue(bed, "o2.z1.gov.  A -> lb.out.  held"), 1);
    assert_int_equal(in_queue(bed, "@53, since 2027-01-15T08:00:00Z, until 2027-01-16"), 2);
    assert_int_equal(in_queue(bed, "Check    tandemctl -s /the/p.sock alias list z1.gov"), 1);
    assert_int_equal(in_queue(bed, "targets of ALIAS records give no addresses"), 1);
    assert_int_equal(in_queue(bed, "targets of ALIAS records answer again"), 0);
    add(bed, ALERT_RECOVERED, EVENT_RECOVERED, 1, 1, 1);
    add(bed, ALERT_RECOVERED, EVENT_RECOVERED, 1, 2, 1);
    flush(bed);
    assert_int_equal(in_queue(bed, "targets of ALIAS records answer again"), 1);
}

static void
a_dead_resolver_is_one_mail_for_a_zone_with_two_hundred_lines(void **state)
{
    struct bed *bed = *state;
    for (unsigned i = 0; i < 1000; i++)
        add(bed, ALERT_ALIAS_HELD, i % 10 ? EVENT_HELD : EVENT_FAILING, 1, i, 1);
    flush(bed);
    assert_int_equal(alerts_count(bed->alerts), 1);
    assert_string_equal(alerts_at(bed->alerts, 0)->subject,
                        "z1.gov: ALIAS targets: 900 held, 100 failing");
    assert_int_equal(in_queue(bed, " -> lb.out."), ALIAS_MAILS_LINES_MAX);
    assert_int_equal(in_queue(bed, "and 800 more"), 1);
}

static void
each_zone_has_its_mail_and_recovery_another(void **state)
{
    struct bed *bed = *state;
    for (unsigned zone = 1; zone <= ALIAS_MAILS_ZONES_MAX; zone++)
        add(bed, ALERT_ALIAS_HELD, EVENT_HELD, zone, 1, 1);
    add(bed, ALERT_RECOVERED, EVENT_RECOVERED, 1, 1, 1);
    flush(bed);
    assert_int_equal(alerts_count(bed->alerts), ALIAS_MAILS_ZONES_MAX + 1);
    assert_string_equal(alerts_at(bed->alerts, 0)->subject, "o1.z1.gov.: ALIAS recovered: lb.out.");
    assert_int_equal(alerts_at(bed->alerts, 0)->kind, ALERT_RECOVERED);
}

static void
very_many_zones_are_one_mail(void **state)
{
    struct bed *bed = *state;
    for (unsigned zone = 1; zone <= 500; zone++)
        add(bed, ALERT_ALIAS_HELD, EVENT_HELD, zone, 1, 1);
    flush(bed);
    assert_int_equal(alerts_count(bed->alerts), 1);
    assert_string_equal(alerts_at(bed->alerts, 0)->zone, "");
    assert_string_equal(alerts_at(bed->alerts, 0)->subject, "many zones: ALIAS targets: 500 held");
    assert_int_equal(in_queue(bed, "and 300 more"), 1);
}

static void
more_than_can_be_gathered_goes_at_once(void **state)
{
    struct bed *bed = *state;
    for (unsigned i = 0; i < ALIAS_MAILS_ITEMS_MAX; i++)
        add(bed, ALERT_ALIAS_HELD, EVENT_HELD, 1, i, 1);
    assert_int_equal(alerts_count(bed->alerts), 1);
}

int
main(void)
{
#define BED_TEST(name) cmocka_unit_test_setup_teardown(name, bed_open, bed_close)
    const struct CMUnitTest tests[] = {
        BED_TEST(one_trouble_is_one_mail_with_all_about_it),
        BED_TEST(both_types_of_a_target_are_one_line),
        BED_TEST(a_dead_resolver_is_one_mail_for_a_zone_with_two_hundred_lines),
        BED_TEST(each_zone_has_its_mail_and_recovery_another),
        BED_TEST(very_many_zones_are_one_mail),
        BED_TEST(more_than_can_be_gathered_goes_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
