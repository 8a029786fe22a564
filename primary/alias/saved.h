// What both saved files consist of within the frame of state_file.h: blocks about one name of one
// zone each. A block that was read is kept as it is until the name appears in a zone, and written
// again until then, so that a zone whose file is broken at a start loses nothing. Integers are in
// network order. Inner to the room.
#ifndef TANDEM_ALIAS_SAVED_H
#define TANDEM_ALIAS_SAVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/dns/name.h"
#include "primary/alias/address_set.h"
#include "primary/alias/name_table.h"

struct saved_block {
    struct saved_block *next; // of the same name in another zone
    uint8_t apex[NAME_SIZE_MAX], name[NAME_SIZE_MAX];
    int64_t kept_at; // when its zone went; 0: read from the file
    size_t head;     // of octets: the length and the two names
    size_t length;
    uint8_t octets[]; // the whole block
};
struct saved {
    struct name_table names; // of struct saved_block, the first of each name
};
void saved_init(struct saved *saved);
void saved_close(struct saved *saved); // also before saved_init: zeroed

// A block in the buffer: begin gives a place, then what belongs to it is added, then end.
size_t saved_block_begin(struct octets_buffer *buffer, const uint8_t *apex, const uint8_t *name);
void saved_block_end(struct octets_buffer *buffer, size_t begin);
// Keeps a copy of the block that the reader stands at. False: it is none.
bool saved_keep(struct saved *saved, struct octets_reader *reader, int64_t kept_at);
// Takes the block of this name out, the reader behind its head; NULL: none. free() it.
struct saved_block *saved_take(struct saved *saved, const uint8_t *apex, const uint8_t *name,
                               struct octets_reader *ret_reader);
// Writes every block that waits as it is; before each one octet where mark is not negative.
void saved_write(const struct saved *saved, int mark, struct octets_buffer *buffer);
// Forgets blocks that waited in vain.
void saved_sweep(struct saved *saved,
                 bool (*is_stale)(void *context, const struct saved_block *block), void *context);

void saved_name_write(const uint8_t *name, struct octets_buffer *buffer);
void saved_set_write(const struct address_set *set, struct octets_buffer *buffer);
void saved_set_read(struct octets_reader *reader, struct address_set *set); // adds to it

#endif
