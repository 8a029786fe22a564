#include <ctype.h>
#include <time.h>
#include <unistd.h>

#include "common/dns/nsec3_hash.h"
#include "secondary/signer/sign/nsec3_chain.h"
#include "tests/support/store_bed.h"
#include "tests/unit/sign/sign_world.h"

#define HEAD                                                                                       \
    "$TTL 300\n"                                                                                   \
    "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n"                                         \
    "@ NS ns1\n"                                                                                   \
    "ns1 A 192.0.2.1\n"
#define DIGEST "0000000000000000000000000000000000000000000000000000000000000000"

static const char small_zone[] = HEAD "@ A 192.0.2.9\n"
                                      "www A 192.0.2.10\n"
                                      "*.wild TXT \"x\"\n"
                                      "a.b.c A 192.0.2.11\n"
                                      "sub NS ns.sub\n"
                                      "sub NS ns1\n"
                                      "sub DS 1 13 2 " DIGEST "\n"
                                      "sub TXT \"not ours\"\n"
                                      "ns.sub A 192.0.2.12\n"
                                      "insecure NS ns1\n"
                                      "x.y.far NS ns1\n"
                                      "d DNAME example.net.\n"
                                      "mail MX 10 www\n";

static void
nsec3_on(struct world *world, uint8_t flags, uint16_t iterations, const char *salt)
{
    world->policy.nsec3 = true;
    world->policy.nsec3_parameters =
        (struct nsec3_parameters){.algorithm = NSEC3_SHA1,
                                  .flags = flags,
                                  .iterations = iterations,
                                  .salt_length = (uint8_t)strlen(salt)};
    memcpy(world->policy.nsec3_parameters.salt, salt, strlen(salt));
}

// "HASH" of a name as text, relative to the apex.
static const char *
hashed(const struct world *world, const char *name_text, char text[static 64])
{
    uint8_t name[NAME_SIZE_MAX], hash[NSEC3_HASH_SIZE], owner[NAME_SIZE_MAX];
    struct fault fault;
    assert_true(name_from_text(name_text, world->apex, name, &fault));
    nsec3_hash(&world->policy.nsec3_parameters, name, hash);
    assert_true(nsec3_owner(hash, world->apex, owner));
    memcpy(text, owner + 1, NSEC3_LABEL_SIZE);
    text[NSEC3_LABEL_SIZE] = '\0';
    return text;
}

// The types that the NSEC3 of a name shows; "-": there is none.
static const char *
bitmap(const struct world *world, const char *name_text, char text[static 512])
{
    char label[64];
    world_rrset_text(world, hashed(world, name_text, label), RRTYPE_NSEC3, text, 512);
    if (text[0] == '\0')
        return "-";
    char *at = text;
    for (int fields = 0; fields < 5 && *at; fields++)
        at += strcspn(at, " ") + (at[strcspn(at, " ")] == ' ');
    return at;
}

static size_t
count_of(const struct version *version, uint16_t type)
{
    struct version_cursor cursor;
    const struct node *node;
    size_t count = 0;
    version_cursor_first(&cursor, version);
    while ((node = version_cursor_next(&cursor)))
        count += node_has(node, type);
    return count;
}

static void
a_first_signing_has_an_nsec3_for_every_name_that_is_not_hidden(void **state)
{
    (void)state;
    struct world world;
    char text[512], label[64];
    world_open(&world, "example.gov.", false);
    nsec3_on(&world, 0, 0, "");
    world_text(&world, small_zone);
    world_verify_all(&world);
    assert_string_equal(bitmap(&world, "@", text), "A NS SOA RRSIG DNSKEY NSEC3PARAM");
    assert_string_equal(bitmap(&world, "www", text), "A RRSIG");
    assert_string_equal(bitmap(&world, "sub", text), "NS DS RRSIG");
    assert_string_equal(bitmap(&world, "insecure", text), "NS");
    assert_string_equal(bitmap(&world, "d", text), "DNAME RRSIG");
    assert_string_equal(bitmap(&world, "c", text), "");
    assert_string_equal(bitmap(&world, "b.c", text), "");
    assert_string_equal(bitmap(&world, "wild", text), "");
    assert_string_equal(bitmap(&world, "y.far", text), "");
    assert_string_equal(bitmap(&world, "ns.sub", text), "-");
    assert_string_equal(bitmap(&world, hashed(&world, "www", label), text), "-");
    world_rrset_text(&world, "@", RRTYPE_NSEC3PARAM, text, sizeof text);
    assert_string_equal(text, "1 0 0 -");
    world_rrset_text(&world, "@", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "");
    world_close(&world);
}

