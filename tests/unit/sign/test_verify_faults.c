// The same faults in zones of every algorithm and kind of denial: signatures, times, keys, ZONEMD.
// Put in between signing and publishing; validly signed where only a signer with a bug would do it.
#include "tests/unit/sign/test_verify_world.h"

#include "common/dns/rdata.h"

static const char zone_text[] =
    "$TTL 300\n"
    "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n"
    "@ NS ns1\n"
    "ns1 A 192.0.2.1\n"
    "a A 192.0.2.2\n"
    "x.y.ent TXT \"ent\"\n"
    "*.w TXT \"w\"\n"
    "sub NS ns.sub\n"
    "ns.sub A 192.0.2.4\n"
    "sec NS ns1\n"
    "sec DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n";

enum kind { NSEC, NSEC3, OPT_OUT, KINDS };
static const char *const kind_names[KINDS] = {"NSEC", "NSEC3", "opt-out"};

static struct world world;
static char about[128];

static void
open_with(uint8_t algorithm, enum kind kind, bool zonemd)
{
    world_open(&world, "example.gov.", true);
    world_keys(&world, algorithm);
    world.policy.nsec3 = kind != NSEC;
    world.policy.nsec3_parameters = (struct nsec3_parameters){
        .algorithm = NSEC3_SHA1, .flags = kind == OPT_OUT ? NSEC3_FLAG_OPT_OUT : 0};
    world.policy.zonemd = zonemd;
    world_text(&world, zone_text);
    world_verify_all(&world);
    snprintf(about, sizeof about, "algorithm %u, %s", algorithm, kind_names[kind]);
}

// Of the signature over an RRset.
struct flip {
    const char *what;
    uint32_t octet; // of its RDATA
    const char *word;
};
static const struct flip flips[] = {
    {"type covered", 1, "type-covered"},
    {"algorithm", 2, "unknown-key"},
    {"labels", 3, "labels"},
    {"original TTL", 7, "ttl"},
    {"expiration", 9, "bad-signature"},
    {"inception", 15, "bad-signature"},
    {"key tag", 17, "unknown-key"},
    {"signer", 20, "signer"},
    {"signature", 40, "bad-signature"},
};

static void
flip_signatures(const char *owner, uint16_t type)
{
    for (size_t i = 0; i < sizeof flips / sizeof flips[0]; i++) {
        struct faulty faulty;
        struct taken taken;
        char what[200];
        faulty_begin(&faulty, &world);
        faulty_take(&faulty, owner, &taken);
        taken_set(&taken, type)->signatures.data[12 + flips[i].octet] ^= 1;
        bool covered = flips[i].octet == 1; // sealing a draft puts it elsewhere
        faulty_put(&faulty, &taken);
        snprintf(what, sizeof what, "%s: %s of %s type %u", about, flips[i].what, owner, type);
        faulty_as_change(&faulty, what, flips[i].word);
        if (!covered)
            faulty_as_zone(&faulty, what, flips[i].word);
        faulty_end(&faulty);
    }
}

static void
flip_data(const char *owner, uint16_t type, const char *word)
{
    struct faulty faulty;
    struct taken taken;
    faulty_begin(&faulty, &world);
    faulty_take(&faulty, owner, &taken);
    struct taken_set *set = taken_set(&taken, type);
    set->wire.data[set->wire.length - 1] ^= 1;
    faulty_put(&faulty, &taken);
    faulty_as_change(&faulty, about, word);
    faulty_as_zone(&faulty, about, word);
    faulty_end(&faulty);
}

static void
times_are_looked_at(void)
{
    static const struct {
        int64_t off;
        const char *word;
    } cases[] = {{-20 * 86400, "expired"}, {2 * 86400, "not-yet-valid"}};
    for (size_t i = 0; i < 2; i++) {
        struct faulty faulty;
        struct taken taken;
        faulty_begin(&faulty, &world);
        faulty_take(&faulty, "a", &taken);
        faulty_sign_at(&faulty, &taken, RRTYPE_A, world.now + cases[i].off);
        faulty_put(&faulty, &taken);
        faulty_as_change(&faulty, about, cases[i].word);
        faulty_as_zone(&faulty, about, cases[i].word);
        faulty_end(&faulty);
    }
}

