#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon/settings_primary.h"
#include "common/daemon/settings_secondary.h"
#include "common/dns/name.h"

#define SECRET "\"AAECAwQFBgcICQoLDA0ODw==\""

static struct primary_settings *
primary_of(const char *text, const char *error)
{
    struct primary_settings *settings = NULL;
    struct config_errors errors;
    config_errors_init(&errors);
    bool fine =
        primary_settings_load_text("p.yaml", "/etc/t", text, strlen(text), &settings, &errors);
    const struct config_error *first = errors.entries.count ? vector_at(&errors.entries, 0) : NULL;
    assert_string_equal(first ? first->text : "", error ? error : "");
    assert_int_equal(fine, error == NULL || first->warning);
    config_errors_close(&errors);
    return settings;
}

static struct secondary_settings *
secondary_of(const char *text, const char *error)
{
    struct secondary_settings *settings = NULL;
    struct config_errors errors;
    config_errors_init(&errors);
    bool fine =
        secondary_settings_load_text("s.yaml", "/etc/t", text, strlen(text), &settings, &errors);
    const struct config_error *first = errors.entries.count ? vector_at(&errors.entries, 0) : NULL;
    assert_string_equal(first ? first->text : "", error ? error : "");
    assert_int_equal(fine, error == NULL || first->warning);
    config_errors_close(&errors);
    return settings;
}

static void
a_primary_file_becomes_typed_settings(void **state)
{
    (void)state;
    struct primary_settings *settings = primary_of(
        "server: {listen: [127.0.0.1@5301, \"::1@5301\"], user: \"\", state-directory: state}\n"
        "resolver: {address: 192.0.2.9, timeout: 5s, require-ad: yes}\n"
        "key: [{id: xfr., algorithm: hmac-sha512, secret: " SECRET "}]\n"
        "remote: [{id: ns1, address: 192.0.2.53, key: xfr}]\n"
        "acl:\n"
        "  - {id: friends, address: [192.0.2.0/24], key: xfr., action: [transfer, query]}\n"
        "  - {id: any, address: 0.0.0.0/0, action: query}\n"
        "zone:\n"
        "  - {domain: Example.gov, file: db, acl: [friends, any], notify: ns1}\n"
        "  - {domain: example.net, file: db2, alias: {settle: 3m}}\n",
        NULL);
    char text[ADDRESS_TEXT_MAX];
    assert_int_equal(settings->listen.count, 2);
    assert_string_equal(address_to_text(&settings->listen.items[1], text), "::1@5301");
    assert_string_equal(settings->user, "");
    assert_string_equal(settings->state_directory, "/etc/t/state");
    assert_string_equal(address_to_text(&settings->resolver.addresses.items[0], text),
                        "192.0.2.9@53");
    assert_int_equal(settings->resolver.timeout_ms, 5000);
    assert_true(settings->resolver.require_ad);
    assert_int_equal(settings->keys[0].algorithm, TSIG_HMAC_SHA512);
    assert_int_equal(settings->keys[0].secret_length, 16);
    assert_int_equal(settings->keys[0].secret[15], 15);
    assert_int_equal(settings->remotes[0].key, 0);
    assert_string_equal(address_to_text(&settings->http.listen, text), "127.0.0.1@9353");

    const struct primary_zone_settings *zone = &settings->zones[0];
    assert_string_equal(zone->domain, "example.gov");
    assert_string_equal(zone->file, "/etc/t/db");
    assert_int_equal(zone->notify.items[0], 0);
    assert_int_equal(zone->alias.settle_seconds, ALIAS_SETTLE_AUTO);
    assert_int_equal(settings->zones[1].alias.settle_seconds, 180);
    assert_int_equal(zone->alias.deny_address.count, 7);
    assert_string_equal(zone->alias.allow_target.items[0], "*");
    struct address peer;
    assert_true(address_from_text("192.0.2.77@1234", 0, &peer, NULL));
    assert_non_null(acl_match(&zone->acl, &peer, settings->keys[0].name, ACL_TRANSFER));
    assert_null(acl_match(&zone->acl, &peer, NULL, ACL_TRANSFER));
    assert_non_null(acl_match(&zone->acl, &peer, NULL, ACL_QUERY));
    primary_settings_free(&settings);
    assert_null(settings);
}

