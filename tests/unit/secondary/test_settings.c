// A whole secondary.yaml goes to each role and comes back. What a role must not have is searched
// for in the octets themselves: that a field reads as empty would prove nothing.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/daemon/config_table.h"
#include "secondary/settings_keep.h"
#include "tests/support/heap_use.h"

// The secrets in base64: "PRIMARY-SECRET-0", "FLEET-SECRET-000", "NOTIFY-SECRET-00",
// "UNUSED-SECRET-00".
static const char CONFIG[] =
    "server:\n"
    "  listen: [127.0.0.9@5399, \"::1@5399\"]\n"
    "  user: the-user\n"
    "  server-user: the-server-user\n"
    "  workers: 3\n"
    "  tcp-clients: 321\n"
    "  tcp-idle: 11s\n"
    "  rate-limit: {per-second: 12, slip: 3, prefix: [25, 57]}\n"
    "  cookies: on\n"
    "  cookie-secret-file: /the/cookie-file\n"
    "  nsid: the-nsid\n"
    "  version: the-version\n"
    "  state-directory: /the/state\n"
    "control: {socket: /the/control.sock}\n"
    "http: {listen: 127.0.0.8@9399}\n"
    "log: {level: debug, format: json}\n"
    "key:\n"
    "  - {id: xfr., algorithm: hmac-sha256, secret: \"UFJJTUFSWS1TRUNSRVQtMA==\"}\n"
    "  - {id: unused., algorithm: hmac-sha256, secret: \"VU5VU0VELVNFQ1JFVC0wMA==\"}\n"
    "  - {id: fleet., algorithm: hmac-sha512, secret: \"RkxFRVQtU0VDUkVULTAwMA==\"}\n"
    "  - {id: down., algorithm: hmac-sha1, secret: \"Tk9USUZZLVNFQ1JFVC0wMA==\"}\n"
    "remote:\n"
    "  - {id: hidden-one, address: [10.11.12.13@53, \"2001:db8:1122::5@53\"], key: xfr.}\n"
    "  - {id: downstream-one, address: 192.0.2.54@53, key: down.}\n"
    "  - {id: idle-one, address: 192.0.2.77@53}\n"
    "acl:\n"
    "  - {id: the-fleet, address: [192.0.2.0/24], key: fleet., action: [transfer, query]}\n"
    "policy:\n"
    "  - id: first\n"
    "    algorithm: ecdsap256sha256\n"
    "    single-type-signing: yes\n"
    "    rrsig-lifetime: 20d\n"
    "    rrsig-refresh: 9d\n"
    "    rrsig-jitter: 2d\n"
    "    key-storage: sealed\n"
    "    key-secret-file: /the/key-secret\n"
    "    dnskey-ttl: 2h\n"
    "    propagation-delay: 3h\n"
    "    serial-policy: increment\n"
    "    cds-cdnskey-publish: none\n"
    "    ds-check: {parent: [198.51.100.99@53], interval: 5h}\n"
    "    nsec3: {opt-out: yes, iterations: 7, salt: 00aB}\n"
    "    zonemd: yes\n"
    "    signing-threads: 5\n"
    "    verify: all\n"
    "  - {id: second}\n"
    "zone:\n"
    "  - domain: example.gov\n"
    "    primary: [hidden-one]\n"
    "    refresh: 61s\n"
    "    retry: 13s\n"
    "    expire: 14d\n"
    "    request-ixfr: no\n"
    "    gate: {max-removed: 31%, max-records: 777, max-size: 2MiB, max-ttl: 2d, review: "
    "/the/review}\n"
    "    policy: first\n"
    "    acl: [the-fleet]\n"
    "    notify: [downstream-one]\n"
    "    journal-max-size: 3MiB\n"
    "  - domain: example.net\n"
    "    primary: [hidden-one]\n"
    "    policy: none\n"
    "alert:\n"
    "  smtp: {address: smtp.example.gov@587, tls: tls, user: the-smtp-user, password-file: "
    "/the/smtp-file}\n"
    "  from: the-sender@example.gov\n"
    "  to: [first-reader@example.gov, second-reader@example.gov]\n"
    "  on: [resign, gate, ds]\n"
    "  min-interval: 7m\n"
    "  heartbeat: 25h\n";

