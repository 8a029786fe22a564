#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "secondary/signer/sign/sign_node.h"
#include "tests/unit/sign/sign_world.h"

#define HEAD                                                                                       \
    "$TTL 300\n"                                                                                   \
    "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n"                                         \
    "@ NS ns1\n"                                                                                   \
    "ns1 A 192.0.2.1\n"

static const char small_zone[] =
    HEAD "@ A 192.0.2.9\n"
         "www A 192.0.2.10\n"
         "*.wild TXT \"x\"\n"
         "a.b.c A 192.0.2.11\n"
         "sub NS ns.sub\n"
         "sub NS ns1\n"
         "sub DS 1 13 2 "
         "0000000000000000000000000000000000000000000000000000000000000000\n"
         "sub TXT \"not ours\"\n"
         "ns.sub A 192.0.2.12\n"
         "insecure NS ns1\n"
         "d DNAME example.net.\n"
         "mail MX 10 www\n";

static void
a_first_signing_covers_every_authoritative_rrset_and_nothing_else(void **state)
{
    (void)state;
    struct world world;
    char text[512];
    world_open(&world, "example.gov.", false);
    world_text(&world, small_zone);
    world_verify_all(&world);
    world_rrset_text(&world, "@", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "a.b.c.example.gov. A NS SOA RRSIG NSEC DNSKEY");
    world_rrset_text(&world, "sub", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "*.wild.example.gov. NS DS RRSIG NSEC");
    world_rrset_text(&world, "insecure", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "mail.example.gov. NS RRSIG NSEC");
    world_rrset_text(&world, "d", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "insecure.example.gov. DNAME RRSIG NSEC");
    world_rrset_text(&world, "www", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "example.gov. A RRSIG NSEC");
    world_rrset_text(&world, "ns.sub", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "");
    world_rrset_text(&world, "b.c", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "");
    world_close(&world);
}

static void
one_changed_address_makes_two_signatures_and_touches_two_records(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", false);
    world_text(&world, small_zone);
    world.now += 60;
    char *changed = strdup(small_zone);
    strstr(changed, "192.0.2.10")[9] = '7';
    world_text(&world, changed);
    free(changed);
    assert_int_equal(world.made, 2);
    assert_int_equal(world.entries, 2);
    assert_int_equal(world.looked_at, 2);
    world_verify_all(&world);
    world_close(&world);
}

static void
the_same_content_makes_no_signature_and_no_serial(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", false);
    world_text(&world, small_zone);
    uint32_t serial = version_facts(store_current(world.store))->signed_serial;
    world.now += 3600;
    world_text(&world, small_zone);
    assert_true(world.empty);
    assert_int_equal(world.made, 0);
    assert_int_equal(version_facts(store_current(world.store))->signed_serial, serial);
    world_step(&world, (struct sign_request){.whole = true}); // looked at all, found nothing
    assert_true(world.empty);
    assert_int_equal(world.made, 0);
    world_close(&world);
}

static void
a_changed_ttl_is_signed_again(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", true);
    world_text(&world, HEAD "www 300 A 192.0.2.1\n");
    world.now += 60;
    world_text(&world, HEAD "www 301 A 192.0.2.1\n");
    assert_int_equal(world.made, 2);
    world_verify_all(&world);
    world_close(&world);
}

static void
a_changed_soa_minimum_rewrites_every_nsec_and_keeps_the_other_signatures(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", true);
    world_text(&world, small_zone);
    char *changed = strdup(small_zone);
    memcpy(strstr(changed, "1209600 60") + 8, "59", 2);
    world.now += 60;
    world_text(&world, changed);
    free(changed);
    // apex, a.b.c, d, insecure, mail, ns1, sub, *.wild, www and the SOA
    assert_int_equal(world.made, 9 + 1);
    world_verify_all(&world);
    world_close(&world);
}

