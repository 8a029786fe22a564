#include "secondary/signer/owner_match.h"

#include "common/dns/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t owner[] = "\1x\7example\3gov";

// A record and RRs beside it.
struct bed {
    struct arena *arena;
    struct octets_buffer runs[40];
    struct rrset sets[40];
    unsigned set_count;
    struct rr_stream_view views[300];
    uint8_t rdata[300][40];
    size_t count;
};

static int
bed_make(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    bed->arena = arena_new();
    *state = bed;
    return 0;
}

static int
bed_drop(void **state)
{
    struct bed *bed = *state;
    for (unsigned i = 0; i < bed->set_count; i++)
        octets_buffer_close(&bed->runs[i]);
    arena_free(&bed->arena);
    free(bed);
    return 0;
}

// An RRset of count RRs with the RDATA 0, 1, 2 ...; types in ascending order.
static void
serve(struct bed *bed, uint16_t type, unsigned count)
{
    struct octets_buffer *run = &bed->runs[bed->set_count];
    octets_buffer_init(run);
    for (unsigned i = 0; i < count; i++) {
        uint8_t rdata[4] = {0, 0, (uint8_t)(i >> 8), (uint8_t)i};
        rrset_append(run, type, 60, rdata, sizeof rdata);
    }
    bed->sets[bed->set_count++] = (struct rrset){.type = type,
                                                 .rr_count = (uint16_t)count,
                                                 .ttl = 60,
                                                 .wire = run->data,
                                                 .wire_length = (uint32_t)run->length};
}

static void
bring(struct bed *bed, uint16_t type, uint32_t ttl, unsigned number)
{
    octets_put_u32(bed->rdata[bed->count], number);
    bed->views[bed->count] = (struct rr_stream_view){
        .type = type, .ttl = ttl, .rdlength = 4, .rdata = bed->rdata[bed->count]};
    bed->count++;
}

static bool
equal(struct bed *bed)
{
    struct owner_match *match = malloc(sizeof *match);
    const struct node *node = node_build(bed->arena, owner, bed->sets, bed->set_count);
    owner_match_init(match, node, false);
    bool same = owner_match_equal(match, bed->views, bed->count);
    bed->count = 0;
    free(match);
    return same;
}

static void
order_does_not_matter_and_numbers_do(void **state)
{
    struct bed *bed = *state;
    static const struct {
        const char *numbers; // of three A; then one TXT
        bool same;
    } cases[] = {{"012", true},  {"210", true},   {"120", true},  {"01", false},  {"011", false},
                 {"000", false}, {"0122", false}, {"013", false}, {"100", false}, {"212", false}};
    serve(bed, RRTYPE_A, 3);
    serve(bed, RRTYPE_TXT, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned text_first = 0; text_first < 2; text_first++) {
            if (text_first)
                bring(bed, RRTYPE_TXT, 60, 0);
            for (const char *number = cases[i].numbers; *number; number++)
                bring(bed, RRTYPE_A, 60, (unsigned)(*number - '0'));
            if (!text_first)
                bring(bed, RRTYPE_TXT, 60, 0);
            if (equal(bed) != cases[i].same)
                fail_msg("%s", cases[i].numbers);
        }
}

static void
a_ttl_or_a_type_makes_a_difference(void **state)
{
    struct bed *bed = *state;
    serve(bed, RRTYPE_A, 2);
    bring(bed, RRTYPE_A, 60, 0);
    bring(bed, RRTYPE_A, 61, 1);
    assert_false(equal(bed));
    bring(bed, RRTYPE_A, 60, 0);
    bring(bed, RRTYPE_TXT, 60, 1);
    assert_false(equal(bed));
    bring(bed, RRTYPE_A, 60, 0);
    bring(bed, RRTYPE_A, 60, 1);
    assert_true(equal(bed));
}

static void
a_long_rrset_is_told_in_order_only(void **state)
{
    struct bed *bed = *state;
    serve(bed, RRTYPE_A, 200);
    for (unsigned i = 0; i < 200; i++)
        bring(bed, RRTYPE_A, 60, i);
    assert_true(equal(bed));
    for (unsigned i = 200; i-- > 0;)
        bring(bed, RRTYPE_A, 60, i);
    assert_false(equal(bed));
    for (unsigned i = 0; i < 199; i++)
        bring(bed, RRTYPE_A, 60, i);
    bring(bed, RRTYPE_A, 60, 198);
    assert_false(equal(bed));
}