static const uint32_t IDS[] = {41, 7};
static const struct role_extras EXTRAS = {
    .host = "the-host.example.gov",
    .server_count = 3,
    .cookie_secrets = {.count = 2, .secret = {"COOKIE-SECRET-01", "COOKIE-SECRET-02"}},
};
static const enum message_role ROLES[] = {ROLE_FETCHER, ROLE_SIGNER, ROLE_DESK, ROLE_SERVER};
#define ROLES_COUNT (sizeof ROLES / sizeof ROLES[0])

static struct secondary_settings *whole; // for all tests

static int
load(void **state)
{
    struct config_errors errors;
    (void)state;
    config_errors_init(&errors);
    bool good = secondary_settings_load_text("secondary.yaml", "/the/folder", CONFIG,
                                             sizeof CONFIG - 1, &whole, &errors);
    for (size_t i = 0; i < errors.entries.count; i++)
        fprintf(stderr, "%s\n", ((struct config_error *)vector_at(&errors.entries, i))->text);
    config_errors_close(&errors);
    if (!good)
        return -1;
    whole->alert.smtp_password = "the-smtp-password"; // its file is not opened here
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    secondary_settings_free(&whole);
    return 0;
}

static void
encode(enum message_role role, struct octets_buffer *ret_body)
{
    octets_buffer_init(ret_body);
    role_settings_write(whole, IDS, &EXTRAS, role, ret_body);
}

static struct role_settings *
through(enum message_role role)
{
    struct octets_buffer body;
    struct role_settings *read = NULL;
    encode(role, &body);
    assert_true(role_settings_read((struct octets){body.data, body.length}, &read));
    octets_buffer_close(&body);
    return read;
}

// --- Nobody has what is not its own

#define TO(role) (1U << (unsigned)(role))
#define ALL      (TO(ROLE_FETCHER) | TO(ROLE_SIGNER) | TO(ROLE_DESK) | TO(ROLE_SERVER))

static const struct {
    const char *octets;
    size_t length; // 0: a text
    unsigned roles;
} OWNERS[] = {
    {"PRIMARY-SECRET-0", 0, TO(ROLE_FETCHER)},
    {"NOTIFY-SECRET-00", 0, TO(ROLE_FETCHER)},
    {"FLEET-SECRET-000", 0, TO(ROLE_SERVER)},
    {"UNUSED-SECRET-00", 0, 0},
    {"COOKIE-SECRET-01", 0, TO(ROLE_SERVER)},
    {"COOKIE-SECRET-02", 0, TO(ROLE_SERVER)},
    {"/the/cookie-file", 0, 0}, // the supervisor alone opens it
    {"the-smtp-password", 0, TO(ROLE_DESK)},
    {"the-smtp-user", 0, TO(ROLE_DESK)},
    {"/the/smtp-file", 0, TO(ROLE_DESK)},
    {"/the/key-secret", 0, TO(ROLE_SIGNER)},
    {"/the/state", 0, TO(ROLE_SIGNER) | TO(ROLE_DESK)},
    {"/the/control.sock", 0, TO(ROLE_DESK)},
    {"/the/review", 0, TO(ROLE_SIGNER)},
    {"the-nsid", 0, TO(ROLE_SERVER)},
    {"the-version", 0, TO(ROLE_SERVER)},
    {"the-server-user", 0, TO(ROLE_SERVER)},
    {"the-user", 0, ALL},
    {"the-host.example.gov", 0, ALL},
    {"example.net", 0, ALL},
    {"hidden-one", 0, TO(ROLE_FETCHER) | TO(ROLE_DESK)},
    {"\x0a\x0b\x0c\x0d", 4, TO(ROLE_FETCHER) | TO(ROLE_DESK) | TO(ROLE_SERVER)}, // 10.11.12.13
    {"\xc6\x33\x64\x63", 4, TO(ROLE_FETCHER) | TO(ROLE_SIGNER)},                 // of ds-check
    {"\xc0\x00\x02\x4d", 4, TO(ROLE_FETCHER) | TO(ROLE_DESK)}, // a remote that no zone names
    {"the-fleet", 0, TO(ROLE_SERVER)},
    {"\3xfr", 5, TO(ROLE_FETCHER)},
    {"\5fleet", 7, TO(ROLE_SERVER)},
    {"the-sender@example.gov", 0, TO(ROLE_DESK)},
    {"second-reader@example.gov", 0, TO(ROLE_DESK)},
    {"first", 5, TO(ROLE_FETCHER) | TO(ROLE_SIGNER) | TO(ROLE_DESK)}, // a policy's name
};

