// Keys that are made in threads: each order is told once, in turn, and not where it was forgotten.
// The threads wait for the test, so nothing here depends on time.
#include "secondary/signer/key_maker.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/net/loop.h"
#include "secondary/signer/sign/pool.h"

#define ORDERS 5

static sem_t may_make; // one for each key
static pthread_t loop_thread;

struct bed {
    struct loop *loop;
    struct pool *pool;
    struct key_maker *maker;
    unsigned told, faults, waited_for;
    unsigned order[ORDERS + 1]; // who was told, one after the other
};

struct customer {
    struct bed *bed;
    unsigned number, told;
    struct key_made made; // its secrets are gone by then
    uint8_t first[2];     // first octets of the secrets
};

// A secret of four octets, each its algorithm; algorithm 0 fails.
static bool
make_when_told(uint8_t algorithm, uint8_t *ret_secret, size_t *ret_length, struct fault *fault)
{
    while (sem_wait(&may_make) != 0) {
    }
    assert_false(pthread_equal(pthread_self(), loop_thread));
    if (algorithm == 0)
        return fault_set(fault, FAULT_CORRUPT, "no key of algorithm 0");
    memset(ret_secret, algorithm, 4);
    *ret_length = 4;
    return true;
}

static void
told(void *context, const struct key_made *made, const struct fault *fault)
{
    struct customer *customer = context;
    struct bed *bed = customer->bed;
    customer->told++;
    customer->made = *made;
    for (unsigned i = 0; fault == NULL && i < made->count; i++) {
        assert_int_equal(made->secrets[i].length, 4);
        customer->first[i] = made->secrets[i].data[0];
    }
    if (fault != NULL) {
        assert_string_equal(fault->text, "no key of algorithm 0");
        bed->faults++;
    }
    bed->order[bed->told++] = customer->number;
    if (bed->told == bed->waited_for)
        loop_stop(bed->loop);
}

static void
bed_open(struct bed *bed)
{
    *bed = (struct bed){.loop = loop_new(), .pool = pool_new(1)};
    bed->maker = key_maker_new(bed->loop, bed->pool, make_when_told);
    loop_thread = pthread_self();
    assert_int_equal(sem_init(&may_make, 0, 0), 0);
}

static void
bed_close(struct bed *bed)
{
    key_maker_free(&bed->maker);
    loop_free(&bed->loop);
    pool_free(&bed->pool);
    assert_int_equal(sem_destroy(&may_make), 0);
}

static void
let_make(unsigned keys)
{
    while (keys-- > 0)
        assert_int_equal(sem_post(&may_make), 0);
}

static void
run_until_told(struct bed *bed, unsigned count)
{
    bed->waited_for = count;
    loop_run(bed->loop);
}

// In the loop, while no thread may have made anything yet.
static void
loop_goes_on(void *context)
{
    struct bed *bed = context;
    assert_int_equal(bed->told, 0);
    assert_true(key_maker_works(bed->maker));
    let_make(2);
}

static void
the_loop_goes_on_while_keys_are_made(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    struct customer customer = {.bed = &bed};
    assert_false(key_maker_works(bed.maker));
    key_maker_order(bed.maker, 8, 2, told, &customer);
    assert_int_equal(customer.told, 0);
    loop_defer(bed.loop, loop_goes_on, &bed);
    run_until_told(&bed, 1);
    assert_int_equal(customer.told, 1);
    assert_int_equal(customer.made.algorithm, 8);
    assert_int_equal(customer.made.count, 2);
    assert_true(customer.first[0] == 8 && customer.first[1] == 8);
    assert_false(key_maker_works(bed.maker));
    bed_close(&bed);
}

