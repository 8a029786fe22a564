// The pool of small zones as the signer has it: opened once for all keepers, and its versions told
// to the servers, many in a message where many come at once. One thread.
#ifndef TANDEM_SIGNER_POOLED_H
#define TANDEM_SIGNER_POOLED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/base/vector.h"
#include "common/zone/zone_pool.h"
#include "secondary/messages.h"

struct pooled {
    struct message_link *link;
    const char *state_directory; // borrowed
    struct zone_pool *pool;      // NULL: not opened yet
    struct vector told;          // of uint32_t: files of the pool that the supervisor has
    struct octets_buffer items;  // message_pooled, about to be sent
    size_t item_count;
    bool gathering; // more of them will come at once
};

void pooled_init(struct pooled *pooled, struct message_link *link); // link is borrowed
void pooled_close(struct pooled *pooled);                           // no store is open any more

// The pool, opened at first need. NULL with a fault: then nobody knows which zones it holds, and no
// store may be opened.
struct zone_pool *pooled_open(struct pooled *pooled, struct fault *fault);

// Tells the servers of a version, at once or with those that are gathered.
void pooled_tell(struct pooled *pooled, const struct message_pooled *item);
void pooled_gather(struct pooled *pooled);
void pooled_gathered(struct pooled *pooled);
void pooled_send(struct pooled *pooled); // what was gathered so far
// The supervisor may have forgotten files: they are sent again with their next version.
void pooled_tell_again(struct pooled *pooled);
// What a start has read leaves the memory of this process.
void pooled_rest(const struct pooled *pooled);

#endif
