// Load balancers and CDNs answer with changing subsets. An address that an answer leaves out is
// remembered with the time when it was last seen; with `settle` it still counts until that is long
// enough ago, so that what is served is the union over the window. Only good answers move this
// clock: while the resolver fails nothing leaves. `auto` settles while the target is seen to
// rotate: an address that comes back within ten minutes is the sign, and it holds for ten minutes.
#include "primary/alias/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "primary/alias/rules.h"

void
lookup_init(struct lookup *lookup, uint16_t type)
{
    *lookup = (struct lookup){.rcode = -1};
    address_set_init(&lookup->current, type);
    vector_init(&lookup->left, sizeof(struct lookup_left));
    octets_buffer_init(&lookup->chain);
}

void
lookup_close(struct lookup *lookup)
{
    address_set_close(&lookup->current);
    vector_close(&lookup->left);
    octets_buffer_close(&lookup->chain);
    free(lookup->text);
}

static void
left_remove(struct lookup *lookup, size_t index)
{
    struct lookup_left *items = lookup->left.items;
    lookup->left.count--;
    memmove(items + index, items + index + 1, (lookup->left.count - index) * sizeof *items);
}

// Takes out addresses that are back, and those gone for so long that nobody asks any more. True:
// one came back soon enough to call it rotation.
static bool
left_sift(struct lookup *lookup, const struct address_set *fresh, int64_t now)
{
    bool back = false;
    for (size_t i = 0; i < lookup->left.count;) {
        const struct lookup_left *left = vector_at(&lookup->left, i);
        bool here = address_set_has(fresh, left->octets);
        back = back || (here && now - left->last_seen <= LOOKUP_ROTATES_SECONDS);
        if (here || now - left->last_seen > LOOKUP_FORGET_SECONDS)
            left_remove(lookup, i);
        else
            i++;
    }
    return back;
}

static void
left_add(struct lookup *lookup, const uint8_t *octets, int64_t last_seen)
{
    struct lookup_left left = {.last_seen = last_seen};
    memcpy(left.octets, octets, lookup->current.width);
    if (lookup->left.count == LOOKUP_LEFT_MAX)
        left_remove(lookup, 0); // added in order of time
    vector_add(&lookup->left, &left);
}

static void
current_set(struct lookup *lookup, const struct address_set *fresh, int64_t now)
{
    int64_t seen = lookup->good_at ? lookup->good_at : now;
    if (address_set_equal(&lookup->current, fresh) && lookup->left.count == 0)
        return;
    if (!address_set_equal(&lookup->current, fresh))
        lookup->moves++;
    if (left_sift(lookup, fresh, now)) {
        lookup->rotated_at = now;
        lookup->flaps++;
    }
    for (uint32_t i = 0; i < lookup->current.count; i++) {
        const uint8_t *octets = address_set_at(&lookup->current, i);
        if (!address_set_has(fresh, octets))
            left_add(lookup, octets, seen);
    }
    address_set_copy(&lookup->current, fresh);
}

static bool
same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

// Would everybody who looks find what they found last time?
static bool
is_same(const struct lookup *lookup, const struct reply *reply, const struct address *server)
{
    if (!lookup->answered || lookup->kind != reply->kind || lookup->rcode != reply->rcode)
        return false;
    if (reply->kind != REPLY_ADDRESSES && !address_equal(&lookup->server, server))
        return false; // a reason names it
    if (reply->kind == REPLY_FAILURE)
        return same_text(lookup->text, reply->text);
    return lookup->left.count == 0 && // else settle may let one go now
           lookup->chain_count == reply->chain_count &&
           lookup->chain.length == reply->chain.length &&
           (reply->chain.length == 0 ||
            memcmp(lookup->chain.data, reply->chain.data, reply->chain.length) == 0) &&
           address_set_equal(&lookup->current, &reply->addresses);
}

static void
chain_copy(struct lookup *lookup, const struct reply *reply)
{
    lookup->chain.length = 0;
    octets_buffer_add(&lookup->chain, reply->chain.data, reply->chain.length);
    lookup->chain_count = reply->chain_count;
}

bool
lookup_take(struct lookup *lookup, const struct reply *reply, const struct address *server,
            unsigned round_trip_ms, int64_t now)
{
    bool same = is_same(lookup, reply, server);
    lookup->in_flight = false;
    lookup->answered = true;
    lookup->server = *server;
    lookup->round_trip_ms = round_trip_ms;
    lookup->answered_at = now;
    lookup->round = lookup->asked_round;
    if (reply->kind != REPLY_FAILURE && same)
        lookup->good_at = now;
    if (same)
        return false;
    lookup->kind = reply->kind;
    lookup->rcode = reply->rcode;
    free(lookup->text);
    lookup->text = reply->kind == REPLY_FAILURE ? memory_text(reply->text) : NULL;
    if (reply->kind == REPLY_FAILURE)
        return true;
    chain_copy(lookup, reply);
    current_set(lookup, &reply->addresses, now);
    lookup->good_at = now;
    return true;
}

int64_t
lookup_settle(const struct lookup *lookup, int64_t settle_seconds)
{
    if (settle_seconds != RULES_SETTLE_AUTO)
        return settle_seconds;
    bool rotates =
        lookup->rotated_at > 0 && lookup->good_at - lookup->rotated_at <= LOOKUP_ROTATES_SECONDS;
    return rotates ? LOOKUP_SETTLE_AUTO : 0;
}

void
lookup_view(const struct lookup *lookup, int64_t settle_seconds, struct address_set *ret_set)
{
    int64_t settle = lookup_settle(lookup, settle_seconds);
    address_set_add_all(ret_set, &lookup->current);
    for (size_t i = 0; settle > 0 && i < lookup->left.count; i++) {
        const struct lookup_left *left = vector_at(&lookup->left, i);
        if (lookup->good_at - left->last_seen < settle)
            address_set_add(ret_set, left->octets);
    }
}