static void
a_secondary_file_becomes_typed_settings(void **state)
{
    (void)state;
    struct secondary_settings *settings =
        secondary_of("remote: [{id: hidden, address: [10.0.0.5, 10.0.0.6@5301]}]\n"
                     "http: {listen: \"\"}\n"
                     "policy:\n"
                     "  - {id: csk, single-type-signing: yes, key-storage: plain,\n"
                     "     ds-check: {parent: [192.0.2.1], interval: 2h}, verify: all}\n"
                     "zone:\n"
                     "  - {domain: a.example, primary: hidden, policy: csk, expire: never}\n"
                     "  - {domain: b.example, primary: hidden, policy: none, expire: 2d}\n"
                     "  - {domain: c.example, primary: hidden, gate: {max-removed: 100%, review: "
                     "\"/bin/true\"}}\n",
                     NULL);
    assert_false(address_is_set(&settings->http.listen));
    assert_int_equal(settings->remotes[0].addresses.count, 2);
    assert_int_equal(settings->remotes[0].key, SETTINGS_NONE);
    assert_int_equal(settings->policy_count, 2);
    assert_true(settings->cookies);
    assert_int_equal(settings->rate_limit.prefix_v6, 56);

    const struct policy_settings *csk = &settings->policies[settings->zones[0].rules->policy];
    assert_string_equal(csk->id, "csk");
    assert_true(csk->single_type_signing);
    assert_int_equal(csk->key_storage, POLICY_STORAGE_PLAIN);
    assert_int_equal(csk->ds_check_parents.count, 1);
    assert_int_equal(csk->ds_check_interval_seconds, 7200);
    assert_int_equal(csk->verify, POLICY_VERIFY_ALL);
    assert_int_equal(csk->algorithm, 13);
    static const struct {
        const char *word;
        uint8_t number;
    } algorithms[] = {{"rsasha256", 8},        {"rsasha512", 10}, {"ecdsap256sha256", 13},
                      {"ecdsap384sha384", 14}, {"ed25519", 15},   {"ed448", 16}};
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "policy: [{id: p, algorithm: %s}]\n", algorithms[i].word);
        struct secondary_settings *other = secondary_of(text, NULL);
        assert_int_equal(other->policies[0].algorithm, algorithms[i].number);
        secondary_settings_free(&other);
    }

    assert_int_equal(settings->zones[0].rules->expire_seconds, EXPIRE_NEVER);
    assert_int_equal(settings->zones[1].rules->expire_seconds, 2 * 86400);
    assert_int_equal(settings->zones[2].rules->expire_seconds, EXPIRE_SOA);
    assert_int_equal(settings->zones[1].rules->policy, POLICY_NONE);
    assert_string_equal(settings->policies[settings->zones[2].rules->policy].id, "default");
    assert_int_equal(settings->zones[2].rules->gate.max_removed_percent, 100);
    assert_string_equal(settings->zones[2].rules->gate.review, "/bin/true");
    secondary_settings_free(&settings);
}

static void
a_key_needs_exactly_one_secret(void **state)
{
    (void)state;
    primary_of("key: [{id: xfr.}]\n",
               "p.yaml:1:12: key.id: expected one of secret and secret-file, got neither");
    primary_of("key: [{id: xfr., secret: " SECRET ", secret-file: s}]\n",
               "p.yaml:1:67: key.secret-file: expected one of secret and secret-file, got both");
}

static void
a_short_secret_is_a_warning(void **state)
{
    (void)state;
    struct primary_settings *settings =
        primary_of("key: [{id: xfr., secret: \"AAECAw==\"}]\n",
                   "p.yaml:1:26: key.secret: a secret of 4 octets is short; \"tandemctl tsig "
                   "generate\" makes a good one");
    primary_settings_free(&settings);
}

