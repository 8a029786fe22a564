// The file has blocks (saved.h) of two kinds, each with one octet before it that says which: the
// newest events of an owner, the oldest of them first, and what is known of a target's rotation
// (its zone is the root, for a target belongs to none).
#include "primary/alias/past_save.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "primary/alias/rules.h"
#include "primary/alias/state_file.h"

#define PAST_MAGIC  "TANDEM-APAST"
#define PAST_FORMAT 1
#define TEXT_MAX    1024 // of one event

enum { KIND_PAST, KIND_ROTATION };
static const uint8_t root[] = {0};

// Events.

static size_t
event_size(const struct past_event *event)
{
    return 1 + 2 + 3 * 8 + 1 + (event->target ? name_length(event->target) : 0) + 4 +
           (event->text ? strlen(event->text) : 0) + 2 * 4 +
           (size_t)(event->added.count + event->removed.count) * event->added.width;
}

static void
event_write(const struct past_event *event, struct octets_buffer *buffer)
{
    octets_buffer_add_u8(buffer, (uint8_t)event->what);
    octets_buffer_add_u16(buffer, event->type);
    octets_buffer_add_u64(buffer, (uint64_t)event->at_seconds);
    octets_buffer_add_u64(buffer, (uint64_t)event->since);
    octets_buffer_add_u64(buffer, (uint64_t)event->until);
    octets_buffer_add_u8(buffer, event->target != NULL);
    if (event->target)
        saved_name_write(event->target, buffer);
    octets_buffer_add_text(buffer, event->text);
    saved_set_write(&event->added, buffer);
    saved_set_write(&event->removed, buffer);
}

// True: it was read whole, and added.
static bool
event_read(struct octets_reader *reader, struct past *past)
{
    uint8_t target[NAME_SIZE_MAX];
    struct address_set added, removed;
    struct event event = {.what = (enum event_what)octets_read_u8(reader)};
    event.type = octets_read_u16(reader);
    event.at_seconds = (int64_t)octets_read_u64(reader);
    event.since = (int64_t)octets_read_u64(reader);
    event.until = (int64_t)octets_read_u64(reader);
    bool named = octets_read_u8(reader) != 0;
    if (event.what >= EVENT_WHAT_COUNT || (named && !name_read_plain(reader, target)))
        return false;
    char *text = octets_read_text(reader, TEXT_MAX);
    address_set_init(&added, type_number(event.type == type_number(AAAA_TYPE)));
    address_set_init(&removed, type_number(event.type == type_number(AAAA_TYPE)));
    saved_set_read(reader, &added);
    saved_set_read(reader, &removed);
    event.target = named ? target : NULL;
    event.text = text && *text ? text : NULL;
    event.added = &added;
    event.removed = &removed;
    if (!reader->failed)
        past_add(past, &event);
    free(text);
    address_set_close(&added);
    address_set_close(&removed);
    return !reader->failed;
}

// How many of the newest events have room.
static unsigned
events_fit(const struct past *past, size_t room)
{
    unsigned count = 0;
    const struct past_event *event;
    for (size_t used = 0; (event = past_at(past, count)); count++) {
        used += event_size(event);
        if (used > room)
            break;
    }
    return count;
}

static void
past_write(const struct owner *owner, size_t room, struct octets_buffer *buffer)
{
    size_t begin = saved_block_begin(buffer, owner->zone->apex, owner->name);
    unsigned count = events_fit(&owner->past, room);
    octets_buffer_add_u32(buffer, count);
    while (count-- > 0)
        event_write(past_at(&owner->past, count), buffer);
    saved_block_end(buffer, begin);
}

void
past_claim(struct book *book, struct owner *owner)
{
    struct octets_reader reader;
    struct saved_block *block =
        saved_take(&book->saved_past, owner->zone->apex, owner->name, &reader);
    if (!block)
        return;
    uint32_t count = octets_read_u32(&reader);
    for (uint32_t i = 0; i < count && i < PAST_MAX && event_read(&reader, &owner->past);)
        i++;
    free(block);
}

void
past_keep(struct book *book, const struct book_zone *zone, int64_t now)
{
    struct octets_buffer buffer;
    octets_buffer_init(&buffer);
    for (size_t i = 0; i < zone->order.count; i++) {
        const struct owner *owner = *(struct owner **)vector_at(&zone->order, i);
        struct octets_reader reader;
        if (owner->past.count == 0)
            continue;
        buffer.length = 0;
        past_write(owner, PAST_SAVE_OWNER_MAX, &buffer);
        octets_reader_init(&reader, buffer.data, buffer.length);
        ENSURE(saved_keep(&book->saved_past, &reader, now));
    }
    octets_buffer_close(&buffer);
}

// Rotation.

