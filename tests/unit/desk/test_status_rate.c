// The rate limit's table as the desk shows it; written here as a server would.
#include <unistd.h>

#include "desk_world.h"

#include "secondary/desk/status.h"
#include "secondary/desk/status_rate.h"

#define KEY UINT64_C(0x0123456789abcdef)

static const char LIMITED_CONFIG[] =
    "server: {rate-limit: {per-second: 20, slip: 3, prefix: [24, 48]}}\n"
    "control: {socket: /the/socket}\n"
    "remote: [{id: hidden, address: 10.0.0.5@53}]\n"
    "zone: [{domain: example.gov, primary: [hidden]}]\n";
static const struct mail_status NO_MAIL = {.way = "none"};

// The desk is told of a table; gives the map of a server.
static struct rate_table *
table_tell(struct known *known)
{
    struct rate_table *writer;
    const struct message_rate_table body = {KEY};
    struct octets_buffer octets;
    int fd;
    assert_true(rate_table_create(&fd, NULL));
    assert_true(rate_table_map(fd, true, &writer, NULL));
    octets_buffer_init(&octets);
    message_rate_table_write(&body, &octets);
    const struct message message = {.type = MESSAGE_RATE_TABLE,
                                    .body = {octets.data, octets.length},
                                    .descriptor_count = 1,
                                    .descriptors = {fd}};
    known_take_rate_table(known, &message);
    octets_buffer_close(&octets);
    close(fd);
    return writer;
}

static void
limit(struct rate_table *table, const char *text, enum rate_kind kind, unsigned count, int64_t now)
{
    struct rate_masks masks;
    struct address address;
    struct rate_client client;
    rate_masks_init(&masks, 24, 48);
    assert_true(address_from_text(text, 53, &address, NULL));
    rate_client_init(&client, &masks, KEY, &address);
    for (unsigned i = 0; i < count; i++)
        rate_prefixes_note(&table->prefixes, &client, kind, i % 3 == 2, now);
}

static void
expect_json(struct json_value **value, const char *expected)
{
    struct json_value *wanted = NULL;
    assert_true(json_value_read(expected, strlen(expected), &wanted, NULL));
    char *text = json_value_write(*value, 1, NULL),
         *wanted_text = json_value_write(wanted, 1, NULL);
    assert_string_equal(text, wanted_text);
    free(text);
    free(wanted_text);
    json_value_free(&wanted);
    json_value_free(value);
}

static void
the_list_has_the_shape_of_the_contract(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, LIMITED_CONFIG);
    struct rate_table *table = table_tell(&known);
    limit(table, "192.0.2.1", RATE_POSITIVE, 2, NOW - 30);
    limit(table, "192.0.2.2", RATE_NXDOMAIN, 7, NOW - 1);
    limit(table, "2001:db8::1", RATE_WILDCARD, 50, NOW - 600);
    struct json_value *list = status_rate_list(&known, false, NOW);
    expect_json(&list,
                "{\"on\":true,\"per_second\":20,\"slip\":3,\"prefix_bits\":{\"ipv4\":24,\"ipv6\":"
                "48},\"limited_total\":0,\"active\":1,\"prefixes\":["
                "{\"prefix\":\"192.0.2.0/24\",\"active\":true,\"limited\":9,\"dropped\":7,"
                "\"truncated\":2,\"kinds\":[\"positive\",\"nxdomain\"],"
                "\"since\":\"2026-11-21T18:41:37Z\",\"last_at\":\"2026-11-21T18:42:06Z\"},"
                "{\"prefix\":\"2001:db8::/48\",\"active\":false,\"limited\":50,\"dropped\":34,"
                "\"truncated\":16,\"kinds\":[\"wildcard\"],"
                "\"since\":\"2026-11-21T18:32:07Z\",\"last_at\":\"2026-11-21T18:32:07Z\"}],"
                "\"left_out\":0}");
    rate_table_unmap(&table);
    known_close(&known);
}