static void
an_acl_for_everybody_is_a_warning(void **state)
{
    (void)state;
    struct primary_settings *settings =
        primary_of("acl: [{id: all, action: transfer}]\n",
                   "p.yaml:1:25: acl.action: acl all has neither address nor key: everybody may "
                   "transfer");
    primary_settings_free(&settings);
}

static void
a_policy_that_cannot_hold_is_refused(void **state)
{
    (void)state;
    secondary_of("policy: [{id: p, rrsig-lifetime: 8d}]\n",
                 "s.yaml:1:34: policy.rrsig-lifetime: rrsig-lifetime (8d) must be longer than "
                 "rrsig-refresh (7d) and rrsig-jitter (1d) together; lengthen it or shorten those");
    secondary_of("policy: [{id: p, dnskey-ttl: 7d}]\n",
                 "s.yaml:1:30: policy.dnskey-ttl: rrsig-refresh (7d) must be longer than "
                 "dnskey-ttl (7d) and propagation-delay (1h) together, or caches hold signatures "
                 "that have ended; lengthen it or shorten those");
    secondary_of("policy: [{id: p, rrsig-refresh: 1h}]\n",
                 "s.yaml:1:33: policy.rrsig-refresh: rrsig-refresh (1h) must be longer than "
                 "dnskey-ttl (1h) and propagation-delay (1h) together, or caches hold signatures "
                 "that have ended; lengthen it or shorten those");
    secondary_of("remote: [{id: h, address: 10.0.0.5}]\n"
                 "zone: [{domain: a.example, primary: h, gate: {max-ttl: 7d}}]\n",
                 "s.yaml:2:56: zone.gate.max-ttl: gate.max-ttl (7d) and propagation-delay (1h) "
                 "together must be shorter than rrsig-refresh (7d) of policy default");
    // It does not matter for a zone that is not signed here.
    struct secondary_settings *settings =
        secondary_of("remote: [{id: h, address: 10.0.0.5}]\n"
                     "zone: [{domain: a.example, primary: h, policy: none, gate: {max-ttl: 7d}}]\n",
                     NULL);
    secondary_settings_free(&settings);
}

#define LABEL_55 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// RFC 9276: iterations and salt work, and are advised against.
static void
nsec3_is_taken_and_what_protects_nothing_is_a_warning(void **state)
{
    (void)state;
    struct secondary_settings *settings = secondary_of("policy: [{id: p, nsec3: yes}]\n", NULL);
    assert_true(settings->policies[0].nsec3);
    assert_false(settings->policies[0].nsec3_opt_out);
    secondary_settings_free(&settings);
    settings = secondary_of("policy: [{id: p, nsec3: {opt-out: yes}}]\n", NULL);
    assert_true(settings->policies[0].nsec3 && settings->policies[0].nsec3_opt_out);
    secondary_settings_free(&settings);
    settings = secondary_of("policy: [{id: p, nsec3: {iterations: 50}}]\n",
                            "s.yaml:1:38: policy.nsec3.iterations: 50 iterations protect nothing, "
                            "cost every server and validator, and some validators treat the zone "
                            "as unsigned (RFC 9276 section 3); leave them out");
    assert_int_equal(settings->policies[0].nsec3_iterations, 50);
    secondary_settings_free(&settings);
    settings = secondary_of("policy: [{id: p, nsec3: {salt: aBcD}}]\n",
                            "s.yaml:1:32: policy.nsec3.salt: a salt protects nothing and lengthens "
                            "every answer (RFC 9276 section 3.1); leave it out");
    assert_string_equal(settings->policies[0].nsec3_salt, "aBcD");
    secondary_settings_free(&settings);
}

static void
nsec3_parameters_that_cannot_be_are_refused(void **state)
{
    (void)state;
    secondary_of("policy: [{id: p, nsec3: {iterations: 51}}]\n",
                 "s.yaml:1:38: policy.nsec3.iterations: expected a whole number (0 to 50), got "
                 "\"51\"");
    static const char *const wrong[] = {
        "abc", "0x12", "zz", "aa bb",
        "0011223344556677889900112233445566778899001122334455667788990011aa"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[256], error[256];
        snprintf(text, sizeof text, "policy: [{id: p, nsec3: {salt: \"%s\"}}]\n", wrong[i]);
        snprintf(error, sizeof error,
                 "s.yaml:1:32: policy.nsec3.salt: expected an even number of hexadecimal digits, "
                 "at most 64, or \"\" for no salt, got \"%.65s\"",
                 wrong[i]);
        secondary_of(text, error);
    }
}