static void
a_cut_takes_the_names_below_it_out_of_the_chain_and_gives_them_back(void **state)
{
    (void)state;
    struct world world;
    char text[512];
    static const char without[] = HEAD "x.cut A 192.0.2.2\ny.z.cut A 192.0.2.3\ncut A 192.0.2.4\n";
    static const char with[] = HEAD "x.cut A 192.0.2.2\ny.z.cut A 192.0.2.3\ncut A 192.0.2.4\n"
                                    "cut NS x.cut\n";
    world_open(&world, "example.gov.", false);
    world_text(&world, without);
    world_rrset_text(&world, "x.cut", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "y.z.cut.example.gov. A RRSIG NSEC");
    world.now += 60;
    world_text(&world, with);
    world_verify_all(&world);
    world_rrset_text(&world, "cut", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "ns1.example.gov. NS RRSIG NSEC");
    world_rrset_text(&world, "x.cut", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "");
    world.now += 60;
    world_text(&world, without);
    world_verify_all(&world);
    world_rrset_text(&world, "cut", RRTYPE_NSEC, text, sizeof text);
    assert_string_equal(text, "x.cut.example.gov. A RRSIG NSEC");
    world_close(&world);
}

static void
a_new_zone_key_signs_everything_and_the_old_ones_signatures_go(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    const struct key_pair *key, *keys[KEYSET_KEYS_MAX];
    world_open(&world, "example.gov.", false);
    world_text(&world, small_zone);
    assert_int_equal(keyset_signing(world.keyset, false, keys), 1);
    uint16_t old = keys[0]->tag;
    world.now += 60;
    assert_true(keyset_generate(world.keyset, KEY_ZSK, 13, world.now, &key, &fault));
    assert_true(keyset_move(world.keyset, key->tag, KEY_EVENT_PUBLISH, world.now, &fault));
    world_step(&world, (struct sign_request){.unsigned_serial = 1});
    assert_int_equal(world.made, 2); // DNSKEY and SOA
    world.now += 60;
    assert_true(keyset_move(world.keyset, key->tag, KEY_EVENT_READY, world.now, &fault));
    assert_true(keyset_move(world.keyset, key->tag, KEY_EVENT_ACTIVATE, world.now, &fault));
    assert_true(keyset_move(world.keyset, old, KEY_EVENT_RETIRE, world.now, &fault));
    world_step(&world, (struct sign_request){.unsigned_serial = 1});
    assert_int_equal(world.made, 19); // all but the DNSKEY RRset's
    world_verify_all(&world);
    world.now += 60;
    assert_true(keyset_move(world.keyset, old, KEY_EVENT_DIE, world.now, &fault));
    assert_true(keyset_move(world.keyset, old, KEY_EVENT_REMOVE, world.now, &fault));
    world_step(&world, (struct sign_request){.unsigned_serial = 1});
    assert_int_equal(world.made, 2);
    world_verify_all(&world);
    world_close(&world);
}

static void
an_rrset_too_long_with_its_signatures_is_refused_by_name_and_the_rest_is_signed(void **state)
{
    (void)state;
    struct world world;
    struct octets_buffer text;
    world_open(&world, "example.gov.", true);
    octets_buffer_init(&text);
    octets_buffer_printf(&text, HEAD "www A 192.0.2.2\n");
    // 12 octets before each RDATA: 241 * 268 + 312 = 64,900, too many with a signature of 107.
    for (int i = 0; i < 241; i++)
        octets_buffer_printf(&text, "big TXT \"%0255d\"\n", i);
    octets_buffer_printf(&text, "big TXT \"%0255d\" \"%043d\"\n", 0, 0);
    octets_buffer_printf(&text, "big A 192.0.2.3\n");
    octets_buffer_add_u8(&text, 0);
    struct draft *draft = draft_from_text(world.apex, (char *)text.data);
    struct diff changes;
    diff_init(&changes);
    diff_version_draft(NULL, draft, DIFF_UNSIGNED, &changes);
    const struct sign_result *result;
    struct sign_job *job = world_sign(&world, (struct sign_request){.changes = &changes}, &result);
    assert_int_equal(result->refusals, 1);
    const struct sign_refusal *refusal = vector_at(&result->refused, 0);
    assert_int_equal(refusal->type, RRTYPE_TXT);
    assert_int_equal(refusal->octets, 64900 + 12 + 18 + 13 + 64);
    world_verify_diff(&world, result);
    world_publish(&world, result);
    sign_job_free(&job);
    char shown[256];
    world_rrset_text(&world, "big", RRTYPE_NSEC, shown, sizeof shown);
    assert_string_equal(shown, "ns1.example.gov. A RRSIG NSEC");
    world_verify_all(&world);
    world.now += 60; // the next poll finds nothing new
    diff_close(&changes);
    diff_init(&changes);
    diff_version_draft(store_current(world.store), draft, DIFF_UNSIGNED, &changes);
    assert_int_equal(changes.count, 1);
    world_step(&world, (struct sign_request){.changes = &changes});
    assert_true(world.empty);
    diff_close(&changes);
    draft_free(&draft);
    octets_buffer_close(&text);
    world_close(&world);
}

