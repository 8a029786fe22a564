#include "primary/alias/saved.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"

#define ADDRESSES_MAX 65536 // of one set in the file

void
saved_init(struct saved *saved)
{
    name_table_init(&saved->names);
}

void
saved_close(struct saved *saved)
{
    struct saved_block *block;
    for (size_t position = 0; (block = name_table_next(&saved->names, &position));)
        for (struct saved_block *next; block; block = next) {
            next = block->next;
            free(block);
        }
    name_table_close(&saved->names);
}

// Blocks.

void
saved_name_write(const uint8_t *name, struct octets_buffer *buffer)
{
    octets_buffer_add(buffer, name, name_length(name));
}

size_t
saved_block_begin(struct octets_buffer *buffer, const uint8_t *apex, const uint8_t *name)
{
    size_t begin = buffer->length;
    octets_buffer_add_u32(buffer, 0);
    saved_name_write(apex, buffer);
    saved_name_write(name, buffer);
    return begin;
}

void
saved_block_end(struct octets_buffer *buffer, size_t begin)
{
    octets_put_u32(buffer->data + begin, (uint32_t)(buffer->length - begin));
}

static void
block_add(struct saved *saved, struct saved_block *block)
{
    block->next = name_table_remove(&saved->names, block->name);
    name_table_put(&saved->names, block->name, block);
}

bool
saved_keep(struct saved *saved, struct octets_reader *reader, int64_t kept_at)
{
    uint8_t apex[NAME_SIZE_MAX], name[NAME_SIZE_MAX];
    const uint8_t *start = reader->at;
    uint32_t length = octets_read_u32(reader);
    bool named = name_read_plain(reader, apex) && name_read_plain(reader, name);
    size_t head = (size_t)(reader->at - start);
    if (!named || length < head || !octets_read_view(reader, length - head))
        return false;
    struct saved_block *block = memory_zalloc(sizeof *block + length);
    name_copy_lower(block->apex, apex);
    name_copy_lower(block->name, name);
    block->kept_at = kept_at;
    block->head = head;
    block->length = length;
    memcpy(block->octets, start, length);
    block_add(saved, block);
    return true;
}

struct saved_block *
saved_take(struct saved *saved, const uint8_t *apex, const uint8_t *name,
           struct octets_reader *ret_reader)
{
    struct saved_block *chain = name_table_remove(&saved->names, name), *taken = NULL;
    for (struct saved_block **at = &chain; *at && !taken;)
        if (name_equal((*at)->apex, apex)) {
            taken = *at;
            *at = taken->next;
        } else {
            at = &(*at)->next;
        }
    if (chain)
        name_table_put(&saved->names, chain->name, chain);
    if (taken)
        octets_reader_init(ret_reader, taken->octets + taken->head, taken->length - taken->head);
    return taken;
}

void
saved_write(const struct saved *saved, int mark, struct octets_buffer *buffer)
{
    const struct saved_block *block;
    for (size_t position = 0; (block = name_table_next(&saved->names, &position));)
        for (; block; block = block->next) {
            if (mark >= 0)
                octets_buffer_add_u8(buffer, (uint8_t)mark);
            octets_buffer_add(buffer, block->octets, block->length);
        }
}

static bool
any_is_stale(const struct saved *saved,
             bool (*is_stale)(void *context, const struct saved_block *block), void *context)
{
    const struct saved_block *block;
    for (size_t position = 0; (block = name_table_next(&saved->names, &position));)
        for (; block; block = block->next)
            if (is_stale(context, block))
                return true;
    return false;
}

void
saved_sweep(struct saved *saved, bool (*is_stale)(void *context, const struct saved_block *block),
            void *context)
{
    struct name_table before = saved->names;
    struct saved_block *block, *next;
    if (!any_is_stale(saved, is_stale, context))
        return;
    name_table_init(&saved->names);
    for (size_t position = 0; (block = name_table_next(&before, &position));)
        for (; block; block = next) {
            next = block->next;
            if (is_stale(context, block))
                free(block);
            else
                block_add(saved, block);
        }
    name_table_close(&before);
}

// Sets.

void
saved_set_write(const struct address_set *set, struct octets_buffer *buffer)
{
    octets_buffer_add_u32(buffer, set->count);
    octets_buffer_add(buffer, set->octets, (size_t)set->count * set->width);
}

void
saved_set_read(struct octets_reader *reader, struct address_set *set)
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
