// Ways through zones held here, to other owners, and through the outside.
#include "bed.h"

#include "primary/alias/local.h"

static void
plain_target(struct bed *bed)
{
    bed_says(bed, "lb.out", RRTYPE_A, "192.0.2.1");
    bed_says(bed, "lb.out", RRTYPE_AAAA, "2001:db8::1");
}

static void
every_kind_of_owner_gets_its_targets_addresses(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    plain_target(&bed);
    bed_zone(&bed, "example.gov",
             "@ IN ALIAS lb.out.\nleaf IN ALIAS lb.out.\n*.wild IN ALIAS lb.out.\n"
             "deep.empty.ent IN ALIAS lb.out.\nmixed IN ALIAS lb.out.\nmixed IN MX 5 leaf",
             true);
    bed_ask(&bed);
    static const char *const owners[] = {"example.gov", "leaf.example.gov", "*.wild.example.gov",
                                         "deep.empty.ent.example.gov", "mixed.example.gov"};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(A_OF(&bed, owners[i]), "192.0.2.1");
        assert_string_equal(AAAA_OF(&bed, owners[i]), "2001:db8::1");
    }
    assert_int_equal(bed.questions, 2);
    bed_close(&bed);
}

static void
an_alias_at_or_below_a_cut_is_no_owner(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    plain_target(&bed);
    bed_zone(&bed, "example.gov",
             "child IN NS ns.child\nns.child IN A 192.0.2.53\nwww.child IN ALIAS lb.out.\n"
             "child IN ALIAS lb.out.\nchilds IN ALIAS lb.out.",
             true);
    bed_ask(&bed);
    assert_string_equal(A_OF(&bed, "www.child.example.gov"), "none");
    assert_string_equal(A_OF(&bed, "child.example.gov"), "none");
    assert_string_equal(A_OF(&bed, "childs.example.gov"), "192.0.2.1");
    bed_close(&bed);
}

static void
a_target_in_a_zone_held_here_is_never_asked_of_the_resolver(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_zone(&bed, "example.net",
             "lb IN A 192.0.2.7\nlb IN AAAA 2001:db8::7\n*.wild IN A 192.0.2.8\n"
             "c IN CNAME d\nd IN CNAME lb\ndn IN DNAME example.net.",
             true);
    bed_zone(&bed, "example.gov",
             "@ IN ALIAS lb.example.net.\nw IN ALIAS x.y.wild.example.net.\n"
             "c IN ALIAS c.example.net.\nn IN ALIAS lb.dn.example.net.\n"
             "same IN ALIAS host\nhost IN A 192.0.2.9\ncn IN ALIAS cname\ncname IN CNAME host",
             false);
    assert_int_equal(bed_ask(&bed), 0);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.7");
    assert_string_equal(AAAA_OF(&bed, "example.gov"), "2001:db8::7");
    assert_string_equal(A_OF(&bed, "w.example.gov"), "192.0.2.8");
    assert_string_equal(A_OF(&bed, "c.example.gov"), "192.0.2.7");
    assert_string_equal(A_OF(&bed, "n.example.gov"), "192.0.2.7");
    assert_string_equal(A_OF(&bed, "same.example.gov"), "192.0.2.9");
    assert_string_equal(AAAA_OF(&bed, "same.example.gov"), "");
    assert_string_equal(A_OF(&bed, "cn.example.gov"), "192.0.2.9");
    assert_true(bed_view(&bed, "example.gov").local);
    assert_int_equal(bed_view(&bed, "c.example.gov").hops, 3);
    assert_true(bed_ready(&bed, "example.gov"));
    bed_close(&bed);
}

static void
a_target_below_a_cut_of_a_local_zone_goes_to_the_resolver(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says(&bed, "www.child.example.net", RRTYPE_A, "192.0.2.20");
    bed_says(&bed, "www.child.example.net", RRTYPE_AAAA, "nodata");
    bed_zone(&bed, "example.net",
             "child IN NS ns.child\nns.child IN A 192.0.2.53\nwww.child IN A 192.0.2.66", true);
    bed_zone(&bed, "example.gov", "@ IN ALIAS www.child.example.net.", true);
    assert_int_equal(bed_ask(&bed), 2);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.20");
    bed_close(&bed);
}

