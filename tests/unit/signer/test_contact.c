#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "secondary/signer/contact.h"
#include "tests/support/lone_file.h"

#define DAY   86400
#define START 1795263187

static int
make(void **state)
{
    (void)state;
    return lone_file_make("contact");
}

// What the file says, 0 when there is none.
static int64_t
on_disk(void)
{
    struct contact contact;
    contact_load(directory, &contact);
    return contact.at_seconds;
}

static void
note(struct contact *contact, int64_t now, int64_t expire_seconds)
{
    struct fault fault = {0};
    assert_true(contact_note(contact, directory, now, expire_seconds, &fault));
    assert_int_equal(contact->at_seconds, now);
}

static void
a_missing_or_unreadable_file_is_never(void **state)
{
    static const char *const texts[] = {"", "soon\n", "-5\n", "0\n"};
    struct contact contact;
    (void)state;
    contact_load(directory, &contact);
    assert_int_equal(contact.at_seconds, 0);
    assert_int_equal(contact_expires(&contact, 14 * DAY), 0); // no contact ever: not expired
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
        close(fd);
        contact_load(directory, &contact);
        assert_int_equal(contact.at_seconds, 0);
        assert_int_equal(contact.written_seconds, 0);
    }
}

static void
a_contact_survives_a_restart_and_polls_write_seldom(void **state)
{
    struct contact contact = {0};
    int64_t now = START, writes = 0, was = 0;
    (void)state;
    for (int64_t i = 0; i < 14 * DAY / 60; i++, now += 60) {
        note(&contact, now, 14 * DAY);
        assert_in_range(now - on_disk(), 0, 14 * DAY / 20); // what a restart loses at most
        writes += on_disk() != was;
        was = on_disk();
    }
    assert_in_range(writes, 15, 21); // a twentieth of expire
    contact_load(directory, &contact);
    assert_int_equal(contact.at_seconds, contact.written_seconds);
    assert_int_equal(contact_expires(&contact, 14 * DAY), contact.at_seconds + 14 * DAY);
}

static void
where_nothing_expires_it_is_written_once_a_day(void **state)
{
    struct contact contact = {0};
    (void)state;
    note(&contact, START, 0);
    assert_int_equal(on_disk(), START);
    note(&contact, START + DAY - 1, 0);
    assert_int_equal(on_disk(), START);
    note(&contact, START + DAY, 0);
    assert_int_equal(on_disk(), START + DAY);
    assert_int_equal(contact_expires(&contact, 0), 0);
    assert_int_equal(contact_expires(&contact, -1), 0);
}

static void
a_clock_that_went_back_leaves_no_future_on_disk(void **state)
{
    struct contact contact = {0};
    (void)state;
    note(&contact, START + 400 * DAY, 14 * DAY);
    note(&contact, START, 14 * DAY);
    assert_int_equal(on_disk(), START);
    assert_int_equal(contact_expires(&contact, 14 * DAY), START + 14 * DAY);
}

static void
a_disk_that_refuses_is_a_fault_and_the_contact_counts_still(void **state)
{
    struct contact contact = {0};
    struct fault fault = {0};
    (void)state;
    assert_false(contact_note(&contact, "/nonexistent", START, 14 * DAY, &fault));
    assert_int_equal(fault.kind, FAULT_IO);
    assert_non_null(strstr(fault.text, "/nonexistent/contact"));
    assert_int_equal(contact.at_seconds, START);
    assert_int_equal(contact.written_seconds, 0); // tried again at the next poll
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_missing_or_unreadable_file_is_never, make,
                                        lone_file_unmake),
        cmocka_unit_test_setup_teardown(a_contact_survives_a_restart_and_polls_write_seldom, make,
                                        lone_file_unmake),
        cmocka_unit_test_setup_teardown(where_nothing_expires_it_is_written_once_a_day, make,
                                        lone_file_unmake),
        cmocka_unit_test_setup_teardown(a_clock_that_went_back_leaves_no_future_on_disk, make,
                                        lone_file_unmake),
        cmocka_unit_test(a_disk_that_refuses_is_a_fault_and_the_contact_counts_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
