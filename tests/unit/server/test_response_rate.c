#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/dns/rrtype.h"
#include "secondary/server/response_rate.h"

#define NOW_MS 5000000
#define NOW    1795286527

static struct query query;
static struct answer_outcome outcome;
static struct address peer;
static uint32_t zone;

struct world {
    struct rate_table *table;
    struct response_rate *rate;
};

static void
world_open(struct world *world, unsigned per_second, unsigned slip)
{
    const struct rate_limit_settings settings = {
        .per_second = per_second, .slip = slip, .prefix_v4 = 24, .prefix_v6 = 56};
    int fd;
    query = (struct query){.type = RRTYPE_A, .lower = "\3www\7example"};
    outcome = (struct answer_outcome){.kind = ANSWER_POSITIVE, .length = 100};
    zone = 7;
    assert_true(address_from_text("192.0.2.1", 53, &peer, NULL));
    assert_true(rate_table_create(&fd, NULL));
    assert_true(rate_table_map(fd, true, &world->table, NULL));
    close(fd);
    world->rate = response_rate_new(&settings, world->table, 0x1234567890abcdef);
}

static void
world_close(struct world *world)
{
    response_rate_free(&world->rate);
    rate_table_unmap(&world->table);
}

// How many of count answers in this moment go out whole, and how many as TC.
static unsigned
sent(const struct world *world, unsigned count, uint64_t now_ms, unsigned *ret_truncated)
{
    const struct response_rate_answer answer = {.peer = &peer,
                                                .query = &query,
                                                .outcome = &outcome,
                                                .zone = zone,
                                                .now = NOW,
                                                .now_ms = now_ms};
    unsigned whole = 0, truncated = 0;
    for (unsigned i = 0; i < count; i++) {
        enum rate_verdict verdict = response_rate_take(world->rate, &answer);
        whole += verdict == RATE_SEND;
        truncated += verdict == RATE_TRUNCATE;
    }
    if (ret_truncated)
        *ret_truncated = truncated;
    return whole;
}

// The class of the next answer was used up; whether this one has an allowance of its own.
static void
used_up(const struct world *world)
{
    assert_int_equal(sent(world, 1, NOW_MS, NULL), 0);
}

static void
has_its_own(const struct world *world)
{
    assert_int_equal(sent(world, 20, NOW_MS, NULL), 10);
}

static void
peer_is(const char *text)
{
    assert_true(address_from_text(text, 53, &peer, NULL));
}

static void
no_limit_makes_nothing(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 0, 2);
    assert_null(world.rate);
    world_close(&world);
}

static void
over_the_limit_every_slip_th_answer_is_a_tc_and_the_rest_are_dropped(void **state)
{
    (void)state;
    unsigned truncated;
    struct world world;
    world_open(&world, 10, 4);
    assert_int_equal(sent(&world, 50, NOW_MS, &truncated), 10);
    assert_int_equal(truncated, 10);
    world_close(&world);
}

static void
a_prefix_shares_its_allowance_and_others_have_their_own(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 10, 0);
    has_its_own(&world);
    peer_is("192.0.2.254");
    used_up(&world);
    peer_is("192.0.3.1");
    has_its_own(&world);
    peer_is("2001:db8:0:1::1");
    has_its_own(&world);
    peer_is("2001:db8:0:ff::2");
    used_up(&world);
    peer_is("2001:db8:0:100::2");
    has_its_own(&world);
    peer_is("c000:200::1"); // the octets of 192.0.2.0, and more of IPv6
    has_its_own(&world);
    world_close(&world);
}

static void
positive_answers_are_told_apart_by_name_and_type(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 10, 0);
    has_its_own(&world);
    query.type = RRTYPE_AAAA;
    has_its_own(&world);
    query.lower[1] = 'x';
    has_its_own(&world);
    zone++; // the same name: it is in one zone only
    used_up(&world);
    world_close(&world);
}

static void
nodata_is_told_apart_by_name_whatever_type_was_asked(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 10, 0);
    outcome.kind = ANSWER_NODATA;
    has_its_own(&world);
    query.type = 65280;
    used_up(&world);
    query.lower[1] = 'x';
    has_its_own(&world);
    outcome.kind = ANSWER_POSITIVE;
    has_its_own(&world);
    world_close(&world);
}