// Of the DNSKEY RRset, validly signed: one key is not in it, or another one has its tag.
static void
key_sets_are_looked_at(void)
{
    for (int how = 0; how < 2; how++) {
        struct faulty faulty;
        struct taken taken;
        struct rr rr;
        uint32_t position = 0;
        faulty_begin(&faulty, &world);
        faulty_take(&faulty, "@", &taken);
        struct taken_set *set = taken_set(&taken, RRTYPE_DNSKEY);
        struct octets_buffer all = set->wire;
        octets_buffer_init(&set->wire);
        set->rr_count = 0;
        while (rrset_next(all.data, (uint32_t)all.length, &position, &rr)) {
            uint8_t rdata[1024];
            memcpy(rdata, rr.rdata, rr.rdlength);
            if (rdata[1] == 0) { // the ZSK
                if (how == 0)
                    continue;
                uint8_t *key = rdata + 4 + 8; // past RSA's exponent; aligned words change places
                uint8_t word[2] = {key[0], key[1]};
                memcpy(key, key + 2, 2);
                memcpy(key + 2, word, 2);
                assert_memory_not_equal(rdata, rr.rdata, rr.rdlength);
                assert_int_equal(rdata_dnskey_tag(rdata, rr.rdlength),
                                 rdata_dnskey_tag(rr.rdata, rr.rdlength));
            }
            taken_rr(set, rdata, rr.rdlength);
        }
        octets_buffer_close(&all);
        faulty_sign(&faulty, &taken, RRTYPE_DNSKEY);
        faulty_put(&faulty, &taken);
        faulty_as_change(&faulty, about, how ? "bad-signature" : "unknown-key");
        faulty_as_zone(&faulty, about, how ? "bad-signature" : "unknown-key");
        faulty_end(&faulty);
    }
}

static void
look_at(uint8_t algorithm, enum kind kind)
{
    open_with(algorithm, kind, false);
    flip_signatures("a", RRTYPE_A);
    flip_signatures("@", RRTYPE_SOA);
    flip_signatures(kind == NSEC ? "a" : "#a", kind == NSEC ? RRTYPE_NSEC : RRTYPE_NSEC3);
    flip_data("a", RRTYPE_A, "bad-signature");
    flip_data("sec", RRTYPE_DS, "bad-signature");
    flip_data("@", RRTYPE_DNSKEY, "unknown-key"); // its tag
    times_are_looked_at();
    key_sets_are_looked_at();
    world_close(&world);
}

static void
faults_are_found_in_each_kind_of_denial(void **state)
{
    (void)state;
    for (enum kind kind = NSEC; kind < KINDS; kind++)
        look_at(15, kind);
}

static void
faults_are_found_in_each_algorithm(void **state)
{
    (void)state;
    static const uint8_t algorithms[] = {8, 10, 13, 14, 16};
    for (size_t i = 0; i < sizeof algorithms; i++)
        look_at(algorithms[i], i % KINDS);
}

// --- ZONEMD: serial (4), scheme, hash, digest

static void
zonemd_digest(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "@", &taken);
    taken_set(&taken, RRTYPE_ZONEMD)->wire.data[12 + 6 + 20] ^= 1;
    faulty_sign(faulty, &taken, RRTYPE_ZONEMD);
    faulty_put(faulty, &taken);
}

static void
zonemd_serial(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "@", &taken);
    taken_set(&taken, RRTYPE_ZONEMD)->wire.data[12 + 3] ^= 1;
    faulty_sign(faulty, &taken, RRTYPE_ZONEMD);
    faulty_put(faulty, &taken);
}

