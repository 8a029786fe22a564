// The state as JSON, as Nagios check and as metrics. Shapes: common/tandemctl/README.md.
#include "desk_world.h"

#include "secondary/desk/status.h"
#include "secondary/desk/status_check.h"
#include "secondary/desk/status_metrics.h"

static const struct mail_status NO_MAIL = {.way = "directory /the/mails"};

static void
expect_json(struct json_value **value, const char *expected)
{
    struct fault fault = {0};
    struct json_value *wanted = NULL;
    if (!json_value_read(expected, strlen(expected), &wanted, &fault))
        fail_msg("%s", fault.text);
    char *got_text = json_value_write(*value, 1, NULL),
         *wanted_text = json_value_write(wanted, 1, NULL);
    assert_string_equal(got_text, wanted_text);
    free(got_text);
    free(wanted_text);
    json_value_free(&wanted);
    json_value_free(value);
}

static void
a_healthy_zone_has_the_shape_of_the_contract(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    desk_tell_all_well(&known);
    struct json_value *zone = status_zone(&known, known_zone_by_id(&known, ZONE_ID), NOW);
    expect_json(&zone,
                "{\"zone\": \"example.gov\", \"state\": \"ok\", \"reason\": null, "
                "\"policy\": \"default\", "
                "\"serial\": {\"unsigned\": 2026112104, \"signed\": 1795263187, \"source\": null}, "
                "\"last_change\": {\"at\": \"2026-11-21T18:41:25Z\", \"age_seconds\": 42, "
                "\"added\": 2, \"removed\": 1}, "
                "\"records\": 5, \"size_octets\": 2048, "
                "\"refresh\": {\"last_success_at\": \"2026-11-21T18:41:25Z\", "
                "\"last_try_at\": \"2026-11-21T18:41:25Z\", \"next_at\": \"2026-11-21T18:42:25Z\", "
                "\"interval_seconds\": 60, \"failures\": 0, \"error\": null, "
                "\"primary\": \"hidden\", \"kind\": \"ixfr\"}, "
                "\"expire_at\": null, "
                "\"signatures\": {\"count\": 411, \"first_expiry_at\": \"2026-12-04T18:42:07Z\", "
                "\"next_refresh_at\": \"2026-11-27T18:42:07Z\"}, "
                "\"gate\": {\"state\": \"passed\", \"reason\": null, \"text\": null, "
                "\"digest\": null, \"since\": null}, "
                "\"notify\": {\"downstream\": 2, \"acknowledged\": 2, \"text\": null}, "
                "\"journal\": {\"steps\": 7, \"octets\": 4096, \"from_serial\": 1795263100}, "
                "\"alias\": null, "
                "\"signing\": null, "
                "\"next\": {\"what\": \"poll\", \"at\": \"2026-11-21T18:42:25Z\", "
                "\"text\": null}}");
    struct json_value *keys = status_zone_keys(known_zone_by_id(&known, ZONE_ID));
    expect_json(&keys, "[{\"zone\": \"example.gov\", \"tag\": 12345, \"role\": \"CSK\", "
                       "\"algorithm_number\": 13, \"state\": \"active\"}]");
    known_close(&known);
}

static void
a_zone_that_nobody_told_of_is_loading_with_nulls(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    struct json_value *zone = status_zone(&known, known_zone_by_id(&known, ZONE_ID + 1), NOW);
    assert_string_equal(json_value_get_text(zone, "state", ""), "loading");
    assert_string_equal(json_value_get_text(zone, "policy", ""), "none");
    assert_int_equal(json_value_kind(json_value_get(zone, "serial/unsigned")), JSON_VALUE_NULL);
    assert_int_equal(json_value_kind(json_value_get(zone, "last_change")), JSON_VALUE_NULL);
    assert_int_equal(json_value_kind(json_value_get(zone, "refresh/last_success_at")),
                     JSON_VALUE_NULL);
    assert_int_equal(json_value_kind(json_value_get(zone, "next/at")), JSON_VALUE_NULL);
    assert_int_equal(json_value_kind(json_value_get(zone, "journal")), JSON_VALUE_NULL);
    json_value_free(&zone);
    // The fetcher tells why nothing comes.
    char failure[] = "10.0.0.5@53: connection refused", empty[] = "";
    struct message_poll_facts poll = {.failures_in_row = 3,
                                      .primary = empty,
                                      .failure = failure,
                                      .downstream = empty,
                                      .last_attempt_seconds = NOW};
    desk_tell_poll(&known, ZONE_ID + 1, &poll);
    zone = status_zone(&known, known_zone_by_id(&known, ZONE_ID + 1), NOW);
    assert_string_equal(json_value_get_text(zone, "reason", ""), failure);
    json_value_free(&zone);
    known_close(&known);
}

