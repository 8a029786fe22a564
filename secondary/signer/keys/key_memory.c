// Where should private keys rest, and at what price?
//
// sodium_malloc gives an allocation pages of its own with guard pages on both sides, a canary,
// mlock and MADV_DONTDUMP. One such allocation for each key would cost four pages and four system
// calls a key; so secrets share blocks of 64 KiB, cut into equal slots (elliptic keys fit 64
// octets, RSA keys with their CRT parts need 2.5 KiB). A block has no access at all while nobody
// reads it: a stray read anywhere else in the signer faults. Secrets are read when libcrypto's
// object is made and when a key is saved or exported, which is rare; so the two mprotect calls do
// not show. The object itself (libcrypto's EVP_PKEY) holds the secret in ordinary memory, where we
// cannot keep it out of: therefore there are few of them, and they are freed with clearing when
// others need their place.
#include "secondary/signer/keys/key_memory.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/vector.h"
#include "secondary/signer/keys/key_algorithm.h"

#define BLOCK_SIZE (64U << 10)
#define SLOT_SMALL 64

struct block {
    uint8_t *pages; // guarded; no access at rest
    size_t slot_size;
};

struct slot {
    uint32_t block, place; // which slot of the block
    size_t length;         // of the secret; 0: the slot is free
    size_t slot_size;
    void *object;
    void (*release)(void *object);
    uint64_t used; // turn of the last use of the object
};

struct key_memory {
    struct vector blocks; // of struct block
    struct vector slots;  // of struct slot; key_slot is index + 1
    size_t free_from[2];  // no free slot (small, large) has a lower index
    size_t objects;
    uint64_t turn;
};

struct key_memory *
key_memory_new(void)
{
    ENSURE(sodium_init() >= 0);
    struct key_memory *memory = memory_zalloc(sizeof *memory);
    vector_init(&memory->blocks, sizeof(struct block));
    vector_init(&memory->slots, sizeof(struct slot));
    return memory;
}

static void
object_drop(struct key_memory *memory, struct slot *slot)
{
    if (!slot->object)
        return;
    slot->release(slot->object);
    slot->object = NULL;
    memory->objects--;
}

void
key_memory_free(struct key_memory **memory)
{
    if (!*memory)
        return;
    for (size_t i = 0; i < (*memory)->slots.count; i++)
        object_drop(*memory, vector_at(&(*memory)->slots, i));
    for (size_t i = 0; i < (*memory)->blocks.count; i++) {
        struct block *block = vector_at(&(*memory)->blocks, i);
        sodium_free(block->pages); // wipes
    }
    vector_close(&(*memory)->blocks);
    vector_close(&(*memory)->slots);
    free(*memory);
    *memory = NULL;
}

static struct block *
block_of(const struct key_memory *memory, const struct slot *slot)
{
    return vector_at(&memory->blocks, slot->block);
}

static struct slot *
slot_at(const struct key_memory *memory, key_slot number)
{
    ENSURE(number > 0 && number <= memory->slots.count);
    return vector_at(&memory->slots, number - 1);
}

static void
block_add(struct key_memory *memory, size_t slot_size)
{
    struct block block = {.slot_size = slot_size, .pages = sodium_malloc(BLOCK_SIZE)};
    ENSURE(block.pages);
    ENSURE(sodium_mprotect_noaccess(block.pages) == 0);
    vector_add(&memory->blocks, &block);
    for (uint32_t i = 0; i < BLOCK_SIZE / slot_size; i++) {
        struct slot slot = {
            .block = (uint32_t)memory->blocks.count - 1, .place = i, .slot_size = slot_size};
        vector_add(&memory->slots, &slot);
    }
}

static key_slot
slot_free(struct key_memory *memory, size_t slot_size)
{
    size_t *from = &memory->free_from[slot_size != SLOT_SMALL];
    for (; *from < memory->slots.count; (*from)++) {
        const struct slot *slot = vector_at(&memory->slots, *from);
        if (slot->length == 0 && slot->slot_size == slot_size)
            return (key_slot)(*from + 1);
    }
    return 0;
}

key_slot
key_memory_put(struct key_memory *memory, const uint8_t *secret, size_t length)
{
    ENSURE(length > 0 && length <= KEY_SECRET_MAX);
    size_t slot_size = length <= SLOT_SMALL ? SLOT_SMALL : KEY_SECRET_MAX;
    key_slot number = slot_free(memory, slot_size);
    if (!number) {
        block_add(memory, slot_size);
        number = slot_free(memory, slot_size);
    }
    struct slot *slot = slot_at(memory, number);
    uint8_t *pages = block_of(memory, slot)->pages;
    ENSURE(sodium_mprotect_readwrite(pages) == 0);
    memcpy(pages + slot->place * slot_size, secret, length);
    ENSURE(sodium_mprotect_noaccess(pages) == 0);
    slot->length = length;
    return number;
}

void
key_memory_forget(struct key_memory *memory, key_slot *number)
{
    if (!*number)
        return;
    struct slot *slot = slot_at(memory, *number);
    object_drop(memory, slot);
    uint8_t *pages = block_of(memory, slot)->pages;
    ENSURE(sodium_mprotect_readwrite(pages) == 0);
    sodium_memzero(pages + slot->place * slot->slot_size, slot->slot_size);
    ENSURE(sodium_mprotect_noaccess(pages) == 0);
    slot->length = 0;
    size_t *from = &memory->free_from[slot->slot_size != SLOT_SMALL];
    if (*number - 1 < *from)
        *from = *number - 1;
    *number = 0;
}

size_t
key_memory_count(const struct key_memory *memory)
{
    size_t count = 0;
    for (size_t i = 0; i < memory->slots.count; i++)
        count += ((const struct slot *)vector_at(&memory->slots, i))->length > 0;
    return count;
}

bool
key_memory_with(struct key_memory *memory, key_slot number, key_memory_use *use, void *context)
{
    const struct slot *slot = slot_at(memory, number);
    ENSURE(slot->length > 0);
    uint8_t *pages = block_of(memory, slot)->pages;
    ENSURE(sodium_mprotect_readonly(pages) == 0);
    bool good = use(context, pages + slot->place * slot->slot_size, slot->length);
    ENSURE(sodium_mprotect_noaccess(pages) == 0);
    return good;
}

void *
key_memory_object(struct key_memory *memory, key_slot number)
{
    struct slot *slot = slot_at(memory, number);
    slot->used = ++memory->turn;
    return slot->object;
}

static void
object_drop_oldest(struct key_memory *memory)
{
    struct slot *oldest = NULL;
    for (size_t i = 0; i < memory->slots.count; i++) {
        struct slot *slot = vector_at(&memory->slots, i);
        if (slot->object && (!oldest || slot->used < oldest->used))
            oldest = slot;
    }
    object_drop(memory, oldest);
}

void
key_memory_object_set(struct key_memory *memory, key_slot number, void *object,
                      void (*release)(void *object))
{
    struct slot *slot = slot_at(memory, number);
    object_drop(memory, slot);
    if (memory->objects == KEY_MEMORY_OBJECTS_MAX)
        object_drop_oldest(memory);
    slot->object = object;
    slot->release = release;
    slot->used = ++memory->turn;
    memory->objects++;
}

void *
key_scratch_new(size_t size)
{
    ENSURE(sodium_init() >= 0);
    void *scratch = sodium_malloc(size);
    ENSURE(scratch);
    sodium_memzero(scratch, size);
    return scratch;
}

void
key_scratch_free(void *scratch)
{
    sodium_free(scratch);
}
