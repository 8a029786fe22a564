#include "secondary/signer/sign/zonemd.h"
#include "tests/support/store_bed.h"
#include "tests/unit/sign/sign_world.h"

#define HEAD                                                                                       \
    "$TTL 300\n"                                                                                   \
    "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n"                                         \
    "@ NS ns1\n"                                                                                   \
    "ns1 A 192.0.2.1\n"

static char *
file_read(const char *name)
{
    char path[512];
    struct octets_buffer text;
    snprintf(path, sizeof path, "%s/golden/zonemd/%s", TEST_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s", path);
    octets_buffer_init(&text);
    for (int c; (c = fgetc(file)) != EOF;)
        octets_buffer_add_u8(&text, (uint8_t)c);
    octets_buffer_add_u8(&text, 0);
    fclose(file);
    return (char *)text.data;
}

// The ZONEMD that a record holds.
static void
rdata_of(const struct node *apex, uint8_t ret_rdata[static ZONEMD_RDATA_SIZE])
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    assert_true(node_rrset_find(apex, RRTYPE_ZONEMD, &rrset));
    assert_true(rrset_next(rrset.wire, rrset.wire_length, &position, &rr));
    assert_int_equal(rr.rdlength, ZONEMD_RDATA_SIZE);
    memcpy(ret_rdata, rr.rdata, ZONEMD_RDATA_SIZE);
}

static void
the_digest_is_that_of_the_rfc(const char *file, const char *apex_text)
{
    uint8_t apex[NAME_SIZE_MAX], wanted[ZONEMD_RDATA_SIZE], made[ZONEMD_RDATA_SIZE];
    struct fault fault;
    struct diff all;
    char *text = file_read(file);
    assert_true(name_from_text(apex_text, NULL, apex, &fault));
    struct draft *draft = draft_from_text(apex, text);
    rdata_of(draft_node_at(draft, 0), wanted);
    diff_version_draft(NULL, draft, DIFF_WHOLE, &all);
    assert_true(zonemd_make(NULL, &all, draft_node_at(draft, 0), octets_get_u32(wanted), made));
    assert_memory_equal(made, wanted, ZONEMD_RDATA_SIZE);
    diff_close(&all);
    draft_free(&draft);
    free(text);
}

static void
a_simple_zone(void **state)
{
    (void)state;
    the_digest_is_that_of_the_rfc("simple.zone", "example.");
}

static void
a_zone_with_occluded_names_duplicates_a_wildcard_and_mixed_case(void **state)
{
    (void)state;
    the_digest_is_that_of_the_rfc("complex.zone", "example.");
}

static void
a_zone_with_digests_of_other_kinds_beside(void **state)
{
    (void)state;
    the_digest_is_that_of_the_rfc("multiple.zone", "example.");
}

static void
a_signed_zone(void **state)
{
    (void)state;
    the_digest_is_that_of_the_rfc("uri.arpa.zone", "uri.arpa.");
}

static void
the_zone_of_the_root_servers(void **state)
{
    (void)state;
    the_digest_is_that_of_the_rfc("root-servers.net.zone", "root-servers.net.");
}

// ---- by policy ----

// What is served has a ZONEMD that fits all else that is served: made anew from a diff of the whole
// version instead of a walk with a diff laid over it.
static void
digest_holds(const struct world *world)
{
    const struct version *version = store_current(world->store);
    const struct node *apex = version_apex_node(version);
    uint8_t served[ZONEMD_RDATA_SIZE], made[ZONEMD_RDATA_SIZE];
    struct version_cursor cursor;
    const struct node *node;
    struct diff all;
    struct rrset zonemd, soa;
    diff_init(&all);
    version_cursor_first(&cursor, version);
    while ((node = version_cursor_next(&cursor)))
        diff_add(&all, NULL, node);
    rdata_of(apex, served);
    assert_true(zonemd_make(NULL, &all, apex, version_facts(version)->signed_serial, made));
    assert_memory_equal(made, served, ZONEMD_RDATA_SIZE);
    assert_true(node_rrset_find(apex, RRTYPE_ZONEMD, &zonemd));
    assert_true(node_rrset_find(apex, RRTYPE_SOA, &soa));
    assert_int_equal(zonemd.ttl, soa.ttl);
    assert_int_equal(zonemd.rr_count, 1);
    assert_int_equal(zonemd.signature_count, 1);
    diff_close(&all);
}

static void
policy_makes_one_that_fits_and_is_in_the_bitmap_and_takes_it_away(bool nsec3)
{
    struct world world;
    char text[512];
    world_open(&world, "example.gov.", false);
    world.policy.zonemd = true;
    world.policy.nsec3 = nsec3;
    world.policy.nsec3_parameters = (struct nsec3_parameters){.algorithm = NSEC3_SHA1};
    world_text(&world, HEAD "www A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\n");
    digest_holds(&world);
    world_verify_all(&world);
    if (!nsec3) {
        world_rrset_text(&world, "@", RRTYPE_NSEC, text, sizeof text);
        assert_non_null(strstr(text, " ZONEMD"));
    }
    world.now += 60;
    world_text(&world, HEAD "www A 192.0.2.77\nsub NS ns.sub\nns.sub A 192.0.2.3\n");
    assert_int_equal(world.made, 3); // A, SOA, ZONEMD
    digest_holds(&world);
    world.now += 60; // unsigned data changes it, too
    world_text(&world, HEAD "www A 192.0.2.77\nsub NS ns.sub\nns.sub A 192.0.2.4\n");
    assert_int_equal(world.made, 2);
    digest_holds(&world);
    world.now += 60;
    world_step(&world, (struct sign_request){.whole = true});
    assert_true(world.empty);
    world.policy.zonemd = false;
    world_step(&world, (struct sign_request){0});
    world_rrset_text(&world, "@", RRTYPE_ZONEMD, text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(world.made, 2); // SOA, and the apex's NSEC or NSEC3 without it
    world_verify_all(&world);
    world.now += 60;
    world.policy.zonemd = true;
    world_step(&world, (struct sign_request){0});
    assert_int_equal(world.made, 3); // and ZONEMD
    digest_holds(&world);
    world_verify_all(&world);
    world_close(&world);
}

static void
by_policy_the_apex_has_one_beside_nsec(void **state)
{
    (void)state;
    policy_makes_one_that_fits_and_is_in_the_bitmap_and_takes_it_away(false);
}

static void
by_policy_the_apex_has_one_beside_nsec3(void **state)
{
    (void)state;
    policy_makes_one_that_fits_and_is_in_the_bitmap_and_takes_it_away(true);
}

static void
a_changed_ttl_of_the_soa_is_its_ttl(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", true);
    world.policy.zonemd = true;
    world_text(&world, HEAD);
    char *changed = strdup(HEAD);
    memcpy(strstr(changed, "3600 IN"), "3599", 4);
    world.now += 60;
    world_text(&world, changed);
    free(changed);
    digest_holds(&world);
    world_close(&world);
}

int
main(void)
{
    store_io_without_sync();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_simple_zone),
        cmocka_unit_test(a_zone_with_digests_of_other_kinds_beside),
        cmocka_unit_test(a_zone_with_occluded_names_duplicates_a_wildcard_and_mixed_case),
        cmocka_unit_test(a_signed_zone),
        cmocka_unit_test(the_zone_of_the_root_servers),
        cmocka_unit_test(by_policy_the_apex_has_one_beside_nsec),
        cmocka_unit_test(by_policy_the_apex_has_one_beside_nsec3),
        cmocka_unit_test(a_changed_ttl_of_the_soa_is_its_ttl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
