#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/dns/rrtype.h"
#include "common/zone/draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t *
wire(const char *text)
{
    static uint8_t names[8][NAME_SIZE_MAX];
    static unsigned next;
    uint8_t *name = names[next++ % 8];
    assert_true(name_from_text(text, NULL, name, NULL));
    return name;
}

static struct draft *
example(void)
{
    return draft_new(wire("example.gov."));
}

static void
add(struct draft *draft, const char *owner, uint16_t type, uint32_t ttl, const char *rdata)
{
    struct fault fault = {.text = ""};
    if (!draft_add(draft, wire(owner), type, ttl, (const uint8_t *)rdata, (uint16_t)strlen(rdata),
                   &fault))
        fail_msg("%s", fault.text);
}

static void
add_signature(struct draft *draft, const char *owner, uint16_t covered, char mark)
{
    uint8_t rdata[20] = {0};
    octets_put_u16(rdata, covered);
    rdata[19] = (uint8_t)mark;
    assert_true(draft_add(draft, wire(owner), RRTYPE_RRSIG, 60, rdata, sizeof rdata, NULL));
}

static struct draft_findings
seal(struct draft *draft)
{
    struct draft_findings findings;
    struct fault fault = {.text = ""};
    if (!draft_seal(draft, &findings, &fault))
        fail_msg("%s", fault.text);
    return findings;
}

static void
owner_is(const struct draft *draft, size_t index, const char *owner)
{
    char text[NAME_TEXT_MAX];
    assert_string_equal(name_to_text(node_owner(draft_node_at(draft, index)), text), owner);
}

static void
records_come_in_the_canonical_order_of_rfc_4034(void **state)
{
    (void)state;
    // Section 6.1's own example, shuffled.
    static const char *const order[] = {
        "example.",         "a.example.",      "yljkjljk.a.example.",
        "z.a.example.",     "zabc.a.example.", "z.example.",
        "\\001.z.example.", "*.z.example.",    "\\200.z.example."};
    static const unsigned shuffled[] = {4, 8, 0, 6, 2, 7, 1, 5, 3};
    struct draft *draft = draft_new(wire("example."));
    for (unsigned i = 0; i < 9; i++)
        add(draft, order[shuffled[i]], RRTYPE_TXT, 60, "\1x");
    seal(draft);
    assert_int_equal(draft_node_count(draft), 9);
    for (unsigned i = 0; i < 9; i++)
        owner_is(draft, i, order[i]);
    draft_free(&draft);
}

static void
owners_are_lower_cased_and_meet(void **state)
{
    (void)state;
    struct draft *draft = example();
    add(draft, "EXAMPLE.gov.", RRTYPE_A, 60, "aaaa");
    add(draft, "www.Example.gov.", RRTYPE_A, 60, "aaaa");
    add(draft, "example.gov.", RRTYPE_A, 60, "bbbb");
    add(draft, "WWW.example.gov.", RRTYPE_A, 60, "bbbb");
    seal(draft);
    assert_int_equal(draft_node_count(draft), 2);
    for (size_t i = 0; i < 2; i++) {
        struct rrset rrset;
        assert_true(node_rrset_find(draft_node_at(draft, i), RRTYPE_A, &rrset));
        assert_int_equal(rrset.rr_count, 2);
    }
    draft_free(&draft);
}

static void
an_owner_outside_the_zone_is_named(void **state)
{
    (void)state;
    struct draft *draft = example();
    struct fault fault;
    assert_false(
        draft_add(draft, wire("example.net."), RRTYPE_A, 60, (const uint8_t *)"aaaa", 4, &fault));
    assert_int_equal(fault.kind, FAULT_SYNTAX);
    assert_non_null(strstr(fault.text, "example.net."));
    assert_false(draft_add(draft, wire("gov."), RRTYPE_A, 60, (const uint8_t *)"aaaa", 4, &fault));
    assert_false(
        draft_add(draft, wire("xexample.gov."), RRTYPE_A, 60, (const uint8_t *)"aaaa", 4, &fault));
    assert_int_equal(draft_rr_count(draft), 0);
    draft_free(&draft);
}