static void
hold(struct known *known, uint32_t id)
{
    static char held[] = "held", reason[] = "61% removed (limit 30%)", word[] = "max-removed",
                digest[] = "5f1c09";
    struct message_zone_facts facts = desk_good_facts();
    facts.state = held;
    facts.reason = reason;
    facts.reason_word = word;
    facts.held_digest = digest;
    facts.held_since_seconds = NOW - 600;
    desk_tell_zone(known, id, &facts);
}

static void
a_held_zone_says_why_and_what_to_do(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    desk_tell_all_well(&known);
    hold(&known, ZONE_ID + 1);
    struct json_value *status = status_all(&known, &NO_MAIL, NOW);
    const struct json_value *zone = json_value_at(json_value_get(status, "zones"), 1);
    assert_string_equal(json_value_get_text(zone, "state", ""), "held");
    assert_string_equal(json_value_get_text(zone, "reason", ""), "61% removed (limit 30%)");
    assert_string_equal(json_value_get_text(zone, "gate/state", ""), "held");
    assert_string_equal(json_value_get_text(zone, "gate/reason", ""), "max-removed");
    assert_string_equal(json_value_get_text(zone, "gate/digest", ""), "5f1c09");
    assert_int_equal(json_value_get_time(zone, "gate/since", 0), NOW - 600);
    assert_string_equal(json_value_get_text(zone, "next/what", ""), "gate");
    assert_string_equal(json_value_get_text(zone, "next/text", ""), "61% removed (limit 30%)");
    assert_string_equal(json_value_get_text(status, "state", ""), "degraded");
    assert_int_equal(json_value_get_integer(status, "zone_states/ok", 0), 1);
    assert_int_equal(json_value_get_integer(status, "zone_states/held", 0), 1);
    struct json_value *hints = json_value_copy(json_value_get(status, "hints"));
    expect_json(&hints, "[{\"text\": \"see\", \"zone\": \"example.net\", \"commands\": "
                        "[\"tandemctl zone diff example.net\", "
                        "\"tandemctl zone accept example.net 5f1c09\"]}]");
    json_value_free(&status);
    known_close(&known);
}

static void
the_whole_status_tells_program_roles_primaries_and_mail(void **state)
{
    struct known known;
    const struct mail_status mail = {.queue_length = 3,
                                     .oldest_at = NOW - 60,
                                     .sent_total = 5,
                                     .failed_total = 2,
                                     .last_error = "connection refused",
                                     .way = "smtp smtp.example.gov:587 starttls"};
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    desk_tell_all_well(&known);
    struct json_value *status = status_all(&known, &mail, NOW);
    assert_string_equal(json_value_get_text(status, "program", ""), "tandem-secondary");
    assert_string_equal(json_value_get_text(status, "version", ""), TANDEM_VERSION);
    assert_string_equal(json_value_get_text(status, "host", ""), "ns1.example.gov");
    assert_string_equal(json_value_get_text(status, "state", ""), "ok");
    assert_int_equal(json_value_get_time(status, "started_at", 0), NOW - 3600);
    assert_int_equal(json_value_get_time(status, "now", 0), NOW);
    assert_int_equal(json_value_get_integer(status, "uptime_seconds", 0), 3600);
    assert_int_equal(json_value_get_time(status, "configured_at", 0), NOW - 60);
    assert_int_equal(json_value_get_integer(status, "zone_count", 0), 2);
    assert_int_equal(json_value_count(json_value_get(status, "hints")), 0);
    struct json_value *part = json_value_copy(json_value_get(status, "primaries"));
    expect_json(&part, "[{\"id\": \"hidden\", \"address\": \"10.0.0.5@53\", \"state\": \"ok\", "
                       "\"answered_at\": \"2026-11-21T18:41:25Z\", "
                       "\"round_trip_milliseconds\": 4, \"error\": null}]"); // none polls `other`
    part = json_value_copy(json_value_at(json_value_get(status, "roles"), 3));
    expect_json(&part, "{\"role\": \"server 0\", \"pid\": 104, \"state\": \"running\", "
                       "\"started_at\": \"2026-11-21T17:42:07Z\", \"restarts\": 2}");
    part = json_value_copy(json_value_get(status, "mail"));
    expect_json(&part, "{\"queue_length\": 3, \"oldest_at\": \"2026-11-21T18:41:07Z\", "
                       "\"sent_total\": 5, \"failed_total\": 2, \"last_sent_at\": null, "
                       "\"last_failed_at\": null, \"next_try_at\": null, "
                       "\"error\": \"connection refused\", "
                       "\"way\": \"smtp smtp.example.gov:587 starttls\"}");
    json_value_free(&status);
    known_close(&known);
}

