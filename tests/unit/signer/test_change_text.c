// The lines of the mail as interface.md shows them, from two contents of a zone in master file
// form.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/change_text.h"

#define SOA "example.gov. 3600 SOA ns1.example.gov. root.example.gov. 1 3600 600 86400 300"

static void
add_rr(struct draft *draft, const char *line)
{
    char owner_text[300], type_text[32], data[2000];
    unsigned ttl;
    uint8_t owner[NAME_SIZE_MAX], rdata[4096];
    uint16_t type;
    struct fault fault = {0};
    struct octets_writer writer;
    assert_int_equal(sscanf(line, "%299s %u %31s %1999[^\n]", owner_text, &ttl, type_text, data),
                     4);
    assert_true(name_from_text(owner_text, draft_apex(draft), owner, &fault));
    assert_true(rrtype_from_text(type_text, &type));
    octets_writer_init(&writer, rdata, sizeof rdata);
    if (!rdata_from_text(type, data, draft_apex(draft), &writer, &fault))
        fail_msg("%s", fault.text);
    assert_true(
        draft_add(draft, owner, type, ttl, rdata, (uint16_t)octets_written(&writer), &fault));
}

struct change {
    struct draft *old, *new;
    struct diff diff;
    uint8_t apex[NAME_SIZE_MAX];
    struct octets_buffer text;
};

static struct draft *
make_draft(const uint8_t *apex, const char *const *lines)
{
    struct draft *draft = draft_new(apex);
    struct draft_findings findings = {0};
    struct fault fault = {0};
    for (; *lines != NULL; lines++)
        add_rr(draft, *lines);
    assert_true(draft_seal(draft, &findings, &fault));
    return draft;
}

// An entry for each owner that either has, as a diff makes them.
static void
change_open(struct change *change, const char *const *old, const char *const *new)
{
    struct fault fault = {0};
    memset(change, 0, sizeof *change);
    assert_true(name_from_text("example.gov.", NULL, change->apex, &fault));
    change->old = make_draft(change->apex, old);
    change->new = make_draft(change->apex, new);
    diff_init(&change->diff);
    for (size_t i = 0; i < draft_node_count(change->old); i++) {
        const struct node *node = draft_node_at(change->old, i);
        const struct node *other = draft_find(change->new, node_owner(node));
        if (!node_equal_unsigned(node, other, i == 0))
            diff_add(&change->diff, node, other);
    }
    for (size_t i = 0; i < draft_node_count(change->new); i++) {
        const struct node *node = draft_node_at(change->new, i);
        if (draft_find(change->old, node_owner(node)) == NULL)
            diff_add(&change->diff, NULL, node);
    }
    diff_sort(&change->diff);
    octets_buffer_init(&change->text);
}

