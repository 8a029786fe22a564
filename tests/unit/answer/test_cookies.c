// The four exchanges of RFC 9018 appendix A from end to end: a client at the address, the server
// with the secret and the clock of the example, the option in the response octet by octet.
#include "tests/unit/answer/answer_fixture.h"

#define OPTION_COOKIE 10
#define SECRET        "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define OLD_SECRET    "dd3bdf9344b678b185a6f5cb60fca715"
#define NEW_SECRET    "445536bcd2513298075a5d379663c962"

static const uint8_t first_client[4] = {198, 51, 100, 100};
static const uint8_t other_client[4] = {203, 0, 113, 203};
static const uint8_t ipv6_client[16] = {0x20, 0x01, 0x0d, 0xb8, 0x02, 0x20, 0x00, 0x01,
                                        0x59, 0xde, 0xd0, 0xf4, 0x87, 0x69, 0x82, 0xb8};

static size_t
octets_of(const char *hex, uint8_t *ret_octets)
{
    size_t count = 0;
    for (; hex[2 * count]; count++) {
        char pair[3] = {hex[2 * count], hex[2 * count + 1], 0};
        ret_octets[count] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return count;
}

static void
secrets_set(const char *first, const char *second)
{
    service.cookies_on = true;
    service.cookies.count = second ? 2 : 1;
    octets_of(first, service.cookies.secret[0]);
    if (second)
        octets_of(second, service.cookies.secret[1]);
}

// Sends the cookie from the address at the time; the response must have this one.
static void
assert_exchange(const uint8_t *address, size_t address_length, int64_t now, const char *sent,
                const char *expected)
{
    static uint8_t option[4 + 40];
    uint8_t want[24];
    size_t length = octets_of(sent, option + 4);
    octets_put_u16(option, OPTION_COOKIE);
    octets_put_u16(option + 2, (uint16_t)length);
    how.options = (struct octets){option, 4 + length};
    client.address = address;
    client.address_length = address_length;
    client.now = now;
    assert_string_equal(ask("www", RRTYPE_A), "NOERROR aa | www Ax2");
    octets_of(expected, want);
    const uint8_t *answered = response + outcome.length - 28;
    assert_int_equal(octets_get_u32(answered), OPTION_COOKIE << 16 | 24);
    assert_memory_equal(answered + 4, want, sizeof want);
}

static void
rfc9018_a_1_client_learns_a_new_server_cookie(void **state)
{
    (void)state;
    secrets_set(SECRET, NULL);
    assert_exchange(first_client, 4, 1559731985, "2464c4abcf10c957",
                    "2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    assert_false(outcome.cookie_valid);
}

static void
rfc9018_a_2_same_client_40_minutes_later_gets_a_renewed_one(void **state)
{
    (void)state;
    secrets_set(SECRET, NULL);
    assert_exchange(first_client, 4, 1559734385, "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
                    "2464c4abcf10c957010000005cf7a871d4a564a1442aca77");
    assert_true(outcome.cookie_valid);
}

static void
rfc9018_a_3_another_client_with_other_reserved_octets_gets_them_as_zeros(void **state)
{
    (void)state;
    static const char sent[] = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5";
    secrets_set(SECRET, NULL);
    assert_exchange(other_client, 4, 1559734700, sent,
                    "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e");
    // It was made 6,715 seconds before: more than the hour of section 4.3.
    assert_false(outcome.cookie_valid);
    client.now = 1559727985 + 3600;
    ask("www", RRTYPE_A);
    assert_true(outcome.cookie_valid);
}

static void
rfc9018_a_4_ipv6_client_with_a_cookie_of_the_old_secret_gets_one_of_the_new(void **state)
{
    (void)state;
    secrets_set(NEW_SECRET, OLD_SECRET);
    assert_exchange(ipv6_client, 16, 1559741961, "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
                    "22681ab97d52c298010000005cf7c609a6bb79d16625507a");
    assert_true(outcome.cookie_valid);
    secrets_set(NEW_SECRET, NULL); // rolled over
    assert_exchange(ipv6_client, 16, 1559741961, "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
                    "22681ab97d52c298010000005cf7c609a6bb79d16625507a");
    assert_false(outcome.cookie_valid);
}

static void
rfc7873_5_2_3_cookie_of_another_address_is_answered_and_not_believed(void **state)
{
    (void)state;
    secrets_set(SECRET, NULL);
    assert_exchange(first_client, 4, 1559731985, "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
                    "2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    assert_true(outcome.cookie_valid);
    client.address = other_client;
    ask("www", RRTYPE_A);
    assert_false(outcome.cookie_valid);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rfc9018_a_1_client_learns_a_new_server_cookie),
        TEST(rfc9018_a_2_same_client_40_minutes_later_gets_a_renewed_one),
        TEST(rfc9018_a_3_another_client_with_other_reserved_octets_gets_them_as_zeros),
        TEST(rfc9018_a_4_ipv6_client_with_a_cookie_of_the_old_secret_gets_one_of_the_new),
        TEST(rfc7873_5_2_3_cookie_of_another_address_is_answered_and_not_believed),
    };
    return cmocka_run_group_tests(tests, zones_open, zones_close);
}