static void
no_role_gets_what_is_anothers(void **state)
{
    (void)state;
    for (size_t r = 0; r < ROLES_COUNT; r++) {
        struct octets_buffer body;
        encode(ROLES[r], &body);
        for (size_t i = 0; i < sizeof OWNERS / sizeof OWNERS[0]; i++) {
            size_t length = OWNERS[i].length > 0 ? OWNERS[i].length : strlen(OWNERS[i].octets);
            bool found = memmem(body.data, body.length, OWNERS[i].octets, length) != NULL;
            if (found != ((OWNERS[i].roles & TO(ROLES[r])) != 0))
                fail_msg("%s %s \"%s\"", message_role_word(ROLES[r]), found ? "has" : "lacks",
                         OWNERS[i].octets);
        }
        octets_buffer_close(&body);
    }
}

// --- And has all that is

static void
expect_addresses(const struct settings_addresses *a, const struct settings_addresses *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_true(address_equal(&a->items[i], &b->items[i]));
}

static void
expect_indexes(const struct settings_indexes *a, const struct settings_indexes *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_int_equal(a->items[i], b->items[i]);
}

static void
every_role_gets_log_user_and_zones(void **state)
{
    (void)state;
    for (size_t r = 0; r < ROLES_COUNT; r++) {
        struct role_settings *read = through(ROLES[r]);
        assert_string_equal(read->extras.host, EXTRAS.host);
        assert_int_equal(read->extras.server_count, 3);
        assert_int_equal(read->settings.log.level, LOG_LEVEL_DEBUG);
        assert_int_equal(read->settings.log.format, LOG_FORMAT_JSON);
        assert_string_equal(read->settings.user, "the-user");
        assert_int_equal(read->settings.zone_count, 2);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(read->zone_ids[i], IDS[i]);
            assert_string_equal(read->settings.zones[i].domain, whole->zones[i].domain);
            assert_true(name_equal(read->settings.zones[i].name, whole->zones[i].name));
            assert_int_equal(role_settings_zone(read, IDS[i]), i);
        }
        assert_true(role_settings_zone(read, 42) == SETTINGS_NONE);
        role_settings_free(&read);
        assert_null(read);
    }
}

static void
the_fetcher_gets_polls_remotes_keys_and_ds_check(void **state)
{
    struct role_settings *read = through(ROLE_FETCHER);
    const struct secondary_settings *settings = &read->settings;
    (void)state;
    assert_int_equal(settings->remote_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(settings->remotes[i].id, whole->remotes[i].id);
        expect_addresses(&settings->remotes[i].addresses, &whole->remotes[i].addresses);
        assert_int_equal(settings->remotes[i].key, whole->remotes[i].key);
    }
    const struct tsig_key *key = &settings->keys[settings->remotes[0].key];
    assert_true(name_equal(key->name, whole->keys[0].name));
    assert_int_equal(key->algorithm, TSIG_HMAC_SHA256);
    assert_int_equal(key->secret_length, 16);
    assert_memory_equal(key->secret, "PRIMARY-SECRET-0", 16);
    key = &settings->keys[settings->remotes[1].key];
    assert_int_equal(key->algorithm, TSIG_HMAC_SHA1);
    assert_memory_equal(key->secret, "NOTIFY-SECRET-00", 16);
    for (size_t i = 0; i < 2; i++) {
        const struct secondary_zone_settings *zone = &settings->zones[i], *was = &whole->zones[i];
        assert_int_equal(zone->rules->refresh_seconds, was->rules->refresh_seconds);
        assert_int_equal(zone->rules->retry_seconds, was->rules->retry_seconds);
        assert_int_equal(zone->rules->request_ixfr, was->rules->request_ixfr);
        assert_true(zone->rules->gate.max_records == was->rules->gate.max_records);
        assert_true(zone->rules->gate.max_size_octets == was->rules->gate.max_size_octets);
        assert_int_equal(zone->rules->policy, was->rules->policy);
        expect_indexes(&zone->rules->primaries, &was->rules->primaries);
        expect_indexes(&zone->rules->notify, &was->rules->notify);
        assert_string_equal(zone->rules->gate.review, "");
    }
    assert_int_equal(settings->zones[0].rules->refresh_seconds, 61);
    assert_int_equal(settings->zones[0].rules->gate.max_records, 777);
    expect_addresses(&settings->policies[0].ds_check_parents, &whole->policies[0].ds_check_parents);
    assert_int_equal(settings->policies[0].ds_check_interval_seconds, 5 * 3600);
    assert_int_equal(settings->policies[1].ds_check_parents.count, 0);
    assert_string_equal(settings->policies[0].key_secret_file, "");
    role_settings_free(&read);
}