static bool
lookup_is_worth_it(const struct lookup *lookup, bool settles)
{
    return lookup->left.count > 0 || lookup->rotated_at > 0 || lookup->flaps > 0 ||
           (settles && lookup->current.count > 0);
}

static bool
target_is_worth_it(const struct target *target)
{
    bool settles = false;
    for (const struct interest_edge *edge = target->watched.first; edge; edge = edge->next)
        settles = settles || edge->link->owner->zone->rules.settle_seconds > 0;
    return lookup_is_worth_it(&target->lookups[A_TYPE], settles) ||
           lookup_is_worth_it(&target->lookups[AAAA_TYPE], settles);
}

static void
lookup_write(const struct lookup *lookup, struct octets_buffer *buffer)
{
    octets_buffer_add_u64(buffer, (uint64_t)lookup->rotated_at);
    octets_buffer_add_u32(buffer, lookup->flaps);
    saved_set_write(&lookup->current, buffer);
    octets_buffer_add_u32(buffer, (uint32_t)lookup->left.count);
    for (size_t i = 0; i < lookup->left.count; i++) {
        const struct lookup_left *left = vector_at(&lookup->left, i);
        octets_buffer_add_u64(buffer, (uint64_t)left->last_seen);
        octets_buffer_add(buffer, left->octets, lookup->current.width);
    }
}

// current without good_at: what the first answer leaves out counts as seen until then.
static void
lookup_read(struct octets_reader *reader, struct lookup *lookup)
{
    lookup->rotated_at = (int64_t)octets_read_u64(reader);
    lookup->flaps = octets_read_u32(reader);
    saved_set_read(reader, &lookup->current);
    uint32_t count = octets_read_u32(reader);
    for (uint32_t i = 0; i < count && i < LOOKUP_LEFT_MAX && !reader->failed; i++) {
        struct lookup_left left = {.last_seen = (int64_t)octets_read_u64(reader)};
        if (octets_read_copy(reader, left.octets, lookup->current.width))
            vector_add(&lookup->left, &left);
    }
}

static void
rotation_write(const struct target *target, struct octets_buffer *buffer)
{
    size_t begin = saved_block_begin(buffer, root, target->name);
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        lookup_write(&target->lookups[type], buffer);
    saved_block_end(buffer, begin);
}

void
rotation_claim(struct book *book, struct target *target)
{
    struct octets_reader reader;
    struct saved_block *block = saved_take(&book->saved_rotation, root, target->name, &reader);
    for (unsigned type = 0; block && type < TYPE_COUNT; type++)
        lookup_read(&reader, &target->lookups[type]);
    free(block);
}

// The file.

static void
pasts_write(const struct book *book, struct octets_buffer *buffer)
{
    size_t owners = book->link_count + 1, room = PAST_SAVE_MAX / owners;
    room = room < PAST_SAVE_OWNER_MAX ? room : PAST_SAVE_OWNER_MAX;
    for (size_t i = 0; i < zone_set_count(book->zones); i++) {
        const struct book_zone *zone = zone_set_at(book->zones, i);
        for (size_t k = 0; k < zone->order.count; k++) {
            const struct owner *owner = *(struct owner **)vector_at(&zone->order, k);
            if (events_fit(&owner->past, room) == 0)
                continue;
            octets_buffer_add_u8(buffer, KIND_PAST);
            past_write(owner, room, buffer);
        }
    }
}

void
book_past_save(const struct book *book, struct octets_buffer *buffer)
{
    const struct target *target;
    state_file_begin(buffer, PAST_MAGIC, PAST_FORMAT);
    pasts_write(book, buffer);
    for (size_t position = 0; (target = name_table_next(&book->targets, &position));) {
        if (!target_is_worth_it(target))
            continue;
        octets_buffer_add_u8(buffer, KIND_ROTATION);
        rotation_write(target, buffer);
    }
    saved_write(&book->saved_past, KIND_PAST, buffer);
    saved_write(&book->saved_rotation, KIND_ROTATION, buffer);
    state_file_end(buffer);
}

bool
book_past_restore(struct book *book, const void *octets, size_t length, struct book_now now)
{
    struct octets_reader reader;
    bool good = state_file_open(octets, length, PAST_MAGIC, PAST_FORMAT, &reader);
    while (good && octets_left(&reader) > 0) {
        uint8_t kind = octets_read_u8(&reader);
        good = kind == KIND_PAST       ? saved_keep(&book->saved_past, &reader, 0)
               : kind == KIND_ROTATION ? saved_keep(&book->saved_rotation, &reader, now.seconds)
                                       : false;
    }
    if (good)
        return true;
    saved_close(&book->saved_past);
    saved_close(&book->saved_rotation);
    saved_init(&book->saved_past);
    saved_init(&book->saved_rotation);
    return false;
}

uint64_t
book_past_changes(const struct book *book)
{
    return book->past_changes;
}
