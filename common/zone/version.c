// Two successive versions of a zone usually differ in a few names, so they share nearly everything:
// the map of the heap (heap.c), the map of the base index with the knowledge which of its records
// were checked, and differ in a small overlay. Mapping the next version thus costs one map call and
// a checksum over the overlay, whatever the size of the zone.
#include "common/zone/version.h"

#include "common/base/arena.h"
#include "common/dns/rrtype.h"
#include "common/zone/version_inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CURSOR_AHEAD 16 // names: at 50 ns each, some loads from memory

static void
descriptor_close(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

void
version_place_close(struct version_place *place)
{
    descriptor_close(&place->heap);
    descriptor_close(&place->old_heap);
    descriptor_close(&place->base);
    descriptor_close(&place->index);
}

struct version_place
version_place_pooled(struct heap_map *map, const struct zone_pool_place *place)
{
    return (struct version_place){.heap = -1,
                                  .old_heap = -1,
                                  .base = -1,
                                  .index = -1,
                                  .heap_length = place->heap_length,
                                  .index_offset = place->index_offset,
                                  .index_length = place->index_length,
                                  .shared = map,
                                  .heap_offset = place->heap_offset,
                                  .whole = true};
}

// No part of the place leaves the map, whoever says so.
static bool
shared_check(const struct version_place *place, struct fault *fault)
{
    uint64_t length = place->shared->length;
    if (place->heap_offset % 8 == 0 && place->index_offset % 8 == 0 &&
        place->index_length >= sizeof(struct index_header) && place->heap_length >= HEAP_FIRST &&
        place->heap_offset <= length && place->heap_length <= length - place->heap_offset &&
        place->index_offset <= length && place->index_length <= length - place->index_offset)
        return true;
    return fault_set(fault, FAULT_CORRUPT, "pool: a version's place is outside its file");
}

static bool
shared_index_map(struct version *version, const struct version_place *place, struct index *former,
                 struct fault *fault)
{
    if (!shared_check(place, fault) ||
        !index_map_in(place->shared->octets + place->index_offset, place->index_length,
                      place->whole, former, &version->base, fault))
        return false;
    version->header = version->base->header;
    return (version->header->kind == INDEX_FULL && version->header->old_generation == 0) ||
           fault_set(fault, FAULT_CORRUPT, "pool: an index that does not stand alone");
}

static bool
indexes_map(struct version *version, const struct version_place *place, const struct version *share,
            struct fault *fault)
{
    struct index *former = share ? share->base : NULL;
    if (place->shared)
        return shared_index_map(version, place, former, fault);
    if (place->base < 0) {
        if (!index_map(place->index, place->index_offset, place->index_length, place->whole, former,
                       &version->base, fault))
            return false;
        version->header = version->base->header;
        return version->header->kind == INDEX_FULL ||
               fault_set(fault, FAULT_CORRUPT, "index: an overlay without its base");
    }
    if (!index_map(place->base, place->base_offset, place->base_length, place->whole, former,
                   &version->base, fault))
        return fault_wrap(fault, "base");
    if (!index_map(place->index, place->index_offset, place->index_length, place->whole, NULL,
                   &version->overlay, fault))
        return false;
    version->header = version->overlay->header;
    return true;
}

// An overlay continues the base's order of chain owners.
static bool
chains_same(const struct index_header *own, const struct index_header *base)
{
    struct chain own_chain, base_chain;
    index_chain(own, &own_chain);
    index_chain(base, &base_chain);
    return chain_same(&own_chain, &base_chain);
}

// An overlay must be over this very base and into the same heaps.
static bool
base_check(const struct version *version, struct fault *fault)
{
    const struct index_header *base = version->base->header, *own = version->header;
    if (!version->overlay)
        return true;
    if (base->kind == INDEX_FULL && own->kind == INDEX_OVERLAY &&
        own->base_sequence == base->sequence && own->base_length == base->length &&
        own->base_crc == base->crc && own->hash_key == base->hash_key &&
        own->generation == base->generation && own->old_generation == base->old_generation &&
        own->heap_length >= base->heap_length && own->old_heap_length == base->old_heap_length &&
        name_equal(own->apex, base->apex) && chains_same(own, base))
        return true;
    return fault_set(fault, FAULT_CORRUPT, "index: the overlay is not over this base");
}

static bool
heaps_map(struct version *version, const struct version_place *place, const struct version *share,
          struct fault *fault)
{
    const struct index_header *header = version->header;
    struct heap_map *former = share ? share->heap : NULL, *other = share ? share->old_heap : NULL;
    if (header->heap_length > place->heap_length)
        return fault_set(fault, FAULT_CORRUPT, "heap: shorter than the index says");
    if (place->shared)
        version->heap = heap_map_hold(place->shared);
    else if (!heap_map_open(place->heap, header->heap_length, former, other, &version->heap, fault))
        return false;
    version->shares_map = place->shared != NULL;
    version->heaps.octets[0] = version->heap->octets + (place->shared ? place->heap_offset : 0);
    version->heaps.length[0] = header->heap_length;
    if (header->old_generation == 0)
        return true;
    if (place->old_heap < 0 || header->old_heap_length > place->old_heap_length)
        return fault_set(fault, FAULT_CORRUPT, "heap: the old generation is missing");
    if (!heap_map_open(place->old_heap, header->old_heap_length, former, other, &version->old_heap,
                       fault))
        return fault_wrap(fault, "old generation");
    version->heaps.octets[1] = version->old_heap->octets;
    version->heaps.length[1] = header->old_heap_length;
    return true;
}

static const struct chain chain_of_nsec = {.nsec3 = false};

static void
chain_fill(struct version *version)
{
    version->chain = &chain_of_nsec;
    if (!(version->header->flags & INDEX_NSEC3))
        return;
    struct chain *chain = memory_alloc(sizeof *chain);
    index_chain(version->header, chain);
    version->chain = chain;
}

static void
chain_drop(struct version *version)
{
    struct chain *own;
    memcpy(&own, &version->chain, sizeof own);
    if (own != &chain_of_nsec)
        free(own);
}

static void
facts_fill(struct version *version)
{
    const struct index_header *header = version->header;
    version->apex = header->apex;
    version->apex_labels = name_labels(header->apex);
    chain_fill(version);
    version->facts = (struct version_facts){
        .sequence = header->sequence,
        .unsigned_serial = header->unsigned_serial,
        .signed_serial = header->signed_serial,
        .published_seconds = header->published_seconds,
        .is_signed = (header->flags & INDEX_IS_SIGNED) != 0,
        .nsec3 = version->chain->nsec3,
        .soa_expire_seconds = header->soa_expire_seconds,
        .first_expiration = header->first_expiration,
        .node_count = header->node_count,
        .rr_count = header->rr_count,
        .signature_count = header->signature_count,
    };
}

// Format 1 knew no chain of NSEC3: what it kept of such a zone denies nothing.
static bool
format_check(const struct version *version, struct fault *fault)
{
    return version->base->header->format != INDEX_FORMAT_FIRST ||
           !node_has(version->apex_node, RRTYPE_NSEC3PARAM) ||
           fault_set(fault, FAULT_CORRUPT, "index: of an older format that knows no NSEC3");
}

static bool
apex_find(struct version *version, struct fault *fault)
{
    struct version_hit hit;
    uint64_t hash = name_hash(version->apex, version->header->hash_key);
    if (version_probe(version, version->apex, name_length(version->apex), hash, &hit) !=
        INDEX_FOUND)
        return fault_set(fault, FAULT_CORRUPT,
                         "heap: the record of the apex is missing or damaged");
    version->apex_node = hit.node;
    version->apex_slot = hit.slot;
    return format_check(version, fault);
}

static bool
version_fill(struct version *version, const struct version_place *place,
             const struct version *share, struct fault *fault)
{
    if (!indexes_map(version, place, share, fault) || !base_check(version, fault) ||
        !heaps_map(version, place, share, fault))
        return false;
    bool known = share && share->base == version->base; // its places were checked before
    if (!known && !index_check(version->base, &version->heaps, NULL, fault))
        return false;
    if (version->overlay && !index_check(version->overlay, &version->heaps, version->base, fault))
        return false;
    facts_fill(version);
    return apex_find(version, fault);
}

bool
version_map(const struct version_place *place, const struct version *share,
            const struct version **ret_version, struct fault *fault)
{
    static uint64_t identities; // threads may map at the same time
    struct version *version = memory_zalloc(sizeof *version);
    version->holds = 1;
    version->identity = __atomic_add_fetch(&identities, 1, __ATOMIC_RELAXED);
    const struct version *made = version;
    if (!version_fill(version, place, share, fault)) {
        version_drop(&made);
        return false;
    }
    *ret_version = made;
    return true;
}

// A version is frozen for all but its count of holders.
static struct version *
version_counted(const struct version *version)
{
    struct version *counted;
    memcpy(&counted, &version, sizeof counted);
    return counted;
}

const struct version *
version_hold(const struct version *version)
{
    version_counted(version)->holds++;
    return version;
}

void
version_drop(const struct version **version)
{
    if (!*version)
        return;
    struct version *dropped = version_counted(*version);
    *version = NULL;
    if (--dropped->holds > 0)
        return;
    index_drop(&dropped->overlay);
    index_drop(&dropped->base);
    heap_map_drop(&dropped->heap);
    heap_map_drop(&dropped->old_heap);
    chain_drop(dropped);
    free(dropped);
}

void
version_rest(const struct version *version)
{
    if (version->shares_map)
        return;
    heap_map_rest(version->heap);
    if (version->old_heap)
        heap_map_rest(version->old_heap);
    madvise(version->base->map, version->base->map_length, MADV_DONTNEED);
}

uint64_t
version_identity(const struct version *version)
{
    return version->identity;
}

const uint8_t *
version_apex(const struct version *version)
{
    return version->apex;
}

const struct version_facts *
version_facts(const struct version *version)
{
    return &version->facts;
}

uint64_t
version_hash_key(const struct version *version)
{
    return version->header->hash_key;
}

const struct nsec3_parameters *
version_nsec3(const struct version *version)
{
    return version->chain->nsec3 ? &version->chain->parameters : NULL;
}

const struct node *
version_apex_node(const struct version *version)
{
    return version->apex_node;
}

enum index_answer
version_probe(const struct version *version, const uint8_t *name, size_t length, uint64_t hash,
              struct version_hit *ret_hit)
{
    uint32_t slot;
    const struct node *node;
    const struct index *index = version->overlay;
    enum index_answer answer = INDEX_ABSENT;
    if (index) {
        answer = index_probe(index, &version->heaps, name, length, hash, &slot, &node);
        if (answer == INDEX_FOUND && (index->slots[slot].flags & INDEX_DELETED))
            return INDEX_ABSENT;
    }
    if (answer == INDEX_ABSENT) {
        index = version->base;
        answer = index_probe(index, &version->heaps, name, length, hash, &slot, &node);
    }
    if (answer == INDEX_FOUND)
        *ret_hit = (struct version_hit){
            .node = node, .slot = index->slots + slot, .in_overlay = index == version->overlay};
    return answer;
}

// ---- the walk: base and overlay merged by the overlay's places, without comparing names ----

void
version_cursor_first(struct version_cursor *cursor, const struct version *version)
{
    *cursor = (struct version_cursor){.version = version};
}

// The order is read from one end to the other, but the slots that it names lie anywhere in a table
// of megabytes, and where records came as changes so do they: both are on their way when they are
// needed.
static inline void
cursor_look_ahead(const struct version_cursor *cursor)
{
    const struct index *base = cursor->version->base;
    if (cursor->base_position + CURSOR_AHEAD >= index_names(base))
        return;
    const uint32_t *ahead = base->order + cursor->base_position;
    __builtin_prefetch(base->slots + (ahead[CURSOR_AHEAD] & base->slot_mask));
    const struct index_slot *nearer = base->slots + (ahead[CURSOR_AHEAD / 2] & base->slot_mask);
    if (heap_may_hold(&cursor->version->heaps, nearer->reference))
        __builtin_prefetch(heap_at(&cursor->version->heaps, nearer->reference));
}

// The next slot of either index; false at the end. A name of the overlay takes the base's place,
// deleted or not.
static bool
cursor_step(struct version_cursor *cursor, const struct index **ret_index, uint32_t *ret_slot)
{
    const struct index *base = cursor->version->base, *overlay = cursor->version->overlay;
    while (overlay && cursor->overlay_position < index_names(overlay)) {
        const struct index_place *place = overlay->places + cursor->overlay_position;
        if (place->node > cursor->base_position)
            break;
        uint32_t slot = overlay->order[cursor->overlay_position++];
        uint8_t flags = overlay->slots[slot].flags;
        if ((flags & INDEX_IN_BASE) && place->node == cursor->base_position)
            cursor->base_position++;
        if (flags & INDEX_DELETED)
            continue;
        *ret_index = overlay;
        *ret_slot = slot;
        return true;
    }
    if (cursor->base_position >= index_names(base))
        return false;
    cursor_look_ahead(cursor);
    *ret_index = base;
    *ret_slot = base->order[cursor->base_position++];
    return true;
}

bool
version_cursor_hit(struct version_cursor *cursor, struct version_hit *ret_hit)
{
    const struct index *index;
    uint32_t slot;
    while (cursor_step(cursor, &index, &slot)) {
        const struct node *node = index_node(index, &cursor->version->heaps, slot);
        if (node) {
            *ret_hit = (struct version_hit){.node = node,
                                            .slot = index->slots + slot,
                                            .in_overlay = index == cursor->version->overlay};
            return true;
        }
        cursor->damaged = true;
    }
    return false;
}

const struct node *
version_cursor_next(struct version_cursor *cursor)
{
    struct version_hit hit;
    return version_cursor_hit(cursor, &hit) ? hit.node : NULL;
}

// Where a damaged record is in the way of halving: step by step.
static void
cursor_seek_slowly(struct version_cursor *cursor, const struct version *version,
                   const uint8_t *name)
{
    version_cursor_first(cursor, version);
    struct version_cursor before = *cursor;
    const struct node *node;
    while ((node = version_cursor_next(cursor)) && name_compare(node_owner(node), name) < 0)
        before = *cursor;
    *cursor = before;
    cursor->damaged = true;
}

void
version_cursor_seek(struct version_cursor *cursor, const struct version *version,
                    const uint8_t *name)
{
    version_cursor_first(cursor, version);
    if (!index_lower_bound(version->base, &version->heaps, name, &cursor->base_position) ||
        (version->overlay &&
         !index_lower_bound(version->overlay, &version->heaps, name, &cursor->overlay_position)))
        cursor_seek_slowly(cursor, version, name);
}
