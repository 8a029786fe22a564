// How a million RRs become records at a fraction of a microsecond each, and in little more memory
// than the records take? Zone files, transfers and records of other drafts come owner by owner. So
// RRs are gathered while the owner stays the same, and become its record when another one comes:
// there are no RRs in other forms, and nothing to be chained, copied or given back. What comes late
// (an owner for a second time) and what only the whole owner can tell (TTLs that differ, a
// signature without what it covers, too much of anything) waits as a run of RRs beside the record
// until the draft is sealed.
//
// Zones mostly come in canonical order, too. As long as each owner stands behind the one before, it
// is a new one without a look at any table; the table is made when order breaks, and at the end for
// who asks the draft for names.
#include "common/zone/draft.h"

#include "common/zone/draft_inside.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST   64
#define TABLE_AHEAD   16
#define DRAFT_RRS_MAX (UINT32_MAX - 1) // places have 32 bits
#define RRSIG_MIN     18               // RFC 4034 section 3.1 without the signer's name
// Then the open owner's run is put aside: it has too much of something, or its like.
#define GROUP_OCTETS_MAX (16U << 20)

struct draft *
draft_new(const uint8_t *apex)
{
    struct draft *draft = memory_zalloc(sizeof *draft);
    name_copy_lower(draft->apex, apex);
    draft->apex_labels = name_labels(apex);
    draft->key = hash_key_draw();
    draft->in_order = true;
    draft->intake = arena_new();
    draft->records = arena_new();
    draft->maker = draft_maker_new();
    octets_buffer_init(&draft->group.run);
    vector_init(&draft->owners, sizeof(struct draft_owner));
    return draft;
}

void
draft_free(struct draft **draft)
{
    if (!*draft)
        return;
    arena_free(&(*draft)->intake);
    arena_free(&(*draft)->records);
    draft_maker_free(&(*draft)->maker);
    octets_buffer_close(&(*draft)->group.run);
    vector_close(&(*draft)->owners);
    free((*draft)->slots);
    free((*draft)->nodes);
    free(*draft);
    *draft = NULL;
}

const uint8_t *
draft_apex(const struct draft *draft)
{
    return draft->apex;
}

size_t
draft_rr_count(const struct draft *draft)
{
    return draft->rr_count;
}

size_t
draft_memory(const struct draft *draft)
{
    size_t size = arena_size(draft->records) + draft->slot_count * sizeof *draft->slots +
                  draft->node_room * sizeof(struct node *) +
                  draft->owners.capacity * sizeof(struct draft_owner) + draft->group.run.capacity;
    return size + (draft->intake ? arena_size(draft->intake) : 0);
}

// ---- names to places ----

static const struct node *
node_of(const struct draft *draft, size_t place)
{
    return draft->sealed ? draft->nodes[place] : draft_owner_at(draft, place)->node;
}

static size_t
slot_after(const struct draft *draft, size_t slot)
{
    return (slot + 1) & (draft->slot_count - 1);
}

static uint32_t
tag_of(const struct draft *draft, const uint8_t *name)
{
    return (uint32_t)(name_hash_lower(name, draft->key) >> 32);
}

// Where the name is, or where it would be.
static size_t
slot_find(const struct draft *draft, const uint8_t *name, size_t length, uint32_t tag)
{
    size_t slot = tag & (draft->slot_count - 1);
    for (; draft->slots[slot].place; slot = slot_after(draft, slot)) {
        if (draft->slots[slot].tag != tag)
            continue;
        const struct node *node = node_of(draft, draft->slots[slot].place - 1);
        if (node_owner_length(node) == length && memcmp(node_owner(node), name, length) == 0)
            break;
    }
    return slot;
}

static void
slot_put(struct draft *draft, struct draft_slot entry)
{
    size_t slot = entry.tag & (draft->slot_count - 1);
    while (draft->slots[slot].place)
        slot = slot_after(draft, slot);
    draft->slots[slot] = entry;
}

static bool
table_is_full(const struct draft *draft, size_t count)
{
    return count > draft->slot_count / 4 * 3;
}

// Room for count names: a larger table where it must be, with all that the old one has.
void
draft_table_room(struct draft *draft, size_t count)
{
    struct draft_slot *old = draft->slots;
    size_t old_count = old ? draft->slot_count : 0;
    if (old && !table_is_full(draft, count))
        return;
    for (draft->slot_count = SLOTS_FIRST; table_is_full(draft, count);)
        draft->slot_count *= 2;
    draft->slots = memory_zalloc(draft->slot_count * sizeof *draft->slots);
    for (size_t i = 0; i < old_count; i++)
        if (old[i].place)
            slot_put(draft, old[i]);
    free(old);
}

void
draft_table_enter(struct draft *draft, const struct node *node, size_t place)
{
    slot_put(draft, (struct draft_slot){.tag = tag_of(draft, node_owner(node)),
                                        .place = (uint32_t)place + 1});
}