static void
random_names_of_a_zone_share_one_allowance_and_so_do_those_below_its_wildcards(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 10, 0);
    for (int i = 0; i < 4; i++) {
        static const enum answer_kind kinds[] = {ANSWER_NXDOMAIN, ANSWER_REFERRAL, ANSWER_POSITIVE,
                                                 ANSWER_POSITIVE};
        outcome.kind = kinds[i];
        outcome.synthesised = outcome.kind == ANSWER_POSITIVE;
        query.type = i == 3 ? RRTYPE_AAAA : RRTYPE_A;
        query.lower[1] = 'a';
        has_its_own(&world);
        query.lower[1] = 'b';
        used_up(&world);
    }
    zone++;
    has_its_own(&world);
    world_close(&world);
}

static void
errors_are_told_apart_by_rcode_only(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 10, 0);
    outcome.kind = ANSWER_ERROR;
    outcome.rcode = RCODE_REFUSED;
    has_its_own(&world);
    query.lower[1] = 'x';
    query.type = RRTYPE_AAAA;
    zone++;
    used_up(&world);
    outcome.rcode = RCODE_SERVFAIL;
    has_its_own(&world);
    world_close(&world);
}

// What makes the limit one for all servers: the same key, the same table.
static void
two_servers_count_a_class_together_and_one_with_another_limit_goes_by_its_own(void **state)
{
    (void)state;
    struct world first, second;
    const struct rate_limit_settings more = {
        .per_second = 40, .slip = 0, .prefix_v4 = 24, .prefix_v6 = 56};
    world_open(&first, 10, 0);
    second.table = first.table;
    second.rate = response_rate_new(&more, first.table, 0x1234567890abcdef);
    assert_int_equal(sent(&first, 50, NOW_MS, NULL), 10);
    used_up(&first);
    // A reload has reached it first: a second's worth of 10 is a second's worth of 40.
    used_up(&second);
    assert_int_equal(sent(&second, 50, NOW_MS + 500, NULL), 20);
    response_rate_free(&second.rate);
    world_close(&first);
}

static void
the_prefix_that_is_limited_can_be_listed_with_its_kinds(void **state)
{
    (void)state;
    struct world world;
    struct vector list;
    world_open(&world, 10, 2);
    sent(&world, 30, NOW_MS, NULL);
    outcome.kind = ANSWER_NXDOMAIN;
    sent(&world, 20, NOW_MS, NULL);
    peer_is("192.0.3.1");
    sent(&world, 10, NOW_MS, NULL); // within the limit
    vector_init(&list, sizeof(struct rate_prefix));
    rate_prefixes_read(&world.table->prefixes, 0x1234567890abcdef, NOW, &list);
    assert_int_equal(list.count, 1);
    const struct rate_prefix *prefix = vector_at(&list, 0);
    char text[ADDRESS_PREFIX_TEXT_MAX];
    assert_string_equal(address_prefix_to_text(&prefix->prefix, text), "192.0.2.0/24");
    assert_int_equal(prefix->dropped, 15);
    assert_int_equal(prefix->truncated, 15);
    assert_int_equal(prefix->kinds, 1 << RATE_POSITIVE | 1 << RATE_NXDOMAIN);
    vector_close(&list);
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_makes_nothing),
        cmocka_unit_test(over_the_limit_every_slip_th_answer_is_a_tc_and_the_rest_are_dropped),
        cmocka_unit_test(a_prefix_shares_its_allowance_and_others_have_their_own),
        cmocka_unit_test(positive_answers_are_told_apart_by_name_and_type),
        cmocka_unit_test(nodata_is_told_apart_by_name_whatever_type_was_asked),
        cmocka_unit_test(
            random_names_of_a_zone_share_one_allowance_and_so_do_those_below_its_wildcards),
        cmocka_unit_test(errors_are_told_apart_by_rcode_only),
        cmocka_unit_test(
            two_servers_count_a_class_together_and_one_with_another_limit_goes_by_its_own),
        cmocka_unit_test(the_prefix_that_is_limited_can_be_listed_with_its_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
