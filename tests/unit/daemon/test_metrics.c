#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/daemon/metrics.h"

static int
setup(void **state)
{
    *state = metrics_new();
    return 0;
}

static int
teardown(void **state)
{
    struct metrics *metrics = *state;
    metrics_free(&metrics);
    return 0;
}

static void
expect_text(struct metrics *metrics, const char *expected)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    metrics_write(metrics, &text);
    octets_buffer_add_u8(&text, 0);
    assert_string_equal((const char *)text.data, expected);
    octets_buffer_close(&text);
}

static void
families_come_in_the_order_of_the_table_with_help_and_type(void **state)
{
    struct metrics *metrics = *state;
    metrics_set(metrics, METRIC_ALERT_QUEUE_LENGTH, 3);
    metrics_set(metrics, METRIC_ZONE_SERIAL, 4294967295.0, "example.gov", "signed");
    metrics_set(metrics, METRIC_BUILD_INFO, 1, "0.1.0");
    expect_text(metrics, "# HELP tandem_build_info Always 1.\n"
                         "# TYPE tandem_build_info gauge\n"
                         "tandem_build_info{version=\"0.1.0\"} 1\n"
                         "# HELP tandem_zone_serial SOA serial.\n"
                         "# TYPE tandem_zone_serial gauge\n"
                         "tandem_zone_serial{zone=\"example.gov\",side=\"signed\"} 4294967295\n"
                         "# HELP tandem_alert_queue_length Mails that wait to be sent.\n"
                         "# TYPE tandem_alert_queue_length gauge\n"
                         "tandem_alert_queue_length 3\n");
}

static void
counters_add_up_for_each_set_of_labels(void **state)
{
    struct metrics *metrics = *state;
    for (unsigned i = 0; i < 1000; i++) {
        char zone[16];
        snprintf(zone, sizeof zone, "z%u", i);
        metrics_add(metrics, METRIC_SIGNATURES, 2, zone, "change");
        metrics_add(metrics, METRIC_SIGNATURES, 3, zone, "change");
    }
    assert_true(metrics_value(metrics, METRIC_SIGNATURES, (const char *[]){"z0", "change"}) == 5);
    assert_true(metrics_value(metrics, METRIC_SIGNATURES, (const char *[]){"z999", "change"}) == 5);
    assert_true(metrics_value(metrics, METRIC_SIGNATURES, (const char *[]){"z999", "key"}) == 0);
}

static void
labels_are_not_mixed_up_when_their_texts_run_together(void **state)
{
    struct metrics *metrics = *state;
    metrics_add(metrics, METRIC_QUERIES, 1, "udp", "x");
    metrics_add(metrics, METRIC_QUERIES, 1, "ud", "px");
    assert_true(metrics_value(metrics, METRIC_QUERIES, (const char *[]){"udp", "x"}) == 1);
}

static void
label_values_are_escaped(void **state)
{
    struct metrics *metrics = *state;
    metrics_set(metrics, METRIC_ZONE_GATE_HELD, 1, "a\\.b\"c", "x\ny\x01");
    expect_text(metrics, "# HELP tandem_zone_gate_held 1 while the gate holds a candidate of the "
                         "zone.\n"
                         "# TYPE tandem_zone_gate_held gauge\n"
                         "tandem_zone_gate_held{zone=\"a\\\\.b\\\"c\",reason=\"x\\ny?\"} 1\n");
}

