// The file: a magic, the format's number, one block for each owner, a digest of all before it. A
// block is read when its owner appears in a zone; until then it is kept as it is and written again,
// so that a zone whose file is broken at a start does not lose its sets. Integers are in network
// order.
#include "primary/alias/save.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/dns/name.h"

#define SAVE_MAGIC      "TANDEM-ALIAS"
#define SAVE_MAGIC_SIZE 12
#define SAVE_FORMAT     1
#define REASON_MAX      1024
#define KEEP_SECONDS    3600  // an operator who takes a zone out by mistake puts it back by then
#define ADDRESSES_MAX   65536 // of one set in the file

struct saved_owner {
    struct saved_owner *next; // of the same name in another zone
    uint8_t apex[NAME_SIZE_MAX], name[NAME_SIZE_MAX];
    int64_t kept_at; // when its zone went; 0: read from the file
    size_t length;
    uint8_t octets[]; // the whole block
};

static void
set_write(const struct address_set *set, struct octets_buffer *buffer)
{
    octets_buffer_add_u32(buffer, set->count);
    octets_buffer_add(buffer, set->octets, (size_t)set->count * set->width);
}

static void
set_read(struct octets_reader *reader, struct address_set *set)
{
    uint32_t count = octets_read_u32(reader);
    if (count > ADDRESSES_MAX)
        reader->failed = true;
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        const uint8_t *octets = octets_read_view(reader, set->width);
        if (octets)
            address_set_add(set, octets);
    }
}

static void
name_write(const uint8_t *name, struct octets_buffer *buffer)
{
    octets_buffer_add(buffer, name, name_length(name));
}

static void
contribution_write(const struct contribution *contribution, struct octets_buffer *buffer)
{
    octets_buffer_add_u8(buffer, (uint8_t)contribution->state);
    octets_buffer_add_u8(buffer, (uint8_t)(contribution->known | contribution->expired << 1 |
                                           contribution->definitive << 2));
    octets_buffer_add_u64(buffer, (uint64_t)contribution->since);
    octets_buffer_add_u64(buffer, (uint64_t)contribution->trouble_since);
    octets_buffer_add_u64(buffer, (uint64_t)contribution->reminded_at);
    octets_buffer_add_u64(buffer, (uint64_t)contribution->changed_at);
    octets_buffer_add_text(buffer, contribution->reason);
    set_write(&contribution->good, buffer);
}

static void
contribution_read(struct octets_reader *reader, struct contribution *contribution)
{
    uint8_t state = octets_read_u8(reader), flags = octets_read_u8(reader);
    if (state >= TARGET_STATES)
        reader->failed = true;
    contribution->state = (enum target_state)state;
    contribution->known = flags & 1;
    contribution->expired = flags & 2;
    contribution->definitive = flags & 4;
    contribution->since = (int64_t)octets_read_u64(reader);
    contribution->trouble_since = (int64_t)octets_read_u64(reader);
    contribution->reminded_at = (int64_t)octets_read_u64(reader);
    contribution->changed_at = (int64_t)octets_read_u64(reader);
    contribution->reason = octets_read_text(reader, REASON_MAX);
    set_read(reader, &contribution->good);
}

static void
owner_write(const struct owner *owner, struct octets_buffer *buffer)
{
    size_t start = buffer->length;
    octets_buffer_add_u32(buffer, 0);
    name_write(owner->zone->apex, buffer);
    name_write(owner->name, buffer);
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        octets_buffer_add_u8(buffer, owner->inherits[type]);
        set_write(&owner->inherited[type], buffer);
    }
    octets_buffer_add_u32(buffer, (uint32_t)owner->links.count);
    for (size_t i = 0; i < owner->links.count; i++) {
        const struct link *link = *(struct link **)vector_at(&owner->links, i);
        name_write(link->target, buffer);
        for (unsigned type = 0; type < TYPE_COUNT; type++)
            contribution_write(&link->contributions[type], buffer);
    }
    octets_put_u32(buffer->data + start, (uint32_t)(buffer->length - start));
}

