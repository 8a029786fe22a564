// RFC 8945 against messages that dnspython signed at fixed times (tests/golden/make_tsig.py), and
// against our own other side.
#include "common/dns/tsig.h"

#include "common/dns/hmac.h"
#include "common/dns/rcode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1795263187U

static const char *const words[] = {"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384",
                                    "hmac-sha512"};

struct golden {
    uint8_t octets[1024];
    size_t length;
};

static struct golden
golden(const char *format, ...)
{
    static char line[4096];
    char label[64];
    struct golden found = {.length = 0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(label, sizeof(label), format, arguments);
    va_end(arguments);
    FILE *file = fopen(TEST_SOURCE_DIR "/golden/tsig.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        char *space = strchr(line, ' ');
        if ((size_t)(space - line) != strlen(label) || memcmp(line, label, strlen(label)) != 0)
            continue;
        for (const char *at = space + 1; at[0] != '\n'; at += 2) {
            char pair[3] = {at[0], at[1], 0};
            found.octets[found.length++] = (uint8_t)strtoul(pair, NULL, 16);
        }
    }
    fclose(file);
    assert_true(found.length > 0);
    return found;
}

static struct tsig_key
test_key(enum tsig_algorithm algorithm)
{
    struct tsig_key key = {.algorithm = algorithm, .secret_length = 32};
    assert_true(name_from_text("xfr.example.", NULL, key.name, NULL));
    for (unsigned i = 0; i < 32; i++)
        key.secret[i] = (uint8_t)(i + 1);
    return key;
}

// A client that has sent the golden query.
static void
exchange_after_query(struct tsig_exchange *exchange, const struct tsig_key *key)
{
    struct golden query = golden("%s.query", words[key->algorithm]);
    tsig_exchange_init(exchange, key);
    assert_true(
        tsig_sign(exchange, query.octets, query.length, sizeof(query.octets), NOW, 0, NULL));
}

static void
algorithms_have_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        enum tsig_algorithm algorithm;
        assert_true(tsig_algorithm_from_text(words[i], &algorithm));
        assert_int_equal(algorithm, i);
        assert_string_equal(tsig_algorithm_text(algorithm), words[i]);
    }
    enum tsig_algorithm algorithm;
    assert_true(tsig_algorithm_from_text("HMAC-SHA256", &algorithm));
    assert_false(tsig_algorithm_from_text("hmac-md5", &algorithm));
    assert_false(tsig_algorithm_from_text("hmac-sha256-128", &algorithm));
}

static void
queries_are_signed_as_dnspython_signs_them(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tsig_key key = test_key((enum tsig_algorithm)i);
        struct golden query = golden("%s.query", words[i]);
        struct golden expected = golden("%s.query.signed", words[i]);
        struct tsig_exchange exchange;
        tsig_exchange_init(&exchange, &key);
        size_t length =
            tsig_sign(&exchange, query.octets, query.length, sizeof(query.octets), NOW, 0, NULL);
        assert_int_equal(length, expected.length);
        assert_memory_equal(query.octets, expected.octets, length);
        tsig_exchange_close(&exchange);
    }
}

static void
answers_of_three_messages_are_signed_as_dnspython_signs_them(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tsig_key key = test_key((enum tsig_algorithm)i);
        struct golden query = golden("%s.query.signed", words[i]);
        struct tsig_exchange exchange;
        const struct tsig_key *found;
        assert_int_equal(
            tsig_check_query(query.octets, query.length, &key, 1, NOW, &exchange, &found), 0);
        assert_ptr_equal(found, &key);
        for (unsigned number = 1; number <= 3; number++) {
            struct golden answer = golden("%s.answer%u", words[i], number);
            struct golden expected = golden("%s.answer%u.signed", words[i], number);
            size_t length = tsig_sign(&exchange, answer.octets, answer.length,
                                      sizeof(answer.octets), NOW, 0, NULL);
            assert_int_equal(length, expected.length);
            assert_memory_equal(answer.octets, expected.octets, length);
        }
        tsig_exchange_close(&exchange);
    }
}

static void
dnspythons_answers_verify(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tsig_key key = test_key((enum tsig_algorithm)i);
        struct tsig_exchange exchange;
        exchange_after_query(&exchange, &key);
        for (unsigned number = 1; number <= 3; number++) {
            struct golden answer = golden("%s.answer%u.signed", words[i], number);
            assert_true(
                tsig_check_answer(&exchange, answer.octets, answer.length, NOW + 300, NULL));
        }
        assert_true(tsig_check_end(&exchange, NULL));
        tsig_exchange_close(&exchange);
    }
}

