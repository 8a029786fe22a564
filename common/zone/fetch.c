#include "common/zone/fetch.h"

#include "common/zone/version_inside.h"

#define CACHE_LINE 64
// Header, owner, table, an RRset and its RRSIG; the processor goes on by itself.
#define RECORD_LINES 5
#define PROBES_MAX   8 // slots looked at for a tag; at a load of 0.7 hardly a name is further away

static void
record_fetch(const struct index *index, const struct heap_view *heaps, uint64_t slot)
{
    uint64_t reference = index->slots[slot].reference;
    if (!heap_may_hold(heaps, reference))
        return;
    const uint8_t *octets = heap_at(heaps, reference);
    __builtin_prefetch(index->checked + slot / 64);
    for (unsigned line = 0; line < RECORD_LINES; line++)
        __builtin_prefetch(octets + (size_t)line * CACHE_LINE);
}

// False: no record here can be the one.
static bool
index_fetch_record(const struct index *index, const struct heap_view *heaps, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    uint64_t at = hash & index->slot_mask;
    for (unsigned i = 0; i < PROBES_MAX && index->slots[at].reference; i++) {
        if (index->slots[at].tag == tag) {
            record_fetch(index, heaps, at);
            return true;
        }
        at = (at + 1) & index->slot_mask;
    }
    return false;
}

void
zone_fetch_slot(const struct version *version, uint64_t hash)
{
    const struct index *overlay = version->overlay, *base = version->base;
    if (overlay)
        __builtin_prefetch(overlay->slots + (hash & overlay->slot_mask));
    __builtin_prefetch(base->slots + (hash & base->slot_mask));
}

bool
zone_fetch_record(const struct version *version, uint64_t hash)
{
    return (version->overlay && index_fetch_record(version->overlay, &version->heaps, hash)) ||
           index_fetch_record(version->base, &version->heaps, hash);
}