static void
a_zone_is_stale_after_five_failed_intervals_and_not_before(void **state)
{
    struct known known;
    char failure[] = "10.0.0.5@53: no answer";
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    desk_tell_all_well(&known);
    struct known_zone *zone = known_zone_by_id(&known, ZONE_ID);
    struct message_poll_facts poll = desk_good_poll();
    poll.failure = failure;
    poll.failures_in_row = 9;
    poll.last_success_seconds = NOW - 300;
    desk_tell_poll(&known, ZONE_ID, &poll);
    assert_string_equal(status_zone_state(zone, NOW), "ok");
    assert_string_equal(status_zone_state(zone, NOW + 1), "stale");
    struct json_value *status = status_all(&known, &NO_MAIL, NOW + 1);
    const struct json_value *json = json_value_at(json_value_get(status, "zones"), 0);
    assert_string_equal(json_value_get_text(json, "reason", ""), failure);
    assert_string_equal(json_value_get_text(status, "state", ""), "degraded");
    const struct json_value *hint = json_value_at(json_value_get(status, "hints"), 0);
    assert_string_equal(json_value_as_text(json_value_at(json_value_get(hint, "commands"), 1), ""),
                        "tandemctl zone refresh example.gov");
    json_value_free(&status);
    // No failure, a long interval: silence is not staleness.
    poll.failures_in_row = 0;
    desk_tell_poll(&known, ZONE_ID, &poll);
    assert_string_equal(status_zone_state(zone, NOW + 100000), "ok");
    hold(&known, ZONE_ID); // held says more than stale
    poll.failures_in_row = 9;
    desk_tell_poll(&known, ZONE_ID, &poll);
    assert_string_equal(status_zone_state(zone, NOW + 100000), "held");
    known_close(&known);
}

static void
a_failure_is_told_without_what_stands_beside_it(void **state)
{
    struct known known;
    char failure[] = "zone example.gov: transfer from hidden 10.0.0.5@53: it answers REFUSED";
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    desk_tell_all_well(&known);
    struct message_poll_facts poll = desk_good_poll();
    poll.failure = failure;
    poll.failures_in_row = 9;
    poll.last_success_seconds = NOW - 400;
    poll.last_attempt_seconds = NOW;
    desk_tell_poll(&known, ZONE_ID, &poll);
    struct json_value *status = status_all(&known, &NO_MAIL, NOW);
    const struct json_value *zone = json_value_at(json_value_get(status, "zones"), 0);
    assert_string_equal(json_value_get_text(zone, "reason", ""),
                        "transfer from hidden 10.0.0.5@53: it answers REFUSED");
    assert_string_equal(json_value_get_text(zone, "refresh/error", ""),
                        "transfer from hidden 10.0.0.5@53: it answers REFUSED");
    const struct json_value *primary = json_value_at(json_value_get(status, "primaries"), 0);
    assert_string_equal(json_value_get_text(primary, "error", ""), "it answers REFUSED");
    json_value_free(&status);
    known_close(&known);
}

static void
the_hint_of_a_failed_zone_is_a_reload_where_its_reason_says_so(void **state)
{
    struct known known;
    static char
        failed[] = "failed",
        reason[] =
            "zone example.gov: the keys cannot be read; mend this, then \"tandemctl reload\"",
        disk[] = "cannot publish: No space left on device";
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    desk_tell_all_well(&known);
    struct message_zone_facts facts = desk_good_facts();
    facts.state = failed;
    facts.reason = reason;
    desk_tell_zone(&known, ZONE_ID, &facts);
    facts.reason = disk; // what goes by itself, or by another transfer
    desk_tell_zone(&known, ZONE_ID + 1, &facts);
    struct json_value *status = status_all(&known, &NO_MAIL, NOW);
    struct json_value *hints = json_value_copy(json_value_get(status, "hints"));
    expect_json(&hints, "[{\"text\": \"see\", \"zone\": \"example.gov\", \"commands\": "
                        "[\"tandemctl zone status example.gov\", \"tandemctl reload\"]}, "
                        "{\"text\": \"see\", \"zone\": \"example.net\", \"commands\": "
                        "[\"tandemctl zone status example.net\", "
                        "\"tandemctl zone refresh example.net\"]}]");
    json_value_free(&status);
    known_close(&known);
}