static void
an_rrset_is_its_own_wire(void **state)
{
    (void)state;
    struct draft *draft = example();
    struct rrset rrset;
    const uint8_t high[4] = {192, 0, 2, 9}, low[4] = {10, 0, 0, 1};
    assert_true(draft_add(draft, wire("example.gov."), RRTYPE_A, 258, high, 4, NULL));
    assert_true(draft_add(draft, wire("example.gov."), RRTYPE_A, 258, low, 4, NULL));
    seal(draft);
    static const uint8_t expected[] = {0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 1, 2, 0, 4, 10,  0, 0, 1,
                                       0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 1, 2, 0, 4, 192, 0, 2, 9};
    assert_true(node_rrset_find(draft_node_at(draft, 0), RRTYPE_A, &rrset));
    assert_int_equal(rrset.wire_length, sizeof expected);
    assert_memory_equal(rrset.wire, expected, sizeof expected);
    assert_int_equal(rrset.ttl, 258);
    assert_null(rrset.signatures);
    draft_free(&draft);
}

static void
duplicates_are_dropped_and_counted(void **state)
{
    (void)state;
    struct draft *draft = example();
    struct rrset rrset;
    add(draft, "example.gov.", RRTYPE_TXT, 60, "\1b");
    add(draft, "example.gov.", RRTYPE_TXT, 60, "\1a");
    add(draft, "example.gov.", RRTYPE_TXT, 60, "\1b");
    add(draft, "example.gov.", RRTYPE_TXT, 60, "\1b");
    assert_int_equal(draft_rr_count(draft), 4);
    struct draft_findings findings = seal(draft);
    assert_int_equal(findings.duplicates, 2);
    assert_int_equal(findings.ttl_differs, 0);
    assert_true(node_rrset_find(draft_node_at(draft, 0), RRTYPE_TXT, &rrset));
    assert_int_equal(rrset.rr_count, 2);
    draft_free(&draft);
}

static void
the_lowest_ttl_of_an_rrset_is_taken_and_the_first_such_rrset_named(void **state)
{
    (void)state;
    struct draft *draft = example();
    struct rrset rrset;
    add(draft, "b.example.gov.", RRTYPE_TXT, 60, "\1b");
    add(draft, "b.example.gov.", RRTYPE_TXT, 30, "\1c");
    add(draft, "a.example.gov.", RRTYPE_A, 300, "aaaa");
    add(draft, "a.example.gov.", RRTYPE_A, 600, "bbbb");
    add(draft, "a.example.gov.", RRTYPE_A, 200, "cccc");
    add(draft, "a.example.gov.", RRTYPE_TXT, 600, "\1b");
    struct draft_findings findings = seal(draft);
    assert_int_equal(findings.ttl_differs, 2);
    assert_true(name_equal(findings.ttl_owner, wire("a.example.gov.")));
    assert_int_equal(findings.ttl_type, RRTYPE_A);
    assert_true(node_rrset_find(draft_find(draft, wire("a.example.gov.")), RRTYPE_A, &rrset));
    assert_int_equal(rrset.ttl, 200);
    uint32_t position = 0;
    struct rr rr;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(rrset_next(rrset.wire, rrset.wire_length, &position, &rr));
        assert_int_equal(rr.ttl, 200);
    }
    assert_false(rrset_next(rrset.wire, rrset.wire_length, &position, &rr));
    draft_free(&draft);
}