// The slots of a large table are nowhere near: those of some names ahead are fetched while others
// are filled.
void
draft_table_enter_all(struct draft *draft, const struct node *const *nodes, size_t count)
{
    uint32_t tags[TABLE_AHEAD];
    for (size_t i = 0; i < count + TABLE_AHEAD; i++) {
        uint32_t *tag = &tags[i % TABLE_AHEAD];
        if (i >= TABLE_AHEAD)
            slot_put(draft,
                     (struct draft_slot){.tag = *tag, .place = (uint32_t)(i - TABLE_AHEAD) + 1});
        if (i >= count)
            continue;
        *tag = tag_of(draft, node_owner(nodes[i]));
        __builtin_prefetch(&draft->slots[*tag & (draft->slot_count - 1)], 1);
    }
}

// ---- owners on their way in ----

// The first one out of order: from now on there is a table.
static void
order_break(struct draft *draft)
{
    draft->in_order = false;
    draft_table_room(draft, draft->owners.count + draft->owners.count / 8);
    for (size_t i = 0; i < draft->owners.count; i++)
        draft_table_enter(draft, draft_owner_at(draft, i)->node, i);
}

// What is known of a name: the owner that came before, or NULL and where it goes.
struct owner_search {
    struct draft_owner *owner;
    size_t slot;
    uint32_t tag;
};

static void
owner_find(struct draft *draft, const uint8_t *name, size_t length, struct owner_search *ret_search)
{
    size_t count = draft->owners.count;
    *ret_search = (struct owner_search){0};
    if (draft->in_order) {
        const struct node *last = count ? draft_owner_at(draft, count - 1)->node : NULL;
        int order = last ? name_compare(node_owner(last), name) : -1;
        if (order == 0)
            ret_search->owner = draft_owner_at(draft, count - 1);
        if (order <= 0)
            return;
        order_break(draft);
    }
    draft_table_room(draft, count + 1);
    ret_search->tag = tag_of(draft, name);
    ret_search->slot = slot_find(draft, name, length, ret_search->tag);
    uint32_t place = draft->slots[ret_search->slot].place;
    if (place)
        ret_search->owner = draft_owner_at(draft, place - 1);
}

// One that owner_find did not find.
static struct draft_owner *
owner_add(struct draft *draft, const struct node *node, const struct owner_search *search)
{
    size_t place = draft->owners.count;
    struct draft_owner *owner = vector_add(&draft->owners, NULL);
    owner->node = node;
    if (!draft->in_order)
        draft->slots[search->slot] =
            (struct draft_slot){.tag = search->tag, .place = (uint32_t)place + 1};
    return owner;
}

// The group's RRs as the record of an owner that did not come before. NULL where only the whole
// owner can tell.
static const struct node *
group_record(struct draft *draft)
{
    const struct draft_group *group = &draft->group;
    struct draft_findings findings = {0};
    draft_maker_clear(draft->maker);
    draft_maker_add(draft->maker, group->run.data, group->run.length);
    const struct node *node =
        draft_maker_make(draft->maker, group->owner, draft->records, &findings, NULL);
    if (!node || findings.ttl_differs > 0 || findings.orphan_signatures > 0)
        return NULL; // what was made stays unused: that is rare
    draft->duplicates += findings.duplicates;
    return node;
}

static void
late_put(struct draft *draft, struct draft_owner *owner, const struct octets_buffer *run)
{
    struct draft_late *late = arena_alloc(draft->intake, sizeof *late + run->length);
    late->next = owner->late;
    late->length = (uint32_t)run->length;
    memcpy(late->run, run->data, run->length);
    owner->late = late;
}

// An owner of which nothing is known yet gets an empty record for its name.
static void
group_put_aside(struct draft *draft, const struct owner_search *search)
{
    struct draft_owner *owner = search->owner;
    if (!owner)
        owner = owner_add(draft, node_build(draft->records, draft->group.owner, NULL, 0), search);
    late_put(draft, owner, &draft->group.run);
}

void
draft_group_close(struct draft *draft)
{
    struct draft_group *group = &draft->group;
    if (group->run.length > 0) {
        struct owner_search search;
        owner_find(draft, group->owner, group->owner_length, &search);
        const struct node *node = search.owner ? NULL : group_record(draft);
        if (node)
            owner_add(draft, node, &search);
        else
            group_put_aside(draft, &search);
    }
    group->run.length = 0;
    group->owner_length = 0;
}

static bool
group_turn(struct draft *draft, const uint8_t *name, struct fault *fault)
{
    struct draft_group *group = &draft->group;
    uint8_t lower[NAME_SIZE_MAX];
    size_t length = name_copy_lower(lower, name);
    if (length == group->owner_length && memcmp(group->owner, lower, length) == 0 &&
        group->run.length < GROUP_OCTETS_MAX)
        return true;
    if (!name_is_at_or_below(lower, draft->apex)) {
        char owner_text[NAME_TEXT_MAX], apex_text[NAME_TEXT_MAX];
        return fault_set(fault, FAULT_SYNTAX, "%s is not in the zone %s",
                         name_to_text(lower, owner_text), name_to_text(draft->apex, apex_text));
    }
    draft_group_close(draft);
    memcpy(group->owner, lower, length);
    group->owner_length = length;
    return true;
}