static void
the_signer_gets_policies_and_the_gate(void **state)
{
    struct role_settings *read = through(ROLE_SIGNER);
    const struct secondary_settings *settings = &read->settings;
    (void)state;
    assert_string_equal(settings->state_directory, "/the/state");
    assert_int_equal(settings->key_count, 0);
    assert_int_equal(settings->remote_count, 0);
    assert_int_equal(settings->policy_count, whole->policy_count);
    for (size_t i = 0; i < settings->policy_count; i++) {
        const struct policy_settings *policy = &settings->policies[i], *was = &whole->policies[i];
        assert_string_equal(policy->id, was->id);
        assert_int_equal(policy->algorithm, was->algorithm);
        assert_int_equal(policy->single_type_signing, was->single_type_signing);
        assert_int_equal(policy->ksk_lifetime_seconds, was->ksk_lifetime_seconds);
        assert_int_equal(policy->zsk_lifetime_seconds, was->zsk_lifetime_seconds);
        assert_int_equal(policy->rrsig_lifetime_seconds, was->rrsig_lifetime_seconds);
        assert_int_equal(policy->rrsig_refresh_seconds, was->rrsig_refresh_seconds);
        assert_int_equal(policy->rrsig_jitter_seconds, was->rrsig_jitter_seconds);
        assert_int_equal(policy->key_storage, was->key_storage);
        assert_string_equal(policy->key_secret_file, was->key_secret_file);
        assert_int_equal(policy->dnskey_ttl_seconds, was->dnskey_ttl_seconds);
        assert_int_equal(policy->propagation_delay_seconds, was->propagation_delay_seconds);
        assert_int_equal(policy->nsec3, was->nsec3);
        assert_int_equal(policy->nsec3_opt_out, was->nsec3_opt_out);
        assert_int_equal(policy->nsec3_iterations, was->nsec3_iterations);
        assert_string_equal(policy->nsec3_salt, was->nsec3_salt);
        assert_int_equal(policy->serial_policy, was->serial_policy);
        assert_int_equal(policy->cds_cdnskey_publish, was->cds_cdnskey_publish);
        expect_addresses(&policy->ds_check_parents, &was->ds_check_parents);
        assert_int_equal(policy->ds_check_interval_seconds, was->ds_check_interval_seconds);
        assert_int_equal(policy->zonemd, was->zonemd);
        assert_int_equal(policy->signing_threads, was->signing_threads);
        assert_int_equal(policy->verify, was->verify);
    }
    assert_int_equal(settings->policies[0].rrsig_lifetime_seconds, 20 * 86400);
    assert_int_equal(settings->policies[0].verify, POLICY_VERIFY_ALL);
    assert_true(settings->policies[0].nsec3 && settings->policies[0].nsec3_opt_out);
    assert_int_equal(settings->policies[0].nsec3_iterations, 7);
    assert_string_equal(settings->policies[0].nsec3_salt, "00aB");
    assert_true(settings->policies[0].zonemd);
    assert_false(settings->policies[1].nsec3 || settings->policies[1].zonemd);
    for (size_t i = 0; i < 2; i++) {
        const struct secondary_zone_settings *zone = &settings->zones[i], *was = &whole->zones[i];
        assert_int_equal(zone->rules->expire_seconds, was->rules->expire_seconds);
        assert_int_equal(zone->rules->gate.max_removed_percent,
                         was->rules->gate.max_removed_percent);
        assert_true(zone->rules->gate.max_records == was->rules->gate.max_records);
        assert_true(zone->rules->gate.max_size_octets == was->rules->gate.max_size_octets);
        assert_int_equal(zone->rules->gate.max_ttl_seconds, was->rules->gate.max_ttl_seconds);
        assert_string_equal(zone->rules->gate.review, was->rules->gate.review);
        assert_int_equal(zone->rules->gate.review_timeout_seconds,
                         was->rules->gate.review_timeout_seconds);
        assert_true(zone->rules->journal_max_octets == was->rules->journal_max_octets);
        assert_int_equal(zone->rules->policy, was->rules->policy);
        assert_int_equal(zone->rules->acl.rules.count, 0);
        assert_int_equal(zone->rules->primaries.count, 0);
    }
    assert_true(settings->zones[1].rules->policy == POLICY_NONE);
    assert_int_equal(settings->zones[0].rules->gate.max_removed_percent, 31);
    role_settings_free(&read);
}