static void
signatures_stand_with_what_they_cover(void **state)
{
    (void)state;
    struct draft *draft = example();
    struct rrset rrset;
    add_signature(draft, "example.gov.", RRTYPE_A, 'b');
    add(draft, "example.gov.", RRTYPE_A, 60, "aaaa");
    add_signature(draft, "example.gov.", RRTYPE_A, 'a');
    add(draft, "example.gov.", RRTYPE_TXT, 60, "\1x");
    add_signature(draft, "example.gov.", RRTYPE_MX, 'm'); // covers nothing
    add_signature(draft, "lost.example.gov.", RRTYPE_A, 'm');
    struct draft_findings findings = seal(draft);
    assert_int_equal(findings.orphan_signatures, 2);
    assert_int_equal(draft_node_count(draft), 1); // lost.example.gov. has nothing
    assert_null(draft_find(draft, wire("lost.example.gov.")));
    const struct node *apex = draft_node_at(draft, 0);
    assert_int_equal(node_rrset_count(apex), 2);
    assert_false(node_has(apex, RRTYPE_RRSIG));
    assert_true(node_rrset_find(apex, RRTYPE_A, &rrset));
    assert_int_equal(rrset.signature_count, 2);
    assert_int_equal(rrset.signatures_length, 2 * 32);
    assert_int_equal(rrset.signatures[31], 'a'); // canonical order
    assert_int_equal(rrset.signatures[63], 'b');
    assert_true(node_rrset_find(apex, RRTYPE_TXT, &rrset));
    assert_int_equal(rrset.signature_count, 0);
    draft_free(&draft);
}

static void
empty_non_terminals_are_records_and_the_apex_always_is(void **state)
{
    (void)state;
    static const char *const order[] = {
        "example.gov.",     "b.example.gov.",     "a.b.example.gov.",  "c.example.gov.",
        "b.c.example.gov.", "a.b.c.example.gov.", "x.b.c.example.gov."};
    struct draft *draft = example();
    add(draft, "x.b.c.example.gov.", RRTYPE_A, 60, "aaaa");
    add(draft, "a.b.c.example.gov.", RRTYPE_A, 60, "aaaa");
    add(draft, "a.b.example.gov.", RRTYPE_A, 60, "aaaa");
    seal(draft);
    assert_int_equal(draft_node_count(draft), 7);
    for (unsigned i = 0; i < 7; i++) {
        owner_is(draft, i, order[i]);
        assert_ptr_equal(draft_find(draft, wire(order[i])), draft_node_at(draft, i));
        assert_int_equal(node_rrset_count(draft_node_at(draft, i)), i == 2 || i > 4);
    }
    assert_null(draft_find(draft, wire("a.example.gov.")));
    draft_free(&draft);
    draft = example();
    seal(draft);
    assert_int_equal(draft_node_count(draft), 1);
    owner_is(draft, 0, "example.gov.");
    draft_free(&draft);
}

static void
the_lower_bound_is_the_first_name_not_before(void **state)
{
    (void)state;
    struct draft *draft = example();
    add(draft, "example.gov.", RRTYPE_A, 60, "aaaa");
    add(draft, "b.example.gov.", RRTYPE_A, 60, "aaaa");
    add(draft, "d.example.gov.", RRTYPE_A, 60, "aaaa");
    seal(draft);
    assert_int_equal(draft_lower_bound(draft, wire("example.gov.")), 0);
    assert_int_equal(draft_lower_bound(draft, wire("a.example.gov.")), 1);
    assert_int_equal(draft_lower_bound(draft, wire("b.example.gov.")), 1);
    assert_int_equal(draft_lower_bound(draft, wire("a.b.example.gov.")), 2);
    assert_int_equal(draft_lower_bound(draft, wire("e.example.gov.")), 3);
    draft_free(&draft);
}

static void
an_rrset_that_fits_no_message_is_refused_by_name(void **state)
{
    (void)state;
    struct fault fault;
    uint8_t rdata[40000] = {0};
    struct draft *draft = example();
    for (uint8_t i = 0; i < 2; i++) {
        rdata[0] = i;
        assert_true(
            draft_add(draft, wire("big.example.gov."), 65280, 60, rdata, sizeof rdata, NULL));
    }
    assert_false(draft_seal(draft, NULL, &fault));
    assert_int_equal(fault.kind, FAULT_LIMIT);
    assert_non_null(strstr(fault.text, "big.example.gov. TYPE65280"));
    draft_free(&draft);
}

