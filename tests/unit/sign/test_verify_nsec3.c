// Faults of an NSEC3 chain (RFC 5155), signed as a signer with a bug would sign them: each is found
// in a change (strictly) and in a whole zone from elsewhere, where a validator would mind.
#include "tests/unit/sign/test_verify_nsec3_world.h"

// --- Faults

// NSEC3 RDATA: algorithm, flags, iterations (2), length of the salt, salt, length of the hash,
// hash.
static uint8_t *
rdata_of(struct taken *taken, uint16_t type)
{
    return taken_set(taken, type)->wire.data + 12;
}

static uint8_t *
next_of(struct taken *taken)
{
    uint8_t *rdata = rdata_of(taken, RRTYPE_NSEC3);
    return rdata + 5 + rdata[4] + 1;
}

static void
resigned(struct faulty *faulty, struct taken *taken, uint16_t type)
{
    faulty_sign(faulty, taken, type);
    faulty_put(faulty, taken);
}

static void
bitmap(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    struct taken_set *set = taken_set(&taken, RRTYPE_NSEC3);
    set->wire.data[set->wire.length - 1] ^= 4;
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

// RRSIG and TXT where nothing is.
static void
bitmap_of_an_empty_non_terminal(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#y.ent", &taken);
    struct taken_set *set = taken_set(&taken, RRTYPE_NSEC3);
    static const uint8_t types[] = {0, 6, 0x40, 0, 0, 0, 0, 2};
    octets_buffer_add(&set->wire, types, sizeof types);
    set->wire.data[11] = (uint8_t)(set->wire.data[11] + sizeof types);
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

// An unsigned delegation says NS and nothing else; RRSIG would mean a DS.
static void
bitmap_of_a_cut(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#sec", &taken);
    struct taken_set *set = taken_set(&taken, RRTYPE_NSEC3);
    // window 0: NS in octet 0, DS (43) in octet 5
    set->wire.data[set->wire.length - 1] ^= 0x10;
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

static void
next(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    next_of(&taken)[19] ^= 1;
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

// The last of the ring points at itself.
static void
ring_closed_too_early(struct faulty *faulty)
{
    static const char *const names[] = {"#@", "#a", "#m", "#ns1", "#sec", "#d", "#x.y.ent", "#*.w"};
    struct taken taken;
    uint8_t own[NSEC3_HASH_SIZE];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        faulty_take(faulty, names[i], &taken);
        assert_true(nsec3_owner_hash(taken.owner, world.apex, own));
        memcpy(next_of(&taken), own, sizeof own);
        resigned(faulty, &taken, RRTYPE_NSEC3);
    }
}

static void
flag_of_one(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    rdata_of(&taken, RRTYPE_NSEC3)[1] ^= NSEC3_FLAG_OPT_OUT;
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

static void
unknown_flag(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    rdata_of(&taken, RRTYPE_NSEC3)[1] |= 2;
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

static void
iterations_of_one(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    rdata_of(&taken, RRTYPE_NSEC3)[3] ^= 1;
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

static void
salt_of_one(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    if (world.policy.nsec3_parameters.salt_length > 0)
        rdata_of(&taken, RRTYPE_NSEC3)[5] ^= 1;
    else
        rdata_of(&taken, RRTYPE_NSEC3)[0] = 2; // an unknown hash
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

static void
ttl(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    taken_ttl(taken_set(&taken, RRTYPE_NSEC3), 61);
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

static void
missing(struct faulty *faulty)
{
    uint8_t owner[NAME_SIZE_MAX];
    faulty_add(faulty, faulty_name(faulty, "#a", owner), NULL);
}

static void
missing_for_an_empty_non_terminal(struct faulty *faulty)
{
    uint8_t owner[NAME_SIZE_MAX];
    faulty_add(faulty, faulty_name(faulty, "#ent", owner), NULL);
}

// The ring is mended, signed and all; only the name is forgotten.
static void
left_out(struct faulty *faulty, const char *name)
{
    struct taken gone, before;
    struct version_cursor cursor;
    const struct node *node;
    uint8_t hash[NSEC3_HASH_SIZE];
    faulty_take(faulty, name, &gone);
    assert_true(nsec3_owner_hash(gone.owner, world.apex, hash));
    version_cursor_first(&cursor, store_current(world.store));
    while ((node = version_cursor_next(&cursor))) {
        struct rrset rrset;
        struct rr rr;
        struct nsec3_rdata nsec3;
        uint32_t position = 0;
        if (!node_rrset_find(node, RRTYPE_NSEC3, &rrset))
            continue;
        assert_true(rrset_next(rrset.wire, rrset.wire_length, &position, &rr) &&
                    nsec3_rdata_read(rr.rdata, rr.rdlength, &nsec3));
        if (memcmp(nsec3.next, hash, sizeof hash) != 0)
            continue;
        char text[NAME_TEXT_MAX];
        faulty_take(faulty, name_to_text(node_owner(node), text), &before);
        memcpy(next_of(&before), next_of(&gone), sizeof hash);
        resigned(faulty, &before, RRTYPE_NSEC3);
    }
    taken_drop(&gone, RRTYPE_NSEC3);
    faulty_put(faulty, &gone);
}

static void
left_out_name(struct faulty *faulty)
{
    left_out(faulty, "#m");
}

static void
left_out_empty_non_terminal(struct faulty *faulty)
{
    left_out(faulty, "#y.ent");
}

static void
left_out_secure_delegation(struct faulty *faulty)
{
    left_out(faulty, "#sec");
}

static void
left_out_insecure_delegation(struct faulty *faulty)
{
    left_out(faulty, "#sub");
}

static void
left_out_delegation_and_what_it_made(struct faulty *faulty)
{
    left_out(faulty, "#only");
}

// An NSEC3 more, in its place in a ring that is whole.
static void
put_in(struct faulty *faulty, const char *name)
{
    struct taken more, before;
    char text[NAME_TEXT_MAX];
    uint8_t hash[NSEC3_HASH_SIZE];
    bool matches;
    faulty_name(faulty, name, more.owner);
    more.count = 0;
    assert_true(nsec3_owner_hash(more.owner, world.apex, hash));
    const struct node *node = zone_find_nsec3(store_current(world.store), hash, &matches);
    assert_non_null(node);
    assert_false(matches);
    faulty_take(faulty, name_to_text(node_owner(node), text), &before);
    struct taken_set *set = taken_add(&more, RRTYPE_NSEC3, taken_set(&before, RRTYPE_NSEC3)->ttl);
    uint8_t rdata[NSEC3_SALT_MAX + 32];
    size_t length = (size_t)(next_of(&before) - rdata_of(&before, RRTYPE_NSEC3)) + NSEC3_HASH_SIZE;
    memcpy(rdata, rdata_of(&before, RRTYPE_NSEC3), length);
    taken_rr(set, rdata, length); // no types
    memcpy(next_of(&before), hash, sizeof hash);
    resigned(faulty, &before, RRTYPE_NSEC3);
    resigned(faulty, &more, RRTYPE_NSEC3);
}

static void
extra(struct faulty *faulty)
{
    put_in(faulty, "#nobody.has.this.name");
}

static void
extra_for_glue(struct faulty *faulty)
{
    put_in(faulty, "#ns.sub");
}

static void
extra_below_a_dname(struct faulty *faulty)
{
    put_in(faulty, "#b.d");
}

static void
two_at_one_owner(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    struct taken_set *set = taken_set(&taken, RRTYPE_NSEC3);
    uint8_t rdata[64];
    size_t length = set->wire.length - 12;
    memcpy(rdata, set->wire.data + 12, length);
    rdata[length - 1] ^= 1; // one type more: behind the first in canonical order
    taken_rr(set, rdata, length);
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

static void
at_no_hash(struct faulty *faulty)
{
    struct taken from, taken;
    faulty_take(faulty, "#a", &from);
    faulty_take(faulty, "nohash", &taken);
    struct taken_set *set = taken_set(&from, RRTYPE_NSEC3);
    taken_rr(taken_add(&taken, RRTYPE_NSEC3, set->ttl), set->wire.data + 12, set->wire.length - 12);
    resigned(faulty, &taken, RRTYPE_NSEC3);
    while (from.count)
        taken_drop(&from, from.sets[0].type);
}

static void
nsec_beside(struct faulty *faulty)
{
    static const uint8_t rdata[] = {0, 0, 6, 0x40, 0, 0, 0, 0, 3};
    struct taken taken;
    faulty_take(faulty, "a", &taken);
    taken_rr(taken_add(&taken, RRTYPE_NSEC, 60), rdata, sizeof rdata);
    resigned(faulty, &taken, RRTYPE_NSEC);
}

static void
unsigned_nsec3(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    taken_set(&taken, RRTYPE_NSEC3)->signature_count = 0;
    taken_set(&taken, RRTYPE_NSEC3)->signatures.length = 0;
    faulty_put(faulty, &taken);
}

static void
damaged_signature(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    struct octets_buffer *run = &taken_set(&taken, RRTYPE_NSEC3)->signatures;
    run->data[run->length - 3] ^= 1;
    faulty_put(faulty, &taken);
}

// --- NSEC3PARAM

// Without it nobody knows that there is a chain; the bitmap of the apex is right.
static void
param_missing(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "@", &taken);
    taken_drop(&taken, RRTYPE_NSEC3PARAM);
    faulty_put(faulty, &taken);
}

static void
param_of_another_chain(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "@", &taken);
    rdata_of(&taken, RRTYPE_NSEC3PARAM)[3] ^= 1;
    resigned(faulty, &taken, RRTYPE_NSEC3PARAM);
}

static void
param_with_flags(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "@", &taken);
    rdata_of(&taken, RRTYPE_NSEC3PARAM)[1] = 1;
    resigned(faulty, &taken, RRTYPE_NSEC3PARAM);
}

static void
two_params(struct faulty *faulty)
{
    static const uint8_t rdata[] = {1, 0, 0, 9, 1, 'x'};
    struct taken taken;
    faulty_take(faulty, "@", &taken);
    taken_rr(taken_set(&taken, RRTYPE_NSEC3PARAM), rdata, sizeof rdata);
    resigned(faulty, &taken, RRTYPE_NSEC3PARAM);
}

static void
param_in_a_zone_with_nsec(struct faulty *faulty)
{
    static const uint8_t rdata[] = {1, 0, 0, 0, 0};
    struct taken taken;
    faulty_take(faulty, "@", &taken);
    taken_rr(taken_add(&taken, RRTYPE_NSEC3PARAM, 0), rdata, sizeof rdata);
    struct taken_set *nsec = taken_set(&taken, RRTYPE_NSEC);
    nsec->wire.data[nsec->wire.length - 1] |= 0x10; // 51
    faulty_sign(faulty, &taken, RRTYPE_NSEC);
    resigned(faulty, &taken, RRTYPE_NSEC3PARAM);
}

static void
nsec3_in_a_zone_with_nsec(struct faulty *faulty)
{
    uint8_t rdata[] = {1, 0, 0, 0, 0, 20, [25] = 1, 0, 1, 0x40};
    struct taken taken;
    faulty_take(faulty, "#a", &taken);
    taken_rr(taken_add(&taken, RRTYPE_NSEC3, 60), rdata, sizeof rdata);
    resigned(faulty, &taken, RRTYPE_NSEC3);
}

// --- The tests

struct fault_case {
    const char *what;
    void (*make)(struct faulty *faulty);
    const char *as_change, *as_zone; // what must be found; NULL: nothing, validators do not mind
};

static void
all_are_found(const struct fault_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct faulty faulty;
        faulty_begin(&faulty, &world);
        cases[i].make(&faulty);
        faulty_as_change(&faulty, cases[i].what, cases[i].as_change);
        faulty_as_zone(&faulty, cases[i].what, cases[i].as_zone);
        faulty_end(&faulty);
    }
}
#define ALL_ARE_FOUND(cases) all_are_found(cases, sizeof cases / sizeof cases[0])

static void
faults_of_a_chain_are_found(void **state)
{
    (void)state;
    static const struct fault_case cases[] = {
        {"bitmap", bitmap, "bitmap", "bitmap"},
        {"bitmap of an ENT", bitmap_of_an_empty_non_terminal, "bitmap", "bitmap"},
        {"bitmap of a cut", bitmap_of_a_cut, "bitmap", "bitmap"},
        {"next", next, "next", "next"},
        {"rings of one", ring_closed_too_early, "next", "next"},
        {"unknown flag", unknown_flag, "flags", "no-nsec3"},
        {"iterations", iterations_of_one, "parameters", "no-nsec3"},
        {"salt", salt_of_one, "parameters", "no-nsec3"},
        {"ttl", ttl, "nsec-ttl", "nsec-ttl"},
        {"missing", missing, "next", "no-nsec3"},
        {"missing ENT", missing_for_an_empty_non_terminal, "next", "no-nsec3"},
        {"extra", extra, "extra-nsec3", "extra-nsec3"},
        {"extra for glue", extra_for_glue, "extra-nsec3", "extra-nsec3"},
        {"extra below a DNAME", extra_below_a_dname, "extra-nsec3", "extra-nsec3"},
        {"two at one owner", two_at_one_owner, "extra-nsec3", "extra-nsec3"},
        {"at no hash", at_no_hash, "extra-nsec3", "extra-nsec3"},
        {"NSEC beside", nsec_beside, "extra-nsec", NULL},
        {"no signature", unsigned_nsec3, "no-signature", "no-signature"},
        {"bad signature", damaged_signature, "bad-signature", "bad-signature"},
        {"no NSEC3PARAM", param_missing, "no-denial", "no-denial"},
        {"other NSEC3PARAM", param_of_another_chain, "no-nsec3", "no-nsec3"},
        {"flags in NSEC3PARAM", param_with_flags, "no-denial", "no-denial"},
        {"two NSEC3PARAM", two_params, "nsec3param", NULL},
    };
    ALL_ARE_FOUND(cases);
}

static void
without_opt_out_every_name_has_an_nsec3(void **state)
{
    (void)state;
    static const struct fault_case cases[] = {
        {"opt-out of one", flag_of_one, "flags", NULL},
        {"name", left_out_name, "no-nsec3", "no-nsec3"},
        {"ENT", left_out_empty_non_terminal, "no-nsec3", "no-nsec3"},
        {"insecure delegation", left_out_insecure_delegation, "no-nsec3", "no-nsec3"},
        {"ENT of one", left_out_delegation_and_what_it_made, "no-nsec3", "no-nsec3"},
    };
    ALL_ARE_FOUND(cases);
}

// With the flag, what is not vouched for may lie without an NSEC3, and nothing else.
static void
with_opt_out_only_what_is_insecure_may_lack_one(void **state)
{
    (void)state;
    uint8_t owner[NAME_SIZE_MAX];
    static const char *const insecure[] = {"#sub", "#del.only", "#only"};
    struct faulty faulty;
    bool damaged;
    faulty_begin(&faulty, &world);
    for (size_t i = 0; i < 3; i++)
        assert_null(zone_find_record(store_current(world.store),
                                     faulty_name(&faulty, insecure[i], owner), &damaged));
    faulty_end(&faulty);
    static const struct fault_case cases[] = {
        {"name", left_out_name, "no-nsec3", "no-nsec3"},
        {"ENT", left_out_empty_non_terminal, "no-nsec3", "no-nsec3"},
        {"secure delegation", left_out_secure_delegation, "no-nsec3", "no-nsec3"},
    };
    ALL_ARE_FOUND(cases);
}

// The flag goes from every NSEC3, validly signed: what lay without one is not covered any more.
static void
insecure_names_need_the_flag(void **state)
{
    (void)state;
    struct version_cursor cursor;
    const struct node *node;
    struct faulty faulty;
    faulty_begin(&faulty, &world);
    version_cursor_first(&cursor, store_current(world.store));
    while ((node = version_cursor_next(&cursor))) {
        struct taken taken;
        char text[NAME_TEXT_MAX];
        if (!node_has(node, RRTYPE_NSEC3))
            continue;
        faulty_take(&faulty, name_to_text(node_owner(node), text), &taken);
        rdata_of(&taken, RRTYPE_NSEC3)[1] = 0;
        resigned(&faulty, &taken, RRTYPE_NSEC3);
    }
    faulty_as_change(&faulty, "no flag", "no-nsec3");
    faulty_as_zone(&faulty, "no flag", "no-nsec3");
    faulty_end(&faulty);
}

static void
nsec3_does_not_mix_with_nsec(void **state)
{
    (void)state;
    static const struct fault_case cases[] = {
        {"NSEC3PARAM", param_in_a_zone_with_nsec, "nsec3param", NULL},
        {"NSEC3", nsec3_in_a_zone_with_nsec, "extra-nsec3", NULL},
    };
    ALL_ARE_FOUND(cases);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(faults_of_a_chain_are_found, with_nsec3, world_end),
        cmocka_unit_test_setup_teardown(faults_of_a_chain_are_found, with_salt, world_end),
        cmocka_unit_test_setup_teardown(faults_of_a_chain_are_found, with_opt_out, world_end),
        cmocka_unit_test_setup_teardown(without_opt_out_every_name_has_an_nsec3, with_nsec3,
                                        world_end),
        cmocka_unit_test_setup_teardown(with_opt_out_only_what_is_insecure_may_lack_one,
                                        with_opt_out, world_end),
        cmocka_unit_test_setup_teardown(insecure_names_need_the_flag, with_opt_out, world_end),
        cmocka_unit_test_setup_teardown(nsec3_does_not_mix_with_nsec, with_nsec, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