static void
change_close(struct change *change)
{
    diff_close(&change->diff);
    draft_free(&change->old);
    draft_free(&change->new);
    octets_buffer_close(&change->text);
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
expect(const char *const *old, const char *const *new, const char *lines, const char *summary)
{
    struct change change;
    char sentence[400];
    change_open(&change, old, new);
    size_t count =
        change_text_lines(&change.diff, change.apex, CHANGE_TEXT_LINES_MAX, &change.text);
    octets_buffer_add_u8(&change.text, '\0');
    assert_string_equal((char *)change.text.data, lines);
    size_t newlines = 0;
    for (const char *at = lines; *at != '\0'; at++)
        newlines += *at == '\n';
    assert_int_equal(count, newlines);
    change_text_summary(&change.diff, change.apex, sentence, sizeof sentence);
    assert_string_equal(sentence, summary);
    change_close(&change);
}

static void
a_changed_address_looks_as_in_the_contract(void **state)
{
    (void)state;
    expect(LINES(SOA, "example.gov. 60 A 192.0.2.9", "example.gov. 60 A 192.0.2.10"),
           LINES(SOA, "example.gov. 60 A 192.0.2.44", "example.gov. 60 A 192.0.2.10"),
           "  example.gov.  60  A\n"
           "- 192.0.2.9\n"
           "+ 192.0.2.44\n"
           "  192.0.2.10\n",
           "example.gov. A changed");
}

static void
removed_come_before_added_and_added_before_what_stays(void **state)
{
    (void)state;
    expect(LINES(SOA, "www.example.gov. 60 A 192.0.2.1", "www.example.gov. 60 A 192.0.2.3",
                 "www.example.gov. 60 A 192.0.2.5", "www.example.gov. 60 A 192.0.2.7"),
           LINES(SOA, "www.example.gov. 60 A 192.0.2.2", "www.example.gov. 60 A 192.0.2.3",
                 "www.example.gov. 60 A 192.0.2.6", "www.example.gov. 60 A 192.0.2.7"),
           "  www.example.gov.  60  A\n"
           "- 192.0.2.1\n"
           "- 192.0.2.5\n"
           "+ 192.0.2.2\n"
           "+ 192.0.2.6\n"
           "  192.0.2.3\n"
           "  192.0.2.7\n",
           "www.example.gov. A changed");
}

static void
a_new_owner_a_new_type_and_their_going_are_told(void **state)
{
    (void)state;
    expect(LINES(SOA), LINES(SOA, "www.example.gov. 300 A 192.0.2.1"),
           "  www.example.gov.  300  A\n+ 192.0.2.1\n", "www.example.gov. A added");
    expect(LINES(SOA, "www.example.gov. 300 A 192.0.2.1"), LINES(SOA),
           "  www.example.gov.  300  A\n- 192.0.2.1\n", "www.example.gov. A removed");
    expect(LINES(SOA, "www.example.gov. 300 A 192.0.2.1"),
           LINES(SOA, "www.example.gov. 300 A 192.0.2.1", "www.example.gov. 60 AAAA 2001:db8::1"),
           "  www.example.gov.  60  AAAA\n+ 2001:db8::1\n", "www.example.gov. AAAA added");
    // Another type in its place: the old one goes, the new one comes, in the order of type numbers.
    expect(LINES(SOA, "www.example.gov. 300 CNAME a.example.gov."),
           LINES(SOA, "www.example.gov. 300 A 192.0.2.1"),
           "  www.example.gov.  300  A\n+ 192.0.2.1\n"
           "  www.example.gov.  300  CNAME\n- a.example.gov.\n",
           "www.example.gov. A and 1 more changed");
}

static void
a_changed_ttl_is_told_with_both(void **state)
{
    (void)state;
    expect(LINES(SOA, "example.gov. 300 A 192.0.2.9"), LINES(SOA, "example.gov. 60 A 192.0.2.9"),
           "  example.gov.  300 -> 60  A\n  192.0.2.9\n", "example.gov. A changed");
}

static void
an_soa_that_only_counts_on_is_no_change(void **state)
{
    (void)state;
    expect(LINES(SOA),
           LINES("example.gov. 3600 SOA ns1.example.gov. root.example.gov. 77 3600 600 86400 300"),
           "", "nothing changed");
    expect(LINES(SOA, "example.gov. 60 A 192.0.2.9"),
           LINES("example.gov. 3600 SOA ns1.example.gov. root.example.gov. 77 3600 600 86400 300",
                 "example.gov. 60 A 192.0.2.10"),
           "  example.gov.  60  A\n- 192.0.2.9\n+ 192.0.2.10\n", "example.gov. A changed");
    expect(LINES(SOA),
           LINES("example.gov. 3600 SOA ns1.example.gov. root.example.gov. 77 3600 600 86400 60"),
           "  example.gov.  3600  SOA\n"
           "- ns1.example.gov. root.example.gov. 1 3600 600 86400 300\n"
           "+ ns1.example.gov. root.example.gov. 77 3600 600 86400 60\n",
           "example.gov. SOA changed");
    expect(LINES(SOA),
           LINES("example.gov. 60 SOA ns1.example.gov. root.example.gov. 1 3600 600 86400 300"),
           "  example.gov.  3600 -> 60  SOA\n"
           "  ns1.example.gov. root.example.gov. 1 3600 600 86400 300\n",
           "example.gov. SOA changed");
}

static void
what_a_signer_adds_is_not_told(void **state)
{
    static const char sig[] = "example.gov. 60 RRSIG A 13 2 60 20261205184207 20261121174207 12345 "
                              "example.gov. AAAA";
    (void)state;
    expect(LINES(SOA, "example.gov. 60 A 192.0.2.9"),
           LINES(SOA, "example.gov. 60 A 192.0.2.9", sig,
                 "example.gov. 300 NSEC www.example.gov. A SOA RRSIG NSEC",
                 "example.gov. 3600 DNSKEY 257 3 13 AAAA"),
           "", "nothing changed");
}

static void
owners_come_in_canonical_order_and_are_counted(void **state)
{
    (void)state;
    expect(LINES(SOA, "b.example.gov. 60 A 192.0.2.1", "example.gov. 60 TXT \"old\""),
           LINES(SOA, "b.example.gov. 60 A 192.0.2.2", "example.gov. 60 TXT \"new\"",
                 "z.a.example.gov. 60 A 192.0.2.3"),
           "  example.gov.  60  TXT\n- \"old\"\n+ \"new\"\n"
           "  z.a.example.gov.  60  A\n+ 192.0.2.3\n"
           "  b.example.gov.  60  A\n- 192.0.2.1\n+ 192.0.2.2\n",
           "example.gov. TXT and 2 more changed");
    expect(LINES(SOA), LINES(SOA, "a.example.gov. 60 A 192.0.2.1", "b.example.gov. 60 A 192.0.2.1"),
           "  a.example.gov.  60  A\n+ 192.0.2.1\n  b.example.gov.  60  A\n+ 192.0.2.1\n",
           "a.example.gov. A and 1 more added");
}

// Data of a stranger's zone can neither begin a line of its own nor move a terminal's cursor.
static void
control_characters_of_the_data_stay_escaped(void **state)
{
    (void)state;
    expect(LINES(SOA), LINES(SOA, "a\\010b.example.gov. 60 TXT \"one\\010- two\\027[2J\""),
           "  a\\010b.example.gov.  60  TXT\n+ \"one\\010- two\\027[2J\"\n",
           "a\\010b.example.gov. TXT added");
}

static void
at_most_so_many_lines_are_added_and_all_are_counted(void **state)
{
    static char texts[300][64];
    const char *lines[302] = {SOA};
    struct change change;
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        snprintf(texts[i], sizeof texts[i], "www.example.gov. 60 A 192.0.%u.%u", i / 100, i % 100);
        lines[i + 1] = texts[i];
    }
    change_open(&change, LINES(SOA), lines);
    assert_int_equal(change_text_lines(&change.diff, change.apex, 200, &change.text), 301);
    size_t newlines = 0;
    for (size_t i = 0; i < change.text.length; i++)
        newlines += change.text.data[i] == '\n';
    assert_int_equal(newlines, 200);
    assert_int_equal(change.text.data[change.text.length - 1], '\n'); // whole lines
    change.text.length = 0;
    assert_int_equal(change_text_lines(&change.diff, change.apex, 0, &change.text), 301);
    assert_int_equal(change.text.length, 0);
    change_close(&change);
}

static void
a_summary_that_does_not_fit_is_cut(void **state)
{
    struct change change;
    char text[12];
    (void)state;
    change_open(&change, LINES(SOA), LINES(SOA, "www.example.gov. 300 A 192.0.2.1"));
    change_text_summary(&change.diff, change.apex, text, sizeof text);
    assert_string_equal(text, "www.example");
    change_close(&change);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_address_looks_as_in_the_contract),
        cmocka_unit_test(removed_come_before_added_and_added_before_what_stays),
        cmocka_unit_test(a_new_owner_a_new_type_and_their_going_are_told),
        cmocka_unit_test(a_changed_ttl_is_told_with_both),
        cmocka_unit_test(an_soa_that_only_counts_on_is_no_change),
        cmocka_unit_test(what_a_signer_adds_is_not_told),
        cmocka_unit_test(owners_come_in_canonical_order_and_are_counted),
        cmocka_unit_test(control_characters_of_the_data_stay_escaped),
        cmocka_unit_test(at_most_so_many_lines_are_added_and_all_are_counted),
        cmocka_unit_test(a_summary_that_does_not_fit_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
