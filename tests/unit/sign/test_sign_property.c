// Random edits of a small zone: what was signed step by step is what one signing from scratch
// gives, signatures aside, and the second path finds nothing at either.
#include "tests/unit/sign/sign_world.h"

#define SCRIPTS       60 // of each kind; TANDEM_SCRIPTS=n in the environment: n times as many
#define STEPS         25
#define NAMES         32
#define HASHED        6 // of them are hashes of others, or stand below one
#define HASHED_LENGTH (NSEC3_LABEL_SIZE + 8)

// Owners that lie close to each other: ENTs, names below cuts and DNAMEs, wildcards, labels that
// sort oddly. The last ones are made from hashes.
static char hashed_names[HASHED][HASHED_LENGTH];
static const char *names[NAMES] = {
    "a",   "b.a",   "c.b.a",   "*.a",          "z.*.a",   "d",     "e.d", "f.e.d", "g",
    "*",   "h.g",   "\\000.g", "\\000\\000.g", "\\255.g", "-.g",   "g-a", "ga",    "x.y.z",
    "y.z", "w.y.z", "k",       "l.k",          "m.l.k",   "*.l.k", "zz",  "0",
};
// Of names that may exist, that may be empty non-terminals, and that are hashes themselves.
static const struct {
    const char *prefix, *of;
} hashed[HASHED] = {{"", "a"}, {"", "k"}, {"", "y.z"}, {"x.y.", "b.a"}, {"", "e.d"}, {"*.", "l.k"}};

static void
hashed_names_make(const uint8_t *apex)
{
    static const struct nsec3_parameters parameters = {.algorithm = NSEC3_SHA1};
    for (int i = 0; i < HASHED; i++) {
        uint8_t name[NAME_SIZE_MAX], hash[NSEC3_HASH_SIZE], owner[NAME_SIZE_MAX];
        struct fault fault;
        assert_true(name_from_text(hashed[i].of, apex, name, &fault));
        nsec3_hash(&parameters, name, hash);
        assert_true(nsec3_owner(hash, apex, owner));
        snprintf(hashed_names[i], sizeof hashed_names[i], "%s%.32s", hashed[i].prefix,
                 (const char *)owner + 1);
        names[NAMES - HASHED + i] = hashed_names[i];
    }
}

static const char *const data[] = {
    "A 192.0.2.1",
    "A 192.0.2.2",
    "AAAA 2001:db8::1",
    "TXT \"t\"",
    "MX 10 a",
    "NS ns1",
    "NS a.d",
    "DNAME example.net.",
    "TYPE65280 \\# 1 00",
    "TYPE300 \\# 0",
    "DS 1 13 2 "
    "0000000000000000000000000000000000000000000000000000000000000000"};
enum { DATA = sizeof data / sizeof data[0] };

struct model {
    bool has[NAMES][DATA];
    unsigned ttl[NAMES];
    unsigned minimum;
    bool apex_dname;
};

static uint64_t seed;

static unsigned
draw(unsigned below)
{
    seed = hash_mix(seed, 0x9E3779B97F4A7C15ULL);
    return (unsigned)(seed >> 33) % below;
}

static char *
model_text(const struct model *model, unsigned serial)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_printf(&text,
                         "$TTL 300\n@ 3600 IN SOA ns1 h %u 7200 900 1209600 %u\n@ NS ns1\n"
                         "ns1 A 192.0.2.1\n%s",
                         serial, model->minimum, model->apex_dname ? "@ DNAME e.net.\n" : "");
    for (int name = 0; name < NAMES; name++)
        for (int item = 0; item < DATA; item++)
            if (model->has[name][item])
                octets_buffer_printf(&text, "%s %u %s\n", names[name], model->ttl[name],
                                     data[item]);
    octets_buffer_add_u8(&text, 0);
    return (char *)text.data;
}

static void
model_edit(struct model *model)
{
    for (unsigned edits = 1 + draw(4); edits > 0; edits--) {
        unsigned name = draw(NAMES);
        switch (draw(12)) {
        case 0:
            memset(model->has[name], 0, sizeof model->has[name]);
            break;
        case 1:
            model->ttl[name] = 60 + draw(3) * 60;
            break;
        case 2:
            if (draw(8) == 0)
                model->minimum = 60 + draw(2) * 7000;
            break;
        case 3:
            if (draw(8) == 0)
                model->apex_dname = !model->apex_dname;
            break;
        default: {
            unsigned item = draw(DATA);
            model->has[name][item] = !model->has[name][item];
        }
        }
    }
}

// A world with the same keys and policy that has not seen what came before.
static void
shapes_compare(struct world *world, const char *text, unsigned script, unsigned step)
{
    struct world fresh;
    struct octets_buffer ours, scratch;
    world_open(&fresh, "example.gov.", true);
    keyset_free(&fresh.keyset); // the DNSKEY RRset and bitmaps are compared too
    struct keyset *own = fresh.keyset;
    fresh.keyset = world->keyset;
    fresh.policy = world->policy;
    fresh.now = world->now;
    world_text(&fresh, text);
    octets_buffer_init(&ours);
    octets_buffer_init(&scratch);
    world_shape(store_current(world->store), &ours);
    world_shape(store_current(fresh.store), &scratch);
    if (strcmp((char *)ours.data, (char *)scratch.data) != 0)
        fail_msg("script %u step %u\n%s\nstep by step:\n%s\nfrom scratch:\n%s", script, step, text,
                 (char *)ours.data, (char *)scratch.data);
    octets_buffer_close(&ours);
    octets_buffer_close(&scratch);
    fresh.keyset = own;
    world_close(&fresh);
}

