#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/dns/rrtype.h"
#include "common/zone/diff.h"
#include "tests/support/store_bed.h"

#include <string.h>

static struct store_bed bed;

static void
put(const char *owner, uint16_t type, uint32_t ttl, uint8_t last)
{
    const uint8_t rdata[4] = {192, 0, 2, last};
    model_put(&bed.model, model_wire(owner), type, ttl, rdata, 4);
}

static void
put_signature(const char *owner, uint16_t covered, uint8_t last)
{
    uint8_t rdata[20] = {0};
    octets_put_u16(rdata, covered);
    rdata[19] = last;
    model_put(&bed.model, model_wire(owner), RRTYPE_RRSIG, 60, rdata, sizeof rdata);
}

static int
bed_make(void **state)
{
    (void)state;
    store_io_without_sync();
    store_bed_open(&bed, 1, NULL);
    put("www", RRTYPE_A, 60, 9);
    put("www", RRTYPE_A, 60, 10);
    put("www", RRTYPE_AAAA, 60, 1);
    put_signature("www", RRTYPE_A, 1);
    put("gone", RRTYPE_A, 60, 1);
    put("same.below.empty", RRTYPE_A, 60, 1);
    put("chain", RRTYPE_NSEC, 60, 1);
    store_bed_publish_draft(&bed);
    return 0;
}

static int
bed_give(void **state)
{
    (void)state;
    store_bed_close(&bed);
    return 0;
}

// The diff between what is published and the model, as text.
static void
diff_is(enum diff_view view, const char *expected, const struct diff_counts *counts)
{
    struct draft *draft = model_draft(&bed.model);
    struct diff diff;
    struct octets_buffer text;
    struct diff_counts found;
    octets_buffer_init(&text);
    diff_version_draft(store_current(bed.store), draft, view, &diff);
    size_t lines = diff_to_text(&diff, view, bed.model.apex, 100, &text);
    octets_buffer_add_u8(&text, 0);
    assert_string_equal((const char *)text.data, expected);
    size_t newlines = 0;
    for (const char *at = expected; *at; at++)
        newlines += *at == '\n';
    assert_int_equal(lines, newlines);
    diff_count(&diff, view, bed.model.apex, &found);
    if (counts)
        assert_memory_equal(counts, &found, sizeof found);
    assert_int_equal(found.old_pairs, version_unsigned_pairs(store_current(bed.store)));
    octets_buffer_close(&text);
    diff_close(&diff);
    draft_free(&draft);
}

static void
equal_contents_differ_in_nothing(void **state)
{
    (void)state;
    diff_is(DIFF_WHOLE, "", NULL);
    diff_is(DIFF_UNSIGNED, "", NULL);
}

static void
what_a_signer_adds_and_a_serial_alone_are_no_change(void **state)
{
    (void)state;
    put_signature("www", RRTYPE_A, 2);
    put_signature("example.gov.", RRTYPE_SOA, 2);
    put("example.gov.", RRTYPE_NSEC, 60, 1);
    put("www", RRTYPE_NSEC, 60, 1);
    put("nsec3hash", RRTYPE_NSEC3, 60, 1);
    put("example.gov.", RRTYPE_DNSKEY, 60, 1);
    model_remove(&bed.model, model_wire("chain"), 0);
    model_set_serial(&bed.model, 77);
    diff_is(DIFF_UNSIGNED, "", NULL);
}

static void
changes_are_told_rr_by_rr_removed_before_added(void **state)
{
    (void)state;
    model_remove(&bed.model, model_wire("www"), RRTYPE_A);
    put("www", RRTYPE_A, 60, 44);
    put("www", RRTYPE_A, 60, 10);
    model_remove(&bed.model, model_wire("www"), RRTYPE_AAAA);
    model_remove(&bed.model, model_wire("gone"), 0);
    put("a.b.new", RRTYPE_A, 60, 1);
    diff_is(DIFF_UNSIGNED,
            "- gone.example.gov. 60 IN A 192.0.2.1\n"
            "+ a.b.new.example.gov. 60 IN A 192.0.2.1\n"
            "- www.example.gov. 60 IN A 192.0.2.9\n"
            "+ www.example.gov. 60 IN A 192.0.2.44\n"
            "- www.example.gov. 60 IN AAAA \\# 4 c0000201\n",
            &(struct diff_counts){.added_rrs = 2,
                                  .removed_rrs = 3,
                                  .added_owners = 1,
                                  .removed_owners = 1,
                                  .changed_owners = 1,
                                  .removed_pairs = 2,
                                  .old_pairs = 6});
}

static void
a_changed_ttl_is_removal_and_addition(void **state)
{
    (void)state;
    put("gone", RRTYPE_A, 61, 1);
    diff_is(DIFF_UNSIGNED,
            "- gone.example.gov. 60 IN A 192.0.2.1\n"
            "+ gone.example.gov. 61 IN A 192.0.2.1\n",
            NULL);
}

