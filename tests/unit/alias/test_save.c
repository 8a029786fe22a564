#include "bed.h"

#include "common/base/hash.h"

static void
restart(struct bed *from, struct bed *to, bool ret_good)
{
    struct octets_buffer buffer;
    octets_buffer_init(&buffer);
    book_save(from->book, &buffer);
    bed_open(to);
    to->now = from->now;
    assert_int_equal(book_restore(to->book, buffer.data, buffer.length), ret_good);
    octets_buffer_close(&buffer);
}

static void
after_a_restart_with_a_dead_resolver_the_last_good_sets_are_there(void **state)
{
    (void)state;
    struct bed before, bed;
    bed_open(&before);
    bed_begin(&before, "192.0.2.1 192.0.2.2", "nodata");
    restart(&before, &bed, true);
    bed_says_both(&bed, "lb.out", "timeout", "timeout");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    assert_true(bed_ready(&bed, "example.gov")); // nothing to wait for
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1 192.0.2.2");
    bed_pass(&bed, 100);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1 192.0.2.2");
    assert_int_equal(bed_view(&bed, "example.gov").state, TARGET_HELD);
    bed_close(&bed);
    bed_close(&before);
}

static void
a_trouble_goes_on_over_a_restart_and_its_hold_ends_when_it_would_have(void **state)
{
    (void)state;
    struct bed before, bed;
    bed_open(&before);
    before.rules.hold_seconds = 3600;
    bed_begin(&before, "192.0.2.1", "nodata");
    bed_says(&before, "lb.out", RRTYPE_A, "servfail");
    bed_pass(&before, 60);
    int64_t until = bed_view(&before, "example.gov").until;
    bed_leap(&before, 1800);
    restart(&before, &bed, true);
    bed.rules.hold_seconds = 3600;
    bed.rules.after_hold = AFTER_HOLD_DROP;
    bed_says_both(&bed, "lb.out", "servfail", "nodata");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_pass(&bed, 10);
    assert_int_equal(bed_view(&bed, "example.gov").until, until);
    assert_non_null(strstr(bed_view(&bed, "example.gov").reason, "SERVFAIL"));
    bed_leap(&bed, until - bed.now.seconds);
    assert_string_equal(A_OF(&bed, "example.gov"), "");
    bed_close(&bed);
    bed_close(&before);
}

static void
a_target_edited_while_the_daemon_was_down_inherits(void **state)
{
    (void)state;
    struct bed before, bed;
    bed_open(&before);
    bed_begin(&before, "192.0.2.1", "nodata");
    restart(&before, &bed, true);
    bed_says_both(&bed, "new.out", "servfail", "servfail");
    bed_zone(&bed, "example.gov", "@ IN ALIAS new.out.", true);
    bed_pass(&bed, 60);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    bed_close(&bed);
    bed_close(&before);
}

static void
what_a_broken_zone_has_saved_survives_further_saves(void **state)
{
    (void)state;
    struct bed first, second, third;
    bed_open(&first);
    bed_begin(&first, "192.0.2.1", "nodata");
    restart(&first, &second, true);
    book_zone_declare(second.book, wire("example.gov"), second.now); // its file is broken
    bed_pass(&second, 10);
    restart(&second, &third, true);
    bed_zone(&third, "example.gov", "@ IN ALIAS lb.out.", true);
    assert_string_equal(A_OF(&third, "example.gov"), "192.0.2.1");
    bed_close(&third);
    bed_close(&second);
    bed_close(&first);
}