static void
a_long_signing_shows_how_far_it_is(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    struct message_zone_facts facts = desk_good_facts();
    desk_tell_zone(&known, ZONE_ID, &facts);
    struct json_value *zone = status_zone(&known, known_zone_by_id(&known, ZONE_ID), NOW);
    assert_string_equal(json_value_get_text(zone, "next/what", ""), "poll");
    assert_int_equal(json_value_kind(json_value_get(zone, "signing")), JSON_VALUE_NULL);
    json_value_free(&zone);
    facts = desk_good_facts();
    facts.signing_total = 1234567;
    facts.signing_left_seconds = -1;
    desk_tell_zone(&known, ZONE_ID, &facts);
    zone = status_zone(&known, known_zone_by_id(&known, ZONE_ID), NOW);
    assert_string_equal(json_value_get_text(zone, "next/text", ""),
                        "signing 0% (0/1,234,567 names)");
    json_value_free(&zone);
    facts = desk_good_facts();
    facts.signing_done = 41000;
    facts.signing_total = 100000;
    facts.signing_per_second = 23400;
    facts.signing_left_seconds = 3;
    desk_tell_zone(&known, ZONE_ID, &facts);
    zone = status_zone(&known, known_zone_by_id(&known, ZONE_ID), NOW);
    assert_string_equal(json_value_get_text(zone, "next/what", ""), "sign");
    assert_string_equal(json_value_get_text(zone, "next/text", ""),
                        "signing 41% (41,000/100,000 names, 23 k/s, about 3s left)");
    assert_int_equal(json_value_get_integer(zone, "signing/names_done", 0), 41000);
    assert_int_equal(json_value_get_integer(zone, "signing/names", 0), 100000);
    assert_int_equal(json_value_get_integer(zone, "signing/names_per_second", 0), 23400);
    assert_int_equal(json_value_get_integer(zone, "signing/left_seconds", 0), 3);
    json_value_free(&zone);
    known_close(&known);
}

// --- check

static int
check(const struct known *known, const struct mail_status *mail, const char *word,
      const char *text_part)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    struct json_value *result;
    int code = status_check(known, mail, NOW, &result);
    assert_string_equal(json_value_get_text(result, "nagios", ""), word);
    assert_string_equal(words[code], word);
    if (strstr(json_value_get_text(result, "text", ""), text_part) == NULL)
        fail_msg("\"%s\" has no \"%s\"", json_value_get_text(result, "text", ""), text_part);
    json_value_free(&result);
    return code;
}

static void
tell_state(struct known *known, const char *word)
{
    char state[32];
    struct message_zone_facts facts = desk_good_facts();
    snprintf(state, sizeof state, "%s", word);
    facts.state = state;
    desk_tell_zone(known, ZONE_ID, &facts);
}

static void
check_gives_nagios_codes_and_a_sentence(void **state)
{
    struct known known;
    struct json_value *result;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    assert_int_equal(check(&known, &NO_MAIL, "WARNING", "0 of 2 zones ok; example.gov loading"), 1);
    desk_tell_all_well(&known);
    assert_int_equal(status_check(&known, &NO_MAIL, NOW, &result), 0);
    expect_json(&result, "{\"nagios\": \"OK\", \"text\": \"2 zones ok\", \"findings\": [], "
                         "\"counts\": {\"zones\": 2, \"ok\": 2, \"held\": 0}}");
    hold(&known, ZONE_ID + 1);
    assert_int_equal(status_check(&known, &NO_MAIL, NOW, &result), 1);
    expect_json(&result,
                "{\"nagios\": \"WARNING\", \"text\": \"1 of 2 zones ok; example.net held: "
                "61% removed (limit 30%)\", \"findings\": [{\"severity\": \"warning\", "
                "\"zone\": \"example.net\", \"text\": \"held: 61% removed (limit 30%)\"}], "
                "\"counts\": {\"zones\": 2, \"ok\": 1, \"held\": 1}}");
    static const struct {
        const char *state;
        int code;
    } states[] = {{"ok", 0},      {"held", 1},    {"stale", 1},  {"loading", 1},
                  {"waiting", 1}, {"expired", 2}, {"failed", 2}, {"a new word", 1}};
    desk_tell_all_well(&known);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        tell_state(&known, states[i].state);
        assert_int_equal(status_check(&known, &NO_MAIL, NOW, &result), states[i].code);
        json_value_free(&result);
    }
    known_close(&known);
}