static void
answers_out_of_order_do_not_verify(void **state)
{
    (void)state;
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange exchange;
    struct golden first = golden("hmac-sha256.answer1.signed");
    struct golden third = golden("hmac-sha256.answer3.signed");
    struct fault fault = {0};
    exchange_after_query(&exchange, &key);
    assert_true(tsig_check_answer(&exchange, first.octets, first.length, NOW, NULL));
    assert_false(tsig_check_answer(&exchange, third.octets, third.length, NOW, &fault));
    assert_int_equal(fault.kind, FAULT_REFUSED);
    tsig_exchange_close(&exchange);
}

static void
unsigned_messages_between_two_signed_ones_are_covered(void **state)
{
    (void)state;
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange exchange;
    for (unsigned changed = 0; changed <= 5; changed++) {
        exchange_after_query(&exchange, &key);
        bool good = true;
        for (unsigned number = 1; number <= 5; number++) {
            struct golden message = golden("sparse.%u", number);
            if (number == changed)
                message.octets[message.length - (number == 1 || number == 5 ? 90 : 1)] ^= 1;
            good = good && tsig_check_answer(&exchange, message.octets, message.length, NOW, NULL);
            if (good && number > 1)
                assert_int_equal(tsig_check_end(&exchange, NULL), number == 5);
        }
        assert_int_equal(good, changed == 0);
        tsig_exchange_close(&exchange);
    }
}

static void
the_first_message_must_be_signed(void **state)
{
    (void)state;
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange exchange;
    struct golden answer = golden("hmac-sha256.answer1");
    exchange_after_query(&exchange, &key);
    assert_false(tsig_check_answer(&exchange, answer.octets, answer.length, NOW, NULL));
    assert_false(tsig_check_end(&exchange, NULL));
    tsig_exchange_close(&exchange);
}

static void
ninety_nine_unsigned_messages_pass_and_one_more_does_not(void **state)
{
    (void)state;
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange exchange;
    struct golden first = golden("hmac-sha256.answer1.signed");
    struct golden plain = golden("hmac-sha256.answer2");
    exchange_after_query(&exchange, &key);
    assert_true(tsig_check_answer(&exchange, first.octets, first.length, NOW, NULL));
    for (unsigned i = 0; i < 99; i++)
        assert_true(tsig_check_answer(&exchange, plain.octets, plain.length, NOW, NULL));
    assert_false(tsig_check_answer(&exchange, plain.octets, plain.length, NOW, NULL));
    tsig_exchange_close(&exchange);
}

