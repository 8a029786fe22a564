// What the second path must catch: faults put in between signing and publishing, most of them
// validly signed, as a signer with a bug would.
#include <time.h>

#include "tests/unit/sign/sign_world.h"

#include "secondary/signer/sign/nsec_chain.h"
#include "secondary/signer/sign/sign_rrset.h"

static const char zone_text[] = "$TTL 300\n"
                                "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n"
                                "@ NS ns1\n"
                                "ns1 A 192.0.2.1\n"
                                "a A 192.0.2.2\n"
                                "m TXT \"m\"\n"
                                "m A 192.0.2.3\n"
                                "sub NS ns.sub\n"
                                "ns.sub A 192.0.2.4\n"
                                "*.w TXT \"w\"\n";

struct fault_case {
    const char *owner;
    uint16_t type;
    void (*alter)(struct rrset *rrset, struct octets_buffer *wire); // of the RRset, or NULL
    bool sign_again;
    const char *word; // what must be found
};

static struct world world;
static struct sign_context *context;

static int
world_make(void **state)
{
    struct fault fault;
    (void)state;
    world_open(&world, "example.gov.", false);
    world_text(&world, zone_text);
    return sign_context_new(world.keyset, &world.policy, &context, &fault) ? 0 : -1;
}

static int
world_end(void **state)
{
    (void)state;
    sign_context_free(&context);
    world_close(&world);
    return 0;
}

static void
owner_of(const char *text, uint8_t *ret_owner)
{
    struct fault fault;
    assert_true(name_from_text(text, world.apex, ret_owner, &fault));
}

// The served record with one RRset altered, and signed again where the case says so.
static const struct node *
altered(const struct fault_case *what, struct arena *arena)
{
    uint8_t owner[NAME_SIZE_MAX];
    static struct rrset rrsets[NODE_RRSETS_MAX + 1];
    struct octets_buffer *wire = arena_zalloc(arena, sizeof *wire);
    struct octets_buffer run;
    owner_of(what->owner, owner);
    const struct node *node = zone_find_exact(store_current(world.store), owner);
    unsigned count = node_rrset_count(node);
    octets_buffer_init(wire);
    octets_buffer_init(&run);
    for (unsigned i = 0; i < count; i++) {
        node_rrset_at(node, i, &rrsets[i]);
        if (rrsets[i].type != what->type)
            continue;
        octets_buffer_add(wire, rrsets[i].wire, rrsets[i].wire_length);
        octets_buffer_add(wire, rrsets[i].signatures, rrsets[i].signatures_length);
        what->alter(&rrsets[i], wire);
        if (what->sign_again) {
            assert_int_equal(sign_rrset(context, owner, &rrsets[i], NULL, true, world.now, &run,
                                        &rrsets[i].signature_count),
                             SIGN_MADE);
            rrsets[i].signatures = run.data;
            rrsets[i].signatures_length = (uint32_t)run.length;
        }
    }
    const struct node *built = node_build(arena, owner, rrsets, count);
    octets_buffer_close(&run);
    octets_buffer_close(wire);
    return built;
}

static void
alter_signature(struct rrset *rrset, struct octets_buffer *wire)
{
    wire->data[wire->length - 5] ^= 0x20;
    rrset->wire = wire->data;
    rrset->signatures = wire->data + rrset->wire_length;
}

static void
alter_rdata(struct rrset *rrset, struct octets_buffer *wire)
{
    wire->data[rrset->wire_length - 1] ^= 1;
    rrset->wire = wire->data;
}

static void
alter_ttl(struct rrset *rrset, struct octets_buffer *wire)
{
    wire->data[9] ^= 1;
    rrset->ttl ^= 1;
    rrset->wire = wire->data;
}

static void
alter_nothing(struct rrset *rrset, struct octets_buffer *wire)
{
    (void)rrset, (void)wire;
}

static void
alter_drop_signature(struct rrset *rrset, struct octets_buffer *wire)
{
    (void)wire;
    rrset->signature_count = 0;
    rrset->signatures = NULL;
    rrset->signatures_length = 0;
}