static void
check_warns_three_days_before_a_signature_ends_and_alarms_one_day_before(void **state)
{
    static const struct {
        int64_t left;
        const char *word, *text;
    } cases[] = {{3 * 86400 + 1, "OK", "2 zones ok"},
                 {3 * 86400, "WARNING", "first signature expires in 3d"},
                 {86401, "WARNING", "first signature expires in"},
                 {86400, "CRITICAL", "first signature expires in"},
                 {1, "CRITICAL", "first signature expires in 1s"},
                 {0, "CRITICAL", "signatures expired 0s ago"},
                 {-7200, "CRITICAL", "signatures expired 2h ago"}};
    struct known known;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    desk_tell_all_well(&known);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message_zone_facts facts = desk_good_facts();
        facts.signature_expiry_seconds = NOW + cases[i].left;
        desk_tell_zone(&known, ZONE_ID, &facts);
        check(&known, &NO_MAIL, cases[i].word, cases[i].text);
    }
    struct message_zone_facts facts = desk_good_facts();
    facts.signature_expiry_seconds = 0; // not signed
    desk_tell_zone(&known, ZONE_ID, &facts);
    check(&known, &NO_MAIL, "OK", "2 zones ok");
    known_close(&known);
}

static void
check_sees_roles_that_are_away_and_mail_that_waits(void **state)
{
    struct known known;
    struct mail_status mail = NO_MAIL;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    desk_tell_all_well(&known);
    struct message_role_facts facts = {.role = ROLE_SERVER, .pid = 0};
    desk_tell_role(&known, &facts);
    check(&known, &NO_MAIL, "WARNING", "2 of 2 zones ok; server 0 is being restarted");
    facts.pid = 200;
    desk_tell_role(&known, &facts);
    mail.queue_length = 1;
    mail.oldest_at = NOW - 3600;
    check(&known, &mail, "OK", "2 zones ok");
    mail.oldest_at = NOW - 3601;
    check(&known, &mail, "WARNING", "mail waits for more than an hour");
    mail.queue_length = 0;
    check(&known, &mail, "OK", "2 zones ok");
    known_close(&known);
}

// --- metrics

static void
expect_line(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        fail_msg("no \"%s\" in\n%s", line, text);
}

static void
tell_transfers_out(struct known *known, const struct message_transfers_out *counts)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_transfers_out_write(counts, &body);
    known_take_transfers_out(known, ZONE_ID, (struct octets){body.data, body.length});
    known_take_transfers_out(known, ZONE_ID + 77, (struct octets){body.data, body.length}); // gone
    known_take_transfers_out(known, ZONE_ID, (struct octets){body.data, body.length - 1});
    octets_buffer_close(&body);
}

static void
transfers_out_of_all_servers_are_added_up(void **state)
{
    struct known known;
    struct octets_buffer text;
    (void)state;
    octets_buffer_init(&text);
    desk_world_open(&known, DESK_CONFIG);
    struct metrics *metrics = metrics_new();
    tell_transfers_out(
        &known, &(struct message_transfers_out){.whole_ok = 1, .deltas_ok = 2, .whole_refused = 3});
    tell_transfers_out(&known, &(struct message_transfers_out){
                                   .deltas_ok = 40, .up_to_date = 7, .whole_refused = 50});
    tell_transfers_out(&known, &(struct message_transfers_out){.deltas_refused = 9});
    status_metrics(&known, &NO_MAIL, metrics);
    metrics_write(metrics, &text);
    octets_buffer_add_u8(&text, '\0');
#define OUT "tandem_zone_transfers_total{zone=\"example.gov\",direction=\"out\","
    const char *lines = (const char *)text.data;
    assert_non_null(strstr(lines, OUT "kind=\"axfr\",result=\"ok\"} 1\n"));
    assert_non_null(strstr(lines, OUT "kind=\"ixfr\",result=\"ok\"} 42\n"));
    assert_non_null(strstr(lines, OUT "kind=\"soa\",result=\"ok\"} 7\n"));
    assert_non_null(strstr(lines, OUT "kind=\"axfr\",result=\"refused\"} 53\n"));
    assert_non_null(strstr(lines, OUT "kind=\"ixfr\",result=\"refused\"} 9\n"));
    assert_null(strstr(lines, OUT "kind=\"axfr\",result=\"failed\""));
#undef OUT
    metrics_free(&metrics);
    octets_buffer_close(&text);
    known_close(&known);
}