// A record has room for 1024 RRsets, and a signer adds its own.
static void
types_for_which_a_signed_record_has_no_room_are_refused_by_name_too(void **state)
{
    (void)state;
    for (int nsec3 = 0; nsec3 < 2; nsec3++) {
        struct world world;
        struct octets_buffer text;
        world_open(&world, "example.gov.", true);
        world.policy.nsec3 = nsec3;
        world.policy.nsec3_parameters = (struct nsec3_parameters){.algorithm = NSEC3_SHA1};
        octets_buffer_init(&text);
        octets_buffer_printf(&text, HEAD);
        for (int i = 0; i < NODE_RRSETS_MAX; i++)
            octets_buffer_printf(&text, "www TYPE%d \\# 1 00\n", 60000 + i);
        for (int i = 0; i < NODE_RRSETS_MAX - 3; i++)
            octets_buffer_printf(&text, "@ TYPE%d \\# 1 00\n", 60000 + i);
        octets_buffer_add_u8(&text, 0);
        struct draft *draft = draft_from_text(world.apex, (char *)text.data);
        struct diff changes;
        diff_version_draft(NULL, draft, DIFF_UNSIGNED, &changes);
        const struct sign_result *result;
        struct sign_job *job =
            world_sign(&world, (struct sign_request){.changes = &changes}, &result);
        assert_int_equal(result->refusals, SIGN_ADDED_MAX + SIGN_ADDED_MAX - 1);
        const struct sign_refusal *refusal = vector_at(&result->refused, 0);
        assert_int_equal(refusal->type, 60000 + NODE_RRSETS_MAX - 3 - (SIGN_ADDED_MAX - 1));
        world_verify_diff(&world, result);
        world_publish(&world, result);
        sign_job_free(&job);
        diff_close(&changes);
        draft_free(&draft);
        octets_buffer_close(&text);
        world_verify_all(&world);
        world_close(&world);
    }
}

static void
what_cannot_be_signed_is_refused_with_a_cure(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    struct sign_job *job;
    world_open(&world, "example.gov.", false);
    struct draft *draft = draft_from_text(world.apex, "www A 192.0.2.1\n");
    struct diff changes;
    diff_init(&changes);
    diff_version_draft(NULL, draft, DIFF_UNSIGNED, &changes);
    struct sign_request request = {
        .changes = &changes, .keyset = world.keyset, .policy = &world.policy, .now = NOW};
    assert_false(sign_zone_prepare(&request, &job, &fault));
    assert_non_null(strstr(fault.text, "no SOA"));
    draft_free(&draft);
    diff_close(&changes);
    draft = draft_from_text(world.apex, small_zone);
    diff_init(&changes);
    diff_version_draft(NULL, draft, DIFF_UNSIGNED, &changes);
    request.now = 1000;
    assert_false(sign_zone_prepare(&request, &job, &fault));
    assert_non_null(strstr(fault.text, "clock"));
    struct keyset *none = keyset_new(world.apex, world.memory);
    request.now = NOW;
    request.keyset = none;
    assert_false(sign_zone_prepare(&request, &job, &fault));
    assert_non_null(strstr(fault.text, "key"));
    keyset_free(&none);
    draft_free(&draft);
    diff_close(&changes);
    world_close(&world);
}