static void
opt_out_leaves_out_insecure_delegations_and_what_is_above_them_only(void **state)
{
    (void)state;
    struct world world;
    char text[512], label[64];
    world_open(&world, "example.gov.", false);
    nsec3_on(&world, NSEC3_FLAG_OPT_OUT, 3, "salz");
    world_text(&world, small_zone);
    world_verify_all(&world);
    assert_string_equal(bitmap(&world, "sub", text), "NS DS RRSIG");
    assert_string_equal(bitmap(&world, "insecure", text), "-");
    assert_string_equal(bitmap(&world, "x.y.far", text), "-");
    assert_string_equal(bitmap(&world, "y.far", text), "-");
    assert_string_equal(bitmap(&world, "far", text), "-");
    assert_string_equal(bitmap(&world, "b.c", text), "");
    world_rrset_text(&world, hashed(&world, "www", label), RRTYPE_NSEC3, text, sizeof text);
    assert_memory_equal(text, "1 1 3 73616C7A ", 15);
    world_rrset_text(&world, "@", RRTYPE_NSEC3PARAM, text, sizeof text);
    assert_string_equal(text, "1 0 3 73616C7A");
    world_close(&world);
}

static void
others_validators_accept_the_zone(void **state)
{
    (void)state;
    for (uint8_t flags = 0; flags < 2; flags++) {
        struct world world;
        world_open(&world, "example.gov.", false);
        world.now = (int64_t)time(NULL); // they have clocks
        nsec3_on(&world, flags, flags ? 1 : 0, flags ? "x" : "");
        world.policy.zonemd = true;
        world_text(&world, small_zone);
        world_others_accept(&world);
        char *changed = strdup(small_zone);
        strstr(changed, "a.b.c")[0] = 'z';
        world_text(&world, changed);
        free(changed);
        world_others_accept(&world);
        world_close(&world);
    }
}

