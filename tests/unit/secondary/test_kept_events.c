#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "secondary/kept_events.h"

static struct octets
text(const char *octets)
{
    return (struct octets){(const uint8_t *)octets, strlen(octets)};
}

static const struct kept_event *
at(const struct kept_events *kept, size_t index)
{
    return vector_at(&kept->events, index);
}

static void
an_event_is_kept_until_it_was_taken_whatever_the_order(void **state)
{
    struct kept_events kept;
    char octets[] = "first";
    (void)state;
    kept_events_init(&kept);
    uint64_t first = kept_events_add(&kept, 7, text(octets));
    octets[0] = 'X'; // a copy was made
    uint64_t second = kept_events_add(&kept, 8, text("second"));
    uint64_t third = kept_events_add(&kept, 9, text(""));
    assert_true(first > 0 && first < second && second < third);
    assert_int_equal(at(&kept, 0)->zone, 7);
    assert_memory_equal(at(&kept, 0)->body.data, "first", 5);
    kept_events_taken(&kept, second);
    kept_events_taken(&kept, second); // again
    kept_events_taken(&kept, 999);    // never given
    kept_events_taken(&kept, 0);
    assert_int_equal(kept.events.count, 2);
    assert_int_equal(at(&kept, 0)->number, first);
    assert_int_equal(at(&kept, 1)->number, third);
    kept_events_taken(&kept, third);
    kept_events_taken(&kept, first);
    assert_int_equal(kept.events.count, 0);
    assert_true(kept_events_add(&kept, 7, text("later")) > third); // no number twice
    kept_events_close(&kept);
}

static void
too_many_are_not_kept_and_there_is_room_again_when_one_is_taken(void **state)
{
    struct kept_events kept;
    (void)state;
    kept_events_init(&kept);
    for (unsigned i = 0; i < KEPT_EVENTS_MAX; i++)
        assert_true(kept_events_add(&kept, i, text("x")) > 0);
    assert_int_equal(kept_events_add(&kept, 1, text("x")), 0);
    kept_events_taken(&kept, at(&kept, 5000)->number);
    assert_true(kept_events_add(&kept, 1, text("x")) > 0);
    assert_int_equal(kept.events.count, KEPT_EVENTS_MAX);
    kept_events_close(&kept);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_kept_until_it_was_taken_whatever_the_order),
        cmocka_unit_test(too_many_are_not_kept_and_there_is_room_again_when_one_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