static void
the_server_gets_limits_cookies_and_access_rules(void **state)
{
    struct role_settings *read = through(ROLE_SERVER);
    const struct secondary_settings *settings = &read->settings;
    (void)state;
    assert_string_equal(settings->server_user, "the-server-user");
    assert_int_equal(settings->tcp_clients, 321);
    assert_int_equal(settings->tcp_idle_seconds, 11);
    assert_int_equal(settings->rate_limit.per_second, 12);
    assert_int_equal(settings->rate_limit.slip, 3);
    assert_int_equal(settings->rate_limit.prefix_v4, 25);
    assert_int_equal(settings->rate_limit.prefix_v6, 57);
    assert_true(settings->cookies);
    assert_string_equal(settings->nsid, "the-nsid");
    assert_string_equal(settings->version, "the-version");
    assert_int_equal(read->extras.cookie_secrets.count, 2);
    assert_memory_equal(read->extras.cookie_secrets.secret[1], "COOKIE-SECRET-02", 16);
    // Only the key that an acl names; no gaps that a key name of the root would match.
    assert_int_equal(settings->key_count, 1);
    assert_true(name_equal(settings->keys[0].name, whole->keys[2].name));
    assert_int_equal(settings->keys[0].algorithm, TSIG_HMAC_SHA512);
    assert_memory_equal(settings->keys[0].secret, "FLEET-SECRET-000", 16);
    assert_int_equal(settings->remote_count, 0);
    assert_int_equal(settings->policy_count, 0);
    assert_string_equal(settings->state_directory, "");
    role_settings_free(&read);
}

static bool
allows(const struct acl *acl, const char *from, const uint8_t *key, enum acl_action action)
{
    struct address address;
    struct fault fault = {0};
    assert_true(address_from_text(from, 40000, &address, &fault));
    return acl_match(acl, &address, key, action) != NULL;
}

static void
a_primary_may_send_notify_and_nothing_else(void **state)
{
    struct role_settings *read = through(ROLE_SERVER);
    const struct acl *acl = &read->settings.zones[0].rules->acl;
    const uint8_t *fleet = read->settings.keys[0].name;
    (void)state;
    assert_true(allows(acl, "10.11.12.13", NULL, ACL_NOTIFY));
    assert_true(allows(acl, "2001:db8:1122::5", NULL, ACL_NOTIFY));
    assert_false(allows(acl, "10.11.12.13", NULL, ACL_TRANSFER));
    assert_false(allows(acl, "10.11.12.13", fleet, ACL_TRANSFER));
    assert_false(allows(acl, "10.11.12.14", NULL, ACL_NOTIFY));
    assert_true(allows(acl, "192.0.2.200", fleet, ACL_TRANSFER));
    assert_false(allows(acl, "192.0.2.200", NULL, ACL_TRANSFER));
    assert_false(allows(acl, "192.0.2.200", fleet, ACL_NOTIFY));
    // A zone without acl: its primary's NOTIFY and nobody's transfer.
    assert_true(allows(&read->settings.zones[1].rules->acl, "10.11.12.13", NULL, ACL_NOTIFY));
    assert_false(allows(&read->settings.zones[1].rules->acl, "192.0.2.200", fleet, ACL_TRANSFER));
    role_settings_free(&read);
}

static void
the_desk_gets_socket_http_and_alert(void **state)
{
    struct role_settings *read = through(ROLE_DESK);
    const struct secondary_settings *settings = &read->settings;
    const struct alert_settings *alert = &settings->alert;
    (void)state;
    assert_string_equal(settings->file, whole->file);
    assert_string_equal(settings->control_socket, "/the/control.sock");
    assert_string_equal(settings->state_directory, "/the/state");
    assert_int_equal(settings->rate_limit.per_second, 12);
    assert_int_equal(settings->rate_limit.prefix_v6, 57);
    assert_true(address_equal(&settings->http.listen, &whole->http.listen));
    expect_addresses(&settings->listen, &whole->listen);
    assert_string_equal(alert->smtp_address, "smtp.example.gov@587");
    assert_int_equal(alert->smtp_tls, SMTP_TLS_TLS);
    assert_string_equal(alert->smtp_user, "the-smtp-user");
    assert_string_equal(alert->smtp_password, "the-smtp-password");
    assert_string_equal(alert->mail_directory, whole->alert.mail_directory);
    assert_string_equal(alert->from, "the-sender@example.gov");
    assert_int_equal(alert->to.count, 2);
    assert_string_equal(alert->to.items[1], "second-reader@example.gov");
    for (int i = 0; i < ALERT_KIND_COUNT; i++)
        assert_int_equal(alert->on[i], i == ALERT_RESIGN || i == ALERT_GATE || i == ALERT_DS);
    assert_int_equal(alert->min_interval_seconds, 420);
    assert_int_equal(alert->heartbeat_seconds, 25 * 3600);
    assert_int_equal(settings->remote_count, 3);
    assert_string_equal(settings->remotes[0].id, "hidden-one");
    expect_addresses(&settings->remotes[0].addresses, &whole->remotes[0].addresses);
    assert_true(settings->remotes[0].key == SETTINGS_NONE);
    assert_int_equal(settings->key_count, 0);
    assert_string_equal(settings->policies[settings->zones[0].rules->policy].id, "first");
    assert_int_equal(settings->zones[0].rules->refresh_seconds, 61);
    expect_indexes(&settings->zones[0].rules->primaries, &whole->zones[0].rules->primaries);
    role_settings_free(&read);
}