// A daemon that ends lets its zones go one by one, and saves last.
static void
zones_that_go_keep_their_sets_for_an_hour(void **state)
{
    (void)state;
    struct bed first, second, third;
    bed_open(&first);
    bed_begin(&first, "192.0.2.1", "nodata");
    book_zone_forget(first.book, wire("example.gov"), first.now);
    restart(&first, &second, true);
    bed_zone(&second, "example.gov", "@ IN ALIAS lb.out.", true);
    assert_string_equal(A_OF(&second, "example.gov"), "192.0.2.1");
    bed_leap(&first, 3600);
    restart(&first, &third, true);
    bed_zone(&third, "example.gov", "@ IN ALIAS lb.out.", true);
    assert_string_equal(A_OF(&third, "example.gov"), "");
    bed_close(&third);
    bed_close(&second);
    bed_close(&first);
}

static void
what_was_saved_for_zones_not_held_here_goes(void **state)
{
    (void)state;
    struct bed first, second;
    struct octets_buffer empty, left;
    bed_open(&first);
    bed_says(&first, "lb.out", RRTYPE_A, "192.0.2.1");
    bed_zone(&first, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_ask(&first);
    octets_buffer_init(&left);
    octets_buffer_init(&empty);
    restart(&first, &second, true);
    bed_zone(&second, "example.net", "", true);
    bed_pass(&second, 2);
    book_save(second.book, &left);
    bed_close(&first);
    bed_open(&first);
    book_save(first.book, &empty);
    assert_int_equal(left.length, empty.length);
    octets_buffer_close(&left);
    octets_buffer_close(&empty);
    bed_close(&second);
    bed_close(&first);
}

static void
a_file_damaged_anywhere_is_not_believed(void **state)
{
    (void)state;
    struct bed bed, other;
    struct octets_buffer buffer;
    bed_open(&bed);
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.1");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_ask(&bed);
    octets_buffer_init(&buffer);
    book_save(bed.book, &buffer);
    for (size_t i = 0; i < buffer.length; i++) {
        buffer.data[i] ^= 0x10;
        bed_open(&other);
        assert_false(book_restore(other.book, buffer.data, buffer.length));
        bed_close(&other);
        buffer.data[i] ^= 0x10;
        bed_open(&other);
        assert_false(book_restore(other.book, buffer.data, i));
        bed_close(&other);
    }
    octets_buffer_close(&buffer);
    bed_close(&bed);
}

// A block that lies about what is in it, under a digest that fits: read with bounds, nothing worse.
static void
a_block_that_lies_is_read_within_its_bounds(void **state)
{
    (void)state;
    struct bed bed, other;
    struct octets_buffer buffer;
    bed_open(&bed);
    bed_begin(&bed, "192.0.2.1", "servfail");
    octets_buffer_init(&buffer);
    book_save(bed.book, &buffer);
    for (size_t i = 14; i < buffer.length - HASH_DIGEST_SIZE; i++) {
        struct hash_digest digest;
        uint8_t old = buffer.data[i];
        buffer.data[i] = 0xff;
        hash_digest_octets(buffer.data, buffer.length - HASH_DIGEST_SIZE, &digest);
        memcpy(buffer.data + buffer.length - HASH_DIGEST_SIZE, digest.octets, HASH_DIGEST_SIZE);
        bed_open(&other);
        if (book_restore(other.book, buffer.data, buffer.length))
            bed_zone(&other, "example.gov", "@ IN ALIAS lb.out.", true);
        bed_close(&other);
        buffer.data[i] = old;
    }
    octets_buffer_close(&buffer);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_restart_with_a_dead_resolver_the_last_good_sets_are_there),
        cmocka_unit_test(a_trouble_goes_on_over_a_restart_and_its_hold_ends_when_it_would_have),
        cmocka_unit_test(a_target_edited_while_the_daemon_was_down_inherits),
        cmocka_unit_test(what_a_broken_zone_has_saved_survives_further_saves),
        cmocka_unit_test(zones_that_go_keep_their_sets_for_an_hour),
        cmocka_unit_test(what_was_saved_for_zones_not_held_here_goes),
        cmocka_unit_test(a_file_damaged_anywhere_is_not_believed),
        cmocka_unit_test(a_block_that_lies_is_read_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
