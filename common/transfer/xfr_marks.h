// What a whole transfer was, message by message, so that the next one can be seen to be the same
// without reading its records: a mark for each message, and what reading them gave. A mark stands
// for all octets of a message but those that change with every transfer, the ID and the TSIG. It is
// a hash by a key that was drawn for it and is told to nobody (hash_mark). Held by whoever
// remembers the transfer and by the transfer that is compared with it; one thread.
#ifndef TANDEM_TRANSFER_XFR_MARKS_H
#define TANDEM_TRANSFER_XFR_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/hash.h"
#include "common/base/octets.h"
#include "common/base/vector.h"

// Messages of one transfer that are remembered, 18 octets each: 4 GiB where they are full, 1 GiB of
// the 16 KiB messages that most servers send. A transfer of more is read every time.
#define XFR_MARKS_MAX 65536

struct xfr_mark {
    uint16_t length; // of the message without its TSIG
    uint8_t hash[HASH_MARK_SIZE];
};
struct xfr_marks {
    unsigned holders;
    uint8_t key[HASH_MARK_KEY_SIZE];
    struct vector items; // of struct xfr_mark
    bool too_many;       // messages: items are the first of them
    // What the transfer gave, set when it was whole.
    bool whole;
    uint32_t serial;
    uint64_t records;
    struct hash_digest digest; // of its stream
};
// like: to be compared with those; they share the key. NULL: nothing to compare with.
struct xfr_marks *xfr_marks_new(const struct xfr_marks *like);
struct xfr_marks *xfr_marks_hold(struct xfr_marks *marks); // gives it back; NULL stays NULL
void xfr_marks_drop(struct xfr_marks **marks);             // *marks may be NULL; is NULL afterwards

// Writes the message without what changes with every transfer behind the buffer's octets: ID zero,
// no TSIG, ARCOUNT without it. plain_length: of the message without its TSIG. What is read of a
// transfer is read from this, so that nothing can depend on what has no mark.
void xfr_marks_strip(const uint8_t *message, size_t length, size_t plain_length,
                     struct octets_buffer *buffer);
// Adds the mark of the next message, which xfr_marks_strip wrote. True: it is also the next one of
// those before (NULL: never).
bool xfr_marks_add(struct xfr_marks *marks, const uint8_t *plain, size_t length,
                   const struct xfr_marks *before);

#endif