static void
the_soa_is_told_when_more_than_its_serial_differs(void **state)
{
    (void)state;
    for (size_t i = 0; i < bed.model.rrs.count; i++) {
        struct model_rr *rr = vector_at(&bed.model.rrs, i);
        if (rr->type == RRTYPE_SOA)
            octets_put_u32(rr->rdata + 6, 1234);
    }
    diff_is(DIFF_UNSIGNED,
            "- example.gov. 3600 IN SOA . . 1 3600 900 604800 0\n"
            "+ example.gov. 3600 IN SOA . . 1 1234 900 604800 0\n",
            NULL);
}

static void
lines_over_the_maximum_are_counted_not_written(void **state)
{
    (void)state;
    struct octets_buffer text;
    struct diff diff;
    octets_buffer_init(&text);
    for (uint8_t i = 0; i < 30; i++)
        put("many", RRTYPE_A, 60, i);
    struct draft *draft = model_draft(&bed.model);
    diff_version_draft(store_current(bed.store), draft, DIFF_UNSIGNED, &diff);
    assert_int_equal(diff_to_text(&diff, DIFF_UNSIGNED, bed.model.apex, 2, &text), 30);
    octets_buffer_add_u8(&text, 0);
    assert_string_equal((const char *)text.data, "+ many.example.gov. 60 IN A 192.0.2.0\n"
                                                 "+ many.example.gov. 60 IN A 192.0.2.1\n");
    octets_buffer_close(&text);
    diff_close(&diff);
    draft_free(&draft);
}

static void
against_no_version_everything_is_new(void **state)
{
    (void)state;
    struct draft *draft = model_draft(&bed.model);
    struct diff diff;
    struct diff_counts counts;
    diff_version_draft(NULL, draft, DIFF_UNSIGNED, &diff);
    diff_count(&diff, DIFF_UNSIGNED, bed.model.apex, &counts);
    assert_int_equal(counts.removed_rrs, 0);
    assert_int_equal(counts.old_pairs, 0);
    assert_int_equal(counts.added_owners, 4);
    diff_close(&diff);
    draft_free(&draft);
}

// The RRs that the walk tells, put on the old content, give the new one.
static void
random_walks_turn_one_content_into_the_other(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct model replayed;
        struct diff diff;
        struct diff_walk walk;
        struct diff_rr rr;
        model_copy(&replayed, &bed.model);
        const struct version *old = version_hold(store_current(bed.store));
        store_bed_edit(&bed, 6);
        store_bed_publish_diff(&bed);
        diff_version_version(old, store_current(bed.store), DIFF_WHOLE, &diff);
        diff_walk_init(&walk, &diff, DIFF_WHOLE, bed.model.apex);
        while (diff_walk_next(&walk, &rr)) {
            size_t kept = 0, before = replayed.rrs.count;
            for (size_t i = 0; i < before; i++) {
                struct model_rr *own = vector_at(&replayed.rrs, i);
                bool goes = !rr.added && name_equal(own->owner, rr.owner) && own->type == rr.type &&
                            own->ttl == rr.ttl && own->rdlength == rr.rdlength &&
                            memcmp(own->rdata, rr.rdata, rr.rdlength) == 0;
                if (!goes)
                    *(struct model_rr *)vector_at(&replayed.rrs, kept++) = *own;
            }
            replayed.rrs.count = kept;
            assert_int_equal(before - kept, rr.added ? 0 : 1);
            if (rr.added) {
                struct model_rr *own = vector_add(&replayed.rrs, NULL);
                name_copy(own->owner, rr.owner);
                own->type = rr.type;
                own->ttl = rr.ttl;
                own->rdlength = rr.rdlength;
                memcpy(own->rdata, rr.rdata, rr.rdlength);
            }
        }
        assert_true(model_is_version(&replayed, store_current(bed.store)));
        diff_close(&diff);
        version_drop(&old);
        model_close(&replayed);
    }
}

static void
entries_added_in_any_order_are_sorted(void **state)
{
    (void)state;
    struct draft *draft = model_draft(&bed.model);
    struct diff diff;
    diff_init(&diff);
    for (size_t i = draft_node_count(draft); i-- > 0;)
        diff_add(&diff, i % 2 ? draft_node_at(draft, i) : NULL,
                 i % 2 ? NULL : draft_node_at(draft, i));
    diff_sort(&diff);
    for (size_t i = 0; i < diff.count; i++)
        assert_ptr_equal(diff.entries[i].old_node ? diff.entries[i].old_node
                                                  : diff.entries[i].new_node,
                         draft_node_at(draft, i));
    diff_close(&diff);
    draft_free(&draft);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define each(test) cmocka_unit_test_setup_teardown(test, bed_make, bed_give)
        each(equal_contents_differ_in_nothing),
        each(what_a_signer_adds_and_a_serial_alone_are_no_change),
        each(changes_are_told_rr_by_rr_removed_before_added),
        each(a_changed_ttl_is_removal_and_addition),
        each(the_soa_is_told_when_more_than_its_serial_differs),
        each(lines_over_the_maximum_are_counted_not_written),
        each(against_no_version_everything_is_new),
        each(random_walks_turn_one_content_into_the_other),
        each(entries_added_in_any_order_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
