// Lookups in a zone that one can see through, after the random ones of test_store.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/dns/rrtype.h"
#include "common/zone/diff.h"
#include "common/zone/find.h"
#include "tests/support/store_bed.h"

#include <stdio.h>
#include <string.h>

static struct store_bed bed;

static void
put(const char *owner, uint16_t type)
{
    model_put(&bed.model, model_wire(owner), type, 60, (const uint8_t *)"\0\0\0\1", 4);
}

static int
zone_make(void **state)
{
    (void)state;
    store_io_without_sync();
    store_bed_open(&bed, 1, NULL);
    put("www", RRTYPE_A);
    put("a.deep.empty", RRTYPE_A);
    put("*", RRTYPE_A);
    put("*.wild", RRTYPE_A);
    put("sub.wild", RRTYPE_A);
    put("cut", RRTYPE_NS);
    put("ns.cut", RRTYPE_A);
    put("lower.cut", RRTYPE_NS);
    put("ns.lower.cut", RRTYPE_A);
    put("dn", RRTYPE_DNAME);
    put("below.dn", RRTYPE_A); // occluded
    put("example.gov.", RRTYPE_NSEC);
    put("www", RRTYPE_NSEC);
    put("dn", RRTYPE_NSEC);
    put("a.deep.empty", RRTYPE_NSEC);
    store_bed_publish_draft(&bed);
    return 0;
}

static int
zone_give(void **state)
{
    (void)state;
    store_bed_close(&bed);
    return 0;
}

static struct zone_match
find(const char *name)
{
    struct name_suffixes suffixes;
    struct zone_match match;
    const struct version *version = store_current(bed.store);
    name_suffixes_init(&suffixes, model_wire(name), version_hash_key(version));
    zone_find(version, model_wire(name), &suffixes, &match);
    return match;
}

static void
node_is(const struct node *node, const char *owner)
{
    if (!owner) {
        assert_null(node);
        return;
    }
    assert_non_null(node);
    assert_true(name_equal(node_owner(node), model_wire(owner)));
}

static void
match_is(const char *name, const char *node, const char *encloser, const char *cut, bool is_dname)
{
    struct zone_match match = find(name);
    assert_false(match.damaged);
    node_is(match.node, node);
    node_is(match.encloser, encloser);
    assert_int_equal(match.encloser_labels, name_labels(model_wire(encloser)));
    node_is(match.cut, cut);
    assert_int_equal(match.cut_is_dname, is_dname);
}

static void
names_that_exist_are_their_own_enclosers(void **state)
{
    (void)state;
    match_is("example.gov.", "example.gov.", "example.gov.", NULL, false);
    match_is("www", "www", "www", NULL, false);
    match_is("*", "*", "*", NULL, false);
}

static void
empty_non_terminals_exist(void **state)
{
    (void)state;
    match_is("empty", "empty", "empty", NULL, false);
    match_is("deep.empty", "deep.empty", "deep.empty", NULL, false);
    match_is("x.empty", NULL, "empty", NULL, false);
    assert_int_equal(node_rrset_count(find("empty").node), 0);
}

static void
the_closest_encloser_is_the_longest_name_that_exists(void **state)
{
    (void)state;
    match_is("nothing", NULL, "example.gov.", NULL, false);
    match_is("a.b.c.d.e.f.g.www", NULL, "www", NULL, false);
    match_is("x.deep.empty", NULL, "deep.empty", NULL, false);
    match_is("x.*.wild", NULL, "*.wild", NULL, false);
}

static void
cuts_are_found_at_and_above_the_name(void **state)
{
    (void)state;
    match_is("cut", "cut", "cut", "cut", false);
    match_is("ns.cut", "ns.cut", "ns.cut", "cut", false);
    match_is("x.y.cut", NULL, "cut", "cut", false);
    match_is("lower.cut", "lower.cut", "lower.cut", "cut", false); // the topmost
    match_is("ns.lower.cut", "ns.lower.cut", "ns.lower.cut", "cut", false);
}

static void
a_dname_is_above_other_names_only(void **state)
{
    (void)state;
    match_is("dn", "dn", "dn", NULL, false);
    match_is("x.dn", NULL, "dn", "dn", true);
    match_is("below.dn", "below.dn", "below.dn", "dn", true);
    match_is("x.below.dn", NULL, "below.dn", "dn", true);
}

