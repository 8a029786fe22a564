#include "common/base/descriptor.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void
what_comes_in_pieces_is_read_until_the_end(void **state)
{
    (void)state;
    int ends[2];
    char text[32] = "";
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(write(ends[0], &"abcdefghi"[3 * i], 3), 3);
    close(ends[0]);
    assert_int_equal(descriptor_read(ends[1], text, sizeof text), 9);
    assert_string_equal(text, "abcdefghi");
    close(ends[1]);
}

static void
no_more_is_read_than_there_is_room(void **state)
{
    (void)state;
    int file = memfd_create("test", MFD_CLOEXEC);
    char text[8] = "";
    assert_true(descriptor_write(file, "abcdef", 6));
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_int_equal(descriptor_read(file, text, 4), 4);
    assert_string_equal(text, "abcd");
    assert_int_equal(descriptor_read(file, text, 0), 0);
    assert_int_equal(descriptor_read(file, text, 4), 2);
    close(file);
    errno = 0;
    assert_int_equal(descriptor_read(file, text, 4), -1);
    assert_int_equal(errno, EBADF);
}

// A limit of the file's size makes the first write a partial one and the next one fail.
static void
a_write_goes_on_behind_a_partial_one_and_says_why_it_ends(void **state)
{
    (void)state;
    static const char octets[150];
    int file = memfd_create("test", MFD_CLOEXEC);
    struct rlimit before, limit;
    struct stat about;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 100;
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    errno = 0;
    bool good = descriptor_write(file, octets, sizeof octets);
    int error = errno;
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, old);
    assert_false(good);
    assert_int_equal(error, EFBIG);
    assert_int_equal(fstat(file, &about), 0);
    assert_int_equal(about.st_size, 100);
    assert_true(descriptor_write(file, octets, 0));
    close(file);
}

static void
a_folder_that_is_none_is_not_synced(void **state)
{
    (void)state;
    assert_true(descriptor_sync_folder("/tmp"));
    errno = 0;
    assert_false(descriptor_sync_folder("/tmp/there/is/none"));
    assert_int_equal(errno, ENOENT);
    assert_false(descriptor_sync_folder("/dev/null"));
    assert_int_equal(errno, ENOTDIR);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_in_pieces_is_read_until_the_end),
        cmocka_unit_test(no_more_is_read_than_there_is_room),
        cmocka_unit_test(a_write_goes_on_behind_a_partial_one_and_says_why_it_ends),
        cmocka_unit_test(a_folder_that_is_none_is_not_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