// --- What many zones have in common is there once

#define FLEET 1000
// Of one zone of a fleet: name, text and number. What does not depend on the zone (the template's
// values, lists, acls, review, policies) is in none of it.
#define FLEET_ZONE_OCTETS 160

// So many zones behind one template, and one that differs in its refresh alone.
static struct secondary_settings *
fleet(void)
{
    struct secondary_settings *settings = NULL;
    struct config_errors errors;
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_printf(&text, "key: [{id: k., algorithm: hmac-sha256, secret: "
                                "\"UFJJTUFSWS1TRUNSRVQtMA==\"}]\n"
                                "remote:\n"
                                "  - {id: hidden, address: [10.11.12.13@53, 10.11.12.14@53]}\n"
                                "  - {id: below, address: 192.0.2.54@53}\n"
                                "acl:\n"
                                "  - {id: out, address: [192.0.2.0/24], action: [transfer]}\n"
                                "  - {id: signed, key: k., action: [transfer, notify]}\n"
                                "template:\n"
                                "  - {id: all, primary: [hidden], notify: [below], acl: [out, "
                                "signed], gate: {review: /the/review}}\n"
                                "zone:\n");
    for (unsigned i = 0; i < FLEET; i++)
        octets_buffer_printf(&text, "  - {domain: z%04u.example.gov, template: all%s}\n", i,
                             i == 7 ? ", refresh: 777s" : "");
    config_errors_init(&errors);
    if (!secondary_settings_load_text("secondary.yaml", "/the", (char *)text.data, text.length,
                                      &settings, &errors))
        fail_msg("%s", ((struct config_error *)vector_at(&errors.entries, 0))->text);
    config_errors_close(&errors);
    octets_buffer_close(&text);
    return settings;
}

static struct role_settings *
fleet_through(const struct secondary_settings *settings, enum message_role role)
{
    static uint32_t ids[FLEET];
    struct octets_buffer body;
    struct role_settings *read = NULL;
    for (uint32_t i = 0; i < FLEET; i++)
        ids[i] = i;
    octets_buffer_init(&body);
    role_settings_write(settings, ids, &EXTRAS, role, &body);
    assert_true(role_settings_read((struct octets){body.data, body.length}, &read));
    octets_buffer_close(&body);
    return read;
}

static void
zones_of_one_template_share_their_rules(void **state)
{
    struct secondary_settings *settings = fleet();
    (void)state;
    for (size_t r = 0; r < ROLES_COUNT; r++) {
        struct role_settings *read = fleet_through(settings, ROLES[r]);
        const struct secondary_zone_settings *zones = read->settings.zones;
        bool polls = ROLES[r] == ROLE_FETCHER || ROLES[r] == ROLE_DESK;
        // The one that differs differs only for who is told of refresh.
        assert_int_equal(read->rules_count, polls ? 2 : 1);
        assert_ptr_equal(zones[0].rules->primaries.items, zones[FLEET - 1].rules->primaries.items);
        assert_ptr_equal(zones[0].rules->acl.rules.items, zones[FLEET - 1].rules->acl.rules.items);
        assert_ptr_equal(zones[0].rules->gate.review, zones[FLEET - 1].rules->gate.review);
        assert_string_equal(zones[7].domain, "z0007.example.gov");
        assert_int_equal(zones[7].rules->refresh_seconds, polls ? 777 : 0);
        assert_int_equal(zones[8].rules->refresh_seconds,
                         polls ? settings->zones[8].rules->refresh_seconds : 0);
        role_settings_free(&read);
    }
    secondary_settings_free(&settings);
}