static void
zonemd_twice(struct faulty *faulty)
{
    struct taken taken;
    uint8_t rdata[54];
    faulty_take(faulty, "@", &taken);
    struct taken_set *set = taken_set(&taken, RRTYPE_ZONEMD);
    memcpy(rdata, set->wire.data + 12, sizeof rdata);
    rdata[53] = 0xff;
    if (set->wire.data[12 + 53] == 0xff)
        rdata[6] ^= 1;
    taken_rr(set, rdata, sizeof rdata);
    faulty_sign(faulty, &taken, RRTYPE_ZONEMD);
    faulty_put(faulty, &taken);
}

static void
zonemd_cut(struct faulty *faulty)
{
    struct taken taken;
    uint8_t rdata[54];
    faulty_take(faulty, "@", &taken);
    struct taken_set *set = taken_set(&taken, RRTYPE_ZONEMD);
    memcpy(rdata, set->wire.data + 12, sizeof rdata);
    set->wire.length = 0;
    set->rr_count = 0;
    taken_rr(set, rdata, sizeof rdata - 1);
    faulty_sign(faulty, &taken, RRTYPE_ZONEMD);
    faulty_put(faulty, &taken);
}

// NSEC or NSEC3 says that it is there.
static void
zonemd_missing(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "@", &taken);
    taken_drop(&taken, RRTYPE_ZONEMD);
    faulty_put(faulty, &taken);
}

// Nothing of it is signed, so nothing but the digest can tell.
static void
other_glue(struct faulty *faulty)
{
    struct taken taken;
    faulty_take(faulty, "ns.sub", &taken);
    taken_set(&taken, RRTYPE_A)->wire.data[15] ^= 1;
    faulty_put(faulty, &taken);
}

static void
faults_of_a_zonemd_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        void (*make)(struct faulty *faulty);
        const char *word, *word_in_zone;
    } cases[] = {
        {"digest", zonemd_digest, "zonemd", "zonemd"},
        {"serial", zonemd_serial, "zonemd", "zonemd"},
        {"two", zonemd_twice, "zonemd", "zonemd"},
        {"cut", zonemd_cut, "zonemd", "zonemd"},
        {"missing", zonemd_missing, "zonemd", "bitmap"},
        {"missing, by the bitmap", zonemd_missing, "bitmap", "bitmap"},
        {"glue", other_glue, "zonemd", "zonemd"},
    };
    for (enum kind kind = NSEC; kind < KINDS; kind++) {
        open_with(15, kind, true);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct faulty faulty;
            faulty_begin(&faulty, &world);
            cases[i].make(&faulty);
            faulty_as_change(&faulty, cases[i].what, cases[i].word);
            faulty_as_zone(&faulty, cases[i].what, cases[i].word_in_zone);
            faulty_end(&faulty);
        }
        world_close(&world);
    }
}

static void
a_report_says_what_was_looked_at(void **state)
{
    (void)state;
    struct verify_report report;
    struct verify_progress progress = {0};
    open_with(13, NSEC3, true);
    struct verify_whole whole = {.version = store_current(world.store),
                                 .now = world.now,
                                 .own = true,
                                 .zonemd = true,
                                 .progress = &progress};
    const struct version_facts *facts = version_facts(whole.version);
    verify_report_init(&report);
    assert_true(verify_whole(&whole, &report));
    assert_int_equal(report.denial, VERIFY_NSEC3);
    assert_int_equal(report.names, 8);         // ns.sub among them
    assert_int_equal(report.chain_owners, 10); // and ent, y.ent, w; not ns.sub
    assert_int_equal(report.rrs, facts->rr_count);
    assert_int_equal(report.signatures, facts->signature_count);
    assert_true(report.zonemd_checked);
    assert_int_equal(progress.records_done, report.records);
    verify_report_close(&report);
    // Stopped before it began: no finding, and not verified.
    verify_report_init(&report);
    atomic_store(&progress.stop, true);
    assert_false(verify_whole(&whole, &report));
    assert_true(report.stopped && report.finding_count == 0 && report.signatures == 0);
    verify_report_close(&report);
    world_close(&world);
}