// RFC 5001 section 2.3: the octets are the operator's; they are his as he wrote them or refused.
static void
an_nsid_is_a_text_or_octets_and_nothing_in_between(void **state)
{
    (void)state;
    static const char *const good[] = {"ns1.example.gov", "0x00fF41", "x0", ""};
    static const char *const wrong[] = {"0x", "0x4", "0xzz", "0x41 42", "0x414g"};
    char text[1024], error[512], octets[300];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(text, sizeof text, "server: {nsid: \"%s\"}\n", good[i]);
        struct secondary_settings *settings = secondary_of(text, NULL);
        assert_string_equal(settings->nsid, good[i]);
        secondary_settings_free(&settings);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(text, sizeof text, "server: {nsid: \"%s\"}\n", wrong[i]);
        snprintf(error, sizeof error,
                 "s.yaml:1:16: server.nsid: expected an even number of hexadecimal digits behind "
                 "0x, got \"%s\"",
                 wrong[i]);
        secondary_of(text, error);
    }
    memset(octets, 'n', sizeof octets);
    snprintf(text, sizeof text, "server: {nsid: %.255s}\n", octets);
    struct secondary_settings *settings = secondary_of(text, NULL);
    secondary_settings_free(&settings);
    snprintf(text, sizeof text, "server: {nsid: %.256s}\n", octets);
    secondary_of(text, "s.yaml:1:16: server.nsid: expected at most 255 octets");
}

// An apex of 223 octets leaves no room for the 33 of a hashed label.
static void
nsec3_for_a_name_without_room_is_refused_by_name(void **state)
{
    (void)state;
#define ZONE_OF(more)                                                                              \
    "policy: [{id: p, nsec3: yes}]\nremote: [{id: h, address: 10.0.0.5}]\nzone:\n"                 \
    "  - {primary: h, policy: p, domain: " LABEL_55 "." LABEL_55 "." LABEL_55 "." more "}\n"
    struct secondary_settings *settings =
        secondary_of(ZONE_OF("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), NULL);
    assert_int_equal(name_length(settings->zones[0].name), 222);
    secondary_settings_free(&settings);
    secondary_of(ZONE_OF("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                 "s.yaml:4:37: zone.domain: a name of 223 octets has no room for hashed names "
                 "below it (222 at most): policy p with nsec3 cannot sign this zone; give it a "
                 "policy with nsec3: no");
#undef ZONE_OF
}

static void
alert_settings_that_cannot_work_are_refused(void **state)
{
    (void)state;
    secondary_of("alert: {smtp: {address: mx.example}}\n",
                 "s.yaml:1:25: alert.smtp.address: there is nobody to mail to; give alert.to");
    secondary_of("alert: {smtp: {address: mx.example, user: me}, to: a@b.example}\n",
                 "s.yaml:1:43: alert.smtp.user: a user without alert.smtp.password-file");
    secondary_of("alert: {smtp: {address: mx.example}, mail-directory: /tmp/x, to: a@b.example}\n",
                 "s.yaml:1:54: alert.mail-directory: expected one of smtp and mail-directory, got "
                 "both");
    secondary_of("alert: {to: \"a@b.example\\r\\nBcc: x@y.example\"}\n",
                 "s.yaml:1:13: alert.to: expected a mail address such as sre@example.gov, got "
                 "\"a@b.example??Bcc: x@y.example\"");
    struct secondary_settings *settings = secondary_of(
        "alert: {smtp: {address: mx.example}, to: [a@b.example], on: [gate, ds]}\n", NULL);
    assert_string_equal(settings->alert.smtp_address, "mx.example@587");
    assert_int_equal(settings->alert.smtp_tls, SMTP_TLS_STARTTLS);
    assert_true(settings->alert.on[ALERT_GATE]);
    assert_true(settings->alert.on[ALERT_DS]);
    assert_false(settings->alert.on[ALERT_RESIGN]);
    assert_int_equal(settings->alert.min_interval_seconds, 300);
    secondary_settings_free(&settings);
}

static void
the_words_of_alert_kinds_are_those_of_the_table(void **state)
{
    (void)state;
    struct secondary_settings *settings;
    for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++) {
        char text[100];
        snprintf(text, sizeof text, "alert: {on: [%s]}\n", alert_kind_word(kind));
        settings = secondary_of(text, NULL);
        for (enum alert_kind other = 0; other < ALERT_KIND_COUNT; other++)
            assert_int_equal(settings->alert.on[other], other == kind);
        secondary_settings_free(&settings);
    }
}

static void
a_secret_file_must_not_be_for_others(void **state)
{
    (void)state;
    char path[] = "/tmp/tandem-secret-XXXXXX", *text = NULL;
    struct fault fault;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "hush\n", 5), 5);
    assert_true(settings_secret_file(path, &text, &fault));
    assert_string_equal(text, "hush");
    free(text);
    assert_int_equal(fchmod(fd, 0640), 0);
    assert_true(settings_secret_file(path, &text, &fault));
    free(text);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_false(settings_secret_file(path, &text, &fault));
    assert_int_equal(fault.kind, FAULT_REFUSED);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(write(fd, "more\n", 5), 5);
    assert_false(settings_secret_file(path, &text, &fault));
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_false(settings_secret_file(path, &text, &fault));
    close(fd);
    unlink(path);
    assert_false(settings_secret_file(path, &text, &fault));
}