static void
a_zone_that_is_declared_but_not_read_is_waited_for(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says(&bed, "lb.example.net", RRTYPE_A, "192.0.2.66"); // what the outside still says
    book_zone_declare(bed.book, wire("example.net"), bed.now);
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.example.net.", false);
    assert_int_equal(bed_ask(&bed), 0);
    assert_false(bed_ready(&bed, "example.gov"));
    bed_zone(&bed, "example.net", "lb IN A 192.0.2.7", false);
    assert_true(bed_ready(&bed, "example.gov"));
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.7");
    bed_close(&bed);
}

static void
an_edit_of_a_local_target_changes_its_owners_at_once(void **state)
{
    (void)state;
    struct bed bed;
    struct vector owners;
    const uint8_t *apex;
    bool all, gov = false;
    vector_init(&owners, NAME_SIZE_MAX);
    bed_open(&bed);
    bed_zone(&bed, "example.net", "lb IN A 192.0.2.7", true);
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.example.net.", true);
    assert_true(bed_ready(&bed, "example.gov"));
    bed_zone(&bed, "example.net", "lb IN A 192.0.2.8", true);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.8");
    while (book_changed(bed.book, &apex, &owners, &all, bed.now))
        gov = gov || name_equal(apex, wire("example.gov"));
    assert_true(gov);
    // Gone there: held here.
    bed_zone(&bed, "example.net", "other IN A 192.0.2.8", true);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.8");
    assert_int_equal(bed_view(&bed, "example.gov").state, TARGET_HELD);
    vector_close(&owners);
    bed_close(&bed);
}

static void
alias_to_alias_follows_the_other_owner(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    plain_target(&bed);
    bed_zone(&bed, "example.net", "lb IN ALIAS lb.out.\n*.w IN ALIAS lb.out.", true);
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.example.net.\nw IN ALIAS a.w.example.net.", true);
    bed_ask(&bed);
    assert_int_equal(bed.questions, 2);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    assert_string_equal(A_OF(&bed, "w.example.gov"), "192.0.2.1");
    assert_int_equal(bed_view(&bed, "example.gov").hops, 2);
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.2");
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.2");
    // Held there is served here, as that zone serves it.
    bed_says(&bed, "lb.out", RRTYPE_A, "servfail");
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.2");
    bed_close(&bed);
}

static void
circles_are_loops_wherever_they_run(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says(&bed, "back.out", RRTYPE_A, "> outside.example.gov 192.0.2.66");
    bed_says(&bed, "back.out", RRTYPE_AAAA, "> outside.example.gov nodata");
    bed_zone(&bed, "example.gov",
             "self IN ALIAS self\na IN ALIAS b\nb IN ALIAS a\nc1 IN CNAME c2\nc2 IN CNAME c1\n"
             "c IN ALIAS c1\nto IN ALIAS a\noutside IN ALIAS back.out.",
             false);
    bed_ask(&bed);
    static const char *const owners[] = {"self.example.gov", "a.example.gov",
                                         "b.example.gov",    "c.example.gov",
                                         "to.example.gov",   "outside.example.gov"};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(bed_view(&bed, owners[i]).state, TARGET_LOOP);
        assert_string_equal(A_OF(&bed, owners[i]), "");
        assert_non_null(bed_view(&bed, owners[i]).reason);
    }
    assert_true(bed_ready(&bed, "example.gov")); // a loop is definitive
    bed_close(&bed);
}

static void
an_edit_into_a_circle_blanks_nothing_and_an_edit_out_of_it_heals_all(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    plain_target(&bed);
    bed_zone(&bed, "example.gov", "a IN ALIAS b\nb IN ALIAS c\nc IN ALIAS lb.out.", true);
    bed_ask(&bed);
    bed_zone(&bed, "example.gov", "a IN ALIAS b\nb IN ALIAS c\nc IN ALIAS a", true);
    for (const char *const *owner =
             (const char *const[]){"a.example.gov", "b.example.gov", "c.example.gov", NULL};
         *owner; owner++) {
        assert_int_equal(bed_view(&bed, *owner).state, TARGET_LOOP);
        assert_string_equal(A_OF(&bed, *owner), "192.0.2.1");
    }
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.3");
    bed_zone(&bed, "example.gov", "a IN ALIAS b\nb IN ALIAS c\nc IN ALIAS lb.out.", true);
    bed_pass(&bed, 40);
    assert_int_equal(bed_view(&bed, "a.example.gov").state, TARGET_FRESH);
    assert_string_equal(A_OF(&bed, "a.example.gov"), "192.0.2.3");
    bed_close(&bed);
}

