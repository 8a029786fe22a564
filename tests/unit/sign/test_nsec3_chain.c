#include "secondary/signer/sign/nsec3_chain.h"
#include "tests/unit/sign/sign_world.h"

static const struct nsec3_parameters parameters = {
    .algorithm = NSEC3_SHA1, .flags = NSEC3_FLAG_OPT_OUT, .salt_length = 2, .salt = "ab"};
static const uint8_t next[] = "twenty octets, hashed";

static void
bitmap_is(const struct rrset *rrsets, unsigned count, enum node_standing standing,
          const uint8_t *bitmap, size_t length)
{
    static const uint8_t head[] = {NSEC3_SHA1, NSEC3_FLAG_OPT_OUT, 0, 0, 2, 'a',
                                   'b',        NSEC3_HASH_SIZE};
    uint8_t rdata[NSEC3_RDATA_MAX];
    size_t made = nsec3_rdata(&parameters, next, rrsets, count, standing, rdata);
    assert_int_equal(made, sizeof head + NSEC3_HASH_SIZE + length);
    assert_memory_equal(rdata, head, sizeof head);
    assert_memory_equal(rdata + sizeof head, next, NSEC3_HASH_SIZE);
    if (length)
        assert_memory_equal(rdata + sizeof head + NSEC3_HASH_SIZE, bitmap, length);
}

static void
a_bitmap_shows_rrsig_only_where_the_name_itself_has_something_signed(void **state)
{
    (void)state;
    struct rrset rrsets[] = {{.type = RRTYPE_A},
                             {.type = RRTYPE_NS},
                             {.type = RRTYPE_DS},
                             {.type = RRTYPE_TLSA},
                             {.type = RRTYPE_CAA}};
    static const uint8_t all[] = {0, 7, 0x60, 0, 0, 0, 0, 0x12, 0x08, 1, 1, 0x40};
    static const uint8_t secure[] = {0, 6, 0x20, 0, 0, 0, 0, 0x12};
    static const uint8_t insecure[] = {0, 1, 0x20};
    static const uint8_t address[] = {0, 6, 0x40, 0, 0, 0, 0, 0x02};
    bitmap_is(rrsets, 5, NODE_AUTHORITATIVE, all, sizeof all);
    bitmap_is(rrsets, 5, NODE_DELEGATION, secure, sizeof secure);
    bitmap_is(rrsets, 2, NODE_DELEGATION, insecure, sizeof insecure);
    bitmap_is(rrsets, 1, NODE_AUTHORITATIVE, address, sizeof address);
    bitmap_is(rrsets, 0, NODE_EMPTY, NULL, 0);
}

static void
a_neighbour_keeps_its_flags_and_bitmap(void **state)
{
    (void)state;
    struct rrset txt = {.type = RRTYPE_TXT};
    uint8_t first[NSEC3_RDATA_MAX], again[NSEC3_RDATA_MAX];
    static const uint8_t owner[] = "\1x\7example\3gov", other[] = "other twenty octets.";
    size_t length = nsec3_rdata(&parameters, next, &txt, 1, NODE_AUTHORITATIVE, first), kept;
    struct octets_buffer run;
    struct arena *arena = arena_new();
    octets_buffer_init(&run);
    rrset_append(&run, RRTYPE_NSEC3, 60, first, (uint16_t)length);
    struct rrset nsec3 = {.type = RRTYPE_NSEC3,
                          .rr_count = 1,
                          .ttl = 60,
                          .wire = run.data,
                          .wire_length = (uint32_t)run.length};
    const struct node *node = node_build(arena, owner, &nsec3, 1);
    assert_true(nsec3_rdata_again(node, other, again, &kept));
    assert_int_equal(kept, length);
    memcpy(first + 8, other, NSEC3_HASH_SIZE);
    assert_memory_equal(again, first, length);
    assert_false(nsec3_rdata_again(node_build(arena, owner, NULL, 0), other, again, &kept));
    octets_buffer_close(&run);
    arena_free(&arena);
}

static void
links_close_to_a_ring_in_hash_order(void **state)
{
    (void)state;
    struct nsec3_link links[50] = {0};
    const uint8_t *names[2] = {0};
    for (uint8_t i = 0; i < 50; i++) {
        memset(links[i].hash, (i * 37) % 50, NSEC3_HASH_SIZE);
        links[i].item = i;
        links[i].next = next;
    }
    assert_true(nsec3_links_close(links, 50, names));
    for (uint8_t i = 0; i < 50; i++) {
        assert_int_equal(links[i].hash[0], i);
        assert_int_equal(links[i].item * 37 % 50, i);
        assert_ptr_equal(links[i].next, links[(i + 1) % 50].hash);
    }
    assert_true(nsec3_links_close(links, 1, names)); // one alone is next to itself
    assert_ptr_equal(links[0].next, links[0].hash);
}

static void
two_names_with_one_hash_are_told(void **state)
{
    (void)state;
    static const uint8_t a[] = "\1a", b[] = "\1b", c[] = "\1c";
    struct nsec3_link links[3] = {{.next = a}, {.next = b}, {.next = c}};
    const uint8_t *names[2];
    memset(links[1].hash, 0xFF, NSEC3_HASH_SIZE);
    assert_false(nsec3_links_close(links, 3, names));
    assert_true((names[0] == a && names[1] == c) || (names[0] == c && names[1] == a));
}

static void
members_are_what_is_not_hidden_and_not_left_out(void **state)
{
    (void)state;
    static const uint8_t apex[] = "\7example\3gov";
    struct draft *draft = draft_from_text(
        apex, "@ SOA . . 1 1 1 1 1\n@ NS .\ninsecure NS .\nsecure NS .\nsecure DS 1 13 2 "
              "0000000000000000000000000000000000000000000000000000000000000000\n");
    const struct node *insecure = draft_node_at(draft, 1), *secure = draft_node_at(draft, 2);
    for (int opt_out = 0; opt_out < 2; opt_out++) {
        assert_true(nsec3_is_member(secure, NODE_AUTHORITATIVE, opt_out));
        assert_true(nsec3_is_member(secure, NODE_DELEGATION, opt_out));
        assert_int_equal(nsec3_is_member(insecure, NODE_DELEGATION, opt_out), !opt_out);
        assert_false(nsec3_is_member(secure, NODE_OCCLUDED, opt_out));
    }
    draft_free(&draft);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bitmap_shows_rrsig_only_where_the_name_itself_has_something_signed),
        cmocka_unit_test(a_neighbour_keeps_its_flags_and_bitmap),
        cmocka_unit_test(links_close_to_a_ring_in_hash_order),
        cmocka_unit_test(two_names_with_one_hash_are_told),
        cmocka_unit_test(members_are_what_is_not_hidden_and_not_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
