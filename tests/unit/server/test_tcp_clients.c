#include "secondary/server/tcp_clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/hash.h"

#define NOW 1000000

static struct address
peer(const char *text)
{
    struct address address;
    assert_true(address_from_text(text, 1024, &address, NULL));
    return address;
}

static struct address
peer_number(unsigned number)
{
    char text[32];
    snprintf(text, sizeof text, "10.%u.%u.1", number / 256 % 256, number % 256);
    return peer(text);
}

static enum tcp_clients_verdict
judge(struct tcp_clients *clients, const char *text, uint64_t now, struct tcp_client **ret_leaves)
{
    struct address address = peer(text);
    *ret_leaves = NULL;
    return tcp_clients_judge(clients, &address, now, ret_leaves);
}

static void
join(struct tcp_clients *clients, struct tcp_client *client, const char *text, uint64_t now)
{
    struct address address = peer(text);
    tcp_clients_join(clients, client, &address, now);
}

static void
start(struct tcp_clients *clients, unsigned max)
{
    tcp_clients_init(clients, 7);
    tcp_clients_limit(clients, max);
}

static void
leave_all(struct tcp_clients *clients)
{
    while (tcp_clients_any(clients))
        tcp_clients_leave(clients, tcp_clients_any(clients));
    assert_int_equal(clients->count, 0);
    tcp_clients_close(clients);
}

// RFC 7766 section 6.2.2: a limit for each client address or network.
static void
a_prefix_gets_its_share_and_the_others_still_get_in(void **state)
{
    struct tcp_client all[11];
    struct tcp_client *leaves;
    struct tcp_clients clients;
    (void)state;
    start(&clients, 40);
    for (int i = 0; i < 10; i++) { // a quarter
        assert_int_equal(judge(&clients, "192.0.2.1", NOW, &leaves), TCP_CLIENTS_JOIN);
        join(&clients, &all[i], i % 2 == 0 ? "192.0.2.1" : "192.0.2.200", NOW);
    }
    assert_int_equal(judge(&clients, "192.0.2.77", NOW, &leaves), TCP_CLIENTS_REFUSE);
    assert_int_equal(judge(&clients, "192.0.3.1", NOW, &leaves), TCP_CLIENTS_JOIN);
    tcp_clients_leave(&clients, &all[3]);
    assert_int_equal(judge(&clients, "192.0.2.77", NOW, &leaves), TCP_CLIENTS_JOIN);
    leave_all(&clients);
}

static void
an_ipv6_prefix_has_56_bits_and_is_never_an_ipv4_one(void **state)
{
    struct tcp_client all[TCP_CLIENTS_PREFIX_MIN];
    struct tcp_client *leaves;
    struct tcp_clients clients;
    (void)state;
    start(&clients, 9);
    for (int i = 0; i < TCP_CLIENTS_PREFIX_MIN; i++)
        join(&clients, &all[i], "2001:db8:0:aa01::1", NOW);
    assert_int_equal(judge(&clients, "2001:db8:0:aaff::2", NOW, &leaves), TCP_CLIENTS_REFUSE);
    assert_int_equal(judge(&clients, "2001:db8:0:ab00::1", NOW, &leaves), TCP_CLIENTS_JOIN);
    assert_int_equal(judge(&clients, "32.1.13.184", NOW, &leaves), TCP_CLIENTS_JOIN);
    leave_all(&clients);
}

// RFC 9210 section 4.1: idle connections are closed when there are too many.
static void
the_one_silent_longest_gives_way(void **state)
{
    struct tcp_client one, two, three;
    struct tcp_client *leaves;
    struct tcp_clients clients;
    (void)state;
    start(&clients, 3);
    join(&clients, &one, "192.0.2.1", NOW);
    join(&clients, &two, "192.0.3.1", NOW + 1);
    join(&clients, &three, "192.0.4.1", NOW + 2);
    tcp_clients_heard(&clients, &one, NOW + 3);
    uint64_t later = NOW + 1 + TCP_CLIENTS_GRACE_MS;
    assert_int_equal(judge(&clients, "192.0.5.1", later - 1, &leaves), TCP_CLIENTS_REFUSE);
    assert_int_equal(judge(&clients, "192.0.5.1", later, &leaves), TCP_CLIENTS_REPLACE);
    assert_ptr_equal(leaves, &two);
    tcp_clients_leave(&clients, leaves);
    assert_int_equal(judge(&clients, "192.0.5.1", later, &leaves), TCP_CLIENTS_JOIN);
    join(&clients, &two, "192.0.5.1", later);
    assert_ptr_equal(tcp_clients_silent(&clients, later + 10), &three);
    tcp_clients_heard(&clients, &three, later + 10);
    assert_ptr_equal(tcp_clients_silent(&clients, later + 10), &one);
    leave_all(&clients);
}

