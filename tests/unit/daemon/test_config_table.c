#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/vector.h"
#include "common/daemon/config_print.h"
#include "common/daemon/config_table.h"

struct outcome {
    struct config *config;
    struct config_errors errors;
};

static void
load(struct outcome *outcome, const struct config_table *table, const char *text)
{
    outcome->config = NULL;
    config_errors_init(&outcome->errors);
    config_load_text(table, "c.yaml", "/etc/t", text, strlen(text), &outcome->config,
                     &outcome->errors);
    assert_int_equal(outcome->config == NULL, outcome->errors.error_count > 0);
}

static void
close_outcome(struct outcome *outcome)
{
    config_free(&outcome->config);
    config_errors_close(&outcome->errors);
}

static const char *
error_at(struct outcome *outcome, size_t index)
{
    if (index >= outcome->errors.entries.count)
        return "(none)";
    return ((struct config_error *)vector_at(&outcome->errors.entries, index))->text;
}

// Exactly these sentences, in this order.
static void
expect_errors(const struct config_table *table, const char *text, const char *const *expected,
              size_t count)
{
    struct outcome outcome;
    load(&outcome, table, text);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(error_at(&outcome, i), expected[i]);
    assert_int_equal(outcome.errors.entries.count, count);
    close_outcome(&outcome);
}
#define EXPECT_ERRORS(table, text, ...)                                                            \
    expect_errors(table, text, (const char *const[]){__VA_ARGS__},                                 \
                  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

#define ZONE "zone:\n  - domain: example.gov\n    file: a.zone\n"

static void
an_empty_file_gives_every_default(void **state)
{
    (void)state;
    struct outcome outcome;
    load(&outcome, &config_table_secondary, "");
    assert_non_null(outcome.config);
    const struct config_scope *root = config_root(outcome.config);
    assert_int_equal(config_get(root, "server.tcp-clients")->integer, 1000);
    assert_int_equal(config_get(root, "server.listen")->item_count, 2);
    assert_int_equal(config_get(root, "alert.on")->item_count, 9);
    assert_int_equal(config_count(outcome.config, "zone"), 0);
    // The policy "default" is there without being written.
    assert_int_equal(config_count(outcome.config, "policy"), 1);
    const struct config_scope *policy = config_item(outcome.config, "policy", 0);
    assert_string_equal(policy->id, "default");
    assert_int_equal(config_get(policy, "rrsig-lifetime")->integer, 14 * 86400);
    close_outcome(&outcome);
}

static void
values_are_typed_and_relative_paths_completed(void **state)
{
    (void)state;
    struct outcome outcome;
    load(&outcome, &config_table_primary,
         "zone:\n"
         "  - domain: Example.GOV\n"
         "    file: sub/a.zone\n"
         "    journal-max-size: 2MiB\n"
         "    alias: {refresh: 90s, settle: auto, deny-address: [10.0.0.0/8]}\n");
    assert_string_equal(error_at(&outcome, 0), "(none)");
    const struct config_scope *zone = config_item(outcome.config, "zone", 0);
    assert_string_equal(config_get(zone, "file")->text, "/etc/t/sub/a.zone");
    assert_int_equal(config_get(zone, "journal-max-size")->integer, 2 << 20);
    assert_int_equal(config_get(zone, "alias.refresh")->integer, 90);
    assert_int_equal(config_get(zone, "alias.settle")->word, 0);
    assert_int_equal(config_get(zone, "alias.deny-address")->item_count, 1);
    assert_int_equal(config_get(zone, "alias.ttl")->integer, 60);
    assert_memory_equal(config_get(zone, "domain")->name, "\7example\3gov", 13);
    assert_string_equal(zone->id, "example.gov.");
    close_outcome(&outcome);
}

static void
all_errors_of_a_file_are_named_with_their_place_and_the_nearest_key(void **state)
{
    (void)state;
    EXPECT_ERRORS(
        &config_table_primary,
        "servr: {}\n"
        "server:\n"
        "  listen: [127.0.0.1@99999]\n"
        "  user: [a]\n"
        "log: {level: warn}\n"
        "zone:\n"
        "  - domain: example.gov\n"
        "    fil: a.zone\n"
        "    alias: {refrsh: 30s, refresh: 1s, hold: soon}\n"
        "    serial-policy: unxtime\n",
        "c.yaml:1:1: servr: no such key; the nearest is server",
        "c.yaml:3:12: server.listen: expected an address such as 192.0.2.1@53 or 2001:db8::1@53, "
        "got \"127.0.0.1@99999\"",
        "c.yaml:4:9: server.user: expected a text, got a list",
        "c.yaml:5:14: log.level: expected error, warning, info or debug, got \"warn\"; the nearest "
        "is warning",
        "c.yaml:7:5: zone.file: missing; expected a path",
        "c.yaml:8:5: zone.fil: no such key; the nearest is file",
        "c.yaml:9:13: zone.alias.refrsh: no such key; the nearest is refresh",
        "c.yaml:9:35: zone.alias.refresh: expected a duration such as 30s, 15m, 24h or 7d (5s to "
        "30d), got \"1s\"",
        "c.yaml:9:45: zone.alias.hold: expected a duration such as 30s, 15m, 24h or 7d (0s to "
        "365d), got \"soon\"",
        "c.yaml:10:20: zone.serial-policy: expected increment, unixtime, dateserial or keep, got "
        "\"unxtime\"; the nearest is unixtime");
}

static void
a_duplicate_zone_names_both_places(void **state)
{
    (void)state;
    EXPECT_ERRORS(&config_table_primary, ZONE "  - domain: EXAMPLE.gov.\n    file: b.zone\n",
                  "c.yaml:4:13: zone.domain: EXAMPLE.gov. stands here a second time; the first is "
                  "at c.yaml:2:13");
}

static void
a_duplicate_key_of_a_map_names_both_places(void **state)
{
    (void)state;
    EXPECT_ERRORS(&config_table_primary, "log: {level: info, level: debug}\n",
                  "c.yaml:1:20: level: stands here a second time; the first is at line 1 column 7");
}

static void
an_unknown_reference_names_the_nearest_id(void **state)
{
    (void)state;
    EXPECT_ERRORS(
        &config_table_primary,
        "key: [{id: xfr., secret: \"AAECAwQFBgcICQoLDA0ODw==\"}]\n"
        "remote: [{id: ns1, address: 192.0.2.1, key: xfrr}]\n" ZONE
        "    notify: [ns1, ns2]\n    acl: all\n",
        "c.yaml:2:45: remote.key: no item of key has the id \"xfrr\"; the nearest is xfr.",
        "c.yaml:6:19: zone.notify: no item of remote has the id \"ns2\"; the nearest is "
        "ns1",
        "c.yaml:7:10: zone.acl: no item of acl has the id \"all\"; there is none at all");
}

static void
a_reference_to_a_key_is_a_domain_name_with_or_without_its_last_dot(void **state)
{
    (void)state;
    struct outcome outcome;
    load(&outcome, &config_table_primary,
         "key: [{id: a., secret: \"AAECAwQFBgcICQoLDA0ODw==\"}, {id: XFR., secret: "
         "\"AAECAwQFBgcICQoLDA0ODw==\"}]\n"
         "remote: [{id: ns1, address: 192.0.2.1, key: xfr}]\n");
    assert_string_equal(error_at(&outcome, 0), "(none)");
    const struct config_scope *remote = config_item(outcome.config, "remote", 0);
    assert_int_equal(config_get(remote, "key")->reference, 1);
    close_outcome(&outcome);
}

static void
a_template_stands_between_the_zone_and_the_defaults(void **state)
{
    (void)state;
    struct outcome outcome;
    load(&outcome, &config_table_secondary,
         "remote: [{id: a, address: 192.0.2.1}, {id: b, address: 192.0.2.2}]\n"
         "template:\n"
         "  - {id: usual, primary: [b], refresh: 30s, gate: {max-removed: 50%}}\n"
         "zone:\n"
         "  - {domain: one.example, template: usual}\n"
         "  - {domain: two.example, template: usual, refresh: 5s, gate: {max-ttl: 1d}}\n");
    assert_string_equal(error_at(&outcome, 0), "(none)");
    const struct config_scope *one = config_item(outcome.config, "zone", 0);
    const struct config_scope *two = config_item(outcome.config, "zone", 1);
    assert_int_equal(config_get(one, "refresh")->integer, 30);
    assert_int_equal(config_get(two, "refresh")->integer, 5);
    assert_int_equal(config_get(two, "gate.max-removed")->integer, 50);
    assert_int_equal(config_get(two, "gate.max-ttl")->integer, 86400);
    assert_int_equal(config_get(one, "retry")->integer, 10);
    assert_int_equal(config_get(one, "primary")->items[0].reference, 1);
    close_outcome(&outcome);
}

// What there is instead is said where nothing is near.
#define TEMPLATE_KEYS "id, file, acl, notify, serial-policy, journal-max-size, alias"

static void
a_template_cannot_name_a_domain_or_another_template(void **state)
{
    (void)state;
    EXPECT_ERRORS(&config_table_primary,
                  "template:\n  - {id: a, domain: example.gov}\n  - {id: b, template: a}\n",
                  "c.yaml:2:13: template.domain: no such key; there are " TEMPLATE_KEYS,
                  "c.yaml:3:13: template.template: no such key; there are " TEMPLATE_KEYS);
}

static void
what_this_version_does_not_perform_is_refused(void **state)
{
    (void)state;
    EXPECT_ERRORS(
        &config_table_secondary,
        "remote: [{id: a, address: 192.0.2.1}]\n"
        "policy:\n"
        "  - id: p\n"
        "    ksk-lifetime: 365d\n"
        "    zsk-lifetime: 90d\n"
        "    cds-cdnskey-publish: always\n"
        "zone: [{domain: example.gov, primary: a}]\n",
        "c.yaml:4:19: policy.ksk-lifetime: \"365d\" is not in this version (only 0s is)",
        "c.yaml:5:19: policy.zsk-lifetime: \"90d\" is not in this version (only 0s is)",
        "c.yaml:6:26: policy.cds-cdnskey-publish: \"always\" is not in this version (only none or "
        "rollover is)");
}

static void
another_spelling_of_a_performed_value_is_performed(void **state)
{
    (void)state;
    struct outcome outcome;
    load(&outcome, &config_table_secondary, "policy: [{id: p, ksk-lifetime: 0, zonemd: off}]\n");
    assert_string_equal(error_at(&outcome, 0), "(none)");
    close_outcome(&outcome);
}

static void
anchors_aliases_tags_and_merge_keys_are_refused(void **state)
{
    (void)state;
    const char *sentence = "anchors, aliases and tags are not taken; use template: NAME for zones";
    static const char *const texts[] = {"log: &a {level: info}\n", "log: *a\n", "log: !x {}\n",
                                        "log: {level: !!str info}\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct outcome outcome;
        load(&outcome, &config_table_primary, texts[i]);
        assert_non_null(strstr(error_at(&outcome, 0), sentence));
        close_outcome(&outcome);
    }
    struct outcome outcome;
    load(&outcome, &config_table_primary, "log: {<<: 1}\n");
    assert_non_null(strstr(error_at(&outcome, 0), "merge keys"));
    close_outcome(&outcome);
}

static void
broken_yaml_names_its_place(void **state)
{
    (void)state;
    struct outcome outcome;
    load(&outcome, &config_table_primary, "log:\n\tlevel: info\n");
    assert_non_null(strstr(error_at(&outcome, 0), "c.yaml:2:1: not YAML: "));
    close_outcome(&outcome);
    load(&outcome, &config_table_primary, "log: {level: info\n");
    assert_non_null(strstr(error_at(&outcome, 0), "not YAML: "));
    close_outcome(&outcome);
    load(&outcome, &config_table_primary, "- a\n- b\n");
    assert_string_equal(error_at(&outcome, 0),
                        "c.yaml:1:1: expected keys such as server: and zone:");
    close_outcome(&outcome);
    load(&outcome, &config_table_primary, "log: {level: info}\n---\nlog: {}\n");
    assert_non_null(strstr(error_at(&outcome, 0), "a second document"));
    close_outcome(&outcome);
}

static void
deep_nesting_ends_with_an_error(void **state)
{
    (void)state;
    char text[300];
    memset(text, '[', sizeof text);
    memcpy(text, "log: ", 5);
    text[sizeof text - 1] = '\0';
    struct outcome outcome;
    load(&outcome, &config_table_primary, text);
    assert_non_null(strstr(error_at(&outcome, 0), "nested too deeply"));
    close_outcome(&outcome);
}

// What --print-config shows loads again and gives the same.
static void
printed_settings_load_again_and_print_the_same(void **state)
{
    (void)state;
    static const char text[] =
        "server: {listen: 192.0.2.1@5301, user: \"\"}\n"
        "key: [{id: xfr., secret-file: s.key}]\n"
        "remote: [{id: ns1, address: [192.0.2.1, \"2001:db8::1@5353\"], key: xfr.}]\n"
        "acl: [{id: x, address: 192.0.2.0/24, action: [transfer, query]}]\n"
        "template: [{id: usual, alias: {hold: 2h}, serial-policy: keep}]\n"
        "zone:\n"
        "  - {domain: example.gov, file: a.zone, template: usual, notify: ns1, acl: x}\n"
        "  - {domain: example.net, file: b.zone, alias: {allow-target: \"*.example\"}}\n";
    struct outcome outcome, again;
    load(&outcome, &config_table_primary, text);
    assert_string_equal(error_at(&outcome, 0), "(none)");
    struct octets_buffer first, second;
    octets_buffer_init(&first);
    octets_buffer_init(&second);
    config_print(outcome.config, &first);
    octets_buffer_add_u8(&first, 0);
    load(&again, &config_table_primary, (const char *)first.data);
    assert_string_equal(error_at(&again, 0), "(none)");
    config_print(again.config, &second);
    octets_buffer_add_u8(&second, 0);
    assert_string_equal((const char *)first.data, (const char *)second.data);
    assert_non_null(strstr((const char *)first.data, "hold: 2h"));
    assert_int_equal(config_get(config_item(again.config, "zone", 0), "alias.hold")->integer, 7200);
    octets_buffer_close(&first);
    octets_buffer_close(&second);
    close_outcome(&outcome);
    close_outcome(&again);
}

// A map that may stand instead of a scalar is printed as what it says: the scalar alone would lose
// it.
static void
a_map_instead_of_a_scalar_is_printed_as_a_map(void **state)
{
    (void)state;
    struct outcome outcome, again;
    load(&outcome, &config_table_secondary,
         "policy:\n  - {id: a, nsec3: {opt-out: yes, salt: 0011}}\n  - {id: b, nsec3: yes}\n"
         "  - {id: c}\n");
    assert_string_equal(error_at(&outcome, 0), "(none)");
    struct octets_buffer text;
    octets_buffer_init(&text);
    config_print(outcome.config, &text);
    octets_buffer_add_u8(&text, 0);
    assert_non_null(strstr((const char *)text.data, "    nsec3:\n      opt-out: yes\n"
                                                    "      iterations: 0\n      salt: \"0011\"\n"));
    assert_non_null(strstr((const char *)text.data, "    nsec3: yes\n    serial-policy"));
    assert_non_null(strstr((const char *)text.data, "    nsec3: no\n    serial-policy"));
    load(&again, &config_table_secondary, (const char *)text.data);
    assert_string_equal(error_at(&again, 0), "(none)");
    const struct config_scope *scope = config_item(again.config, "policy", 0);
    assert_int_equal(config_get(scope, "nsec3")->integer, 1);
    assert_int_equal(config_get(scope, "nsec3.opt-out")->integer, 1);
    assert_string_equal(config_get(scope, "nsec3.salt")->text, "0011");
    octets_buffer_close(&text);
    close_outcome(&outcome);
    close_outcome(&again);
}

static void
secrets_are_shown_as_stars(void **state)
{
    (void)state;
    struct outcome outcome;
    load(&outcome, &config_table_primary,
         "key: [{id: xfr., secret: \"AAECAwQFBgcICQoLDA0ODw==\"}]\n");
    struct octets_buffer text;
    octets_buffer_init(&text);
    config_print(outcome.config, &text);
    octets_buffer_add_u8(&text, 0);
    assert_non_null(strstr((const char *)text.data, "secret: \"***\""));
    assert_null(strstr((const char *)text.data, "AAEC"));
    octets_buffer_close(&text);
    close_outcome(&outcome);
}

static void
a_wrong_secret_is_not_quoted_in_its_error(void **state)
{
    (void)state;
    EXPECT_ERRORS(
        &config_table_primary, "key: [{id: xfr., secret: \"hush!hush\"}]\n",
        "c.yaml:1:26: key.secret: expected a secret in base64, got something else; make one by "
        "\"tandemctl tsig generate\"");
}

static void
a_secret_in_a_file_that_others_can_read_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/tandem-config-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "key: [{id: xfr., secret: \"AAECAwQFBgcICQoLDA0ODw==\"}]\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    static const struct {
        mode_t mode;
        bool fine;
    } modes[] = {{0600, true}, {0640, true}, {0644, false}, {0604, false}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct outcome outcome = {.config = NULL};
        config_errors_init(&outcome.errors);
        assert_int_equal(fchmod(fd, modes[i].mode), 0);
        assert_int_equal(config_load(&config_table_primary, path, &outcome.config, &outcome.errors),
                         modes[i].fine);
        if (!modes[i].fine)
            assert_non_null(strstr(error_at(&outcome, 0), ":1:26: key.secret: a secret in a file"));
        close_outcome(&outcome);
    }
    close(fd);
    unlink(path);
}

