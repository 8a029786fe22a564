#include "common/zone/index_build.h"

#include "common/base/hash.h"
#include "common/dns/rrtype.h"

#include <string.h>

bool
index_item_cuts(const struct node *node, bool apex, bool *ret_dname)
{
    bool delegates = !apex && node_has(node, RRTYPE_NS);
    *ret_dname = !delegates && node_has(node, RRTYPE_DNAME);
    return delegates || *ret_dname;
}

bool
index_item_bare(const struct node *node)
{
    return node_rrset_count(node) == 1 && node_has(node, RRTYPE_NSEC3);
}

// The next item is the first that may be below this one.
static bool
item_is_hidden(const struct index_item *items, size_t count, size_t place)
{
    const struct node *node = items[place].node;
    return place > 0 && index_item_bare(node) &&
           (place + 1 == count ||
            !name_is_at_or_below(node_owner(items[place + 1].node), node_owner(node)));
}

void
index_items_flag(struct index_item *items, size_t count, const struct chain *chain)
{
    const uint8_t *apex = count ? node_owner(items[0].node) : NULL;
    const uint8_t *cut = NULL; // the topmost one over the names that come
    uint8_t depth = INDEX_NO_CUT, dname_flag = 0;
    for (size_t i = 0; i < count; i++) {
        struct index_item *item = items + i;
        const uint8_t *owner = node_owner(item->node);
        bool dname;
        if (cut && !name_is_at_or_below(owner, cut))
            cut = NULL;
        if (!cut && index_item_cuts(item->node, i == 0, &dname)) {
            cut = owner;
            depth = (uint8_t)name_labels(owner);
            dname_flag = dname ? INDEX_CUT_IS_DNAME : 0;
        }
        item->cut_depth = cut ? depth : INDEX_NO_CUT;
        item->flags = (uint8_t)((cut ? dname_flag : 0) |
                                (chain_has(chain, apex, item->node) ? INDEX_IN_CHAIN : 0) |
                                (item_is_hidden(items, count, i) ? INDEX_HIDDEN : 0));
    }
}

static uint64_t
slots_for(size_t count)
{
    uint64_t slots = 2;
    while ((double)count > 0.7 * (double)slots)
        slots *= 2;
    return slots;
}

static bool
item_is_chain_owner(const struct index_item *item)
{
    return (item->flags & INDEX_IN_CHAIN) && !(item->flags & INDEX_DELETED);
}

struct index_sizes {
    uint64_t owners; // of the chain
    uint64_t runs;   // at most
};

static struct index_sizes
sizes_count(const struct index_item *items, size_t count)
{
    struct index_sizes sizes = {0};
    for (size_t i = 0; i < count; i++) {
        sizes.owners += item_is_chain_owner(items + i);
        sizes.runs += (items[i].flags & INDEX_BASE_IN_CHAIN) != 0;
    }
    return sizes;
}

static void
section_put(struct index_section *section, uint64_t *length, uint64_t count, uint64_t item_size)
{
    *section = (struct index_section){.offset = *length, .count = count};
    *length += (count * item_size + 7) & ~(uint64_t)7;
}

static void
header_fill(struct index_header *header, const struct index_plan *plan)
{
    static const uint8_t magic[8] = INDEX_MAGIC;
    const struct version_facts *facts = plan->facts;
    memcpy(header->magic, magic, sizeof magic);
    header->format = INDEX_FORMAT;
    header->kind = plan->kind;
    header->flags =
        (facts->is_signed ? INDEX_IS_SIGNED : 0U) | (plan->chain->nsec3 ? INDEX_NSEC3 : 0U);
    header->hash_key = plan->hash_key;
    header->sequence = facts->sequence;
    header->unsigned_serial = facts->unsigned_serial;
    header->signed_serial = facts->signed_serial;
    header->published_seconds = facts->published_seconds;
    header->soa_expire_seconds = facts->soa_expire_seconds;
    header->first_expiration = facts->first_expiration;
    header->node_count = facts->node_count;
    header->rr_count = facts->rr_count;
    header->signature_count = facts->signature_count;
    header->generation = plan->generation;
    header->old_generation = plan->old_generation;
    header->heap_length = plan->heap_length;
    header->old_heap_length = plan->old_heap_length;
    header->living_octets = plan->living_octets;
    header->journal = plan->journal;
    name_copy(header->apex, plan->apex);
    if (plan->base) {
        header->base_sequence = plan->base->header->sequence;
        header->base_length = plan->base->header->length;
        header->base_crc = plan->base->header->crc;
    }
}

