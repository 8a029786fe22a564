// What the memo remembers is of one encloser in one version, and never of another: answers with it
// are those without it, octet by octet, whatever was asked before.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/answer/answer.h"
#include "common/dns/message_write.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"
#include "tests/support/zone_fixture.h"

#define ENCLOSERS    (3 * DENIAL_MEMO_PLACES) // so they push each other out
#define ORIGIN       "example."
#define RESPONSE_MAX 4096

static const uint8_t client_address[4] = {192, 0, 2, 1};
static const uint8_t apex[] = "\7example";
static struct denial_memo memo;

// --- zones: host h below each of p000, p001 ..., and names that a test adds. Chains are whole; who
// signed what does not matter here.

struct owner {
    uint8_t name[NAME_SIZE_MAX]; // NSEC3: the hashed one
    char types[32];
};

static int
owner_order(const void *a, const void *b)
{
    return name_compare(((const struct owner *)a)->name, ((const struct owner *)b)->name);
}

static const char *
text_of(const uint8_t *name)
{
    static char text[2][NAME_TEXT_MAX];
    static unsigned next;
    return name_to_text(name, text[next++ % 2]);
}

struct zone_text {
    FILE *file;
    bool nsec3;
    struct owner owners[2 * ENCLOSERS + 8];
    size_t count;
};

static void
owner_add(struct zone_text *zone, const char *text, const char *types)
{
    static const struct nsec3_parameters parameters = {.algorithm = NSEC3_SHA1};
    struct owner *owner = zone->owners + zone->count++;
    uint8_t hash[NSEC3_HASH_SIZE];
    assert_true(zone->count <= sizeof zone->owners / sizeof zone->owners[0]);
    assert_true(name_from_text(text, apex, owner->name, NULL));
    snprintf(owner->types, sizeof owner->types, "%s", types);
    if (!zone->nsec3)
        return;
    nsec3_hash(&parameters, owner->name, hash);
    assert_true(nsec3_owner(hash, apex, owner->name));
}

static void
chain_write(struct zone_text *zone)
{
    qsort(zone->owners, zone->count, sizeof zone->owners[0], owner_order);
    for (size_t i = 0; i < zone->count; i++) {
        const struct owner *owner = zone->owners + i, *next = zone->owners + (i + 1) % zone->count;
        const char *from = text_of(owner->name), *to = text_of(next->name);
        if (zone->nsec3)
            fprintf(zone->file, "%s 300 IN NSEC3 1 0 0 - %.32s %s\n", from, to, owner->types);
        else
            fprintf(zone->file, "%s 300 IN NSEC %s %s RRSIG NSEC\n", from, to, owner->types);
    }
}

static void
host_add(struct zone_text *zone, const char *text)
{
    fprintf(zone->file, "%s.example. 300 IN A 192.0.2.8\n", text);
    owner_add(zone, text, "A");
}

static void
zone_open(struct zone_fixture *fixture, bool nsec3, const char *extra)
{
    static struct zone_text zone;
    char path[] = "/tmp/tandem-memo-XXXXXX", text[32];
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    zone = (struct zone_text){.file = fdopen(descriptor, "w"), .nsec3 = nsec3};
    fprintf(zone.file, "example. 300 IN SOA ns.example. h.example. 1 2 3 4 300\n"
                       "example. 300 IN RRSIG SOA 13 1 300 20300101000000 20200101000000 1 "
                       "example. AAAA\nexample. 300 IN NS ns.other.\n");
    if (nsec3)
        fprintf(zone.file, "example. 300 IN NSEC3PARAM 1 0 0 -\n");
    owner_add(&zone, "@", nsec3 ? "NS SOA RRSIG NSEC3PARAM" : "NS SOA");
    for (unsigned i = 0; i < ENCLOSERS; i++) {
        snprintf(text, sizeof text, "p%04u", i);
        if (nsec3)
            owner_add(&zone, text, ""); // an empty non-terminal
        snprintf(text, sizeof text, "h.p%04u", i);
        host_add(&zone, text);
    }
    if (extra)
        host_add(&zone, extra);
    chain_write(&zone);
    assert_int_equal(fclose(zone.file), 0);
    zone_fixture_open(fixture, "example.", path);
    unlink(path);
}

// --- questions

struct reply_octets {
    uint8_t octets[RESPONSE_MAX];
    size_t length;
    struct answer_outcome outcome;
};

