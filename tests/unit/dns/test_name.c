#include "common/dns/name.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct wire {
    uint8_t name[NAME_SIZE_MAX];
};

static struct wire
wire(const char *text)
{
    struct wire result;
    struct fault fault = {0};
    if (!name_from_text(text, NULL, result.name, &fault))
        fail_msg("%s", fault.text);
    return result;
}

// RFC 4034 section 6.1, in its order.
static const char *const canonical[] = {
    "example.",   "a.example.",       "yljkjljk.a.example.", "Z.a.example.",     "zABC.a.EXAMPLE.",
    "z.example.", "\\001.z.example.", "*.z.example.",        "\\200.z.example.",
};
#define CANONICAL_COUNT (sizeof canonical / sizeof canonical[0])

static int
sign(int order)
{
    return (order > 0) - (order < 0);
}

static void
the_order_is_that_of_rfc_4034(void **state)
{
    (void)state;
    for (size_t i = 0; i < CANONICAL_COUNT; i++)
        for (size_t j = 0; j < CANONICAL_COUNT; j++) {
            struct wire a = wire(canonical[i]), b = wire(canonical[j]);
            assert_int_equal(sign(name_compare(a.name, b.name)), sign((int)i - (int)j));
        }
    assert_true(name_compare(wire(".").name, wire("example.").name) < 0);
}

static int
key_compare(const uint8_t *a, const uint8_t *b)
{
    uint8_t a_key[NAME_KEY_MAX], b_key[NAME_KEY_MAX];
    size_t a_length = name_key(a, a_key), b_length = name_key(b, b_key);
    size_t shorter = a_length < b_length ? a_length : b_length;
    int order = memcmp(a_key, b_key, shorter);
    return order ? order : (int)a_length - (int)b_length;
}

static void
keys_sort_as_names_do(void **state)
{
    (void)state;
    static const char *const hard[] = {"a.",       "a\\000.", "a\\001.",  "a\\000\\000.",
                                       "a\\000b.", "b.a.",    "\\000.a.", "\\001.a.",
                                       "\\255.a.", "ab.",     "\\255.",   "."};
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++)
        for (size_t j = 0; j < sizeof hard / sizeof hard[0]; j++) {
            struct wire a = wire(hard[i]), b = wire(hard[j]);
            assert_int_equal(sign(key_compare(a.name, b.name)), sign(name_compare(a.name, b.name)));
        }
}

static void
a_split_hash_gives_those_of_name_parent_and_sister_wildcard(void **state)
{
    (void)state;
    static const char *const texts[] = {"gov.", "www.example.gov.", "*.example.gov.",
                                        "a-label-of-more-than-sixteen-octets.x."};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wire name = wire(texts[i]);
        uint8_t wildcard[NAME_SIZE_MAX];
        uint64_t above;
        const uint8_t *parent = name_skip(name.name, 1);
        assert_true(name_wildcard_of(parent, wildcard));
        assert_true(name_hash_split(name.name, 99, &above) == name_hash_lower(name.name, 99));
        assert_true(name_hash_parent(above) == name_hash_lower(parent, 99));
        assert_true(name_hash_wildcard(above) == name_hash_lower(wildcard, 99));
    }
}

static void
a_part_of_a_key_is_what_stands_there_in_the_whole(void **state)
{
    (void)state;
    static const char *const texts[] = {"www.example.gov.", "a\\000\\001b.c\\001.example.", "."};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wire whole = wire(texts[i]);
        uint8_t key[NAME_KEY_MAX], part[NAME_KEY_MAX + 1], suffix[NAME_KEY_MAX];
        size_t length = name_key(whole.name, key);
        unsigned labels = name_labels(whole.name);
        for (unsigned skipped = 0; skipped <= labels; skipped++)
            for (size_t size = 0; size <= length + 1; size++) {
                size_t before = name_key(name_skip(whole.name, labels - skipped), suffix);
                size_t left = length - before < size ? length - before : size;
                part[size] = 0xee;
                assert_int_equal(name_key_part(whole.name, skipped, part, size), left);
                assert_memory_equal(part, key + before, left);
                assert_int_equal(part[size], 0xee);
            }
        assert_int_equal(name_key_part(whole.name, labels + 1, part, sizeof part), 0);
    }
}

