#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/hash.h"
#include "secondary/rate_prefixes.h"

#define KEY UINT64_C(0xfeedfacecafebeef)
#define NOW 1795286527

static struct rate_prefixes prefixes;

static struct rate_client
client_of(const char *text)
{
    struct rate_masks masks;
    struct address address;
    struct rate_client client;
    rate_masks_init(&masks, 24, 56);
    assert_true(address_from_text(text, 53, &address, NULL));
    rate_client_init(&client, &masks, KEY, &address);
    return client;
}

static struct rate_client
client_number(unsigned number)
{
    char text[32];
    snprintf(text, sizeof text, "10.%u.%u.1", number / 256 % 256, number % 256);
    return client_of(text);
}

static void
note(const char *text, enum rate_kind kind, unsigned dropped, unsigned truncated, int64_t now)
{
    const struct rate_client client = client_of(text);
    for (unsigned i = 0; i < dropped + truncated; i++)
        rate_prefixes_note(&prefixes, &client, kind, i >= dropped, now);
}

static void
list_read(struct vector *list, int64_t now)
{
    vector_init(list, sizeof(struct rate_prefix));
    rate_prefixes_read(&prefixes, KEY, now, list);
}

// The list as text: "192.0.2.0/24 3+1 ...", a star behind those that are not active.
static void
expect_list(int64_t now, const char *expected)
{
    struct vector list;
    char text[1024] = "";
    list_read(&list, now);
    for (size_t i = 0; i < list.count; i++) {
        const struct rate_prefix *prefix = vector_at(&list, i);
        char name[ADDRESS_PREFIX_TEXT_MAX];
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s %d+%d%s", i ? ", " : "",
                 address_prefix_to_text(&prefix->prefix, name), (int)prefix->dropped,
                 (int)prefix->truncated, prefix->active ? "" : "*");
    }
    vector_close(&list);
    assert_string_equal(text, expected);
}

static void
start(void)
{
    memset(&prefixes, 0, sizeof prefixes);
}

static void
prefixes_are_listed_by_what_was_held_back(void **state)
{
    (void)state;
    start();
    expect_list(NOW, "");
    note("192.0.2.7", RATE_POSITIVE, 2, 1, NOW);
    note("2001:db8:0:12ff::1", RATE_NXDOMAIN, 5, 5, NOW);
    note("198.51.100.1", RATE_ERROR, 1, 0, NOW);
    note("192.0.2.200", RATE_ERROR, 1, 0, NOW + 1);
    expect_list(NOW + 1, "2001:db8:0:1200::/56 5+5, 192.0.2.0/24 3+1, 198.51.100.0/24 1+0");
}

static void
a_record_tells_kinds_and_times(void **state)
{
    (void)state;
    struct vector list;
    start();
    note("192.0.2.7", RATE_POSITIVE, 1, 0, NOW);
    note("192.0.2.7", RATE_WILDCARD, 1, 0, NOW + 30);
    list_read(&list, NOW + 40);
    const struct rate_prefix *prefix = vector_at(&list, 0);
    assert_int_equal(prefix->kinds, 1 << RATE_POSITIVE | 1 << RATE_WILDCARD);
    assert_int_equal(prefix->since, NOW);
    assert_int_equal(prefix->last, NOW + 30);
    vector_close(&list);
    assert_string_equal(rate_kind_word(RATE_NXDOMAIN), "nxdomain");
    assert_string_equal(rate_kind_word(RATE_KINDS), "unknown");
}

static void
what_goes_on_comes_first_and_what_is_long_over_is_forgotten(void **state)
{
    (void)state;
    start();
    note("192.0.2.7", RATE_POSITIVE, 90, 0, NOW);
    note("198.51.100.1", RATE_POSITIVE, 1, 0, NOW + 1000);
    expect_list(NOW + 30, "192.0.2.0/24 90+0, 198.51.100.0/24 1+0");
    expect_list(NOW + 1000, "198.51.100.0/24 1+0, 192.0.2.0/24 90+0*");
    expect_list(NOW + 3600, "192.0.2.0/24 90+0*, 198.51.100.0/24 1+0*");
    expect_list(NOW + 3601, "198.51.100.0/24 1+0*");
    note("192.0.2.7", RATE_ERROR, 1, 0, NOW + 4000); // begins anew
    expect_list(NOW + 4000, "192.0.2.0/24 1+0, 198.51.100.0/24 1+0*");
}

static void
a_clock_that_is_set_back_leaves_nothing_behind(void **state)
{
    (void)state;
    start();
    note("192.0.2.7", RATE_POSITIVE, 5, 0, NOW);
    note("192.0.2.7", RATE_POSITIVE, 1, 0, NOW - 1); // of a server whose batch began earlier
    expect_list(NOW - 1, "192.0.2.0/24 6+0");
    note("192.0.2.7", RATE_POSITIVE, 2, 0, NOW - 7200);
    expect_list(NOW - 7200, "192.0.2.0/24 2+0");
    expect_list(-5, "192.0.2.0/24 2+0");
}

static void
whole_addresses_and_no_bits_at_all_are_prefixes_too(void **state)
{
    (void)state;
    static const char *const wanted[] = {"192.0.2.7/32 1+0", "0.0.0.0/0 1+0"};
    for (unsigned i = 0; i < 2; i++) {
        struct rate_masks masks;
        struct address address;
        struct rate_client client;
        start();
        rate_masks_init(&masks, i == 0 ? 32 : 0, 128);
        assert_true(address_from_text("192.0.2.7", 53, &address, NULL));
        rate_client_init(&client, &masks, KEY, &address);
        rate_prefixes_note(&prefixes, &client, RATE_ERROR, false, NOW);
        expect_list(NOW, wanted[i]);
    }
}

