#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/fault.h"
#include "common/zone/zone_set.h"

#include <stdio.h>

static const uint8_t *
wire(const char *text)
{
    static uint8_t names[4][NAME_SIZE_MAX];
    static unsigned next;
    uint8_t *name = names[next++ % 4];
    assert_true(name_from_text(text, NULL, name, NULL));
    return name;
}

static void *
find(const struct zone_set *set, const char *text, unsigned max_labels)
{
    struct name_suffixes suffixes;
    const uint8_t *name = wire(text);
    name_suffixes_init(&suffixes, name, zone_set_hash_key(set));
    void *value = zone_set_find(set, name, &suffixes, max_labels);
    assert_ptr_equal(zone_set_closest(set, name, max_labels), value);
    return value;
}

static void
the_longest_enclosing_apex_is_found(void **state)
{
    (void)state;
    int gov, example, sub, root;
    struct zone_set *set = zone_set_new();
    assert_null(find(set, "www.example.gov.", 127));
    assert_null(zone_set_put(set, wire("gov."), &gov));
    assert_null(zone_set_put(set, wire("Example.GOV."), &example));
    assert_null(zone_set_put(set, wire("a.b.example.gov."), &sub));
    assert_ptr_equal(find(set, "www.example.gov.", 127), &example);
    assert_ptr_equal(find(set, "example.gov.", 127), &example);
    assert_ptr_equal(find(set, "b.example.gov.", 127), &example);
    assert_ptr_equal(find(set, "x.a.b.example.gov.", 127), &sub);
    assert_ptr_equal(find(set, "other.gov.", 127), &gov);
    assert_null(find(set, "example.org.", 127));
    assert_null(find(set, ".", 127));
    // The DS question at an apex is the parent's.
    assert_ptr_equal(find(set, "example.gov.", 1), &gov);
    assert_ptr_equal(find(set, "a.b.example.gov.", 3), &example);
    assert_null(zone_set_put(set, wire("."), &root));
    assert_ptr_equal(find(set, "example.org.", 127), &root);
    assert_ptr_equal(find(set, ".", 127), &root);
    zone_set_free(&set);
}

static void
putting_again_replaces_and_removing_gives_back(void **state)
{
    (void)state;
    int first, second;
    struct zone_set *set = zone_set_new();
    assert_null(zone_set_put(set, wire("example.gov."), &first));
    assert_ptr_equal(zone_set_put(set, wire("example.gov."), &second), &first);
    assert_int_equal(zone_set_count(set), 1);
    assert_ptr_equal(zone_set_get(set, wire("EXAMPLE.gov.")), &second);
    assert_null(zone_set_get(set, wire("gov.")));
    assert_ptr_equal(zone_set_remove(set, wire("example.gov.")), &second);
    assert_null(zone_set_remove(set, wire("example.gov.")));
    assert_null(find(set, "example.gov.", 127));
    zone_set_free(&set);
}

static void
ten_thousand_zones_keep_their_order_through_removals(void **state)
{
    (void)state;
    static int values[10000];
    struct zone_set *set = zone_set_new();
    char text[64];
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "z%d.example.", i);
        assert_null(zone_set_put(set, wire(text), values + i));
    }
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "www.z%d.example.", i);
        assert_ptr_equal(find(set, text, 127), values + i);
        assert_ptr_equal(zone_set_at(set, (size_t)i), values + i);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "z%d.example.", i * 2);
        assert_ptr_equal(zone_set_remove(set, wire(text)), values + i * 2);
    }
    assert_int_equal(zone_set_count(set), 9900);
    assert_ptr_equal(zone_set_at(set, 0), values + 1);
    assert_ptr_equal(zone_set_at(set, 99), values + 199);
    assert_ptr_equal(zone_set_at(set, 100), values + 200);
    assert_null(find(set, "z4.example.", 127));
    assert_ptr_equal(find(set, "z5.example.", 127), values + 5);
    zone_set_free(&set);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_enclosing_apex_is_found),
        cmocka_unit_test(putting_again_replaces_and_removing_gives_back),
        cmocka_unit_test(ten_thousand_zones_keep_their_order_through_removals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