static void
the_longest_key_has_room(void **state)
{
    (void)state;
    uint8_t name[NAME_SIZE_MAX], key[NAME_KEY_MAX];
    unsigned at = 0;
    memset(name, 0, sizeof name);
    for (unsigned label = 0; label < 3; label++, at += 64)
        name[at] = 63;
    name[at] = 61;
    assert_int_equal(name_length(name), NAME_SIZE_MAX);
    assert_int_equal(name_key(name, key), 2 * (255 - 5) + 4);
}

static void
length_and_labels_are_counted_with_and_without_the_root(void **state)
{
    (void)state;
    assert_int_equal(name_length(wire(".").name), 1);
    assert_int_equal(name_labels(wire(".").name), 0);
    assert_int_equal(name_length(wire("www.example.gov.").name), 17);
    assert_int_equal(name_labels(wire("www.example.gov.").name), 3);
}

static void
case_is_ignored_for_letters_only(void **state)
{
    (void)state;
    const uint8_t upper[] = "\x0a"
                            "AZ[@`{az\xc1\xe1",
                  lower[] = "\x0a"
                            "az[@`{az\xc1\xe1";
    uint8_t folded[NAME_SIZE_MAX];
    assert_int_equal(name_copy_lower(folded, upper), 12);
    assert_memory_equal(folded, lower, 12);
    assert_true(name_equal_any_case(upper, lower));
    assert_false(name_equal(upper, lower));
    for (unsigned octet = 0; octet < 256; octet++) {
        const uint8_t name[] = {1, (uint8_t)octet, 0};
        unsigned expected = octet >= 'A' && octet <= 'Z' ? octet + 32 : octet;
        name_copy_lower(folded, name);
        assert_int_equal(folded[1], expected);
    }
}

static void
below_is_asked_at_label_boundaries(void **state)
{
    (void)state;
    struct wire apex = wire("example.gov.");
    assert_true(name_is_at_or_below(apex.name, apex.name));
    assert_true(name_is_at_or_below(wire("a.b.example.gov.").name, apex.name));
    assert_true(name_is_at_or_below(apex.name, wire(".").name));
    assert_false(name_is_at_or_below(wire("badexample.gov.").name, apex.name));
    assert_false(name_is_at_or_below(wire("gov.").name, apex.name));
    // Octets of a label that look like the ancestor's wire format.
    assert_false(name_is_at_or_below(wire("x\\007example\\003gov.").name, apex.name));
}

static void
common_labels_are_counted_from_the_root(void **state)
{
    (void)state;
    assert_int_equal(name_common_labels(wire("a.b.c.").name, wire("x.b.c.").name), 2);
    assert_int_equal(name_common_labels(wire("a.b.").name, wire("b.").name), 1);
    assert_int_equal(name_common_labels(wire("a.").name, wire("b.").name), 0);
    assert_int_equal(name_common_labels(wire("a.b.").name, wire("a.b.").name), 2);
}

static void
wildcards_are_made_and_known(void **state)
{
    (void)state;
    uint8_t name[NAME_SIZE_MAX];
    assert_true(name_wildcard_of(wire("example.gov.").name, name));
    assert_true(name_is_wildcard(name));
    assert_true(name_equal(name, wire("*.example.gov.").name));
    assert_false(name_is_wildcard(wire("**.example.gov.").name));
    assert_false(name_is_wildcard(wire("a.*.gov.").name));
    assert_true(name_equal(name_skip(name, 1), wire("example.gov.").name));
}