static void
the_source_of_synthesis_is_below_the_closest_encloser(void **state)
{
    (void)state;
    const struct version *version = store_current(bed.store);
    static const char *const cases[][2] = {
        {"nothing", "*"},
        {"x.wild", "*.wild"},
        {"x.y.wild", "*.wild"},
        {"x.sub.wild", NULL}, // RFC 4592 section 2.2.1: blocked by sub.wild
        {"x.empty", NULL}};
    for (size_t i = 0; i < 5; i++) {
        struct zone_match match = find(cases[i][0]);
        bool damaged = true;
        node_is(zone_find_wildcard(version, match.encloser, &damaged), cases[i][1]);
        assert_false(damaged);
    }
}

static void
the_nsec_owner_is_the_last_one_not_after_the_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"example.gov.", "example.gov."},
                                           {"*", "example.gov."},
                                           {"aaa", "example.gov."},
                                           {"dn", "dn"},
                                           {"x.dn", "dn"},
                                           {"a.deep.empty", "a.deep.empty"},
                                           {"x.a.deep.empty", "a.deep.empty"},
                                           {"empty", "dn"},
                                           {"vvv", "a.deep.empty"},
                                           {"zzz", "www"}};
    for (size_t i = 0; i < 10; i++)
        node_is(zone_find_nsec(store_current(bed.store), model_wire(cases[i][0])), cases[i][1]);
}

static void
a_name_outside_the_zone_is_damage_not_an_answer(void **state)
{
    (void)state;
    assert_true(find("gov.").damaged);
    node_is(zone_find_exact(store_current(bed.store), model_wire("www.example.org.")), NULL);
}

static void
a_cut_that_comes_and_goes_moves_the_names_below_it(void **state)
{
    (void)state;
    put("empty", RRTYPE_NS);
    store_bed_publish_diff(&bed);
    match_is("a.deep.empty", "a.deep.empty", "a.deep.empty", "empty", false);
    match_is("x.deep.empty", NULL, "deep.empty", "empty", false);
    model_remove(&bed.model, model_wire("cut"), 0);
    store_bed_publish_diff(&bed);
    match_is("ns.cut", "ns.cut", "ns.cut", NULL, false);
    match_is("cut", "cut", "cut", NULL, false); // empty now
    match_is("ns.lower.cut", "ns.lower.cut", "ns.lower.cut", "lower.cut", false);
    model_remove(&bed.model, model_wire("empty"), 0);
    put("cut", RRTYPE_NS);
    store_bed_publish_diff(&bed);
    match_is("ns.lower.cut", "ns.lower.cut", "ns.lower.cut", "cut", false);
    match_is("a.deep.empty", "a.deep.empty", "a.deep.empty", NULL, false);
}

static void
a_long_run_of_nsec_owners_may_go_at_once(void **state)
{
    (void)state;
    char text[32];
    for (unsigned i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "n%03u", i);
        put(text, RRTYPE_NSEC);
    }
    store_bed_publish_draft(&bed);
    for (unsigned i = 3; i < 197; i++) {
        snprintf(text, sizeof text, "n%03u", i);
        model_remove(&bed.model, model_wire(text), 0);
    }
    store_bed_publish_diff(&bed);
    node_is(zone_find_nsec(store_current(bed.store), model_wire("n150")), "n002");
    node_is(zone_find_nsec(store_current(bed.store), model_wire("n198")), "n198");
    put("n100x", RRTYPE_NSEC);
    store_bed_publish_diff(&bed);
    node_is(zone_find_nsec(store_current(bed.store), model_wire("n150")), "n100x");
    node_is(zone_find_nsec(store_current(bed.store), model_wire("n100")), "n002");
    model_check_version(&bed.model, store_current(bed.store), &bed.random, 200);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_exist_are_their_own_enclosers),
        cmocka_unit_test(empty_non_terminals_exist),
        cmocka_unit_test(the_closest_encloser_is_the_longest_name_that_exists),
        cmocka_unit_test(cuts_are_found_at_and_above_the_name),
        cmocka_unit_test(a_dname_is_above_other_names_only),
        cmocka_unit_test(the_source_of_synthesis_is_below_the_closest_encloser),
        cmocka_unit_test(the_nsec_owner_is_the_last_one_not_after_the_name),
        cmocka_unit_test(a_name_outside_the_zone_is_damage_not_an_answer),
        cmocka_unit_test(a_cut_that_comes_and_goes_moves_the_names_below_it),
        cmocka_unit_test(a_long_run_of_nsec_owners_may_go_at_once),
    };
    return cmocka_run_group_tests(tests, zone_make, zone_give);
}