static void
a_forced_serial_is_taken_when_it_is_later(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    struct sign_job *job;
    world_open(&world, "example.gov.", true);
    world_text(&world, small_zone);
    struct sign_request request = {.current = store_current(world.store),
                                   .keyset = world.keyset,
                                   .policy = &world.policy,
                                   .now = NOW + 1,
                                   .has_forced_serial = true,
                                   .forced_serial = 5};
    assert_false(sign_zone_prepare(&request, &job, &fault));
    world_step(&world,
               (struct sign_request){.has_forced_serial = true, .forced_serial = 2000000000});
    assert_int_equal(version_facts(store_current(world.store))->signed_serial, 2000000000);
    world.now += 60;
    world_step(&world, (struct sign_request){.whole = true, .force = true});
    assert_int_equal(version_facts(store_current(world.store))->signed_serial, 2000000001);
    assert_int_equal(world.kept, 0);
    world_close(&world);
}

static void
others_validators_accept_the_zone(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", false);
    world.now = (int64_t)time(NULL); // they have clocks
    world_text(&world, small_zone);
    world_others_accept(&world);
    world_close(&world);
}

// 255 octets, from its first label on: three of 63 and what is left beside example.gov.
static void
long_name(char first, char name[static 256])
{
    int length = first == '*' ? snprintf(name, 256, "*.") : 0;
    for (int i = 0; i < 3; i++)
        length += snprintf(name + length, 256 - (size_t)length, "%c%062d.",
                           first == '*' ? 'w' : first, i);
    snprintf(name + length, 256 - (size_t)length, "%0*d", first == '*' ? 47 : 49, 0);
}

static void
long_text(const char *firsts, char *text, size_t size)
{
    int length = snprintf(text, size, HEAD);
    for (; *firsts; firsts++) {
        char name[256];
        long_name(*firsts, name);
        length += snprintf(text + length, size - (size_t)length, "%s A 192.0.2.2\n", name);
    }
}

static void
names_of_255_octets_are_signed_with_either_kind_of_denial(void **state)
{
    (void)state;
    static const char *const steps[] = {"bd*", "abcd*", "ac", "a*", "b"};
    for (int nsec3 = 0; nsec3 < 2; nsec3++) {
        struct world world;
        char name[256], text[4096];
        uint8_t wire[NAME_SIZE_MAX];
        struct fault fault;
        world_open(&world, "example.gov.", false);
        world.now = (int64_t)time(NULL); // others have clocks
        world.policy.nsec3 = nsec3;
        world.policy.nsec3_parameters = (struct nsec3_parameters){.algorithm = NSEC3_SHA1};
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            for (const char *first = steps[i]; *first; first++) {
                long_name(*first, name);
                assert_true(name_from_text(name, world.apex, wire, &fault));
                assert_int_equal(name_length(wire), NAME_SIZE_MAX);
            }
            long_text(steps[i], text, sizeof text);
            world_text(&world, text);
            world_verify_all(&world);
            world_rrset_text(&world, name, nsec3 ? RRTYPE_A : RRTYPE_NSEC, text, sizeof text);
            assert_string_not_equal(text, ""); // the last of them is there
            world_others_accept(&world);
            world.now += 60;
        }
        world_close(&world);
    }
}

// Names are hashed and records signed side by side: more names than one portion of either has.
static void
threads_make_the_nsec3_chain_together(void **state)
{
    (void)state;
    struct world world;
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_printf(&text, HEAD);
    for (int i = 0; i < 1500; i++)
        octets_buffer_printf(&text, "n%d.d%d %s\n", i, i % 40, i % 5 ? "A 192.0.2.1" : "NS ns1");
    octets_buffer_add_u8(&text, 0);
    world_open(&world, "example.gov.", true);
    world.pool = pool_new(4);
    world.policy.nsec3 = true;
    world.policy.nsec3_parameters = (struct nsec3_parameters){.algorithm = NSEC3_SHA1};
    world_text(&world, (char *)text.data);
    world_verify_all(&world);
    octets_buffer_close(&text);
    world_close(&world);
}