// In portions: the same findings as at once.
static void
a_walk_in_portions_finds_the_same(void **state)
{
    (void)state;
    for (enum kind kind = NSEC; kind < KINDS; kind++) {
        open_with(15, kind, true);
        for (size_t portion = 1; portion < 20; portion += 6) {
            struct verify_report report;
            verify_report_init(&report);
            struct verify_walk *walk = verify_walk_new(store_current(world.store), world.now);
            size_t turns = 1;
            while (verify_walk_some(walk, portion, &report))
                turns++;
            assert_true(turns > 7 / portion);
            assert_int_equal(report.finding_count, 0);
            assert_int_equal(report.signatures,
                             version_facts(store_current(world.store))->signature_count);
            verify_walk_free(&walk);
            verify_report_close(&report);
        }
        world_close(&world);
    }
}

// Several threads tick off the same chain.
static void
threads_find_the_same(void **state)
{
    (void)state;
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_add(&text, zone_text, strlen(zone_text));
    for (int i = 0; i < 300; i++)
        octets_buffer_printf(&text, "n%d.e%d A 192.0.2.1\n", i, i % 7);
    octets_buffer_add_u8(&text, 0);
    for (enum kind kind = NSEC; kind < KINDS; kind++) {
        open_with(15, kind, true);
        world.pool = pool_new(3);
        world_text(&world, (const char *)text.data);
        struct verify_report alone, together;
        struct verify_whole whole = {
            .version = store_current(world.store), .now = world.now, .own = true};
        verify_report_init(&alone);
        verify_report_init(&together);
        assert_true(verify_whole(&whole, &alone));
        whole.pool = world.pool;
        assert_true(verify_whole(&whole, &together));
        assert_int_equal(alone.signatures, together.signatures);
        assert_int_equal(alone.names, together.names);
        assert_int_equal(alone.chain_owners, together.chain_owners);
        assert_int_equal(alone.first_expiration, together.first_expiration);
        whole.now += 30 * 86400; // every signature is a finding
        assert_false(verify_whole(&whole, &together));
        assert_int_equal(together.finding_count, alone.signatures);
        assert_int_equal(together.findings.count, VERIFY_FINDINGS_MAX);
        verify_report_close(&alone);
        verify_report_close(&together);
        world_close(&world);
    }
    octets_buffer_close(&text);
}

// One address among many: its record, the apex, and nothing of the others.
static void
a_small_change_costs_little(void **state)
{
    (void)state;
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_add(&text, zone_text, strlen(zone_text));
    for (int i = 0; i < 1000; i++)
        octets_buffer_printf(&text, "n%d.e%d A 192.0.2.1\n", i, i % 7);
    octets_buffer_add_u8(&text, 0);
    for (enum kind kind = NSEC; kind < KINDS; kind++) {
        open_with(15, kind, false);
        world_text(&world, (const char *)text.data);
        char *changed = strstr((char *)text.data, "n500.");
        char *last = strchr(changed, '\n') - 1;
        *last = *last == '1' ? '2' : '1';
        struct draft *draft = draft_from_text(world.apex, (const char *)text.data);
        struct diff changes;
        const struct sign_result *result;
        struct verify_report report;
        diff_init(&changes);
        verify_report_init(&report);
        diff_version_draft(store_current(world.store), draft, DIFF_UNSIGNED, &changes);
        struct sign_job *job =
            world_sign(&world, (struct sign_request){.changes = &changes}, &result);
        struct verify_changes check = {
            .current = store_current(world.store), .diff = &result->diff, .now = world.now};
        assert_true(verify_changes(&check, &report));
        assert_int_equal(report.records, 2);
        assert_int_equal(report.signatures, 2); // its A and the SOA
        verify_report_close(&report);
        sign_job_free(&job);
        diff_close(&changes);
        draft_free(&draft);
        world_close(&world);
    }
    octets_buffer_close(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_found_in_each_kind_of_denial),
        cmocka_unit_test(faults_are_found_in_each_algorithm),
        cmocka_unit_test(faults_of_a_zonemd_are_found),
        cmocka_unit_test(a_report_says_what_was_looked_at),
        cmocka_unit_test(a_walk_in_portions_finds_the_same),
        cmocka_unit_test(threads_find_the_same),
        cmocka_unit_test(a_small_change_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