static void
twenty_are_shown_and_all_on_demand(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, LIMITED_CONFIG);
    struct rate_table *table = table_tell(&known);
    for (unsigned i = 0; i < 25; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.0.%u.1", i);
        limit(table, text, RATE_POSITIVE, i + 1, NOW);
    }
    struct json_value *list = status_rate_list(&known, false, NOW);
    assert_int_equal(json_value_count(json_value_get(list, "prefixes")), 20);
    assert_int_equal(json_value_get_integer(list, "left_out", -1), 5);
    const struct json_value *first = json_value_at(json_value_get(list, "prefixes"), 0);
    assert_string_equal(json_value_get_text(first, "prefix", ""), "10.0.24.0/24");
    json_value_free(&list);
    list = status_rate_list(&known, true, NOW);
    assert_int_equal(json_value_count(json_value_get(list, "prefixes")), 25);
    assert_int_equal(json_value_get_integer(list, "left_out", -1), 0);
    json_value_free(&list);
    rate_table_unmap(&table);
    known_close(&known);
}

static void
without_a_limit_or_a_table_the_list_says_so(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, DESK_CONFIG);
    struct json_value *list = status_rate_list(&known, false, NOW);
    expect_json(&list, "{\"on\":false,\"per_second\":0,\"slip\":2,\"prefix_bits\":{\"ipv4\":24,"
                       "\"ipv6\":56},\"limited_total\":0,\"active\":0,\"prefixes\":[],"
                       "\"left_out\":0}");
    // Not the right message: nothing is mapped, nothing is lost.
    const struct message junk = {.type = MESSAGE_RATE_TABLE, .descriptor_count = 0};
    known_take_rate_table(&known, &junk);
    assert_null(known.rate_table);
    known_close(&known);
}

static void
status_hints_while_somebody_is_limited_and_not_longer(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, LIMITED_CONFIG);
    desk_tell_all_well(&known);
    struct rate_table *table = table_tell(&known);
    struct json_value *status = status_all(&known, &NO_MAIL, NOW);
    assert_int_equal(json_value_count(json_value_get(status, "hints")), 0);
    json_value_free(&status);
    limit(table, "192.0.2.1", RATE_POSITIVE, 2, NOW);
    limit(table, "198.51.100.1", RATE_POSITIVE, 3, NOW);
    status = status_all(&known, &NO_MAIL, NOW + 60);
    struct json_value *hints = json_value_copy(json_value_get(status, "hints"));
    expect_json(&hints, "[{\"text\":\"answers are limited: 2 client prefixes, most of all "
                        "198.51.100.0/24; see\",\"zone\":null,"
                        "\"commands\":[\"tandemctl -s /the/socket rate-limit list\"]}]");
    json_value_free(&status);
    status = status_all(&known, &NO_MAIL, NOW + 61);
    assert_int_equal(json_value_count(json_value_get(status, "hints")), 0);
    json_value_free(&status);
    rate_table_unmap(&table);
    known_close(&known);
}

static void
a_table_of_strange_octets_is_listed_without_a_fault(void **state)
{
    struct known known;
    (void)state;
    desk_world_open(&known, LIMITED_CONFIG);
    struct rate_table *table = table_tell(&known);
    uint64_t random = 7, *words = (uint64_t *)&table->prefixes;
    for (size_t i = 0; i < sizeof table->prefixes / sizeof *words; i++)
        words[i] = random = random * 6364136223846793005 + 1442695040888963407;
    struct json_value *list = status_rate_list(&known, true, NOW);
    assert_int_equal(json_value_count(json_value_get(list, "prefixes")), 0);
    json_value_free(&list);
    rate_table_unmap(&table);
    known_close(&known);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_has_the_shape_of_the_contract),
        cmocka_unit_test(twenty_are_shown_and_all_on_demand),
        cmocka_unit_test(without_a_limit_or_a_table_the_list_says_so),
        cmocka_unit_test(status_hints_while_somebody_is_limited_and_not_longer),
        cmocka_unit_test(a_table_of_strange_octets_is_listed_without_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