static void
chain_of_alias(char *text, size_t size, int count)
{
    text[0] = '\0';
    for (int i = 0; i < count; i++)
        snprintf(text + strlen(text), size - strlen(text), "n%d IN ALIAS n%d\n", i, i + 1);
    snprintf(text + strlen(text), size - strlen(text), "n%d IN A 192.0.2.9\n", count);
}

static void
sixteen_hops_are_followed_and_no_more(void **state)
{
    (void)state;
    struct bed bed;
    char text[2000];
    bed_open(&bed);
    chain_of_alias(text, sizeof text, 17);
    bed_zone(&bed, "example.gov", text, true);
    assert_string_equal(A_OF(&bed, "n0.example.gov"), "192.0.2.9");
    assert_int_equal(bed_view(&bed, "n0.example.gov").hops, 17);
    chain_of_alias(text, sizeof text, 18);
    bed_zone(&bed, "example.net", text, true);
    assert_int_equal(bed_view(&bed, "n0.example.net").state, TARGET_LOOP);
    assert_non_null(strstr(bed_view(&bed, "n0.example.net").reason, "16 hops"));
    assert_string_equal(A_OF(&bed, "n1.example.net"), "192.0.2.9");
    bed_close(&bed);
}

static void
cname_chain(char *text, size_t size, int count)
{
    text[0] = '\0';
    for (int i = 0; i < count; i++)
        snprintf(text + strlen(text), size - strlen(text), "c%d IN CNAME c%d\n", i, i + 1);
    snprintf(text + strlen(text), size - strlen(text), "c%d IN A 192.0.2.9\nx IN ALIAS c0\n",
             count);
}

static void
local_cname_chains_have_the_same_limit(void **state)
{
    (void)state;
    struct bed bed;
    char text[2000];
    bed_open(&bed);
    cname_chain(text, sizeof text, 16);
    bed_zone(&bed, "example.gov", text, true);
    assert_string_equal(A_OF(&bed, "x.example.gov"), "192.0.2.9");
    cname_chain(text, sizeof text, 17);
    bed_zone(&bed, "example.net", text, true);
    assert_int_equal(bed_view(&bed, "x.example.net").state, TARGET_LOOP);
    bed_close(&bed);
}

static void
the_outside_that_leads_back_inside_is_answered_from_here(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says(&bed, "cdn.out", RRTYPE_A, "> host.example.net 192.0.2.66"); // stale
    bed_says(&bed, "cdn.out", RRTYPE_AAAA, "> host.example.net nodata");
    bed_zone(&bed, "example.net", "host IN A 192.0.2.7", true);
    bed_zone(&bed, "example.gov", "@ IN ALIAS cdn.out.", true);
    bed_ask(&bed);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.7");
    assert_int_equal(bed_view(&bed, "example.gov").hops, 2);
    // The way out is cut: what is known of it is held, not followed.
    bed_says(&bed, "cdn.out", RRTYPE_A, "servfail");
    bed_says(&bed, "cdn.out", RRTYPE_AAAA, "servfail");
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.7");
    assert_int_equal(bed_view(&bed, "example.gov").state, TARGET_HELD);
    bed_close(&bed);
}

static void
a_zone_that_comes_takes_its_names_from_the_resolver(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed);
    bed_says(&bed, "lb.example.net", RRTYPE_A, "192.0.2.66");
    bed_says(&bed, "lb.example.net", RRTYPE_AAAA, "nodata");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.example.net.", true);
    bed_ask(&bed);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.66");
    bed_zone(&bed, "example.net", "lb IN A 192.0.2.7", true);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.7");
    book_zone_forget(bed.book, wire("example.net"), bed.now);
    bed_pass(&bed, 40);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.66");
    bed_close(&bed);
}