// Flips an octet of every record of the heap that shows the text, behind the store's back.
static void
heap_damage(const struct world *world, const char *shown)
{
    char path[128];
    static uint8_t octets[1 << 20];
    snprintf(path, sizeof path, "%s/store/heap.1", world->folder);
    int descriptor = open(path, O_RDWR);
    assert_true(descriptor >= 0);
    ssize_t length = read(descriptor, octets, sizeof octets);
    for (ssize_t at = 0; at + (ssize_t)strlen(shown) < length; at++)
        if (memcmp(octets + at, shown, strlen(shown)) == 0)
            assert_int_equal(pwrite(descriptor, "!", 1, at + 1), 1);
    close(descriptor);
}

static void
damaged_records_stop_signing_and_the_whole_content_mends_it(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    struct sign_job *job;
    const struct sign_result *result;
    world_open(&world, "example.gov.", false);
    world_text(&world, small_zone);
    uint32_t serial = version_facts(store_current(world.store))->signed_serial;
    heap_damage(&world, "www");
    world.now += 60;
    // A walk over all, and a change whose neighbour cannot be read.
    struct sign_request request = {.current = store_current(world.store),
                                   .keyset = world.keyset,
                                   .policy = &world.policy,
                                   .now = world.now,
                                   .whole = true};
    assert_true(sign_zone_prepare(&request, &job, &fault));
    assert_false(sign_zone_run(job, &result, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    assert_non_null(strstr(fault.text, "damaged"));
    sign_job_free(&job);
    char *changed = NULL;
    assert_true(asprintf(&changed, "%szzz A 192.0.2.50\n", small_zone) > 0);
    struct draft *draft = draft_from_text(world.apex, changed);
    struct diff changes;
    diff_version_draft(store_current(world.store), draft, DIFF_UNSIGNED, &changes);
    assert_true(changes.damaged);
    request.whole = false;
    request.changes = &changes;
    assert_false(sign_zone_prepare(&request, &job, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    diff_close(&changes);
    diff_version_draft(NULL, draft, DIFF_UNSIGNED, &changes);
    world_step(&world, (struct sign_request){.changes = &changes, .anew = true});
    assert_true(version_facts(store_current(world.store))->signed_serial > serial);
    world_verify_all(&world);
    diff_close(&changes);
    draft_free(&draft);
    free(changed);
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_signing_covers_every_authoritative_rrset_and_nothing_else),
        cmocka_unit_test(one_changed_address_makes_two_signatures_and_touches_two_records),
        cmocka_unit_test(the_same_content_makes_no_signature_and_no_serial),
        cmocka_unit_test(a_changed_ttl_is_signed_again),
        cmocka_unit_test(a_changed_soa_minimum_rewrites_every_nsec_and_keeps_the_other_signatures),
        cmocka_unit_test(a_cut_takes_the_names_below_it_out_of_the_chain_and_gives_them_back),
        cmocka_unit_test(a_new_zone_key_signs_everything_and_the_old_ones_signatures_go),
        cmocka_unit_test(
            an_rrset_too_long_with_its_signatures_is_refused_by_name_and_the_rest_is_signed),
        cmocka_unit_test(types_for_which_a_signed_record_has_no_room_are_refused_by_name_too),
        cmocka_unit_test(what_cannot_be_signed_is_refused_with_a_cure),
        cmocka_unit_test(a_forced_serial_is_taken_when_it_is_later),
        cmocka_unit_test(names_of_255_octets_are_signed_with_either_kind_of_denial),
        cmocka_unit_test(threads_make_the_nsec3_chain_together),
        cmocka_unit_test(damaged_records_stop_signing_and_the_whole_content_mends_it),
        cmocka_unit_test(others_validators_accept_the_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
