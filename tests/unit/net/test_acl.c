#include "common/net/acl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define KEY_A (const uint8_t *)"\003xfr"
#define KEY_B (const uint8_t *)"\005other"

static void
add_prefix(struct acl_rule *rule, const char *text)
{
    struct address_prefix prefix;
    assert_true(address_prefix_from_text(text, &prefix, NULL));
    acl_rule_add_prefix(rule, &prefix);
}

// to-secondaries: 192.0.2.0/24 and 2001:db8::/32 with the key xfr., transfer and query
// anybody:        every address, no key, query
// by-key:         every address with the key other. (or xfr.), notify
static void
build(struct acl *acl)
{
    struct acl_rule *rule;
    acl_init(acl);
    rule = acl_add(acl, "to-secondaries", ACL_TRANSFER | ACL_QUERY);
    add_prefix(rule, "192.0.2.0/24");
    add_prefix(rule, "2001:db8::/32");
    acl_rule_add_key(rule, KEY_A);
    rule = acl_add(acl, "near", ACL_TRANSFER);
    add_prefix(rule, "127.0.0.1");
    rule = acl_add(acl, "by-key", ACL_NOTIFY);
    acl_rule_add_key(rule, KEY_B);
    acl_rule_add_key(rule, (const uint8_t *)"\003XFR");
}

static void
check_table(const struct acl *acl)
{
    static const struct {
        const char *address;
        const uint8_t *key;
        enum acl_action action;
        const char *rule; // NULL: refused
    } cases[] = {
        {"192.0.2.9", KEY_A, ACL_TRANSFER, "to-secondaries"},
        {"192.0.2.9", KEY_A, ACL_QUERY, "to-secondaries"},
        {"2001:db8::9", KEY_A, ACL_QUERY, "to-secondaries"},
        {"192.0.2.9", NULL, ACL_TRANSFER, NULL},
        {"192.0.2.9", KEY_B, ACL_TRANSFER, NULL},
        {"192.0.3.9", KEY_A, ACL_TRANSFER, NULL},
        {"127.0.0.1", NULL, ACL_TRANSFER, "near"},
        {"127.0.0.1", KEY_B, ACL_TRANSFER, "near"},
        {"127.0.0.1", NULL, ACL_QUERY, NULL},
        {"127.0.0.2", NULL, ACL_TRANSFER, NULL},
        {"203.0.113.1", KEY_B, ACL_NOTIFY, "by-key"},
        {"203.0.113.1", KEY_A, ACL_NOTIFY, "by-key"},
        {"203.0.113.1", NULL, ACL_NOTIFY, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address;
        assert_true(address_from_text(cases[i].address, 53, &address, NULL));
        const struct acl_rule *rule = acl_match(acl, &address, cases[i].key, cases[i].action);
        if (!rule != !cases[i].rule || (rule && strcmp(rule->id, cases[i].rule) != 0))
            fail_msg("case %zu %s: %s", i, cases[i].address, rule ? rule->id : "refused");
    }
}

static void
address_and_key_must_both_match_and_an_absent_one_matches_all(void **state)
{
    struct acl acl;
    (void)state;
    build(&acl);
    check_table(&acl);
    acl_close(&acl);
}

static void
no_rule_means_refused(void **state)
{
    struct acl acl;
    struct address address;
    (void)state;
    acl_init(&acl);
    address_from_text("127.0.0.1", 53, &address, NULL);
    assert_null(acl_match(&acl, &address, KEY_A, ACL_QUERY));
    assert_false(acl_match_unsigned(&acl, &address, ACL_QUERY));
    acl_add(&acl, NULL, ACL_QUERY);
    assert_non_null(acl_match(&acl, &address, NULL, ACL_QUERY));
    assert_true(acl_match_unsigned(&acl, &address, ACL_QUERY));
    acl_close(&acl);
}

static void
a_refusal_says_what_is_missing(void **state)
{
    static const struct {
        const char *address;
        const uint8_t *key;
        enum acl_action action;
        const char *words;
    } cases[] = {
        {"192.0.2.9", NULL, ACL_TRANSFER, "it is not signed"},
        {"203.0.113.1", NULL, ACL_NOTIFY, "it is not signed"},
        {"192.0.2.9", KEY_B, ACL_TRANSFER, "wants another key of this address"},
        {"192.0.3.9", KEY_A, ACL_TRANSFER, "from other addresses only"},
        {"127.0.0.2", NULL, ACL_TRANSFER, "from other addresses only"},
        {"127.0.0.1", NULL, ACL_QUERY, "no acl of the zone lets this address and key"},
        {"192.0.3.9", KEY_B, ACL_QUERY, "no acl of the zone lets this address and key"},
    };
    struct acl acl;
    (void)state;
    build(&acl);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address;
        assert_true(address_from_text(cases[i].address, 53, &address, NULL));
        assert_null(acl_match(&acl, &address, cases[i].key, cases[i].action));
        const char *text = acl_refusal(&acl, &address, cases[i].key, cases[i].action);
        if (!strstr(text, cases[i].words) || !strchr(text, ';'))
            fail_msg("case %zu %s: %s", i, cases[i].address, text);
    }
    acl_close(&acl);
}