static void
a_suffix_is_replaced_as_dname_asks(void **state)
{
    (void)state;
    uint8_t name[NAME_SIZE_MAX];
    assert_true(name_replace_suffix(wire("www.sub.old.gov.").name, wire("old.gov.").name,
                                    wire("new.org.").name, name));
    assert_true(name_equal(name, wire("www.sub.new.org.").name));
    char text[300] = "";
    for (unsigned i = 0; i < 126; i++)
        strcat(text, "a.");
    assert_false(
        name_replace_suffix(wire(text).name, wire("a.").name, wire("abcdefgh.").name, name));
}

// name_read_lower takes what name_read_plain takes (NULL: nothing) and gives the lower case of it.
static void
reads_lower(const uint8_t *message, size_t length, size_t position, const uint8_t *as_sent,
            const struct octets_reader *after)
{
    struct octets_reader reader;
    uint8_t name[NAME_SIZE_MAX], expected[NAME_SIZE_MAX];
    unsigned labels;
    octets_reader_init(&reader, message, length);
    octets_seek(&reader, position);
    assert_int_equal(name_read_lower(&reader, name, &labels), as_sent != NULL);
    assert_int_equal(reader.failed, as_sent == NULL);
    if (!as_sent)
        return;
    assert_memory_equal(name, expected, name_copy_lower(expected, as_sent));
    assert_int_equal(labels, name_labels(as_sent));
    assert_ptr_equal(reader.at, after->at);
}

static bool
reads(const uint8_t *message, size_t length, size_t position, bool plain, const char *expected)
{
    struct octets_reader reader;
    uint8_t name[NAME_SIZE_MAX];
    char text[NAME_TEXT_MAX];
    octets_reader_init(&reader, message, length);
    octets_seek(&reader, position);
    bool good = plain ? name_read_plain(&reader, name) : name_read(&reader, name);
    assert_int_equal(good, !reader.failed);
    if (good)
        assert_string_equal(name_to_text(name, text), expected);
    if (plain)
        reads_lower(message, length, position, good ? name : NULL, &reader);
    return good;
}

// Runs of labels of one length up to and over 255 octets, cut off at every place.
static void
the_name_of_a_question_is_read_like_any_plain_name(void **state)
{
    (void)state;
    unsigned good = 0, bad = 0;
    for (unsigned label = 1; label <= 70; label += label < 4 ? 1 : 3) {
        uint8_t message[300];
        for (unsigned i = 0; i < sizeof message; i++)
            message[i] = i % (label + 1) ? (uint8_t)('@' + i % 30) : (uint8_t)label;
        for (unsigned labels = 0; labels * (label + 1) < sizeof message; labels++) {
            uint8_t kept = message[labels * (label + 1)];
            message[labels * (label + 1)] = 0;
            for (unsigned length = 1; length <= sizeof message; length += length < 20 ? 1 : 7) {
                struct octets_reader plain;
                uint8_t name[NAME_SIZE_MAX];
                octets_reader_init(&plain, message, length);
                bool reads_plain = name_read_plain(&plain, name);
                reads_lower(message, length, 0, reads_plain ? name : NULL, &plain);
                good += reads_plain;
                bad += !reads_plain;
            }
            message[labels * (label + 1)] = kept;
        }
    }
    assert_true(good > 1000 && bad > 1000);
}

// RFC 1035 section 4.1.4's example, from octet 20 on.
static void
compression_pointers_are_followed_backwards(void **state)
{
    (void)state;
    uint8_t message[100] = {0};
    memcpy(message + 20, "\1F\3ISI\4ARPA\0", 12);
    memcpy(message + 40, "\3FOO\xc0\x14", 6);
    memcpy(message + 64, "\xc0\x1a", 2);
    assert_true(reads(message, sizeof message, 20, false, "F.ISI.ARPA."));
    assert_true(reads(message, sizeof message, 40, false, "FOO.F.ISI.ARPA."));
    assert_true(reads(message, sizeof message, 64, false, "ARPA."));
    assert_true(reads(message, sizeof message, 92, false, "."));
    assert_false(reads(message, sizeof message, 40, true, ""));
}

