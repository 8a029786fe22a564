// What "published" means: the heap is synced, then the index is written beside under another name
// and synced, then renamed, then the directory is synced. So whatever a crash leaves behind, an
// index under its own name has its checksum right and all its records on the disk, or it is found
// out at the next start and the one before it is served. tests/unit/zone/test_crash.c rebuilds
// every order in which a disk may lose what was not synced yet.
//
// After any failure the current version stays mapped and named, what was written behind the heap's
// end is dead, and the next publish goes behind it: no octet of a heap is ever written twice, so
// that a sync that failed (and after which the kernel may have forgotten what was not written) can
// do no harm later.
#include "common/zone/store.h"

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/journal_write.h"
#include "common/zone/store_inside.h"
#include "common/zone/store_io.h"
#include "common/zone/version_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- opening ----

// The directory itself must survive a crash as well.
static void
parent_sync(const struct store *store)
{
    int parent = openat(store->directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return; // not ours to read: then whoever made it must have synced it
    store_io()->fsync(parent);
    close(parent);
}

static bool
directory_lock(struct store *store, struct fault *fault)
{
    bool made = store_io()->mkdir(store->path, 0700) == 0;
    if (!made && errno != EEXIST)
        return fault_set_errno(fault, errno, "the directory cannot be made");
    store->directory = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0)
        return fault_set_errno(fault, errno, "the directory cannot be opened");
    if (flock(store->directory, LOCK_EX | LOCK_NB) != 0)
        return fault_set(
            fault, FAULT_BUSY,
            "another process has this store open; stop it, or use a directory of its own");
    if (made)
        parent_sync(store);
    return true;
}

static bool
version_is_ours(const struct store *store, const struct version *version, struct fault *fault)
{
    char text[NAME_TEXT_MAX];
    return name_equal(version_apex(version), store->apex) ||
           fault_set(fault, FAULT_CONFIG,
                     "the directory holds the zone %s; give each zone a directory of its own",
                     name_to_text_short(version_apex(version), text));
}

static bool
sequence_open(struct store *store, uint64_t sequence, const struct version *share,
              const struct version **ret_version, struct store_kept *ret_kept,
              uint64_t *ret_heap_length, struct fault *fault)
{
    struct version_place place;
    if (!store_place_open(store->directory, sequence, &place, ret_kept, fault))
        return false;
    *ret_heap_length = place.heap_length;
    bool mapped = version_map(&place, share, ret_version, fault);
    version_place_close(&place);
    return mapped;
}

static void
previous_find(struct store *store, const struct store_listing *listing)
{
    for (size_t i = 0; i < listing->sequences.count; i++) {
        const uint64_t *sequence = vector_at(&listing->sequences, i);
        const struct version *version;
        uint64_t heap_length;
        if (*sequence < store->kept[0].sequence &&
            sequence_open(store, *sequence, store->current, &version, &store->kept[1], &heap_length,
                          NULL)) {
            version_drop(&version);
            return;
        }
    }
    store->kept[1] = (struct store_kept){0};
}

static bool
newest_find(struct store *store, const struct store_listing *listing, struct store_opening *opening,
            struct fault *fault)
{
    for (size_t i = 0; i < listing->sequences.count; i++) {
        const uint64_t *sequence = vector_at(&listing->sequences, i);
        struct fault why = {.kind = FAULT_NONE};
        uint64_t heap_length;
        if (sequence_open(store, *sequence, NULL, &store->current, &store->kept[0], &heap_length,
                          &why)) {
            uint64_t used = store->current->header->heap_length;
            opening->torn_heap_octets = (unsigned)(heap_length - used);
            return version_is_ours(store, store->current, fault);
        }
        if (why.kind != FAULT_CORRUPT) { // it may be whole: out of descriptors, for one
            *fault = why;
            return false;
        }
        if (opening->torn_indexes++ == 0)
            store_torn_remove(store->directory);
        store_index_set_aside(store->directory, *sequence);
    }
    return true;
}

static bool
contents_open(struct store *store, struct store_opening *opening, struct fault *fault)
{
    struct store_listing listing;
    if (!store_listing_read(store->directory, &listing, fault))
        return false;
    store->last_sequence = listing.greatest_sequence;
    store->last_generation = listing.greatest_generation;
    opening->fresh = listing.sequences.count == 0 && !listing.has_torn;
    bool found = newest_find(store, &listing, opening, fault);
    store_listing_close(&listing);
    if (!found || !store->current)
        return found;
    store->unsynced = true;
    store->hash_key = version_hash_key(store->current);
    return true;
}