static void
sections_lay(struct index_header *header, size_t count, const struct index_sizes *sizes,
             uint64_t parameters)
{
    bool overlay = header->kind == INDEX_OVERLAY;
    uint64_t samples = (sizes->owners + INDEX_SAMPLE_EVERY - 1) / INDEX_SAMPLE_EVERY;
    uint64_t length = sizeof *header;
    section_put(&header->slots, &length, slots_for(count), sizeof(struct index_slot));
    section_put(&header->order, &length, count, sizeof(uint32_t));
    section_put(&header->places, &length, overlay ? count : 0, sizeof(struct index_place));
    section_put(&header->chain, &length, sizes->owners, sizeof(uint32_t));
    section_put(&header->chain_places, &length, overlay ? sizes->owners : 0, sizeof(uint32_t));
    section_put(&header->samples, &length, samples, INDEX_SAMPLE_SIZE);
    section_put(&header->dead, &length, overlay ? sizes->runs : 0, sizeof(struct index_run));
    section_put(&header->nsec3, &length, parameters, 1);
    header->length = length;
}

static void *
section_at(struct index_header *header, const struct index_section *section)
{
    return (uint8_t *)header + section->offset;
}

static void
names_fill(struct index_header *header, const struct index_item *items, size_t count)
{
    struct index_slot *slots = section_at(header, &header->slots);
    uint32_t *order = section_at(header, &header->order);
    uint64_t mask = header->slots.count - 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = name_hash(node_owner(items[i].node), header->hash_key);
        uint64_t at = hash & mask;
        while (slots[at].reference)
            at = (at + 1) & mask;
        slots[at] = (struct index_slot){.reference = items[i].reference,
                                        .tag = (uint32_t)(hash >> 32),
                                        .cut_depth = items[i].cut_depth,
                                        .flags = items[i].flags};
        order[i] = (uint32_t)at;
    }
}

static void
chain_fill(struct index_header *header, const struct index_item *items, size_t count)
{
    const uint32_t *order = section_at(header, &header->order);
    uint32_t *chain = section_at(header, &header->chain);
    uint8_t *sample = section_at(header, &header->samples);
    unsigned apex_labels = name_labels(header->apex);
    size_t owners = 0;
    for (size_t i = 0; i < count; i++) {
        if (!item_is_chain_owner(items + i))
            continue;
        if (owners % INDEX_SAMPLE_EVERY == 0) {
            index_sample_key(node_owner(items[i].node), apex_labels, sample);
            sample += INDEX_SAMPLE_SIZE;
        }
        chain[owners++] = order[i];
    }
}

static void
overlay_fill(struct index_header *header, const struct index_item *items, size_t count)
{
    struct index_place *places = section_at(header, &header->places);
    uint32_t *chain_places = section_at(header, &header->chain_places);
    struct index_run *dead = section_at(header, &header->dead);
    size_t owners = 0, runs = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t place = items[i].place.chain;
        places[i] = items[i].place;
        if (item_is_chain_owner(items + i))
            chain_places[owners++] = place;
        if (!(items[i].flags & INDEX_BASE_IN_CHAIN))
            continue;
        if (runs && dead[runs - 1].last + 1 == place)
            dead[runs - 1].last = place;
        else
            dead[runs++] = (struct index_run){.first = place, .last = place};
    }
    header->dead.count = runs;
}

static uint64_t
parameters_length(const struct chain *chain)
{
    uint8_t rdata[INDEX_NSEC3_MAX];
    return nsec3_parameters_write(&chain->parameters, rdata);
}

static void
parameters_fill(struct index_header *header, const struct chain *chain)
{
    uint8_t *rdata = section_at(header, &header->nsec3);
    nsec3_parameters_write(&chain->parameters, rdata);
    rdata[1] = chain->parameters.flags; // which an NSEC3PARAM does not tell
}

void
index_build(const struct index_plan *plan, const struct index_item *items, size_t count,
            struct octets_buffer *octets)
{
    ENSURE(octets->length == 0 && count <= INDEX_NAMES_MAX);
    struct index_header draft = {0};
    struct index_sizes sizes = sizes_count(items, count);
    header_fill(&draft, plan);
    sections_lay(&draft, count, &sizes, plan->chain->nsec3 ? parameters_length(plan->chain) : 0);
    uint8_t *start = octets_buffer_reserve(octets, (size_t)draft.length);
    memset(start, 0, (size_t)draft.length);
    octets->length = (size_t)draft.length;
    struct index_header *header = (struct index_header *)(void *)start;
    *header = draft;
    names_fill(header, items, count);
    chain_fill(header, items, count);
    if (plan->kind == INDEX_OVERLAY)
        overlay_fill(header, items, count);
    if (plan->chain->nsec3)
        parameters_fill(header, plan->chain);
    size_t covered = offsetof(struct index_header, crc) + sizeof header->crc;
    header->crc = hash_crc32c(0, start + covered, octets->length - covered);
}