static void
alter_tag(struct rrset *rrset, struct octets_buffer *wire)
{
    wire->data[rrset->wire_length + 12 + 17] ^= 1;
    rrset->signatures = wire->data + rrset->wire_length;
}

static void
alter_labels(struct rrset *rrset, struct octets_buffer *wire)
{
    wire->data[rrset->wire_length + 12 + 3] ^= 1;
    rrset->signatures = wire->data + rrset->wire_length;
}

static void
alter_signer(struct rrset *rrset, struct octets_buffer *wire)
{
    wire->data[rrset->wire_length + 12 + 18 + 1] ^= 1;
    rrset->signatures = wire->data + rrset->wire_length;
}

static void
alter_original_ttl(struct rrset *rrset, struct octets_buffer *wire)
{
    wire->data[rrset->wire_length + 12 + 7] ^= 1;
    rrset->signatures = wire->data + rrset->wire_length;
}

// The last octet of the last bitmap window: NSEC's own bit and its neighbours.
static void
alter_bitmap(struct rrset *rrset, struct octets_buffer *wire)
{
    wire->data[rrset->wire_length - 1] ^= 4;
    rrset->wire = wire->data;
}

static void
alter_next(struct rrset *rrset, struct octets_buffer *wire)
{
    wire->data[13] ^= 1; // the first letter of the next name
    rrset->wire = wire->data;
}

static void
alter_swap(struct rrset *rrset, struct octets_buffer *wire)
{
    uint32_t first = 12U + octets_get_u16(rrset->wire + 10);
    memcpy(wire->data, rrset->wire + first, rrset->wire_length - first);
    memcpy(wire->data + rrset->wire_length - first, rrset->wire, first);
    rrset->wire = wire->data;
}

static bool
found(const struct verify_report *report, const char *word)
{
    for (size_t i = 0; i < report->findings.count; i++)
        if (strcmp(((struct verify_finding *)vector_at(&report->findings, i))->word, word) == 0)
            return true;
    return false;
}

// As a change that is about to be published: the apex as served, and the altered record.
static void
case_as_change(const struct fault_case *what)
{
    struct arena *arena = arena_new();
    struct diff diff;
    struct verify_report report;
    diff_init(&diff);
    verify_report_init(&report);
    const struct node *node = altered(what, arena);
    const struct node *apex = version_apex_node(store_current(world.store));
    if (!name_equal(node_owner(node), world.apex))
        diff_add(&diff, apex, apex);
    diff_add(&diff, zone_find_exact(store_current(world.store), node_owner(node)), node);
    struct verify_changes changes = {
        .current = store_current(world.store), .diff = &diff, .now = world.now};
    assert_false(verify_changes(&changes, &report));
    if (!found(&report, what->word)) {
        struct fault fault;
        verify_report_fault(&report, &fault);
        fail_msg("%s type %u: wanted %s, got %s", what->owner, what->type, what->word, fault.text);
    }
    verify_report_close(&report);
    diff_close(&diff);
    arena_free(&arena);
}

// As a whole zone from elsewhere.
static void
case_as_zone(const struct fault_case *what)
{
    struct arena *arena = arena_new();
    const struct node *node = altered(what, arena), *other;
    struct draft *draft = draft_new(world.apex);
    struct version_cursor cursor;
    struct draft_findings findings;
    struct fault fault;
    struct verify_report report;
    verify_report_init(&report);
    version_cursor_first(&cursor, store_current(world.store));
    while ((other = version_cursor_next(&cursor)))
        draft_add_node(draft, name_equal(node_owner(other), node_owner(node)) ? node : other);
    assert_true(draft_seal(draft, &findings, &fault));
    if (verify_draft(draft, NULL, world.now, &report) || !found(&report, what->word))
        fail_msg("%s type %u: %s not found", what->owner, what->type, what->word);
    verify_report_close(&report);
    draft_free(&draft);
    arena_free(&arena);
}

