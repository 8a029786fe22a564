#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tandemctl/render.h"
#include "common/tandemctl/text_table.h"

// A sample of each result is frozen in tests/golden/control: NAME.json is what a daemon answers,
// NAME.txt what a person reads. `TANDEM_GOLDEN_WRITE=1` writes the texts anew; then read the
// difference.
static const struct {
    const char *name;
    render_result *render;
} samples[] = {
    {"status", render_status},
    {"status_primary", render_status},
    {"version", render_version},
    {"reload", render_reload},
    {"check", render_check},
    {"zone_list", render_zone_list},
    {"zone_status", render_zone_status},
    {"zone_history", render_zone_history},
    {"zone_show", render_zone_show},
    {"zone_diff", render_zone_diff},
    {"zone_refresh", render_done},
    {"zone_accept_dry_run", render_done},
    {"zone_sign", render_done},
    {"zone_sign_dry_run", render_done},
    {"zone_status_signing", render_zone_status},
    {"zone_verify", render_zone_verify},
    {"alias_list", render_alias_list},
    {"alias_show", render_alias_show},
    {"alias_history", render_alias_history},
    {"key_list", render_key_list},
    {"key_ds", render_key_ds},
    {"key_dnskey", render_key_dnskey},
    {"key_generate", render_done},
    {"key_timeline", render_key_timeline},
    {"alert_list", render_alert_list},
    {"alert_test", render_done},
    {"rate_limit_list", render_rate_limit_list},
    {"rate_limit_list_off", render_rate_limit_list},
};
#define SAMPLE_COUNT (sizeof samples / sizeof samples[0])
#define NOW          1795286527 // 2026-11-21T18:42:07Z

static char *
file_text(const char *name, const char *ending)
{
    char path[512];
    snprintf(path, sizeof path, "%s/golden/control/%s%s", TEST_SOURCE_DIR, name, ending);
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = calloc(1, 100000);
    assert_true(fread(text, 1, 99999, file) > 0);
    fclose(file);
    return text;
}

static char *
rendered(const char *json, render_result *render, bool coloured, const char *socket)
{
    struct json_value *reply = NULL;
    struct octets_buffer text;
    struct fault fault;
    if (!json_value_read(json, strlen(json), &reply, &fault))
        fail_msg("%s", fault.text);
    octets_buffer_init(&text);
    struct render how = {&text, NOW, coloured, socket};
    render(&how, json_value_get(reply, "result"));
    json_value_free(&reply);
    octets_buffer_add_u8(&text, 0);
    return (char *)text.data;
}

static void
golden_write(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/golden/control/%s.txt", TEST_SOURCE_DIR, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void
every_sample_reads_as_it_is_frozen(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        char *json = file_text(samples[i].name, ".json");
        assert_non_null(json);
        char *text = rendered(json, samples[i].render, false, NULL);
        if (getenv("TANDEM_GOLDEN_WRITE"))
            golden_write(samples[i].name, text);
        char *expected = file_text(samples[i].name, ".txt");
        assert_non_null(expected);
        assert_string_equal(text, expected);
        free(json);
        free(text);
        free(expected);
    }
}

// An older or newer daemon, or a broken one: there is always something to show, and never a crash.
static void
results_without_any_field_are_shown(void **state)
{
    (void)state;
    static const char *const poor[] = {
        "{\"result\": null}",
        "{\"result\": {}}",
        "{\"result\": []}",
        "{\"result\": {\"zones\": [{}], \"keys\": [{}], \"aliases\": [{}], \"zone\": {}, "
        "\"alias\": {}, "
        "\"versions\": [{}], \"records\": [{}], \"changes\": [{}], \"held\": true, \"digest\": "
        "\"x\", "
        "\"events\": [{}], \"steps\": [{}], \"alerts\": [{}], \"hints\": [{}], \"roles\": [{}], "
        "\"primaries\": [{}], \"findings\": [{}], \"ds\": [{}], \"mail\": {}, \"files\": [{}], "
        "\"problems\": [1], \"errors\": [2], \"serial\": 3, \"left_out\": 4, \"prefixes\": "
        "[{}]}}",
        "{\"result\": {\"zones\": 1, \"keys\": 1, \"aliases\": 1, \"zone\": 1, \"hints\": 1, "
        "\"mail\": 1}}",
    };
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t j = 0; j < sizeof poor / sizeof poor[0]; j++)
            free(rendered(poor[j], samples[i].render, true, "s"));
}