static void
a_zone_of_a_fleet_costs_little_in_each_role(void **state)
{
    struct secondary_settings *settings = fleet();
    (void)state;
    for (size_t r = 0; r < ROLES_COUNT; r++) {
        size_t before = heap_use();
        struct role_settings *read = fleet_through(settings, ROLES[r]);
        heap_use_expect(message_role_word(ROLES[r]), heap_use_each(before, FLEET),
                        FLEET_ZONE_OCTETS);
        role_settings_free(&read);
    }
    secondary_settings_free(&settings);
}

// What the supervisor keeps tells each role the same as the file did, octet for octet, and a reload
// finds nothing changed.
static void
what_the_supervisor_keeps_is_what_the_file_said(void **state)
{
    struct secondary_settings *again = NULL;
    struct config_errors errors;
    struct vector changes;
    (void)state;
    config_errors_init(&errors);
    assert_true(secondary_settings_load_text("secondary.yaml", "/the/folder", CONFIG,
                                             sizeof CONFIG - 1, &again, &errors));
    config_errors_close(&errors);
    again->alert.smtp_password = "the-smtp-password";
    struct role_settings *kept = settings_keep(&again);
    assert_null(again);
    for (size_t r = 0; r < ROLES_COUNT; r++) {
        struct octets_buffer before, after;
        encode(ROLES[r], &before);
        octets_buffer_init(&after);
        role_settings_write(&kept->settings, IDS, &EXTRAS, ROLES[r], &after);
        assert_int_equal(after.length, before.length);
        assert_memory_equal(after.data, before.data, before.length);
        octets_buffer_close(&before);
        octets_buffer_close(&after);
    }
    for (size_t i = 0; i < whole->zone_count; i++)
        assert_true(secondary_zone_settings_equal(whole, &whole->zones[i], &kept->settings,
                                                  &kept->settings.zones[i]));
    assert_string_equal(kept->settings.cookie_secret_file, "/the/cookie-file");
    assert_int_equal(kept->settings.workers, 3);
    vector_init(&changes, sizeof(const char *));
    config_restart_changes(kept->settings.config, whole->config, &changes);
    assert_int_equal(changes.count, 0);
    vector_close(&changes);
    settings_keep_free(&kept);
}

// Before the first zone and after the last one: keys and remotes may be there.
static void
settings_without_a_zone_are_kept_and_read_by_every_role(void **state)
{
    static const char config[] = "{\"key\": [{\"id\": \"k.\", \"algorithm\": \"hmac-sha256\", "
                                 "\"secret\": \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"}], "
                                 "\"remote\": [{\"id\": \"r\", \"address\": [\"192.0.2.1\"], "
                                 "\"key\": \"k.\"}], \"zone\": []}";
    struct secondary_settings *settings = NULL;
    struct config_errors errors;
    (void)state;
    config_errors_init(&errors);
    assert_true(secondary_settings_load_text("secondary.yaml", "/the/folder", config,
                                             sizeof config - 1, &settings, &errors));
    config_errors_close(&errors);
    for (size_t r = 0; r < ROLES_COUNT; r++) {
        struct octets_buffer body;
        struct role_settings *read = NULL;
        octets_buffer_init(&body);
        role_settings_write(settings, IDS, &EXTRAS, ROLES[r], &body);
        assert_true(role_settings_read((struct octets){body.data, body.length}, &read));
        assert_int_equal(read->settings.zone_count, 0);
        octets_buffer_close(&body);
        role_settings_free(&read);
    }
    struct role_settings *kept = settings_keep(&settings);
    assert_int_equal(kept->settings.zone_count, 0);
    assert_int_equal(kept->settings.key_count, 1);
    assert_int_equal(kept->settings.remotes[0].key, 0);
    settings_keep_free(&kept);
}

static void
a_zone_of_a_fleet_costs_the_supervisor_little(void **state)
{
    size_t before = heap_use();
    struct secondary_settings *settings = fleet();
    size_t whole_file = heap_use_each(before, FLEET);
    struct role_settings *kept = settings_keep(&settings);
    (void)state;
    heap_use_expect("supervisor", heap_use_each(before, FLEET), FLEET_ZONE_OCTETS);
    assert_true(whole_file > 2 * FLEET_ZONE_OCTETS); // else it is not worth the trouble
    settings_keep_free(&kept);
}

