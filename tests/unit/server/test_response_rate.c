#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/dns/rrtype.h"
#include "secondary/server/response_rate.h"

static struct query query;
static struct answer_outcome outcome;
static struct address peer;

static struct response_rate *
rate_new(unsigned per_second, unsigned slip, uint32_t servers)
{
    const struct rate_limit_settings settings = {
        .per_second = per_second, .slip = slip, .prefix_v4 = 24, .prefix_v6 = 56};
    query = (struct query){.type = RRTYPE_A, .lower = "\3www\7example"};
    outcome = (struct answer_outcome){.kind = ANSWER_POSITIVE, .length = 100};
    assert_true(address_from_text("192.0.2.1", 53, &peer, NULL));
    return response_rate_new(&settings, servers);
}

// How many of count answers in this second go out whole, and how many as TC.
static unsigned
sent(struct response_rate *rate, unsigned count, int64_t second, unsigned *ret_truncated)
{
    unsigned whole = 0, truncated = 0;
    for (unsigned i = 0; i < count; i++) {
        enum response_rate_verdict verdict =
            response_rate_take(rate, &peer, &query, &outcome, second);
        whole += verdict == RESPONSE_RATE_SEND;
        truncated += verdict == RESPONSE_RATE_TRUNCATE;
    }
    if (ret_truncated)
        *ret_truncated = truncated;
    return whole;
}

static void
no_limit_makes_no_table(void **state)
{
    (void)state;
    assert_null(rate_new(0, 2, 1));
}

static void
over_the_limit_every_slip_th_answer_is_a_tc_and_the_rest_are_dropped(void **state)
{
    (void)state;
    unsigned truncated;
    struct response_rate *rate = rate_new(10, 4, 1);
    assert_int_equal(sent(rate, 50, 1000, &truncated), 10);
    assert_int_equal(truncated, 10);
    response_rate_free(&rate);
    rate = rate_new(10, 0, 1);
    assert_int_equal(sent(rate, 50, 1000, &truncated), 10);
    assert_int_equal(truncated, 0);
    response_rate_free(&rate);
}

static void
next_second_has_a_full_bucket_and_no_more(void **state)
{
    (void)state;
    struct response_rate *rate = rate_new(10, 0, 1);
    sent(rate, 50, 1000, NULL);
    assert_int_equal(sent(rate, 50, 1001, NULL), 10);
    assert_int_equal(sent(rate, 50, 1100, NULL), 10);
    response_rate_free(&rate);
}

static void
prefix_shares_its_bucket_and_others_have_their_own(void **state)
{
    (void)state;
    struct response_rate *rate = rate_new(10, 0, 1);
    sent(rate, 10, 1000, NULL);
    assert_true(address_from_text("192.0.2.254", 53, &peer, NULL));
    assert_int_equal(sent(rate, 10, 1000, NULL), 0);
    assert_true(address_from_text("192.0.3.1", 53, &peer, NULL));
    assert_int_equal(sent(rate, 10, 1000, NULL), 10);
    assert_true(address_from_text("2001:db8:0:1::1", 53, &peer, NULL));
    assert_int_equal(sent(rate, 10, 1000, NULL), 10);
    assert_true(address_from_text("2001:db8:0:ff::2", 53, &peer, NULL));
    assert_int_equal(sent(rate, 10, 1000, NULL), 0);
    assert_true(address_from_text("2001:db8:0:100::2", 53, &peer, NULL));
    assert_int_equal(sent(rate, 10, 1000, NULL), 10);
    response_rate_free(&rate);
}

static void
different_names_have_buckets_of_their_own_but_random_names_of_a_zone_share_one(void **state)
{
    (void)state;
    struct response_rate *rate = rate_new(10, 0, 1);
    sent(rate, 10, 1000, NULL);
    query.lower[1] = 'x';
    assert_int_equal(sent(rate, 10, 1000, NULL), 10);
    outcome.kind = ANSWER_NXDOMAIN;
    assert_int_equal(sent(rate, 10, 1000, NULL), 10);
    query.lower[1] = 'y';
    assert_int_equal(sent(rate, 10, 1000, NULL), 0);
    response_rate_free(&rate);
}

static void
limit_is_shared_out_over_the_servers(void **state)
{
    (void)state;
    struct response_rate *rate = rate_new(10, 0, 4);
    assert_int_equal(sent(rate, 50, 1000, NULL), 3);
    response_rate_free(&rate);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_makes_no_table),
        cmocka_unit_test(over_the_limit_every_slip_th_answer_is_a_tc_and_the_rest_are_dropped),
        cmocka_unit_test(next_second_has_a_full_bucket_and_no_more),
        cmocka_unit_test(prefix_shares_its_bucket_and_others_have_their_own),
        cmocka_unit_test(
            different_names_have_buckets_of_their_own_but_random_names_of_a_zone_share_one),
        cmocka_unit_test(limit_is_shared_out_over_the_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
