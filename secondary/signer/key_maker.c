// The keys of one order are made beside each other, in the signer's pool; orders come in turn, so a
// zone that was told of first is signed first. A thread cannot be stopped in the middle of a key:
// an order that was forgotten meanwhile ends as ever and nobody hears of it.
#include "secondary/signer/key_maker.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/net/loop.h"
#include "secondary/signer/keys/key_algorithm.h"
#include "secondary/signer/keys/key_memory.h"
#include "secondary/signer/sign/pool.h"

// Small: a thousand of them may wait.
struct order {
    struct order *next;
    uint8_t algorithm;
    unsigned count;
    key_maker_call *call;
    void *context;
};

struct fresh_key {
    uint8_t *secret; // guarded
    size_t length;
    bool good;
    struct fault fault;
};

// An order under way.
struct making {
    struct making *next;
    struct key_maker *maker; // NULL: gone
    struct order order;      // call NULL: forgotten
    key_maker_make *make;
    struct pool *pool;
    struct fresh_key keys[KEY_MAKER_KEYS_MAX];
};

struct key_maker {
    struct loop *loop;
    struct pool *pool;
    key_maker_make *make;
    struct order *first, **last; // that wait
    struct making *makings;
    unsigned making_count;
};

struct key_maker *
key_maker_new(struct loop *loop, struct pool *pool, key_maker_make *make)
{
    struct key_maker *maker = memory_zalloc(sizeof *maker);
    *maker = (struct key_maker){.loop = loop, .pool = pool, .make = make};
    maker->last = &maker->first;
    return maker;
}

void
key_maker_free(struct key_maker **maker)
{
    if (*maker == NULL) {
        return;
    }
    for (struct making *making = (*maker)->makings; making != NULL; making = making->next) {
        making->maker = NULL;
    }
    while ((*maker)->first != NULL) {
        struct order *order = (*maker)->first;
        (*maker)->first = order->next;
        free(order);
    }
    free(*maker);
    *maker = NULL;
}

static void
make_some(void *context, unsigned thread, size_t first, size_t end)
{
    struct making *making = context;
    (void)thread;
    for (size_t i = first; i < end; i++) {
        struct fresh_key *key = &making->keys[i];
        key->good = making->make(making->order.algorithm, key->secret, &key->length, &key->fault);
    }
}

static void
make_in_thread(void *context)
{
    struct making *making = context;
    pool_run(making->pool, making->order.count, 1, make_some, making);
}

static void
making_free(struct making *making)
{
    for (unsigned i = 0; i < making->order.count; i++) {
        key_scratch_free(making->keys[i].secret); // wipes
    }
    free(making);
}

static void
making_tell(const struct making *making)
{
    struct key_made made = {.algorithm = making->order.algorithm, .count = making->order.count};
    const struct fault *fault = NULL;
    for (unsigned i = 0; i < making->order.count; i++) {
        const struct fresh_key *key = &making->keys[i];
        made.secrets[i] = (struct octets){key->secret, key->length};
        fault = key->good ? fault : &key->fault;
    }
    making->order.call(making->order.context, &made, fault);
}

static void
making_remove(struct key_maker *maker, const struct making *making)
{
    struct making **at = &maker->makings;
    while (*at != making) {
        at = &(*at)->next;
    }
    *at = making->next;
    maker->making_count--;
}

static void begin_some(struct key_maker *maker);

static void
making_done(void *context, bool cancelled)
{
    struct making *making = context;
    struct key_maker *maker = making->maker;
    if (maker != NULL) {
        making_remove(maker, making);
        if (!cancelled) { // else the loop is on its way out
            begin_some(maker);
        }
        if (making->order.call != NULL && !cancelled) {
            making_tell(making);
        }
    }
    making_free(making);
}

static void
begin(struct key_maker *maker, const struct order *order)
{
    struct making *making = memory_zalloc(sizeof *making);
    making->maker = maker;
    making->order = *order;
    making->make = maker->make;
    making->pool = maker->pool;
    for (unsigned i = 0; i < order->count; i++) {
        making->keys[i].secret = key_scratch_new(KEY_SECRET_MAX);
    }
    making->next = maker->makings;
    maker->makings = making;
    maker->making_count++;
    loop_work(maker->loop, make_in_thread, making_done, making);
}

static void
begin_some(struct key_maker *maker)
{
    while (maker->first != NULL && maker->making_count < KEY_MAKER_AT_ONCE) {
        struct order *order = maker->first;
        maker->first = order->next;
        if (maker->first == NULL) {
            maker->last = &maker->first;
        }
        begin(maker, order);
        free(order);
    }
}

void
key_maker_order(struct key_maker *maker, uint8_t algorithm, unsigned count, key_maker_call *call,
                void *context)
{
    ENSURE(count > 0 && count <= KEY_MAKER_KEYS_MAX);
    struct order *order = memory_alloc(sizeof *order);
    *order =
        (struct order){.algorithm = algorithm, .count = count, .call = call, .context = context};
    *maker->last = order;
    maker->last = &order->next;
    begin_some(maker);
}

void
key_maker_hurry(struct key_maker *maker, const void *context)
{
    for (struct order **at = &maker->first; *at != NULL; at = &(*at)->next) {
        struct order *order = *at;
        if (order->context != context) {
            continue;
        }
        *at = order->next;
        if (maker->last == &order->next) {
            maker->last = at;
        }
        order->next = maker->first;
        maker->first = order;
        if (order->next == NULL) {
            maker->last = &order->next;
        }
        return;
    }
}

void
key_maker_forget(struct key_maker *maker, const void *context)
{
    for (struct making *making = maker->makings; making != NULL; making = making->next) {
        if (making->order.context == context) {
            making->order.call = NULL;
        }
    }
    maker->last = &maker->first;
    while (*maker->last != NULL) {
        struct order *order = *maker->last;
        if (order->context == context) {
            *maker->last = order->next;
            free(order);
        } else {
            maker->last = &order->next;
        }
    }
}

bool
key_maker_works(const struct key_maker *maker)
{
    return maker->making_count > 0;
}
