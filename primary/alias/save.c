// The file has one block (saved.h) for each owner: what it inherits, and of each target what it
// gave.
#include "primary/alias/save.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/name.h"
#include "primary/alias/state_file.h"

#define SAVE_MAGIC   "TANDEM-ALIAS"
#define SAVE_FORMAT  1
#define REASON_MAX   1024
#define KEEP_SECONDS 3600 // an operator who takes a zone out by mistake puts it back by then

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
    saved_set_write(&contribution->good, buffer);
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
    saved_set_read(reader, &contribution->good);
}

static void
owner_write(const struct owner *owner, struct octets_buffer *buffer)
{
    size_t begin = saved_block_begin(buffer, owner->zone->apex, owner->name);
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        octets_buffer_add_u8(buffer, owner->inherits[type]);
        saved_set_write(&owner->inherited[type], buffer);
    }
    octets_buffer_add_u32(buffer, (uint32_t)owner->links.count);
    for (size_t i = 0; i < owner->links.count; i++) {
        const struct link *link = *(struct link **)vector_at(&owner->links, i);
        saved_name_write(link->target, buffer);
        for (unsigned type = 0; type < TYPE_COUNT; type++)
            contribution_write(&link->contributions[type], buffer);
    }
    saved_block_end(buffer, begin);
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
    state_file_begin(buffer, SAVE_MAGIC, SAVE_FORMAT);
    zones_write(book, buffer);
    saved_write(&book->saved, -1, buffer);
    state_file_end(buffer);
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
        ENSURE(saved_keep(&book->saved, &reader, now));
    }
    octets_buffer_close(&buffer);
}

bool
book_restore(struct book *book, const void *octets, size_t length)
{
    struct octets_reader reader;
    bool good = state_file_open(octets, length, SAVE_MAGIC, SAVE_FORMAT, &reader);
    while (good && octets_left(&reader) > 0)
        good = saved_keep(&book->saved, &reader, 0);
    if (!good) {
        saved_close(&book->saved);
        saved_init(&book->saved);
    }
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
owner_restore(struct owner *owner, struct octets_reader *reader)
{
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        owner->inherits[type] = octets_read_u8(reader) != 0;
        saved_set_read(reader, &owner->inherited[type]);
    }
    uint32_t links = octets_read_u32(reader);
    for (uint32_t i = 0; i < links && !reader->failed; i++)
        link_restore(owner, reader);
}

bool
save_claim(struct book *book, struct owner *owner)
{
    struct octets_reader reader;
    struct saved_block *block = saved_take(&book->saved, owner->zone->apex, owner->name, &reader);
    if (block)
        owner_restore(owner, &reader);
    bool found = block != NULL;
    free(block);
    return found;
}

struct sweeping {
    const struct book *book;
    int64_t now;
};

static bool
is_stale(void *context, const struct saved_block *block)
{
    const struct sweeping *sweeping = context;
    if (block->kept_at > 0)
        return sweeping->now - block->kept_at >= KEEP_SECONDS;
    return zone_set_get(sweeping->book->zones, block->apex) == NULL;
}

void
save_sweep(struct book *book, int64_t now)
{
    struct sweeping sweeping = {.book = book, .now = now};
    saved_sweep(&book->saved, is_stale, &sweeping);
    saved_sweep(&book->saved_past, is_stale, &sweeping);
    saved_sweep(&book->saved_rotation, is_stale, &sweeping);
}