static void
every_flipped_bit_of_a_signed_query_is_found(void **state)
{
    (void)state;
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct golden query = golden("hmac-sha256.query.signed");
    size_t id_position = query.length - 6; // original ID, error, other length end the message
    for (size_t bit = 0; bit < query.length * 8; bit++) {
        struct tsig_exchange exchange;
        const struct tsig_key *found;
        query.octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
        unsigned error =
            tsig_check_query(query.octets, query.length, &key, 1, NOW, &exchange, &found);
        // The ID is not covered, the original ID stands for it; letter case of the names in the
        // TSIG is not.
        bool covered = bit / 8 >= 2 && (bit % 8 != 5 || bit / 8 < 29 || bit / 8 > 75);
        if (covered || bit / 8 == id_position)
            assert_true(error != 0 || found == NULL);
        tsig_exchange_close(&exchange);
        query.octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void
a_message_cut_anywhere_is_malformed(void **state)
{
    (void)state;
    struct golden query = golden("hmac-sha512.query.signed");
    struct tsig_rr tsig;
    for (size_t length = 0; length < query.length; length++)
        assert_false(tsig_find(query.octets, length, &tsig));
    assert_true(tsig_find(query.octets, query.length, &tsig));
    assert_true(tsig.present);
    assert_int_equal(tsig.time_signed, NOW);
    assert_int_equal(tsig.mac_length, 64);
    query.octets[query.length] = 0;
    assert_false(tsig_find(query.octets, query.length + 1, &tsig));
}

static void
a_tsig_that_is_not_last_or_comes_twice_is_malformed(void **state)
{
    (void)state;
    struct golden query = golden("hmac-sha256.query.signed");
    struct tsig_rr tsig;
    assert_true(tsig_find(query.octets, query.length, &tsig));
    size_t tsig_length = query.length - tsig.position;
    struct golden twice = query;
    memcpy(twice.octets + twice.length, query.octets + tsig.position, tsig_length);
    twice.length += tsig_length;
    octets_put_u16(twice.octets + 10, 2);
    assert_false(tsig_find(twice.octets, twice.length, &tsig));
    struct golden behind = query;
    memcpy(behind.octets + behind.length, "\0\0\051\004\320\0\0\0\0\0\0", 11);
    behind.length += 11;
    octets_put_u16(behind.octets + 10, 2);
    assert_false(tsig_find(behind.octets, behind.length, &tsig));
    struct golden in_answer = query;
    octets_put_u16(in_answer.octets + 10, 0);
    octets_put_u16(in_answer.octets + 6, 1);
    assert_false(tsig_find(in_answer.octets, in_answer.length, &tsig));
}

static void
an_unknown_key_name_or_algorithm_is_badkey(void **state)
{
    (void)state;
    struct golden query = golden("hmac-sha256.query.signed");
    struct tsig_key other_algorithm = test_key(TSIG_HMAC_SHA512);
    struct tsig_key other_name = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    assert_true(name_from_text("other.example.", NULL, other_name.name, NULL));
    struct tsig_key keys[2] = {other_algorithm, other_name};
    assert_int_equal(tsig_check_query(query.octets, query.length, keys, 2, NOW, &exchange, &found),
                     RCODE_BADKEY);
    assert_null(found);
    tsig_exchange_close(&exchange);
}

static void
the_right_one_of_several_keys_is_found_whatever_its_case(void **state)
{
    (void)state;
    struct golden query = golden("hmac-sha256.query.signed");
    struct tsig_key keys[2] = {test_key(TSIG_HMAC_SHA512), test_key(TSIG_HMAC_SHA256)};
    memcpy(keys[1].name + 1, "XfR", 3);
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    assert_int_equal(tsig_check_query(query.octets, query.length, keys, 2, NOW, &exchange, &found),
                     0);
    assert_ptr_equal(found, &keys[1]);
    tsig_exchange_close(&exchange);
}

static void
an_unsigned_query_has_no_key(void **state)
{
    (void)state;
    struct golden query = golden("hmac-sha256.query");
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange exchange;
    const struct tsig_key *found = &key;
    assert_int_equal(tsig_check_query(query.octets, query.length, &key, 1, NOW, &exchange, &found),
                     0);
    assert_null(found);
    tsig_exchange_close(&exchange);
}

static void
a_forwarded_query_verifies_by_its_original_id(void **state)
{
    (void)state;
    struct golden query = golden("hmac-sha256.query.signed");
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    octets_put_u16(query.octets, 0x9999);
    assert_int_equal(tsig_check_query(query.octets, query.length, &key, 1, NOW, &exchange, &found),
                     0);
    tsig_exchange_close(&exchange);
}

// A signed query whose MAC is cut to some octets.
static struct golden
with_mac_length(size_t mac_length)
{
    struct golden query = golden("hmac-sha256.query.signed");
    size_t mac_at = query.length - 6 - 32;
    memmove(query.octets + mac_at + mac_length, query.octets + mac_at + 32, 6);
    octets_put_u16(query.octets + mac_at - 2, (uint16_t)mac_length);
    size_t rdlength_at = mac_at - 10 - 13 - 2;
    octets_put_u16(query.octets + rdlength_at,
                   (uint16_t)(octets_get_u16(query.octets + rdlength_at) - 32 + mac_length));
    query.length = query.length - 32 + mac_length;
    return query;
}

static void
a_mac_cut_below_half_the_hash_is_refused(void **state)
{
    (void)state;
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    for (size_t mac_length = 0; mac_length <= 32; mac_length++) {
        struct golden query = with_mac_length(mac_length);
        struct tsig_exchange exchange;
        const struct tsig_key *found;
        unsigned error =
            tsig_check_query(query.octets, query.length, &key, 1, NOW, &exchange, &found);
        assert_int_equal(error, mac_length < 16 ? RCODE_FORMERR : 0);
        tsig_exchange_close(&exchange);
    }
}

static void
a_query_out_of_time_gets_a_signed_badtime_that_names_our_time(void **state)
{
    (void)state;
    struct golden query = golden("hmac-sha256.query.signed");
    struct golden answer = golden("hmac-sha256.answer1");
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange server, client;
    const struct tsig_key *found;
    struct tsig_rr tsig;
    struct fault fault = {0};
    assert_true(tsig_find(query.octets, query.length, &tsig));
    assert_int_equal(
        tsig_check_query(query.octets, query.length, &key, 1, NOW - 300, &server, &found), 0);
    tsig_exchange_close(&server);
    assert_int_equal(
        tsig_check_query(query.octets, query.length, &key, 1, NOW + 301, &server, &found),
        RCODE_BADTIME);
    size_t length = tsig_sign(&server, answer.octets, answer.length, sizeof(answer.octets),
                              NOW + 301, RCODE_BADTIME, &tsig);
    assert_true(length > 0);
    exchange_after_query(&client, &key);
    assert_false(tsig_check_answer(&client, answer.octets, length, NOW, &fault));
    assert_non_null(strstr(fault.text, "BADTIME: its clock is 301 s ahead of ours"));
    tsig_exchange_close(&server);
    tsig_exchange_close(&client);
}

static void
badsig_and_badkey_go_unsigned_and_tell_the_client_why(void **state)
{
    (void)state;
    static const struct {
        unsigned error;
        const char *word;
    } cases[] = {{RCODE_BADVERS, "BADSIG"}, {RCODE_BADKEY, "BADKEY"}};
    for (unsigned i = 0; i < 2; i++) {
        struct golden query = golden("hmac-sha256.query.signed");
        struct golden answer = golden("hmac-sha256.answer1");
        struct tsig_key key = test_key(TSIG_HMAC_SHA256);
        struct tsig_exchange server, client;
        struct tsig_rr tsig;
        struct fault fault = {0};
        tsig_exchange_init(&server, NULL);
        assert_true(tsig_find(query.octets, query.length, &tsig));
        size_t length = tsig_sign(&server, answer.octets, answer.length, sizeof(answer.octets), NOW,
                                  cases[i].error, &tsig);
        assert_true(tsig_find(answer.octets, length, &tsig));
        assert_int_equal(tsig.mac_length, 0);
        assert_int_equal(tsig.error, cases[i].error);
        exchange_after_query(&client, &key);
        assert_false(tsig_check_answer(&client, answer.octets, length, NOW, &fault));
        assert_non_null(strstr(fault.text, cases[i].word));
        tsig_exchange_close(&server);
        tsig_exchange_close(&client);
    }
}

static void
a_wrong_secret_is_badsig(void **state)
{
    (void)state;
    struct golden query = golden("hmac-sha256.query.signed");
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    key.secret[31] ^= 1;
    assert_int_equal(tsig_check_query(query.octets, query.length, &key, 1, NOW, &exchange, &found),
                     RCODE_BADVERS);
    assert_null(found);
    tsig_exchange_close(&exchange);
}

static void
an_answer_out_of_time_is_refused_and_names_the_difference(void **state)
{
    (void)state;
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange exchange;
    struct golden answer = golden("hmac-sha256.answer1.signed");
    struct fault fault = {0};
    exchange_after_query(&exchange, &key);
    assert_false(tsig_check_answer(&exchange, answer.octets, answer.length, NOW + 400, &fault));
    assert_non_null(strstr(fault.text, "400 s behind"));
    tsig_exchange_close(&exchange);
}

static void
a_message_without_room_is_left_as_it_was(void **state)
{
    (void)state;
    struct golden query = golden("hmac-sha256.query");
    struct golden copy = query;
    struct tsig_key key = test_key(TSIG_HMAC_SHA256);
    struct tsig_exchange exchange;
    tsig_exchange_init(&exchange, &key);
    assert_int_equal(
        tsig_sign(&exchange, query.octets, query.length, query.length + 80, NOW, 0, NULL), 0);
    assert_memory_equal(query.octets, copy.octets, query.length);
    tsig_exchange_close(&exchange);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(algorithms_have_words),
        cmocka_unit_test(queries_are_signed_as_dnspython_signs_them),
        cmocka_unit_test(answers_of_three_messages_are_signed_as_dnspython_signs_them),
        cmocka_unit_test(dnspythons_answers_verify),
        cmocka_unit_test(answers_out_of_order_do_not_verify),
        cmocka_unit_test(unsigned_messages_between_two_signed_ones_are_covered),
        cmocka_unit_test(the_first_message_must_be_signed),
        cmocka_unit_test(ninety_nine_unsigned_messages_pass_and_one_more_does_not),
        cmocka_unit_test(every_flipped_bit_of_a_signed_query_is_found),
        cmocka_unit_test(a_message_cut_anywhere_is_malformed),
        cmocka_unit_test(a_tsig_that_is_not_last_or_comes_twice_is_malformed),
        cmocka_unit_test(an_unknown_key_name_or_algorithm_is_badkey),
        cmocka_unit_test(the_right_one_of_several_keys_is_found_whatever_its_case),
        cmocka_unit_test(an_unsigned_query_has_no_key),
        cmocka_unit_test(a_forwarded_query_verifies_by_its_original_id),
        cmocka_unit_test(a_mac_cut_below_half_the_hash_is_refused),
        cmocka_unit_test(a_query_out_of_time_gets_a_signed_badtime_that_names_our_time),
        cmocka_unit_test(badsig_and_badkey_go_unsigned_and_tell_the_client_why),
        cmocka_unit_test(a_wrong_secret_is_badsig),
        cmocka_unit_test(an_answer_out_of_time_is_refused_and_names_the_difference),
        cmocka_unit_test(a_message_without_room_is_left_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
