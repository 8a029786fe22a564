#include "common/zone/fetch.h"

#include "common/zone/index_chain.h"
#include "common/zone/version_inside.h"

#define CACHE_LINE 64
// Header, owner, table, an RRset and its RRSIG; the processor goes on by itself.
#define RECORD_LINES 5
_Static_assert(ZONE_NEAR_MAX == INDEX_CHAIN_NAMES_MAX, "one batch");

#define PROBES_MAX 8 // slots looked at for a tag; at a load of 0.7 hardly a name is further away

static void
lines_fetch(const uint8_t *octets)
{
    for (unsigned line = 0; line < RECORD_LINES; line++)
        __builtin_prefetch(octets + (size_t)line * CACHE_LINE);
}

void
zone_fetch_node(const struct node *node)
{
    lines_fetch((const uint8_t *)node);
}

static void
record_fetch(const struct index *index, const struct heap_view *heaps, uint64_t slot)
{
    uint64_t reference = index->slots[slot].reference;
    if (!heap_may_hold(heaps, reference))
        return;
    __builtin_prefetch(index->checked + slot / 64);
    lines_fetch(heap_at(heaps, reference));
}

// The slot whose record it should be; NULL: no record here can be the one.
static const struct index_slot *
index_fetch_record(const struct index *index, const struct heap_view *heaps, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    uint64_t at = hash & index->slot_mask;
    for (unsigned i = 0; i < PROBES_MAX && index->slots[at].reference; i++) {
        if (index->slots[at].tag == tag) {
            record_fetch(index, heaps, at);
            return index->slots + at;
        }
        at = (at + 1) & index->slot_mask;
    }
    return NULL;
}

static const struct index_slot *
version_fetch_record(const struct version *version, uint64_t hash)
{
    const struct index_slot *slot = NULL;
    if (version->overlay)
        slot = index_fetch_record(version->overlay, &version->heaps, hash);
    return slot ? slot : index_fetch_record(version->base, &version->heaps, hash);
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
    return version_fetch_record(version, hash) != NULL;
}

// Of what failed its check the bit is never set.
static const struct node *
index_checked_node(const struct index *index, const struct heap_view *heaps,
                   const struct index_slot *slot)
{
    size_t at = (size_t)(slot - index->slots);
    uint64_t word = __atomic_load_n(index->checked + at / 64, __ATOMIC_RELAXED);
    return word >> at % 64 & 1 ? (const struct node *)heap_at(heaps, slot->reference) : NULL;
}

const struct node *
zone_fetched_node(const struct version *version, uint64_t hash)
{
    const struct index *overlay = version->overlay, *base = version->base;
    const struct index_slot *slot = NULL;
    if (overlay && (slot = index_fetch_record(overlay, &version->heaps, hash)))
        return slot->flags & INDEX_DELETED ? NULL
                                           : index_checked_node(overlay, &version->heaps, slot);
    slot = index_fetch_record(base, &version->heaps, hash);
    return slot ? index_checked_node(base, &version->heaps, slot) : NULL;
}

bool
zone_fetch_nsec3_slot(const struct version *version, const uint8_t hash[static NSEC3_HASH_SIZE],
                      uint64_t *ret_key)
{
    uint8_t owner[NAME_SIZE_MAX];
    if (!nsec3_owner(hash, version->apex, owner))
        return false;
    *ret_key = name_hash_lower(owner, version_hash_key(version));
    zone_fetch_slot(version, *ret_key);
    return true;
}

bool
zone_fetch_encloser(const struct version *version, uint64_t hash)
{
    const struct index_slot *slot = version_fetch_record(version, hash);
    return slot && slot->cut_depth == INDEX_NO_CUT;
}

void
zone_near_find(const struct version *version, const uint8_t *name, struct zone_near *ret_near)
{
    index_chain_group(version->base, name, &ret_near->base);
    index_group_fetch_places(version->base, &ret_near->base);
    ret_near->overlay = (struct chain_group){0};
    if (!version->overlay)
        return;
    index_chain_group(version->overlay, name, &ret_near->overlay);
    index_group_fetch_places(version->overlay, &ret_near->overlay);
}

void
zone_near_find_all(const struct version *version, const uint8_t *const *names, size_t count,
                   struct zone_near *ret_nears)
{
    struct chain_group groups[ZONE_NEAR_MAX];
    index_chain_groups(version->base, names, count, groups);
    for (size_t i = 0; i < count; i++) {
        index_group_fetch_places(version->base, groups + i);
        ret_nears[i] = (struct zone_near){.base = groups[i]};
    }
    if (!version->overlay)
        return;
    index_chain_groups(version->overlay, names, count, groups);
    for (size_t i = 0; i < count; i++) {
        index_group_fetch_places(version->overlay, groups + i);
        ret_nears[i].overlay = groups[i];
    }
}

void
zone_near_fetch_slots(const struct version *version, const struct zone_near *near)
{
    index_group_fetch_slots(version->base, &near->base);
    if (version->overlay)
        index_group_fetch_slots(version->overlay, &near->overlay);
}

void
zone_near_fetch_records(const struct version *version, const struct zone_near *near)
{
    index_group_fetch_records(version->base, &version->heaps, &near->base);
    if (version->overlay)
        index_group_fetch_records(version->overlay, &version->heaps, &near->overlay);
}