static void
a_file_that_is_not_there_is_an_error_of_its_own(void **state)
{
    (void)state;
    struct outcome outcome = {.config = NULL};
    config_errors_init(&outcome.errors);
    assert_false(config_load(&config_table_primary, "/nonexistent/x.yaml", &outcome.config,
                             &outcome.errors));
    assert_string_equal(error_at(&outcome, 0),
                        "/nonexistent/x.yaml: cannot be opened: No such file or directory");
    assert_int_equal(outcome.errors.error_count, 1);
    close_outcome(&outcome);
}

static void
restart_only_keys_that_changed_are_named(void **state)
{
    (void)state;
    struct outcome old, fresh;
    load(&old, &config_table_primary, "server: {listen: 127.0.0.1@5301}\n");
    load(&fresh, &config_table_primary,
         "server: {listen: 127.0.0.2@5301, user: me}\nlog: {level: debug}\n");
    struct vector paths;
    vector_init(&paths, sizeof(const char *));
    config_restart_changes(old.config, fresh.config, &paths);
    assert_int_equal(paths.count, 2);
    assert_string_equal(*(const char **)vector_at(&paths, 0), "server.listen");
    assert_string_equal(*(const char **)vector_at(&paths, 1), "server.user");
    vector_clear(&paths);
    // The same of a copy of the root, when the file's own tree is gone; of lists, too.
    struct config *kept = config_root_copy(old.config), *same = config_root_copy(fresh.config);
    close_outcome(&old);
    config_restart_changes(kept, fresh.config, &paths);
    assert_int_equal(paths.count, 2);
    vector_clear(&paths);
    config_restart_changes(same, fresh.config, &paths);
    assert_int_equal(paths.count, 0);
    config_free(&kept);
    config_free(&same);
    assert_null(config_root_copy(NULL));
    vector_close(&paths);
    close_outcome(&fresh);
}