static void
a_zone_is_the_same_over_a_reload_when_it_says_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "remote: [{id: x, address: 192.0.2.1}, {id: n, address: 192.0.2.2}]\n"
        "zone: [{domain: a.example, file: f, notify: n}]\n",
        // Another order, another spelling.
        "zone:\n  - {domain: A.example., file: f, notify: [n], alias: {ttl: 1m}}\n"
        "remote: [{id: n, address: [192.0.2.2@53]}, {id: x, address: 192.0.2.1}]\n",
        "remote: [{id: x, address: 192.0.2.1}, {id: n, address: 192.0.2.3}]\n"
        "zone: [{domain: a.example, file: f, notify: n}]\n",
        "remote: [{id: x, address: 192.0.2.1}, {id: n, address: 192.0.2.2}]\n"
        "zone: [{domain: a.example, file: f, notify: n, alias: {hold: 1h}}]\n",
    };
    struct primary_settings *all[4];
    for (size_t i = 0; i < 4; i++)
        all[i] = primary_of(texts[i], NULL);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(
            primary_zone_settings_equal(all[0], &all[0]->zones[0], all[i], &all[i]->zones[0]),
            i == 1);
    for (size_t i = 0; i < 4; i++)
        primary_settings_free(&all[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_primary_file_becomes_typed_settings),
        cmocka_unit_test(a_secondary_file_becomes_typed_settings),
        cmocka_unit_test(a_key_needs_exactly_one_secret),
        cmocka_unit_test(a_short_secret_is_a_warning),
        cmocka_unit_test(an_acl_for_everybody_is_a_warning),
        cmocka_unit_test(a_policy_that_cannot_hold_is_refused),
        cmocka_unit_test(nsec3_is_taken_and_what_protects_nothing_is_a_warning),
        cmocka_unit_test(nsec3_parameters_that_cannot_be_are_refused),
        cmocka_unit_test(an_nsid_is_a_text_or_octets_and_nothing_in_between),
        cmocka_unit_test(nsec3_for_a_name_without_room_is_refused_by_name),
        cmocka_unit_test(alert_settings_that_cannot_work_are_refused),
        cmocka_unit_test(the_words_of_alert_kinds_are_those_of_the_table),
        cmocka_unit_test(a_secret_file_must_not_be_for_others),
        cmocka_unit_test(a_zone_is_the_same_over_a_reload_when_it_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