// Ten times as many as there are records, and one that goes on all the time.
static void
the_one_limited_longest_ago_gives_way_and_a_flood_that_goes_on_stays(void **state)
{
    (void)state;
    struct vector list;
    int64_t now = NOW;
    start();
    for (unsigned number = 0; number < 10 * RATE_PREFIXES_SETS * RATE_PREFIXES_WAYS; number++) {
        const struct rate_client client = client_number(number);
        if (number % 100 == 0)
            note("192.0.2.7", RATE_POSITIVE, 1, 0, ++now);
        rate_prefixes_note(&prefixes, &client, RATE_POSITIVE, false, now);
    }
    list_read(&list, now);
    assert_in_range(list.count, RATE_PREFIXES_SETS * RATE_PREFIXES_WAYS * 9 / 10,
                    RATE_PREFIXES_SETS * RATE_PREFIXES_WAYS);
    const struct rate_prefix *first = vector_at(&list, 0);
    assert_int_equal(first->dropped, (10 * RATE_PREFIXES_SETS * RATE_PREFIXES_WAYS + 99) / 100);
    vector_close(&list);
}

static struct rate_prefix_record *
record_used(void)
{
    for (unsigned i = 0; i < RATE_PREFIXES_SETS; i++)
        if (prefixes.records[i][0].hash != 0)
            return &prefixes.records[i][0];
    return NULL;
}

// The writer died between two words, or wrote what it liked.
static void
a_record_whose_parts_do_not_belong_together_is_passed_over_and_mended_by_the_next_writer(
    void **state)
{
    (void)state;
    for (unsigned part = 0; part < 3; part++) {
        start();
        note("192.0.2.7", RATE_POSITIVE, 1, 0, NOW);
        struct rate_prefix_record *record = record_used();
        uint64_t *const parts[] = {&record->octets[0], &record->octets[1], &record->about};
        *parts[part] ^= 1;
        expect_list(NOW, "");
        note("192.0.2.7", RATE_POSITIVE, 1, 0, NOW);
        expect_list(NOW, "192.0.2.0/24 2+0");
    }
}

static void
a_liar_s_numbers_are_bounded(void **state)
{
    (void)state;
    struct vector list;
    start();
    note("192.0.2.7", RATE_POSITIVE, 1, 0, NOW);
    struct rate_prefix_record *record = record_used();
    record->dropped = record->truncated = record->since = record->last = UINT64_MAX;
    record->about |= UINT64_MAX << 16;
    list_read(&list, NOW);
    assert_int_equal(list.count, 1);
    const struct rate_prefix *prefix = vector_at(&list, 0);
    assert_true(prefix->dropped > 0 && prefix->dropped + prefix->truncated > 0);
    assert_int_equal(prefix->since, NOW);
    assert_int_equal(prefix->last, NOW);
    assert_int_equal(prefix->kinds, (1 << RATE_KINDS) - 1);
    vector_close(&list);
    note("192.0.2.7", RATE_POSITIVE, 1, 0, NOW);
    expect_list(NOW, "192.0.2.0/24 1+0");
    // Shapes that no address has, under their right hash.
    static const uint64_t shapes[] = {4 << 8 | 33, 16 << 8 | 129, 5 << 8 | 24, 0};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        record->about = shapes[i];
        record->hash =
            hash_finish(hash_mix(hash_mix(KEY + shapes[i], record->octets[0]), record->octets[1]));
        expect_list(NOW, "");
    }
}

enum { THREADS = 4, ROUNDS = 5000, CLIENTS = 3 };

static void *
thread_note(void *context)
{
    (void)context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct rate_client client = client_number(i % CLIENTS);
        rate_prefixes_note(&prefixes, &client, (enum rate_kind)(i % RATE_KINDS), i % 2 == 0, NOW);
    }
    return NULL;
}

// Beside a reader; all of a few prefixes are counted but for those of the first moment.
static void
threads_that_note_at_once_lose_next_to_nothing(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    struct vector list;
    start();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_note, NULL), 0);
    for (int i = 0; i < 50; i++) {
        list_read(&list, NOW);
        assert_in_range(list.count, 0, CLIENTS);
        vector_close(&list);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    int64_t held = 0;
    list_read(&list, NOW);
    for (size_t i = 0; i < list.count; i++) {
        const struct rate_prefix *prefix = vector_at(&list, i);
        held += prefix->dropped + prefix->truncated;
    }
    assert_int_equal(list.count, CLIENTS);
    assert_in_range(held, THREADS * ROUNDS * 9 / 10, THREADS * ROUNDS);
    vector_close(&list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_are_listed_by_what_was_held_back),
        cmocka_unit_test(a_record_tells_kinds_and_times),
        cmocka_unit_test(what_goes_on_comes_first_and_what_is_long_over_is_forgotten),
        cmocka_unit_test(a_clock_that_is_set_back_leaves_nothing_behind),
        cmocka_unit_test(whole_addresses_and_no_bits_at_all_are_prefixes_too),
        cmocka_unit_test(the_one_limited_longest_ago_gives_way_and_a_flood_that_goes_on_stays),
        cmocka_unit_test(
            a_record_whose_parts_do_not_belong_together_is_passed_over_and_mended_by_the_next_writer),
        cmocka_unit_test(a_liar_s_numbers_are_bounded),
        cmocka_unit_test(threads_that_note_at_once_lose_next_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