bool
draft_add(struct draft *draft, const uint8_t *owner, uint16_t type, uint32_t ttl,
          const uint8_t *rdata, uint16_t rdlength, struct fault *fault)
{
    ENSURE(!draft->sealed);
    char text[NAME_TEXT_MAX];
    if (draft->rr_count >= DRAFT_RRS_MAX)
        return fault_set(fault, FAULT_LIMIT, "%s: the zone has more than %u RRs; split it",
                         name_to_text_short(draft->apex, text), DRAFT_RRS_MAX);
    if (type == RRTYPE_RRSIG && rdlength < RRSIG_MIN)
        return fault_set(fault, FAULT_SYNTAX, "%s: RRSIG of %u octets is too short",
                         name_to_text_short(owner, text), rdlength);
    if (!group_turn(draft, owner, fault))
        return false;
    rrset_append(&draft->group.run, type, ttl, rdata, rdlength);
    draft->rr_count++;
    return true;
}

static void
run_add(struct draft *draft, const uint8_t *owner, const uint8_t *run, uint32_t length)
{
    uint32_t position = 0;
    struct rr rr;
    while (rrset_next(run, length, &position, &rr))
        ENSURE(draft_add(draft, owner, rr.type, rr.ttl, rr.rdata, rr.rdlength, NULL));
}

// The record of an owner that did not come before is as good here as where it stood.
static bool
node_take(struct draft *draft, const struct node *node, bool borrowed)
{
    ENSURE(name_is_at_or_below(node_owner(node), draft->apex));
    draft_group_close(draft);
    struct owner_search search;
    owner_find(draft, node_owner(node), node_owner_length(node), &search);
    if (search.owner)
        return false;
    owner_add(draft, borrowed ? node : arena_copy(draft->records, node, node_size(node)), &search);
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        draft->rr_count += (size_t)rrset.rr_count + rrset.signature_count;
    }
    return true;
}

static void
node_add(struct draft *draft, const struct node *node, bool borrowed)
{
    ENSURE(!draft->sealed);
    if (node_rrset_count(node) == 0 || node_take(draft, node, borrowed))
        return;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        run_add(draft, node_owner(node), rrset.wire, rrset.wire_length);
        run_add(draft, node_owner(node), rrset.signatures, rrset.signatures_length);
    }
}

void
draft_add_node(struct draft *draft, const struct node *node)
{
    node_add(draft, node, false);
}

void
draft_borrow_node(struct draft *draft, const struct node *node)
{
    node_add(draft, node, true);
}

// ---- after sealing ----

size_t
draft_node_count(const struct draft *draft)
{
    ENSURE(draft->sealed);
    return draft->node_count;
}

const struct node *
draft_node_at(const struct draft *draft, size_t index)
{
    ENSURE(draft->sealed && index < draft->node_count);
    return draft->nodes[index];
}

const struct node *
draft_find(const struct draft *draft, const uint8_t *owner)
{
    ENSURE(draft->sealed);
    size_t slot = slot_find(draft, owner, name_length(owner), tag_of(draft, owner));
    uint32_t place = draft->slots[slot].place;
    return place ? draft->nodes[place - 1] : NULL;
}

size_t
draft_lower_bound(const struct draft *draft, const uint8_t *name)
{
    ENSURE(draft->sealed);
    size_t low = 0, high = draft->node_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(node_owner(draft->nodes[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
digest_rrset(struct hash_digest_state *state, const struct rrset *rrset)
{
    uint32_t position = 0;
    struct rr rr;
    if (rrset->type != RRTYPE_SOA) {
        hash_digest_add(state, rrset->wire, rrset->wire_length);
        return;
    }
    while (rrset_next(rrset->wire, rrset->wire_length, &position, &rr)) {
        uint8_t copy[RDATA_SIZE_MAX];
        memcpy(copy, rr.rdata, rr.rdlength);
        if (rr.rdlength >= 20)
            memset(copy + rr.rdlength - 20, 0, 4); // the serial
        hash_digest_add(state, rr.rdata - 12, 12);
        hash_digest_add(state, copy, rr.rdlength);
    }
}

void
draft_digest(const struct draft *draft, struct hash_digest *ret_digest)
{
    ENSURE(draft->sealed);
    struct rrset *rrsets = memory_alloc(NODE_RRSETS_MAX * sizeof *rrsets);
    struct hash_digest_state state;
    hash_digest_init(&state);
    for (size_t i = 0; i < draft->node_count; i++) {
        const struct node *node = draft->nodes[i];
        unsigned count = node_unsigned_rrsets(node, i == 0, rrsets, NODE_RRSETS_MAX);
        if (count == 0)
            continue;
        hash_digest_add(&state, node_owner(node), node_owner_length(node));
        for (unsigned k = 0; k < count; k++)
            digest_rrset(&state, rrsets + k);
    }
    hash_digest_end(&state, ret_digest);
    free(rrsets);
}