// RFC 5155 appendix A: twelve iterations, opt-out, and a name that is another's hash.
static void
the_chain_is_that_of_the_rfcs_example(void **state)
{
    (void)state;
    static const char zone[] =
        "$TTL 3600\n"
        "@ SOA ns1 bugs.x.w 1 3600 300 3600000 3600\n@ NS ns1\n@ NS ns2\n@ MX 1 xx\n"
        "2t7b4g4vsa5smi47k61mv5bv1a22bojr A 192.0.2.127\n"
        "a NS ns1.a\na NS ns2.a\na DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C\n"
        "ns1.a A 192.0.2.5\nns2.a A 192.0.2.6\n"
        "ai A 192.0.2.9\nai HINFO KLH-10 ITS\nai AAAA 2001:db8::f00:baa9\n"
        "b NS ns1.b\nb NS ns2.b\nns1.b A 192.0.2.7\nns2.b A 192.0.2.8\n"
        "c NS ns1.c\nc NS ns2.c\nns1.c A 192.0.2.7\nns2.c A 192.0.2.8\n"
        "ns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
        "*.w MX 1 ai\nx.w MX 1 xx\nx.y.w MX 1 xx\n"
        "xx A 192.0.2.10\nxx HINFO KLH-10 TOPS-20\nxx AAAA 2001:db8::f00:baaa\n";
    static const char *const chain[][2] = {
        {"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "NS SOA MX RRSIG DNSKEY NSEC3PARAM"},
        {"2t7b4g4vsa5smi47k61mv5bv1a22bojr", "A RRSIG"},
        {"2vptu5timamqttgl4luu9kg21e0aor3s", "MX RRSIG"},
        {"35mthgpgcu1qg68fab165klnsnk3dpvl", "NS DS RRSIG"},
        {"b4um86eghhds6nea196smvmlo4ors995", "MX RRSIG"},
        {"gjeqe526plbf1g8mklp59enfd789njgi", "A HINFO AAAA RRSIG"},
        {"ji6neoaepv8b5o6k4ev33abha8ht9fgc", ""},
        {"k8udemvp1j2f7eg6jebps17vp3n8i58h", ""},
        {"kohar7mbb8dc2ce8a9qvl8hon4k53uhi", "A RRSIG"},
        {"q04jkcevqvmu85r014c7dkba38o0ji5r", "A RRSIG"},
        {"r53bq7cc2uvmubfu5ocmm6pers9tk9en", "MX RRSIG"},
        {"t644ebqk9bibcna874givr6joj62mlhv", "A HINFO AAAA RRSIG"},
    };
    enum { LINKS = sizeof chain / sizeof chain[0] };
    struct world world;
    world_open(&world, "example.", false);
    nsec3_on(&world, NSEC3_FLAG_OPT_OUT, 12, "\xAA\xBB\xCC\xDD");
    world_text(&world, zone);
    world_verify_all(&world);
    for (int i = 0; i < LINKS; i++) {
        char text[512], wanted[512], next[64];
        for (int k = 0; k <= NSEC3_LABEL_SIZE; k++)
            next[k] = (char)toupper((unsigned char)chain[(i + 1) % LINKS][0][k]);
        snprintf(wanted, sizeof wanted, "1 1 12 AABBCCDD %s%s%s", next, chain[i][1][0] ? " " : "",
                 chain[i][1]);
        world_rrset_text(&world, chain[i][0], RRTYPE_NSEC3, text, sizeof text);
        assert_string_equal(text, wanted);
    }
    assert_int_equal(count_of(store_current(world.store), RRTYPE_NSEC3), LINKS);
    world_close(&world);
}

static void
a_refresh_renews_nsec3s_whose_names_nobody_knows(void **state)
{
    (void)state;
    struct world world;
    const uint8_t *due[64];
    size_t count = 0;
    struct version_cursor cursor;
    const struct node *node;
    world_open(&world, "example.gov.", false);
    nsec3_on(&world, NSEC3_FLAG_OPT_OUT, 0, "");
    world_text(&world, small_zone);
    const struct version *before = version_hold(store_current(world.store));
    version_cursor_first(&cursor, before);
    while ((node = version_cursor_next(&cursor)) && count < 64)
        if (node_has(node, RRTYPE_NSEC3))
            due[count++] = node_owner(node);
    world.now += 8 * 86400;
    world_step(&world, (struct sign_request){.due = due, .due_count = count});
    assert_int_equal(world.made,
                     count + 5); // the apex is looked at, too: NS A SOA DNSKEY NSEC3PARAM
    assert_int_equal(world.looked_at, count + 1);
    world_verify_all(&world);
    version_drop(&before);
    world_close(&world);
}

// ---- kinds of denial that change ----

// One step without new content: the policy alone. Gives the signatures that it made.
static size_t
policy_step(struct world *world)
{
    const struct version *before = version_hold(store_current(world->store));
    world->now += 60;
    world_step(world, (struct sign_request){.unsigned_serial = 1});
    world_signatures_kept(before, store_current(world->store));
    version_drop(&before);
    world_verify_all(world);
    return world->made;
}

static void
another_kind_of_denial_is_found_by_itself_and_comes_in_one_version(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", false);
    world_text(&world, small_zone);
    size_t nsecs = count_of(store_current(world.store), RRTYPE_NSEC);
    nsec3_on(&world, 0, 0, "");
    // NSEC to NSEC3: the new records, NSEC3PARAM, SOA.
    size_t made = policy_step(&world);
    size_t nsec3s = count_of(store_current(world.store), RRTYPE_NSEC3);
    assert_int_equal(nsec3s, nsecs + 5); // c b.c wild far y.far: empty non-terminals
    assert_int_equal(made, nsec3s + 2);
    assert_int_equal(count_of(store_current(world.store), RRTYPE_NSEC), 0);
    // Another salt, more iterations: all new names for the NSEC3s.
    nsec3_on(&world, 0, 2, "abc");
    assert_int_equal(policy_step(&world), nsec3s + 2);
    assert_int_equal(count_of(store_current(world.store), RRTYPE_NSEC3), nsec3s);
    // Opt-out: NSEC3PARAM stays as it is (RFC 5155 section 4.1.2), every NSEC3 has the flag.
    nsec3_on(&world, NSEC3_FLAG_OPT_OUT, 2, "abc");
    assert_int_equal(policy_step(&world), nsec3s - 4 + 1); // two delegations, two above one
    assert_int_equal(count_of(store_current(world.store), RRTYPE_NSEC3), nsec3s - 4);
    world.policy.nsec3 = false;
    assert_int_equal(policy_step(&world), nsecs + 1);
    assert_int_equal(count_of(store_current(world.store), RRTYPE_NSEC3), 0);
    assert_int_equal(count_of(store_current(world.store), RRTYPE_NSEC3PARAM), 0);
    assert_int_equal(count_of(store_current(world.store), RRTYPE_NSEC), nsecs);
    // Nothing is left to do.
    world_step(&world, (struct sign_request){.unsigned_serial = 1});
    assert_true(world.empty);
    world_close(&world);
}

static void
a_changed_soa_minimum_rewrites_every_nsec3_and_keeps_the_other_signatures(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", true);
    nsec3_on(&world, 0, 0, "");
    world_text(&world, small_zone);
    char *changed = strdup(small_zone);
    memcpy(strstr(changed, "1209600 60") + 8, "59", 2);
    world.now += 60;
    const struct version *before = version_hold(store_current(world.store));
    world_text(&world, changed);
    world_signatures_kept(before, store_current(world.store));
    version_drop(&before);
    free(changed);
    assert_int_equal(world.made, count_of(store_current(world.store), RRTYPE_NSEC3) + 1);
    world_verify_all(&world);
    world_close(&world);
}

// ---- names that are hashes ----

static void
a_name_that_is_another_names_hash_has_both(void **state)
{
    (void)state;
    struct world world;
    char label[64], text[512], zone[4096];
    world_open(&world, "example.gov.", false);
    nsec3_on(&world, 0, 0, "");
    hashed(&world, "www", label);
    snprintf(zone, sizeof zone, "%s%s TXT \"real\"\n", small_zone, label);
    world_text(&world, zone);
    world_verify_all(&world);
    assert_string_equal(bitmap(&world, "www", text), "A RRSIG");
    assert_string_equal(bitmap(&world, label, text), "TXT RRSIG");
    world.now += 60; // the data go, the NSEC3 stays
    world_text(&world, small_zone);
    world_verify_all(&world);
    assert_string_equal(bitmap(&world, "www", text), "A RRSIG");
    assert_string_equal(bitmap(&world, label, text), "-");
    world.now += 60; // an insecure delegation: its NS is not signed, the NSEC3 beside it is
    snprintf(zone, sizeof zone, "%s%s NS ns1\n", small_zone, label);
    world_text(&world, zone);
    world_verify_all(&world);
    assert_string_equal(bitmap(&world, label, text), "NS");
    world.now += 60; // the hashed name goes, the name that is its hash stays
    char *without = strdup(zone);
    memcpy(strstr(without, "www A"), "wwx A", 5);
    world_text(&world, without);
    world_verify_all(&world);
    world_rrset_text(&world, label, RRTYPE_NSEC3, text, sizeof text);
    assert_string_equal(text, "");
    world_rrset_text(&world, label, RRTYPE_NS, text, sizeof text);
    assert_string_equal(text, "ns1.example.gov.");
    free(without);
    world_close(&world);
}

// ---- collisions ----

// "twin" has the hash of "www".
static void
weak_hash(const struct nsec3_parameters *parameters, const uint8_t *name,
          uint8_t ret_hash[static NSEC3_HASH_SIZE])
{
    static const uint8_t twin[] = "\4twin\7example\3gov", www[] = "\3www\7example\3gov";
    nsec3_hash(parameters, name_equal(name, twin) ? www : name, ret_hash);
}

static void
refused_for_a_collision(struct world *world, const char *text)
{
    struct draft *draft = draft_from_text(world->apex, text);
    const struct version *current = store_current(world->store);
    struct diff changes;
    struct sign_job *job;
    struct fault fault;
    const struct sign_result *result;
    diff_version_draft(current, draft, DIFF_UNSIGNED, &changes);
    struct sign_request request = {.current = current,
                                   .changes = &changes,
                                   .keyset = world->keyset,
                                   .policy = &world->policy,
                                   .now = world->now};
    assert_true(sign_zone_prepare(&request, &job, &fault));
    assert_false(sign_zone_run(job, &result, &fault));
    assert_int_equal(fault.kind, FAULT_CONFIG);
    assert_non_null(strstr(fault.text, "twin.example.gov"));
    assert_non_null(strstr(fault.text, "www.example.gov"));
    assert_non_null(strstr(fault.text, "nsec3-salt"));
    sign_job_free(&job);
    diff_close(&changes);
    draft_free(&draft);
}

static void
two_names_with_one_hash_are_refused_by_name(void **state)
{
    (void)state;
    struct world world;
    nsec3_chain_hash = weak_hash;
    for (int opt_out = 0; opt_out < 2; opt_out++) {
        world_open(&world, "example.gov.", false);
        nsec3_on(&world, opt_out ? NSEC3_FLAG_OPT_OUT : 0, 0, "");
        refused_for_a_collision(&world, HEAD "www A 192.0.2.2\ntwin A 192.0.2.3\n"); // at first
        refused_for_a_collision(&world, HEAD "www A 192.0.2.2\na.twin A 192.0.2.3\n");
        world_text(&world, HEAD "www A 192.0.2.2\n");
        world.now += 60; // with one that nobody touches, with data and as empty non-terminal
        refused_for_a_collision(&world, HEAD "www A 192.0.2.2\ntwin A 192.0.2.3\n");
        refused_for_a_collision(&world, HEAD "www A 192.0.2.2\na.twin A 192.0.2.3\n");
        // With one that is touched, too.
        refused_for_a_collision(&world, HEAD "www A 192.0.2.9\ntwin A 192.0.2.3\n");
        refused_for_a_collision(&world, HEAD "a.www A 192.0.2.9\ntwin A 192.0.2.3\n");
        world_close(&world);
    }
    nsec3_chain_hash = nsec3_hash;
}

static void
a_name_may_come_with_the_hash_of_one_that_goes(void **state)
{
    (void)state;
    struct world world;
    char text[512];
    nsec3_chain_hash = weak_hash;
    world_open(&world, "example.gov.", false);
    nsec3_on(&world, 0, 0, "");
    const struct sign_result *result;
    world_text(&world, HEAD "www A 192.0.2.2\n");
    // Published without the second path, which hashes as the RFC says.
    struct draft *draft = draft_from_text(world.apex, HEAD "twin TXT \"x\"\n");
    struct diff changes;
    diff_version_draft(store_current(world.store), draft, DIFF_UNSIGNED, &changes);
    world.now += 60;
    struct sign_job *job = world_sign(&world, (struct sign_request){.changes = &changes}, &result);
    assert_true(world.looked_at < 6);
    world_publish(&world, result);
    sign_job_free(&job);
    diff_close(&changes);
    draft_free(&draft);
    assert_string_equal(bitmap(&world, "www", text), "TXT RRSIG");
    assert_int_equal(count_of(store_current(world.store), RRTYPE_NSEC3), 3);
    nsec3_chain_hash = nsec3_hash;
    world_close(&world);
}

// ---- limits ----

static void
an_apex_too_long_for_hashed_names_is_refused_with_the_cure(void **state)
{
    (void)state;
    // 3 * 64 + 1 + n: 222 octets leave room for a label of 32.
    for (unsigned length = 27; length <= 29; length++) {
        struct world world;
        char apex[256];
        int at = 0;
        for (int i = 0; i < 3; i++)
            at += snprintf(apex + at, sizeof apex - (size_t)at, "%063d.", i);
        snprintf(apex + at, sizeof apex - (size_t)at, "%0*d.", (int)length, 0);
        world_open(&world, apex, true);
        nsec3_on(&world, 0, 0, "");
        bool fits = name_length(world.apex) <= NSEC3_APEX_MAX;
        assert_int_equal(fits, length <= 28);
        struct draft *draft =
            draft_from_text(world.apex, "@ SOA . . 1 7200 900 1209600 60\n@ NS .\n");
        struct diff changes;
        struct sign_job *job = NULL;
        struct fault fault;
        diff_version_draft(NULL, draft, DIFF_UNSIGNED, &changes);
        struct sign_request request = {
            .changes = &changes, .keyset = world.keyset, .policy = &world.policy, .now = world.now};
        assert_int_equal(sign_zone_prepare(&request, &job, &fault), fits);
        if (!fits)
            assert_non_null(strstr(fault.text, "nsec3: no"));
        sign_job_free(&job);
        if (fits)
            world_content(&world, draft);
        diff_close(&changes);
        draft_free(&draft);
        world_close(&world);
    }
}

static void
a_wish_to_stop_ends_the_hashing(void **state)
{
    (void)state;
    struct world world;
    struct diff changes;
    struct sign_job *job;
    struct fault fault;
    const struct sign_result *result;
    struct sign_progress progress = {0};
    world_open(&world, "example.gov.", true);
    nsec3_on(&world, 0, NSEC3_ITERATIONS_MAX, "");
    struct draft *draft = draft_from_text(world.apex, small_zone);
    diff_version_draft(NULL, draft, DIFF_UNSIGNED, &changes);
    struct sign_request request = {.changes = &changes,
                                   .keyset = world.keyset,
                                   .policy = &world.policy,
                                   .progress = &progress,
                                   .now = world.now};
    assert_true(sign_zone_prepare(&request, &job, &fault));
    atomic_store(&progress.stop, true);
    assert_false(sign_zone_run(job, &result, &fault));
    assert_int_equal(fault.kind, FAULT_BUSY);
    assert_int_equal(progress.records_total, 0); // signing was not reached
    sign_job_free(&job);
    diff_close(&changes);
    draft_free(&draft);
    world_close(&world);
}

int
main(void)
{
    store_io_without_sync();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_signing_has_an_nsec3_for_every_name_that_is_not_hidden),
        cmocka_unit_test(opt_out_leaves_out_insecure_delegations_and_what_is_above_them_only),
        cmocka_unit_test(the_chain_is_that_of_the_rfcs_example),
        cmocka_unit_test(a_refresh_renews_nsec3s_whose_names_nobody_knows),
        cmocka_unit_test(others_validators_accept_the_zone),
        cmocka_unit_test(another_kind_of_denial_is_found_by_itself_and_comes_in_one_version),
        cmocka_unit_test(a_changed_soa_minimum_rewrites_every_nsec3_and_keeps_the_other_signatures),
        cmocka_unit_test(a_name_that_is_another_names_hash_has_both),
        cmocka_unit_test(two_names_with_one_hash_are_refused_by_name),
        cmocka_unit_test(a_name_may_come_with_the_hash_of_one_that_goes),
        cmocka_unit_test(a_wish_to_stop_ends_the_hashing),
        cmocka_unit_test(an_apex_too_long_for_hashed_names_is_refused_with_the_cure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