static void
too_many_types_at_an_owner_are_refused_by_name(void **state)
{
    (void)state;
    struct fault fault;
    struct draft *draft = example();
    for (unsigned i = 0; i <= NODE_RRSETS_MAX; i++)
        assert_true(draft_add(draft, wire("many.example.gov."), (uint16_t)(1000 + i), 60,
                              (const uint8_t *)"x", 1, NULL));
    assert_false(draft_seal(draft, NULL, &fault));
    assert_int_equal(fault.kind, FAULT_LIMIT);
    assert_non_null(strstr(fault.text, "many.example.gov."));
    draft_free(&draft);
}

static void
a_draft_of_anothers_records_is_the_same(void **state)
{
    (void)state;
    struct draft *draft = example(), *copy = example();
    add(draft, "example.gov.", RRTYPE_A, 60, "aaaa");
    add(draft, "a.b.example.gov.", RRTYPE_TXT, 60, "\1x");
    add_signature(draft, "a.b.example.gov.", RRTYPE_TXT, 's');
    seal(draft);
    for (size_t i = 0; i < draft_node_count(draft); i++)
        draft_add_node(copy, draft_node_at(draft, i));
    seal(copy);
    assert_int_equal(draft_node_count(copy), draft_node_count(draft));
    for (size_t i = 0; i < draft_node_count(draft); i++) {
        const struct node *node = draft_node_at(draft, i);
        assert_int_equal(node_size(node), node_size(draft_node_at(copy, i)));
        assert_memory_equal(node, draft_node_at(copy, i), node_size(node));
    }
    draft_free(&draft);
    draft_free(&copy);
}

static struct hash_digest
digest_of(uint32_t serial, uint32_t ttl, bool with_signatures, bool with_chain)
{
    struct hash_digest digest;
    struct draft *draft = example();
    uint8_t soa[22] = {0};
    octets_put_u32(soa + 2, serial);
    assert_true(draft_add(draft, wire("example.gov."), RRTYPE_SOA, 60, soa, sizeof soa, NULL));
    add(draft, "www.example.gov.", RRTYPE_A, ttl, "aaaa");
    if (with_signatures)
        add_signature(draft, "www.example.gov.", RRTYPE_A, 's');
    if (with_chain) {
        add(draft, "www.example.gov.", RRTYPE_NSEC, 60, "\1x");
        add(draft, "example.gov.", RRTYPE_DNSKEY, 60, "\1x");
        add(draft, "0123.example.gov.", RRTYPE_NSEC3, 60, "\1x");
    }
    seal(draft);
    draft_digest(draft, &digest);
    draft_free(&draft);
    return digest;
}

static void
the_digest_is_that_of_the_content_without_serial_and_signers_work(void **state)
{
    (void)state;
    struct hash_digest plain = digest_of(1, 60, false, false);
    struct hash_digest other = digest_of(2, 60, true, true);
    assert_memory_equal(&plain, &other, sizeof plain);
    other = digest_of(1, 61, false, false);
    assert_memory_not_equal(&plain, &other, sizeof plain);
}

static int
text_compare(const void *left, const void *right)
{
    return name_compare(*(const uint8_t *const *)left, *(const uint8_t *const *)right);
}