// What a crash left goes; the next older version stays as a fall-back, if it is whole.
void
store_tidy(struct store *store)
{
    struct store_listing listing;
    if (store->pooled)
        store_directory_leave(store);
    if (store->tidy || store->pooled || !store_listing_read(store->directory, &listing, NULL))
        return;
    if (store->current)
        previous_find(store, &listing);
    store_listing_close(&listing);
    store_files_clean(store->directory, store->kept, 2);
    store->tidy = true;
}

bool
store_directory_open(struct store *store, struct fault *fault)
{
    struct store_listing listing;
    if (!directory_lock(store, fault) || !store_listing_read(store->directory, &listing, fault)) {
        if (store->directory >= 0)
            close(store->directory);
        store->directory = -1;
        return false;
    }
    if (listing.greatest_sequence > store->last_sequence)
        store->last_sequence = listing.greatest_sequence;
    if (listing.greatest_generation > store->last_generation)
        store->last_generation = listing.greatest_generation;
    store_listing_close(&listing);
    return true;
}

static bool
version_open(struct store *store, struct store_opening *opening, struct fault *fault)
{
    struct fault why = {.kind = FAULT_NONE};
    if (store_pool_open(store, &why))
        return true;
    opening->torn_indexes += why.kind != FAULT_NONE;
    return directory_lock(store, fault) && contents_open(store, opening, fault);
}

bool
store_open(const char *path, const uint8_t *apex, const struct store_options *options,
           struct store **ret_store, struct store_opening *ret_opening, struct fault *fault)
{
    struct store_opening opening = {0};
    struct fault why = {.kind = FAULT_NONE};
    struct store *store = memory_zalloc(sizeof *store);
    store->path = memory_text(path);
    store->directory = -1;
    store->overlay_entries_max = options && options->overlay_entries_max
                                     ? options->overlay_entries_max
                                     : STORE_OVERLAY_ENTRIES_MAX;
    store->compact_octets_max = options && options->compact_octets_max ? options->compact_octets_max
                                                                       : STORE_COMPACT_OCTETS_MAX;
    store->journal_octets_max = options ? options->journal_octets_max : 0;
    store->hash_key = options && options->hash_key ? options->hash_key : hash_key_draw();
    store->pool = options ? options->pool : NULL;
    store->apex = memory_alloc(name_length(apex));
    name_copy_lower(store->apex, apex);
    heap_writer_init(&store->heap);
    if (!version_open(store, &opening, &why)) {
        store_wrap(store, false, &why);
        if (fault)
            *fault = why;
        store_close(&store);
        return false;
    }
    if (!options || !options->sync_later)
        store_sync_all(&store, 1);
    if (!options || !options->tidy_later)
        store_tidy(store);
    *ret_store = store;
    if (ret_opening)
        *ret_opening = opening;
    return true;
}

void
store_close(struct store **store)
{
    if (!*store)
        return;
    version_drop(&(*store)->current);
    heap_writer_close(&(*store)->heap);
    if ((*store)->directory >= 0)
        close((*store)->directory);
    free((*store)->apex);
    free((*store)->path);
    free(*store);
    *store = NULL;
}

const struct version *
store_current(const struct store *store)
{
    return store->current;
}

bool
store_wrap(const struct store *store, bool done, struct fault *fault)
{
    char text[NAME_TEXT_MAX];
    return done || fault_wrap(fault, "zone %s: store %s", name_to_text_short(store->apex, text),
                              store->path);
}

bool
store_fault_nothing(const struct store *store, struct fault *fault)
{
    char text[NAME_TEXT_MAX];
    return fault_set(fault, FAULT_NOT_FOUND, "zone %s: nothing was published yet",
                     name_to_text_short(store->apex, text));
}

bool
store_pool_place(struct store *store, struct zone_pool_place *ret_place)
{
    if (!store->pooled || !store_pool_follow(store, NULL))
        return false;
    *ret_place = store->place;
    return true;
}

