// The hashes of RFC 5155 appendix A, then edges of what comes from outside.
#include "common/dns/nsec3_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct nsec3_parameters rfc = {
    .algorithm = NSEC3_SHA1, .iterations = 12, .salt_length = 4, .salt = {0xaa, 0xbb, 0xcc, 0xdd}};

static const uint8_t *
name_of(const char *text)
{
    static uint8_t names[4][NAME_SIZE_MAX];
    static unsigned next;
    uint8_t *name = names[next++ % 4];
    assert_true(name_from_text(text, NULL, name, NULL));
    return name;
}

static void
hashes_to(const struct nsec3_parameters *parameters, const char *name, const char *expected)
{
    uint8_t hash[NSEC3_HASH_SIZE], owner[NAME_SIZE_MAX];
    char text[NAME_TEXT_MAX];
    nsec3_hash(parameters, name_of(name), hash);
    assert_true(nsec3_owner(hash, name_of("."), owner));
    assert_string_equal(name_to_text_short(owner, text), expected);
}

static void
hashes_of_rfc_5155_appendix_a(void **state)
{
    (void)state;
    hashes_to(&rfc, "example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
    hashes_to(&rfc, "a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl");
    hashes_to(&rfc, "ai.example.", "gjeqe526plbf1g8mklp59enfd789njgi");
    hashes_to(&rfc, "ns1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr");
    hashes_to(&rfc, "ns2.example.", "q04jkcevqvmu85r014c7dkba38o0ji5r");
    hashes_to(&rfc, "w.example.", "k8udemvp1j2f7eg6jebps17vp3n8i58h");
    hashes_to(&rfc, "*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en");
    hashes_to(&rfc, "x.w.example.", "b4um86eghhds6nea196smvmlo4ors995");
    hashes_to(&rfc, "y.w.example.", "ji6neoaepv8b5o6k4ev33abha8ht9fgc");
    hashes_to(&rfc, "x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s");
    hashes_to(&rfc, "xx.example.", "t644ebqk9bibcna874givr6joj62mlhv");
    hashes_to(&rfc, "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.",
              "kohar7mbb8dc2ce8a9qvl8hon4k53uhi");
}

// As BIND's nsec3hash gives them.
static void
without_salt_and_iterations_one_round_is_made(void **state)
{
    (void)state;
    static const struct nsec3_parameters plain = {.algorithm = NSEC3_SHA1};
    hashes_to(&plain, "com.", "ck0pojmg874ljref7efn8430qvit8bsm");
    hashes_to(&plain, "org.", "mvnq25j8mo8ge527pikocn5rl72s2o0s");
}

static void
every_octet_of_a_long_salt_counts(void **state)
{
    (void)state;
    struct nsec3_parameters a = {.algorithm = NSEC3_SHA1, .iterations = 3, .salt_length = 255};
    memset(a.salt, 7, sizeof a.salt);
    struct nsec3_parameters b = a;
    uint8_t first[NSEC3_HASH_SIZE], second[NSEC3_HASH_SIZE];
    b.salt[254] ^= 1;
    nsec3_hash(&a, name_of("a."), first);
    nsec3_hash(&b, name_of("a."), second);
    assert_memory_not_equal(first, second, NSEC3_HASH_SIZE);
    assert_false(nsec3_parameters_equal(&a, &b));
    b = a;
    b.salt_length = 254;
    assert_false(nsec3_parameters_equal(&a, &b));
}

static void
owner_and_hash_are_each_others_inverse(void **state)
{
    (void)state;
    uint8_t hash[NSEC3_HASH_SIZE], back[NSEC3_HASH_SIZE], owner[NAME_SIZE_MAX];
    for (unsigned i = 0; i < 2000; i++) {
        for (unsigned k = 0; k < NSEC3_HASH_SIZE; k++)
            hash[k] = (uint8_t)(random() >> 5);
        assert_true(nsec3_owner(hash, name_of("zone.example."), owner));
        assert_int_equal(name_labels(owner), 3);
        assert_true(nsec3_owner_hash(owner, name_of("zone.example."), back));
        assert_memory_equal(hash, back, sizeof hash);
        assert_int_equal(nsec3_owner_compare(owner, hash), 0);
        back[i % NSEC3_HASH_SIZE] ^= (uint8_t)(1U << i % 8);
        assert_int_equal(nsec3_owner_compare(owner, back) < 0, memcmp(hash, back, sizeof hash) < 0);
        assert_int_equal(nsec3_owner_compare(owner, back) > 0, memcmp(hash, back, sizeof hash) > 0);
        assert_false(nsec3_owner_hash(owner, name_of("example."), back));
        assert_false(nsec3_owner_hash(owner, name_of("other.example."), back));
    }
}

static void
order_of_owners_is_order_of_hashes(void **state)
{
    (void)state;
    uint8_t a[NSEC3_HASH_SIZE] = {0}, b[NSEC3_HASH_SIZE] = {0};
    uint8_t a_name[NAME_SIZE_MAX], b_name[NAME_SIZE_MAX];
    for (unsigned i = 0; i < 2000; i++) {
        unsigned k = (unsigned)random() % NSEC3_HASH_SIZE;
        a[k] = (uint8_t)(random() >> 5);
        b[k] = (uint8_t)(random() >> 5);
        int order = memcmp(a, b, sizeof a);
        assert_true(nsec3_owner(a, name_of("e."), a_name) && nsec3_owner(b, name_of("e."), b_name));
        int names = name_compare(a_name, b_name);
        assert_int_equal((order > 0) - (order < 0), (names > 0) - (names < 0));
    }
}

static void
owner_takes_either_letter_case_and_no_other_characters(void **state)
{
    (void)state;
    uint8_t hash[NSEC3_HASH_SIZE];
    const uint8_t *apex = name_of("example.");
    assert_true(nsec3_owner_hash(name_of("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."), apex, hash));
    uint8_t upper[NAME_SIZE_MAX];
    name_copy(upper, name_of("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."));
    for (unsigned i = 1; i <= NSEC3_LABEL_SIZE; i++)
        if (upper[i] >= 'a')
            upper[i] = (uint8_t)(upper[i] - 32);
    uint8_t same[NSEC3_HASH_SIZE];
    assert_true(nsec3_owner_hash(upper, apex, same));
    assert_memory_equal(hash, same, sizeof hash);
    static const char *const wrong[] = {
        "example.",
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3to.example.",
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3tomm.example.",
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3tow.example.",
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3to-.example.",
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3to@.example.",
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3to\\`.example.",
        "a.0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        memset(hash, 0x55, sizeof hash);
        assert_false(nsec3_owner_hash(name_of(wrong[i]), apex, hash));
        assert_int_equal(hash[0], 0x55); // untouched
    }
}

// A name of so many octets.
static const uint8_t *
name_of_length(size_t length)
{
    static uint8_t name[NAME_SIZE_MAX];
    size_t at = 0;
    memset(name, 'x', sizeof name);
    for (size_t left = length - 1; left;) {
        size_t label = left - 1 > 63 ? 63 : left - 1;
        if (left - label - 1 == 1) // one octet is no label
            label--;
        name[at] = (uint8_t)label;
        at += label + 1;
        left -= label + 1;
    }
    name[at] = 0;
    assert_int_equal(name_length(name), length);
    return name;
}

static void
apex_that_leaves_no_room_for_the_label_is_refused(void **state)
{
    (void)state;
    uint8_t hash[NSEC3_HASH_SIZE] = {1}, owner[NAME_SIZE_MAX], back[NSEC3_HASH_SIZE];
    assert_int_equal(NSEC3_APEX_MAX, 222);
    const uint8_t *apex = name_of_length(NSEC3_APEX_MAX);
    assert_true(nsec3_owner(hash, apex, owner));
    assert_int_equal(name_length(owner), NAME_SIZE_MAX);
    assert_true(nsec3_owner_hash(owner, apex, back));
    assert_memory_equal(hash, back, sizeof hash);
    assert_false(nsec3_owner(hash, name_of_length(NSEC3_APEX_MAX + 1), owner));
    nsec3_hash(&rfc, name_of_length(NAME_SIZE_MAX), hash); // under the sanitizers
}

static void
parameters_are_read_as_they_were_written(void **state)
{
    (void)state;
    uint8_t rdata[5 + NSEC3_SALT_MAX];
    for (unsigned length = 0; length <= NSEC3_SALT_MAX; length += 51) {
        struct nsec3_parameters back, written = {.algorithm = NSEC3_SHA1,
                                                 .flags = NSEC3_FLAG_OPT_OUT,
                                                 .iterations = 0x1234,
                                                 .salt_length = (uint8_t)length};
        memset(written.salt, 0xc3, length);
        size_t size = nsec3_parameters_write(&written, rdata);
        assert_int_equal(size, 5 + length);
        assert_true(nsec3_parameters_read(rdata, size, &back));
        assert_int_equal(back.flags, 0); // RFC 5155 section 4.1.2
        assert_true(nsec3_parameters_equal(&written, &back));
        for (size_t shorter = 0; shorter < size; shorter++)
            assert_false(nsec3_parameters_read(rdata, shorter, &back));
    }
}

static void
parameters_differ_in_each_field_but_flags(void **state)
{
    (void)state;
    struct nsec3_parameters other = rfc;
    other.flags = NSEC3_FLAG_OPT_OUT;
    assert_true(nsec3_parameters_equal(&rfc, &other));
    other.iterations++;
    assert_false(nsec3_parameters_equal(&rfc, &other));
    other = rfc;
    other.algorithm = 2;
    assert_false(nsec3_parameters_equal(&rfc, &other));
    other = rfc;
    other.salt[3] ^= 1;
    assert_false(nsec3_parameters_equal(&rfc, &other));
}

static void
rdata_is_taken_apart_or_refused(void **state)
{
    (void)state;
    static const uint8_t fixed[] = {1, 1, 0, 12, 4, 0xaa, 0xbb, 0xcc, 0xdd, NSEC3_HASH_SIZE};
    static const uint8_t bitmap[] = {0, 6, 0x40, 0x01, 0, 0, 0, 2};
    uint8_t rdata[64];
    struct nsec3_rdata nsec3;
    size_t least = sizeof fixed + NSEC3_HASH_SIZE, size = least + sizeof bitmap;
    memcpy(rdata, fixed, sizeof fixed);
    memset(rdata + sizeof fixed, 9, NSEC3_HASH_SIZE);
    memcpy(rdata + least, bitmap, sizeof bitmap);
    assert_true(nsec3_rdata_read(rdata, size, &nsec3));
    assert_true(nsec3_parameters_equal(&nsec3.parameters, &rfc));
    assert_int_equal(nsec3.parameters.flags, NSEC3_FLAG_OPT_OUT);
    assert_ptr_equal(nsec3.next, rdata + sizeof fixed);
    assert_ptr_equal(nsec3.bitmap, rdata + least);
    assert_int_equal(nsec3.bitmap_length, sizeof bitmap);
    assert_true(nsec3_rdata_read(rdata, least, &nsec3)); // of an empty non-terminal
    assert_int_equal(nsec3.bitmap_length, 0);
    for (size_t shorter = 0; shorter < least; shorter++)
        assert_false(nsec3_rdata_read(rdata, shorter, &nsec3));
    rdata[sizeof fixed - 1] = NSEC3_HASH_SIZE - 1;
    assert_false(nsec3_rdata_read(rdata, size, &nsec3));
    rdata[sizeof fixed - 1] = NSEC3_HASH_SIZE + 1;
    assert_false(nsec3_rdata_read(rdata, size, &nsec3));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_rfc_5155_appendix_a),
        cmocka_unit_test(without_salt_and_iterations_one_round_is_made),
        cmocka_unit_test(every_octet_of_a_long_salt_counts),
        cmocka_unit_test(owner_and_hash_are_each_others_inverse),
        cmocka_unit_test(order_of_owners_is_order_of_hashes),
        cmocka_unit_test(owner_takes_either_letter_case_and_no_other_characters),
        cmocka_unit_test(apex_that_leaves_no_room_for_the_label_is_refused),
        cmocka_unit_test(parameters_are_read_as_they_were_written),
        cmocka_unit_test(parameters_differ_in_each_field_but_flags),
        cmocka_unit_test(rdata_is_taken_apart_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