static void
orders_are_told_once_each_and_who_waits_begins_in_turn(void **state)
{
    struct bed bed;
    bool seen[ORDERS] = {false};
    (void)state;
    bed_open(&bed);
    struct customer customers[ORDERS];
    for (unsigned i = 0; i < ORDERS; i++) {
        customers[i] = (struct customer){.bed = &bed, .number = i};
        key_maker_order(bed.maker, (uint8_t)(i + 1), 1, told, &customers[i]);
    }
    for (unsigned i = 1; i <= ORDERS; i++) { // one key after the other
        let_make(1);
        run_until_told(&bed, i);
        assert_int_equal(bed.told, i);
        assert_true(bed.order[i - 1] < i - 1 + KEY_MAKER_AT_ONCE); // no later order came before it
        seen[bed.order[i - 1]] = true;
    }
    for (unsigned i = 0; i < ORDERS; i++) {
        assert_true(seen[i]);
        assert_int_equal(customers[i].told, 1);
        assert_int_equal(customers[i].first[0], i + 1);
    }
    bed_close(&bed);
}

// The last one, then the one before it; who is under way, or not there, changes nothing.
static void
who_hurries_comes_before_all_who_wait(void **state)
{
    static const unsigned turns[ORDERS + 1] = {0, 1, 4, 2, 3, 5}; // of each customer
    struct bed bed;
    (void)state;
    bed_open(&bed);
    struct customer customers[ORDERS + 1];
    for (unsigned i = 0; i < ORDERS; i++) {
        customers[i] = (struct customer){.bed = &bed, .number = i};
        key_maker_order(bed.maker, 8, 1, told, &customers[i]);
    }
    key_maker_hurry(bed.maker, &customers[4]);
    key_maker_hurry(bed.maker, &customers[3]);
    key_maker_hurry(bed.maker, &customers[0]);
    key_maker_hurry(bed.maker, &bed);
    customers[ORDERS] = (struct customer){.bed = &bed, .number = ORDERS};
    key_maker_order(bed.maker, 8, 1, told, &customers[ORDERS]); // at the end, behind the second
    for (unsigned i = 1; i <= ORDERS + 1; i++) {
        let_make(1);
        run_until_told(&bed, i);
    }
    for (unsigned i = 0; i <= ORDERS; i++) { // whose turn was later did not come before
        assert_true(turns[bed.order[i]] < i + KEY_MAKER_AT_ONCE);
        assert_int_equal(customers[i].told, 1);
    }
    bed_close(&bed);
}

static void
a_fault_of_one_key_is_the_orders(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    struct customer customer = {.bed = &bed};
    key_maker_order(bed.maker, 0, 2, told, &customer);
    let_make(2);
    run_until_told(&bed, 1);
    assert_int_equal(bed.faults, 1);
    bed_close(&bed);
}

static void
what_is_forgotten_is_not_told(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    struct customer customers[ORDERS];
    for (unsigned i = 0; i < ORDERS; i++) {
        customers[i] = (struct customer){.bed = &bed, .number = i};
        key_maker_order(bed.maker, 8, 1, told, &customers[i]);
    }
    key_maker_forget(bed.maker, &customers[0]);          // under way
    key_maker_forget(bed.maker, &customers[3]);          // in the line
    key_maker_forget(bed.maker, &customers[ORDERS - 1]); // at its end
    struct customer later = {.bed = &bed, .number = 7};
    key_maker_order(bed.maker, 8, 1, told, &later);
    let_make(ORDERS + 1);
    run_until_told(&bed, 3);
    assert_int_equal(customers[0].told + customers[3].told + customers[4].told, 0);
    assert_true(customers[1].told == 1 && customers[2].told == 1 && later.told == 1);
    bed_close(&bed); // with one forgotten perhaps still under way
}

static void
a_maker_goes_while_threads_are_at_work(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    struct customer customers[ORDERS];
    for (unsigned i = 0; i < ORDERS; i++) {
        customers[i] = (struct customer){.bed = &bed, .number = i};
        key_maker_order(bed.maker, 8, 2, told, &customers[i]);
    }
    key_maker_free(&bed.maker);
    let_make(2 * ORDERS);
    bed_close(&bed); // loop_free waits for them
    assert_int_equal(bed.told, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loop_goes_on_while_keys_are_made),
        cmocka_unit_test(orders_are_told_once_each_and_who_waits_begins_in_turn),
        cmocka_unit_test(who_hurries_comes_before_all_who_wait),
        cmocka_unit_test(a_fault_of_one_key_is_the_orders),
        cmocka_unit_test(what_is_forgotten_is_not_told),
        cmocka_unit_test(a_maker_goes_while_threads_are_at_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