static void
ask(const struct version *version, const char *text, struct denial_memo *with, bool ahead,
    struct reply_octets *ret_reply)
{
    static const uint8_t opt[] = {0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0x80, 0, 0, 0};
    uint8_t octets[512], name[NAME_SIZE_MAX];
    struct answer_zone zone = {.version = version, .expire_at = ANSWER_NEVER};
    struct zone_set *zones = zone_set_new();
    const struct answer_service service = {.zones = zones, .memo = with};
    const struct answer_client client = {.address = client_address, .address_length = 4};
    struct message_writer writer;
    struct query query;
    assert_true(name_from_text(text, apex, name, NULL));
    zone_set_put(zones, version_apex(version), &zone);
    message_writer_init(&writer, octets, sizeof octets, 1, 0);
    assert_true(message_write_question(&writer, name, RRTYPE_A, RRCLASS_IN));
    size_t length = message_length(&writer);
    memcpy(octets + length, opt, sizeof opt);
    octets[11] = 1;
    query_read(octets, length + sizeof opt, &query);
    if (ahead)
        answer_look_ahead(&service, &query, 1);
    answer_query(&service, &client, &query, ret_reply->octets, RESPONSE_MAX, &ret_reply->outcome);
    ret_reply->length = ret_reply->outcome.length;
    zone_set_free(&zones);
}

static void
same_with_memo(const struct version *version, const char *text)
{
    struct reply_octets plain, remembered;
    ask(version, text, NULL, false, &plain);
    assert_int_equal(plain.outcome.kind, ANSWER_NXDOMAIN);
    for (int ahead = 0; ahead < 2; ahead++) {
        ask(version, text, &memo, ahead, &remembered);
        assert_int_equal(remembered.length, plain.length);
        assert_memory_equal(remembered.octets, plain.octets, plain.length);
    }
}

static void
enclosers_are_told_apart_where_they_are_more_than_places(void **state)
{
    (void)state;
    for (int nsec3 = 0; nsec3 < 2; nsec3++) {
        struct zone_fixture fixture;
        char text[32];
        zone_open(&fixture, nsec3, NULL);
        for (unsigned i = 0; i < 2 * ENCLOSERS; i++) {
            // each a second time when others have been there; 7 has no common divisor with them
            snprintf(text, sizeof text, "x%u.p%04u", i, 7 * i % ENCLOSERS);
            same_with_memo(fixture.version, text);
            same_with_memo(fixture.version, i % 2 ? "nothere" : "neither.nothere");
        }
        zone_fixture_close(&fixture);
    }
}

// "!" is before "*": in the second version its NSEC covers the apex's wildcard.
static void
nothing_is_remembered_of_another_version(void **state)
{
    (void)state;
    for (int nsec3 = 0; nsec3 < 2; nsec3++)
        for (int i = 0; i < 4; i++) {
            struct zone_fixture fixture;
            zone_open(&fixture, nsec3, i % 2 ? "!" : NULL);
            same_with_memo(fixture.version, "nothere");
            same_with_memo(fixture.version, "x.p0000");
            zone_fixture_close(&fixture);
        }
}

// So many addresses that some share a place.
static void
the_same_address_in_another_version_is_another_encloser(void **state)
{
    static uint64_t octets[8 * DENIAL_MEMO_PLACES];
    struct zone_fixture one, two;
    (void)state;
    zone_open(&one, false, NULL);
    zone_open(&two, false, NULL);
    assert_true(version_identity(one.version) != version_identity(two.version));
    for (unsigned i = 0; i < sizeof octets / sizeof octets[0]; i++) {
        const struct node *encloser = (const struct node *)(const void *)(octets + i);
        struct denial_memo_place *first = denial_memo_at(&memo, one.version, encloser);
        assert_null(first->match);
        assert_null(first->wildcard);
        first->match = first->wildcard = encloser;
        assert_ptr_equal(denial_memo_at(&memo, one.version, encloser)->match, encloser);
        struct denial_memo_place *second = denial_memo_at(&memo, two.version, encloser);
        assert_null(second->match);
        assert_null(second->wildcard);
        assert_ptr_equal(first, second);
    }
    zone_fixture_close(&two);
    zone_fixture_close(&one);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enclosers_are_told_apart_where_they_are_more_than_places),
        cmocka_unit_test(nothing_is_remembered_of_another_version),
        cmocka_unit_test(the_same_address_in_another_version_is_another_encloser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