static void
metrics_have_the_names_and_labels_of_the_contract(void **state)
{
    struct known known;
    struct octets_buffer text;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    desk_tell_all_well(&known);
    hold(&known, ZONE_ID + 1);
    struct metrics *metrics = metrics_new();
    for (unsigned twice = 0; twice < 2; twice++) { // a scrape repeats nothing
        octets_buffer_init(&text);
        status_metrics(&known, &NO_MAIL, metrics);
        metrics_write(metrics, &text);
        octets_buffer_add_u8(&text, '\0');
        const char *got = (const char *)text.data;
        expect_line(got,
                    "\ntandem_zone_serial{zone=\"example.gov\",side=\"unsigned\"} 2026112104\n");
        expect_line(got, "\ntandem_zone_serial{zone=\"example.gov\",side=\"signed\"} 1795263187\n");
        expect_line(got, "\ntandem_zone_rrsig_expiry_timestamp_seconds{zone=\"example.gov\"} "
                         "1796409727\n");
        expect_line(got,
                    "\ntandem_zone_refresh_last_success_timestamp_seconds{zone=\"example.gov\"}"
                    " 1795286485\n");
        expect_line(got,
                    "\ntandem_zone_gate_held{zone=\"example.net\",reason=\"max-removed\"} 1\n");
        expect_line(got, "\ntandem_key_state{zone=\"example.gov\",keytag=\"12345\",role=\"CSK\","
                         "state=\"active\"} 1\n");
        expect_line(got, "tandem_zone_sign_duration_seconds_bucket{le=\"0.001\"} 2\n");
        expect_line(got, "tandem_zone_sign_duration_seconds_bucket{le=\"+Inf\"} 6\n");
        expect_line(got, "tandem_zone_sign_duration_seconds_count 6\n");
        expect_line(got, "tandem_zone_transfers_total{zone=\"example.gov\",direction=\"in\","
                         "kind=\"axfr\",result=\"ok\"} 7\n");
        expect_line(got, "tandem_zone_transfers_total{zone=\"example.gov\",direction=\"in\","
                         "kind=\"ixfr\",result=\"ok\"} 3\n");
        expect_line(got, "tandem_zone_transfers_total{zone=\"example.gov\",direction=\"in\","
                         "kind=\"soa\",result=\"ok\"} 90\n");
        octets_buffer_close(&text);
    }
    // The zone passes again: the series of its reason goes.
    struct message_zone_facts facts = desk_good_facts();
    desk_tell_zone(&known, ZONE_ID + 1, &facts);
    octets_buffer_init(&text);
    status_metrics(&known, &NO_MAIL, metrics);
    metrics_write(metrics, &text);
    octets_buffer_add_u8(&text, '\0');
    assert_null(strstr((const char *)text.data, "max-removed"));
    octets_buffer_close(&text);
    metrics_free(&metrics);
    known_close(&known);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_zone_has_the_shape_of_the_contract),
        cmocka_unit_test(a_zone_that_nobody_told_of_is_loading_with_nulls),
        cmocka_unit_test(a_held_zone_says_why_and_what_to_do),
        cmocka_unit_test(the_whole_status_tells_program_roles_primaries_and_mail),
        cmocka_unit_test(a_zone_is_stale_after_five_failed_intervals_and_not_before),
        cmocka_unit_test(a_failure_is_told_without_what_stands_beside_it),
        cmocka_unit_test(the_hint_of_a_failed_zone_is_a_reload_where_its_reason_says_so),
        cmocka_unit_test(a_long_signing_shows_how_far_it_is),
        cmocka_unit_test(check_gives_nagios_codes_and_a_sentence),
        cmocka_unit_test(check_warns_three_days_before_a_signature_ends_and_alarms_one_day_before),
        cmocka_unit_test(check_sees_roles_that_are_away_and_mail_that_waits),
        cmocka_unit_test(transfers_out_of_all_servers_are_added_up),
        cmocka_unit_test(metrics_have_the_names_and_labels_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
