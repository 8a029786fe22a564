// Why a table and not log_limited? Its 256 keys serve the whole process, so strangers with many
// addresses would push out those of everything else that repeats, and each new address would get
// its line: nothing bounds them all. And it formats a key and reads the clock for what it leaves
// out.
//
// Why two windows? The address of a datagram is whatever its sender wrote. A flood of them leaves
// the lines of those who transfer by TCP alone.
#include "common/daemon/refusals.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/daemon/log.h"
#include "common/dns/name.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"

#define WAYS 4 // places where a pair may stand
#define SETS (REFUSALS_REMEMBERED / WAYS)

struct told {
    uint64_t pair; // hash of peer and reason; 0: free
    int64_t at;    // unix seconds
};

struct window {
    int64_t began;
    unsigned lines;
    uint64_t left_out; // since the last line
};

struct refusals {
    uint64_t key;
    struct told told[SETS][WAYS];
    struct window windows[2]; // UDP, TCP
};

struct refusals *
refusals_new(void)
{
    struct refusals *refusals = memory_zalloc(sizeof *refusals);
    refusals->key = hash_key_draw();
    return refusals;
}

void
refusals_free(struct refusals **refusals)
{
    free(*refusals);
    *refusals = NULL;
}

// A clock that was set back must not silence anybody.
static bool
is_within(int64_t then, int64_t now, int64_t seconds)
{
    return now >= then && now - then < seconds;
}

static uint64_t
pair_hash(const struct refusals *refusals, const struct refused_request *request)
{
    size_t length;
    const uint8_t *octets = address_octets(request->peer, &length);
    if (length > REFUSALS_IPV6_OCTETS)
        length = REFUSALS_IPV6_OCTETS;
    uint64_t peer = length > 0 ? hash_octets(refusals->key, octets, length) : 0;
    uint64_t hash = hash_octets(refusals->key, request->reason, strlen(request->reason));
    hash = hash_finish(hash_mix(hash_mix(hash, peer), length));
    return hash != 0 ? hash : 1;
}

// The pair's place, or the one that may be made its own.
static struct told *
place_of(struct refusals *refusals, uint64_t pair)
{
    struct told *set = refusals->told[pair % SETS];
    struct told *oldest = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].pair == pair)
            return &set[i];
        if (set[i].at < oldest->at)
            oldest = &set[i];
    }
    return oldest;
}

static bool
window_has_room(struct window *window, int64_t now)
{
    if (!is_within(window->began, now, REFUSALS_WINDOW_SECONDS)) {
        window->began = now;
        window->lines = 0;
    }
    return window->lines < REFUSALS_LINES_MAX;
}

// Whether this one gets its line.
static bool
line_take(struct refusals *refusals, const struct refused_request *request, int64_t now,
          uint64_t *ret_left_out)
{
    struct window *window = &refusals->windows[request->tcp];
    uint64_t pair = pair_hash(refusals, request);
    struct told *told = place_of(refusals, pair);
    bool had_one = told->pair == pair && is_within(told->at, now, REFUSALS_PEER_SECONDS);
    if (had_one || !window_has_room(window, now)) {
        window->left_out++;
        return false;
    }
    *told = (struct told){.pair = pair, .at = now};
    window->lines++;
    *ret_left_out = window->left_out;
    window->left_out = 0;
    return true;
}

bool
refusals_tell(struct refusals *refusals, const struct refused_request *request, int64_t now)
{
    char peer[ADDRESS_TEXT_MAX], name[NAME_TEXT_MAX], key[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    uint64_t left_out;
    if (!log_is_on(LOG_LEVEL_WARNING) || !line_take(refusals, request, now, &left_out))
        return false;
    if (request->name && request->name_is_zone)
        name_to_text_short(request->name, name);
    else if (request->name)
        name_to_text(request->name, name);
    bool has_key = request->key_name && request->key_name[0] != 0;
    log_warning("request refused", "reason", request->reason, "peer",
                address_to_text(request->peer, peer), request->name_is_zone ? "zone" : "name",
                request->name ? name : NULL, "asked",
                request->name ? rrtype_text(request->type, type) : NULL, "key",
                has_key ? name_to_text(request->key_name, key) : NULL, "rcode",
                rcode_text(request->rcode), "left_out", LOG_NUMBER(left_out));
    return true;
}