static void
the_reader_goes_on_behind_the_first_pointer(void **state)
{
    (void)state;
    const uint8_t message[] = "\1a\0\1b\xc0\0\7";
    struct octets_reader reader;
    uint8_t name[NAME_SIZE_MAX];
    octets_reader_init(&reader, message, 8);
    octets_seek(&reader, 3);
    assert_true(name_read(&reader, name));
    assert_int_equal(octets_position(&reader), 7);
    assert_int_equal(octets_read_u8(&reader), 7);
}

static void
loops_forward_pointers_and_other_label_types_are_refused(void **state)
{
    (void)state;
    assert_false(reads((const uint8_t *)"\xc0\0", 2, 0, false, ""));
    assert_false(reads((const uint8_t *)"\1a\xc0\0", 4, 0, false, ""));
    assert_false(reads((const uint8_t *)"\1a\xc0\4\1b\xc0\0", 8, 4, false, ""));
    assert_false(reads((const uint8_t *)"\xc0\2\0", 3, 0, false, ""));
    assert_false(reads((const uint8_t *)"\x41"
                                        "a\0",
                       3, 0, false, ""));
    assert_false(reads((const uint8_t *)"\x80"
                                        "a\0",
                       3, 0, false, ""));
}

static void
a_name_that_runs_over_the_end_is_refused(void **state)
{
    (void)state;
    assert_false(reads((const uint8_t *)"\3ab", 3, 0, false, ""));
    assert_false(reads((const uint8_t *)"\2ab", 3, 0, false, ""));
    assert_false(reads((const uint8_t *)"\0\1a\xc0", 4, 1, false, ""));
    assert_false(reads(NULL, 0, 0, false, ""));
}

static void
a_name_over_255_octets_by_pointers_is_refused(void **state)
{
    (void)state;
    // 254 octets of labels and a root make 255; one label more before them is too much.
    uint8_t message[400];
    size_t at = 0;
    for (unsigned i = 0; i < 127; i++) {
        message[at++] = 1;
        message[at++] = 'a';
    }
    message[at++] = 0;
    size_t pointer = at;
    memcpy(message + at, "\1b\xc0\2", 4);
    memcpy(message + at + 4, "\1b\xc0\0", 4);
    struct octets_reader reader;
    uint8_t name[NAME_SIZE_MAX];
    octets_reader_init(&reader, message, at + 8);
    octets_seek(&reader, pointer);
    assert_true(name_read(&reader, name));
    assert_int_equal(name_length(name), 255);
    assert_false(name_read(&reader, name));
}

static void
a_chain_of_more_than_127_pointers_is_refused(void **state)
{
    (void)state;
    for (unsigned pointers = 126; pointers <= 128; pointers++) {
        uint8_t message[300] = {0};
        for (unsigned i = 0; i < pointers; i++) {
            message[1 + 2 * i] = 0xc0;
            message[2 + 2 * i] = i ? (uint8_t)(2 * i - 1) : 0;
        }
        assert_int_equal(reads(message, sizeof message, 2 * pointers - 1, false, "."),
                         pointers <= 127);
    }
}

static void
suffix_hashes_are_those_of_the_suffixes_in_any_case(void **state)
{
    (void)state;
    static const char *const texts[] = {".", "a.", "www.example.gov.",
                                        "1234567.12345678.123456789.",
                                        "a-label-of-more-than-sixteen-octets.x.\\000\\255."};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wire lower = wire(texts[i]), upper = lower;
        for (size_t at = 0; at < name_length(upper.name); at++)
            upper.name[at] = (uint8_t)toupper(upper.name[at]);
        // toupper leaves length octets alone below 64 but for none: they are under 'a'.
        struct name_suffixes a, b;
        name_suffixes_init(&a, lower.name, 99);
        name_suffixes_init(&b, upper.name, 99);
        struct name_suffixes c;
        name_suffixes_init_lower(&c, lower.name, 99);
        assert_memory_equal(a.hash, c.hash, (a.labels + 1) * sizeof *a.hash);
        assert_memory_equal(a.offset, c.offset, a.labels + 1);
        assert_int_equal(c.labels, a.labels);
        assert_int_equal(a.labels, name_labels(lower.name));
        for (unsigned depth = 0; depth <= a.labels; depth++) {
            const uint8_t *suffix = name_skip(lower.name, a.labels - depth);
            assert_ptr_equal(lower.name + a.offset[depth], suffix);
            assert_true(a.hash[depth] == b.hash[depth]);
            assert_true(a.hash[depth] == name_hash(suffix, 99));
            assert_true(a.hash[depth] == name_hash_lower(suffix, 99));
            assert_true(a.hash[depth] != name_hash(suffix, 98));
        }
    }
}

