#include "tests/unit/sign/sign_world.h"

#include "secondary/signer/sign/nsec_chain.h"

static void
before(const char *text, uint8_t ret_name[static NAME_SIZE_MAX],
       uint8_t ret_before[static NAME_SIZE_MAX])
{
    struct fault fault;
    assert_true(name_from_text(text, NULL, ret_name, &fault));
    nsec_name_before(ret_name, ret_before);
    assert_true(name_compare(ret_before, ret_name) < 0);
    assert_true(name_length(ret_before) <= NAME_SIZE_MAX);
}

static void
nothing_stands_between_a_name_and_the_one_before_it(void **state)
{
    (void)state;
    uint8_t name[NAME_SIZE_MAX], prior[NAME_SIZE_MAX], other[NAME_SIZE_MAX];
    struct fault fault;
    // The first child: its parent is right before it.
    before("\\000.example.gov.", name, prior);
    assert_true(name_from_text("example.gov.", NULL, other, &fault));
    assert_true(name_equal(prior, other));
    // A trailing zero octet goes; then come all names below what is left.
    before("foo\\000.example.gov.", name, prior);
    assert_true(name_from_text("foo.example.gov.", NULL, other, &fault));
    assert_true(name_compare(prior, other) > 0 && name_is_at_or_below(prior, other));
    assert_true(name_from_text("zzz.foo.example.gov.", NULL, other, &fault));
    assert_true(name_compare(prior, other) > 0);
    // Else the last octet is one less, and as much follows as fits.
    before("b.example.gov.", name, prior);
    static const char *const earlier[] = {"a.example.gov.", "azzz.example.gov.",
                                          "z.a\\255\\255.example.gov.", "example.gov.",
                                          "a\\255\\255\\255\\255\\255\\255\\255\\255.example.gov."};
    for (size_t i = 0; i < sizeof earlier / sizeof earlier[0]; i++) {
        assert_true(name_from_text(earlier[i], NULL, other, &fault));
        assert_true(name_compare(prior, other) > 0);
    }
    assert_int_equal(name_length(prior) >= 254, 1);
}

static void
upper_case_letters_are_left_out(void **state)
{
    (void)state;
    uint8_t name[NAME_SIZE_MAX], prior[NAME_SIZE_MAX];
    before("\\[.example.gov.", name, prior);
    const uint8_t *label = prior;
    while (name_labels(label) > 3)
        label = name_skip(label, 1);
    assert_int_equal(label[1], '@');
}

static void
the_longest_names_have_one_before_them(void **state)
{
    (void)state;
    uint8_t name[NAME_SIZE_MAX], prior[NAME_SIZE_MAX];
    char text[1100] = "";
    for (int i = 0; i < 3; i++) {
        memset(text + strlen(text), 'a' + i, 63);
        strcat(text, ".");
    }
    char *end = text + strlen(text);
    for (int length = 1; length <= 61; length++) {
        memset(end, 'q', (size_t)length);
        strcpy(end + length, ".");
        before(text, name, prior);
    }
    for (int labels = 1; labels <= 127; labels++) {
        text[0] = '\0';
        for (int i = 0; i < labels; i++)
            strcat(text, "a.");
        before(text, name, prior);
    }
}

static void
a_bitmap_lists_the_types_in_order_with_rrsig_and_nsec_at_their_place(void **state)
{
    (void)state;
    static const uint8_t next[] = "\1b\7example\3gov";
    uint8_t rdata[NSEC_RDATA_MAX];
    struct rrset rrsets[] = {{.type = RRTYPE_A},
                             {.type = RRTYPE_NS},
                             {.type = RRTYPE_TXT},
                             {.type = RRTYPE_DS},
                             {.type = RRTYPE_CAA}};
    static const uint8_t all[] = {0, 6, 0x60, 0, 0x80, 0, 0, 0x13, 1, 1, 0x40};
    static const uint8_t cut[] = {0, 6, 0x20, 0, 0, 0, 0, 0x13};
    size_t length = nsec_rdata(next, rrsets, 5, NODE_AUTHORITATIVE, rdata);
    assert_int_equal(length, sizeof next + sizeof all);
    assert_memory_equal(rdata + sizeof next, all, sizeof all);
    length = nsec_rdata(next, rrsets, 5, NODE_DELEGATION, rdata);
    assert_int_equal(length, sizeof next + sizeof cut);
    assert_memory_equal(rdata + sizeof next, cut, sizeof cut);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_stands_between_a_name_and_the_one_before_it),
        cmocka_unit_test(upper_case_letters_are_left_out),
        cmocka_unit_test(the_longest_names_have_one_before_them),
        cmocka_unit_test(a_bitmap_lists_the_types_in_order_with_rrsig_and_nsec_at_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
