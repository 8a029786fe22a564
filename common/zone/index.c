// Records are checked at first touch, each once in a process: a bit for each slot says that its
// place is inside the heap and its record was found whole (length, CRC32C, shape). So nothing is
// read at map time but the index itself, by its checksum, and not even that where another process
// has just done so; a restart serves at once, and yet no accessor ever follows an offset of a
// damaged record or index (README.md, decisions 3 and 18). The bits are this process's own; threads
// may set the same bit at once, hence the relaxed atomics.
#include "common/zone/index.h"

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/zone/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MAX 4096 // octets of an index that is read instead of mapped: a page

_Static_assert(sizeof(struct index_slot) == 16, "a slot is 16 octets on disk");
_Static_assert(sizeof(struct index_header) % 8 == 0, "sections are 8-aligned");

static bool
corrupt(struct fault *fault, const char *what)
{
    return fault_set(fault, FAULT_CORRUPT, "index: %s", what);
}

static bool
section_fits(const struct index_section *section, uint64_t length, uint64_t item_size)
{
    return section->offset % 8 == 0 && section->offset <= length &&
           section->count <= (length - section->offset) / item_size;
}

static const void *
section_at(const struct index_header *header, const struct index_section *section)
{
    return (const uint8_t *)header + section->offset;
}

bool
index_header_known(const struct index_header *header)
{
    static const uint8_t magic[8] = INDEX_MAGIC;
    return memcmp(header->magic, magic, sizeof magic) == 0 &&
           header->format >= INDEX_FORMAT_FIRST && header->format <= INDEX_FORMAT;
}

static bool
parameters_check(const struct index_header *header, uint64_t length)
{
    struct nsec3_parameters parameters;
    const struct index_section *section = &header->nsec3;
    if (!(header->flags & INDEX_NSEC3))
        return section->count == 0;
    return header->format != INDEX_FORMAT_FIRST && section_fits(section, length, 1) &&
           section->count <= INDEX_NSEC3_MAX &&
           nsec3_parameters_read(section_at(header, section), (size_t)section->count,
                                 &parameters) &&
           name_length(header->apex) <= NSEC3_APEX_MAX;
}

// What is after the checksum holds also where the checksum was not looked at: it costs nothing, and
// no section leaves the map.
static bool
header_check(const struct index_header *header, uint64_t length, bool whole, struct fault *fault)
{
    if (length < sizeof *header || !index_header_known(header))
        return corrupt(fault, "not an index of this version");
    if (header->length != length)
        return corrupt(fault, "shorter than its header says");
    size_t covered = offsetof(struct index_header, crc) + sizeof header->crc;
    if (!whole &&
        hash_crc32c(0, (const uint8_t *)header + covered, length - covered) != header->crc)
        return corrupt(fault, "the checksum is wrong");
    bool overlay = header->kind == INDEX_OVERLAY;
    if (!overlay && header->kind != INDEX_FULL)
        return corrupt(fault, "of an unknown kind");
    uint64_t names = header->order.count, owners = header->chain.count, slots = header->slots.count;
    if (!section_fits(&header->slots, length, sizeof(struct index_slot)) ||
        !section_fits(&header->order, length, sizeof(uint32_t)) ||
        !section_fits(&header->places, length, sizeof(struct index_place)) ||
        !section_fits(&header->chain, length, sizeof(uint32_t)) ||
        !section_fits(&header->chain_places, length, sizeof(uint32_t)) ||
        !section_fits(&header->samples, length, INDEX_SAMPLE_SIZE) ||
        !section_fits(&header->dead, length, sizeof(struct index_run)))
        return corrupt(fault, "a section goes past the end");
    if (slots == 0 || (slots & (slots - 1)) != 0 || names >= slots || names > INDEX_NAMES_MAX ||
        owners > names || header->places.count != (overlay ? names : 0) ||
        header->chain_places.count != (overlay ? owners : 0) ||
        header->samples.count != (owners + INDEX_SAMPLE_EVERY - 1) / INDEX_SAMPLE_EVERY)
        return corrupt(fault, "sections do not fit each other");
    uint8_t apex[NAME_SIZE_MAX];
    struct octets_reader reader;
    octets_reader_init(&reader, header->apex, NAME_SIZE_MAX);
    if (!name_read_plain(&reader, apex))
        return corrupt(fault, "the apex is no name");
    return parameters_check(header, length) ||
           corrupt(fault, "the parameters of NSEC3 are malformed");
}

static void
index_view(struct index *index)
{
    const struct index_header *header = index->header;
    index->slots = section_at(header, &header->slots);
    index->slot_mask = header->slots.count - 1;
    index->apex_labels = name_labels(header->apex);
    index->order = section_at(header, &header->order);
    index->places = section_at(header, &header->places);
    index->chain = section_at(header, &header->chain);
    index->chain_places = section_at(header, &header->chain_places);
    index->samples = section_at(header, &header->samples);
    index->dead = section_at(header, &header->dead);
    index->checked = memory_zalloc((size_t)(header->slots.count + 63) / 64 * sizeof(uint64_t));
}

