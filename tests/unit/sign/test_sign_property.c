#include <time.h>

// Random edits of a small zone: what was signed step by step is what one signing from scratch
// gives, signatures aside, and the second path finds nothing at either.
#include "tests/support/store_bed.h"
#include "tests/unit/sign/sign_world.h"

// Scripts of each kind; TANDEM_SCRIPTS=n in the environment: n times as many.
#define SCRIPTS       60
#define STEPS         8
#define NAMES         32
#define OTHERS_STEPS  16
#define MANY_NAMES    1000
#define MANY_STEPS    4
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
    ("DS 1 13 2 "
     "0000000000000000000000000000000000000000000000000000000000000000")};
enum { DATA = sizeof data / sizeof data[0] };

struct script_zone {
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
script_zone_text(const struct script_zone *model, unsigned serial)
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
script_zone_edit(struct script_zone *model)
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

// Text of a record, and why the test fails.
static void
differ(const struct node *ours, const struct node *scratch, const char *text, unsigned script,
       unsigned step)
{
    struct octets_buffer shown;
    octets_buffer_init(&shown);
    octets_buffer_printf(&shown, "step by step:\n");
    if (ours)
        zonefile_write_node(ours, true, true, &shown);
    octets_buffer_printf(&shown, "from scratch:\n");
    if (scratch)
        zonefile_write_node(scratch, true, true, &shown);
    fail_msg("script %u step %u\n%s\n%.*s", script, step, text, (int)shown.length,
             (char *)shown.data);
}

static bool
records_same(const struct node *a, const struct node *b, bool apex)
{
    if (!a || !b || !name_equal(node_owner(a), node_owner(b)) ||
        node_rrset_count(a) != node_rrset_count(b))
        return false;
    for (unsigned i = 0; i < node_rrset_count(a); i++) {
        struct rrset one, other;
        node_rrset_at(a, i, &one);
        node_rrset_at(b, i, &other);
        // A ZONEMD is a digest of the signatures, too: verify.h's path makes it anew.
        bool same = one.type == RRTYPE_ZONEMD || rrset_equal_unsigned(&one, &other, apex);
        if (one.type != other.type || !same || one.signature_count != other.signature_count)
            return false;
    }
    return true;
}

// The next record that holds something.
static const struct node *
cursor_next(struct version_cursor *cursor)
{
    const struct node *node;
    do
        node = version_cursor_next(cursor);
    while (node && node_rrset_count(node) == 0);
    return node;
}

// What is served is what signing the same content with the same keys and policy gives where nothing
// came before.
static void
scratch_compare(struct world *world, const struct draft *draft, const char *text, unsigned script,
                unsigned step)
{
    struct diff all;
    struct fault fault;
    struct sign_job *job;
    const struct sign_result *result = NULL;
    struct version_cursor cursor;
    diff_version_draft(NULL, draft, DIFF_UNSIGNED, &all);
    struct sign_request request = {.changes = &all,
                                   .keyset = world->keyset,
                                   .policy = &world->policy,
                                   .pool = world->pool,
                                   .now = world->now};
    if (!sign_zone_prepare(&request, &job, &fault) || !sign_zone_run(job, &result, &fault))
        fail_msg("%s", fault.text);
    version_cursor_first(&cursor, store_current(world->store));
    for (size_t i = 0; i <= result->diff.count; i++) {
        const struct node *scratch =
            i < result->diff.count ? result->diff.entries[i].new_node : NULL;
        const struct node *ours = cursor_next(&cursor);
        if ((ours || scratch) && !records_same(ours, scratch, i == 0))
            differ(ours, scratch, text, script, step);
    }
    sign_job_free(&job);
    diff_close(&all);
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

static void
step_run(struct world *world, const struct script_zone *model, unsigned script, unsigned step)
{
    char *text = script_zone_text(model, step);
    struct draft *draft = draft_from_text(world->apex, text);
    const struct version *before = store_current(world->store);
    before = before ? version_hold(before) : NULL;
    world->now++;
    world_content(world, draft);
    if (before) {
        world_signatures_kept(before, store_current(world->store));
        version_drop(&before);
    }
    scratch_compare(world, draft, text, script, step);
    if (step + 1 == STEPS)
        world_verify_all(world);
    draft_free(&draft);
    free(text);
}

// One zone sees all scripts of a kind: the first step of each brings another content altogether.
// changing: the kind of denial and whether there is a ZONEMD change now and then, too.
static void
scripts_run(enum kind kind, unsigned scripts, bool changing)
{
    struct world world;
    seed = kind + (changing ? KINDS : 0) + 1;
    world_open(&world, "example.gov.", false);
    hashed_names_make(world.apex);
    kind_set(&world, kind);
    for (unsigned script = 0; script < scripts; script++) {
        struct script_zone model = {.minimum = 60};
        for (int i = 0; i < NAMES; i++)
            model.ttl[i] = 300;
        for (unsigned step = 0; step < STEPS; step++) {
            for (int i = 0; i < (step == 0 ? 12 : 1); i++)
                script_zone_edit(&model);
            if (changing && draw(4) == 0)
                kind_set(&world, (enum kind)draw(KINDS));
            if (changing && draw(4) == 0)
                world.policy.zonemd = !world.policy.zonemd;
            step_run(&world, &model, script, step);
        }
    }
    world_close(&world);
}

static void
signing_step_by_step_equals_signing_from_scratch(void **state)
{
    (void)state;
    scripts_run(KIND_NSEC, scripts_wanted(), false);
}

static void
so_it_does_with_nsec3(void **state)
{
    (void)state;
    scripts_run(KIND_NSEC3, scripts_wanted(), false);
}

static void
so_it_does_with_opt_out(void **state)
{
    (void)state;
    scripts_run(KIND_OPT_OUT, scripts_wanted(), false);
}

static void
so_it_does_when_the_kind_of_denial_changes_on_the_way(void **state)
{
    (void)state;
    scripts_run(KIND_NSEC, scripts_wanted() / 4, true);
}

// ---- many names ----

// A name of up to four labels of few words, so that many stand above each other.
static void
many_name(unsigned index, char name[static 64])
{
    uint64_t bits = hash_mix(index, 0xD1B54A32D192ED03ULL);
    unsigned depth = 1 + (unsigned)(bits >> 60) % 4;
    int length = 0;
    for (unsigned i = 0; i < depth; i++)
        length += snprintf(name + length, 64 - (size_t)length, "%sw%u", i ? "." : "",
                           (unsigned)(bits >> (8 * i)) % (i + 1 < depth ? 200U : 12U));
}

// What index is in a step: nothing, an address, a delegation, a secure one.
static char *
many_text(unsigned step)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_printf(&text,
                         "$TTL 300\n@ SOA ns1 h %u 7200 900 1209600 60\n@ NS ns1\n"
                         "ns1 A 192.0.2.1\n",
                         step);
    for (unsigned i = 0; i < MANY_NAMES; i++) {
        char name[64];
        many_name(i, name);
        uint64_t since = i % 3 == step % 3 ? step : 0; // a third changes with each step
        switch ((hash_mix(i, since) >> 40) % 6) {
        case 0:
        case 1:
            octets_buffer_printf(&text, "%s A 192.0.2.1\n", name);
            break;
        case 2:
            octets_buffer_printf(&text, "%s %s\n", name, data[10]);
            octets_buffer_printf(&text, "%s NS ns1\n", name);
            break;
        case 3:
            octets_buffer_printf(&text, "%s NS ns1\n", name);
            break;
        default:
            break;
        }
    }
    octets_buffer_add_u8(&text, 0);
    return (char *)text.data;
}

static void
large_changes_give_what_signing_from_scratch_gives(void **state)
{
    (void)state;
    for (enum kind kind = KIND_NSEC; kind < KINDS; kind++) {
        struct world world;
        world_open(&world, "example.gov.", true);
        kind_set(&world, kind);
        for (unsigned step = 0; step < MANY_STEPS; step++) {
            char *text = many_text(step);
            struct draft *draft = draft_from_text(world.apex, text);
            world.now++;
            world_content(&world, draft);
            scratch_compare(&world, draft, "many names", kind, step);
            draft_free(&draft);
            free(text);
        }
        world_verify_all(&world);
        world_close(&world);
    }
}

// Without what others refuse: names below a DNAME, wildcards that are cuts, name servers without
// glue, DS where there is no cut.
static void
script_zone_soften(struct script_zone *model)
{
    enum { NS = 5, NS_NO_GLUE = 6, DNAME = 7, DS = 10 };
    for (int name = 0; name < NAMES; name++) {
        bool *has = model->has[name];
        has[NS_NO_GLUE] = has[DNAME] = false;
        has[NS] = has[NS] && names[name][0] != '*';
        has[DS] = has[DS] && has[NS];
    }
    model->apex_dname = false;
}

// What a run of random edits left, for programs of others to look at.
static void
others_validators_accept_what_edits_leave(void **state)
{
    (void)state;
    for (enum kind kind = KIND_NSEC; kind < KINDS; kind++) {
        struct world world;
        struct script_zone model = {.minimum = 60};
        seed = 815 + kind;
        for (int i = 0; i < NAMES; i++)
            model.ttl[i] = 300;
        world_open(&world, "example.gov.", false);
        world.now = (int64_t)time(NULL); // they have clocks
        hashed_names_make(world.apex);
        kind_set(&world, kind);
        for (unsigned step = 0; step < OTHERS_STEPS; step++) {
            for (int i = 0; i < (step == 0 ? 12 : 3); i++)
                script_zone_edit(&model);
            script_zone_soften(&model);
            char *text = script_zone_text(&model, step);
            world_text(&world, text);
            free(text);
            if (step % 4 == 3)
                world_others_accept(&world);
        }
        world_close(&world);
    }
}

// The same with every record looked at, and with threads.
static void
looking_at_all_and_more_threads_change_nothing(void **state)
{
    (void)state;
    struct world world;
    struct script_zone model = {.minimum = 60};
    seed = 4711;
    world_open(&world, "example.gov.", false);
    hashed_names_make(world.apex);
    kind_set(&world, KIND_NSEC3);
    world.pool = pool_new(4);
    for (unsigned step = 0; step < 20; step++) {
        script_zone_edit(&model);
        char *text = script_zone_text(&model, step);
        struct draft *draft = draft_from_text(world.apex, text);
        struct diff changes;
        diff_init(&changes);
        diff_version_draft(store_current(world.store), draft, DIFF_UNSIGNED, &changes);
        world.now += 61;
        world_step(&world, (struct sign_request){.changes = &changes, .whole = true});
        diff_close(&changes);
        world_verify_all(&world);
        scratch_compare(&world, draft, text, 4711, step);
        draft_free(&draft);
        free(text);
    }
    world_close(&world);
}

int
main(void)
{
    store_io_without_sync();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signing_step_by_step_equals_signing_from_scratch),
        cmocka_unit_test(so_it_does_with_nsec3),
        cmocka_unit_test(so_it_does_with_opt_out),
        cmocka_unit_test(so_it_does_when_the_kind_of_denial_changes_on_the_way),
        cmocka_unit_test(large_changes_give_what_signing_from_scratch_gives),
        cmocka_unit_test(others_validators_accept_what_edits_leave),
        cmocka_unit_test(looking_at_all_and_more_threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
