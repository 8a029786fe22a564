#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon/json_value.h"
#include "secondary/reload.h"

#define HEAD "remote: [{id: p, address: 10.0.0.5@53}]\n"

static char path[64];
static struct secondary_settings *old;
static struct cookie_secrets cookies;

static void
write_file(const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int
make(void **state)
{
    struct config_errors errors;
    (void)state;
    snprintf(path, sizeof path, "/tmp/tandem-reload-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    write_file(HEAD "zone:\n"
                    "  - {domain: stays.example, primary: [p]}\n"
                    "  - {domain: changes.example, primary: [p], refresh: 60s}\n"
                    "  - {domain: goes.example, primary: [p]}\n");
    config_errors_init(&errors);
    bool good = secondary_settings_load(path, &old, &errors);
    config_errors_close(&errors);
    return good ? 0 : -1;
}

static int
unmake(void **state)
{
    (void)state;
    secondary_settings_free(&old);
    return unlink(path);
}

// The reply as JSON, read back.
static struct json_value *
reply(const struct reload *reload, bool dry_run)
{
    struct octets_buffer json;
    struct json_value *value = NULL;
    struct fault fault = {0};
    octets_buffer_init(&json);
    reload_json(reload, dry_run, &json);
    if (!json_value_read((const char *)json.data, json.length, &value, &fault))
        fail_msg("%s", fault.text);
    octets_buffer_close(&json);
    return value;
}

static const char *
item(const struct json_value *value, const char *where, size_t index)
{
    return json_value_as_text(json_value_at(json_value_get(value, where), index), "(none)");
}

static void
zones_that_come_go_and_change_are_named(void **state)
{
    struct secondary_settings *fresh = NULL;
    struct reload reload;
    (void)state;
    write_file(HEAD "server: {workers: 7}\n"
                    "zone:\n"
                    "  - {domain: comes.example, primary: [p]}\n"
                    "  - {domain: changes.example, primary: [p], refresh: 61s}\n"
                    "  - {domain: stays.example, primary: [p]}\n");
    reload_read(path, old, &cookies, &fresh, &reload);
    assert_true(reload.valid);
    assert_int_equal(fresh->zone_count, 3);
    struct json_value *value = reply(&reload, false);
    assert_true(json_value_get_boolean(value, "ok", false));
    assert_int_equal(json_value_get_integer(value, "exit_code", -1), 0);
    assert_true(json_value_get_boolean(value, "result/done", false));
    assert_false(json_value_get_boolean(value, "result/dry_run", true));
    assert_string_equal(item(value, "result/zones_added", 0), "comes.example");
    assert_string_equal(item(value, "result/zones_removed", 0), "goes.example");
    assert_string_equal(item(value, "result/zones_changed", 0), "changes.example");
    assert_string_equal(item(value, "result/restart_keys", 0), "server.workers");
    assert_int_equal(json_value_count(json_value_get(value, "result/zones_added")), 1);
    assert_int_equal(json_value_count(json_value_get(value, "result/zones_removed")), 1);
    assert_int_equal(json_value_count(json_value_get(value, "result/zones_changed")), 1);
    json_value_free(&value);
    value = reply(&reload, true);
    assert_false(json_value_get_boolean(value, "result/done", true));
    assert_true(json_value_get_boolean(value, "result/dry_run", false));
    json_value_free(&value);
    reload_log(&reload);
    reload_close(&reload);
    secondary_settings_free(&fresh);
}

static void
the_same_file_again_changes_nothing(void **state)
{
    struct secondary_settings *fresh = NULL;
    struct reload reload;
    (void)state;
    reload_read(path, old, &cookies, &fresh, &reload);
    assert_true(reload.valid);
    assert_int_equal(reload.added.count, 0);
    assert_int_equal(reload.removed.count, 0);
    assert_int_equal(reload.changed.count, 0);
    assert_int_equal(reload.restart_keys.count, 0);
    reload_close(&reload);
    secondary_settings_free(&fresh);
}

static void
a_broken_file_is_refused_with_all_its_errors(void **state)
{
    struct secondary_settings *fresh = NULL;
    struct reload reload;
    (void)state;
    write_file(HEAD "nonsense: \"a\\\\b\"\nzone:\n  - {domain: a.example, primary: [unknown], "
                    "refresh: soon}\n");
    reload_read(path, old, &cookies, &fresh, &reload);
    assert_false(reload.valid);
    assert_null(fresh);
    struct json_value *value = reply(&reload, false);
    assert_false(json_value_get_boolean(value, "ok", true));
    assert_int_equal(json_value_get_integer(value, "exit_code", -1), 3);
    assert_string_equal(json_value_get_text(value, "error/kind", ""), "config");
    assert_int_equal(json_value_count(json_value_get(value, "result/errors")),
                     reload.errors.error_count);
    assert_true(reload.errors.error_count >= 3);
    assert_non_null(strstr(item(value, "result/errors", 0), path));
    json_value_free(&value);
    reload_log(&reload);
    reload_close(&reload);
    unlink(path);
    reload_read(path, old, &cookies, &fresh, &reload);
    assert_false(reload.valid); // a missing file, too
    reload_close(&reload);
    write_file("");
}

// Secrets of a fleet are changed in the file, whose name stays (RFC 9018 section 5).
static void
the_file_of_cookie_secrets_is_read_again_and_a_bad_one_refuses_the_reload(void **state)
{
    struct secondary_settings *fresh = NULL;
    struct reload reload;
    char text[512], secrets[80];
    (void)state;
    cookies = (struct cookie_secrets){.count = 1, .secret = {{7}}};
    reload_read(path, old, &cookies, &fresh, &reload);
    assert_true(reload.valid && cookies.count == 1 &&
                cookies.secret[0][0] == 7); // drawn: they stay
    reload_close(&reload);
    secondary_settings_free(&fresh);

    snprintf(secrets, sizeof secrets, "%s.secrets", path);
    snprintf(text, sizeof text,
             HEAD "server: {cookie-secret-file: %s}\nzone:\n"
                  "  - {domain: stays.example, primary: [p]}\n",
             secrets);
    write_file(text);
    reload_read(path, old, &cookies, &fresh, &reload);
    assert_false(reload.valid); // there is no such file
    assert_null(fresh);
    assert_int_equal(cookies.secret[0][0], 7);
    struct json_value *value = reply(&reload, false);
    assert_non_null(strstr(item(value, "result/errors", 0), "cookie-secret-file"));
    json_value_free(&value);
    reload_close(&reload);

    int fd = open(secrets, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    static const char two[] = "445536bcd2513298075a5d379663c962\ndd3bdf9344b678b185a6f5cb60fca715";
    assert_int_equal(write(fd, two, sizeof two - 1), sizeof two - 1);
    close(fd);
    reload_read(path, old, &cookies, &fresh, &reload);
    assert_int_equal(unlink(secrets), 0);
    assert_true(reload.valid && cookies.count == 2);
    assert_int_equal(cookies.secret[0][0], 0x44);
    assert_int_equal(cookies.secret[1][0], 0xdd);
    reload_close(&reload);
    secondary_settings_free(&fresh);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(zones_that_come_go_and_change_are_named, make, unmake),
        cmocka_unit_test_setup_teardown(the_same_file_again_changes_nothing, make, unmake),
        cmocka_unit_test_setup_teardown(a_broken_file_is_refused_with_all_its_errors, make, unmake),
        cmocka_unit_test_setup_teardown(
            the_file_of_cookie_secrets_is_read_again_and_a_bad_one_refuses_the_reload, make,
            unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