static void
zones_write(const struct book *book, struct octets_buffer *buffer)
{
    for (size_t i = 0; i < zone_set_count(book->zones); i++) {
        const struct book_zone *zone = zone_set_at(book->zones, i);
        for (size_t k = 0; k < zone->order.count; k++)
            owner_write(*(struct owner **)vector_at(&zone->order, k), buffer);
    }
}

void
book_save(const struct book *book, struct octets_buffer *buffer)
{
    struct hash_digest_state state;
    struct hash_digest digest;
    const struct saved_owner *saved;
    octets_buffer_add(buffer, SAVE_MAGIC, SAVE_MAGIC_SIZE);
    octets_buffer_add_u16(buffer, SAVE_FORMAT);
    zones_write(book, buffer);
    for (size_t position = 0; (saved = name_table_next(&book->saved, &position));)
        for (; saved; saved = saved->next)
            octets_buffer_add(buffer, saved->octets, saved->length);
    hash_digest_init(&state);
    hash_digest_add(&state, buffer->data, buffer->length);
    hash_digest_end(&state, &digest);
    octets_buffer_add(buffer, digest.octets, sizeof digest.octets);
}

static void
saved_add(struct book *book, struct saved_owner *saved)
{
    struct saved_owner *first = name_table_remove(&book->saved, saved->name);
    saved->next = first;
    name_table_put(&book->saved, saved->name, saved);
}

// A block, kept as it is.
static bool
block_keep(struct book *book, struct octets_reader *reader, int64_t kept_at)
{
    uint8_t apex[NAME_SIZE_MAX], name[NAME_SIZE_MAX];
    const uint8_t *start = reader->at;
    uint32_t length = octets_read_u32(reader);
    bool named = name_read_plain(reader, apex) && name_read_plain(reader, name);
    size_t head = (size_t)(reader->at - start);
    if (!named || length < head || !octets_read_view(reader, length - head))
        return false;
    struct saved_owner *saved = memory_zalloc(sizeof *saved + length);
    name_copy_lower(saved->apex, apex);
    name_copy_lower(saved->name, name);
    saved->kept_at = kept_at;
    saved->length = length;
    memcpy(saved->octets, start, length);
    saved_add(book, saved);
    return true;
}

void
save_keep(struct book *book, const struct book_zone *zone, int64_t now)
{
    struct octets_buffer buffer;
    octets_buffer_init(&buffer);
    for (size_t i = 0; i < zone->order.count; i++) {
        struct octets_reader reader;
        buffer.length = 0;
        owner_write(*(struct owner **)vector_at(&zone->order, i), &buffer);
        octets_reader_init(&reader, buffer.data, buffer.length);
        ENSURE(block_keep(book, &reader, now));
    }
    octets_buffer_close(&buffer);
}

static bool
digest_fits(const uint8_t *octets, size_t length)
{
    struct hash_digest_state state;
    struct hash_digest digest;
    hash_digest_init(&state);
    hash_digest_add(&state, octets, length);
    hash_digest_end(&state, &digest);
    return memcmp(digest.octets, octets + length, sizeof digest.octets) == 0;
}

bool
book_restore(struct book *book, const void *octets, size_t length)
{
    struct octets_reader reader;
    size_t least = SAVE_MAGIC_SIZE + 2 + HASH_DIGEST_SIZE;
    if (length < least || !digest_fits(octets, length - HASH_DIGEST_SIZE))
        return false;
    octets_reader_init(&reader, octets, length - HASH_DIGEST_SIZE);
    const uint8_t *magic = octets_read_view(&reader, SAVE_MAGIC_SIZE);
    bool good =
        memcmp(magic, SAVE_MAGIC, SAVE_MAGIC_SIZE) == 0 && octets_read_u16(&reader) == SAVE_FORMAT;
    while (good && octets_left(&reader) > 0)
        good = block_keep(book, &reader, 0);
    if (!good)
        save_close(book);
    return good;
}