static void
a_zone_and_all_who_depend_on_it_may_go_in_any_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct bed bed;
        bed_open(&bed);
        plain_target(&bed);
        bed_zone(&bed, "example.net", "lb IN ALIAS lb.out.\nx IN ALIAS y.example.gov.", true);
        bed_zone(&bed, "example.gov", "@ IN ALIAS lb.example.net.\ny IN ALIAS x.example.net.",
                 true);
        bed_ask(&bed);
        book_zone_forget(bed.book, wire(order ? "example.net" : "example.gov"), bed.now);
        bed_pass(&bed, 3);
        book_zone_forget(bed.book, wire(order ? "example.gov" : "example.net"), bed.now);
        bed_pass(&bed, 3);
        bed_close(&bed);
    }
}

static enum local_kind
step(const struct draft *draft, const char *name, uint16_t type, struct local_answer *answer)
{
    local_step(draft, wire(name), type, answer);
    return answer->kind;
}

static void
local_data_is_read_as_rfc_1034_says(void **state)
{
    (void)state;
    struct local_answer answer;
    struct draft *draft = bed_draft("example.gov", "a IN A 192.0.2.1\n*.w IN A 192.0.2.2\n"
                                                   "x.w IN TXT t\nb.c.d IN A 192.0.2.3\n"
                                                   "cut IN NS ns.cut\ng.cut IN A 192.0.2.4\n"
                                                   "dn IN DNAME w.example.gov.");
    assert_int_equal(step(draft, "a.example.gov", RRTYPE_A, &answer), LOCAL_RRSET);
    assert_int_equal(step(draft, "a.example.gov", RRTYPE_AAAA, &answer), LOCAL_NODATA);
    assert_int_equal(step(draft, "none.example.gov", RRTYPE_A, &answer), LOCAL_NXDOMAIN);
    assert_int_equal(step(draft, "below.a.example.gov", RRTYPE_A, &answer), LOCAL_NXDOMAIN);
    assert_int_equal(step(draft, "any.w.example.gov", RRTYPE_A, &answer), LOCAL_RRSET);
    assert_int_equal(step(draft, "x.w.example.gov", RRTYPE_A, &answer), LOCAL_NODATA);
    assert_int_equal(step(draft, "y.x.w.example.gov", RRTYPE_A, &answer), LOCAL_NXDOMAIN);
    assert_int_equal(step(draft, "c.d.example.gov", RRTYPE_A, &answer), LOCAL_NODATA);
    assert_int_equal(step(draft, "cut.example.gov", RRTYPE_A, &answer), LOCAL_DELEGATED);
    assert_int_equal(step(draft, "g.cut.example.gov", RRTYPE_A, &answer), LOCAL_DELEGATED);
    assert_int_equal(step(draft, "dn.example.gov", RRTYPE_A, &answer), LOCAL_NODATA);
    assert_int_equal(step(draft, "q.dn.example.gov", RRTYPE_A, &answer), LOCAL_RENAMED);
    assert_true(name_equal(answer.next, wire("q.w.example.gov")));
    draft_free(&draft);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_owner_gets_its_targets_addresses),
        cmocka_unit_test(an_alias_at_or_below_a_cut_is_no_owner),
        cmocka_unit_test(a_target_in_a_zone_held_here_is_never_asked_of_the_resolver),
        cmocka_unit_test(a_target_below_a_cut_of_a_local_zone_goes_to_the_resolver),
        cmocka_unit_test(a_zone_that_is_declared_but_not_read_is_waited_for),
        cmocka_unit_test(an_edit_of_a_local_target_changes_its_owners_at_once),
        cmocka_unit_test(alias_to_alias_follows_the_other_owner),
        cmocka_unit_test(circles_are_loops_wherever_they_run),
        cmocka_unit_test(an_edit_into_a_circle_blanks_nothing_and_an_edit_out_of_it_heals_all),
        cmocka_unit_test(sixteen_hops_are_followed_and_no_more),
        cmocka_unit_test(local_cname_chains_have_the_same_limit),
        cmocka_unit_test(the_outside_that_leads_back_inside_is_answered_from_here),
        cmocka_unit_test(a_zone_that_comes_takes_its_names_from_the_resolver),
        cmocka_unit_test(a_zone_and_all_who_depend_on_it_may_go_in_any_order),
        cmocka_unit_test(local_data_is_read_as_rfc_1034_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
