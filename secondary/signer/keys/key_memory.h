// The only place where private keys rest: guarded pages (libsodium: guard pages around, locked into
// memory, left out of core dumps, no access while nobody reads). One for each signer process, used
// by its main thread; threads of the pool get prepared contexts (key_signer.h), never octets.
// Beside each secret may hang one object that was made from it (libcrypto's key); at most
// KEY_MEMORY_OBJECTS_MAX of them at a time, the least recently used is freed.
#ifndef TANDEM_KEYS_KEY_MEMORY_H
#define TANDEM_KEYS_KEY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_MEMORY_OBJECTS_MAX                                                                     \
    256 // keys in use at once: the keys of some hundred busy zones, about 1 MiB

struct key_memory;
typedef uint32_t key_slot; // 0: none

struct key_memory *key_memory_new(void);
void key_memory_free(struct key_memory **memory); // wipes all
// Copies a secret in (at most KEY_SECRET_MAX octets). The caller wipes its own copy.
key_slot key_memory_put(struct key_memory *memory, const uint8_t *secret, size_t length);
// Wipes a secret and frees its object; *slot becomes 0.
void key_memory_forget(struct key_memory *memory, key_slot *slot);
size_t key_memory_count(const struct key_memory *memory);

// Calls use with the secret's octets while they may be read; use must not keep the pointer nor call
// back.
typedef bool key_memory_use(void *context, const uint8_t *secret, size_t length);
bool key_memory_with(struct key_memory *memory, key_slot slot, key_memory_use *use, void *context);

// The object that hangs beside a secret, or NULL; borrowed until the next key_memory_object_set.
void *key_memory_object(struct key_memory *memory, key_slot slot);
// Takes object over; release frees it with clearing.
void key_memory_object_set(struct key_memory *memory, key_slot slot, void *object,
                           void (*release)(void *object));

// Scratch pages of the same kind for text that holds a private key on its way in or out. Wiped when
// freed.
void *key_scratch_new(size_t size);
void key_scratch_free(void *scratch);

#endif