static void
contribution_give(struct contribution *to, struct contribution *from)
{
    contribution_close(to);
    *to = *from;
    *from = (struct contribution){0};
}

static struct link *
link_named(const struct owner *owner, const uint8_t *target)
{
    for (size_t i = 0; i < owner->links.count; i++) {
        struct link *link = *(struct link **)vector_at(&owner->links, i);
        if (name_equal(link->target, target))
            return link;
    }
    return NULL;
}

static void
link_restore(struct owner *owner, struct octets_reader *reader)
{
    uint8_t target[NAME_SIZE_MAX];
    if (!name_read_plain(reader, target))
        return;
    struct link *link = link_named(owner, target);
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        struct contribution saved;
        contribution_init(&saved, type_number(type), 0);
        contribution_read(reader, &saved);
        if (!reader->failed && link && saved.state != TARGET_WAITING) {
            contribution_give(&link->contributions[type], &saved);
        } else if (!reader->failed && saved.known) {
            address_set_add_all(&owner->inherited[type], &saved.good);
            owner->inherits[type] = true;
        }
        contribution_close(&saved);
    }
}

static void
owner_restore(struct owner *owner, const struct saved_owner *saved)
{
    struct octets_reader reader;
    uint8_t name[NAME_SIZE_MAX];
    octets_reader_init(&reader, saved->octets, saved->length);
    octets_read_u32(&reader);
    name_read_plain(&reader, name);
    name_read_plain(&reader, name);
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        owner->inherits[type] = octets_read_u8(&reader) != 0;
        set_read(&reader, &owner->inherited[type]);
    }
    uint32_t links = octets_read_u32(&reader);
    for (uint32_t i = 0; i < links && !reader.failed; i++)
        link_restore(owner, &reader);
}

// Takes the block of this zone out of the chain; NULL: none.
static struct saved_owner *
chain_take(struct saved_owner **chain, const uint8_t *apex)
{
    for (struct saved_owner **at = chain; *at; at = &(*at)->next)
        if (name_equal((*at)->apex, apex)) {
            struct saved_owner *taken = *at;
            *at = taken->next;
            return taken;
        }
    return NULL;
}

void
save_claim(struct book *book, struct owner *owner)
{
    struct saved_owner *chain = name_table_remove(&book->saved, owner->name);
    struct saved_owner *saved = chain ? chain_take(&chain, owner->zone->apex) : NULL;
    if (chain)
        name_table_put(&book->saved, chain->name, chain);
    if (saved)
        owner_restore(owner, saved);
    free(saved);
}

static bool
is_stale(const struct book *book, const struct saved_owner *saved, int64_t now)
{
    if (saved->kept_at > 0)
        return now - saved->kept_at >= KEEP_SECONDS;
    return zone_set_get(book->zones, saved->apex) == NULL;
}

// Takes stale blocks out of a chain. Gives what is left of it.
static struct saved_owner *
chain_sweep(const struct book *book, struct saved_owner *chain, int64_t now)
{
    for (struct saved_owner **at = &chain; *at;) {
        struct saved_owner *saved = *at;
        if (!is_stale(book, saved, now)) {
            at = &saved->next;
            continue;
        }
        *at = saved->next;
        free(saved);
    }
    return chain;
}

void
save_sweep(struct book *book, int64_t now)
{
    struct name_table before = book->saved;
    struct saved_owner *chain;
    if (before.count == 0)
        return;
    name_table_init(&book->saved);
    for (size_t position = 0; (chain = name_table_next(&before, &position));) {
        chain = chain_sweep(book, chain, now);
        if (chain)
            name_table_put(&book->saved, chain->name, chain);
    }
    name_table_close(&before);
}

void
save_close(struct book *book)
{
    struct saved_owner *saved;
    for (size_t position = 0; (saved = name_table_next(&book->saved, &position));)
        for (struct saved_owner *next; saved; saved = next) {
            next = saved->next;
            free(saved);
        }
    name_table_close(&book->saved);
    name_table_init(&book->saved);
}