static void
the_busy_are_not_sent_away(void **state)
{
    struct tcp_client one, two;
    struct tcp_client *leaves;
    struct tcp_clients clients;
    (void)state;
    start(&clients, 2);
    join(&clients, &one, "192.0.2.1", NOW);
    join(&clients, &two, "192.0.3.1", NOW);
    tcp_clients_set_busy(&clients, &one, true, NOW);
    assert_ptr_equal(tcp_clients_silent(&clients, NOW + 100000), &two);
    tcp_clients_set_busy(&clients, &two, true, NOW);
    assert_int_equal(judge(&clients, "192.0.5.1", NOW + 100000, &leaves), TCP_CLIENTS_REFUSE);
    tcp_clients_set_busy(&clients, &one, false, NOW + 100000);
    assert_null(
        tcp_clients_silent(&clients, NOW + 100001)); // the end of the work is a sign of life
    assert_ptr_equal(tcp_clients_silent(&clients, NOW + 200000), &one);
    leave_all(&clients);
}

static void
a_lower_maximum_sends_nobody_away_but_lets_nobody_in(void **state)
{
    struct tcp_client all[4];
    struct tcp_client *leaves;
    struct tcp_clients clients;
    (void)state;
    start(&clients, 4);
    for (int i = 0; i < 4; i++)
        join(&clients, &all[i], "192.0.2.1", NOW);
    tcp_clients_limit(&clients, 2);
    assert_int_equal(clients.count, 4);
    assert_int_equal(judge(&clients, "192.0.5.1", NOW, &leaves), TCP_CLIENTS_REFUSE);
    leave_all(&clients);
}

// Thousands of prefixes come, are heard and go in random order, beside counts kept the simple way.
static void
the_counts_of_many_prefixes_are_those_of_a_list(void **state)
{
    enum { PREFIXES = 1000, CLIENTS = 4000 };
    static struct tcp_client all[CLIENTS];
    static unsigned number_of[CLIENTS]; // of its prefix, + 1; 0: not there
    static unsigned counts[PREFIXES];
    struct tcp_clients clients;
    struct tcp_client *leaves;
    uint64_t random = 1;
    (void)state;
    start(&clients, 16); // so that the share is the minimum
    for (unsigned step = 0; step < 40000; step++) {
        random = hash_finish(hash_mix(random, step));
        unsigned i = (unsigned)(random % CLIENTS);
        unsigned number = (unsigned)(random >> 32) % PREFIXES;
        struct address address = peer_number(number);
        if (number_of[i] > 0) {
            tcp_clients_leave(&clients, &all[i]);
            counts[number_of[i] - 1]--;
            number_of[i] = 0;
            continue;
        }
        clients.max = counts[number] >= TCP_CLIENTS_PREFIX_MIN ? 16 : CLIENTS;
        bool refused = tcp_clients_judge(&clients, &address, NOW, &leaves) == TCP_CLIENTS_REFUSE;
        assert_int_equal(refused, counts[number] >= TCP_CLIENTS_PREFIX_MIN);
        tcp_clients_join(&clients, &all[i], &address, NOW + step);
        number_of[i] = number + 1;
        counts[number]++;
    }
    unsigned there = 0;
    for (unsigned i = 0; i < CLIENTS; i++)
        there += number_of[i] > 0;
    assert_int_equal(clients.count, there);
    leave_all(&clients);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_gets_its_share_and_the_others_still_get_in),
        cmocka_unit_test(an_ipv6_prefix_has_56_bits_and_is_never_an_ipv4_one),
        cmocka_unit_test(the_one_silent_longest_gives_way),
        cmocka_unit_test(the_busy_are_not_sent_away),
        cmocka_unit_test(a_lower_maximum_sends_nobody_away_but_lets_nobody_in),
        cmocka_unit_test(the_counts_of_many_prefixes_are_those_of_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