// Less than a page is read: a map would take the whole page and a fault at its first touch, and
// Linux gives a process 65,530 maps, fewer than an index, its base and a heap for each of some ten
// thousand zones.
static bool
octets_read(struct index *index, int file, size_t length, struct fault *fault)
{
    uint8_t *octets = memory_alloc(length);
    ssize_t done;
    do
        done = pread(file, octets, length, (off_t)index->offset);
    while (done < 0 && errno == EINTR);
    index->map = octets;
    index->header = (const void *)octets;
    if (done < 0)
        return fault_set_errno(fault, errno, "index: cannot be read");
    return (size_t)done == length || corrupt(fault, "shorter than it should be");
}

static bool
octets_map(struct index *index, int file, size_t length, struct fault *fault)
{
    size_t inside = (size_t)(index->offset % (uint64_t)sysconf(_SC_PAGESIZE));
    void *map =
        mmap(NULL, inside + length, PROT_READ, MAP_SHARED, file, (off_t)(index->offset - inside));
    if (map == MAP_FAILED)
        return fault_set_errno(fault, errno, "index: cannot be mapped");
    index->map = map;
    index->map_length = inside + length;
    index->header = (const void *)((const uint8_t *)map + inside);
    return true;
}

static void
octets_drop(struct index *index)
{
    if (index->map_length)
        munmap(index->map, index->map_length);
    else
        free(index->map);
}

bool
index_map(int file, uint64_t offset, uint64_t length, bool whole, struct index *former,
          struct index **ret_index, struct fault *fault)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return fault_set_errno(fault, errno, "index: cannot be looked at");
    if (former && former->device == status.st_dev && former->inode == status.st_ino &&
        former->offset == offset && former->header->length == length) {
        former->holds++;
        *ret_index = former;
        return true;
    }
    if (offset % 8 != 0 || length < sizeof(struct index_header) ||
        offset > (uint64_t)status.st_size || length > (uint64_t)status.st_size - offset)
        return corrupt(fault, "shorter than it should be");
    struct index *index = memory_zalloc(sizeof *index);
    *index = (struct index){
        .holds = 1, .device = status.st_dev, .inode = status.st_ino, .offset = offset};
    bool taken = length <= READ_MAX ? octets_read(index, file, (size_t)length, fault)
                                    : octets_map(index, file, (size_t)length, fault);
    if (!taken || !header_check(index->header, length, whole, fault)) {
        octets_drop(index);
        free(index);
        return false;
    }
    index_view(index);
    *ret_index = index;
    return true;
}

bool
index_map_in(const uint8_t *octets, uint64_t length, bool whole, struct index *former,
             struct index **ret_index, struct fault *fault)
{
    const struct index_header *header = (const void *)octets;
    if (former && former->header == header && header->length == length) {
        former->holds++;
        *ret_index = former;
        return true;
    }
    if (!header_check(header, length, whole, fault))
        return false;
    struct index *index = memory_zalloc(sizeof *index);
    *index = (struct index){.holds = 1, .header = header};
    index_view(index);
    *ret_index = index;
    return true;
}

void
index_drop(struct index **index)
{
    struct index *dropped = *index;
    *index = NULL;
    if (!dropped || --dropped->holds > 0)
        return;
    octets_drop(dropped);
    free(dropped->checked);
    free(dropped);
}

// A place where a record may be looked at.
static bool
slot_may_be_read(const struct index *index, const struct heap_view *heaps, uint32_t slot)
{
    const struct index_slot *at = index->slots + slot;
    return heap_may_hold(heaps, at->reference) &&
           (at->cut_depth <= NAME_LABELS_MAX || at->cut_depth == INDEX_NO_CUT);
}

static bool
slot_list_check(const struct index *index, const struct heap_view *heaps, const uint32_t *list,
                uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (list[i] > index->slot_mask || !slot_may_be_read(index, heaps, list[i]))
            return false;
    return true;
}

static bool
overlay_check(const struct index *index, const struct index *base)
{
    const struct index_header *header = index->header;
    uint64_t names = base->header->order.count, owners = base->header->chain.count;
    for (uint64_t i = 0; i < header->places.count; i++) {
        const struct index_slot *slot = index->slots + index->order[i];
        const struct index_place *place = index->places + i;
        if (place->node > names || place->chain > owners ||
            ((slot->flags & INDEX_IN_BASE) && place->node == names))
            return false;
    }
    for (uint64_t i = 0; i < header->chain_places.count; i++)
        if (index->chain_places[i] > owners)
            return false;
    uint64_t next = 0;
    for (uint64_t i = 0; i < header->dead.count; i++) {
        const struct index_run *run = index->dead + i;
        if (run->first < next || run->last < run->first || run->last >= owners)
            return false;
        next = (uint64_t)run->last + 2; // runs do not touch
    }
    return true;
}

