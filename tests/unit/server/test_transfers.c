// needs: net daemon zone answer
#include "secondary/server/transfers.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// What the other end of the link, the supervisor's, is told.
static struct {
    unsigned messages, zones_refused, whole_refused, deltas_refused, whole_ok;
} told;

static void
received(void *context, struct message *message)
{
    struct message_transfers_out counts;
    (void)context;
    assert_int_equal(message->type, MESSAGE_TRANSFERS_OUT);
    assert_int_equal(message->to, ROLE_DESK);
    assert_true(message_transfers_out_read(message->body, &counts));
    told.messages++;
    told.zones_refused += counts.whole_refused + counts.deltas_refused > 0;
    told.whole_refused += counts.whole_refused;
    told.deltas_refused += counts.deltas_refused;
    told.whole_ok += counts.whole_ok;
}

static void
closed(void *context)
{
    (void)context;
}

static struct loop *loop;
static struct message_link *here, *there;
static struct transfers *transfers;

static int
open_all(void **state)
{
    int pair[2];
    (void)state;
    told.messages = told.zones_refused = told.whole_refused = told.deltas_refused = told.whole_ok =
        0;
    loop = loop_new();
    if (!message_link_pair(pair, NULL))
        return -1;
    here = message_link_new(loop, &pair[0], received, closed, NULL);
    there = message_link_new(loop, &pair[1], received, closed, NULL);
    transfers = transfers_new(loop, here);
    return 0;
}

static int
close_all(void **state)
{
    (void)state;
    transfers_free(&transfers);
    message_link_free(&here);
    message_link_free(&there);
    loop_free(&loop);
    return 0;
}

static void
run_until(unsigned messages)
{
    while (told.messages < messages)
        loop_run_once(loop, true);
}

static void
what_was_refused_is_told_in_one_message_for_each_zone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        transfers_refused(transfers, 7, i % 4 == 0);
    transfers_count(transfers, 7, IXFR_OUT_WHOLE, true);
    transfers_refused(transfers, 8, false);
    run_until(2);
    assert_int_equal(told.whole_refused, 751);
    assert_int_equal(told.deltas_refused, 250);
    assert_int_equal(told.whole_ok, 1);
    assert_int_equal(told.messages, 2);
}

static void
strangers_do_not_choose_how_many_messages_there_are(void **state)
{
    (void)state;
    for (uint32_t zone = 0; zone < 10000; zone++)
        transfers_refused(transfers, zone, false);
    transfers_refused(transfers, 0, false);                  // has its place
    transfers_count(transfers, 20000, IXFR_OUT_WHOLE, true); // always gets one
    run_until(TRANSFERS_REFUSED_ZONES_MAX + 1);
    assert_int_equal(told.zones_refused, TRANSFERS_REFUSED_ZONES_MAX);
    assert_int_equal(told.whole_refused, TRANSFERS_REFUSED_ZONES_MAX + 1);
    assert_int_equal(told.whole_ok, 1);
    transfers_refused(transfers, 9999, false); // the next second is another one's
    run_until(TRANSFERS_REFUSED_ZONES_MAX + 2);
    assert_int_equal(told.whole_refused, TRANSFERS_REFUSED_ZONES_MAX + 2);
}

static void
without_a_desk_nothing_is_counted(void **state)
{
    (void)state;
    transfers_refused(NULL, 1, true);
    transfers_count(NULL, 1, IXFR_OUT_WHOLE, true);
    assert_int_equal(told.messages, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_refused_is_told_in_one_message_for_each_zone),
        TEST(strangers_do_not_choose_how_many_messages_there_are),
        TEST(without_a_desk_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