static void
a_zone_with_rules_that_are_not_there_is_refused(void **state)
{
    struct octets_buffer body;
    (void)state;
    encode(ROLE_SERVER, &body);
    uint8_t *last = body.data + body.length - 4; // of the last zone: which rules are its own
    assert_int_equal(octets_get_u32(last), 1);
    octets_put_u32(last, 2);
    assert_false(role_settings_read((struct octets){body.data, body.length},
                                    &(struct role_settings *){NULL}));
    octets_buffer_close(&body);
}

// --- Octets that no supervisor sends

static bool
reads(const uint8_t *data, size_t length)
{
    struct role_settings *read = NULL;
    uint8_t *exact = memory_alloc(length > 0 ? length : 1);
    memcpy(exact, data, length);
    bool good = role_settings_read((struct octets){exact, length}, &read);
    free(exact);
    role_settings_free(&read);
    return good;
}

static void
settings_that_are_cut_or_go_on_are_refused(void **state)
{
    (void)state;
    for (size_t r = 0; r < ROLES_COUNT; r++) {
        struct octets_buffer body;
        encode(ROLES[r], &body);
        for (size_t length = 0; length < body.length; length++)
            if (reads(body.data, length))
                fail_msg("%s: read from %zu of %zu octets", message_role_word(ROLES[r]), length,
                         body.length);
        octets_buffer_add_u8(&body, 0);
        assert_false(reads(body.data, body.length));
        octets_buffer_close(&body);
    }
}

static void
settings_with_any_octet_changed_do_no_harm(void **state)
{
    (void)state;
    for (size_t r = 0; r < ROLES_COUNT; r++) {
        struct octets_buffer body;
        encode(ROLES[r], &body);
        for (size_t at = 0; at < body.length; at++) {
            uint8_t was = body.data[at];
            body.data[at] = 0xff;
            reads(body.data, body.length);
            body.data[at] = (uint8_t)(was + 1);
            reads(body.data, body.length);
            body.data[at] = was;
        }
        octets_buffer_close(&body);
    }
}

// A count of four thousand million anywhere: refused before memory for it is asked for.
static void
a_count_that_cannot_be_true_allocates_nothing(void **state)
{
    (void)state;
    for (size_t r = 0; r < ROLES_COUNT; r++) {
        struct octets_buffer body;
        encode(ROLES[r], &body);
        for (size_t at = 0; at + 4 <= body.length; at++) {
            uint8_t was[4];
            memcpy(was, body.data + at, 4);
            octets_put_u32(body.data + at, ROLE_SETTINGS_ITEMS_MAX - 1);
            reads(body.data, body.length);
            octets_put_u32(body.data + at, UINT32_MAX);
            reads(body.data, body.length);
            memcpy(body.data + at, was, 4);
        }
        octets_buffer_close(&body);
    }
}

static void
settings_for_the_supervisor_or_nobody_are_refused(void **state)
{
    struct octets_buffer body;
    (void)state;
    encode(ROLE_DESK, &body);
    body.data[0] = ROLE_SUPERVISOR;
    assert_false(reads(body.data, body.length));
    body.data[0] = ROLE_COUNT;
    assert_false(reads(body.data, body.length));
    octets_buffer_close(&body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_role_gets_what_is_anothers),
        cmocka_unit_test(every_role_gets_log_user_and_zones),
        cmocka_unit_test(the_fetcher_gets_polls_remotes_keys_and_ds_check),
        cmocka_unit_test(the_signer_gets_policies_and_the_gate),
        cmocka_unit_test(the_server_gets_limits_cookies_and_access_rules),
        cmocka_unit_test(a_primary_may_send_notify_and_nothing_else),
        cmocka_unit_test(the_desk_gets_socket_http_and_alert),
        cmocka_unit_test(zones_of_one_template_share_their_rules),
        cmocka_unit_test(a_zone_of_a_fleet_costs_little_in_each_role),
        cmocka_unit_test(what_the_supervisor_keeps_is_what_the_file_said),
        cmocka_unit_test(settings_without_a_zone_are_kept_and_read_by_every_role),
        cmocka_unit_test(a_zone_of_a_fleet_costs_the_supervisor_little),
        cmocka_unit_test(a_zone_with_rules_that_are_not_there_is_refused),
        cmocka_unit_test(settings_that_are_cut_or_go_on_are_refused),
        cmocka_unit_test(settings_with_any_octet_changed_do_no_harm),
        cmocka_unit_test(a_count_that_cannot_be_true_allocates_nothing),
        cmocka_unit_test(settings_for_the_supervisor_or_nobody_are_refused),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
