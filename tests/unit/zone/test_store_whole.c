// A whole content as records in order is the same version as the same content as a draft.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/zone/diff.h"
#include "common/zone/store.h"
#include "tests/support/store_bed.h"

#include <string.h>

#define SEEDS 30

static void
publish_records(struct store_bed *bed, const struct draft *draft)
{
    struct diff diff;
    struct fault fault = {.text = ""};
    struct version_facts facts = {.signed_serial = bed->serial, .is_signed = true};
    diff_version_draft(NULL, draft, DIFF_WHOLE, &diff);
    if (!store_publish_records(bed->store, &diff, &facts, &fault))
        fail_msg("%s", fault.text);
    diff_close(&diff);
}

static void
assert_same_version(const struct version *a, const struct version *b)
{
    struct octets_buffer of_a, of_b;
    octets_buffer_init(&of_a);
    octets_buffer_init(&of_b);
    assert_true(version_dump(a, &of_a) && version_dump(b, &of_b));
    assert_int_equal(of_a.length, of_b.length);
    assert_memory_equal(of_a.data, of_b.data, of_a.length);
    octets_buffer_close(&of_a);
    octets_buffer_close(&of_b);
}

static void
records_in_order_become_the_version_that_their_draft_becomes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct store_bed bed, other;
        store_bed_open(&bed, seed, NULL);
        store_bed_open(&other, seed, NULL);
        bed.model.nsec3 = other.model.nsec3 = seed % 2 == 0;
        for (unsigned round = 0; round < 3; round++) { // over nothing, then over a version
            store_bed_edit(&bed, 40);
            store_bed_edit(&other, 40);
            store_bed_publish_draft(&bed);
            struct draft *draft = model_draft(&bed.model);
            other.serial = bed.serial;
            publish_records(&other, draft);
            draft_free(&draft);
            const struct version *ours = store_current(other.store);
            const struct version_facts *a = version_facts(store_current(bed.store));
            const struct version_facts *b = version_facts(ours);
            assert_same_version(store_current(bed.store), ours);
            assert_int_equal(a->node_count, b->node_count);
            assert_int_equal(a->rr_count, b->rr_count);
            assert_int_equal(a->signature_count, b->signature_count);
            assert_int_equal(a->soa_expire_seconds, b->soa_expire_seconds);
            assert_int_equal(a->nsec3, b->nsec3);
            model_check_version(&bed.model, ours, &other.random, 50);
        }
        store_bed_reopen(&other);
        assert_same_version(store_current(bed.store), store_current(other.store));
        store_bed_close(&bed);
        store_bed_close(&other);
    }
}

int
main(void)
{
    store_io_without_sync();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_in_order_become_the_version_that_their_draft_becomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
