// The content that shall be signed, seen as one: the served version with the changes laid over it.
// Nothing is copied; works for a version alone (refresh) and for changes alone (first signing).
#ifndef TANDEM_SIGN_SIGN_CONTENT_H
#define TANDEM_SIGN_SIGN_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/zone/diff.h"
#include "common/zone/version.h"

struct sign_content {
    const struct version *version; // NULL: none
    const struct diff *changes;    // unsigned view, canonical order; NULL: none
    const uint8_t *apex;
    bool *damaged; // set when a record of the version that was asked for fails its check; what is
                   // made of the rest is not to be published
};
// The version's record of an owner, one with nothing but an NSEC3 too; NULL: none.
const struct node *content_served(const struct sign_content *content, const uint8_t *owner);
// The record whose unsigned RRsets the owner shall have; NULL: none.
const struct node *content_find(const struct sign_content *content, const uint8_t *owner);
// Whether owner stands below a zone cut or a DNAME of the new content.
bool content_is_below_cut(const struct sign_content *content, const uint8_t *owner);
// Whether names below this record are hidden by it.
bool content_cuts(const struct node *node, bool apex);

// Walks every owner of the version and of the changes in canonical order.
struct content_walk {
    const struct sign_content *content;
    struct version_cursor cursor;
    const struct node *ahead; // of the version
    size_t entry;
};
struct content_step {
    const struct node *old;     // the version's record; NULL
    const struct node *content; // as content_find; NULL: the owner goes
};
void content_walk_init(struct content_walk *walk, const struct sign_content *content);
bool content_walk_next(struct content_walk *walk, struct content_step *ret_step);

#endif
