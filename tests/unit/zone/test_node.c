#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/hash.h"
#include "common/dns/rrtype.h"
#include "common/zone/node.h"

#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static int
arena_make(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int
arena_give(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const uint8_t owner[] = "\3www\7example\3gov";

static struct rrset
rrset_of(uint16_t type, uint32_t ttl, const void *rdata, uint16_t rdlength, bool with_signature)
{
    struct octets_buffer run;
    struct rrset rrset = {.type = type, .ttl = ttl, .rr_count = 1};
    octets_buffer_init(&run);
    rrset_append(&run, type, ttl, rdata, rdlength);
    rrset.wire = arena_copy(arena, run.data, run.length);
    rrset.wire_length = (uint32_t)run.length;
    if (with_signature) {
        uint8_t rrsig[24] = {0};
        octets_put_u16(rrsig, type);
        run.length = 0;
        rrset_append(&run, RRTYPE_RRSIG, ttl, rrsig, sizeof rrsig);
        rrset.signatures = arena_copy(arena, run.data, run.length);
        rrset.signatures_length = (uint32_t)run.length;
        rrset.signature_count = 1;
    }
    octets_buffer_close(&run);
    return rrset;
}

static const struct node *
example(void)
{
    struct rrset rrsets[] = {rrset_of(RRTYPE_A, 60, "aaaa", 4, true),
                             rrset_of(RRTYPE_TXT, 300, "\3abc", 4, false),
                             rrset_of(RRTYPE_NSEC, 60, "\0\0\1\100", 4, true)};
    return node_build(arena, owner, rrsets, 3);
}

static void
a_record_gives_back_what_it_was_built_from(void **state)
{
    (void)state;
    struct rrset rrset, expected = rrset_of(RRTYPE_A, 60, "aaaa", 4, true);
    const struct node *node = example();
    assert_true(name_equal(node_owner(node), owner));
    assert_int_equal(node_owner_length(node), sizeof owner);
    assert_int_equal(node_size(node) % 8, 0);
    assert_int_equal(node_rrset_count(node), 3);
    assert_true(node_rrset_find(node, RRTYPE_A, &rrset));
    assert_true(rrset_equal(&rrset, &expected, true));
    node_rrset_at(node, 0, &rrset);
    assert_true(rrset_equal(&rrset, &expected, true));
    assert_true(node_has(node, RRTYPE_TXT));
    assert_false(node_has(node, RRTYPE_RRSIG));
    assert_false(node_has(node, RRTYPE_AAAA));
    assert_true(node_check((const uint8_t *)node, node_size(node)));
}

static void
a_record_with_many_types_finds_each(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct rrset rrsets[COUNT], rrset;
    for (uint16_t i = 0; i < COUNT; i++)
        rrsets[i] = rrset_of((uint16_t)(11 + 3 * i), i, "x", 1, i % 2);
    const struct node *node = node_build(arena, owner, rrsets, COUNT);
    assert_true(node_check((const uint8_t *)node, node_size(node)));
    for (uint16_t type = 0; type < 11 + 3 * COUNT + 5; type++) {
        bool has = type >= 11 && type < 11 + 3 * COUNT && (type - 11) % 3 == 0;
        assert_int_equal(node_rrset_find(node, type, &rrset), has);
        assert_true(!has || rrset.ttl == (type - 11U) / 3);
    }
}

static void
any_flipped_bit_and_any_missing_octet_is_seen(void **state)
{
    (void)state;
    const struct node *node = example();
    size_t size = node_size(node);
    for (size_t bit = 0; bit < size * 8; bit++) {
        uint8_t *copy = arena_copy(arena, node, size);
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(node_check(copy, size));
    }
    for (size_t length = 0; length < size; length++) {
        uint8_t *exact = malloc(length ? length : 1);
        memcpy(exact, node, length);
        assert_false(node_check(exact, length));
        free(exact);
    }
}

// The checksum is right, so only the shape can tell.
static bool
check_with(size_t at, uint8_t value)
{
    const struct node *node = example();
    uint8_t *copy = arena_copy(arena, node, node_size(node));
    if (copy[at] == value)
        return false;
    copy[at] = value;
    octets_put_u32(copy, __builtin_bswap32(hash_crc32c(0, copy + 4, node_size(node) - 4)));
    return node_check(copy, node_size(node));
}

static void
a_record_with_a_right_checksum_and_a_wrong_shape_is_seen(void **state)
{
    (void)state;
    assert_false(check_with(4, 16));               // size less than the parts
    assert_false(check_with(8, 200));              // more RRsets than there is room
    assert_false(check_with(9, 0xff));             // the same, more than the limit
    assert_false(check_with(10, 5));               // owner's length
    assert_false(check_with(11, 9));               // owner's labels
    assert_false(check_with(16, 64));              // a label longer than 63
    assert_false(check_with(16, 200));             // a label past the end
    size_t table = 16 + 24;                        // 17 octets of owner
    assert_false(check_with(table, 0xff));         // types not ascending
    assert_false(check_with(table, RRTYPE_RRSIG)); // is no RRset of its own
    assert_false(check_with(table + 2, 2));        // RRs counted wrongly
    assert_false(check_with(table + 2, 0));        // none at all
    assert_false(check_with(table + 8, 0));        // run inside the header
    assert_false(check_with(table + 11, 0xff));    // run past the end
    assert_false(check_with(table + 12, 15));      // run's length
    assert_false(check_with(table + 16, 1));       // signatures' length
    assert_false(check_with(table + 20, 2));       // signatures' count
    size_t run = table + 3 * 24;
    assert_false(check_with(run, 0));      // slot
    assert_false(check_with(run + 3, 28)); // an RR of another type
    assert_false(check_with(run + 5, 3));  // class
    assert_false(check_with(run + 11, 5)); // RDLENGTH
}

static void
a_run_is_walked_to_its_end_and_not_beyond(void **state)
{
    (void)state;
    struct octets_buffer run;
    struct rr rr;
    uint32_t position = 0;
    octets_buffer_init(&run);
    rrset_append(&run, RRTYPE_TXT, 5, (const uint8_t *)"", 0);
    rrset_append(&run, RRTYPE_TXT, 5, (const uint8_t *)"\1x", 2);
    assert_true(rrset_next(run.data, (uint32_t)run.length, &position, &rr));
    assert_int_equal(rr.rdlength, 0);
    assert_true(rrset_next(run.data, (uint32_t)run.length, &position, &rr));
    assert_memory_equal(rr.rdata, "\1x", 2);
    assert_false(rrset_next(run.data, (uint32_t)run.length, &position, &rr));
    position = 12;
    assert_false(rrset_next(run.data, (uint32_t)run.length - 1, &position, &rr));
    position = 0;
    assert_false(rrset_next(NULL, 0, &position, &rr));
    octets_buffer_close(&run);
}

static const struct node *
apex_with(uint32_t serial, uint32_t minimum, bool is_signed)
{
    uint8_t soa[22] = {0};
    octets_put_u32(soa + 2, serial);
    octets_put_u32(soa + 18, minimum);
    struct rrset rrsets[] = {rrset_of(RRTYPE_SOA, 60, soa, sizeof soa, is_signed),
                             rrset_of(RRTYPE_DNSKEY, 60, "x", 1, is_signed)};
    return node_build(arena, owner, rrsets, is_signed ? 2 : 1);
}

static void
the_unsigned_view_leaves_out_what_a_signer_adds(void **state)
{
    (void)state;
    struct rrset rrsets[4];
    assert_int_equal(node_unsigned_rrsets(example(), false, rrsets, 4), 2);
    assert_int_equal(rrsets[0].type, RRTYPE_A);
    assert_int_equal(rrsets[0].signature_count, 0);
    assert_null(rrsets[0].signatures);
    assert_int_equal(rrsets[1].type, RRTYPE_TXT);
    assert_int_equal(node_unsigned_rrsets(example(), false, rrsets, 1), 2);
    // A DNSKEY is the signer's at the apex only.
    assert_int_equal(node_unsigned_rrsets(apex_with(1, 1, true), true, rrsets, 4), 1);
    assert_int_equal(node_unsigned_rrsets(apex_with(1, 1, true), false, rrsets, 4), 2);
}

static void
unsigned_views_are_compared_without_signatures_and_serial(void **state)
{
    (void)state;
    struct rrset plain[] = {rrset_of(RRTYPE_A, 60, "aaaa", 4, false),
                            rrset_of(RRTYPE_TXT, 300, "\3abc", 4, false)};
    struct rrset other_ttl[] = {rrset_of(RRTYPE_A, 61, "aaaa", 4, false),
                                rrset_of(RRTYPE_TXT, 300, "\3abc", 4, false)};
    struct rrset chain = rrset_of(RRTYPE_NSEC, 60, "x", 1, true);
    assert_true(node_equal_unsigned(example(), node_build(arena, owner, plain, 2), false));
    assert_false(node_equal_unsigned(example(), node_build(arena, owner, plain, 1), false));
    assert_false(node_equal_unsigned(example(), node_build(arena, owner, other_ttl, 2), false));
    assert_false(node_equal_unsigned(example(), NULL, false));
    assert_true(node_equal_unsigned(node_build(arena, owner, &chain, 1), NULL, false));
    assert_true(node_equal_unsigned(NULL, node_build(arena, owner, NULL, 0), false));
    assert_true(node_equal_unsigned(NULL, NULL, false));
    assert_true(node_equal_unsigned(apex_with(1, 9, true), apex_with(2, 9, false), true));
    assert_false(node_equal_unsigned(apex_with(1, 9, false), apex_with(2, 9, false), false));
    assert_false(node_equal_unsigned(apex_with(1, 9, true), apex_with(1, 8, false), true));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_gives_back_what_it_was_built_from),
        cmocka_unit_test(a_record_with_many_types_finds_each),
        cmocka_unit_test(any_flipped_bit_and_any_missing_octet_is_seen),
        cmocka_unit_test(a_record_with_a_right_checksum_and_a_wrong_shape_is_seen),
        cmocka_unit_test(a_run_is_walked_to_its_end_and_not_beyond),
        cmocka_unit_test(the_unsigned_view_leaves_out_what_a_signer_adds),
        cmocka_unit_test(unsigned_views_are_compared_without_signatures_and_serial),
    };
    return cmocka_run_group_tests(tests, arena_make, arena_give);
}