static void
twenty_thousand_owners_in_any_order_are_sorted(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    uint8_t(*names)[NAME_SIZE_MAX] = malloc(COUNT * sizeof *names);
    const uint8_t **sorted = malloc(COUNT * sizeof *sorted);
    struct draft *draft = example();
    for (unsigned i = 0; i < COUNT; i++) {
        char text[64];
        unsigned number = i * 7919 % COUNT; // a prime: every number once
        snprintf(text, sizeof text, "customer-%u.%c.example.gov.", number, 'a' + number % 3);
        assert_true(name_from_text(text, NULL, names[i], NULL));
        sorted[i] = names[i];
        assert_true(draft_add(draft, names[i], RRTYPE_A, 60, (const uint8_t *)"aaaa", 4, NULL));
    }
    seal(draft);
    qsort(sorted, COUNT, sizeof *sorted, text_compare);
    size_t next = 0;
    for (size_t i = 0; i < draft_node_count(draft); i++) {
        const struct node *node = draft_node_at(draft, i);
        if (node_rrset_count(node))
            assert_true(name_equal(node_owner(node), sorted[next++]));
        assert_ptr_equal(draft_find(draft, node_owner(node)), node);
    }
    assert_int_equal(next, COUNT);
    assert_int_equal(draft_node_count(draft), COUNT + 4);
    draft_free(&draft);
    free(names);
    free(sorted);
}

// RRs in a list, so that they can be added in several orders.
struct loose_rr {
    uint8_t owner[NAME_SIZE_MAX];
    uint16_t type;
    uint32_t ttl;
    uint8_t rdata[20];
    uint16_t rdlength;
    uint32_t rank; // for shuffling
};

