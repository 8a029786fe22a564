#include "common/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// RFC 3720 appendix B.4.
static void
crc32c_gives_the_known_answers(void **state)
{
    (void)state;
    uint8_t octets[32];
    memset(octets, 0, sizeof octets);
    assert_int_equal(hash_crc32c(0, octets, 32), 0x8a9136aa);
    memset(octets, 0xff, sizeof octets);
    assert_int_equal(hash_crc32c(0, octets, 32), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        octets[i] = (uint8_t)i;
    assert_int_equal(hash_crc32c(0, octets, 32), 0x46dd794e);
    for (unsigned i = 0; i < 32; i++)
        octets[i] = (uint8_t)(31 - i);
    assert_int_equal(hash_crc32c(0, octets, 32), 0x113fdb5c);
    assert_int_equal(hash_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(hash_crc32c(0, "", 0), 0);
}

static void
crc32c_by_instruction_and_by_table_agree_at_every_length_and_place(void **state)
{
    (void)state;
    uint8_t octets[96];
    for (unsigned i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)(i * 37 + 11);
    for (size_t start = 0; start < 9; start++)
        for (size_t length = 0; length <= 80; length++)
            assert_int_equal(hash_crc32c(7, octets + start, length),
                             hash_crc32c_table(7, octets + start, length));
}

static void
crc32c_may_be_taken_in_pieces(void **state)
{
    (void)state;
    const char text[] = "the same octets in two pieces";
    uint32_t whole = hash_crc32c(0, text, sizeof text);
    for (size_t cut = 0; cut <= sizeof text; cut++)
        assert_int_equal(hash_crc32c(hash_crc32c(0, text, cut), text + cut, sizeof text - cut),
                         whole);
}

// The reference vectors of SipHash-2-4: key 00..0f, input 00..n-1.
static void
siphash_gives_the_known_answers(void **state)
{
    (void)state;
    uint8_t key[16], input[15];
    for (unsigned i = 0; i < 16; i++)
        key[i] = (uint8_t)i;
    for (unsigned i = 0; i < 15; i++)
        input[i] = (uint8_t)i;
    assert_true(hash_siphash24(key, input, 0) == 0x726fdb47dd0e0e31U);
    assert_true(hash_siphash24(key, input, 15) == 0xa129ca6149be45e5U);
}

// BLAKE2b with 32 octets of output.
static void
blake2b_gives_the_known_answer_in_one_piece_or_two(void **state)
{
    (void)state;
    static const char expected[] =
        "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
    for (size_t cut = 0; cut <= 3; cut++) {
        struct hash_digest_state running;
        struct hash_digest digest;
        char text[2 * HASH_DIGEST_SIZE + 1];
        hash_digest_init(&running);
        hash_digest_add(&running, "abc", cut);
        hash_digest_add(&running, &"abc"[cut], 3 - cut);
        hash_digest_end(&running, &digest);
        hash_digest_text(&digest, HASH_DIGEST_SIZE, text);
        assert_string_equal(text, expected);
        hash_digest_text(&digest, 3, text);
        assert_string_equal(text, "bddd81");
        hash_digest_octets("abc", 3, &digest);
        hash_digest_text(&digest, HASH_DIGEST_SIZE, text);
        assert_string_equal(text, expected);
    }
}

static void
marks_give_the_known_answer(void **state)
{
    (void)state; // RFC 8439 section 2.5.2
    static const uint8_t key[HASH_MARK_KEY_SIZE] = {0x85, 0xd6, 0xbe, 0x78, 0x57, 0x55, 0x6d, 0x33,
                                                    0x7f, 0x44, 0x52, 0xfe, 0x42, 0xd5, 0x06, 0xa8,
                                                    0x01, 0x03, 0x80, 0x8a, 0xfb, 0x0d, 0xb2, 0xfd,
                                                    0x4a, 0xbf, 0xf6, 0xaf, 0x41, 0x49, 0xf5, 0x1b};
    static const uint8_t expected[HASH_MARK_SIZE] = {0xa8, 0x06, 0x1d, 0xc1, 0x30, 0x51,
                                                     0x36, 0xc6, 0xc2, 0x2b, 0x8b, 0xaf,
                                                     0x0c, 0x01, 0x27, 0xa9};
    uint8_t mark[HASH_MARK_SIZE], drawn[HASH_MARK_KEY_SIZE], other[HASH_MARK_KEY_SIZE];
    hash_mark(key, "Cryptographic Forum Research Group", 34, mark);
    assert_memory_equal(mark, expected, sizeof mark);
    hash_mark_key_draw(drawn);
    hash_mark_key_draw(other);
    assert_memory_not_equal(drawn, other, sizeof drawn);
}

static void
the_key_changes_the_hash_and_is_drawn_afresh(void **state)
{
    (void)state;
    assert_true(hash_octets(1, "example", 7) != hash_octets(2, "example", 7));
    assert_true(hash_key_draw() != hash_key_draw());
}

static void
zero_octets_at_the_end_count(void **state)
{
    (void)state;
    const uint8_t zeros[32] = {0};
    for (size_t a = 0; a <= 32; a++)
        for (size_t b = 0; b < a; b++)
            assert_true(hash_octets(9, zeros, a) != hash_octets(9, zeros, b));
}

static unsigned
bits_of(uint64_t word)
{
    unsigned bits = 0;
    for (; word; word &= word - 1)
        bits++;
    return bits;
}

// Every input bit turns about half of the output bits: 64 flips of 64 bits, 2048 +- 6 standard
// deviations.
static void
each_bit_of_the_input_turns_half_of_the_output(void **state)
{
    (void)state;
    unsigned total = 0;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t value = 0x0123456789abcdefU;
        uint64_t other = value ^ (uint64_t)1 << bit;
        unsigned turned = bits_of(hash_octets(42, &value, 8) ^ hash_octets(42, &other, 8));
        assert_true(turned > 10 && turned < 54);
        total += turned;
    }
    assert_true(total > 2048 - 192 && total < 2048 + 192);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_known_answers),
        cmocka_unit_test(crc32c_by_instruction_and_by_table_agree_at_every_length_and_place),
        cmocka_unit_test(crc32c_may_be_taken_in_pieces),
        cmocka_unit_test(siphash_gives_the_known_answers),
        cmocka_unit_test(blake2b_gives_the_known_answer_in_one_piece_or_two),
        cmocka_unit_test(marks_give_the_known_answer),
        cmocka_unit_test(the_key_changes_the_hash_and_is_drawn_afresh),
        cmocka_unit_test(zero_octets_at_the_end_count),
        cmocka_unit_test(each_bit_of_the_input_turns_half_of_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
