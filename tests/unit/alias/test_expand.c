// The oracle: what only the changed owners give, applied to the last expansion, is what expanding
// the whole zone gives; whatever the targets do.
#include "bed.h"

#include "common/base/hash.h"

static void
the_ttl_is_the_smaller_of_record_and_cap_and_constant(void **state)
{
    (void)state;
    struct bed bed;
    struct rrset rrset;
    bed_open(&bed);
    bed_says_both(&bed, "lb.out", "192.0.2.2 192.0.2.1 192.0.2.1", "nodata");
    bed_zone(&bed, "example.gov", "low 20 IN ALIAS lb.out.\nhigh 3600 IN ALIAS lb.out.", true);
    bed_ask(&bed);
    struct draft *draft = draft_new(wire("example.gov"));
    assert_true(book_addresses(bed.book, wire("example.gov"), NULL, draft, bed.now));
    assert_true(draft_seal(draft, NULL, NULL));
    assert_true(node_rrset_find(draft_find(draft, wire("low.example.gov")), RRTYPE_A, &rrset));
    assert_int_equal(rrset.ttl, 20);
    assert_int_equal(rrset.rr_count, 2);
    assert_true(node_rrset_find(draft_find(draft, wire("high.example.gov")), RRTYPE_A, &rrset));
    assert_int_equal(rrset.ttl, 60);
    draft_free(&draft);
    bed_close(&bed);
}

#define TARGETS 12
#define OWNERS  30

static unsigned
roll(uint64_t *dice, unsigned sides)
{
    *dice = hash_finish(hash_mix(*dice, 77));
    return (unsigned)(*dice % sides);
}

static const char *target_names[TARGETS];

static void
targets_name(void)
{
    static char names[TARGETS][32];
    for (int i = 0; i < TARGETS; i++) {
        snprintf(names[i], sizeof names[i], "t%d.out", i);
        target_names[i] = names[i];
    }
}

static void
target_roll(struct bed *bed, unsigned target, uint64_t *dice)
{
    char how[200] = "";
    static const char *const troubles[] = {"servfail", "timeout", "nxdomain", "nodata"};
    if (roll(dice, 3) == 0)
        snprintf(how, sizeof how, "%s", troubles[roll(dice, 4)]);
    else
        for (unsigned i = 0; i <= roll(dice, 4); i++)
            snprintf(how + strlen(how), sizeof how - strlen(how), "192.0.2.%u ", roll(dice, 20));
    bed_says(bed, target_names[target], RRTYPE_A, how);
    bed_says(bed, target_names[target], RRTYPE_AAAA, roll(dice, 3) ? "2001:db8::1" : "nodata");
}

static void
zone_roll(struct bed *bed, uint64_t *dice)
{
    char text[8000] = "h IN A 192.0.2.99\n";
    for (int i = 0; i < OWNERS; i++) {
        if (roll(dice, 10) == 0)
            snprintf(text + strlen(text), sizeof text - strlen(text), "o%d 60 IN ALIAS o%u\n", i,
                     roll(dice, OWNERS));
        for (unsigned k = 0; k <= roll(dice, 2); k++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "o%d 60 IN ALIAS %s.\n", i,
                     target_names[roll(dice, TARGETS)]);
    }
    if (bed->source_count == 8) { // the last ones are not borrowed any more
        for (unsigned i = 0; i < 7; i++)
            draft_free(&bed->sources[i]);
        bed->sources[0] = bed->sources[7];
        bed->source_count = 1;
    }
    bed_zone(bed, "example.gov", text, true);
}

static struct draft *
expand(struct bed *bed, const struct vector *owners)
{
    struct draft *draft = draft_new(wire("example.gov"));
    assert_true(book_addresses(bed->book, wire("example.gov"), owners, draft, bed->now));
    return draft;
}

static bool
has_name(const struct vector *names, const uint8_t *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (name_equal(vector_at(names, i), name))
            return true;
    return false;
}

// What the keeper does: the records of changed owners come anew, the others stay.
static struct draft *
apply(const struct draft *before, struct bed *bed, const struct vector *owners)
{
    struct draft *next = expand(bed, owners);
    for (size_t i = 0; i < draft_node_count(before); i++)
        if (!has_name(owners, node_owner(draft_node_at(before, i))))
            draft_add_node(next, draft_node_at(before, i));
    assert_true(draft_seal(next, NULL, NULL));
    return next;
}

static void
changed_owners_applied_equal_the_whole_expansion(void **state)
{
    (void)state;
    struct bed bed;
    struct vector owners;
    uint64_t dice = 42;
    unsigned partial = 0;
    bed_open(&bed);
    targets_name();
    vector_init(&owners, NAME_SIZE_MAX);
    for (unsigned i = 0; i < TARGETS; i++)
        target_roll(&bed, i, &dice);
    zone_roll(&bed, &dice);
    bed_ask(&bed);
    struct draft *kept = expand(&bed, NULL);
    assert_true(draft_seal(kept, NULL, NULL));
    for (int step = 0; step < 400; step++) {
        const uint8_t *apex;
        bool all = false;
        if (roll(&dice, 40) == 0)
            zone_roll(&bed, &dice);
        target_roll(&bed, roll(&dice, TARGETS), &dice);
        bed.event_count = 0;
        bed_pass(&bed, 20);
        if (book_changed(bed.book, &apex, &owners, &all, bed.now)) {
            struct draft *next = all ? expand(&bed, NULL) : apply(kept, &bed, &owners);
            if (all)
                assert_true(draft_seal(next, NULL, NULL));
            partial += !all;
            draft_free(&kept);
            kept = next;
        }
        struct draft *whole = draft_new(wire("example.gov"));
        struct hash_digest a, b;
        assert_true(book_addresses(bed.book, wire("example.gov"), NULL, whole, bed.now));
        assert_true(draft_seal(whole, NULL, NULL));
        draft_digest(whole, &a);
        draft_digest(kept, &b);
        assert_memory_equal(a.octets, b.octets, sizeof a.octets);
        draft_free(&whole);
    }
    assert_true(partial > 100);
    draft_free(&kept);
    vector_close(&owners);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ttl_is_the_smaller_of_record_and_cap_and_constant),
        cmocka_unit_test(changed_owners_applied_equal_the_whole_expansion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