static void
moving_a_label_boundary_changes_the_hash(void **state)
{
    (void)state;
    assert_true(name_hash(wire("ab.c.").name, 1) != name_hash(wire("a.bc.").name, 1));
    assert_true(name_hash(wire("a\\001b.").name, 1) != name_hash(wire("a.b.").name, 1));
    assert_true(name_hash(wire("abcdefg.h.").name, 1) != name_hash(wire("abcdefgh.").name, 1));
}

// The zone index probes linearly from the low bits. At half load, random hashes leave exp(-1/2)
// = 60.65 % of the slots empty; 131072 slots, standard deviation about 110 (0.08 %). Names differ
// in few octets, as customers' names do.
static void
hashes_of_similar_names_spread_like_random_ones(void **state)
{
    (void)state;
    static const char *const patterns[] = {"%u.sites.example.gov.", "customer-%06u.example.gov.",
                                           "www.x%x.example.gov.",
                                           "host%u-eu-west-1.internal.example.gov."};
    enum { NAMES = 65536, SLOTS = 131072 };
    uint8_t *used = malloc(SLOTS);
    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++)
        for (unsigned shift = 0; shift <= 47; shift += 47) {
            memset(used, 0, SLOTS);
            unsigned empty = SLOTS;
            for (unsigned i = 0; i < NAMES; i++) {
                char text[100];
                const char *pattern = patterns[p];
                // The pattern is one of four constants above.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                snprintf(text, sizeof text, pattern, i);
#pragma GCC diagnostic pop
                size_t slot = (name_hash(wire(text).name, 0x5eed) >> shift) % SLOTS;
                empty -= !used[slot];
                used[slot] = 1;
            }
            assert_in_range(empty, 79500 - 800, 79500 + 800);
        }
    free(used);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_that_of_rfc_4034),
        cmocka_unit_test(keys_sort_as_names_do),
        cmocka_unit_test(a_split_hash_gives_those_of_name_parent_and_sister_wildcard),
        cmocka_unit_test(a_part_of_a_key_is_what_stands_there_in_the_whole),
        cmocka_unit_test(the_longest_key_has_room),
        cmocka_unit_test(length_and_labels_are_counted_with_and_without_the_root),
        cmocka_unit_test(case_is_ignored_for_letters_only),
        cmocka_unit_test(below_is_asked_at_label_boundaries),
        cmocka_unit_test(common_labels_are_counted_from_the_root),
        cmocka_unit_test(wildcards_are_made_and_known),
        cmocka_unit_test(a_suffix_is_replaced_as_dname_asks),
        cmocka_unit_test(the_name_of_a_question_is_read_like_any_plain_name),
        cmocka_unit_test(compression_pointers_are_followed_backwards),
        cmocka_unit_test(the_reader_goes_on_behind_the_first_pointer),
        cmocka_unit_test(loops_forward_pointers_and_other_label_types_are_refused),
        cmocka_unit_test(a_name_that_runs_over_the_end_is_refused),
        cmocka_unit_test(a_name_over_255_octets_by_pointers_is_refused),
        cmocka_unit_test(a_chain_of_more_than_127_pointers_is_refused),
        cmocka_unit_test(suffix_hashes_are_those_of_the_suffixes_in_any_case),
        cmocka_unit_test(moving_a_label_boundary_changes_the_hash),
        cmocka_unit_test(hashes_of_similar_names_spread_like_random_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