// Every RRset that is in both versions has the signatures that it had: none is due in a script.
static void
signatures_compare(const struct version *old, const struct version *new, unsigned script,
                   unsigned step)
{
    struct version_cursor cursor;
    const struct node *node;
    char owner[NAME_TEXT_MAX];
    version_cursor_first(&cursor, old);
    while ((node = version_cursor_next(&cursor))) {
        bool damaged;
        const struct node *later = zone_find_record(new, node_owner(node), &damaged);
        for (unsigned i = 0; later && i < node_rrset_count(node); i++) {
            struct rrset was, is;
            node_rrset_at(node, i, &was);
            bool signed_twice = node_rrset_find(later, was.type, &is) && was.signature_count &&
                                is.signature_count && rrset_equal(&was, &is, false);
            if (signed_twice && !rrset_equal(&was, &is, true))
                fail_msg("script %u step %u: %s type %u was signed again", script, step,
                         name_to_text(node_owner(node), owner), was.type);
        }
    }
}

enum kind { KIND_NSEC, KIND_NSEC3, KIND_OPT_OUT, KINDS };

static void
kind_set(struct world *world, enum kind kind)
{
    world->policy.nsec3 = kind != KIND_NSEC;
    world->policy.nsec3_parameters = (struct nsec3_parameters){
        .algorithm = NSEC3_SHA1, .flags = kind == KIND_OPT_OUT ? NSEC3_FLAG_OPT_OUT : 0};
}

static unsigned
scripts_wanted(void)
{
    const char *text = getenv("TANDEM_SCRIPTS");
    int times = text ? atoi(text) : 1;
    return SCRIPTS * (unsigned)(times > 0 ? times : 1);
}

// changing: the kind of denial changes now and then, too.
static void
script_run(unsigned script, enum kind kind, bool changing)
{
    struct world world;
    struct model model = {.minimum = 60};
    seed = (uint64_t)script * KINDS + kind + 1;
    for (int i = 0; i < NAMES; i++)
        model.ttl[i] = 300;
    world_open(&world, "example.gov.", false);
    hashed_names_make(world.apex);
    kind_set(&world, kind);
    for (unsigned step = 0; step < STEPS; step++) {
        for (int i = 0; i < (step == 0 ? 12 : 1); i++)
            model_edit(&model);
        if (changing && draw(4) == 0)
            kind_set(&world, (enum kind)draw(KINDS));
        char *text = model_text(&model, step);
        world.now += 61;
        const struct version *before = store_current(world.store);
        before = before ? version_hold(before) : NULL;
        world_text(&world, text);
        if (before) {
            signatures_compare(before, store_current(world.store), script, step);
            version_drop(&before);
        }
        if (step % 5 == 4 || script % 8 == 0) {
            world_verify_all(&world);
            shapes_compare(&world, text, script, step);
        }
        free(text);
    }
    world_close(&world);
}

static void
scripts_run(enum kind kind)
{
    for (unsigned script = 0, wanted = scripts_wanted(); script < wanted; script++)
        script_run(script, kind, false);
}

static void
signing_step_by_step_equals_signing_from_scratch(void **state)
{
    (void)state;
    scripts_run(KIND_NSEC);
}

static void
so_it_does_with_nsec3(void **state)
{
    (void)state;
    scripts_run(KIND_NSEC3);
}

static void
so_it_does_with_opt_out(void **state)
{
    (void)state;
    scripts_run(KIND_OPT_OUT);
}

static void
so_it_does_when_the_kind_of_denial_changes_on_the_way(void **state)
{
    (void)state;
    for (unsigned script = 0, wanted = scripts_wanted() / 4; script < wanted; script++)
        script_run(script, (enum kind)(script % KINDS), true);
}

// The same with every record looked at, and with threads.
static void
looking_at_all_and_more_threads_change_nothing(void **state)
{
    (void)state;
    struct world world;
    struct model model = {.minimum = 60};
    seed = 4711;
    world_open(&world, "example.gov.", false);
    hashed_names_make(world.apex);
    kind_set(&world, KIND_NSEC3);
    world.pool = pool_new(4);
    for (unsigned step = 0; step < 20; step++) {
        model_edit(&model);
        char *text = model_text(&model, step);
        struct draft *draft = draft_from_text(world.apex, text);
        struct diff changes;
        diff_init(&changes);
        diff_version_draft(store_current(world.store), draft, DIFF_UNSIGNED, &changes);
        world.now += 61;
        world_step(&world, (struct sign_request){.changes = &changes, .whole = true});
        diff_close(&changes);
        draft_free(&draft);
        world_verify_all(&world);
        shapes_compare(&world, text, 4711, step);
        free(text);
    }
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signing_step_by_step_equals_signing_from_scratch),
        cmocka_unit_test(so_it_does_with_nsec3),
        cmocka_unit_test(so_it_does_with_opt_out),
        cmocka_unit_test(so_it_does_when_the_kind_of_denial_changes_on_the_way),
        cmocka_unit_test(looking_at_all_and_more_threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
