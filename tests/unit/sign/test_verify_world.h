// Records taken apart and put together again with a fault in them, validly signed where a signer
// with a bug would have signed them, and handed to the second path as a change and as a whole zone.
// Header only.
#ifndef TANDEM_TESTS_TEST_VERIFY_WORLD_H
#define TANDEM_TESTS_TEST_VERIFY_WORLD_H

#include "tests/unit/sign/sign_world.h"

#include "secondary/signer/sign/sign_rrset.h"

#define SETS_MAX  24
#define EDITS_MAX 64

struct taken_set {
    uint16_t type;
    uint32_t ttl;
    uint16_t rr_count, signature_count;
    struct octets_buffer wire, signatures;
};
struct taken {
    uint8_t owner[NAME_SIZE_MAX];
    struct taken_set sets[SETS_MAX];
    unsigned count;
};
struct faulty {
    struct world *world;
    struct sign_context *context;
    struct arena *arena;
    struct {
        uint8_t owner[NAME_SIZE_MAX];
        const struct node *node; // NULL: it goes
    } edits[EDITS_MAX];
    unsigned count;
};

static inline void
faulty_begin(struct faulty *faulty, struct world *world)
{
    struct fault fault;
    *faulty = (struct faulty){.world = world, .arena = arena_new()};
    assert_true(sign_context_new(world->keyset, &world->policy, &faulty->context, &fault));
}

static inline void
faulty_end(struct faulty *faulty)
{
    sign_context_free(&faulty->context);
    arena_free(&faulty->arena);
}

// "#a" is the owner of the NSEC3 for a.
static inline const uint8_t *
faulty_name(struct faulty *faulty, const char *text, uint8_t *ret_name)
{
    struct fault fault;
    uint8_t hash[NSEC3_HASH_SIZE];
    assert_true(name_from_text(text + (text[0] == '#'), faulty->world->apex, ret_name, &fault));
    if (text[0] == '#') {
        nsec3_hash(&faulty->world->policy.nsec3_parameters, ret_name, hash);
        assert_true(nsec3_owner(hash, faulty->world->apex, ret_name));
    }
    return ret_name;
}

static inline struct taken_set *
taken_set(struct taken *taken, uint16_t type)
{
    for (unsigned i = 0; i < taken->count; i++)
        if (taken->sets[i].type == type)
            return &taken->sets[i];
    return NULL;
}

static inline void
taken_drop(struct taken *taken, uint16_t type)
{
    struct taken_set *set = taken_set(taken, type);
    assert_non_null(set);
    octets_buffer_close(&set->wire);
    octets_buffer_close(&set->signatures);
    memmove(set, set + 1, (size_t)(taken->sets + taken->count - set - 1) * sizeof *set);
    taken->count--;
}

// A new, empty RRset in its place.
static inline struct taken_set *
taken_add(struct taken *taken, uint16_t type, uint32_t ttl)
{
    unsigned at = taken->count;
    assert_true(taken->count < SETS_MAX);
    for (; at > 0 && taken->sets[at - 1].type > type; at--)
        taken->sets[at] = taken->sets[at - 1];
    taken->count++;
    taken->sets[at] = (struct taken_set){.type = type, .ttl = ttl};
    octets_buffer_init(&taken->sets[at].wire);
    octets_buffer_init(&taken->sets[at].signatures);
    return &taken->sets[at];
}

static inline void
taken_rr(struct taken_set *set, const uint8_t *rdata, size_t rdlength)
{
    rrset_append(&set->wire, set->type, set->ttl, rdata, (uint16_t)rdlength);
    set->rr_count++;
}

// The served record, or an empty one.
static inline void
faulty_take(struct faulty *faulty, const char *text, struct taken *ret_taken)
{
    bool damaged;
    ret_taken->count = 0;
    faulty_name(faulty, text, ret_taken->owner);
    const struct node *node =
        zone_find_record(store_current(faulty->world->store), ret_taken->owner, &damaged);
    for (unsigned i = 0; node && i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        struct taken_set *set = taken_add(ret_taken, rrset.type, rrset.ttl);
        set->rr_count = rrset.rr_count;
        set->signature_count = rrset.signature_count;
        octets_buffer_add(&set->wire, rrset.wire, rrset.wire_length);
        octets_buffer_add(&set->signatures, rrset.signatures, rrset.signatures_length);
    }
}

static inline struct rrset
taken_rrset(const struct taken_set *set)
{
    return (struct rrset){.type = set->type,
                          .rr_count = set->rr_count,
                          .ttl = set->ttl,
                          .wire = set->wire.data,
                          .wire_length = (uint32_t)set->wire.length,
                          .signature_count = set->signature_count,
                          .signatures = set->signature_count ? set->signatures.data : NULL,
                          .signatures_length = (uint32_t)set->signatures.length};
}

// The TTL of an RRset, in each of its RRs.
static inline void
taken_ttl(struct taken_set *set, uint32_t ttl)
{
    struct rr rr;
    uint32_t position = 0, at = 0;
    while (rrset_next(set->wire.data, (uint32_t)set->wire.length, &position, &rr)) {
        octets_put_u32(set->wire.data + at + 6, ttl);
        at = position;
    }
    set->ttl = ttl;
}