// What stands there is checked where it is read (journal.c).
static bool
journal_place_check(const struct index_header *header)
{
    const struct index_journal *journal = &header->journal;
    if (journal->steps == 0)
        return journal->newest == 0 && journal->octets == 0;
    return journal->steps <= JOURNAL_STEPS_MAX && journal->newest >= HEAP_FIRST &&
           journal->newest % 8 == 0 && journal->newest < header->heap_length &&
           journal->octets < header->heap_length;
}

bool
index_check(const struct index *index, const struct heap_view *heaps, const struct index *base,
            struct fault *fault)
{
    if (!journal_place_check(index->header))
        return corrupt(fault, "the journal's place is outside its heap");
    if (index->header->kind == INDEX_FULL)
        return true;
    if (!slot_list_check(index, heaps, index->order, index->header->order.count) ||
        !slot_list_check(index, heaps, index->chain, index->header->chain.count))
        return corrupt(fault, "a place of the overlay is empty or outside its heap");
    return overlay_check(index, base) || corrupt(fault, "the overlay does not fit its base");
}

size_t
index_names(const struct index *index)
{
    return (size_t)index->header->order.count;
}

void
index_chain(const struct index_header *header, struct chain *ret_chain)
{
    *ret_chain = (struct chain){.nsec3 = (header->flags & INDEX_NSEC3) != 0};
    if (ret_chain->nsec3) // header_check has read them
        nsec3_parameters_read(section_at(header, &header->nsec3), (size_t)header->nsec3.count,
                              &ret_chain->parameters);
}

size_t
index_chain_count(const struct index *index)
{
    return (size_t)index->header->chain.count;
}

const struct node *
index_node(const struct index *index, const struct heap_view *heaps, uint32_t slot)
{
    if (slot > index->slot_mask)
        return NULL;
    uint64_t *word = index->checked + slot / 64;
    uint64_t bit = UINT64_C(1) << (slot % 64);
    uint64_t reference = index->slots[slot].reference;
    if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit)) {
        if (!slot_may_be_read(index, heaps, slot) ||
            !node_check(heap_at(heaps, reference), (size_t)heap_left(heaps, reference)))
            return NULL;
        __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
    }
    return (const struct node *)(const void *)heap_at(heaps, reference);
}

void
index_forget(const struct index *index)
{
    for (uint64_t word = 0; word < (index->header->slots.count + 63) / 64; word++)
        __atomic_store_n(index->checked + word, 0, __ATOMIC_RELAXED);
}

enum index_answer
index_probe(const struct index *index, const struct heap_view *heaps, const uint8_t *name,
            size_t length, uint64_t hash, uint32_t *ret_slot, const struct node **ret_node)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    enum index_answer answer = INDEX_ABSENT;
    // A table has empty slots; one that is not ours ends after its last.
    uint64_t at = hash & index->slot_mask;
    for (uint64_t steps = 0; steps <= index->slot_mask && index->slots[at].reference;
         steps++, at = (at + 1) & index->slot_mask) {
        if (index->slots[at].tag != tag)
            continue;
        const struct node *node = index_node(index, heaps, (uint32_t)at);
        if (!node) {
            answer = INDEX_DAMAGED; // it may be the one, unless another is
            continue;
        }
        if (node_owner_length(node) == length && memcmp(node_owner(node), name, length) == 0) {
            *ret_slot = (uint32_t)at;
            *ret_node = node;
            return INDEX_FOUND;
        }
    }
    return answer;
}

bool
index_list_bound(const struct index *index, const struct heap_view *heaps, const uint32_t *list,
                 const uint8_t *name, bool after, size_t *low, size_t high)
{
    while (*low < high) {
        size_t middle = *low + (high - *low) / 2;
        const struct node *node = index_node(index, heaps, list[middle]);
        if (!node)
            return false;
        int order = name_compare(node_owner(node), name);
        if (order < 0 || (after && order == 0))
            *low = middle + 1;
        else
            high = middle;
    }
    return true;
}

bool
index_lower_bound(const struct index *index, const struct heap_view *heaps, const uint8_t *name,
                  size_t *ret_position)
{
    size_t low = 0;
    if (!index_list_bound(index, heaps, index->order, name, false, &low, index_names(index)))
        return false;
    *ret_position = low;
    return true;
}

void
index_sample_key(const uint8_t *name, unsigned apex_labels,
                 uint8_t ret_key[static INDEX_SAMPLE_SIZE])
{
    // Zeros behind a short key: no key goes on with a zero behind a label's closing one.
    memset(ret_key, 0, INDEX_SAMPLE_SIZE);
    name_key_part(name, apex_labels, ret_key, INDEX_SAMPLE_SIZE);
}