bool
store_place(const struct store *store, struct version_place *ret_place, struct fault *fault)
{
    struct store_kept kept;
    if (!store->current)
        return store_fault_nothing(store, fault);
    if (store->pooled) {
        *ret_place = version_place_pooled(store->current->heap, &store->place);
        return true;
    }
    return store_wrap(
        store, store_place_open(store->directory, store->kept[0].sequence, ret_place, &kept, fault),
        fault);
}

// ---- publishing ----

struct index_plan
store_plan(const struct store *store, enum index_kind kind, const struct version_facts *facts)
{
    const struct index_header *header = store->current->header;
    return (struct index_plan){.kind = kind,
                               .facts = facts,
                               .generation = header->generation,
                               .old_generation = header->old_generation,
                               .heap_length = store->heap.end,
                               .old_heap_length = header->old_heap_length,
                               .living_octets = header->living_octets,
                               .journal =
                                   journal_keep(store->current, NULL, store->journal_octets_max),
                               .base = kind == INDEX_OVERLAY ? store->current->base : NULL,
                               .chain = store->current->chain};
}

struct version_facts
store_facts_again(const struct store *store)
{
    return *version_facts(store->current);
}

static bool
version_adopt(struct store *store, uint64_t sequence, struct fault *fault)
{
    struct version_place place;
    struct store_kept kept;
    const struct version *next;
    if (!store_place_open(store->directory, sequence, &place, &kept, fault))
        return false;
    bool mapped = version_map(&place, store->current, &next, fault);
    version_place_close(&place);
    if (!mapped)
        return false;
    version_drop(&store->current);
    store->current = next;
    store->kept[1] = store->kept[0];
    store->kept[0] = kept;
    return true;
}

bool
store_heap_ready(struct store *store, struct fault *fault)
{
    char name[STORE_FILE_NAME_MAX];
    uint32_t generation = store->current->header->generation;
    if (store->heap.file >= 0)
        return heap_writer_rewind(&store->heap, fault);
    return heap_writer_open(&store->heap, store->directory, store_heap_name(generation, name),
                            generation, fault);
}

bool
store_index_publish(struct store *store, struct index_plan *plan, const struct vector *items,
                    struct fault *fault)
{
    struct octets_buffer octets;
    struct version_facts facts = *plan->facts;
    facts.sequence = ++store->last_sequence;
    plan->facts = &facts;
    plan->apex = store->apex;
    plan->hash_key = store->hash_key;
    octets_buffer_init(&octets);
    index_build(plan, items->items, items->count, &octets);
    bool written = store_index_write(store->directory, facts.sequence, &octets, fault);
    octets_buffer_close(&octets);
    if (!written)
        return false;
    if (!version_adopt(store, facts.sequence, fault)) {
        store_index_remove(store->directory, facts.sequence);
        return false;
    }
    store_files_clean(store->directory, store->kept, 2);
    store->tidy = true;
    return true;
}

bool
store_heap_create(struct store *store, struct heap_writer *ret_heap, struct fault *fault)
{
    char name[STORE_FILE_NAME_MAX];
    uint32_t generation = ++store->last_generation;
    if (heap_writer_create(ret_heap, store->directory, store_heap_name(generation, name),
                           generation, fault))
        return true;
    store_heap_remove(store->directory, generation);
    return false;
}

void
store_heap_adopt(struct store *store, struct heap_writer *heap)
{
    heap_writer_close(&store->heap); // store_heap_ready opens the new one
    heap_writer_close(heap);
}

void
store_heap_abandon(struct store *store, struct heap_writer *heap)
{
    uint32_t generation = heap->generation;
    heap_writer_close(heap);
    store_heap_remove(store->directory, generation);
}

void
store_expire_fill(struct version_facts *facts, const struct node *apex)
{
    struct rrset rrset;
    struct rr rr;
    struct rdata_soa soa;
    uint32_t position = 0;
    if (node_rrset_find(apex, RRTYPE_SOA, &rrset) &&
        rrset_next(rrset.wire, rrset.wire_length, &position, &rr) &&
        rdata_soa_read(rr.rdata, rr.rdlength, &soa))
        facts->soa_expire_seconds = soa.expire;
}

void
store_set_journal_max(struct store *store, uint64_t octets_max)
{
    store->journal_octets_max = octets_max;
}