static void
ten_thousand_zones_with_a_template_load(void **state)
{
    (void)state;
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_printf(&text, "remote: [{id: a, address: 192.0.2.1}]\n"
                                "template: [{id: t, primary: a}]\nzone:\n");
    for (unsigned i = 0; i < 10000; i++)
        octets_buffer_printf(&text, "  - {domain: z%u.example, template: t}\n", i);
    octets_buffer_printf(&text, "  - {domain: z5000.example, template: t}\n");
    octets_buffer_add_u8(&text, 0);
    EXPECT_ERRORS(&config_table_secondary, (const char *)text.data,
                  "c.yaml:10004:14: zone.domain: z5000.example stands here a second time; the "
                  "first is at c.yaml:5004:14");
    octets_buffer_close(&text);
}

static void
both_schemas_and_manuals_come_from_the_tables(void **state)
{
    (void)state;
    static const struct config_table *const tables[] = {&config_table_primary,
                                                        &config_table_secondary};
    for (size_t i = 0; i < 2; i++) {
        struct octets_buffer schema, manual;
        octets_buffer_init(&schema);
        octets_buffer_init(&manual);
        config_schema(tables[i], &schema);
        config_manual(tables[i], &manual);
        octets_buffer_add_u8(&schema, 0);
        octets_buffer_add_u8(&manual, 0);
        for (size_t j = 0; j < tables[i]->row_count; j++) {
            const char *dot = strrchr(tables[i]->rows[j].path, '.');
            char key[128];
            snprintf(key, sizeof key, "\"%s\": {", dot ? dot + 1 : tables[i]->rows[j].path);
            assert_non_null(strstr((const char *)schema.data, key));
            assert_non_null(tables[i]->rows[j].help);
        }
        assert_non_null(strstr((const char *)manual.data, ".TP\n.B server.listen\n"));
        octets_buffer_close(&schema);
        octets_buffer_close(&manual);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_every_default),
        cmocka_unit_test(values_are_typed_and_relative_paths_completed),
        cmocka_unit_test(all_errors_of_a_file_are_named_with_their_place_and_the_nearest_key),
        cmocka_unit_test(a_duplicate_zone_names_both_places),
        cmocka_unit_test(a_duplicate_key_of_a_map_names_both_places),
        cmocka_unit_test(an_unknown_reference_names_the_nearest_id),
        cmocka_unit_test(a_reference_to_a_key_is_a_domain_name_with_or_without_its_last_dot),
        cmocka_unit_test(a_template_stands_between_the_zone_and_the_defaults),
        cmocka_unit_test(a_template_cannot_name_a_domain_or_another_template),
        cmocka_unit_test(what_this_version_does_not_perform_is_refused),
        cmocka_unit_test(another_spelling_of_a_performed_value_is_performed),
        cmocka_unit_test(anchors_aliases_tags_and_merge_keys_are_refused),
        cmocka_unit_test(broken_yaml_names_its_place),
        cmocka_unit_test(deep_nesting_ends_with_an_error),
        cmocka_unit_test(printed_settings_load_again_and_print_the_same),
        cmocka_unit_test(a_map_instead_of_a_scalar_is_printed_as_a_map),
        cmocka_unit_test(secrets_are_shown_as_stars),
        cmocka_unit_test(a_wrong_secret_is_not_quoted_in_its_error),
        cmocka_unit_test(a_secret_in_a_file_that_others_can_read_is_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error_of_its_own),
        cmocka_unit_test(restart_only_keys_that_changed_are_named),
        cmocka_unit_test(ten_thousand_zones_with_a_template_load),
        cmocka_unit_test(both_schemas_and_manuals_come_from_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