static void
faults_in_a_record_are_found_in_a_change_and_in_a_zone(void **state)
{
    (void)state;
    static const struct fault_case cases[] = {
        {"a", RRTYPE_A, alter_signature, false, "bad-signature"},
        {"a", RRTYPE_A, alter_rdata, false, "bad-signature"},
        {"@", RRTYPE_SOA, alter_signature, false, "bad-signature"},
        {"@", RRTYPE_DNSKEY, alter_signature, false, "bad-signature"},
        {"*.w", RRTYPE_TXT, alter_rdata, false, "bad-signature"},
        {"a", RRTYPE_NSEC, alter_signature, false, "bad-signature"},
        {"m", RRTYPE_A, alter_drop_signature, false, "no-signature"},
        {"m", RRTYPE_NSEC, alter_drop_signature, false, "no-signature"},
        {"a", RRTYPE_A, alter_tag, false, "unknown-key"},
        {"a", RRTYPE_A, alter_labels, false, "labels"},
        {"*.w", RRTYPE_TXT, alter_labels, false, "labels"},
        {"a", RRTYPE_A, alter_signer, false, "signer"},
        {"a", RRTYPE_A, alter_ttl, false, "ttl"},
        {"a", RRTYPE_A, alter_original_ttl, false, "ttl"},
        {"a", RRTYPE_NSEC, alter_bitmap, false, "bitmap"},
        {"a", RRTYPE_NSEC, alter_bitmap, true, "bitmap"},
        {"sub", RRTYPE_NSEC, alter_bitmap, true, "bitmap"},
        {"@", RRTYPE_NSEC, alter_bitmap, true, "bitmap"},
        {"a", RRTYPE_NSEC, alter_next, true, "next"},
        {"*.w", RRTYPE_NSEC, alter_next, true, "next"}, // to the apex
        {"@", RRTYPE_NSEC, alter_next, true, "next"},
        {"a", RRTYPE_NSEC, alter_ttl, true, "nsec-ttl"},
        {"ns.sub", RRTYPE_A, alter_nothing, true, "occluded-signed"},
        {"sub", RRTYPE_NS, alter_nothing, true, "occluded-signed"},
        {"@", RRTYPE_DNSKEY, alter_swap, true, "order"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        case_as_change(&cases[i]);
        if (strcmp(cases[i].word, "order") != 0) // sealing puts RRs in order
            case_as_zone(&cases[i]);
    }
}

static void
every_bit_of_a_signature_counts(void **state)
{
    (void)state;
    uint8_t owner[NAME_SIZE_MAX];
    struct rrset rrset;
    owner_of("a", owner);
    const struct node *node = zone_find_exact(store_current(world.store), owner);
    assert_true(node_rrset_find(node, RRTYPE_A, &rrset));
    uint8_t *run = malloc(rrset.signatures_length);
    const struct node *apex = version_apex_node(store_current(world.store));
    for (uint32_t bit = 12 * 8; bit < rrset.signatures_length * 8; bit++) {
        struct arena *arena = arena_new();
        struct diff diff;
        struct verify_report report;
        struct rrset all[4];
        diff_init(&diff);
        verify_report_init(&report);
        memcpy(run, rrset.signatures, rrset.signatures_length);
        run[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        for (unsigned i = 0; i < node_rrset_count(node); i++) {
            node_rrset_at(node, i, &all[i]);
            if (all[i].type == RRTYPE_A)
                all[i].signatures = run;
        }
        diff_add(&diff, apex, apex);
        diff_add(&diff, node, node_build(arena, owner, all, node_rrset_count(node)));
        struct verify_changes changes = {
            .current = store_current(world.store), .diff = &diff, .now = world.now};
        if (verify_changes(&changes, &report))
            fail_msg("bit %u", bit);
        verify_report_close(&report);
        diff_close(&diff);
        arena_free(&arena);
    }
    free(run);
}

// A signed diff of a change, with entries left out.
static void
a_change_that_forgets_a_neighbour_is_found(void **state)
{
    (void)state;
    static const char *const edits[] = {"b A 192.0.2.9\n", "zz A 192.0.2.9\n",
                                        "\\000.a A 192.0.2.9\n"};
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", zone_text, edits[i]);
        struct draft *draft = draft_from_text(world.apex, text);
        struct diff changes;
        const struct sign_result *result;
        diff_init(&changes);
        diff_version_draft(store_current(world.store), draft, DIFF_UNSIGNED, &changes);
        struct sign_job *job =
            world_sign(&world, (struct sign_request){.changes = &changes}, &result);
        for (size_t left_out = 1; left_out < result->diff.count; left_out++) {
            struct diff part;
            struct verify_report report;
            diff_init(&part);
            verify_report_init(&report);
            for (size_t at = 0; at < result->diff.count; at++)
                if (at != left_out)
                    diff_add(&part, result->diff.entries[at].old_node,
                             result->diff.entries[at].new_node);
            struct verify_changes check = {
                .current = store_current(world.store), .diff = &part, .now = world.now};
            assert_false(verify_changes(&check, &report));
            assert_true(found(&report, "next"));
            verify_report_close(&report);
            diff_close(&part);
        }
        sign_job_free(&job);
        diff_close(&changes);
        draft_free(&draft);
    }
}

static void
an_owner_that_goes_without_its_predecessor_is_found(void **state)
{
    (void)state;
    uint8_t owner[NAME_SIZE_MAX];
    struct diff diff;
    struct verify_report report;
    const struct node *apex = version_apex_node(store_current(world.store));
    owner_of("m", owner);
    diff_init(&diff);
    verify_report_init(&report);
    diff_add(&diff, apex, apex);
    diff_add(&diff, zone_find_exact(store_current(world.store), owner), NULL);
    struct verify_changes changes = {
        .current = store_current(world.store), .diff = &diff, .now = world.now};
    assert_false(verify_changes(&changes, &report));
    assert_true(found(&report, "next"));
    verify_report_close(&report);
    diff_close(&diff);
}

static void
times_outside_validity_are_found(void **state)
{
    (void)state;
    struct verify_report report;
    const struct version *version = store_current(world.store);
    verify_report_init(&report);
    assert_false(verify_version(version, NULL, world.now + 15 * 86400, &report));
    assert_true(found(&report, "expired"));
    verify_report_close(&report);
    verify_report_init(&report);
    assert_false(verify_version(version, NULL, world.now - 4 * 3600, &report));
    assert_true(found(&report, "not-yet-valid"));
    verify_report_close(&report);
    verify_report_init(&report);
    assert_true(verify_version(version, NULL, world.now, &report));
    assert_int_equal(report.signatures, version_facts(version)->signature_count);
    assert_true(report.first_expiration > world.now + 12 * 86400);
    verify_report_close(&report);
}

// The .de and .ru outages: signatures by a key that is not in the DNSKEY RRset that is published.
static void
a_key_set_without_the_signing_key_is_found(void **state)
{
    (void)state;
    struct world other;
    struct verify_report report;
    struct rrset rrsets[8];
    struct diff diff;
    world_open(&other, "example.gov.", false);
    world_text(&other, zone_text);
    const struct node *apex = version_apex_node(store_current(world.store));
    struct rrset foreign;
    assert_true(
        node_rrset_find(version_apex_node(store_current(other.store)), RRTYPE_DNSKEY, &foreign));
    for (unsigned i = 0; i < node_rrset_count(apex); i++) {
        node_rrset_at(apex, i, &rrsets[i]);
        if (rrsets[i].type == RRTYPE_DNSKEY)
            rrsets[i] = foreign;
    }
    struct arena *arena = arena_new();
    diff_init(&diff);
    verify_report_init(&report);
    diff_add(&diff, apex, node_build(arena, world.apex, rrsets, node_rrset_count(apex)));
    struct verify_changes changes = {
        .current = store_current(world.store), .diff = &diff, .now = world.now};
    assert_false(verify_changes(&changes, &report));
    assert_true(found(&report, "unknown-key"));
    bool unchanged_too = false; // the records that were not touched are looked at as well
    for (size_t i = 0; i < report.findings.count; i++) {
        const struct verify_finding *finding = vector_at(&report.findings, i);
        unchanged_too = unchanged_too || !name_equal(finding->owner, world.apex);
    }
    assert_true(unchanged_too);
    verify_report_close(&report);
    diff_close(&diff);
    arena_free(&arena);
    world_close(&other);
}

static void
a_large_change_is_sampled_and_says_so(void **state)
{
    (void)state;
    struct verify_report report;
    struct diff diff;
    struct version_cursor cursor;
    const struct node *node;
    diff_init(&diff);
    version_cursor_first(&cursor, store_current(world.store));
    while ((node = version_cursor_next(&cursor)))
        if (node_rrset_count(node))
            diff_add(&diff, NULL, node);
    verify_report_init(&report);
    struct verify_changes changes = {.diff = &diff, .all_up_to = 5, .now = world.now, .seed = 1};
    assert_true(verify_changes(&changes, &report));
    assert_true(report.sampled);
    assert_true(report.signatures < version_facts(store_current(world.store))->signature_count);
    verify_report_close(&report);
    verify_report_init(&report);
    changes.everything = true;
    assert_true(verify_changes(&changes, &report));
    assert_false(report.sampled);
    assert_int_equal(report.signatures, version_facts(store_current(world.store))->signature_count);
    verify_report_close(&report);
    diff_close(&diff);
}

// Algorithms that this version does not sign with are verified all the same: zones of others,
// policy: none.
static void
zones_signed_by_others_verify(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"RSASHA256 -b 2048", "RSASHA512 -b 2048",
                                             "ECDSAP256SHA256",   "ECDSAP384SHA384",
                                             "ED25519",           "ED448"};
    if (system("command -v dnssec-keygen dnssec-signzone >/dev/null") != 0)
        skip();
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        char command[1024], path[128];
        snprintf(path, sizeof path, "%s/other%zu", world.folder, i);
        snprintf(
            command, sizeof command,
            "mkdir %s && cd %s && printf '%s' > zone && "
            "dnssec-keygen -q -a %s -f KSK example.gov >/dev/null && "
            "dnssec-keygen -q -a %s example.gov >/dev/null && "
            "dnssec-signzone -S -q -o example.gov -O full zone >/dev/null 2>&1",
            path, path,
            "$TTL 300\\n@ 3600 IN SOA ns1 h 1 7200 900 1209600 60\\n@ NS ns1\\n"
            "ns1 A 192.0.2.1\\n*.w TXT x\\nsub NS ns.sub\\nns.sub A 192.0.2.2\\na.b.c MX 1 ns1\\n",
            algorithms[i], algorithms[i]);
        assert_int_equal(system(command), 0);
        snprintf(path, sizeof path, "%s/other%zu/zone.signed", world.folder, i);
        struct draft *draft = draft_new(world.apex);
        struct vector errors;
        struct draft_findings findings;
        struct fault fault;
        assert_true(zonefile_read(path, draft, NULL, &errors));
        zonefile_errors_close(&errors);
        assert_true(draft_seal(draft, &findings, &fault));
        struct verify_report report;
        verify_report_init(&report);
        if (!verify_draft(draft, NULL, (int64_t)time(NULL), &report)) {
            verify_report_fault(&report, &fault);
            fail_msg("%s: %s", algorithms[i], fault.text);
        }
        assert_true(report.signatures > 10);
        verify_report_close(&report);
        draft_free(&draft);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_in_a_record_are_found_in_a_change_and_in_a_zone),
        cmocka_unit_test(every_bit_of_a_signature_counts),
        cmocka_unit_test(a_change_that_forgets_a_neighbour_is_found),
        cmocka_unit_test(an_owner_that_goes_without_its_predecessor_is_found),
        cmocka_unit_test(times_outside_validity_are_found),
        cmocka_unit_test(a_key_set_without_the_signing_key_is_found),
        cmocka_unit_test(a_large_change_is_sampled_and_says_so),
        cmocka_unit_test(zones_signed_by_others_verify),
    };
    return cmocka_run_group_tests(tests, world_make, world_end);
}