static inline void
faulty_sign_at(struct faulty *faulty, struct taken *taken, uint16_t type, int64_t now)
{
    struct taken_set *set = taken_set(taken, type);
    assert_non_null(set);
    struct rrset rrset = taken_rrset(set);
    rrset.signature_count = 0;
    set->signatures.length = 0;
    assert_int_equal(sign_rrset(faulty->context, taken->owner, &rrset, NULL, true, now,
                                &set->signatures, &set->signature_count),
                     SIGN_MADE);
}

static inline void
faulty_sign(struct faulty *faulty, struct taken *taken, uint16_t type)
{
    faulty_sign_at(faulty, taken, type, faulty->world->now);
}

static inline void
faulty_add(struct faulty *faulty, const uint8_t *owner, const struct node *node)
{
    assert_true(faulty->count < EDITS_MAX);
    name_copy(faulty->edits[faulty->count].owner, owner);
    faulty->edits[faulty->count++].node = node;
}

// The record as it is now becomes a part of the fault; taken is empty afterwards.
static inline void
faulty_put(struct faulty *faulty, struct taken *taken)
{
    struct rrset rrsets[SETS_MAX];
    for (unsigned i = 0; i < taken->count; i++)
        rrsets[i] = taken_rrset(&taken->sets[i]);
    const struct node *node =
        taken->count ? node_build(faulty->arena, taken->owner, rrsets, taken->count) : NULL;
    faulty_add(faulty, taken->owner, node);
    while (taken->count)
        taken_drop(taken, taken->sets[0].type);
}

static inline bool
report_has(const struct verify_report *report, const char *word)
{
    for (size_t i = 0; i < report->findings.count; i++)
        if (strcmp(((struct verify_finding *)vector_at(&report->findings, i))->word, word) == 0)
            return true;
    return false;
}

static inline void
report_demand(struct verify_report *report, const char *what, const char *how, const char *word)
{
    struct fault fault = {0};
    if (report->finding_count)
        verify_report_fault(report, &fault);
    if (word ? !report_has(report, word) : report->finding_count > 0)
        fail_msg("%s, %s: wanted %s, got %s", what, how, word ? word : "nothing",
                 report->finding_count ? fault.text : "nothing");
    verify_report_close(report);
}

static inline void
faulty_diff(struct faulty *faulty, struct diff *ret_diff)
{
    const struct version *served = store_current(faulty->world->store);
    bool damaged, has_apex = false;
    diff_init(ret_diff);
    for (unsigned i = 0; i < faulty->count; i++) {
        has_apex = has_apex || name_equal(faulty->edits[i].owner, faulty->world->apex);
        diff_add(ret_diff, zone_find_record(served, faulty->edits[i].owner, &damaged),
                 faulty->edits[i].node);
    }
    if (!has_apex)
        diff_add(ret_diff, version_apex_node(served), version_apex_node(served));
    diff_sort(ret_diff);
}

// As a change that is about to be published. word NULL: nothing must be found.
static inline void
faulty_as_change(struct faulty *faulty, const char *what, const char *word)
{
    struct diff diff;
    struct verify_report report;
    verify_report_init(&report);
    faulty_diff(faulty, &diff);
    struct verify_changes changes = {.current = store_current(faulty->world->store),
                                     .diff = &diff,
                                     .zonemd = faulty->world->policy.zonemd,
                                     .now = faulty->world->now};
    bool good = verify_changes(&changes, &report);
    assert_int_equal(good, report.finding_count == 0);
    report_demand(&report, what, "as a change", word);
    diff_close(&diff);
}

static inline struct draft *
faulty_draft(struct faulty *faulty)
{
    struct draft *draft = draft_new(faulty->world->apex);
    struct version_cursor cursor;
    const struct node *node;
    struct draft_findings findings;
    struct fault fault;
    version_cursor_first(&cursor, store_current(faulty->world->store));
    while ((node = version_cursor_next(&cursor))) {
        bool edited = false;
        for (unsigned i = 0; i < faulty->count; i++)
            edited = edited || name_equal(faulty->edits[i].owner, node_owner(node));
        if (!edited && node_rrset_count(node) > 0)
            draft_add_node(draft, node);
    }
    for (unsigned i = 0; i < faulty->count; i++)
        if (faulty->edits[i].node)
            draft_add_node(draft, faulty->edits[i].node);
    if (!draft_seal(draft, &findings, &fault))
        fail_msg("%s", fault.text);
    return draft;
}

// As a whole zone from elsewhere.
static inline void
faulty_as_zone(struct faulty *faulty, const char *what, const char *word)
{
    struct verify_report report;
    verify_report_init(&report);
    struct draft *draft = faulty_draft(faulty);
    bool good = verify_draft(draft, faulty->world->pool, faulty->world->now, &report);
    assert_int_equal(good, report.finding_count == 0);
    report_demand(&report, what, "as a zone", word);
    draft_free(&draft);
}

// A world with other keys than world_open's.
static inline void
world_keys(struct world *world, uint8_t algorithm)
{
    struct fault fault = {0};
    const struct key_pair *key;
    keyset_free(&world->keyset);
    world->keyset = keyset_new(world->apex, world->memory);
    for (int i = 0; i < 2; i++) {
        if (!keyset_generate(world->keyset, i ? KEY_ZSK : KEY_KSK, algorithm, NOW, &key, &fault))
            fail_msg("%s", fault.text);
        assert_true(keyset_move(world->keyset, key->tag, KEY_EVENT_INTRODUCE, NOW, &fault));
    }
}

#endif