static void
sixty_four_are_told_in_any_order(void **state)
{
    struct bed *bed = *state;
    serve(bed, RRTYPE_A, 64);
    for (unsigned i = 64; i-- > 0;)
        bring(bed, RRTYPE_A, 60, i);
    assert_true(equal(bed));
    for (unsigned i = 64; i-- > 0;)
        bring(bed, RRTYPE_A, 60, i ? i : 63);
    assert_false(equal(bed));
}

static void
with_too_many_types_it_may_differ(void **state)
{
    struct bed *bed = *state;
    for (uint16_t i = 0; i < OWNER_MATCH_SETS + 1; i++) {
        serve(bed, (uint16_t)(300 + i), 1);
        bring(bed, (uint16_t)(300 + i), 60, 0);
    }
    assert_false(equal(bed));
    bed->set_count--;
    for (uint16_t i = OWNER_MATCH_SETS; i-- > 0;)
        bring(bed, (uint16_t)(300 + i), 60, 0);
    assert_true(equal(bed));
    octets_buffer_close(&bed->runs[bed->set_count]);
}

static void
at_the_apex_the_serial_of_the_soa_does_not_count(void **state)
{
    struct bed *bed = *state;
    struct owner_match *match = malloc(sizeof *match);
    uint8_t served[22] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 2}, brought[22];
    octets_buffer_init(&bed->runs[0]);
    rrset_append(&bed->runs[0], RRTYPE_SOA, 60, served, sizeof served);
    bed->set_count = 1;
    bed->sets[0] = (struct rrset){.type = RRTYPE_SOA,
                                  .rr_count = 1,
                                  .ttl = 60,
                                  .wire = bed->runs[0].data,
                                  .wire_length = (uint32_t)bed->runs[0].length};
    const struct node *node = node_build(bed->arena, owner, bed->sets, 1);
    for (size_t at = 0; at < sizeof served; at++) {
        memcpy(brought, served, sizeof served);
        brought[at] ^= 1;
        struct rr_stream_view view = {
            .type = RRTYPE_SOA, .ttl = 60, .rdlength = sizeof brought, .rdata = brought};
        owner_match_init(match, node, true);
        assert_int_equal(owner_match_equal(match, &view, 1), at >= 2 && at < 6);
        owner_match_init(match, node, false);
        assert_false(owner_match_equal(match, &view, 1));
    }
    free(match);
}

static void
the_size_is_that_of_a_record_without_what_a_signer_adds(void **state)
{
    struct bed *bed = *state;
    struct owner_match *match = malloc(sizeof *match);
    static const uint8_t signature[20] = {0, 1};
    struct octets_buffer run;
    octets_buffer_init(&run);
    rrset_append(&run, RRTYPE_RRSIG, 60, signature, sizeof signature);
    serve(bed, RRTYPE_A, 3);
    serve(bed, RRTYPE_TXT, 1);
    const struct node *bare = node_build(bed->arena, owner, bed->sets, 2);
    serve(bed, RRTYPE_NSEC, 1);
    bed->sets[0].signatures = run.data;
    bed->sets[0].signatures_length = (uint32_t)run.length;
    bed->sets[0].signature_count = 1;
    const struct node *whole = node_build(bed->arena, owner, bed->sets, 3);
    assert_int_not_equal(node_size(bare), node_size(whole));
    owner_match_init(match, whole, false);
    assert_int_equal(owner_match_size(match), node_size(bare));
    assert_int_equal(match->set_count, 2);
    assert_int_equal(match->rr_count, 4);
    octets_buffer_close(&run);
    free(match);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, bed_make, bed_drop)
int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(order_does_not_matter_and_numbers_do),
        TEST(a_ttl_or_a_type_makes_a_difference),
        TEST(a_long_rrset_is_told_in_order_only),
        TEST(sixty_four_are_told_in_any_order),
        TEST(with_too_many_types_it_may_differ),
        TEST(at_the_apex_the_serial_of_the_soa_does_not_count),
        TEST(the_size_is_that_of_a_record_without_what_a_signer_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