static uint32_t
draw(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void
loose_make(struct loose_rr *rr, uint32_t *seed)
{
    static const uint16_t types[] = {RRTYPE_A, RRTYPE_TXT, RRTYPE_MX, 65280, RRTYPE_RRSIG};
    char text[64];
    uint32_t number = draw(seed) % 60;
    snprintf(text, sizeof text, number % 7 ? "h%u.example.gov." : "h%u.in.the.deep.example.gov.",
             number);
    assert_true(name_from_text(number == 1 ? "example.gov." : text, NULL, rr->owner, NULL));
    rr->type = types[draw(seed) % 5];
    rr->ttl = draw(seed) % 40 ? 60 : 30;
    rr->rdlength = rr->type == RRTYPE_RRSIG ? 20 : 4;
    memset(rr->rdata, 0, sizeof rr->rdata);
    if (rr->type == RRTYPE_RRSIG)
        octets_put_u16(rr->rdata, types[draw(seed) % 4]);
    rr->rdata[rr->rdlength - 1] = (uint8_t)(draw(seed) % 6);
}

static int
loose_by_rank(const void *a, const void *b)
{
    uint32_t left = ((const struct loose_rr *)a)->rank, right = ((const struct loose_rr *)b)->rank;
    return (left > right) - (left < right);
}
static int
loose_by_owner(const void *a, const void *b)
{
    int order =
        name_compare(((const struct loose_rr *)a)->owner, ((const struct loose_rr *)b)->owner);
    return order ? order : loose_by_rank(a, b);
}
static int
loose_by_type(const void *a, const void *b)
{
    int order = (int)((const struct loose_rr *)a)->type - (int)((const struct loose_rr *)b)->type;
    return order ? order : loose_by_rank(a, b);
}

static struct draft *
loose_draft(const struct loose_rr *rrs, size_t count, struct draft_findings *ret_findings)
{
    struct draft *draft = example();
    for (size_t i = 0; i < count; i++)
        assert_true(draft_add(draft, rrs[i].owner, rrs[i].type, rrs[i].ttl, rrs[i].rdata,
                              rrs[i].rdlength, NULL));
    *ret_findings = seal(draft);
    return draft;
}

static void
drafts_are_equal(const struct draft *a, const struct draft *b)
{
    assert_int_equal(draft_node_count(a), draft_node_count(b));
    for (size_t i = 0; i < draft_node_count(a); i++) {
        const struct node *node = draft_node_at(a, i);
        assert_int_equal(node_size(node), node_size(draft_node_at(b, i)));
        assert_memory_equal(node, draft_node_at(b, i), node_size(node));
        assert_ptr_equal(draft_find(a, node_owner(node)), node);
    }
}

static void
the_order_in_which_rrs_come_makes_no_difference(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    static int (*const orders[])(const void *, const void *) = {loose_by_owner, loose_by_rank,
                                                                loose_by_type};
    struct loose_rr rrs[COUNT];
    for (uint32_t round = 0, seed = 1; round < 20; round++) {
        struct draft *first = NULL;
        struct draft_findings findings, first_findings = {0};
        for (size_t i = 0; i < COUNT; i++)
            loose_make(&rrs[i], &seed);
        for (size_t order = 0; order < 3; order++) {
            for (size_t i = 0; i < COUNT; i++)
                rrs[i].rank = draw(&seed);
            qsort(rrs, COUNT, sizeof *rrs, orders[order]);
            struct draft *draft = loose_draft(rrs, COUNT, &findings);
            if (!first) {
                first = draft;
                first_findings = findings;
                assert_true(findings.ttl_differs > 0 && findings.duplicates > 0 &&
                            findings.orphan_signatures > 0);
                continue;
            }
            drafts_are_equal(first, draft);
            assert_int_equal(findings.ttl_differs, first_findings.ttl_differs);
            assert_int_equal(findings.duplicates, first_findings.duplicates);
            assert_int_equal(findings.orphan_signatures, first_findings.orphan_signatures);
            assert_true(name_equal(findings.ttl_owner, first_findings.ttl_owner));
            assert_int_equal(findings.ttl_type, first_findings.ttl_type);
            draft_free(&draft);
        }
        draft_free(&first);
    }
}

static void
records_and_loose_rrs_of_one_owner_meet(void **state)
{
    (void)state;
    struct draft *source = example(), *draft = example();
    add(source, "b.example.gov.", RRTYPE_A, 60, "bbbb");
    seal(source);
    const struct node *record = draft_find(source, wire("b.example.gov."));
    add(draft, "b.example.gov.", RRTYPE_A, 60, "aaaa"); // before it
    draft_add_node(draft, record);
    add(draft, "b.example.gov.", RRTYPE_TXT, 60, "\1x"); // behind it
    add(draft, "a.example.gov.", RRTYPE_A, 60, "aaaa");
    draft_add_node(draft, record);                   // a second time
    draft_add_node(draft, draft_node_at(source, 0)); // an empty one adds nothing
    assert_int_equal(draft_rr_count(draft), 5);
    assert_int_equal(seal(draft).duplicates, 1);
    struct rrset rrset;
    assert_int_equal(draft_node_count(draft), 3);
    assert_int_equal(node_rrset_count(draft_node_at(draft, 0)), 0);
    assert_true(node_rrset_find(draft_node_at(draft, 2), RRTYPE_A, &rrset));
    assert_int_equal(rrset.rr_count, 2);
    assert_true(node_has(draft_node_at(draft, 2), RRTYPE_TXT));
    draft_free(&source);
    draft_free(&draft);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_in_the_canonical_order_of_rfc_4034),
        cmocka_unit_test(owners_are_lower_cased_and_meet),
        cmocka_unit_test(an_owner_outside_the_zone_is_named),
        cmocka_unit_test(an_rrset_is_its_own_wire),
        cmocka_unit_test(duplicates_are_dropped_and_counted),
        cmocka_unit_test(the_lowest_ttl_of_an_rrset_is_taken_and_the_first_such_rrset_named),
        cmocka_unit_test(signatures_stand_with_what_they_cover),
        cmocka_unit_test(empty_non_terminals_are_records_and_the_apex_always_is),
        cmocka_unit_test(the_lower_bound_is_the_first_name_not_before),
        cmocka_unit_test(an_rrset_that_fits_no_message_is_refused_by_name),
        cmocka_unit_test(too_many_types_at_an_owner_are_refused_by_name),
        cmocka_unit_test(a_draft_of_anothers_records_is_the_same),
        cmocka_unit_test(the_digest_is_that_of_the_content_without_serial_and_signers_work),
        cmocka_unit_test(the_order_in_which_rrs_come_makes_no_difference),
        cmocka_unit_test(records_and_loose_rrs_of_one_owner_meet),
        cmocka_unit_test(twenty_thousand_owners_in_any_order_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