static void
rules_survive_a_message_between_roles(void **state)
{
    struct acl acl;
    struct acl copy;
    struct octets_buffer buffer;
    struct octets_reader reader;
    (void)state;
    build(&acl);
    octets_buffer_init(&buffer);
    acl_write(&acl, &buffer);
    octets_reader_init(&reader, buffer.data, buffer.length);
    acl_init(&copy);
    assert_true(acl_read(&copy, &reader));
    assert_int_equal(octets_left(&reader), 0);
    check_table(&copy);
    acl_close(&copy);
    acl_init(&copy);
    acl_add_all(&copy, &acl);
    check_table(&copy);
    acl_close(&copy);
    octets_buffer_close(&buffer);
    acl_close(&acl);
}

static void
every_cut_message_is_refused(void **state)
{
    struct acl acl;
    struct octets_buffer buffer;
    (void)state;
    build(&acl);
    octets_buffer_init(&buffer);
    acl_write(&acl, &buffer);
    for (size_t length = 0; length < buffer.length; length++) {
        struct acl copy;
        struct octets_reader reader;
        octets_reader_init(&reader, buffer.data, length);
        acl_init(&copy);
        assert_false(acl_read(&copy, &reader));
        assert_true(reader.failed);
        acl_close(&copy);
    }
    octets_buffer_close(&buffer);
    acl_close(&acl);
}

static void
absurd_counts_are_refused(void **state)
{
    static const uint8_t many[4] = {0xff, 0xff, 0xff, 0xff};
    struct acl acl;
    struct octets_reader reader;
    (void)state;
    acl_init(&acl);
    octets_reader_init(&reader, many, sizeof(many));
    assert_false(acl_read(&acl, &reader));
    acl_close(&acl);
}

static void
action_words_go_both_ways(void **state)
{
    (void)state;
    assert_int_equal(acl_action_from_word("transfer"), ACL_TRANSFER);
    assert_int_equal(acl_action_from_word("query"), ACL_QUERY);
    assert_int_equal(acl_action_from_word("notify"), ACL_NOTIFY);
    assert_int_equal(acl_action_from_word("update"), 0);
    assert_string_equal(acl_action_word(ACL_NOTIFY), "notify");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_and_key_must_both_match_and_an_absent_one_matches_all),
        cmocka_unit_test(no_rule_means_refused),
        cmocka_unit_test(a_refusal_says_what_is_missing),
        cmocka_unit_test(rules_survive_a_message_between_roles),
        cmocka_unit_test(every_cut_message_is_refused),
        cmocka_unit_test(absurd_counts_are_refused),
        cmocka_unit_test(action_words_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