static void
foreign_text_cannot_speak_to_the_terminal(void **state)
{
    (void)state;
    char *text =
        rendered("{\"result\": {\"records\": [{\"owner\": \"\\u001b]0;x\\u0007.\", \"data\": "
                 "\"\\u001b[2J\"}], \"zone\": \"\\u001b[1m\"}}",
                 render_zone_show, false, NULL);
    assert_null(strchr(text, '\033'));
    free(text);
    text = rendered("{\"result\": {\"zones\": [{\"zone\": \"\\u001b[1mx\"}]}}", render_zone_list,
                    false, NULL);
    assert_null(strchr(text, '\033'));
    free(text);
}

static void
colour_takes_no_room(void **state)
{
    (void)state;
    char *json = file_text("status", ".json");
    char *plain = rendered(json, render_status, false, NULL);
    char *coloured = rendered(json, render_status, true, NULL), *to = coloured;
    assert_non_null(strstr(coloured, "\033[32mok\033[0m"));
    assert_non_null(strstr(coloured, "\033[33mheld\033[0m"));
    for (const char *from = coloured; *from;) {
        if (*from == '\033')
            from = strchr(from, 'm') + 1;
        else
            *to++ = *from++;
    }
    *to = '\0';
    assert_string_equal(coloured, plain);
    free(json);
    free(plain);
    free(coloured);
}

static void
hints_repeat_the_socket_that_was_named(void **state)
{
    (void)state;
    char *json = file_text("status", ".json");
    char *text = rendered(json, render_status, false, "/tmp/s.sock");
    assert_non_null(strstr(text, "\"tandemctl -s /tmp/s.sock zone diff example.net\", then "
                                 "\"tandemctl -s /tmp/s.sock zone accept example.net 5f1c09\""));
    free(text);
    free(json);
}

static void
a_socket_that_the_daemon_named_is_not_named_twice(void **state)
{
    (void)state;
    static const char json[] =
        "{\"result\": {\"hints\": [{\"text\": \"see\", \"zone\": null, \"commands\": "
        "[\"tandemctl -s /run/other.sock zone list\"]}]}}";
    char *text = rendered(json, render_status, false, "/tmp/s.sock");
    assert_non_null(strstr(text, "see \"tandemctl -s /run/other.sock zone list\""));
    free(text);
}

static void
a_failure_of_a_primary_stands_in_one_place(void **state)
{
    (void)state;
    static const char format[] =
        "{\"result\": {\"zones\": [{\"zone\": \"example.gov\", \"state\": \"%s\", \"reason\": "
        "\"transfer from hidden 10.0.0.5@53: it answers REFUSED\"}], \"primaries\": [{\"id\": "
        "\"hidden\", \"address\": \"10.0.0.5@53\", \"error\": \"it answers REFUSED\"}]}}";
    char json[512];
    snprintf(json, sizeof json, format, "loading");
    char *text = rendered(json, render_status, false, NULL);
    char *first = strstr(text, "REFUSED");
    assert_non_null(first);
    assert_null(strstr(first + 1, "REFUSED"));
    assert_non_null(strstr(text, "primary hidden 10.0.0.5@53 fails, see example.gov\n"));
    free(text);
    snprintf(json, sizeof json, format, "ok"); // not late enough to stand in the row
    text = rendered(json, render_status, false, NULL);
    assert_non_null(strstr(text, "primary hidden 10.0.0.5@53 fails: it answers REFUSED\n"));
    free(text);
}

static void
polls_that_fail_are_shown_before_a_zone_is_stale(void **state)
{
    (void)state;
    static const char format[] =
        "{\"result\": {\"zones\": [{\"zone\": \"example.gov\", \"state\": \"ok\", \"refresh\": "
        "{\"failures\": %d}, \"next\": {\"what\": \"poll\", \"at\": \"2001-01-01T00:00:00Z\"}}]}}";
    char json[512];
    snprintf(json, sizeof json, format, 2);
    char *text = rendered(json, render_status, false, NULL);
    assert_non_null(strstr(text, "poll now, 2 failed\n"));
    free(text);
    snprintf(json, sizeof json, format, 0);
    text = rendered(json, render_status, false, NULL);
    assert_non_null(strstr(text, "poll now\n"));
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_reads_as_it_is_frozen),
        cmocka_unit_test(results_without_any_field_are_shown),
        cmocka_unit_test(a_failure_of_a_primary_stands_in_one_place),
        cmocka_unit_test(polls_that_fail_are_shown_before_a_zone_is_stale),
        cmocka_unit_test(foreign_text_cannot_speak_to_the_terminal),
        cmocka_unit_test(colour_takes_no_room),
        cmocka_unit_test(hints_repeat_the_socket_that_was_named),
        cmocka_unit_test(a_socket_that_the_daemon_named_is_not_named_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
