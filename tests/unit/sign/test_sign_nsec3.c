#include <time.h>
#include <unistd.h>

#include "common/dns/nsec3_hash.h"
#include "secondary/signer/sign/nsec3_chain.h"
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
others_accept(struct world *world)
{
    char path[128], command[512];
    snprintf(path, sizeof path, "%s/zone", world->folder);
    world_write(world, path);
    static const char *const validators[][2] = {{"ldns-verify-zone", ""},
                                                {"dnssec-verify", "-o example.gov"},
                                                {"kzonecheck", "-o example.gov"}};
    for (size_t i = 0; i < 3; i++) {
        snprintf(command, sizeof command, "command -v %s >/dev/null", validators[i][0]);
        if (system(command) != 0)
            continue;
        snprintf(command, sizeof command, "%s %s %s >%s/out 2>&1 || { cat %s/out; exit 1; }",
                 validators[i][0], validators[i][1], path, world->folder, world->folder);
        if (system(command) != 0)
            fail_msg("%s", validators[i][0]);
    }
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
        others_accept(&world);
        char *changed = strdup(small_zone);
        strstr(changed, "a.b.c")[0] = 'z';
        world_text(&world, changed);
        free(changed);
        others_accept(&world);
        world_close(&world);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_signing_has_an_nsec3_for_every_name_that_is_not_hidden),
        cmocka_unit_test(opt_out_leaves_out_insecure_delegations_and_what_is_above_them_only),
        cmocka_unit_test(others_validators_accept_the_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
