// Makes private keys that take long (RSA: a third of a second in the middle, a second and more now
// and then) in threads, while the loop goes on. What comes back are secrets that are nobody's yet:
// whoever ordered them makes a zone's keys of them, in the loop, or lets them go. Orders wait in
// line. One for each signer process; main thread.
#ifndef TANDEM_SIGNER_KEY_MAKER_H
#define TANDEM_SIGNER_KEY_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

#define KEY_MAKER_KEYS_MAX 2 // of one order: a KSK and a ZSK
// Orders under way at once: half of the loop's threads, so that a start with a thousand new zones
// leaves the others to transfers and signing.
#define KEY_MAKER_AT_ONCE 2

struct key_maker;
struct loop;
struct pool;

// As key_crypto_generate; a test has its own.
typedef bool key_maker_make(uint8_t algorithm, uint8_t *ret_secret, size_t *ret_length,
                            struct fault *fault);
// Secrets as key_pair_from_parts takes them, in guarded memory that is wiped after the call.
struct key_made {
    uint8_t algorithm;
    unsigned count;
    struct octets secrets[KEY_MAKER_KEYS_MAX];
};
// fault NULL: made holds all that was ordered.
typedef void key_maker_call(void *context, const struct key_made *made, const struct fault *fault);

struct key_maker *key_maker_new(struct loop *loop, struct pool *pool, key_maker_make *make);
// Nothing is called any more; what threads still make is let go (loop_free waits for them).
void key_maker_free(struct key_maker **maker);
// Orders count keys (1 ... KEY_MAKER_KEYS_MAX); call comes once, in the loop, never from here.
void key_maker_order(struct key_maker *maker, uint8_t algorithm, unsigned count,
                     key_maker_call *call, void *context);
// An order of this context that waits comes before all others that wait: somebody waits for it.
void key_maker_hurry(struct key_maker *maker, const void *context);
// Forgets the orders of this context: before it is freed, or when they are not wanted any more.
void key_maker_forget(struct key_maker *maker, const void *context);
// Whether a thread is at work.
bool key_maker_works(const struct key_maker *maker);

#endif