static void
a_zone_that_is_gone_leaves_nothing_behind(void **state)
{
    struct metrics *metrics = *state;
    metrics_set(metrics, METRIC_ALIAS_STATE, 1, "a", "www.a.", "t.", "fresh");
    metrics_set(metrics, METRIC_ALIAS_STATE, 1, "b", "www.b.", "t.", "held");
    metrics_add(metrics, METRIC_ZONE_CHANGES, 1, "a", "added");
    metrics_forget_zone(metrics, "a");
    expect_text(metrics,
                "# HELP tandem_alias_state 1 for the state that an ALIAS is in.\n"
                "# TYPE tandem_alias_state gauge\n"
                "tandem_alias_state{zone=\"b\",owner=\"www.b.\",target=\"t.\",state=\"held\"} "
                "1\n");
    metrics_set(metrics, METRIC_ALIAS_STATE, 0, "b", "www.b.", "t.", "held");
    assert_true(metrics_value(metrics, METRIC_ALIAS_STATE,
                              (const char *[]){"b", "www.b.", "t.", "held"}) == 0);
    metrics_forget(metrics, METRIC_ALIAS_STATE, NULL);
    expect_text(metrics, "");
}

static void
a_histogram_counts_upwards(void **state)
{
    struct metrics *metrics = *state;
    metrics_set_histogram(metrics, METRIC_ZONE_SIGN_DURATION, (const double[]){0.5, 1}, 2,
                          (const uint64_t[]){2, 1, 4}, 17.25);
    expect_text(metrics,
                "# HELP tandem_zone_sign_duration_seconds Time from a changed zone to its signed "
                "version.\n"
                "# TYPE tandem_zone_sign_duration_seconds histogram\n"
                "tandem_zone_sign_duration_seconds_bucket{le=\"0.5\"} 2\n"
                "tandem_zone_sign_duration_seconds_bucket{le=\"1\"} 3\n"
                "tandem_zone_sign_duration_seconds_bucket{le=\"+Inf\"} 7\n"
                "tandem_zone_sign_duration_seconds_sum 17.25\n"
                "tandem_zone_sign_duration_seconds_count 7\n");
    metrics_forget(metrics, METRIC_ZONE_SIGN_DURATION, NULL);
    metrics_observe(metrics, METRIC_ZONE_SIGN_DURATION, 0.014);
    struct octets_buffer text;
    octets_buffer_init(&text);
    metrics_write(metrics, &text);
    octets_buffer_add_u8(&text, 0);
    assert_non_null(strstr((const char *)text.data, "_bucket{le=\"0.01\"} 0\n"));
    assert_non_null(strstr((const char *)text.data, "_bucket{le=\"0.02\"} 1\n"));
    octets_buffer_close(&text);
}

// The names are a contract (interface.md): dashboards and alarms stand on them.
static void
the_names_are_frozen(void **state)
{
    (void)state;
    static const char *const names[] = {
        "tandem_build_info",
        "tandem_zone_serial",
        "tandem_zone_refresh_last_success_timestamp_seconds",
        "tandem_zone_expire_timestamp_seconds",
        "tandem_zone_rrsig_expiry_timestamp_seconds",
        "tandem_zone_transfers_total",
        "tandem_zone_changes_total",
        "tandem_zone_sign_duration_seconds",
        "tandem_signatures_total",
        "tandem_zone_gate_held",
        "tandem_alias_state",
        "tandem_alias_lookups_total",
        "tandem_key_state",
        "tandem_alerts_total",
        "tandem_alert_queue_length",
        "tandem_queries_total",
        "tandem_answers_truncated_total",
        "tandem_answers_limited_total",
        "tandem_role_restarts_total",
        "tandem_tcp_connections_total",
        "tandem_tcp_connections_open",
    };
    assert_int_equal(sizeof names / sizeof names[0], METRIC_COUNT);
    for (enum metric metric = 0; metric < METRIC_COUNT; metric++)
        assert_string_equal(metrics_name(metric), names[metric]);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(families_come_in_the_order_of_the_table_with_help_and_type),
        TEST(counters_add_up_for_each_set_of_labels),
        TEST(labels_are_not_mixed_up_when_their_texts_run_together),
        TEST(label_values_are_escaped),
        TEST(a_zone_that_is_gone_leaves_nothing_behind),
        TEST(a_histogram_counts_upwards),
        TEST(the_names_are_frozen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
