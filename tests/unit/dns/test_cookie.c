// The examples of RFC 9018 appendix A, then what must be refused.
#include "common/dns/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void
octets_of(const char *hex, uint8_t *ret_octets)
{
    for (size_t i = 0; hex[2 * i]; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        ret_octets[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static const uint8_t client_v4[4] = {198, 51, 100, 100};
static const uint8_t other_v4[4] = {203, 0, 113, 203};
static const uint8_t client_v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0x02, 0x20, 0x00, 0x01,
                                      0x59, 0xde, 0xd0, 0xf4, 0x87, 0x69, 0x82, 0xb8};

static struct cookie_secrets
secrets_of(const char *first, const char *second)
{
    struct cookie_secrets secrets = {.count = second ? 2 : 1};
    octets_of(first, secrets.secret[0]);
    if (second)
        octets_of(second, secrets.secret[1]);
    return secrets;
}

static void
assert_made(const struct cookie_secrets *secrets, const char *expected, const uint8_t *address,
            size_t length, uint32_t now)
{
    uint8_t want[24], made[24];
    octets_of(expected, want);
    cookie_make(secrets, want, address, length, now, made);
    assert_memory_equal(made, want, 24);
    assert_true(cookie_check(secrets, made, 24, address, length, now));
}

static bool
accepted(const struct cookie_secrets *secrets, const char *cookie, const uint8_t *address,
         size_t length, uint32_t now)
{
    uint8_t octets[24];
    octets_of(cookie, octets);
    return cookie_check(secrets, octets, 24, address, length, now);
}

#define SECRET     "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define OLD_SECRET "dd3bdf9344b678b185a6f5cb60fca715"
#define NEW_SECRET "445536bcd2513298075a5d379663c962"
#define COOKIE_A1  "2464c4abcf10c957010000005cf79f111f8130c3eee29480"

static void
appendix_a1_learns_a_new_cookie(void **state)
{
    (void)state;
    struct cookie_secrets secrets = secrets_of(SECRET, NULL);
    assert_made(&secrets, COOKIE_A1, client_v4, 4, 0x5cf79f11);
}

static void
appendix_a2_renews_a_cookie(void **state)
{
    (void)state;
    struct cookie_secrets secrets = secrets_of(SECRET, NULL);
    assert_true(accepted(&secrets, COOKIE_A1, client_v4, 4, 0x5cf7a871));
    assert_made(&secrets, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", client_v4, 4,
                0x5cf7a871);
}

static void
appendix_a3_hashes_the_reserved_octets_as_received(void **state)
{
    (void)state;
    struct cookie_secrets secrets = secrets_of(SECRET, NULL);
    assert_true(accepted(&secrets, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", other_v4, 4,
                         0x5cf78f71 + 100));
    assert_made(&secrets, "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", other_v4, 4,
                0x5cf7a9ac);
}

static void
appendix_a4_accepts_the_old_secret_and_makes_with_the_new(void **state)
{
    (void)state;
    struct cookie_secrets both = secrets_of(NEW_SECRET, OLD_SECRET);
    struct cookie_secrets just_new = secrets_of(NEW_SECRET, NULL);
    const char *old = "22681ab97d52c298010000005cf7c57926556bd0934c72f8";
    assert_true(accepted(&both, old, client_v6, 16, 0x5cf7c609));
    assert_false(accepted(&just_new, old, client_v6, 16, 0x5cf7c609));
    assert_made(&both, "22681ab97d52c298010000005cf7c609a6bb79d16625507a", client_v6, 16,
                0x5cf7c609);
}

static void
a_cookie_lives_one_hour_and_may_be_five_minutes_ahead(void **state)
{
    (void)state;
    struct cookie_secrets secrets = secrets_of(SECRET, NULL);
    assert_true(accepted(&secrets, COOKIE_A1, client_v4, 4, 0x5cf79f11 + 3600));
    assert_false(accepted(&secrets, COOKIE_A1, client_v4, 4, 0x5cf79f11 + 3601));
    assert_true(accepted(&secrets, COOKIE_A1, client_v4, 4, 0x5cf79f11 - 300));
    assert_false(accepted(&secrets, COOKIE_A1, client_v4, 4, 0x5cf79f11 - 301));
}

static void
time_goes_on_past_the_end_of_32_bits(void **state)
{
    (void)state;
    struct cookie_secrets secrets = secrets_of(SECRET, NULL);
    uint8_t client[8] = {1}, cookie[24];
    cookie_make(&secrets, client, client_v4, 4, 0xffffff00, cookie);
    assert_true(cookie_check(&secrets, cookie, 24, client_v4, 4, 0x00000100));
    assert_false(cookie_check(&secrets, cookie, 24, client_v4, 4, 0x00001000));
}

static void
another_address_length_version_or_any_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct cookie_secrets secrets = secrets_of(SECRET, NULL);
    uint8_t cookie[32] = {0};
    octets_of(COOKIE_A1, cookie);
    assert_false(cookie_check(&secrets, cookie, 24, other_v4, 4, 0x5cf79f11));
    assert_false(cookie_check(&secrets, cookie, 23, client_v4, 4, 0x5cf79f11));
    assert_false(cookie_check(&secrets, cookie, 32, client_v4, 4, 0x5cf79f11));
    for (unsigned bit = 0; bit < 24 * 8; bit++) {
        cookie[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(cookie_check(&secrets, cookie, 24, client_v4, 4, 0x5cf79f11));
        cookie[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void
without_a_secret_nothing_is_accepted(void **state)
{
    (void)state;
    struct cookie_secrets none = {.count = 0};
    assert_false(accepted(&none, COOKIE_A1, client_v4, 4, 0x5cf79f11));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appendix_a1_learns_a_new_cookie),
        cmocka_unit_test(appendix_a2_renews_a_cookie),
        cmocka_unit_test(appendix_a3_hashes_the_reserved_octets_as_received),
        cmocka_unit_test(appendix_a4_accepts_the_old_secret_and_makes_with_the_new),
        cmocka_unit_test(a_cookie_lives_one_hour_and_may_be_five_minutes_ahead),
        cmocka_unit_test(time_goes_on_past_the_end_of_32_bits),
        cmocka_unit_test(another_address_length_version_or_any_flipped_bit_is_refused),
        cmocka_unit_test(without_a_secret_nothing_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
